"""What a recording holds beside frames: one model a topic, which is its JSON schema, its writer and its reader.

The models are flat: Foxglove plots `/plc/status.encoder` and the like as they stand.
"""

import math
from typing import cast

from pydantic import BaseModel, ConfigDict, Field

from controller.decide import Decision
from controller.line_state import LineState
from controller.runtime import LineEvent
from controller.schedule import PlannedShot
from plc_bridge.contract import LineFlags, LineStatus, Receipt

ENCODER_WRAP = 2**32


class _Message(BaseModel):
    """Frozen; a missing or unknown field or a NaN means that the recording is damaged."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class StatusMessage(_Message):
    """One status block of the PLC."""

    epoch: int = Field(description="Changes at every restart of the PLC.")
    heartbeat: int
    encoder: int = Field(ge=0, lt=ENCODER_WRAP, description="Raw 32-bit encoder count.")
    belt_speed_mm_s: float
    e_stop_ok: bool
    belt_running: bool
    air_ok: bool
    ready: bool
    fire: bool
    valve_fault: int = Field(description="Bit n is set where valve n is faulty.")
    pc_epoch_seen: int
    batch_seen: int
    last_seq: int
    queue_free: int
    fired: int
    late: int
    refused: int
    duplicated: int
    trigger_seq: int
    trigger_encoder: int
    receipt_total: int
    receipts: list[dict[str, int]] = Field(description="The newest ones: seq, code, count.")


class PartMessage(_Message):
    """One part as it was decided on."""

    part_id: int
    class_id: str
    probability: float
    probabilities: dict[str, float] = Field(description="Calibrated, by class.")
    outlet: str
    actuated: bool
    reason: str
    gain_jpy: float = Field(description="Expected gain over the default outlet.")
    belt_counts: float = Field(description="Unwrapped encoder count at which its centroid lay on the camera's datum.")
    ahead_mm: float = Field(description="How far it reaches downstream of its centroid.")
    behind_mm: float
    across_mm: float
    across_min_mm: float
    across_max_mm: float
    area_mm2: float
    views: int
    uncertainty_mm: float
    sliding: bool
    oversize: bool
    unknown_share: float = Field(default=0.0, description="0 in recordings of before it was told.")
    clump_share: float = Field(default=0.0, description="0 in recordings of before it was told.")


class OrderMessage(_Message):
    """One order as it was handed to the PLC link. Counts are unwrapped, at the valve bar."""

    part_id: int
    seq: int
    lane_first: int
    lane_last: int
    on_counts: int
    off_counts: int


class ReceiptMessage(_Message):
    """How an order ended."""

    part_id: int
    seq: int
    code: str = Field(description="FIRED, LATE, REFUSED, CANCELLED, LOST, MISSED, DROPPED or FAULT.")
    count: int = Field(description="Raw encoder count at which the PLC decided that.")


class StateMessage(_Message):
    """What the line is doing from now on, and why."""

    state: str
    reason: str


STATUS_TOPIC = "/plc/status"
PART_TOPIC = "/part"
ORDER_TOPIC = "/order"
RECEIPT_TOPIC = "/receipt"
STATE_TOPIC = "/line/state"

MESSAGES: dict[str, type[BaseModel]] = {
    STATUS_TOPIC: StatusMessage,
    PART_TOPIC: PartMessage,
    ORDER_TOPIC: OrderMessage,
    RECEIPT_TOPIC: ReceiptMessage,
    STATE_TOPIC: StateMessage,
}


def message_of(event: LineEvent, labels: tuple[str, ...]) -> tuple[str, BaseModel] | None:
    """The topic and message of an event, or None for a kind that is not recorded."""
    match event.kind:
        case "status":
            return STATUS_TOPIC, status_message(cast("LineStatus", event.payload))
        case "decision":
            return PART_TOPIC, part_message(cast("Decision", event.payload), labels)
        case "order":
            seq, shot = cast("tuple[int, PlannedShot]", event.payload)
            return ORDER_TOPIC, OrderMessage(
                part_id=shot.part_id,
                seq=seq,
                lane_first=shot.lane_first,
                lane_last=shot.lane_last,
                on_counts=shot.on_counts,
                off_counts=shot.off_counts,
            )
        case "receipt":
            part_id, receipt = cast("tuple[int, Receipt]", event.payload)
            return RECEIPT_TOPIC, ReceiptMessage(
                part_id=part_id, seq=receipt.seq, code=receipt.code.name, count=receipt.count
            )
        case "state":
            state, reason = cast("tuple[LineState, str]", event.payload)
            return STATE_TOPIC, StateMessage(state=state.value, reason=reason)
        case _:
            return None


def status_message(status: LineStatus) -> StatusMessage:
    """The message for a status block."""
    return StatusMessage(
        epoch=status.epoch,
        heartbeat=status.heartbeat,
        encoder=status.encoder,
        # A broken PLC may send any float; JSON knows no NaN.
        belt_speed_mm_s=status.belt_speed_mm_s if math.isfinite(status.belt_speed_mm_s) else 0.0,
        e_stop_ok=LineFlags.E_STOP_OK in status.flags,
        belt_running=LineFlags.BELT_RUNNING in status.flags,
        air_ok=LineFlags.AIR_OK in status.flags,
        ready=LineFlags.READY in status.flags,
        fire=LineFlags.FIRE in status.flags,
        valve_fault=status.valve_fault,
        pc_epoch_seen=status.pc_epoch_seen,
        batch_seen=status.batch_seen,
        last_seq=status.last_seq,
        queue_free=status.queue_free,
        fired=status.fired,
        late=status.late,
        refused=status.refused,
        duplicated=status.duplicated,
        trigger_seq=status.trigger_seq,
        trigger_encoder=status.trigger_encoder,
        receipt_total=status.receipt_total,
        receipts=[{"seq": r.seq, "code": int(r.code), "count": r.count} for r in status.receipts],
    )


def part_message(decision: Decision, labels: tuple[str, ...]) -> PartMessage:
    """The message for a decision."""
    part = decision.part
    return PartMessage(
        part_id=part.part_id,
        class_id=decision.class_id,
        probability=decision.probability,
        probabilities=dict(zip(labels, part.probabilities.tolist(), strict=True)),
        outlet=decision.outlet,
        actuated=decision.actuated,
        reason=decision.reason,
        gain_jpy=decision.gain_jpy,
        belt_counts=part.belt_counts,
        ahead_mm=part.ahead_mm,
        behind_mm=part.behind_mm,
        across_mm=part.across_mm,
        across_min_mm=part.across_min_mm,
        across_max_mm=part.across_max_mm,
        area_mm2=part.area_mm2,
        views=part.views,
        uncertainty_mm=part.uncertainty_mm,
        sliding=part.sliding,
        oversize=part.oversize,
        unknown_share=part.unknown_share,
        clump_share=part.clump_share,
    )
