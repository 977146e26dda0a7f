"""Objects are cut out of photographs where that is sure, and left alone where it is not."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from vision.cutout import cut_out
from vision.images import load_image


def test_a_disc_on_a_table_is_found_to_the_pixel_or_two() -> None:
    rng = np.random.default_rng(3)
    picture = rng.normal(150, 6, (180, 240, 3))
    truth = np.zeros((180, 240), np.uint8)
    cv2.circle(truth, (120, 90), 45, (255,), cv2.FILLED)
    picture[truth > 0] = rng.normal((40, 60, 200), 6, (int((truth > 0).sum()), 3))
    found = cut_out(np.clip(picture, 0, 255).astype(np.uint8))
    assert found is not None
    assert np.count_nonzero((found > 127) != (truth > 0)) < 0.05 * np.count_nonzero(truth)


def test_a_hole_in_the_object_belongs_to_it() -> None:
    picture = np.full((100, 100, 3), 200, np.uint8)
    cv2.circle(picture, (50, 50), 30, (20, 30, 40), 14)
    found = cut_out(picture)
    assert found is not None
    assert found[50, 50] == 255


@pytest.mark.parametrize("shade", [0, 128])
def test_a_picture_of_nothing_gives_no_cut(shade: int) -> None:
    assert cut_out(np.full((90, 120, 3), shade, np.uint8)) is None


def test_an_object_that_fills_the_picture_gives_no_cut() -> None:
    picture = np.full((120, 120, 3), 30, np.uint8)
    picture[3:-3, 3:-3] = np.random.default_rng(1).integers(150, 255, (114, 114, 3))
    assert cut_out(picture) is None


def test_the_same_photograph_gives_the_same_cut(shared_data: Path) -> None:
    picture = load_image(next(iter(sorted((shared_data / "parts/train/led").glob("*.jpg")))))
    first, again = cut_out(picture), cut_out(picture)
    assert first is not None
    assert again is not None
    assert np.array_equal(first, again)
    assert 0.1 < np.count_nonzero(first) / first.size < 0.7
