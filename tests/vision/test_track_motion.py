"""Parts that move on the belt are told from those that lie, and where they will be is predicted honestly."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.vision.test_track import BAR_MM, COUNTS_PER_MM, VIEW_MM, Line, Lying, expected, grid, places
from vision.track import Tracker, TrackerConfig


def _seen(*parts: Lying, noise_mm: float = 0.1, step_mm: float = 15.0, seed: int = 0) -> Line:
    line = Line(list(parts), noise_mm=noise_mm, seed=seed)
    line.run([float(e) for e in np.arange(0, 700, step_mm)])
    line.returned.sort(key=lambda p: p.seen_across_mm)
    return line


def test_a_sliding_part_is_told_from_one_that_lies_still_and_is_less_certain() -> None:
    still, slides = _seen(Lying(60, 60), Lying(60, 160, slides=0.05)).returned
    assert not still.sliding
    assert not still.rolling
    assert still.across_uncertainty_mm == 0
    assert slides.sliding
    assert not slides.rolling
    assert slides.uncertainty_mm > 2 > still.uncertainty_mm


@pytest.mark.parametrize("slides", [-0.1, -0.03, 0.03, 0.1])
def test_a_sliding_part_is_given_where_it_will_pass_the_valves(slides: float) -> None:
    part = Lying(60, 160, slides=slides, strays=0.02)
    (found,) = _seen(part).returned
    p, x = part.at_bar()
    assert found.sliding
    assert abs(found.belt_counts / COUNTS_PER_MM - p) < 2 * found.uncertainty_mm
    assert abs(found.across_mm - x) < 2 * found.across_uncertainty_mm
    assert (found.across_min_mm + found.across_max_mm) / 2 == pytest.approx(found.across_mm)


def test_a_part_that_slides_across_only_is_sliding_too() -> None:
    (found,) = _seen(Lying(60, 100, strays=0.05)).returned
    assert found.sliding
    assert found.across_uncertainty_mm > 1


def test_a_part_that_moves_and_turns_is_rolling_and_less_certain_than_one_that_slides() -> None:
    slides, rolls = _seen(Lying(60, 60, slides=0.05), Lying(60, 160, slides=0.05, turns=4)).returned
    assert rolls.rolling
    assert not rolls.sliding
    assert rolls.uncertainty_mm > 1.5 * slides.uncertainty_mm


def test_a_part_that_only_changes_its_outline_neither_slides_nor_rolls() -> None:
    (found,) = _seen(Lying(60, 60, turns=4)).returned
    assert not found.sliding
    assert not found.rolling


def test_a_part_that_outruns_the_gate_from_picture_to_picture_keeps_its_identity() -> None:
    # 0.2 mm a mm: the first pictures are 20 mm apart (4 mm of slide), the later ones 60 (12 mm, beyond the gate).
    line = Line([Lying(0, 60, slides=-0.2)], noise_mm=0.1)
    line.run([30.0, 50.0, 70.0, 90.0, 150.0, 210.0, 270.0, 330.0, 390.0, 450.0])
    assert [part.part_id for part in line.returned] == [1]
    assert line.tracker.vanished == 0


@given(
    slides=st.floats(-0.12, 0.12),
    strays=st.floats(-0.05, 0.05),
    turns=st.sampled_from([0.0, 4.0]),
    step_mm=st.floats(10, 40),
    seed=st.integers(0, 10_000),
)
@settings(max_examples=60, deadline=None)
def test_wherever_a_part_moves_to_it_is_within_what_was_said_of_it(
    slides: float, strays: float, turns: float, step_mm: float, seed: int
) -> None:
    part = Lying(60, 400, slides=slides, strays=strays, turns=turns)
    (found,) = _seen(part, step_mm=step_mm, seed=seed).returned
    p, x = part.at_bar()
    # What moves too little to be seen moving (3 mm over the view) moves on by that share of the way.
    unseen_mm = 3.0 * BAR_MM / (VIEW_MM - 60)
    moves = found.sliding or found.rolling
    assert abs(found.belt_counts / COUNTS_PER_MM - p) < (3.5 * found.uncertainty_mm + 0.5 if moves else unseen_mm)
    assert abs(found.across_mm - x) < (3.5 * found.across_uncertainty_mm + 0.5 if moves else unseen_mm)


@given(
    stop_mm=st.floats(70, 330),
    trembles=st.lists(st.integers(-12, 12), min_size=1, max_size=60),
    back_mm=st.floats(0, 15),
    seed=st.integers(0, 1000),
)
@settings(max_examples=60, deadline=None)
def test_through_a_stop_with_a_trembling_encoder_every_part_keeps_its_one_identity(
    stop_mm: float, trembles: list[int], back_mm: float, seed: int
) -> None:
    """Parts half in view at either edge included: wherever the belt stops, some of the 40 are cut."""
    line = Line(grid(40), noise_mm=0.1, seed=seed)
    line.run([float(e) for e in np.arange(0, stop_mm, 20)])
    known = {v.part_id: (v.across_mm, stop_mm - v.along_mm) for v in line.tracker.visible(round(stop_mm * 10))}
    line.run([stop_mm + tremble / COUNTS_PER_MM for tremble in trembles])
    line.run([stop_mm - back_mm, stop_mm - back_mm])
    line.run([float(e) for e in np.arange(stop_mm, 800, 20)])
    assert places(line.returned) == expected(line.parts)
    assert len({p.part_id for p in line.returned}) == 40
    for part in line.returned:
        if part.part_id in known:
            assert abs(known[part.part_id][0] - part.across_mm) < 1


def test_minutes_of_standing_make_no_class_surer() -> None:
    """Six thousand pictures (5 min at 20 a second) whose encoder trembles by 4 counts, one of them wrong about it."""
    config = TrackerConfig(COUNTS_PER_MM, 3, edge_mm=1.0)
    moved, stood = Tracker(config), Tracker(config)
    line = Line([Lying(60, 100)])
    tremble = np.random.default_rng(3).integers(-4, 5, 6000)
    for e_mm in np.arange(0, 500, 20.0):
        line.tracker = moved
        line.move_to(float(e_mm))
        line.tracker = stood
        line.move_to(float(e_mm))
        if e_mm == 200:
            for counts in tremble.tolist():
                line.move_to(float(e_mm) + counts / COUNTS_PER_MM)
    first, second = line.returned
    assert second.views <= first.views + 1
    assert second.probabilities.max() == pytest.approx(first.probabilities.max(), abs=0.02)


def test_views_that_disagree_are_counted() -> None:
    line = Line([Lying(60, 100, label=0)])
    line.run([100.0, 130.0])
    line.parts[0].label = 2
    line.run([160.0])
    line.parts[0].label = 0
    line.run([float(e) for e in np.arange(190, 500, 30)])
    assert [p.disagreeing for p in line.returned] == [1]
