"""Hypothesis strategies: tag maps as devices have them, with anything anywhere that is allowed."""

from typing import Any

from hypothesis import strategies as st

from plc_bridge.requests import BITS, TagType
from plc_bridge.tagmap import TagMap
from plc_bridge.tags import (
    COMMAND_TAGS,
    FLAG_TAGS,
    MEASURES,
    ORDER_FIELDS,
    PICK_FIELDS,
    READ_TOGETHER,
    RECEIPT_FIELDS,
    ROBOT_FIELDS,
    STATUS_TAGS,
)

ORDERS = st.sampled_from(["big", "little", None])
INTEGERS: tuple[TagType, ...] = ("u16", "u32", "u64", "i16", "i32", "i64")
TOGETHER = READ_TOGETHER[0] | READ_TOGETHER[1]


class Allocator:
    """Gives out addresses that nothing else has, per table and unit."""

    def __init__(self, draw: st.DrawFn) -> None:
        self._draw = draw
        self._next: dict[tuple[str, int | None], int] = {}

    def take(self, table: str, unit: int | None, width: int, largest_gap: int = 40) -> int:
        at = self._next.get((table, unit), 0) + self._draw(st.integers(0, largest_gap))
        self._next[(table, unit)] = at + width
        return at


def words(tag_type: TagType, table: str = "holding") -> int:
    return BITS[tag_type] if table in ("coil", "discrete") else max(1, BITS[tag_type] // 16)


@st.composite
def modbus_maps(draw: st.DrawFn) -> TagMap:
    addresses = Allocator(draw)
    status_table = draw(st.sampled_from(["holding", "input"]))

    def number(contract: TagType, measured: bool = False) -> dict[str, Any]:
        wide = [t for t in INTEGERS if BITS[t] >= BITS[contract]]
        tag: dict[str, Any] = {"type": draw(st.sampled_from([*wide, "f32"] if measured else wide))}
        for name in ("word_order", "byte_order"):
            if (order := draw(ORDERS)) is not None:
                tag[name] = order
        return tag

    def records(fields: dict[str, TagType], count: int, table: str, largest: int) -> dict[str, Any]:
        layout: dict[str, dict[str, Any]] = {}
        stride = 0
        room = largest // count
        for position, (name, kind) in enumerate(fields.items()):
            tag = number(kind)
            needed_after = sum(words(k) for k in list(fields.values())[position + 1 :])
            if stride + words(tag["type"]) + needed_after > room:
                tag["type"] = kind
            layout[name] = {**tag, "at": stride}
            stride += words(tag["type"])
        return {"at": addresses.take(table, None, stride * count, 0), "stride": stride, "fields": layout}

    receipts = records(dict(RECEIPT_FIELDS), 16, status_table, 90)
    tags: dict[str, dict[str, Any]] = {}
    for name in sorted(TOGETHER & STATUS_TAGS.keys()):
        # Two by two they adjoin, so that the statement they are part of fits a read.
        tags[name] = {"type": "u32", "at": addresses.take(status_table, None, 2, 1)}
    scattered = [name for name in STATUS_TAGS if name not in TOGETHER]
    if draw(st.booleans()):
        scattered.remove("flags")
        in_coils = draw(st.booleans())
        word = addresses.take("input", 7, 1) if not in_coils else 0
        for number_of, name in enumerate(FLAG_TAGS):
            inverted = draw(st.booleans())
            if in_coils:
                table = draw(st.sampled_from(["coil", "discrete"]))
                tags[name] = {"type": "bit", "table": table, "at": addresses.take(table, None, 1)}
            else:
                tags[name] = {"type": "bit", "table": "input", "unit": 7, "at": word, "bit": 15 - 3 * number_of}
            if inverted:
                tags[name]["invert"] = True
    for name in draw(st.permutations(scattered)):
        table = draw(st.sampled_from(["holding", "input", "coil", "discrete"]))
        measured = name == "belt_speed_mm_s"
        tag = number(STATUS_TAGS[name] if not measured else "u64", measured)
        if tag["type"] == "f32" and table in ("coil", "discrete"):
            table = "holding"
        unit = draw(st.sampled_from([None, 3, 247]))
        tag |= {"table": table, "at": addresses.take(table, unit, words(tag["type"], table))}
        if unit is not None:
            tag["unit"] = unit
        tags[name] = tag

    orders = records(dict(ORDER_FIELDS), 12, "holding", 108)
    if picks := draw(st.booleans()):
        orders = over_each_other(orders, addresses)
    command: dict[str, dict[str, Any]] = {}
    for name, kind in COMMAND_TAGS.items():
        if name in ("line_command", "speed_setpoint_mm_s") and draw(st.booleans()):
            unit = draw(st.sampled_from([None, 3]))
            tag = number("u64" if name == "speed_setpoint_mm_s" else kind)
            tag |= {"at": addresses.take("holding", 3 if unit else 9, words(tag["type"])), "unit": 3 if unit else 9}
            command[name] = tag
        else:
            command[name] = {"type": kind, "at": addresses.take("holding", None, words(kind), 0)}
    document: dict[str, Any] = {
        "protocol": "modbus",
        "word_order": draw(st.sampled_from(["big", "little"])),
        "byte_order": draw(st.sampled_from(["big", "little"])),
        "read_gap": draw(st.integers(0, 30)),
        "status": {"table": status_table, "tags": tags, "receipts": receipts},
        "command": {"tags": command, "orders": orders},
    }
    if draw(st.booleans()):
        size = draw(st.integers(1, 8))
        robots = records(dict(ROBOT_FIELDS), size, status_table, 7 * size + draw(st.integers(0, 20)))
        document["status"]["robots"] = {**robots, "size": size}
    if picks or draw(st.booleans()):
        history = records(dict(RECEIPT_FIELDS), 64, status_table, 64 * 9)
        document["history"] = {**history, "size": 64, "table": status_table}
    return TagMap.model_validate(document)


def over_each_other(orders: dict[str, Any], addresses: Allocator) -> dict[str, Any]:
    """An order mailbox with picks in it, in as many records as one write carries."""
    at = orders["fields"]["lane_first"]["at"]
    picks: dict[str, dict[str, Any]] = {}
    for name, kind in PICK_FIELDS.items():
        picks[name] = {"type": "i16", "scale": 0.1, "at": at} if name in MEASURES else {"type": kind, "at": at}
        at += words(picks[name]["type"])
    stride = max(at, orders["stride"])
    size = 108 // stride
    addresses.take("holding", None, max(0, size * stride - 12 * orders["stride"]), 0)
    return {**orders, "stride": stride, "size": size, "pick_fields": picks}
