"""Photograph-like pictures show one object of the class that they name."""

from collections import Counter

import numpy as np
import pytest

from sim.render.grounds import random_ground
from sim.render.parts import CLASSES
from sim.render.photographs import Photograph, photographs


@pytest.fixture(scope="module")
def pictures() -> list[Photograph]:
    return list(photographs(np.random.default_rng(5), CLASSES, 2 * len(CLASSES), size_px=96))


def test_the_classes_take_turns(pictures: list[Photograph]) -> None:
    assert set(Counter(picture.part.class_id for picture in pictures).values()) == {2}


def test_the_object_is_where_the_mask_and_the_box_say_and_of_the_wanted_size(pictures: list[Photograph]) -> None:
    for picture in pictures:
        assert picture.color.shape == (96, 96, 3)
        rows, columns = np.nonzero(picture.mask)
        assert (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1) == picture.part.box_px
        long_side = max(np.ptp(rows), np.ptp(columns)) + 1
        assert 0.2 * 96 <= long_side <= 96


def test_grounds_differ(pictures: list[Photograph]) -> None:
    tones = np.array([np.median(picture.color[~picture.mask], axis=0) for picture in pictures])
    assert tones.std(axis=0).min() > 30


def test_the_same_seed_gives_the_same_pictures() -> None:
    first, again = (list(photographs(np.random.default_rng(8), CLASSES, 3, size_px=64)) for _ in range(2))
    assert all(np.array_equal(a.color, b.color) for a, b in zip(first, again, strict=True))


def test_grounds_come_at_any_scale() -> None:
    rng = np.random.default_rng(1)
    for mm_per_px in (0.03, 0.3, 2.0):
        for side_px in (16, 200):
            ground = random_ground(side_px, mm_per_px, rng)
            assert ground.shape == (side_px, side_px, 3)
            assert ground.dtype == np.uint8
