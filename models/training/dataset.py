"""Crops with their labels and where they came from, as columns."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from models.manifest import Kind


@dataclass(frozen=True, slots=True)
class Source:
    """One origin of crops."""

    name: str
    licence: str
    attribution: str
    kind: Kind


@dataclass(frozen=True, slots=True)
class Dataset:
    """N crops: `crops` uint8 [N, S, S, 3] RGB, `labels` int64 [N] into `classes`, `sources` int64 [N] into
    `origins`, `validation` bool [N]: true where training must not see the crop.

    `covers` uint8 [K, S, S] says where the object is in those crops whose object could be cut out (255 there);
    `cover_of` int64 [N] is the row of `covers`, -1 for none.
    """

    classes: tuple[str, ...]
    origins: tuple[Source, ...]
    crops: NDArray[np.uint8]
    labels: NDArray[np.int64]
    sources: NDArray[np.int64]
    validation: NDArray[np.bool_]
    covers: NDArray[np.uint8]
    cover_of: NDArray[np.int64]

    def __post_init__(self) -> None:
        count = len(self.crops)
        if self.crops.ndim != 4 or self.crops.shape[1] != self.crops.shape[2] or self.crops.shape[3] != 3:
            raise ValueError(f"crops have the shape {self.crops.shape}, not [N, S, S, 3]")
        if self.covers.shape[1:] != self.crops.shape[1:3]:
            raise ValueError(f"covers have the shape {self.covers.shape}, crops {self.crops.shape}")
        if not len(self.labels) == len(self.sources) == len(self.validation) == len(self.cover_of) == count:
            raise ValueError("crops, labels, sources, validation and cover_of differ in length")
        if count and not (self.labels.min() >= 0 and self.labels.max() < len(self.classes)):
            raise ValueError("a label is outside the classes")
        if count and not (self.sources.min() >= 0 and self.sources.max() < len(self.origins)):
            raise ValueError("a source is outside the origins")
        if count and not (self.cover_of.min() >= -1 and self.cover_of.max() < len(self.covers)):
            raise ValueError("cover_of points outside the covers")

    def __len__(self) -> int:
        return len(self.crops)

    @classmethod
    def uncovered(
        cls,
        classes: tuple[str, ...],
        origins: tuple[Source, ...],
        crops: NDArray[np.uint8],
        labels: NDArray[np.int64],
        sources: NDArray[np.int64],
        validation: NDArray[np.bool_],
    ) -> Self:
        """Crops none of whose objects is cut out."""
        covers = np.zeros((0, *crops.shape[1:3]), np.uint8)
        return cls(classes, origins, crops, labels, sources, validation, covers, np.full(len(crops), -1))

    @property
    def real(self) -> NDArray[np.bool_]:
        """Bool [N]: true for photographs, false for rendered crops."""
        return np.array([origin.kind == "real" for origin in self.origins], dtype=np.bool_)[self.sources]

    def from_sources(self, names: Sequence[str]) -> NDArray[np.bool_]:
        """Bool [N]: true for crops of an origin of one of these names."""
        return np.array([origin.name in names for origin in self.origins], dtype=np.bool_)[self.sources]

    def where(self, chosen: NDArray[np.bool_]) -> Self:
        """The crops that `chosen`, bool [N], marks; all covers stay."""
        return type(self)(
            self.classes,
            self.origins,
            self.crops[chosen],
            self.labels[chosen],
            self.sources[chosen],
            self.validation[chosen],
            self.covers,
            self.cover_of[chosen],
        )

    @classmethod
    def join(cls, parts: Sequence[Self]) -> Self:
        """All crops of `parts`, which must agree on the classes; their origins are put one after the other."""
        if len({part.classes for part in parts}) != 1:
            raise ValueError("the datasets to join differ in their classes")
        offsets = np.cumsum([0] + [len(part.origins) for part in parts[:-1]])
        first_cover = np.cumsum([0] + [len(part.covers) for part in parts[:-1]])
        return cls(
            parts[0].classes,
            tuple(origin for part in parts for origin in part.origins),
            np.concatenate([part.crops for part in parts]),
            np.concatenate([part.labels for part in parts]),
            np.concatenate([part.sources + offset for part, offset in zip(parts, offsets, strict=True)]),
            np.concatenate([part.validation for part in parts]),
            np.concatenate([part.covers for part in parts]),
            np.concatenate(
                [np.where(p.cover_of < 0, -1, p.cover_of + first) for p, first in zip(parts, first_cover, strict=True)]
            ),
        )
