"""How likely a cut is a border between two parts: a small net over what `cuts` measured.

Its weights (`cut_judge.npz`) are fitted on rendered belts with known truth by `python -m benchmarks.fit_cuts`, once
from colour alone and once with the height map.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vision.cuts import FEATURES

WEIGHTS = Path(__file__).with_suffix(".npz")
ARRAYS = ("mean", "scale", "w0", "b0", "w1", "b1", "w2", "b2")


@dataclass(frozen=True, slots=True)
class CutJudge:
    """Two hidden layers of rectified units; `columns` [F] are the features it reads, the arrays float32."""

    columns: NDArray[np.intp]
    mean: NDArray[np.float32]
    scale: NDArray[np.float32]
    w0: NDArray[np.float32]
    b0: NDArray[np.float32]
    w1: NDArray[np.float32]
    b1: NDArray[np.float32]
    w2: NDArray[np.float32]
    b2: NDArray[np.float32]

    @classmethod
    def load(cls, *, with_height: bool) -> "CutJudge":
        """The fitted weights that come with the code."""
        kind = "height" if with_height else "color"
        with np.load(WEIGHTS, allow_pickle=False) as stored:
            return cls(
                stored[f"{kind}.columns"].astype(np.intp),
                *(stored[f"{kind}.{name}"].astype(np.float32) for name in ARRAYS),
            )

    def probabilities(self, rows: NDArray[np.float64]) -> NDArray[np.float32]:
        """That the cut is a border, float32 [N], of rows as `candidate_cuts` gives them."""
        values = (rows[:, FEATURES + self.columns].astype(np.float32) - self.mean) * self.scale
        values = np.maximum(values @ self.w0 + self.b0, 0)
        values = np.maximum(values @ self.w1 + self.b1, 0)
        return np.asarray(1 / (1 + np.exp(-np.clip(values @ self.w2 + self.b2, -30, 30))), np.float32)
