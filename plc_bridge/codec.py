"""The contract's blocks as words on the wire, through a tag map, in both directions.

A word is an int: 16 bit for a Modbus register, 1 for a coil or discrete input, 32 for OPC UA. The
PC uses `decode_status` and `encode_command`; a PLC's side (the virtual one) uses the reverse pair.
"""

import math
import struct
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import fields
from itertools import chain, repeat
from operator import attrgetter, itemgetter
from typing import Any, cast

from plc_bridge.contract import (
    PLC_RECEIPT_CODES,
    RECEIPT_RING_SIZE,
    CommandImage,
    JetOrder,
    LineCommand,
    LineFlags,
    LineStatus,
    OrderKind,
    OrderRecord,
    PickOrder,
    Receipt,
    RobotFlags,
    RobotStatus,
)
from plc_bridge.link import Pick
from plc_bridge.requests import BIT_TABLES, BITS, Order, Place, Request, TagType
from plc_bridge.tagmap import TagMap
from plc_bridge.tags import (
    COMMAND_TAGS,
    FLAG_TAGS,
    MEASURES,
    ORDER_FIELDS,
    PICK_FIELDS,
    RECEIPT_FIELDS,
    ROBOT_FIELDS,
    STATUS_TAGS,
)
from senbetsu_errors import NeedsOperator

_CHECK_MAP = "Check addresses, types and word order of the tag map with `senbetsu plc probe`."
_KEPT_RANGES = 64
"""How many slot ranges of the history are kept ready; a wire asks for the same few again and again."""
_STATUS_NAMES = tuple(f.name for f in fields(LineStatus) if f.name in STATUS_TAGS)
_STATUS_VALUES = cast("Callable[[Mapping[str, float]], tuple[float, ...]]", itemgetter(*_STATUS_NAMES))
_new_status: Callable[..., LineStatus] = LineStatus  # by position, in the order of its fields
_ORDER_VALUES: Callable[[OrderRecord], tuple[int, ...]] = attrgetter(*ORDER_FIELDS)
# Seq, code and count of each slot, out of the named values.
_SLOT_VALUES = [
    itemgetter(*(f"receipts.{slot}.{field}" for field in ("seq", "code", "count"))) for slot in range(RECEIPT_RING_SIZE)
]
# Enum members looked up: to construct them takes longer than all else about a receipt.
_RECEIPT_CODES = {code.value: code for code in PLC_RECEIPT_CODES}
_FLAGS = [LineFlags(bits) for bits in range(sum(LineFlags) + 1)]
assert set(_STATUS_NAMES) == {f.name for f in fields(LineStatus)} - {"receipts", "robots", "received_at_s"}
assert set(ROBOT_FIELDS) == {f.name for f in fields(RobotStatus)}
_PICK_NAMES = ("seq", *PICK_FIELDS)
assert set(_PICK_NAMES) == {f.name for f in fields(PickOrder)}


class Codec:
    """Translates through one tag map.

    The words of a block are those of its requests, one request after the other: `status_requests`
    and `command_requests`, the first of which carries the orders.
    """

    def __init__(self, tag_map: TagMap) -> None:
        self.status_requests = tag_map.reads()
        self.command_requests = tag_map.writes()
        self._word_bits = tag_map.word_bits
        self._status = _Words(tag_map.word_bits, self.status_requests)
        self._command = _Words(tag_map.word_bits, self.command_requests)
        self._single_flags = "flags" not in tag_map.status.tags
        self.mailbox_size = tag_map.command.orders.size
        """How many order records the command block has."""
        self.robot_count = tag_map.status.robots.size if tag_map.status.robots else 0
        """How many robots the status block shows, 0 where the map has none."""
        self._orders = [f"orders.{n}.{field}" for n in range(self.mailbox_size) for field in ORDER_FIELDS]
        first = self.command_requests[0]
        self._picks = [
            _Words(tag_map.word_bits, [Request(first.table, first.unit, first.span, places)])
            for places in map(tag_map.pick_places, range(self.mailbox_size))
            if places
        ]
        self._history = list(tag_map.places("history"))
        self.receipt_history = tag_map.history.size if tag_map.history else 0
        """Slots of the history ring, 0 where the map has none."""
        self._history_words: dict[range, _Words] = {}
        self._shown: list[tuple[tuple[float, ...], Receipt] | None] = [None] * RECEIPT_RING_SIZE

    @property
    def status_span(self) -> range:
        """The words of the status, where one request carries it all, as in OPC UA and the default maps."""
        (request,) = self.status_requests
        return request.span

    @property
    def command_span(self) -> range:
        """The words of the command, where one request carries it all, as in OPC UA and the default maps."""
        (request,) = self.command_requests
        return request.span

    def history_request(self, slots: range) -> Request:
        """What reads these consecutive slots of the history ring."""
        if slots.step != 1 or not 0 <= slots.start < slots.stop <= self.receipt_history:
            raise ValueError(f"{slots} is not within the {self.receipt_history} slots of the history")
        width = len(self._history) // self.receipt_history
        places = tuple(self._history[slots.start * width : slots.stop * width])
        span = range(min(p.at for p in places), max(p.span.stop for p in places))
        return Request(places[0].table, places[0].unit, span, places)

    def history_span(self, slots: range) -> range:
        """The words of these consecutive slots of the history ring, from the first to the last."""
        return self.history_request(slots).span

    def decode_receipts(self, words: Sequence[int], slots: range) -> list[Receipt]:
        """Words of `history_span(slots)` as receipts; slots never written are left out. Raises
        `NeedsOperator` `plc.tag_map` where a slot holds something else."""
        values = self._words_of(slots).decode(words)
        receipts: list[Receipt] = []
        for slot in slots:
            given = tuple(values[f"history.{slot}.{field}"] for field in ("seq", "code", "count"))
            if given[1] != 0:
                receipts.append(_receipt(given, "history.", slot))
        return receipts

    def encode_receipts(self, receipts: Sequence[Receipt | None], slots: range) -> list[int]:
        """Receipts as words of `history_span(slots)`, one for each slot; None is a slot not yet used."""
        values: dict[str, float] = {}
        for slot, receipt in zip(slots, receipts, strict=True):
            if receipt is not None:
                values |= _receipt_values(receipt, f"history.{slot}")
        return self._words_of(slots).encode(values)

    def _words_of(self, slots: range) -> "_Words":
        if slots not in self._history_words:
            if len(self._history_words) >= _KEPT_RANGES:
                self._history_words.clear()
            self._history_words[slots] = _Words(self._word_bits, [self.history_request(slots)])
        return self._history_words[slots]

    def decode_status(self, words: Sequence[int], received_at_s: float = 0.0) -> LineStatus:
        """Words of the status requests as a `LineStatus`.

        Raises `NeedsOperator` `plc.tag_map` when they cannot be one: too few words, an unknown
        receipt code. The usual reason is a wrong word order or a wrong address.
        """
        values = self._status.decode(words)
        if self._single_flags:
            values["flags"] = sum(flag for name, flag in FLAG_TAGS.items() if values.get(name))
        total = cast(int, values["receipt_total"])
        receipts: list[Receipt] = []
        # Receipt number n (from 0, modulo 2**32) lies in slot n mod RECEIPT_RING_SIZE.
        for number in range(total - RECEIPT_RING_SIZE, total):
            slot = number % RECEIPT_RING_SIZE
            given = _SLOT_VALUES[slot](values)
            if number < 0 and given[1] == 0:
                continue  # never written yet
            shown = self._shown[slot]  # most slots hold what they held a cycle ago
            if shown is None or shown[0] != given:
                shown = self._shown[slot] = (given, _receipt(given, "receipts.", slot))
            receipts.append(shown[1])
        robots = tuple(_robot(values, number) for number in range(self.robot_count))
        if not math.isfinite(values["belt_speed_mm_s"]):
            raise NeedsOperator("plc.tag_map", f"The belt speed is {values['belt_speed_mm_s']}.", _CHECK_MAP)
        flags = int(values["flags"])
        if flags >= len(_FLAGS):
            raise NeedsOperator(
                "plc.tag_map",
                f"The flags word is {flags:#06x}; only bits 0 to 5 are defined.",
                _CHECK_MAP,
            )
        values["flags"] = _FLAGS[flags]
        values["belt_speed_mm_s"] = float(values["belt_speed_mm_s"])
        return _new_status(*_STATUS_VALUES(values), tuple(receipts), robots, received_at_s)

    def encode_status(self, status: LineStatus) -> list[int]:
        """A `LineStatus` as words of the status requests."""
        values: dict[str, float] = {name: getattr(status, name) for name in _STATUS_NAMES}
        if self._single_flags:
            values |= {name: flag in status.flags for name, flag in FLAG_TAGS.items()}
        first = status.receipt_total - len(status.receipts)
        for number, receipt in enumerate(status.receipts, first):
            values |= _receipt_values(receipt, f"receipts.{number % RECEIPT_RING_SIZE}")
        for number, robot in enumerate(status.robots[: self.robot_count]):
            values |= {f"robots.{number}.{name}": getattr(robot, name) for name in ROBOT_FIELDS}
        return self._status.encode(values)

    def encode_command(self, image: CommandImage) -> list[int]:
        """A `CommandImage` as words of the command requests; records that are not used are zero.

        Raises `NeedsOperator` `plc.tag_map` for a value that the map's type cannot hold, `plc.no_picks` for a
        pick where the map has none."""
        if len(image.orders) > self.mailbox_size:
            raise ValueError(f"{len(image.orders)} orders in a mailbox of {self.mailbox_size}")
        values: dict[str, float] = {
            "pc_epoch": image.pc_epoch,
            "pc_heartbeat": image.pc_heartbeat,
            "line_command": image.line_command,
            "speed_setpoint_mm_s": image.speed_setpoint_mm_s,
            "batch": image.batch,
            "order_count": len(image.orders),
        }
        picks = [(n, order) for n, order in enumerate(image.orders) if isinstance(order, PickOrder)]
        if not picks:
            values.update(zip(self._orders, chain.from_iterable(map(_ORDER_VALUES, image.orders)), strict=False))
            return self._command.encode(values)
        width = len(ORDER_FIELDS)
        for number, order in enumerate(image.orders):
            if isinstance(order, JetOrder):
                names = self._orders[number * width : (number + 1) * width]
                values.update(zip(names, _ORDER_VALUES(order), strict=True))
        words = self._command.encode(values)
        for number, pick in picks:
            for at, word in enumerate(self._pick_words(number, pick)):
                words[at] |= word  # the record's words are zero so far
        return words

    def check_pick(self, pick: Pick) -> None:
        """Raise as `encode_command` does for an order made of this pick."""
        self._pick_words(0, PickOrder(seq=0, **{name: getattr(pick, name) for name in PICK_FIELDS}))

    def _pick_words(self, number: int, pick: PickOrder) -> list[int]:
        if not self._picks:
            raise NeedsOperator(
                "plc.no_picks",
                "The tag map has no pick_fields, so this PLC cannot be told what a robot shall pick.",
                "Use a tag map with robots, for example a copy of configs/tags/modbus-robots.yaml.",
            )
        values: dict[str, float] = {f"orders.{number}.{name}": getattr(pick, name) for name in _PICK_NAMES}
        values[f"orders.{number}.kind"] = pick.kind
        return self._picks[number].encode(values)

    def decode_command(self, words: Sequence[int]) -> CommandImage:
        """Words of the command requests as a `CommandImage`. Raises `NeedsOperator` `plc.tag_map` when
        they cannot be one."""
        values = self._command.decode(words)
        count = int(values["order_count"])
        command = int(values["line_command"])
        kinds = {int(values[f"orders.{n}.kind"]) for n in range(min(count, self.mailbox_size))}
        known = set(OrderKind) if self._picks else set(OrderKind) - {OrderKind.PICK}
        if count > self.mailbox_size or command not in set(LineCommand) or kinds - known:
            raise NeedsOperator(
                "plc.tag_map",
                f"A command block of {count} orders of kinds {sorted(kinds)} with line command {command} was written.",
                "Both ends must use the same tag map.",
            )
        return CommandImage(
            pc_epoch=int(values["pc_epoch"]),
            pc_heartbeat=int(values["pc_heartbeat"]),
            line_command=LineCommand(command),
            speed_setpoint_mm_s=float(values["speed_setpoint_mm_s"]),
            batch=int(values["batch"]),
            orders=tuple(self._order(number, values, words) for number in range(count)),
        )

    def _order(self, number: int, values: Mapping[str, float], words: Sequence[int]) -> OrderRecord:
        """The order in record `number` of a command block."""
        seq, kind, lane_first, lane_last, on_count, off_count = (
            int(values[f"orders.{number}.{name}"]) for name in ORDER_FIELDS
        )
        if kind != OrderKind.PICK:
            return JetOrder(seq, lane_first, lane_last, on_count, off_count, OrderKind(kind))
        pick = self._picks[number]
        told = pick.decode(words[: pick.count])
        told = {name: told[f"orders.{number}.{name}"] for name in PICK_FIELDS}
        return PickOrder(
            seq=seq,
            robot=int(told["robot"]),
            x_mm=float(told["x_mm"]),
            y_mm=float(told["y_mm"]),
            theta_deg=float(told["theta_deg"]),
            height_mm=float(told["height_mm"]),
            class_index=int(told["class_index"]),
            outlet_index=int(told["outlet_index"]),
            pick_count=int(told["pick_count"]),
        )

    def value(self, place: Place, words: Sequence[int]) -> float:
        """One value from just its own words, as the contract means it."""
        request = Request(place.table, place.unit, place.span, (place,))
        return _Words(self._word_bits, [request]).decode(words)[place.name]


def _receipt(given: tuple[Any, ...], ring: str, slot: int) -> Receipt:
    seq, code, count = given
    known = _RECEIPT_CODES.get(code)
    if known is None:
        raise NeedsOperator(
            "plc.tag_map", f"{ring}{slot} has code {code}, which is none of 1 to 4 and 6 to 8.", _CHECK_MAP
        )
    return Receipt(seq, known, count)


def _receipt_values(receipt: Receipt, slot: str) -> dict[str, float]:
    return {f"{slot}.seq": receipt.seq, f"{slot}.code": receipt.code, f"{slot}.count": receipt.count}


def _robot(values: Mapping[str, float], number: int) -> RobotStatus:
    told = {name: int(values[f"robots.{number}.{name}"]) for name in ROBOT_FIELDS}
    if told["flags"] > sum(RobotFlags):
        raise NeedsOperator(
            "plc.tag_map",
            f"The flags of robot {number} are {told['flags']:#06x}; only bits 0 to 2 are defined.",
            _CHECK_MAP,
        )
    return RobotStatus(
        RobotFlags(told["flags"]), told["active_seq"], told["job_done"], told["job_result"], told["fault"]
    )


class _Words:
    """Named values in the words of some requests, the words of one request after those of the other."""

    def __init__(self, word_bits: int, requests: Sequence[Request]) -> None:
        self.count = sum(len(request.span) for request in requests)
        self._scaled: list[Place] = []
        self._narrowed: list[tuple[str, int]] = []
        self._converted: list[Place] = []
        self._bits: list[tuple[str, int, int, bool]] = []  # name, word, bit of the word, inverted
        self._bit_runs: list[tuple[Place, int]] = []
        numbers: dict[tuple[Order, Order], list[tuple[int, Place]]] = {}
        start = 0
        for request in requests:
            for place in request.places:
                word = start + place.at - request.span.start
                if place.type == "bit":
                    self._bits.append((place.name, word, place.bit or 0, place.invert))
                elif place.table in BIT_TABLES:
                    self._bit_runs.append((place, word))
                else:
                    numbers.setdefault((place.word_order, place.byte_order), []).append((word, place))
                self._note(place)
            start += len(request.span)
        self._numbers = [_Numbers(word_bits, self.count, places, *orders) for orders, places in numbers.items()]

    def _note(self, place: Place) -> None:
        """Remember what is to be done with its stored number."""
        tag = place.name.rsplit(".", 1)[-1]
        contract = _CONTRACT_TYPES[tag]
        if tag in MEASURES:
            if (place.scale, place.offset) != (1.0, 0.0):
                self._scaled.append(place)
        elif place.type not in ("bit", contract):
            self._narrowed.append((place.name, (1 << min(BITS[contract], BITS[place.type])) - 1))
        if place.type not in ("f32", contract):
            self._converted.append(place)

    def decode(self, words: Sequence[int]) -> dict[str, float]:
        """The values; of a tag that is a whole number in the contract, a whole number."""
        if len(words) != self.count:
            raise NeedsOperator(
                "plc.tag_map", f"The device answered {len(words)} words where the tag map has {self.count}.", _CHECK_MAP
            )
        values: dict[str, float] = {}
        for numbers in self._numbers:
            numbers.decode(words, values)
        for name, word, bit, inverted in self._bits:
            values[name] = words[word] >> bit & 1 ^ inverted
        for place, word in self._bit_runs:
            number = sum(1 << bit for bit in range(place.width) if words[word + bit])
            values[place.name] = _signed(number, place.width) if place.type in _SIGNED else number
        for name, mask in self._narrowed:
            values[name] = int(values[name]) & mask
        for place in self._scaled:
            values[place.name] = values[place.name] * place.scale + place.offset
        return values

    def encode(self, values: Mapping[str, float]) -> list[int]:
        """Raises `NeedsOperator` `plc.tag_map` for a value that the device's type cannot hold."""
        stored = dict(values)
        for place in self._scaled:
            stored[place.name] = (values.get(place.name, 0.0) - place.offset) / place.scale
        for place in self._converted:
            if place.name in stored:
                stored[place.name] = _fitted(stored[place.name], place)
        words: list[int] | None = None
        for numbers in self._numbers:
            more = numbers.encode(stored)
            words = more if words is None else [one | other for one, other in zip(words, more, strict=True)]
        words = words or [0] * self.count
        for name, word, bit, inverted in self._bits:
            words[word] |= (int(stored.get(name, 0)) ^ inverted) << bit
        for place, word in self._bit_runs:
            for bit in range(place.width):
                words[word + bit] = int(stored.get(place.name, 0)) >> bit & 1
        return words


class _Numbers:
    """Values of one word and byte order among some words, by one `struct` format over all of them.

    Byte order is undone on all bytes. With the low word first the words are turned round as a whole,
    which puts the high word of each value first, and each value at the mirrored place.
    """

    def __init__(
        self, word_bits: int, word_count: int, places: Sequence[tuple[int, Place]], word_order: Order, byte_order: Order
    ) -> None:
        word_bytes = word_bits // 8
        self._reversed = word_order == "little"
        self._swapped = byte_order == "little"
        self._words = struct.Struct(f">{word_count}{'H' if word_bytes == 2 else 'I'}")
        offsets: list[tuple[int, Place]] = []
        for word, place in places:
            first_word = word_count - word - place.width if self._reversed else word
            # A value narrower than its word lies in the word's low bytes.
            padding = place.width * word_bytes - BITS[place.type] // 8
            offsets.append((first_word * word_bytes + padding, place))
        offsets.sort(key=lambda pair: pair[0])
        layout, end = ">", 0
        for offset, place in offsets:
            layout += f"{offset - end}x{_FORMATS[place.type]}"
            end = offset + BITS[place.type] // 8
        self._values = struct.Struct(f"{layout}{word_count * word_bytes - end}x")
        self._places = [place for _, place in offsets]
        self._names = [place.name for place in self._places]

    def decode(self, words: Sequence[int], values: dict[str, float]) -> None:
        """Add the values to `values`."""
        data = self._words.pack(*(reversed(words) if self._reversed else words))
        values.update(zip(self._names, self._values.unpack(_swap_bytes(data) if self._swapped else data), strict=True))

    def encode(self, values: Mapping[str, float]) -> list[int]:
        """All the words, zero where other values lie."""
        try:
            data = self._values.pack(*map(values.get, self._names, repeat(0)))
        except struct.error:  # which of them does not fit?
            for place in self._places:
                if place.type != "f32":
                    _fitted(values.get(place.name, 0), place)
            raise
        words = list(self._words.unpack(_swap_bytes(data) if self._swapped else data))
        if self._reversed:
            words.reverse()
        return words


_FORMATS: Mapping[TagType, str] = {"u16": "H", "u32": "I", "u64": "Q", "i16": "h", "i32": "i", "i64": "q", "f32": "f"}
_SIGNED: Collection[TagType] = ("i16", "i32", "i64")
_CONTRACT_TYPES: Mapping[str, TagType] = {
    **STATUS_TAGS,
    **COMMAND_TAGS,
    **RECEIPT_FIELDS,
    **ORDER_FIELDS,
    **PICK_FIELDS,
    **ROBOT_FIELDS,
    **dict[str, TagType].fromkeys(FLAG_TAGS, "bit"),
}


def _fitted(value: float, place: Place) -> int:
    """The whole number to store; a number too large for a signed type of its width is stored as the
    same bits, as the contract's unsigned counters are."""
    number, bits = round(value), BITS[place.type]
    if place.type in _SIGNED and place.scale == 1.0 and place.offset == 0.0 and 0 <= number < 1 << bits:
        number = _signed(number, bits)
    lowest = -(1 << bits - 1) if place.type in _SIGNED else 0
    if not lowest <= number < lowest + (1 << bits):
        raise NeedsOperator(
            "plc.tag_map",
            f"{place.name} would be stored as {number}, which does not fit the {place.type} of the tag map.",
            "Give it a wider type or another scale in the tag map.",
        )
    return number


def _signed(number: int, bits: int) -> int:
    return number - (1 << bits) if number >> bits - 1 else number


def _swap_bytes(data: bytes) -> bytes:
    """Each register's two bytes exchanged."""
    swapped = bytearray(data)
    swapped[0::2], swapped[1::2] = data[1::2], data[0::2]
    return bytes(swapped)
