"""Squares of a picture as crops of one size, all of them in one compiled call, to the bit as `cv2.resize` makes them.

A call a part, with its view of the picture, its border and its colours turned afterwards, costs a third more than the
arithmetic; and OpenCV sums up twice every row that two rows of a smaller picture share (decision 0048).
"""

from math import ceil, floor

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


@compiled(None, PICTURE, CORNERS, CROPS)
def shrink(color: NDArray[np.uint8], squares: NDArray[np.int64], crops: NDArray[np.uint8]) -> None:
    """As `enlarge` for the squares that are more than S wide, and no whole multiple of it.

    As `cv2.resize(..., interpolation=INTER_AREA)`: every source pixel counts by the area of it that falls into a
    pixel of the crop, rows first, in single precision (resize.cpp, `ResizeArea_Invoker`).
    """
    height, width = color.shape[:2]
    size = crops.shape[1]
    ends = np.empty(size + 1, np.int64)
    line, total = np.empty(3 * size, np.float32), np.empty(3 * size, np.float32)
    for n in range(len(squares)):
        left, top, side = squares[n]
        if side <= size or side % size == 0:
            continue
        by = side / size
        places, shares = np.empty(2 * size + side, np.int64), np.empty(2 * size + side, np.float32)
        count = 0
        for k in range(size):
            ends[k] = count
            start, stop = k * by, k * by + by
            cell = min(by, side - start)
            last = min(floor(stop), side - 1)
            first = min(ceil(start), last)
            if first - start > 1e-3:
                places[count], shares[count] = first - 1, np.float32((first - start) / cell)
                count += 1
            for at in range(first, last):
                places[count], shares[count] = at, np.float32(1 / cell)
                count += 1
            if stop - last > 1e-3:
                places[count], shares[count] = last, np.float32(min(stop - last, 1.0, cell) / cell)
                count += 1
        ends[size] = count
        columns = np.empty(count, np.int64)
        for k in range(count):
            columns[k] = 3 * min(max(left + places[k], 0), width - 1)
        in_line = -1
        for y in range(size):
            total[:] = 0
            for r in range(ends[y], ends[y + 1]):
                if places[r] != in_line:  # a row that two rows of the crop share is summed up once
                    in_line = places[r]
                    source = color[min(max(top + in_line, 0), height - 1)].reshape(3 * width)
                    for k in range(size):
                        blue = green = red = np.float32(0)
                        for at in range(ends[k], ends[k + 1]):
                            column, share = columns[at], shares[at]
                            blue += np.float32(source[column]) * share
                            green += np.float32(source[column + 1]) * share
                            red += np.float32(source[column + 2]) * share
                        line[3 * k], line[3 * k + 1], line[3 * k + 2] = red, green, blue
                share = shares[r]
                for x in range(3 * size):
                    total[x] += share * line[x]
            crop = crops[n, y].reshape(3 * size)
            for x in range(3 * size):
                crop[x] = np.uint8(np.rint(total[x]))
