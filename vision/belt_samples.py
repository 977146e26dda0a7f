"""What a few hundred sampled pixels say of a whole picture's exposure, in one compiled call: numpy takes twenty small
ones, and all that is done with the picture waits for them (decision 0048)."""

import numpy as np
from numpy.typing import NDArray

from vision.compiled import F8, FLAG_TABLE, I8, INDICES, SAMPLE, TABLE, compiled


@compiled((I8, INDICES, TABLE, FLAG_TABLE), SAMPLE, SAMPLE, I8, F8)
def exposure_of(
    color: NDArray[np.uint8], expected: NDArray[np.uint8], near: int, share: float
) -> tuple[int, NDArray[np.int64], NDArray[np.float64], NDArray[np.bool_]]:
    """Of a sample of a picture and the same of the expected one, R x C x 3: how many pixels are less than `near` levels
    off in every channel; their median difference, int64 [3], 0 where it is one level or they are less than `share`;
    how much brighter every pixel is, less that median, float64 [R, C]; which are near, bool [R, C].
    """
    height, width = color.shape[:2]
    brighter = np.zeros((height, width))
    is_near = np.zeros((height, width), np.bool_)
    counts = np.zeros((3, 2 * near), np.int64)
    shift = np.zeros(3, np.int64)
    off = np.zeros(3, np.int64)
    found = 0
    for row in range(height):
        for column in range(width):
            for channel in range(3):
                off[channel] = np.int64(color[row, column, channel]) - np.int64(expected[row, column, channel])
            brighter[row, column] = off.sum()
            if np.abs(off).max() < near:
                is_near[row, column] = True
                found += 1
                for channel in range(3):
                    counts[channel, off[channel] + near] += 1
    if found >= share * height * width:
        for channel in range(3):
            passed = np.int64(0)
            for level in range(2 * near):
                passed += counts[channel, level]
                if passed > found // 2:
                    shift[channel] = level - near
                    break
    if np.abs(shift).max() <= 1:  # one level is left to learning: it may be the sample's own noise
        shift[:] = 0
    brighter -= shift.sum()
    brighter /= 3
    return found, shift, brighter, is_near
