"""The commissioning probe against a PLC that is right, and against maps and devices that are not."""

import asyncio
from pathlib import Path

from plc_bridge.modbus_link import Config
from plc_bridge.probe import ProbedTag, ProbeReport, probe, watch
from plc_bridge.tagmap import default_tag_map
from plc_bridge.tagmap_file import default_tag_map_path, to_yaml
from sim.modbus_server import serve_modbus
from tests.plc_bridge.contract_body import Bench


async def probe_bench(bench: Bench, tags: Path) -> ProbeReport:
    scan = asyncio.create_task(bench.run())
    try:
        async with serve_modbus(bench.plc, "127.0.0.1", 0, default_tag_map("modbus")) as port:
            return await probe(Config(host="127.0.0.1", port=port, tags=tags, heartbeat_timeout_ms=50))
    finally:
        scan.cancel()
        await asyncio.wait([scan])


def tag(report: ProbeReport, name: str) -> ProbedTag:
    return next(found for found in report.tags if found.name == name)


def test_a_healthy_plc_is_read_completely_and_without_complaint() -> None:
    report = asyncio.run(probe_bench(Bench(), default_tag_map_path("modbus")))
    assert report.problem_count == 0
    assert len(report.tags) == 17 + 16 * 3 + 6 + 12 * 6
    assert tag(report, "belt_speed_mm_s") == ProbedTag(
        "status", "belt_speed_mm_s", "register 6", (0x43FA, 0x0000), 500.0, ()
    )


def test_a_standing_heart_and_a_wrong_word_order_are_both_named(tmp_path: Path) -> None:
    bench = Bench()
    bench.scanning = False
    bench.plc.scan(0.0, 5, 500.0)
    bench.speed_mm_s = 500.0
    path = tmp_path / "swapped.yaml"
    path.write_text(to_yaml(default_tag_map("modbus")).replace("byte_order: big", "byte_order: little"))
    report = asyncio.run(probe_bench(bench, path))
    assert "does not move" in tag(report, "heartbeat").problems[0]
    assert "beyond bit 5" in tag(report, "flags").problems[0]
    assert tag(report, "queue_free").problems == () or "wrong" in tag(report, "queue_free").problems[0]
    assert report.problem_count >= 2


def test_the_tag_whose_register_the_device_refuses_is_named(tmp_path: Path) -> None:
    path = tmp_path / "far.yaml"
    path.write_text(to_yaml(default_tag_map("modbus")).replace("batch: {at: 206,", "batch: {at: 320,"))
    report = asyncio.run(probe_bench(Bench(), path))
    assert "illegal data address" in tag(report, "batch").problems[0]
    assert tag(report, "order_count").problems == ()


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
