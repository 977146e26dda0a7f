"""Shadows, heights as a sensor sees them, and what a camera does to a picture."""

import numpy as np
import pytest
from numpy.typing import NDArray

from sim.render.canvas import Canvas
from sim.render.exposure import CameraLook, developed, smeared
from sim.render.light import Lamp, Light, Surroundings
from sim.render.profile import ProfileSensor, scanned
from sim.render.shadow import light_left

MM_PER_PX = 0.5


def block(height_mm: float) -> NDArray[np.float32]:
    """A block of 20 x 20 mm in the middle of 120 x 120 mm of bare belt."""
    heights = np.zeros((240, 240), np.float32)
    heights[100:140, 100:140] = height_mm
    return heights


@pytest.mark.parametrize("elevation_deg", [30.0, 50.0])
@pytest.mark.parametrize(("azimuth_deg", "axis", "sign"), [(0, 1, -1), (90, 0, -1), (180, 1, 1), (270, 0, 1)])
def test_a_shadow_lies_away_from_the_lamp_and_is_as_long_as_height_over_the_tangent(
    elevation_deg: float, azimuth_deg: float, axis: int, sign: int
) -> None:
    left = light_left(block(10.0), MM_PER_PX, Light(azimuth_deg, elevation_deg, 0.0))
    profile = np.take(left, 120, axis=1 - axis)  # across the middle, along the lamp's axis
    shaded = np.flatnonzero(profile < 0.5)
    length_mm = len(shaded) * MM_PER_PX
    assert length_mm == pytest.approx(10.0 / np.tan(np.deg2rad(elevation_deg)), abs=1.5)
    assert np.sign(shaded.mean() - 119.5) == sign


def test_a_dome_casts_no_hard_shadow_and_a_lamp_overhead_none_at_all() -> None:
    dome = light_left(block(10.0), MM_PER_PX, Light(0, 70, 0.95))
    assert dome.min() > 0.55  # close to the block's foot, where it hides half of the dome
    assert np.abs(np.diff(dome, axis=1))[:, np.r_[0:98, 142:239]].max() < 0.08
    overhead = light_left(block(10.0), MM_PER_PX, Light(0, 90, 0.0))
    assert overhead.min() > 0.99


def test_two_lamps_cast_two_shadows_each_half_as_dark() -> None:
    left = light_left(block(10.0), MM_PER_PX, Light(0, 45, 0.0, (Lamp(180, 45, 0.5),)))
    assert left[120, 92] == pytest.approx(0.5, abs=0.05)
    assert left[120, 148] == pytest.approx(0.5, abs=0.05)
    assert left[120, 120] > 0.95


def test_a_bare_belt_has_no_shadow() -> None:
    assert (light_left(block(0.0), MM_PER_PX, Light()) == 1).all()


def test_the_shares_of_the_lamps_add_up() -> None:
    lamps = list(Light(10, 40, 0.3, (Lamp(130, 50, 0.2), Lamp(250, 50, 0.3))).lamps())
    assert sum(lamp.share for lamp in lamps) == pytest.approx(1.0)
    assert [lamp.azimuth_deg for lamp in lamps] == [10, 130, 250]


def test_polished_metal_mirrors_its_surroundings_and_plastic_hardly() -> None:
    def spread(gloss: int) -> float:
        canvas = Canvas(20, 20, MM_PER_PX, np.random.default_rng(0))
        canvas.rect(0, 0, 20, 20, (120, 120, 120), 2.0, gloss)
        looks = [Light(surroundings=Surroundings(0.4, 0.0, 1.0, phase)) for phase in (0.0, np.pi)]
        bright, dark = (canvas.finish("other", 0.01, 0.0, light) for light in looks)
        return float(np.median(bright.color)) - float(np.median(dark.color))

    assert spread(220) > 100
    assert spread(60) < 0.1 * spread(220)


def test_the_profile_sensor_is_noisy_and_blind_at_steep_edges_and_on_mirrors() -> None:
    rng = np.random.default_rng(5)
    heights, shine = block(10.0), np.zeros((240, 240), np.uint8)
    shine[105:135, 105:120] = 255
    sensor = ProfileSensor(noise_mm=0.1, loss=0.01, shiny_loss=0.6)
    seen = scanned(heights, shine, MM_PER_PX, sensor, rng)
    lost = np.isnan(seen)
    flat = seen[10:80, 10:80]
    assert np.nanstd(flat) == pytest.approx(0.1, rel=0.1)
    assert lost[10:80, 10:80].mean() == pytest.approx(0.01, abs=0.006)
    assert lost[100, 100:140].mean() > 0.5
    assert lost[106:134, 106:119].mean() == pytest.approx(0.61, abs=0.12)
    assert np.nanmedian(seen[105:135, 122:135]) == pytest.approx(10.0, abs=0.05)


def test_motion_smears_along_the_belt_only_and_keeps_the_light() -> None:
    picture = np.zeros((60, 60, 3), np.uint8)
    picture[30, 20:40] = 240
    blurred = smeared(picture, 5.0)
    assert np.flatnonzero(blurred[:, 30, 0]).tolist() == [28, 29, 30, 31, 32]
    assert blurred[:, 30, 0].sum() == pytest.approx(240, abs=5)
    assert not blurred[:, 19].any()


def test_noise_grows_with_the_signal_and_the_same_state_gives_the_same_picture() -> None:
    picture = np.repeat(np.array([20, 200], np.uint8), 200)[None, :, None] * np.ones((200, 1, 3), np.uint8)
    look = CameraLook(read_noise=2.0, shot_noise=8.0)
    noisy = developed(picture, look, np.random.default_rng(1))
    assert np.array_equal(noisy, developed(picture, look, np.random.default_rng(1)))
    dark, bright = noisy[:, :200].std(), noisy[:, 200:].std()
    assert dark == pytest.approx(np.sqrt(4 + 64 * 20 / 255), rel=0.15)
    assert bright == pytest.approx(np.sqrt(4 + 64 * 200 / 255), rel=0.15)
    assert noisy.mean() == pytest.approx(110, abs=1)


def test_a_perfect_camera_changes_nothing() -> None:
    picture = np.random.default_rng(2).integers(0, 256, (30, 40, 3), np.uint8)
    assert np.array_equal(developed(picture, CameraLook(), np.random.default_rng(0)), picture)
