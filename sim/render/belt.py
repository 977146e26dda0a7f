"""The rubber belt: one loop of texture, fixed in belt coordinates."""

import cv2
import numpy as np
from numpy.typing import NDArray

from sim.render.shapes import Bgr

# Dark grey-green rubber, grey level about 70: black parts (25) are darker, everything else is
# brighter or has a hue of its own, so that all of them can be told from the belt.
BELT_BGR: Bgr = (64, 74, 66)

_GRAIN_SIGMA = 2.2  # grey levels
_MOTTLE_SIGMA = 2.0
_STREAK_SIGMA = 1.2


def belt_texture(
    length_px: int, width_px: int, mm_per_px: float, rng: np.random.Generator, tone: Bgr = BELT_BGR, seams: int = 1
) -> NDArray[np.uint8]:
    """A closed loop of belt, length_px x width_px x 3 uint8 BGR: row 0 continues row length_px - 1.

    Rubber grain, cloudy wear, streaks along the travel, dirt specks (under about 2 mm) and
    `seams` skived joints across the belt.
    """
    grain = _tiled(rng.standard_normal((min(length_px, 512), min(width_px, 512)), np.float32), length_px, width_px)
    level = grain * np.float32(_GRAIN_SIGMA)
    cell_px = max(4, round(25.0 / mm_per_px))
    level += _cloudy(length_px, width_px, cell_px, rng) * np.float32(_MOTTLE_SIGMA)
    streaks = cv2.GaussianBlur(rng.standard_normal((1, width_px), np.float32) * 3, (0, 0), 2.5)
    level += np.asarray(streaks, np.float32) * np.float32(_STREAK_SIGMA)
    _add_specks(level, mm_per_px, rng)
    for _ in range(seams):
        _add_seam(level, mm_per_px, rng)
    levels = np.clip(level + np.float32(128.5), 0, 255).astype(np.uint8)
    steps = np.arange(256)[:, None] - 128.0
    tones = np.clip(np.rint((steps / 70.0 + 1.0) * np.array(tone)), 0, 255).astype(np.uint8)
    return np.asarray(cv2.LUT(cv2.merge([levels] * 3), tones[:, None, :]), np.uint8)


def _tiled(tile: NDArray[np.float32], length_px: int, width_px: int) -> NDArray[np.float32]:
    """Fine grain repeats unseen; drawing it for a whole loop would take seconds."""
    repeats = (-(-length_px // tile.shape[0]), -(-width_px // tile.shape[1]))
    return np.tile(tile, repeats)[:length_px, :width_px].copy()


def _cloudy(length_px: int, width_px: int, cell_px: int, rng: np.random.Generator) -> NDArray[np.float32]:
    """Smooth noise that closes on itself along the rows."""
    seam_px = min(2 * cell_px, length_px)  # the last rows fade into what precedes the first ones
    shape = (length_px + seam_px, width_px)
    cells = rng.standard_normal((shape[0] // cell_px + 2, shape[1] // cell_px + 2), np.float32)
    cloud = np.asarray(cv2.resize(cells, (shape[1], shape[0]), interpolation=cv2.INTER_LINEAR), np.float32)
    share = np.linspace(0.0, 1.0, seam_px, dtype=np.float32)[:, None]
    cloud[:seam_px] = share * cloud[:seam_px] + (1 - share) * cloud[length_px:]
    return cloud[:length_px]


def _add_specks(level: NDArray[np.float32], mm_per_px: float, rng: np.random.Generator) -> None:
    length_px: int = level.shape[0]
    width_px: int = level.shape[1]
    for _ in range(round(length_px * width_px * mm_per_px**2 / 1500)):
        size = max(1, round(float(rng.uniform(0.2, 0.9)) / mm_per_px))
        top, left = int(rng.integers(0, max(1, length_px - size))), int(rng.integers(0, width_px))
        level[top : top + size, left : left + size] += np.float32(rng.normal(0, 9))


def _add_seam(level: NDArray[np.float32], mm_per_px: float, rng: np.random.Generator) -> None:
    """A joint runs across at a slant; it is a little darker with one bright lip."""
    length_px: int = level.shape[0]
    width_px: int = level.shape[1]
    start, slant = int(rng.integers(length_px)), float(rng.uniform(-0.12, 0.12))
    columns = np.arange(width_px)
    for offset in range(max(2, round(1.5 / mm_per_px))):
        rows = (start + np.rint(columns * slant).astype(np.int64) + offset) % length_px
        level[rows, columns] += np.float32(6.0 if offset == 0 else -8.0)
