"""The virtual camera's server: pictures over TCP on this machine, as a GigE camera sends them.

On connection the server says once what it is (`CameraHello`), then sends each picture as a header
and the raw pixels. A viewer that does not keep up loses the oldest picture that still waits for it
and sees that from the gap in the sequence numbers; it never delays the plant or another viewer.
All numbers are little-endian.
"""

import asyncio
import contextlib
import socket
import struct
from collections import deque
from collections.abc import AsyncGenerator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from senbetsu_errors import NeedsOperator, Retryable
from vision.camera_config import CameraGeometry
from vision.frame import EncoderBasis

MAGIC = b"SNBTCAM1"
_GEOMETRIES: tuple[CameraGeometry, ...] = ("area_scan", "line_scan")
_BASES: tuple[EncoderBasis, ...] = ("latched", "estimated")
_UINT8_BGR = 1  # formats: rows x columns x 3 uint8; to it are added
_HEIGHT = 1  # then rows x columns float32, the heights in mm
_MASS = 2  # then a count R (u32) and R x 2 float32, readings of the scale (`vision.weighing`)
_HELLO = struct.Struct("<8sBBxxIIdd")
_HEADER = struct.Struct("<4sBxxxQIdI")
_HEADER_MAGIC = b"FRAM"
_COUNT = struct.Struct("<I")
_READING_BYTES = 8
_MOST_READINGS = 65_536  # more would not come from one frame to the next: the stream is out of step

HELLO_SIZE = _HELLO.size
HEADER_SIZE = _HEADER.size
COUNT_SIZE = _COUNT.size

_WAITING_FRAMES = 4


@dataclass(frozen=True, slots=True)
class CameraHello:
    """What a virtual camera says of itself: pictures of rows x columns x 3 uint8, BGR; with `height` heights follow,
    with `mass` then readings of a scale."""

    geometry: CameraGeometry
    rows: int
    columns: int
    mm_per_px: float
    counts_per_mm: float
    height: bool = False
    mass: bool = False

    def packed(self) -> bytes:
        """HELLO_SIZE bytes for the wire."""
        return _HELLO.pack(
            MAGIC,
            _GEOMETRIES.index(self.geometry),
            _UINT8_BGR + _HEIGHT * self.height + _MASS * self.mass,
            self.rows,
            self.columns,
            self.mm_per_px,
            self.counts_per_mm,
        )

    @classmethod
    def unpacked(cls, data: bytes | bytearray) -> "CameraHello":
        """What HELLO_SIZE bytes say. Raises NeedsOperator where something else answered."""
        fields: tuple[bytes, int, int, int, int, float, float] = _HELLO.unpack(data)
        magic, geometry, pixels, rows, columns, mm_per_px, counts_per_mm = fields
        if magic != MAGIC or geometry >= len(_GEOMETRIES) or not 0 <= pixels - _UINT8_BGR <= _HEIGHT + _MASS:
            raise NeedsOperator(
                "camera.not_a_camera",
                f"What answered is not a virtual camera of this version (it began with {bytes(data[:8])!r}).",
                "Check camera.host and camera.port, and that plant and line are the same version.",
            )
        further = pixels - _UINT8_BGR
        height, mass = bool(further & _HEIGHT), bool(further & _MASS)
        return cls(_GEOMETRIES[geometry], rows, columns, mm_per_px, counts_per_mm, height, mass)

    @property
    def frame_bytes(self) -> int:
        """Size of one picture, heights included, readings not."""
        return self.rows * self.columns * (7 if self.height else 3)


@dataclass(frozen=True, slots=True)
class FrameHeader:
    """What is said of a picture before its pixels: `encoder` raw u32, `exposed_at_s` on the monotonic clock."""

    sequence: int
    encoder: int
    basis: EncoderBasis
    exposed_at_s: float

    def packed(self, frame_bytes: int) -> bytes:
        """HEADER_SIZE bytes for the wire."""
        return _HEADER.pack(
            _HEADER_MAGIC, _BASES.index(self.basis), self.sequence, self.encoder, self.exposed_at_s, frame_bytes
        )

    @classmethod
    def unpacked(cls, data: bytes | bytearray, frame_bytes: int) -> "FrameHeader":
        """What HEADER_SIZE bytes say. Raises Retryable where they are no header: the stream is out of step."""
        fields: tuple[bytes, int, int, int, float, int] = _HEADER.unpack(data)
        magic, basis, sequence, encoder, exposed_at_s, size = fields
        if magic != _HEADER_MAGIC or basis >= len(_BASES) or size != frame_bytes:
            raise _out_of_step()
        return cls(sequence, encoder, _BASES[basis], exposed_at_s)


def readings_ahead(data: bytes | bytearray) -> int:
    """How many readings COUNT_SIZE bytes announce. Raises Retryable for too many: the stream is out of step."""
    (count,) = _COUNT.unpack(data)
    if count > _MOST_READINGS:
        raise _out_of_step()
    return count


def _out_of_step() -> Retryable:
    return Retryable("camera.garbled", "The virtual camera's stream is out of step.", "It is opened again.")


class _Viewer:
    """One connection and what waits for it."""

    def __init__(self) -> None:
        self._waiting: deque[tuple[memoryview, ...]] = deque(maxlen=_WAITING_FRAMES)
        self._more = asyncio.Event()

    def offer(self, pieces: tuple[memoryview, ...]) -> None:
        """Put a picture in line, header and channels; the oldest gives way."""
        self._waiting.append(pieces)
        self._more.set()

    async def send(self, connection: socket.socket, hello: bytes) -> None:
        """Send for as long as the other side listens."""
        loop = asyncio.get_running_loop()
        await loop.sock_sendall(connection, hello)
        while True:
            await self._more.wait()
            while self._waiting:
                for piece in self._waiting.popleft():
                    await loop.sock_sendall(connection, piece)
            self._more.clear()


class CameraServer:
    """The pictures' way to all viewers. `port` is where it listens."""

    def __init__(self, listener: socket.socket, hello: CameraHello) -> None:
        self.port: int = listener.getsockname()[1]
        self._listener = listener
        self._hello = hello
        self._viewers: set[_Viewer] = set()

    @property
    def watched(self) -> bool:
        """Whether anybody would see a picture."""
        return bool(self._viewers)

    def publish(
        self,
        header: FrameHeader,
        pixels: NDArray[np.uint8],
        height_mm: NDArray[np.float32] | None = None,
        readings: NDArray[np.float32] | None = None,
    ) -> None:
        """Send a picture of the hello's shape to every viewer; returns at once. The arrays must not change after.

        `height_mm`, rows x columns float32, belongs to a camera whose hello says so, and to no other. `readings`,
        R x 2 float32, may belong to one whose hello speaks of mass.
        """
        if (height_mm is not None) != self._hello.height or (readings is not None and not self._hello.mass):
            raise ValueError("the hello promised another set of channels")
        channels = (pixels,) if height_mm is None else (pixels, height_mm.astype("<f4", copy=False))
        raw = tuple(np.ascontiguousarray(channel).data.cast("B") for channel in channels)
        pieces = (memoryview(header.packed(self._hello.frame_bytes)), *raw)
        if self._hello.mass:
            weighed = b"" if readings is None else readings.astype("<f4", copy=False).tobytes()
            pieces += (memoryview(_COUNT.pack(len(weighed) // _READING_BYTES) + weighed),)
        for viewer in self._viewers:
            viewer.offer(pieces)

    async def accept(self) -> None:
        """Take viewers until cancelled; then close their connections."""
        loop = asyncio.get_running_loop()
        async with asyncio.TaskGroup() as viewers:
            while True:
                connection, _ = await loop.sock_accept(self._listener)
                viewers.create_task(self._serve(connection), name="virtual camera viewer")

    async def _serve(self, connection: socket.socket) -> None:
        viewer = _Viewer()
        with connection:
            connection.setblocking(False)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._viewers.add(viewer)
            try:
                await viewer.send(connection, self._hello.packed())
            except ConnectionError:
                return  # the viewer went away, which is its right
            finally:
                self._viewers.discard(viewer)


@contextlib.asynccontextmanager
async def serve_camera(host: str, port: int, hello: CameraHello) -> AsyncGenerator[CameraServer]:
    """The server, listening. Raises NeedsOperator (`plant.port_in_use`) where the port cannot be had."""
    try:
        listener = socket.create_server((host, port), backlog=8)
    except OSError as error:
        raise NeedsOperator(
            "plant.port_in_use",
            f"The plant's camera server cannot listen on {host}:{port} ({error.strerror or error}).",
            "Something else uses the port, or the address is not of this machine: change plant.servers.camera.",
        ) from error
    with listener:
        listener.setblocking(False)
        server = CameraServer(listener, hello)
        accepting = asyncio.create_task(server.accept(), name="virtual camera")
        try:
            yield server
        finally:
            accepting.cancel()
            await asyncio.wait([accepting])
            if not accepting.cancelled():
                accepting.result()  # raises what ended it
