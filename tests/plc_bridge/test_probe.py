"""The commissioning probe against a PLC that is right, and against maps and devices that are not."""

import asyncio
import json
import os
import sys
from pathlib import Path

import pytest

from plc_bridge.contract import CommandImage, JetOrder, LineCommand
from plc_bridge.modbus_link import Config
from plc_bridge.probe import ProbedTag, ProbeReport, probe, watch
from plc_bridge.tagmap import TagMap, default_tag_map
from plc_bridge.tagmap_file import default_tag_map_path, to_yaml
from sim.modbus_server import serve_modbus
from tests.plc_bridge.contract_body import Bench

CONFIGS = default_tag_map_path("modbus").parent.parent


async def probe_bench(bench: Bench, tags: Path, device: TagMap | None = None) -> ProbeReport:
    scan = asyncio.create_task(bench.run())
    try:
        async with serve_modbus(bench.plc, "127.0.0.1", 0, device or default_tag_map("modbus")) as port:
            return await probe(Config(host="127.0.0.1", port=port, tags=tags, heartbeat_timeout_ms=50))
    finally:
        scan.cancel()
        await asyncio.wait([scan])


def tag(report: ProbeReport, name: str) -> ProbedTag:
    return next(found for found in report.tags if found.name == name)


def swapped_report(bench: Bench, tmp_path: Path, **orders: str) -> ProbeReport:
    """The default device, read with a map that has other orders."""
    path = tmp_path / "swapped.yaml"
    path.write_text(to_yaml(default_tag_map("modbus").model_copy(update=orders)))
    return asyncio.run(probe_bench(bench, path))


def test_a_healthy_plc_is_read_completely_and_without_complaint() -> None:
    report = asyncio.run(probe_bench(Bench(), default_tag_map_path("modbus")))
    assert report.problem_count == 0
    assert len(report.tags) == 17 + 16 * 3 + 6 + 12 * 6 + 1
    assert tag(report, "belt_speed_mm_s") == ProbedTag(
        "status", "belt_speed_mm_s", "holding register 6", (0x43FA, 0x0000), 500.0, ()
    )


def test_a_standing_heart_and_a_wrong_byte_order_are_both_named(tmp_path: Path) -> None:
    bench = Bench()
    bench.scanning = False
    bench.plc.scan(0.0, 5, 500.0)
    report = swapped_report(bench, tmp_path, byte_order="little")
    assert "does not move" in tag(report, "heartbeat").problems[0]
    assert "beyond bit 4" in tag(report, "flags").problems[0]
    assert report.problems[0].startswith("byte_order looks swapped: with byte_order: big all values are plausible.")


@pytest.mark.parametrize(
    ("orders", "says"),
    [
        ({"word_order": "little"}, "word_order looks swapped: with word_order: big all"),
        ({"byte_order": "little"}, "byte_order looks swapped: with byte_order: big all"),
        (
            {"word_order": "little", "byte_order": "little"},
            "word_order and byte_order look swapped: with word_order: big and byte_order: big all",
        ),
    ],
)
def test_a_swapped_order_is_recognised_by_what_the_other_would_give(
    orders: dict[str, str], says: str, tmp_path: Path
) -> None:
    assert says in swapped_report(Bench(), tmp_path, **orders).problems[0]


def test_a_plc_that_just_started_gives_a_swapped_word_order_away_by_its_epoch_alone(tmp_path: Path) -> None:
    bench = Bench()
    bench.speed_mm_s = 0.0
    assert "word_order looks swapped" in swapped_report(bench, tmp_path, word_order="little").problems[0]


def test_the_tag_whose_register_the_device_refuses_is_named(tmp_path: Path) -> None:
    path = tmp_path / "far.yaml"
    text = to_yaml(default_tag_map("modbus"))
    path.write_text(
        text.replace("batch: {at: 206,", "batch: {at: 320,").replace("queue_free: {", "queue_free: {unit: 4, ")
    )
    report = asyncio.run(probe_bench(Bench(), path))
    assert "illegal data address" in tag(report, "batch").problems[0]
    assert tag(report, "order_count").problems == ()
    assert tag(report, "queue_free").address == "holding register 14 of unit 4"


def test_a_gap_that_the_device_refuses_to_read_is_told_from_a_tag_that_it_refuses(tmp_path: Path) -> None:
    """Each tag can be read, but not with what lies between them."""
    path = tmp_path / "gap.yaml"
    text = to_yaml(default_tag_map("modbus"))
    path.write_text(text.replace("heartbeat: {at: 2,", "heartbeat: {at: 119,"))
    device = default_tag_map("modbus").model_dump()
    device["status"]["tags"]["heartbeat"]["at"] = 119
    device["read_gap"] = 0
    report = asyncio.run(probe_bench(Bench(), path, TagMap.model_validate(device)))
    told = [problem for found in report.tags for problem in found.problems]
    assert len(told) == 1
    assert "not with its neighbours" in told[0]
    assert "read_gap" in told[0]


def test_a_history_at_another_place_is_named(tmp_path: Path) -> None:
    bench = Bench()
    for seq in range(1, 301):
        order = JetOrder(seq, 0, 0, 10, 20)
        bench.plc.write_command(CommandImage(0x1_0001, 1, LineCommand.STOP, 0.0, seq, (order,)))
        bench.plc.scan(0.0, seq, 0.0)
    path = tmp_path / "history.yaml"
    text = to_yaml(default_tag_map("modbus"))
    path.write_text(text.replace("at: 400", "at: 405"))
    report = asyncio.run(probe_bench(bench, path))
    assert tag(report, "history").problems == ("has order 286 where the status has 285: wrong start, stride or size",)
    healthy = asyncio.run(probe_bench(bench, default_tag_map_path("modbus")))
    assert tag(healthy, "history") == ProbedTag("history", "history", "holding register 400", None, 16.0, ())


def test_the_command_prints_a_tree_or_one_json_object(tmp_path: Path) -> None:
    """`senbetsu plc probe` as an integrator runs it."""

    async def run(*options: str) -> tuple[int, str]:
        bench = Bench()
        scan = asyncio.create_task(bench.run())
        async with serve_modbus(bench.plc, "127.0.0.1", 0, default_tag_map("modbus")) as port:
            config = tmp_path / "line.yaml"
            text = (CONFIGS / "demo.yaml").read_text().replace("port: 15020", f"port: {port}")
            config.write_text(text.replace("recipes/", f"{CONFIGS}/recipes/").replace("tags/", f"{CONFIGS}/tags/"))
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "controller.cli", "plc", "probe", config, *options),
                stdout=asyncio.subprocess.PIPE,
                env={**os.environ, "COLUMNS": "200"},
            )
            output, _ = await process.communicate()
        scan.cancel()
        await asyncio.wait([scan])
        assert process.returncode is not None
        return process.returncode, output.decode()

    code, tree = asyncio.run(run())
    assert code == 0, tree
    assert "no problems" in tree
    assert "flags  (holding register 3)  raw 000f  = 15 (e_stop_ok, belt_running, air_ok, ready)" in tree
    assert "belt_speed_mm_s  (holding register 6)  raw 43fa 0000  = 500" in tree
    code, text = asyncio.run(run("--json"))
    report = json.loads(text)
    assert (code, report["problem_count"], report["problems"]) == (0, 0, [])
    assert {key: report["tags"][0][key] for key in ("block", "name", "address", "raw", "value")} == {
        "block": "status",
        "name": "epoch",
        "address": "holding register 0",
        "raw": [0, 1],
        "value": 1,
    }


def test_a_device_that_is_not_there_is_the_one_problem() -> None:
    async def run() -> ProbeReport:
        server = await asyncio.start_server(lambda _r, _w: None, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        server.close()
        await server.wait_closed()
        return await probe(Config(host="127.0.0.1", port=port, tags=default_tag_map_path("modbus")))

    report = asyncio.run(run())
    assert report.tags == ()
    assert "No Modbus server answers" in report.problems[0]


def test_watch_follows_the_encoder_and_survives_an_outage() -> None:
    async def run() -> list[ProbeReport]:
        bench = Bench()
        scan = asyncio.create_task(bench.run())
        tag_map = default_tag_map("modbus")
        reports: list[ProbeReport] = []
        async with serve_modbus(bench.plc, "127.0.0.1", 0, tag_map) as port:
            config = Config(host="127.0.0.1", port=port, tags=default_tag_map_path("modbus"))
            stream = watch(config, period_s=0.02)
            reports.extend([await anext(stream), await anext(stream)])
        reports.append(await anext(stream))
        async with serve_modbus(bench.plc, "127.0.0.1", port, tag_map):
            reports.append(await anext(stream))
            await stream.aclose()
        scan.cancel()
        await asyncio.wait([scan])
        return reports

    first, second, gone, back = asyncio.run(run())
    assert (tag(second, "encoder").value or 0) > (tag(first, "encoder").value or 0)
    assert gone.problems
    assert gone.tags == ()
    assert back.problem_count == 0
