"""What a laser profile sensor measures of a scene: heights with noise, and nothing where it gets no light back."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class ProfileSensor:
    """A triangulating laser profile sensor. Figures are placeholders in the range that data sheets state.

    `noise_mm` is the standard deviation of a height; `step_mm` its resolution. Slopes steeper than
    `steepest_mm_per_mm` throw the laser away. `loss` is the share of places lost by chance, and of a mirror-like
    or clear surface `shiny_loss`.
    """

    noise_mm: float = 0.05
    step_mm: float = 0.01
    steepest_mm_per_mm: float = 6.0
    loss: float = 0.002
    shiny_loss: float = 0.5


def scanned(
    height_mm: NDArray[np.float32],
    shine: NDArray[np.uint8],
    mm_per_px: float,
    sensor: ProfileSensor,
    rng: np.random.Generator,
) -> NDArray[np.float32]:
    """The height channel, H x W float32 mm, NaN where the sensor saw nothing.

    `height_mm` H x W float32 is the true surface above the belt, `shine` H x W uint8 0 matt to 255 mirror or clear.
    """
    rows: int = height_mm.shape[0]
    columns: int = height_mm.shape[1]
    seen = height_mm + _window(rows, columns, rng) * np.float32(sensor.noise_mm)
    np.rint(seen / np.float32(sensor.step_mm), out=seen)
    seen *= np.float32(sensor.step_mm)
    drop = cv2.morphologyEx(height_mm, cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8))
    chance = np.full(height_mm.shape, sensor.loss, np.float32)
    chance += (shine.astype(np.float32) * np.float32(1 / 255)) ** 4 * np.float32(sensor.shiny_loss)
    chance[np.asarray(drop) > sensor.steepest_mm_per_mm * 2 * mm_per_px] = 0.8
    # loss comes in patches of a few profiles, not as single places: smooth normal noise against the chance's quantile
    luck = _patchy(rows, columns, rng)
    seen[luck < chance] = np.nan
    return seen


def _window(rows: int, columns: int, rng: np.random.Generator) -> NDArray[np.float32]:
    """Unit normal noise."""
    drawn = np.empty((rows, columns), np.float32)
    cv2.setRNGSeed(int(rng.integers(1, 0x7FFF_FFFF)))
    cv2.randn(drawn, (0.0,), (1.0,))
    return drawn


def _patchy(rows: int, columns: int, rng: np.random.Generator) -> NDArray[np.float32]:
    """About uniform in 0..1, the same over two by two places."""
    coarse = np.empty((rows // 2 + 1, columns // 2 + 1), np.float32)
    cv2.setRNGSeed(int(rng.integers(1, 0x7FFF_FFFF)))
    cv2.randu(coarse, (0.0,), (1.0,))
    return np.repeat(np.repeat(coarse, 2, axis=0), 2, axis=1)[:rows, :columns]
