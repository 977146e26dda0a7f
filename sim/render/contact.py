"""Parts against and on each other: where one touches another, and how high it then lies."""

import numpy as np
from numpy.typing import NDArray

from sim.render.light import PartImage

SOLID = 24
"""Alpha from which a part is there: it can be touched, and is what is seen. Clear glass has 40 and more."""

_PUSHES = 8  # halvings of the way towards a neighbour until the wanted overlap is met


def contact_corner(image: PartImage, other: PartImage, towards_rad: float, most: float) -> tuple[int, int]:
    """Where a part's alpha map has its corner (row, column), from that of `other`, when it was pushed towards it.

    It comes from the direction `towards_rad` (0 from the right, up to pi / 2 from below) until it touches the other, or
    covers it by the share `most` of the smaller of the two.
    """
    solid, neighbour = image.alpha >= SOLID, other.alpha >= SOLID
    limit = most * min(np.count_nonzero(solid), np.count_nonzero(neighbour))
    sizes = np.array(solid.shape), np.array(neighbour.shape)
    direction = np.array([np.sin(towards_rad), np.cos(towards_rad)])
    middle = (sizes[1] - sizes[0]) / 2
    near, far = 0.0, float(np.hypot(*(sizes[0] + sizes[1]))) / 2
    for _ in range(_PUSHES):
        way = (near + far) / 2
        row, column = (int(at) for at in np.rint(middle + way * direction))
        near, far = (way, far) if covered(solid, row, column, neighbour) > limit else (near, way)
    row, column = (int(at) for at in np.rint(middle + far * direction))
    return row, column


def covered(solid: NDArray[np.bool_], row: int, column: int, neighbour: NDArray[np.bool_]) -> int:
    """Pixels that two masks share when the first has its corner at (row, column) of the second."""
    ours, theirs = common(solid.shape, row, column, neighbour.shape)
    return int(np.count_nonzero(solid[ours] & neighbour[theirs]))


def common(
    shape: tuple[int, ...], row: int, column: int, other: tuple[int, ...]
) -> tuple[tuple[slice, slice], tuple[slice, slice]]:
    """What two windows share, in the indices of each, when the first has its corner at (row, column) of the second."""
    top, bottom = max(0, -row), max(0, min(shape[0], other[0] - row))
    left, right = max(0, -column), max(0, min(shape[1], other[1] - column))
    top, left = min(top, bottom), min(left, right)
    return (slice(top, bottom), slice(left, right)), (
        slice(top + row, bottom + row),
        slice(left + column, right + column),
    )


def resting_height_mm(solid: NDArray[np.bool_], below_mm: NDArray[np.float32]) -> float:
    """How high a part with this footprint lies over the belt, on what is below it (mm, 0 where only belt is).

    It lies flat at the height of what it covers, by the share of it that rests there: a part that leans on a
    neighbour by its edge rises little. (A drawing, not mechanics.)
    """
    resting = solid & (below_mm > 0)
    count = int(np.count_nonzero(resting))
    if count == 0:
        return 0.0
    share = min(1.0, 2.0 * count / int(np.count_nonzero(solid)))
    return share * float(np.percentile(below_mm[resting], 90))
