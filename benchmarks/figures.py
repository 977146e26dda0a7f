"""How a benchmark states what it found."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured value and the bound it is held to, if any."""

    name: str
    value: float
    unit: str
    at_least: float | None = None
    at_most: float | None = None

    @property
    def target(self) -> str | None:
        """The bound in words, None where there is none."""
        if self.at_least is not None:
            return f">= {self.at_least:g}"
        return None if self.at_most is None else f"<= {self.at_most:g}"

    @property
    def met(self) -> bool | None:
        """Whether the bound is met; None where there is none."""
        if self.at_least is not None:
            return self.value >= self.at_least
        if self.at_most is not None:
            return self.value <= self.at_most
        return None


def report(name: str, figures: Sequence[Figure], floor: dict[str, Any]) -> dict[str, Any]:
    """What `senbetsu bench` prints: the figures, each with its bound, and what they stand beside."""
    return {
        "name": name,
        "figures": [
            {
                "name": f.name,
                "value": round(f.value, 6),
                "unit": f.unit,
                "target": f">= {f.at_least}"
                if f.at_least is not None
                else f"<= {f.at_most}"
                if f.at_most is not None
                else None,
                "met": f.met,
            }
            for f in figures
        ],
        "floor": floor,
    }
