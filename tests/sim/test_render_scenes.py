"""Training scenes tell the truth about what they show."""

import numpy as np

from sim.render.parts import CLASSES
from sim.render.scenes import Scene, training_scenes


def scenes(seed: int, count: int) -> list[Scene]:
    return list(
        training_scenes(
            np.random.default_rng(seed), CLASSES, count, 0.5, view_along_mm=300, belt_width_mm=400, parts_per_scene=16
        )
    )


def test_parts_lie_where_the_truth_says_and_nowhere_else() -> None:
    for scene in scenes(1, 3):
        assert len(scene.parts) >= 12
        rows, columns, _ = scene.color.shape
        free = np.ones((rows, columns), bool)
        belt = np.median(scene.background.reshape(-1, 3), axis=0)
        difference = np.abs(scene.color.astype(np.float64) - belt).max(axis=2)
        for part in scene.parts:
            x0, y0, x1, y1 = part.box_px
            assert 0 <= x0 < x1 <= columns
            assert 0 <= y0 < y1 <= rows
            assert x0 <= part.centroid_px[0] <= x1
            assert y0 <= part.centroid_px[1] <= y1
            assert free[y0:y1, x0:x1].all(), "boxes overlap"
            free[max(0, y0 - 10) : y1 + 10, max(0, x0 - 10) : x1 + 10] = False
            # a part stands out in its box; a thin cable fills little of it
            assert np.percentile(difference[y0:y1, x0:x1], 97) > 30
        assert np.percentile(difference[free], 95) < 25


def test_every_class_gets_its_turn() -> None:
    shown = [part.class_id for scene in scenes(2, 6) for part in scene.parts]
    assert set(shown) == set(CLASSES)


def test_light_and_belt_change_from_scene_to_scene() -> None:
    tones = np.array([scene.background.mean(axis=(0, 1)) for scene in scenes(3, 6)])
    assert tones.std(axis=0).min() > 3


def test_the_same_seed_gives_the_same_scenes() -> None:
    for first, again in zip(scenes(4, 2), scenes(4, 2), strict=True):
        assert np.array_equal(first.color, again.color)
        assert np.array_equal(first.background, again.background)
        assert first.parts == again.parts
