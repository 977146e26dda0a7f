"""Sides, areas and heights of blobs are what OpenCV and the height map say."""

import cv2
import numpy as np
import pytest

from models.fusion import MEASURES
from vision.measures import MASS_COLUMN, heights_mm, measures_of
from vision.outlines import rectangles


def test_the_smallest_rectangle_is_opencv_s() -> None:
    rng = np.random.default_rng(4)
    contours = [rng.integers(0, 300, (int(rng.integers(1, 60)), 2)).astype(np.int32) for _ in range(120)]
    ends = np.cumsum([0, *(len(contour) for contour in contours)])
    found = rectangles(np.concatenate(contours), ends)
    for sides, contour in zip(found, contours, strict=True):
        theirs = cv2.minAreaRect(contour)[1]
        # where two rectangles are equally small either may be named
        assert sides.prod() == pytest.approx(theirs[0] * theirs[1], rel=1e-4, abs=0.05)
        assert sides[0] >= sides[1]


@pytest.mark.parametrize("turned", [0, 20, 45, 77])
def test_a_turned_rectangle_keeps_its_sides(turned: float) -> None:
    corners = cv2.boxPoints(((150.0, 150.0), (120.0, 40.0), turned))
    mask = np.zeros((300, 300), np.uint8)
    cv2.fillPoly(mask, [np.rint(corners).astype(np.int32)], (1,))
    found, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    contour = np.asarray(found[0], np.int32).reshape(-1, 2)
    area = float(cv2.contourArea(contour))
    (measures,) = measures_of([contour], np.array([area / 4]), np.array([[3.0, 5.0]]), np.array([0.5]))
    named = dict(zip(MEASURES, measures.tolist(), strict=True))
    assert named["length_mm"] == pytest.approx(60, abs=1.2)
    assert named["width_mm"] == pytest.approx(20, abs=1.2)
    assert named["area_mm2"] == pytest.approx(area / 4)
    assert (named["mean_height_mm"], named["max_height_mm"]) == (3.0, 5.0)
    assert np.isnan(measures[MASS_COLUMN])


def test_heights_are_of_what_was_seen_inside_the_contour() -> None:
    above = np.zeros((40, 60), np.float32)
    above[10:30, 10:30] = 4.0
    above[10:30, 28:30] = 9.0  # a tenth of it is higher
    above[12, 12] = 80.0  # a stray
    above[20:25, 10:20] = np.nan
    boxes = np.array([[10, 10, 20, 20], [40, 5, 10, 10]], np.int32)
    contours = [
        np.array([[x, y], [x + w - 1, y], [x + w - 1, y + h - 1], [x, y + h - 1]], np.int32)
        for x, y, w, h in boxes.tolist()
    ]
    above[5:15, 40:50] = np.nan
    part, unseen = heights_mm(contours, boxes, above)
    inside = above[10:30, 10:30]
    assert part[0] == pytest.approx(np.nanmean(inside))
    assert part[1] == 9.0
    assert np.isnan(unseen).all()


def test_no_blobs_measure_nothing() -> None:
    assert measures_of([], np.zeros(0), np.zeros((0, 2)), np.zeros(0)).shape == (0, len(MEASURES))
