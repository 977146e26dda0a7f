"""Fits what `models.fusion` applies: densities to measures, weights to held-out answers. Plain numpy."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.fusion import HEIGHT, MASS, MEASURES, SIZE, Fuser, Measures, logarithms
from models.manifest import Accuracy, Density, Fusion, FusionLevel, MeasureName
from models.scores import Labels, Probabilities, expected_calibration_error, softmax
from models.unknown import ACCEPTED

LEVELS: tuple[tuple[MeasureName, ...], ...] = (SIZE, SIZE + HEIGHT, SIZE + MASS, SIZE + HEIGHT + MASS)
"""The sets of measures a line may have: any calibrated camera measures sizes."""

OUTLIERS = 0.02
COMPONENTS = 3
FEWEST = 8
"""Measured parts that a class needs for a density of its own."""

PRIOR_ROWS = 10.0
"""A component's covariance starts from its class's, a taught class's from all classes', worth as many rows."""

SMALLEST_SPREAD = 0.03
"""Standard deviation of ln(measure) below which no class is believed to lie."""

_ROWS_A_COMPONENT = 20
_FEWEST_A_COMPONENT = 3
_BROADER = 4.0  # variance of `broad` over that of all parts together
_ITERATIONS = 60
_ROUNDS = 3
_WEIGHTS = np.linspace(0.0, 2.0, 41)
_TEMPERATURES = np.geomspace(0.25, 8.0, 71)
_DIGITS = 5

Score = Callable[[Probabilities], NDArray[np.float32]]
_Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Held:
    """N crops that neither training nor the densities saw: `logits` [N, C] of the net, `labels` [N], `measures`
    [N, 6]. `scores` says how unlike the known classes they are, of their probabilities (`models.unknown`)."""

    logits: NDArray[np.float32]
    labels: Labels
    measures: Measures
    scores: Score | None = None


def fit_fusion(
    names: tuple[str, ...], measures: Measures, labels: Labels, held: Held, temperature: float, source: str
) -> Fusion:
    """Densities of measures [M, 6] of parts of the classes `labels` [M], weighed on every other crop of `held` and
    measured on those between.

    `names` are the model's labels, `temperature` its own. Rows with a value that is not finite are left out; a class
    with fewer than eight others gets no density. Raises ValueError where nothing is left.
    """
    densities, broad = fit_densities(names, measures, labels)
    return weigh(names, densities, broad, held, temperature, source)


def fit_densities(names: tuple[str, ...], measures: Measures, labels: Labels) -> tuple[dict[str, Density], Density]:
    """The density of every class of which there is enough, and that of all together, broadened."""
    rows = logarithms(measures)
    complete = np.isfinite(rows).all(axis=1)
    rows, labels = rows[complete], labels[complete]
    if len(rows) < FEWEST:
        raise ValueError(f"{len(rows)} parts with all measures, fusion needs at least {FEWEST}")
    floor = np.eye(rows.shape[1]) * SMALLEST_SPREAD**2
    found: dict[str, Density] = {}
    for index, name in enumerate(names):
        own = rows[labels == index]
        if len(own) >= FEWEST:
            found[name] = _mixture(own, max(1, min(COMPONENTS, len(own) // _ROWS_A_COMPONENT)), floor)
    broad = density_of(np.ones(1), rows.mean(axis=0)[None], (_BROADER * np.cov(rows.T) + floor)[None])
    return found, broad


def weigh(
    names: tuple[str, ...],
    densities: dict[str, Density],
    broad: Density,
    held: Held,
    temperature: float,
    source: str,
) -> Fusion:
    """The fusion whose levels have the temperature and weight with the smallest negative log likelihood."""
    half = np.arange(len(held.labels)) % 2 == 0
    levels: list[FusionLevel] = []
    for wanted in LEVELS:
        columns = [MEASURES.index(name) for name in wanted]
        usable = np.isfinite(held.measures[:, columns]).sum(axis=1) == len(columns)
        if min((usable & half).sum(), (usable & ~half).sum()) < FEWEST:
            continue
        levels.append(_level(names, densities, broad, held, wanted, usable, half, temperature))
    if not levels:
        raise ValueError("no held-out crops with measures to weigh them on")
    return Fusion(
        measures=MEASURES, classes=densities, broad=broad, outliers=OUTLIERS, levels=tuple(levels), source=source
    )


def _level(
    names: tuple[str, ...],
    densities: dict[str, Density],
    broad: Density,
    held: Held,
    wanted: tuple[MeasureName, ...],
    usable: NDArray[np.bool_],
    half: NDArray[np.bool_],
    temperature: float,
) -> FusionLevel:
    nothing = Accuracy(accuracy=0.0, count=1)
    plain = FusionLevel(
        measures=wanted, temperature=1.0, weight=1.0, accuracy=nothing, accuracy_of_color=0, ece=0, ece_of_color=0
    )
    raw = Fusion(
        measures=MEASURES, classes=densities, broad=broad, outliers=OUTLIERS, levels=(plain,), source="fitting"
    )
    masked = np.full_like(held.measures, np.nan)
    columns = [MEASURES.index(name) for name in wanted]
    masked[:, columns] = held.measures[:, columns]
    # with no logits and weight 1 what comes out is the evidence itself
    evidence, _ = Fuser(raw, names).logits(np.zeros_like(held.logits), 1.0, masked)
    fit, other = usable & half, usable & ~half
    softness, weight = _likeliest(held.logits[fit], evidence[fit], held.labels[fit], temperature)
    fused = softmax(held.logits / softness + weight * evidence)
    color = softmax(held.logits[other], temperature)
    truth = held.labels[other]
    scores = held.scores(fused)[fit] if held.scores else None
    return FusionLevel(
        measures=wanted,
        temperature=softness,
        weight=weight,
        unknown_threshold=None if scores is None else float(np.quantile(scores, ACCEPTED)),
        accuracy=Accuracy.of(fused[other].argmax(axis=1) == truth),
        accuracy_of_color=float((color.argmax(axis=1) == truth).mean()),
        ece=expected_calibration_error(fused[other], truth),
        ece_of_color=expected_calibration_error(color, truth),
    )


def _likeliest(
    logits: NDArray[np.float32], evidence: NDArray[np.float32], labels: Labels, start: float
) -> tuple[float, float]:
    """Temperature and weight, one after the other on a grid until neither moves."""
    rows = np.arange(len(labels))

    def loss(temperature: float, weight: float) -> float:
        chances = softmax(logits / temperature + weight * evidence)
        return -float(np.log(np.maximum(chances[rows, labels], 1e-12)).sum())

    temperature, weight = start, 1.0
    for _ in range(_ROUNDS):
        weight = float(min(_WEIGHTS, key=lambda w: loss(temperature, float(w))))
        temperature = float(min(start * _TEMPERATURES, key=lambda t: loss(float(t), weight)))
    return temperature, weight


def _mixture(rows: _Floats, components: int, floor: _Floats) -> Density:
    """Expectation maximisation (Dempster et al., 1977) from slices along the direction of largest spread.

    A component's covariance is drawn towards the class's own, and never below `floor`.
    """
    whole = np.cov(rows.T) + floor
    _, directions = np.linalg.eigh(whole)
    order = np.argsort(rows @ directions[:, -1], kind="stable")
    weights = np.zeros((len(rows), components))
    for k, chosen in enumerate(np.array_split(order, components)):
        weights[chosen, k] = 1
    shares, means, covariances = _moments(rows, weights, whole, floor)
    for _ in range(_ITERATIONS if components > 1 else 0):
        logs = np.stack(
            [np.log(shares[k]) + _log_normal(rows, means[k], covariances[k]) for k in range(components)], axis=1
        )
        weights = np.exp(logs - logs.max(axis=1, keepdims=True))
        weights /= weights.sum(axis=1, keepdims=True)
        shares, means, covariances = _moments(rows, weights, whole, floor)
    kept = shares * len(rows) >= _FEWEST_A_COMPONENT  # one that others have emptied says nothing
    return density_of(shares[kept] / shares[kept].sum(), means[kept], covariances[kept])


def _moments(rows: _Floats, weights: _Floats, whole: _Floats, floor: _Floats) -> tuple[_Floats, _Floats, _Floats]:
    """Share, mean and covariance of every component, of rows [N, m] that belong to it by weights [N, K]."""
    counts = weights.sum(axis=0) + 1e-9
    means = (weights.T @ rows) / counts[:, None]
    covariances: list[_Floats] = []
    for k, count in enumerate(counts.tolist()):
        away = rows - means[k]
        spread = (weights[:, k, None] * away).T @ away + PRIOR_ROWS * whole
        covariances.append(spread / (count + PRIOR_ROWS) + floor)
    return counts / counts.sum(), means, np.stack(covariances)


def _log_normal(rows: _Floats, mean: _Floats, covariance: _Floats) -> _Floats:
    """Ln of the normal density at rows [N, m], up to a constant."""
    factor = np.linalg.cholesky(covariance)
    scores = np.linalg.solve(factor, (rows - mean).T)
    return -(scores**2).sum(axis=0) / 2 - float(np.log(np.diag(factor)).sum())


def density_of(shares: _Floats, means: _Floats, covariances: _Floats) -> Density:
    """A mixture of K components as a manifest has it: shares [K], means [K, m], covariances [K, m, m].

    Rounded: five digits are more than was measured."""
    rows, columns = np.tril_indices(means.shape[1])
    return Density(
        shares=_rounded(shares),
        means=tuple(_rounded(mean) for mean in means),
        covariances=tuple(_rounded(covariance[rows, columns]) for covariance in covariances),
    )


def _rounded(values: Sequence[float] | _Floats) -> tuple[float, ...]:
    return tuple(float(f"{value:.{_DIGITS}g}") for value in values)
