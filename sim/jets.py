"""Valves, nozzles, and what their air does to the parts that pass the bar. Pure.

The model: an open nozzle presses with a mean pressure p on whatever lies in its footprint, a
rectangle on the belt plane. A part of mass m of which the area A(t) is covered gains the speed
integral(p A dt) / m; it leaves the belt once that speed carries it over the splitter. By-catch,
partial hits, light parts that fly at a touch and heavy ones that fall short follow from that and are
not put in. Assumptions, to be replaced by a site's measurement: the pressure is even over the
footprint and adds where footprints overlap, lift alone counts (no tumbling), a valve is either open
or shut, and the pressure does not sag. A part is a flat sheet of its areal mass as seen from above.
"""

from collections import deque

import numpy as np
from numpy.typing import NDArray

from sim.config import PlantJetsConfig
from sim.feed import BeltPart

_NO_END = float("inf")


class ValveBar:
    """One row of valves with individual delays: each has its own mean, each stroke its own error."""

    def __init__(self, valve_count: int, config: PlantJetsConfig, seed: int) -> None:
        self._rng = np.random.default_rng([seed, 0xA1B])
        own = self._rng.standard_normal((2, valve_count))
        self._open_delay_ms = config.open_delay_ms + config.open_delay_sigma_ms * own[0]
        self._close_delay_ms = config.close_delay_ms + config.close_delay_sigma_ms * own[1]
        self._open_sigma_ms = config.open_delay_sigma_ms
        self._close_sigma_ms = config.close_delay_sigma_ms
        self._current = 0
        self._strokes: dict[int, deque[list[float]]] = {}

    @property
    def current(self) -> int:
        """Bit n is set where valve n has current."""
        return self._current

    @property
    def shut(self) -> bool:
        """Whether no valve is open nor about to be."""
        return not self._strokes

    def drive(self, mask: int, at_s: float) -> None:
        """Give current to the valves of `mask` from `at_s` on, and to no others."""
        changed = mask ^ self._current
        self._current = mask
        valve = 0
        while changed:
            if changed & 1:
                if mask >> valve & 1:
                    self._open(valve, at_s)
                else:
                    self._close(valve, at_s)
            changed >>= 1
            valve += 1

    def open_between(self, from_s: float, to_s: float) -> list[tuple[int, float]]:
        """Each valve that was open in [from_s, to_s), with the seconds that it was. Forgets the past."""
        blowing: list[tuple[int, float]] = []
        for valve, strokes in list(self._strokes.items()):
            open_s = 0.0
            for begin, end in strokes:
                first = begin if begin > from_s else from_s
                last = end if end < to_s else to_s
                if last > first:
                    open_s += last - first
            while strokes and strokes[0][1] <= to_s:
                strokes.popleft()
            if not strokes:
                del self._strokes[valve]
            if open_s > 0:
                blowing.append((valve, open_s))
        return blowing

    def _open(self, valve: int, at_s: float) -> None:
        delay_ms = self._open_delay_ms[valve] + self._open_sigma_ms * self._rng.standard_normal()
        begin_s = at_s + max(0.0, float(delay_ms)) / 1000
        strokes = self._strokes.setdefault(valve, deque())
        if strokes and strokes[-1][1] >= begin_s:
            strokes[-1][1] = _NO_END  # opened again before it had shut
        else:
            strokes.append([begin_s, _NO_END])

    def _close(self, valve: int, at_s: float) -> None:
        delay_ms = self._close_delay_ms[valve] + self._close_sigma_ms * self._rng.standard_normal()
        stroke = self._strokes[valve][-1]
        stroke[1] = at_s + max(0.0, float(delay_ms)) / 1000
        if stroke[1] <= stroke[0]:  # too short a pulse to move the valve
            self._strokes[valve].pop()


class Nozzles:
    """Where the footprints of a bar's nozzles lie, and how hard a jet presses."""

    def __init__(
        self, valve_count: int, valve_pitch_mm: float, first_lane_mm: float, config: PlantJetsConfig, seed: int
    ) -> None:
        middle_mm = first_lane_mm + (np.arange(valve_count, dtype=np.float64) + 0.5) * valve_pitch_mm
        self.left_mm = middle_mm - config.footprint_across_mm / 2
        self.right_mm = middle_mm + config.footprint_across_mm / 2
        self.half_along_mm = config.footprint_along_mm / 2
        self.pressure_kpa = config.pressure_kpa
        self._eject_speed_mm_s = config.eject_speed_mm_s
        self._eject_speed_spread = config.eject_speed_spread
        self._rng = np.random.default_rng([seed, 0xBA])

    def speed_to_eject_mm_s(self) -> float:
        """What the next part needs; differs from part to part, never below half the mean."""
        spread = 1 + self._eject_speed_spread * float(self._rng.standard_normal())
        return self._eject_speed_mm_s * max(0.5, spread)


class PartAtBar:
    """A part within reach of the nozzles, and the speed that their air has given it so far."""

    def __init__(self, part: BeltPart, nozzles: Nozzles) -> None:
        self.part = part
        self.speed_mm_s = 0.0
        self._half_along_mm = nozzles.half_along_mm
        self._px = part.image.mm_per_px
        self._needed_mm_s = nozzles.speed_to_eject_mm_s()
        # kPa mm2 s / g = m/s, hence the 1000
        self._speed_per_mm2_s = 1000 * nozzles.pressure_kpa / part.image.mass_g
        reached = np.flatnonzero((nozzles.left_mm < part.across_max_mm) & (nozzles.right_mm > part.across_min_mm))
        self._first = int(reached[0]) if len(reached) else 0
        self._count = len(reached)
        self._above_mm2 = _area_above(
            part, nozzles.left_mm[reached], nozzles.right_mm[reached]
        )  # by row edge and nozzle

    def blow(self, blowing: list[tuple[int, float]], bar_mm: float) -> bool:
        """The air of one step, the bar over belt coordinate `bar_mm`; whether the part is off the belt now.

        `blowing` is what `ValveBar.open_between` gave.
        """
        for valve, open_s in blowing:
            lane = valve - self._first
            if 0 <= lane < self._count:
                covered_mm2 = self._up_to(bar_mm + self._half_along_mm, lane) - self._up_to(
                    bar_mm - self._half_along_mm, lane
                )
                self.speed_mm_s += self._speed_per_mm2_s * covered_mm2 * open_s
        return self.speed_mm_s >= self._needed_mm_s

    def _up_to(self, belt_mm: float, lane: int) -> float:
        """Area in mm2 of the part within the nozzle's footprint across, downstream of `belt_mm`."""
        above = self._above_mm2
        edge = (belt_mm - self.part.belt_min_mm) / self._px
        if edge <= 0:
            return 0.0
        row = int(edge)
        if row >= len(above) - 1:
            return float(above[-1, lane])
        return float(above[row, lane] + (edge - row) * (above[row + 1, lane] - above[row, lane]))


def _area_above(part: BeltPart, left_mm: NDArray[np.float64], right_mm: NDArray[np.float64]) -> NDArray[np.float64]:
    """(H + 1) x N: mm2 of the part in rows above each row edge, between left and right of N nozzles."""
    image = part.image
    px = image.mm_per_px
    summed = np.zeros((image.alpha.shape[0] + 1, image.alpha.shape[1] + 1))
    summed[1:, 1:] = image.alpha.cumsum(0, dtype=np.float64).cumsum(1) * (px * px / 255)
    edges_mm = part.across_min_mm + np.arange(summed.shape[1]) * px

    def left_of(across_mm: NDArray[np.float64]) -> NDArray[np.float64]:
        at = np.clip((across_mm - edges_mm[0]) / px, 0, summed.shape[1] - 1)
        column = np.minimum(at.astype(np.int64), summed.shape[1] - 2)
        share = at - column
        return summed[:, column] * (1 - share) + summed[:, column + 1] * share

    return left_of(right_mm) - left_of(left_mm)
