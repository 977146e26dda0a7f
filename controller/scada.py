"""From the runtime's snapshot to what the SCADA server shows. Pure; docs/integrators/scada.md has the states."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime, timedelta

from controller.config import LineConfig
from controller.line_state import LineState
from controller.snapshot import Snapshot
from plc_bridge.link import LinkState
from plc_bridge.scada_picture import PackMLState, ScadaAlarm, ScadaLine, ScadaOrders, ScadaPicture

_PACKML = {
    LineState.RUNNING: PackMLState.EXECUTE,
    LineState.CLEARING: PackMLState.STOPPING,
    LineState.STOPPED: PackMLState.STOPPED,
    LineState.WAITING_FOR_PLC: PackMLState.ABORTED,
    LineState.WAITING_FOR_CAMERA: PackMLState.HELD,
}


def packml_state(state: LineState, e_stop_ok: bool, fire: bool) -> PackMLState:
    """The state of PackML that a line state corresponds to; not ready is Aborted for safety's sake, else Held."""
    if state is LineState.NOT_READY:
        return PackMLState.HELD if e_stop_ok and not fire else PackMLState.ABORTED
    return _PACKML[state]


def scada_line(config: LineConfig, labels: Sequence[str]) -> ScadaLine:
    """What does not change while the line runs."""
    outlets = config.recipe.outlets
    return ScadaLine(
        name=config.line.name,
        simulated_parts=config.simulated_parts,
        outlets=tuple(outlet.id for outlet in outlets),
        classes=tuple(labels),
        design_speed_mm_s=config.belt.speed_mm_s,
        purity_floor={outlet.id: outlet.min_purity for outlet in outlets if outlet.min_purity is not None},
    )


SAME_ALARM_WITHIN = timedelta(seconds=1)
"""An alarm that came and went in less than this is taken for one that stood."""


def picture_of(snapshot: Snapshot, at: datetime, before: ScadaPicture | None = None) -> ScadaPicture:
    """What a snapshot that was taken `at` (UTC) shows; an alarm that stood `before` keeps the time it had there."""
    known = {alarm.code: alarm.since for alarm in before.alarms} if before else {}

    def since(code: str, for_s: float) -> datetime:
        # Worked out anew each time it would tremble by milliseconds, and every client be told so.
        stood = at - timedelta(seconds=for_s)
        return known[code] if code in known and abs(known[code] - stood) < SAME_ALARM_WITHIN else stood

    inputs = snapshot.inputs
    link = snapshot.links["plc"]
    return ScadaPicture(
        at=at,
        state=snapshot.state,
        reason=snapshot.reason,
        packml=packml_state(
            LineState(snapshot.state), inputs is not None and inputs.e_stop_ok, inputs is not None and inputs.fire
        ),
        uptime_s=snapshot.uptime_s,
        speed_mm_s=snapshot.speed_mm_s,
        speed_setpoint_mm_s=snapshot.speed_setpoint_mm_s,
        encoder=snapshot.encoder,
        seen=snapshot.seen,
        outcomes=snapshot.outcomes,
        missed_by_reason=dict(sorted(snapshot.missed_by_reason.items())),
        parts_per_s=snapshot.parts_per_s,
        basis=snapshot.basis,
        purity=snapshot.purity,
        outlet_recovery=snapshot.outlet_recovery,
        class_recovery=snapshot.recovery,
        pieces=snapshot.landed,
        value_ratio=snapshot.value_ratio,
        orders=ScadaOrders(**asdict(snapshot.orders)),
        link_state=link.state,
        link_reason=link.reason,
        link_up=link.state == LinkState.CONNECTED.value,
        reconnects=link.reconnects,
        camera_state=snapshot.camera.state,
        frames_captured=snapshot.camera.frames_captured,
        frames_processed=snapshot.camera.frames_processed,
        frames_dropped=snapshot.camera.frames_dropped,
        latency_p50_ms=snapshot.latency.p50_ms,
        latency_p99_ms=snapshot.latency.p99_ms,
        latency_p999_ms=snapshot.latency.p999_ms,
        e_stop_ok=inputs.e_stop_ok if inputs else None,
        air_ok=inputs.air_ok if inputs else None,
        fire=inputs.fire if inputs else None,
        faulty_valves=snapshot.faulty_valves,
        alarms=tuple(
            ScadaAlarm(alarm.code, alarm.text, since(alarm.code, alarm.since_s), alarm.severity)
            for alarm in snapshot.alarms
        ),
    )
