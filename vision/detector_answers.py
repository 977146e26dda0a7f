"""What the output of a detection model means, whatever its layout. Pure numpy.

The layouts, and where they are documented, are described in `models.detector_manifest`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np
from numpy.typing import NDArray

from models.detector_manifest import DetectorOutput
from models.scores import softmax
from senbetsu_errors import Fatal

Floats = NDArray[np.float32]
_ROUNDING = 1e-3  # by which a score of a quantised net may leave 0..1
_LEAST_LEAD = 1e-3  # of a named class over an even share of all
_SMALLEST = 1e-7  # of a score, so that its logit stays finite


@dataclass(frozen=True, slots=True)
class Answers:
    """What a net says of one picture: `boxes` float64 [A, 4] of x0, y0, x1, y1 in pixels of its input, and `scores`
    float32 [A, C], 0..1, of every class."""

    boxes: NDArray[np.float64]
    scores: Floats

    def above(self, score: float) -> "Answers":
        """Those whose best class reaches the score."""
        kept = self.scores.max(axis=1, initial=0.0) >= score
        return Answers(self.boxes[kept], self.scores[kept])


def decode(
    outputs: Sequence[Floats], said: DetectorOutput, classes: int, width_px: int, height_px: int
) -> list[Answers]:
    """The answers of every picture of a batch; `outputs` in the order of `said.names`.

    Raises Fatal `model.not_finite` for NaN or infinity, and `model.bad_answer` for another shape than the layout's or
    a class number that no label has.
    """
    if not all(np.isfinite(output).all() for output in outputs):
        raise Fatal("model.not_finite", "The detector answered with NaN or infinity.", "Install another model.")
    first = np.asarray(outputs[0], np.float32)
    if said.layout == "yolo":
        first = first.transpose(0, 2, 1) if first.ndim == 3 else first
        boxes, scores = _columns(first, 4 + classes, 4)
        scores = _activated(scores, said)
    elif said.layout == "yolo_objectness":
        boxes, rest = _columns(first, 5 + classes, 4)
        rest = _activated(rest, said)
        scores = rest[..., :1] * rest[..., 1:]
    elif said.layout == "end_to_end":
        boxes, rest = _columns(first, 6, 4)
        scores = _one_class(rest, classes)
    else:
        boxes = _columns(np.asarray(outputs[1], np.float32), 4, 4)[0]
        logits = _columns(first, classes + said.background, 0)[1]
        scores = _activated(logits, said)[..., :classes]
    if scores.size and (scores.min() < -_ROUNDING or scores.max() > 1 + _ROUNDING):
        raise Fatal(
            "model.bad_answer",
            f"The detector answered with scores from {scores.min():.3g} to {scores.max():.3g}, which are no shares.",
            "Correct output.activation or output.layout in its manifest: logits take sigmoid.",
        )
    corners = _corners(boxes.astype(np.float64), said, width_px, height_px)
    return [Answers(*pair) for pair in zip(corners, np.clip(scores, 0, 1), strict=True)]


def class_probabilities(scores: Floats, said: DetectorOutput, temperature: float) -> Floats:
    """Which class it is, given that it is a part: float32 [A, C], rows that sum to 1, of scores [A, C].

    softmax(logit(score) / temperature): the scores of sigmoids are odds a class, those of a softmax are shares
    already. A net that names one class only leaves the rest of its score to the others, evenly; however low the
    score, the class that it names stays the likeliest.
    """
    bounded = np.clip(scores.astype(np.float64), _SMALLEST, 1 - _SMALLEST)
    if said.layout == "end_to_end":
        best = bounded.max(axis=1, keepdims=True)
        sure = 1 / (1 + ((1 - best) / best) ** (1 / temperature))
        sure = np.maximum(sure, min(1.0, (1 + _LEAST_LEAD) / scores.shape[1]))
        others = (1 - sure) / max(1, scores.shape[1] - 1)
        named = np.zeros(scores.shape, np.bool_)
        named[np.arange(len(scores)), scores.argmax(axis=1)] = True
        return cast("NDArray[np.float64]", np.where(named, sure, others)).astype(np.float32)
    logits = np.log(bounded) if said.activation == "softmax" else np.log(bounded) - np.log1p(-bounded)
    return softmax(logits, temperature)


def _columns(values: Floats, width: int, split: int) -> tuple[Floats, Floats]:
    if values.ndim != 3 or values.shape[2] != width:
        raise Fatal(
            "model.bad_answer",
            f"The detector answered with the shape {values.shape}, its layout has {width} values an answer.",
            "Correct output.layout or the labels in its manifest.",
        )
    return values[..., :split], values[..., split:]


def _activated(values: Floats, said: DetectorOutput) -> Floats:
    if said.activation == "sigmoid":
        return (0.5 * (1 + np.tanh(0.5 * values))).astype(np.float32, copy=False)  # cannot overflow
    if said.activation == "softmax":
        exponentials = np.exp(values - values.max(axis=-1, keepdims=True))
        return exponentials / exponentials.sum(axis=-1, keepdims=True)
    return values


def _one_class(rest: Floats, classes: int) -> Floats:
    """Scores [N, K, C] of score and class number [N, K, 2]."""
    score, number = rest[..., 0], np.rint(rest[..., 1]).astype(np.int64)
    meant = score > 0  # places without an answer are filled with anything
    if (meant & ((number < 0) | (number >= classes))).any():
        strange = number[meant & ((number < 0) | (number >= classes))][0]
        raise Fatal(
            "model.bad_answer",
            f"The detector answered with class number {strange}, its manifest names {classes} labels from 0.",
            "Name all of its classes in the manifest, in its own order.",
        )
    return (np.arange(classes) == number[..., None]) * score[..., None]


def _corners(boxes: NDArray[np.float64], said: DetectorOutput, width_px: int, height_px: int) -> NDArray[np.float64]:
    if said.unit == "normalised":
        boxes = boxes * np.array([width_px, height_px, width_px, height_px], np.float64)
    if said.box == "xyxy":
        return boxes
    half = boxes[..., 2:] / 2
    return np.concatenate([boxes[..., :2] - half, boxes[..., :2] + half], axis=-1)
