"""The contract's blocks as words on the wire, through a tag map, in both directions.

A word is an int: 16 bit for Modbus, 32 bit for OPC UA. The PC uses `decode_status` and
`encode_command`; a PLC's side (the virtual one) uses the reverse pair.
"""

import math
import struct
from collections.abc import Mapping, Sequence
from dataclasses import fields

from plc_bridge.contract import (
    MAILBOX_SIZE,
    RECEIPT_RING_SIZE,
    CommandImage,
    JetOrder,
    LineCommand,
    LineFlags,
    LineStatus,
    OrderKind,
    Receipt,
    ReceiptCode,
)
from plc_bridge.tagmap import BITS, STATUS_TAGS, Place, TagMap, TagType
from senbetsu_errors import NeedsOperator

_CHECK_MAP = "Check addresses, types and word order of the tag map with `senbetsu plc probe`."
_KEPT_BLOCKS = 64
"""How many slot ranges of the history are kept ready; a wire asks for the same few again and again."""
_STATUS_NAMES = tuple(STATUS_TAGS)
assert set(_STATUS_NAMES) == {f.name for f in fields(LineStatus)} - {"receipts", "received_at_s"}


class Codec:
    """Translates through one tag map. Words are relative to the block's span."""

    def __init__(self, tag_map: TagMap) -> None:
        self.status_span = tag_map.span("status")
        self.command_span = tag_map.span("command")
        self._map = tag_map
        self._status = _Block(tag_map, list(tag_map.places("status")), self.status_span)
        self._command = _Block(tag_map, list(tag_map.places("command")), self.command_span)
        self._history = list(tag_map.places("history"))
        self._history_blocks: dict[range, _Block] = {}

    @property
    def receipt_history(self) -> int:
        """Slots of the history ring, 0 where the map has none."""
        return self._map.history.size if self._map.history else 0

    def history_span(self, slots: range) -> range:
        """The words of these consecutive slots of the history ring, from the first to the last."""
        places = self._history_places(slots)
        return range(min(p.at for p in places), max(p.at + self._map.words(p.type) for p in places))

    def decode_receipts(self, words: Sequence[int], slots: range) -> list[Receipt]:
        """Words of `history_span(slots)` as receipts. Raises `NeedsOperator` `plc.tag_map` where a
        slot holds none."""
        values = self._history_block(slots).decode(words)
        return [_receipt(values, f"history.{slot}") for slot in slots]

    def encode_receipts(self, receipts: Sequence[Receipt | None], slots: range) -> list[int]:
        """Receipts as words of `history_span(slots)`, one for each slot; None is a slot not yet used."""
        values: dict[str, float] = {}
        for slot, receipt in zip(slots, receipts, strict=True):
            if receipt is not None:
                values |= _receipt_values(receipt, f"history.{slot}")
        return self._history_block(slots).encode(values)

    def _history_places(self, slots: range) -> list[Place]:
        if slots.step != 1 or not 0 <= slots.start < slots.stop <= self.receipt_history:
            raise ValueError(f"{slots} is not within the {self.receipt_history} slots of the history")
        width = len(self._history) // self.receipt_history
        return self._history[slots.start * width : slots.stop * width]

    def _history_block(self, slots: range) -> "_Block":
        if slots not in self._history_blocks:
            if len(self._history_blocks) >= _KEPT_BLOCKS:
                self._history_blocks.clear()
            self._history_blocks[slots] = _Block(self._map, self._history_places(slots), self.history_span(slots))
        return self._history_blocks[slots]

    def decode_status(self, words: Sequence[int], received_at_s: float = 0.0) -> LineStatus:
        """Words of the status span as a `LineStatus`.

        Raises `NeedsOperator` `plc.tag_map` when they cannot be one: too few words, an unknown
        receipt code. The usual reason is a wrong word order or a wrong address.
        """
        values = self._status.decode(words)
        total = int(values["receipt_total"])
        receipts: list[Receipt] = []
        # Receipt number n (from 0, modulo 2**32) lies in slot n mod RECEIPT_RING_SIZE.
        for number in range(total - RECEIPT_RING_SIZE, total):
            slot = f"receipts.{number % RECEIPT_RING_SIZE}"
            if number < 0 and values[f"{slot}.code"] == 0:
                continue  # never written yet
            receipts.append(_receipt(values, slot))
        if not math.isfinite(values["belt_speed_mm_s"]):
            raise NeedsOperator("plc.tag_map", f"The belt speed is {values['belt_speed_mm_s']}.", _CHECK_MAP)
        if int(values["flags"]) > sum(LineFlags):
            raise NeedsOperator(
                "plc.tag_map",
                f"The flags word is {int(values['flags']):#06x}; only bits 0 to 4 are defined.",
                _CHECK_MAP,
            )
        integers = {name: int(values[name]) for name in _STATUS_NAMES if name not in ("flags", "belt_speed_mm_s")}
        return LineStatus(
            **integers,
            flags=LineFlags(int(values["flags"])),
            belt_speed_mm_s=float(values["belt_speed_mm_s"]),
            receipts=tuple(receipts),
            received_at_s=received_at_s,
        )

    def encode_status(self, status: LineStatus) -> list[int]:
        """A `LineStatus` as words of the status span."""
        values: dict[str, float] = {name: getattr(status, name) for name in _STATUS_NAMES}
        first = status.receipt_total - len(status.receipts)
        for number, receipt in enumerate(status.receipts, first):
            values |= _receipt_values(receipt, f"receipts.{number % RECEIPT_RING_SIZE}")
        return self._status.encode(values)

    def encode_command(self, image: CommandImage) -> list[int]:
        """A `CommandImage` as words of the command span; records that are not used are zero."""
        values: dict[str, float] = {
            "pc_epoch": image.pc_epoch,
            "pc_heartbeat": image.pc_heartbeat,
            "line_command": image.line_command,
            "speed_setpoint_mm_s": image.speed_setpoint_mm_s,
            "batch": image.batch,
            "order_count": len(image.orders),
        }
        for number, order in enumerate(image.orders):
            slot = f"orders.{number}"
            values[f"{slot}.seq"] = order.seq
            values[f"{slot}.kind"] = OrderKind.JET
            values[f"{slot}.lane_first"] = order.lane_first
            values[f"{slot}.lane_last"] = order.lane_last
            values[f"{slot}.on_count"] = order.on_count
            values[f"{slot}.off_count"] = order.off_count
        return self._command.encode(values)

    def decode_command(self, words: Sequence[int]) -> CommandImage:
        """Words of the command span as a `CommandImage`. Raises `NeedsOperator` `plc.tag_map` when
        they cannot be one."""
        values = self._command.decode(words)
        count = int(values["order_count"])
        command = int(values["line_command"])
        kinds = {int(values[f"orders.{n}.kind"]) for n in range(min(count, MAILBOX_SIZE))}
        if count > MAILBOX_SIZE or command not in set(LineCommand) or kinds - set(OrderKind):
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
            orders=tuple(
                JetOrder(
                    seq=int(values[f"orders.{n}.seq"]),
                    lane_first=int(values[f"orders.{n}.lane_first"]),
                    lane_last=int(values[f"orders.{n}.lane_last"]),
                    on_count=int(values[f"orders.{n}.on_count"]),
                    off_count=int(values[f"orders.{n}.off_count"]),
                )
                for n in range(count)
            ),
        )

    def value(self, place: Place, words: Sequence[int]) -> float:
        """One value from just its own words."""
        span = range(place.at, place.at + self._map.words(place.type))
        return _Block(self._map, [place], span).decode(words)[place.name]


def _receipt(values: Mapping[str, float], slot: str) -> Receipt:
    code = int(values[f"{slot}.code"])
    if not ReceiptCode.FIRED <= code <= ReceiptCode.CANCELLED:
        raise NeedsOperator("plc.tag_map", f"{slot} has code {code}, which is none of 1 to 4.", _CHECK_MAP)
    return Receipt(int(values[f"{slot}.seq"]), ReceiptCode(code), int(values[f"{slot}.count"]))


def _receipt_values(receipt: Receipt, slot: str) -> dict[str, float]:
    return {f"{slot}.seq": receipt.seq, f"{slot}.code": receipt.code, f"{slot}.count": receipt.count}


_FORMATS: Mapping[TagType, str] = {"u16": "H", "u32": "I", "u64": "Q", "f32": "f"}


class _Block:
    """Words to named values and back, by one `struct` format over the whole block.

    Byte order is undone on the block's bytes. With the low word first the block is turned round as
    a whole, which puts the high word of each value first, and each value at the mirrored place.
    """

    def __init__(self, tag_map: TagMap, places: Sequence[Place], span: range) -> None:
        word_bytes = tag_map.word_bits // 8
        self._reversed = tag_map.word_order == "little"
        self._swapped = tag_map.byte_order == "little"
        self._word_count = len(span)
        self._words = struct.Struct(f">{len(span)}{'H' if word_bytes == 2 else 'I'}")
        offsets: list[tuple[int, Place]] = []
        for place in places:
            at, count = place.at - span.start, tag_map.words(place.type)
            first_word = len(span) - at - count if self._reversed else at
            # A value narrower than its word lies in the word's low bytes.
            padding = count * word_bytes - BITS[place.type] // 8
            offsets.append((first_word * word_bytes + padding, place))
        offsets.sort(key=lambda pair: pair[0])
        layout, end = ">", 0
        for offset, place in offsets:
            layout += f"{offset - end}x{_FORMATS[place.type]}"
            end = offset + BITS[place.type] // 8
        self._values = struct.Struct(f"{layout}{len(span) * word_bytes - end}x")
        self._places = [place for _, place in offsets]
        self._names = [place.name for place in self._places]
        self._scaled = [place for place in self._places if place.scale != 1.0]

    def decode(self, words: Sequence[int]) -> dict[str, float]:
        if len(words) != self._word_count:
            raise NeedsOperator(
                "plc.tag_map",
                f"The device answered {len(words)} words where the tag map spans {self._word_count}.",
                _CHECK_MAP,
            )
        data = self._words.pack(*(reversed(words) if self._reversed else words))
        values: dict[str, float] = dict(
            zip(self._names, self._values.unpack(_swap_bytes(data) if self._swapped else data), strict=True)
        )
        for place in self._scaled:
            values[place.name] *= place.scale
        return values

    def encode(self, values: Mapping[str, float]) -> list[int]:
        row = [values.get(name, 0) for name in self._names]
        for index, place in enumerate(self._places):
            if place.scale != 1.0:
                row[index] = row[index] / place.scale
            if place.type != "f32":
                row[index] = round(row[index])
                if not 0 <= row[index] < 1 << BITS[place.type]:
                    raise ValueError(f"{place.name} is {values[place.name]}, which does not fit a {place.type}")
        data = self._values.pack(*row)
        words = list(self._words.unpack(_swap_bytes(data) if self._swapped else data))
        if self._reversed:
            words.reverse()
        return words


def _swap_bytes(data: bytes) -> bytes:
    """Each register's two bytes exchanged."""
    swapped = bytearray(data)
    swapped[0::2], swapped[1::2] = data[1::2], data[0::2]
    return bytes(swapped)
