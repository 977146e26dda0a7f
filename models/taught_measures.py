"""What measures say of classes that were taught: densities from as few parts as a person labels. Plain numpy."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from models.fusion import MEASURES, SIZE, Measures, logarithms, square
from models.fusion_fit import PRIOR_ROWS, SMALLEST_SPREAD, density_of
from models.lesson import MIN_CROPS
from models.manifest import Density, Fusion

_NEW_SHARE = 0.5
"""Of a class that had a density: what was taught counts as much as all that was known."""

_MOST_COMPONENTS = 8
_Floats = NDArray[np.float64]


def with_taught(fusion: Fusion, labels: Sequence[str], measures: Measures) -> Fusion:
    """The fusion with what was measured of N taught parts: their classes `labels`, `measures` [N, 6] (NaN: not).

    A class with five parts whose size was measured gets a normal density, whose covariance starts from the mean
    covariance within the known classes: five parts alone would say too much. What was not measured of it (height on a
    line without) is distributed as over all classes, given what was, and so says nothing. A class that had a density
    keeps it beside the new one.
    """
    rows = logarithms(measures)[:, [MEASURES.index(name) for name in fusion.measures]]
    named = np.array(labels)
    classes, measured = dict(fusion.classes), dict[str, int]()
    for label in sorted(set(labels)):
        own = _usable(rows[named == label], fusion)
        if own is not None:
            measured[label] = len(own)
            classes[label] = _joined(classes.get(label), *_normal(own, fusion))
    if not measured:
        return fusion
    said = ", ".join(f"{count} {label}" for label, count in measured.items())
    return fusion.model_copy(update={"classes": classes, "source": f"{fusion.source}; taught, as measured: {said}"})


def _usable(rows: _Floats, fusion: Fusion) -> _Floats | None:
    """Rows that have all the measures which five rows have, NaN in the other columns; None where size is not among
    them."""
    size = [fusion.measures.index(name) for name in SIZE if name in fusion.measures]
    kept = np.isfinite(rows).sum(axis=0) >= MIN_CROPS
    complete = np.isfinite(rows[:, kept]).all(axis=1)
    if complete.sum() < MIN_CROPS:  # some have height and others mass: what all have is their size
        kept &= np.isin(np.arange(len(fusion.measures)), size)
        complete = np.isfinite(rows[:, kept]).all(axis=1)
    if not size or not kept[size].all() or complete.sum() < MIN_CROPS:
        return None
    return np.where(kept, rows[complete], np.nan)


def _normal(rows: _Floats, fusion: Fusion) -> tuple[_Floats, _Floats]:
    """Mean [m] and covariance [m, m] over all measures, of rows [n, m] that are NaN in the columns not measured."""
    width = len(fusion.measures)
    known = np.isfinite(rows[0])
    seen, unseen = np.flatnonzero(known), np.flatnonzero(~known)
    count = len(rows)
    own = rows[:, seen]
    away = own - own.mean(axis=0)
    spread = (away.T @ away + PRIOR_ROWS * _within(fusion)[np.ix_(seen, seen)]) / (count + PRIOR_ROWS)
    mean, covariance = np.zeros(width), np.zeros((width, width))
    mean[seen] = own.mean(axis=0)
    # the mean of few parts is itself uncertain
    covariance[np.ix_(seen, seen)] = (1 + 1 / count) * spread + SMALLEST_SPREAD**2 * np.eye(len(seen))
    if len(unseen):
        broad_mean, broad = _moments(fusion.broad, width)
        slope = broad[np.ix_(unseen, seen)] @ np.linalg.inv(broad[np.ix_(seen, seen)])
        mean[unseen] = broad_mean[unseen] + slope @ (mean[seen] - broad_mean[seen])
        joint = slope @ covariance[np.ix_(seen, seen)]
        left = broad[np.ix_(unseen, unseen)] - slope @ broad[np.ix_(seen, unseen)]
        covariance[np.ix_(unseen, seen)] = joint
        covariance[np.ix_(seen, unseen)] = joint.T
        covariance[np.ix_(unseen, unseen)] = left + joint @ slope.T
    return mean, covariance


def _within(fusion: Fusion) -> _Floats:
    """The mean covariance within a class, [m, m]; that of all together where no class has a density."""
    width = len(fusion.measures)
    of_class = [_inside(density, width) for density in fusion.classes.values()]
    return np.mean(of_class, axis=0) if of_class else _moments(fusion.broad, width)[1]


def _inside(density: Density, width: int) -> _Floats:
    """The mean covariance of a mixture's components."""
    covariances = np.stack([square(triangle, width) for triangle in density.covariances])
    return np.tensordot(np.array(density.shares), covariances, axes=1)


def _moments(density: Density, width: int) -> tuple[_Floats, _Floats]:
    """Mean and covariance of a whole mixture."""
    shares, means = np.array(density.shares), np.array(density.means)
    mean = shares @ means
    between = ((means - mean).T * shares) @ (means - mean)
    return mean, between + _inside(density, width)


def _joined(before: Density | None, mean: _Floats, covariance: _Floats) -> Density:
    if before is None:
        return density_of(np.ones(1), mean[None], covariance[None])
    width = len(mean)
    order: list[int] = np.argsort(before.shares)[::-1][: _MOST_COMPONENTS - 1].tolist()
    shares = np.array(before.shares)[order]
    return density_of(
        np.append((1 - _NEW_SHARE) * shares / shares.sum(), _NEW_SHARE),
        np.concatenate([np.array(before.means)[order], mean[None]]),
        np.stack([*(square(before.covariances[k], width) for k in order), covariance]),
    )
