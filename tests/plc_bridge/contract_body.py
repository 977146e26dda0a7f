"""What every PLC backend must do, run against a virtual PLC that really scans."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Coroutine, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest

from plc_bridge.contract import (
    LineCommand,
    LineFlags,
    LineStatus,
    PickOrder,
    ReceiptCode,
    RobotFlags,
    RobotStatus,
)
from plc_bridge.link import LinkState, Pick, PlcLink, Shot
from plc_bridge.robot_jobs import RobotInputs, RobotOutputs
from plc_bridge.virtual_plc import PlcInputs, PlcOutputs, VirtualPlc
from senbetsu_errors import Retryable

COUNTS_PER_MM = 10.0
WRAP = 0x1_0000_0000


class ScriptedRobot:
    """A robot's side of the handshake: takes what is offered, works on it for some scans, and says that it ended
    as the test has written. It has no arm."""

    def __init__(self, *results: ReceiptCode, scans: int = 3) -> None:
        self.signals = RobotInputs(ready=True, automatic=True)
        self.taken: list[PickOrder] = []
        self._results = list(results)
        self._scans = scans
        self._job = 0
        self._scans_left = 0

    def scan(self, told: RobotOutputs) -> RobotInputs:
        """What it says after the PLC's scan."""
        if self._job and self._job not in (told.job, told.active):
            self._job = 0  # withdrawn
        elif self._job:
            self._scans_left -= 1
            if self._scans_left <= 0 and self._results:
                self.signals = replace(self.signals, done=self._job, result=self._results.pop(0))
                self._job = 0
        elif told.pick is not None and told.confirmed == self.signals.done:
            self._job, self._scans_left = told.job, self._scans
            self.taken.append(told.pick)
            self.signals = replace(self.signals, ack=told.job)
        return self.signals


class Bench:
    """A virtual PLC, a belt under it, robots beside it, and a heart that beats for the PC."""

    def __init__(
        self, start_count: int = 0, pc_timeout_ms: float = 500.0, robots: Sequence[ScriptedRobot] = ()
    ) -> None:
        self.plc = VirtualPlc(
            counts_per_mm=COUNTS_PER_MM,
            open_delay_ms=5,
            close_delay_ms=5,
            pc_timeout_ms=pc_timeout_ms,
            robots=len(robots),
        )
        self.robots = robots
        self.outputs = PlcOutputs(0, False, False, 0.0)
        self.inputs = PlcInputs()
        self.speed_mm_s = 500.0
        self.scanning = True
        self.beating = True
        self.valves_opened = 0
        self.position_counts = float(start_count)
        self.link: PlcLink | None = None

    @property
    def encoder(self) -> int:
        return int(self.position_counts) % WRAP

    async def run(self) -> None:
        loop = asyncio.get_running_loop()
        last_s = loop.time()
        while True:
            now_s = loop.time()
            self.position_counts += self.speed_mm_s * COUNTS_PER_MM * (now_s - last_s)
            last_s = now_s
            if self.scanning:
                valves = self.outputs.valves
                told = zip(self.robots, self.outputs.robots, strict=False)
                self.inputs = replace(self.inputs, robots=tuple(robot.scan(outputs) for robot, outputs in told))
                self.outputs = self.plc.scan(now_s, self.encoder, self.speed_mm_s, self.inputs)
                self.valves_opened += (self.outputs.valves & ~valves).bit_count()
            if self.beating and self.link is not None:
                self.link.beat()
            await asyncio.sleep(0.001)

    def shot(self, lane: int = 3, ahead_mm: float = 150.0, length_mm: float = 20.0) -> Shot:
        on = int(self.position_counts + ahead_mm * COUNTS_PER_MM)
        return Shot(lane, lane, on % WRAP, (on + int(length_mm * COUNTS_PER_MM)) % WRAP)

    def pick(self, robot: int = 0, ahead_mm: float = 150.0, x_mm: float = 100.0) -> Pick:
        count = int(self.position_counts + ahead_mm * COUNTS_PER_MM) % WRAP
        return Pick(
            robot, x_mm, y_mm=-1.5, theta_deg=-90.0, height_mm=21.5, class_index=2, outlet_index=1, pick_count=count
        )


MakeLink = Callable[[Bench], AbstractAsyncContextManager[PlcLink]]
"""Gives a link to the bench's PLC, not yet connected; takes server and sockets away on leaving."""


@asynccontextmanager
async def connected(
    make_link: MakeLink, bench: Bench, command: LineCommand = LineCommand.RUN
) -> AsyncGenerator[PlcLink]:
    async with make_link(bench) as link:
        bench.link = link
        scan = asyncio.create_task(bench.run())
        try:
            await link.connect()
            link.command(command, 500.0)
            await until(lambda: link.health.state is LinkState.CONNECTED)
            yield link
        finally:
            await link.close()
            scan.cancel()
            await asyncio.wait([scan])


async def until(condition: Callable[[], bool], timeout_s: float = 10.0) -> None:
    async with asyncio.timeout(timeout_s):
        while not condition():  # noqa: ASYNC110  (any state of bench or link)
            await asyncio.sleep(0.002)


async def newest(link: PlcLink) -> LineStatus:
    async with asyncio.timeout(5):
        async for status in link.statuses():
            return status
    raise AssertionError("the status stream ended")


async def streams_status_as_the_plc_has_it(make_link: MakeLink) -> None:
    bench = Bench()
    bench.inputs = PlcInputs(valve_fault=1 << 63 | 5)
    async with connected(make_link, bench) as link:
        bench.plc.latch_trigger(0xFEDC_BA98)
        seen: list[LineStatus] = []
        async for status in link.statuses():
            seen.append(status)
            if len(seen) == 5 or len(seen) > 100:
                break
        last = seen[-1]
        assert [s.heartbeat for s in seen] == sorted({s.heartbeat for s in seen})
        assert all(b.received_at_s > a.received_at_s for a, b in pairwise(seen))
        well = LineFlags.E_STOP_OK | LineFlags.BELT_RUNNING | LineFlags.AIR_OK | LineFlags.READY
        assert last.flags == well | LineFlags.PC_ALIVE
        assert (last.trigger_seq, last.trigger_encoder) == (1, 0xFEDC_BA98)
        assert last.valve_fault == 1 << 63 | 5
        assert last.belt_speed_mm_s == 500.0
        assert link.health.round_trip_s < 1.0


async def fires_orders_once_and_reports_each(make_link: MakeLink) -> None:
    """Thirty at once: more than a mailbox, more than the receipt ring."""
    bench = Bench()
    async with connected(make_link, bench) as link:
        shots = [bench.shot(lane, ahead_mm=300 + 5 * lane) for lane in range(30)]
        submitted = link.submit(shots)
        async with asyncio.timeout(10):
            acknowledged = await asyncio.gather(*(s.acknowledged for s in submitted))
            receipts = await asyncio.gather(*(s.receipt for s in submitted))
        assert sorted(acknowledged) == acknowledged
        assert [r.seq for r in receipts] == [s.seq for s in submitted]
        assert {r.code for r in receipts} == {ReceiptCode.FIRED}
        lead_counts = 0.005 * 500 * COUNTS_PER_MM
        for shot, receipt in zip(shots, receipts, strict=True):
            # Whoever measures the speed leads by what was measured: a millimetre may be missing.
            assert -COUNTS_PER_MM <= receipt.count - (shot.on_count - lead_counts) < 100 * COUNTS_PER_MM
        await until(lambda: bench.outputs.valves == 0)
        assert bench.valves_opened == 30
        status = await newest(link)
        assert (status.fired, status.late, status.refused) == (30, 0, 0)


async def reports_every_order_of_a_salvo(make_link: MakeLink) -> None:
    """Sixty that end in one scan: nearly four times what the status block shows. For devices with a history."""
    bench = Bench()
    async with connected(make_link, bench) as link:
        shots = [bench.shot(lane, ahead_mm=200) for lane in range(60)]
        async with asyncio.timeout(10):
            receipts = [await submitted.receipt for submitted in link.submit(shots)]
        assert {receipt.code for receipt in receipts} == {ReceiptCode.FIRED}
        assert bench.valves_opened == 60
        assert link.health.orders_lost == 0


async def fires_across_the_counter_wrap(make_link: MakeLink) -> None:
    bench = Bench(start_count=WRAP - 2500)
    async with connected(make_link, bench) as link:
        bench.position_counts = WRAP - 1900.0
        shots = [bench.shot(lane, ahead_mm=ahead, length_mm=30) for lane, ahead in ((0, 170), (1, 189), (2, 210))]
        assert shots[1].on_count > shots[1].off_count
        async with asyncio.timeout(10):
            receipts = [await s.receipt for s in link.submit(shots)]
        assert [r.code for r in receipts] == [ReceiptCode.FIRED] * 3


async def reports_late_and_refused(make_link: MakeLink) -> None:
    bench = Bench()
    async with connected(make_link, bench) as link:
        backwards = bench.shot()
        backwards = Shot(1, 1, backwards.off_count, backwards.on_count)
        wrong_lane = Shot(60, 64, backwards.off_count, backwards.on_count)
        async with asyncio.timeout(10):
            receipts = [await s.receipt for s in link.submit([bench.shot(ahead_mm=-1), backwards, wrong_lane])]
        assert [r.code for r in receipts] == [ReceiptCode.LATE, ReceiptCode.REFUSED, ReceiptCode.REFUSED]
        assert bench.valves_opened == 0


async def takes_all_of_a_submission_or_none(make_link: MakeLink) -> None:
    bench = Bench()
    async with connected(make_link, bench) as link:
        far = [bench.shot(ahead_mm=5000) for _ in range(200)]
        link.submit(far)
        with pytest.raises(Retryable) as refusal:
            link.submit(far)
        assert refusal.value.code == "plc.window_full"
        await until(lambda: bench.plc.status().queue_free == 56)
        await asyncio.sleep(0.05)
        assert bench.plc.status().last_seq == 200


async def drives_the_line_and_cancels_on_stop(make_link: MakeLink) -> None:
    bench = Bench()
    async with connected(make_link, bench) as link:
        await until(lambda: bench.outputs.belt_run and bench.outputs.feed_run)
        link.command(LineCommand.CLEAR, 400.0)
        await until(lambda: bench.outputs == PlcOutputs(0, True, False, 400.0))
        (order,) = link.submit([bench.shot(ahead_mm=2000)])
        async with asyncio.timeout(5):
            await order.acknowledged
            link.command(LineCommand.STOP, 0.0)
            assert (await order.receipt).code is ReceiptCode.CANCELLED
        await until(lambda: not bench.outputs.belt_run)


async def pulses_one_valve_in_maintenance_only(make_link: MakeLink) -> None:
    bench = Bench()
    async with connected(make_link, bench) as link, asyncio.timeout(10):
        (waiting,) = link.submit([bench.shot(ahead_mm=5000)])
        (too_early,) = link.submit([Shot.pulse(12, 80)])
        assert (await too_early.receipt).code is ReceiptCode.REFUSED
        link.command(LineCommand.MAINTENANCE, 0.0)
        assert (await waiting.receipt).code is ReceiptCode.CANCELLED
        await until(lambda: not bench.outputs.belt_run)
        bench.speed_mm_s = 0.0
        pulse, jet, too_long = link.submit([Shot.pulse(12, 80), bench.shot(), Shot.pulse(13, 1001)])
        await until(lambda: bench.outputs.valves == 1 << 12)
        assert [(await s.receipt).code for s in (pulse, jet, too_long)] == [
            ReceiptCode.FIRED,
            ReceiptCode.REFUSED,
            ReceiptCode.REFUSED,
        ]
        await until(lambda: bench.outputs.valves == 0, timeout_s=1)
        assert bench.valves_opened == 1
        assert LineFlags.PC_ALIVE in (await newest(link)).flags


async def accounts_for_orders_of_a_plc_that_restarted(make_link: MakeLink) -> None:
    bench = Bench()
    async with connected(make_link, bench) as link:
        orders = link.submit([bench.shot(ahead_mm=3000) for _ in range(3)])
        async with asyncio.timeout(10):
            await orders[2].acknowledged
            bench.plc.restart()
            assert {(await o.receipt).code for o in orders} == {ReceiptCode.LOST}
            await until(lambda: link.health.state is LinkState.CONNECTED)
            (again,) = link.submit([bench.shot(ahead_mm=250)])
            assert (await again.receipt).code is ReceiptCode.FIRED
        assert link.health.orders_lost == 3
        assert link.health.reconnects == 1


async def loses_a_plc_whose_heart_stops_and_finds_it_again(make_link: MakeLink) -> None:
    bench = Bench(pc_timeout_ms=10_000)
    async with connected(make_link, bench) as link:
        (order,) = link.submit([bench.shot(ahead_mm=2000)])
        async with asyncio.timeout(10):
            await order.acknowledged
            bench.scanning = False
            await until(lambda: link.health.state is LinkState.LOST)
            assert "heartbeat has not moved" in link.health.reason
            with pytest.raises(Retryable, match=r"plc\.link_down"):
                link.submit([bench.shot()])
            assert not order.receipt.done(), "the PLC may still know it"
            bench.scanning = True
            assert (await order.receipt).code in {ReceiptCode.FIRED, ReceiptCode.LATE}
            await until(lambda: link.health.state is LinkState.CONNECTED)
        assert link.health.reconnects == 1
        assert link.health.downtime_s > 0
        assert link.health.orders_lost == 0


async def a_pc_without_heartbeat_stops_the_belt(make_link: MakeLink) -> None:
    bench = Bench(pc_timeout_ms=100)
    async with connected(make_link, bench) as link:
        await until(lambda: bench.outputs.belt_run)
        (order,) = link.submit([bench.shot(ahead_mm=3000)])
        async with asyncio.timeout(5):
            await order.acknowledged
            bench.beating = False
            assert (await order.receipt).code is ReceiptCode.CANCELLED
        assert not bench.outputs.belt_run
        bench.beating = True
        await until(lambda: bench.outputs.belt_run)


async def picks_are_done_and_each_is_reported_by_its_robot(make_link: MakeLink) -> None:
    """Twelve picks and as many jet orders in one sequence: more than one mailbox of either."""
    ends = [ReceiptCode.FIRED, ReceiptCode.MISSED, ReceiptCode.DROPPED, ReceiptCode.FAULT, ReceiptCode.LATE]
    results = [ends[n % 5] for n in range(12)]
    one, other = ScriptedRobot(*results[::2]), ScriptedRobot(*results[1::2], scans=5)
    bench = Bench(robots=[one, other])
    async with connected(make_link, bench) as link, asyncio.timeout(10):
        picks = [bench.pick(n % 2, ahead_mm=300, x_mm=100 + 0.1 * n) for n in range(12)]
        jets = [bench.shot(lane) for lane in range(12)]
        submitted = link.submit([order for pair in zip(picks, jets, strict=True) for order in pair])
        receipts = [await order.receipt for order in submitted]
        assert [receipt.seq for receipt in receipts] == [order.seq for order in submitted]
        assert [receipt.code for receipt in receipts[::2]] == results
        assert {receipt.code for receipt in receipts[1::2]} == {ReceiptCode.FIRED}
        told = [order for pair in zip(one.taken, other.taken, strict=True) for order in pair]
        for pick, order, submission in zip(picks, told, submitted[::2], strict=True):
            assert (order.seq, order.pick_count) == (submission.seq, pick.pick_count)
            assert (order.class_index, order.outlet_index) == (pick.class_index, pick.outlet_index)
            pose = (order.x_mm, order.y_mm, order.theta_deg, order.height_mm)
            assert pose == pytest.approx((pick.x_mm, pick.y_mm, pick.theta_deg, pick.height_mm), abs=0.01)
        status = await newest(link)
        well = RobotFlags.READY | RobotFlags.AUTOMATIC
        last = [(order.seq, int(result)) for order, result in zip(submitted[::2], results, strict=True)]
        assert status.robots[:2] == (RobotStatus(well, 0, *last[10], 0), RobotStatus(well, 0, *last[11], 0))
        assert link.health.orders_lost == 0


async def a_robot_that_fails_does_not_stop_the_other(make_link: MakeLink) -> None:
    one, other = ScriptedRobot(), ScriptedRobot(ReceiptCode.FIRED, ReceiptCode.FIRED)
    bench = Bench(robots=[one, other])
    async with connected(make_link, bench) as link, asyncio.timeout(10):
        held, waiting = link.submit([bench.pick(0), bench.pick(0)])
        await until(lambda: bench.outputs.robots[0].active != 0)
        shown = 0
        async for status in link.statuses():
            if shown := status.robots[0].active_seq:
                break
        assert shown == held.seq
        assert not held.receipt.done()
        one.signals = replace(one.signals, fault=71)
        assert [(await order.receipt).code for order in (held, waiting)] == [ReceiptCode.FAULT] * 2
        refused, done, jet = link.submit([bench.pick(0), bench.pick(1), bench.shot()])
        codes = [(await order.receipt).code for order in (refused, done, jet)]
        assert codes == [ReceiptCode.REFUSED, ReceiptCode.FIRED, ReceiptCode.FIRED]
        failed = (await newest(link)).robots[0]
        assert (failed.flags, failed.fault) == (RobotFlags.READY | RobotFlags.AUTOMATIC | RobotFlags.FAULT, 71)
        one.signals = replace(one.signals, fault=0)
        await until(lambda: bench.inputs.robots[0].fault == 0)
        (again,) = link.submit([bench.pick(1)])
        assert (await again.receipt).code is ReceiptCode.FIRED


async def a_stop_withdraws_picks_and_what_no_robot_can_take_is_said(make_link: MakeLink) -> None:
    robot = ScriptedRobot()
    bench = Bench(robots=[robot])
    async with connected(make_link, bench) as link, asyncio.timeout(10):
        too_late, no_robot, active, waiting = link.submit(
            [bench.pick(ahead_mm=-400), bench.pick(3), bench.pick(ahead_mm=2000), bench.pick(ahead_mm=2000)]
        )
        assert (await too_late.receipt).code is ReceiptCode.LATE
        assert (await no_robot.receipt).code is ReceiptCode.REFUSED
        await until(lambda: bench.outputs.robots[0].active != 0)
        link.command(LineCommand.STOP, 0.0)
        assert [(await order.receipt).code for order in (active, waiting)] == [ReceiptCode.CANCELLED] * 2
        await until(lambda: bench.outputs.robots[0].job == bench.outputs.robots[0].active == 0)


async def closing_accounts_for_every_order(make_link: MakeLink) -> None:
    bench = Bench()
    async with connected(make_link, bench) as link:
        orders = link.submit([bench.shot(ahead_mm=9000) for _ in range(20)])
        stream = asyncio.create_task(_drain(link))
        await asyncio.sleep(0)
        await link.close()
        assert all(o.acknowledged.done() and o.receipt.result().code is ReceiptCode.LOST for o in orders)
        assert link.health.state is LinkState.CLOSED
        async with asyncio.timeout(1):
            await stream
        await link.close()


async def _drain(link: PlcLink) -> None:
    async for _ in link.statuses():
        pass


CONTRACT: list[Callable[[MakeLink], Coroutine[Any, Any, None]]] = [
    streams_status_as_the_plc_has_it,
    fires_orders_once_and_reports_each,
    fires_across_the_counter_wrap,
    reports_late_and_refused,
    takes_all_of_a_submission_or_none,
    drives_the_line_and_cancels_on_stop,
    pulses_one_valve_in_maintenance_only,
    accounts_for_orders_of_a_plc_that_restarted,
    loses_a_plc_whose_heart_stops_and_finds_it_again,
    a_pc_without_heartbeat_stops_the_belt,
    closing_accounts_for_every_order,
]

ROBOT_CONTRACT: list[Callable[[MakeLink], Coroutine[Any, Any, None]]] = [
    picks_are_done_and_each_is_reported_by_its_robot,
    a_robot_that_fails_does_not_stop_the_other,
    a_stop_withdraws_picks_and_what_no_robot_can_take_is_said,
    fires_orders_once_and_reports_each,
]
"""What every backend must do besides, where its tag map has robots."""
