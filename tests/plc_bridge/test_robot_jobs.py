"""The virtual PLC's handshake with robots, scan by scan, the robots' side written out by hand."""

from dataclasses import replace

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from plc_bridge.contract import (
    CommandImage,
    JetOrder,
    LineCommand,
    PickOrder,
    ReceiptCode,
    RobotFlags,
    RobotStatus,
)
from plc_bridge.robot_jobs import RobotInputs, RobotOutputs
from plc_bridge.virtual_plc import PlcInputs, VirtualPlc

WRAP = 0x1_0000_0000
SESSION = 1 << 16 | 1
WELL = RobotInputs(ready=True, automatic=True)
JOB = 1 << 16
"""Job numbers of the PLC run with epoch 1 count from here."""


class Cell:
    """A PLC with two robots whose signals a test sets. 10 counts/mm, 1 ms scans, a reach of 300 mm."""

    def __init__(self, encoder: int = 0) -> None:
        self.plc = VirtualPlc(8, 10.0, robots=2, robot_reach_mm=300.0)
        self.encoder = encoder
        self.now_s = 0.0
        self.inputs = PlcInputs(robots=(WELL, WELL))
        self.session = SESSION
        self.seq = self.batch = self.beat = 0
        self.send(LineCommand.RUN)

    def send(self, command: LineCommand = LineCommand.NONE, *orders: PickOrder | JetOrder) -> None:
        self.beat += 1
        self.batch += bool(orders)
        self.plc.write_command(CommandImage(self.session, self.beat & 0xFFFF, command, 0.0, self.batch, orders))
        self.scan()

    def pick(self, robot: int = 0, ahead: int = 1000, y_mm: float = 0.0) -> None:
        self.seq += 1
        count = (self.encoder + ahead) % WRAP
        self.send(LineCommand.NONE, PickOrder(self.seq, robot, 150.0, y_mm, 45.0, 20.0, 2, 1, count))

    def scan(self, counts: int = 0) -> tuple[RobotOutputs, ...]:
        self.now_s += 0.001
        self.encoder = (self.encoder + counts) % WRAP
        return self.plc.scan(self.now_s, self.encoder, 0.0, self.inputs).robots

    def robot(self, number: int = 0, **signals: int | bool) -> tuple[RobotOutputs, ...]:
        robots = list(self.inputs.robots)
        robots[number] = replace(robots[number], **signals)  # type: ignore[arg-type]
        self.inputs = replace(self.inputs, robots=tuple(robots))
        return self.scan()

    @property
    def ends(self) -> list[tuple[int, ReceiptCode]]:
        return [(receipt.seq, receipt.code) for receipt in self.plc.status().receipts]


def test_a_pick_is_offered_taken_done_and_confirmed_and_ends_in_one_receipt() -> None:
    cell = Cell()
    cell.pick()
    offered, other = cell.scan()
    assert (offered.job, offered.active, offered.confirmed) == (JOB + 1, 0, 0)
    assert offered.pick == PickOrder(1, 0, 150.0, 0.0, 45.0, 20.0, 2, 1, 1000)
    assert other == RobotOutputs()
    assert cell.plc.status().queue_free == 255
    told = cell.robot(ack=JOB + 1)[0]
    assert (told.job, told.pick, told.active) == (0, None, JOB + 1)
    both = RobotFlags.READY | RobotFlags.AUTOMATIC
    assert cell.plc.status().robots[0] == RobotStatus(both, 1, 0, 0, 0)
    assert cell.ends == []
    told = cell.robot(done=JOB + 1, result=1)[0]
    assert told == RobotOutputs(confirmed=JOB + 1)
    assert cell.ends == [(1, ReceiptCode.FIRED)]
    cell.scan()
    assert cell.ends == [(1, ReceiptCode.FIRED)]
    status = cell.plc.status()
    assert (status.fired, status.queue_free) == (1, 256)
    assert status.robots[0] == RobotStatus(both, 0, 1, ReceiptCode.FIRED, 0)


@pytest.mark.parametrize(
    ("result", "code"),
    [
        (1, ReceiptCode.FIRED),
        (2, ReceiptCode.LATE),
        (3, ReceiptCode.FAULT),
        (4, ReceiptCode.FAULT),
        (5, ReceiptCode.FAULT),
        (6, ReceiptCode.MISSED),
        (7, ReceiptCode.DROPPED),
        (8, ReceiptCode.FAULT),
        (0, ReceiptCode.FAULT),
        (99, ReceiptCode.FAULT),
    ],
)
def test_the_receipt_says_what_the_robot_said_and_fault_for_what_it_cannot_say(result: int, code: ReceiptCode) -> None:
    cell = Cell()
    cell.pick()
    cell.robot(ack=JOB + 1)
    cell.robot(done=JOB + 1, result=result)
    assert cell.ends == [(1, code)]


def test_the_next_job_is_offered_while_one_is_active_and_taken_only_after_it() -> None:
    cell = Cell()
    cell.pick()
    cell.pick()
    told = cell.robot(ack=JOB + 1)[0]
    assert (told.job, told.active) == (JOB + 2, JOB + 1)
    told = cell.robot(ack=JOB + 2)[0]
    assert (told.job, told.active) == (JOB + 2, JOB + 1), "it is not done with the first"
    told = cell.robot(done=JOB + 1, result=6)[0]
    assert (told.job, told.active, told.confirmed) == (0, JOB + 2, JOB + 1)
    assert cell.ends == [(1, ReceiptCode.MISSED)]


def test_taken_and_done_between_two_scans_is_one_receipt() -> None:
    cell = Cell()
    cell.pick()
    cell.robot(ack=JOB + 1, done=JOB + 1, result=7)
    assert cell.ends == [(1, ReceiptCode.DROPPED)]


def test_a_part_that_left_the_reach_is_late_and_withdrawn_unless_the_robot_has_it() -> None:
    cell = Cell(encoder=WRAP - 2000)
    cell.pick(ahead=1000)
    cell.pick(ahead=1000, y_mm=100.0)
    cell.pick(ahead=-3001)
    assert cell.ends == [(3, ReceiptCode.LATE)]
    cell.robot(ack=JOB + 1)
    cell.scan(counts=3000)  # the second is now 300 mm downstream
    assert cell.scan()[0].job == JOB + 2
    assert cell.scan(counts=1)[0].job == 0
    assert cell.ends[1:] == [(2, ReceiptCode.LATE)]
    cell.scan(counts=5000)
    cell.robot(done=JOB + 1, result=1)
    assert cell.ends[2:] == [(1, ReceiptCode.FIRED)]
    assert cell.plc.status().late == 2


def test_an_ack_that_comes_after_the_job_was_withdrawn_does_nothing() -> None:
    cell = Cell()
    cell.pick(ahead=0)
    cell.scan(counts=3001)
    told = cell.robot(ack=JOB + 1)[0]
    assert (told.job, told.active) == (0, 0)
    told = cell.robot(done=JOB + 1, result=1)[0]
    assert told.confirmed == JOB + 1, "so that the robot can go on"
    assert cell.ends == [(1, ReceiptCode.LATE)]


@pytest.mark.parametrize("signal", [{"ready": False}, {"automatic": False}, {"fault": 17}])
def test_a_robot_that_fails_ends_its_own_picks_and_not_the_others(signal: dict[str, int]) -> None:
    cell = Cell()
    for robot in (0, 1, 0):
        cell.pick(robot)
    cell.robot(ack=JOB + 1)
    cell.robot(1, ack=JOB + 2)
    told, other = cell.robot(**signal)
    assert told == RobotOutputs()
    assert cell.ends == [(1, ReceiptCode.FAULT), (3, ReceiptCode.FAULT)]
    assert other.active == JOB + 2
    assert cell.plc.status().robots[0].fault == signal.get("fault", 0)
    cell.pick(0)
    cell.robot(1, done=JOB + 2, result=1)
    assert cell.ends[2:] == [(4, ReceiptCode.REFUSED), (2, ReceiptCode.FIRED)]


def test_picks_that_cannot_be_taken_are_refused() -> None:
    cell = Cell()
    cell.pick(robot=2)
    cell.inputs = PlcInputs(robots=(WELL,))
    cell.pick(robot=1)
    for _ in range(17):
        cell.pick(robot=0)
    assert cell.ends == [(seq, ReceiptCode.REFUSED) for seq in (1, 2, 19)]
    cell.send(LineCommand.MAINTENANCE)
    assert [code for _, code in cell.ends[3:]] == [ReceiptCode.CANCELLED] * 13  # the block shows sixteen
    cell.pick(robot=0)
    assert cell.ends[-1] == (20, ReceiptCode.REFUSED)


@pytest.mark.parametrize("why", ["stop", "e-stop", "air", "heartbeat"])
def test_a_stop_withdraws_every_job_at_once_and_a_late_result_adds_no_receipt(why: str) -> None:
    cell = Cell()
    cell.pick()
    cell.pick()
    cell.robot(ack=JOB + 1)
    if why == "stop":
        cell.send(LineCommand.STOP)
    elif why == "heartbeat":
        cell.now_s += 0.6
        cell.scan()
    else:
        cell.inputs = replace(cell.inputs, e_stop_ok=why != "e-stop", air_ok=why != "air")
        cell.scan()
    cancelled = [(1, ReceiptCode.CANCELLED), (2, ReceiptCode.CANCELLED)]
    assert cell.ends == cancelled
    assert cell.scan()[0] == RobotOutputs()
    assert cell.robot(done=JOB + 1, result=1)[0] == RobotOutputs(confirmed=JOB + 1)
    assert cell.ends == cancelled


def test_a_new_session_and_a_restart_never_take_an_old_result_for_a_new_job() -> None:
    cell = Cell()
    cell.pick()
    cell.robot(ack=JOB + 1)
    cell.session, cell.seq, cell.batch = SESSION + 1, 0, 0
    cell.send(LineCommand.RUN)
    assert cell.ends == [(1, ReceiptCode.CANCELLED)]
    assert cell.plc.status().robots[0].job_done == 0, "it was of the session before"
    cell.pick()
    cell.robot(done=JOB + 1, result=1)
    assert len(cell.ends) == 1, "order 1 of the new session is job 2"
    cell.plc.restart()
    cell.session, cell.seq, cell.batch = 2 << 16 | 1, 0, 0
    cell.send(LineCommand.RUN)
    cell.pick()
    assert cell.scan()[0].job == 2 << 16 | 1
    assert cell.ends == []


def test_jets_and_picks_share_one_sequence_and_one_queue() -> None:
    cell = Cell()
    cell.seq = 2
    pick = PickOrder(1, 0, 150.0, 0.0, 0.0, 20.0, 0, 0, 1000)
    cell.send(LineCommand.NONE, pick, JetOrder(2, 3, 3, 500, 600))
    assert cell.plc.status().queue_free == 254
    cell.batch += 1
    cell.plc.write_command(CommandImage(SESSION, 99, LineCommand.NONE, 0.0, cell.batch, (pick,)))
    cell.scan(counts=500)
    assert cell.plc.status().duplicated == 1
    assert cell.ends == [(2, ReceiptCode.FIRED)]


class Picking(RuleBasedStateMachine):
    """Picks, robots that keep to the handshake at any pace, stops and faults, in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.cell = Cell()
        self.told = self.cell.scan()
        self.work = [0, 0]
        self.answered: dict[int, ReceiptCode] = {}
        self.jobs_of: dict[int, int] = {}

    @rule(robot=st.integers(0, 2), ahead=st.integers(-3100, 2000))
    def pick(self, robot: int, ahead: int) -> None:
        self.cell.pick(robot, ahead)
        self.look()

    @rule(robot=st.integers(0, 1))
    def robot_takes(self, robot: int) -> None:
        signals, told = self.cell.inputs.robots[robot], self.told[robot]
        if told.job and not self.work[robot] and told.confirmed == signals.done and signals.ack != told.job:
            self.work[robot] = told.job
            self.told = self.cell.robot(robot, ack=told.job)
            self.look()

    @rule(robot=st.integers(0, 1), result=st.sampled_from([1, 6, 7, 8]))
    def robot_ends(self, robot: int, result: int) -> None:
        if job := self.work[robot]:
            self.work[robot] = 0
            self.answered[job] = ReceiptCode(result)
            self.told = self.cell.robot(robot, done=job, result=result)
            self.look()

    @rule(robot=st.integers(0, 1))
    def robot_fails_for_a_scan(self, robot: int) -> None:
        self.cell.robot(robot, fault=3)
        self.told = self.cell.robot(robot, fault=0)
        self.look()

    @rule(counts=st.integers(0, 1500))
    def belt_moves(self, counts: int) -> None:
        self.told = self.cell.scan(counts)
        self.look()

    @rule()
    def stop_and_go(self) -> None:
        self.cell.send(LineCommand.STOP)
        self.cell.send(LineCommand.RUN)
        self.look()

    def look(self) -> None:
        self.told = self.cell.scan()
        for told in self.told:
            if told.pick is not None:
                assert self.jobs_of.setdefault(told.job, told.pick.seq) == told.pick.seq

    @invariant()
    def every_pick_is_open_or_has_one_receipt(self) -> None:
        status = self.cell.plc.status()
        receipts = self.cell.plc.receipt_history(0, status.receipt_total)
        ended = [receipt.seq for receipt in receipts]
        assert len(ended) == len(set(ended))
        assert len(ended) + 256 - status.queue_free == self.cell.seq
        codes = {receipt.seq: receipt.code for receipt in receipts}
        for job, answer in self.answered.items():
            assert codes[self.jobs_of[job]] in {answer, ReceiptCode.CANCELLED, ReceiptCode.FAULT, ReceiptCode.LATE}
        for seq, code in codes.items():
            if code in (ReceiptCode.FIRED, ReceiptCode.MISSED, ReceiptCode.DROPPED):
                assert code in [self.answered[job] for job in self.answered if self.jobs_of[job] == seq]


TestPicking = Picking.TestCase
TestPicking.settings = settings(max_examples=40, stateful_step_count=40, deadline=None)
