"""Outlines, noise and colours that parts are drawn from."""

from collections.abc import Sequence
from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

Bgr = tuple[int, int, int]

# four quarter circles of six points, and the quadrant that each belongs to
_CORNER_ANGLES = np.linspace(0.0, np.pi / 2, 6)[None, :] + np.arange(4)[:, None] * np.pi / 2
_CORNER_ARCS = np.stack([np.cos(_CORNER_ANGLES), np.sin(_CORNER_ANGLES)], axis=2)
_CORNER_SIGNS = np.array([[[1, 1]], [[-1, 1]], [[-1, -1]], [[1, -1]]])


@cache
def _noise_tile() -> NDArray[np.float32]:
    """512 x 512 float32 of unit-variance noise; parts take random windows of it, which is cheap."""
    return np.random.default_rng(20240901).standard_normal((512, 512)).astype(np.float32)


def noise(shape: tuple[int, int], grain_px: float, rng: np.random.Generator) -> NDArray[np.float32]:
    """Smooth noise of the given shape (rows, columns), about unit variance, features of `grain_px`."""
    rows = min(512, max(2, round(shape[0] / max(grain_px, 1.0)) + 1))
    columns = min(512, max(2, round(shape[1] / max(grain_px, 1.0)) + 1))
    top, left = int(rng.integers(0, 513 - rows)), int(rng.integers(0, 513 - columns))
    window = _noise_tile()[top : top + rows, left : left + columns]
    # cubic: the slopes of linear noise are flat squares, which the lamp would show
    grown = cv2.resize(window, (shape[1], shape[0]), interpolation=cv2.INTER_CUBIC)
    return np.asarray(grown, dtype=np.float32)


def brushed(shape: tuple[int, int], grain_px: float, stretch: float, rng: np.random.Generator) -> NDArray[np.float32]:
    """Noise as `noise`, drawn out along the columns by `stretch` (brushed metal, wood)."""
    rows, columns = shape
    pattern = noise((rows, max(2, round(columns / stretch))), grain_px, rng)
    return np.asarray(cv2.resize(pattern, (columns, rows)), np.float32) if stretch != 1.0 else pattern


def ellipse(x_mm: float, y_mm: float, rx_mm: float, ry_mm: float, corners: int = 40) -> NDArray[np.float64]:
    """Corners of an ellipse, N x 2 in mm; few corners give a regular polygon (6: a hexagon)."""
    angle = np.linspace(0.0, 2 * np.pi, corners, endpoint=False)
    return np.stack([x_mm + rx_mm * np.cos(angle), y_mm + ry_mm * np.sin(angle)], axis=1)


def rounded_rect(
    x_mm: float, y_mm: float, length_mm: float, width_mm: float, corner_mm: float = 0.0
) -> NDArray[np.float64]:
    """Corners of a rectangle around (x, y) with rounded corners, N x 2 in mm."""
    corner_mm = min(corner_mm, length_mm / 2, width_mm / 2)
    inner = np.array([length_mm / 2 - corner_mm, width_mm / 2 - corner_mm])
    corners = _CORNER_SIGNS * inner + _CORNER_ARCS * corner_mm
    return corners.reshape(-1, 2) + np.array([x_mm, y_mm])


def ragged(length_mm: float, width_mm: float, rng: np.random.Generator, raggedness: float) -> NDArray[np.float64]:
    """An irregular broken outline that fits length x width, N x 2 in mm."""
    half = np.array([length_mm / 2, width_mm / 2])
    corners = int(rng.integers(5, 9))
    turn = 2 * np.pi / corners
    angle = np.arange(corners) * turn + rng.uniform(0, 0.6 * turn, corners) + rng.uniform(0, turn)
    reach = 1.0 - rng.uniform(0.0, raggedness, corners)
    # between a circle and a rectangle, so that fragments have fairly straight sides
    reach /= np.maximum(np.abs(np.cos(angle)), np.abs(np.sin(angle))) ** 0.7
    outer = np.column_stack([np.cos(angle), np.sin(angle)]) * reach[:, None] * half
    sides: list[NDArray[np.float64]] = []
    for here, there in zip(outer, np.roll(outer, -1, axis=0), strict=True):
        share = np.linspace(0, 1, int(rng.integers(2, 6)), endpoint=False)[:, None]
        sides.append(here + (there - here) * share + rng.normal(0, 0.012, (len(share), 2)) * length_mm * (share > 0))
    return np.clip(np.concatenate(sides), -half, half)


def vary(bgr: Sequence[int], rng: np.random.Generator, spread: float = 8.0) -> Bgr:
    """The colour, a little brighter or darker and a little off in hue."""
    drift = rng.standard_normal(4).tolist()
    blue, green, red = (
        min(255, max(0, round(value * (1 + 0.06 * drift[3]) + spread / 3 * off)))
        for value, off in zip(bgr, drift, strict=False)
    )
    return blue, green, red
