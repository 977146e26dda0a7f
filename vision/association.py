"""Which detection is which track: nearest neighbours first, overlapping footprints for the rest.

Points and footprints are in belt millimetres: p (grows upstream) and across.
"""

from dataclasses import dataclass
from typing import cast

import numpy as np

from vision.compiled import BOOL, F8, FLAGS, INDICES, TABLE, compiled
from vision.track_table import (
    AREA,
    DRIFT,
    DRIFT_X,
    FRONT,
    LEAVING,
    REAR,
    VIEWS,
    X_MAX,
    X_MIN,
    E,
    Flags,
    Floats,
    Indices,
    X,
)  # fmt: skip

_TOUCH_MM = 2.0  # two views of one cut part may miss each other by this
_SAME_SHARE = 0.4  # of a footprint, from which two overlapping footprints are one part


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


@compiled((INDICES, INDICES), TABLE, TABLE, F8)
def nearest_pairs(seen: Floats, tracks: Floats, gate_mm: float) -> tuple[Indices, Indices]:
    """One-to-one pairs (detection, track) no farther apart than the gate, nearest pairs first.

    The edge compared is one that both views truly show: the downstream one, also of a part that is still
    entering; the upstream one of a part that is leaving. A track may be one pair by either edge. Tracks that move
    on the belt are looked for where they will have got to.
    """
    found = [(0.0, 0, 0) for _ in range(0)]
    for leaving, edge in ((0, FRONT), (1, REAR)):
        along, across = tracks[:, edge].copy(), tracks[:, X].copy()
        if len(seen):
            travel = seen[0, E] - tracks[:, E]
            along += tracks[:, DRIFT] * travel
            across += tracks[:, DRIFT_X] * travel
        for d in range(len(seen)):
            if seen[d, LEAVING] != leaving:
                continue
            for t in range(len(tracks)):
                square = (along[t] - seen[d, edge]) ** 2 + (across[t] - seen[d, X]) ** 2
                if square <= gate_mm * gate_mm:
                    found.append((square, d, t))
    found.sort()
    taken_d = np.zeros(len(seen), np.bool_)
    taken_t = np.zeros((2, len(tracks)), np.bool_)
    pairs_d, pairs_t = np.empty(len(found), np.int64), np.empty(len(found), np.int64)
    kept = 0
    for _, d, t in found:
        edge = int(seen[d, LEAVING])
        if not taken_d[d] and not taken_t[edge, t]:
            taken_d[d] = taken_t[edge, t] = True
            pairs_d[kept], pairs_t[kept] = d, t
            kept += 1
    return pairs_d[:kept], pairs_t[:kept]


@compiled((INDICES, BOOL), TABLE, INDICES, TABLE)
def unexplained(seen: Floats, explained: Indices, tracks: Floats) -> tuple[Indices, bool]:
    """Which detections are not among the `explained`, and whether the footprint of any touches a track."""
    is_explained = np.zeros(len(seen), np.bool_)
    for d in explained:
        is_explained[d] = True
    rest = np.flatnonzero(~is_explained)
    # What enters lies upstream of nearly all tracks: one comparison a track is the rule.
    for d in rest:
        front, rear = seen[d, FRONT] - _TOUCH_MM, seen[d, REAR] + _TOUCH_MM
        left, right = seen[d, X_MIN] - _TOUCH_MM, seen[d, X_MAX] + _TOUCH_MM
        for t in range(len(tracks)):
            if (
                tracks[t, REAR] > front
                and tracks[t, FRONT] < rear
                and tracks[t, X_MAX] > left
                and tracks[t, X_MIN] < right
            ):
                return rest, True
    return rest, False


@compiled(FLAGS, TABLE, INDICES)
def torn_off(tracks: Floats, which: Indices) -> Flags:
    """Which of these tracks are pieces that a picture or two tore off a larger part: seen whole at most half as
    often as a part at least twice as large that they touch. What really lies beside it is seen as often."""
    torn = np.zeros(len(which), np.bool_)
    for i in range(len(which)):
        piece = which[i]
        for t in range(len(tracks)):
            if (
                tracks[t, VIEWS] >= 2 * max(tracks[piece, VIEWS], 1.0)
                and tracks[t, AREA] >= 2 * tracks[piece, AREA]
                and tracks[t, REAR] > tracks[piece, FRONT]
                and tracks[t, FRONT] < tracks[piece, REAR]
                and tracks[t, X_MAX] > tracks[piece, X_MIN]
                and tracks[t, X_MIN] < tracks[piece, X_MAX]
            ):
                torn[i] = True
    return torn
