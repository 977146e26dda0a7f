"""Random choices that painters make, in plain Python numbers."""

from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate
from typing import TypeVar

import numpy as np

from sim.render.canvas import Canvas, Painter
from sim.render.oblique import Lean
from sim.render.shapes import Bgr, vary

Looks = Sequence[tuple[float, Painter]]
"""The looks of a class (front, back, opened, ...), each with its weight."""

_Item = TypeVar("_Item")


def between(rng: np.random.Generator, low: float, high: float) -> float:
    """A uniform number of [low, high)."""
    return float(rng.uniform(low, high))


def chance(rng: np.random.Generator, probability: float) -> bool:
    """True with the probability."""
    return float(rng.random()) < probability


def one_of(rng: np.random.Generator, items: Sequence[_Item]) -> _Item:
    """One of the items, all equally likely."""
    return items[int(rng.integers(len(items)))]


def spot(rng: np.random.Generator, length_mm: float, width_mm: float, share: float = 0.45) -> tuple[float, float]:
    """A place (x, y) on a face; `share` 0.5 reaches its edges."""
    return between(rng, -share, share) * length_mm, between(rng, -share, share) * width_mm


def tone(rng: np.random.Generator, colours: Sequence[Bgr], spread: float = 8.0) -> Bgr:
    """One of the colours, slightly varied."""
    return vary(one_of(rng, colours), rng, spread)


def dimmed(bgr: Bgr, factor: float) -> Bgr:
    """The colour, brighter or darker by a factor."""
    blue, green, red = (min(255, max(0, round(value * factor))) for value in bgr)
    return blue, green, red


def look(rng: np.random.Generator, looks: Looks) -> Painter:
    """One of the looks, as often as its weight says."""
    edges: list[float] = list(accumulate(weight for weight, _ in looks))
    return looks[bisect_right(edges, between(rng, 0, edges[-1]))][1]


def mixed(looks: Looks, aslant: float = 0.0) -> Painter:
    """A painter that draws one of the looks, as often as its weight says; a share `aslant` is seen from the side.

    A camera over a belt sees what lies near its picture's edge some 20 degrees from the side, and who photographs a
    part seldom looks straight down.
    """

    def paint(rng: np.random.Generator, mm_per_px: float) -> Canvas:
        canvas = look(rng, looks)(rng, mm_per_px)
        if chance(rng, aslant):
            canvas.lean = Lean(between(rng, 5, 38), int(rng.integers(4)), between(rng, 0.4, 1.05))
        return canvas

    return paint
