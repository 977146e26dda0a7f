"""`senbetsu plc probe` against the plant's real servers."""

from pathlib import Path

import pytest

from tests.system.lines import demo_on_free_ports, running, write

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
