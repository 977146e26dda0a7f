"""`senbetsu plc probe` against the plant's real servers."""

from pathlib import Path

import pytest

from tests.system.lines import demo_on_free_ports, direct_io_on_free_ports, running, write

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]


def test_probe_reads_every_tag_of_a_running_plc_and_finds_nothing_wrong(tmp_path: Path) -> None:
    config = write(tmp_path, demo_on_free_ports())
    probe_folder = tmp_path / "probe"
    probe_folder.mkdir()
    with running(tmp_path, "plant", str(config)) as plant:
        plant.wait_for("plant ready")
        with running(probe_folder, "plc", "probe", str(config)) as probe:
            code = probe.end(60)
        output = probe.out_path.read_text()
        assert code == 0, output + probe.messages
        for tag in ("epoch", "heartbeat", "encoder", "last_seq", "queue_free"):
            assert tag in output
        assert "no problems" in output
        plant.interrupt()
        assert plant.end(30) == 0


def test_probe_of_a_device_that_is_not_there_says_so_and_exits_1(tmp_path: Path) -> None:
    config = write(tmp_path, demo_on_free_ports())
    with running(tmp_path, "plc", "probe", str(config)) as probe:
        assert probe.end(60) == 1
    assert "No Modbus server answers" in " ".join(probe.out_path.read_text().split())
    assert "Traceback" not in probe.messages


def fire(folder: Path, config: Path, *options: str) -> tuple[int, str]:
    """What `plc fire` ended with, and all it said."""
    folder.mkdir()
    with running(folder, "plc", "fire", str(config), *options) as process:
        code = process.end(60)
    return code, " ".join((process.out_path.read_text() + process.messages).split())


def test_fire_shoots_a_valve_of_a_standing_line_and_of_no_other(tmp_path: Path) -> None:
    config = write(tmp_path, demo_on_free_ports())
    with running(tmp_path, "run", str(config)) as line:
        line.wait_for("state=running")
        code, said = fire(tmp_path / "while-it-runs", config, "--lane", "12", "--yes")
        assert code == 1
        assert "plc.in_use" in said
        line.interrupt()
        assert line.end(60) == 0
        assert "taken_over" not in line.messages
    with running(tmp_path, "plant", str(config)) as plant:
        plant.wait_for("plant ready")
        code, said = fire(tmp_path / "standing", config, "--lane", "12", "--ms", "80", "--yes")
        assert code == 0, said
        assert "valve 12, 80 ms: fired at count" in said
        code, said = fire(tmp_path / "wrong", config, "--lane", "64", "--yes")
        assert code == 2
        assert "lanes 0 to 63" in said
        plant.interrupt()
        assert plant.end(30) == 0


def test_fire_on_direct_io(tmp_path: Path) -> None:
    config = write(tmp_path, direct_io_on_free_ports())
    with running(tmp_path, "plant", str(config)) as plant:
        plant.wait_for("plant ready")
        code, said = fire(tmp_path / "fire", config, "--lane", "3", "--yes")
        assert code == 0, said
        assert "valve 3, 50 ms: fired at count" in said
        plant.interrupt()
        assert plant.end(30) == 0
