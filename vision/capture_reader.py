"""What a driver process needs of a camera: blocking calls, made by one thread, in its own process."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Taken:
    """A picture H x W x 3 uint8 BGR that nobody else writes to; the camera's exposure number from 0, a gap
    is lost ones; the raw 32-bit encoder count that came with it, None where none did."""

    pixels: NDArray[np.uint8]
    number: int
    count: int | None = None


class CaptureReader(Protocol):
    """One live camera. Every call may block; what it raises ends the driver and reaches the source."""

    def open(self) -> None:
        """Open the camera and have it deliver."""
        ...

    def read(self) -> Taken | None:
        """The next picture; None after a spell of silence, which is a sign of life. Retryable `camera.lost`
        where the camera is gone."""
        ...

    def release(self) -> None:
        """Give the camera back, opened or not."""
        ...


def make_reader(backend: str, config_json: str, clock: Callable[[], float]) -> CaptureReader:
    """The reader of a built-in backend. `clock` is monotonic. Imports only what that backend needs."""
    if backend == "opencv":
        from vision.opencv_source import OpencvSource
        from vision.opencv_stream import StreamReader

        return StreamReader(OpencvSource.Config.model_validate_json(config_json))
    from vision.genicam_reader import genicam_reader

    return genicam_reader(backend, config_json, clock)
