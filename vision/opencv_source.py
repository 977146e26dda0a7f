"""Cameras and files through OpenCV: V4L2 devices, network streams, videos, folders of pictures."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

import numpy as np
from numpy.typing import NDArray

from senbetsu_errors import NeedsOperator
from vision.capture import CaptureProcess, CaptureRequest
from vision.frame import EncoderStamp, Frame
from vision.opencv_config import OpencvConfig
from vision.opencv_readers import FolderReader, Reader, VideoReader, oriented

_T = TypeVar("_T")


class OpencvSource:
    """Frames of a file or a camera that knows no encoder.

    The encoder count is worked out from the stated belt speed, so its basis is "estimated". Files lose
    nothing: a frame is read when it is asked for. A live camera has a driver process of its own
    (`vision.capture`) that reads it as fast as it delivers; each frame is the newest there is, and what
    nobody fetched in time is counted in `dropped`.

    Raises from `__aenter__` NeedsOperator for what cannot be opened or does not fit the configuration
    (`camera.missing`, `camera.unreadable`, `camera.picture_size`, `camera.frame_rate`, `camera.password`,
    `camera.setting`), Retryable `camera.unreachable` for a live camera that does not answer in time; from
    iteration Retryable `camera.lost` for a live camera that stops, and NeedsOperator `camera.picture_size`
    where pictures change size.
    """

    Config = OpencvConfig

    def __init__(self, config: OpencvConfig, counts_per_mm: float) -> None:
        self.dropped = 0
        self._config = config
        self._counts_per_mm = counts_per_mm
        self._live = CaptureProcess(
            CaptureRequest(
                backend="opencv",
                config_json=config.model_dump_json(),
                origin=config.shown_origin,
                waiting=1,
                open_within_s=config.open_timeout_s,
                silent_within_s=config.read_timeout_s,
                lost_after_s=config.read_timeout_s,
            )
        )
        # One thread owns a file from opening to closing: OpenCV's handles are not for sharing.
        self._thread: ThreadPoolExecutor | None = None
        self._reader: Reader | None = None
        self._first: NDArray[np.uint8] | None = None
        self._shape: tuple[int, ...] | None = None
        self._rate_hz = 0.0

    async def __aenter__(self) -> Self:
        try:
            if self._config.live:
                await self._live.open()
            else:
                self._thread = ThreadPoolExecutor(1, thread_name_prefix="opencv file")
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
        return self._live_frames() if self._config.live else self._file_frames()

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
        due = 0
        while True:
            picture = await self._live.next()
            self.dropped += picture.number - due
            due = picture.number + 1
            yield self._frame(picture.pixels, picture.captured_at_s, picture.captured_at_s, picture.number)

    def _frame(self, picture: NDArray[np.uint8], belt_time_s: float, captured_at_s: float, sequence: int) -> Frame:
        counts = belt_time_s * self._config.speed_mm_s * self._counts_per_mm
        stamp = EncoderStamp(
            round(counts) % 2**32, "estimated", self._config.encoder_uncertainty_mm * self._counts_per_mm
        )
        return Frame({"color": picture}, stamp, captured_at_s, sequence)

    def _open(self) -> None:
        """Opens the file or folder and looks at its first picture; in its thread."""
        config = self._config
        self._reader = FolderReader(config.images) if config.images is not None else VideoReader(config.path or Path())
        self._rate_hz = config.frame_rate_hz or self._reader.rate_hz
        if self._rate_hz <= 0:
            raise NeedsOperator(
                "camera.frame_rate",
                f"{config.shown_origin} does not say its frame rate.",
                "State camera.frame_rate_hz.",
            )
        self._first = self._read()
        if self._first is None:
            raise NeedsOperator("camera.unreadable", f"{config.shown_origin} holds no picture.", "Use another file.")

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
        picture = oriented(picture, self._config, self._shape)
        self._shape = picture.shape
        return picture

    async def _in_thread(self, work: Callable[[], _T]) -> _T:
        if self._thread is None:
            raise NeedsOperator("camera.closed", f"{self._config.shown_origin} is not open.", "Open the source first.")
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)

    async def _close(self) -> None:
        await self._live.close()
        thread, self._thread = self._thread, None
        if thread is not None:
            if self._reader is not None:
                await asyncio.get_running_loop().run_in_executor(thread, self._reader.release)
            thread.shutdown()
        self._reader = self._first = self._shape = None
