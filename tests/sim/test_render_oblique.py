"""What a camera sees that does not look straight down."""

import numpy as np
import pytest

from sim.render.canvas import Canvas
from sim.render.light import Light, PartImage
from sim.render.oblique import Lean
from sim.render.shapes import rounded_rect

MM_PER_PX = 0.25
GREY = (160, 160, 160)


def block(lean: Lean | None, see_through: bool = False) -> PartImage:
    """30 x 20 mm, 10 mm high."""
    canvas = Canvas(30, 20, MM_PER_PX, np.random.default_rng(1))
    canvas.rect(0, 0, 30, 20, GREY, 10.0, 0)
    if see_through:
        canvas.see_through(rounded_rect(0, 0, 30, 20), 100)
    canvas.lean = lean
    return canvas.finish("battery", 0.01, 0.0, Light())


@pytest.mark.parametrize("quarters", range(4))
def test_the_footprint_is_foreshortened_along_the_lean_and_grows_by_the_wall(quarters: int) -> None:
    part = block(Lean(30.0, quarters, 0.5))
    rows, columns = (side * MM_PER_PX for side in part.alpha.shape)
    along, across = (columns, rows) if quarters % 2 == 0 else (rows, columns)
    length_mm, width_mm = (30, 20) if quarters % 2 == 0 else (20, 30)
    assert along == pytest.approx(length_mm * np.cos(np.pi / 6) + 10 * 0.5, abs=1.0)
    assert across == pytest.approx(width_mm, abs=1.0)
    assert part.height_mm == pytest.approx(10.0, abs=0.1)


def test_the_wall_is_darker_than_the_face_and_rises_from_the_belt_to_the_top() -> None:
    part = block(Lean(30.0, 0, 0.5))
    middle = part.alpha.shape[0] // 2
    heights, colours = part.height_mm_map[middle], part.color[middle, :, 0].astype(float)
    wall = slice(4, round(4.0 / MM_PER_PX))
    assert np.all(np.diff(heights[wall]) > -0.6)
    assert heights[4] < 3
    assert heights[round(6.0 / MM_PER_PX)] == pytest.approx(10.0, abs=0.2)
    assert colours[wall].max() < 120
    assert colours[round(12 / MM_PER_PX)] == pytest.approx(160, abs=6)
    assert np.all(part.alpha[middle, 3:-3] > 250)


def test_straight_from_above_nothing_changes_and_glass_is_never_seen_aslant() -> None:
    above, unleaned = block(Lean(0.0, 0, 0.5)), block(None)
    assert above.alpha.shape == pytest.approx(unleaned.alpha.shape, abs=2)
    assert above.area_mm2 == pytest.approx(unleaned.area_mm2, rel=0.01)
    assert np.array_equal(block(Lean(30.0, 0, 0.5), see_through=True).alpha, block(None, see_through=True).alpha)
