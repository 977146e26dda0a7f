"""A line without a PLC: `senbetsu run configs/direct-io.yaml`, the controller timing the valves."""

import json
from pathlib import Path

import pytest

from tests.system.lines import direct_io_on_free_ports, running, write

pytestmark = [pytest.mark.slow, pytest.mark.alone, pytest.mark.timeout(180)]


def test_it_sorts_and_says_how_exact_it_is(tmp_path: Path) -> None:
    config = write(tmp_path, direct_io_on_free_ports())
    with running(tmp_path, "run", str(config), "--for", "30", "--json") as line:
        code = line.end(150)
    assert code == 0, line.messages
    assert "direct io" in line.messages
    assert "p99 of 200 round trips to 127.0.0.1" in line.messages
    assert "not confirmed off" not in line.messages
    summary = json.loads(line.out_path.read_text())
    orders = summary["orders"]
    assert orders["fired"] >= 10
    assert orders["sent"] == orders["fired"] + orders["late"] + orders["refused"] + orders["cancelled"] + orders["lost"]
    assert summary["outcomes"]["ejected"] >= 0.8 * orders["sent"]
    assert summary["purity"]["valuables"] > 0.7
    assert summary["value_ratio"] > 0.8


def test_it_does_not_start_where_the_pc_is_less_exact_than_declared(tmp_path: Path) -> None:
    data = direct_io_on_free_ports()
    data["plc"]["jitter_ms"] = 0.01
    config = write(tmp_path, data)
    with running(tmp_path, "run", str(config), "--for", "12", "--json") as line:
        assert line.end(100) == 0
    assert "direct io refused" in line.messages
    assert "declared are +-0.01 ms" in line.messages
    assert json.loads(line.out_path.read_text())["orders"]["sent"] == 0
