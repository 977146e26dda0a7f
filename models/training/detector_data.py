"""What a detector is trained and measured with."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, eq=False)
class DetectorScene:
    """One belt picture with its K parts.

    `picture` uint8 [S, S, 3] RGB; `boxes` float32 [K, 4] of x0, y0, x1, y1 in pixels (x1, y1 exclusive) of what is
    seen of each part; `labels` int64 [K]; `fill` float32 [K], the share of its box that the part covers.
    """

    picture: NDArray[np.uint8]
    boxes: NDArray[np.float32]
    labels: NDArray[np.int64]
    fill: NDArray[np.float32]
