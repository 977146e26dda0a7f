"""Tells crops that show none of the classes. Plain numpy.

Measured on classes and sources left out (docs/decisions/0039-unknown.md): the largest softmax probability and the
distance to the exemplars of the answered class fail on different crops; together they beat either one, energy and
Mahalanobis distance.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.manifest import Unknown
from models.memory import Memory
from models.scores import Probabilities

ACCEPTED = 0.95
"""Share of known crops that a fitted rule accepts."""

Embeddings = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Exemplars:
    """The memory as unit vectors, a class at a time: `units[c]` is float32 [exemplars of c, D]."""

    units: tuple[Embeddings, ...]

    @classmethod
    def of(cls, memory: Memory, classes: int) -> "Exemplars":
        """From a memory with labels below `classes`."""
        units = _unit(memory.embeddings)
        return cls(tuple(np.ascontiguousarray(units[memory.labels == c]) for c in range(classes)))

    def distance(self, embeddings: Embeddings, answers: NDArray[np.int64], neighbours: int) -> NDArray[np.float32]:
        """Mean cosine distance, float32 [N], of embeddings [N, D] to the nearest exemplars of the answered class.

        All of them where a class has fewer than `neighbours`, and 0 where it has none: the softmax alone decides.
        """
        found = np.zeros(len(embeddings), np.float32)
        units = _unit(embeddings)
        for answer, exemplars in enumerate(self.units):
            rows = np.flatnonzero(answers == answer)
            if len(rows) and len(exemplars):
                cosines = units[rows] @ exemplars.T
                nearest = min(neighbours, cosines.shape[1])
                found[rows] = 1 - np.partition(cosines, -nearest, axis=1)[:, -nearest:].mean(axis=1)
        return found


class UnknownRule:
    """A model's `unknown`, ready to be applied. Without one nothing is unknown.

    Raises ValueError where the rule needs exemplars and there is no memory.
    """

    def __init__(self, unknown: Unknown | None, memory: Memory | None, classes: int) -> None:
        self._unknown = unknown
        self.needs_embedding = unknown is not None and unknown.method == "softmax_and_neighbours"
        if self.needs_embedding and memory is None:
            raise ValueError("unknown.method softmax_and_neighbours needs the exemplars, the file has none")
        self._exemplars = Exemplars.of(memory, classes) if self.needs_embedding and memory else None

    def scores(self, probabilities: Probabilities, embeddings: Embeddings | None) -> NDArray[np.float32]:
        """How unlike the known classes: float32 [N], the larger the less known, of probabilities [N, C]."""
        scores = 1 - probabilities.max(axis=1)
        if self._unknown and self._exemplars and embeddings is not None:
            distance = self._exemplars.distance(embeddings, probabilities.argmax(axis=1), self._unknown.neighbours)
            scores = scores + np.float32(self._unknown.distance_weight) * distance
        return scores.astype(np.float32, copy=False)

    def __call__(
        self, probabilities: Probabilities, embeddings: Embeddings | None, thresholds: NDArray[np.float32] | None = None
    ) -> NDArray[np.bool_]:
        """Which crops are unknown: bool [N]. `thresholds` float32 [N] take the place of the rule's where not NaN."""
        return self.above(self.scores(probabilities, embeddings), thresholds)

    def above(self, scores: NDArray[np.float32], thresholds: NDArray[np.float32] | None = None) -> NDArray[np.bool_]:
        """Which crops are unknown by their `scores` [N]: bool [N]; `thresholds` as above."""
        if self._unknown is None:
            return np.zeros(len(scores), np.bool_)
        if thresholds is None:
            return scores > self._unknown.threshold
        return scores > np.where(np.isnan(thresholds), np.float32(self._unknown.threshold), thresholds)


def fit_unknown(
    probabilities: Probabilities,
    embeddings: Embeddings | None,
    memory: Memory | None,
    accepted: float = ACCEPTED,
    neighbours: int = 3,
) -> Unknown:
    """The rule that accepts the share `accepted` of these crops: known classes, not seen in training, not in memory.

    Calibrated probabilities [N, C] and embeddings [N, D] of the same crops. Both parts of the score get the same
    spread over them. Without embeddings or memory the rule is `softmax`. Raises ValueError for no crops.
    """
    if not len(probabilities):
        raise ValueError("no crops to fit the unknown rule on")
    weight = 0.0
    if embeddings is not None and memory is not None:
        exemplars = Exemplars.of(memory, probabilities.shape[1])
        distance = exemplars.distance(embeddings, probabilities.argmax(axis=1), neighbours)
        spread = float(distance.std())
        weight = float((1 - probabilities.max(axis=1)).std()) / spread if spread > 0 else 0.0
    method = "softmax_and_neighbours" if memory is not None and embeddings is not None else "softmax"
    unfitted = Unknown(method=method, threshold=0.0, accepted=accepted, neighbours=neighbours, distance_weight=weight)
    scores = UnknownRule(unfitted, memory, probabilities.shape[1]).scores(probabilities, embeddings)
    return unfitted.model_copy(update={"threshold": float(np.quantile(scores, accepted))})


def _unit(vectors: Embeddings) -> Embeddings:
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return (vectors / np.maximum(lengths, 1e-12)).astype(np.float32, copy=False)
