"""A line and its picture, for tests of the SCADA server; a clock that tests move."""

from datetime import UTC, datetime
from typing import Any

from plc_bridge.scada_picture import PackMLState, ScadaAlarm, ScadaLine, ScadaOrders, ScadaPicture

NOW = datetime(2026, 5, 4, 3, 2, 1, tzinfo=UTC)

LINE = ScadaLine(
    name="demo",
    simulated_parts=("plant",),
    outlets=("valuables", "残渣"),
    classes=("pcb", "ic"),
    design_speed_mm_s=1200.0,
    purity_floor={"valuables": 0.9},
)

_FIELDS: dict[str, Any] = {
    "at": NOW,
    "state": "running",
    "reason": "",
    "packml": PackMLState.EXECUTE,
    "uptime_s": 61.5,
    "speed_mm_s": 999.0,
    "speed_setpoint_mm_s": 1000.0,
    "encoder": 2**40,
    "seen": 10,
    "outcomes": {"ejected": 4, "passed": 3, "missed": 2},
    "missed_by_reason": {"late": 1, "link down": 1},
    "parts_per_s": 2.5,
    "basis": "estimated from class probabilities",
    "purity": {"valuables": 0.75, "残渣": None},
    "outlet_recovery": {"valuables": 0.5},
    "class_recovery": {"pcb": 0.25},
    "pieces": {"valuables": {"pcb": 3.0, "ic": 1.25}, "残渣": {"ic": 2.0}},
    "value_ratio": None,
    "orders": ScadaOrders(sent=6, acknowledged=5, fired=4, duplicated=1),
    "link_state": "connected",
    "link_reason": "",
    "link_up": True,
    "reconnects": 1,
    "camera_state": "ok",
    "frames_captured": 12,
    "frames_processed": 11,
    "frames_dropped": 1,
    "latency_p50_ms": 20.5,
    "latency_p99_ms": 31.0,
    "latency_p999_ms": None,
    "e_stop_ok": True,
    "air_ok": True,
    "fire": False,
    "faulty_valves": (3, 63),
    "alarms": (),
}

VALVES = ScadaAlarm("jets.valve_fault", "The PLC reports faulty valves: 3, 63.", NOW, 400)


def picture(**changes: Any) -> ScadaPicture:
    """The line running, with some fields changed."""
    return ScadaPicture(**{**_FIELDS, **changes})
