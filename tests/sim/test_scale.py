"""The plant's scale weighs what lies on it, and the line's vision finds the parts' own masses again."""

import numpy as np
import pytest

from plc_bridge.contract import CommandImage, LineCommand
from sim.config import PlantConfig, PlantScaleConfig
from sim.feed import BeltPart
from sim.plant import Exposure, Plant, PlantSetup
from sim.render.parts import make_part
from sim.scale import Scale, ScalePlace
from vision.frame import EncoderStamp, Frame
from vision.weighing import InlineScale, MassConfig

PLACE = ScalePlace(20.0, 150.0)


def test_a_part_loads_the_scale_by_the_share_that_lies_on_it() -> None:
    image = make_part("screw", np.random.default_rng(1), 0.5)
    part = BeltPart(0, image, 30.0, 100.0, 20.0, 40.0, 90.0, 110.0, 0.0)
    still = Scale(PLACE, PlantScaleConfig(noise_share=0, noise_g=0), 1)
    # at a travel of e the scale holds belt coordinates from e + 20 to e + 170
    assert still.read_g(0.0, [part]) == pytest.approx(image.mass_g)
    assert still.read_g(10.0, [part]) == pytest.approx(image.mass_g / 2)
    assert still.read_g(25.0, [part]) == 0.0
    assert still.read_g(-160.0, [part]) == 0.0


def test_readings_have_the_stated_noise() -> None:
    image = make_part("battery", np.random.default_rng(1), 0.5)
    part = BeltPart(0, image, 60.0, 100.0, 50.0, 70.0, 90.0, 110.0, 0.0)
    noisy = Scale(PLACE, PlantScaleConfig(noise_share=0.1, noise_g=0.0), 3)
    readings = np.array([noisy.read_g(0.0, [part]) for _ in range(400)]) / image.mass_g
    assert readings.mean() == pytest.approx(1, abs=0.02)
    assert readings.std() == pytest.approx(0.1, rel=0.15)


def test_the_masses_that_vision_finds_are_the_parts_own() -> None:
    plant = Plant(
        PlantSetup(
            belt_width_mm=400,
            speed_mm_s=500,
            counts_per_mm=10,
            geometry="area_scan",
            mm_per_px=1.0,
            view_along_mm=320,
            frame_rate_hz=10,
            valve_count=32,
            valve_pitch_mm=12.5,
            first_lane_mm=0,
            jets_distance_mm=700,
            jets_outlet="valuables",
            rest_outlet="residue",
            plant=PlantConfig.model_validate(
                {
                    "feed": {"parts_per_s": 2, "mix": {"ic": 1, "screw": 1}, "variants_per_class": 4},
                    "belt": {"acceleration_mm_s2": 5000},
                    "scale": {"noise_share": 0.0, "noise_g": 0.001},
                }
            ),
            scale=PLACE,
        ),
        seed=5,
    )
    exposures: list[Exposure] = []
    for cycle in range(1, 1500):
        plant.plc.write_command(CommandImage(1 << 16 | 1, cycle & 0xFFFF, LineCommand.RUN, 0.0, 0, ()))
        exposures += plant.advance_to(cycle * 0.01)
    scale = InlineScale(MassConfig(upstream_mm=20.0, length_mm=150.0), 320.0, 10.0)
    before: Exposure | None = None
    checked = 0
    for exposure in exposures:
        readings = {"mass": np.array(exposure.readings, np.float32)} if exposure.readings else {}
        now = Frame(readings, EncoderStamp(exposure.encoder, "latched"), exposure.at_s, exposure.sequence)
        scale.take(now, None if before is None else exposure.encoder - before.encoder)
        before = exposure
        low = [exposure.travel_mm - p.belt_mm - 0.5 * p.image.alpha.shape[0] for p in exposure.parts]
        high = [exposure.travel_mm - p.belt_mm + 0.5 * p.image.alpha.shape[0] for p in exposure.parts]
        for mass, part in zip(scale.masses_g(np.array(low), np.array(high)), exposure.parts, strict=True):
            if np.isfinite(mass):
                checked += 1
                assert mass == pytest.approx(part.image.mass_g, rel=0.01, abs=0.003)
    assert checked > 20
