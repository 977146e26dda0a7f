"""Which detection is which track: nearest neighbours first, overlapping footprints for the rest.

Points and footprints are in belt millimetres: p (grows upstream) and across.
"""

from dataclasses import dataclass
from typing import cast

import numpy as np
from numpy.typing import NDArray

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


def explain(seen: Floats, seen_whole: Flags, known: Floats, known_whole: Flags, free: Flags) -> Explained:
    """Explains detections by where tracks lie; footprints are rows front, rear, across min and max.

    `seen` [4, D] with `seen_whole` [D]; `known` [4, T] with `known_whole` [T]; `free` [T] are the
    tracks that nothing in this picture explains yet. A track is continued by one whole view at most.
    """
    # Footprints grown by the tolerance, so that pieces of one part that only touch overlap too.
    front, rear, left, right = seen[:, :, None]
    along = np.minimum(rear, known[1]) - np.maximum(front, known[0]) + _TOUCH_MM
    across = np.minimum(right, known[3]) - np.maximum(left, known[2]) + _TOUCH_MM
    overlap = np.maximum(along, 0) * np.maximum(across, 0)
    seen_width, known_width = right - left + _TOUCH_MM, known[3] - known[2] + _TOUCH_MM
    of_known = overlap / ((known[1] - known[0] + _TOUCH_MM) * known_width)
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


def nearest_pairs(seen: Floats, known: Floats, gate_mm: float) -> tuple[Indices, Indices]:
    """One-to-one pairs (index in seen, index in known) of points [2, N] no farther apart than the gate,
    nearest pairs first. Sorted along the belt, so only neighbours are compared."""
    order = known[0].argsort()
    window = known[0, order].searchsorted(np.concatenate([seen[0] - gate_mm, seen[0] + gate_mm]))
    low = window[: seen.shape[1]]
    count = window[seen.shape[1] :] - low
    i = cast("Indices", np.arange(len(count)).repeat(count))
    shift = cast("Indices", (low - count.cumsum() + count).repeat(count))
    j = order[np.arange(len(i)) + shift]
    apart = seen[:, i] - known[:, j]
    apart *= apart
    distance2 = apart[0] + apart[1]
    near = (distance2 <= gate_mm**2).nonzero()[0]
    i, j = i[near], j[near]
    if not len(i) or (np.bincount(i).max() == 1 and np.bincount(j).max() == 1):
        return i, j
    taken_i: set[int] = set()
    taken_j: set[int] = set()
    pairs: list[tuple[int, int]] = []
    by_distance = distance2[near].argsort(kind="stable")
    for a, b in zip(i[by_distance].tolist(), j[by_distance].tolist(), strict=True):
        if a not in taken_i and b not in taken_j:
            taken_i.add(a)
            taken_j.add(b)
            pairs.append((a, b))
    chosen = np.array(pairs, np.intp)
    return chosen[:, 0], chosen[:, 1]
