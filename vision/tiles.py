"""A belt picture as the overlapping tiles that a detector takes, and one list of parts again. Pure."""

from dataclasses import dataclass
from math import ceil

import cv2
import numpy as np
from numpy.typing import NDArray

Boxes = NDArray[np.float64]
"""[N, 4] of x0, y0, x1, y1 in pixels, edges between pixels: a box of the first pixel alone is 0, 0, 1, 1."""

_INSIDE = 0.6  # share of a fragment that must lie in a part for it to be that part's
_TOUCHING = 0.2  # share of the smaller of two fragments that both must cover to be one part's


@dataclass(frozen=True, slots=True)
class Tiling:
    """Tiles of `width` x `height` pixels; `corners` int64 [T, 2] of left, top, in the picture."""

    corners: NDArray[np.int64]
    width: int
    height: int

    @classmethod
    def of(cls, columns: int, rows: int, width: int, height: int, overlap: int) -> "Tiling":
        """As few tiles as cover the picture so that neighbours overlap by at least `overlap` pixels.

        They are spread evenly and none reaches beyond the picture, unless the picture is smaller than a tile.
        """
        lefts, tops = _starts(columns, width, overlap), _starts(rows, height, overlap)
        corners = np.array([(left, top) for top in tops for left in lefts], np.int64)
        return cls(corners, width, height)

    def fragments(
        self, boxes: Boxes, tile: NDArray[np.int64], columns: int, rows: int, slack: float
    ) -> NDArray[np.bool_]:
        """Which boxes (in the picture, [N, 4]) end within `slack` pixels of an edge of their tile [N] beyond which the
        picture goes on: another tile may see more of that part."""
        left, top = self.corners[tile].T
        right, bottom = left + self.width, top + self.height
        return (
            ((left > 0) & (boxes[:, 0] < left + slack))
            | ((top > 0) & (boxes[:, 1] < top + slack))
            | ((right < columns) & (boxes[:, 2] > right - slack))
            | ((bottom < rows) & (boxes[:, 3] > bottom - slack))
        )


def _starts(length: int, side: int, overlap: int) -> list[int]:
    if length <= side:
        return [0]
    count = ceil((length - overlap) / (side - overlap))
    return [round(k * (length - side) / (count - 1)) for k in range(count)]


def suppressed(boxes: Boxes, scores: NDArray[np.float32], iou: float) -> NDArray[np.int64]:
    """Indices of the boxes that no better one overlaps by more than `iou`, best first (greedy suppression)."""
    if not len(boxes):
        return np.zeros(0, np.int64)
    rectangles = np.concatenate([boxes[:, :2], boxes[:, 2:] - boxes[:, :2]], axis=1)
    kept = cv2.dnn.NMSBoxes(rectangles.tolist(), scores.tolist(), 0.0, iou)
    return np.asarray(kept, np.int64).reshape(-1)


def within(inner: Boxes, outer: Boxes) -> NDArray[np.float64]:
    """Share of each inner box [N, 4] that lies in each outer one [M, 4]: [N, M]."""
    common = np.minimum(inner[:, None, 2:], outer[None, :, 2:]) - np.maximum(inner[:, None, :2], outer[None, :, :2])
    areas = np.maximum((inner[:, 2:] - inner[:, :2]).prod(axis=1), 1e-9)
    return common.clip(0).prod(axis=2) / areas[:, None]


def merged(
    boxes: Boxes, scores: NDArray[np.float32], fragment: NDArray[np.bool_], iou: float
) -> tuple[NDArray[np.int64], Boxes]:
    """The parts that the answers [N] of all tiles show.

    Of the whole ones, the indices of those that are left after suppression. Of the fragments that none of these
    explains, the boxes around those that touch each other: parts that no tile saw whole, [M, 4].
    """
    whole = np.flatnonzero(~fragment)
    kept = whole[suppressed(boxes[whole], scores[whole], iou)]
    pieces = np.flatnonzero(fragment)
    if len(kept):
        pieces = pieces[within(boxes[pieces], boxes[kept]).max(axis=1, initial=0) < _INSIDE]
    return kept, _joined(boxes[pieces])


def _joined(boxes: Boxes) -> Boxes:
    """Boxes around the groups of boxes that touch each other."""
    groups: list[NDArray[np.float64]] = list(boxes)
    changed = True
    while changed:
        changed = False
        for k, box in enumerate(groups):
            others = np.array(groups[k + 1 :]).reshape(-1, 4)
            share = np.maximum(within(box[None], others)[0], within(others, box[None])[:, 0])
            touching = np.flatnonzero(share > _TOUCHING)
            if len(touching):
                with_box = np.concatenate([box[None], others[touching]])
                groups[k] = np.concatenate([with_box[:, :2].min(axis=0), with_box[:, 2:].max(axis=0)])
                groups = [g for j, g in enumerate(groups) if j <= k or (j - k - 1) not in touching]
                changed = True
                break
    return np.array(groups, np.float64).reshape(-1, 4)
