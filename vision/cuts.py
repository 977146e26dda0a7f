"""Where a blob may be two parts: the chords between two notches of its outline, and what is seen across each.

Touching and overlapping parts leave a notch on either side of where they meet. A chord between two notches cuts the
outline in two without another picture being made; whether it is a border between parts shows in the silhouette (a
neck, pieces that are rounder than the whole), in the colours on both sides, in a dark gap or an edge along it, and in
the height where there is a height map. `cut_judge` weighs it all.
"""

from math import atan2, ceil, fabs, hypot, log, pi, sqrt

import numpy as np
from numpy.typing import NDArray

from vision.compiled import BYTES, F4_ROWS, F8, FLOATS, I8, PICTURE, POINTS, TABLE, compiled
from vision.outlines import hull_area, signed_area

FIRST, SECOND, PROBABILITY, FEATURES = range(4)
NAMES = (
    "neck, narrower side", "neck, wider side", "length by smaller piece", "length", "shallower notch", "deeper notch",
    "pieces alike", "solidity", "solidity gained", "hollowest piece", "size", "notches of the blob",
    "colour step", "gap", "unevenness", "edge share", "weakest edge", "colour of the sides", "texture",
    "height step", "height gap", "height edge share", "height of the sides",
)  # fmt: skip
HEIGHT_NAMES = NAMES[-4:]

_COUNT = len(NAMES)
_SHAPE, _SEEN, _HEIGHTS = FEATURES, FEATURES + 12, FEATURES + 19
_SHARPEST = pi / 9  # a notch turns by at least this
_INSIDE = 0.85  # share of the chord that must lie on the blob
_LEAST_GAIN = 0.0  # of solidity: cutting parts apart leaves pieces that fill their hulls at least as well
_SAMPLES = 24  # places along a chord, at most
_NEAR_PX = (2.0, 3.0, 4.0)  # off the chord: the two sides where they meet
_FAR_PX = (5.0, 8.0, 12.0, 17.0)  # and farther in
_EDGE_LEVELS = 36.0  # grey levels, summed over the channels, across 3 px
_EDGE_MM = 0.25

Points = NDArray[np.int32]
Bytes = NDArray[np.uint8]
Heights = NDArray[np.float32]
Floats = NDArray[np.float64]


@compiled(FLOATS, POINTS)
def _notches(outline: Points) -> Floats:
    """How far the outline turns inwards at each of its points, in radians; 0 where it does not by `_SHARPEST`."""
    count = len(outline)
    turn = 1.0 if signed_area(outline) > 0 else -1.0
    notch = np.zeros(count)
    for k in range(count):
        ax, ay = float(outline[k, 0] - outline[k - 1, 0]), float(outline[k, 1] - outline[k - 1, 1])
        following = (k + 1) % count
        bx, by = float(outline[following, 0] - outline[k, 0]), float(outline[following, 1] - outline[k, 1])
        bend = -turn * atan2(ax * by - ay * bx, ax * bx + ay * by)
        if bend >= _SHARPEST:
            notch[k] = bend
    return notch


@compiled(I8, F8, F8, BYTES)
def _on_blob(x: float, y: float, mask: Bytes) -> int:
    """1 where the pixel nearest to (x, y) is on the blob, 0 elsewhere and outside the picture."""
    column, row = int(x + 0.5), int(y + 0.5)
    if x < -0.5 or y < -0.5 or column >= mask.shape[1] or row >= mask.shape[0]:
        return 0
    return 1 if mask[row, column] > 0 else 0


@compiled(I8, F8, F8, F8, F8, F8, BYTES)
def _lies_inside(x: float, y: float, dx: float, dy: float, length: float, mask: Bytes) -> int:
    """1 where enough of the chord lies on the blob."""
    steps = ceil(length)
    inside = 0
    for s in range(steps + 1):
        inside += _on_blob(x + dx * s / steps, y + dy * s / steps, mask)
    return 1 if inside >= _INSIDE * (steps + 1) else 0


@compiled(F8, F8, F8, F8, F8, F8, F8, BYTES)
def _width(x: float, y: float, ux: float, uy: float, side: float, length: float, mask: Bytes) -> float:
    """How wide the blob is parallel to the chord (direction u, middle x, y), on one side of it: the wider of what is
    found half a chord's length off and a whole one; at most about four lengths are walked each way."""
    step = max(1.0, length / 16)
    most = 3 * length + 20
    widest = 0.0
    for off in (max(2.0, length / 2), max(4.0, length)):
        ox, oy = x - uy * side * off, y + ux * side * off
        width = 0.0
        for way in (-1.0, 1.0):
            reach = 0.0
            while reach < most and _on_blob(ox + way * ux * reach, oy + way * uy * reach, mask):
                reach += step
            width += reach
        widest = max(widest, width)
    return widest


@compiled(None, FLOATS, F8, F8, F8, F8, F8, PICTURE, BYTES, F4_ROWS)
def _look_across(
    row: Floats, x: float, y: float, ux: float, uy: float, length: float, color: Bytes, mask: Bytes, height: Heights
) -> None:
    """Fills in how the two sides differ where they meet, and how much darker and lower it is between them."""
    samples = min(ceil(length) + 1, _SAMPLES)
    steps = np.zeros(3)
    gap = uneven = 0.0
    seen = 0
    side_mm = np.zeros(2)
    line_mm = 0.0
    sides = line = 0
    for s in range(samples):
        t = (s + 0.5) / samples * length
        cx, cy = x + ux * t, y + uy * t
        on = color[int(cy + 0.5), int(cx + 0.5)]
        if height.shape[0] > 0 and height[int(cy + 0.5), int(cx + 0.5)] == height[int(cy + 0.5), int(cx + 0.5)]:
            line_mm += height[int(cy + 0.5), int(cx + 0.5)]
            line += 1
        for reach in _NEAR_PX:
            px, py, qx, qy = cx - uy * reach, cy + ux * reach, cx + uy * reach, cy - ux * reach
            if not (_on_blob(px, py, mask) and _on_blob(qx, qy, mask)):
                continue
            p, q = color[int(py + 0.5), int(px + 0.5)], color[int(qy + 0.5), int(qx + 0.5)]
            light_p = light_q = light = 0.0
            for channel in range(3):
                step = float(p[channel]) - q[channel]
                steps[channel] += step
                uneven += fabs(step)
                light_p += p[channel]
                light_q += q[channel]
                light += on[channel]
            gap += min(light_p, light_q) - light
            seen += 1
            if height.shape[0] > 0:
                one, other = height[int(py + 0.5), int(px + 0.5)], height[int(qy + 0.5), int(qx + 0.5)]
                if one == one and other == other:
                    side_mm[0] += one
                    side_mm[1] += other
                    sides += 1
    if seen > 0:
        step = (fabs(steps[0]) + fabs(steps[1]) + fabs(steps[2])) / seen
        row[_SEEN + 0] = log(1 + step)
        row[_SEEN + 1] = min(max(gap / seen / 30, -2.0), 4.0)
        row[_SEEN + 2] = log(1 + max(uneven / seen - step, 0.0))
    if sides > 0 and line > 0:
        row[_HEIGHTS + 0] = log(1 + fabs(side_mm[0] - side_mm[1]) / sides)
        row[_HEIGHTS + 1] = min(max(min(side_mm[0], side_mm[1]) / sides - line_mm / line, -2.0), 4.0)


@compiled(None, FLOATS, F8, F8, F8, F8, F8, PICTURE, F4_ROWS)
def _look_for_an_edge(
    row: Floats, x: float, y: float, ux: float, uy: float, length: float, color: Bytes, height: Heights
) -> None:
    """Fills in on what share of the chord there is an edge of colour, or of height, within two pixels of it."""
    samples = min(ceil(length) + 1, _SAMPLES)
    rows, columns = color.shape[:2]
    edges = rises = 0
    weakest = 60.0
    for s in range(samples):
        t = (s + 0.5) / samples * length
        strongest = steepest = 0.0
        for shift in range(-2, 3):
            cx, cy = x + ux * t - uy * shift, y + uy * t + ux * shift
            px, py, qx, qy = (
                int(cx - uy * 1.5 + 0.5), int(cy + ux * 1.5 + 0.5), int(cx + uy * 1.5 + 0.5), int(cy - ux * 1.5 + 0.5)
            )  # fmt: skip
            if min(px, qx) < 0 or min(py, qy) < 0 or max(px, qx) >= columns or max(py, qy) >= rows:
                continue
            step = 0.0
            for channel in range(3):
                step += fabs(float(color[py, px, channel]) - color[qy, qx, channel])
            strongest = max(strongest, step)
            if height.shape[0] > 0:
                rise = fabs(height[py, px] - height[qy, qx])
                if rise == rise:
                    steepest = max(steepest, rise)
        edges += strongest > _EDGE_LEVELS
        rises += steepest > _EDGE_MM
        weakest = min(weakest, strongest / 3)
    row[_SEEN + 3] = edges / samples
    row[_SEEN + 4] = weakest / 20
    row[_HEIGHTS + 2] = rises / samples


@compiled(None, FLOATS, F8, F8, F8, F8, F8, PICTURE, BYTES, F4_ROWS)
def _look_farther_in(
    row: Floats, x: float, y: float, ux: float, uy: float, length: float, color: Bytes, mask: Bytes, height: Heights
) -> None:
    """Fills in how the pieces differ away from the chord: their mean colours, brightness spread and mean heights."""
    samples = min(ceil(length) + 1, _SAMPLES)
    sums = np.zeros((2, 7))  # blue, green, red, square of their sum, pixels, mm, pixels with height
    for side in range(2):
        sign = 1.0 - 2 * side
        for s in range(0, samples, 2):
            t = (s + 0.5) / samples * length
            for reach in _FAR_PX:
                px, py = x + ux * t - uy * sign * reach, y + uy * t + ux * sign * reach
                if not _on_blob(px, py, mask):
                    break
                light = 0.0
                for channel in range(3):
                    value = float(color[int(py + 0.5), int(px + 0.5), channel])
                    sums[side, channel] += value
                    light += value
                sums[side, 3] += light * light
                sums[side, 4] += 1
                if height.shape[0] > 0:
                    mm = height[int(py + 0.5), int(px + 0.5)]
                    if mm == mm:
                        sums[side, 5] += mm
                        sums[side, 6] += 1
    if sums[0, 4] > 0 and sums[1, 4] > 0:
        apart = spread = 0.0
        for channel in range(3):
            apart += fabs(sums[0, channel] / sums[0, 4] - sums[1, channel] / sums[1, 4])
        for side in range(2):
            mean = (sums[side, 0] + sums[side, 1] + sums[side, 2]) / sums[side, 4]
            spread += max(sums[side, 3] / sums[side, 4] - mean * mean, 0.0)
        row[_SEEN + 5] = log(1 + apart)
        row[_SEEN + 6] = log(1 + sqrt(spread))
    if sums[0, 6] > 0 and sums[1, 6] > 0:
        row[_HEIGHTS + 3] = log(1 + fabs(sums[0, 5] / sums[0, 6] - sums[1, 5] / sums[1, 6]))


@compiled(TABLE, POINTS, PICTURE, BYTES, F4_ROWS, F8)
def candidate_cuts(outline: Points, color: Bytes, mask: Bytes, height: Heights, min_area_px: float) -> Floats:
    """A row a chord: the two points of `outline` (int32 [K, 2] of x, y) it joins, room for a probability, then the
    features of `NAMES`.

    `color` is H x W x 3, `mask` H x W, `height` H x W in mm with NaN where nothing was seen, or 0 x 0. Both pieces
    cover at least `min_area_px`.
    """
    notch = _notches(outline)
    notches = np.count_nonzero(notch)
    count = len(outline)
    area = fabs(signed_area(outline))
    solidity = area / max(hull_area(outline), 1.0)
    found = np.zeros((notches * max(notches - 1, 0) // 2, FEATURES + _COUNT))
    n = 0
    for i in range(count):
        if notch[i] == 0:
            continue
        for j in range(i + 2, count):
            if notch[j] == 0 or (i == 0 and j == count - 1):
                continue
            piece = outline[i : j + 1]
            first = fabs(signed_area(piece))
            second = area - first
            smaller, larger = min(first, second), max(first, second)
            x, y = float(outline[i, 0]), float(outline[i, 1])
            dx, dy = outline[j, 0] - x, outline[j, 1] - y
            length = hypot(dx, dy)
            if smaller < min_area_px or length < 1 or not _lies_inside(x, y, dx, dy, length, mask):
                continue
            first_solidity = first / max(hull_area(piece), 1.0)
            second_solidity = second / max(hull_area(np.concatenate((outline[j:], outline[: i + 1]))), 1.0)
            gained = (first_solidity * first + second_solidity * second) / area - solidity
            if gained < _LEAST_GAIN:
                continue
            row = found[n]
            row[FIRST], row[SECOND] = i, j
            ux, uy = dx / length, dy / length
            one = _width(x + dx / 2, y + dy / 2, ux, uy, 1.0, length, mask)
            other = _width(x + dx / 2, y + dy / 2, ux, uy, -1.0, length, mask)
            row[_SHAPE + 0] = log((min(one, other) + 1) / (length + 1))
            row[_SHAPE + 1] = log((max(one, other) + 1) / (length + 1))
            row[_SHAPE + 2] = log((length + 1) / sqrt(smaller))
            row[_SHAPE + 3] = log(length + 1)
            row[_SHAPE + 4] = min(notch[i], notch[j])
            row[_SHAPE + 5] = max(notch[i], notch[j])
            row[_SHAPE + 6] = log(larger / smaller)
            row[_SHAPE + 7] = solidity
            row[_SHAPE + 8] = gained
            row[_SHAPE + 9] = min(first_solidity, second_solidity)
            row[_SHAPE + 10] = log(area + 1)
            row[_SHAPE + 11] = log(1.0 + notches)
            _look_across(row, x, y, ux, uy, length, color, mask, height)
            _look_for_an_edge(row, x, y, ux, uy, length, color, height)
            _look_farther_in(row, x, y, ux, uy, length, color, mask, height)
            n += 1
    return found[:n]
