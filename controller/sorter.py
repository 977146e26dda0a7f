"""The deciding side of a line in one call a frame: track, decide, schedule. Pure: no clock, no I/O."""

from dataclasses import dataclass
from typing import Literal, NamedTuple

from controller.config import LineConfig
from controller.decide import Decider, Decision
from controller.schedule import JetScheduler, PlannedShot
from vision.parts import Part
from vision.results import Detections
from vision.track import Tracker, TrackerConfig

NotShot = Literal["unreachable", "late", "valve fault", "moves on the belt"]


@dataclass(frozen=True, slots=True)
class BeltNow:
    """Where the belt is while a frame is decided on. `counts` is the unwrapped count expected now."""

    counts: float
    speed_mm_s: float
    valve_fault: int


@dataclass(frozen=True, slots=True)
class SeenFrame:
    """The blobs of a frame exposed at `counts` (unwrapped, good to +- `uncertainty_counts`)."""

    counts: int
    uncertainty_counts: float
    view_along_mm: float
    detections: Detections


class Verdict(NamedTuple):
    """What shall become of one part: a shot, or why an actuated decision has none."""

    decision: Decision
    shot: PlannedShot | None = None
    not_shot: NotShot | None = None


class Sorter:
    """Everything that turns the blobs of a frame into orders."""

    def __init__(self, config: LineConfig, labels: tuple[str, ...]) -> None:
        self._counts_per_mm = config.belt.encoder_counts_per_mm
        self._rated_speed_mm_s = config.belt.speed_mm_s
        self.tracker = Tracker(
            TrackerConfig.of(
                config.camera, config.vision, self._counts_per_mm, len(labels), act_at_mm=config.jets.distance_mm
            )
        )
        self._act_within_mm = config.vision.tracking.act_within_mm
        self.decider = Decider(config.recipe, labels, config.vision.unknown_below)
        self.scheduler = JetScheduler(config.jets, self._counts_per_mm)

    def take(self, frame: SeenFrame, belt: BeltNow) -> list[Verdict]:
        """Take the blobs of a frame; a verdict for every part now ready."""
        ready = self.tracker.update(frame.counts, frame.detections, frame.view_along_mm, frame.uncertainty_counts)
        if not ready:
            return []
        decisions = self.decider.decide(ready, self.scheduler.window, self.tracker.footprints)
        return [self._schedule(decision, belt) if decision.actuated else Verdict(decision) for decision in decisions]

    def flush(self) -> list[Part]:
        """The parts that were seen but never became ready; the tracker is empty afterwards."""
        return self.tracker.flush()

    def _schedule(self, decision: Decision, belt: BeltNow) -> Verdict:
        part = decision.part
        if (part.sliding or part.rolling) and (
            max(part.uncertainty_mm, part.across_uncertainty_mm) > self._act_within_mm
        ):
            return Verdict(decision, None, "moves on the belt")
        shot = self.scheduler.plan(part)
        if shot is None:
            return Verdict(decision, None, "unreachable")
        # A belt that stands now may run at its rated speed before the order is there.
        speed_mm_s = max(belt.speed_mm_s, self._rated_speed_mm_s)
        if shot.on_counts < self.scheduler.earliest_counts(belt.counts, speed_mm_s):
            return Verdict(decision, None, "late")
        if belt.valve_fault and any(
            belt.valve_fault >> lane & 1 for lane in range(shot.lane_first, shot.lane_last + 1)
        ):
            return Verdict(decision, None, "valve fault")
        return Verdict(decision, shot)
