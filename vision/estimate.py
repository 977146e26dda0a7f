"""The best estimate of a part from its views: position, how sure, and what it is."""

from math import exp, hypot, log, sqrt

import numpy as np
from numpy.typing import NDArray

from models.fusion import MEASURES
from vision import track_table as at
from vision.compiled import CHANCES, F8, INDICES, TABLE, compiled
from vision.track_table import HISTORY, HISTORY_AT, LOGP, MIN_PROBABILITY, ORIGIN, VIEWS, Floats, Indices

_STEADY = 3.0  # times the scatter around it that a drift must reach to be one
_LOG_MIN = log(MIN_PROBABILITY)


@compiled(TABLE, TABLE, INDICES, F8)
def estimates(tracks: Floats, which: Indices, sliding_mm: float) -> Floats:
    """Of N tracks, as rows [14, N]: id, p in mm, reach ahead and behind, across, across min and max, area, views,
    one standard deviation of p, whether it slides, whether it was never seen whole, shares of its whole views in which it was unknown and
    a clump.

    The place is the mean over the last views. Drift is the least-squares slope of p against the belt's
    travel, times the travel seen; a part slides when that exceeds `sliding_mm` and three times the scatter
    around it. Then, or when it was never seen whole, it is where it was seen last, and the drift is part
    of its uncertainty.
    """
    found = np.empty((14, len(which)))
    for i, t in enumerate(which):
        row = tracks[t]
        count = min(max(int(row[VIEWS]), 1), HISTORY)
        p = row[HISTORY_AT : HISTORY_AT + count]
        x = row[HISTORY_AT + HISTORY : HISTORY_AT + HISTORY + count]
        travel = row[HISTORY_AT + 2 * HISTORY : HISTORY_AT + 2 * HISTORY + count]
        p_mean, travel_mean = p.mean(), travel.mean()
        pp = tt = pt = 0.0
        for k in range(count):
            pp += (p[k] - p_mean) ** 2
            tt += (travel[k] - travel_mean) ** 2
            pt += (p[k] - p_mean) * (travel[k] - travel_mean)
        spread = sqrt(pp / count)
        slides = False
        if count >= 3:
            slope = pt / max(tt, 1e-9)
            drift = abs(slope * (travel.max() - travel.min()))
            scatter = sqrt(max(pp - slope * pt, 0.0) / count)  # what the straight line leaves
            if drift > sliding_mm and drift > _STEADY * scatter:
                slides = True
                spread = drift + scatter
        never_whole = row[VIEWS] == 0
        place_p, place_x = row[ORIGIN] + p_mean, row[ORIGIN + 1] + x.mean()
        if slides or never_whole:
            place_p, place_x = row[at.P], row[at.X]
        found[0, i] = row[at.ID]
        found[1, i] = place_p
        found[2, i] = max(row[at.P] - row[at.FRONT], 0.0)
        found[3, i] = max(row[at.REAR] - row[at.P], 0.0)
        found[4, i] = place_x
        found[5, i] = row[at.X_MIN] + place_x - row[at.X]
        found[6, i] = row[at.X_MAX] + place_x - row[at.X]
        found[7, i] = row[at.AREA]
        found[8, i] = row[VIEWS]
        found[9, i] = hypot(spread, row[at.OFF_MM])
        found[10, i] = slides
        found[11, i] = never_whole
        found[12, i] = row[at.UNKNOWNS] / max(row[VIEWS], 1.0)
        found[13, i] = row[at.CLUMPS] / max(row[VIEWS], 1.0)
    return found


@compiled(CHANCES, TABLE, INDICES)
def fused_probabilities(tracks: Floats, which: Indices) -> NDArray[np.float32]:
    """Probabilities float32 [N, C] of N tracks, from their summed log-probabilities.

    Views of one part are neither independent (then the sum would be right) nor the same (then the
    mean would): the sum is divided by the root of their number, half way between the two. All zero
    where no view was classified.
    """
    classes = tracks.shape[1] - LOGP
    chances = np.zeros((len(which), classes), np.float32)
    for i, t in enumerate(which):
        views = tracks[t, VIEWS]
        best = tracks[t, LOGP]
        for c in range(1, classes):
            best = max(best, tracks[t, LOGP + c])
        # Views that were not classified add the bound's logarithm to every class; no view adds nothing.
        if best <= 0.999 * _LOG_MIN * views:
            continue
        weight = 1 / sqrt(max(views, 1.0))
        total = 0.0
        for c in range(classes):
            chance = exp((tracks[t, LOGP + c] - best) * weight)
            chances[i, c] = chance
            total += chance
        for c in range(classes):
            chances[i, c] /= total
    return chances


def mean_measures(tracks: Floats, which: Indices) -> NDArray[np.float32]:
    """Measures float32 [N, 6] of N tracks, the means over their whole views, NaN where none was measured."""
    sums = tracks[which, at.MEASURED_AT : at.MEASURED_AT + len(MEASURES)]
    counts = tracks[which, at.MEASURED_AT + len(MEASURES) : at.LOGP]
    return np.where(counts > 0, sums / np.maximum(counts, 1), np.nan).astype(np.float32)
