"""OPC UA: the status as one UInt32 array node, the command with its orders as another.

One array read and one array write a cycle cost as much as scalars would; a hundred nodes cost ten
times that. Values are written with their explicit variant type and without a source timestamp,
which servers written in C refuse. The library's own reconnect stays off: it would send a request
after the reconnection that was made before it, and orders must never go out late.
"""

import asyncio
import contextlib
import socket
import struct
from collections import deque
from collections.abc import Sequence
from typing import Any, cast

import structlog
from asyncua import ua
from asyncua.client.client import Client
from asyncua.common.subscription import DataChangeEvent, Subscription
from asyncua.ua.attribute_ids import AttributeIds

from plc_bridge.codec import Codec
from plc_bridge.contract import CommandImage, LineStatus, Receipt
from plc_bridge.link import Pick
from plc_bridge.opcua_config import Config, Security, User
from plc_bridge.opcua_connect import open_session
from plc_bridge.opcua_errors import of_status, translated
from plc_bridge.opcua_nodes import check_array, parent_of, parse_node, resolve, words_of
from plc_bridge.pki_clock import utc_now
from plc_bridge.session import PlcSession
from plc_bridge.tagmap import BlockName
from plc_bridge.tagmap_file import load_tag_map
from senbetsu_errors import NeedsOperator, Retryable

__all__ = ["Config", "OpcuaLink", "OpcuaWire", "Security", "User"]

_log = structlog.stdlib.get_logger("plc_bridge")

_RESET_ON_CLOSE = struct.pack("ii", 1, 0)  # SO_LINGER of no time: what was not sent yet is thrown away


class OpcuaWire:
    """The one session of an OPC UA link. Raises `Fatal` `config.tags` for a wrong tag map."""

    def __init__(self, config: Config) -> None:
        self._config = config
        tag_map = load_tag_map(config.tags, "opcua")
        self._codec = Codec(tag_map)
        self.receipt_history = self._codec.receipt_history
        self.mailbox_size = self._codec.mailbox_size
        self._written: dict[BlockName, Any] = {
            "status": parse_node(cast(str, tag_map.status.node)),
            "command": parse_node(cast(str, tag_map.command.node)),
        }
        if tag_map.history is not None:
            self._written["history"] = parse_node(cast(str, tag_map.history.node))
        self._method_written = parse_node(tag_map.command.method) if tag_map.command.method else None
        self._nodes: dict[BlockName, ua.NodeId] = {}
        self._method: tuple[ua.NodeId, ua.NodeId] | None = None
        self._command_words: list[int] = []
        self._client: Client | None = None
        self._published: _Published | None = None
        self._dropped = 0
        if config.insecure:
            _log.warning("opc ua without security", url=config.url)

    def check_pick(self, pick: Pick) -> None:
        """Raise where the tag map cannot carry this pick, as `Wire` says."""
        self._codec.check_pick(pick)

    @property
    def statuses_dropped(self) -> int:
        """Published statuses that were not read in time and gave way, on all connections so far."""
        return self._dropped + (self._published.dropped if self._published else 0)

    async def open(self) -> None:
        """Connect with security and user, then find and check every node of the tag map, so that no
        order is sent into a map that does not fit. Raises `Retryable` or `NeedsOperator`."""
        client = self._client = await open_session(self._config, utc_now())
        with translated(self._config.url):
            await self._find_nodes(client)
            if self._config.status_by == "subscription":
                self._published = _Published(client, self._config)
                await self._published.start(self._nodes["status"])

    async def _find_nodes(self, client: Client) -> None:
        """Resolve and check every node; all that do not fit are named in one error."""
        self._nodes = {}
        wrong: list[NeedsOperator] = []
        for block, written in self._written.items():
            try:
                self._nodes[block] = await self._checked(client, block, written)
            except NeedsOperator as error:
                wrong.append(error)
        if self._method_written is not None:
            try:
                method = await resolve(client, self._config.url, self._method_written)
                self._method = (await parent_of(client, method), method)
            except NeedsOperator as error:
                wrong.append(error)
        if wrong:
            raise NeedsOperator(wrong[0].code, " ".join(error.message for error in wrong), wrong[0].remedy)

    async def _checked(self, client: Client, block: BlockName, written: Any) -> ua.NodeId:
        node = await resolve(client, self._config.url, written)
        writes = block == "command" and self._method_written is None
        words = await check_array(client, self._config.url, node, "write" if writes else "read")
        if block == "command":
            self._command_words = self._room_for_command(node, words)
        return node

    def _room_for_command(self, node: ua.NodeId, words: list[int]) -> list[int]:
        """The whole array, for a device that takes no shorter one; what is not the command's stays as it is."""
        needed = self._codec.command_span.stop
        if words and len(words) < needed:
            raise NeedsOperator(
                "plc.node_type",
                f"The command array {node.to_string()} has {len(words)} elements, the tag map needs {needed}.",
                "Make the array in the PLC longer, or correct the tag map.",
            )
        return words or [0] * needed

    async def read_status(self) -> LineStatus:
        """One read of the status array, or the next one that was published."""
        words = await (self._published.next() if self._published else self.read_words("status"))
        span = self._codec.status_span
        return self._codec.decode_status(words[span.start : span.stop], asyncio.get_running_loop().time())

    async def read_receipts(self, first: int, count: int) -> Sequence[Receipt]:
        """Receipts number `first` and on, from one read of the whole history: its array is small and
        this is rare, and not every server reads ranges of an array."""
        words = await self.read_words("history")
        receipts: list[Receipt] = []
        size = self._codec.receipt_history
        for number in range(first, first + count):
            slots = range(number % size, number % size + 1)
            span = self._codec.history_span(slots)
            receipts += self._codec.decode_receipts(words[span.start : span.stop], slots)
        return receipts

    async def read_words(self, block: BlockName) -> list[int]:
        """The whole array of a block. Raises `NeedsOperator` `plc.node_type` for anything else."""
        client, node = self._opened(), self._nodes[block]
        with translated(self._config.url):
            (answer,) = await client.uaclient.session.read_attributes([node], AttributeIds.Value)
        return words_of(self._config.url, node, answer)

    async def write_command(self, image: CommandImage) -> None:
        """One write of the command array, or one call of the command method."""
        client, span = self._opened(), self._codec.command_span
        words = self._command_words[:]
        words[span.start : span.stop] = self._codec.encode_command(image)
        variant = ua.Variant(words, ua.VariantType.UInt32)
        session = client.uaclient.session
        with translated(self._config.url):
            if self._method is None:
                codes = await session.write_attributes([self._nodes["command"]], [ua.DataValue(variant)])
                code = codes[0]
            else:
                results: list[Any] = await session.call([ua.CallMethodRequest(*self._method, [variant])])
                code = results[0].StatusCode
        if not code.is_good():
            raise of_status(self._config.url, code)

    async def close(self) -> None:
        """End the session. Where the server does not answer within the request timeout the connection
        is reset, so that nothing that waits in a buffer can arrive later."""
        published, self._published = self._published, None
        if published is not None:
            await published.stop()
            self._dropped += published.dropped
            if published.dropped:
                _log.warning("statuses dropped", count=published.dropped, why="they were not read in time")
        client, self._client = self._client, None
        if client is None:
            return
        protocol = client.uaclient.protocol
        transport = protocol.transport if protocol is not None else None
        try:
            async with asyncio.timeout(self._config.request_timeout_ms / 1000):
                await client.disconnect()
        except (TimeoutError, OSError, ua.UaError):
            if transport is not None and not transport.is_closing():
                with contextlib.suppress(OSError):
                    transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
                transport.abort()
            client.uaclient.disconnect_socket()

    def _opened(self) -> Client:
        if self._client is None:
            raise Retryable("plc.connection_lost", f"The connection to {self._config.url} is closed.", "")
        return self._client


class _Published:
    """Statuses as the server publishes them, in a bounded queue: the oldest gives way, and is counted."""

    def __init__(self, client: Client, config: Config) -> None:
        self._client = client
        self._config = config
        self._waiting: deque[list[int]] = deque(maxlen=config.status_queue)
        self._news = asyncio.Event()
        self._receiver: asyncio.Task[None] | None = None
        self._node = ua.NodeId()
        self.dropped = 0

    async def start(self, node: ua.NodeId) -> None:
        """Subscribe to the node, and receive from now on."""
        self._node = node
        # The library's queue is emptied at once into ours, which counts what it drops.
        interval_ms: Any = self._config.cycle_ms
        subscription = await self._client.create_subscription(
            interval_ms, handler=None, queue_maxsize=self._config.status_queue
        )
        await subscription.subscribe_data_change(
            self._client.get_node(node), queuesize=1, sampling_interval=interval_ms
        )
        self._receiver = asyncio.create_task(self._receive(subscription), name="opc ua statuses")
        self._receiver.add_done_callback(lambda _: self._news.set())

    async def next(self) -> list[int]:
        """The oldest status that waits, or the next to come. Raises `Retryable` when the subscription ended."""
        while not self._waiting:
            if self._receiver is None or self._receiver.done():
                raise self._ended()
            self._news.clear()
            await self._news.wait()
        return self._waiting.popleft()

    async def stop(self) -> None:
        """Stop receiving; the session's end deletes the subscription."""
        receiver = self._receiver
        if receiver is not None:
            receiver.cancel()
            await asyncio.wait([receiver])
            if not receiver.cancelled():
                receiver.exception()  # whatever ended it was raised by `next`, or nobody waited for more

    async def _receive(self, subscription: Subscription) -> None:
        async for event in subscription:
            if not isinstance(event, DataChangeEvent):
                return  # the server says that the subscription has ended
            item: Any = event.data.monitored_item
            words = words_of(self._config.url, self._node, item.Value)
            if len(self._waiting) == self._waiting.maxlen:
                self.dropped += 1
            self._waiting.append(words)
            self._news.set()

    def _ended(self) -> Exception:
        receiver = self._receiver
        defect = receiver.exception() if receiver is not None and not receiver.cancelled() else None
        if isinstance(defect, Exception):
            return defect
        return Retryable(
            "plc.connection_lost", f"The OPC UA server at {self._config.url} ended the subscription.", "It is renewed."
        )


class OpcuaLink(PlcSession):
    """`PlcLink` to an OPC UA server. Raises `Fatal` `config.tags` for a wrong tag map."""

    Config = Config

    def __init__(self, config: Config) -> None:
        super().__init__(config, OpcuaWire(config))
