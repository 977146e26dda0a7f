"""What Direct I/O knows about time: where the belt is between two reads, and how late valves are. Pure."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil

from plc_bridge.virtual_plc import count_difference

_SPEED_WINDOW_S = 0.06
"""Belt speed is taken over this long: long against a read's round trip, short against a drive's ramp."""

_WATCHED = 500
_TOLERATED = _WATCHED // 100
"""Of the newest 500 switchings five may be further off than the declared jitter: its p99."""


def percentile_99(values: Sequence[float]) -> float:
    """The smallest of `values` that at most 1 % of them exceed."""
    return sorted(values)[ceil(0.99 * len(values)) - 1]


class BeltTrack:
    """The encoder between its reads: the newest read, carried on at the speed of the last ones.

    Counts are unwrapped here; they begin with the first raw count. Times in seconds.
    """

    def __init__(self, counts_per_mm: float) -> None:
        self._counts_per_mm = counts_per_mm
        self._reads: deque[tuple[float, int]] = deque()
        self._counts_per_s = 0.0

    def observe(self, raw: int, at_s: float) -> None:
        """The encoder stood at `raw` at about `at_s`, half way between request and reply."""
        counts = raw if not self._reads else self._reads[-1][1] + count_difference(raw, self._reads[-1][1])
        self._reads.append((at_s, counts))
        while len(self._reads) > 2 and self._reads[1][0] < at_s - _SPEED_WINDOW_S:
            self._reads.popleft()
        (first_s, first), (last_s, last) = self._reads[0], self._reads[-1]
        self._counts_per_s = (last - first) / (last_s - first_s) if last_s > first_s else 0.0

    @property
    def observed_at_s(self) -> float:
        """When the newest read was; minus infinity before the first."""
        return self._reads[-1][0] if self._reads else float("-inf")

    @property
    def speed_mm_s(self) -> float:
        """Belt speed over the last reads, signed."""
        return self._counts_per_s / self._counts_per_mm

    def raw_at(self, at_s: float) -> int:
        """The raw 32-bit count expected at `at_s`."""
        last_s, last = self._reads[-1]
        return int(last + self._counts_per_s * (at_s - last_s)) & 0xFFFF_FFFF


@dataclass(frozen=True, slots=True)
class Timing:
    """What was measured over `round_trips` switchings. A coil is written `lead_s` before its moment;
    99 of 100 valves are then switched within +- `jitter_s` of it. A read usually takes `read_s`."""

    lead_s: float
    jitter_s: float
    read_s: float
    round_trips: int

    @classmethod
    def of(cls, switched_s: Sequence[float], reads_s: Sequence[float]) -> "Timing":
        """From how long after its timer was due each write was acknowledged, and from the round trips of reads.

        A valve switches somewhere between its timer and the acknowledgement, so half of the usual time is
        led for, and what lies beyond is jitter; so is half of a read's round trip, in which the encoder was
        latched nobody knows when.
        """
        lead_s = sorted(switched_s)[len(switched_s) // 2] / 2
        late_s = max(percentile_99(switched_s) - lead_s, lead_s)
        return cls(lead_s, late_s + percentile_99(reads_s) / 2, sorted(reads_s)[len(reads_s) // 2], len(switched_s))


class JitterWatch:
    """Whether valves keep to the declared jitter while the line runs."""

    def __init__(self, declared_s: float) -> None:
        self._declared_s = declared_s
        self._off: deque[float] = deque(maxlen=_WATCHED)
        self._beyond = 0

    def note(self, off_s: float) -> None:
        """A valve was switched at most `off_s` after its moment."""
        if len(self._off) == _WATCHED:
            self._beyond -= self._off[0] > self._declared_s
        self._off.append(off_s)
        self._beyond += off_s > self._declared_s

    @property
    def exceeded(self) -> bool:
        """Whether more than 1 % of what is watched was further off than declared."""
        return self._beyond > _TOLERATED

    @property
    def worst_s(self) -> float:
        """The furthest off of those watched."""
        return max(self._off, default=0.0)
