"""Where a blob may be two parts: the chords between two notches of its outline, and what is seen across each.

Touching and overlapping parts leave a notch on either side of where they meet. A chord between two notches cuts the
outline in two without another picture being made; whether it is a border between parts shows in the silhouette (a
neck), in the colours on both sides of it, in a dark gap along it, and in the height where there is a height map.
"""

from math import atan2, ceil, fabs, hypot, log, pi, sqrt

import numpy as np
from numpy.typing import NDArray

from vision.compiled import BYTES, F4_ROWS, F8, PICTURE, POINTS, TABLE, compiled
from vision.outlines import hull_area

FIRST, SECOND, PROBABILITY = 0, 1, 2
FEATURES = 3
NAMES = (
    "one", "neck, narrower side", "neck, wider side", "length by smaller piece", "length", "notches",
    "straightness", "colour step", "gap", "unevenness", "pieces alike", "height step", "height gap",
    "solidity", "solidity gained", "hollowest piece", "size", "notches of the blob",
    "edge share", "weakest edge", "colour of the sides", "texture", "height edge share", "height of the sides",
)  # fmt: skip
_SHARPEST = pi / 9  # a notch turns by at least this
_REACH_PX = (2.0, 3.0, 4.0)  # how far from the chord the two sides are looked at
_MOST_SAMPLES = 24
_INSIDE = 0.85  # share of the chord that must lie on the blob


@compiled(TABLE, POINTS, PICTURE, BYTES, F4_ROWS, F8)
def candidate_cuts(
    outline: NDArray[np.int32],
    color: NDArray[np.uint8],
    mask: NDArray[np.uint8],
    height: NDArray[np.float32],
    min_area_px: float,
) -> NDArray[np.float64]:
    """A row a chord: the two points of `outline` (int32 [K, 2] of x, y) it joins, room for a probability, then the
    features of `NAMES`.

    `color` is H x W x 3, `mask` H x W, `height` H x W in mm with NaN where nothing was seen, or 0 x 0. Both pieces
    cover at least `min_area_px`.
    """
    count = len(outline)
    doubled = 0.0
    for k in range(count):
        x, y = outline[k]
        nx, ny = outline[(k + 1) % count]
        doubled += float(x) * ny - float(nx) * y
    turn = 1.0 if doubled > 0 else -1.0
    notch = np.zeros(count)
    notches = 0
    for k in range(count):
        x0, y0 = outline[k - 1]
        x1, y1 = outline[k]
        x2, y2 = outline[(k + 1) % count]
        ax, ay, bx, by = float(x1 - x0), float(y1 - y0), float(x2 - x1), float(y2 - y1)
        bend = -turn * atan2(ax * by - ay * bx, ax * bx + ay * by)
        if bend >= _SHARPEST:
            notch[k] = bend
            notches += 1
    found = np.zeros((max(notches * (notches - 1) // 2, 0), FEATURES + len(NAMES)))
    n = 0
    cut_at = np.zeros((len(found), 2))
    solidity = fabs(doubled) / 2 / max(hull_area(outline), 1.0)
    rows, columns = mask.shape
    for i in range(count):
        if notch[i] == 0:
            continue
        piece = 0.0
        for j in range(i + 1, count):
            x0, y0 = outline[j - 1]
            x1, y1 = outline[j]
            piece += float(x0) * y1 - float(x1) * y0
            if notch[j] == 0 or j == i + 1 or (i == 0 and j == count - 1):
                continue
            xi, yi = float(outline[i, 0]), float(outline[i, 1])
            dx, dy = x1 - xi, y1 - yi
            length = hypot(dx, dy)
            if length < 1:
                continue
            first = fabs(piece + float(x1) * yi - xi * float(y1)) / 2
            second = fabs(doubled) / 2 - first
            smaller, larger = min(first, second), max(first, second)
            if smaller < min_area_px:
                continue
            ux, uy = dx / length, dy / length
            # On the blob all the way?
            steps = int(ceil(length))
            inside = 0
            for s in range(steps + 1):
                px, py = int(xi + ux * length * s / steps + 0.5), int(yi + uy * length * s / steps + 0.5)
                inside += mask[py, px] > 0
            if inside < _INSIDE * (steps + 1):
                continue
            # How wide the blob is beside the chord, on either side.
            vx, vy = -uy, ux
            mx, my = xi + dx / 2, yi + dy / 2
            most = 3 * length + 20
            widths = np.zeros(2)
            for side in range(2):
                sign = 1.0 if side == 0 else -1.0
                for share in (0.5, 1.0):
                    off = sign * max(3.0 + 2 * (share - 0.5), share * length)
                    width = 0.0
                    for way in (-1.0, 1.0):
                        reach = 0.0 if way < 0 else 1.0
                        while reach < most:
                            px = int(mx + vx * off + way * ux * reach + 0.5)
                            py = int(my + vy * off + way * uy * reach + 0.5)
                            if px < 0 or py < 0 or px >= columns or py >= rows or mask[py, px] == 0:
                                break
                            reach += 1.0
                            width += 1.0
                    widths[side] = max(widths[side], width)
            # What is seen across.
            samples = min(steps + 1, _MOST_SAMPLES)
            step0 = step1 = step2 = gap = uneven = 0.0
            seen = 0
            h_a = h_b = h_on = 0.0
            h_sides = h_line = 0
            for s in range(samples):
                t = (s + 0.5) / samples * length
                cx, cy = xi + ux * t, yi + uy * t
                lx, ly = int(cx + 0.5), int(cy + 0.5)
                for reach in _REACH_PX:
                    px, py = int(cx + vx * reach + 0.5), int(cy + vy * reach + 0.5)
                    qx, qy = int(cx - vx * reach + 0.5), int(cy - vy * reach + 0.5)
                    if px < 0 or py < 0 or px >= columns or py >= rows or mask[py, px] == 0:
                        continue
                    if qx < 0 or qy < 0 or qx >= columns or qy >= rows or mask[qy, qx] == 0:
                        continue
                    d0 = float(color[py, px, 0]) - color[qy, qx, 0]
                    d1 = float(color[py, px, 1]) - color[qy, qx, 1]
                    d2 = float(color[py, px, 2]) - color[qy, qx, 2]
                    step0 += d0
                    step1 += d1
                    step2 += d2
                    uneven += fabs(d0) + fabs(d1) + fabs(d2)
                    light_p = float(color[py, px, 0]) + color[py, px, 1] + color[py, px, 2]
                    light_q = float(color[qy, qx, 0]) + color[qy, qx, 1] + color[qy, qx, 2]
                    light = float(color[ly, lx, 0]) + color[ly, lx, 1] + color[ly, lx, 2]
                    gap += min(light_p, light_q) - light
                    seen += 1
                    if height.shape[0] > 0:
                        hp, hq, hl = height[py, px], height[qy, qx], height[ly, lx]
                        if hp == hp and hq == hq:
                            h_a += hp
                            h_b += hq
                            h_sides += 1
                        if hl == hl:
                            h_on += hl
                            h_line += 1
            # An edge of colour or height somewhere within two pixels of the chord, all along it.
            edges = h_edges = 0
            weakest = 60.0
            for s in range(samples):
                t = (s + 0.5) / samples * length
                cx, cy = xi + ux * t, yi + uy * t
                best = h_best = 0.0
                for shift in range(-2, 3):
                    px, py = int(cx + vx * (shift + 1.5) + 0.5), int(cy + vy * (shift + 1.5) + 0.5)
                    qx, qy = int(cx + vx * (shift - 1.5) + 0.5), int(cy + vy * (shift - 1.5) + 0.5)
                    if min(px, qx) < 0 or min(py, qy) < 0 or max(px, qx) >= columns or max(py, qy) >= rows:
                        continue
                    best = max(
                        best,
                        fabs(float(color[py, px, 0]) - color[qy, qx, 0])
                        + fabs(float(color[py, px, 1]) - color[qy, qx, 1])
                        + fabs(float(color[py, px, 2]) - color[qy, qx, 2]),
                    )
                    if height.shape[0] > 0:
                        rise = fabs(height[py, px] - height[qy, qx])
                        if rise == rise:
                            h_best = max(h_best, rise)
                edges += best > 36
                h_edges += h_best > 0.25
                weakest = min(weakest, best / 3)
            # The sides farther in.
            sums = np.zeros((2, 8))
            for side in range(2):
                sign = 1.0 if side == 0 else -1.0
                for s in range(0, samples, 2):
                    t = (s + 0.5) / samples * length
                    for reach in (5.0, 8.0, 12.0, 17.0):
                        px = int(xi + ux * t + sign * vx * reach + 0.5)
                        py = int(yi + uy * t + sign * vy * reach + 0.5)
                        if px < 0 or py < 0 or px >= columns or py >= rows or mask[py, px] == 0:
                            break
                        light = 0.0
                        for channel in range(3):
                            value = float(color[py, px, channel])
                            sums[side, channel] += value
                            light += value
                        sums[side, 3] += light * light
                        sums[side, 4] += 1
                        if height.shape[0] > 0 and height[py, px] == height[py, px]:
                            sums[side, 5] += height[py, px]
                            sums[side, 6] += 1
            row = found[n]
            row[FIRST], row[SECOND] = i, j
            row[FEATURES + 18] = edges / samples
            row[FEATURES + 19] = weakest / 20
            n_a, n_b = sums[0, 4], sums[1, 4]
            if n_a > 0 and n_b > 0:
                apart = light_a = light_b = 0.0
                for channel in range(3):
                    apart += fabs(sums[0, channel] / n_a - sums[1, channel] / n_b)
                    light_a += sums[0, channel] / n_a
                    light_b += sums[1, channel] / n_b
                row[FEATURES + 20] = log(1 + apart)
                spread = max(sums[0, 3] / n_a - light_a * light_a, 0.0) + max(sums[1, 3] / n_b - light_b * light_b, 0.0)
                row[FEATURES + 21] = log(1 + sqrt(spread))
            row[FEATURES + 22] = h_edges / samples
            if sums[0, 6] > 0 and sums[1, 6] > 0:
                row[FEATURES + 23] = log(1 + fabs(sums[0, 5] / sums[0, 6] - sums[1, 5] / sums[1, 6]))
            f = FEATURES
            row[f] = 1.0
            row[f + 1] = log((min(widths[0], widths[1]) + 1) / (length + 1))
            row[f + 2] = log((max(widths[0], widths[1]) + 1) / (length + 1))
            row[f + 3] = log((length + 1) / sqrt(smaller))
            row[f + 4] = log(length + 1)
            row[f + 5] = min(notch[i], notch[j])
            # The chord should continue the outline of both pieces: the bend left at its ends.
            row[f + 6] = max(notch[i], notch[j])
            if seen > 0:
                step = fabs(step0 / seen) + fabs(step1 / seen) + fabs(step2 / seen)
                row[f + 7] = log(1 + step)
                row[f + 8] = min(max(gap / seen / 30, -2.0), 4.0)
                row[f + 9] = log(1 + max(uneven / seen - step, 0.0))
            row[f + 10] = log(larger / smaller)
            if h_sides > 0 and h_line > 0:
                a, b, on = h_a / h_sides, h_b / h_sides, h_on / h_line
                row[f + 11] = log(1 + fabs(a - b))
                row[f + 12] = min(max(min(a, b) - on, -2.0), 4.0)
            cut_at[n, 0], cut_at[n, 1] = first, second
            n += 1
    for k in range(n):
        row = found[k]
        i, j = int(row[FIRST]), int(row[SECOND])
        first, second = cut_at[k]
        a = first / max(hull_area(outline[i : j + 1]), 1.0)
        b = second / max(hull_area(np.concatenate((outline[j:], outline[: i + 1]))), 1.0)
        row[FEATURES + 13] = solidity
        row[FEATURES + 14] = (a * first + b * second) / (first + second) - solidity
        row[FEATURES + 15] = min(a, b)
        row[FEATURES + 16] = log(fabs(doubled) / 2 + 1)
        row[FEATURES + 17] = log(1.0 + notches)
    return found[:n]
