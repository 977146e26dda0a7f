"""Where parts end: outlets that count and weigh, by class. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(slots=True)
class Tally:
    """Pieces and mass of one class in one outlet."""

    count: int = 0
    mass_g: float = 0.0


class Outlets:
    """The line's outlets. What lands in one stays there."""

    def __init__(self, names: tuple[str, ...]) -> None:
        self._by_outlet: dict[str, dict[str, Tally]] = {name: {} for name in names}
        self.count = 0
        self.mass_g = 0.0

    def land(self, outlet: str, class_id: str, mass_g: float) -> None:
        """A part of that class and mass falls into `outlet`, which must be one of the line's."""
        tally = self._by_outlet[outlet].setdefault(class_id, Tally())
        tally.count += 1
        tally.mass_g += mass_g
        self.count += 1
        self.mass_g += mass_g

    @property
    def tallies(self) -> Mapping[str, Mapping[str, Tally]]:
        """By outlet, then class."""
        return self._by_outlet
