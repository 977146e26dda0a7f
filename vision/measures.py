"""What is measured of blobs beside their looks: sides, area, heights. In the order of `models.fusion.MEASURES`."""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from models.fusion import MEASURES
from vision.outlines import one_after_the_other, rectangles

HIGHEST = 95
"""Per cent of a blob's height values that lie below what is called its highest: strays of the sensor lie above."""

MASS_COLUMN = MEASURES.index("mass_g")


def filled(contour: NDArray[np.int32], box: Sequence[int]) -> NDArray[np.uint8]:
    """1 within a contour int32 [K, 2] and 0 beside it, uint8 [height, width] of its box x, y, width, height."""
    x, y, width, height = box
    inside = np.zeros((height, width), np.uint8)
    cv2.drawContours(inside, [contour], -1, (1,), cv2.FILLED, offset=(-x, -y))
    return inside


def heights_mm(
    contours: Sequence[NDArray[np.int32]], boxes: NDArray[np.int32], above_belt: NDArray[np.float32]
) -> NDArray[np.float64]:
    """Mean and highest height inside each contour, float64 [N, 2]; NaN where the sensor saw nothing of it.

    `above_belt` H x W float32 is mm above the belt, NaN where nothing was seen; `boxes` [N, 4] are the contours'.
    """
    found = np.full((len(contours), 2), np.nan)
    for k, (contour, box) in enumerate(zip(contours, boxes.tolist(), strict=True)):
        x, y, width, height = box
        values = above_belt[y : y + height, x : x + width][filled(contour, box) > 0]
        values = values[np.isfinite(values)]
        if len(values):
            place = min(len(values) - 1, len(values) * HIGHEST // 100)
            found[k] = values.mean(), np.partition(values, place)[place]
    return found


def measures_of(
    contours: Sequence[NDArray[np.int32]],
    areas_mm2: NDArray[np.float64],
    heights: NDArray[np.float64],
    mm_per_px: NDArray[np.float64],
) -> NDArray[np.float32]:
    """Measures float32 [N, 6], the mass NaN, of blobs with these areas [N] and `heights` [N, 2] in mm,
    seen at `mm_per_px` [N]."""
    found = np.full((len(contours), len(MEASURES)), np.nan, np.float32)
    if len(contours):
        sides = rectangles(*one_after_the_other(contours)) + 1  # a pixel has a width
        found[:, :2] = sides * mm_per_px[:, None]
        found[:, 2] = areas_mm2
        found[:, 3:5] = heights
    return found
