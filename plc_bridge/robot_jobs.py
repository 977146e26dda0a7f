"""The PLC's side of the handshake with robots: one queue of picks for each, one job at a time.

Plain synchronous code; a scan of the virtual PLC is a scan here. All signals are levels that stand until
the other side has answered, told apart by job numbers; there are no pulses to miss:

1. The PLC offers the robot's next pick under a new job number.
2. The robot takes it by repeating the number in `ack`; the PLC shows it as `active` and offers the next.
3. The robot shows the job's number in `done`, with its result, and keeps them until
4. the PLC repeats the number in `confirmed`. Only then the robot takes another job.

A job that is neither offered nor active any more was withdrawn: the robot gives it up.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from plc_bridge.contract import PickOrder, ReceiptCode, RobotFlags, RobotStatus

_WRAP = 0x1_0000_0000
_HALF = 0x8000_0000
RESULTS = frozenset({ReceiptCode.FIRED, ReceiptCode.LATE, ReceiptCode.MISSED, ReceiptCode.DROPPED, ReceiptCode.FAULT})
"""How a robot may say that a job ended; anything else counts as FAULT."""


@dataclass(frozen=True, slots=True)
class RobotInputs:
    """What a robot tells the PLC. `ready`: its program runs and takes jobs; off while nothing is heard from
    it. `automatic`: no person moves it. `fault` is its own fault code, 0 for none. `ack` is the job it took
    last, `done` the job it finished last, `result` how (one of RESULTS)."""

    ready: bool = False
    automatic: bool = False
    fault: int = 0
    ack: int = 0
    done: int = 0
    result: int = 0

    @property
    def usable(self) -> bool:
        """Whether it can be given picks."""
        return self.ready and self.automatic and self.fault == 0


@dataclass(frozen=True, slots=True)
class RobotOutputs:
    """What the PLC tells a robot: the job it offers, 0 and None for none, with its pick (class, outlet, pose,
    encoder count); the job that it knows the robot to work on; the job whose end it has noted."""

    job: int = 0
    pick: PickOrder | None = None
    active: int = 0
    confirmed: int = 0


_SILENT = RobotInputs()


@dataclass(slots=True)
class _Job:
    """A pick that has not ended; `number` is what the robot knows it by."""

    number: int
    pick: PickOrder
    until_count: int
    """The encoder count up to which the part is within the robot's reach."""
    active: bool = False


class RobotJobs:
    """The queues of all robots of one run of the PLC.

    A job number is of its PLC run: the low half of the run's epoch, then a count. So a robot that still
    shows what it did for an earlier run, or session, is not taken to have done it now.
    """

    def __init__(self, count: int, epoch: int) -> None:
        self._count = count
        self._run = (epoch & 0xFFFF) << 16
        self._last_number = 0
        self._ends: list[tuple[int, int]] = [(0, 0)] * count
        self.jobs: list[_Job] = []
        """All picks that have not ended, of all robots, in the order they were taken."""
        self.outputs: tuple[RobotOutputs, ...] = (RobotOutputs(),) * count
        """What the robots are told, as the last scan left it; the same object while it is the same."""

    def open_of(self, robot: int) -> int:
        """How many picks a robot has that have not ended."""
        return sum(job.pick.robot == robot for job in self.jobs)

    def take(self, pick: PickOrder, until_count: int) -> None:
        """Put a pick into its robot's queue."""
        self._last_number = self._last_number % 0xFFFF + 1
        self.jobs.append(_Job(self._run | self._last_number, pick, until_count))

    def scan(self, robots: tuple[RobotInputs, ...], encoder: int) -> Iterator[tuple[int, ReceiptCode]]:
        """One cycle: the sequence numbers of picks that ended, and how. Offers what is next afterwards."""
        busy = {job.pick.robot for job in self.jobs if job.active}
        stays: list[_Job] = []
        for job in self.jobs:
            robot = job.pick.robot
            told = robots[robot] if robot < len(robots) else _SILENT
            if told.ack == job.number and robot not in busy:
                job.active = True
                busy.add(robot)
            code = self._end_of(job, told, encoder)
            if code is None:
                stays.append(job)
                continue
            if job.active:
                busy.discard(robot)
            self._ends[robot] = (job.pick.seq, code)
            yield job.pick.seq, code
        self.jobs = stays
        self._tell(robots)

    @staticmethod
    def _end_of(job: _Job, told: RobotInputs, encoder: int) -> ReceiptCode | None:
        if job.active and told.done == job.number:
            return ReceiptCode(told.result) if told.result in RESULTS else ReceiptCode.FAULT
        if not told.usable:
            return ReceiptCode.FAULT
        out_of_reach = (job.until_count - encoder + _HALF) % _WRAP - _HALF < 0
        return ReceiptCode.LATE if out_of_reach and not job.active else None

    def cancel(self) -> list[int]:
        """Withdraw every job; their sequence numbers."""
        jobs, self.jobs = self.jobs, []
        for job in jobs:
            self._ends[job.pick.robot] = (job.pick.seq, ReceiptCode.CANCELLED)
        return [job.pick.seq for job in jobs]

    def forget_ends(self) -> None:
        """A new session begins: its sequence numbers mean other picks."""
        self._ends = [(0, 0)] * self._count

    def statuses(self, robots: tuple[RobotInputs, ...]) -> tuple[RobotStatus, ...]:
        """The robots' part of the status block."""
        active = {job.pick.robot: job.pick.seq for job in self.jobs if job.active}
        shown: list[RobotStatus] = []
        for robot in range(self._count):
            told = robots[robot] if robot < len(robots) else _SILENT
            flags = (
                (RobotFlags.READY if told.ready else 0)
                | (RobotFlags.AUTOMATIC if told.automatic else 0)
                | (RobotFlags.FAULT if told.fault else 0)
            )
            shown.append(RobotStatus(RobotFlags(flags), active.get(robot, 0), *self._ends[robot], told.fault))
        return tuple(shown)

    def _tell(self, robots: tuple[RobotInputs, ...]) -> None:
        offered: dict[int, _Job] = {}
        active: dict[int, int] = {}
        for job in self.jobs:
            if job.active:
                active[job.pick.robot] = job.number
            else:
                offered.setdefault(job.pick.robot, job)
        outputs = tuple(
            RobotOutputs(
                offered[robot].number if robot in offered else 0,
                offered[robot].pick if robot in offered else None,
                active.get(robot, 0),
                robots[robot].done if robot < len(robots) else 0,
            )
            for robot in range(self._count)
        )
        if outputs != self.outputs:
            self.outputs = outputs
