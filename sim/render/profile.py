"""What a laser profile sensor measures of a scene: heights with noise, and nothing where it gets no light back."""

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from sim.render.light import PartImage

_OPAQUE = 225  # alpha; the soft edge of an opaque part counts as clear too, which an edge is to a laser
_CLEAR_SHINE = 235
_SPARE_ROWS = 256
_LOST_AT_EDGES = 0.8  # share of places lost where the surface falls too steeply


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
    unit, luck = _chances(rows, columns)
    shift, other_shift = (int(at) for at in rng.integers(0, _SPARE_ROWS + 1, 2))
    seen = height_mm + unit[shift : shift + rows] * np.float32(sensor.noise_mm)
    np.rint(seen / np.float32(sensor.step_mm), out=seen)
    seen *= np.float32(sensor.step_mm)
    drop = np.asarray(cv2.morphologyEx(height_mm, cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8)), np.float32)
    chance = cv2.LUT(shine, _loss_by_shine(sensor))
    chance = np.where(drop > sensor.steepest_mm_per_mm * 2 * mm_per_px, np.float32(_LOST_AT_EDGES), chance)
    seen[luck[other_shift : other_shift + rows] < chance] = np.nan
    return np.asarray(seen, np.float32)


def profile_shine(image: PartImage) -> NDArray[np.uint8]:
    """How badly the laser comes back from each place of a part, H x W uint8: its gloss, and clear as a mirror is."""
    return np.where(image.alpha < _OPAQUE, np.uint8(_CLEAR_SHINE), image.gloss)


def _loss_by_shine(sensor: ProfileSensor) -> NDArray[np.float32]:
    """The chance of no light coming back, by shine: half way to a mirror still costs little."""
    share = (np.arange(256, dtype=np.float32) / 255) ** 4
    return np.asarray(np.float32(sensor.loss) + share * np.float32(sensor.shiny_loss), np.float32)


@lru_cache(maxsize=4)
def _chances(rows: int, columns: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Unit normal noise, and uniform luck in 0..1 that is the same over 2 x 2 places, for light is lost in patches.

    Longer than a picture: each takes windows of its own, for drawing them would be the dearest step.
    """
    rng = np.random.default_rng(41)
    unit = rng.standard_normal((rows + _SPARE_ROWS, columns), np.float32)
    luck = rng.random(((rows + _SPARE_ROWS) // 2 + 1, columns // 2 + 1), np.float32)
    return unit, np.repeat(np.repeat(luck, 2, axis=0), 2, axis=1)[: rows + _SPARE_ROWS, :columns].copy()
