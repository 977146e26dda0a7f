"""A belt seam that passes is no part, and what lies on it stays one."""

import numpy as np
import pytest
from numpy.typing import NDArray

from vision.segmentation import Picture, Segmenter
from vision.settings import SegmentationConfig

ROWS, COLUMNS = 240, 400


def belt_with(seam_row: float | None, slant: float = 0.08, part: bool = False, seed: int = 0) -> NDArray[np.uint8]:
    """A belt with a darker joint of 6 px, whose middle is at `seam_row` in the middle column, and a part on it."""
    color = np.random.default_rng(seed).normal(70, 2, (ROWS, COLUMNS, 3))
    if seam_row is not None:
        off = np.arange(ROWS)[:, None] - seam_row - slant * (np.arange(COLUMNS) - COLUMNS / 2)[None]
        color[np.abs(off) <= 3] -= 25
    if part:
        color[90:140, 180:240] = 160
    return np.clip(color, 0, 255).astype(np.uint8)


def segmenter(**settings: float) -> Segmenter:
    return Segmenter(
        SegmentationConfig.model_validate(settings), min_area_px=40, max_part_px=150, area_scan=True, widest_seam_px=12
    )


def boxes(seg: Segmenter, color: NDArray[np.uint8], travel_rows: float | None = None) -> list[list[int]]:
    picture = Picture(color)
    return seg.blobs(picture, seg.foreground(picture), travel_rows).boxes.tolist()


@pytest.mark.parametrize("slant", [0.0, 0.08, -0.2])
def test_a_seam_across_the_belt_is_no_blob(slant: float) -> None:
    seg = segmenter()
    boxes(seg, belt_with(None))
    assert boxes(seg, belt_with(120, slant)) == []


def test_a_part_that_lies_on_the_seam_is_found_whole() -> None:
    seg = segmenter()
    boxes(seg, belt_with(None))
    (box,) = boxes(seg, belt_with(115, part=True))
    np.testing.assert_allclose(box, [180, 90, 60, 50], atol=4)


def test_a_seam_is_followed_until_its_last_corner_has_left() -> None:
    seg = segmenter()
    boxes(seg, belt_with(None))
    found = [boxes(seg, belt_with(120 - 20 * k, seed=k), 20.0 if k else None) for k in range(9)]
    assert found == [[]] * 9


def test_a_seam_is_not_learned_into_the_belt() -> None:
    seg = segmenter(learn_frames=3)
    for k in range(60):
        boxes(seg, belt_with(230 - 3 * k, seed=k), 3.0)
    assert boxes(seg, belt_with(None, part=True)) == boxes(seg, belt_with(None, part=True))
    assert len(boxes(seg, belt_with(None, part=True))) == 1
    assert boxes(seg, belt_with(None, seed=99)) == []


def test_a_thin_part_that_ends_on_the_belt_is_none() -> None:
    seg = segmenter()
    boxes(seg, belt_with(None))
    color = belt_with(None)
    color[118:124, 60:260] = 160
    assert len(boxes(seg, color)) == 1
