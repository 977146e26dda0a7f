"""Parts that slide and roll: where the plant says they are is where the camera shows them and the air meets them."""

from dataclasses import replace

import numpy as np
import pytest

from sim.config import PlantMotionConfig
from sim.feed import BeltPart
from sim.motion import Motion, turned
from sim.render.parts import make_part


def _lying(number: int = 0) -> BeltPart:
    image = make_part("battery", np.random.default_rng(5), 0.5)
    rows, columns = image.alpha.shape
    top, left = (image.centroid_row_px + 0.5) * 0.5, (image.centroid_col_px + 0.5) * 0.5
    return BeltPart(
        number, image, 100.0, 300.0, 100 - top, 100 - top + rows * 0.5, 300 - left, 300 - left + columns * 0.5, 0.0
    )


def test_nothing_moves_unless_it_is_configured() -> None:
    assert Motion(PlantMotionConfig(), 800, 1).of(_lying(), 0.0) is None


def test_about_the_configured_share_slides_and_rolls_and_a_seed_repeats_it() -> None:
    config = PlantMotionConfig(sliding_share=0.3, rolling_share=0.2, rate=0.05)
    movers = [Motion(config, 800, 1).of(replace(_lying(), number=n), 0.0) for n in range(400)]
    again = [Motion(config, 800, 1).of(replace(_lying(), number=n), 0.0) for n in range(400)]
    assert [m and m.along for m in movers] == [m and m.along for m in again]
    assert sum(m is not None and not m.rolls for m in movers) == pytest.approx(120, abs=30)
    assert sum(m is not None and m.rolls for m in movers) == pytest.approx(80, abs=25)


def test_a_sliding_part_keeps_its_look_and_is_displaced_by_its_rate() -> None:
    mover = Motion(PlantMotionConfig(sliding_share=1, rate=0.05), 800, 1).of(_lying(), 50.0)
    assert mover
    there = mover.at(1050.0)
    assert there.image is mover.part.image
    assert there.belt_mm == pytest.approx(100 + 1000 * mover.along)
    assert 15 < abs(there.belt_mm - 100) <= 50
    assert there.belt_max_mm - there.belt_min_mm == pytest.approx(mover.part.belt_max_mm - mover.part.belt_min_mm)


def test_a_part_stays_on_the_belt() -> None:
    motion = Motion(PlantMotionConfig(sliding_share=1, rate=0.5), 800, 1)
    for number in range(20):
        mover = motion.of(_lying(number), 0.0)
        assert mover
        there = mover.at(5000.0)
        assert there.across_min_mm >= -1e-9
        assert there.across_max_mm <= 800 + 1e-9


def test_a_rolling_part_turns_about_its_centroid() -> None:
    mover = Motion(PlantMotionConfig(rolling_share=1, rate=0.05), 800, 1).of(_lying(), 0.0)
    assert mover
    shapes = {mover.at(float(travel)).image.alpha.shape for travel in range(0, 1000, 50)}
    assert len(shapes) > 3


@pytest.mark.parametrize("degrees", [10, 45, 90, 170, 300])
def test_turning_keeps_area_and_puts_the_centroid_where_it_says(degrees: float) -> None:
    image = make_part("battery", np.random.default_rng(5), 0.5)
    there = turned(image, degrees)
    rows, columns = np.indices(there.alpha.shape)
    weight = there.alpha.astype(float)
    assert weight.sum() == pytest.approx(image.alpha.astype(float).sum(), rel=0.01)
    assert (rows * weight).sum() / weight.sum() == pytest.approx(there.centroid_row_px, abs=0.2)
    assert (columns * weight).sum() / weight.sum() == pytest.approx(there.centroid_col_px, abs=0.2)
