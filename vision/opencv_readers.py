"""Blocking reads of videos, streams, devices and folders of pictures, one picture after the other."""

import math
from pathlib import Path
from typing import Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from senbetsu_errors import NeedsOperator
from vision.images import load_image

_OPEN_TIMEOUT_MS = 5000
_READ_TIMEOUT_MS = 2000
_PICTURE_SUFFIXES = {".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff"}


class Reader(Protocol):
    """Pictures H x W x 3 uint8 BGR, None at the end; `rate_hz` is the origin's own, 0 if unknown."""

    rate_hz: float

    def read(self) -> NDArray[np.uint8] | None:
        """The next picture."""
        ...

    def rewind(self) -> None:
        """Back to the first picture, where there is one."""
        ...

    def release(self) -> None:
        """Gives the file or the device back."""
        ...


class CaptureReader:
    """A video file, a stream or a V4L2 device. Raises NeedsOperator `camera.missing`, `camera.unreadable`."""

    def __init__(self, origin: Path | str | int) -> None:
        if isinstance(origin, Path) and not origin.is_file():
            raise NeedsOperator("camera.missing", f"There is no video file {origin}.", "Correct camera.path.")
        self._capture = cv2.VideoCapture()
        if isinstance(origin, int):
            opened = self._capture.open(origin, cv2.CAP_V4L2)
        else:
            timeouts = [
                cv2.CAP_PROP_OPEN_TIMEOUT_MSEC,
                _OPEN_TIMEOUT_MS,
                cv2.CAP_PROP_READ_TIMEOUT_MSEC,
                _READ_TIMEOUT_MS,
            ]
            opened = self._capture.open(str(origin), cv2.CAP_FFMPEG, timeouts)
        if not opened:
            raise NeedsOperator(
                "camera.unreadable",
                f"{origin} cannot be opened as a video.",
                "Check the address, the cable and that the file is a video that FFmpeg can decode.",
            )
        rate_hz = self._capture.get(cv2.CAP_PROP_FPS)
        self.rate_hz = rate_hz if math.isfinite(rate_hz) and rate_hz > 0 else 0.0

    def read(self) -> NDArray[np.uint8] | None:
        """The next picture; None at the end of a file, or when the camera gives nothing within 2 s."""
        done, picture = self._capture.read()
        return picture.astype(np.uint8, copy=False) if done else None

    def rewind(self) -> None:
        """Back to the first picture of a file."""
        self._capture.set(cv2.CAP_PROP_POS_FRAMES, 0)

    def release(self) -> None:
        """Closes the file or the camera."""
        self._capture.release()


class FolderReader:
    """The pictures of a folder by name. Raises NeedsOperator `camera.missing` for an empty or absent one,
    and what `load_image` raises for a picture that cannot be used."""

    rate_hz = 0.0

    def __init__(self, folder: Path) -> None:
        if not folder.is_dir():
            raise NeedsOperator("camera.missing", f"There is no folder {folder}.", "Correct camera.images.")
        self._paths = sorted(p for p in folder.iterdir() if p.suffix.lower() in _PICTURE_SUFFIXES)
        if not self._paths:
            raise NeedsOperator("camera.missing", f"{folder} holds no pictures.", "Correct camera.images.")
        self._next = 0

    def read(self) -> NDArray[np.uint8] | None:
        """The next picture by name, None after the last."""
        if self._next == len(self._paths):
            return None
        self._next += 1
        return load_image(self._paths[self._next - 1])

    def rewind(self) -> None:
        """Back to the first picture."""
        self._next = 0

    def release(self) -> None:
        """Gives no more pictures."""
        self._next = len(self._paths)
