"""The tracker's table: a row a track, a column a quantity, so that a picture costs a fixed number of
numpy calls, and what a track needs is copied in one piece.

`p` is the belt coordinate in mm: encoder / counts_per_mm - along_mm; it grows upstream, so a part's
downstream edge (`FRONT`) has the smaller p. `E` is the belt's travel (encoder / counts_per_mm) at the
last whole view. `OFF_MM` is one standard deviation of a view's p, of what more views do not average out.
`ORIGIN` is p, across and e of the first whole view, to which the history of the same three is
relative: newest first, zero where there is none yet.
"""

from typing import cast

import numpy as np
from numpy.typing import NDArray

from vision.estimate import log_probabilities
from vision.results import Detections

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

HISTORY = 8  # views kept for position statistics

P, X, E, FRONT, X_MIN, REAR, X_MAX, AREA, VIEWS, ID, RETURNED, MISSES, OFF_MM = range(13)
PLACE = slice(P, X_MAX + 1)
EDGES = slice(X, REAR + 1, 2)  # across, front, rear
FOOTPRINT = slice(FRONT, X_MAX + 1)
ACROSS = slice(X_MIN, X_MAX + 1, 2)
VIEW = slice(P, E + 1)
SEEN = slice(P, VIEWS + 1)  # what a table of detections has too
ORIGIN = slice(13, 16)
HISTORY_AT = slice(16, 16 + 3 * HISTORY)
_NEWEST = slice(16, 16 + 3 * HISTORY, HISTORY)
_BUT_FIRST, _BUT_LAST = slice(17, 16 + 3 * HISTORY), slice(16, 15 + 3 * HISTORY)
LOGP = slice(HISTORY_AT.stop, None)
_SEEN_LOGP = slice(SEEN.stop, None)


def empty_table(class_count: int) -> Floats:
    """Room for some tracks."""
    return np.zeros((64, HISTORY_AT.stop + class_count))


def seen_table(e: float, detections: Detections, whole: Flags) -> Floats:
    """A row a detection: the columns `SEEN`, then log-probabilities. `VIEWS` is 1 for a whole view."""
    seen = np.empty((len(whole), _SEEN_LOGP.start + detections.probabilities.shape[1]))
    np.subtract(e, detections.along_mm, out=seen[:, P])
    seen[:, E] = e
    seen[:, X] = detections.across_mm
    np.subtract(e, detections.along_max_mm, out=seen[:, FRONT])
    np.subtract(e, detections.along_min_mm, out=seen[:, REAR])
    seen[:, X_MIN] = detections.across_min_mm
    seen[:, X_MAX] = detections.across_max_mm
    seen[:, AREA] = detections.area_mm2
    seen[:, VIEWS] = whole
    seen[:, _SEEN_LOGP] = log_probabilities(detections.probabilities)
    return seen


def start(fresh: Floats, seen: Floats, first_id: int, off_mm: float) -> None:
    """Fills rows of new tracks, numbered from `first_id`, with their first view."""
    fresh[:] = 0
    fresh[:, SEEN] = seen[:, SEEN]
    fresh[:, ORIGIN] = seen[:, VIEW]
    fresh[:, ID] = np.arange(first_id, first_id + len(fresh))
    fresh[:, OFF_MM] = off_mm
    # A cut view says nothing of the class.
    np.multiply(seen[:, _SEEN_LOGP], seen[:, VIEWS, None], out=fresh[:, LOGP])


def add_whole_view(rows: Floats, seen: Floats, off_mm: float) -> None:
    """One whole view more of each of these tracks."""
    first = (rows[:, VIEWS] == 0).nonzero()[0]
    if len(first):
        rows[first, ORIGIN] = seen[first, VIEW]
    rows[:, PLACE] = seen[:, PLACE]
    # All three histories move on by one; what falls out of one is overwritten in the next.
    rows[:, _BUT_FIRST] = rows[:, _BUT_LAST]
    rows[:, _NEWEST] = seen[:, VIEW] - rows[:, ORIGIN]
    views, area_mm2, logp = rows[:, VIEWS], rows[:, AREA], rows[:, LOGP]
    views += 1
    area_mm2 += (seen[:, AREA] - area_mm2) / views
    logp += seen[:, _SEEN_LOGP]
    np.maximum(rows[:, OFF_MM], off_mm, out=rows[:, OFF_MM])


def add_cut_view(table: Floats, at: NDArray[np.intp], seen: Floats) -> None:
    """Tracks `at`, never seen whole, grow by what one more cut view of each shows."""
    np.minimum.at(table[:, FRONT], at, seen[:, FRONT])
    np.maximum.at(table[:, REAR], at, seen[:, REAR])
    np.minimum.at(table[:, X_MIN], at, seen[:, X_MIN])
    np.maximum.at(table[:, X_MAX], at, seen[:, X_MAX])
    np.maximum.at(table[:, AREA], at, seen[:, AREA])
    table[at, P] = (table[at, FRONT] + table[at, REAR]) / 2
    table[at, X] = (table[at, X_MIN] + table[at, X_MAX]) / 2


def history(rows: Floats) -> Floats:
    """The last views relative to the first, [N, 3, HISTORY] of p, across and e."""
    return cast("Floats", rows[:, HISTORY_AT].reshape(len(rows), 3, HISTORY))
