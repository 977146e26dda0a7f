"""Class probabilities of crops, through onnxruntime."""

from typing import Any, cast

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from models.registry import ModelFile, load_session
from senbetsu_errors import Fatal, NeedsOperator


class Classifier:
    """A net that takes uint8 [N, size, size, 3] RGB and gives logits float32 [N, C].

    `labels` are the classes in the order of its outputs, `size` the side of its crops in pixels.
    Raises NeedsOperator `model.labels` where the net has another number of outputs.
    """

    def __init__(
        self, session: onnxruntime.InferenceSession, labels: tuple[str, ...], size: int, temperature: float
    ) -> None:
        self.labels = labels
        self.size = size
        self._temperature = temperature
        self._session = cast("Any", session)
        self._input_name = str(self._session.get_inputs()[0].name)
        outputs = self._session.get_outputs()[0].shape[-1]
        if outputs != len(labels):
            raise NeedsOperator(
                "model.labels",
                f"The model gives {outputs} values a crop, its manifest names {len(labels)} labels.",
                "Install the model and the manifest that belong together; `senbetsu models verify` names them.",
            )

    @classmethod
    def from_model(cls, model: ModelFile) -> "Classifier":
        """From a verified model; its session runs on the calling thread alone."""
        manifest = model.manifest
        return cls(load_session(model), manifest.labels, manifest.input.size_px, manifest.temperature)

    def probabilities(self, crops: NDArray[np.uint8]) -> NDArray[np.float32]:
        """softmax(logits / temperature), float32 [N, C], of uint8 crops [N, size, size, 3], in one batch.

        No crops, no call. Raises Fatal `vision.bad_crop` for another shape or type, and
        `model.not_finite` where the net answers NaN or infinity.
        """
        if crops.shape[1:] != (self.size, self.size, 3) or crops.dtype != np.uint8:
            raise Fatal(
                "vision.bad_crop",
                f"The model takes uint8 [N, {self.size}, {self.size}, 3], found {crops.dtype} {crops.shape}.",
            )
        if not len(crops):
            return np.zeros((0, len(self.labels)), np.float32)
        logits = cast("NDArray[np.float32]", self._session.run(None, {self._input_name: crops})[0])
        logits = logits / np.float32(self._temperature)
        if not np.isfinite(logits).all():
            raise Fatal("model.not_finite", "The model answered with NaN or infinity.", "Install another model.")
        exponentials = np.exp(logits - logits.max(axis=1, keepdims=True))
        return (exponentials / exponentials.sum(axis=1, keepdims=True)).astype(np.float32, copy=False)
