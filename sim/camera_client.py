"""`backend: sim`: the frame source that looks through the plant's virtual camera."""

import asyncio
import socket
from collections import deque
from collections.abc import AsyncIterator
from types import TracebackType
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from senbetsu_errors import NeedsOperator, Retryable
from sim.camera_server import COUNT_SIZE, HEADER_SIZE, HELLO_SIZE, CameraHello, FrameHeader, readings_ahead
from vision.camera_config import CameraConfig
from vision.frame import EncoderStamp, Frame

_CONNECT_WITHIN_S = 10.0
_RETRY_FIRST_S = 0.05
_RETRY_MOST_S = 0.5
_WAITING_FRAMES = 4


class SimSource:
    """Frames of the virtual camera; the newest `_WAITING_FRAMES` wait for the consumer.

    `dropped` counts frames that gave way to newer ones, here or in the plant (from gaps in the
    camera's own sequence). `__aenter__` raises Retryable (`camera.unreachable`) when no plant
    answered within ten seconds, NeedsOperator where the plant's camera is not the configured one;
    iteration raises Retryable (`camera.lost`).
    """

    class Config(CameraConfig, frozen=True, extra="forbid"):
        """The plant's virtual camera."""

        backend: Literal["sim"] = Field(title="Backend", description="The simulated plant's virtual camera.")
        host: str = Field(default="127.0.0.1", title="Host", description="Where the plant's camera server listens.")
        port: int = Field(default=15060, ge=1, le=65535, title="Port", description="TCP port of the camera server.")

    def __init__(self, config: Config, counts_per_mm: float) -> None:
        self.dropped = 0
        self._config = config
        self._counts_per_mm = counts_per_mm
        self._waiting: deque[Frame] = deque()
        self._more = asyncio.Event()
        self._connection: socket.socket | None = None
        self._receiving: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        connection = await self._connect()
        try:
            hello_bytes = bytearray(HELLO_SIZE)
            await _receive_into(connection, memoryview(hello_bytes))
            hello = CameraHello.unpacked(hello_bytes)
            self._check(hello)
        except BaseException:
            connection.close()
            raise
        self._connection = connection
        self._receiving = asyncio.create_task(self._receive(connection, hello), name="virtual camera frames")
        self._receiving.add_done_callback(lambda _: self._more.set())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        receiving = self._receiving
        try:
            if receiving:
                receiving.cancel()
                await asyncio.wait([receiving])
        finally:
            if self._connection:
                self._connection.close()
        if receiving and not receiving.cancelled() and not isinstance(receiving.exception(), Retryable):
            receiving.result()  # raises what ended it; a lost connection no longer matters

    async def __aiter__(self) -> AsyncIterator[Frame]:
        """Frames, oldest first, until the connection is lost."""
        receiving = self._receiving
        if receiving is None:
            raise RuntimeError("iterate a SimSource inside its `async with`")
        while True:
            await self._more.wait()
            while self._waiting:
                yield self._waiting.popleft()
            if receiving.done():
                receiving.result()  # raises what ended it
                return
            self._more.clear()

    async def _connect(self) -> socket.socket:
        loop = asyncio.get_running_loop()
        host, port = self._config.host, self._config.port
        give_up_at_s = loop.time() + _CONNECT_WITHIN_S
        pause_s = _RETRY_FIRST_S
        while True:
            try:
                async with asyncio.timeout_at(give_up_at_s):
                    return await self._connect_once(host, port)
            except (OSError, TimeoutError) as error:
                if loop.time() + pause_s >= give_up_at_s:
                    raise Retryable(
                        "camera.unreachable",
                        f"No virtual camera answers at {host}:{port} ({error or type(error).__name__}).",
                        "Start the plant (`senbetsu plant CONFIG`), or check camera.host and camera.port.",
                    ) from error
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, _RETRY_MOST_S)

    async def _connect_once(self, host: str, port: int) -> socket.socket:
        loop = asyncio.get_running_loop()
        addresses = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        family, kind, protocol, _, address = addresses[0]
        connection = socket.socket(family, kind, protocol)
        try:
            connection.setblocking(False)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            await loop.sock_connect(connection, address)
        except BaseException:
            connection.close()
            raise
        return connection

    def _check(self, hello: CameraHello) -> None:
        config = self._config
        wanted: dict[str, tuple[object, object]] = {
            "camera.geometry": (config.geometry, hello.geometry),
            "rows (camera.view_along_mm / camera.mm_per_px)": (config.rows, hello.rows),
            "camera.mm_per_px": (config.mm_per_px, hello.mm_per_px),
            "camera.across_start_mm": (config.across_start_mm, 0.0),
            "belt.encoder_counts_per_mm": (self._counts_per_mm, hello.counts_per_mm),
        }
        wrong = [f"{key} is {ours} here and {theirs} there" for key, (ours, theirs) in wanted.items() if ours != theirs]
        if wrong:
            raise NeedsOperator(
                "camera.mismatch",
                f"The plant's camera is not the configured one: {'; '.join(wrong)}.",
                "Start plant and line from the same configuration.",
            )

    async def _receive(self, connection: socket.socket, hello: CameraHello) -> None:
        """Take frames off the wire as they come; ends by raising Retryable."""
        header_bytes = bytearray(HEADER_SIZE)
        first: int | None = None
        last = -1
        while True:
            await _receive_into(connection, memoryview(header_bytes))
            header = FrameHeader.unpacked(header_bytes, hello.frame_bytes)
            # a fresh picture each time: whoever got the last one may keep it
            pixels = np.empty((hello.rows, hello.columns, 3), np.uint8)
            await _receive_into(connection, pixels.data.cast("B"))
            channels: dict[str, NDArray[Any]] = {"color": pixels}
            if hello.height:
                height_mm = np.empty((hello.rows, hello.columns), "<f4")
                await _receive_into(connection, height_mm.data.cast("B"))
                channels["height"] = height_mm
            if hello.mass:
                channels |= await _readings(connection)
            if first is None:
                first, last = header.sequence, header.sequence - 1
            self.dropped += header.sequence - last - 1
            last = header.sequence
            self._offer(header, channels, header.sequence - first)

    def _offer(self, header: FrameHeader, channels: dict[str, NDArray[Any]], sequence: int) -> None:
        if len(self._waiting) == _WAITING_FRAMES:
            self._waiting.popleft()
            self.dropped += 1
        stamp = EncoderStamp(header.encoder, header.basis)
        self._waiting.append(Frame(channels, stamp, header.exposed_at_s, sequence))
        self._more.set()


async def _readings(connection: socket.socket) -> dict[str, NDArray[Any]]:
    """The scale's readings as a channel, none where there are none. Raises Retryable as `_receive_into` and
    `readings_ahead`."""
    counted = bytearray(COUNT_SIZE)
    await _receive_into(connection, memoryview(counted))
    count = readings_ahead(counted)
    if not count:
        return {}
    readings = np.empty((count, 2), "<f4")
    await _receive_into(connection, readings.data.cast("B"))
    return {"mass": readings}


async def _receive_into(connection: socket.socket, rest: memoryview) -> None:
    """Fill `rest` from the wire. Raises Retryable (`camera.lost`) where the wire ends before."""
    loop = asyncio.get_running_loop()
    while rest:
        try:
            size = await loop.sock_recv_into(connection, rest)
        except ConnectionError as error:
            raise _lost(str(error)) from error
        if size == 0:
            raise _lost("it closed the connection")
        rest = rest[size:]


def _lost(why: str) -> Retryable:
    return Retryable("camera.lost", f"The virtual camera is gone ({why}).", "It is opened again.")
