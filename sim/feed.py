"""The feeder: which parts come, when, and where they come to lie. Pure and deterministic.

Parts arrive as a Poisson process along the belt (the gaps between them, in mm of new belt, are
exponential), so a slow belt is not overfed and a standing one not fed at all.
"""

from bisect import bisect_right
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

import numpy as np

from sim.config import FeedConfig
from sim.render.contact import SOLID, common, contact_corner, resting_height_mm
from sim.render.parts import PartImage, class_seed, make_part

LOOKAHEAD = 32
"""Parts whose kind is fixed before they are due, so that they can be drawn beforehand."""

_RETRY_MM = 3.0  # belt that goes by before a part that found no room tries again
_TRIES = 40  # times that it tries, each with
_PLACES = 6  # places across the belt
_HOPPER_PARTS = 64  # what waits for room; a part more is rejected
_TOGETHER_MM = 100.0  # belt that may have gone by since the part that another one falls onto
_ONLY_TOUCH = 0.4  # share of the parts that fall together which only touch
_REACH_MM = 500.0  # parts dropped this far ahead are out of reach of any part


@dataclass(frozen=True, slots=True)
class PartKey:
    """Which of the different parts of a class."""

    class_id: str
    variant: int


@dataclass(frozen=True, slots=True, eq=False)
class BeltPart:
    """A part lying on the belt, its alpha centroid at (`belt_mm`, `across_mm`), with its bounding box.

    Belt coordinates are in mm: the belt's travel at which the point lies on the camera's datum. The
    downstream edge is `belt_min_mm`. `base_mm` is how high it lies above the belt, on other parts.
    """

    number: int
    image: PartImage
    belt_mm: float
    across_mm: float
    belt_min_mm: float
    belt_max_mm: float
    across_min_mm: float
    across_max_mm: float
    entered_s: float
    base_mm: float = 0.0


class PartStock:
    """Draws parts, and keeps what it drew. The same seed and key give the same part, in any order.

    `draw` may be called from a thread beside the one that feeds.
    """

    def __init__(self, seed: int, mm_per_px: float) -> None:
        self._seed = seed
        self._mm_per_px = mm_per_px
        self._drawn: dict[PartKey, PartImage] = {}

    def __contains__(self, key: PartKey) -> bool:
        return key in self._drawn

    def draw(self, key: PartKey) -> PartImage:
        """The part of that key, drawn now if it was not before (1 to 50 ms)."""
        image = self._drawn.get(key)
        if image is None:
            rng = np.random.default_rng([self._seed, class_seed(key.class_id), key.variant])
            image = self._drawn.setdefault(key, make_part(key.class_id, rng, self._mm_per_px))
        return image


class Feeder:
    """Drops parts onto the belt at the drop line, without overlap unless the configuration has a share of it.

    A part of that share falls together with the one before and comes to lie against it or on it, by up to half
    of the smaller one; where that is impossible it is fed as any other. A part that finds no room waits in the
    hopper while the belt goes by; after a bounded number of tries it is counted in `rejected`. Drawn parts = fed
    + rejected + waiting, always.
    """

    def __init__(
        self, config: FeedConfig, belt_width_mm: float, full_speed_mm_s: float, stock: PartStock, seed: int
    ) -> None:
        self.drawn = 0
        self.fed = 0
        self.rejected = 0
        self._config = config
        self._belt_width_mm = belt_width_mm
        self._stock = stock
        self._rng = np.random.default_rng([seed, 0xFEED])
        self._mean_gap_mm = full_speed_mm_s / config.parts_per_s if config.parts_per_s > 0 else float("inf")
        self._classes = [c for c, weight in config.mix.items() if weight > 0]
        self._shares = list(accumulate(config.mix[c] for c in self._classes))
        self._of_class = dict.fromkeys(self._classes, 0)
        self._plan = deque(self._next_key() for _ in range(LOOKAHEAD))
        self._hopper: deque[tuple[PartImage, bool]] = deque()  # and whether it falls onto the one before
        self._fed_belt_mm = 0.0
        self._next_arrival_mm = self._gap_mm()
        self._next_try_mm = 0.0
        self._tries = 0
        self._last_dropped: deque[BeltPart] = deque()

    @property
    def waiting(self) -> int:
        """Parts in the hopper."""
        return len(self._hopper)

    def plan(self) -> tuple[PartKey, ...]:
        """The next LOOKAHEAD parts, in order."""
        return tuple(self._plan)

    def advance(self, new_belt_mm: float, travel_mm: float, now_s: float) -> Sequence[BeltPart]:
        """Feed while `new_belt_mm` of empty belt came under the drop line, the belt now at `travel_mm`."""
        self._fed_belt_mm += new_belt_mm
        if self._fed_belt_mm < self._next_arrival_mm and not self._hopper:
            return ()
        piled = False
        while self._fed_belt_mm >= self._next_arrival_mm:
            self._arrive(piled)
            piled = self._config.overlap > 0 and float(self._rng.random()) < self._config.overlap
            self._next_arrival_mm += 0.0 if piled else self._gap_mm()
        dropped: list[BeltPart] = []
        while self._hopper and self._fed_belt_mm >= self._next_try_mm:
            image, piled = self._hopper[0]
            line_mm = travel_mm + self._config.entry_distance_mm
            part = self._drop_against(image, travel_mm, line_mm, now_s) if piled else None
            part = part or self._drop(image, line_mm, now_s)
            if part is not None:
                dropped.append(part)
                self._hopper.popleft()
                self._tries = 0
                continue
            self._tries += 1
            if self._tries < _TRIES:
                self._next_try_mm = self._fed_belt_mm + _RETRY_MM
                break
            self.rejected += 1
            self._hopper.popleft()
            self._tries = 0
        return dropped

    def _gap_mm(self) -> float:
        """To the next part that does not fall together with another; the mean over all is the configured one."""
        if self._mean_gap_mm == float("inf"):
            return float("inf")
        return float(self._rng.exponential(self._mean_gap_mm)) / (1 - self._config.overlap)

    def _next_key(self) -> PartKey:
        at = bisect_right(self._shares, float(self._rng.random()) * self._shares[-1])
        class_id = self._classes[min(at, len(self._classes) - 1)]
        number = self._of_class[class_id]
        self._of_class[class_id] = number + 1
        return PartKey(class_id, number % self._config.variants_per_class)

    def _arrive(self, piled: bool) -> None:
        key = self._plan.popleft()
        self._plan.append(self._next_key())
        self.drawn += 1
        if len(self._hopper) < _HOPPER_PARTS:
            self._hopper.append((self._stock.draw(key), piled))
        else:
            self.rejected += 1

    def _drop(self, image: PartImage, belt_mm: float, now_s: float) -> BeltPart | None:
        """Lay the part down with its centroid at `belt_mm`, or None where there is no room."""
        px = image.mm_per_px
        columns: int = image.alpha.shape[1]
        before_mm = (image.centroid_row_px + 0.5) * px
        belt_min_mm = belt_mm - before_mm
        room_mm = self._belt_width_mm - columns * px
        if room_mm < 0:
            return None
        gap_mm = self._config.min_gap_mm
        while self._last_dropped and self._last_dropped[0].belt_mm < belt_mm - _REACH_MM:
            self._last_dropped.popleft()
        near = [p for p in self._last_dropped if p.belt_max_mm + gap_mm > belt_min_mm]
        for _ in range(_PLACES):
            across_min_mm = float(self._rng.random()) * room_mm
            across_max_mm = across_min_mm + columns * px
            if all(
                across_min_mm >= p.across_max_mm + gap_mm or across_max_mm + gap_mm <= p.across_min_mm for p in near
            ):
                break
        else:
            return None
        return self._lay(image, belt_mm, belt_min_mm, across_min_mm, now_s)

    def _drop_against(self, image: PartImage, travel_mm: float, line_mm: float, now_s: float) -> BeltPart | None:
        """Lay the part against or on the one before, or None where that lies too far or there is no room."""
        before = self._last_dropped[-1] if self._last_dropped else None
        if before is None or line_mm - before.belt_mm > _TOGETHER_MM:
            return None
        px = image.mm_per_px
        columns: int = image.alpha.shape[1]
        most = 0.0 if self._rng.random() < _ONLY_TOUCH else float(self._rng.uniform(0.05, 0.5))
        for _ in range(_PLACES):
            towards = float(self._rng.uniform(0, 2 * np.pi))
            row, column = contact_corner(image, before.image, towards, most)
            belt_min_mm = before.belt_min_mm + row * px
            across_min_mm = before.across_min_mm + column * px
            # on the belt, and not where the camera would see it appear
            if 0 <= across_min_mm <= self._belt_width_mm - columns * px and belt_min_mm > travel_mm:
                belt_mm = belt_min_mm + (image.centroid_row_px + 0.5) * px
                return self._lay(image, belt_mm, belt_min_mm, across_min_mm, now_s)
        return None

    def _lay(
        self, image: PartImage, belt_mm: float, belt_min_mm: float, across_min_mm: float, now_s: float
    ) -> BeltPart:
        px = image.mm_per_px
        rows, columns = image.alpha.shape
        part = BeltPart(
            number=self.fed,
            image=image,
            belt_mm=belt_mm,
            across_mm=across_min_mm + (image.centroid_col_px + 0.5) * px,
            belt_min_mm=belt_min_mm,
            belt_max_mm=belt_min_mm + rows * px,
            across_min_mm=across_min_mm,
            across_max_mm=across_min_mm + columns * px,
            entered_s=now_s,
            base_mm=self._base_mm(image, belt_min_mm, across_min_mm) if self._config.overlap > 0 else 0.0,
        )
        self.fed += 1
        self._last_dropped.append(part)
        return part

    def _base_mm(self, image: PartImage, belt_min_mm: float, across_min_mm: float) -> float:
        """How high a part with its corner there lies on those below it."""
        px = image.mm_per_px
        below_mm = np.zeros(image.alpha.shape, np.float32)
        for other in self._last_dropped:
            row = round((belt_min_mm - other.belt_min_mm) / px)
            column = round((across_min_mm - other.across_min_mm) / px)
            ours, theirs = common(image.alpha.shape, row, column, other.image.alpha.shape)
            solid = other.image.alpha[theirs] >= SOLID
            top_mm = other.image.height_mm_map[theirs] + np.float32(other.base_mm)
            np.maximum(below_mm[ours], top_mm, out=below_mm[ours], where=solid)
        return resting_height_mm(image.alpha >= SOLID, below_mm)
