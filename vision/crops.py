"""Square pictures of the blobs, as the classifier sees them; training cuts them with the same function."""

import cv2
import numpy as np
from numpy.typing import NDArray

from senbetsu_errors import Fatal
from vision.resampling import enlarge, shrink

MARGIN = 0.12


def crop_blobs(color: NDArray[np.uint8], boxes_px: NDArray[np.int32], size: int) -> NDArray[np.uint8]:
    """One square crop a box, uint8 [N, size, size, 3] RGB.

    `color` is H x W x 3 uint8 BGR, `boxes_px` int32 [N, 4] of x, y, width, height. The square has the
    box's centre and its longest side plus 12 % on each side; where it leaves the picture the border
    pixels are repeated. Raises Fatal `vision.bad_crop` for a wrong array or a box outside the picture.
    """
    if color.ndim != 3 or color.shape[2] != 3 or color.dtype != np.uint8:
        raise Fatal("vision.bad_crop", f"Crops need H x W x 3 uint8, found {color.shape} {color.dtype}.")
    if size < 1 or boxes_px.ndim != 2 or boxes_px.shape[1] != 4:
        raise Fatal("vision.bad_crop", f"Crops need boxes [N, 4] and a size >= 1, found {boxes_px.shape}, {size}.")
    height, width = color.shape[:2]
    x, y, w, h = boxes_px.T.astype(np.int64)
    outside = np.flatnonzero((w < 1) | (h < 1) | (x >= width) | (y >= height) | (x + w <= 0) | (y + h <= 0))
    if len(outside):
        box = tuple(boxes_px[outside[0]].tolist())
        raise Fatal("vision.bad_crop", f"The box {box} lies outside the picture of {width} x {height}.")
    sides = np.maximum(1, np.rint(np.maximum(w, h) * (1 + 2 * MARGIN)).astype(np.int64))
    squares = np.stack([x + (w - sides) // 2, y + (h - sides) // 2, sides], axis=1)
    crops = np.empty((len(boxes_px), size, size, 3), np.uint8)
    color = np.ascontiguousarray(color)
    enlarge(color, squares, crops)
    shrink(color, squares, crops)
    for k in np.flatnonzero((sides > size) & (sides % size == 0)).tolist():
        left, top, side = squares[k].tolist()
        _shrink_evenly(color, left, top, side, crops[k])
    return crops


def _shrink_evenly(color: NDArray[np.uint8], left: int, top: int, side: int, crop: NDArray[np.uint8]) -> None:
    """Fills in the crop of a square that is a whole multiple of it: OpenCV averages in integers."""
    height, width = color.shape[:2]
    right, bottom = left + side, top + side
    square = color[max(0, top) : min(height, bottom), max(0, left) : min(width, right)]
    if left < 0 or top < 0 or right > width or bottom > height:
        square = cv2.copyMakeBorder(
            square,
            max(0, -top),
            max(0, bottom - height),
            max(0, -left),
            max(0, right - width),
            cv2.BORDER_REPLICATE,
        )
    cv2.resize(square, crop.shape[:2], dst=crop, interpolation=cv2.INTER_AREA)
    cv2.cvtColor(crop, cv2.COLOR_BGR2RGB, dst=crop)
