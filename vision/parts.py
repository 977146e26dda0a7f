"""What tracking hands on: one object on the belt, known as well as it will ever be."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.fusion import MEASURES

NOT_MEASURED = np.full(len(MEASURES), np.nan, np.float32)
"""The measures of a part of which nothing was measured."""


class Part(NamedTuple):
    """One object on the belt, returned by the tracker exactly once.

    `belt_counts` is the belt coordinate of its centroid (unwrapped encoder count at which the centroid
    lay on the camera's datum line). `ahead_mm` and `behind_mm` (both >= 0) are how far it reaches
    downstream and upstream of the centroid; `across_*_mm` are from the belt's left edge.
    `probabilities` float32 [C] fuses `views` whole views, all zero where none was classified.
    `uncertainty_mm` is one standard deviation of the position along the belt, the encoder's share
    included. `oversize`: it was never seen whole, its extents are what was seen. `outline_mm` float32
    [K, 2]: (along downstream, across) from the centroid. `unknown_share` and `clump_share` (0..1) are the shares of
    its whole views in which it was none of the classes, or probably several parts.
    `measures` float32 [6] are the means over its whole views, in the order of `models.fusion.MEASURES`, NaN where not
    measured.

    A part that is `sliding` or `rolling` moves on the belt. Its `belt_counts` and `across_*_mm` say where it
    will pass the place at which parts are acted on (`TrackerConfig.act_at_mm`), `uncertainty_mm` and
    `across_uncertainty_mm` (0 for what lies still) how sure that is.

    In `disagreeing` of its views its best class was another than that of the views before. It was seen last, whole
    unless `oversize`, in the picture at `seen_counts` (unwrapped), its centroid `seen_along_mm` downstream
    of the datum and `seen_across_mm` across.
    """

    part_id: int
    belt_counts: float
    ahead_mm: float
    behind_mm: float
    across_mm: float
    across_min_mm: float
    across_max_mm: float
    area_mm2: float
    probabilities: NDArray[np.float32]
    views: int
    uncertainty_mm: float
    sliding: bool
    oversize: bool
    unknown_share: float
    clump_share: float
    outline_mm: NDArray[np.float32]
    rolling: bool = False
    across_uncertainty_mm: float = 0.0
    disagreeing: int = 0
    seen_counts: float = 0.0
    seen_along_mm: float = 0.0
    seen_across_mm: float = 0.0
    measures: NDArray[np.float32] = NOT_MEASURED


@dataclass(frozen=True, slots=True)
class VisiblePart:
    """Where a part is now, for people to see; along_* are downstream of the camera's datum line."""

    part_id: int
    along_mm: float
    across_mm: float
    along_min_mm: float
    along_max_mm: float
    across_min_mm: float
    across_max_mm: float
    label_index: int | None
    probability: float
    decided: bool
    oversize: bool
    outline_mm: NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Footprints:
    """Where all remembered parts lie and what they are, as columns of N: what a shot may hit besides.

    `belt_min_mm` and `belt_max_mm` (float64 [N]) are belt coordinates of the downstream and upstream
    edge in millimetres (counts / counts_per_mm). `probabilities` float32 [N, C], zero where unclassified.
    """

    part_id: NDArray[np.int64]
    belt_min_mm: NDArray[np.float64]
    belt_max_mm: NDArray[np.float64]
    across_min_mm: NDArray[np.float64]
    across_max_mm: NDArray[np.float64]
    area_mm2: NDArray[np.float64]
    probabilities: NDArray[np.float32]
