"""Direct I/O against a remote I/O station that others wrote (pyModbusTCP): promises, timing, refusals.

The station only holds coils, inputs and a count; nothing at its end knows what an order is.
"""

import asyncio
import json
import socket
import sys
from asyncio.subprocess import PIPE
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from statistics import median
from typing import Any

import pytest
from pyModbusTCP.server import DataBank, ModbusServer

from plc_bridge.contract import LineCommand, LineFlags, LineStatus, ReceiptCode
from plc_bridge.direct_link import Config, DirectLink
from plc_bridge.link import LinkState, PlcLink, Shot
from plc_bridge.virtual_plc import ALL_WELL, PlcInputs, PlcOutputs, VirtualPlc
from tests.peers.io_station import BELT, FEED, WATCHDOG_S
from tests.plc_bridge import contract_body
from tests.plc_bridge.contract_body import CONTRACT, WRAP, Bench, MakeLink, connected, newest, until

DOES_NOT_APPLY = {
    contract_body.streams_status_as_the_plc_has_it: "a station has no trigger latch and no valve diagnosis, and the "
    "speed is measured here: test_the_status_is_what_the_station_shows",
    contract_body.fires_across_the_counter_wrap: "the body sets the count back under a running link, which here is a "
    "counter module that lost its supply: test_orders_fire_across_the_counter_wrap",
    contract_body.drives_the_line_and_cancels_on_stop: "a coil carries no speed setpoint: "
    "test_the_drives_follow_the_line_command",
    contract_body.loses_a_plc_whose_heart_stops_and_finds_it_again: "a station has no program whose heart could "
    "stop; it answers or it does not: test_a_station_that_falls_silent_is_lost_and_its_valves_shut",
}


def settings(port: int, **changes: object) -> Config:
    return Config.model_validate(
        {
            "host": "127.0.0.1",
            "port": port,
            "encoder": {"address": 0, "counts_per_mm": 10.0},
            "inputs": {"e_stop_ok": 0, "air_ok": 1, "no_fire": 2},
            "outputs": {"first_valve": 0, "valve_count": 64, "belt_run": BELT, "feed_run": FEED},
            "open_delay_ms": 5,
            "close_delay_ms": 5,
            "jitter_ms": 60,
            "max_speed_mm_s": 600,
            "watchdog_ms": WATCHDOG_S * 1000,
            "round_trips": 100,
            "heartbeat_timeout_ms": 1000,
            **changes,
        }
    )


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return probe.getsockname()[1]


class WiredStation(VirtualPlc):
    """Stands where the bench has its PLC: what the bench would scan it wires to the station's terminals."""

    def __init__(self, bench: Bench, bank: Any) -> None:
        super().__init__()
        self._bench = bench
        self.bank = bank

    def scan(self, now_s: float, encoder_raw: int, belt_speed_mm_s: float, inputs: PlcInputs = ALL_WELL) -> PlcOutputs:
        self.bank.set_input_registers(0, [encoder_raw >> 16, encoder_raw & 0xFFFF])
        self.bank.set_discrete_inputs(0, [inputs.e_stop_ok, inputs.air_ok, not inputs.fire])
        coils: list[bool] = self.bank.get_coils(0, 66)
        valves = sum(1 << n for n, on in enumerate(coils[:64]) if on)
        return PlcOutputs(valves, coils[BELT], coils[FEED], 0.0)

    def status(self) -> LineStatus:
        link = self._bench.link
        assert isinstance(link, DirectLink)
        return link._wire._plc.status()  # pyright: ignore[reportPrivateUsage, reportAttributeAccessIssue, reportUnknownVariableType, reportUnknownMemberType]

    def restart(self) -> None:
        """The station loses its supply for a moment: outputs off, the count is gone."""
        self.bank.set_coils(0, [False] * 66)
        self._bench.position_counts = 0.0


@asynccontextmanager
async def station(bench: Bench) -> AsyncGenerator[PlcLink]:
    bank: Any = DataBank()
    port = free_port()
    server: Any = ModbusServer("127.0.0.1", port, no_block=True, data_bank=bank)
    bench.plc = WiredStation(bench, bank)
    bench.plc.scan(0.0, bench.encoder, 0.0)
    server.start()
    try:
        yield DirectLink(settings(port))
    finally:
        await asyncio.to_thread(server.stop)


@pytest.mark.slow
@pytest.mark.parametrize("promise", [p for p in CONTRACT if p not in DOES_NOT_APPLY], ids=lambda f: f.__name__)
def test_direct_io_keeps_the_promise(promise: Callable[[MakeLink], Coroutine[Any, Any, None]]) -> None:
    asyncio.run(promise(station))


def test_what_does_not_apply_is_still_a_promise_of_the_contract() -> None:
    assert set(DOES_NOT_APPLY) <= set(CONTRACT)


def test_the_status_is_what_the_station_shows() -> None:
    async def run() -> None:
        bench = Bench()
        async with connected(station, bench) as link:
            await until(lambda: bench.outputs.belt_run)
            status = await newest(link)
            well = LineFlags.E_STOP_OK | LineFlags.AIR_OK | LineFlags.READY | LineFlags.PC_ALIVE
            assert status.flags == well | LineFlags.BELT_RUNNING
            assert status.belt_speed_mm_s == pytest.approx(500, rel=0.2)
            assert abs(status.encoder - bench.encoder) < 50 * contract_body.COUNTS_PER_MM
            assert (status.valve_fault, status.trigger_seq) == (0, 0)
            bench.inputs = PlcInputs(air_ok=False)
            await until(lambda: not bench.outputs.feed_run)
            await status_where(link, lambda s: LineFlags.AIR_OK not in s.flags)
            bench.inputs = PlcInputs(fire=True)
            await until(lambda: not bench.outputs.belt_run)

    asyncio.run(run())


def test_orders_fire_across_the_counter_wrap() -> None:
    async def run() -> None:
        bench = Bench(start_count=WRAP - 8000)
        bench.speed_mm_s = 0.0
        async with connected(station, bench) as link, asyncio.timeout(10):
            bench.speed_mm_s = 500.0
            shots = [bench.shot(lane, ahead, 30) for lane, ahead in ((0, 600), (1, 785), (2, 900))]
            assert shots[1].on_count > shots[1].off_count
            assert [(await s.receipt).code for s in link.submit(shots)] == [ReceiptCode.FIRED] * 3
        assert bench.valves_opened == 3

    asyncio.run(run())


def test_the_drives_follow_the_line_command() -> None:
    async def run() -> None:
        bench = Bench()
        async with connected(station, bench) as link, asyncio.timeout(10):
            await until(lambda: bench.outputs.belt_run and bench.outputs.feed_run)
            link.command(LineCommand.CLEAR, 400.0)
            await until(lambda: bench.outputs == PlcOutputs(0, True, False, 0.0))
            (order,) = link.submit([bench.shot(ahead_mm=2000)])
            await order.acknowledged
            link.command(LineCommand.STOP, 0.0)
            assert (await order.receipt).code is ReceiptCode.CANCELLED
            await until(lambda: not bench.outputs.belt_run)

    asyncio.run(run())


def test_outputs_that_somebody_else_switched_are_not_taken_over() -> None:
    async def run() -> None:
        bench = Bench()
        async with station(bench) as link:
            bench.link = link
            assert isinstance(bench.plc, WiredStation)
            bench.plc.bank.set_coils(7, [True])
            await link.connect()
            await until(lambda: "another controller drives it" in link.health.reason)
            assert bench.plc.bank.get_coils(0, 66).count(True) == 1
            await link.close()
            assert bench.plc.bank.get_coils(7) == [True]

    asyncio.run(run())


class Peer:
    """The station as a process of its own, so that its clock is not ours."""

    def __init__(self, process: asyncio.subprocess.Process, port: int) -> None:
        self._process, self.port = process, port

    def tell(self, **what: object) -> None:
        assert self._process.stdin
        self._process.stdin.write(json.dumps(what).encode() + b"\n")

    async def switched(self) -> list[tuple[int, bool, float, bool]]:
        """Ends the station; everything its coils did."""
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.close()
        return [(c, on, count, dog) for c, on, count, dog in json.loads(await self._process.stdout.readline())]


@asynccontextmanager
async def peer() -> AsyncGenerator[Peer]:
    script = Path(__file__).with_name("io_station.py")
    process = await asyncio.create_subprocess_exec(
        sys.executable, str(script), str(free_port()), stdin=PIPE, stdout=PIPE
    )
    assert process.stdout
    assert process.stdin
    try:
        yield Peer(process, int(await process.stdout.readline()))
    finally:
        process.stdin.close()
        async with asyncio.timeout(10):
            await process.wait()


@asynccontextmanager
async def beating(link: DirectLink) -> AsyncGenerator[None]:
    async def beat() -> None:
        while True:
            link.beat()
            await asyncio.sleep(0.02)

    heart = asyncio.create_task(beat())
    await link.connect()
    link.command(LineCommand.RUN, 300.0)
    try:
        yield
    finally:
        await link.close()
        heart.cancel()
        await asyncio.wait([heart])


async def status_where(link: PlcLink, condition: Callable[[LineStatus], bool]) -> LineStatus:
    async with asyncio.timeout(10):
        async for status in link.statuses():
            if condition(status):
                return status
    raise AssertionError("the status stream ended")


async def ahead(link: PlcLink, mm: float) -> int:
    return int((await newest(link)).encoder + mm * 10)


@pytest.mark.slow
@pytest.mark.alone
def test_valves_switch_within_the_declared_jitter_of_their_counts(capsys: pytest.CaptureFixture[str]) -> None:
    speed_mm_s, jitter_ms, delay_ms = 300.0, 20.0, 5.0

    async def run() -> None:
        async with peer() as far, asyncio.timeout(30):
            link = DirectLink(settings(far.port, jitter_ms=jitter_ms))
            async with beating(link):
                await until(lambda: link.health.state is LinkState.CONNECTED)
                await status_where(link, lambda s: s.belt_speed_mm_s > 0.97 * speed_mm_s)
                start = await ahead(link, 60)
                shots = [Shot(n % 64, n % 64, start + 170 * n, start + 170 * n + 150) for n in range(100)]
                codes = [(await s.receipt).code for s in link.submit(shots)]
                assert codes.count(ReceiptCode.FIRED) >= 98
                await asyncio.sleep(0.2)
            switched = [s for s in await far.switched() if s[0] < 64]
            wanted = {(n % 64, True, n // 64): shot.on_count for n, shot in enumerate(shots)}
            wanted |= {(n % 64, False, n // 64): shot.off_count for n, shot in enumerate(shots)}
            turns: dict[tuple[int, bool], int] = {}
            off_ms: list[float] = []
            for coil, on, count, by_watchdog in switched:
                assert not by_watchdog
                turn = turns.get((coil, on), 0)
                turns[coil, on] = turn + 1
                due = wanted[coil, on, turn] - delay_ms / 1000 * speed_mm_s * 10
                off_ms.append((count - due) / (speed_mm_s * 10) * 1000)
            with capsys.disabled():
                print(f" [median {median(off_ms):+.2f}, {min(off_ms):+.2f} to {max(off_ms):+.2f} ms] ", end="")  # noqa: T201
            beyond = [off for off in off_ms if abs(off) > jitter_ms]
            assert len(off_ms) >= 196
            assert len(beyond) <= 0.02 * len(off_ms), beyond
            assert abs(median(off_ms)) < jitter_ms / 4

    asyncio.run(run())


def test_a_station_worse_than_declared_is_refused_before_anything_moves() -> None:
    async def run() -> None:
        async with peer() as far, asyncio.timeout(30):
            far.tell(most_delay_s=0.03)
            link = DirectLink(settings(far.port, jitter_ms=5))
            async with beating(link):
                await until(lambda: "plc.jitter" in link.health.reason, 20)
                assert "declared are +-5 ms" in link.health.reason
                assert "p99 of 100 round trips" in link.health.reason
            assert await far.switched() == []

    asyncio.run(run())


def test_a_station_that_becomes_worse_is_stopped() -> None:
    async def run() -> None:
        async with peer() as far, asyncio.timeout(40):
            link = DirectLink(settings(far.port, jitter_ms=20, request_timeout_ms=1000))
            async with beating(link):
                await until(lambda: link.health.state is LinkState.CONNECTED)
                await status_where(link, lambda s: s.belt_speed_mm_s > 200)
                far.tell(most_delay_s=0.15)
                start = await ahead(link, 60)
                link.submit([Shot(n, n, start + 200 * n, start + 200 * n + 100) for n in range(40)])
                await until(lambda: link.health.state is LinkState.LOST, 20)
                assert "plc.jitter_grew" in link.health.reason
                far.tell(most_delay_s=0.0)
            left_on = {coil: on for coil, on, _, _ in await far.switched()}
            assert not any(left_on.values())

    asyncio.run(run())


def test_a_belt_that_runs_faster_than_declared_is_stopped_and_stays_so() -> None:
    async def run() -> None:
        async with peer() as far, asyncio.timeout(30):
            link = DirectLink(settings(far.port, max_speed_mm_s=310, reconnect_max_ms=100))
            async with beating(link):
                await until(lambda: link.health.state is LinkState.CONNECTED)
                far.tell(speed_mm_s=400)
                await until(lambda: link.health.state is LinkState.LOST)
                assert "plc.too_fast" in link.health.reason
                await asyncio.sleep(0.5)
                assert "plc.too_fast" in link.health.reason
            belt = [on for coil, on, _, _ in await far.switched() if coil == BELT]
            assert belt == [True, False]

    asyncio.run(run())


def test_a_station_that_falls_silent_is_lost_and_its_valves_shut() -> None:
    """What the station's own watchdog is for: we are cut off with a valve open."""

    async def run() -> None:
        async with peer() as far, asyncio.timeout(30):
            link = DirectLink(settings(far.port))
            async with beating(link):
                await until(lambda: link.health.state is LinkState.CONNECTED)
                on = await ahead(link, 60)
                (order,) = link.submit([Shot(9, 9, on, on + 20_000)])
                assert (await order.receipt).code is ReceiptCode.FIRED
                await asyncio.sleep(0.1)
                far.tell(mute_s=1.0)
                await until(lambda: link.health.state is LinkState.LOST)
                assert "did not answer within" in link.health.reason
                await asyncio.sleep(WATCHDOG_S)
                far.tell(mute_s=0.0)
                await until(lambda: link.health.state is LinkState.CONNECTED)
                assert link.health.reconnects == 1
            valve = [s for s in await far.switched() if s[0] == 9]
            assert [(on, by_watchdog) for _, on, _, by_watchdog in valve] == [(True, False), (False, True)]

    asyncio.run(run())
