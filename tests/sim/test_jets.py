"""Valves and air: what is hit, what is not, and what is hit by accident."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.config import PlantJetsConfig
from sim.feed import BeltPart
from sim.jets import Nozzles, PartAtBar, ValveBar
from sim.render.parts import PartImage

EXACT = PlantJetsConfig(open_delay_sigma_ms=0, close_delay_sigma_ms=0, eject_speed_spread=0, footprint_across_mm=12.5)
SPEED_MM_S = 1000.0
STEP_S = 0.001


def sheet(length_mm: float, width_mm: float, g_per_mm2: float, belt_mm: float, across_mm: float) -> BeltPart:
    """A rectangular part with its middle at (belt_mm, across_mm), 0.5 mm per pixel."""
    px = 0.5
    rows, columns = round(length_mm / px), round(width_mm / px)
    image = PartImage(
        class_id="ic",
        color=np.zeros((rows, columns, 3), np.uint8),
        alpha=np.full((rows, columns), 255, np.uint8),
        centroid_row_px=(rows - 1) / 2,
        centroid_col_px=(columns - 1) / 2,
        mm_per_px=px,
        length_mm=length_mm,
        width_mm=width_mm,
        height_mm=2,
        area_mm2=length_mm * width_mm,
        mass_g=length_mm * width_mm * g_per_mm2,
        height_mm_map=np.full((rows, columns), 2, np.float32),
        gloss=np.zeros((rows, columns), np.uint8),
    )
    half_l, half_w = length_mm / 2, width_mm / 2
    return BeltPart(
        0, image, belt_mm, across_mm, belt_mm - half_l, belt_mm + half_l, across_mm - half_w, across_mm + half_w, 0.0
    )


def shot_at(
    part: BeltPart, lanes: tuple[int, int], belt_window_mm: tuple[float, float], config: PlantJetsConfig = EXACT
) -> PartAtBar:
    """Pass the part under the bar with air in `lanes` while the bar is over the window; what it gained."""
    bar = ValveBar(64, config, seed=1)
    at_bar = PartAtBar(part, Nozzles(64, 12.5, 0.0, config, seed=1))
    mask = sum(1 << lane for lane in range(lanes[0], lanes[1] + 1))
    start_mm = -100.0
    for step in range(400):
        now_s = step * STEP_S
        bar_mm = start_mm + now_s * SPEED_MM_S
        blowing = bar.open_between(now_s - STEP_S, now_s)
        if at_bar.blow(blowing, bar_mm - SPEED_MM_S * STEP_S / 2):
            break
        # as the PLC: current early by the nominal delays
        on_mm = bar_mm + config.open_delay_ms / 1000 * SPEED_MM_S
        off_mm = bar_mm + config.close_delay_ms / 1000 * SPEED_MM_S
        wanted = on_mm >= belt_window_mm[0] and off_mm < belt_window_mm[1]
        bar.drive(mask if wanted else 0, now_s)
    return at_bar


def ejected(at_bar: PartAtBar, config: PlantJetsConfig = EXACT) -> bool:
    return at_bar.speed_mm_s >= config.eject_speed_mm_s


def test_a_window_around_the_part_in_its_lanes_ejects_it() -> None:
    part = sheet(20, 20, 0.006, belt_mm=0, across_mm=100)
    assert ejected(shot_at(part, (7, 8), (-15, 15)))


def test_the_gained_speed_is_pressure_times_exposure_over_areal_mass() -> None:
    # every point of the part is under open nozzles for footprint / speed = 10 ms
    heavy = sheet(20, 20, 0.1, belt_mm=0, across_mm=100)
    gained = shot_at(heavy, (6, 9), (-20, 20)).speed_mm_s
    expected_mm_s = 1000 * EXACT.pressure_kpa * (EXACT.footprint_along_mm / SPEED_MM_S) / 0.1
    assert gained == pytest.approx(expected_mm_s, rel=0.02)
    assert gained < EXACT.eject_speed_mm_s  # a heavy part falls short


def test_other_lanes_leave_it_alone() -> None:
    part = sheet(20, 20, 0.006, belt_mm=0, across_mm=100)
    assert shot_at(part, (10, 12), (-15, 15)).speed_mm_s == 0


@pytest.mark.parametrize("shift_mm", [-45, 45])
def test_early_or_late_air_leaves_it_alone(shift_mm: float) -> None:
    part = sheet(20, 20, 0.006, belt_mm=0, across_mm=100)
    assert shot_at(part, (7, 8), (shift_mm - 15, shift_mm + 15)).speed_mm_s == 0


def test_a_partial_hit_can_fail_and_a_light_part_flies_at_a_touch() -> None:
    touch = (-20.0, -8.0)  # air for the first two millimetres, and half the footprint
    assert not ejected(shot_at(sheet(20, 20, 0.012, 0, 100), (7, 8), touch))
    assert ejected(shot_at(sheet(20, 20, 0.0005, 0, 100), (7, 8), touch))


def test_a_neighbour_within_the_window_is_by_caught() -> None:
    neighbour = sheet(10, 10, 0.006, belt_mm=0, across_mm=112)
    assert ejected(shot_at(neighbour, (7, 8), (-15, 15)))
    beyond = sheet(10, 10, 0.006, belt_mm=0, across_mm=125)
    assert not ejected(shot_at(beyond, (7, 8), (-15, 15)))


@given(across_mm=st.floats(20, 780), width_mm=st.integers(2, 60), length_mm=st.integers(2, 60))
def test_all_nozzles_together_cover_the_part_once(across_mm: float, width_mm: int, length_mm: int) -> None:
    """Footprints as wide as the pitch: full exposure gives each part the same, wherever it lies."""
    part = sheet(length_mm, width_mm, 1.0, 0.0, across_mm)
    at_bar = PartAtBar(part, Nozzles(64, 12.5, 0.0, EXACT, seed=1))
    inside_mm = max(0.0, min(part.across_max_mm, 800) - max(part.across_min_mm, 0)) / width_mm
    for step in range(-60, 60):
        at_bar.blow([(valve, STEP_S) for valve in range(64)], step + 0.5)
    expected = 1000 * EXACT.pressure_kpa * EXACT.footprint_along_mm / SPEED_MM_S * inside_mm
    assert at_bar.speed_mm_s == pytest.approx(expected, rel=0.02)


def test_delays_differ_between_valves_and_strokes_and_repeat_with_the_seed() -> None:
    config = PlantJetsConfig(open_delay_sigma_ms=0.5, close_delay_sigma_ms=0.5)

    def openings(seed: int) -> list[float]:
        bar = ValveBar(64, config, seed)
        found: list[float] = []
        for stroke in range(3):
            bar.drive(2**64 - 1, stroke * 0.1)
            bar.drive(0, stroke * 0.1 + 0.05)
            blown = dict(bar.open_between(stroke * 0.1, stroke * 0.1 + 0.1))
            found += [blown[valve] for valve in range(64)]
        assert bar.shut
        return found

    one = openings(1)
    assert one == openings(1)
    assert one != openings(2)
    assert np.mean(one) == pytest.approx(0.05, abs=0.0004)
    assert 0.0003 < np.std(one) < 0.002
    assert len(set(one)) > 100


def test_a_pulse_shorter_than_the_valve_gives_no_air_and_a_short_gap_does_not_shut() -> None:
    slow = EXACT.model_copy(update={"open_delay_ms": 8.0, "close_delay_ms": 3.0})
    bar = ValveBar(8, slow, 1)
    bar.drive(1, 0.0)
    bar.drive(0, 0.004)
    assert bar.open_between(0.0, 0.1) == []
    assert bar.shut
    lazy = EXACT.model_copy(update={"open_delay_ms": 2.0, "close_delay_ms": 8.0})
    bar = ValveBar(8, lazy, 1)
    bar.drive(1, 0.0)
    bar.drive(0, 0.020)
    bar.drive(1, 0.024)
    bar.drive(0, 0.040)
    assert bar.open_between(0.0, 0.1) == [(0, pytest.approx(0.046))]
