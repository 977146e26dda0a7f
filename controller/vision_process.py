"""Vision in a process of its own, so that decoding and inference never delay the link to the PLC.

The runtime listens on a private unix socket, starts the child and reads length-prefixed frame
results (vision/wire.py). The child dies with its parent: it stops when the socket closes.
"""

import asyncio
import struct
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from types import TracebackType
from typing import Self

import structlog

from controller.children import start_child, stop_child
from senbetsu_errors import Fatal
from vision.camera_state import CameraChange
from vision.recorded_frame import FrameBlob
from vision.reopening import CameraMessage
from vision.results import CropRequest, FrameResult, Idle
from vision.wire import decode, decode_request, encode_request

log = structlog.get_logger("vision")

LENGTH = struct.Struct("!I")
LONGEST_MESSAGE_BYTES = 64 * 1024 * 1024
READ_AHEAD_BYTES = 4 * 1024 * 1024
"""Frames for a recorder come in megabytes: with asyncio's 64 KiB each would be paused and resumed 30 times."""

MOST_UNREAD_BYTES = 64 * 1024
"""Of requests that a busy vision process has not read; some hundred."""

START_BOUND_S = 60.0
GIVEN_UP = 3
"""Exit code of a vision process that a restart would not help: wrong camera settings, a model that does not fit."""

RESTARTS = 5
"""A vision process that fails this often within one run is given up."""


class VisionProcess:
    """Starts, restarts and reads the vision process of one line.

    `on_frame` gets the loop's time and the message of each frame, where vision was asked to send them.
    """

    def __init__(
        self,
        config_path: Path,
        socket_path: Path,
        arguments: tuple[str, ...] = (),
        on_frame: Callable[[float, bytes], None] | None = None,
    ) -> None:
        self._config_path = config_path
        self._socket_path = socket_path
        self._arguments = arguments
        self._on_frame = on_frame
        self._connections: asyncio.Queue[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = asyncio.Queue(1)
        self._server: asyncio.Server | None = None
        self._child: asyncio.subprocess.Process | None = None
        self._writer: asyncio.StreamWriter | None = None

    def ask(self, request: CropRequest) -> None:
        """Wants a picture of a part. Never waits; while the process is away or does not read, it is not asked."""
        writer = self._writer
        if writer and not writer.is_closing() and writer.transport.get_write_buffer_size() < MOST_UNREAD_BYTES:
            message = encode_request(request)
            writer.write(LENGTH.pack(len(message)) + message)

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_unix_server(self._connected, self._socket_path, limit=READ_AHEAD_BYTES)
        self._socket_path.chmod(0o600)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._child:
            await stop_child(self._child)
        if self._server:
            self._server.close()
            await self._server.wait_closed()

    def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._connections.put_nowait((reader, writer))

    async def results(self) -> AsyncIterator[FrameResult | Idle | CameraChange]:
        """Results and the camera's states until the source ends. Raises Fatal for a process that cannot be kept."""
        for attempt in range(RESTARTS + 1):
            self._child = await start_child(
                "_vision", str(self._config_path), "--socket", str(self._socket_path), *self._arguments
            )
            async for message in self._read(self._child):
                yield message
            code = await self._child.wait()
            if code == 0:
                return
            if code == GIVEN_UP:
                raise Fatal(
                    "vision.refused", "The vision process gave up, and trying again would not help.", "See above."
                )
            log.error("vision process ended", exit_code=code, restart=attempt + 1, of=RESTARTS)
        raise Fatal("vision.lost", f"The vision process failed {RESTARTS + 1} times.", "See its messages above.")

    async def _read(self, child: asyncio.subprocess.Process) -> AsyncIterator[FrameResult | Idle | CameraChange]:
        arrival = asyncio.ensure_future(self._connections.get())
        ended = asyncio.ensure_future(child.wait())
        try:
            await asyncio.wait({arrival, ended}, timeout=START_BOUND_S, return_when=asyncio.FIRST_COMPLETED)
        finally:
            ended.cancel()
            if not arrival.done():
                arrival.cancel()
        if arrival.cancelled() or not arrival.done():
            return
        reader, writer = arrival.result()
        self._writer = writer
        try:
            while True:
                try:
                    (length,) = LENGTH.unpack(await reader.readexactly(LENGTH.size))
                    if length > LONGEST_MESSAGE_BYTES:
                        raise Fatal("vision.wire", f"The vision process announced a message of {length} bytes.")
                    message = decode(await reader.readexactly(length))
                except (asyncio.IncompleteReadError, ConnectionError):
                    return
                if not isinstance(message, FrameBlob):
                    yield message
                elif self._on_frame:
                    self._on_frame(asyncio.get_running_loop().time(), message.message)
        finally:
            self._writer = None
            writer.close()


async def send_results(
    results: AsyncIterator[CameraMessage],
    socket_path: Path,
    encode: Callable[[CameraMessage], bytes],
    on_request: Callable[[CropRequest], None] | None = None,
) -> None:
    """The child's side: send every result, take requests; ends when the source does or the runtime is gone."""
    reader, writer = await asyncio.open_unix_connection(socket_path)
    listening = asyncio.create_task(_take_requests(reader, on_request), name="crop requests")
    try:
        async for result in results:
            message = encode(result)
            writer.write(LENGTH.pack(len(message)) + message)
            await writer.drain()
    except ConnectionError:
        print("vision: the runtime is gone", file=sys.stderr)  # noqa: T201 - the log is the runtime's
    finally:
        listening.cancel()
        await asyncio.wait([listening])
        writer.close()
        if not listening.cancelled():
            listening.result()  # raises what a damaged request ended it with


async def _take_requests(reader: asyncio.StreamReader, on_request: Callable[[CropRequest], None] | None) -> None:
    while True:
        try:
            (length,) = LENGTH.unpack(await reader.readexactly(LENGTH.size))
            request = decode_request(await reader.readexactly(length))
        except (asyncio.IncompleteReadError, ConnectionError):
            return
        if on_request:
            on_request(request)
