"""The seam to PLCs (contract).

A backend is a class with a pydantic model `Config` (its part of the configuration, which has a
literal field `backend`) and a constructor that takes it. It is registered by the entry point group
`senbetsu.plc_links`; built-ins register the same way and get no special treatment.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from plc_bridge.contract import LineCommand, LineStatus, Receipt


class LinkState(Enum):
    """Where a link stands."""

    DISCONNECTED = "disconnected"
    CONNECTING = "connecting"
    SETTLING = "settling"
    CONNECTED = "connected"
    LOST = "lost"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class LinkChange:
    """A link that came into `state` at loop time `at_s`, and why (empty when all is well)."""

    state: LinkState
    reason: str
    at_s: float


@dataclass(frozen=True, slots=True)
class LinkHealth:
    """A snapshot of a link's condition. Durations in seconds, counts since the link was made."""

    state: LinkState
    reason: str = ""
    reconnects: int = 0
    downtime_s: float = 0.0
    orders_lost: int = 0
    retransmitted: int = 0
    duplicated: int = 0
    round_trip_s: float = 0.0
    stray_replies: int = 0
    """Replies that were late or another's, and dropped."""


@dataclass(frozen=True, slots=True)
class Shot:
    """What the controller wants opened: a `JetOrder` that has no sequence number yet."""

    lane_first: int
    lane_last: int
    on_count: int
    off_count: int


@dataclass(frozen=True, slots=True)
class Submitted:
    """An order on its way. `acknowledged` is done when the PLC has taken it (or it ended before),
    with the loop time of the acknowledgement; `receipt` when it ended. Neither is ever cancelled or
    failed by the link: an order nobody can account for ends as ReceiptCode.LOST."""

    seq: int
    acknowledged: "asyncio.Future[float]"
    receipt: "asyncio.Future[Receipt]"


class PlcLink(Protocol):
    """A PLC, real or virtual.

    `connect` starts the link's own supervisor task and returns at once: a PLC that is not there is
    a state in `health`, not an error, and the supervisor keeps trying. `statuses` yields each new
    status block as it is read (the newest; a slow reader misses old ones, never blocks the link).
    `changes` yields the link's state as it is and then every change of it.
    `submit` hands orders to the link without waiting; they are delivered exactly once, in order. It
    raises `senbetsu_errors.Retryable` (code `plc.link_down` or `plc.window_full`) and takes none of
    them when they cannot be delivered now. `command` sets the line command that every cycle repeats.
    `beat` advances the PC heartbeat: the controller calls it when its deepest stage showed life.
    `close` accounts for every open order, then closes sockets.
    """

    async def connect(self) -> None:
        """Start the supervisor task; return without waiting for the PLC."""
        ...

    async def close(self) -> None:
        """Account for every open order, stop the supervisor, close sockets."""
        ...

    def statuses(self) -> AsyncIterator[LineStatus]:
        """Each new status block, the newest first; ends when the link is closed."""
        ...

    def changes(self) -> AsyncIterator[LinkChange]:
        """The state now, then each change; ends with CLOSED."""
        ...

    def submit(self, shots: Sequence[Shot]) -> Sequence[Submitted]:
        """Hand over orders without waiting; all of them or, with `Retryable`, none."""
        ...

    def command(self, command: LineCommand, speed_setpoint_mm_s: float) -> None:
        """Set what every cycle repeats to the PLC from now on."""
        ...

    def beat(self) -> None:
        """Advance the PC heartbeat by one."""
        ...

    @property
    def health(self) -> LinkHealth:
        """The link as it stands now."""
        ...
