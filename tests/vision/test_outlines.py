"""Polygons measured in one call are what OpenCV measures one by one."""

from itertools import pairwise

import cv2
import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from vision.measures import filled
from vision.outlines import AREA, BOX, CENTRE, COVERED, hull_area, measured, one_after_the_other, solidities
from vision.segmentation import outer_contours

POLYGONS = st.lists(
    st.lists(st.tuples(st.integers(0, 3000), st.integers(0, 2000)), min_size=1, max_size=25), min_size=1, max_size=5
)


def flat(polygons: list[list[tuple[int, int]]]) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    ends = np.cumsum([0, *map(len, polygons)]).astype(np.int64)
    return np.array([point for polygon in polygons for point in polygon], np.int32), ends


@given(POLYGONS)
def test_boxes_areas_and_centroids_are_opencvs(polygons: list[list[tuple[int, int]]]) -> None:
    table = measured(*flat(polygons))
    for row, polygon in zip(table, polygons, strict=True):
        points = np.array(polygon, np.int32)
        assert tuple(row[BOX]) == tuple(cv2.boundingRect(points))
        moments = cv2.moments(points)
        np.testing.assert_allclose(row[AREA], moments["m00"], rtol=1e-6, atol=1e-6)
        if moments["m00"] > 1000:
            centre = moments["m10"] / moments["m00"], moments["m01"] / moments["m00"]
            np.testing.assert_allclose(row[CENTRE], centre, rtol=1e-4)


@given(st.lists(st.tuples(st.integers(0, 40), st.integers(0, 30), st.integers(0, 3)), min_size=2, max_size=8))
def test_what_is_covered_lies_midway_between_the_area_and_all_of_the_pixels(stroke: list[tuple[int, int, int]]) -> None:
    mask = np.zeros((40, 50), np.uint8)
    for (x, y, width), (to_x, to_y, _) in pairwise(stroke):
        cv2.line(mask, (x + 4, y + 4), (to_x + 4, to_y + 4), (255,), 1 + 2 * width)
    (contour,) = outer_contours(mask)
    pixels = np.count_nonzero(filled(contour, (0, 0, 50, 40)))
    (row,) = measured(*one_after_the_other([contour]))
    assert row[COVERED] == (row[AREA] + pixels) / 2


@given(POLYGONS)
def test_hulls_are_opencvs_and_a_polygon_fills_a_share_of_its_own(polygons: list[list[tuple[int, int]]]) -> None:
    points, ends = flat(polygons)
    for solidity, polygon in zip(solidities(points, ends), polygons, strict=True):
        own = np.array(polygon, np.int32)
        hull = cv2.contourArea(cv2.convexHull(own))
        assert hull_area(own) == hull
        if hull > 0:
            np.testing.assert_allclose(solidity, cv2.contourArea(own) / hull)
