"""Painters of elements and hardware: true sizes, many looks, all sides, the same seed the same picture."""

import cv2
import numpy as np
import pytest

from sim.render import elements, hardware
from sim.render.light import Light, PartImage
from sim.render.parts import make_part
from sim.render.solids import Body, Paint
from sim.render.textures import Texture

PAINTERS = {**elements.PAINTERS, **hardware.PAINTERS}
MM_PER_PX = 0.4
SEEDS = range(10)

# shortest and longest long side of the smallest rectangle around a part, highest point; mm
LIMITS_MM = {
    "capacitor_al": (3.5, 62, 50),
    "capacitor_ta": (2.5, 32, 14),
    "capacitor_ceramic": (1.8, 36, 26),
    "ic": (2.5, 56, 24),
    "resistor": (1.8, 56, 24),
    "diode": (2.5, 52, 30),
    "transistor": (2.5, 52, 32),
    "inductor": (3.5, 56, 34),
    "crystal": (2.2, 40, 26),
    "connector": (3.5, 66, 40),
    "led": (2.5, 42, 34),
    "screw": (2.0, 80, 50),
    "nut_washer": (3.0, 36, 34),
    "cable": (7, 200, 30),
    "other": (7, 150, 70),
}


def draw(class_id: str, seed: int, mm_per_px: float = MM_PER_PX) -> PartImage:
    rng = np.random.default_rng([seed, 11])
    return PAINTERS[class_id](rng, mm_per_px).finish(class_id, 0.005, float(rng.uniform(0, 360)), Light())


def thumbnail(part: PartImage) -> np.ndarray:
    shown = part.color.astype(np.float32) * (part.alpha[:, :, None] / 255)
    return np.asarray(cv2.resize(shown, (16, 16), interpolation=cv2.INTER_AREA), np.float32)


def test_the_classes_are_those_of_the_field() -> None:
    assert set(PAINTERS) == set(LIMITS_MM)


@pytest.mark.parametrize("class_id", PAINTERS)
def test_a_part_has_its_true_size_and_a_sane_picture(class_id: str) -> None:
    shortest, longest, highest = LIMITS_MM[class_id]
    for seed in SEEDS:
        part = draw(class_id, seed)
        assert shortest <= part.length_mm <= longest
        assert 0 < part.width_mm <= part.length_mm
        assert 0.1 < part.height_mm <= highest
        assert part.color.shape == (*part.alpha.shape, 3)
        assert part.alpha.max() > 200
        assert all(edge.any() for edge in (part.alpha[0], part.alpha[-1], part.alpha[:, 0], part.alpha[:, -1]))
        assert part.color[part.alpha > 128].std() > 2, "lit, not one flat colour"


@pytest.mark.parametrize("class_id", PAINTERS)
def test_the_same_seed_paints_the_same_picture(class_id: str) -> None:
    first, again = draw(class_id, 3), draw(class_id, 3)
    assert np.array_equal(first.color, again.color)
    assert np.array_equal(first.alpha, again.alpha)
    assert first.height_mm == again.height_mm


@pytest.mark.parametrize("class_id", PAINTERS)
def test_parts_of_a_class_differ_in_look_shape_and_side(class_id: str) -> None:
    parts = [draw(class_id, seed) for seed in SEEDS]
    looks = np.stack([thumbnail(part) for part in parts])
    apart = np.abs(looks[:, None] - looks[None]).mean(axis=(2, 3, 4))
    assert np.median(apart[np.triu_indices(len(parts), 1)]) > 12
    assert np.ptp([part.length_mm for part in parts]) > 0.25 * np.mean([part.length_mm for part in parts])
    assert len({part.alpha.shape for part in parts}) > 7


def test_a_body_shows_the_side_that_is_up() -> None:
    red, blue = (0, 0, 200), (200, 0, 0)
    for up, seen in (((0, 0, 1), red), ((0, 0, -1), blue)):
        body = Body(np.random.default_rng(1))
        faces = [Texture(10, 6, MM_PER_PX, colour) for colour in (red, blue)]
        body.box((0, 0, 0), (10, 6, 4), Paint((90, 90, 90)), faces[0], faces[1])
        part = body.drawn(MM_PER_PX, up).finish("ic", 0.005, 0.0, Light())
        row, column = part.alpha.shape[0] // 2, part.alpha.shape[1] // 2
        assert np.abs(part.color[row, column].astype(int) - seen).max() < 25


def test_a_body_is_as_high_as_it_lies_and_not_as_it_is_looked_at() -> None:
    for tilt in (0.0, 40.0):
        body = Body(np.random.default_rng(2))
        body.box((0, 0, 0), (12, 6, 3), Paint((120, 120, 120)))
        assert body.drawn(MM_PER_PX, (0, 0, 1), tilt).finish("ic", 0.005, 0.0, Light()).height_mm == pytest.approx(
            3, abs=0.2
        )
    standing = Body(np.random.default_rng(2))
    standing.box((0, 0, 0), (12, 6, 3), Paint((120, 120, 120)))
    part = standing.drawn(MM_PER_PX, (1, 0, 0)).finish("ic", 0.005, 0.0, Light())
    assert part.height_mm == pytest.approx(12, abs=0.5)
    assert part.length_mm == pytest.approx(6, abs=1.2)


def test_a_hole_through_a_prism_lets_the_belt_through() -> None:
    body = Body(np.random.default_rng(3))
    angle = np.linspace(0, 2 * np.pi, 40, endpoint=False)
    circle = np.column_stack([np.cos(angle), np.sin(angle)])
    body.prism(circle * 8, 0, 2, Paint((150, 150, 150)), None, None, [circle * 4])
    part = body.drawn(MM_PER_PX).finish("nut_washer", 0.01, 0.0, Light())
    middle = part.alpha[part.alpha.shape[0] // 2, part.alpha.shape[1] // 2]
    assert middle == 0
    assert part.area_mm2 == pytest.approx(np.pi * (64 - 16), rel=0.05)


def test_clear_plastic_lets_what_is_inside_show() -> None:
    middles: list[int] = []
    for inside in ((20, 20, 20), (220, 220, 220)):
        body = Body(np.random.default_rng(4))
        body.box((0, 0, 0), (4, 4, 2), Paint(inside))
        body.box((0, 0, 0), (10, 10, 6), Paint((40, 40, 200), opacity=0.5))
        part = body.drawn(MM_PER_PX).finish("led", 0.005, 0.0, Light())
        middles.append(int(part.color[part.alpha.shape[0] // 2, part.alpha.shape[1] // 2, 0]))
    assert middles[1] > middles[0] + 50


def test_prints_on_a_cylinder_read_the_right_way_round() -> None:
    radius, pitch = 5.0, 2 * np.pi * 5.0 / 6
    wrap = Texture(20, 2 * np.pi * radius, 0.1, (200, 200, 200))
    for place in (np.arange(6) - 2.5) * pitch:  # the right one of two marks stands an eighth higher
        wrap.rect(6, place - pitch / 8, 3, 0.6, (10, 10, 10))
        wrap.rect(-6, place + pitch / 8, 3, 0.6, (10, 10, 10))
    for up in ((0.0, 0.0, 1.0), (0.0, 1.0, 0.0), (0.0, -0.7, 0.7)):
        body = Body(np.random.default_rng(5))
        body.revolve([(-10, 0), (-10, 5), (10, 5), (10, 0)], Paint((200, 200, 200)), axis=(1, 0, 0), texture=wrap)
        shown = body.drawn(0.1, up).finish("capacitor_al", 0.01, 0.0, Light()).color.mean(axis=2)
        left, right = (
            np.flatnonzero(shown[:, round(share * shown.shape[1])] < 60) - shown.shape[0] / 2 for share in (0.2, 0.8)
        )
        mark = left[np.abs(left).argmin()]
        other = right[np.abs(right - mark).argmin()]
        assert other < mark - 5


def test_every_new_class_comes_out_of_make_part() -> None:
    for class_id in PAINTERS:
        part = make_part(class_id, np.random.default_rng(6), 0.5)
        assert part.class_id == class_id
        assert part.mass_g > 0
