"""Whatever comes over the wire and from the machine: the program and the virtual PLC do the same in every scan."""

from dataclasses import dataclass, replace
from enum import Enum, auto

from hypothesis import given, settings
from hypothesis import strategies as st

from plc_bridge.contract import CommandImage, JetOrder, LineCommand, OrderRecord, PickOrder
from plc_bridge.robot_jobs import RobotInputs, RobotOutputs
from tests.plc_bridge.plc_devices import Reference, ScanInputs, Settings, Virtual

EPOCH = 70_000
RUN = (EPOCH & 0xFFFF) << 16
WRAP = 0x1_0000_0000
NEAR = st.integers(-3, 80).map(lambda tens: 10 * tens)
"""Counts ahead of the encoder: near enough to fire soon, and as round as leads are at round speeds, so that
they often meet to the count."""


@dataclass(frozen=True, slots=True)
class Record:
    """An order: how far its number and its window are ahead. A pick where it names a robot."""

    numbers_on: int
    lane: int
    lanes_more: int
    counts_ahead: int
    counts_long: int
    robot: int | None


@dataclass(frozen=True, slots=True)
class Command:
    """A block: how far session (None: one for an earlier run), heartbeat and batch go on, and what it says."""

    sessions_on: int | None
    beats: int
    line: LineCommand
    setpoint_mm_s: float
    batches_on: int
    records: tuple[Record, ...]


@dataclass(frozen=True, slots=True)
class Stretch:
    """Some scans with the same machine, after a new block if there is one."""

    command: Command | None
    scans: int
    counts_per_scan: int
    speed_mm_s: float
    beating: bool
    e_stop_ok: bool
    air_ok: bool
    fire: bool
    trigger: bool
    robots: tuple["Answers", "Answers"]


class Answers(Enum):
    """How a robot behaves."""

    QUIET = auto()
    """It goes on showing what it showed."""
    WORKS = auto()
    """It takes what it is offered and ends it in the next scan."""
    ACKS_ALL = auto()
    """It takes the next before it has ended the one before."""
    FAILS = auto()
    MANUAL = auto()


def answered(before: RobotInputs, told: RobotOutputs, answers: Answers, result: int) -> RobotInputs:
    """What a robot shows after a scan."""
    shown = replace(before, ready=True, automatic=answers is not Answers.MANUAL, fault=9 * (answers is Answers.FAILS))
    if answers is Answers.WORKS and told.active:
        return replace(shown, done=told.active, result=result)
    if answers in (Answers.WORKS, Answers.ACKS_ALL) and told.job:
        return replace(shown, ack=told.job)
    return shown


RECORDS = st.builds(
    Record,
    numbers_on=st.sampled_from([*[1] * 12, 0, -1, 2]),
    lane=st.sampled_from([*range(8), 8]),
    lanes_more=st.sampled_from([0, 0, 0, 1, 3, -1]),
    counts_ahead=st.one_of(*[NEAR] * 8, st.integers(-(2**31), 2**31 - 1)),
    counts_long=st.sampled_from([*[200, 90, 500, 30] * 3, 0, 2**31]),
    robot=st.sampled_from([None, None, 0, 0, 1, 2]),
)
COMMANDS = st.builds(
    Command,
    sessions_on=st.sampled_from([*[0] * 20, 1, 1, -1, 0x7FFF, 0x8000, None]),
    beats=st.sampled_from([1, 1, 1, 0]),
    line=st.sampled_from([*[LineCommand.RUN] * 8, *LineCommand]),
    setpoint_mm_s=st.sampled_from([0.0, 500.0, 1500.0]),
    batches_on=st.sampled_from([1, 1, 1, 1, 0, 7]),
    records=st.lists(RECORDS, min_size=1, max_size=12).map(tuple),
)
MOSTLY, SELDOM = st.sampled_from([*[True] * 20, False]), st.sampled_from([*[False] * 20, True])
STRETCHES = st.builds(
    Stretch,
    command=st.one_of(st.none(), COMMANDS, COMMANDS),
    scans=st.sampled_from([1, 1, 2, 5, 15, 40]),
    counts_per_scan=st.sampled_from([10, 10, 10, 10, 0, 20, -10, 1000]),
    speed_mm_s=st.sampled_from([1000.0, 1000.0, 500.0, 1250.0, 2500.0, 0.0, 0.5, -200.0, 777.0]),
    beating=st.sampled_from([True, True, True, False]),
    e_stop_ok=MOSTLY,
    air_ok=MOSTLY,
    fire=SELDOM,
    trigger=SELDOM,
    robots=st.tuples(*[st.sampled_from([*[Answers.WORKS] * 6, *Answers])] * 2),
)


class Pc:
    """What stands in the command registers."""

    def __init__(self) -> None:
        self.image = CommandImage(RUN | 1, 1, LineCommand.RUN, 0.0, 0, ())
        self._session = 1
        self._seq = 0

    def write(self, command: Command, encoder: int) -> None:
        pc_epoch = self.image.pc_epoch ^ 0x0001_0000  # of an earlier run of the PLC
        if command.sessions_on is not None:
            self._session = (self._session + command.sessions_on) & 0xFFFF or 1
            pc_epoch = RUN | self._session
            self._seq = 0 if command.sessions_on else self._seq
        self.image = CommandImage(
            pc_epoch,
            self.image.pc_heartbeat,
            command.line,
            command.setpoint_mm_s,
            (self.image.batch + command.batches_on) % WRAP,
            tuple(self._order(record, encoder) for record in command.records),
        )
        self.beat(command.beats)

    def beat(self, beats: int = 1) -> None:
        self.image = replace(self.image, pc_heartbeat=(self.image.pc_heartbeat + beats) & 0xFFFF)

    def _order(self, record: Record, encoder: int) -> OrderRecord:
        self._seq = (self._seq + record.numbers_on) % WRAP
        on_count = (encoder + record.counts_ahead) % WRAP
        if record.robot is not None:
            y_mm = 0.25 * record.lane
            return PickOrder(
                self._seq, record.robot, 120.5, y_mm, -45.0, 20.0, record.lane, 1, on_count - 200 & WRAP - 1
            )
        lane_last = max(record.lane + record.lanes_more, 0)
        return JetOrder(self._seq, record.lane, lane_last, on_count, (on_count + record.counts_long) % WRAP)


@settings(max_examples=100, deadline=None)
@given(
    encoder=st.sampled_from([0, 1000, WRAP - 300]),
    scan_us=st.sampled_from([1000, 2000, 5000]),
    story=st.lists(STRETCHES, min_size=1, max_size=16),
)
def test_program_and_virtual_plc_agree_in_every_scan(encoder: int, scan_us: int, story: list[Stretch]) -> None:
    known = Settings(
        valve_count=8,
        close_delay_ms=5.0,
        pc_timeout_ms=50.0,
        standstill_shut_ms=20.0,
        epoch=EPOCH,
        robots=2,
        robot_reach_mm=30.0,
    )
    virtual, reference, pc, now_us = Virtual(known), Reference(known), Pc(), 0
    robots = (RobotInputs(ready=True, automatic=True),) * 2
    for stretch in story:
        if stretch.command is not None:
            pc.write(stretch.command, encoder)
        for number in range(stretch.scans):
            encoder, now_us = (encoder + stretch.counts_per_scan) % WRAP, now_us + scan_us
            if stretch.beating and number % 5 == 4:
                pc.beat()
            inputs = ScanInputs(
                encoder=encoder,
                belt_speed_mm_s=stretch.speed_mm_s,
                e_stop_ok=stretch.e_stop_ok,
                air_ok=stretch.air_ok,
                fire=stretch.fire,
                trigger=stretch.trigger,
                robots=robots,
                command=pc.image,
            )
            done = virtual.scan(now_us, inputs)
            assert reference.scan(now_us, inputs) == done
            robots = tuple(
                answered(before, told, answers, number % 10)
                for before, (told, _), answers in zip(robots, done.robots, stretch.robots, strict=True)
            )
