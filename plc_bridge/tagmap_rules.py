"""What can be wrong with a tag map that has the right shape; all of it is found at once."""

from collections.abc import Callable, Iterator, Mapping
from difflib import get_close_matches
from typing import TYPE_CHECKING

from plc_bridge.requests import BIT_TABLES, BITS, LAST_ADDRESS, WRITABLE_TABLES, Place, Table, TagType, YamlPath
from plc_bridge.tags import (
    COMMAND_TAGS,
    FLAG_TAGS,
    MASKS,
    MEASURES,
    OPTIONAL_FLAG_TAGS,
    ORDER_FIELDS,
    PICK_FIELDS,
    RECEIPT_FIELDS,
    RECORD_FIELDS,
    ROBOT_FIELDS,
    STATUS_TAGS,
    WRITTEN_ANYWHERE,
)

if TYPE_CHECKING:
    from plc_bridge.tagmap import BlockName, CommandBlock, HistoryBlock, StatusBlock, Tag, TagMap

Problem = tuple[YamlPath, str]
"""Where in the tag map, and what is wrong there."""


def problems(tag_map: "TagMap") -> Iterator[Problem]:
    """Everything that is wrong."""
    status, command, history = tag_map.status, tag_map.command, tag_map.history
    yield from _wrong_tags(("status", "tags"), status.tags, _status_tags(status.tags))
    yield from _wrong_flags(status.tags)
    yield from _wrong_tags(("status", "receipts", "fields"), status.receipts.fields, RECEIPT_FIELDS)
    yield from _wrong_tags(("command", "tags"), command.tags, COMMAND_TAGS)
    yield from _wrong_tags(("command", "orders", "fields"), command.orders.fields, ORDER_FIELDS)
    yield from _wrong_robots(tag_map)
    if history is not None:
        yield from _wrong_tags(("history", "fields"), history.fields, RECEIPT_FIELDS)
        if history.size & (history.size - 1):
            yield (
                ("history", "size"),
                f"must be a power of two, found {history.size}: slots must follow on when the 32-bit number wraps",
            )
    yield from _wrong_for_protocol(tag_map)
    yield from _wrong_places(tag_map)
    yield from _overlaps(tag_map)
    yield from _wrong_requests(tag_map)


def _wrong_robots(tag_map: "TagMap") -> Iterator[Problem]:
    robots, picks = tag_map.status.robots, tag_map.command.orders.pick_fields
    if robots is not None:
        yield from _wrong_tags(("status", "robots", "fields"), robots.fields, ROBOT_FIELDS)
    if picks is None:
        return
    yield from _wrong_tags(("command", "orders", "pick_fields"), picks, PICK_FIELDS)
    if tag_map.history is None:
        yield (
            ("command", "orders", "pick_fields"),
            "a map with picks needs `history`: a pick may end long after others, when its receipt is overwritten",
        )


def _status_tags(found: "Mapping[str, Tag]") -> Mapping[str, TagType]:
    """The tags that a status needs: `flags` is not needed where it stands as single bits."""
    single = [name for name in FLAG_TAGS if name in found]
    whole = "flags" in found or not single
    expected: dict[str, TagType] = {name: kind for name, kind in STATUS_TAGS.items() if name != "flags" or whole}
    for name in single:
        expected[name] = "bit"
    return expected


def _wrong_flags(tags: "Mapping[str, Tag]") -> Iterator[Problem]:
    single = [name for name in FLAG_TAGS if name in tags]
    path = ("status", "tags")
    if single and "flags" in tags:
        yield ((*path, single[0]), "is a bit of flags, which the map has as a whole; leave one of them out")
    elif single:
        for name in FLAG_TAGS:
            if name not in tags and name not in OPTIONAL_FLAG_TAGS:
                yield (path, f"{name} is missing (a bit, as {single[0]} is)")


def _wrong_tags(path: YamlPath, found: "Mapping[str, Tag]", expected: Mapping[str, TagType]) -> Iterator[Problem]:
    for name in expected.keys() - found.keys():
        yield (path, f"{name} is missing (a {expected[name]})")
    for name, tag in found.items():
        if name not in expected:
            near = get_close_matches(name, expected, 1)
            yield ((*path, name), f"no such tag{f'; did you mean {near[0]}?' if near else ''}")
        elif name in MEASURES:
            if tag.type == "bit":
                yield ((*path, name), "is a measured value, which one bit cannot hold")
        else:
            if not _holds(tag.type, expected[name], name in MASKS):
                yield (
                    (*path, name),
                    f"must be a {expected[name]}{'' if expected[name] == 'bit' else ' or a wider integer'}, "
                    f"found {tag.type}: the contract needs the width",
                )
            if tag.scale != 1.0 or tag.offset != 0.0:
                yield ((*path, name), f"is exact and has no scale or offset, found {tag.scale:g} and {tag.offset:g}")


def _holds(stored: TagType, contract: TagType, mask: bool) -> bool:
    if "bit" in (stored, contract):
        return stored == contract
    return stored != "f32" and (BITS[stored] >= BITS[contract] or mask)


def _wrong_for_protocol(tag_map: "TagMap") -> Iterator[Problem]:
    command = tag_map.command
    blocks: dict[str, StatusBlock | CommandBlock | HistoryBlock] = {"status": tag_map.status, "command": command}
    if tag_map.history is not None:
        blocks["history"] = tag_map.history
    for name, block in blocks.items():
        if tag_map.protocol == "opcua" and not block.node:
            yield ((name,), "an OPC UA map needs `node`, the node id of the UInt32 array")
        if tag_map.protocol == "modbus" and block.node:
            yield ((name, "node"), f"a Modbus map has no node ids, found {block.node!r}")
    if tag_map.protocol == "modbus" and command.method:
        yield (("command", "method"), f"Modbus has no methods, found {command.method!r}")
    if tag_map.protocol == "opcua":
        # What a Modbus map may say and an OPC UA map must leave as it is.
        for name in ("byte_order", "unit", "read_gap", "registers_per_read"):
            if getattr(tag_map, name) != type(tag_map).model_fields[name].default:
                yield ((name,), "is for Modbus; leave it out of an OPC UA map")
        for name, block in blocks.items():
            if getattr(block, "table", "holding") != "holding":
                yield ((name, "table"), "is for Modbus; leave it out of an OPC UA map")
        for path, tag in _tags(tag_map):
            for name in ("table", "unit", "byte_order"):
                if getattr(tag, name) is not None:
                    yield ((*path, name), "is for Modbus; leave it out of an OPC UA map")


def _tags(tag_map: "TagMap") -> "Iterator[tuple[YamlPath, Tag]]":
    """Every tag of the map, with its path."""
    for block, tags, records, fields in (
        ("status", tag_map.status.tags, "receipts", tag_map.status.receipts.fields),
        ("command", tag_map.command.tags, "orders", tag_map.command.orders.fields),
    ):
        yield from (((block, "tags", name), tag) for name, tag in tags.items())
        yield from (((block, records, "fields", name), tag) for name, tag in fields.items())
    if tag_map.status.robots is not None:
        yield from ((("status", "robots", "fields", name), tag) for name, tag in tag_map.status.robots.fields.items())
    for name, tag in (tag_map.command.orders.pick_fields or {}).items():
        yield (("command", "orders", "pick_fields", name), tag)
    if tag_map.history is not None:
        yield from ((("history", "fields", name), tag) for name, tag in tag_map.history.fields.items())


def _wrong_places(tag_map: "TagMap") -> Iterator[Problem]:
    """What is wrong with a single place, each said once for all records."""
    said: set[tuple[YamlPath, Callable[..., str | None]]] = set()
    blocks: tuple[BlockName, ...] = ("status", "command", "history")
    for block in blocks:
        picks = _pick_places(tag_map) if block == "command" else ()
        for place in (*tag_map.places(block), *picks):
            for rule in (_beyond_the_table, _not_writable, _not_for_bits, _wrong_bit):
                if (place.path, rule) not in said and (message := rule(tag_map, place, block)):
                    said.add((place.path, rule))
                    yield place.path, message


def _pick_places(tag_map: "TagMap") -> list[Place]:
    """The fields that only picks have."""
    numbers = range(tag_map.command.orders.size)
    return [p for number in numbers for p in tag_map.pick_places(number) if p.path[2] == "pick_fields"]


def _beyond_the_table(tag_map: "TagMap", place: Place, _block: "BlockName") -> str | None:
    if tag_map.protocol == "modbus" and place.span.stop - 1 > LAST_ADDRESS:
        return f"{place.name} ends at address {place.span.stop - 1}; the last one is {LAST_ADDRESS}"
    return None


def _not_writable(_tag_map: "TagMap", place: Place, block: "BlockName") -> str | None:
    if block != "command":
        return None
    if place.table not in WRITABLE_TABLES:
        return f"lies in table {place.table}, which cannot be written; use holding or coil"
    if place.table != "holding" and place.name not in WRITTEN_ANYWHERE:
        return f"lies in table {place.table}; the orders and what belongs to them are written to holding registers"
    return None


def _not_for_bits(_tag_map: "TagMap", place: Place, _block: "BlockName") -> str | None:
    if place.table not in BIT_TABLES:
        return None
    if place.type == "f32":
        return f"is an f32 in table {place.table}, which holds single bits; use an integer"
    if place.bit is not None:
        return f"needs no `bit`: each address of table {place.table} is one"
    return None


def _wrong_bit(tag_map: "TagMap", place: Place, _block: "BlockName") -> str | None:
    if place.type != "bit":
        return f"is a {place.type}; only a bit has `bit` or `invert`" if place.bit is not None or place.invert else None
    if place.table in BIT_TABLES:
        return None
    if place.bit is None:
        return "is a bit of a word; say which with `bit`, from 0"
    return f"names bit {place.bit} of a word of {tag_map.word_bits}" if place.bit >= tag_map.word_bits else None


def _overlaps(tag_map: "TagMap") -> Iterator[Problem]:
    # In Modbus all blocks lie in the same tables; in OPC UA each has its own array.
    spaces = [list(tag_map.places(block)) for block in ("status", "command", "history")]
    spaces[1] += _pick_places(tag_map)
    if tag_map.protocol == "modbus":
        spaces = [[place for places in spaces for place in places]]
    for places in spaces:
        owners: dict[tuple[tuple[Table, int | None], int], list[Place]] = {}
        reported: set[frozenset[YamlPath]] = set()
        for place in places:
            for word in place.span:
                there = owners.setdefault((place.space, word), [])
                for other in there:
                    pair = frozenset((other.path, place.path))
                    if pair not in reported and not _different_bits(other, place) and not _overlaid(other, place):
                        reported.add(pair)
                        yield (
                            place.path,
                            f"{place.name} ({place.type} at {place.at}) and {other.name} ({other.type} at {other.at}) "
                            f"overlap in word {word}; give each its own place",
                        )
                there.append(place)


def _overlaid(one: Place, other: Place) -> bool:
    """Whether one is of a jet order and the other of a pick in the same record, which is never both."""
    kinds = {(place.path[2], place.path[3] in RECORD_FIELDS) for place in (one, other) if len(place.path) == 4}
    same_record = one.name.split(".")[:2] == other.name.split(".")[:2]
    return same_record and kinds == {("fields", False), ("pick_fields", False)}


def _different_bits(one: Place, other: Place) -> bool:
    return one.bit is not None and other.bit is not None and one.bit != other.bit


def _wrong_requests(tag_map: "TagMap") -> Iterator[Problem]:
    """Tags that must go in one request and cannot."""
    for path, requests in ((("status",), tag_map.reads), (("command",), tag_map.writes)):
        try:
            requests()
        except ValueError as error:
            yield path, str(error)
    first_record = [place for place in tag_map.places("history") if place.name.startswith("history.0.")]
    if first_record and (
        len({place.space for place in first_record}) > 1
        or max(p.span.stop for p in first_record) - min(p.at for p in first_record) > tag_map.registers_per_read
    ):
        yield ("history",), "a record must go in one request: the same table and unit, and near each other"
