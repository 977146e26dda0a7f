"""Measures of many closed polygons at once: a call of OpenCV each costs more than what it computes.

Polygons lie one after the other in `points` int32 [K, 2] of x, y; polygon n is `points[ends[n]:ends[n + 1]]`.
"""

from collections.abc import Sequence
from math import fabs, hypot

import numpy as np
from numpy.typing import NDArray

from vision.compiled import CORNERS, F8, FLOATS, INDICES, POINTS, TABLE, compiled

Points = NDArray[np.int32]
Indices = NDArray[np.int64]
Floats = NDArray[np.float64]

BOX, CENTRE, AREA, COVERED = slice(0, 4), slice(4, 6), 6, 7


def one_after_the_other(polygons: Sequence[Points]) -> tuple[Points, Indices]:
    """`points` and `ends` of polygons int32 [K, 2], one at least."""
    ends = np.zeros(len(polygons) + 1, np.int64)
    np.cumsum([len(polygon) for polygon in polygons], out=ends[1:])
    return np.concatenate(polygons), ends


@compiled(TABLE, POINTS, INDICES)
def measured(points: Points, ends: Indices) -> Floats:
    """A row a polygon: box x, y, width, height (pixels inclusive), centroid x and y, area (Green's theorem, as
    `cv2.moments`), pixels covered. A polygon without area has the middle of its box as centroid.

    The area ends at the centres of the border's pixels, which takes a third from the smallest parts. With all of those
    pixels it would be area + border / 2 + 1 (Pick's theorem, the border in steps to one of eight neighbours); a border
    runs through pixels that show the part in part, so half of that counts as covered.
    """
    table = np.empty((len(ends) - 1, 8))
    for n in range(len(table)):
        first, last = ends[n], ends[n + 1]
        ax, ay = float(points[first, 0]), float(points[first, 1])
        left, right, top, bottom = ax, ax, ay, ay
        doubled = mx = my = border = 0.0
        for k in range(first, last):
            following = k + 1 if k + 1 < last else first
            x, y = float(points[k, 0]), float(points[k, 1])
            left, right, top, bottom = min(left, x), max(right, x), min(top, y), max(bottom, y)
            # Relative to the first point: small numbers, no digits lost.
            x, y = x - ax, y - ay
            nx, ny = points[following, 0] - ax, points[following, 1] - ay
            cross = x * ny - nx * y
            doubled += cross
            mx += (x + nx) * cross
            my += (y + ny) * cross
            border += max(fabs(nx - x), fabs(ny - y))
        row = table[n]
        row[0], row[1], row[2], row[3] = left, top, right - left + 1, bottom - top + 1
        if doubled == 0:
            row[4], row[5] = (left + right) / 2, (top + bottom) / 2
        else:
            row[4], row[5] = ax + mx / (3 * doubled), ay + my / (3 * doubled)
        row[6] = fabs(doubled) / 2
        row[7] = row[6] + border / 4 + 0.5
    return table


@compiled(F8, POINTS)
def signed_area(points: Points) -> float:
    """Area of a polygon, below 0 where it runs round the other way; exact."""
    doubled = 0.0
    for k in range(len(points)):
        doubled += float(points[k - 1, 0]) * points[k, 1] - float(points[k, 0]) * points[k - 1, 1]
    return doubled / 2


@compiled(CORNERS, POINTS)
def hull(points: Points) -> NDArray[np.int64]:
    """Corners of the convex hull of points, int64 [K, 2] of x, y (Andrew's monotone chain)."""
    count = len(points)
    keys = np.empty(count, np.int64)
    for k in range(count):
        keys[k] = (np.int64(points[k, 0]) << 32) + np.int64(points[k, 1])
    order = np.argsort(keys)
    found = np.empty((2 * count + 1, 2), np.int64)
    size = 0
    for way in range(2):
        base = size + 1
        for at in range(count):
            point = points[order[at if way == 0 else count - 1 - at]]
            while size > base and (
                (found[size - 1, 0] - found[size - 2, 0]) * (np.int64(point[1]) - found[size - 2, 1])
                <= (found[size - 1, 1] - found[size - 2, 1]) * (np.int64(point[0]) - found[size - 2, 0])
            ):
                size -= 1
            found[size, 0], found[size, 1] = point[0], point[1]
            size += 1
        if way == 0:
            size -= 1
    return found[:size]


@compiled(F8, POINTS)
def hull_area(points: Points) -> float:
    """Area of the convex hull of points."""
    corners = hull(points)
    size = len(corners)
    doubled = 0.0
    for k in range(size):
        following = (k + 1) % size
        doubled += float(corners[k, 0]) * corners[following, 1] - float(corners[following, 0]) * corners[k, 1]
    return fabs(doubled) / 2


@compiled(TABLE, POINTS, INDICES)
def rectangles(points: Points, ends: Indices) -> Floats:
    """Long and short side of the smallest rectangle around each polygon, as `cv2.minAreaRect`: float64 [N, 2].

    One of its sides lies on a side of the convex hull (Freeman and Shapira, CACM 18, 1975).
    """
    sides = np.zeros((len(ends) - 1, 2))
    for n in range(len(sides)):
        corners = hull(points[ends[n] : ends[n + 1]])
        smallest = np.inf
        for k in range(len(corners)):
            following = (k + 1) % len(corners)
            x, y = float(corners[following, 0] - corners[k, 0]), float(corners[following, 1] - corners[k, 1])
            edge = hypot(x, y)
            if edge == 0:
                continue
            x, y = x / edge, y / edge
            along_min, along_max, across_min, across_max = np.inf, -np.inf, np.inf, -np.inf
            for j in range(len(corners)):
                along = corners[j, 0] * x + corners[j, 1] * y
                across = corners[j, 1] * x - corners[j, 0] * y
                along_min, along_max = min(along_min, along), max(along_max, along)
                across_min, across_max = min(across_min, across), max(across_max, across)
            length, width = along_max - along_min, across_max - across_min
            if length * width < smallest:
                smallest = length * width
                sides[n, 0], sides[n, 1] = max(length, width), min(length, width)
    return sides


@compiled(FLOATS, POINTS, INDICES)
def solidities(points: Points, ends: Indices) -> Floats:
    """Share of its convex hull that each polygon fills; 1 for one without a hull."""
    found = np.ones(len(ends) - 1)
    for n in range(len(found)):
        polygon = points[ends[n] : ends[n + 1]]
        around = hull_area(polygon)
        if around > 0:
            found[n] = fabs(signed_area(polygon)) / around
    return found
