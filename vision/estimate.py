"""The best estimate of a part from its views: position, how sure, and what it is."""

from dataclasses import dataclass
from typing import cast

import numpy as np
from numpy.typing import NDArray

MIN_PROBABILITY = 1e-6
_LOG_MIN = float(np.log(MIN_PROBABILITY))
_STEADY = 3.0  # times the scatter around it that a drift must reach to be one

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Positions:
    """Per part [N]: the mean of its history [N, 3]; one standard deviation along; whether it slides."""

    mean_mm: Floats
    spread_mm: Floats
    sliding: NDArray[np.bool_]


def positions(history: Floats, views: Floats, sliding_mm: float) -> Positions:
    """From the last V views of N parts, of which the first `views` [N] are filled and the others zero.

    `history` [N, 3, V] is p, across and the belt's travel, all in mm and relative to the part's first
    view: that zero then is neither a view of its own in a sum nor, as the first view's, in an extreme.
    Drift is the least-squares slope of p against travel, times the travel seen; a part slides when that
    exceeds `sliding_mm` and three times the scatter around it. Its spread is then the drift.
    """
    count = np.minimum(np.maximum(views, 1), history.shape[2])
    total = cast("Floats", np.add.reduce(history, axis=2))
    mean = total / count[:, None]
    p_mm = history[:, 0]
    square = cast("Floats", np.add.reduce(p_mm * p_mm, axis=1))
    square -= total[:, 0] * mean[:, 0]
    np.maximum(square, 0, out=square)
    spread = np.sqrt(square / count)
    sliding = np.zeros(len(count), np.bool_)
    # No straight line drifts farther than this (Cauchy-Schwarz, and range^2 <= 2 * sum of squares).
    suspect = (2 * square > sliding_mm**2).nonzero()[0]
    if len(suspect):
        travel = history[suspect, 2]
        mixed = np.add.reduce(p_mm[suspect] * travel, axis=1) - total[suspect, 0] * mean[suspect, 2]
        square_of_travel = np.add.reduce(travel * travel, axis=1) - total[suspect, 2] * mean[suspect, 2]
        slope = mixed / np.maximum(square_of_travel, 1e-9)
        drift = np.abs(slope * (travel.max(axis=1) - travel.min(axis=1)))
        # What the straight line leaves of the variance.
        scatter = np.sqrt(np.maximum(square[suspect] - slope * mixed, 0) / count[suspect])
        slides = (count[suspect] >= 3) & (drift > sliding_mm) & (drift > _STEADY * scatter)
        sliding[suspect] = slides
        spread[suspect] = np.where(slides, drift + scatter, spread[suspect])
    return Positions(mean, spread, sliding)


def log_probabilities(probabilities: NDArray[np.float32]) -> NDArray[np.float32]:
    """Logarithms [N, C], bounded below so that one sure view cannot forbid a class."""
    return cast("NDArray[np.float32]", np.log(np.maximum(probabilities, MIN_PROBABILITY)))


def fused_probabilities(logp: Floats, views: Floats) -> NDArray[np.float32]:
    """Probabilities float32 [N, C] from the log-probabilities [N, C] summed over `views` [N].

    Views of one part are neither independent (then the sum would be right) nor the same (then the
    mean would): the sum is divided by the root of their number, half way between the two. All zero
    where no view was classified.
    """
    best = cast("Floats", np.maximum.reduce(logp, axis=1))
    chances = logp - best[:, None]
    chances /= np.sqrt(np.maximum(views, 1))[:, None]
    np.exp(chances, out=chances)
    # Views that were not classified add the bound's logarithm to every class; no view adds nothing.
    classified = best > 0.999 * _LOG_MIN * views
    chances *= (classified / np.add.reduce(chances, axis=1))[:, None]
    return chances.astype(np.float32)
