"""Which detection is which track: nearest neighbours first, overlapping footprints for the rest.

Points and footprints are in belt millimetres: p (grows upstream) and across.
"""

from dataclasses import dataclass
from typing import cast

import numpy as np
from numpy.typing import NDArray

from vision.results import Detections

_TOUCH_MM = 2.0  # two views of one cut part may miss each other by this
_SAME_SHARE = 0.4  # of a footprint, from which two overlapping footprints are one part

Floats = NDArray[np.float64]
Indices = NDArray[np.intp]
Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Explained:
    """What D detections that no nearest neighbour explains are; every index array is [D], -1 for none.

    `continues`: the track that this whole view completes (seen only cut so far), or continues farther
    off than the gate; `again`: the track that this cut view shows once more. `pieces` bool [T]: tracks
    only seen cut that a whole view covers and no view continues.
    """

    continues: Indices
    again: Indices
    pieces: Flags


def any_touch(seen: Floats, known: Floats) -> bool:
    """Whether any of these footprints touch; rows front, across min, rear, across max, [4, D] and [4, T]."""
    low, high = seen[:2] - _TOUCH_MM, seen[2:] + _TOUCH_MM
    # What enters lies upstream of nearly all tracks: few are left to compare.
    reach = (known[2] > cast("float", np.minimum.reduce(low[0]))).nonzero()[0]
    near = cast("Floats", known.take(reach, axis=1))
    touching = low[:, :, None] < near[2:, None]
    touching &= high[:, :, None] > near[:2, None]
    return bool(np.count_nonzero(touching[0] & touching[1]))


def explain(seen: Floats, seen_whole: Flags, known: Floats, known_whole: Flags, free: Flags) -> Explained:
    """Explains detections by where tracks lie; footprints are rows front, across min, rear, across max.

    `seen` [4, D] with `seen_whole` [D]; `known` [4, T] with `known_whole` [T]; `free` [T] are the
    tracks that nothing in this picture explains yet. A track is continued by one whole view at most.
    """
    # Footprints grown by the tolerance, so that pieces of one part that only touch overlap too.
    front, left, rear, right = seen[:, :, None]
    known_front, known_left, known_rear, known_right = known
    along = np.minimum(rear, known_rear) - np.maximum(front, known_front) + _TOUCH_MM
    across = np.minimum(right, known_right) - np.maximum(left, known_left) + _TOUCH_MM
    overlap = np.maximum(along, 0) * np.maximum(across, 0)
    seen_width, known_width = right - left + _TOUCH_MM, known_right - known_left + _TOUCH_MM
    of_known = overlap / ((known_rear - known_front + _TOUCH_MM) * known_width)
    of_seen = overlap / ((rear - front + _TOUCH_MM) * seen_width)
    # Two pieces of a part that was never seen whole lie end to end: the same place across is enough.
    end_to_end = (along > 0) * across / np.minimum(seen_width, known_width)
    score = _choose(
        seen_whole[:, None],
        _choose(known_whole, np.maximum(of_known, of_seen), of_known) * free,
        _choose(known_whole, of_seen, end_to_end),
    )
    best = score.argmax(axis=1)
    strength = score[np.arange(len(best)), best]
    same = strength > _SAME_SHARE
    continues = np.full(len(best), -1)
    pieces = np.zeros(len(known_whole), np.bool_)
    if seen_whole.any():
        rivals = np.flatnonzero(seen_whole & same)
        rivals = rivals[np.argsort(-strength[rivals], kind="stable")]
        _, first = np.unique(best[rivals], return_index=True)
        continues[rivals[first]] = best[rivals[first]]
        pieces = ~known_whole & (of_known[seen_whole].max(axis=0) > _SAME_SHARE)
        pieces[best[rivals]] = False
    return Explained(continues, np.where(same & ~seen_whole, best, -1), pieces)


def _choose(condition: Flags, this: Floats, that: Floats) -> Floats:
    return cast("Floats", np.where(condition, this, that))


def nearest_pairs(seen: Detections, leaving: Flags, e: float, known: Floats, gate_mm: float) -> tuple[Indices, Indices]:
    """One-to-one pairs (detection, track) no farther apart than the gate, nearest pairs first.

    `known` [3, T] is across, front and rear of the tracks; `e` is where the belt stands. The edge compared
    is one that both views truly show: the downstream one, also of a part that is still entering; the
    upstream one of a part that is `leaving`.
    """
    # All squared distances by one matrix product: |s|^2 + |k|^2 - 2 s.k, with a column for either edge.
    # For what fits in a view this costs less than half of comparing neighbours found by sorting. Along
    # the belt is from the camera's datum here: nothing cancels, however far the belt has run.
    across = seen.across_mm
    of_seen = np.empty((6, len(leaving)))
    of_seen[2] = leaving
    np.subtract(1, of_seen[2], out=of_seen[1])
    of_seen[3] = across
    np.multiply(of_seen[1], seen.along_max_mm, out=of_seen[4])
    np.multiply(of_seen[2], seen.along_min_mm, out=of_seen[5])
    edge = of_seen[4] + of_seen[5]
    np.add(edge * edge, across * across, out=of_seen[0])
    of_known = np.empty((6, known.shape[1]))
    of_known[0] = 1
    points = of_known[3:]
    points[:] = known
    np.subtract(e, points[1:], out=points[1:])
    squares = points * points
    np.add(squares[1:], squares[0], out=of_known[1:3])
    points *= -2
    distance2 = (of_seen.T @ of_known).ravel()
    near = (distance2 <= gate_mm**2).nonzero()[0]
    i = near // known.shape[1]
    j = near - i * known.shape[1]
    if np.count_nonzero(np.bincount(i)) == len(i) == np.count_nonzero(np.bincount(j)):
        return i, j
    taken_i: set[int] = set()
    taken_edges: set[tuple[int, bool]] = set()
    pairs: list[tuple[int, int]] = []
    for at in distance2[near].argsort(kind="stable"):
        a, b = int(i[at]), int(j[at])
        which_edge = b, bool(leaving[a])
        if a not in taken_i and which_edge not in taken_edges:
            taken_i.add(a)
            taken_edges.add(which_edge)
            pairs.append((a, b))
    chosen = np.array(pairs, np.intp)
    return chosen[:, 0], chosen[:, 1]
