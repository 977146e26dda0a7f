"""Which requests read or write a set of places: as few as the protocol allows. Pure.

A *word* is what one address holds: a register or a single bit in Modbus, an array element in OPC UA.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

TagType = Literal["u16", "u32", "u64", "i16", "i32", "i64", "f32", "bit"]
BITS: Mapping[TagType, int] = {
    "u16": 16,
    "u32": 32,
    "u64": 64,
    "i16": 16,
    "i32": 32,
    "i64": 64,
    "f32": 32,
    "bit": 1,
}
Order = Literal["big", "little"]
Table = Literal["holding", "input", "coil", "discrete"]
BIT_TABLES: Collection[Table] = ("coil", "discrete")
WRITABLE_TABLES: Collection[Table] = ("holding", "coil")

LARGEST_READ_REGISTERS = 125
LARGEST_WRITE_REGISTERS = 123
LARGEST_EXCHANGE_WRITE_REGISTERS = 121
"""What FC23 writes; it reads as much as FC3."""
LARGEST_READ_BITS = 2000
LARGEST_WRITE_BITS = 1968
LAST_ADDRESS = 0xFFFF

YamlPath = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Place:
    """One value on the wire: its name (`receipts.3.seq`), where the map defines it, where it lies.

    `width` counts words. `bit` is the bit of the word that a bit in a register is. `unit` is None
    where the connection's own unit is meant.
    """

    name: str
    path: YamlPath
    at: int
    width: int
    type: TagType
    scale: float = 1.0
    offset: float = 0.0
    table: Table = "holding"
    unit: int | None = None
    word_order: Order = "big"
    byte_order: Order = "big"
    bit: int | None = None
    invert: bool = False

    @property
    def span(self) -> range:
        """The words it takes."""
        return range(self.at, self.at + self.width)

    @property
    def space(self) -> tuple[Table, int | None]:
        """What its address is an address in."""
        return self.table, self.unit


@dataclass(frozen=True, slots=True)
class Request:
    """The words that one request carries, and the places it carries them for."""

    table: Table
    unit: int | None
    span: range
    places: tuple[Place, ...]


def group(
    places: Sequence[Place],
    wholes: Sequence[Collection[str]],
    *,
    gap: int,
    registers: int,
    bits: int,
) -> tuple[Request, ...]:
    """The fewest requests that cover `places`, each place in one, in the order of tables, units, addresses.

    Places whose names are in one of `wholes` share a request, whatever lies between them. Otherwise
    a request spans at most `gap` words that belong to no place, and `registers` words of a register
    table or `bits` of a bit table. Raises ValueError where a whole does not fit a request.
    """
    alone: list[list[Place]] = []
    together: dict[int, list[Place]] = {}
    for place in places:
        number = next((n for n, names in enumerate(wholes) if place.name in names), None)
        if number is None:
            alone.append([place])
        else:
            together.setdefault(number, []).append(place)
    pieces: dict[tuple[Table, int | None], list[Request]] = {}
    for members in (*together.values(), *alone):
        piece = _whole(members, registers, bits)
        pieces.setdefault((piece.table, piece.unit), []).append(piece)
    return tuple(
        request
        for (table, _), members in sorted(pieces.items(), key=lambda item: (item[0][0], item[0][1] or 0))
        for request in _joined(members, gap, bits if table in BIT_TABLES else registers)
    )


def _whole(members: Sequence[Place], registers: int, bits: int) -> Request:
    """The one request of places that must be read together."""
    for member in members:
        if member.space != members[0].space:
            raise ValueError(
                f"{members[0].name} and {member.name} must lie in the same table of the same unit: "
                "what is told together goes in one request"
            )
    first, last = min(members, key=lambda p: p.at), max(members, key=lambda p: p.span.stop)
    span = range(first.at, last.span.stop)
    largest = bits if first.table in BIT_TABLES else registers
    if len(span) > largest:
        raise ValueError(
            f"{first.name} to {last.name} span addresses {span.start} to {span.stop - 1}, {len(span)} of them; they "
            f"must go in one request, which carries at most {largest}, so bring them closer together"
        )
    return Request(first.table, first.unit, span, tuple(members))


def _joined(pieces: Sequence[Request], gap: int, largest: int) -> Iterator[Request]:
    """From the lowest on, each request takes what still fits: for pieces in a row no choice needs fewer."""
    current: Request | None = None
    for piece in sorted(pieces, key=lambda p: (p.span.start, p.span.stop)):
        if current is None:
            current = piece
            continue
        stop = max(current.span.stop, piece.span.stop)
        if piece.span.start - current.span.stop <= gap and stop - current.span.start <= largest:
            span = range(current.span.start, stop)
            current = Request(current.table, current.unit, span, current.places + piece.places)
        else:
            yield current
            current = piece
    if current is not None:
        yield current
