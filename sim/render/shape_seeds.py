"""Which random parts training sees and which it never sees: their seeds have nothing in common."""

from collections.abc import Sequence
from functools import cache
from typing import Literal

import numpy as np

from sim.render.light import Light, PartImage
from sim.render.parts import class_seed, make_part

Split = Literal["train", "held_out"]

_KEYS: dict[Split, int] = {"train": 0x7241_0001, "held_out": 0x7241_0002}
_PROBE_MM_PER_PX = 1.0
_PROBES = 5


def draw_part(
    class_id: str, split: Split, rng: np.random.Generator, mm_per_px: float, light: Light | None = None
) -> PartImage:
    """A random part of the class out of the split's own. `rng` says which; no part belongs to two splits.

    A plant draws with seeds of three numbers (`sim.feed`), so its parts are in neither.
    """
    number = int(rng.integers(2**62))
    shape_rng = np.random.default_rng([_KEYS[split], class_seed(class_id), number, 0])
    return make_part(class_id, shape_rng, mm_per_px, light)


@cache
def typical_length_mm(class_id: str) -> float:
    """The long side of a part of the class: the median of a few, for choosing a scale."""
    probes = [
        make_part(class_id, np.random.default_rng([class_seed(class_id), probe]), _PROBE_MM_PER_PX)
        for probe in range(_PROBES)
    ]
    return float(np.median([part.length_mm for part in probes]))


def that_fit(classes: Sequence[str], room_mm: float) -> list[str]:
    """The classes whose typical part is no longer than the room."""
    return [class_id for class_id in classes if typical_length_mm(class_id) <= room_mm]
