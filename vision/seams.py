"""Belt seams: a joint that passes is not a part.

A seam is a straight thin band that runs across the belt from border to border of the picture, farther than any part
is long. Parts may lie on it: only what is as thin as the band is taken for it, column by column. Once seen it is
followed by the belt's travel, so that its last corner is not taken for a part when the rest has left the view.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from vision.compiled import BYTES, F8, I8, TABLE, WRITABLE_BYTES, compiled

_BORDER_PX = 4  # a band that comes this near the picture's border runs out of it
_COLUMN_STEP = 3
_SUPPORT = 0.5  # share of the band's columns in which it must show, not covered by parts
_STRAIGHT_PX = 2.5  # off the straight line, where the band still counts as straight
_RIM_PX = 2.0
_STEEPEST = 0.6  # rows a column


@dataclass(frozen=True, slots=True)
class _Seam:
    """In column 0 its middle lies `above_last` rows above the picture's last row; `slope` is rows down a column."""

    above_last: float
    slope: float
    thickness: float


class SeamFilter:
    """Takes seams of at most `widest_px` and more than `longest_part_px` out of the masks of one camera."""

    def __init__(self, widest_px: float, longest_part_px: float) -> None:
        self.seen = 0
        """Seams that came into view."""
        self._widest_px = widest_px
        self._longest_part_px = longest_part_px
        self._known: list[_Seam] = []

    def erase(self, mask: NDArray[np.uint8], boxes: NDArray[np.float64], travel_rows: float | None) -> bool:
        """Clears the seams in `mask` (H x W uint8), in place; whether it cleared any pixel.

        `boxes` [N, 4] are x, y, width, height of its blobs, `travel_rows` how far the belt ran since the mask
        before, None where nobody knows.
        """
        if self._widest_px <= 0:
            return False
        rows, columns = mask.shape
        self._known = [] if travel_rows is None else [_moved(seam, travel_rows) for seam in self._known]
        self._known = [seam for seam in self._known if _is_in_view(seam, rows, columns)]
        wide = np.flatnonzero(boxes[:, 2] > max(self._longest_part_px, 4 * self._widest_px))
        for box in boxes[wide].tolist():
            seam = self._found_in(mask, *(int(v) for v in box))
            if seam is not None:
                others = [k for k in self._known if abs(seam.above_last - k.above_last) >= 2 * self._widest_px]
                self.seen += len(others) == len(self._known)
                self._known = [*others, seam]
        cleared = 0
        for seam in self._known:
            cleared += _clear(mask, rows - 1 - seam.above_last, seam.slope, seam.thickness / 2 + _RIM_PX)
        return cleared > 0

    def _found_in(self, mask: NDArray[np.uint8], left: int, top: int, width: int, height: int) -> _Seam | None:
        rows, columns = mask.shape
        if not _runs_out(left, top, width, height, rows, columns):
            return None
        runs = _thin_runs(mask[top : top + height, left : left + width].copy(), self._widest_px, _COLUMN_STEP)
        if len(runs) < 8:
            return None
        line = _straightest(runs)
        if line is None or abs(line[1]) > _STEEPEST:
            return None
        off = np.abs(runs[:, 1] - line[0] - line[1] * runs[:, 0])
        on_line = runs[off <= _STRAIGHT_PX]
        if len(np.unique(on_line[:, 0])) * _COLUMN_STEP < _SUPPORT * width:
            return None
        slope, start = np.polyfit(on_line[:, 0], on_line[:, 1], 1)
        row = top + start - slope * left  # in column 0 of the picture
        return _Seam(rows - 1 - float(row), float(slope), float(np.quantile(on_line[:, 2], 0.9)))


def _moved(seam: _Seam, travel_rows: float) -> _Seam:
    """The belt runs from the last row towards the first."""
    return replace(seam, above_last=seam.above_last + travel_rows)


def _is_in_view(seam: _Seam, rows: int, columns: int) -> bool:
    ends = (rows - 1 - seam.above_last, rows - 1 - seam.above_last + seam.slope * columns)
    return max(ends) > -seam.thickness and min(ends) < rows + seam.thickness


def _runs_out(left: int, top: int, width: int, height: int, rows: int, columns: int) -> bool:
    """Whether a box reaches the picture's border on two sides, one of them left or right unless it lies across."""
    sides = left < _BORDER_PX, left + width > columns - _BORDER_PX
    ends = top < _BORDER_PX, top + height > rows - _BORDER_PX
    return sum(sides) + sum(ends) >= 2


def _straightest(runs: NDArray[np.float64]) -> tuple[float, float] | None:
    """Row at column 0 and slope of the line through two of the runs that most runs lie on; every pair that is far
    apart of some forty of them is tried."""
    few = runs[np.unique(np.linspace(0, len(runs) - 1, 40).astype(np.intp))]
    reach = few[-1, 0] - few[0, 0]
    best: tuple[float, float] | None = None
    most = 0
    for k, (column, row, _) in enumerate(few):
        for farther in few[k + 1 :]:
            if farther[0] - column < reach / 3:
                continue
            slope = (farther[1] - row) / (farther[0] - column)
            start = row - slope * column
            count = int(np.count_nonzero(np.abs(few[:, 1] - start - slope * few[:, 0]) <= _STRAIGHT_PX))
            if count > most:
                most, best = count, (float(start), float(slope))
    return best


@compiled(TABLE, BYTES, F8, I8)
def _thin_runs(mask: NDArray[np.uint8], widest: float, step: int) -> NDArray[np.float64]:
    """Column, middle row and length of every run of pixels down every `step`th column that is at most `widest`."""
    rows, columns = mask.shape
    found = np.empty((((columns + step - 1) // step) * (rows // 2 + 1), 3))
    n = 0
    for column in range(0, columns, step):
        start = -1
        for row in range(rows + 1):
            inside = row < rows and mask[row, column] > 0
            if inside and start < 0:
                start = row
            elif not inside and start >= 0:
                if row - start <= widest:
                    found[n, 0], found[n, 1], found[n, 2] = column, (start + row - 1) / 2, row - start
                    n += 1
                start = -1
    return found[:n]


@compiled(I8, WRITABLE_BYTES, F8, F8, F8)
def _clear(mask: NDArray[np.uint8], start: float, slope: float, half: float) -> int:
    """Clears what lies wholly within `half` rows of the line, column by column; returns how many pixels."""
    rows, columns = mask.shape
    cleared = 0
    for column in range(columns):
        middle = start + slope * column
        first, last = max(0, int(middle - half + 0.5)), min(rows - 1, int(middle + half + 0.5))
        if first > last:
            continue
        above = first > 0 and mask[first - 1, column] > 0 and mask[first, column] > 0
        below = last < rows - 1 and mask[last + 1, column] > 0 and mask[last, column] > 0
        if above or below:  # a part lies here
            continue
        for row in range(first, last + 1):
            cleared += mask[row, column] > 0
            mask[row, column] = 0
    return cleared
