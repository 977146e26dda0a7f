"""Where a part goes follows from the recipe's prices, floors and forbidden classes, by-catch counted."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.config import JetsConfig
from controller.decide import Decider, Decision, covered_shares
from controller.schedule import JetScheduler
from models.fusion import MEASURES
from tests.controller.deciding_parts import LABELS, RECIPE, footprints, part
from vision.measures import MASS_COLUMN
from vision.parts import Part

JETS = JetsConfig(valve_count=64, valve_pitch_mm=12.5, distance_mm=900, latency_budget_ms=100)


def _decide(parts: list[Part], decider: Decider | None = None, near: list[Part] | None = None) -> list[Decision]:
    chosen = decider or Decider(RECIPE, LABELS, 0.5)
    scheduler = JetScheduler(JETS, 10.0)
    return chosen.decide(parts, scheduler.window, lambda _low, _high: footprints([*parts, *(near or [])]))


def test_a_valuable_part_is_ejected_and_a_worthless_one_passes() -> None:
    board, shell = _decide([part(1, [0.98, 0.01, 0.01]), part(2, [0.01, 0.01, 0.98], belt_counts=5000)])
    assert (board.outlet, board.actuated, board.reason) == ("valuables", True, "best value")
    assert (shell.outlet, shell.actuated, shell.reason) == ("residue", False, "meant to pass")


def test_expected_gain_is_the_mass_weighted_price_less_the_shot() -> None:
    (decision,) = _decide([part(1, [1.0, 0.0, 0.0])])
    grams = 400 * 0.005
    assert decision.gain_jpy == pytest.approx(grams / 1000 * 1000 - 0.001)


def test_a_part_that_was_weighed_has_that_mass_and_not_its_area_s() -> None:
    measures = np.full(len(MEASURES), np.nan, np.float32)
    measures[MASS_COLUMN] = 30.0
    (decision,) = _decide([part(1, [1.0, 0.0, 0.0])._replace(measures=measures)])
    assert decision.gain_jpy == pytest.approx(30.0 / 1000 * 1000 - 0.001)


def test_a_part_that_may_be_a_forbidden_class_stays_out_whatever_it_is_worth() -> None:
    (decision,) = _decide([part(1, [0.75, 0.25, 0.0])])
    assert (decision.outlet, decision.reason) == ("residue", "forbidden class")


def test_a_part_nobody_can_name_goes_to_the_outlet_for_unknown() -> None:
    unnamed, oversize = _decide([part(1, [0.4, 0.3, 0.3]), part(2, [1.0, 0.0, 0.0], belt_counts=9000, oversize=True)])
    assert (unnamed.reason, unnamed.unknown) == ("unknown class", True)
    assert (oversize.reason, oversize.unknown) == ("oversize", True)


@pytest.mark.parametrize(
    ("shares", "reason"),
    [
        ({"unknown_share": 0.5}, "unknown class"),
        ({"clump_share": 0.5}, "clump"),
        ({"unknown_share": 0.4, "clump_share": 0.4}, "best value"),
    ],
)
def test_a_part_that_half_of_its_views_call_unknown_or_a_clump_is_not_guessed(
    shares: dict[str, float], reason: str
) -> None:
    (decision,) = _decide([part(1, [1.0, 0.0, 0.0])._replace(**shares)])
    assert decision.reason == reason
    assert decision.unknown is (reason != "best value")
    assert decision.outlet == ("valuables" if reason == "best value" else RECIPE.unknown_outlet)


def test_a_shot_that_would_carry_off_a_worse_neighbour_is_not_made() -> None:
    small = part(1, [1.0, 0.0, 0.0], half_mm=3.0)
    heavy = part(2, [0.0, 1.0, 0.0], belt_counts=100.0, half_mm=30.0)
    (decision,) = _decide([small], near=[heavy])
    assert (decision.outlet, decision.reason) == ("residue", "by-catch")
    (alone,) = _decide([small])
    assert alone.outlet == "valuables"


def test_the_purity_floor_holds_back_doubtful_parts_until_sure_ones_have_made_room() -> None:
    floored = RECIPE.model_copy(
        update={"outlets": (RECIPE.outlets[0].model_copy(update={"min_purity": 0.95}), RECIPE.outlets[1])}
    )
    decider = Decider(floored, LABELS, 0.5)
    doubtful = [0.85, 0.0, 0.15]
    assert _decide([part(1, doubtful)], decider)[0].reason == "purity floor"
    for number in range(2, 12):
        assert _decide([part(number, [1.0, 0.0, 0.0])], decider)[0].outlet == "valuables"
    assert _decide([part(20, doubtful)], decider)[0].outlet == "valuables"


@given(st.lists(st.tuples(st.floats(0, 3000), st.floats(20, 780), st.floats(1, 60)), min_size=1, max_size=30))
def test_covered_shares_are_shares_and_never_ones_own(places: list[tuple[float, float, float]]) -> None:
    parts = [part(i, [1.0, 0.0, 0.0], belt_counts=c, across_mm=x, half_mm=h) for i, (c, x, h) in enumerate(places)]
    scheduler = JetScheduler(JETS, 10.0)
    shares = covered_shares([scheduler.window(p) for p in parts], footprints(parts), [p.part_id for p in parts])
    assert shares.shape == (len(parts), len(parts))
    assert np.all((shares >= 0) & (shares <= 1 + 1e-9))
    assert np.all(np.diag(shares) == 0)
