"""Exactly-once delivery of orders, without I/O: what to write next, what a status block means.

The PC opens a *session* with each run of the PLC. `pc_epoch` names it: its high half repeats the
low half of the PLC's own epoch, its low half counts sessions upwards. So a PLC that restarted
ignores blocks meant for its earlier run, and blocks of an older session that were under way for
long. A session is open once the PLC answers with its `pc_epoch`; orders are sent only then.

Within a session orders are numbered from 1. A batch holds the oldest orders the PLC has not taken;
the same batch is written again every cycle until the PLC says `batch_seen`, and it takes a batch
number once. What it takes twice all the same, it drops by the sequence number.

Receipts are taken in the order of their numbers. The status block shows the newest; where more were
written since the last block than it shows, the channel says which it wants from the PLC's history
ring (`wanted_receipts`), and takes none until it has them. So the receipts it has not taken are never
more than the orders that are open, and the ring, which holds at least a window, overwrites none of
them. What a PLC without such a ring overwrote is LOST.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice

from plc_bridge.contract import (
    MAILBOX_SIZE,
    CommandImage,
    JetOrder,
    LineCommand,
    LineStatus,
    OrderRecord,
    PickOrder,
    Receipt,
    ReceiptCode,
)
from plc_bridge.link import Pick, Shot
from senbetsu_errors import Retryable

RECEIPTS_PER_READ = 50
"""How many receipts are wanted at a time: two Modbus requests of 125 registers."""

_NOTHING_FETCHED: tuple[range, Sequence[Receipt]] = (range(0), ())
_WRAP = 0x1_0000_0000
_HALF = 0x8000_0000


@dataclass(frozen=True, slots=True)
class ChannelNews:
    """What one status block told: sequence numbers the PLC has taken now, orders that ended, and
    whether someone else opened a session with this PLC over ours."""

    acknowledged: tuple[int, ...] = ()
    ended: tuple[Receipt, ...] = ()
    taken_over: bool = False


class OrderChannel:
    """The PC's side of the order protocol with one PLC.

    `session_step` is by how much a new session's number exceeds the last one the PLC has seen; real
    links choose it at random (1..1024) so that two controllers on one PLC are found out.
    `receipt_history` is how many receipts the PLC remembers besides those it shows, 0 for none,
    `mailbox_size` how many orders fit a batch.
    `retransmitted` counts orders written again because the PLC had not yet shown that it took them.
    """

    def __init__(
        self,
        window_orders: int,
        session_step: int = 1,
        receipt_history: int = 0,
        mailbox_size: int = MAILBOX_SIZE,
    ) -> None:
        self._window_orders = window_orders
        self._mailbox_size = mailbox_size
        self._receipt_history = receipt_history
        self._session_step = session_step
        self._plc_epoch: int | None = None
        self._encoder = 0
        self.retransmitted = 0
        self._start_session(0)

    def _start_session(self, pc_epoch: int) -> None:
        self.pc_epoch = pc_epoch
        self.established = False
        self._open: dict[int, OrderRecord] = {}
        self._unacknowledged: deque[OrderRecord] = deque()
        self._last_offered = 0
        self._last_acknowledged = 0
        self._batch = 0
        self._batch_seen = 0
        self._batch_orders: tuple[OrderRecord, ...] = ()
        self._batch_written = False
        self._receipts_seen = 0
        self._receipts_missed = 0
        self._wanted: range | None = None
        self._fetched = _NOTHING_FETCHED
        self._queue_capacity = 0

    @property
    def open_orders(self) -> int:
        """How many orders were offered and have not ended."""
        return len(self._open)

    def offer(self, shots: Sequence[Shot | Pick]) -> Sequence[int]:
        """Take `shots` for delivery and return their sequence numbers, or raise and take none.

        Raises `Retryable` `plc.link_down` without an open session, `plc.window_full` when the
        window has no room for all of them.
        """
        if not self.established:
            raise Retryable("plc.link_down", "The PLC has not opened an order session yet.", "Wait for the link.")
        if len(self._open) + len(shots) > self._window_orders:
            raise Retryable(
                "plc.window_full",
                f"{len(self._open)} orders are open and {len(shots)} more do not fit the window of "
                f"{self._window_orders}.",
                "Check that the belt moves and the PLC reports receipts, or raise plc.window_orders.",
            )
        sequence_numbers: list[int] = []
        for shot in shots:
            seq = self._last_offered = (self._last_offered + 1) % _WRAP
            order = _numbered(seq, shot)
            self._open[seq] = order
            self._unacknowledged.append(order)
            sequence_numbers.append(seq)
        return sequence_numbers

    def on_status(self, status: LineStatus) -> ChannelNews:
        """Learn from a status block."""
        self._encoder = status.encoder
        if status.epoch != self._plc_epoch:
            ended = self._lose_all()
            self._plc_epoch = status.epoch
            self._open_session(status.epoch, status.pc_epoch_seen)
            return ChannelNews(ended=ended)
        if not self.established:
            return self._while_opening(status)
        if status.pc_epoch_seen != self.pc_epoch or self._ahead(status.last_seq, self._last_offered) > 0:
            ended = self._lose_all()
            self._open_session(status.epoch, status.pc_epoch_seen)
            return ChannelNews(ended=ended, taken_over=True)
        return self._in_session(status)

    def image(self, pc_heartbeat: int, line_command: LineCommand, speed_setpoint_mm_s: float) -> CommandImage | None:
        """The block to write now; None before the first status told which PLC this is."""
        if self.pc_epoch == 0:
            return None
        if self._batch_seen != self._batch:
            if self._batch_written:
                self.retransmitted += len(self._batch_orders)
        elif self._unacknowledged:
            self._batch = (self._batch + 1) % _WRAP
            self._batch_orders = tuple(islice(self._unacknowledged, self._mailbox_size))
        self._batch_written = self._batch_seen != self._batch
        return CommandImage(
            pc_epoch=self.pc_epoch,
            pc_heartbeat=pc_heartbeat,
            line_command=line_command,
            speed_setpoint_mm_s=speed_setpoint_mm_s,
            batch=self._batch,
            orders=self._batch_orders,
        )

    @property
    def wanted_receipts(self) -> range | None:
        """Numbers of the receipts to read from the PLC's history now; None when none are missing."""
        return self._wanted

    @property
    def up_to_date(self) -> bool:
        """Whether the session is open and every receipt that was ever written in it is known."""
        return self.established and self._wanted is None

    def on_receipts(self, numbers: range, receipts: Sequence[Receipt]) -> None:
        """Learn what the history's slots of `numbers` hold. It counts with the next status, which must
        be read afterwards: it tells which slots cannot have been overwritten before they were read."""
        if numbers == self._wanted:
            self._fetched = (numbers, receipts)

    @property
    def batch_under_way(self) -> bool:
        """Whether a batch was written that the PLC has not yet shown to have taken."""
        return self._batch_seen != self._batch

    def has_news_to_write(self) -> bool:
        """Whether a new batch could be written at once: orders wait and none is under way."""
        return bool(self._unacknowledged) and self._batch_seen == self._batch

    def abandon(self) -> Sequence[Receipt]:
        """Account every open order as LOST and ask for a new session, which makes the PLC drop
        whatever of the old one it still holds. For a link that has been down for too long."""
        ended = self._lose_all()
        if self._plc_epoch is not None and (ended or self.established):
            self._open_session(self._plc_epoch, self.pc_epoch)
        return ended

    def _while_opening(self, status: LineStatus) -> ChannelNews:
        if status.pc_epoch_seen == self.pc_epoch and status.last_seq:
            self._open_session(status.epoch, status.pc_epoch_seen)  # somebody's orders were taken in it
        elif status.pc_epoch_seen == self.pc_epoch:
            self.established = True
            self._receipts_seen = status.receipt_total
            self._queue_capacity = status.queue_free
        elif status.pc_epoch_seen >> 16 == self.pc_epoch >> 16:
            sessions_ahead = (status.pc_epoch_seen - self.pc_epoch) & 0xFFFF
            if sessions_ahead < 0x8000:  # the PLC knows a newer session than ours: go above it
                self._open_session(status.epoch, status.pc_epoch_seen)
        return ChannelNews()

    def _in_session(self, status: LineStatus) -> ChannelNews:
        new_receipts = self._ahead(status.receipt_total, self._receipts_seen)
        if new_receipts < 0 or self._ahead(status.last_seq, self._last_acknowledged) < 0:
            return ChannelNews()  # an old block that came late: newer ones are already known
        self._batch_seen = status.batch_seen
        if self._batch_seen == self._batch:
            self._batch_orders = ()
        waiting = self._unacknowledged
        taken = self._ahead(status.last_seq, waiting[0].seq) + 1 if waiting else 0
        acknowledged = [waiting.popleft().seq for _ in range(min(taken, len(waiting)))]
        self._last_acknowledged = status.last_seq
        ended = [*self._take_fetched(status), *self._take_shown(status)]
        if self._receipts_missed and self._wanted is None:
            ended.extend(self._account_missed(status))
        return ChannelNews(tuple(acknowledged), tuple(ended))

    def _take_fetched(self, status: LineStatus) -> Sequence[Receipt]:
        """Take what was read from the history, but for slots that may have been overwritten."""
        (numbers, receipts), self._fetched = self._fetched, _NOTHING_FETCHED
        ended: list[Receipt] = []
        for index, number in enumerate(numbers):
            if number != self._receipts_seen or self._ahead(status.receipt_total, number) > self._receipt_history:
                continue
            self._receipts_seen = (number + 1) % _WRAP
            if index < len(receipts):
                ended.extend(self._close(receipts[index]))
            else:
                self._receipts_missed += 1  # the slot was never written, against the PLC's own count
        return ended

    def _take_shown(self, status: LineStatus) -> Sequence[Receipt]:
        """Take the receipts of the status block, or say which are wanted before them."""
        new_receipts = self._ahead(status.receipt_total, self._receipts_seen)
        unshown = new_receipts - len(status.receipts)
        if unshown > 0 and self._receipt_history > len(status.receipts):
            overwritten = max(0, new_receipts - self._receipt_history)
            self._receipts_missed += overwritten
            self._receipts_seen = (self._receipts_seen + overwritten) % _WRAP
            wanted = min(unshown - overwritten, RECEIPTS_PER_READ, _WRAP - self._receipts_seen)
            self._wanted = range(self._receipts_seen, self._receipts_seen + wanted)
            return ()
        self._wanted = None
        self._receipts_missed += max(0, unshown)
        self._receipts_seen = status.receipt_total
        shown = status.receipts[-new_receipts:] if new_receipts else ()
        return [receipt for given in shown for receipt in self._close(given)]

    def _close(self, receipt: Receipt) -> Sequence[Receipt]:
        """End the order of a receipt. A receipt of none that is open stands where another's was."""
        if self._open.pop(receipt.seq, None) is not None:
            return (receipt,)
        self._receipts_missed += 1
        return ()

    def _account_missed(self, status: LineStatus) -> Sequence[Receipt]:
        """Receipts were overwritten before they were read: find the orders they were about.

        An order that the PLC took and that has no receipt is either still in its queue or one of
        the missed. It cannot be in the queue when that is empty, or when its window has passed; a pick
        has none that the controller knows.
        """
        queue_is_empty = status.queue_free >= self._queue_capacity
        ended: list[Receipt] = []
        for seq, order in list(self._open.items()):
            taken = self._ahead(status.last_seq, seq) >= 0
            passed = isinstance(order, JetOrder) and self._ahead(status.encoder, order.off_count) > 0
            if taken and (queue_is_empty or passed):
                del self._open[seq]
                ended.append(Receipt(seq, ReceiptCode.LOST, status.encoder))
        self._receipts_missed = 0 if queue_is_empty else max(0, self._receipts_missed - len(ended))
        return ended

    def _lose_all(self) -> tuple[Receipt, ...]:
        ended = tuple(Receipt(seq, ReceiptCode.LOST, self._encoder) for seq in self._open)
        self._open.clear()
        return ended

    def _open_session(self, plc_epoch: int, pc_epoch_seen: int) -> None:
        """Choose the session after the last one this run of the PLC has seen, and after every one of ours:
        a number used twice would make the PLC take new orders for those it had."""
        run = (plc_epoch & 0xFFFF) << 16
        last = self.pc_epoch & 0xFFFF
        if pc_epoch_seen >> 16 == run >> 16 and (pc_epoch_seen - last) & 0xFFFF < 0x8000:
            last = pc_epoch_seen & 0xFFFF
        session = (last + self._session_step) & 0xFFFF
        self._start_session(run | (session or 1))

    @staticmethod
    def _ahead(later: int, earlier: int) -> int:
        """Signed distance between two counters modulo 2**32."""
        return (later - earlier + _HALF) % _WRAP - _HALF


def _numbered(seq: int, shot: Shot | Pick) -> OrderRecord:
    if isinstance(shot, Shot):
        return JetOrder(seq, shot.lane_first, shot.lane_last, shot.on_count, shot.off_count, shot.kind)
    return PickOrder(
        seq=seq,
        robot=shot.robot,
        x_mm=shot.x_mm,
        y_mm=shot.y_mm,
        theta_deg=shot.theta_deg,
        height_mm=shot.height_mm,
        class_index=shot.class_index,
        outlet_index=shot.outlet_index,
        pick_count=shot.pick_count,
    )
