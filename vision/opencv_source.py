"""Cameras and files through OpenCV: V4L2 devices, network streams, videos, folders of pictures."""

import asyncio
import threading
from collections import deque
from collections.abc import AsyncGenerator, Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Literal, Self, TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from senbetsu_errors import NeedsOperator, Retryable
from vision.camera_config import CameraConfig
from vision.frame import EncoderStamp, Frame
from vision.opencv_readers import CaptureReader, FolderReader, Reader

_LIVE_QUEUE = 2  # frames; the oldest is dropped and counted
_TURNS = {"left": cv2.ROTATE_90_CLOCKWISE, "right": cv2.ROTATE_90_COUNTERCLOCKWISE, "down": cv2.ROTATE_180}
_T = TypeVar("_T")


class OpencvSource:
    """Frames of a file or a camera that knows no encoder.

    The encoder count is worked out from the stated belt speed, so its basis is "estimated". Files lose
    nothing: a frame is read when it is asked for. A live camera is read by a thread of its own that
    keeps the newest frames; what nobody fetched in time is counted in `dropped`.

    Raises NeedsOperator from `__aenter__` for what cannot be opened or does not fit the configuration
    (`camera.missing`, `camera.unreadable`, `camera.picture_size`, `camera.frame_rate`); from iteration
    Retryable `camera.lost` for a camera that stops, and NeedsOperator `camera.picture_size` where
    pictures change size.
    """

    class Config(CameraConfig, frozen=True, extra="forbid"):
        """The camera section of a line with an OpenCV camera; exactly one of path, images, url, device."""

        backend: Literal["opencv"]  # pyright: ignore[reportIncompatibleVariableOverride]
        path: Path | None = Field(default=None, title="Video file", description="A video to play as if it were live.")
        images: Path | None = Field(
            default=None,
            title="Picture folder",
            description="A folder of pictures, played in the order of their names.",
        )
        url: str | None = Field(default=None, title="Stream", description="Address of a stream, rtsp:// or http://.")
        device: int | None = Field(default=None, ge=0, title="Device", description="Number of a V4L2 device.")
        speed_mm_s: float = Field(
            gt=0, title="Belt speed", description="The constant speed of the belt, from which the count is worked out."
        )
        encoder_uncertainty_mm: float = Field(
            default=2.0, ge=0, title="Encoder uncertainty", description="How far off the estimated position may be."
        )
        travel: Literal["up", "down", "left", "right"] = Field(
            default="up",
            title="Direction of travel",
            description="Where the belt runs to in the camera's picture; it is turned so that it runs up.",
        )
        loop: bool = Field(default=False, title="Loop", description="Start a file again when it ends.")
        realtime: bool = Field(
            default=True, title="Real time", description="Pace a file by its frame rate, or give frames when asked."
        )

        @model_validator(mode="after")
        def _has_one_origin(self) -> Self:
            given = [name for name in ("path", "images", "url", "device") if getattr(self, name) is not None]
            if len(given) != 1:
                found = ", ".join(given) or "none"
                raise ValueError(f"exactly one of path, images, url, device is needed, found {found}")
            if self.images is not None and self.frame_rate_hz is None:
                raise ValueError("a folder of pictures needs frame_rate_hz")
            return self

    def __init__(self, config: Config, counts_per_mm: float) -> None:
        self.dropped = 0
        self._config = config
        self._counts_per_mm = counts_per_mm
        # One thread owns the capture from opening to closing: OpenCV's handles are not for sharing.
        self._thread: ThreadPoolExecutor | None = None
        self._reader: Reader | None = None
        self._first: NDArray[np.uint8] | None = None
        self._shape: tuple[int, ...] = ()
        self._rate_hz = 0.0
        self._stop = threading.Event()

    async def __aenter__(self) -> Self:
        self._stop.clear()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="opencv camera")
        try:
            await self._in_thread(self._open)
        except BaseException:
            await self._close()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._close()

    def __aiter__(self) -> AsyncGenerator[Frame, None]:
        live = self._config.url is not None or self._config.device is not None
        return self._live_frames() if live else self._file_frames()

    async def _file_frames(self) -> AsyncGenerator[Frame, None]:
        loop = asyncio.get_running_loop()
        started_s = loop.time()
        last_s = started_s - 1.0
        sequence = 0
        while True:
            picture = await self._in_thread(self._read_file)
            if picture is None:
                return
            if self._config.realtime:
                await asyncio.sleep(started_s + sequence / self._rate_hz - loop.time())
            # Frames given as fast as they are asked for may share an instant; capture times advance.
            last_s = max(loop.time(), last_s + 1e-6)
            yield self._frame(picture, sequence / self._rate_hz, last_s, sequence)
            sequence += 1

    async def _live_frames(self) -> AsyncGenerator[Frame, None]:
        loop = asyncio.get_running_loop()
        latest: deque[tuple[float, int, NDArray[np.uint8]]] = deque()
        changed = asyncio.Event()
        started_s = loop.time()

        def keep(captured_s: float, sequence: int, picture: NDArray[np.uint8]) -> None:
            if len(latest) == _LIVE_QUEUE:
                latest.popleft()
                self.dropped += 1
            latest.append((captured_s, sequence, picture))
            changed.set()

        def pump() -> None:
            """Runs in the capture's thread until the camera stops or the source is closed."""
            sequence = 0
            while not self._stop.is_set():
                picture = self._read()
                if picture is None:
                    return
                loop.call_soon_threadsafe(keep, loop.time(), sequence, picture)
                sequence += 1

        pumping = asyncio.ensure_future(self._in_thread(pump))
        pumping.add_done_callback(lambda _: changed.set())
        try:
            while True:
                await changed.wait()
                changed.clear()
                while latest:
                    captured_s, sequence, picture = latest.popleft()
                    yield self._frame(picture, captured_s - started_s, captured_s, sequence)
                if pumping.done():
                    pumping.result()
                    raise Retryable(
                        "camera.lost",
                        f"The camera {self._origin()} stopped delivering.",
                        "Check its power and cable; it is being reconnected.",
                    )
        finally:
            self._stop.set()
            await asyncio.gather(pumping, return_exceptions=True)

    def _frame(self, picture: NDArray[np.uint8], belt_time_s: float, captured_at_s: float, sequence: int) -> Frame:
        counts = belt_time_s * self._config.speed_mm_s * self._counts_per_mm
        stamp = EncoderStamp(
            round(counts) % 2**32, "estimated", self._config.encoder_uncertainty_mm * self._counts_per_mm
        )
        return Frame({"color": picture}, stamp, captured_at_s, sequence)

    def _open(self) -> None:
        """Opens the origin and looks at its first picture; in the capture's thread."""
        config = self._config
        self._reader = FolderReader(config.images) if config.images is not None else CaptureReader(self._origin())
        self._rate_hz = config.frame_rate_hz or self._reader.rate_hz
        if self._rate_hz <= 0:
            raise NeedsOperator(
                "camera.frame_rate", f"{self._origin()} does not say its frame rate.", "State camera.frame_rate_hz."
            )
        self._first = self._read()
        if self._first is None:
            raise NeedsOperator(
                "camera.unreadable", f"{self._origin()} holds no picture.", "Use another file or camera."
            )

    def _read_file(self) -> NDArray[np.uint8] | None:
        if self._first is not None:
            first, self._first = self._first, None
            return first
        picture = self._read()
        if picture is None and self._config.loop and self._reader is not None:
            self._reader.rewind()
            picture = self._read()
        return picture

    def _read(self) -> NDArray[np.uint8] | None:
        """The next picture, turned so that the belt runs up, its size checked."""
        picture = self._reader.read() if self._reader is not None else None
        if picture is None:
            return None
        turn = _TURNS.get(self._config.travel)
        if turn is not None:
            picture = cv2.rotate(picture, turn).astype(np.uint8, copy=False)
        if picture.shape[0] != self._config.rows or (self._shape and picture.shape != self._shape):
            was = (
                f"{self._shape[0]} x {self._shape[1]} before" if self._shape else f"{self._config.rows} rows configured"
            )
            raise NeedsOperator(
                "camera.picture_size",
                f"{self._origin()} gives pictures of {picture.shape[0]} rows x {picture.shape[1]} columns along the "
                f"belt's travel, {was}.",
                "Correct camera.view_along_mm, camera.mm_per_px and camera.travel.",
            )
        self._shape = picture.shape
        return picture

    def _origin(self) -> Path | str | int:
        config = self._config
        return next(o for o in (config.path, config.images, config.url, config.device) if o is not None)

    async def _in_thread(self, work: Callable[[], _T]) -> _T:
        if self._thread is None:
            raise NeedsOperator("camera.closed", f"The camera {self._origin()} is not open.", "Open the source first.")
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)

    async def _close(self) -> None:
        self._stop.set()
        thread, self._thread = self._thread, None
        if thread is not None:
            if self._reader is not None:
                await asyncio.get_running_loop().run_in_executor(thread, self._reader.release)
            thread.shutdown()
        self._reader = self._first = None
        self._shape = ()
