"""A virtual PLC that bears witness to what it really did, over its restarts."""

from collections import Counter
from dataclasses import replace
from typing import Any, NamedTuple

from plc_bridge.contract import ReceiptCode
from plc_bridge.robot_jobs import RobotInputs, RobotOutputs
from plc_bridge.virtual_plc import ALL_WELL, PlcInputs, PlcOutputs, VirtualPlc
from vision.frame import count_difference


class OrderId(NamedTuple):
    """One order in the whole history of a line: sequence numbers begin anew in each session."""

    pc_epoch: int
    seq: int


class WitnessedPlc(VirtualPlc):
    """Counts how often each order opened valves, by session and sequence number, and how often each
    shot did, by first lane and on-count (a test that uses no pair twice thereby sees a shot that was
    fired under two numbers). Checks in every scan that valves open for orders of the open session of
    this very run only, and before their window is over. Beside it stands one robot that takes every job it is
    offered and has it done a scan later; what it did counts as fired."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings, robots=1)
        self._robot = RobotInputs(ready=True, automatic=True)
        self._picks_ended_well = 0
        self.fired_orders: Counter[OrderId] = Counter()
        self.fired_shots: Counter[tuple[int, int]] = Counter()
        self.runs = 1

    def restart(self) -> None:
        super().restart()
        self.runs += 1

    def scan(self, now_s: float, encoder_raw: int, belt_speed_mm_s: float, inputs: PlcInputs = ALL_WELL) -> PlcOutputs:
        came_from = self._encoder
        picked = self._picks_ended_well
        had_current, was_open, fired = self._outputs.valves, {id(e) for e in self._open}, self._fired
        kept = list(self._open)  # while they are referred to, no new entry has the id of one of them
        robots = (self._robot,)
        outputs = super().scan(now_s, encoder_raw, belt_speed_mm_s, replace(inputs, robots=robots))
        fired += self._picks_ended_well - picked
        self._move_robot(outputs.robots[0])
        opened = [entry for entry in self._open if id(entry) not in was_open]
        assert len(opened) == self._fired - fired, "an order counts as fired and opened nothing"
        explained = had_current
        for entry in opened:
            assert self._pc_epoch >> 16 == self._epoch & 0xFFFF, "an order for an earlier run was fired"
            assert count_difference(entry.off_count, encoder_raw) > 0, "an order was fired after its window"
            assert count_difference(entry.on_count, came_from) >= 0, "an order was fired that came too late"
            self.fired_orders[OrderId(self._pc_epoch, entry.seq)] += 1
            self.fired_shots[(entry.mask & -entry.mask).bit_length() - 1, entry.on_count] += 1
            explained |= entry.mask
        assert not outputs.valves & ~explained, "a valve opened that no order asked for"
        del kept
        return outputs

    def _move_robot(self, told: RobotOutputs) -> None:
        if told.active and told.active != self._robot.done:
            (job,) = (job for job in self._robots.jobs if job.number == told.active)
            self.fired_orders[OrderId(self._pc_epoch, job.pick.seq)] += 1
            self.fired_shots[-1, job.pick.pick_count] += 1
            self._robot = replace(self._robot, done=told.active, result=ReceiptCode.FIRED)
        elif told.job:
            self._robot = replace(self._robot, ack=told.job)

    def _work_the_robots(self) -> None:
        fired = self._fired
        super()._work_the_robots()
        self._picks_ended_well += self._fired - fired

    def count_on_from(self, counters: int) -> None:
        """As if this run had taken and ended very many orders."""
        self._receipt_total = self._last_seq = self._batch_seen = counters

    def awaits(self, order: OrderId) -> bool:
        """Whether the order is in the queue."""
        waiting = {entry.seq for entry in self._pending} | {job.pick.seq for job in self._robots.jobs}
        return self._pc_epoch == order.pc_epoch and order.seq in waiting

    def fired_twice(self) -> list[tuple[int, int]]:
        """Orders and shots that opened valves more than once."""
        both = (*self.fired_orders.items(), *self.fired_shots.items())
        return [key for key, times in both if times > 1]
