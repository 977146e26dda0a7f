"""A test pulse of one valve: on a line that nobody drives, and on none other."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import pytest

from plc_bridge.contract import LineCommand, LineFlags, ReceiptCode
from plc_bridge.link import LinkState
from plc_bridge.modbus_link import Config, ModbusLink
from plc_bridge.tagmap import default_tag_map
from plc_bridge.tagmap_file import default_tag_map_path
from plc_bridge.valve_test import pulse_valve, refuse_if_driven
from plc_bridge.virtual_plc import PlcInputs
from senbetsu_errors import NeedsOperator, Retryable
from sim.modbus_server import serve_modbus
from tests.plc_bridge.contract_body import Bench, connected, until


@asynccontextmanager
async def standing_line(bench: Bench) -> AsyncGenerator[ModbusLink]:
    bench.speed_mm_s = 0.0
    scan = asyncio.create_task(bench.run())
    try:
        async with modbus(bench) as link:
            yield link
    finally:
        scan.cancel()
        await asyncio.wait([scan])


@asynccontextmanager
async def modbus(bench: Bench) -> AsyncGenerator[ModbusLink]:
    async with serve_modbus(bench.plc, "127.0.0.1", 0, default_tag_map("modbus")) as port:
        yield ModbusLink(Config(host="127.0.0.1", port=port, tags=default_tag_map_path("modbus")))


def test_one_valve_blows_once_for_its_time_and_the_line_is_left_stopped() -> None:
    async def run() -> None:
        bench = Bench()
        async with standing_line(bench) as link:
            await refuse_if_driven(link)
            open_at: list[float] = []

            async def watch() -> None:
                loop = asyncio.get_running_loop()
                await until(lambda: bench.outputs.valves == 1 << 12)
                open_at.append(loop.time())
                await until(lambda: bench.outputs.valves == 0)
                open_at.append(loop.time())

            async with asyncio.TaskGroup() as both:
                both.create_task(watch())
                receipt = await pulse_valve(link, 12, 120)
            assert receipt.code is ReceiptCode.FIRED
            assert 0.1 < open_at[1] - open_at[0] < 0.3
            assert bench.valves_opened == 1
            assert not bench.outputs.belt_run
            assert link.health.state is LinkState.CLOSED
            await until(lambda: LineFlags.PC_ALIVE not in bench.plc.status().flags)

    asyncio.run(run())


def test_a_line_that_a_controller_runs_is_refused_and_not_disturbed() -> None:
    async def run() -> None:
        bench = Bench()
        bench.speed_mm_s = 0.0
        async with serve_modbus(bench.plc, "127.0.0.1", 0, default_tag_map("modbus")) as port:
            config = Config(host="127.0.0.1", port=port, tags=default_tag_map_path("modbus"))

            @asynccontextmanager
            async def controllers(_: Bench) -> AsyncGenerator[ModbusLink]:
                yield ModbusLink(config)

            async with connected(controllers, bench) as running:
                await until(lambda: LineFlags.PC_ALIVE in bench.plc.status().flags)
                session = bench.plc.status().pc_epoch_seen
                with pytest.raises(NeedsOperator, match="its heartbeat moves"):
                    await refuse_if_driven(ModbusLink(config))
                assert bench.plc.status().pc_epoch_seen == session
                assert running.health.state is LinkState.CONNECTED
                assert running.health.reconnects == 0

    asyncio.run(run())


def test_a_belt_that_moves_is_refused() -> None:
    async def run() -> None:
        bench = Bench()
        async with standing_line(bench) as link:
            bench.speed_mm_s = 100.0
            await asyncio.sleep(0.01)
            with pytest.raises(NeedsOperator, match="The belt moves"):
                await refuse_if_driven(link)

    asyncio.run(run())


@pytest.mark.parametrize(
    ("inputs", "says"),
    [
        (PlcInputs(e_stop_ok=False), "the e-stop chain is open"),
        (PlcInputs(air_ok=False), "air pressure is missing"),
        (PlcInputs(fire=True), "it reports fire"),
    ],
)
def test_without_its_safety_inputs_nothing_is_opened(inputs: PlcInputs, says: str) -> None:
    async def run() -> None:
        bench = Bench()
        bench.inputs = inputs
        async with standing_line(bench) as link:
            with pytest.raises(NeedsOperator, match=says):
                await pulse_valve(link, 3, 50)
            assert bench.valves_opened == 0

    asyncio.run(run())


def test_after_an_emergency_a_test_does_not_release_the_line() -> None:
    async def run() -> None:
        bench = Bench()
        bench.inputs = PlcInputs(e_stop_ok=False)
        async with standing_line(bench) as link:
            await asyncio.sleep(0.01)
            bench.inputs = PlcInputs()
            with pytest.raises(NeedsOperator, match="waits for a stop after an emergency"):
                await pulse_valve(link, 3, 50)
            assert LineFlags.READY not in bench.plc.status().flags

    asyncio.run(run())


def test_a_plc_that_is_not_there_or_stands_is_said() -> None:
    async def run() -> None:
        config = Config(host="127.0.0.1", port=1, tags=default_tag_map_path("modbus"))
        with pytest.raises(Retryable, match=r"plc\.unreachable"):
            await refuse_if_driven(ModbusLink(config))
        bench = Bench()
        bench.scanning = False
        async with standing_line(bench) as link:
            with pytest.raises(Retryable, match=r"plc\.no_answer"):
                await pulse_valve(link, 3, 50)
            assert bench.valves_opened == 0

    asyncio.run(run())


def test_a_valve_beyond_the_plcs_last_is_refused_by_it() -> None:
    async def run() -> None:
        bench = Bench()
        async with standing_line(bench) as link:
            assert (await pulse_valve(link, 64, 50)).code is ReceiptCode.REFUSED
            assert bench.valves_opened == 0

    asyncio.run(run())


def test_running_a_line_afterwards_needs_nothing_special() -> None:
    async def run() -> None:
        bench = Bench()
        async with standing_line(bench) as link:
            await pulse_valve(link, 0, 20)
        async with connected(modbus, bench) as again:
            again.command(LineCommand.RUN, 500.0)
            await until(lambda: bench.outputs.belt_run)

    asyncio.run(run())
