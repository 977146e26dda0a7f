"""The virtual PLC and the PLC program do what the golden traces say, in every scan."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from plc_bridge.contract import PLC_RECEIPT_CODES
from tests.plc_bridge.golden import as_text, changes_of, played, traces
from tests.plc_bridge.plc_devices import Device, Reference, Settings, Virtual


@pytest.mark.parametrize("make", [Virtual, pytest.param(Reference, marks=pytest.mark.slow)], ids=["virtual", "program"])
@pytest.mark.parametrize("path", traces(), ids=lambda path: path.stem)
def test_a_trace_is_followed_scan_by_scan(path: Path, make: Callable[[Settings], Device]) -> None:
    trace = json.loads(path.read_text(encoding="utf-8"))
    done = changes_of(played(trace, make))
    for row, expected in zip(done, trace["expect"], strict=False):
        assert row == expected
    assert len(done) == len(trace["expect"])


@pytest.mark.parametrize("path", traces(), ids=lambda path: path.stem)
def test_a_trace_reads_as_it_is_written(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert text == as_text(json.loads(text))


def test_the_traces_cover_every_way_an_order_can_end_and_every_drive() -> None:
    rows = [row for path in traces() for row in json.loads(path.read_text(encoding="utf-8"))["expect"]]
    codes = {code for row in rows for _, code, _ in row.get("receipts", ())}
    assert codes == {code.name for code in PLC_RECEIPT_CODES}
    for output in ("belt_run", "feed_run"):
        assert {row[output] for row in rows if output in row} == {True, False}
    assert {valve for row in rows for valve in row.get("valves", ())} >= {0, 63}
    assert min(row["queue_free"] for row in rows if "queue_free" in row) == 0
