"""What the drawing board can print, blend, let through and raise."""

import numpy as np
import pytest

from sim.render.canvas import Canvas
from sim.render.light import Light, PartImage
from sim.render.shapes import rounded_rect

MM_PER_PX = 0.25
GREY = (120, 120, 120)


def slab(length_mm: float = 30.0, width_mm: float = 20.0) -> Canvas:
    canvas = Canvas(length_mm, width_mm, MM_PER_PX, np.random.default_rng(3))
    canvas.rect(0, 0, length_mm, width_mm, GREY, 2.0, 0)
    return canvas


def finished(canvas: Canvas) -> PartImage:
    return canvas.finish("glass", 0.01, 0.0, Light())


def middle(part: PartImage, row_share: float = 0.5, column_share: float = 0.5) -> tuple[int, int]:
    rows, columns = part.alpha.shape
    return int(rows * row_share), int(columns * column_share)


def test_a_see_through_area_lowers_alpha_there_and_leaves_area_and_height_alone() -> None:
    whole, glass = slab(), slab()
    glass.see_through(rounded_rect(-7.5, 0, 15, 20), 80)
    opaque, clear = finished(whole), finished(glass)
    assert clear.alpha[middle(clear, 0.5, 0.25)] == pytest.approx(80, abs=3)
    assert clear.alpha[middle(clear, 0.5, 0.75)] == 255
    assert clear.area_mm2 == opaque.area_mm2
    assert clear.height_mm == opaque.height_mm
    assert np.array_equal(clear.color, opaque.color)


def test_a_glint_hides_what_lies_under_clear_glass() -> None:
    canvas = Canvas(30, 20, MM_PER_PX, np.random.default_rng(3))
    canvas.rect(0, 0, 30, 20, GREY, 2.0, 255)
    canvas.see_through(rounded_rect(0, 0, 30, 20), 60)
    canvas.dome(0, 0, 8, 2, 4)
    part = finished(canvas)
    brightest = np.unravel_index(np.argmax(part.color.sum(axis=2)), part.alpha.shape)
    assert part.alpha[brightest] > 120
    assert part.alpha[middle(part, 0.5, 0.05)] < 90


def test_a_blend_goes_half_way_and_stays_inside_its_outline() -> None:
    canvas = slab()
    canvas.shade(rounded_rect(-7.5, 0, 15, 20), (220, 20, 120), 0.5)
    part = finished(canvas)
    assert part.color[middle(part, 0.5, 0.25)] == pytest.approx(np.array([170, 70, 120]), abs=4)
    assert part.color[middle(part, 0.5, 0.75)] == pytest.approx(np.array(GREY), abs=4)


def test_a_blend_may_vary_from_place_to_place_and_reach_over_the_edge() -> None:
    canvas = slab()
    canvas.shade(rounded_rect(0, 0, 60, 60), (255, 255, 255), lambda x, _: (x + 15) / 30, 0.5)
    part = finished(canvas)
    across = part.color[part.alpha.shape[0] // 2, 10:-10:20, 0].astype(int)
    assert np.all(np.diff(across) > 0)


def test_a_picture_is_printed_in_its_rectangle_and_cut_at_the_edge() -> None:
    canvas = slab()
    halves = np.zeros((2, 2, 3), np.uint8)
    halves[:, 1] = 240
    canvas.picture(15, 0, 20, 10, halves)  # its right half hangs over
    part = finished(canvas)
    assert part.color[middle(part, 0.5, 0.72)].max() < 60
    assert part.color[middle(part, 0.05, 0.72)] == pytest.approx(np.array(GREY), abs=4)


@pytest.mark.parametrize(("quarters", "upright"), [(0, False), (1, True), (2, False), (3, True)])
def test_text_is_turned_by_quarter_circles(quarters: int, upright: bool) -> None:
    canvas = slab(30, 30)
    canvas.text("EEEEE", 0, 0, 3.0, (250, 250, 250), quarters)
    part = finished(canvas)
    rows, columns = np.nonzero(part.color.min(axis=2) > 200)
    assert (np.ptp(rows) > np.ptp(columns)) == upright
    assert rows.mean() == pytest.approx(part.alpha.shape[0] / 2, abs=4)
    assert columns.mean() == pytest.approx(part.alpha.shape[1] / 2, abs=4)


def test_a_bulge_raises_the_middle_and_nothing_outside_the_part() -> None:
    canvas = slab()
    canvas.bulge(0, 0, 20, 15, 3.0)
    part = finished(canvas)
    assert part.height_mm == pytest.approx(5.0, abs=0.2)
    assert part.height_mm_map[middle(part, 0.5, 0.1)] < 4.2
    assert not part.height_mm_map[part.alpha == 0].any()


def test_a_long_part_is_drawn_coarser_and_keeps_its_size() -> None:
    fine, coarse = slab(100, 20), slab(200, 20)
    assert coarse.scale < fine.scale
    assert finished(coarse).length_mm == pytest.approx(200, abs=0.6)
    assert finished(fine).length_mm == pytest.approx(100, abs=0.6)
