"""Which outlet a part is worth most in, by-catch counted. Pure: no clock, no I/O.

Expected value of part x in outlet o: sum over classes c of p(c|x) * mass(c, x) * price(o, c), as in
reference/domain.md section 5. A part that an in-line scale weighed has that mass whatever its class; others have
their class's areal mass times their area. The default outlet costs nothing to reach; an actuated one costs a
shot and what its shot carries along.
"""

from collections.abc import Callable, Sequence
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from controller.config import Recipe
from vision.compiled import COLUMN, INDICES, TABLE, compiled
from vision.measures import MASS_COLUMN
from vision.parts import Footprints, Part

GRAMS_PER_KG = 1000.0
_MOST_VIEWS = 0.5  # share of a part's views that must call it unknown or a clump for it to be one

Floats = NDArray[np.float64]
Indices = NDArray[np.int64]

Reason = Literal[
    "best value",
    "meant to pass",
    "unknown class",
    "oversize",
    "clump",
    "forbidden class",
    "purity floor",
    "by-catch",
    "line stopped",
]


class Decision(NamedTuple):
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
        return self.reason in ("unknown class", "oversize", "clump")


class ShotWindow(NamedTuple):
    """What a shot covers: a range of belt coordinates (mm) and of millimetres across."""

    belt_min_mm: float
    belt_max_mm: float
    across_min_mm: float
    across_max_mm: float


def covered_shares(
    windows: Sequence[ShotWindow], neighbours: Footprints, own_ids: Sequence[int]
) -> NDArray[np.float64]:
    """How much of each neighbour's bounding box each shot covers, float64 [shots, N] of 0..1; 0 for oneself."""
    near = neighbours
    return _covered_shares(
        np.array(windows, np.float64).reshape(-1, 4), np.array(own_ids, np.int64), near.part_id,
        near.belt_min_mm, near.belt_max_mm, near.across_min_mm, near.across_max_mm,
    )  # fmt: skip


@compiled(TABLE, TABLE, INDICES, INDICES, COLUMN, COLUMN, COLUMN, COLUMN)
def _covered_shares(
    windows: Floats, own_ids: Indices, part_id: Indices, belt_min_mm: Floats, belt_max_mm: Floats,
    across_min_mm: Floats, across_max_mm: Floats,
) -> Floats:  # fmt: skip
    shares = np.zeros((len(windows), len(part_id)))
    for i in range(len(windows)):
        for k in range(len(part_id)):
            along = min(windows[i, 1], belt_max_mm[k]) - max(windows[i, 0], belt_min_mm[k])
            across = min(windows[i, 3], across_max_mm[k]) - max(windows[i, 2], across_min_mm[k])
            if along > 0 and across > 0 and part_id[k] != own_ids[i]:
                area = (belt_max_mm[k] - belt_min_mm[k]) * (across_max_mm[k] - across_min_mm[k])
                shares[i, k] = along * across / max(area, 1e-9)
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
        self._jpy_per_g = prices.T / GRAMS_PER_KG
        self._jpy_per_mm2 = (prices * self._mass_g_per_mm2 / GRAMS_PER_KG).T
        self._outlet_ids = [o.id for o in recipe.outlets]
        self._default = self._outlet_ids.index(recipe.default_outlet)
        self._actuated = np.array([o.actuated for o in recipe.outlets])
        right = recipe.right_outlets(labels)
        self._forbidden_then_right = np.array(
            [
                [label in o.forbid for o in recipe.outlets] + [right[label] == o.id for o in recipe.outlets]
                for label in labels
            ],
            np.float64,
        )
        self._is_actuated = {o.id: o.actuated for o in recipe.outlets}
        self._expected_right = [0.0] * len(self._outlet_ids)
        self._expected_total = [0] * len(self._outlet_ids)

    def best_class(self, part: Part) -> tuple[str, float]:
        """The likeliest class and its probability."""
        best = int(part.probabilities.argmax())
        return self.labels[best], float(part.probabilities[best])

    def decide(
        self,
        parts: Sequence[Part],
        window_of: Callable[[Part], ShotWindow],
        neighbours_of: Callable[[float, float], Footprints],
    ) -> list[Decision]:
        """The outlet of each of `parts` (at least one), in turn.

        `window_of` says what a shot at a part would cover, `neighbours_of` who lies in a stretch of the belt (mm),
        the parts included; both are asked only where a shot may be worth it. The numbers of all parts are
        computed at once, the rules applied one by one.
        """
        probabilities = np.concatenate([p.probabilities for p in parts]).reshape(len(parts), -1).astype(np.float64)
        masses_g = np.array([p.measures[MASS_COLUMN] for p in parts], np.float64)
        gains = self._gains_jpy(probabilities, np.array([p.area_mm2 for p in parts]), masses_g)
        worth_a_shot = np.flatnonzero(gains[:, self._actuated].max(axis=1, initial=0.0) > 0).tolist()
        by_catch = [0.0] * len(parts)
        if worth_a_shot:
            losses = self._by_catch_jpy([parts[i] for i in worth_a_shot], window_of, neighbours_of)
            for index, loss in zip(worth_a_shot, losses, strict=True):
                by_catch[index] = loss
        outlets = len(self._outlet_ids)
        numbers = zip(
            parts,
            probabilities.argmax(axis=1).tolist(),
            probabilities.max(axis=1).tolist(),
            gains.tolist(),
            [
                (chances[:outlets], chances[outlets:])
                for chances in (probabilities @ self._forbidden_then_right).tolist()
            ],
            by_catch,
            strict=True,
        )
        return [self._decide(*n) for n in numbers]

    def _by_catch_jpy(
        self,
        parts: Sequence[Part],
        window_of: Callable[[Part], ShotWindow],
        neighbours_of: Callable[[float, float], Footprints],
    ) -> list[float]:
        """What a shot at each part would lose of its neighbours' worth, never negative."""
        windows = [window_of(p) for p in parts]
        neighbours = neighbours_of(min(w.belt_min_mm for w in windows), max(w.belt_max_mm for w in windows))
        shares = covered_shares(windows, neighbours, [p.part_id for p in parts])
        near = np.flatnonzero(shares.any(axis=0))
        if not len(near):
            return [0.0] * len(parts)
        gains = self._gains_jpy(neighbours.probabilities[near].astype(np.float64), neighbours.area_mm2[near])
        losses = np.maximum(-gains[:, self._actuated].max(axis=1), 0.0)
        return (shares[:, near] @ losses).tolist()

    def _gains_jpy(self, probabilities: Floats, area_mm2: Floats, masses_g: Floats | None = None) -> Floats:
        """Expected gain of each outlet over the default one, float64 [N, outlets], by-catch not counted.

        `masses_g` [N] are measured ones, NaN where there is none.
        """
        worth = (probabilities @ self._jpy_per_mm2) * area_mm2[:, None]
        if masses_g is not None and (weighed := np.isfinite(masses_g)).any():
            worth[weighed] = (probabilities[weighed] @ self._jpy_per_g) * masses_g[weighed, None]
        return worth - worth[:, self._default : self._default + 1]

    def _decide(
        self,
        part: Part,
        best: int,
        probability: float,
        gains: list[float],
        chances: tuple[list[float], list[float]],
        by_catch_jpy: float,
    ) -> Decision:
        """The rules for one part; lists are over outlets, `chances` that it is forbidden there, or right."""
        class_id = self.labels[best]
        if part.oversize:
            return self._to(part, self.recipe.unknown_outlet, class_id, probability, 0.0, "oversize")
        if part.clump_share >= _MOST_VIEWS:
            return self._to(part, self.recipe.unknown_outlet, class_id, probability, 0.0, "clump")
        if probability < self._unknown_below or part.unknown_share >= _MOST_VIEWS:
            return self._to(part, self.recipe.unknown_outlet, class_id, probability, 0.0, "unknown class")
        refused: Reason = "meant to pass"
        forbidden, right = chances
        for index in sorted(range(len(gains)), key=gains.__getitem__, reverse=True):
            outlet = self.recipe.outlets[index]
            net = gains[index] - (self.recipe.shot_cost_jpy if outlet.actuated else 0.0)
            if index == self._default or net <= 0:
                break
            if forbidden[index] > self.recipe.forbidden_above:
                refused = "forbidden class"
            elif not self._keeps_floor(index, right[index]):
                refused = "purity floor"
            elif outlet.actuated and net <= by_catch_jpy:
                refused = "by-catch"
            else:
                self._count(index, right[index])
                return self._to(part, outlet.id, class_id, probability, net, "best value")
        self._count(self._default, right[self._default])
        return self._to(part, self.recipe.default_outlet, class_id, probability, 0.0, refused)

    def undecided(self, part: Part) -> Decision:
        """The decision for a part that nobody came to decide on: it stays where it goes by itself."""
        class_id, probability = self.best_class(part)
        return self._to(part, self.recipe.default_outlet, class_id, probability, 0.0, "line stopped")

    def _keeps_floor(self, outlet: int, right: float) -> bool:
        """Whether the outlet's expected purity, by pieces, stays at its floor with this part in it."""
        floor = self.recipe.outlets[outlet].min_purity
        if floor is None or right >= floor:
            return True
        return self._expected_right[outlet] + right >= floor * (self._expected_total[outlet] + 1)

    def _count(self, outlet: int, right: float) -> None:
        self._expected_right[outlet] += right
        self._expected_total[outlet] += 1

    def _to(
        self, part: Part, outlet: str, class_id: str, probability: float, gain_jpy: float, reason: Reason
    ) -> Decision:
        return Decision(part, outlet, self._is_actuated[outlet], class_id, probability, gain_jpy, reason)
