"""Rendered belts with the truth beside them, as a detector is trained and measured with."""

from collections.abc import Sequence

import numpy as np

from models.training.detector_data import DetectorScene
from sim.render.scenes import Scene, training_scenes
from sim.render.shape_seeds import Split

_SEEN = 0.5  # share of a part that must be seen for a detector to be asked for it


def detector_scenes(
    classes: Sequence[str],
    count: int,
    seed: np.random.SeedSequence,
    *,
    side_px: int,
    mm_per_px: float,
    parts_per_scene: int,
    split: Split,
) -> list[DetectorScene]:
    """`count` square scenes of `side_px` at one resolution. Training and held-out ones show different parts."""
    scenes = training_scenes(
        np.random.default_rng(seed),
        classes,
        count,
        mm_per_px,
        view_along_mm=side_px * mm_per_px,
        belt_width_mm=side_px * mm_per_px,
        parts_per_scene=parts_per_scene,
        gap_mm=4.0,
        overlap=0.1,
        split=split,
    )
    return [_scene(scene, classes) for scene in scenes]


def _scene(scene: Scene, classes: Sequence[str]) -> DetectorScene:
    parts = [part for part in scene.parts if 1 - part.occluded >= _SEEN]
    boxes = np.array([part.box_px for part in parts], np.float32).reshape(-1, 4)
    seen_px = np.array([np.count_nonzero(scene.visible(part)) for part in parts], np.float32)
    sides = boxes[:, 2:] - boxes[:, :2]
    return DetectorScene(
        np.ascontiguousarray(scene.color[..., ::-1]),
        boxes,
        np.array([list(classes).index(part.class_id) for part in parts], np.int64),
        seen_px / np.maximum(sides.prod(axis=1), 1),
    )
