"""Which values a PLC that keeps the contract does not show: what gives a wrong tag map away. Pure."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence

from plc_bridge.contract import PLC_RECEIPT_CODES, LineFlags, RobotFlags
from plc_bridge.tagmap import TagMap
from plc_bridge.tags import STATUS_TAGS

FASTEST_BELT_MM_S = 20_000.0
"""A belt speed beyond this is a wrong word order, not a belt."""
SLOWEST_BELT_MM_S = 1e-6
"""So is a speed that is not zero and below this."""
FASTEST_COUNTS_PER_S = 10_000_000
LARGEST_QUEUE = 4096

_RECEIPT_CODES = frozenset({0, *PLC_RECEIPT_CODES})
_HALF, _WRAP = 1 << 31, 1 << 32

Values = Mapping[str, float]


def implausible(name: str, before: float | None, now: float) -> str | None:
    """What is wrong with the status tag `name`, read as `before` and then as `now`; None if nothing is."""
    if name == "heartbeat" and before == now:
        return "does not move: the PLC program stands still, or this is another register"
    if name == "epoch":
        if now == 0:
            return "is 0: the PLC program must choose a new epoch at each start"
        if before not in (None, now):
            return "changed between two reads: the PLC restarted, or this is another register"
    if name == "flags" and now > sum(LineFlags):
        return "has bits set beyond bit 5: wrong address or byte order"
    if name == "belt_speed_mm_s" and not _is_belt_speed(now):
        return "is no belt speed: wrong type or word order"
    if name == "queue_free" and now > LARGEST_QUEUE:
        return f"is larger than any order queue ({LARGEST_QUEUE}): wrong address or byte order"
    if name.endswith((".code", ".job_result")) and now not in _RECEIPT_CODES:
        return "is no receipt code (1 to 4, 6 to 8): wrong address, stride or word order"
    if name.startswith("robots.") and name.endswith(".flags") and now > sum(RobotFlags):
        return "has bits set beyond bit 2: wrong address, stride or byte order"
    return None


def _is_belt_speed(value: float) -> bool:
    return value == 0 or (math.isfinite(value) and SLOWEST_BELT_MM_S <= abs(value) <= FASTEST_BELT_MM_S)


def looks_swapped(tag_map: TagMap, values_by: Callable[[TagMap], tuple[Values, Values]], apart_s: float) -> str | None:
    """The sentence that names a wrong word or byte order: one that makes values implausible which the
    other order would make plausible, all of them. `values_by` decodes the status of two reads, at
    least `apart_s` apart, by a map."""
    if not _suspicious(*values_by(tag_map), apart_s):
        return None
    for orders in _other_orders(tag_map):
        variant = tag_map.model_copy(update=orders)
        if not _suspicious(*values_by(variant), apart_s):
            changes = " and ".join(f"{name}: {order}" for name, order in orders.items())
            looks = " and ".join(orders)
            return (
                f"{looks} {'looks' if len(orders) == 1 else 'look'} swapped: with {changes} all values are plausible. "
                "Correct it in the tag map."
            )
    return None


def _other_orders(tag_map: TagMap) -> Iterator[dict[str, str]]:
    other = {"big": "little", "little": "big"}
    words = {"word_order": other[tag_map.word_order]}
    yield words
    if tag_map.protocol == "modbus":
        octets = {"byte_order": other[tag_map.byte_order]}
        yield octets
        yield words | octets


def _suspicious(before: Values, now: Values, apart_s: float) -> bool:
    """Whether any value could come from a wrong order."""
    if any(name != "heartbeat" and implausible(name, before.get(name), value) for name, value in now.items()):
        return True
    if any(_has_empty_low_half(name, value) for name, value in now.items()):
        return True
    if "encoder" not in now or "encoder" not in before:
        return False
    moved = (int(now["encoder"]) - int(before["encoder"]) + _HALF) % _WRAP - _HALF
    return abs(moved) > FASTEST_COUNTS_PER_S * max(apart_s, 0.1)


_COUNTERS: Sequence[str] = [name for name, kind in STATUS_TAGS.items() if kind == "u32"]


def _has_empty_low_half(name: str, value: float) -> bool:
    """Whether a 32-bit counter is a multiple of 65536: by chance one in 65536 is, with swapped words nearly all are."""
    return name in _COUNTERS and value != 0 and int(value) & 0xFFFF == 0
