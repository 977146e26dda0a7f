"""Lanes and windows cover the part, whatever its place, and valves are not asked for what they cannot do."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.config import JetsConfig
from controller.schedule import JetScheduler
from tests.controller.deciding_parts import part

COUNTS_PER_MM = 10.0
JETS = JetsConfig(
    valve_count=64, valve_pitch_mm=12.5, distance_mm=900, latency_budget_ms=100, margin_along_mm=4, margin_across_mm=2
)


@given(
    belt_counts=st.floats(-1e9, 1e12),
    across_mm=st.floats(0, 800),
    half_mm=st.floats(0.5, 70),
    uncertainty_mm=st.floats(0, 20),
)
def test_a_shot_covers_the_whole_part_where_there_are_valves(
    belt_counts: float, across_mm: float, half_mm: float, uncertainty_mm: float
) -> None:
    scheduler = JetScheduler(JETS, COUNTS_PER_MM)
    it = part(1, [1.0], belt_counts=belt_counts, across_mm=across_mm, half_mm=half_mm, uncertainty_mm=uncertainty_mm)
    shot = scheduler.plan(it)
    assert shot is not None
    at_bar = belt_counts + JETS.distance_mm * COUNTS_PER_MM
    assert shot.on_counts <= at_bar - half_mm * COUNTS_PER_MM
    assert shot.off_counts >= at_bar + half_mm * COUNTS_PER_MM
    assert 0 <= shot.lane_first <= shot.lane_last < JETS.valve_count
    assert shot.lane_first * JETS.valve_pitch_mm <= max(it.across_min_mm, 0)
    assert (shot.lane_last + 1) * JETS.valve_pitch_mm >= min(it.across_max_mm, 800)


def test_a_part_beside_the_bar_is_unreachable() -> None:
    scheduler = JetScheduler(JETS, COUNTS_PER_MM)
    beside = part(1, [1.0], across_mm=900.0)
    assert scheduler.plan(beside) is None


def test_a_gap_too_short_for_a_valve_is_blown_through_on_its_lanes_only() -> None:
    scheduler = JetScheduler(JETS, COUNTS_PER_MM)
    first = part(1, [1.0], belt_counts=0.0, across_mm=100.0)
    near = part(2, [1.0], belt_counts=330.0, across_mm=100.0)
    elsewhere = part(3, [1.0], belt_counts=330.0, across_mm=500.0)
    one = scheduler.plan(first)
    two = scheduler.plan(near)
    three = scheduler.plan(elsewhere)
    assert one is not None
    assert two is not None
    assert three is not None
    assert two.on_counts == one.off_counts
    assert three.on_counts > one.off_counts


def test_what_can_still_be_reached_moves_with_the_belt() -> None:
    scheduler = JetScheduler(JETS, COUNTS_PER_MM)
    assert scheduler.earliest_counts(1000.0, 0.0) == 1000.0
    lead_counts = JETS.order_lead_ms / 1000 * 1000.0 * COUNTS_PER_MM
    assert scheduler.earliest_counts(1000.0, 1000.0) == pytest.approx(1000.0 + lead_counts)
