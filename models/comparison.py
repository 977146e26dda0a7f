"""Two models on the same crops: how often they agree, and what each says where they do not. Plain numpy."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

UNKNOWN = "unknown"
"""How an answer is called that its model rejects; no class has this id."""


@dataclass(frozen=True, slots=True)
class Difference:
    """`count` crops that the old model calls `old` and the new one `new`; `area_mm2` of belt they cover, 0 where
    nobody knows their scale."""

    old: str
    new: str
    count: int
    area_mm2: float = 0.0


class Comparison:
    """Running counts of what two models said of the same crops; their labels may differ."""

    def __init__(self, old_labels: tuple[str, ...], new_labels: tuple[str, ...]) -> None:
        self._old = (*old_labels, UNKNOWN)
        self._new = (*new_labels, UNKNOWN)
        self._counts = np.zeros((len(self._old), len(self._new)), np.int64)
        self._area_mm2 = np.zeros(self._counts.shape)

    def add(self, old: NDArray[np.int64], new: NDArray[np.int64], area_mm2: NDArray[np.float64] | None = None) -> None:
        """Answers of both, int64 [N] each, as `answered` gives them, and the belt that each crop's part covers."""
        np.add.at(self._counts, (old, new), 1)
        if area_mm2 is not None:
            np.add.at(self._area_mm2, (old, new), area_mm2)

    @property
    def crops(self) -> int:
        """How many crops both have answered."""
        return int(self._counts.sum())

    def pairs(self) -> list[Difference]:
        """Every pair of answers that occurred, equal ones too, the most frequent first."""
        rows, columns = np.nonzero(self._counts)
        found = [
            Difference(self._old[r], self._new[c], int(self._counts[r, c]), float(self._area_mm2[r, c]))
            for r, c in zip(rows.tolist(), columns.tolist(), strict=True)
        ]
        return sorted(found, key=lambda pair: (-pair.count, pair.old, pair.new))


def answered(probabilities: NDArray[np.float32], unknown: NDArray[np.bool_]) -> NDArray[np.int64]:
    """The answer of each row: the index of the likeliest class of [N, C], or C where it is unknown [N]."""
    answers = probabilities.argmax(axis=1)
    answers[unknown] = probabilities.shape[1]
    return answers


def summary(pairs: list[Difference]) -> dict[str, Any]:
    """`crops`, `agreed`, `agreement` (None without crops), `unknown` of each, and the `differences`; all adds up."""
    crops = sum(pair.count for pair in pairs)
    agreed = sum(pair.count for pair in pairs if pair.old == pair.new)
    return {
        "crops": crops,
        "agreed": agreed,
        "agreement": agreed / crops if crops else None,
        "unknown": {
            "old": sum(pair.count for pair in pairs if pair.old == UNKNOWN),
            "new": sum(pair.count for pair in pairs if pair.new == UNKNOWN),
        },
        "differences": [
            {"old": pair.old, "new": pair.new, "count": pair.count} for pair in pairs if pair.old != pair.new
        ],
    }
