"""Frames and latches by trigger number: whatever is lost, repeated or restarted, no frame gets another's count."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from hypothesis import example, given
from hypothesis import strategies as st

from controller.trigger_pairing import CONFIRMATIONS, Ready, TriggerPairing
from vision.frame import EncoderStamp, count_difference

LATENCY_MIN_S, LATENCY_MAX_S, WAIT_S = 0.005, 0.015, 0.4
CYCLE_S = 0.010
PERIOD_S = 0.035
"""More than two cycles and the spread of the latency, as the configuration demands."""


@dataclass(frozen=True)
class Trigger:
    """What happens at one exposure. `late_s` is on top of the latency; a lost frame does not arrive."""

    pause_s: float = PERIOD_S
    latency_s: float = LATENCY_MIN_S
    late_s: float = 0.0
    moved_counts: int = 350
    lost: bool = False
    repeated: bool = False
    camera_restarts: bool = False
    plc_restarts: bool = False


@dataclass
class Line:
    """A camera and a PLC with a true history; `pairing` sees only what a controller would see."""

    triggers: list[Trigger]
    polls: list[tuple[float, float]]
    """Pauses before a status is asked for and before it comes, one after the other and then again."""
    seq: int = 0
    number: int = 0
    tell_restarts: bool = True
    out: list[Ready[int]] = field(default_factory=list[Ready[int]])
    truth: list[int] = field(default_factory=list[int])

    def run(self) -> TriggerPairing[int]:
        pairing = TriggerPairing[int](latency_min_s=LATENCY_MIN_S, latency_max_s=LATENCY_MAX_S, wait_s=WAIT_S)
        sent = 0
        for at_s, _, action in sorted(self._events(), key=lambda e: (e[0], e[1])):
            match action:
                case "camera restarts", _, _:
                    self.out += pairing.camera_restarted()
                case "plc restarts", _, _:
                    self.out += pairing.plc_restarted()
                case "status", seq, count:
                    self.out += pairing.latch(seq, count, at_s)
                case _, exposure, number:
                    sent += 1
                    self.out += pairing.frame(number, at_s, at_s, exposure)
        self.out += pairing.line_stops()
        assert len(self.out) == sent == pairing.latched + pairing.estimated + pairing.unpaired
        return pairing

    def _events(self) -> Iterator[tuple[float, int, tuple[str, int, int]]]:
        """(time, order among equals, what); the truth on the way."""
        at_s, count, seq, number = 1.0, 2**32 - 2000, self.seq, self.number
        latched: list[tuple[float, int, int]] = [(0.0, seq, count if seq else 0)]
        restarts_s: list[float] = []
        arrivals: list[tuple[float, int, int]] = []
        for exposure, trigger in enumerate(self.triggers):
            at_s += trigger.pause_s
            if trigger.camera_restarts:
                number = 0
                yield at_s - 0.001, 0, ("camera restarts", 0, 0)
            if trigger.plc_restarts:
                seq = 0
                latched.append((at_s - 0.001, 0, 0))
                restarts_s.append(at_s - 0.001)
            count = (count + trigger.moved_counts) % 2**32
            self.truth.append(count)
            seq = (seq + 1) % 2**32
            latched.append((at_s, seq, count))
            arrives_s = at_s + trigger.latency_s + trigger.late_s
            if not trigger.lost:
                arrivals.append((arrives_s, exposure, number))
                if trigger.repeated:
                    arrivals.append((arrives_s + 0.001, exposure, number))
            number += 1
        for arrives_s, exposure, number in arrivals:
            yield arrives_s, 2, ("frame", exposure, number)
        yield from self._statuses(latched, restarts_s, at_s + 1.0)

    def _statuses(
        self, latched: list[tuple[float, int, int]], restarts_s: list[float], until_s: float
    ) -> Iterator[tuple[float, int, tuple[str, int, int]]]:
        now_s, k, shown_s = 0.9, 0, 0.0
        while now_s < until_s:
            before_s, answer_s = self.polls[k % len(self.polls)]
            asked_s = now_s + before_s
            now_s = asked_s + answer_s
            k += 1
            snapshot_s = asked_s + answer_s / 2
            seen = max(i for i, (at_s, _, _) in enumerate(latched) if at_s <= snapshot_s)
            restarted = any(shown_s < at_s <= snapshot_s for at_s in restarts_s)
            shown_s = snapshot_s
            if restarted and self.tell_restarts:
                yield now_s, 0, ("plc restarts", 0, 0)
            yield now_s, 1, ("status", *latched[seen][1:])

    def wrong(self) -> list[tuple[int, EncoderStamp, int]]:
        """Frames whose stamp is another exposure's, or off by more than it says."""
        return [
            (ready.item, ready.stamp, self.truth[ready.item])
            for ready in self.out
            if ready.stamp is not None
            and abs(count_difference(ready.stamp.count, self.truth[ready.item])) > ready.stamp.uncertainty_counts
        ]


latencies = st.floats(LATENCY_MIN_S, LATENCY_MAX_S)
usual_polls = st.lists(
    st.tuples(st.floats(0.005, 0.008), st.floats(0.0002, 0.002)).map(lambda p: (p[0], p[1])), min_size=1, max_size=7
)
any_polls = st.lists(st.tuples(st.floats(0.001, 0.2), st.floats(0.0, 0.05)), min_size=1, max_size=7)
often = st.sampled_from([False, False, False, True])
seldom = st.sampled_from([False] * 15 + [True])
counters = st.sampled_from([0, 1, 7, 65_500, 2**32 - 3, 2**32 - 1])
troubled = st.lists(
    st.builds(
        Trigger,
        pause_s=st.floats(0.002, 0.3),
        latency_s=latencies,
        moved_counts=st.integers(0, 2000),
        lost=often,
        repeated=seldom,
        camera_restarts=seldom,
        plc_restarts=seldom,
    ),
    max_size=40,
)
regular = st.lists(
    st.builds(
        Trigger, pause_s=st.floats(PERIOD_S, 0.12), latency_s=latencies, moved_counts=st.integers(0, 2000), lost=often
    ),
    min_size=12,
    max_size=40,
)


@given(troubled, any_polls, counters, st.integers(0, 10**6))
def test_no_frame_gets_another_exposures_count(
    triggers: list[Trigger], polls: list[tuple[float, float]], seq: int, number: int
) -> None:
    """Frames lost, repeated, too fast for the PLC to be read, the PLC silent for long, either side restarted."""
    line = Line(triggers, polls, seq, number)
    line.run()
    assert line.wrong() == []


@given(regular, usual_polls, counters, st.integers(0, 10**6))
def test_once_settled_every_frame_of_a_regular_line_has_its_latch(
    triggers: list[Trigger], polls: list[tuple[float, float]], seq: int, number: int
) -> None:
    line = Line(triggers, polls, seq, number)
    pairing = line.run()
    assert line.wrong() == []
    assert pairing.estimated == 0
    if len(line.out) > CONFIRMATIONS:
        # The waiting frames of the search get theirs as well, unless they waited too long by then.
        unpaired = [ready.item for ready in line.out if ready.stamp is None]
        usable = [ready.item for ready in line.out[CONFIRMATIONS:]]
        assert not set(unpaired) & set(usable)


@given(regular, usual_polls, st.sampled_from([0.034, 0.2]), st.data())
def test_single_frames_that_come_far_too_late_or_after_the_next_are_left_out_and_shift_nothing(
    triggers: list[Trigger], polls: list[tuple[float, float]], late_s: float, data: st.DataObject
) -> None:
    late = data.draw(st.sets(st.integers(0, len(triggers) // 4).map(lambda n: 4 * n + 3)))
    held = [
        Trigger(t.pause_s, t.latency_s, late_s if i in late else 0.0, t.moved_counts) for i, t in enumerate(triggers)
    ]
    line = Line(held, polls)
    line.run()
    assert line.wrong() == []
    assert sum(ready.stamp is None for ready in line.out) <= len(late) + CONFIRMATIONS


def test_a_lost_frame_does_not_shift_the_pairing() -> None:
    triggers = [Trigger(lost=k in (10, 11, 17)) for k in range(30)]
    line = Line(triggers, [(CYCLE_S, 0.001)])
    pairing = line.run()
    assert pairing.settled
    assert line.wrong() == []
    assert {ready.item for ready in line.out if ready.stamp is not None} == set(range(30)) - {10, 11, 17}


def test_a_latch_that_nobody_read_is_worked_out_between_its_neighbours_and_says_so() -> None:
    # After the line has settled the PLC is not read for a while, in which two triggers pass.
    polls = [(CYCLE_S, 0.001)] * 60 + [(0.095, 0.001)] + [(CYCLE_S, 0.001)] * 40
    line = Line([Trigger(moved_counts=300 + k) for k in range(30)], polls)
    pairing = line.run()
    assert line.wrong() == []
    assert pairing.unpaired == 0
    assert 1 <= pairing.estimated <= 3
    estimated = [ready.stamp for ready in line.out if ready.stamp and ready.stamp.basis == "estimated"]
    # Bounded by the nearer neighbour: never more than the counts between the two latches.
    assert all(300 / 2 < stamp.uncertainty_counts < 3 * 330 for stamp in estimated)


@example(tell=True)
@example(tell=False)
@given(st.booleans())
def test_a_plc_that_counts_anew_is_noticed_whether_it_says_so_or_not(tell: bool) -> None:
    line = Line([Trigger(plc_restarts=k == 15) for k in range(40)], [(CYCLE_S, 0.001)], seq=1000, tell_restarts=tell)
    assert line.run().settled
    assert line.wrong() == []
    assert {ready.item for ready in line.out if ready.stamp is not None} >= set(range(15 + CONFIRMATIONS, 40))


def test_a_camera_that_counts_anew_unannounced_is_paired_again_after_a_few_frames() -> None:
    """It numbers from 0 again where 40 frames were before: those numbers are repeats until doubt grows."""
    pairing = TriggerPairing[int](latency_min_s=LATENCY_MIN_S, latency_max_s=LATENCY_MAX_S, wait_s=WAIT_S)
    out: list[Ready[int]] = []
    for exposure in range(60):
        exposed_s = 1 + exposure * 0.04
        out += pairing.latch(exposure, 100 * exposure, exposed_s - 0.025)
        out += pairing.latch(exposure, 100 * exposure, exposed_s - 0.010)
        out += pairing.latch(exposure + 1, 100 * (exposure + 1), exposed_s + 0.001)
        out += pairing.frame(exposure % 40, exposed_s + 0.008, exposed_s + 0.008, exposure)
    stamped = {ready.item: ready.stamp.count for ready in out if ready.stamp}
    assert all(count == 100 * (exposure + 1) for exposure, count in stamped.items())
    assert set(stamped) >= set(range(3, 39)) | set(range(40 + 2 * CONFIRMATIONS, 59))


def test_triggers_that_the_plc_counts_and_the_camera_does_not_cost_frames_and_no_wrong_count() -> None:
    """Noise on the input: one latch too many. The offset is one more from then on."""
    pairing = TriggerPairing[int](latency_min_s=LATENCY_MIN_S, latency_max_s=LATENCY_MAX_S, wait_s=WAIT_S)
    out: list[Ready[int]] = []
    for exposure in range(40):
        exposed_s = 1 + exposure * 0.05
        noise = int(exposure >= 20)
        if exposure == 20:
            out += pairing.latch(20 + 1, 100 * 19 + 50, exposed_s - 0.026)
        out += pairing.latch(exposure + noise, 100 * exposure - 50 * (exposure == 20), exposed_s - 0.010)
        out += pairing.latch(exposure + noise + 1, 100 * (exposure + 1), exposed_s + 0.001)
        out += pairing.frame(exposure, exposed_s + 0.008, exposed_s + 0.008, exposure)
        out += pairing.latch(exposure + noise + 1, 100 * (exposure + 1), exposed_s + 0.012)
    stamped = {ready.item: ready.stamp.count for ready in out if ready.stamp}
    assert all(count == 100 * (exposure + 1) for exposure, count in stamped.items())
    outcomes = Counter(ready.stamp is not None for ready in out)
    assert outcomes[False] <= 2 * CONFIRMATIONS
