"""The plant's in-line scale: what lies on a stretch of belt, weighed again and again."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from sim.config import PlantScaleConfig
from sim.feed import BeltPart


@dataclass(frozen=True, slots=True)
class ScalePlace:
    """Where the scale weighs: from `upstream_mm` upstream of the camera's datum, `length_mm` farther upstream."""

    upstream_mm: float
    length_mm: float


class Scale:
    """A part partly on it loads it by the share of its length that is."""

    def __init__(self, place: ScalePlace, config: PlantScaleConfig, seed: int) -> None:
        self._place = place
        self._config = config
        self._rng = np.random.default_rng([seed, 0x5CA1E])
        self._next_mm = 0.0

    def due(self, travel_mm: float) -> bool:
        """Whether the belt has come to the next reading; true once for each."""
        if travel_mm < self._next_mm:
            return False
        self._next_mm = travel_mm + self._config.every_mm
        return True

    def read_g(self, travel_mm: float, parts: Iterable[BeltPart]) -> float:
        """The load now, with the noise of one reading, grams."""
        load_g = 0.0
        first_mm = travel_mm + self._place.upstream_mm  # belt coordinates of the scale's ends
        last_mm = first_mm + self._place.length_mm
        for part in parts:
            on_it_mm = min(part.belt_max_mm, last_mm) - max(part.belt_min_mm, first_mm)
            if on_it_mm > 0:
                load_g += part.image.mass_g * on_it_mm / (part.belt_max_mm - part.belt_min_mm)
        share, grams = self._rng.standard_normal(2)
        return load_g * (1 + self._config.noise_share * float(share)) + self._config.noise_g * float(grams)
