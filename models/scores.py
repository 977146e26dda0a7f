"""How good answers are: accuracy, precision and recall, calibration. Plain numpy."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Probabilities = NDArray[np.float32]
Labels = NDArray[np.int64]
CALIBRATION_BINS = 15
Z_95 = 1.959963984540054
"""Quantile 0.975 of the normal distribution."""


def softmax(logits: NDArray[np.floating], temperature: float = 1.0) -> Probabilities:
    """Class probabilities float32 [N, C] of logits [N, C], softened by `temperature`."""
    scaled = logits.astype(np.float64) / temperature
    powers = np.exp(scaled - scaled.max(axis=1, keepdims=True))
    return (powers / powers.sum(axis=1, keepdims=True)).astype(np.float32)


def expected_calibration_error(probabilities: Probabilities, labels: Labels, bins: int = CALIBRATION_BINS) -> float:
    """Mean |accuracy - confidence| over equal bins of confidence, weighted by their crops.

    Guo et al., "On Calibration of Modern Neural Networks", 2017, eq. 3.
    """
    confidence = probabilities.max(axis=1)
    right = probabilities.argmax(axis=1) == labels
    which = np.minimum((confidence * bins).astype(np.int64), bins - 1)
    gap = np.bincount(which, weights=right - confidence, minlength=bins)
    return float(np.abs(gap).sum() / len(labels))


def fit_temperature(logits: NDArray[np.floating], labels: Labels, prior: tuple[float, float] | None = None) -> float:
    """The temperature with the smallest negative log likelihood, searched on a grid of 1 % steps, 0.2 to 5.

    `prior`, a temperature and a spread, makes it the most probable one where its logarithm is distributed normally
    around the prior temperature's with that spread: for few answers.
    """
    candidates = np.geomspace(0.2, 5.0, 324)
    rows = np.arange(len(labels))
    losses = np.array([-np.log(np.maximum(softmax(logits, float(t))[rows, labels], 1e-12)).sum() for t in candidates])
    if prior is not None:
        losses += (np.log(candidates / prior[0]) / prior[1]) ** 2 / 2
    return float(candidates[int(np.argmin(losses))])


def wilson_interval(hits: int, count: int) -> tuple[float, float]:
    """The 95 % confidence interval of a share of which `hits` of `count` were seen; (0, 1) of none.

    Wilson, "Probable Inference", JASA 22, 1927; unlike the normal interval it stays within 0 and 1.
    """
    if count == 0:
        return 0.0, 1.0
    z2 = Z_95**2
    middle = (hits + z2 / 2) / (count + z2)
    half = Z_95 / (count + z2) * math.sqrt(hits * (count - hits) / count + z2 / 4)
    return max(0.0, middle - half), min(1.0, middle + half)


def auroc(known: NDArray[np.floating], others: NDArray[np.floating]) -> float:
    """How often one of `others` scores above one of `known`, ties counted half; ValueError where one is empty.

    The area under the ROC curve as Mann and Whitney's U (Hanley and McNeil, Radiology 143, 1982).
    """
    if not len(known) or not len(others):
        raise ValueError("the area under the curve needs scores of both kinds")
    ordered = np.sort(known)
    below = np.searchsorted(ordered, others, side="left")
    not_above = np.searchsorted(ordered, others, side="right")
    return float((below + not_above).mean() / (2 * len(known)))


def accuracy_at_coverage(right: NDArray[np.bool_], scores: NDArray[np.floating], coverage: float = 0.95) -> float:
    """Share of `right` among the `coverage` of the answers with the lowest (most known) scores; at least one."""
    kept = max(1, round(coverage * len(right)))
    return float(right[np.argsort(scores, kind="stable")[:kept]].mean())


@dataclass(frozen=True, slots=True)
class ClassScore:
    """Of `count` crops of a class, `recall` were called so; of those called so, `precision` were.

    The intervals hold the true value with 95 % confidence, as far as the crops are drawn like the field's.
    """

    count: int
    precision: float | None
    precision_interval: tuple[float, float]
    recall: float | None
    recall_interval: tuple[float, float]


@dataclass(frozen=True, slots=True)
class Scores:
    """`confusion` int64 [C, C]: row true class, column answer. `accuracy` is NaN-free: there is at least one crop."""

    count: int
    accuracy: float
    accuracy_interval: tuple[float, float]
    ece: float
    classes: dict[str, ClassScore]
    confusion: NDArray[np.int64]


def score(names: tuple[str, ...], probabilities: Probabilities, labels: Labels) -> Scores:
    """Scores of at least one answer, probabilities [N, C] against labels [N]; ValueError for none."""
    if len(labels) == 0:
        raise ValueError("no answers to score")
    answers = probabilities.argmax(axis=1)
    confusion = np.zeros((len(names), len(names)), np.int64)
    np.add.at(confusion, (labels, answers), 1)
    truths, calls, hits = confusion.sum(axis=1), confusion.sum(axis=0), confusion.diagonal()
    classes = {
        name: ClassScore(
            int(truths[i]),
            float(hits[i] / calls[i]) if calls[i] else None,
            wilson_interval(int(hits[i]), int(calls[i])),
            float(hits[i] / truths[i]) if truths[i] else None,
            wilson_interval(int(hits[i]), int(truths[i])),
        )
        for i, name in enumerate(names)
    }
    accuracy = float(hits.sum() / len(labels))
    interval = wilson_interval(int(hits.sum()), len(labels))
    ece = expected_calibration_error(probabilities, labels)
    return Scores(len(labels), accuracy, interval, ece, classes, confusion)
