"""The PLC contract: what crosses the wire, whatever the protocol (docs/integrators/plc-contract.md)."""

from dataclasses import dataclass
from enum import IntEnum, IntFlag

RECEIPT_RING_SIZE = 16
"""How many receipts the status block carries; the PLC overwrites the oldest."""

RECEIPT_HISTORY_SIZE = 256
"""How many receipts a PLC with a history ring remembers, and how many orders may therefore be open: every
open order ends with one receipt, so no unread one can be overwritten while no more are open than it holds."""

MAILBOX_SIZE = 12
"""How many order records one write carries: header + 12 x 9 registers stay under FC16's 123."""


class LineFlags(IntFlag):
    """The PLC's own view of the machine. Safety inputs are read here, never reset."""

    E_STOP_OK = 1
    BELT_RUNNING = 2
    AIR_OK = 4
    READY = 8
    FIRE = 16


class LineCommand(IntEnum):
    """What the controller asks of the line. CLEAR runs the belt with the feed off."""

    NONE = 0
    RUN = 1
    CLEAR = 2
    STOP = 3


class OrderKind(IntEnum):
    """What an order record asks for."""

    JET = 1


@dataclass(frozen=True, slots=True)
class JetOrder:
    """Open valves `lane_first`..`lane_last` (0-based, inclusive) while the encoder is in
    [on_count, off_count). Counts are raw 32-bit, wrapped, at the valve bar's own belt position:
    the count at which air shall leave the nozzle. `seq` is 1.. within a PC epoch, 32 bit."""

    seq: int
    lane_first: int
    lane_last: int
    on_count: int
    off_count: int


class ReceiptCode(IntEnum):
    """How an order ended. The PLC reports the first four; LOST is the controller's own verdict when
    link, PLC or controller restarted and nobody can say; CANCELLED when a stop dropped it."""

    FIRED = 1
    LATE = 2
    REFUSED = 3
    CANCELLED = 4
    LOST = 5


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
    `received_at_s` is the event loop's clock when the reply arrived (not on the wire).
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
    orders: tuple[JetOrder, ...]
