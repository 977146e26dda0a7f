"""Which reading of an in-line scale belongs to which part.

The scale weighs what lies on a stretch of belt upstream of the camera. A reading is stamped with the encoder count at
which it was taken, so that it is known which piece of belt was weighed, wherever that piece is now. It is a part's mass
when that part alone lay on the scale, and wholly: with two on it, nobody knows which weighs how much.
"""

from typing import Self

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, Field, model_validator

from senbetsu_errors import Fatal, NeedsOperator
from vision.frame import Frame

MASS_CHANNEL = "mass"
_MOST_READINGS = 4096


class MassConfig(BaseModel, frozen=True, extra="forbid"):
    """An in-line scale upstream of the camera, whose readings come with the frames as the channel `mass`."""

    upstream_mm: float = Field(
        ge=0,
        le=100_000,
        title="Upstream",
        description="From the camera's datum line, the upstream edge of its view, upstream to the scale's near end.",
    )
    length_mm: float = Field(
        gt=0, le=10_000, title="Length", description="How much of the belt, along, the scale weighs at once."
    )
    margin_mm: float = Field(
        default=3.0,
        ge=0,
        le=500,
        title="Margin",
        description="How far from the scale's ends a part must lie to be on it wholly, or off it.",
    )
    smallest_g: float = Field(
        default=0.05, gt=0, title="Smallest mass", description="Readings below it are the scale's noise and no mass."
    )

    @model_validator(mode="after")
    def _a_part_fits(self) -> Self:
        if 2 * self.margin_mm >= self.length_mm:
            raise ValueError(f"no part fits on a scale of {self.length_mm} mm with margins of {self.margin_mm} mm")
        return self


class InlineScale:
    """Keeps the readings whose belt is still in view. Plain and synchronous.

    Raises NeedsOperator `camera.scale` where the view shows no whole scale's length of belt: whether a part lay alone
    could never be seen.
    """

    def __init__(self, config: MassConfig, view_along_mm: float, counts_per_mm: float) -> None:
        if config.length_mm > view_along_mm:
            raise NeedsOperator(
                "camera.scale",
                f"The scale weighs {config.length_mm} mm of belt at once, the camera sees {view_along_mm} mm.",
                "Use a shorter scale or a longer view, or take vision.mass out.",
            )
        self._config = config
        self._view_mm = view_along_mm
        self._counts_per_mm = counts_per_mm
        self._way_mm = np.zeros(0)  # that the belt has run since each reading
        self._grams = np.zeros(0)

    def take(self, frame: Frame, travel_counts: float | None) -> None:
        """The readings that come with a frame, `travel_counts` after the frame before (None: nobody knows).

        The channel `mass` is float32 [R, 2]: counts after the frame's own encoder count (below 0: before it) and grams.
        Raises Fatal `camera.picture` for another shape or a value that is not finite.
        """
        if travel_counts is None:
            self._way_mm = self._grams = np.zeros(0)
        else:
            self._way_mm = self._way_mm + travel_counts / self._counts_per_mm
        readings = frame.channels.get(MASS_CHANNEL)
        if readings is not None:
            if readings.dtype != np.float32 or readings.ndim != 2 or readings.shape[1] != 2:
                raise _wrong(frame, f"{readings.dtype} {readings.shape}")
            if not np.isfinite(readings).all():
                raise _wrong(frame, "values that are not finite")
            self._way_mm = np.concatenate([self._way_mm, -readings[:, 0] / self._counts_per_mm])
            self._grams = np.concatenate([self._grams, readings[:, 1].astype(np.float64)])
        reach_mm = self._view_mm + self._config.upstream_mm + self._config.length_mm
        kept = np.flatnonzero(self._way_mm <= reach_mm)[-_MOST_READINGS:]
        self._way_mm, self._grams = self._way_mm[kept], self._grams[kept]

    def masses_g(self, along_min_mm: NDArray[np.float64], along_max_mm: NDArray[np.float64]) -> NDArray[np.float64]:
        """The mean of each blob's readings, float64 [N] in grams; NaN for one that was not weighed alone.

        `along_*_mm` [N] are where ALL blobs of the newest frame begin and end, downstream of its datum.
        """
        found = np.full(len(along_min_mm), np.nan)
        margin_mm = self._config.margin_mm
        # the belt that a reading weighed lies there now
        high_mm = self._way_mm - self._config.upstream_mm
        low_mm = high_mm - self._config.length_mm
        usable = (low_mm >= 0) & (high_mm <= self._view_mm) & (self._grams >= self._config.smallest_g)
        if not usable.any() or not len(found):
            return found
        low_mm, high_mm, grams = low_mm[usable, None], high_mm[usable, None], self._grams[usable]
        touches = (along_max_mm > low_mm - margin_mm) & (along_min_mm < high_mm + margin_mm)
        inside = (along_min_mm >= low_mm + margin_mm) & (along_max_mm <= high_mm - margin_mm)
        alone = inside & (touches.sum(axis=1, keepdims=True) == 1)
        count = alone.sum(axis=0)
        weighed = count > 0
        found[weighed] = (grams @ alone)[weighed] / count[weighed]
        return found


def _wrong(frame: Frame, found: str) -> Fatal:
    return Fatal(
        "camera.picture",
        f"Frame {frame.sequence} has a mass channel of {found}, expected finite float32 (readings, 2).",
        "Use a frame source that delivers a reading a row: counts after the frame's encoder count, and grams.",
    )
