"""The classes of the field, read from `classes.yaml`: names for people, typical masses, what is in a part."""

from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, Literal, Self, cast

from pydantic import Field, ValidationError, model_validator
from ruamel.yaml import YAML, YAMLError

from models.manifest import ClassId, Record, Share
from senbetsu_errors import Fatal

CLASSES_FILE = Path(__file__).with_name("classes.yaml")

Group = Literal["products", "modules", "elements", "other"]
Grams = Annotated[float, Field(gt=0.0)]


class Name(Record):
    """What people call the class, in English and Japanese."""

    en: str = Field(min_length=1)
    ja: str = Field(min_length=1)


class MassModel(Record):
    """Grams per square millimetre of the part as a camera above sees it, and the range of whole pieces in grams."""

    g_per_mm2: Grams
    typical_g: tuple[Grams, Grams]

    @model_validator(mode="after")
    def _range_is_ordered(self) -> Self:
        if self.typical_g[0] > self.typical_g[1]:
            raise ValueError("typical_g must name the smaller mass first")
        return self


class Composition(Record):
    """Kilograms of an element or material per kilogram of the part; `source` is a citation or "placeholder"."""

    source: str = Field(min_length=1)
    kg_per_kg: dict[str, Share]

    @model_validator(mode="after")
    def _not_more_than_everything(self) -> Self:
        if sum(self.kg_per_kg.values()) > 1.0 + 1e-9:
            raise ValueError("the shares sum to more than 1")
        return self


class PartClass(Record):
    """One class of parts."""

    id: ClassId
    group: Group
    name: Name
    mass: MassModel
    composition: Composition


class _Classes(Record):
    classes: tuple[PartClass, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _ids_are_unique(self) -> Self:
        ids = [each.id for each in self.classes]
        if len(set(ids)) != len(ids):
            raise ValueError("class ids are not unique")
        return self


@lru_cache(maxsize=1)
def load_classes() -> tuple[PartClass, ...]:
    """Every class, in the file's order. Raises Fatal `classes.broken` where the shipped file is damaged."""
    try:
        return _Classes.model_validate(cast("Any", YAML(typ="safe")).load(CLASSES_FILE)).classes
    except (OSError, YAMLError, ValidationError) as error:
        raise Fatal("classes.broken", f"{CLASSES_FILE} cannot be read: {error}.", "Restore the file.") from error


def class_ids() -> tuple[str, ...]:
    """The ids of every class, in the file's order."""
    return tuple(each.id for each in load_classes())
