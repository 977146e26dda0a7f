"""The plant in real time behind its real servers."""

import asyncio
import socket
from itertools import pairwise
from pathlib import Path

import pytest

from plc_bridge.contract import LineCommand, LineStatus
from plc_bridge.modbus_link import ModbusLink
from senbetsu_errors import NeedsOperator
from sim.camera_client import SimSource
from sim.config import PlantConfig
from sim.plant import PlantSetup
from sim.plant_process import PlantPorts, run_plant
from sim.truth import Truth
from vision.frame import Frame, count_difference

TAGS = Path(__file__).resolve().parents[2] / "configs" / "tags" / "modbus-default.yaml"


def setup(**servers: object) -> PlantSetup:
    return PlantSetup(
        belt_width_mm=400,
        speed_mm_s=500,
        counts_per_mm=10,
        geometry="area_scan",
        mm_per_px=1.0,
        view_along_mm=160,
        frame_rate_hz=20,
        valve_count=32,
        valve_pitch_mm=12.5,
        first_lane_mm=0,
        jets_distance_mm=500,
        jets_outlet="valuables",
        rest_outlet="residue",
        plant=PlantConfig.model_validate(
            {
                "feed": {"parts_per_s": 20, "mix": {"ic": 1, "screw": 1}, "variants_per_class": 4},
                "belt": {"acceleration_mm_s2": 5000},
                "servers": {"modbus": {"port": 0}, "camera": {"port": 0}, **servers},
            }
        ),
    )


def test_a_line_can_run_it_over_modbus_and_watch_it_through_its_camera() -> None:
    async def main() -> tuple[list[Frame], list[LineStatus], Truth]:
        ready: asyncio.Future[PlantPorts] = asyncio.get_running_loop().create_future()
        accounts: list[Truth] = []
        plant = asyncio.create_task(run_plant(setup(), on_truth=accounts.append, on_ready=ready.set_result))
        ports = await ready
        assert ports.modbus
        assert ports.camera
        camera = SimSource(
            SimSource.Config(backend="sim", geometry="area_scan", mm_per_px=1, view_along_mm=160, port=ports.camera), 10
        )
        link = ModbusLink(ModbusLink.Config(backend="modbus", host="127.0.0.1", port=ports.modbus, tags=TAGS))
        await link.connect()
        link.command(LineCommand.RUN, 500)
        frames: list[Frame] = []
        statuses: list[LineStatus] = []

        async def watch() -> None:
            statuses.extend([status async for status in link.statuses()])

        watching = asyncio.create_task(watch())
        async with camera, asyncio.timeout(20):
            async for frame in camera:
                link.beat()
                frames.append(frame)
                if len(frames) == 40:
                    break
        await link.close()
        await watching
        plant.cancel()
        await asyncio.wait([plant])
        assert plant.cancelled()
        return frames, statuses, accounts[-1]

    frames, statuses, truth = asyncio.run(main())
    assert truth.fed > 5
    assert truth.fed == truth.on_belt + truth.outlets.count
    assert max(status.belt_speed_mm_s for status in statuses) == 500
    # full speed by now: counts advance with the stated exposure times, whenever the pictures came
    apart_s = [(a.captured_at_s - b.captured_at_s, a, b) for b, a in pairwise(frames[-15:])]
    steady = [(s, a, b) for s, a, b in apart_s if s < 0.12]  # longer where the machine itself stood
    assert steady
    for seconds, after, before in steady:
        assert count_difference(after.encoder.count, before.encoder.count) == pytest.approx(seconds * 5000, abs=1.5)


def test_it_ends_by_itself_when_its_time_is_over_with_a_last_account() -> None:
    accounts: list[float] = []

    async def main() -> float:
        loop = asyncio.get_running_loop()
        started_s = loop.time()
        await run_plant(setup(), duration_s=0.3, on_truth=lambda truth: accounts.append(truth.fed))
        return loop.time() - started_s

    assert asyncio.run(main()) >= 0.3
    assert len(accounts) == 1


def test_nothing_listens_once_it_has_ended() -> None:
    async def main() -> PlantPorts:
        ready: list[PlantPorts] = []
        await run_plant(setup(opcua={"port": 0}), duration_s=0.1, on_ready=ready.append)
        return ready[0]

    ports = asyncio.run(main())
    for port in (ports.modbus, ports.opcua, ports.camera):
        assert port
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port))


@pytest.mark.parametrize("server", ["modbus", "opcua", "camera"])
def test_a_port_in_use_is_named_and_nothing_stays_open(server: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port: int = taken.getsockname()[1]
        with pytest.raises(NeedsOperator, match=f"127.0.0.1:{port}.*plant.servers.{server}") as refused:
            asyncio.run(run_plant(setup(**{server: {"port": port}}), duration_s=0.1))
    assert refused.value.code == "plant.port_in_use"
