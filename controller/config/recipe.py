"""A recipe: which outlet takes what, at which price, how pure."""

from collections.abc import Iterable
from typing import Annotated, Literal

from pydantic import Field

from controller.config.base import ClassId, OutletId, Section, Text

Actuator = Literal["jets", "none"]


class Outlet(Section):
    """Where parts end, how they get there, and what they are worth there."""

    id: OutletId = Field(title="Outlet", description="Short name of the outlet (bin), as shown to people.")
    actuator: Actuator = Field(
        title="Actuator",
        description="jets: parts are blown here. none: parts ride here over the belt's end when nothing fires.",
    )
    min_purity: float | None = Field(
        default=None,
        gt=0,
        le=1,
        title="Purity floor",
        description="Share by pieces of this outlet that must belong here; a part that would break it is let pass.",
    )
    default_value_jpy_per_kg: float = Field(
        title="Value of everything else",
        description="Yen per kilogram of the classes that value_jpy_per_kg leaves out; negative where they spoil it.",
    )
    value_jpy_per_kg: dict[ClassId, float] = Field(
        default={}, title="Values", description="Yen per kilogram that this outlet earns, by class."
    )
    forbid: tuple[ClassId, ...] = Field(
        default=(),
        title="Forbidden classes",
        description="Classes that may never be sent here, whatever they are worth.",
    )

    @property
    def actuated(self) -> bool:
        """Whether something must act for a part to end here."""
        return self.actuator != "none"

    def price_jpy_per_kg(self, class_id: str) -> float:
        """What this outlet earns for a class, yen per kilogram."""
        return self.value_jpy_per_kg.get(class_id, self.default_value_jpy_per_kg)


class Recipe(Section):
    """What the line shall make of its feed."""

    name: Text = Field(title="Name", description="Name of the recipe, as shown to people and written into the history.")
    outlets: tuple[Outlet, ...] = Field(min_length=1, title="Outlets", description="Every place where a part can end.")
    default_outlet: OutletId = Field(
        title="Default outlet",
        description="The outlet that parts reach when nothing acts on them; its actuator is none.",
    )
    unknown_outlet: OutletId = Field(
        title="Outlet for unknown", description="The outlet for parts that nobody can name."
    )
    shot_cost_jpy: float = Field(
        ge=0, title="Cost of a shot", description="Yen of compressed air and valve wear that one shot costs."
    )
    forbidden_above: float = Field(
        gt=0,
        le=1,
        title="Forbidden above",
        description="Probability of an outlet's forbidden classes together, above which a part may not enter it.",
    )
    mass_g_per_mm2: dict[ClassId, Annotated[float, Field(gt=0)]] = Field(
        title="Areal mass", description="Grams per square millimetre of the part as the camera sees it, by class."
    )
    default_mass_g_per_mm2: float | None = Field(
        default=None,
        gt=0,
        title="Areal mass of everything else",
        description="Grams per square millimetre of classes that mass_g_per_mm2 leaves out; empty: it names all.",
    )

    def areal_mass_g_per_mm2(self, class_id: str) -> float:
        """Grams per square millimetre of a class. Raises KeyError for one the recipe has no mass for."""
        mass = self.mass_g_per_mm2.get(class_id, self.default_mass_g_per_mm2)
        if mass is None:
            raise KeyError(class_id)
        return mass

    def right_outlets(self, class_ids: Iterable[str]) -> dict[str, str]:
        """The outlet id where each class is worth most, forbidden outlets left out.

        At equal worth it is the default outlet, which takes no shot, then the first in the recipe.
        """
        preferred = sorted(self.outlets, key=lambda outlet: outlet.id != self.default_outlet)
        right: dict[str, str] = {}
        for class_id in class_ids:
            allowed = [outlet for outlet in preferred if class_id not in outlet.forbid]
            right[class_id] = max(allowed, key=lambda outlet: outlet.price_jpy_per_kg(class_id)).id
        return right
