"""The line as people see it: a snapshot of the runtime's state for terminal and HMI. Pure."""

from collections.abc import Mapping
from dataclasses import asdict
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from controller.config import LineConfig, Recipe
from controller.config.calibration import residuals
from controller.ledger import Entry
from controller.line_state import LineState, faulty_valves
from controller.runtime import Line
from controller.schedule import PlannedShot
from controller.shadow import rerouted
from controller.snapshot import (
    AlarmView,
    CalibrationView,
    CameraView,
    InputsView,
    LatencyView,
    LinkView,
    MetricView,
    OddView,
    OrdersView,
    PartStatus,
    PartView,
    ShadowView,
    ShotResult,
    ShotView,
    Snapshot,
)
from controller.summary import percentiles_ms, quality, value_ratio
from plc_bridge.contract import LineFlags, ReceiptCode
from plc_bridge.link import LinkState
from vision.results import ShadowReport

_RESULTS: dict[ReceiptCode, ShotResult] = {
    ReceiptCode.FIRED: "fired",
    ReceiptCode.LATE: "late",
    ReceiptCode.REFUSED: "refused",
    ReceiptCode.CANCELLED: "cancelled",
    ReceiptCode.LOST: "lost",
    ReceiptCode.MISSED: "missed",
    ReceiptCode.DROPPED: "dropped",
    ReceiptCode.FAULT: "fault",
}

_BELT_WANTED = (LineState.RUNNING, LineState.CLEARING)

RECENT_LATENCIES = 2000
PARTS_SHOWN = 200
_SHADOW_DIFFERENCES = 10
SHOWN_BEYOND_BAR_MM = 300.0
"""How far past the valve bar a part is still shown: building the view must not hold up the orders."""


def _outline(outline_mm: NDArray[np.float32], across_mm: float) -> tuple[tuple[float, float], ...]:
    """From offsets of the centroid to what a view shows: across from the belt's edge."""
    shown = np.round(outline_mm + np.array([0.0, across_mm], np.float32), 1)
    return tuple(map(tuple, shown.tolist()))


def _entry_view(entry: Entry) -> PartView:
    decision, part = entry.decision, entry.decision.part
    status: PartStatus = "tracked"
    if entry.outcome == "picked":
        status = "ejected"
    elif entry.outcome:
        status = entry.outcome
    elif entry.shot:
        status = "ordered"
    return PartView(
        part.part_id,
        decision.class_id,
        decision.probability,
        decision.outlet,
        status,
        round(part.belt_counts),
        part.across_mm,
        _outline(part.outline_mm, part.across_mm),
    )


def _shot_view(entry: Entry, shot: PlannedShot) -> ShotView:
    result: ShotResult = _RESULTS[entry.receipt.code] if entry.receipt else "pending"
    return ShotView(shot.lane_first, shot.lane_last, shot.on_counts, shot.off_counts, result)


def _inputs(flags: LineFlags) -> InputsView:
    return InputsView(LineFlags.E_STOP_OK in flags, LineFlags.AIR_OK in flags, LineFlags.FIRE in flags)


def snapshot_of(line: Line, now_s: float, simulated: tuple[str, ...], truth: Mapping[str, Any] | None) -> Snapshot:
    """What the line is and does at loop time `now_s`; purity and recovery from `truth` where there is one."""
    config = line.config
    ledger = line.ledger
    line.note_state()
    state, reason = line.state
    if truth is not None:
        pieces = {o: {c: float(v["count"]) for c, v in by.items()} for o, by in truth["outlets"].items()}
        labels = sorted({c for by in pieces.values() for c in by} | set(line.labels))
        mass = {o: {c: float(v["mass_g"]) for c, v in by.items()} for o, by in truth["outlets"].items()}
        value = value_ratio(mass, config.recipe, labels)
    else:
        value = None
        pieces = {o: dict(zip(line.labels, p.tolist(), strict=True)) for o, p in ledger.expected.items()}
        labels = list(line.labels)
    shares = quality(pieces, config.recipe, labels)
    health = line.link.health
    latency = percentiles_ms(list(islice(reversed(line.latencies_s), RECENT_LATENCIES)))
    encoder = round(line.belt.predict(now_s)) if line.belt.known else 0
    gone_counts = encoder - (config.jets.distance_mm + SHOWN_BEYOND_BAR_MM) * config.belt.encoder_counts_per_mm
    entries = [
        entry for entry in (*ledger.recent, *ledger.on_belt.values()) if entry.decision.part.belt_counts >= gone_counts
    ][-PARTS_SHOWN:]
    tracked = [
        PartView(
            p.part_id,
            "?" if p.label_index is None else line.labels[p.label_index],
            p.probability,
            None,
            "tracked",
            round(encoder - p.along_mm * config.belt.encoder_counts_per_mm),
            p.across_mm,
            _outline(p.outline_mm, p.across_mm),
        )
        for p in line.sorter.tracker.visible(encoder)
        if not p.decided
    ]
    uptime_s = now_s - line.started_at_s
    frames = line.frames
    linked = line.status if health.state is LinkState.CONNECTED else None
    orders = asdict(ledger.orders) | {"duplicated": health.duplicated, "retransmitted": health.retransmitted}
    return Snapshot(
        line=config.line.name,
        simulated=bool(simulated),
        simulated_parts=simulated,
        state=state.value,
        reason=reason,
        uptime_s=uptime_s,
        speed_mm_s=line.belt.speed_mm_s,
        encoder=encoder,
        counts_per_mm=config.belt.encoder_counts_per_mm,
        belt_width_mm=config.belt.width_mm,
        view_along_mm=config.camera.view_along_mm,
        bar_distance_mm=config.jets.distance_mm,
        lane_count=config.jets.valve_count,
        lane_pitch_mm=config.jets.valve_pitch_mm,
        first_lane_mm=config.jets.first_lane_mm,
        seen=ledger.seen,
        outcomes=dict(ledger.outcomes),
        missed_by_reason=dict(ledger.missed_by_reason),
        parts_per_s=ledger.seen / uptime_s if uptime_s > 0 else 0.0,
        purity=shares["purity"],
        recovery=shares["recovery"],
        basis="plant truth (simulated)" if truth is not None else "estimated from class probabilities",
        links={
            "plc": LinkView(
                health.state.value, health.reason if health.state is not LinkState.CONNECTED else "", health.reconnects
            )
        },
        camera=CameraView("ok" if line.camera_alive else "silent", frames.captured, frames.processed, frames.dropped),
        latency=LatencyView(latency["p50"], latency["p99"], latency["p999"]),
        parts=(*tracked, *(_entry_view(e) for e in entries)),
        shots=tuple(_shot_view(e, e.shot) for e in entries if e.shot),
        alarms=tuple(
            AlarmView(fault.code, fault.text, max(0.0, now_s - since_s), fault.severity)
            for fault, since_s in line.faults()
        ),
        purity_floor={o.id: o.min_purity for o in config.recipe.outlets if o.min_purity is not None},
        preview_encoder=line.preview_counts,
        preview=line.preview,
        speed_setpoint_mm_s=config.belt.speed_mm_s if state in _BELT_WANTED else 0.0,
        orders=OrdersView(**orders),
        inputs=_inputs(linked.flags) if linked else None,
        faulty_valves=faulty_valves(linked.valve_fault) if linked else (),
        landed=pieces,
        outlet_recovery=shares["outlet_recovery"],
        value_ratio=value,
        vision={
            name: MetricView(metric.value, metric.state, metric.warn, metric.alarm)
            for name, metric in line.health.metrics().items()
        },
        odd_parts=None if line.odd_parts is None else tuple(map(_odd_view, line.odd_parts.recent)),
        classes=line.labels if line.odd_parts else (),
        shadow=None if line.shadow is None else _shadow_view(line.shadow, config.recipe),
        calibration=_calibration_views(config),
    )


def _calibration_views(config: LineConfig) -> tuple[CalibrationView, ...]:
    return tuple(
        CalibrationView(
            error.what,
            error.value,
            error.limit,
            error.unit,
            error.file.name,
            error.version,
            error.created.date().isoformat(),
        )
        for error in residuals(config.calibration, config.calibrated)
    )


def _shadow_view(report: ShadowReport, recipe: Recipe) -> ShadowView:
    moved = rerouted(report.pairs, recipe)
    differing = [pair for pair in report.pairs if pair.old != pair.new]
    return ShadowView(
        name=report.name,
        version=report.version,
        error=report.error,
        seen=report.seen,
        compared=report.compared,
        agreed=report.compared - sum(pair.count for pair in differing),
        rerouted=moved.parts,
        gain_if_new_is_right_jpy=moved.gain_if_new_is_right_jpy,
        loss_if_old_is_right_jpy=moved.loss_if_old_is_right_jpy,
        differences=tuple((pair.old, pair.new, pair.count) for pair in differing[:_SHADOW_DIFFERENCES]),
        without_mass=moved.without_mass,
    )


def _odd_view(annotation: Mapping[str, Any]) -> OddView:
    own = annotation["senbetsu"]
    probability = max(own["probabilities"].values(), default=0.0)
    return OddView(annotation["id"], own["predicted"], probability, tuple(own["reasons"]), annotation["label"])
