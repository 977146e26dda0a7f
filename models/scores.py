"""How good answers are: accuracy, precision and recall, calibration. Plain numpy."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Probabilities = NDArray[np.float32]
Labels = NDArray[np.int64]
CALIBRATION_BINS = 15


def softmax(logits: NDArray[np.floating], temperature: float = 1.0) -> Probabilities:
    """Class probabilities float32 [N, C] of logits [N, C], softened by `temperature`."""
    scaled = logits.astype(np.float64) / temperature
    powers = np.exp(scaled - scaled.max(axis=1, keepdims=True))
    return (powers / powers.sum(axis=1, keepdims=True)).astype(np.float32)


def expected_calibration_error(probabilities: Probabilities, labels: Labels) -> float:
    """Mean |accuracy - confidence| over 15 equal bins of confidence, weighted by their crops.

    Guo et al., "On Calibration of Modern Neural Networks", 2017, eq. 3.
    """
    confidence = probabilities.max(axis=1)
    right = probabilities.argmax(axis=1) == labels
    bins = np.minimum((confidence * CALIBRATION_BINS).astype(np.int64), CALIBRATION_BINS - 1)
    gap = np.bincount(bins, weights=right - confidence, minlength=CALIBRATION_BINS)
    return float(np.abs(gap).sum() / len(labels))


def fit_temperature(logits: NDArray[np.floating], labels: Labels) -> float:
    """The temperature with the smallest negative log likelihood, searched on a grid of 1 % steps, 0.2 to 5."""
    candidates = np.geomspace(0.2, 5.0, 324)
    rows = np.arange(len(labels))
    losses = [-np.log(np.maximum(softmax(logits, float(t))[rows, labels], 1e-12)).mean() for t in candidates]
    return float(candidates[int(np.argmin(losses))])


@dataclass(frozen=True, slots=True)
class ClassScore:
    """Of `count` crops of a class, `recall` were called so; of those called so, `precision` were."""

    count: int
    precision: float | None
    recall: float | None


@dataclass(frozen=True, slots=True)
class Scores:
    """`confusion` int64 [C, C]: row true class, column answer. `accuracy` is NaN-free: there is at least one crop."""

    count: int
    accuracy: float
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
            float(hits[i] / truths[i]) if truths[i] else None,
        )
        for i, name in enumerate(names)
    }
    accuracy = float(hits.sum() / len(labels))
    return Scores(len(labels), accuracy, expected_calibration_error(probabilities, labels), classes, confusion)
