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
    """Per part [N]: the mean of its history's rows [N, 3]; one standard deviation along; whether it slides."""

    mean_mm: Floats
    spread_mm: Floats
    sliding: NDArray[np.bool_]


def positions(history: Floats, views: Floats, sliding_mm: float) -> Positions:
    """From the last V views of N parts, of which the first `views` [N] are filled and the others zero.

    `history` [N, V, 3] is p, the belt's travel and across, all in mm and relative to the part's first
    view: that zero then is neither a view of its own in a sum nor, as the first view's, in an extreme.
    Drift is the least-squares slope of p against travel, times the travel seen; a part slides when that
    exceeds `sliding_mm` and three times the scatter around it. Its spread is then the drift.
    """
    count = np.minimum(np.maximum(views, 1), history.shape[1])
    total = cast("Floats", np.add.reduce(history, axis=1))
    mean = total / count[:, None]
    squares = history.transpose(0, 2, 1) @ history
    squares -= total[:, :, None] * mean[:, None, :]
    square, mixed, travel2 = np.maximum(squares[:, 0, 0], 0), squares[:, 0, 1], squares[:, 1, 1]
    slope = mixed / np.maximum(travel2, 1e-9)
    travelled = history[:, :, 1]
    drift = np.abs(slope * (np.maximum.reduce(travelled, axis=1) - np.minimum.reduce(travelled, axis=1)))
    spread = np.sqrt(square / count)
    sliding = drift > sliding_mm
    if np.count_nonzero(sliding):
        # What the straight line leaves of the variance.
        scatter = np.sqrt(np.maximum(square - slope * mixed, 0) / count)
        sliding &= (count >= 3) & (drift > _STEADY * scatter)
        spread = np.where(sliding, drift + scatter, spread)
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
    seen = np.maximum(views, 1)
    best = cast("Floats", np.maximum.reduce(logp, axis=1))
    chances = logp - best[:, None]
    chances /= np.sqrt(seen)[:, None]
    np.exp(chances, out=chances)
    # Views that were not classified add the bound's logarithm to every class.
    classified = (views > 0) & (best > 0.999 * _LOG_MIN * seen)
    chances *= (classified / np.add.reduce(chances, axis=1))[:, None]
    return chances.astype(np.float32)
