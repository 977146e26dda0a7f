"""The seam to PLCs (contract).

A backend is a class with a pydantic model `Config` (its part of the configuration, which has a
literal field `backend`) and a constructor that takes it. It is registered by the entry point group
`senbetsu.plc_links`; built-ins register the same way and get no special treatment.
"""

import asyncio
import math
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from plc_bridge.contract import LineCommand, LineStatus, OrderKind, Receipt


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
    kind: OrderKind = OrderKind.JET

    @staticmethod
    def pulse(lane: int, duration_ms: int) -> "Shot":
        """A test pulse of one valve, which a PLC takes in MAINTENANCE only."""
        return Shot(lane, lane, duration_ms, 0, OrderKind.PULSE)


@dataclass(frozen=True, slots=True)
class Pick:
    """What the controller wants picked: a `PickOrder` that has no sequence number yet. Raises ValueError for
    lengths that are no place on a belt."""

    robot: int
    x_mm: float
    y_mm: float
    theta_deg: float
    height_mm: float
    class_index: int
    outlet_index: int
    pick_count: int

    def __post_init__(self) -> None:
        for value in (self.x_mm, self.y_mm, self.theta_deg, self.height_mm):
            if not math.isfinite(value) or abs(value) > _FARTHEST:
                raise ValueError(f"{value} is no part of a pose on a belt")


_FARTHEST = 1e6
"""Millimetres or degrees."""


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
    them when they cannot be delivered now, `NeedsOperator` (code `plc.no_picks` or `plc.tag_map`) when they
    hold a pick that this device cannot be told. `command` sets the line command that every cycle repeats.
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

    def submit(self, shots: Sequence[Shot | Pick]) -> Sequence[Submitted]:
        """Hand over orders without waiting; all of them or, with an error, none."""
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
