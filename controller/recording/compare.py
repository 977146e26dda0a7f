"""Two accounts of the same belt, part by part and field by field. Pure."""

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from controller.recording.recording import PartStory

SAME_PART_MM = 8.0
"""Two accounts of one part lie no farther apart than this, along and across."""

MOVED_MM = 0.5
"""From this on a part's place, or its order's window, is said to have changed."""

PROBABILITY = 0.02
"""From this on a part's probability is said to have changed."""

Change = tuple[Any, Any]

FIELDS = ("place", "class", "probability", "outlet", "order", "lanes", "window")


@dataclass(frozen=True, slots=True)
class Pair:
    """One part in both accounts, with the fields that differ: (before, after)."""

    before: PartStory
    after: PartStory
    changed: Mapping[str, Change]


@dataclass(frozen=True, slots=True)
class Comparison:
    """What became of the parts of one account in another."""

    pairs: tuple[Pair, ...]
    only_before: tuple[PartStory, ...]
    only_after: tuple[PartStory, ...]
    by_field: Mapping[str, int] = field(init=False)

    def __post_init__(self) -> None:
        counted = Counter(name for pair in self.pairs for name in pair.changed)
        object.__setattr__(self, "by_field", {name: counted[name] for name in FIELDS})

    @property
    def changed(self) -> tuple[Pair, ...]:
        """The pairs in which something differs, in order of time."""
        return tuple(pair for pair in self.pairs if pair.changed)

    @property
    def total(self) -> int:
        """Parts that differ or that only one account has; 0 for equal accounts."""
        return len(self.changed) + len(self.only_before) + len(self.only_after)


def compare(before: Sequence[PartStory], after: Sequence[PartStory], counts_per_mm: float) -> Comparison:
    """Match parts by where they lie on the belt and compare their fields."""
    pairs: list[Pair] = []
    only_before: list[PartStory] = []
    left = set(range(len(after)))
    matched = _matched(before, after, SAME_PART_MM * counts_per_mm)
    for index, old in enumerate(before):
        partner = matched.get(index)
        if partner is None:
            only_before.append(old)
            continue
        left.remove(partner)
        new = after[partner]
        pairs.append(Pair(old, new, _differences(old, new, counts_per_mm)))
    return Comparison(tuple(pairs), tuple(only_before), tuple(after[i] for i in sorted(left)))


def _matched(before: Sequence[PartStory], after: Sequence[PartStory], gate_counts: float) -> dict[int, int]:
    """Index in `after` for each index in `before` that has a partner: nearest pairs first, each part once."""
    order = sorted((story.restarts, story.part.belt_counts, index) for index, story in enumerate(after))
    keys = [(restarts, counts) for restarts, counts, _ in order]
    candidates: list[tuple[float, int, int]] = []
    for index, old in enumerate(before):
        centre = old.part.belt_counts
        first = bisect_left(keys, (old.restarts, centre - gate_counts))
        last = bisect_right(keys, (old.restarts, centre + gate_counts))
        for _, counts, other in order[first:last]:
            across_mm = abs(after[other].part.across_mm - old.part.across_mm)
            if across_mm <= SAME_PART_MM:
                distance = abs(counts - centre) / gate_counts + across_mm / SAME_PART_MM
                candidates.append((distance, index, other))
    matched: dict[int, int] = {}
    taken: set[int] = set()
    for _, index, other in sorted(candidates):
        if index not in matched and other not in taken:
            matched[index] = other
            taken.add(other)
    return matched


def _differences(old: PartStory, new: PartStory, counts_per_mm: float) -> dict[str, Change]:
    """The fields that differ by more than their tolerance, each (before, after)."""
    changed: dict[str, Change] = {}
    before, after = old.part, new.part
    along_mm = abs(after.belt_counts - before.belt_counts) / counts_per_mm
    if max(along_mm, abs(after.across_mm - before.across_mm)) > MOVED_MM:
        changed["place"] = (
            [round(before.belt_counts), round(before.across_mm, 2)],
            [round(after.belt_counts), round(after.across_mm, 2)],
        )
    if before.class_id != after.class_id:
        changed["class"] = (before.class_id, after.class_id)
    if abs(before.probability - after.probability) > PROBABILITY:
        changed["probability"] = (round(before.probability, 3), round(after.probability, 3))
    if before.outlet != after.outlet:
        changed["outlet"] = (before.outlet, after.outlet)
    if (old.order is None) != (new.order is None):
        changed["order"] = (old.order is not None, new.order is not None)
    if old.order and new.order:
        lanes = tuple((o.lane_first, o.lane_last) for o in (old.order, new.order))
        if lanes[0] != lanes[1]:
            changed["lanes"] = (list(lanes[0]), list(lanes[1]))
        windows = tuple((o.on_counts, o.off_counts) for o in (old.order, new.order))
        if max(abs(b - a) for a, b in zip(*windows, strict=True)) > MOVED_MM * counts_per_mm:
            changed["window"] = (list(windows[0]), list(windows[1]))
    return changed
