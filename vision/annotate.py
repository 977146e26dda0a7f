"""What the line saw, drawn for people: outlines, classes and outlets on the picture, and videos of it."""

from collections.abc import Callable, Iterable
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from senbetsu_errors import NeedsOperator
from vision.camera_config import CameraConfig
from vision.parts import VisiblePart

_UNDECIDED, _DECIDED, _OVERSIZE = (200, 200, 200), (80, 220, 80), (60, 60, 230)  # BGR
_CODECS = {".mp4": "mp4v", ".avi": "MJPG"}


def draw_parts(
    color: NDArray[np.uint8], parts: Iterable[VisiblePart], camera: CameraConfig, caption: Callable[[VisiblePart], str]
) -> NDArray[np.uint8]:
    """A copy of the picture, H x W x 3 uint8 BGR, with every part's outline and caption.

    Grey is undecided, green decided, red oversize. `caption` says what stands beside a part, its class
    and outlet; letters outside ASCII are drawn as `?` (OpenCV's fonts have no others).
    """
    drawn = color.copy()
    last_row = color.shape[0] - 1
    for part in parts:
        shade = _OVERSIZE if part.oversize else _DECIDED if part.decided else _UNDECIDED
        at = np.array([part.along_mm, part.across_mm])
        outline = part.outline_mm + at
        if not len(outline):
            corners = [
                (a, x) for a in (part.along_min_mm, part.along_max_mm) for x in (part.across_min_mm, part.across_max_mm)
            ]
            outline = np.array([corners[i] for i in (0, 1, 3, 2)])
        rows = last_row - outline[:, 0] / camera.mm_per_px
        columns = (outline[:, 1] - camera.across_start_mm) / camera.mm_per_px - 0.5
        points = np.rint(np.stack([columns, rows], axis=1)).astype(np.int32)
        cv2.polylines(drawn, [points], True, shade, 1, cv2.LINE_AA)
        label = caption(part).encode("ascii", "replace").decode()
        corner = (int(points[:, 0].min()), max(10, int(points[:, 1].min()) - 3))
        cv2.putText(drawn, label, corner, cv2.FONT_HERSHEY_SIMPLEX, 0.4, shade, 1, cv2.LINE_AA)
    return drawn


def write_video(path: Path, pictures: Iterable[NDArray[np.uint8]], rate_hz: float) -> int:
    """Writes pictures, H x W x 3 uint8 BGR of one size, as .mp4 or .avi; returns how many.

    Raises NeedsOperator `video.format` for another ending or for pictures of different sizes, and
    `video.write` where the file cannot be written.
    """
    codec = _CODECS.get(path.suffix.lower())
    if codec is None:
        raise NeedsOperator("video.format", f"{path.name} ends in neither .mp4 nor .avi.", "Choose one of the two.")
    writer: cv2.VideoWriter | None = None
    shape: tuple[int, ...] = ()
    count = 0
    try:
        for picture in pictures:
            if writer is None:
                shape = picture.shape
                fourcc = cv2.VideoWriter.fourcc(codec[0], codec[1], codec[2], codec[3])
                writer = cv2.VideoWriter(str(path), fourcc, rate_hz, (shape[1], shape[0]))
                if not writer.isOpened():
                    raise NeedsOperator("video.write", f"{path} cannot be written.", "Check the folder and the disk.")
            if picture.shape != shape:
                raise NeedsOperator("video.format", f"Picture {count} is {picture.shape}, those before {shape}.")
            writer.write(picture)
            count += 1
    finally:
        if writer is not None:
            writer.release()
    return count
