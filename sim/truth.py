"""What really happened, as only a simulated plant can know it. Pure."""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from sim.feed import BeltPart
from sim.outlets import Outlets

RECORDS_KEPT = 20_000
"""Finished parts whose records are kept; a real-time plant runs for weeks."""


@dataclass(frozen=True, slots=True)
class PartRecord:
    """One part's way. `belt_counts` is the unwrapped belt coordinate of its centroid, from where it reached `ahead_mm`
    downstream and `behind_mm` upstream when it came; `outlet` and the unwrapped encoder count `ended_counts` at which
    it left the belt are None while it lies there.
    """

    number: int
    class_id: str
    mass_g: float
    belt_counts: float
    across_mm: float
    entered_s: float
    ahead_mm: float
    behind_mm: float
    across_min_mm: float
    across_max_mm: float
    outlet: str | None = None
    ended_counts: int | None = None


class Truth:
    """The plant's own account: fed = on the belt + landed, in pieces and in mass.

    `rejected` parts found no room on the belt and never were fed. `stalled_s` is how long plant time
    stood still because the machine slept or could not keep up at all.
    """

    def __init__(self, jets_outlet: str, rest_outlet: str) -> None:
        self.fed = 0
        self.fed_mass_g = 0.0
        self.rejected = 0
        self.stalled_s = 0.0
        self.outlets = Outlets((jets_outlet, rest_outlet))
        self._jets_outlet = jets_outlet
        self._rest_outlet = rest_outlet
        self._on_belt: dict[int, PartRecord] = {}
        self._finished: deque[PartRecord] = deque(maxlen=RECORDS_KEPT)

    def entered(self, part: BeltPart, belt_counts: float) -> None:
        """A part came to lie on the belt."""
        image = part.image
        self.fed += 1
        self.fed_mass_g += image.mass_g
        self._on_belt[part.number] = PartRecord(
            part.number,
            image.class_id,
            image.mass_g,
            belt_counts,
            part.across_mm,
            part.entered_s,
            part.belt_mm - part.belt_min_mm,
            part.belt_max_mm - part.belt_mm,
            part.across_min_mm,
            part.across_max_mm,
        )

    def ejected(self, part: BeltPart, at_counts: int) -> None:
        """Air took a part off the belt."""
        self._land(part, self._jets_outlet, at_counts)

    def passed(self, part: BeltPart, at_counts: int) -> None:
        """A part rode on over the belt's end."""
        self._land(part, self._rest_outlet, at_counts)

    @property
    def on_belt(self) -> int:
        """Parts on the belt."""
        return len(self._on_belt)

    @property
    def on_belt_mass_g(self) -> float:
        """Mass on the belt, added up part by part (not as a difference, so that a loss would show)."""
        return sum((record.mass_g for record in self._on_belt.values()), 0.0)

    def records(self) -> Iterator[PartRecord]:
        """The newest RECORDS_KEPT finished parts in the order they ended, then those on the belt."""
        yield from self._finished
        yield from self._on_belt.values()

    def as_json(self) -> dict[str, Any]:
        """The account without the single parts."""
        return {
            "fed": self.fed,
            "fed_mass_g": self.fed_mass_g,
            "rejected": self.rejected,
            "stalled_s": self.stalled_s,
            "on_belt": self.on_belt,
            "on_belt_mass_g": self.on_belt_mass_g,
            "finished": self.outlets.count,
            "outlets": {
                outlet: {
                    class_id: {"count": tally.count, "mass_g": tally.mass_g}
                    for class_id, tally in sorted(classes.items())
                }
                for outlet, classes in self.outlets.tallies.items()
            },
        }

    def _land(self, part: BeltPart, outlet: str, at_counts: int) -> None:
        record = self._on_belt.pop(part.number)
        self._finished.append(replace(record, outlet=outlet, ended_counts=at_counts))
        self.outlets.land(outlet, record.class_id, record.mass_g)
