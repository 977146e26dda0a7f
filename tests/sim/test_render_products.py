"""Products and modules: every look of every class draws, at its size, again the same, and unlike the other looks."""

from itertools import combinations

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from models.classes import load_classes
from sim.render import modules, products
from sim.render.canvas import Canvas, Painter
from sim.render.dice import mixed
from sim.render.light import Light, PartImage

MM_PER_PX = 1.0
LOOKS = {**products.LOOKS, **modules.LOOKS}
PAINTERS = {**products.PAINTERS, **modules.PAINTERS}
NAMED_LOOKS = [
    pytest.param(class_id, painter, id=f"{class_id}{painter.__name__}")
    for class_id, looks in LOOKS.items()
    for _, painter in looks
]

# shortest and longest long side of the footprint and the highest point, mm: the smallest fragment
# to the largest whole piece
SIZES_MM = {
    "smartphone": (40, 180, 18),
    "feature_phone": (80, 205, 25),
    "tablet": (170, 268, 12),
    "digital_camera": (40, 175, 95),
    "video_camera": (44, 220, 120),
    "game_console": (60, 285, 60),
    "battery": (10, 245, 45),
    "pcb": (8, 180, 30),
    "display_module": (15, 245, 18),
    "camera_module": (10, 100, 30),
    "motor": (10, 130, 70),
    "speaker": (8, 190, 60),
    "hdd": (15, 150, 36),
    "metal_housing": (8, 155, 40),
    "plastic_housing": (6, 175, 30),
    "glass": (5, 245, 30),
}


def draw(painter: Painter, class_id: str, seed: int, angle_deg: float = 20.0) -> PartImage:
    return painter(np.random.default_rng([seed, 7]), MM_PER_PX).finish(class_id, 0.01, angle_deg, Light())


def thumbnail(part: PartImage) -> NDArray[np.float32]:
    """The part on grey, stretched to 24 x 24, with its relief and its sides (cm) beside the colours."""
    alpha = part.alpha[:, :, None] / np.float32(255)
    picture = cv2.resize(part.color * alpha + 110 * (1 - alpha), (24, 24), interpolation=cv2.INTER_AREA)
    relief = cv2.resize(part.height_mm_map, (24, 24), interpolation=cv2.INTER_AREA)
    sides = np.full((24, 24, 1), (part.length_mm + part.width_mm) / 2, np.float32)
    return np.dstack([picture, relief * 4, sides]).astype(np.float32)


def test_the_products_and_modules_of_the_field_can_all_be_drawn() -> None:
    field = {part.id: part.group for part in load_classes()}
    assert set(SIZES_MM) == set(PAINTERS)
    assert set(products.PAINTERS) == {name for name, group in field.items() if group == "products"}
    assert set(modules.PAINTERS) == {name for name, group in field.items() if group == "modules"}


@pytest.mark.parametrize(("class_id", "painter"), NAMED_LOOKS)
def test_a_look_draws_within_the_sizes_of_its_class(class_id: str, painter: Painter) -> None:
    shortest, longest, highest = SIZES_MM[class_id]
    for seed in range(2):
        part = draw(painter, class_id, seed)
        assert shortest <= part.length_mm <= longest
        assert 3 <= part.width_mm <= part.length_mm
        assert 0.5 < part.height_mm <= highest
        assert part.height_mm_map.min() >= 0
        assert part.alpha.shape == part.height_mm_map.shape == part.color.shape[:2]
        assert part.alpha.max() > 60
        assert part.color[part.alpha > 60].std() > 2  # not one flat colour


@pytest.mark.parametrize(("class_id", "painter"), NAMED_LOOKS)
def test_a_look_is_the_same_for_the_same_seed_and_another_for_another(class_id: str, painter: Painter) -> None:
    first, again, other = (draw(painter, class_id, seed) for seed in (5, 5, 6))
    assert np.array_equal(first.color, again.color)
    assert np.array_equal(first.alpha, again.alpha)
    assert np.array_equal(first.height_mm_map, again.height_mm_map)
    assert np.abs(thumbnail(first) - thumbnail(other)).mean() > 2


@pytest.mark.parametrize("class_id", LOOKS)
def test_the_looks_of_a_class_differ_from_one_another(class_id: str) -> None:
    thumbnails = {
        painter.__name__: np.mean([thumbnail(draw(painter, class_id, seed, 0.0)) for seed in range(2)], axis=0)
        for _, painter in LOOKS[class_id]
    }
    assert len(thumbnails) == len(LOOKS[class_id]) >= 3
    for one, two in combinations(thumbnails, 2):
        assert np.abs(thumbnails[one] - thumbnails[two]).mean() > 3, (one, two)


@pytest.mark.parametrize("class_id", sorted(set(LOOKS) - {"glass", "display_module", "plastic_housing"}))
def test_a_part_that_is_not_glass_hides_the_belt(class_id: str) -> None:
    for seed in range(3):
        part = draw(PAINTERS[class_id], class_id, seed)
        assert np.median(part.alpha[part.height_mm_map > 1]) == 255
        assert part.area_mm2 == pytest.approx(part.alpha.sum() / 255 * MM_PER_PX**2, rel=1e-6)


def test_the_belt_shines_through_glass_and_the_area_is_the_whole_footprint() -> None:
    parts = [draw(PAINTERS["glass"], "glass", seed) for seed in range(12)]
    seen_through = [np.median(part.alpha[part.height_mm_map > 0.5]) for part in parts]
    assert sum(opacity < 230 for opacity in seen_through) >= 10
    assert min(seen_through) > 25  # some of it is always seen
    for part in parts:
        covered_mm2 = part.alpha.sum() / 255 * MM_PER_PX**2
        assert covered_mm2 < part.area_mm2 <= part.alpha.size * MM_PER_PX**2


def test_a_class_draws_its_looks_as_often_as_their_weights_say() -> None:
    def square(rng: np.random.Generator, mm_per_px: float) -> Canvas:
        canvas = Canvas(6, 6, mm_per_px, rng)
        canvas.rect(0, 0, 6, 6, (90, 90, 90), 2.0)
        return canvas

    def bar(rng: np.random.Generator, mm_per_px: float) -> Canvas:
        canvas = Canvas(6, 2, mm_per_px, rng)
        canvas.rect(0, 0, 6, 2, (90, 90, 90), 2.0)
        return canvas

    painter = mixed(((3.0, square), (1.0, bar)))
    squares = sum(painter(np.random.default_rng(seed), 0.5).width_mm == 6 for seed in range(200))
    assert 130 <= squares <= 170
