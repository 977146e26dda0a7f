"""`senbetsu run`: real processes, real sockets, and every way in which it may be disturbed."""

import json
import signal
import socket
import time
from pathlib import Path

import httpx
import pytest

from tests.system.lines import Running, demo_on_free_ports, real_belt_with_plc, running, write

pytestmark = [pytest.mark.slow, pytest.mark.alone, pytest.mark.timeout(180)]


def _gone(line: Running, within_s: float = 10.0) -> bool:
    """Whether every process of the line ends within the bound."""
    deadline = time.monotonic() + within_s
    while line.left_behind():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.1)
    return True


def test_the_demo_line_sorts_over_real_sockets_and_its_summary_adds_up(tmp_path: Path) -> None:
    config = write(tmp_path, demo_on_free_ports())
    with running(tmp_path, "run", str(config), "--for", "20", "--json") as line:
        assert line.end(120) == 0, line.messages
        summary = json.loads(line.out_path.read_text())
        assert _gone(line)
    assert summary["simulated"]
    assert summary["seen"] == sum(summary["outcomes"].values()) > 80
    assert summary["outcomes"]["ejected"] > 20
    assert summary["orders"]["late"] == 0
    assert summary["orders"]["sent"] == summary["orders"]["fired"]
    assert summary["frames"]["captured"] == summary["frames"]["processed"] + summary["frames"]["dropped"]
    assert summary["basis"] == "plant truth (simulated)"
    assert summary["mass_balance_error"] <= 1e-9


def test_ctrl_c_stops_the_line_in_order_and_leaves_no_process(tmp_path: Path) -> None:
    config = write(tmp_path, demo_on_free_ports())
    with running(tmp_path, "run", str(config), "--json") as line:
        line.wait_for("state=running")
        time.sleep(2)
        line.interrupt()
        assert line.end(30) == 0, line.messages
        summary = json.loads(line.out_path.read_text())
        assert summary["seen"] == sum(summary["outcomes"].values())
        assert "Traceback" not in line.messages
        assert _gone(line)


@pytest.mark.parametrize("after_s", [0.3, 0.6, 1.0, 2.0])
def test_ctrl_c_while_starting_ends_without_traceback_or_orphan(tmp_path: Path, after_s: float) -> None:
    config = write(tmp_path, demo_on_free_ports())
    with running(tmp_path, "run", str(config)) as line:
        time.sleep(after_s)
        line.interrupt()
        # Before the interpreter is up the signal itself ends it.
        assert line.end(30) in (0, 130, -signal.SIGINT), line.messages
        assert "Traceback" not in line.messages
        assert _gone(line)


def test_a_killed_runtime_takes_its_children_with_it(tmp_path: Path) -> None:
    config = write(tmp_path, demo_on_free_ports())
    with running(tmp_path, "run", str(config)) as line:
        line.wait_for("state=running")
        line.process.kill()
        line.end(10)
        assert _gone(line)


@pytest.mark.shared_data
def test_a_plc_that_is_not_there_is_waited_for_and_found_when_it_appears(tmp_path: Path, shared_data: Path) -> None:
    # A line on real footage with a Modbus PLC; the PLC is a plant of its own that is started later.
    whole = demo_on_free_ports()
    alone = real_belt_with_plc(whole["plc"], shared_data)
    path = write(tmp_path, alone)
    plant_folder = tmp_path / "plant"
    plant_folder.mkdir()
    config = write(plant_folder, whole)
    with running(tmp_path, "run", str(path), "--json") as line:
        line.wait_for("plc not there yet")
        time.sleep(1)
        assert line.messages.count("plc not there yet") == 1
        with running(plant_folder, "plant", str(config)) as plant:
            line.wait_for("state=running")
            time.sleep(3)
            line.interrupt()
            assert line.end(30) == 0, line.messages
            plant.interrupt()
            assert plant.end(30) == 0, plant.messages
        summary = json.loads(line.out_path.read_text())
    assert summary["links"]["reconnects"] == 0
    assert summary["links"]["downtime_s"] > 1
    assert summary["simulated"] == []
    assert summary["basis"] == "estimated from class probabilities"


def test_a_port_in_use_is_named_and_nothing_is_left_running(tmp_path: Path) -> None:
    config = demo_on_free_ports()
    port = config["plc"]["port"]
    path = write(tmp_path, config)
    with socket.create_server(("127.0.0.1", port)), running(tmp_path, "run", str(path)) as line:
        assert line.end(60) == 1
        assert str(port) in line.messages
        assert "plant.port_in_use" in line.messages
        assert "Traceback" not in line.messages
        assert _gone(line)


def test_a_missing_model_is_a_located_error_before_anything_starts(tmp_path: Path) -> None:
    config = demo_on_free_ports()
    config["vision"]["model"] = "no-such-model"
    with running(tmp_path, "run", str(write(tmp_path, config))) as line:
        assert line.end(30) == 2
        assert "vision.model" in line.messages
        assert "Traceback" not in line.messages


def test_the_page_shows_the_line_that_runs(tmp_path: Path) -> None:
    config = demo_on_free_ports()
    port = config["hmi"]["port"]
    with running(tmp_path, "run", str(write(tmp_path, config))) as line:
        line.wait_for("state=running")
        deadline = time.monotonic() + 30
        snapshot = {"seen": 0}
        while snapshot["seen"] < 10 and time.monotonic() < deadline:
            time.sleep(0.5)
            snapshot = httpx.get(f"http://127.0.0.1:{port}/api/snapshot").json()
        assert snapshot["seen"] >= 10
        assert snapshot["simulated"] is True
        assert snapshot["state"] == "running"
        line.interrupt()
        assert line.end(30) == 0, line.messages
