"""What the SCADA server is fed with: plain data, of which this package knows nothing else.

Times are UTC datetimes, lengths millimetres, shares 0..1, what nobody knows is None.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum


class PackMLState(IntEnum):
    """The states of PackML that the line can be in, by their numbers in OPC 30050."""

    STOPPED = 2
    EXECUTE = 6
    STOPPING = 7
    ABORTED = 9
    HELD = 11


@dataclass(frozen=True, slots=True)
class ScadaLine:
    """What does not change while the line runs: names, limits, and what of it is simulated."""

    name: str
    simulated_parts: tuple[str, ...]
    outlets: tuple[str, ...]
    classes: tuple[str, ...]
    design_speed_mm_s: float
    purity_floor: Mapping[str, float] = field(default_factory=dict[str, float])


@dataclass(frozen=True, slots=True)
class ScadaAlarm:
    """An alarm that stands: stable code, one sentence, since when, severity 1 to 1000 as OPC UA has it."""

    code: str
    text: str
    since: datetime
    severity: int


@dataclass(frozen=True, slots=True)
class ScadaOrders:
    """What became of orders; sent = fired + late + refused + cancelled + lost + failed + open."""

    sent: int = 0
    acknowledged: int = 0
    fired: int = 0
    late: int = 0
    refused: int = 0
    cancelled: int = 0
    lost: int = 0
    failed: int = 0
    duplicated: int = 0
    retransmitted: int = 0


@dataclass(frozen=True, slots=True)
class ScadaPicture:
    """The line at the moment `at`. `pieces` are by outlet and class; `basis` says where they come from."""

    at: datetime
    state: str
    reason: str
    packml: PackMLState
    uptime_s: float
    speed_mm_s: float
    speed_setpoint_mm_s: float
    encoder: int
    seen: int
    outcomes: Mapping[str, int]
    missed_by_reason: Mapping[str, int]
    parts_per_s: float
    basis: str
    purity: Mapping[str, float | None]
    outlet_recovery: Mapping[str, float | None]
    class_recovery: Mapping[str, float | None]
    pieces: Mapping[str, Mapping[str, float]]
    value_ratio: float | None
    orders: ScadaOrders
    link_state: str
    link_reason: str
    link_up: bool
    reconnects: int
    camera_state: str
    frames_captured: int
    frames_processed: int
    frames_dropped: int
    latency_p50_ms: float | None
    latency_p99_ms: float | None
    latency_p999_ms: float | None
    e_stop_ok: bool | None
    air_ok: bool | None
    fire: bool | None
    faulty_valves: tuple[int, ...]
    alarms: tuple[ScadaAlarm, ...]
