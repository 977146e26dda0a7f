"""The best estimate of a part from its views: where it will be, how sure, and what it is."""

from math import exp, hypot, log, sqrt

import numpy as np
from numpy.typing import NDArray

from models.fusion import MEASURES
from vision import track_table as at
from vision.compiled import BOOL, CHANCES, COLUMN, F8, INDICES, TABLE, compiled
from vision.track_table import HISTORY, HISTORY_AT, LOGP, MIN_PROBABILITY, ORIGIN, VIEWS, Floats, Indices, way_to_act

_STEADY = 3.0  # times the scatter around it that a drift must reach to be one
_LOG_MIN = log(MIN_PROBABILITY)
VIEWS_CORRELATE = 0.97
"""Correlation of two views of one part in the log odds of its class, among parts: 0 independent, 1 all the same.
Measured on rendered belts (benchmarks/tracking.py), 0.96 to 0.98 with three seeds; what misleads a net in a part's look
misleads it in every picture of it."""
_PLACE_MM = 0.2  # least error of a place in one picture that a slope is computed from: half a pixel
# Shares of the way still to come by which it may differ from the way seen (one standard deviation). Measured on the
# plant's sliding and rolling parts (benchmarks/tracking.py); how steadily real ones move, a site must see.
_SLIDING_CHANGES = 0.15
_ROLLING_CHANGES = 0.3


@compiled((F8, F8, F8, BOOL), COLUMN, COLUMN, F8)
def _movement(place: Floats, travel: Floats, moves_mm: float) -> tuple[float, float, float, bool]:
    """How a place changes with the belt's travel: slope by least squares, its standard error, the scatter around
    the line, and whether the drift exceeds `moves_mm` and three times the scatter."""
    count = len(place)
    place_mean, travel_mean = place.mean(), travel.mean()
    pp = tt = pt = 0.0
    for k in range(count):
        pp += (place[k] - place_mean) ** 2
        tt += (travel[k] - travel_mean) ** 2
        pt += (place[k] - place_mean) * (travel[k] - travel_mean)
    slope = pt / max(tt, 1e-9)
    rest = max(pp - slope * pt, 0.0)
    scatter = sqrt(rest / count)
    error = max(sqrt(rest / max(count - 2, 1)), _PLACE_MM) / sqrt(max(tt, 1e-9))
    drift = abs(slope * (travel.max() - travel.min()))
    return slope, error, scatter, drift > moves_mm and drift > _STEADY * scatter


@compiled(TABLE, TABLE, INDICES, F8, F8)
def estimates(tracks: Floats, which: Indices, moves_mm: float, act_at_mm: float) -> Floats:
    """Of N tracks, as rows [20, N]: id, p in mm, reach ahead and behind, across, across min and max, area, views,
    one standard deviation of p, whether it slides, whether it was never seen whole, standard deviation across,
    whether it rolls, views that disagree, where it was seen last (e, along, across), and the shares of its whole
    views in which it was unknown and a clump.

    A part that lies still is at the mean of its last views. A part slides when its place, along or across, drifts
    steadily by more than `moves_mm`; it rolls when it is displaced by that much and either turns (its outline's
    length or width changes by more than `moves_mm`) or does not drift steadily. Both are given where they will
    be when they pass `act_at_mm` downstream of the datum, at the rate seen so far. That rate's error, and a share
    of the way still to come by which nobody knows that it stays so, are part of the uncertainty.
    """
    found = np.empty((20, len(which)))
    for i, t in enumerate(which):
        row = tracks[t]
        count = min(max(int(row[VIEWS]), 1), HISTORY)
        p = row[HISTORY_AT : HISTORY_AT + count]
        x = row[HISTORY_AT + HISTORY : HISTORY_AT + HISTORY + count]
        place_p, place_x = row[ORIGIN] + p.mean(), row[ORIGIN + 1] + x.mean()
        spread, spread_x = p.std(), 0.0
        slides = rolls = False
        displaced = hypot(p.max() - p.min(), x.max() - x.min())
        if count >= 3 and displaced > moves_mm:
            travel = row[HISTORY_AT + 2 * HISTORY : HISTORY_AT + 2 * HISTORY + count]
            long = row[HISTORY_AT + 3 * HISTORY : HISTORY_AT + 3 * HISTORY + count]
            wide = row[HISTORY_AT + 4 * HISTORY : HISTORY_AT + 4 * HISTORY + count]
            slope, error, scatter, drifts = _movement(p, travel, moves_mm)
            slope_x, error_x, scatter_x, drifts_x = _movement(x, travel, moves_mm)
            turns = max(long.max() - long.min(), wide.max() - wide.min()) > moves_mm
            rolls = turns or not (drifts or drifts_x)
            slides = not rolls
            slope, way = way_to_act(row, slope, act_at_mm)
            changes = _ROLLING_CHANGES if rolls else _SLIDING_CHANGES
            # What scatters around the line scatters on: a part that rolls to and fro is anywhere within it.
            spread = sqrt(scatter**2 + (error * way) ** 2 + (changes * slope * way) ** 2)
            spread_x = sqrt(scatter_x**2 + (error_x * way) ** 2 + (changes * slope_x * way) ** 2)
            place_p, place_x = row[at.P] + slope * way, row[at.X] + slope_x * way
        never_whole = row[VIEWS] == 0
        if never_whole:
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
        found[12, i] = spread_x
        found[13, i] = rolls
        found[14, i] = row[at.DISAGREEING]
        found[15, i] = row[at.E]
        found[16, i] = row[at.E] - row[at.P]
        found[17, i] = row[at.X]
        found[18, i] = row[at.UNKNOWNS] / max(row[VIEWS], 1.0)
        found[19, i] = row[at.CLUMPS] / max(row[VIEWS], 1.0)
    return found


@compiled(CHANCES, TABLE, INDICES)
def fused_probabilities(tracks: Floats, which: Indices) -> NDArray[np.float32]:
    """Probabilities float32 [N, C] of N tracks, from their summed log-probabilities.

    n views whose evidence correlates by r say as much as n / (1 + (n - 1) r) independent ones (Kish 1965, design
    effect): the sum is divided by 1 + (n - 1) r. With r = 0 it were the sum, with r = 1 the mean. All zero where no
    view was classified.
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
        weight = 1.0 / (1.0 + (max(views, 1.0) - 1.0) * VIEWS_CORRELATE)
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
