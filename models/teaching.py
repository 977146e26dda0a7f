"""Teaches a model more classes or other looks of its classes, from a few crops, in seconds and without torch.

The net's convolutions stay as they are; its linear head is fitted anew on the exemplars that the model remembers and
on the crops, staying near the head it had (docs/decisions/0038-teaching.md has what was measured).
"""

import hashlib
import importlib.metadata
from collections import defaultdict
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.fusion import carried_over
from models.head import Floats, Head, certain, fit_head
from models.lesson import Lesson
from models.manifest import (
    Accuracy,
    CreatedBy,
    Evidence,
    Fusion,
    Kind,
    Manifest,
    Metrics,
    Parent,
    Taught,
    TrainingSource,
    Unknown,
)
from models.memory import MAX_BYTES, MAX_EXEMPLARS, Memory
from models.onnx_head import read_head, replace_head
from models.predict import Predictor
from models.registry import ModelFile
from models.scores import Labels, expected_calibration_error, fit_temperature, softmax
from models.taught_measures import with_taught
from models.unknown import Embeddings, UnknownRule
from senbetsu_errors import NeedsOperator

MAX_CLASSES = 256
_STIFFNESS = 3e-3
_TAUGHT_WEIGHT = 4.0
"""The taught crops of a class weigh as much as this many classes' exemplars."""

_ACCEPTED_LEFT_OUT = 0.8
_FOLDS = 5
_KEPT_VIEWS = 3
_MAX_A_CLASS = 256
_EMBED_THREADS = 2
_CHUNK = 64
_KINDS: Mapping[Evidence | None, tuple[Kind, ...]] = {
    "real photographs": ("real",),
    "real photographs and rendered": ("real", "rendered"),
    "rendered only": ("rendered",),
    None: (),
}
_PACKAGES = ("numpy", "onnx", "onnxruntime")
_WARNING = (
    "Measured on the exemplars that the parent model remembers and on the taught crops, in {folds} folds. Crops of one "
    "scene can be in two folds, and the parent was trained on its exemplars: figures of another day or another line "
    "are likely to be lower. Evaluate with pictures of your own: senbetsu models evaluate MODEL --images DIR."
)


def check_teachable(model: ModelFile) -> Head:
    """The head of a model that can be taught. Raises NeedsOperator `model.no_memory` or `model.no_head`."""
    if model.memory is None or not len(model.memory):
        raise NeedsOperator(
            "model.no_memory",
            f"{model.path} cannot be taught: it keeps no exemplars of what it knows, and would forget it.",
            "Teach a model that `senbetsu models train` of this version made, as `parts`.",
        )
    return read_head(model)


def teach(model: ModelFile, lesson: Lesson, name: str, command: str) -> tuple[bytes, Manifest]:
    """The taught model's ONNX bytes and its manifest. The same model and lesson give the same bytes.

    Labels keep their order, new ones follow sorted. Raises NeedsOperator as `check_teachable`, and `teach.crops`
    where the lesson has other crops than the model takes or too many classes.
    """
    student = _Student.of(model, lesson)
    head = student.fit(np.ones(len(student.known), np.bool_), np.ones(len(student.taught), np.bool_))
    measured = student.cross_validate()
    temperature = _temperature(model.manifest.temperature, measured.taught_logits, student.taught_labels)
    scores = _left_out_scores(model, student, measured.taught_logits, temperature)
    unknown = _unknown(model.manifest.unknown, scores)
    accepted = scores <= unknown.threshold if unknown else np.ones(len(scores), np.bool_)
    memory = _remember(student.known, student.taught, student.taught_labels)
    data = replace_head(model, head, student.labels, memory)
    changed = {
        "name": name,
        "labels": student.labels,
        "temperature": temperature,
        "unknown": unknown,
        "fusion": _fusion(model.manifest, temperature, unknown, lesson),
        "metrics": _metrics(student, measured, temperature, accepted, _simulated(lesson)),
        "size_bytes": len(data),
        "sha256": hashlib.sha256(data).hexdigest(),
    }
    return data, _manifest(model.manifest, lesson, changed, command)


@dataclass(frozen=True, slots=True)
class _Measured:
    """Logits of folds that were left out of the fit: of the exemplars [M, C] and of the crops themselves [N, C]."""

    known_logits: Floats
    taught_logits: Floats


@dataclass(frozen=True, slots=True)
class _Student:
    """A model about to be taught. `taught` are the embeddings of all views, float32 [N, V, D]."""

    labels: tuple[str, ...]
    parent_head: Head
    near: Head
    known: Memory
    taught: Embeddings
    taught_labels: Labels

    @classmethod
    def of(cls, model: ModelFile, lesson: Lesson) -> "_Student":
        head = check_teachable(model)
        memory, manifest = model.memory, model.manifest
        assert memory is not None, "check_teachable lets no model through that has none"
        labels = manifest.labels + tuple(sorted(set(lesson.labels) - set(manifest.labels)))
        size = manifest.input.size_px
        if lesson.views.shape[2:] != (size, size, 3) or not len(lesson.views) or len(labels) > MAX_CLASSES:
            raise NeedsOperator(
                "teach.crops",
                f"{manifest.name} takes crops of {size} px in at most {MAX_CLASSES} classes, "
                f"found {lesson.views.shape} in {len(labels)}.",
            )
        embedded = _embed(Predictor(model), lesson.views.reshape(-1, size, size, 3))
        taught = embedded.reshape(*lesson.views.shape[:2], -1)
        indices = np.array([labels.index(label) for label in lesson.labels], np.int64)
        return cls(labels, head, _room_for(head, len(labels), memory), memory, taught, indices)

    def fit(self, known: NDArray[np.bool_], taught: NDArray[np.bool_]) -> Head:
        """A head from some of the exemplars, bool [M], and all views of some of the crops, bool [N]."""
        views = self.taught.shape[1]
        labels = np.repeat(self.taught_labels[taught], views)
        exemplars = int(known.sum()) / max(1, len(np.unique(self.known.labels[known])))
        counts = np.bincount(labels, minlength=len(self.labels))
        weights = _TAUGHT_WEIGHT * exemplars / counts[labels]
        return fit_head(
            np.concatenate([self.known.embeddings[known], self.taught[taught].reshape(len(labels), -1)]),
            np.concatenate([self._as_before(known), certain(labels, len(self.labels))]),
            np.concatenate([np.ones(int(known.sum())), weights]),
            self.near,
            _STIFFNESS,
        )

    def _as_before(self, known: NDArray[np.bool_]) -> Floats:
        """What exemplars shall be answered: what the parent answered where it was right, else their class.

        Asked for their class alone, they would sharpen every boundary, whatever is taught (Li and Hoiem 2016).
        """
        classes, old = len(self.labels), len(self.parent_head.bias)
        labels = self.known.labels[known].astype(np.int64)
        answered = np.zeros((len(labels), classes), np.float32)
        answered[:, :old] = softmax(self.parent_head.logits(self.known.embeddings[known]))
        right = answered.argmax(axis=1) == labels
        return np.where(right[:, None], answered, certain(labels, classes))

    def cross_validate(self) -> _Measured:
        """Every exemplar and every crop answered by a head that was fitted without it."""
        known_fold, taught_fold = _folds(self.known.labels), _folds(self.taught_labels)
        classes = len(self.labels)
        known = np.zeros((len(self.known), classes), np.float32)
        taught = np.zeros((len(self.taught), classes), np.float32)
        for fold in range(_FOLDS):
            head = self.fit(known_fold != fold, taught_fold != fold)
            known[known_fold == fold] = head.logits(self.known.embeddings[known_fold == fold])
            taught[taught_fold == fold] = head.logits(self.taught[taught_fold == fold, 0])
        return _Measured(known, taught)


def _embed(predictor: Predictor, crops: NDArray[np.uint8]) -> Embeddings:
    """Embeddings float32 [N, D], two chunks at a time; onnxruntime lets go of the interpreter meanwhile."""

    def one(start: int) -> Embeddings:
        found = predictor.answers(crops[start : start + _CHUNK]).embeddings
        assert found is not None, "a model with a memory has embeddings"
        return found

    with ThreadPoolExecutor(_EMBED_THREADS) as pool:
        return np.concatenate(list(pool.map(one, range(0, len(crops), _CHUNK))))


def _room_for(head: Head, classes: int, memory: Memory) -> Head:
    """The head with rows for new classes, which answer nothing: as low as the exemplars' mean answer."""
    new = classes - len(head.bias)
    low = float(head.logits(memory.embeddings).mean())
    return Head(
        np.concatenate([head.weight, np.zeros((new, head.weight.shape[1]), np.float32)]),
        np.concatenate([head.bias, np.full(new, low, np.float32)]),
    )


def _folds(labels: Labels) -> NDArray[np.int64]:
    """A fold 0..4 for every row, every class spread evenly over them."""
    folds = np.zeros(len(labels), np.int64)
    for label in np.unique(labels).tolist():
        rows = np.flatnonzero(labels == label)
        folds[rows] = np.arange(len(rows)) % _FOLDS
    return folds


def _temperature(parent: float, logits: Floats, labels: Labels) -> float:
    """The likeliest temperature for the taught crops, given the parent's: few crops alone would say anything.

    Prior: log-normal around the parent's temperature with a spread of 0.3.
    """
    return fit_temperature(logits, labels, prior=(parent, 0.3))


def _remember(known: Memory, taught: Embeddings, labels: Labels) -> Memory:
    """The parent's exemplars and three views of every crop; of a class that has too many, evenly spread ones.

    New looks count first: they fill up to half of a class's room, or what old ones leave.
    """
    kept = taught[:, :_KEPT_VIEWS]
    new = kept.reshape(-1, kept.shape[2])
    new_labels = np.repeat(labels, kept.shape[1])
    classes = int(max(known.labels.max(initial=0), labels.max())) + 1
    room = min(MAX_EXEMPLARS, (MAX_BYTES - 64) // (new.shape[1] + 6)) // classes
    room = min(room, _MAX_A_CLASS)
    old_rows: list[NDArray[np.int64]] = []
    new_rows: list[NDArray[np.int64]] = []
    for label in range(classes):
        old_of, new_of = np.flatnonzero(known.labels == label), np.flatnonzero(new_labels == label)
        for_new = min(len(new_of), max(room // 2, room - len(old_of)))
        new_rows.append(_spread(new_of, for_new))
        old_rows.append(_spread(old_of, room - for_new))
    old, fresh = np.sort(np.concatenate(old_rows)), np.sort(np.concatenate(new_rows))
    return Memory(
        np.concatenate([known.embeddings[old], new[fresh]]), np.concatenate([known.labels[old], new_labels[fresh]])
    )


def _spread(rows: NDArray[np.int64], count: int) -> NDArray[np.int64]:
    return rows if len(rows) <= count else rows[np.linspace(0, len(rows) - 1, count).astype(np.int64)]


def _manifest(parent: Manifest, lesson: Lesson, changed: Mapping[str, Any], command: str) -> Manifest:
    """The parent's manifest with what `changed`, where the crops come from and who the parent is."""
    major, minor, patch = parent.version.split(".")
    simulated = _simulated(lesson)
    kinds: tuple[tuple[Kind, NDArray[np.bool_]], ...] = (("real", ~simulated), ("rendered", simulated))
    sources = [_source(lesson, kind, chosen) for kind, chosen in kinds if chosen.any()]
    child = parent.model_copy(
        update={
            **changed,
            "version": f"{major}.{minor}.{int(patch) + 1}",
            "evidence": {label: _evidence(parent.evidence.get(label), label, sources) for label in changed["labels"]},
            "training_data": (*parent.training_data, *sources),
            "parent": Parent(name=parent.name, version=parent.version, sha256=parent.sha256),
            "created_by": CreatedBy(
                command=command,
                packages={package: importlib.metadata.version(package) for package in _PACKAGES},
                seed=parent.created_by.seed,
            ),
        }
    )
    return Manifest.model_validate(child.model_dump())  # a copy alone is not checked


def _simulated(lesson: Lesson) -> NDArray[np.bool_]:
    return np.zeros(len(lesson.labels), np.bool_) if lesson.simulated is None else lesson.simulated


def _source(lesson: Lesson, kind: Kind, chosen: NDArray[np.bool_]) -> TrainingSource:
    """The crops `chosen`, bool [N], of a lesson: their number and one digest a class."""
    digests: defaultdict[str, list[str]] = defaultdict(list)
    for row in np.flatnonzero(chosen).tolist():
        digests[lesson.labels[row]].append(lesson.digests[row])
    return TrainingSource(
        source=lesson.source if kind == "real" else f"{lesson.source}, of a simulated line",
        licence="the site's own",
        attribution="none needed",
        kind=kind,
        count={label: len(digests[label]) for label in sorted(digests)},
        sha256={
            label: hashlib.sha256("\n".join(sorted(digests[label])).encode()).hexdigest() for label in sorted(digests)
        },
    )


def _evidence(before: Evidence | None, label: str, taught: Sequence[TrainingSource]) -> Evidence:
    """What a class is known from: what it was before, and the kinds of its taught crops."""
    kinds = {source.kind for source in taught if label in source.count} | set(_KINDS[before])
    return next(evidence for evidence, known in _KINDS.items() if evidence and set(known) == kinds)


def _metrics(
    student: _Student,
    measured: _Measured,
    temperature: float,
    accepted: NDArray[np.bool_],
    simulated: NDArray[np.bool_],
) -> Metrics:
    logits = np.concatenate([measured.known_logits, measured.taught_logits])
    truth = np.concatenate([student.known.labels, student.taught_labels])
    right = logits.argmax(axis=1) == truth
    old = len(student.known)
    before = student.parent_head.logits(student.known.embeddings).argmax(axis=1) == student.known.labels
    names = student.labels
    return Metrics(
        overall=Accuracy.of(right),
        real=None if simulated.all() else Accuracy.of(right[old:][~simulated]),
        rendered=Accuracy.of(right[old:][simulated]) if simulated.any() else None,
        per_class={names[c]: Accuracy.of(right[truth == c]) for c in np.unique(truth).tolist()},
        ece_before=expected_calibration_error(softmax(logits), truth),
        ece_after=expected_calibration_error(softmax(logits, temperature), truth),
        taught=Taught(
            old_before=Accuracy.of(before),
            old_after=Accuracy.of(right[:old]),
            new=Accuracy.of(right[old:]),
            new_per_class={
                names[c]: Accuracy.of(right[old:][student.taught_labels == c])
                for c in np.unique(student.taught_labels).tolist()
            },
            accepted=Accuracy.of(accepted),
        ),
        warning=_WARNING.format(folds=_FOLDS),
    )


def _left_out_scores(model: ModelFile, student: _Student, logits: Floats, temperature: float) -> NDArray[np.float32]:
    """How unlike the known classes each crop is, float32 [N], when it was neither taught nor remembered."""
    probabilities = softmax(logits, temperature)
    folds = _folds(student.taught_labels)
    scores = np.zeros(len(folds), np.float32)
    for fold in range(_FOLDS):
        others, own = folds != fold, folds == fold
        memory = _remember(student.known, student.taught[others], student.taught_labels[others])
        rule = UnknownRule(model.manifest.unknown, memory, len(student.labels))
        scores[own] = rule.scores(probabilities[own], student.taught[own, 0])
    return scores


def _unknown(parent: Unknown | None, scores: NDArray[np.float32]) -> Unknown | None:
    """The parent's rule, raised where it would reject more than a fifth of what is being taught.

    Left-out scores of a few crops are too high: with all of them taught their like scores lower, so that raising
    the threshold to accept 95 % of them would let in much more that is unknown (measured: decision 0039).
    """
    if parent is None:
        return None
    return parent.model_copy(
        update={"threshold": max(parent.threshold, float(np.quantile(scores, _ACCEPTED_LEFT_OUT)))}
    )


def _fusion(parent: Manifest, temperature: float, unknown: Unknown | None, lesson: Lesson) -> Fusion | None:
    """The parent's, with densities for taught classes that were measured. Where only pictures were taught, measures say
    nothing of a new class."""
    if parent.fusion is None:
        return None
    raised = unknown.threshold - parent.unknown.threshold if unknown and parent.unknown else 0.0
    carried = carried_over(parent.fusion, temperature / parent.temperature, raised)
    return carried if lesson.measures is None else with_taught(carried, lesson.labels, lesson.measures)
