"""The tag map: where each logical tag of the contract lies in a device, as data (YAML).

One model for both protocols: a *word* is a 16-bit holding register (Modbus) or one element of a
UInt32 array (OPC UA). `plc_bridge.codec` turns a validated map into bytes on the wire and back.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Literal, Self

from pydantic import BaseModel, Field, model_validator

from plc_bridge.contract import MAILBOX_SIZE, RECEIPT_RING_SIZE

TagType = Literal["u16", "u32", "u64", "f32"]
BITS: Mapping[TagType, int] = {"u16": 16, "u32": 32, "u64": 64, "f32": 32}

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
MEASURES = frozenset({"belt_speed_mm_s", "speed_setpoint_mm_s"})
"""Tags that are measured values: any type and a scale will do. All others are exact integers."""

DEFAULT_HISTORY_SIZE = 256
"""Receipts that the default maps' history ring holds."""

LARGEST_READ_REGISTERS = 125
LARGEST_WRITE_REGISTERS = 123
_LAST_REGISTER = 0xFFFF


BlockName = Literal["status", "command", "history"]
YamlPath = tuple[str, ...]
Problem = tuple[YamlPath, str]
"""Where in the tag map, and what is wrong there."""


class TagMapProblems(ValueError):
    """Everything that is wrong with a tag map that has the right shape."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__("; ".join(f"{'.'.join(path)}: {message}" for path, message in problems))
        self.problems = problems


@dataclass(frozen=True, slots=True)
class Place:
    """One value on the wire: its name (`receipts.3.seq`), where the map defines it, where it lies."""

    name: str
    path: YamlPath
    at: int
    type: TagType
    scale: float


class Tag(BaseModel, frozen=True, extra="forbid"):
    """One value's place."""

    at: int = Field(
        ge=0, title="Place", description="Register address, or index in the array; in records, from the record's start."
    )
    type: TagType = Field(title="Type", description="How the value is stored.")
    scale: float = Field(
        default=1.0, gt=0, title="Scale", description="Value = stored number times scale; measured values only."
    )


class Records(BaseModel, frozen=True, extra="forbid"):
    """A run of equal records: the receipt ring, the order mailbox."""

    at: int = Field(ge=0, title="Start", description="Where the first record starts.")
    stride: int = Field(ge=1, title="Stride", description="Words from the start of one record to the next.")
    fields: dict[str, Tag] = Field(title="Fields", description="Where each field lies within a record.")


class StatusBlock(BaseModel, frozen=True, extra="forbid"):
    """What the PLC shows: read in one request."""

    node: str | None = Field(
        default=None, title="Node", description="OPC UA: node id or browse path of the UInt32 array."
    )
    tags: dict[str, Tag] = Field(title="Tags", description="Where each status tag lies.")
    receipts: Records = Field(title="Receipts", description="The ring of receipts; number n lies in slot n mod 16.")


class CommandBlock(BaseModel, frozen=True, extra="forbid"):
    """What the PC asks: written in one request."""

    node: str | None = Field(default=None, title="Node", description="OPC UA: node id or browse path of the array.")
    method: str | None = Field(
        default=None,
        title="Method",
        description="OPC UA: node id or browse path of a method that takes the array as its one argument; "
        "the command is then handed over by one call instead of one write.",
    )
    tags: dict[str, Tag] = Field(title="Tags", description="Where each command tag lies.")
    orders: Records = Field(title="Orders", description="The mailbox of order records.")


class HistoryBlock(Records, frozen=True):
    """A longer ring of receipts for a PC that missed some: read only then, in as many requests as it takes."""

    node: str | None = Field(
        default=None, title="Node", description="OPC UA: node id or browse path of the UInt32 array."
    )
    size: int = Field(
        ge=2 * RECEIPT_RING_SIZE,
        le=8192,
        title="Size",
        description="How many receipts it holds, a power of two; receipt number n lies in slot n mod size.",
    )


class TagMap(BaseModel, frozen=True, extra="forbid"):
    """Where the contract's tags lie in one make of device."""

    protocol: Literal["modbus", "opcua"] = Field(title="Protocol", description="Which protocol the places are for.")
    word_order: Literal["big", "little"] = Field(
        default="big", title="Word order", description="Which word of a longer value comes first."
    )
    byte_order: Literal["big", "little"] = Field(
        default="big", title="Byte order", description="Modbus: little where the device swaps the bytes of a register."
    )
    status: StatusBlock = Field(title="Status", description="PLC to PC.")
    command: CommandBlock = Field(title="Command", description="PC to PLC.")
    history: HistoryBlock | None = Field(
        default=None, title="History", description="Where older receipts can be read; leave out where there are none."
    )

    @property
    def word_bits(self) -> int:
        """Bits of a word: 16 (register) or 32 (array element)."""
        return 16 if self.protocol == "modbus" else 32

    def words(self, tag_type: TagType) -> int:
        """How many words a value of that type takes."""
        return max(1, BITS[tag_type] // self.word_bits)

    def places(self, block: BlockName) -> Iterator[Place]:
        """Every value of a block, with its absolute place."""
        tags: Mapping[str, Tag] = {}
        if block == "history":
            if self.history is not None:
                yield from _record_places("history", ("history", "fields"), self.history, self.history.size)
            return
        if block == "status":
            tags, name, records, count = self.status.tags, "receipts", self.status.receipts, RECEIPT_RING_SIZE
        else:
            tags, name, records, count = self.command.tags, "orders", self.command.orders, MAILBOX_SIZE
        for tag_name, tag in tags.items():
            yield Place(tag_name, (block, "tags", tag_name), tag.at, tag.type, tag.scale)
        yield from _record_places(name, (block, name, "fields"), records, count)

    def span(self, block: BlockName) -> range:
        """The words from the block's first to its last."""
        places = list(self.places(block))
        return range(min(p.at for p in places), max(p.at + self.words(p.type) for p in places))

    @model_validator(mode="after")
    def _all_there_and_apart(self) -> Self:
        problems = [
            *_wrong_tags(("status", "tags"), self.status.tags, STATUS_TAGS),
            *_wrong_tags(("status", "receipts", "fields"), self.status.receipts.fields, RECEIPT_FIELDS),
            *_wrong_tags(("command", "tags"), self.command.tags, COMMAND_TAGS),
            *_wrong_tags(("command", "orders", "fields"), self.command.orders.fields, ORDER_FIELDS),
            *self._wrong_history(),
            *self._wrong_nodes(),
        ]
        if not problems:  # places are only worth comparing when all are there
            problems = [*self._overlaps(), *self._wrong_sizes()]
        if problems:
            raise TagMapProblems(problems)
        return self

    def _overlaps(self) -> Iterator[Problem]:
        # In Modbus both blocks lie in the same holding registers; in OPC UA each has its own array.
        spaces = [list(self.places(block)) for block in ("status", "command", "history")]
        if self.protocol == "modbus":
            spaces = [[place for places in spaces for place in places]]
        for places in spaces:
            owner: dict[int, Place] = {}
            reported: set[frozenset[YamlPath]] = set()
            for place in places:
                for word in range(place.at, place.at + self.words(place.type)):
                    other = owner.setdefault(word, place)
                    pair = frozenset((other.path, place.path))
                    if other is not place and pair not in reported:
                        reported.add(pair)
                        yield (
                            place.path,
                            f"{place.name} ({place.type} at {place.at}) and {other.name} ({other.type} at "
                            f"{other.at}) overlap in word {word}; give each its own place",
                        )

    def _wrong_sizes(self) -> Iterator[Problem]:
        limits: tuple[tuple[BlockName, int], ...] = (
            ("status", LARGEST_READ_REGISTERS),
            ("command", LARGEST_WRITE_REGISTERS),
        )
        for block, largest in limits if self.protocol == "modbus" else ():
            span = self.span(block)
            if len(span) > largest:
                yield (
                    (block,),
                    f"spans registers {span.start} to {span.stop - 1}, {len(span)} of them; one request carries at "
                    f"most {largest}, so bring the tags closer together",
                )
            if span.stop - 1 > _LAST_REGISTER:
                yield ((block,), f"ends at register {span.stop - 1}; the last one is {_LAST_REGISTER}")
        if self.protocol == "modbus" and self.history is not None:
            last = self.span("history").stop - 1
            if last > _LAST_REGISTER:
                yield (("history",), f"ends at register {last}; the last one is {_LAST_REGISTER}")

    def _wrong_history(self) -> Iterator[Problem]:
        if self.history is None:
            return
        yield from _wrong_tags(("history", "fields"), self.history.fields, RECEIPT_FIELDS)
        if self.history.size & (self.history.size - 1):
            yield (
                ("history", "size"),
                f"must be a power of two, found {self.history.size}: slots must follow on when the 32-bit number wraps",
            )

    def _wrong_nodes(self) -> Iterator[Problem]:
        nodes = [("status", self.status.node), ("command", self.command.node)]
        if self.history is not None:
            nodes.append(("history", self.history.node))
        for name, node in nodes:
            if self.protocol == "opcua" and not node:
                yield ((name,), "an OPC UA map needs `node`, the node id of the UInt32 array")
            if self.protocol == "modbus" and node:
                yield ((name, "node"), f"a Modbus map has no node ids, found {node!r}")
        if self.protocol == "modbus" and self.command.method:
            yield (("command", "method"), f"Modbus has no methods, found {self.command.method!r}")
        if self.protocol == "opcua" and self.byte_order != "big":
            yield (("byte_order",), "OPC UA defines its own byte order; leave this out")


def _record_places(name: str, path: YamlPath, records: Records, count: int) -> Iterator[Place]:
    for number in range(count):
        for field, tag in records.fields.items():
            at = records.at + number * records.stride + tag.at
            yield Place(f"{name}.{number}.{field}", (*path, field), at, tag.type, tag.scale)


def _wrong_tags(path: YamlPath, found: Mapping[str, Tag], expected: Mapping[str, TagType]) -> Iterator[Problem]:
    for name in expected.keys() - found.keys():
        yield (path, f"{name} is missing (a {expected[name]})")
    for name, tag in found.items():
        if name not in expected:
            near = get_close_matches(name, expected, 1)
            yield ((*path, name), f"no such tag{f'; did you mean {near[0]}?' if near else ''}")
        elif name not in MEASURES and tag.type != expected[name]:
            yield (
                (*path, name),
                f"must be a {expected[name]}, found {tag.type}: the contract's counters need its width",
            )
        elif name not in MEASURES and tag.scale != 1.0:
            yield ((*path, name), f"is an exact integer and has no scale, found {tag.scale:g}")


def default_tag_map(protocol: Literal["modbus", "opcua"]) -> TagMap:
    """The map that the virtual PLC and the reference PLC program use.

    Modbus: status from holding register 0, command from register 200, history from 400. OPC UA: one array each.
    """
    bits = 16 if protocol == "modbus" else 32

    def lay_out(types: Mapping[str, TagType], start: int) -> tuple[dict[str, Tag], int]:
        tags: dict[str, Tag] = {}
        for name, tag_type in types.items():
            tags[name] = Tag(at=start, type=tag_type)
            start += max(1, BITS[tag_type] // bits)
        return tags, start

    status_tags, receipts_at = lay_out(STATUS_TAGS, 0)
    receipt_fields, receipt_stride = lay_out(RECEIPT_FIELDS, 0)
    command_tags, orders_at = lay_out(COMMAND_TAGS, 200 if protocol == "modbus" else 0)
    order_fields, order_stride = lay_out(ORDER_FIELDS, 0)
    return TagMap(
        protocol=protocol,
        status=StatusBlock(
            node=None if protocol == "modbus" else "ns=2;s=Senbetsu.Status",
            tags=status_tags,
            receipts=Records(at=receipts_at, stride=receipt_stride, fields=receipt_fields),
        ),
        command=CommandBlock(
            node=None if protocol == "modbus" else "ns=2;s=Senbetsu.Command",
            tags=command_tags,
            orders=Records(at=orders_at, stride=order_stride, fields=order_fields),
        ),
        history=HistoryBlock(
            node=None if protocol == "modbus" else "ns=2;s=Senbetsu.History",
            at=400 if protocol == "modbus" else 0,
            stride=receipt_stride,
            size=DEFAULT_HISTORY_SIZE,
            fields=receipt_fields,
        ),
    )
