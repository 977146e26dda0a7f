"""Parts that do not lie still: some slide on the belt, some roll and turn. Pure and deterministic.

How far is a function of the belt's travel since the part was dropped, so a standing belt stops them too (real ones
may roll on; that is not simulated) and a belt that rolls back brings them back.
"""

from dataclasses import dataclass, field, replace
from math import cos, radians, sin

import cv2
import numpy as np

from sim.config import PlantMotionConfig
from sim.feed import BeltPart
from sim.render.light import PartImage

_SLOWEST_SHARE = 0.4  # of the configured rate, at which the slowest of them move
_TURN_STEP_DEG = 10  # a turned part is drawn in steps of this
_TURN_DEG_PER_MM = 6.0  # of way rolled: about that of a cylinder of 20 mm that turns as it rolls
_UNSTEADY = 0.3  # share by which a rolling part's rate swings around its mean,
_SWING_MM = 60.0  # once in this much belt (times 2 pi)


@dataclass(slots=True)
class Mover:
    """A part that moves: `along` and `across` in mm per mm of belt travel, positive upstream and to the right."""

    part: BeltPart
    from_travel_mm: float
    along: float
    across: float
    rolls: bool
    room_mm: float
    _turned: dict[int, PartImage] = field(default_factory=dict[int, PartImage])

    def offset_mm(self, travel_mm: float) -> tuple[float, float]:
        """How far it has moved on the belt, along (upstream) and across, when the belt has travelled that far."""
        way = travel_mm - self.from_travel_mm
        if self.rolls:
            way += _UNSTEADY * _SWING_MM * sin(way / _SWING_MM)
        right = self.room_mm - self.part.across_max_mm
        return self.along * way, min(max(self.across * way, -self.part.across_min_mm), right)

    def at(self, travel_mm: float) -> BeltPart:
        """The part where it lies, and turned as it lies, at that travel."""
        along, across = self.offset_mm(travel_mm)
        image = self.part.image
        if self.rolls:
            step = round(_TURN_DEG_PER_MM * along / _TURN_STEP_DEG) % (360 // _TURN_STEP_DEG)
            image = self._turned.get(step) or self._turned.setdefault(step, turned(image, step * _TURN_STEP_DEG))
        px = image.mm_per_px
        rows, columns = image.alpha.shape
        belt_mm, across_mm = self.part.belt_mm + along, self.part.across_mm + across
        belt_min_mm = belt_mm - (image.centroid_row_px + 0.5) * px
        across_min_mm = across_mm - (image.centroid_col_px + 0.5) * px
        return replace(
            self.part,
            image=image,
            belt_mm=belt_mm,
            across_mm=across_mm,
            belt_min_mm=belt_min_mm,
            belt_max_mm=belt_min_mm + rows * px,
            across_min_mm=across_min_mm,
            across_max_mm=across_min_mm + columns * px,
        )


class Motion:
    """Decides which parts move, and how; the same seed and part number give the same."""

    def __init__(self, config: PlantMotionConfig, belt_width_mm: float, seed: int) -> None:
        self._config = config
        self._belt_width_mm = belt_width_mm
        self._seed = seed

    def of(self, part: BeltPart, travel_mm: float) -> Mover | None:
        """How a part that was dropped at this travel moves; None for one that lies still."""
        config = self._config
        if not config.sliding_share + config.rolling_share:
            return None
        rng = np.random.default_rng([self._seed, 0x5011DE, part.number])
        kind = float(rng.random())
        if kind >= config.sliding_share + config.rolling_share:
            return None
        rate = config.rate * float(rng.uniform(_SLOWEST_SHARE, 1.0)) * (1 if rng.random() < 0.5 else -1)
        heading = float(rng.uniform(-0.5, 0.5))
        return Mover(
            part, travel_mm, rate * cos(heading), rate * sin(heading), kind >= config.sliding_share, self._belt_width_mm
        )


def turned(image: PartImage, degrees: float) -> PartImage:
    """The part turned about its centroid; every picture of it is turned, its light with it."""
    if degrees == 0:
        return image
    rows, columns = image.alpha.shape
    c, s = abs(cos(radians(degrees))), abs(sin(radians(degrees)))
    height, width = int(np.ceil(rows * c + columns * s)) + 2, int(np.ceil(rows * s + columns * c)) + 2
    turn = cv2.getRotationMatrix2D((image.centroid_col_px, image.centroid_row_px), degrees, 1.0)
    corners = np.array([[0, 0, 1], [columns, 0, 1], [0, rows, 1], [columns, rows, 1]]) @ turn.T
    turn[:, 2] += np.array([width, height]) / 2 - (corners.min(axis=0) + corners.max(axis=0)) / 2
    column, row = turn @ np.array([image.centroid_col_px, image.centroid_row_px, 1.0])
    there = image.warped(lambda layer: cv2.warpAffine(layer, turn, (width, height), flags=cv2.INTER_LINEAR))
    return replace(there, centroid_row_px=float(row), centroid_col_px=float(column))
