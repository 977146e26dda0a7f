"""What Direct I/O makes of times: where the belt is between reads, how late valves are, what is good enough."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plc_bridge.direct_timing import BeltTrack, JitterWatch, Timing, percentile_99
from plc_bridge.virtual_plc import count_difference

WRAP = 0x1_0000_0000


@given(start=st.integers(0, WRAP - 1), counts_per_s=st.integers(-5000, 20_000), ahead_ms=st.integers(0, 50))
def test_a_steady_belt_is_predicted_to_the_count_also_across_the_wrap(
    start: int, counts_per_s: int, ahead_ms: int
) -> None:
    track = BeltTrack(counts_per_mm=10.0)
    for read in range(20):
        track.observe((start + counts_per_s * read // 100) % WRAP, read / 100)
    at_s = 0.19 + ahead_ms / 1000
    assert abs(count_difference(track.raw_at(at_s), int(start + counts_per_s * at_s) % WRAP)) <= 3
    assert track.speed_mm_s == pytest.approx(counts_per_s / 10, abs=2)


def test_a_belt_that_stops_is_soon_known_to_stand() -> None:
    track = BeltTrack(counts_per_mm=10.0)
    for read in range(20):
        track.observe(min(read, 10) * 30, read / 100)
    assert track.speed_mm_s == 0.0
    assert track.raw_at(5.0) == 300


def test_the_lead_is_half_of_the_usual_round_trip_and_the_rest_is_jitter() -> None:
    switched_s = [0.002] * 98 + [0.010] * 2
    timing = Timing.of(switched_s, reads_s=[0.001] * 100)
    assert timing.lead_s == pytest.approx(0.001)
    assert timing.jitter_s == pytest.approx(0.010 - 0.001 + 0.0005)
    assert timing.read_s == pytest.approx(0.001)


@given(st.lists(st.floats(0, 1), min_size=100, max_size=500))
def test_a_moment_within_the_measured_round_trips_is_within_the_stated_jitter(switched_s: list[float]) -> None:
    """The valve switches between the timer (0) and the acknowledgement; the lead moves both."""
    timing = Timing.of(switched_s, reads_s=[0.0])
    within = [s for s in switched_s if -timing.jitter_s <= -timing.lead_s and s - timing.lead_s <= timing.jitter_s]
    assert len(within) >= 0.99 * len(switched_s)


@given(st.lists(st.floats(-1, 1), min_size=1, max_size=300))
def test_at_most_one_in_a_hundred_is_above_the_99th_percentile(values: list[float]) -> None:
    assert sum(v > percentile_99(values) for v in values) <= len(values) / 100


def test_five_in_five_hundred_may_be_beyond_and_a_sixth_is_too_many() -> None:
    watch = JitterWatch(declared_s=0.005)
    for n in range(5000):
        watch.note(0.009 if n % 100 == 0 else 0.004)
        assert not watch.exceeded
    watch.note(0.02)
    watch.note(0.02)
    assert watch.exceeded
    assert watch.worst_s == 0.02
    for _ in range(500):
        watch.note(0.001)
    assert not watch.exceeded
