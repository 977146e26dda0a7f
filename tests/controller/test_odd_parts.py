"""Which parts are odd, how many of them are asked for, and that what is counted adds up."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.decide import Decision, Reason
from controller.odd_parts import OddParts, reasons_of
from tests.controller.deciding_parts import LABELS, part
from vision.camera_config import CameraConfig
from vision.odd_config import OddPartsConfig
from vision.results import CropAnswer

CAMERA = CameraConfig(backend="none", geometry="area_scan", mm_per_px=0.5, view_along_mm=300)
SURE, DOUBTFUL = (0.9, 0.05, 0.05), (0.5, 0.45, 0.05)


def decision(
    part_id: int = 1,
    probabilities: tuple[float, ...] = SURE,
    reason: Reason = "best value",
    views: int = 4,
    disagreeing: int = 0,
) -> Decision:
    seen = part(part_id, probabilities)._replace(
        views=views,
        disagreeing=disagreeing,
        seen_counts=2000.0,
        seen_along_mm=150.0,
        seen_across_mm=103.0,
        outline_mm=np.array([[10, -10], [10, 10], [-10, 10], [-10, -10]], np.float32),
        oversize=reason == "oversize",
    )
    return Decision(seen, "residue", False, "pcb", probabilities[0], 0.0, reason)


def odd_parts(**settings: float) -> OddParts:
    config = OddPartsConfig.model_validate({"folder": "odd", **settings})
    parts = OddParts(config, CAMERA, LABELS)
    parts.frame(77, 2000)
    return parts


@pytest.mark.parametrize(
    ("made", "reasons"),
    [
        (decision(), ()),
        (decision(reason="unknown class"), ("unknown class",)),
        (decision(reason="clump"), ("clump",)),
        (decision(probabilities=DOUBTFUL), ("low margin",)),
        (decision(disagreeing=1), ()),
        (decision(disagreeing=2), ("views disagree",)),
        (decision(probabilities=(0.0, 0.0, 0.0), reason="oversize"), ("oversize",)),
        (decision(probabilities=DOUBTFUL, reason="unknown class", disagreeing=2),
         ("unknown class", "low margin", "views disagree")),
    ],
)  # fmt: skip
def test_what_makes_a_part_odd(made: Decision, reasons: tuple[str, ...]) -> None:
    assert reasons_of(made, 0.2) == reasons


def test_the_picture_asked_for_is_where_the_part_was_seen_last() -> None:
    parts = odd_parts()
    parts.decided(decision(probabilities=DOUBTFUL), 100.0)
    (request,) = parts.requests()
    assert parts.requests() == []
    assert request.frame_sequence == 77
    # 10 mm around (150, 103), although the part itself is said to be at 100 mm across by the valves.
    assert (request.along_min_mm, request.along_max_mm) == (140, 160)
    assert (request.across_min_mm, request.across_max_mm) == (93, 113)


def test_what_is_kept_lies_in_the_crop_where_the_part_is() -> None:
    parts = odd_parts()
    parts.decided(decision(probabilities=DOUBTFUL), 100.0)
    (request,) = parts.requests()
    # The frame has 600 rows; the part's box begins at row 599 - 160/0.5 = 279 and column 93/0.5 - 0.5 = 185.5.
    odd = parts.answer(CropAnswer(request.ticket, b"png", left_px=180, top_px=270))
    assert odd is not None
    assert odd.bbox_px == (5.5, 9.0, 41.0, 41.0)
    assert odd.outline_px[0] == (5.5, 9.0)
    assert odd.probabilities == {"pcb": 0.5, "battery": 0.45, "plastic": 0.05}
    assert odd.label is None
    assert (odd.length_mm, odd.width_mm, odd.encoder_counts, odd.frame_sequence) == (20, 20, 2000, 77)


def test_a_part_that_somebody_picked_needs_not_be_odd_and_bears_its_label() -> None:
    parts = odd_parts()
    parts.decided(decision(part_id=5), 0.0)
    ticket = parts.pick(5, "relay")
    assert ticket is not None
    odd = parts.answer(CropAnswer(ticket, b"png", 0, 0))
    assert odd is not None
    assert (odd.label, odd.reasons) == ("relay", ("picked",))
    assert parts.pick(6, "relay") is None


def test_at_most_so_many_a_minute_are_asked_for() -> None:
    parts = odd_parts(per_minute=30)
    for second in range(600):
        parts.decided(decision(part_id=second, probabilities=DOUBTFUL), float(second))
        parts.requests()
    assert parts.counts.odd == 600
    assert parts.counts.asked == pytest.approx(300, abs=6)
    assert parts.counts.skipped == 600 - parts.counts.asked


@given(st.lists(st.tuples(st.sampled_from(["odd", "sure", "pick", "come", "gone", "strange"]), st.floats(0, 5))))
def test_the_counts_add_up_whatever_comes(events: list[tuple[str, float]]) -> None:
    parts, now_s, open_tickets = odd_parts(per_minute=120), 0.0, list[int]()
    for number, (kind, wait_s) in enumerate(events):
        now_s += wait_s
        if kind in ("odd", "sure"):
            parts.decided(decision(number, DOUBTFUL if kind == "odd" else SURE), now_s)
        elif kind == "pick":
            parts.pick(number - 1, "relay")
        elif kind == "strange":
            assert parts.answer(CropAnswer(10**6, b"png", 0, 0)) is None
        elif open_tickets:
            parts.answer(CropAnswer(open_tickets.pop(0), b"png" if kind == "come" else b"", 0, 0))
        open_tickets += [request.ticket for request in parts.requests()]
        counts = parts.counts
        assert counts.odd == counts.skipped + counts.asked
        assert counts.asked + counts.picked == counts.answered + counts.without_picture + parts.waiting


def test_a_part_of_a_frame_nobody_knows_is_skipped_and_counted() -> None:
    parts = odd_parts()
    made = decision(probabilities=DOUBTFUL)
    parts.decided(replace_seen(made, 5000.0), 0.0)
    assert (parts.counts.odd, parts.counts.skipped) == (1, 1)


def replace_seen(made: Decision, counts: float) -> Decision:
    return made._replace(part=made.part._replace(seen_counts=counts))
