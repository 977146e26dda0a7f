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
        are some and the model knows what they say, their measures [N, 6]."""
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
        thresholds: NDArray[np.float32] | None = None
        if measures is not None and self._fuser is not None:
            fused, thresholds = self._fuser.logits(logits, manifest.temperature, measures)
            probabilities = softmax(fused)
        else:
            probabilities = softmax(logits, manifest.temperature)
        score = self._rule.scores(probabilities, embeddings)
        return Answers(logits, probabilities, embeddings, score, self._rule.above(score, thresholds))

    def scores(self, probabilities: Probabilities, embeddings: Embeddings | None) -> NDArray[np.float32]:
        """How unlike the known classes crops of these probabilities and embeddings are (`models.unknown`)."""
        return self._rule.scores(probabilities, embeddings)

    def probabilities(self, crops: NDArray[np.uint8]) -> Probabilities:
        """Calibrated probabilities float32 [N, C], in the manifest's label order, of crops uint8 [N, S, S, 3] RGB."""
        return self.answers(crops).probabilities
