"""Cuts are proposed where two parts meet, and judged by what is seen there."""

import cv2
import numpy as np
from numpy.typing import NDArray

from vision.cut_judge import CutJudge
from vision.cuts import FEATURES, FIRST, NAMES, SECOND, candidate_cuts
from vision.segmentation import outer_contours, simplified

NO_HEIGHT = np.zeros((0, 0), np.float32)
SHAPE = (120, 200)


def feature(row: NDArray[np.float64], name: str) -> float:
    return float(row[FEATURES + NAMES.index(name)])


def drawn(
    *discs: tuple[int, int, int, tuple[int, int, int]],
) -> tuple[NDArray[np.int32], NDArray[np.uint8], NDArray[np.uint8]]:
    """Outline, colour and mask of discs (x, y, radius, colour) that hang together."""
    color = np.full((*SHAPE, 3), 60, np.uint8)
    mask = np.zeros(SHAPE, np.uint8)
    for x, y, radius, bgr in discs:
        cv2.circle(color, (x, y), radius, bgr, cv2.FILLED)
        cv2.circle(mask, (x, y), radius, 255, cv2.FILLED)
    (contour,) = outer_contours(mask)
    return simplified(contour), color, mask


def test_two_discs_that_touch_have_a_cut_between_them() -> None:
    outline, color, mask = drawn((60, 60, 30, (160, 160, 160)), (115, 60, 30, (160, 160, 160)))
    rows = candidate_cuts(outline, color, mask, NO_HEIGHT, 40.0)
    ends = [outline[[int(row[FIRST]), int(row[SECOND])], 0] for row in rows]
    assert any((abs(x - 87.5) <= 3).all() for x in ends)


def test_a_round_or_square_part_has_none() -> None:
    outline, color, mask = drawn((60, 60, 30, (160, 160, 160)))
    assert len(candidate_cuts(outline, color, mask, NO_HEIGHT, 40.0)) == 0
    square = np.array([[10, 10], [60, 10], [60, 60], [10, 60]], np.int32)
    assert len(candidate_cuts(square, color, np.full(SHAPE, 255, np.uint8), NO_HEIGHT, 40.0)) == 0


def test_no_cut_leaves_a_piece_smaller_than_the_smallest_part() -> None:
    outline, color, mask = drawn((60, 60, 30, (160, 160, 160)), (95, 60, 8, (160, 160, 160)))
    assert len(candidate_cuts(outline, color, mask, NO_HEIGHT, 400.0)) == 0


def test_another_colour_beyond_the_cut_is_a_colour_step_and_a_step_in_height_one_of_height() -> None:
    same = drawn((60, 60, 30, (160, 160, 160)), (115, 60, 30, (160, 160, 160)))
    other = drawn((60, 60, 30, (160, 160, 160)), (115, 60, 30, (40, 90, 200)))
    height = np.zeros(SHAPE, np.float32)
    height[:, 88:] = 4
    (alike, *_), (unlike, *_) = (candidate_cuts(*picture, NO_HEIGHT, 40.0) for picture in (same, other))
    assert feature(alike, "colour step") == 0 < 3 < feature(unlike, "colour step")
    assert feature(alike, "edge share") == 0 < 0.5 < feature(unlike, "edge share")
    assert feature(alike, "height step") == 0
    assert feature(candidate_cuts(*same, height, 40.0)[0], "height step") > 1


def test_heights_that_were_not_seen_count_for_nothing() -> None:
    picture = drawn((60, 60, 30, (160, 160, 160)), (115, 60, 30, (160, 160, 160)))
    blind = candidate_cuts(*picture, np.full(SHAPE, np.nan, np.float32), 40.0)
    np.testing.assert_array_equal(blind, candidate_cuts(*picture, NO_HEIGHT, 40.0))


def test_a_blob_that_runs_out_of_the_picture_is_looked_at_like_any_other() -> None:
    outline, color, mask = drawn((0, 60, 30, (160, 160, 160)), (50, 60, 30, (90, 160, 160)), (60, 119, 40, (9, 9, 9)))
    assert len(candidate_cuts(outline, color, mask, NO_HEIGHT, 40.0)) >= 1


def test_both_judges_are_there_and_give_probabilities() -> None:
    outline, color, mask = drawn((60, 60, 30, (160, 160, 160)), (115, 60, 30, (40, 90, 200)))
    rows = candidate_cuts(outline, color, mask, NO_HEIGHT, 40.0)
    for with_height in (False, True):
        chances = CutJudge.load(with_height=with_height).probabilities(rows)
        assert chances.shape == (len(rows),)
        assert ((chances >= 0) & (chances <= 1)).all()
    assert len(CutJudge.load(with_height=False).columns) == len(NAMES) - 4
