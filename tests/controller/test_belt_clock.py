"""Raw 32-bit counts become one unwrapped axis, through wrap-around and small reversals."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.belt_clock import BeltClock


@given(
    start=st.integers(0, 2**32 - 1),
    steps=st.lists(st.integers(-500, 2_000_000), min_size=1, max_size=200),
)
def test_unwrapped_counts_follow_the_belt_through_any_number_of_wraps(start: int, steps: list[int]) -> None:
    clock = BeltClock(10.0)
    true = clock.unwrap(start)
    assert true == start
    for step in steps:
        true += step
        assert clock.unwrap(true & 0xFFFF_FFFF) == true


def test_prediction_runs_on_at_the_observed_speed_and_stands_with_a_standing_belt() -> None:
    clock = BeltClock(10.0)
    clock.observe(1000, at_s=5.0, speed_mm_s=1000.0)
    assert clock.predict(5.1) == pytest.approx(2000.0)
    clock.observe(2000, at_s=5.1, speed_mm_s=0.0)
    assert clock.predict(15.1) == 2000.0


def test_prediction_never_runs_backwards_in_time() -> None:
    clock = BeltClock(10.0)
    clock.observe(1000, at_s=5.0, speed_mm_s=1000.0)
    assert clock.predict(4.0) == 1000.0


def test_after_a_restart_the_axis_begins_anew() -> None:
    clock = BeltClock(10.0)
    clock.observe(4_000_000_000, at_s=0.0, speed_mm_s=0.0)
    clock.restart()
    assert not clock.known
    assert clock.unwrap(7) == 7
