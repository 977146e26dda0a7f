"""A recording through today's code: nothing changes unless something was changed."""

import asyncio
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from controller.cli.replay import RecordedPlc, replay
from controller.cli.simulate import simulate
from controller.clock import run_virtual
from controller.config import ConfigErrors, LineConfig, load_config
from controller.recording.recording import BeltMoment, PartStory, read_recording
from plc_bridge.contract import LineFlags
from senbetsu_errors import NeedsOperator, Retryable
from tests.system.lines import demo_on_free_ports, running, write
from vision.recording_file import RecordingFile

REPOSITORY = Path(__file__).parents[2]

LINE = """
line: {name: small, simulated: true}
belt: {width_mm: 150, speed_mm_s: 500, encoder_counts_per_mm: 10}
camera: {backend: sim, geometry: area_scan, mm_per_px: 0.5, view_along_mm: 160, frame_rate_hz: 10}
vision: {model: parts, min_area_mm2: 6, max_part_mm: 100, unknown_below: 0.5}
plc: {backend: memory}
jets: {valve_count: 12, valve_pitch_mm: 12.5, distance_mm: 400, latency_budget_ms: 100}
recipe: recipe.yaml
plant:
  seed: 3
  feed: {parts_per_s: 6, min_gap_mm: 10, mix: {pcb: 2, capacitor_ta: 2, ic: 2, connector: 2, screw: 2}}
  belt: {initial_encoder_count: 4294950000}
"""

RECIPE = (REPOSITORY / "configs" / "recipes" / "demo.yaml").read_text()


def line_in(folder: Path, recipe: str = RECIPE, line: str = LINE) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "recipe.yaml").write_text(recipe)
    path = folder / "line.yaml"
    path.write_text(line)
    return path


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    folder = tmp_path_factory.mktemp("recorded")
    path = folder / "line.mcap"
    return path, simulate(line_in(folder / "line"), 3.0, None, record=path)


def decided(stories: tuple[PartStory, ...]) -> list[Any]:
    return [(s.part, s.order and s.order.model_dump(exclude={"seq"})) for s in stories]


def test_the_same_recording_code_and_config_change_nothing(recorded: tuple[Path, dict[str, Any]]) -> None:
    path, summary = recorded
    replayed = replay(path, None, None)
    changes = replayed["changes"]
    assert changes["total"] == 0
    assert changes["matched"] == len(read_recording(path).parts) == replayed["seen"] >= 10
    assert changes["parts"] == []
    assert replayed["outcomes"] == summary["outcomes"]
    assert replayed["orders"]["fired"] == summary["orders"]["fired"] > 3
    assert replayed["frames"]["processed"] == summary["frames"]["processed"]
    assert replayed["virtual_time_trusted"]
    assert replayed["recording"]["finished"]


@pytest.mark.slow
def test_counts_from_the_plcs_trigger_latch_are_matched_again_in_a_replay(tmp_path: Path) -> None:
    latched = LINE.replace("frame_rate_hz: 10", "frame_rate_hz: 10, encoder_from: plc_trigger")
    path = tmp_path / "line.mcap"
    summary = simulate(line_in(tmp_path / "line", line=latched), 3.0, None, record=path)
    replayed = replay(path, None, None)
    assert replayed["changes"]["total"] == 0
    assert replayed["seen"] == summary["seen"] >= 10
    assert replayed["frames"] == summary["frames"]


def test_the_recorded_config_is_the_one_that_ran(recorded: tuple[Path, dict[str, Any]], tmp_path: Path) -> None:
    recording = read_recording(recorded[0])
    ran = load_config(line_in(tmp_path / "line"))
    apart = {"camera", "plc", "plant", "path", "recipe_path"}
    assert recording.config.model_dump(exclude=apart) == ran.model_dump(exclude=apart)
    assert recording.config.camera.view_along_mm == ran.camera.view_along_mm
    assert recording.about["model_sha256"]
    assert recording.about["simulated"] == "camera, plc, plant, time"


def test_a_changed_recipe_changes_exactly_the_decisions_it_is_about(
    recorded: tuple[Path, dict[str, Any]], tmp_path: Path
) -> None:
    path, _ = recorded
    other = line_in(tmp_path / "line", RECIPE.replace("pcb: 900", "pcb: -900"))
    changes = replay(path, other, None)["changes"]
    # a part that is a board with a chance of some per cent is worth less by its share of a board's price
    ejected = [s for s in read_recording(path).parts if s.part.outlet == "valuables"]
    boards = [s for s in ejected if s.part.probabilities["pcb"] > 0.02]
    assert changes["by_field"]["outlet"] == changes["by_field"]["order"] == changes["changed"] == len(boards) > 0
    assert changes["total"] == len(boards) < len(ejected)
    assert [p["fields"]["outlet"] for p in changes["parts"]] == [["valuables", "residue"]] * len(boards)
    assert [(p["at_s"], p["class"]) for p in changes["parts"]] == [(s.at_s, s.part.class_id) for s in boards]
    assert "pcb" in {p["class"] for p in changes["parts"]}


def test_a_recording_cut_in_the_middle_replays_what_is_there(
    recorded: tuple[Path, dict[str, Any]], tmp_path: Path
) -> None:
    whole = recorded[0].read_bytes()
    path = tmp_path / "cut.mcap"
    path.write_bytes(whole[: int(len(whole) * 0.7)])
    replayed = replay(path, None, None)
    assert replayed["changes"]["total"] == 0
    assert replayed["changes"]["matched"] > 3
    assert not replayed["recording"]["finished"]


def test_another_recording_can_be_the_reference(recorded: tuple[Path, dict[str, Any]], tmp_path: Path) -> None:
    twin = tmp_path / "twin.mcap"
    shutil.copy(recorded[0], twin)
    changes = replay(recorded[0], None, twin)["changes"]
    assert changes["against"] == str(twin)
    assert changes["total"] == 0


def test_a_bad_config_says_everything_that_is_wrong(recorded: tuple[Path, dict[str, Any]], tmp_path: Path) -> None:
    with pytest.raises(ConfigErrors):
        replay(recorded[0], line_in(tmp_path / "line", line="line: {}\n"), None)


def test_another_geometry_than_the_recorded_one_is_refused(
    recorded: tuple[Path, dict[str, Any]], tmp_path: Path
) -> None:
    other = line_in(tmp_path / "line", line=LINE.replace("view_along_mm: 160", "view_along_mm: 180"))
    with pytest.raises(ExceptionGroup) as caught:
        replay(recorded[0], other, None)
    assert caught.group_contains(NeedsOperator, match="320 rows")


# ---- the PLC that follows a recording


def moment(at_s: float, encoder: int, **changes: Any) -> BeltMoment:
    fields: dict[str, Any] = {"epoch": 5, "e_stop_ok": True, "air_ok": True, "fire": False, "valve_fault": 0}
    return BeltMoment(at_s=at_s, encoder=encoder % 2**32, belt_speed_mm_s=500.0, **{**fields, **changes})


def seen_at(config: LineConfig, moments: list[BeltMoment], *times: float) -> list[Any]:
    async def run() -> list[Any]:
        plc = RecordedPlc(tuple(moments), config)
        found: list[Any] = []
        for at_s in times:
            await asyncio.sleep(at_s - asyncio.get_running_loop().time())
            try:
                found.append(plc.read_status())
            except Retryable as error:
                found.append(error.code)
        return found

    return run_virtual(run())


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> LineConfig:
    return load_config(line_in(tmp_path_factory.mktemp("plc") / "line"))


def test_between_two_statuses_the_belt_runs_evenly_across_the_wrap(config: LineConfig) -> None:
    moments = [moment(0.0, 2**32 - 500), moment(0.2, 500), moment(0.3, 500)]
    found = seen_at(config, moments, 0.0, 0.05, 0.1, 0.15, 0.25)
    assert [s.encoder for s in found] == [2**32 - 500, 2**32 - 250, 0, 250, 500]


def test_inputs_are_those_recorded(config: LineConfig) -> None:
    moments = [moment(0.0, 0), moment(0.1, 10, air_ok=False, valve_fault=4), moment(0.2, 20)]
    before, during = seen_at(config, moments, 0.05, 0.15)
    assert LineFlags.AIR_OK in before.flags
    assert LineFlags.AIR_OK not in during.flags
    assert during.valve_fault == 4


def test_a_recorded_restart_restarts_the_plc(config: LineConfig) -> None:
    moments = [moment(0.0, 1000), moment(0.1, 2000), moment(0.2, 5, epoch=6), moment(0.3, 15, epoch=6)]
    before, still, after = seen_at(config, moments, 0.1, 0.15, 0.25)
    assert after.epoch != before.epoch
    assert (still.encoder, after.encoder) == (2000, 10)


def test_where_no_status_was_recorded_the_plc_does_not_answer(config: LineConfig) -> None:
    moments = [moment(0.8, 0), moment(0.9, 10), moment(2.0, 20), moment(2.1, 30)]
    found = seen_at(config, moments, 0.1, 0.85, 1.5, 2.05)
    assert [f if isinstance(f, str) else "answers" for f in found] == ["plc.no_answer", "answers"] * 2


# ---- the command line


@pytest.mark.slow
def test_a_line_recorded_in_real_time_and_killed_replays_without_changes(tmp_path: Path) -> None:
    path = tmp_path / "line.mcap"
    config = write(tmp_path, demo_on_free_ports())
    with running(tmp_path, "record", str(config), "-o", str(path), "--json") as record:
        while record.process.poll() is None and (not path.exists() or path.stat().st_size < 150_000_000):
            with pytest.raises(subprocess.TimeoutExpired):
                record.process.wait(0.2)
        record.process.kill()
    assert not RecordingFile(path).finished
    changes = replay(path, None, None)["changes"]
    assert changes["matched"] > 0
    # Everything decided is the same. Whether the link of that moment took the order is not the decision's:
    # on a busy machine the recorded statuses have gaps, over which the replayed link is down.
    assert {field: count for field, count in changes["by_field"].items() if count and field != "order"} == {}
    # The frame and the decision that were being written when it was killed need not both be in the file.
    assert changes["only_recorded"] + changes["only_replayed"] <= 2


@pytest.mark.slow
def test_a_recording_that_exists_is_refused_before_anything_moves(tmp_path: Path) -> None:
    path = tmp_path / "line.mcap"
    path.write_bytes(b"precious")
    with running(tmp_path, "record", str(write(tmp_path, demo_on_free_ports())), "-o", str(path)) as record:
        assert record.end() == 1
        assert "recording.exists" in record.messages
        assert "running" not in record.messages
    assert path.read_bytes() == b"precious"
