"""A PLC without hardware: the order ring, the valves, the heartbeats, one scan at a time.

Plain synchronous code; time, encoder and inputs are passed in. It behaves as
docs/integrators/plc-contract.md asks of any PLC, and as plc_bridge/plc_program/senbetsu.st does.
"""

from collections import deque
from dataclasses import dataclass
from functools import cache
from math import inf

from plc_bridge.contract import (
    LARGEST_ROBOT_COUNT,
    LONGEST_PULSE_MS,
    RECEIPT_HISTORY_SIZE,
    RECEIPT_RING_SIZE,
    ROBOT_QUEUE_SIZE,
    CommandImage,
    JetOrder,
    LineCommand,
    LineFlags,
    LineStatus,
    OrderKind,
    OrderRecord,
    PickOrder,
    Receipt,
    ReceiptCode,
)
from plc_bridge.robot_jobs import RobotInputs, RobotJobs, RobotOutputs

_WRAP = 0x1_0000_0000
_HALF = 0x8000_0000
_TIME_NOISE_S = 1e-9
"""Time is a float: differences of it are this much uncertain, and a timer is due after its time."""
_MOVING_MM_S = 1.0
"""Below this measured speed the flag BELT_RUNNING is off."""


@dataclass(frozen=True, slots=True)
class PlcInputs:
    """What is wired to the PLC's inputs. `valve_fault` has bit n set where valve n is faulty; a robot that is
    not in `robots` is not ready."""

    e_stop_ok: bool = True
    air_ok: bool = True
    fire: bool = False
    valve_fault: int = 0
    robots: tuple[RobotInputs, ...] = ()


ALL_WELL = PlcInputs()


@cache
def _flags(e_stop_ok: bool, moving: bool, air_ok: bool, released: bool, fire: bool, pc_alive: bool) -> LineFlags:
    """The status flags; kept, for putting flags together takes longer than a scan."""
    return LineFlags(
        (LineFlags.E_STOP_OK if e_stop_ok else 0)
        | (LineFlags.BELT_RUNNING if moving else 0)
        | (LineFlags.AIR_OK if air_ok else 0)
        | (LineFlags.READY if air_ok and released else 0)
        | (LineFlags.FIRE if fire else 0)
        | (LineFlags.PC_ALIVE if pc_alive else 0)
    )


@dataclass(frozen=True, slots=True)
class PlcOutputs:
    """What is wired to the PLC's outputs. `valves` has bit n set where valve n has current."""

    valves: int
    belt_run: bool
    feed_run: bool
    speed_setpoint_mm_s: float
    robots: tuple[RobotOutputs, ...] = ()


@dataclass(slots=True)
class _Entry:
    """An order in the ring; `count_on` and `count_off` raw 32-bit."""

    seq: int
    mask: int
    on_count: int
    off_count: int


def _mask(order: JetOrder) -> int:
    """Bit n is set where the order is for valve n."""
    return ((1 << (order.lane_last - order.lane_first + 1)) - 1) << order.lane_first


def count_difference(later: int, earlier: int) -> int:
    """Signed distance between two raw 32-bit counters, in -2**31 .. 2**31 - 1."""
    return (later - earlier + _HALF) % _WRAP - _HALF


class VirtualPlc:
    """One PLC program. `scan` is its cycle; `write_command` is its mailbox; `status` its answer.

    A command written between two scans is taken at the next one; a second write before that
    replaces the first, as registers do. Valves get current `open_delay_ms` early and lose it
    `close_delay_ms` early, at the belt speed measured now, so that air leaves the nozzle in
    [on_count, off_count). Valves open on a belt that does not move for `standstill_shut_ms` are
    shut: the compressor is never blown empty on a standing belt.

    In MAINTENANCE jet orders and picks are refused, and one test pulse at a time is fired at once, for its time.

    `robots` robots take picks, each one at a time (`plc_bridge.robot_jobs`); a part is within a robot's reach
    until it is `robot_reach_mm` downstream of the robot's datum line.

    All comparisons of counts and sequence numbers are modulo 2**32.
    """

    def __init__(
        self,
        valve_count: int = 64,
        counts_per_mm: float = 10.0,
        *,
        open_delay_ms: float = 8.0,
        close_delay_ms: float = 8.0,
        ring_size: int = 256,
        pc_timeout_ms: float = 500.0,
        standstill_shut_ms: float = 200.0,
        default_speed_mm_s: float = 1000.0,
        epoch: int = 1,
        history_size: int = RECEIPT_HISTORY_SIZE,
        robots: int = 0,
        robot_reach_mm: float = 300.0,
    ) -> None:
        if not 1 <= valve_count <= 64:
            raise ValueError(f"valve_count is {valve_count}; the contract's valve mask holds 1 to 64")
        if history_size and _WRAP % history_size:
            raise ValueError(f"history_size is {history_size}; only powers of two go on over the counter's wrap")
        if not 0 <= robots <= LARGEST_ROBOT_COUNT:
            raise ValueError(f"robots is {robots}; the contract has 0 to {LARGEST_ROBOT_COUNT}")
        self._robot_count = robots
        self._robot_reach_mm = robot_reach_mm
        self._valve_count = valve_count
        self._counts_per_mm = counts_per_mm
        self._open_lead_counts_per_mm_s = open_delay_ms / 1000 * counts_per_mm
        self._close_lead_counts_per_mm_s = close_delay_ms / 1000 * counts_per_mm
        self._ring_size = ring_size
        self._history_size = history_size
        self._pc_timeout_s = pc_timeout_ms / 1000 + _TIME_NOISE_S
        self._standstill_shut_s = standstill_shut_ms / 1000 + _TIME_NOISE_S
        self._default_speed_mm_s = default_speed_mm_s
        self._encoder = 0
        self._speed_mm_s = 0.0
        self._inputs = ALL_WELL
        self._power_up(epoch)

    def _power_up(self, epoch: int) -> None:
        self._epoch = epoch
        self._heartbeat = 0
        self._mailbox: CommandImage | None = None
        self._pc_epoch = 0
        self._pc_heartbeat: int = -1
        self._pc_moved_s = 0.0
        self._pc_alive = False
        self._stop_latched = False
        self._command = LineCommand.NONE
        self._setpoint_mm_s = 0.0
        self._batch_seen = 0
        self._last_seq = 0
        self._pending: list[_Entry] = []
        self._open: list[_Entry] = []
        self._pulse_mask = 0
        self._pulse_until_s = 0.0
        self._valves = 0
        self._stood_since_s: float | None = None
        self._fired = 0
        self._late = 0
        self._refused = 0
        self._duplicated = 0
        self._trigger_seq = 0
        self._trigger_encoder = 0
        self._receipt_total = 0
        self._receipts: deque[Receipt] = deque(maxlen=RECEIPT_RING_SIZE)
        self._history: list[Receipt | None] = [None] * self._history_size
        self._robots = RobotJobs(self._robot_count, epoch)
        self._outputs = PlcOutputs(0, False, False, 0.0, self._robots.outputs)

    def restart(self) -> None:
        """Power off and on: the queue and everything remembered are gone, the epoch is a new one, not 0."""
        self._power_up((self._epoch + 1) % _WRAP or 1)

    def write_command(self, image: CommandImage) -> None:
        """Put a command block into the mailbox; the next scan takes it."""
        self._mailbox = image

    def latch_trigger(self, encoder: int) -> None:
        """The camera's exposure output pulsed while the encoder stood at raw count `encoder`."""
        self._trigger_encoder = encoder
        self._trigger_seq = (self._trigger_seq + 1) % _WRAP

    def scan(self, now_s: float, encoder_raw: int, belt_speed_mm_s: float, inputs: PlcInputs = ALL_WELL) -> PlcOutputs:
        """One PLC cycle at time `now_s` with the raw encoder count and the measured belt speed."""
        self._heartbeat = (self._heartbeat + 1) & 0xFFFF
        moved = encoder_raw != self._encoder
        self._encoder = encoder_raw
        self._speed_mm_s = belt_speed_mm_s
        self._inputs = inputs
        if not inputs.e_stop_ok or inputs.fire:
            self._stop_latched = True
        image, self._mailbox = self._mailbox, None
        for_us = image is not None and self._heed(image, now_s)
        if self._command == LineCommand.STOP and inputs.e_stop_ok and not inputs.fire:
            self._stop_latched = False
        if self._pc_alive and now_s - self._pc_moved_s > self._pc_timeout_s:
            self._pc_alive = False
        if image is not None and for_us:
            self._take_orders(image, now_s)
        if self._pending or self._open or self._pulse_mask or self._robots.jobs:
            if not self._accepts_orders():
                self._cancel_all()
            else:
                self._work_the_ring(now_s, moved)
        if self._robot_count:
            self._work_the_robots()
        return self._drive_outputs()

    def until_next_change_s(self, now_s: float, encoder_raw: int, belt_speed_mm_s: float) -> float:
        """Seconds from `now_s` until a valve next opens or shuts if the belt keeps that speed: below 0 when
        that is overdue, infinite when nothing is to come. For whoever scans when something is due."""
        if self._command == LineCommand.MAINTENANCE:
            return self._pulse_until_s - now_s if self._pulse_mask else inf
        speed_mm_s = max(belt_speed_mm_s, 0.0)
        opens = [count_difference(e.on_count, encoder_raw) for e in self._pending]
        shuts = [count_difference(e.off_count, encoder_raw) for e in self._open]
        counts = min(
            min(opens, default=inf) - round(self._open_lead_counts_per_mm_s * speed_mm_s),
            min(shuts, default=inf) - round(self._close_lead_counts_per_mm_s * speed_mm_s),
        )
        if counts == inf or speed_mm_s == 0.0:
            return 0.0 if counts < 0 else inf
        return counts / (speed_mm_s * self._counts_per_mm)

    def status(self) -> LineStatus:
        """The status block as the last scan left it."""
        inputs = self._inputs
        moving = abs(self._speed_mm_s) >= _MOVING_MM_S
        flags = _flags(inputs.e_stop_ok, moving, inputs.air_ok, not self._stop_latched, inputs.fire, self._pc_alive)
        return LineStatus(
            epoch=self._epoch,
            heartbeat=self._heartbeat,
            flags=flags,
            encoder=self._encoder,
            belt_speed_mm_s=self._speed_mm_s,
            pc_epoch_seen=self._pc_epoch,
            batch_seen=self._batch_seen,
            last_seq=self._last_seq,
            queue_free=self._ring_size - self._queued,
            fired=self._fired,
            late=self._late,
            refused=self._refused,
            duplicated=self._duplicated,
            valve_fault=self._inputs.valve_fault,
            trigger_seq=self._trigger_seq,
            trigger_encoder=self._trigger_encoder,
            receipt_total=self._receipt_total,
            receipts=tuple(self._receipts),
            robots=self._robots.statuses(inputs.robots) if self._robot_count else (),
        )

    def receipt_history(self, first: int, count: int) -> list[Receipt]:
        """What stands in the slots of receipts number `first` to `first + count - 1` (from 0, modulo
        2**32, at most `history_size` of them), as the last scan left them. Slot n holds the newest
        receipt whose number is n modulo `history_size`; slots never written are left out."""
        slots = (self._history[number % self._history_size] for number in range(first, first + count))
        return [receipt for receipt in slots if receipt is not None]

    def _heed(self, image: CommandImage, now_s: float) -> bool:
        """Act on the session, heartbeat and command of a block that arrived since the last scan; whether it
        is meant for us and its orders may be taken."""
        if image.pc_epoch == 0 or image.pc_epoch >> 16 != self._epoch & 0xFFFF:
            return False  # meant for an earlier run of this PLC: whoever sent it does not know us yet
        if image.pc_epoch != self._pc_epoch:
            sessions_ahead = (image.pc_epoch - self._pc_epoch) & 0xFFFF
            if self._pc_epoch and sessions_ahead >= 0x8000:
                return False  # an old session's block that was under way for long
            self._cancel_all()
            self._robots.forget_ends()
            self._pc_epoch = image.pc_epoch
            self._last_seq = 0
            self._batch_seen = 0
            self._pc_heartbeat = -1
        if image.pc_heartbeat != self._pc_heartbeat:
            self._pc_heartbeat = image.pc_heartbeat
            self._pc_moved_s = now_s
            self._pc_alive = True
        if image.line_command != LineCommand.NONE:
            if image.line_command != self._command and LineCommand.MAINTENANCE in (image.line_command, self._command):
                self._cancel_all()
            self._command = image.line_command
            self._setpoint_mm_s = image.speed_setpoint_mm_s
        return True

    def _take_orders(self, image: CommandImage, now_s: float) -> None:
        """Take a new batch in sequence."""
        if image.batch != self._batch_seen:
            self._batch_seen = image.batch
            for order in image.orders:
                ahead = (order.seq - self._last_seq) % _WRAP
                if ahead == 1:
                    self._last_seq = order.seq
                    self._judge(order, now_s)
                elif ahead == 0 or ahead >= _HALF:
                    self._duplicated += 1
                else:
                    break

    @property
    def _queued(self) -> int:
        return len(self._pending) + len(self._open) + len(self._robots.jobs)

    def _accepts_orders(self) -> bool:
        return self._pc_alive and not self._stop_latched and self._inputs.air_ok and self._command != LineCommand.STOP

    def _judge(self, order: OrderRecord, now_s: float) -> None:
        """Queue a new order, or end it at once: fired (a pulse), late or refused."""
        if isinstance(order, PickOrder):
            self._judge_pick(order)
            return
        if order.kind == OrderKind.PULSE:
            self._judge_pulse(order, now_s)
            return
        length = count_difference(order.off_count, order.on_count)
        if (
            not 0 <= order.lane_first <= order.lane_last < self._valve_count
            or length <= 0
            or self._queued >= self._ring_size
            or self._command == LineCommand.MAINTENANCE
            or not self._accepts_orders()
        ):
            self._refused += 1
            self._end(order.seq, ReceiptCode.REFUSED)
            return
        speed = max(self._speed_mm_s, 0.0)
        if count_difference(order.on_count, self._encoder) < round(self._open_lead_counts_per_mm_s * speed):
            self._late += 1
            self._end(order.seq, ReceiptCode.LATE)
            return
        self._pending.append(_Entry(order.seq, _mask(order), order.on_count, order.off_count))

    def _judge_pick(self, order: PickOrder) -> None:
        """Queue a pick, or end it at once: late or refused."""
        inputs = self._inputs.robots
        if (
            order.robot >= self._robot_count
            or not (order.robot < len(inputs) and inputs[order.robot].usable)
            or self._robots.open_of(order.robot) >= ROBOT_QUEUE_SIZE
            or self._queued >= self._ring_size
            or self._command == LineCommand.MAINTENANCE
            or not self._accepts_orders()
        ):
            self._refused += 1
            self._end(order.seq, ReceiptCode.REFUSED)
            return
        reach = round((self._robot_reach_mm - order.y_mm) * self._counts_per_mm)
        until_count = (order.pick_count + reach) % _WRAP
        if count_difference(until_count, self._encoder) < 0:
            self._late += 1
            self._end(order.seq, ReceiptCode.LATE)
            return
        self._robots.take(order, until_count)

    def _work_the_robots(self) -> None:
        """Hear what the robots say, end what has ended, offer what is next."""
        for seq, code in self._robots.scan(self._inputs.robots, self._encoder):
            self._fired += code == ReceiptCode.FIRED
            self._late += code == ReceiptCode.LATE
            self._end(seq, code)

    def _judge_pulse(self, order: JetOrder, now_s: float) -> None:
        """Fire a test pulse at once, or refuse it."""
        if (
            self._command != LineCommand.MAINTENANCE
            or not 0 <= order.lane_first <= order.lane_last < self._valve_count
            or not 1 <= order.on_count <= LONGEST_PULSE_MS
            or self._pulse_mask
            or not self._accepts_orders()
        ):
            self._refused += 1
            self._end(order.seq, ReceiptCode.REFUSED)
            return
        self._pulse_mask = _mask(order)
        self._pulse_until_s = now_s + order.on_count / 1000
        self._fired += 1
        self._end(order.seq, ReceiptCode.FIRED)

    def _work_the_ring(self, now_s: float, moved: bool) -> None:
        """Open what is due, shut what is over."""
        if self._command == LineCommand.MAINTENANCE:
            if now_s > self._pulse_until_s - _TIME_NOISE_S:
                self._pulse_mask = 0
            self._valves = self._pulse_mask
            return
        encoder = self._encoder
        speed = self._speed_mm_s if self._speed_mm_s > 0.0 else 0.0
        open_lead = round(self._open_lead_counts_per_mm_s * speed)
        close_lead = round(self._close_lead_counts_per_mm_s * speed)
        changed = False
        for entry in self._pending:
            if ((entry.on_count - encoder + _HALF) % _WRAP) - _HALF <= open_lead:
                changed = True
                break
        if changed:
            due = [e for e in self._pending if count_difference(e.on_count, encoder) <= open_lead]
            self._pending = [e for e in self._pending if count_difference(e.on_count, encoder) > open_lead]
            for entry in due:
                if count_difference(entry.off_count, encoder) <= close_lead:
                    # The encoder jumped over the whole window, or the window is shorter than the
                    # valve's delays: it could only be executed late, so it is not executed.
                    self._late += 1
                    self._end(entry.seq, ReceiptCode.LATE)
                else:
                    self._open.append(entry)
                    self._fired += 1
                    self._end(entry.seq, ReceiptCode.FIRED)
        if self._open:
            if moved or self._stood_since_s is None:
                self._stood_since_s = now_s
            if now_s - self._stood_since_s > self._standstill_shut_s:
                self._open.clear()
                changed = True
            for entry in self._open:
                if ((entry.off_count - encoder + _HALF) % _WRAP) - _HALF <= close_lead:
                    self._open = [e for e in self._open if count_difference(e.off_count, encoder) > close_lead]
                    changed = True
                    break
        if not self._open:
            self._stood_since_s = None
        if changed:
            self._valves = 0
            for entry in self._open:
                self._valves |= entry.mask

    def _cancel_all(self) -> None:
        """Drop the queue, shut the valves, withdraw the robots' jobs. What already blew keeps its FIRED."""
        for entry in self._pending:
            self._end(entry.seq, ReceiptCode.CANCELLED)
        for seq in self._robots.cancel():
            self._end(seq, ReceiptCode.CANCELLED)
        self._pending = []
        self._open = []
        self._pulse_mask = 0
        self._valves = 0
        self._stood_since_s = None

    def _end(self, seq: int, code: ReceiptCode) -> None:
        receipt = Receipt(seq, code, self._encoder)
        self._receipts.append(receipt)
        if self._history:
            self._history[self._receipt_total % self._history_size] = receipt
        self._receipt_total = (self._receipt_total + 1) % _WRAP

    def _drive_outputs(self) -> PlcOutputs:
        belt_run = (
            self._pc_alive
            and not self._stop_latched
            and (self._command == LineCommand.RUN or self._command == LineCommand.CLEAR)
        )
        feed_run = belt_run and self._command == LineCommand.RUN and self._inputs.air_ok
        setpoint = (self._setpoint_mm_s or self._default_speed_mm_s) if belt_run else 0.0
        last = self._outputs
        if (
            last.valves != self._valves
            or last.belt_run != belt_run
            or last.feed_run != feed_run
            or last.speed_setpoint_mm_s != setpoint
            or last.robots is not self._robots.outputs
        ):
            self._outputs = PlcOutputs(self._valves, belt_run, feed_run, setpoint, self._robots.outputs)
        return self._outputs
