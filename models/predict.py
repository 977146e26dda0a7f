"""Class probabilities of crops, by onnxruntime."""

from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from models.registry import ModelFile, load_session
from models.scores import Probabilities, softmax

_CHUNK = 64


class Predictor:
    """A verified model, loaded. Raises NeedsOperator `model.unloadable` where onnxruntime refuses it."""

    def __init__(self, model: ModelFile) -> None:
        self._manifest = model.manifest
        self._session: Any = load_session(model)

    def probabilities(self, crops: NDArray[np.uint8]) -> Probabilities:
        """Calibrated probabilities float32 [N, C], in the manifest's label order, of crops uint8 [N, S, S, 3] RGB."""
        logits = np.zeros((len(crops), len(self._manifest.labels)), np.float32)
        for start in range(0, len(crops), _CHUNK):
            batch = {self._manifest.input.name: crops[start : start + _CHUNK]}
            logits[start : start + _CHUNK] = cast(
                "NDArray[np.float32]", self._session.run([self._manifest.output.name], batch)[0]
            )
        return softmax(logits, self._manifest.temperature)
