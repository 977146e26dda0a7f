"""A detection model on whole belt pictures, through onnxruntime: which parts it shows, where, and of which class."""

from dataclasses import dataclass
from typing import Any, cast

import cv2
import numpy as np
from numpy.typing import NDArray

from models.detector_manifest import DetectorInput
from models.registry import DetectorFile, load_session
from models.unknown import UnknownRule
from senbetsu_errors import Fatal
from vision.classify import outputs_of
from vision.detector_answers import Answers, class_probabilities, decode
from vision.tiles import Boxes, Tiling, merged

_BATCH = 8  # pictures a call at most: bounds the memory
_SAME_PART = 0.6  # overlap of two tiles' boxes of one part, for nets that suppress their own doubles
_NO_PARTS = np.zeros((0, 4))


@dataclass(frozen=True, slots=True)
class Found:
    """N parts of one picture.

    `boxes` float64 [N, 4] of x0, y0, x1, y1, edges in pixels of the picture, within it. `probabilities` float32
    [N, C], calibrated; `unknown` bool [N]. `partial` bool [N]: it was never seen whole, its probabilities are zero.
    """

    boxes: Boxes
    probabilities: NDArray[np.float32]
    unknown: NDArray[np.bool_]
    partial: NDArray[np.bool_]


class Detector:
    """From a verified model; its session runs on the calling thread alone.

    Raises NeedsOperator as `models.registry.load_session`.
    """

    def __init__(self, model: DetectorFile) -> None:
        manifest = model.manifest
        self.labels = manifest.labels
        self.input = manifest.input
        self.rule = manifest.rule
        self._output = manifest.output
        self._session = cast("Any", load_session(model))
        self._one_by_one = isinstance(self._session.get_inputs()[0].shape[0], int)
        self._is_unknown = UnknownRule(manifest.rule.unknown, None, len(manifest.labels))

    def detect(self, color: NDArray[np.uint8]) -> Found:
        """What a picture H x W x 3 uint8 BGR shows.

        Raises Fatal `model.failed` where onnxruntime gives up, `model.too_many_parts`, and as `decode`.
        """
        rows, columns = color.shape[:2]
        given = self.input
        if given.fit == "tiles":
            tiling = Tiling.of(columns, rows, given.width_px, given.height_px, given.overlap_px)
            pictures = [_tile(color, int(x), int(y), given) for x, y in tiling.corners]
            scales = np.ones((len(pictures), 2))
            origins = -tiling.corners.astype(np.float64)
        else:
            tiling = Tiling(np.zeros((1, 2), np.int64), columns, rows)
            picture, scale, origin = _fitted(color, given)
            pictures, scales, origins = [picture], scale[None], origin[None]
        answers = [found.above(self.rule.report_above) for found in self._answers(pictures)]
        tile = np.repeat(np.arange(len(answers)), [len(found.scores) for found in answers])
        boxes = np.concatenate([_NO_PARTS, *(found.boxes for found in answers)])
        # Back from each input's pixels to the picture's.
        boxes = (boxes - np.tile(origins[tile], 2)) / np.tile(scales[tile], 2)
        boxes = np.clip(boxes, 0, np.array([columns, rows, columns, rows]))
        scores = np.concatenate([np.zeros((0, len(self.labels)), np.float32), *(found.scores for found in answers)])
        seen = (boxes[:, 2:] - boxes[:, :2]).min(axis=1, initial=1) > 0  # the others lie in what was padded
        return self._parts(boxes[seen], scores[seen], tile[seen], tiling, columns, rows)

    def _parts(
        self,
        boxes: Boxes,
        scores: NDArray[np.float32],
        tile: NDArray[np.int64],
        tiling: Tiling,
        columns: int,
        rows: int,
    ) -> Found:
        rule = self.rule
        best = scores.max(axis=1, initial=0.0)
        fragment = tiling.fragments(boxes, tile, columns, rows, rule.box_error_px)
        kept, partial = merged(boxes, best, fragment, rule.nms_iou or _SAME_PART)
        if len(kept) + len(partial) > rule.max_parts:
            raise Fatal(
                "model.too_many_parts",
                f"The detector found {len(kept) + len(partial)} parts in a picture, more than its {rule.max_parts}.",
                "Raise rule.report_above or rule.max_parts in its manifest, or install another model.",
            )
        probabilities = class_probabilities(scores[kept], self._output, rule.temperature)
        unknown = (best[kept] < rule.known_above) | self._is_unknown(probabilities, None)
        nothing = np.zeros((len(partial), len(self.labels)), np.float32)
        return Found(
            np.concatenate([boxes[kept], partial]),
            np.concatenate([probabilities, nothing]),
            np.concatenate([unknown, np.zeros(len(partial), np.bool_)]),
            np.arange(len(kept) + len(partial)) >= len(kept),
        )

    def _answers(self, pictures: list[NDArray[np.uint8]]) -> list[Answers]:
        """Answers to pictures uint8 [height, width, 3] BGR of the input's size."""
        step = 1 if self._one_by_one else _BATCH
        found: list[Answers] = []
        for start in range(0, len(pictures), step):
            batch = network_input(pictures[start : start + step], self.input)
            outputs = outputs_of(self._session, self._output.names, {self.input.name: batch})
            found += decode(outputs, self._output, len(self.labels), self.input.width_px, self.input.height_px)
        if len(found) != len(pictures):
            raise Fatal("model.bad_answer", f"The detector answered {len(found)} of {len(pictures)} pictures.")
        return found


def network_input(pictures: list[NDArray[np.uint8]], given: DetectorInput) -> NDArray[Any]:
    """Pictures uint8 [height, width, 3] BGR as the net takes them, as `given` describes."""
    batch = np.stack(pictures)
    if given.color_order == "RGB":
        batch = batch[..., ::-1]
    if given.layout == "NCHW":
        batch = batch.transpose(0, 3, 1, 2)
    if given.dtype == "uint8":
        return np.ascontiguousarray(batch)
    # (pixel * scale - mean) / std, as one product and one sum.
    shape = (1, 3, 1, 1) if given.layout == "NCHW" else (1, 1, 1, 3)
    std = np.array(given.std, np.float32).reshape(shape)
    factor = np.float32(given.scale) / std
    shift = np.array(given.mean, np.float32).reshape(shape) / std
    values = np.empty(batch.shape, np.float32)
    np.multiply(batch, factor, out=values)
    return np.subtract(values, shift, out=values) if shift.any() else values


def _tile(color: NDArray[np.uint8], left: int, top: int, given: DetectorInput) -> NDArray[np.uint8]:
    """The tile there; what lies beyond the picture is padded."""
    tile = color[top : top + given.height_px, left : left + given.width_px]
    if tile.shape[:2] == (given.height_px, given.width_px):
        return tile
    whole = np.full((given.height_px, given.width_px, 3), given.pad_value, np.uint8)
    whole[: tile.shape[0], : tile.shape[1]] = tile
    return whole


def _fitted(
    color: NDArray[np.uint8], given: DetectorInput
) -> tuple[NDArray[np.uint8], NDArray[np.float64], NDArray[np.float64]]:
    """The picture at the input's size, its scale (x, y) and where its corner came to lie (x, y)."""
    rows, columns = color.shape[:2]
    scale = np.array([given.width_px / columns, given.height_px / rows])
    if given.fit == "letterbox":
        scale[:] = scale.min()
    width, height = (max(1, round(side * share)) for side, share in zip((columns, rows), scale, strict=True))
    method = cv2.INTER_AREA if scale.max() < 1 else cv2.INTER_LINEAR
    small = cv2.resize(color, (width, height), interpolation=method).astype(np.uint8, copy=False)
    left, top = (given.width_px - width) // 2, (given.height_px - height) // 2
    whole = np.full((given.height_px, given.width_px, 3), given.pad_value, np.uint8)
    whole[top : top + height, left : left + width] = small
    # What rounding made of the scale, so that boxes come back to where they were.
    return whole, np.array([width / columns, height / rows]), np.array([left, top], np.float64)
