"""The height channel finds what lies on a belt that sags, flutters and drifts."""

import numpy as np
from numpy.typing import NDArray

from vision.belt_plane import BeltPlane
from vision.settings import SegmentationConfig

ROWS, COLUMNS = 120, 300


def belt(number: int, drift_mm: float = 0.0) -> NDArray[np.float32]:
    """A belt that sags by 2 mm, flutters by 0.5 mm along its rows, and is blind in a hundredth of the places."""
    rng = np.random.default_rng(number)
    sag = -2 * (1 - ((np.arange(COLUMNS) - COLUMNS / 2) / (COLUMNS / 2)) ** 2)
    flutter = 0.5 * np.sin(np.arange(ROWS) / 19 + number)
    height = sag[None] + flutter[:, None] + rng.normal(0, 0.05, (ROWS, COLUMNS)) + drift_mm
    height[rng.random(height.shape) < 0.01] = np.nan
    return height.astype(np.float32)


def test_an_empty_belt_shows_nothing_from_the_first_map_on() -> None:
    plane = BeltPlane(SegmentationConfig())
    for number in range(5):
        mask = plane.foreground(belt(number))
        assert np.count_nonzero(mask) < 0.001 * mask.size
        plane.adapt(mask)


def test_a_part_of_a_millimetre_is_found_with_its_height_and_not_learned() -> None:
    plane = BeltPlane(SegmentationConfig())
    mask = np.zeros(0, np.uint8)
    for number in range(40):
        height = belt(number)
        height[20:100, 100:150] += 1.2
        mask = plane.foreground(height)
        plane.adapt(mask)
    inside = mask[20:100, 100:150] > 0
    assert inside.mean() > 0.97
    assert np.count_nonzero(mask) < 1.02 * inside.size
    np.testing.assert_allclose(np.nanmedian(plane.above_belt[20:100, 100:150]), 1.2, atol=0.1)


def test_a_belt_that_sinks_slowly_is_followed() -> None:
    plane = BeltPlane(SegmentationConfig())
    for number in range(100):
        mask = plane.foreground(belt(number, drift_mm=-0.03 * number))
        plane.adapt(mask)
        assert np.count_nonzero(mask) < 0.001 * mask.size


def test_a_map_in_which_nothing_was_seen_shows_nothing() -> None:
    plane = BeltPlane(SegmentationConfig())
    assert not plane.foreground(np.full((ROWS, COLUMNS), np.nan, np.float32)).any()
    plane.adapt(np.zeros((ROWS, COLUMNS), np.uint8))
    assert np.count_nonzero(plane.foreground(belt(1))) < 0.05 * ROWS * COLUMNS
