"""What a model says of crops, by onnxruntime."""

from dataclasses import dataclass
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from models.fusion import Measures
from models.registry import ModelFile, load_session, model_fuser
from models.scores import Probabilities, softmax
from models.unknown import Embeddings, UnknownRule
from senbetsu_errors import NeedsOperator

_CHUNK = 64


@dataclass(frozen=True, slots=True)
class Answers:
    """Of N crops: logits and calibrated probabilities float32 [N, C], embeddings float32 [N, D] where the model has
    them, and how unlike its classes (`score` float32 [N], the larger the less known) and whether `unknown`."""

    logits: NDArray[np.float32]
    probabilities: Probabilities
    embeddings: Embeddings | None
    score: NDArray[np.float32]
    unknown: NDArray[np.bool_]


def unknown_rule(model: ModelFile) -> UnknownRule:
    """The model's rejection. Raises NeedsOperator `model.memory` where it needs exemplars that the file lacks."""
    try:
        return UnknownRule(model.manifest.unknown, model.memory, len(model.manifest.labels))
    except ValueError as error:
        raise NeedsOperator(
            "model.memory", f"{model.path} does not fit its manifest: {error}.", "Restore both files together."
        ) from error


class Predictor:
    """A verified model, loaded. Raises NeedsOperator `model.unloadable` where onnxruntime refuses it."""

    def __init__(self, model: ModelFile) -> None:
        self._manifest = model.manifest
        self._rule = unknown_rule(model)
        self._fuser = model_fuser(model)
        self._session: Any = load_session(model)

    def answers(self, crops: NDArray[np.uint8], measures: Measures | None = None) -> Answers:
        """All that the model says, in the manifest's label order, of crops uint8 [N, S, S, 3] RGB and, where there
        are some and the model knows what they say, their measures [N, 6].

        Stills, uint8 [N, F, S, S, 3], are framed in F ways, and each is answered by the mean over its framings in
        four quarter turns: a belt shows a part several times, a still does not.
        """
        manifest = self._manifest
        logits, embeddings = self._of_stills(crops) if crops.ndim == 5 else self._asked(crops)
        thresholds: NDArray[np.float32] | None = None
        if measures is not None and self._fuser is not None:
            fused, thresholds = self._fuser.logits(logits, manifest.temperature, measures)
            probabilities = softmax(fused)
        else:
            probabilities = softmax(logits, manifest.temperature)
        score = self._rule.scores(probabilities, embeddings)
        return Answers(logits, probabilities, embeddings, score, self._rule.above(score, thresholds))

    def _asked(self, crops: NDArray[np.uint8]) -> tuple[NDArray[np.float32], Embeddings | None]:
        manifest = self._manifest
        embedding = manifest.embedding
        names = [manifest.output.name, *([embedding.name] if embedding else [])]
        logits = np.zeros((len(crops), len(manifest.labels)), np.float32)
        embeddings = np.zeros((len(crops), embedding.size), np.float32) if embedding else None
        for start in range(0, len(crops), _CHUNK):
            chunk = slice(start, start + _CHUNK)
            found = cast("list[NDArray[np.float32]]", self._session.run(names, {manifest.input.name: crops[chunk]}))
            logits[chunk] = found[0]
            if embeddings is not None:
                embeddings[chunk] = found[1]
        return logits, embeddings

    def _of_stills(self, stills: NDArray[np.uint8]) -> tuple[NDArray[np.float32], Embeddings | None]:
        """The head is linear: the mean of the logits is the answer to the mean embedding."""
        logits: list[NDArray[np.float32]] = [np.zeros((0, len(self._manifest.labels)), np.float32)]
        embeddings: list[NDArray[np.float32]] = []
        for still in stills:
            turned = np.concatenate([np.rot90(still, turn, (1, 2)) for turn in range(4)])
            answered, embedded = self._asked(turned)
            logits.append(answered.mean(axis=0, keepdims=True))
            if embedded is not None:
                embeddings.append(embedded.mean(axis=0, keepdims=True))
        if self._manifest.embedding is None:
            return np.concatenate(logits), None
        none = np.zeros((0, self._manifest.embedding.size), np.float32)
        return np.concatenate(logits), np.concatenate([none, *embeddings])

    def scores(self, probabilities: Probabilities, embeddings: Embeddings | None) -> NDArray[np.float32]:
        """How unlike the known classes crops of these probabilities and embeddings are (`models.unknown`)."""
        return self._rule.scores(probabilities, embeddings)

    def probabilities(self, crops: NDArray[np.uint8]) -> Probabilities:
        """Calibrated probabilities float32 [N, C], in the manifest's label order, of crops uint8 [N, S, S, 3] RGB."""
        return self.answers(crops).probabilities
