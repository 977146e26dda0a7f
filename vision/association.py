"""Which detection is which track: nearest neighbours first, overlapping footprints for the rest.

Points and footprints are in belt millimetres: p (grows upstream) and across.
"""

from dataclasses import dataclass
from typing import cast

import numpy as np
from numpy.typing import NDArray

_TOUCH_MM = 2.0  # two views of one cut part may miss each other by this
_SAME_SHARE = 0.4  # of a footprint, from which two overlapping footprints are one part


@dataclass(frozen=True, slots=True)
class Explained:
    """What D detections that no nearest neighbour explains are; every index array is [D].

    `slid_to`: the track seen whole before that this whole view continues, farther off than the gate;
    `continues`: the track only seen cut before that this whole view completes; `again`: the track that
    this cut view shows once more; each -1 where there is none. `pieces` bool [T]: tracks only seen cut
    that a whole view covers.
    """

    slid_to: NDArray[np.intp]
    continues: NDArray[np.intp]
    again: NDArray[np.intp]
    pieces: NDArray[np.bool_]


def explain(
    seen: NDArray[np.float64],
    seen_whole: NDArray[np.bool_],
    known: NDArray[np.float64],
    known_whole: NDArray[np.bool_],
    free: NDArray[np.bool_],
) -> Explained:
    """Explains detections by where tracks lie; footprints are rows front, rear, across min and max.

    `seen` [4, D] with `seen_whole` [D]; `known` [4, T] with `known_whole` [T]; `free` [T] are the
    tracks that nothing in this picture explains yet. A track is continued by one whole view at most.
    """
    # Footprints grown by the tolerance, so that pieces of one part that only touch overlap too.
    along = np.minimum(seen[1][:, None], known[1]) - np.maximum(seen[0][:, None], known[0]) + _TOUCH_MM
    across = np.minimum(seen[3][:, None], known[3]) - np.maximum(seen[2][:, None], known[2]) + _TOUCH_MM
    overlap = np.maximum(along, 0) * np.maximum(across, 0)
    seen_width, known_width = seen[3] - seen[2] + _TOUCH_MM, known[3] - known[2] + _TOUCH_MM
    of_known = overlap / ((known[1] - known[0] + _TOUCH_MM) * known_width)
    of_seen = overlap / ((seen[1] - seen[0] + _TOUCH_MM) * seen_width)[:, None]
    # Two pieces of a part that was never seen whole lie end to end: the same place across is enough.
    end_to_end = (along > 0) * across / np.minimum(seen_width[:, None], known_width)
    score: NDArray[np.float64] = of_known.copy()
    score[:, known_whole] = of_seen[:, known_whole]
    whole_pair = np.ix_(seen_whole, known_whole)
    score[whole_pair] = (np.maximum(of_known, of_seen) * free)[whole_pair]
    cut_pair = np.ix_(~seen_whole, ~known_whole)
    score[cut_pair] = end_to_end[cut_pair]
    best = np.argmax(score, axis=1)
    strength = score[np.arange(len(best)), best]
    same = strength > _SAME_SHARE
    rivals = np.flatnonzero(seen_whole & same)
    rivals = rivals[np.argsort(-strength[rivals], kind="stable")]
    _, first = np.unique(best[rivals], return_index=True)
    owner = np.full(len(best), -1)
    owner[rivals[first]] = best[rivals[first]]
    owned_whole = known_whole[owner] & (owner >= 0)
    return Explained(
        slid_to=np.where(owned_whole, owner, -1),
        continues=np.where(owned_whole, -1, owner),
        again=np.where(same & ~seen_whole, best, -1),
        pieces=~known_whole & (of_known[seen_whole].max(axis=0, initial=0.0) > _SAME_SHARE),
    )


def nearest_pairs(
    seen: NDArray[np.float64], known: NDArray[np.float64], gate_mm: float
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """One-to-one pairs (index in seen, index in known) of points [2, N] no farther apart than the gate,
    nearest pairs first. Sorted along the belt, so only neighbours are compared."""
    order = np.argsort(known[0])
    along = known[0, order]
    low = cast("NDArray[np.intp]", np.searchsorted(along, seen[0] - gate_mm, side="left"))
    high = cast("NDArray[np.intp]", np.searchsorted(along, seen[0] + gate_mm, side="right"))
    count = high - low
    start = cast("NDArray[np.intp]", np.cumsum(count)) - count
    i = cast("NDArray[np.intp]", np.repeat(np.arange(len(count)), count.tolist()))
    j = order[np.arange(len(i)) - np.repeat(start - low, count)]
    apart = seen[:, i] - known[:, j]
    distance2 = apart[0] ** 2 + apart[1] ** 2
    near = distance2 <= gate_mm**2
    i, j, distance2 = i[near], j[near], distance2[near]
    if not len(i) or (np.bincount(i).max() == 1 and np.bincount(j).max() == 1):
        return i, j
    taken_i: set[int] = set()
    taken_j: set[int] = set()
    pairs: list[tuple[int, int]] = []
    by_distance = np.argsort(distance2, kind="stable")
    for a, b in zip(i[by_distance].tolist(), j[by_distance].tolist(), strict=True):
        if a not in taken_i and b not in taken_j:
            taken_i.add(a)
            taken_j.add(b)
            pairs.append((a, b))
    chosen = np.array(pairs, np.intp)
    return chosen[:, 0], chosen[:, 1]
