"""The tracker's table: a row a track, a column a quantity, and the loops that go over it.

`p` is the belt coordinate in mm: encoder / counts_per_mm - along_mm; it grows upstream, so a part's
downstream edge (`FRONT`) has the smaller p. `E` is the belt's travel (encoder / counts_per_mm) at the
last whole view (of a part never seen whole: at the last cut one). `OFF_MM` is one standard deviation of a
view's p, of what more views do not average out. `DRIFT` and `DRIFT_X` are mm of p and across per mm of the
belt's travel, 0 for what lies still. `DISAGREEING` counts the views whose best class was not that of all views
before, `UNKNOWNS` and `CLUMPS` those that no class explains and those of several parts. `ORIGIN` is p, across, e,
length along and width across of the first whole view, to which the history of the same five is relative. It
holds the first view, for a drift shows over the longest way, and the last ones.
At `MEASURED_AT` stand the sums of the measures of the whole views, then of how many views each.
"""

from math import isnan

import numpy as np
from numpy.typing import NDArray

from models.fusion import MEASURES
from vision.compiled import BOOL, COLUMN, F4_ROWS, F8, FLAG_COLUMN, FLAGS, FLOATS, I8, INDICES, TABLE, compiled
from vision.results import Detections

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Indices = NDArray[np.int64]

HISTORY = 8  # views kept for position statistics: the first one and the last
GONE_AFTER = 2  # pictures on end, for each whole view and one more, in which a part was not where it must be
MIN_PROBABILITY = 1e-6  # so that one sure view cannot forbid a class
_STEEPEST = 0.9  # drift back, a mm of travel: at 1 a part stays where it is over the running belt and never arrives

(
    P, X, E, FRONT, X_MIN, REAR, X_MAX, AREA, VIEWS, ID, RETURNED, MISSES, OFF_MM, DRIFT, DRIFT_X, DISAGREEING,
    UNKNOWNS, CLUMPS,
) = range(18)  # fmt: skip
FOOTPRINT = slice(FRONT, X_MAX + 1)
AXES = 5
ORIGIN = 18
HISTORY_AT = ORIGIN + AXES
MEASURED_AT = HISTORY_AT + AXES * HISTORY
LOGP = MEASURED_AT + 2 * len(MEASURES)
# A table of detections has the columns up to VIEWS (1 for a whole view), then these.
LEAVING = VIEWS + 1
SEEN_UNKNOWN, SEEN_CLUMP = LEAVING + 1, LEAVING + 2
SEEN_MEASURES = SEEN_CLUMP + 1
SEEN_LOGP = SEEN_MEASURES + len(MEASURES)
_MEASURES = len(MEASURES)


def empty_table(class_count: int) -> Floats:
    """Room for some tracks."""
    return np.zeros((64, LOGP + class_count))


def seen_table(e: float, detections: Detections, view_along_mm: float) -> Floats:
    """A row a detection; `LEAVING` is 1 for what the view's downstream edge cuts."""
    d = detections
    logp = np.log(np.maximum(d.probabilities, MIN_PROBABILITY))
    measures = np.full((len(d), len(MEASURES)), np.nan, np.float32) if d.measures is None else d.measures
    return _seen_table(
        e, view_along_mm / 2, d.along_mm, d.across_mm, d.along_min_mm, d.along_max_mm,
        d.across_min_mm, d.across_max_mm, d.area_mm2, d.cut, d.oversize,
        d.unknown, d.clump, measures, logp,
    )  # fmt: skip


@compiled(TABLE, F8, F8, *7 * (COLUMN,), *4 * (FLAG_COLUMN,), F4_ROWS, F4_ROWS)
def _seen_table(
    e: float, middle_mm: float, along_mm: Floats, across_mm: Floats, along_min_mm: Floats, along_max_mm: Floats,
    across_min_mm: Floats, across_max_mm: Floats, area_mm2: Floats, cut: Flags, oversize: Flags,
    unknown: Flags, clump: Flags, measures: NDArray[np.float32], logp: NDArray[np.float32],
) -> Floats:  # fmt: skip
    seen = np.empty((len(along_mm), SEEN_LOGP + logp.shape[1]))
    for d in range(len(seen)):
        seen[d, P] = e - along_mm[d]
        seen[d, X] = across_mm[d]
        seen[d, E] = e
        seen[d, FRONT] = e - along_max_mm[d]
        seen[d, X_MIN] = across_min_mm[d]
        seen[d, REAR] = e - along_min_mm[d]
        seen[d, X_MAX] = across_max_mm[d]
        seen[d, AREA] = area_mm2[d]
        seen[d, VIEWS] = not (cut[d] or oversize[d])
        seen[d, LEAVING] = cut[d] and along_mm[d] > middle_mm
        seen[d, SEEN_UNKNOWN] = unknown[d]
        seen[d, SEEN_CLUMP] = clump[d]
        for m in range(_MEASURES):
            seen[d, SEEN_MEASURES + m] = measures[d, m]
        for c in range(logp.shape[1]):
            seen[d, SEEN_LOGP + c] = logp[d, c]
    return seen


@compiled(None, TABLE, I8, TABLE, I8)
def _add_measures(tracks: Floats, t: int, seen: Floats, d: int) -> None:
    """Adds to track t what was measured in detection d."""
    for m in range(_MEASURES):
        if not isnan(seen[d, SEEN_MEASURES + m]):
            tracks[t, MEASURED_AT + m] += seen[d, SEEN_MEASURES + m]
            tracks[t, MEASURED_AT + _MEASURES + m] += 1


@compiled(F8, TABLE, I8, I8)
def _measured(seen: Floats, d: int, axis: int) -> float:
    """What the history keeps of a view: p, across, e, length along, width across."""
    if axis < AXES - 2:
        return seen[d, P + axis]
    return seen[d, REAR] - seen[d, FRONT] if axis == AXES - 2 else seen[d, X_MAX] - seen[d, X_MIN]


@compiled(I8, TABLE, I8, I8, I8)
def _best_class(rows: Floats, row: int, first: int, last: int) -> int:
    """The column of the largest value in [first, last) of a row."""
    best = first
    for column in range(first + 1, last):
        if rows[row, column] > rows[row, best]:
            best = column
    return best


@compiled(None, TABLE, TABLE, INDICES, I8, F8)
def start(fresh: Floats, seen: Floats, which: Indices, first_id: int, off_mm: float) -> None:
    """Fills rows of new tracks, numbered from `first_id`, with the first view of each."""
    fresh[:] = 0
    for i in range(len(which)):
        d = which[i]
        for column in range(VIEWS + 1):
            fresh[i, column] = seen[d, column]
        for axis in range(AXES):
            fresh[i, ORIGIN + axis] = _measured(seen, d, axis)
        fresh[i, ID] = first_id + i
        fresh[i, OFF_MM] = off_mm
        if seen[d, VIEWS]:  # a cut view says nothing of the class
            fresh[i, UNKNOWNS] = seen[d, SEEN_UNKNOWN]
            fresh[i, CLUMPS] = seen[d, SEEN_CLUMP]
            _add_measures(fresh, i, seen, d)
            for c in range(seen.shape[1] - SEEN_LOGP):
                fresh[i, LOGP + c] = seen[d, SEEN_LOGP + c]


@compiled(None, TABLE, TABLE, INDICES, INDICES, F8, BOOL, F8)
def add_views(
    tracks: Floats, seen: Floats, d_of: Indices, t_of: Indices, off_mm: float, new_view: bool, moves_mm: float
) -> None:
    """Detection d_of[i] is one more view of track t_of[i]; on a belt that stood only a first whole one counts.

    A part that was displaced by more than `moves_mm` since its first view is followed at its mean rate.
    """
    for d, t in zip(d_of, t_of):  # noqa: B905 (numba knows no `strict`)
        tracks[t, MISSES] = 0
        if not seen[d, VIEWS] and not tracks[t, VIEWS]:
            # Never seen whole: it grows by what this cut view shows.
            tracks[t, FRONT] = min(tracks[t, FRONT], seen[d, FRONT])
            tracks[t, REAR] = max(tracks[t, REAR], seen[d, REAR])
            tracks[t, X_MIN] = min(tracks[t, X_MIN], seen[d, X_MIN])
            tracks[t, X_MAX] = max(tracks[t, X_MAX], seen[d, X_MAX])
            tracks[t, AREA] = max(tracks[t, AREA], seen[d, AREA])
            tracks[t, E] = seen[d, E]
            tracks[t, P] = (tracks[t, FRONT] + tracks[t, REAR]) / 2
            tracks[t, X] = (tracks[t, X_MIN] + tracks[t, X_MAX]) / 2
    for d, t in zip(d_of, t_of):  # noqa: B905
        views = tracks[t, VIEWS]
        if not seen[d, VIEWS] or not (new_view or views == 0):
            continue
        for column in range(X_MAX + 1):
            tracks[t, column] = seen[d, column]
        number = int(views)
        place = number if number < HISTORY else 1 + (number - 1) % (HISTORY - 1)
        for axis in range(AXES):
            if views == 0:
                tracks[t, ORIGIN + axis] = _measured(seen, d, axis)
            tracks[t, HISTORY_AT + axis * HISTORY + place] = _measured(seen, d, axis) - tracks[t, ORIGIN + axis]
        along, across, travel = (
            tracks[t, P] - tracks[t, ORIGIN],
            tracks[t, X] - tracks[t, ORIGIN + 1],
            tracks[t, E] - tracks[t, ORIGIN + 2],
        )
        moves = views >= 2 and travel > 0 and along * along + across * across > moves_mm * moves_mm
        tracks[t, DRIFT] = along / travel if moves else 0.0
        tracks[t, DRIFT_X] = across / travel if moves else 0.0
        tracks[t, VIEWS] = views + 1
        tracks[t, UNKNOWNS] += seen[d, SEEN_UNKNOWN]
        tracks[t, CLUMPS] += seen[d, SEEN_CLUMP]
        _add_measures(tracks, t, seen, d)
        tracks[t, AREA] += (seen[d, AREA] - tracks[t, AREA]) / (views + 1)
        tracks[t, OFF_MM] = max(tracks[t, OFF_MM], off_mm)
        before = _best_class(tracks, t, LOGP, tracks.shape[1]) - LOGP
        if views > 0 and _best_class(seen, d, SEEN_LOGP, seen.shape[1]) - SEEN_LOGP != before:
            tracks[t, DISAGREEING] += 1
        for c in range(seen.shape[1] - SEEN_LOGP):
            tracks[t, LOGP + c] += seen[d, SEEN_LOGP + c]


@compiled(INDICES, TABLE, F8, F8, BOOL)
def take_due(tracks: Floats, whole_beyond: float, cut_beyond: float, all_of_them: bool) -> Indices:
    """Which tracks must be returned now; they count as returned. Those are due whose front has run past belt
    coordinate `whole_beyond`; past `cut_beyond` where no view was whole, for it may yet be seen whole."""
    found = np.empty(len(tracks), np.int64)
    n = 0
    for t in range(len(tracks)):
        beyond = whole_beyond if tracks[t, VIEWS] else min(whole_beyond, cut_beyond)
        if not tracks[t, RETURNED] and (all_of_them or tracks[t, FRONT] <= beyond):
            tracks[t, RETURNED] = 1
            found[n] = t
            n += 1
    return found[:n]


@compiled((FLAGS, I8), TABLE, F8)
def still_there(tracks: Floats, rear_beyond: float) -> tuple[Flags, int]:
    """Which tracks to remember, and how many of the others vanished before they were returned."""
    kept = np.empty(len(tracks), np.bool_)
    vanished = 0
    for t in range(len(tracks)):
        left = tracks[t, REAR] < rear_beyond  # returned when it reached the end of the view
        gone = not tracks[t, RETURNED] and tracks[t, MISSES] >= GONE_AFTER * (1 + tracks[t, VIEWS])
        kept[t] = not (left or gone)
        vanished += gone and not left
    return kept, vanished


@compiled(I8, TABLE, FLAGS)
def keep(tracks: Floats, kept: Flags) -> int:
    """Moves the rows to keep to the front, in order; returns how many there are."""
    n = 0
    for t in range(len(kept)):
        if kept[t]:
            if n != t:
                for column in range(tracks.shape[1]):
                    tracks[n, column] = tracks[t, column]
            n += 1
    return n


@compiled((F8, F8), FLOATS, F8, F8)
def way_to_act(track: Floats, slope: float, act_at_mm: float) -> tuple[float, float]:
    """A track's drift (of p, a mm of travel), bounded, and the travel left until it passes `act_at_mm`.

    It passes when e - p = act_at_mm; both change with e from where it was seen last.
    """
    slope = min(slope, _STEEPEST)
    return slope, max((act_at_mm - (track[E] - track[P])) / (1 - slope), 0.0)


@compiled(TABLE, TABLE, F8)
def where_acted_on(tracks: Floats, act_at_mm: float) -> Floats:
    """A copy of the table in which what moves lies where it will pass `act_at_mm` downstream of the datum."""
    there = tracks.copy()
    for t in range(len(tracks)):
        slope, way = way_to_act(tracks[t], tracks[t, DRIFT], act_at_mm)
        for column in (P, FRONT, REAR):
            there[t, column] += slope * way
        for column in (X, X_MIN, X_MAX):
            there[t, column] += tracks[t, DRIFT_X] * way
    return there
