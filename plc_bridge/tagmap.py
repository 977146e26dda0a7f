"""The tag map: where each logical tag of the contract lies in a device, as data (YAML).

One model for both protocols: a *word* is what one address holds, a 16-bit register or a single bit
(Modbus), or one element of a UInt32 array (OPC UA). `plc_bridge.requests` puts the places into
requests; `plc_bridge.codec` turns their words into values and back.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Literal, Self

from pydantic import BaseModel, Field, model_validator

from plc_bridge import tagmap_rules
from plc_bridge.contract import LARGEST_ROBOT_COUNT, MAILBOX_SIZE, RECEIPT_HISTORY_SIZE, RECEIPT_RING_SIZE
from plc_bridge.requests import (
    BIT_TABLES,
    BITS,
    LARGEST_READ_BITS,
    LARGEST_READ_REGISTERS,
    LARGEST_WRITE_BITS,
    LARGEST_WRITE_REGISTERS,
    Order,
    Place,
    Request,
    Table,
    TagType,
    YamlPath,
    group,
)
from plc_bridge.tagmap_rules import Problem
from plc_bridge.tags import (
    COMMAND_TAGS,
    ORDER_FIELDS,
    PICK_FIELDS,
    READ_TOGETHER,
    RECEIPT_FIELDS,
    RECORD_FIELDS,
    ROBOT_FIELDS,
    STATUS_TAGS,
    WRITTEN_ANYWHERE,
)

DEFAULT_READ_GAP = 8

BlockName = Literal["status", "command", "history"]


class TagMapProblems(ValueError):
    """Everything that is wrong with a tag map that has the right shape."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__("; ".join(f"{'.'.join(path)}: {message}" for path, message in problems))
        self.problems = problems


class Tag(BaseModel, frozen=True, extra="forbid"):
    """One value's place and form."""

    at: int = Field(
        ge=0, title="Place", description="Modbus address, or index in the array; in records, from the record's start."
    )
    type: TagType = Field(
        title="Type", description="How the value is stored; an integer among single bits has its lowest bit first."
    )
    table: Table | None = Field(
        default=None,
        title="Table",
        description="Modbus: which table `at` is an address in; the block's where left out.",
    )
    unit: int | None = Field(
        default=None, ge=0, le=255, title="Unit", description="Modbus unit that has it; the map's where left out."
    )
    word_order: Order | None = Field(
        default=None, title="Word order", description="Where it differs from the map's: which word comes first."
    )
    byte_order: Order | None = Field(
        default=None, title="Byte order", description="Where it differs from the map's: little for swapped bytes."
    )
    bit: int | None = Field(
        default=None,
        ge=0,
        le=31,
        title="Bit",
        description="Which bit of its word a value of type bit is; 0 is the lowest.",
    )
    invert: bool = Field(
        default=False, title="Inverted", description="A bit that is 0 when the flag is set, such as e-stop pressed."
    )
    scale: float = Field(
        default=1.0,
        gt=0,
        allow_inf_nan=False,
        title="Scale",
        description="Value = stored number times scale, plus offset; measured values only.",
    )
    offset: float = Field(
        default=0.0, allow_inf_nan=False, title="Offset", description="Added after scaling; measured values only."
    )


class Records(BaseModel, frozen=True, extra="forbid"):
    """A run of equal records: the receipt ring, the order mailbox."""

    at: int = Field(ge=0, title="Start", description="Where the first record starts.")
    stride: int = Field(ge=1, title="Stride", description="Words from the start of one record to the next.")
    fields: dict[str, Tag] = Field(title="Fields", description="Where each field lies within a record.")


class Orders(Records, frozen=True):
    """The mailbox: records of jet orders and, where the device has robots, of picks in the same places."""

    size: int = Field(
        default=MAILBOX_SIZE, ge=1, le=64, title="Size", description="How many records one write carries."
    )
    pick_fields: dict[str, Tag] | None = Field(
        default=None,
        title="Pick fields",
        description="Where a record whose kind is a pick has its fields, beside seq and kind; they may lie where a jet "
        "order has its own. Leave out where there are no robots.",
    )


class Robots(Records, frozen=True):
    """One record for each robot."""

    size: int = Field(ge=1, le=LARGEST_ROBOT_COUNT, title="Size", description="How many robots there are.")


class StatusBlock(BaseModel, frozen=True, extra="forbid"):
    """What the PLC shows, read every cycle."""

    node: str | None = Field(
        default=None, title="Node", description="OPC UA: node id or browse path of the UInt32 array."
    )
    table: Table = Field(default="holding", title="Table", description="Modbus: where its tags and receipts lie.")
    tags: dict[str, Tag] = Field(title="Tags", description="Where each status tag lies.")
    receipts: Records = Field(title="Receipts", description="The ring of receipts; number n lies in slot n mod 16.")
    robots: Robots | None = Field(
        default=None, title="Robots", description="The state of each robot; leave out where there are none."
    )


class CommandBlock(BaseModel, frozen=True, extra="forbid"):
    """What the PC asks: written in one request, in Modbus to holding registers."""

    node: str | None = Field(default=None, title="Node", description="OPC UA: node id or browse path of the array.")
    method: str | None = Field(
        default=None,
        title="Method",
        description="OPC UA: node id or browse path of a method that takes the array as its one argument; "
        "the command is then handed over by one call instead of one write.",
    )
    tags: dict[str, Tag] = Field(title="Tags", description="Where each command tag lies.")
    orders: Orders = Field(title="Orders", description="The mailbox of order records.")


class HistoryBlock(Records, frozen=True):
    """A longer ring of receipts for a PC that missed some: read only then, in as many requests as it takes."""

    node: str | None = Field(
        default=None, title="Node", description="OPC UA: node id or browse path of the UInt32 array."
    )
    table: Table = Field(default="holding", title="Table", description="Modbus: where it lies.")
    size: int = Field(
        ge=2 * RECEIPT_RING_SIZE,
        le=8192,
        title="Size",
        description="How many receipts it holds, a power of two; receipt number n lies in slot n mod size.",
    )


class TagMap(BaseModel, frozen=True, extra="forbid"):
    """Where the contract's tags lie in one make of device."""

    protocol: Literal["modbus", "opcua"] = Field(title="Protocol", description="Which protocol the places are for.")
    word_order: Order = Field(
        default="big", title="Word order", description="Which word of a longer value comes first."
    )
    byte_order: Order = Field(
        default="big", title="Byte order", description="Modbus: little where the device swaps the bytes of a register."
    )
    unit: int | None = Field(
        default=None, ge=0, le=255, title="Unit", description="Modbus unit of all tags; plc.unit where left out."
    )
    read_gap: int = Field(
        default=DEFAULT_READ_GAP,
        ge=0,
        le=LARGEST_READ_REGISTERS,
        title="Read gap",
        description="Modbus: how many addresses without a tag one read may cross to take the next tag along; 0 for a "
        "device that refuses to read what it has not got.",
    )
    registers_per_read: int = Field(
        default=LARGEST_READ_REGISTERS,
        ge=1,
        le=LARGEST_READ_REGISTERS,
        title="Registers a read",
        description="Modbus: how many registers one read may ask for; less for a device that gives less.",
    )
    status: StatusBlock = Field(title="Status", description="PLC to PC.")
    command: CommandBlock = Field(title="Command", description="PC to PLC.")
    history: HistoryBlock | None = Field(
        default=None, title="History", description="Where older receipts can be read; leave out where there are none."
    )

    @property
    def word_bits(self) -> int:
        """Bits of a word in register tables and arrays: 16 (Modbus) or 32 (OPC UA)."""
        return 16 if self.protocol == "modbus" else 32

    def words(self, tag_type: TagType) -> int:
        """How many registers or array elements a value of that type takes."""
        return max(1, BITS[tag_type] // self.word_bits)

    def places(self, block: BlockName) -> Iterator[Place]:
        """Every value of a block, with its absolute place."""
        table: Table = "holding"
        tags: Mapping[str, Tag] = {}
        if block == "history":
            if self.history is not None:
                path = ("history", "fields")
                yield from self._record_places("history", path, self.history, self.history.size, self.history.table)
            return
        if block == "status":
            table, tags = self.status.table, self.status.tags
            name, records, count = "receipts", self.status.receipts, RECEIPT_RING_SIZE
        else:
            tags, name, records, count = self.command.tags, "orders", self.command.orders, self.command.orders.size
        for tag_name, tag in tags.items():
            yield self._place(tag_name, (block, "tags", tag_name), tag.at, tag, table)
        yield from self._record_places(name, (block, name, "fields"), records, count, table)
        if block == "status" and (robots := self.status.robots) is not None:
            yield from self._record_places("robots", (block, "robots", "fields"), robots, robots.size, table)

    def pick_places(self, number: int) -> tuple[Place, ...]:
        """The values of order record `number` where it is a pick; none where the map has no picks. They lie
        over those of `places`, so they are no part of them."""
        orders = self.command.orders
        start = orders.at + number * orders.stride
        path = ("command", "orders")
        common = [(name, "fields", tag) for name, tag in orders.fields.items() if name in RECORD_FIELDS]
        fields = [(name, "pick_fields", tag) for name, tag in (orders.pick_fields or {}).items()]
        return tuple(
            self._place(f"orders.{number}.{name}", (*path, where, name), start + tag.at, tag, "holding")
            for name, where, tag in (*common, *fields)
            if fields
        )

    def _record_places(self, name: str, path: YamlPath, records: Records, count: int, table: Table) -> Iterator[Place]:
        for number in range(count):
            for field, tag in records.fields.items():
                at = records.at + number * records.stride + tag.at
                yield self._place(f"{name}.{number}.{field}", (*path, field), at, tag, table)

    def _place(self, name: str, path: YamlPath, at: int, tag: Tag, table: Table) -> Place:
        table = tag.table or table
        return Place(
            name=name,
            path=path,
            at=at,
            width=BITS[tag.type] if table in BIT_TABLES else self.words(tag.type),
            type=tag.type,
            scale=tag.scale,
            offset=tag.offset,
            table=table,
            unit=self.unit if tag.unit is None else tag.unit,
            word_order=tag.word_order or self.word_order,
            byte_order=tag.byte_order or self.byte_order,
            bit=tag.bit,
            invert=tag.invert,
        )

    def span(self, block: BlockName) -> range:
        """The words from the block's first to its last, for a block that lies in one table or array."""
        places = list(self.places(block))
        return range(min(p.at for p in places), max(p.span.stop for p in places))

    def reads(self) -> tuple[Request, ...]:
        """The requests that read the whole status; the one with the encoder comes last, so that it is
        fresh when the status is there."""
        requests = self._grouped(list(self.places("status")), READ_TOGETHER)
        return tuple(sorted(requests, key=lambda request: any(p.name == "encoder" for p in request.places)))

    def writes(self) -> tuple[Request, ...]:
        """The requests that write the whole command: first the block with the orders, with what adjoins it."""
        places = list(self.places("command"))
        known = frozenset(places)
        numbers = range(self.command.orders.size)
        picks = [place for number in numbers for place in self.pick_places(number) if place not in known]
        if self.protocol == "opcua":
            requests = self._grouped([*places, *picks], ())
        else:
            limits = {"gap": 0, "registers": LARGEST_WRITE_REGISTERS, "bits": LARGEST_WRITE_BITS}
            names = {place.name for place in (*places, *picks) if place.name not in WRITTEN_ANYWHERE}
            grouped = group([*places, *picks], [names], **limits)
            requests = sorted(grouped, key=lambda request: not any(p.name in names for p in request.places))
        # The picks have told how far the records reach; the values of a block do not lie over each other.
        return tuple(replace(r, places=tuple(p for p in r.places if p in known)) for r in requests)

    def reads_of(self, places: list[Place]) -> tuple[Request, ...]:
        """The requests that read these places, of any block."""
        return self._grouped(places, ())

    def _grouped(self, places: list[Place], wholes: tuple[frozenset[str], ...]) -> tuple[Request, ...]:
        if self.protocol == "opcua":  # an array is read and written as a whole
            span = range(min(p.at for p in places), max(p.span.stop for p in places))
            return (Request("holding", None, span, tuple(places)),)
        return group(places, wholes, gap=self.read_gap, registers=self.registers_per_read, bits=LARGEST_READ_BITS)

    @model_validator(mode="after")
    def _all_there_and_apart(self) -> Self:
        problems = list(tagmap_rules.problems(self))
        if problems:
            raise TagMapProblems(problems)
        return self


_PICK_SCALES: Mapping[str, float] = dict.fromkeys(("x_mm", "y_mm", "theta_deg", "height_mm"), 0.1)
"""A pose in 16-bit registers."""


def default_tag_map(protocol: Literal["modbus", "opcua"], robots: int = 0) -> TagMap:
    """The map that the virtual PLC and the reference PLC program use.

    Modbus: status from holding register 0, command from register 200, history from 400. OPC UA: one array each.
    With `robots` the status shows them after the receipts, and order records may be picks: in Modbus then
    nine records of twelve registers, with poses in tenths of a mm or degree.
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
    orders = Orders(at=orders_at, stride=order_stride, fields=order_fields)
    status_robots = None
    if robots:
        robot_fields, robot_stride = lay_out(ROBOT_FIELDS, 0)
        robots_at = receipts_at + RECEIPT_RING_SIZE * receipt_stride
        status_robots = Robots(at=robots_at, stride=robot_stride, fields=robot_fields, size=robots)
        scales: Mapping[str, float] = _PICK_SCALES if protocol == "modbus" else {}
        types: dict[str, TagType] = {name: "i16" if name in scales else kind for name, kind in PICK_FIELDS.items()}
        places, pick_stride = lay_out(types, order_fields["lane_first"].at)
        pick_fields = {name: tag.model_copy(update={"scale": scales.get(name, 1.0)}) for name, tag in places.items()}
        size = 9 if protocol == "modbus" else MAILBOX_SIZE
        orders = Orders(
            at=orders_at, stride=max(order_stride, pick_stride), fields=order_fields, size=size, pick_fields=pick_fields
        )
    return TagMap(
        protocol=protocol,
        status=StatusBlock(
            node=None if protocol == "modbus" else "ns=2;s=Senbetsu.Status",
            tags=status_tags,
            receipts=Records(at=receipts_at, stride=receipt_stride, fields=receipt_fields),
            robots=status_robots,
        ),
        command=CommandBlock(
            node=None if protocol == "modbus" else "ns=2;s=Senbetsu.Command",
            tags=command_tags,
            orders=orders,
        ),
        history=HistoryBlock(
            node=None if protocol == "modbus" else "ns=2;s=Senbetsu.History",
            at=400 if protocol == "modbus" else 0,
            stride=receipt_stride,
            size=RECEIPT_HISTORY_SIZE,
            fields=receipt_fields,
        ),
    )
