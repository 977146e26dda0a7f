"""The logical tags of the contract: their names, their types, which of them belong together."""

from collections.abc import Mapping

from plc_bridge.contract import LARGEST_ROBOT_COUNT, RECEIPT_RING_SIZE, LineFlags
from plc_bridge.requests import TagType

STATUS_TAGS: Mapping[str, TagType] = {
    "epoch": "u32",
    "heartbeat": "u16",
    "flags": "u16",
    "encoder": "u32",
    "belt_speed_mm_s": "f32",
    "pc_epoch_seen": "u32",
    "batch_seen": "u32",
    "last_seq": "u32",
    "queue_free": "u16",
    "fired": "u32",
    "late": "u32",
    "refused": "u32",
    "duplicated": "u32",
    "valve_fault": "u64",
    "trigger_seq": "u32",
    "trigger_encoder": "u32",
    "receipt_total": "u32",
}
FLAG_TAGS: Mapping[str, LineFlags] = {str(flag.name).lower(): flag for flag in LineFlags}
"""What a map may have in place of `flags`, where a device shows each flag as a bit of its own."""
OPTIONAL_FLAG_TAGS = frozenset({"pc_alive"})
"""Of these, what only a program that minds its PC can show; a device without it shows it as not set."""
RECEIPT_FIELDS: Mapping[str, TagType] = {"seq": "u32", "code": "u16", "count": "u32"}
COMMAND_TAGS: Mapping[str, TagType] = {
    "pc_epoch": "u32",
    "pc_heartbeat": "u16",
    "line_command": "u16",
    "speed_setpoint_mm_s": "f32",
    "batch": "u32",
    "order_count": "u16",
}
ORDER_FIELDS: Mapping[str, TagType] = {
    "seq": "u32",
    "kind": "u16",
    "lane_first": "u16",
    "lane_last": "u16",
    "on_count": "u32",
    "off_count": "u32",
}
PICK_FIELDS: Mapping[str, TagType] = {
    "robot": "u16",
    "x_mm": "f32",
    "y_mm": "f32",
    "theta_deg": "f32",
    "height_mm": "f32",
    "class_index": "u16",
    "outlet_index": "u16",
    "pick_count": "u32",
}
"""What an order record holds in place of lanes and counts where its kind is a pick."""
RECORD_FIELDS = frozenset({"seq", "kind"})
"""What an order record holds whatever its kind."""
ROBOT_FIELDS: Mapping[str, TagType] = {
    "flags": "u16",
    "active_seq": "u32",
    "job_done": "u32",
    "job_result": "u16",
    "fault": "u16",
}
MEASURES = frozenset({"belt_speed_mm_s", "speed_setpoint_mm_s", "x_mm", "y_mm", "theta_deg", "height_mm"})
"""Tags that are measured values: any type, a scale and an offset will do. All others are exact integers."""
MASKS = frozenset({"valve_fault"})
"""Tags that are bit masks: fewer bits will do where the device has fewer of what they stand for."""

READ_TOGETHER: tuple[frozenset[str], ...] = (
    frozenset({"epoch", "pc_epoch_seen", "batch_seen", "last_seq", "receipt_total"})
    | {f"receipts.{slot}.{field}" for slot in range(RECEIPT_RING_SIZE) for field in RECEIPT_FIELDS},
    frozenset({"trigger_seq", "trigger_encoder"}),
    *(frozenset(f"robots.{robot}.{field}" for field in ROBOT_FIELDS) for robot in range(LARGEST_ROBOT_COUNT)),
)
"""Status tags that are one statement: what the PLC took and how it ended; a trigger and its count; a robot. They
are read in one request each, so that they are of one scan."""
WRITTEN_ANYWHERE = frozenset({"line_command", "speed_setpoint_mm_s"})
"""Command tags that may lie outside the block with the orders: they are levels, repeated every cycle, and no
order depends on them. All others are judged together with the orders, so they are written together."""
