"""The real session in virtual time over a wire that loses, delays, repeats, breaks and falls silent:
every order is fired once at most and ends once, with a verdict that is true."""

import asyncio
import contextlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from controller.clock import run_virtual
from plc_bridge.contract import CommandImage, LineCommand, LineStatus, Receipt, ReceiptCode
from plc_bridge.link import LinkState, Shot, Submitted
from plc_bridge.memory_link import Config, MemoryLink, MemoryWire
from plc_bridge.virtual_plc import PlcInputs
from senbetsu_errors import Retryable
from tests.plc_bridge.contract_body import until
from tests.plc_bridge.witness import OrderId, WitnessedPlc

COUNTS_PER_S = 5000.0
SCAN_S = 0.002
FOR_S = 6.0
MUTE_S = 3600.0
FAULTS = ["silent", "broken", "slow", "plc restart", "plc stands", "pc stands", "no history", "e-stop"]


@dataclass(frozen=True)
class Fault:
    """What goes wrong, from when and for how long (loop time)."""

    kind: str
    at_s: float
    for_s: float


class FaultyWire(MemoryWire):
    """Loses requests before and after they act, delays and repeats them, and has faults by schedule."""

    def __init__(self, plc: WitnessedPlc, faults: list[Fault], loss: float, random: Random, history: int) -> None:
        super().__init__(history)
        self.attach(plc.status, plc.write_command, plc.receipt_history)
        self.quiet = False
        self._faults = faults
        self._loss = loss
        self._random = random

    def is_on(self, kind: str) -> bool:
        now_s = asyncio.get_running_loop().time()
        return not self.quiet and any(f.kind == kind and f.at_s <= now_s < f.at_s + f.for_s for f in self._faults)

    async def _pass(self) -> None:
        if self.is_on("broken"):
            raise Retryable("plc.connection_lost", "The cable is cut.", "")
        lost = not self.quiet and self._random.random() < self._loss
        if lost or self.is_on("silent"):
            await asyncio.sleep(MUTE_S)
        await asyncio.sleep(self._random.uniform(0, 0.05 if self.is_on("slow") else 0.002))

    async def open(self) -> None:
        await self._pass()

    async def read_status(self) -> LineStatus:
        await self._pass()
        status = await super().read_status()
        await self._pass()
        return status

    async def read_receipts(self, first: int, count: int) -> list[Receipt]:
        await self._pass()
        if self.is_on("no history"):
            await asyncio.sleep(MUTE_S)
        receipts = list(await super().read_receipts(first, count))
        await self._pass()
        return receipts

    async def write_command(self, image: CommandImage) -> None:
        await self._pass()
        await super().write_command(image)
        if not self.quiet and self._random.random() < 0.1:  # it comes again, when others have long come
            later_s = self._random.uniform(0.0, 0.5)
            asyncio.get_running_loop().call_later(later_s, self._comes_again, image)
        await self._pass()

    def _comes_again(self, image: CommandImage) -> None:
        if not self.quiet:
            self._attached(self._write_command)(image)


async def _storm(faults: list[Fault], seed: int, loss: float, history: int) -> Counter[ReceiptCode]:
    loop = asyncio.get_running_loop()
    random = Random(seed)  # noqa: S311
    plc = WitnessedPlc(ring_size=200, pc_timeout_ms=250, open_delay_ms=0, close_delay_ms=0, history_size=history)
    wire = FaultyWire(plc, faults, loss, random, history)
    config = Config(
        request_timeout_ms=40,
        heartbeat_timeout_ms=200,
        reconnect_min_ms=10,
        reconnect_max_ms=100,
        account_lost_after_ms=700,
        window_orders=200,
    )
    link = MemoryLink(config, wire)
    ended: dict[OrderId, ReceiptCode] = {}
    offered: set[OrderId] = set()
    shots_made = 0

    def end(order: OrderId, receipt: "asyncio.Future[Receipt]") -> None:
        assert order not in ended
        ended[order] = receipt.result().code

    async def scan() -> None:
        restarts = sorted(f.at_s for f in faults if f.kind == "plc restart")
        while True:
            if restarts and loop.time() >= restarts[0]:
                restarts.pop(0)
                plc.restart()
            if not wire.is_on("plc stands"):
                inputs = PlcInputs(e_stop_ok=not wire.is_on("e-stop"))
                plc.scan(loop.time(), round(loop.time() * COUNTS_PER_S), 500.0, inputs)
                link.command(LineCommand.RUN if inputs.e_stop_ok else LineCommand.STOP, 500.0)
            if not wire.is_on("pc stands"):
                link.beat()
            await asyncio.sleep(SCAN_S)

    scanning = asyncio.create_task(scan())
    await link.connect()
    try:
        while loop.time() < FOR_S:
            shots: list[Shot] = []
            for _ in range(random.randint(1, 12)):
                shots_made += 1
                on = round(loop.time() * COUNTS_PER_S) + random.randint(-10, 1500) // 64 * 64 + shots_made % 64
                shots.append(Shot(shots_made % 60, shots_made % 60, on, on + random.randint(-1, 60)))
            if not any((s.lane_first, s.on_count) in plc.fired_shots for s in shots):
                taken: Sequence[Submitted] = ()
                with contextlib.suppress(Retryable):
                    taken = link.submit(shots)
                for submitted in taken:
                    order = OrderId(link._channel.pc_epoch, submitted.seq)  # pyright: ignore[reportPrivateUsage]
                    offered.add(order)
                    submitted.receipt.add_done_callback(partial(end, order))
            await asyncio.sleep(random.uniform(0.005, 0.02))
        wire.quiet = True
        await until(lambda: link.health.state is LinkState.CONNECTED)
        await until(lambda: offered == ended.keys(), timeout_s=5)
    finally:
        await link.close()
        scanning.cancel()
        await asyncio.wait([scanning])
    assert not [order for order, times in plc.fired_orders.items() if times > 1]
    for order, code in ended.items():
        if code is not ReceiptCode.LOST:
            assert plc.fired_orders[order] == (code is ReceiptCode.FIRED), (order, code)
    assert plc.fired_orders.keys() <= offered
    assert link.health.orders_lost == Counter(ended.values())[ReceiptCode.LOST]
    return Counter(ended.values())


def _storm_with_logs(faults: list[Fault], seed: int, loss: float, history: int) -> Counter[ReceiptCode]:
    with capture_logs() as logs:
        verdicts = run_virtual(_storm(faults, seed, loss, history))
    events = [entry["event"] for entry in logs if entry["event"] != "plc not there yet, waiting for it"]
    assert events[0] == "plc link connected"
    assert events[1:] == ["plc link lost", "plc link recovered"] * (len(events) // 2)
    told = sum(entry["orders_lost"] for entry in logs if entry["event"] == "plc link recovered")
    assert told == verdicts[ReceiptCode.LOST] or not history
    return verdicts


FAULT = st.builds(Fault, st.sampled_from(FAULTS), st.floats(0.2, FOR_S - 0.5), st.floats(0.02, 1.5))
STORM = given(
    faults=st.lists(FAULT, max_size=4),
    seed=st.integers(0, 2**32),
    loss=st.sampled_from([0.0, 0.02, 0.1]),
    history=st.sampled_from([0, 256]),
)


@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@STORM
def test_whatever_the_wire_does_every_order_ends_once_and_truly(
    faults: list[Fault], seed: int, loss: float, history: int
) -> None:
    _storm_with_logs(faults, seed, loss, history)


@pytest.mark.slow
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@STORM
def test_whatever_the_wire_does_every_order_ends_once_and_truly_at_length(
    faults: list[Fault], seed: int, loss: float, history: int
) -> None:
    _storm_with_logs(faults, seed, loss, history)


def test_a_lossy_wire_without_outage_loses_no_order_to_a_plc_that_remembers() -> None:
    verdicts = _storm_with_logs([], seed=1, loss=0.02, history=256)
    assert verdicts[ReceiptCode.LOST] == 0
    assert verdicts[ReceiptCode.FIRED] > 500
