"""Blocking reads of videos and folders of pictures, one picture after the other."""

import math
from pathlib import Path
from typing import Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from senbetsu_errors import NeedsOperator
from vision.images import list_folder, load_image
from vision.opencv_config import OpencvConfig

_TURNS = {"left": cv2.ROTATE_90_CLOCKWISE, "right": cv2.ROTATE_90_COUNTERCLOCKWISE, "down": cv2.ROTATE_180}


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


class VideoReader:
    """A video file. Raises NeedsOperator `camera.missing`, `camera.unreadable`."""

    def __init__(self, path: Path) -> None:
        if not path.is_file():
            raise NeedsOperator("camera.missing", f"There is no video file {path}.", "Correct camera.path.")
        self._capture = cv2.VideoCapture()
        if not self._capture.open(str(path), cv2.CAP_FFMPEG):
            raise NeedsOperator(
                "camera.unreadable",
                f"{path} cannot be opened as a video.",
                "Check that the file is a video that FFmpeg can decode.",
            )
        rate_hz = self._capture.get(cv2.CAP_PROP_FPS)
        self.rate_hz = rate_hz if math.isfinite(rate_hz) and rate_hz > 0 else 0.0

    def read(self) -> NDArray[np.uint8] | None:
        """The next picture; None at the end of the file."""
        done, picture = self._capture.read()
        return picture.astype(np.uint8, copy=False) if done else None

    def rewind(self) -> None:
        """Back to the first picture of a file."""
        self._capture.set(cv2.CAP_PROP_POS_FRAMES, 0)

    def release(self) -> None:
        """Closes the file."""
        self._capture.release()


class FolderReader:
    """The pictures of a folder by name. Raises NeedsOperator `camera.missing` for an empty or absent one,
    and what `load_image` raises for a picture that cannot be used."""

    rate_hz = 0.0

    def __init__(self, folder: Path) -> None:
        if not folder.is_dir():
            raise NeedsOperator("camera.missing", f"There is no folder {folder}.", "Correct camera.images.")
        self._paths = list_folder(folder).pictures
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


def oriented(picture: NDArray[np.uint8], config: OpencvConfig, before: tuple[int, ...] | None) -> NDArray[np.uint8]:
    """The picture turned so that the belt runs up. Raises NeedsOperator `camera.picture_size` where it does not
    have the configured rows, or another shape than `before`."""
    turn = _TURNS.get(config.travel)
    if turn is not None:
        picture = cv2.rotate(picture, turn).astype(np.uint8, copy=False)
    if picture.shape[0] != config.rows or (before and picture.shape != before):
        was = f"{before[0]} x {before[1]} before" if before else f"{config.rows} rows configured"
        raise NeedsOperator(
            "camera.picture_size",
            f"{config.shown_origin} gives pictures of {picture.shape[0]} rows x {picture.shape[1]} columns along the "
            f"belt's travel, {was}.",
            "Correct camera.view_along_mm, camera.mm_per_px and camera.travel.",
        )
    return picture
