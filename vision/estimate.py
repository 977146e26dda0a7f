"""The best estimate of a part from its views: position, how sure, and what it is."""

from dataclasses import dataclass
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

MIN_PROBABILITY = 1e-6
_STEADY = 3.0  # times the scatter around it that a drift must reach to be one


@dataclass(frozen=True, slots=True)
class Positions:
    """Per part [N]: mean position along (belt mm) and across, one standard deviation along, whether it slides."""

    p_mm: NDArray[np.float64]
    across_mm: NDArray[np.float64]
    spread_mm: NDArray[np.float64]
    sliding: NDArray[np.bool_]


def positions(history: NDArray[np.float64], views: NDArray[np.float64], sliding_mm: float) -> Positions:
    """From the last V views of N parts, of which the first `views` [N] are filled.

    `history` [3, V, N] is p, across and the belt's travel, all in mm. Drift is the least-squares slope
    of p against travel, times the travel seen; a part slides when that exceeds `sliding_mm` and three
    times the scatter around it. Its spread is then the drift.
    """
    count = cast("NDArray[np.float64]", np.minimum(np.maximum(views, 1), history.shape[1]))
    used = cast("NDArray[np.bool_]", np.arange(history.shape[1])[:, None] < count)
    mean = cast("NDArray[np.float64]", cast("Any", history * used).sum(axis=1)) / count
    off = (history - mean[:, None]) * used
    dp, de = off[0], off[2]
    square, mixed, travel2 = (_total(values) for values in (dp * dp, dp * de, de * de))
    slope = mixed / np.maximum(travel2, 1e-9)
    travel = cast("NDArray[np.float64]", de.max(axis=0) - de.min(axis=0))
    drift = np.abs(slope * travel)
    # What the straight line leaves of the variance.
    scatter = np.sqrt(np.maximum(square - slope * mixed, 0) / count)
    sliding = (count >= 3) & (drift > sliding_mm) & (drift > _STEADY * scatter)
    spread = np.where(sliding, drift + scatter, np.sqrt(square / count))
    return Positions(mean[0], mean[1], spread, sliding)


def log_probabilities(probabilities: NDArray[np.float32]) -> NDArray[np.float64]:
    """Logarithms, float64 [N, C], bounded below so that one sure view cannot forbid a class."""
    return np.log(np.maximum(probabilities, MIN_PROBABILITY)).astype(np.float64)


def fused_probabilities(logp: NDArray[np.float64], views: NDArray[np.float64]) -> NDArray[np.float32]:
    """Probabilities float32 [N, C] from the log-probabilities [C, N] summed over `views` [N].

    Views of one part are neither independent (then the sum would be right) nor the same (then the
    mean would): the sum is divided by the root of their number, half way between the two. All zero
    where no view was classified.
    """
    seen = np.maximum(views, 1)
    best = cast("NDArray[np.float64]", logp.max(axis=0))
    chances = np.exp((logp - best) / np.sqrt(seen))
    chances /= _total(chances)
    # Views that were not classified add the bound's logarithm to every class.
    classified = (views > 0) & (best > 0.999 * np.log(MIN_PROBABILITY) * seen)
    return (chances * classified).T.astype(np.float32)


def _total(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Sum over the first axis."""
    return cast("NDArray[np.float64]", cast("Any", values).sum(axis=0))
