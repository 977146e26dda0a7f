"""The crops to teach, and how many of them it takes. Needs no onnx package."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

MIN_CROPS = 5
"""Of a class."""

MAX_CROPS = 4_000
MAX_VIEWS = 12
_VIEWS_BUDGET = 6_000
"""Views to embed in all: what two cores manage in well below a minute."""


@dataclass(frozen=True, slots=True)
class Lesson:
    """N crops to teach. `labels` their class ids, `digests` the sha256 of their files, `views` uint8
    [N, V, S, S, 3] RGB: first the crop itself, then changed ones. `source` says where they are from.

    `measures` float32 [N, 6] are what was measured of the parts (`models.fusion.MEASURES`), NaN where nothing was;
    None where that goes for all. `simulated` bool [N] are pictures of a simulated line; None for none of them.
    """

    labels: tuple[str, ...]
    digests: tuple[str, ...]
    views: NDArray[np.uint8]
    source: str
    measures: NDArray[np.float32] | None = None
    simulated: NDArray[np.bool_] | None = None


def views_for(crops: int) -> int:
    """How many views of each of `crops` crops to make: 12, fewer where there are many."""
    return max(1, min(MAX_VIEWS, _VIEWS_BUDGET // max(1, crops)))
