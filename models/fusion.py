"""What a part measures, beside what it looks like. Plain numpy.

The net sees a crop that is always the same number of pixels wide: it cannot tell a phone from a tablet. How long, wide,
high and heavy a part is says that. For every class the manifest has the density of ln(measure) as a mixture of
Gaussians; its logarithm, over that of all classes together, is added to the net's logits:

    z_c = logits_c / temperature + weight * ln((1 - outliers) * p_c(measures) / p_broad(measures) + outliers)

with a temperature and a weight for each set of measures that a line may have, fitted on held-out crops
(docs/decisions/0045-fusion.md has what was measured). No measure can exclude a class, and a class without a density
(taught from pictures alone) gains and loses nothing.
"""

from dataclasses import dataclass
from typing import get_args

import numpy as np
from numpy.typing import NDArray

from models.manifest import Density, Fusion, FusionLevel, MeasureName

MEASURES: tuple[MeasureName, ...] = get_args(MeasureName)
"""Columns of measures: sides of the smallest rectangle around the part, what it covers of the belt, mean and highest
height above the belt, mass."""

SIZE: tuple[MeasureName, ...] = MEASURES[:3]
HEIGHT: tuple[MeasureName, ...] = MEASURES[3:5]
MASS: tuple[MeasureName, ...] = MEASURES[5:]

SMALLEST = np.array([0.5, 0.5, 0.25, 0.05, 0.05, 0.01])
"""What counts as the smallest value of each: noise makes a flat part's height negative, and ln wants more than 0."""

Measures = NDArray[np.float32]
_Floats = NDArray[np.float64]


def logarithms(measures: Measures) -> _Floats:
    """Ln of measures [N, 6], values below `SMALLEST` taken for it; NaN where there is no finite value."""
    values = measures.astype(np.float64)
    values[~np.isfinite(values)] = np.nan
    return np.log(np.maximum(values, SMALLEST))  # the maximum with NaN is NaN


@dataclass(frozen=True, slots=True)
class _Level:
    """A level made ready: the components of all classes and of `broad`, G of them over m measures.

    `whiten` [m, G * m] and `offset` [G * m] turn a row into z-scores of all components at once; `constant` [G] is ln
    of share and normalisation. `starts` are the first components of every density, `broad` last.
    """

    columns: NDArray[np.int64]
    whiten: _Floats
    offset: _Floats
    constant: _Floats
    starts: NDArray[np.int64]
    temperature: float
    weight: float
    threshold: float | None

    @classmethod
    def of(cls, level: FusionLevel, fusion: Fusion, densities: list[Density]) -> "_Level":
        columns = np.array([fusion.measures.index(name) for name in level.measures], np.int64)
        whiten: list[_Floats] = []
        offset: list[_Floats] = []
        constant: list[float] = []
        for density in densities:
            for share, mean, triangle in zip(density.shares, density.means, density.covariances, strict=True):
                covariance = square(triangle, len(fusion.measures))[np.ix_(columns, columns)]
                factor = np.linalg.cholesky(covariance)
                inverse = np.linalg.inv(factor).astype(np.float64)
                whiten.append(inverse.T)
                offset.append(inverse @ np.array(mean)[columns])
                constant.append(np.log(max(share, 1e-12)) - float(np.log(np.diag(factor)).sum()))
        starts = np.cumsum([0] + [len(density.shares) for density in densities[:-1]])
        names = [MEASURES.index(name) for name in level.measures]
        return cls(
            np.array(names, np.int64),
            np.concatenate(whiten, axis=1),
            np.concatenate(offset),
            np.array(constant),
            starts.astype(np.int64),
            level.temperature,
            level.weight,
            level.unknown_threshold,
        )

    def log_densities(self, rows: _Floats) -> _Floats:
        """Ln density, up to a constant, of rows [N, m] under every class and, last, `broad`: [N, C + 1]."""
        scores = rows @ self.whiten - self.offset
        scores *= scores
        found = self.constant - scores.reshape(len(rows), len(self.constant), -1).sum(axis=2) / 2
        top = np.maximum.reduceat(found, self.starts, axis=1)
        np.exp(found - np.repeat(top, np.diff(self.starts, append=found.shape[1]), axis=1), out=found)
        return np.log(np.add.reduceat(found, self.starts, axis=1)) + top


class Fuser:
    """A manifest's `fusion`, ready to be applied to the classes `labels`.

    Raises ValueError for a covariance that is none.
    """

    def __init__(self, fusion: Fusion, labels: tuple[str, ...]) -> None:
        densities = [*(fusion.classes.get(label, fusion.broad) for label in labels), fusion.broad]
        self._outliers = fusion.outliers
        # the most measures first: a part is judged by the richest level of which it has all
        ordered = sorted(fusion.levels, key=lambda level: -len(level.measures))
        try:
            self._levels = [_Level.of(level, fusion, densities) for level in ordered]
        except np.linalg.LinAlgError as error:
            raise ValueError(f"fusion has a covariance that is none: {error}") from error

    def logits(
        self, logits: NDArray[np.floating], temperature: float, measures: Measures
    ) -> tuple[NDArray[np.float32], Measures]:
        """Logits float32 [N, C] whose softmax is the fused probability, and float32 [N] of thresholds for unknown.

        Of the net's logits [N, C] and measures [N, 6] in the order of `MEASURES`, NaN where not measured. A row whose
        measures reach no level gets logits / `temperature`; its threshold is NaN, for the model's own.
        """
        found = (logits / np.float64(temperature)).astype(np.float32)
        thresholds = np.full(len(logits), np.nan, np.float32)
        values = logarithms(measures)
        present = np.isfinite(values)
        left = np.ones(len(values), np.bool_)
        for level in self._levels:
            rows = np.flatnonzero(left & present[:, level.columns].all(axis=1))
            if not len(rows):
                continue
            left[rows] = False
            evidence = self._evidence(level, values[np.ix_(rows, level.columns)])
            found[rows] = logits[rows] / level.temperature + level.weight * evidence
            if level.threshold is not None:
                thresholds[rows] = level.threshold
        return found, thresholds

    def _evidence(self, level: _Level, rows: _Floats) -> _Floats:
        """How much the measures speak for every class: [N, C], at least ln(outliers)."""
        densities = level.log_densities(rows)
        ratio = np.minimum(densities[:, :-1] - densities[:, -1:], 50.0)  # e**50 is as good as certain
        return np.log((1 - self._outliers) * np.exp(ratio) + self._outliers)


def carried_over(fusion: Fusion, softer: float, raised: float) -> Fusion:
    """The fusion of a model whose head was fitted anew: its temperature is `softer` times its parent's, its threshold
    for unknown `raised` above."""
    levels = [
        level.model_copy(
            update={
                "temperature": level.temperature * softer,
                "unknown_threshold": None if level.unknown_threshold is None else level.unknown_threshold + raised,
            }
        )
        for level in fusion.levels
    ]
    return fusion.model_copy(update={"levels": tuple(levels)})


def square(triangle: tuple[float, ...], size: int) -> _Floats:
    """The symmetric matrix of a lower triangle, row by row."""
    matrix = np.zeros((size, size))
    rows, columns = np.tril_indices(size)
    matrix[rows, columns] = triangle
    matrix[columns, rows] = triangle
    return matrix
