"""Class probabilities of crops, and which show none of the classes, through onnxruntime."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from models.fusion import Fuser
from models.predict import unknown_rule
from models.registry import ModelFile, load_session, model_fuser
from models.unknown import UnknownRule
from senbetsu_errors import Fatal, NeedsOperator


@dataclass(frozen=True, slots=True)
class Classes:
    """Of N crops: calibrated probabilities float32 [N, C] and whether none of the classes explains it, bool [N]."""

    probabilities: NDArray[np.float32]
    unknown: NDArray[np.bool_]


def outputs_of(
    session: onnxruntime.InferenceSession, names: Sequence[str], given: Mapping[str, NDArray[Any]]
) -> list[NDArray[np.float32]]:
    """The outputs of these names. Raises Fatal `model.failed` where onnxruntime gives up."""
    try:
        return cast("Any", session).run(list(names), given)
    except Exception as error:  # onnxruntime's own exceptions share no public base class
        raise Fatal("model.failed", f"onnxruntime cannot run the model: {error}.", "Install another model.") from error


def prior_of(labels: tuple[str, ...], mix: Mapping[str, float] | None, unexpected_share: float) -> NDArray[np.float32]:
    """Log of how often each class comes, float32 [C]; all 0 without a mix.

    The classes of `mix` share 1 - `unexpected_share` as it says, the others `unexpected_share` evenly (Bayes: the
    model was trained with all classes alike). Raises NeedsOperator `vision.expected_mix` for a class that the model
    does not know.
    """
    if mix is None:
        return np.zeros(len(labels), np.float32)
    unknown = sorted(set(mix) - set(labels))
    if unknown:
        raise NeedsOperator(
            "vision.expected_mix",
            f"vision.expected_mix names {', '.join(unknown)}, which the model does not know.",
            f"Its classes are: {', '.join(labels)}.",
        )
    rest = len(labels) - len(mix)
    total = sum(mix.values())
    expected = 1.0 - unexpected_share if rest else 1.0
    shares = [mix[label] / total * expected if label in mix else unexpected_share / rest for label in labels]
    return np.log(np.array(shares)).astype(np.float32)


class Classifier:
    """A net that takes uint8 [N, size, size, 3] RGB and gives logits float32 [N, C].

    `labels` are the classes in the order of its outputs, `size` the side of its crops in pixels. `rule` says what
    is unknown; where it looks at embeddings they are the output `embedding` of the net. `fuser` says what measures add,
    `log_prior` float32 [C] what the line's own mix of classes does (`prior_of`).
    Raises NeedsOperator `model.labels` where the net has another number of outputs.
    """

    def __init__(
        self,
        session: onnxruntime.InferenceSession,
        labels: tuple[str, ...],
        size: int,
        temperature: float,
        rule: UnknownRule | None = None,
        embedding: str | None = None,
        fuser: Fuser | None = None,
        log_prior: NDArray[np.float32] | None = None,
    ) -> None:
        self.labels = labels
        self.size = size
        self._temperature = temperature
        self._fuser = fuser
        self._log_prior = np.zeros(len(labels), np.float32) if log_prior is None else log_prior
        self._rule = rule or UnknownRule(None, None, len(labels))
        self._session = cast("Any", session)
        self._input_name = str(self._session.get_inputs()[0].name)
        logits = self._session.get_outputs()[0]
        self._outputs = [str(logits.name), *([embedding] if embedding and self._rule.needs_embedding else [])]
        if logits.shape[-1] != len(labels):
            raise NeedsOperator(
                "model.labels",
                f"The model gives {logits.shape[-1]} values a crop, its manifest names {len(labels)} labels.",
                "Install the model and the manifest that belong together; `senbetsu models verify` names them.",
            )

    @classmethod
    def from_model(cls, model: ModelFile, log_prior: NDArray[np.float32] | None = None) -> "Classifier":
        """From a verified model; its session runs on the calling thread alone."""
        manifest = model.manifest
        return cls(
            load_session(model),
            manifest.labels,
            manifest.input.size_px,
            manifest.temperature,
            unknown_rule(model),
            manifest.embedding.name if manifest.embedding else None,
            model_fuser(model),
            log_prior,
        )

    def classify(self, crops: NDArray[np.uint8], measures: NDArray[np.float32] | None = None) -> Classes:
        """softmax(logits / temperature), and what is unknown, of uint8 crops [N, size, size, 3], in one batch.

        `measures` [N, 6] (`models.fusion.MEASURES`, NaN where not measured) add what they say, where the model knows.
        No crops, no call. Raises Fatal `vision.bad_crop` for another shape or type, `model.failed` where
        onnxruntime gives up, and `model.not_finite` where the net answers NaN or infinity.
        """
        if crops.shape[1:] != (self.size, self.size, 3) or crops.dtype != np.uint8:
            raise Fatal(
                "vision.bad_crop",
                f"The model takes uint8 [N, {self.size}, {self.size}, 3], found {crops.dtype} {crops.shape}.",
            )
        if not len(crops):
            return Classes(np.zeros((0, len(self.labels)), np.float32), np.zeros(0, np.bool_))
        found = outputs_of(self._session, self._outputs, {self._input_name: crops})
        if not all(np.isfinite(output).all() for output in found):
            raise Fatal("model.not_finite", "The model answered with NaN or infinity.", "Install another model.")
        thresholds: NDArray[np.float32] | None = None
        if measures is not None and self._fuser is not None:
            logits, thresholds = self._fuser.logits(found[0], self._temperature, measures)
        else:
            logits = found[0] / np.float32(self._temperature)
        logits = logits + self._log_prior
        exponentials = np.exp(logits - logits.max(axis=1, keepdims=True))
        probabilities = (exponentials / exponentials.sum(axis=1, keepdims=True)).astype(np.float32, copy=False)
        return Classes(probabilities, self._rule(probabilities, found[1] if len(found) > 1 else None, thresholds))
