"""What became of every part. Pure: no clock, no I/O.

A part is seen once, then decided, perhaps ordered, and ends in exactly one outcome. At any time
seen = outcomes + on the belt; when the line has stopped nothing is on the belt any more.
"""

from collections import Counter, deque
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from controller.decide import Decision
from controller.schedule import PlannedShot
from plc_bridge.contract import Receipt, ReceiptCode
from senbetsu_errors import Fatal

Outcome = Literal["ejected", "picked", "passed", "missed", "unknown"]
OUTCOMES: tuple[Outcome, ...] = ("ejected", "picked", "passed", "missed", "unknown")

RECENT_PARTS = 256
"""How many finished parts are kept for people to look at."""

_MISSED_REASON = {
    ReceiptCode.LATE: "late",
    ReceiptCode.REFUSED: "refused",
    ReceiptCode.CANCELLED: "cancelled",
    ReceiptCode.LOST: "lost",
    ReceiptCode.MISSED: "not gripped",
    ReceiptCode.DROPPED: "dropped",
    ReceiptCode.FAULT: "robot fault",
}


@dataclass(slots=True)
class Entry:
    """One part on its way, or finished when `outcome` is set. Counts are unwrapped."""

    decision: Decision
    gone_by_counts: float
    shot: PlannedShot | None = None
    outcome: Outcome | None = None
    missed_reason: str = ""
    receipt: Receipt | None = None


@dataclass(slots=True)
class Orders:
    """What became of orders; sent = fired + late + refused + cancelled + lost + failed + open, always. `failed`
    are picks that a robot began and did not bring about."""

    sent: int = 0
    acknowledged: int = 0
    fired: int = 0
    late: int = 0
    refused: int = 0
    cancelled: int = 0
    lost: int = 0
    failed: int = 0

    @property
    def open(self) -> int:
        """Orders sent whose end is not known yet."""
        return self.sent - self.fired - self.late - self.refused - self.cancelled - self.lost - self.failed


@dataclass(slots=True)
class Ledger:
    """The account of the line. Raises Fatal where it would not close: that is a defect."""

    default_outlet: str
    seen: int = 0
    outcomes: Counter[str] = field(default_factory=Counter[str])
    missed_by_reason: Counter[str] = field(default_factory=Counter[str])
    orders: Orders = field(default_factory=Orders)
    on_belt: dict[int, Entry] = field(default_factory=dict[int, Entry])
    expected: dict[str, NDArray[np.float64]] = field(default_factory=dict[str, NDArray[np.float64]])
    """Expected pieces of each class in each outlet, float64 [classes], by the class probabilities."""
    recent: deque[Entry] = field(default_factory=lambda: deque[Entry](maxlen=RECENT_PARTS))

    def decided(self, decision: Decision, gone_by_counts: float) -> None:
        """A part was seen and decided on; by `gone_by_counts` it has left the valve bar behind."""
        if decision.part.part_id in self.on_belt:
            raise Fatal("ledger.twice", f"Part {decision.part.part_id} was decided twice.", "Report this defect.")
        self.seen += 1
        self.on_belt[decision.part.part_id] = Entry(decision, gone_by_counts)

    def ordered(self, shot: PlannedShot) -> None:
        """An order for the part was handed to the link."""
        self.orders.sent += 1
        self.on_belt[shot.part_id].shot = shot

    def acknowledged(self) -> None:
        """The PLC has taken an order."""
        self.orders.acknowledged += 1

    def missed(self, part_id: int, reason: str) -> None:
        """The part could not be brought where it belongs."""
        self._close(part_id, "missed", reason)

    def receipt(self, part_id: int, receipt: Receipt) -> None:
        """An order ended. The part's own end follows from it, at once."""
        match receipt.code:
            case ReceiptCode.FIRED:
                self.orders.fired += 1
            case ReceiptCode.LATE:
                self.orders.late += 1
            case ReceiptCode.REFUSED:
                self.orders.refused += 1
            case ReceiptCode.CANCELLED:
                self.orders.cancelled += 1
            case ReceiptCode.LOST:
                self.orders.lost += 1
            case ReceiptCode.MISSED | ReceiptCode.DROPPED | ReceiptCode.FAULT:
                self.orders.failed += 1
        entry = self.on_belt.get(part_id)
        if entry is None:
            return
        entry.receipt = receipt
        if receipt.code is not ReceiptCode.FIRED:
            self._close(part_id, "missed", _MISSED_REASON[receipt.code])
        else:
            self._close(part_id, "unknown" if entry.decision.unknown else "ejected")

    def belt_at(self, counts: float) -> None:
        """Close the parts that were meant to pass and have left the valve bar behind."""
        gone = [i for i, e in self.on_belt.items() if e.shot is None and e.gone_by_counts <= counts]
        for part_id in gone:
            self._close(part_id, "unknown" if self.on_belt[part_id].decision.unknown else "passed")

    def stopped(self, reason: str) -> None:
        """The line stopped for good: whoever is still on the belt was missed, for this reason."""
        for part_id in list(self.on_belt):
            self._close(part_id, "missed", reason)

    def check(self) -> None:
        """Raise Fatal where the account does not close."""
        closed = sum(self.outcomes.values())
        if self.seen != closed + len(self.on_belt) or self.outcomes["missed"] != sum(self.missed_by_reason.values()):
            raise Fatal(
                "ledger.open",
                f"{self.seen} parts seen, {closed} ended, {len(self.on_belt)} on the belt.",
                "Report this defect.",
            )

    def _close(self, part_id: int, outcome: Outcome, reason: str = "") -> None:
        entry = self.on_belt.pop(part_id)
        entry.outcome = outcome
        entry.missed_reason = reason
        self.outcomes[outcome] += 1
        if outcome == "missed":
            self.missed_by_reason[reason] += 1
        decision = entry.decision
        missed_its_way = decision.actuated and outcome == "missed"
        landed = self.default_outlet if missed_its_way else decision.outlet
        probabilities = decision.part.probabilities.astype(np.float64)
        self.expected[landed] = self.expected.get(landed, np.zeros(len(probabilities))) + probabilities
        self.recent.append(entry)
