"""Everything that is said of how good a model is, from its answers to crops whose class is known. Plain numpy."""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.memory import Memory
from models.predict import Answers
from models.registry import ModelFile
from models.scores import Labels, Scores, accuracy_at_coverage, auroc, score, softmax
from models.unknown import UnknownRule

COVERAGE = 0.95


@dataclass(frozen=True, slots=True)
class KnownFromOthers:
    """How well the model's score tells its classes from other things: `known` crops and `others` of them.

    `rejected` is the share of the others that the model's rule calls unknown; None where it has no rule.
    """

    auroc: float
    known: int
    others: int
    rejected: float | None
    described: str


@dataclass(frozen=True, slots=True)
class Evaluation:
    """`at_95_coverage` is the accuracy over the 95 % of the crops that the model takes for most known; `accepted` the
    share that it does not call unknown, `right_of_accepted` how many of those are right (None for none)."""

    scores: Scores
    at_95_coverage: float
    accepted: float
    right_of_accepted: float | None
    others: KnownFromOthers | None

    def as_json(self) -> dict[str, Any]:
        """Plain values; the confusion matrix as lists, row true class, column answer."""
        found = asdict(self.scores) | {"confusion": self.scores.confusion.tolist()}
        return found | {
            "accuracy_at_95_coverage": self.at_95_coverage,
            "accepted": self.accepted,
            "right_of_accepted": self.right_of_accepted,
            "others": asdict(self.others) if self.others else None,
        }


def evaluate(model: ModelFile, answers: Answers, labels: Labels, others: Answers | None = None) -> Evaluation:
    """Of at least one crop, `labels` [N] its true classes. `others` are answers to crops of none of the classes.

    Without them every class is once taken for unknown: its row is taken out of the head and its exemplars out of the
    memory. The net itself has seen the class, so that this is an upper bound.
    """
    right = answers.probabilities.argmax(axis=1) == labels
    accepted = ~answers.unknown
    return Evaluation(
        scores=score(model.manifest.labels, answers.probabilities, labels),
        at_95_coverage=accuracy_at_coverage(right, answers.score, COVERAGE),
        accepted=float(accepted.mean()),
        right_of_accepted=float(right[accepted].mean()) if accepted.any() else None,
        others=_shown(model, answers, others) if others is not None else _classes_left_out(model, answers, labels),
    )


def _shown(model: ModelFile, answers: Answers, others: Answers) -> KnownFromOthers | None:
    if not len(others.score):
        return None
    rejected = float(others.unknown.mean()) if model.manifest.unknown else None
    return KnownFromOthers(
        auroc(answers.score, others.score), len(answers.score), len(others.score), rejected, "pictures of other things"
    )


def _classes_left_out(model: ModelFile, answers: Answers, labels: Labels) -> KnownFromOthers | None:
    """Mean over the classes, each once the other thing. None with two classes: one alone is always certain."""
    classes = len(model.manifest.labels)
    areas: list[float] = []
    rejected: list[float] = []
    if classes < 3:
        return None
    for left_out in np.unique(labels).tolist():
        own = labels == left_out
        if own.all():
            return None
        scores, unknown = _without(model, answers, left_out)
        areas.append(auroc(scores[~own], scores[own]))
        rejected.append(float(unknown[own].mean()))
    return KnownFromOthers(
        float(np.mean(areas)),
        len(labels),
        len(labels),
        float(np.mean(rejected)) if model.manifest.unknown else None,
        "each class in turn, taken out of the head and the memory; the net has seen it",
    )


def _without(model: ModelFile, answers: Answers, left_out: int) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Scores and rejections of the model that lacks a class."""
    memory = model.memory
    if memory is not None:
        kept = memory.labels != left_out
        labels = memory.labels[kept]
        memory = Memory(memory.embeddings[kept], np.where(labels > left_out, labels - 1, labels))
    rule = UnknownRule(model.manifest.unknown, memory, len(model.manifest.labels) - 1)
    probabilities = softmax(np.delete(answers.logits, left_out, axis=1), model.manifest.temperature)
    scores = rule.scores(probabilities, answers.embeddings)
    return scores, rule.above(scores)
