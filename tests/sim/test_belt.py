"""The belt's drive and encoder."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.belt import Belt
from sim.config import PlantBeltConfig, SpeedChange
from vision.frame import unwrap_count

STEP_S = 0.001


def run(belt: Belt, seconds: float, setpoint_mm_s: float, from_s: float = 0.0) -> list[int]:
    """Step the belt; the raw counts after each step."""
    counts: list[int] = []
    for step in range(round(seconds / STEP_S)):
        belt.advance(from_s + step * STEP_S, STEP_S, setpoint_mm_s)
        counts.append(belt.encoder_raw)
    return counts


def test_speed_rises_no_faster_than_the_acceleration_and_travel_is_its_integral() -> None:
    belt = Belt(PlantBeltConfig(acceleration_mm_s2=2000), 10.0)
    run(belt, 0.25, 1000)
    assert belt.speed_mm_s == pytest.approx(500)
    assert belt.travel_mm == pytest.approx(0.5 * 2000 * 0.25**2)
    run(belt, 1.0, 1000)
    assert belt.speed_mm_s == 1000
    assert belt.travel_mm == pytest.approx(250 + 1000 * 0.75)


def test_a_profile_stalls_and_rolls_back_and_the_encoder_follows() -> None:
    profile = (
        SpeedChange(at_s=1, speed_factor=0),
        SpeedChange(at_s=2, speed_factor=-0.1),
        SpeedChange(at_s=3, speed_factor=1),
    )
    belt = Belt(PlantBeltConfig(acceleration_mm_s2=1e6, profile=profile), 10.0)
    run(belt, 2.0, 1000)
    assert belt.travel_mm == pytest.approx(1000, abs=1.5)
    stood_at = belt.travel_mm
    counts = run(belt, 1.0, 1000, from_s=2.0)
    assert belt.travel_mm == pytest.approx(stood_at - 100, abs=1)
    assert counts[-1] < counts[0]
    run(belt, 0.1, 1000, from_s=3.0)
    assert belt.speed_mm_s == 1000


def test_the_counter_wraps_around_forwards_and_backwards() -> None:
    belt = Belt(PlantBeltConfig(initial_encoder_count=2**32 - 50, acceleration_mm_s2=1e9), 10.0)
    counts = run(belt, 0.1, 1000)
    assert counts[0] == 2**32 - 50 + 5
    assert counts[-1] == 1000 - 50 - 5  # half a step to get going
    back = run(belt, 0.2, -1000)
    assert back[-1] == 2**32 - 50 - 995  # half a step turned around


@given(
    setpoints=st.lists(st.floats(-500, 3000), min_size=1, max_size=8),
    initial=st.integers(0, 2**32 - 1),
    counts_per_mm=st.floats(0.5, 100),
)
def test_raw_counts_unwrap_to_the_travel_whatever_the_belt_does(
    setpoints: list[float], initial: int, counts_per_mm: float
) -> None:
    belt = Belt(PlantBeltConfig(initial_encoder_count=initial, acceleration_mm_s2=20_000), counts_per_mm)
    unwrapped = initial
    for setpoint in setpoints:
        for raw in run(belt, 0.03, setpoint):
            unwrapped = unwrap_count(raw, unwrapped)
    assert unwrapped == pytest.approx(initial + belt.travel_mm * counts_per_mm, abs=1.001)
