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
    `origins`, `validation` bool [N]: true where training must not see the crop."""

    classes: tuple[str, ...]
    origins: tuple[Source, ...]
    crops: NDArray[np.uint8]
    labels: NDArray[np.int64]
    sources: NDArray[np.int64]
    validation: NDArray[np.bool_]

    def __post_init__(self) -> None:
        count = len(self.crops)
        if self.crops.ndim != 4 or self.crops.shape[1] != self.crops.shape[2] or self.crops.shape[3] != 3:
            raise ValueError(f"crops have the shape {self.crops.shape}, not [N, S, S, 3]")
        if not len(self.labels) == len(self.sources) == len(self.validation) == count:
            raise ValueError("crops, labels, sources and validation differ in length")
        if count and not (self.labels.min() >= 0 and self.labels.max() < len(self.classes)):
            raise ValueError("a label is outside the classes")
        if count and not (self.sources.min() >= 0 and self.sources.max() < len(self.origins)):
            raise ValueError("a source is outside the origins")

    def __len__(self) -> int:
        return len(self.crops)

    @property
    def real(self) -> NDArray[np.bool_]:
        """Bool [N]: true for photographs, false for rendered crops."""
        return np.array([origin.kind == "real" for origin in self.origins], dtype=np.bool_)[self.sources]

    def where(self, chosen: NDArray[np.bool_]) -> Self:
        """The crops that `chosen`, bool [N], marks."""
        return type(self)(
            self.classes,
            self.origins,
            self.crops[chosen],
            self.labels[chosen],
            self.sources[chosen],
            self.validation[chosen],
        )

    @classmethod
    def join(cls, parts: Sequence[Self]) -> Self:
        """All crops of `parts`, which must agree on the classes; their origins are put one after the other."""
        if len({part.classes for part in parts}) != 1:
            raise ValueError("the datasets to join differ in their classes")
        offsets = np.cumsum([0] + [len(part.origins) for part in parts[:-1]])
        return cls(
            parts[0].classes,
            tuple(origin for part in parts for origin in part.origins),
            np.concatenate([part.crops for part in parts]),
            np.concatenate([part.labels for part in parts]),
            np.concatenate([part.sources + offset for part, offset in zip(parts, offsets, strict=True)]),
            np.concatenate([part.validation for part in parts]),
        )
