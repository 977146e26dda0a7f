"""Squares of a picture enlarged to crops, all of them in one compiled call, to the bit as `cv2.resize` does it.

Most parts are smaller than the classifier's crops. A call a part, its view of the picture, its border and the turning
of BGR to RGB afterwards cost as much as the arithmetic, and the classifier is waiting (decision 0048).
"""

from math import floor

import numpy as np
from numpy.typing import NDArray

from vision.compiled import CORNERS, CROPS, PICTURE, compiled

_ONE = 2048  # weights are fixed-point numbers: this is 1


@compiled(None, PICTURE, CORNERS, CROPS)
def enlarge(color: NDArray[np.uint8], squares: NDArray[np.int64], crops: NDArray[np.uint8]) -> None:
    """Fills in `crops` uint8 [N, S, S, 3] RGB for the squares int64 [N, 3] of left, top, side that are at most S wide.

    `color` is H x W x 3 uint8 BGR; where a square leaves it the border pixels are repeated. As
    `cv2.resize(..., interpolation=INTER_AREA)`, which enlarges bilinearly, each source pixel keeping its area: weights
    of 11 bits, 4 bits dropped after the first pass (modules/imgproc/src/resize.cpp, `VResizeLinear`).
    """
    height, width = color.shape[:2]
    size = crops.shape[1]
    first = np.empty(size, np.int64)
    weights = np.empty((2, size), np.int16)
    columns = np.empty((2, size), np.uint64)  # unsigned: numba need not ask whether they count from the end
    rows = np.empty((size + 1, 3 * size), np.int16)
    for n in range(len(squares)):
        left, top, side = squares[n]
        if side > size:
            continue
        by = size / side
        for k in range(size):
            at = floor(k * (1 / by))
            share = np.float32((k + 1) - (at + 1) * by)
            share = np.float32(0) if share <= 0 else np.float32(share - floor(share))
            if at >= side - 1:
                at, share = side - 1, np.float32(0)
            first[k] = at
            weights[0, k] = np.int16(np.rint((np.float32(1) - share) * np.float32(_ONE)))
            weights[1, k] = np.int16(np.rint(share * np.float32(_ONE)))
            columns[0, k] = np.uint64(min(max(left + at, 0), width - 1))
            columns[1, k] = np.uint64(min(max(left + at + 1, 0), width - 1))
        for y in range(side):
            line, row = color[min(max(top + y, 0), height - 1)], rows[y]
            for k in range(size):
                one, two, u, v = columns[0, k], columns[1, k], np.int32(weights[0, k]), np.int32(weights[1, k])
                for channel in range(3):  # a crop is RGB, the picture BGR
                    row[3 * k + channel] = (line[one, 2 - channel] * u + line[two, 2 - channel] * v) >> 4
        rows[side] = rows[side - 1]
        for y in range(size):
            above, below, line = rows[first[y]], rows[first[y] + 1], crops[n, y].reshape(3 * size)
            u, v = weights[0, y], weights[1, y]
            for x in range(3 * size):
                # Every step is cut back to the width that holds it: numba would compute in 64 bits.
                a = np.int16(np.int32(np.int32(u) * np.int32(above[x])) >> 16)
                b = np.int16(np.int32(np.int32(v) * np.int32(below[x])) >> 16)
                line[x] = np.uint8(np.int16(np.int16(a + b) + 2) >> 2)
