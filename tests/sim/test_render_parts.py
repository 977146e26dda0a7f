"""Every class can be drawn, at a plausible size, and told from the belt."""

from typing import cast

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from models.classes import class_ids
from senbetsu_errors import Fatal
from sim.render import boards, parts
from sim.render.belt import BELT_BGR
from sim.render.canvas import Canvas, Painter
from sim.render.light import Light
from sim.render.parts import CLASSES, PartImage, areal_mass_g_per_mm2, make_part

MM_PER_PX = 0.5
SEEDS = range(6)
SEEN_BY_HEIGHT = ("glass", "display_module")  # clear, or as dark and dull as the belt: colour alone misses some

# shortest and longest plausible long side of the smallest rectangle around a part, mm
LENGTHS_MM = {
    "smartphone": (40, 180),
    "feature_phone": (80, 205),
    "tablet": (170, 268),
    "digital_camera": (40, 175),
    "video_camera": (44, 220),
    "game_console": (60, 285),
    "battery": (10, 245),
    "pcb": (8, 180),
    "display_module": (15, 245),
    "camera_module": (10, 100),
    "motor": (10, 130),
    "speaker": (8, 190),
    "hdd": (15, 170),
    "metal_housing": (8, 155),
    "plastic_housing": (6, 175),
    "glass": (5, 245),
    "capacitor_al": (3.5, 62),
    "capacitor_ta": (2.5, 32),
    "capacitor_ceramic": (1.8, 36),
    "ic": (2.5, 56),
    "transistor": (2.5, 52),
    "resistor": (1.8, 56),
    "diode": (2.5, 52),
    "inductor": (3.5, 56),
    "crystal": (2.2, 40),
    "led": (2.5, 42),
    "connector": (3.5, 66),
    "screw": (2.0, 80),
    "nut_washer": (3.0, 36),
    "cable": (7, 200),
    "other": (7, 150),
}


def draw(class_id: str, seed: int) -> PartImage:
    return make_part(class_id, np.random.default_rng([seed, 5]), MM_PER_PX)


def test_every_drawn_class_is_a_class_of_the_field_with_a_plausible_size() -> None:
    assert set(CLASSES) <= set(class_ids())
    assert set(LENGTHS_MM) == set(CLASSES)


@pytest.mark.parametrize("class_id", CLASSES)
def test_a_part_has_a_plausible_size_and_mass(class_id: str) -> None:
    shortest, longest = LENGTHS_MM[class_id]
    for seed in SEEDS:
        part = draw(class_id, seed)
        assert part.class_id == class_id
        assert part.color.shape == (*part.alpha.shape, 3)
        assert part.color.dtype == part.alpha.dtype == np.uint8
        assert shortest <= part.length_mm <= longest
        assert 0 < part.width_mm <= part.length_mm
        assert 0 < part.height_mm <= 120
        covered_mm2 = part.alpha.sum() / 255 * MM_PER_PX**2
        if class_id in SEEN_BY_HEIGHT:  # the belt shines through: the footprint is more than alpha's sum
            assert covered_mm2 <= part.area_mm2 * 1.000001
        else:
            assert part.area_mm2 == pytest.approx(covered_mm2, rel=1e-6)
        assert 0.8 < part.mass_g / (part.area_mm2 * areal_mass_g_per_mm2(class_id)) < 1.2


@pytest.mark.parametrize("class_id", CLASSES)
def test_the_same_seed_gives_the_same_part_and_another_seed_another(class_id: str) -> None:
    first, again, other = draw(class_id, 1), draw(class_id, 1), draw(class_id, 2)
    assert np.array_equal(first.color, again.color)
    assert np.array_equal(first.alpha, again.alpha)
    assert first.mass_g == again.mass_g
    assert first.alpha.shape != other.alpha.shape or not np.array_equal(first.color, other.color)


@pytest.mark.parametrize("class_id", CLASSES)
def test_the_height_map_lies_inside_the_footprint_and_tops_at_the_part_s_height(class_id: str) -> None:
    for seed in SEEDS:
        part = draw(class_id, seed)
        assert part.height_mm_map.shape == part.gloss.shape == part.alpha.shape
        assert part.height_mm_map.dtype == np.float32
        assert not part.height_mm_map[part.alpha == 0].any()
        assert not part.gloss[part.alpha == 0].any()
        assert part.height_mm_map.max() == pytest.approx(part.height_mm)
        # what is solid stands above the belt
        solid = part.alpha > (20 if class_id in SEEN_BY_HEIGHT else 254)
        assert np.mean(part.height_mm_map[solid] > 0.05) > 0.95


def test_the_height_map_turns_with_the_part() -> None:
    """A wedge that rises along its length: in the picture the height rises the way that the part was turned."""
    for angle_deg in (0.0, 90.0, 200.0):
        canvas = Canvas(30.0, 20.0, MM_PER_PX, np.random.default_rng(0))
        for step in range(10):
            canvas.rect(-13.5 + 3 * step, 0, 3, 20, (90, 90, 90), 1.0 + step)
        part = canvas.finish("other", 0.01, angle_deg, Light())
        rows, columns = np.nonzero(part.alpha == 255)
        heights = part.height_mm_map[rows, columns]
        slope = np.linalg.lstsq(np.column_stack([columns, rows, np.ones_like(rows)]), heights, rcond=None)[0][:2]
        assert np.hypot(*slope) == pytest.approx(MM_PER_PX / 3, rel=0.1)
        # cv2 turns anticlockwise in a picture whose rows go down
        uphill_deg = np.rad2deg(np.arctan2(-slope[1], slope[0]))
        assert (uphill_deg - angle_deg + 180) % 360 - 180 == pytest.approx(0, abs=3)


def test_a_print_beside_the_part_leaves_no_mark_and_one_over_its_edge_does() -> None:
    def printed(x_mm: float, y_mm: float) -> NDArray[np.uint8]:
        canvas = Canvas(30.0, 20.0, MM_PER_PX, np.random.default_rng(0))
        canvas.rect(0, 0, 30, 20, (90, 90, 90), 1.0)
        canvas.picture(x_mm, y_mm, 3, 3, np.full((8, 8, 3), 255, np.uint8))
        canvas.text("AB", x_mm, y_mm, 2.0, (255, 255, 255), quarters=1)
        return canvas.finish("other", 0.01, 0.0, Light()).color

    bare = printed(0.0, 300.0)
    for away in ((-25.0, 0.0), (25.0, 0.0), (0.0, -25.0), (0.0, 25.0), (-19.0, -14.0)):
        assert np.array_equal(printed(*away), bare)
    for across in ((-15.0, 0.0), (15.0, 0.0), (0.0, -10.0), (0.0, 10.0)):
        assert not np.array_equal(printed(*across), bare)


@pytest.mark.parametrize("class_id", [name for name in CLASSES if name not in SEEN_BY_HEIGHT])
def test_most_of_a_part_differs_from_the_belt_enough_to_be_segmented(class_id: str) -> None:
    differing: list[float] = []
    for seed in SEEDS:
        part = draw(class_id, seed)
        solid = part.alpha > 200
        difference = np.abs(part.color.astype(np.int16) - np.array(BELT_BGR)).max(axis=2)
        differing.append(np.count_nonzero(difference[solid] >= 20) / np.count_nonzero(solid))
    assert np.mean(differing) > 0.7
    assert min(differing) > 0.25


@pytest.mark.parametrize("class_id", CLASSES)
def test_a_part_is_one_piece_cropped_to_its_footprint(class_id: str) -> None:
    for seed in SEEDS:
        alpha = draw(class_id, seed).alpha
        pieces, _ = cv2.findContours(alpha, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
        assert len(pieces) == 1
        assert all(edge.any() for edge in (alpha[0], alpha[-1], alpha[:, 0], alpha[:, -1]))


def test_finer_pixels_show_the_same_part_larger() -> None:
    coarse = make_part("battery", np.random.default_rng(4), 0.5)
    fine = make_part("battery", np.random.default_rng(4), 0.25)
    assert fine.length_mm == pytest.approx(coarse.length_mm, abs=1.5)
    assert fine.alpha.shape[0] == pytest.approx(2 * coarse.alpha.shape[0], abs=4)


def test_rotation_is_drawn_over_the_whole_circle() -> None:
    wide = [draw("screw", seed).alpha.shape for seed in range(30)]
    assert any(width > 1.5 * height for height, width in wide)
    assert any(height > 1.5 * width for height, width in wide)


def test_a_class_that_nobody_can_draw_is_refused_with_the_list_of_those_that_exist() -> None:
    with pytest.raises(Fatal, match="toaster") as refused:
        make_part("toaster", np.random.default_rng(0), MM_PER_PX)
    assert "smartphone" in refused.value.remedy


def test_a_part_of_which_nothing_is_left_is_drawn_again(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[int] = []

    def painter(rng: np.random.Generator, mm_per_px: float) -> Canvas:
        canvas = Canvas(20, 10, mm_per_px, rng)
        drawn.append(1)
        if len(drawn) > 1:  # of the first one nothing is left
            canvas.rect(0, 0, 18, 8, (200, 200, 200), 2.0)
        return canvas

    monkeypatch.setitem(cast("dict[str, Painter]", parts.PAINTERS), "other", painter)
    image = make_part("other", np.random.default_rng(1), 0.5)
    assert len(drawn) == 2
    assert image.area_mm2 == pytest.approx(18 * 8, rel=0.1)


def test_a_board_too_narrow_for_a_can_is_filled_all_the_same() -> None:
    for seed in range(200):
        canvas = Canvas(120.0, 7.0, 2.0, np.random.default_rng(seed))
        boards.populate(canvas, 120.0, 7.0, 2.0)


@pytest.mark.slow
@pytest.mark.parametrize("class_id", class_ids())
def test_no_draw_of_the_dice_is_impossible(class_id: str) -> None:
    """What one part in ten thousand cannot be drawn with ends a training's rendering after minutes."""
    for seed in range(400):
        make_part(class_id, np.random.default_rng([seed, 7]), 2.5)
