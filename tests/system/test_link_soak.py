"""The benchmarks' soak in short, and some of its silent partitions: real sockets, the PLC in another process."""

from typing import Any

import pytest

from benchmarks import partition, soak


def _failed(result: dict[str, Any]) -> list[str]:
    return [f"{f['name']}: {f['value']} {f['unit']}" for f in result["figures"] if f["met"] is False]


@pytest.mark.slow
@pytest.mark.alone
def test_no_order_is_doubled_or_unaccounted_over_a_lossy_and_partitioned_cable() -> None:
    result = soak.measure(30.0)
    assert _failed(result) == []
    values = {figure["name"]: figure["value"] for figure in result["figures"]}
    assert values["orders taken"] > 10_000
    assert values["orders fired"] > 0.3 * values["orders taken"]
    beside = result["floor"]
    assert beside["partitions"] == 2
    assert beside["retransmitted"] > 0


@pytest.mark.slow
@pytest.mark.alone
def test_a_silent_partition_is_noticed_within_the_belt_budget_over_both_protocols() -> None:
    assert _failed(partition.measure(10)) == []
