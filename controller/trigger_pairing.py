"""Which of the PLC's trigger latches belongs to which frame. Pure: times come in as arguments.

The camera numbers its exposures, the PLC counts the pulses of the camera's exposure output and latches the
encoder at each. Both count the same events, so latch number - frame number is one constant, the *offset*;
a lost frame or a latch that nobody read changes neither. What is to be found is the offset, and what is to
be noticed is that it no longer holds (docs/decisions/0036-frames-and-latches-by-trigger-number.md).

Times bound it. A frame that was captured at `c` was exposed in [c - latency_max, c - latency_min]. A latch
first seen in the status received at t[k] was made in (t[k-2], t[k]]: the status before, received at t[k-1],
did not show it, and was asked for after t[k-2]. An offset is possible where these two intervals meet, and
certain where it alone is possible, several frames in a row. That takes exposures that are farther apart than
2 PLC cycles and the spread of the latency (`controller.config.line_checks` refuses other lines).
"""

from collections import deque
from dataclasses import dataclass
from math import inf
from typing import Generic, NamedTuple, TypeVar

from vision.frame import EncoderStamp, count_difference, unwrap_count

CONFIRMATIONS = 3
"""So many frames in a row must leave the same single offset before it is believed, and so many must
contradict it before it is given up; until then each that contradicts is left out."""

_LATCHES_KEPT = 512
"""A trigger number that moves on by more than this between two statuses is another counter's."""

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class _Latch:
    """Trigger `seq` (unwrapped) was made in (after_s, before_s]; `count` raw, None where nobody read it in time."""

    seq: int
    count: int | None
    after_s: float
    before_s: float


@dataclass(slots=True)
class _Waiting(Generic[_T]):
    """A frame whose latch is not known yet; it was exposed in [earliest_s, latest_s]."""

    item: _T
    number: int
    earliest_s: float
    latest_s: float
    give_up_s: float
    examined: bool = False

    def meets(self, latch: _Latch) -> bool:
        return latch.before_s >= self.earliest_s and latch.after_s <= self.latest_s


class Ready(NamedTuple, Generic[_T]):
    """A frame that waits no longer. `stamp` is "latched", or "estimated" between two latches where the PLC was
    not read in time for its own, then good to +- its uncertainty on a belt that does not turn round; None
    where no latch can be told to be its own: such a frame is not to be used."""

    item: _T
    stamp: EncoderStamp | None


class TriggerPairing(Generic[_T]):
    """Frames in, latches in, stamped frames out, in the order of the frames; every frame comes out once.

    `latched`, `estimated` and `unpaired` count what came out.
    """

    def __init__(self, *, latency_min_s: float, latency_max_s: float, wait_s: float) -> None:
        """Latencies from exposure to capture; a frame waits `wait_s` after its capture at most."""
        if not latency_min_s <= latency_max_s:
            raise ValueError(f"latency_min_s {latency_min_s} is above latency_max_s {latency_max_s}")
        self.latched = self.estimated = self.unpaired = 0
        self._latency_min_s = latency_min_s
        self._latency_max_s = latency_max_s
        self._wait_s = wait_s
        self._waiting: deque[_Waiting[_T]] = deque()
        self._latches: dict[int, _Latch] = {}
        self._newest_seq = 0
        self._last_number: int | None = None
        self._received_s: tuple[float, float] = (-inf, -inf)
        self._first_status_s = inf
        self._offset: int | None = None
        self._possible: frozenset[int] = frozenset()
        self._agreeing = 0
        self._doubts = 0

    @property
    def settled(self) -> bool:
        """Whether the offset is known."""
        return self._offset is not None

    def camera_restarted(self) -> list[Ready[_T]]:
        """The camera numbers its exposures anew; the frames that still waited."""
        self._search_anew()
        self._last_number = None
        return self._drop_waiting()

    def plc_restarted(self) -> list[Ready[_T]]:
        """The PLC counts triggers anew; the frames that still waited."""
        self._search_anew()
        self._latches.clear()
        self._first_status_s = inf
        self._received_s = (-inf, -inf)
        return self._drop_waiting()

    def line_stops(self) -> list[Ready[_T]]:
        """No latch will be read any more; the frames that still waited. What is known of the offset stays."""
        return self._drop_waiting()

    def latch(self, seq: int, count: int, at_s: float) -> list[Ready[_T]]:
        """Take the newest trigger number (raw u32) and its raw encoder count from the status received at `at_s`;
        the frames that are ready with it. Call it for every status, whether its latch is new or not."""
        dropped: list[Ready[_T]] = []
        if self._latches:
            seq = unwrap_count(seq, self._newest_seq)
            if not 0 <= seq - self._newest_seq <= _LATCHES_KEPT:
                dropped = self.plc_restarted()
        if not self._latches:
            self._first_status_s = at_s
            # A PLC that saw no trigger since it started shows number 0 and no count.
            self._keep(_Latch(seq, count if seq else None, -inf, at_s))
        for new in range(self._newest_seq + 1, seq + 1):
            self._keep(_Latch(new, count if new == seq else None, self._received_s[0], at_s))
        self._received_s = (self._received_s[1], at_s)
        return dropped + self._advance(at_s)

    def frame(self, number: int, captured_at_s: float, now_s: float, item: _T) -> list[Ready[_T]]:
        """Take a frame by the camera's exposure number; the frames that are ready now."""
        if self._last_number is not None and number <= self._last_number:
            ready = [self._out(item, None)]
            if self._doubt():
                self._last_number = None
            return ready
        self._last_number = number
        earliest_s, latest_s = captured_at_s - self._latency_max_s, captured_at_s - self._latency_min_s
        self._waiting.append(_Waiting(item, number, earliest_s, latest_s, captured_at_s + self._wait_s))
        return self._advance(now_s)

    def _keep(self, latch: _Latch) -> None:
        self._newest_seq = latch.seq
        self._latches[latch.seq] = latch
        self._latches.pop(latch.seq - _LATCHES_KEPT, None)

    def _advance(self, now_s: float) -> list[Ready[_T]]:
        ready: list[Ready[_T]] = []
        while True:
            if self._offset is None:
                self._search()
            if not self._waiting:
                return ready
            first = self._waiting[0]
            decided, stamp = self._judge(first)
            if not decided and now_s < first.give_up_s:
                return ready
            self._waiting.popleft()
            ready.append(self._out(first.item, stamp))

    def _seen_whole(self, frame: _Waiting[_T]) -> bool:
        """Whether the newest status, asked for after the one before it came, must show the frame's trigger."""
        return self._received_s[0] >= frame.latest_s

    def _search(self) -> None:
        """Narrow the possible offsets with each frame whose triggers are all known."""
        for frame in self._waiting:
            if frame.examined:
                continue
            if not self._seen_whole(frame):
                return
            frame.examined = True
            if frame.earliest_s < self._first_status_s:
                continue  # its trigger may be one from before anybody looked
            fits = frozenset(latch.seq - frame.number for latch in self._latches.values() if frame.meets(latch))
            both = fits & self._possible
            self._agreeing = self._agreeing + 1 if both else int(bool(fits))
            self._possible = both or fits
            if self._agreeing >= CONFIRMATIONS and len(self._possible) == 1:
                (self._offset,) = self._possible
                self._doubts = 0
                return

    def _judge(self, frame: _Waiting[_T]) -> tuple[bool, EncoderStamp | None]:
        """Whether the frame need not wait any longer, and its stamp if it has one."""
        if self._offset is None:
            return False, None
        seq = frame.number + self._offset
        latch = self._latches.get(seq)
        if latch is not None and frame.meets(latch):
            self._doubts = 0
            return True, self._stamp(latch)
        if latch is None and seq > self._newest_seq and not self._seen_whole(frame):
            return False, None
        if latch is None and seq <= self._newest_seq:
            return True, None  # from before anybody looked, or long ago
        self._doubt()
        return True, None

    def _stamp(self, latch: _Latch) -> EncoderStamp | None:
        if latch.count is not None:
            return EncoderStamp(latch.count, "latched")
        before = self._known(range(latch.seq - 1, latch.seq - _LATCHES_KEPT, -1))
        after = self._known(range(latch.seq + 1, self._newest_seq + 1))
        if before is None or after is None:
            return None
        (first, at_first), (last, at_last) = before, after
        span = count_difference(at_last, at_first)
        share = (latch.seq - first) / (last - first)
        return EncoderStamp(
            round(at_first + span * share) % 2**32, "estimated", max(share, 1 - share) * abs(span) + 1.0
        )

    def _known(self, seqs: range) -> tuple[int, int] | None:
        """The first of these triggers whose count was read, and that count."""
        for seq in seqs:
            latch = self._latches.get(seq)
            if latch is None:
                return None
            if latch.count is not None:
                return seq, latch.count
        return None

    def _doubt(self) -> bool:
        """Note a frame that contradicts the offset; true where it is one too many and the search begins anew."""
        self._doubts += 1
        if self._doubts < CONFIRMATIONS:
            return False
        self._search_anew()
        return True

    def _search_anew(self) -> None:
        self._offset = None
        self._possible = frozenset()
        self._agreeing = self._doubts = 0
        for frame in self._waiting:
            frame.examined = False

    def _drop_waiting(self) -> list[Ready[_T]]:
        ready = [self._out(frame.item, None) for frame in self._waiting]
        self._waiting.clear()
        return ready

    def _out(self, item: _T, stamp: EncoderStamp | None) -> Ready[_T]:
        if stamp is None:
            self.unpaired += 1
        elif stamp.basis == "latched":
            self.latched += 1
        else:
            self.estimated += 1
        return Ready(item, stamp)
