"""The PLC contract: what crosses the wire, whatever the protocol (docs/integrators/plc-contract.md)."""

from dataclasses import dataclass
from enum import IntEnum, IntFlag
from typing import ClassVar

RECEIPT_RING_SIZE = 16
"""How many receipts the status block carries; the PLC overwrites the oldest."""

RECEIPT_HISTORY_SIZE = 256
"""How many receipts a PLC with a history ring remembers, and how many orders may therefore be open: every
open order ends with one receipt, so no unread one can be overwritten while no more are open than it holds."""

MAILBOX_SIZE = 12
"""How many order records one write carries where the tag map says no other: header + 12 x 9 registers stay
under FC16's 123."""

LARGEST_ROBOT_COUNT = 8
"""How many robots one PLC serves at most."""

ROBOT_QUEUE_SIZE = 16
"""How many picks may be open on one robot; a PLC refuses more."""


class LineFlags(IntFlag):
    """The PLC's own view of the machine. Safety inputs are read here, never reset. PC_ALIVE: a controller's
    heartbeat moves, whichever controller it is."""

    E_STOP_OK = 1
    BELT_RUNNING = 2
    AIR_OK = 4
    READY = 8
    FIRE = 16
    PC_ALIVE = 32


class LineCommand(IntEnum):
    """What the controller asks of the line. CLEAR runs the belt with the feed off; in MAINTENANCE belt and
    feed are off, jet orders are refused and a single valve may be pulsed."""

    NONE = 0
    RUN = 1
    CLEAR = 2
    STOP = 3
    MAINTENANCE = 4


class OrderKind(IntEnum):
    """What an order record asks for. JET: valves open over a window of counts, for a part. PULSE: valves
    open at once for a time, to test them; the belt may stand. PICK: a robot takes a part from the belt."""

    JET = 1
    PULSE = 2
    PICK = 3


LONGEST_PULSE_MS = 1000
"""A PLC refuses a longer test pulse."""


@dataclass(frozen=True, slots=True)
class JetOrder:
    """Open valves `lane_first`..`lane_last` (0-based, inclusive) while the encoder is in
    [on_count, off_count). Counts are raw 32-bit, wrapped, at the valve bar's own belt position:
    the count at which air shall leave the nozzle. `seq` is 1.. within a PC epoch, 32 bit.

    Of kind PULSE it opens them at once for `on_count` milliseconds of valve current; `off_count` is 0.
    """

    seq: int
    lane_first: int
    lane_last: int
    on_count: int
    off_count: int
    kind: OrderKind = OrderKind.JET


@dataclass(frozen=True, slots=True)
class PickOrder:
    """Take a part from the moving belt with robot `robot` (0-based) and put it into outlet `outlet_index`.

    The part's grip point lies `x_mm` across from the belt's left edge, and stands `y_mm` downstream of the
    robot's datum line when the encoder is at `pick_count` (raw 32-bit; y_mm is usually 0). `theta_deg` is the
    grip's angle, counter-clockwise from downstream; `height_mm` how high the grip point is above the belt.
    `seq` is of the same sequence as that of jet orders.
    """

    kind: ClassVar[OrderKind] = OrderKind.PICK
    seq: int
    robot: int
    x_mm: float
    y_mm: float
    theta_deg: float
    height_mm: float
    class_index: int
    outlet_index: int
    pick_count: int


OrderRecord = JetOrder | PickOrder


class ReceiptCode(IntEnum):
    """How an order ended. LOST is the controller's own verdict when link, PLC or controller restarted and
    nobody can say; the PLC reports the others. FIRED: the valves opened, or the part was picked; CANCELLED:
    a stop dropped it. Of picks only: MISSED, nothing was gripped; DROPPED, the part was lost on the way;
    FAULT, the robot failed."""

    FIRED = 1
    LATE = 2
    REFUSED = 3
    CANCELLED = 4
    LOST = 5
    MISSED = 6
    DROPPED = 7
    FAULT = 8


PLC_RECEIPT_CODES = frozenset(ReceiptCode) - {ReceiptCode.LOST}
"""The codes that a PLC reports."""


class RobotFlags(IntFlag):
    """The state of one robot. READY: its program runs and takes jobs. AUTOMATIC: no person moves it."""

    READY = 1
    AUTOMATIC = 2
    FAULT = 4


@dataclass(frozen=True, slots=True)
class RobotStatus:
    """One robot as the PLC sees it. `active_seq` is the pick it works on, 0 for none; `job_done` the pick of
    this session that ended last, 0 for none, and `job_result` how (a ReceiptCode, 0 for none); `fault` the
    robot's own fault code, 0 for none. Every pick's end is a receipt as well, and only that counts."""

    flags: RobotFlags
    active_seq: int
    job_done: int
    job_result: int
    fault: int


@dataclass(frozen=True, slots=True)
class Receipt:
    """How order `seq` ended. `count` is the raw encoder count at which the PLC decided that."""

    seq: int
    code: ReceiptCode
    count: int


@dataclass(frozen=True, slots=True)
class LineStatus:
    """The status block, PLC to PC, read in one request.

    Integers as on the wire: `encoder` raw u32, `belt_speed_mm_s` float32, counters u32 that count
    since the PLC's `epoch` began. `epoch` changes at every PLC restart. `pc_epoch_seen` is the PC
    epoch whose orders `last_seq` counts. `receipts` are the newest first-to-last, at most
    RECEIPT_RING_SIZE, and `receipt_total` says how many were ever written in this epoch, so a
    reader sees whether it missed any. `valve_fault` has bit n set where valve n is faulty (64 bit).
    `robots` is empty where the tag map has none. `received_at_s` is the event loop's clock when the reply
    arrived (not on the wire).
    """

    epoch: int
    heartbeat: int
    flags: LineFlags
    encoder: int
    belt_speed_mm_s: float
    pc_epoch_seen: int
    batch_seen: int
    last_seq: int
    queue_free: int
    fired: int
    late: int
    refused: int
    duplicated: int
    valve_fault: int
    trigger_seq: int
    trigger_encoder: int
    receipt_total: int
    receipts: tuple[Receipt, ...]
    robots: tuple[RobotStatus, ...] = ()
    received_at_s: float = 0.0


@dataclass(frozen=True, slots=True)
class CommandImage:
    """The command block, PC to PLC, written in one request.

    The PLC takes `orders` in sequence once for each new `batch` number: a record it has seen is
    counted as duplicated and ignored, a gap ends the batch (the PC sends again from the gap).
    A new `pc_epoch` means a new session of a PC: the PLC drops its queue and expects seq 1. Its high half
    repeats the low half of the PLC's own epoch, its low half counts sessions upwards, so that a PLC which
    restarted ignores blocks that were meant for its earlier run.
    `pc_heartbeat` (u16, wraps) moves only while the controller's deepest stage is alive.
    """

    pc_epoch: int
    pc_heartbeat: int
    line_command: LineCommand
    speed_setpoint_mm_s: float
    batch: int
    orders: tuple[OrderRecord, ...]
