"""From a decision to lanes and a window of counts at the valve bar. Pure: no clock, no I/O.

A window is as long as the part plus its position uncertainty (sized by quantile as in Reith-Braun et
al. 2024, reference/domain.md 3.1); the PLC compensates its own valve delays, so counts here are those
at which air shall leave the nozzle.
"""

from dataclasses import dataclass
from math import ceil, floor

from controller.config import JetsConfig
from controller.decide import ShotWindow
from vision.parts import Part

UNCERTAINTY_SIGMAS = 2.0
"""Two-sided 95 % of a normal position error."""


@dataclass(frozen=True, slots=True)
class PlannedShot:
    """Lanes lane_first..lane_last (0-based, inclusive) open over [on_counts, off_counts), unwrapped."""

    part_id: int
    lane_first: int
    lane_last: int
    on_counts: int
    off_counts: int


class JetScheduler:
    """Plans shots of one valve bar; bridges gaps too short for a valve to close and open in."""

    def __init__(self, jets: JetsConfig, counts_per_mm: float) -> None:
        self._jets = jets
        self._counts_per_mm = counts_per_mm
        self._bar_counts = jets.distance_mm * counts_per_mm
        self._bridge_counts = jets.bridge_gap_mm * counts_per_mm
        self._lane_off_counts = [-(2**62)] * jets.valve_count

    def lanes(self, part: Part) -> tuple[int, int] | None:
        """The lanes that cover the part with its margin, or None where no valve reaches it."""
        jets = self._jets
        margin_mm = jets.margin_across_mm + UNCERTAINTY_SIGMAS * part.across_uncertainty_mm
        first = floor((part.across_min_mm - margin_mm - jets.first_lane_mm) / jets.valve_pitch_mm)
        last = ceil((part.across_max_mm + margin_mm - jets.first_lane_mm) / jets.valve_pitch_mm) - 1
        if last < 0 or first >= jets.valve_count:
            return None
        return max(first, 0), min(last, jets.valve_count - 1)

    def window(self, part: Part) -> ShotWindow:
        """What a shot at `part` covers on the belt, whole lanes counted; nothing across where no valve reaches it."""
        margin_mm = self._jets.margin_along_mm + UNCERTAINTY_SIGMAS * part.uncertainty_mm
        centre_mm = part.belt_counts / self._counts_per_mm
        lane_first, lane_last = self.lanes(part) or (0, -1)
        return ShotWindow(
            centre_mm - part.ahead_mm - margin_mm,
            centre_mm + part.behind_mm + margin_mm,
            self._jets.first_lane_mm + lane_first * self._jets.valve_pitch_mm,
            self._jets.first_lane_mm + (lane_last + 1) * self._jets.valve_pitch_mm,
        )

    def earliest_counts(self, now_counts: float, speed_mm_s: float) -> float:
        """The first on-count that an order sent now would still reach in time at this speed."""
        lead_mm = self._jets.order_lead_ms / 1000.0 * max(abs(speed_mm_s), 0.0)
        return now_counts + lead_mm * self._counts_per_mm

    def plan(self, part: Part) -> PlannedShot | None:
        """The shot for `part`, or None where no valve reaches it. Remembers it for bridging."""
        lanes = self.lanes(part)
        if lanes is None:
            return None
        window = self.window(part)
        on_counts = floor(window.belt_min_mm * self._counts_per_mm + self._bar_counts)
        off_counts = ceil(window.belt_max_mm * self._counts_per_mm + self._bar_counts)
        for lane in range(lanes[0], lanes[1] + 1):
            gap = on_counts - self._lane_off_counts[lane]
            if 0 < gap < self._bridge_counts:
                on_counts = self._lane_off_counts[lane]
        for lane in range(lanes[0], lanes[1] + 1):
            self._lane_off_counts[lane] = max(self._lane_off_counts[lane], off_counts)
        return PlannedShot(part.part_id, lanes[0], lanes[1], on_counts, off_counts)
