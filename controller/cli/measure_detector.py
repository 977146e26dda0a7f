"""How much a detector finds, and how right it is, on scenes whose truth is known."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.detector_manifest import DetectorMetrics
from models.manifest import Accuracy
from models.scores import expected_calibration_error
from models.training.detector_data import DetectorScene
from vision.detect import Detector

_SAME = 0.5  # intersection over union from which a box is a part's
_WARNING = (
    "Rendered belts with parts that training never saw, drawn by the renderer trained on: these figures say nothing of "
    "the parts of a site. The temperature was fitted on the same scenes."
)


@dataclass(frozen=True, slots=True)
class Seen:
    """All K parts of some scenes: `truth` int64 [K]; `found` bool [K]; of those found the class probabilities float32
    [F, C] and whether `unknown` bool [F]; `extra` boxes have no part; `edge_error_px` float64 [4 F]."""

    truth: NDArray[np.int64]
    found: NDArray[np.bool_]
    probabilities: NDArray[np.float32]
    unknown: NDArray[np.bool_]
    extra: int
    edge_error_px: NDArray[np.float64]


def look(detector: Detector, scenes: Sequence[DetectorScene]) -> Seen:
    """Asks a detector about every scene; boxes and parts are matched best first, each once."""
    truth: list[int] = []
    found: list[bool] = []
    probabilities: list[NDArray[np.float32]] = []
    unknown: list[bool] = []
    errors: list[NDArray[np.float64]] = []
    extra = 0
    for scene in scenes:
        seen = detector.detect(np.ascontiguousarray(scene.picture[..., ::-1]))
        overlap = _overlap(scene.boxes.astype(np.float64), seen.boxes)
        partner = np.full(len(scene.labels), -1)
        while overlap.size and overlap.max() >= _SAME:
            part, box = (int(v) for v in np.unravel_index(overlap.argmax(), overlap.shape))
            partner[part] = box
            overlap[part, :] = overlap[:, box] = 0
        hit = partner >= 0
        truth += scene.labels.tolist()
        found += hit.tolist()
        probabilities.append(seen.probabilities[partner[hit]])
        unknown += seen.unknown[partner[hit]].tolist()
        errors.append(np.abs(seen.boxes[partner[hit]] - scene.boxes[hit]).reshape(-1))
        extra += len(seen.boxes) - int(hit.sum())
    return Seen(
        np.array(truth, np.int64),
        np.array(found, np.bool_),
        np.concatenate(probabilities),
        np.array(unknown, np.bool_),
        extra,
        np.concatenate(errors),
    )


def metrics(seen: Seen, labels: tuple[str, ...], scenes: int) -> DetectorMetrics:
    """What the manifest says of it. Raises ValueError where there were no parts."""
    if not len(seen.truth):
        raise ValueError("no parts to measure on")
    truth = seen.truth[seen.found]
    right = (seen.probabilities.argmax(axis=1) == truth) & ~seen.unknown
    all_right = np.zeros(len(seen.truth), np.bool_)
    all_right[seen.found] = right
    return DetectorMetrics(
        found=Accuracy.of(seen.found),
        right=Accuracy.of(right) if len(right) else None,
        extra_per_scene=seen.extra / scenes,
        ece=expected_calibration_error(seen.probabilities, truth) if len(truth) else 0.0,
        per_class={
            label: Accuracy.of(all_right[seen.truth == c]) for c, label in enumerate(labels) if (seen.truth == c).any()
        },
        warning=_WARNING,
    )


def _overlap(first: NDArray[np.float64], second: NDArray[np.float64]) -> NDArray[np.float64]:
    """Intersection over union of boxes [K, 4] and [N, 4]: [K, N]."""
    common = np.minimum(first[:, None, 2:], second[None, :, 2:]) - np.maximum(first[:, None, :2], second[None, :, :2])
    intersection = common.clip(0).prod(axis=2)
    areas = [(boxes[:, 2:] - boxes[:, :2]).prod(axis=1) for boxes in (first, second)]
    return intersection / np.maximum(areas[0][:, None] + areas[1][None] - intersection, 1e-9)
