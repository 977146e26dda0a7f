"""Encoder scale and valve distance: recovered within what they say of themselves, robust, and refused in doubt."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from senbetsu_errors import NeedsOperator
from vision.calibration_belt import PlateFollower, Shot, Sighting, fit_encoder, fit_jets
from vision.results import Detections

TRUE = 9.87


def sightings(
    seed: int = 1, plates: int = 12, sigma_mm: float = 0.1, start: int = 2**32 - 900, yaw: float = 0.0
) -> list[Sighting]:
    """Plates that ride 250 mm through a view in steps of 40; the raw counter wraps on the way."""
    rng = np.random.default_rng(seed)
    seen: list[Sighting] = []
    for plate in range(plates):
        first, across = rng.uniform(0, 40), rng.uniform(50, 700)
        for step in range(6):
            along = first + 40 * step
            count = start + round(along * TRUE) + 700 * plate
            noise = rng.normal(0, sigma_mm, 2)
            seen.append(Sighting(plate, count % 2**32, along + noise[0], across + yaw * along + noise[1]))
    return seen


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000), sigma_mm=st.floats(0.02, 0.5))
def test_the_scale_is_found_within_its_uncertainty(seed: int, sigma_mm: float) -> None:
    found = fit_encoder(sightings(seed, sigma_mm=sigma_mm))
    assert abs(found.counts_per_mm - TRUE) < 5 * found.sigma + 2e-4 * TRUE
    assert found.residual_mm == pytest.approx(sigma_mm, rel=0.5, abs=0.05)
    assert found.views + found.left_out == 72


def test_the_yaw_of_the_way_is_found() -> None:
    assert fit_encoder(sightings(yaw=0.004)).travel_yaw_mrad == pytest.approx(4.0, abs=0.5)


def test_sightings_that_do_not_fit_are_left_out() -> None:
    seen = sightings()
    for i in (5, 20, 41):
        seen[i] = Sighting(seen[i].target, seen[i].count, seen[i].along_mm + 30, seen[i].across_mm)
    found = fit_encoder(seen)
    assert found.left_out == 3
    assert abs(found.counts_per_mm - TRUE) < 4 * found.sigma


@pytest.mark.parametrize(
    ("code", "seen"),
    [
        ("calibrate.few_sightings", []),
        ("calibrate.few_sightings", [Sighting(i, 100 * i, 10.0 * i, 0) for i in range(9)]),
        ("calibrate.few_sightings", [Sighting(0, 100 * i, 10.0 * i, 0) for i in range(5)]),
        ("calibrate.backwards", [Sighting(0, 2000 - 100 * i, 10.0 * i, 0) for i in range(9)]),
        ("calibrate.inconsistent", [Sighting(0, 100 * i, 10.0 * i + 9 * math.sin(5 * i), 0) for i in range(20)]),
    ],
)
def test_sightings_that_do_not_tell_are_refused(code: str, seen: list[Sighting]) -> None:
    with pytest.raises(NeedsOperator) as refused:
        fit_encoder(seen)
    assert refused.value.code == code
    assert refused.value.remedy


def detections(places: list[tuple[float, float, float]], cut: bool = False) -> Detections:
    along, across, area = np.array(places, np.float64).reshape(-1, 3).T
    cuts, no = np.full(len(along), cut), np.zeros(len(along), np.bool_)
    probabilities = np.zeros((len(along), 2), np.float32)
    return Detections(along, across, along, along, across, across, area, probabilities, cuts, no, no, no)


def test_plates_are_followed_with_a_scale_that_is_wrong_by_some_percent() -> None:
    follower = PlateFollower(10.5, gate_mm=8)
    for step in range(5):
        moved = 40.0 * step
        places = [(20 + moved, 100.0, 400.0), (24 + moved, 300.0, 900.0)]
        follower.add((2**32 - 500 + round(moved * TRUE)) % 2**32, detections(places))
    assert {(s.target, s.across_mm) for s in follower.sightings} == {(0, 100.0), (1, 300.0)}
    assert fit_encoder(follower.sightings).counts_per_mm == pytest.approx(TRUE, rel=0.001)


def test_a_plate_that_two_blobs_could_be_and_one_that_is_cut_are_not_followed() -> None:
    follower = PlateFollower(10, gate_mm=8)
    follower.add(0, detections([(20, 100, 400)]))
    follower.add(400, detections([(60, 99, 400), (60, 103, 400)]))
    follower.add(800, detections([(100, 100, 400)], cut=True))
    assert [s.target for s in follower.sightings] == [0]


def sweep(
    true_mm: float, seed: int, per_place: int = 6, speed: float = 1000.0, lo: float = -40, hi: float = 40
) -> list[Shot]:
    rng = np.random.default_rng(seed)
    shots: list[Shot] = []
    for offset in np.arange(lo, hi + 1, 8):
        distance = 900 + float(offset)
        chance = 1 / (1 + math.exp((abs(distance - true_mm) - 15) / 3))
        for _ in range(per_place):
            draw = rng.random()
            outcome = "hit" if draw < chance - 0.05 else "edge" if draw < chance + 0.05 else "missed"
            shots.append(Shot(distance, speed, outcome))
    return shots


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10_000), true_mm=st.floats(885, 915))
def test_a_sweep_finds_the_distance_within_its_uncertainty(seed: int, true_mm: float) -> None:
    found = fit_jets(sweep(true_mm, seed))
    assert abs(found.distance_mm - true_mm) < 4 * found.sigma_mm
    assert found.sigma_mm < 3
    assert found.latency_ms is None
    assert found.shots + found.left_out == 66


def test_one_row_written_down_wrongly_moves_a_sweep_by_less_than_its_uncertainty() -> None:
    shots = sweep(893, 3)
    clean = fit_jets(shots)
    shots[0] = Shot(shots[0].distance_mm, 1000, "hit")
    spoiled = fit_jets(shots)
    assert abs(spoiled.distance_mm - clean.distance_mm) < clean.sigma_mm
    assert spoiled.left_out == clean.left_out + 1


def test_rare_hits_at_the_flanks_are_no_outliers_and_a_hit_far_outside_is_one() -> None:
    # What the plant's plates of many sizes did, 29 shots a distance, valves at 881 mm.
    hits = {845: 0, 854: 4, 863: 15, 872: 29, 881: 29, 890: 29, 899: 13, 908: 4, 917: 0}
    shots = [Shot(mm, 1000, "hit" if k < n else "missed") for mm, n in hits.items() for k in range(29)]
    clean, spoiled = fit_jets(shots), fit_jets([*shots, Shot(845, 1000, "hit")])
    assert (clean.left_out, spoiled.left_out) == (0, 1)
    for found in (clean, spoiled):
        assert abs(found.distance_mm - 881) < 3 * found.sigma_mm
        assert found.sigma_mm < 1


def test_shots_at_two_speeds_tell_distance_and_latency_apart() -> None:
    # 6 ms late: at 0.5 m/s orders have to be made for 3 mm less, at 2 m/s for 12 mm less.
    shots = [*sweep(893 - 3, 1, per_place=25, speed=500), *sweep(893 - 12, 2, per_place=25, speed=2000)]
    found = fit_jets(shots)
    assert found.latency_ms == pytest.approx(6, abs=3 * (found.latency_sigma_ms or 0))
    assert found.distance_mm == pytest.approx(893, abs=3 * found.sigma_mm)
    assert found.at_mm(1000) == pytest.approx(887, abs=1.5)


def test_marks_give_the_distance_and_one_misread_mark_is_left_out() -> None:
    # Orders were made for 900 mm, the bar is at 893: the belt has come 7 mm too far, the mark is upstream.
    marks = [-7.4, -6.8, -7.1, -6.6, -7.2, 25.0]
    found = fit_jets([Shot(900, 1000, mark_mm=mark) for mark in marks])
    assert found.distance_mm == pytest.approx(893, abs=0.3)
    assert (found.shots, found.left_out) == (5, 1)


@pytest.mark.parametrize(
    ("code", "shots"),
    [
        ("calibrate.few_shots", []),
        ("calibrate.few_shots", [Shot(900, 1000, mark_mm=1.0)] * 2),
        ("calibrate.few_shots", [Shot(900.0 + i, 1000, "missed") for i in range(20)]),
        ("calibrate.sweep_open", sweep(893, 1, hi=-8)),
        ("calibrate.sweep_open", sweep(893, 1, lo=0)),
        ("calibrate.inconsistent", [Shot(860.0 + i, 1000, "hit" if i % 2 else "missed") for i in range(80)]),
        ("calibrate.inconsistent", [Shot(900, 1000, mark_mm=m) for m in (0.0, 0.2, 0.1, 40, -30, 0.1, 25)]),
        ("calibrate.inconsistent", [Shot(900, 1000, mark_mm=1.0), *sweep(893, 1)]),
        (
            "calibrate.inconsistent",
            [s for v, d in ((500, 893), (1000, 880), (2000, 893)) for s in sweep(d, 1, per_place=40, speed=v)],
        ),
    ],
)
def test_shots_that_do_not_tell_are_refused(code: str, shots: list[Shot]) -> None:
    with pytest.raises(NeedsOperator) as refused:
        fit_jets(shots)
    assert refused.value.code == code
    assert refused.value.remedy
