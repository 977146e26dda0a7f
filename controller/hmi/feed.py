"""The HMI's side of the socket: always the newest snapshot, never a queue of old ones."""

import asyncio
import contextlib
from pathlib import Path

import structlog

from controller.hmi.commands import REPLY_BIT, Envelope, LabelOddPart, LabelPart, Reply
from controller.hmi.publisher import LENGTH_BYTES
from controller.snapshot import split
from senbetsu_errors import Fatal, Retryable

_RETRY_S = 0.5
_LARGEST_BYTES = 16 * 1024 * 1024
_REPLY_BOUND_S = 6.0
_MOST_OPEN = 16

_log = structlog.stdlib.get_logger(__name__)


class SnapshotFeed:
    """Keeps the newest packed snapshot of the runtime that publishes at `path`.

    `newest` is its bytes (None before the first), `number` counts them from 1, `connected` says
    whether the runtime is there now. `run` reads and reconnects until it is cancelled.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._news = asyncio.Event()
        self._received_at_s = 0.0
        self._writer: asyncio.StreamWriter | None = None
        self._open: dict[int, asyncio.Future[Reply]] = {}
        self._next_number = 0
        self.newest: bytes | None = None
        self.number = 0
        self.connected = False
        self.closed = False

    def age_s(self) -> float | None:
        """Seconds since the newest snapshot arrived; None before the first."""
        return None if self.newest is None else asyncio.get_running_loop().time() - self._received_at_s

    async def wait_after(self, number: int, timeout_s: float) -> None:
        """Returns when a snapshot later than `number` is there, after `timeout_s`, or at close."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                while self.number <= number and not self.closed:
                    await self._news.wait()

    async def command(self, command: LabelOddPart | LabelPart) -> Reply:
        """Has the runtime do it; its reply.

        Raises Retryable: `hmi.no_runtime` while it is away or does not answer, `hmi.busy` with too much open.
        """
        if len(self._open) >= _MOST_OPEN:
            raise Retryable("hmi.busy", "Too many commands wait for the line.", "Try again in a moment.")
        number = self._next_number
        self._next_number += 1
        reply = self._open[number] = asyncio.get_running_loop().create_future()
        try:
            if self._writer is None:
                raise ConnectionError
            packed = Envelope(number=number, command=command).model_dump_json().encode()
            self._writer.write(len(packed).to_bytes(LENGTH_BYTES, "big") + packed)
            async with asyncio.timeout(_REPLY_BOUND_S):
                return await reply
        except (ConnectionError, TimeoutError) as error:
            raise Retryable("hmi.no_runtime", "The line does not answer.", "Look whether it runs.") from error
        finally:
            self._open.pop(number, None)

    def close(self) -> None:
        """Wakes every waiter: there will be no more."""
        self.closed = True
        self._tell()

    async def run(self) -> None:
        """Reads the runtime's snapshots; where it is gone, tries again every half second."""
        while True:
            try:
                await self._read_until_gone()
            except (OSError, asyncio.IncompleteReadError, Fatal) as reason:
                if self.connected:
                    _log.warning("no snapshots from the runtime", reason=str(reason))
            self.connected = False
            await asyncio.sleep(_RETRY_S)

    async def _read_until_gone(self) -> None:
        reader, writer = await asyncio.open_unix_connection(self._path)
        try:
            if not self.connected:
                _log.info("snapshots from the runtime", socket=str(self._path))
            self.connected = True
            self._writer = writer
            while True:
                length = int.from_bytes(await reader.readexactly(LENGTH_BYTES), "big")
                if length & REPLY_BIT:
                    self._answered(Reply.model_validate_json(await reader.readexactly(length & ~REPLY_BIT)))
                    continue
                if length > _LARGEST_BYTES:
                    raise Fatal("snapshot.damaged", f"A snapshot claims to be {length} bytes long.")
                packed = await reader.readexactly(length)
                split(packed)
                self.newest = packed
                self.number += 1
                self._received_at_s = asyncio.get_running_loop().time()
                self._tell()
        finally:
            self._writer = None
            for reply in self._open.values():
                if not reply.done():
                    reply.set_exception(ConnectionResetError())
            writer.transport.abort()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()

    def _answered(self, reply: Reply) -> None:
        waiting = self._open.get(reply.number)
        if waiting is not None and not waiting.done():
            waiting.set_result(reply)

    def _tell(self) -> None:
        """Wakes all who wait now; those who come later wait for the next one."""
        self._news.set()
        self._news = asyncio.Event()
