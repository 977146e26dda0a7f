"""Which outlet a part is worth most in, by-catch counted. Pure: no clock, no I/O.

Expected value of part x in outlet o: sum over classes c of p(c|x) * mass(c, x) * price(o, c), as in
reference/domain.md section 5. The default outlet costs nothing to reach; an actuated one costs a
shot and what its shot carries along.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from controller.config import Recipe
from vision.parts import Footprints, Part

GRAMS_PER_KG = 1000.0

Reason = Literal[
    "best value",
    "meant to pass",
    "unknown class",
    "oversize",
    "forbidden class",
    "purity floor",
    "by-catch",
    "line stopped",
]


@dataclass(frozen=True, slots=True)
class Decision:
    """What shall become of a part. `gain_jpy` is the expected gain over the default outlet."""

    part: Part
    outlet: str
    actuated: bool
    class_id: str
    probability: float
    gain_jpy: float
    reason: Reason

    @property
    def unknown(self) -> bool:
        """Whether the part goes where it goes because nobody knows what it is."""
        return self.reason in ("unknown class", "oversize")


@dataclass(frozen=True, slots=True)
class ShotWindow:
    """What a shot covers: a range of belt coordinates (mm) and of millimetres across."""

    belt_min_mm: float
    belt_max_mm: float
    across_min_mm: float
    across_max_mm: float


def covered_shares(window: ShotWindow, neighbours: Footprints, own_id: int) -> NDArray[np.float64]:
    """How much of each neighbour's bounding box the shot covers, float64 [N] of 0..1; 0 for oneself."""
    along = np.minimum(window.belt_max_mm, neighbours.belt_max_mm) - np.maximum(
        window.belt_min_mm, neighbours.belt_min_mm
    )
    across = np.minimum(window.across_max_mm, neighbours.across_max_mm) - np.maximum(
        window.across_min_mm, neighbours.across_min_mm
    )
    length = np.maximum(neighbours.belt_max_mm - neighbours.belt_min_mm, 1e-9)
    width = np.maximum(neighbours.across_max_mm - neighbours.across_min_mm, 1e-9)
    shares = np.maximum(along, 0.0) / length * (np.maximum(across, 0.0) / width)
    shares[neighbours.part_id == own_id] = 0.0
    return shares


class Decider:
    """Applies a recipe to parts. Keeps the expected composition of each outlet for its purity floor.

    Raises nothing: the recipe and the model's labels were checked against each other at load.
    """

    def __init__(self, recipe: Recipe, labels: Sequence[str], unknown_below: float) -> None:
        self.recipe = recipe
        self.labels = tuple(labels)
        self._unknown_below = unknown_below
        self._mass_g_per_mm2 = np.array([recipe.areal_mass_g_per_mm2(label) for label in labels])
        prices = np.array([[o.price_jpy_per_kg(label) for label in labels] for o in recipe.outlets])
        self._jpy_per_mm2 = prices * self._mass_g_per_mm2 / GRAMS_PER_KG
        self._outlet_ids = [o.id for o in recipe.outlets]
        self._default = self._outlet_ids.index(recipe.default_outlet)
        self._actuated = np.array([o.actuated for o in recipe.outlets])
        self._forbidden = np.array([[label in o.forbid for label in labels] for o in recipe.outlets])
        right = recipe.right_outlets(labels)
        self._right = np.array([[right[label] == o.id for label in labels] for o in recipe.outlets])
        self._expected_right = np.zeros(len(self._outlet_ids))
        self._expected_total = np.zeros(len(self._outlet_ids))

    def best_class(self, part: Part) -> tuple[str, float]:
        """The likeliest class and its probability."""
        best = int(part.probabilities.argmax())
        return self.labels[best], float(part.probabilities[best])

    def gains_jpy(self, part: Part) -> NDArray[np.float64]:
        """Expected gain of each outlet over the default one, float64 [outlets], by-catch not counted."""
        worth = self._jpy_per_mm2 @ part.probabilities.astype(np.float64) * part.area_mm2
        return worth - worth[self._default]

    def decide(
        self, part: Part, window: ShotWindow, neighbours: Footprints, losses_jpy: NDArray[np.float64]
    ) -> Decision:
        """The outlet for `part`, given what a shot at it would cover and who lies near.

        `losses_jpy` is `self.losses_jpy(neighbours)`, computed once a frame.
        """
        class_id, probability = self.best_class(part)
        if part.oversize:
            return self._to(part, self.recipe.unknown_outlet, "unknown", probability, 0.0, "oversize")
        if probability < self._unknown_below:
            return self._to(part, self.recipe.unknown_outlet, "unknown", probability, 0.0, "unknown class")
        gains = self.gains_jpy(part)
        refused: Reason = "meant to pass"
        by_catch = float(losses_jpy @ covered_shares(window, neighbours, part.part_id))
        for index in np.argsort(-gains):
            outlet = self.recipe.outlets[index]
            if index == self._default:
                break
            net = float(gains[index]) - (self.recipe.shot_cost_jpy if outlet.actuated else 0.0)
            if net <= 0:
                break
            if float(part.probabilities[self._forbidden[index]].sum()) > self.recipe.forbidden_above:
                refused = "forbidden class"
                continue
            if not self._keeps_floor(index, part):
                refused = "purity floor"
                continue
            if outlet.actuated and net <= by_catch:
                refused = "by-catch"
                continue
            self._count(index, part)
            return self._to(part, outlet.id, class_id, probability, net, "best value")
        self._count(self._default, part)
        return self._to(part, self.recipe.default_outlet, class_id, probability, 0.0, refused)

    def undecided(self, part: Part) -> Decision:
        """The decision for a part that nobody came to decide on: it stays where it goes by itself."""
        class_id, probability = self.best_class(part)
        return self._to(part, self.recipe.default_outlet, class_id, probability, 0.0, "line stopped")

    def losses_jpy(self, neighbours: Footprints) -> NDArray[np.float64]:
        """What each neighbour would lose if it were ejected by accident, float64 [N], never negative."""
        worth = (neighbours.probabilities.astype(np.float64) @ self._jpy_per_mm2.T) * neighbours.area_mm2[:, None]
        over_default = worth - worth[:, self._default : self._default + 1]
        return np.maximum(-over_default[:, self._actuated].max(axis=1, initial=-np.inf), 0.0)

    def _keeps_floor(self, outlet: int, part: Part) -> bool:
        """Whether the outlet's expected purity, by pieces, stays at its floor with this part in it."""
        floor = self.recipe.outlets[outlet].min_purity
        right = float(part.probabilities[self._right[outlet]].sum())
        if floor is None or right >= floor:
            return True
        return bool(self._expected_right[outlet] + right >= floor * (self._expected_total[outlet] + 1))

    def _count(self, outlet: int, part: Part) -> None:
        self._expected_right[outlet] += float(part.probabilities[self._right[outlet]].sum())
        self._expected_total[outlet] += 1

    def _to(
        self, part: Part, outlet: str, class_id: str, probability: float, gain_jpy: float, reason: Reason
    ) -> Decision:
        actuated = next(o.actuated for o in self.recipe.outlets if o.id == outlet)
        return Decision(part, outlet, actuated, class_id, probability, gain_jpy, reason)
