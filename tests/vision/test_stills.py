"""How still pictures are framed for the nets."""

import numpy as np

from vision.stills import framings


def part_on_table(height: int = 120, width: int = 200) -> np.ndarray:
    """A red part of 30 x 20 pixels at (40, 30), on a grey table with some grain."""
    picture = np.random.default_rng(2).integers(90, 110, (height, width, 3), dtype=np.uint8)
    picture[30:60, 40:80] = (20, 20, 200)
    return picture


def test_the_second_framing_is_the_part_alone() -> None:
    whole, part = framings(part_on_table(), 64)
    red = [float((crop[..., 0] > 150).mean()) for crop in (whole, part)]
    assert red[0] < 0.05
    assert red[1] > 0.3


def test_where_no_part_is_told_from_its_ground_both_framings_are_the_whole() -> None:
    whole, part = framings(np.full((80, 80, 3), 77, np.uint8), 64)
    assert np.array_equal(whole, part)
    assert whole.shape == (64, 64, 3)
