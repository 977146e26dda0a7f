"""The frames of a recording, as a camera."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Literal, Self

from pydantic import Field

from senbetsu_errors import Fatal, NeedsOperator
from vision.camera_config import CameraConfig
from vision.frame import Frame
from vision.recorded_frame import decode_frame
from vision.recording_file import RecordingFile

FRAME_TOPIC = "/frame"


class RecordingSource:
    """Frames of an MCAP recording with the encoder stamps they were recorded with; ends where it ends.

    A recording that was cut off by a kill or a power failure is read up to there. `captured_at_s` is
    moved onto the running loop's clock; with `paced` a frame comes as long after the source was
    opened as it came after the recording began, else as fast as frames are asked for.

    Raises NeedsOperator from `__aenter__` for a file that is missing, not a recording, of another
    version or without frames; Fatal (`recording.corrupt`) from iteration for a damaged one.
    """

    class Config(CameraConfig, frozen=True, extra="forbid"):
        """The camera section of a line that plays a recording back."""

        backend: Literal["recording"]  # pyright: ignore[reportIncompatibleVariableOverride]
        path: Path = Field(title="Path", description="The recording, an MCAP file written by `senbetsu record`.")
        paced: bool = Field(
            default=True,
            title="Paced",
            description="true plays frames at the times they were recorded, false as fast as they are processed.",
        )

        @classmethod
        def of(cls, camera: CameraConfig, path: Path, paced: bool = True) -> Self:
            """For a recording that was made with `camera`."""
            common = camera.model_dump(include=set(CameraConfig.model_fields))
            return cls.model_validate({**common, "backend": "recording", "path": path, "paced": paced})

    def __init__(self, config: Config, counts_per_mm: float) -> None:
        # Recorded stamps are in counts already; the argument is every source's.
        del counts_per_mm
        self.dropped = 0
        self._config = config
        self._file: RecordingFile | None = None
        self._opened_at_s = 0.0

    async def __aenter__(self) -> Self:
        self._file = RecordingFile(self._config.path)
        if next(self._file.messages(FRAME_TOPIC), None) is None:
            raise NeedsOperator(
                "recording.no_frames", f"{self._config.path} holds no frames.", "Record again with `senbetsu record`."
            )
        self._opened_at_s = asyncio.get_running_loop().time()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file = None

    async def __aiter__(self) -> AsyncIterator[Frame]:
        if self._file is None:
            raise Fatal("recording.not_opened", "Frames were asked for before the recording was opened.")
        loop = asyncio.get_running_loop()
        offset_s = self._opened_at_s - self._file.started_at_s
        next_sequence: int | None = None
        for message in self._file.messages(FRAME_TOPIC):
            recorded = decode_frame(message.data)
            self._check_view(recorded)
            if next_sequence is not None:
                self.dropped += max(0, recorded.sequence - next_sequence)
            next_sequence = recorded.sequence + 1
            if self._config.paced:
                await asyncio.sleep(max(0.0, self._opened_at_s + message.at_s - loop.time()))
            yield replace(recorded, captured_at_s=recorded.captured_at_s + offset_s)

    def _check_view(self, frame: Frame) -> None:
        rows = frame.color.shape[0]
        if rows != self._config.rows:
            raise NeedsOperator(
                "recording.geometry",
                f"{self._config.path} holds frames of {rows} rows; view_along_mm {self._config.view_along_mm:g} at "
                f"mm_per_px {self._config.mm_per_px:g} makes {self._config.rows}.",
                "Use the camera geometry that was recorded.",
            )
