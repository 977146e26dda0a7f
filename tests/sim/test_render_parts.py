"""Every class can be drawn, at a plausible size, and told from the belt."""

import cv2
import numpy as np
import pytest

from senbetsu_errors import Fatal
from sim.render.belt import BELT_BGR
from sim.render.parts import AREAL_MASS_G_PER_MM2, CLASSES, PartImage, make_part

MM_PER_PX = 0.5
SEEDS = range(6)

# shortest and longest plausible long side of the smallest rectangle around a part, mm
LENGTHS_MM = {
    "smartphone": (100, 155),
    "battery": (25, 70),
    "pcb": (9, 112),
    "metal_housing": (18, 100),
    "plastic_housing": (10, 95),
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


def test_every_class_has_its_size_and_mass() -> None:
    assert set(LENGTHS_MM) == set(CLASSES) == set(AREAL_MASS_G_PER_MM2)


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
        assert 0 < part.height_mm <= 70
        assert part.area_mm2 == pytest.approx(part.alpha.sum() / 255 * MM_PER_PX**2, rel=1e-6)
        assert 0.8 < part.mass_g / (part.area_mm2 * AREAL_MASS_G_PER_MM2[class_id]) < 1.2


@pytest.mark.parametrize("class_id", CLASSES)
def test_the_same_seed_gives_the_same_part_and_another_seed_another(class_id: str) -> None:
    first, again, other = draw(class_id, 1), draw(class_id, 1), draw(class_id, 2)
    assert np.array_equal(first.color, again.color)
    assert np.array_equal(first.alpha, again.alpha)
    assert first.mass_g == again.mass_g
    assert first.alpha.shape != other.alpha.shape or not np.array_equal(first.color, other.color)


@pytest.mark.parametrize("class_id", CLASSES)
def test_most_of_a_part_differs_from_the_belt_enough_to_be_segmented(class_id: str) -> None:
    for seed in SEEDS:
        part = draw(class_id, seed)
        solid = part.alpha > 200
        difference = np.abs(part.color.astype(np.int16) - np.array(BELT_BGR)).max(axis=2)
        assert np.mean(difference[solid] >= 20) > 0.6


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
