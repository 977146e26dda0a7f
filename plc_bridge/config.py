"""What every PLC backend's configuration has in common."""

import ipaddress
from typing import Self

from pydantic import BaseModel, Field, model_validator

from plc_bridge.contract import RECEIPT_HISTORY_SIZE

CONTROLLER_SHARE = 0.8
"""The controller gives a silent PLC up at this share of the heartbeat budget, the PLC a silent controller at
the whole of it: so it is the controller that stops first, while the PLC still fires what it was told to."""

DEFAULT_BUDGET_MM = 500.0
"""The heartbeat budget of a line that states none and has the room."""


class PlcConfig(BaseModel, frozen=True, extra="forbid"):
    """Base of each backend's `Config`: how often, how long, how patiently.

    A backend narrows `backend` to its own literal name and adds its address.
    """

    backend: str = Field(title="Backend", description="Name of the PLC backend, for example modbus, opcua or memory.")
    cycle_ms: float = Field(
        default=10,
        ge=1,
        le=1000,
        title="Cycle",
        description="How often the status is read and the command, with the PC heartbeat in it, is written.",
    )
    request_timeout_ms: float = Field(
        default=200,
        ge=1,
        le=10_000,
        title="Request timeout",
        description="How long one request may take before it is given up; the next cycle asks again. "
        "Left out, at most so long that one lost request is no lost link.",
    )
    connect_timeout_ms: float = Field(
        default=2000,
        ge=10,
        le=60_000,
        title="Connect timeout",
        description="How long opening the connection, with its security, may take.",
    )
    heartbeat_budget_mm: float | None = Field(
        default=None,
        gt=0,
        le=100_000,
        title="Heartbeat budget",
        description="How far the belt may travel at full speed until either side has noticed that the other fell "
        "silent: the PLC after all of it, the controller after four fifths. Left out, the belt from where parts are "
        "decided on to the valves, at most 500 mm.",
    )
    heartbeat_timeout_ms: float = Field(
        default=500,
        ge=10,
        le=60_000,
        title="PLC heartbeat timeout",
        description="The link is lost when the PLC's heartbeat has not been seen to move for this long. Leave it out: "
        "it follows from heartbeat_budget_mm and the belt's speed.",
    )
    settle_after_connect_ms: float = Field(
        default=0,
        ge=0,
        le=60_000,
        title="Settle time",
        description="How long after a connection orders are still held back, for devices that need it.",
    )
    reconnect_min_ms: float = Field(
        default=100,
        ge=1,
        le=60_000,
        title="First reconnect delay",
        description="The wait before the first attempt to reconnect; it doubles with each failure.",
    )
    reconnect_max_ms: float = Field(
        default=2000,
        ge=1,
        le=60_000,
        title="Longest reconnect delay",
        description="The wait between attempts to reconnect never grows beyond this.",
    )
    reconnect_jitter: float = Field(
        default=0.2,
        ge=0,
        le=1,
        title="Reconnect jitter",
        description="Share of the wait that is random, so that lines do not return all at once.",
    )
    account_lost_after_ms: float = Field(
        default=2000,
        ge=0,
        le=600_000,
        title="Account as lost after",
        description="When the link has been down this long, open orders are accounted as lost. "
        "A link that returns earlier to the same PLC run still learns how they ended.",
    )
    window_orders: int = Field(
        default=256,
        ge=1,
        le=RECEIPT_HISTORY_SIZE,
        title="Order window",
        description="How many orders may be open (sent and not ended) at a time: never more than the PLC remembers "
        "receipts of.",
    )

    def on_belt(self, speed_mm_s: float, room_mm: float) -> Self:
        """The same with the times that follow from `heartbeat_budget_mm` on a belt of full speed
        `speed_mm_s` with `room_mm` from where parts are decided on to the valves. What is stated stays."""
        times: dict[str, float] = {}
        timeout_ms = self.heartbeat_timeout_ms
        budget_mm = self.heartbeat_budget_mm or min(DEFAULT_BUDGET_MM, room_mm)
        if "heartbeat_timeout_ms" not in self.model_fields_set:
            timeout_ms = times["heartbeat_timeout_ms"] = CONTROLLER_SHARE * budget_mm / speed_mm_s * 1000
        if "request_timeout_ms" not in self.model_fields_set:
            times["request_timeout_ms"] = max(1.0, min(self.request_timeout_ms, timeout_ms / 2 - self.cycle_ms))
        return self.model_copy(update=times)

    @property
    def pc_timeout_ms(self) -> float:
        """After how long the PLC shall act on a controller's heartbeat that stands."""
        return self.heartbeat_timeout_ms / CONTROLLER_SHARE

    @model_validator(mode="after")
    def _bounds_agree(self) -> Self:
        if self.reconnect_max_ms < self.reconnect_min_ms:
            raise ValueError(
                f"reconnect_max_ms ({self.reconnect_max_ms:g}) is below reconnect_min_ms ({self.reconnect_min_ms:g})"
            )
        if self.heartbeat_timeout_ms < 2 * self.cycle_ms:
            raise ValueError(
                f"heartbeat_timeout_ms ({self.heartbeat_timeout_ms:g}) must be at least twice cycle_ms "
                f"({self.cycle_ms:g}): one late cycle would count as a lost PLC"
            )
        return self


def is_loopback(host: str) -> bool:
    """Whether `host` is this computer and nobody else can reach it."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
