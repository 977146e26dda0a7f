"""What counts as the same part, and what as a change."""

import random
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.recording.compare import compare
from controller.recording.recording import PartStories, PartStory
from controller.recording.topics import OrderMessage, PartMessage, ReceiptMessage, StatusMessage

COUNTS_PER_MM = 10.0


def part(part_id: int = 1, **changes: Any) -> PartMessage:
    fields: dict[str, Any] = {
        "part_id": part_id,
        "class_id": "ic",
        "probability": 0.9,
        "probabilities": {"ic": 0.9, "pcb": 0.1},
        "outlet": "valuables",
        "actuated": True,
        "reason": "best value",
        "gain_jpy": 0.4,
        "belt_counts": 1000.0,
        "ahead_mm": 5.0,
        "behind_mm": 5.0,
        "across_mm": 100.0,
        "across_min_mm": 95.0,
        "across_max_mm": 105.0,
        "area_mm2": 80.0,
        "views": 3,
        "uncertainty_mm": 0.2,
        "sliding": False,
        "oversize": False,
    }
    return PartMessage.model_validate({**fields, **changes})


def order(**changes: Any) -> OrderMessage:
    fields = {"part_id": 1, "seq": 1, "lane_first": 7, "lane_last": 8, "on_counts": 5000, "off_counts": 5200}
    return OrderMessage.model_validate({**fields, **changes})


def story(message: PartMessage, shot: OrderMessage | None = None, restarts: int = 0) -> PartStory:
    return PartStory(1.0, restarts, message, shot)


def test_the_same_account_has_no_changes() -> None:
    account = [story(part(n, belt_counts=1000.0 * n), order(part_id=n)) for n in range(1, 20)]
    comparison = compare(account, account, COUNTS_PER_MM)
    assert comparison.total == 0
    assert len(comparison.pairs) == 19


@pytest.mark.parametrize(
    ("name", "changed"),
    [
        ("class", {"class_id": "pcb"}),
        ("outlet", {"outlet": "residue"}),
        ("probability", {"probability": 0.8}),
        ("place", {"belt_counts": 1010.0}),
        ("place", {"across_mm": 101.0}),
    ],
)
def test_a_changed_field_is_named_with_both_values(name: str, changed: dict[str, Any]) -> None:
    comparison = compare([story(part())], [story(part(9, **changed))], COUNTS_PER_MM)
    assert [set(p.changed) for p in comparison.changed] == [{name}]
    assert comparison.by_field[name] == 1
    assert sum(comparison.by_field.values()) == 1


@pytest.mark.parametrize(
    ("name", "shot"),
    [("order", None), ("lanes", order(lane_last=9)), ("window", order(off_counts=5210))],
)
def test_a_changed_order_is_named(name: str, shot: OrderMessage | None) -> None:
    comparison = compare([story(part(), order())], [story(part(), shot)], COUNTS_PER_MM)
    assert set(comparison.changed[0].changed) == {name}


def test_what_lies_within_the_tolerances_is_no_change() -> None:
    after = story(part(5, belt_counts=1004.0, across_mm=100.4, probability=0.91), order(seq=8, on_counts=5004))
    assert compare([story(part(), order())], [after], COUNTS_PER_MM).total == 0


def test_parts_that_only_one_account_has_are_told_apart() -> None:
    before = [story(part(1)), story(part(2, belt_counts=3000.0))]
    after = [story(part(1)), story(part(2, across_mm=150.0))]
    comparison = compare(before, after, COUNTS_PER_MM)
    assert [s.part.belt_counts for s in comparison.only_before] == [3000.0]
    assert [s.part.across_mm for s in comparison.only_after] == [150.0]
    assert comparison.total == 2


def test_a_restarted_plc_begins_a_belt_of_its_own() -> None:
    comparison = compare([story(part(), restarts=0)], [story(part(), restarts=1)], COUNTS_PER_MM)
    assert (len(comparison.only_before), len(comparison.only_after)) == (1, 1)


def test_the_nearer_of_two_candidates_is_the_same_part() -> None:
    before = [story(part(1, belt_counts=1000.0)), story(part(2, belt_counts=1060.0))]
    after = [story(part(7, belt_counts=1058.0)), story(part(8, belt_counts=1002.0))]
    pairs = compare(before, after, COUNTS_PER_MM).pairs
    assert [(p.before.part.part_id, p.after.part.part_id) for p in pairs] == [(1, 8), (2, 7)]


places = st.lists(st.tuples(st.integers(0, 20_000), st.integers(0, 800)), max_size=30, unique=True)


@given(before=places, after=places, shuffle=st.randoms(use_true_random=False))
def test_every_part_is_matched_once_or_left_over(
    before: list[tuple[int, int]], after: list[tuple[int, int]], shuffle: random.Random
) -> None:
    def account(of: list[tuple[int, int]]) -> list[PartStory]:
        return [story(part(n, belt_counts=float(b), across_mm=float(a))) for n, (b, a) in enumerate(of)]

    old, new = account(before), account(after)
    comparison = compare(old, new, COUNTS_PER_MM)
    assert len(comparison.pairs) + len(comparison.only_before) == len(old)
    assert len(comparison.pairs) + len(comparison.only_after) == len(new)
    permuted = list(old)
    shuffle.shuffle(permuted)
    again = compare(old, permuted, COUNTS_PER_MM)
    assert again.total == 0


def plc(epoch: int) -> StatusMessage:
    numbers: dict[str, Any] = dict.fromkeys(StatusMessage.model_fields, 0)
    return StatusMessage.model_validate({**numbers, "epoch": epoch, "receipts": []})


def test_orders_and_receipts_find_their_part_and_restarts_are_counted() -> None:
    stories = PartStories()
    messages: list[Callable[[], Any]] = [
        lambda: plc(1),
        lambda: part(4),
        lambda: order(part_id=4),
        lambda: order(part_id=99),
        lambda: ReceiptMessage(part_id=4, seq=1, code="FIRED", count=5000),
        lambda: plc(2),
        lambda: plc(2),
        lambda: part(5),
    ]
    for at_s, message in enumerate(messages):
        stories.take(float(at_s), message())
    first, second = stories.parts
    assert first.order == order(part_id=4)
    assert first.receipt is not None
    assert first.receipt.code == "FIRED"
    assert (first.restarts, second.restarts) == (0, 1)
