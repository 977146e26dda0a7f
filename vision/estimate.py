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


def positions(
    p: NDArray[np.float64],
    across: NDArray[np.float64],
    encoder_mm: NDArray[np.float64],
    views: NDArray[np.float64],
    sliding_mm: float,
) -> Positions:
    """From the last V views of N parts, [V, N] each, of which the first `views` [N] are filled.

    Drift is the least-squares slope of p against belt travel, times the travel seen; a part slides
    when that exceeds `sliding_mm` and three times the scatter around it. Its spread is then the drift.
    """
    used = np.arange(len(p))[:, None] < np.maximum(views, 1)
    count = np.minimum(np.maximum(views, 1), len(p))
    p_mean, across_mean, e_mean = (_total(values * used) / count for values in (p, across, encoder_mm))
    dp, de = (p - p_mean) * used, (encoder_mm - e_mean) * used
    slope = _total(dp * de) / np.maximum(_total(de * de), 1e-9)
    travel = cast("NDArray[np.float64]", de.max(axis=0) - de.min(axis=0))
    drift = np.abs(slope * travel)
    scatter = np.sqrt(_total((dp - slope * de) ** 2) / count)
    sliding = (count >= 3) & (drift > sliding_mm) & (drift > _STEADY * scatter)
    spread = np.sqrt(_total(dp * dp) / count)
    spread[sliding] = (drift + scatter)[sliding]
    return Positions(p_mean, across_mean, spread, sliding)


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
