"""Flat field and white balance: found from pictures, and put on pictures.

On the whole picture: one multiplication of bytes takes less time than correcting the crops of 80 parts one by one,
and segmentation sees an even belt too (decision 0035).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

from senbetsu_errors import NeedsOperator
from vision.calibration import LightCalibration

_BLOCKS = (16, 32)  # rows and columns of blocks whose medians the smooth surface goes through
_NODES = (9, 17)  # of the grid that is kept
_DEGREE = 4  # of the surface: light and lens have no finer structure
_DARKEST = 8.0  # mean grey level below which a belt says nothing about light
_BRIGHT = 250
_FEW = 0.01
_PLAIN = 0.15  # largest relative deviation within a patch
_WORST_UNEVEN = 5.0  # percent left by the surface, from which the pictures do not show an empty belt
_MOST_DIRT = 0.1  # share of the blocks that may show something other than the belt
_LEAST, _MOST = 0.2, 5.0


@dataclass(frozen=True, slots=True)
class LightFit:
    """What undoes light, lens and sensor; see LightCalibration."""

    gains: tuple[tuple[float, ...], ...]
    residual_percent: float
    measured_rgb: tuple[float, float, float]
    white_balance: tuple[float, float, float]


def fit_light(
    empty: Sequence[NDArray[np.uint8]],
    patch_picture: NDArray[np.uint8],
    patch_px: tuple[int, int, int, int],
    reference_rgb: tuple[float, float, float],
) -> LightFit:
    """From pictures of the empty belt and one of a plain patch, all H x W x 3 uint8 BGR of one size.

    `patch_px` is x, y, width, height. Raises NeedsOperator `calibrate.too_dark`, `calibrate.overexposed`,
    `calibrate.uneven`, `calibrate.patch`, `calibrate.gain`.
    """
    mean = np.mean([picture.astype(np.float32) for picture in empty], axis=0)
    if float(mean.mean()) < _DARKEST:
        raise NeedsOperator(
            "calibrate.too_dark",
            f"The empty belt is {mean.mean():.0f} of 255 bright; it takes {_DARKEST:.0f}.",
            "Lay white paper over the whole view for these pictures, or expose longer.",
        )
    if float((np.max([p.max(axis=2) for p in empty], axis=0) >= _BRIGHT).mean()) > _FEW:
        raise NeedsOperator(
            "calibrate.overexposed",
            "More than 1 % of the empty belt is overexposed.",
            "Expose shorter, or turn away what glares.",
        )
    surface, residual = _smooth(_block_medians(mean.mean(axis=2)))
    gains = 1 / surface
    gains *= 1 / gains.mean()
    _refuse_gains("The light", gains)
    x, y, width, height = patch_px
    patch = _patch(patch_picture, patch_px)
    at = _fine(gains, (patch_picture.shape[0], patch_picture.shape[1]))[y + height // 2, x + width // 2]
    measured = (patch.mean(axis=(0, 1)) * at)[::-1]
    balance = np.array(reference_rgb) / measured
    _refuse_gains("The patch", balance)
    return LightFit(
        tuple(tuple(round(float(v), 4) for v in row) for row in gains),
        100 * residual,
        (float(measured[0]), float(measured[1]), float(measured[2])),
        (float(balance[0]), float(balance[1]), float(balance[2])),
    )


def _patch(picture: NDArray[np.uint8], patch_px: tuple[int, int, int, int]) -> NDArray[np.float64]:
    x, y, width, height = patch_px
    rows, columns = picture.shape[:2]
    if x < 0 or y < 0 or width < 4 or height < 4 or x + width > columns or y + height > rows:
        raise NeedsOperator(
            "calibrate.patch",
            f"The patch {x},{y},{width},{height} is not within a picture of {columns} x {rows} pixels.",
            "Give x, y, width, height of at least 4 x 4 pixels in the picture.",
        )
    patch = picture[y : y + height, x : x + width].astype(np.float64)
    level = patch.mean(axis=(0, 1))
    uneven = float((patch.std(axis=(0, 1)) / np.maximum(level, 1)).max())
    if (patch >= _BRIGHT).mean() > _FEW or level.min() < _DARKEST or uneven > _PLAIN:
        raise NeedsOperator(
            "calibrate.patch",
            f"The patch is {', '.join(f'{v:.0f}' for v in level[::-1])} (R, G, B), uneven by {uneven:.0%}.",
            f"Use a plain, matt patch, neither overexposed nor darker than {_DARKEST:.0f}, and frame only its inside.",
        )
    return patch


def _block_medians(light: NDArray[np.float32]) -> NDArray[np.float64]:
    """Medians of _BLOCKS blocks, relative to their mean: dirt and seams do not count."""
    rows, columns = (_slices(pixels, blocks) for pixels, blocks in zip(light.shape, _BLOCKS, strict=True))
    medians = np.array([[float(np.median(light[r, c])) for c in columns] for r in rows])
    return medians / medians.mean()


def _slices(pixels: int, blocks: int) -> list[slice]:
    """As many slices of about the same size, one row at least."""
    count = min(blocks, pixels)
    ends = [round(pixels * i / count) for i in range(count + 1)]
    return [slice(first, last) for first, last in pairwise(ends)]


def _smooth(blocks: NDArray[np.float64]) -> tuple[NDArray[np.float64], float]:
    """A polynomial through the blocks, at the nodes, and the RMS it leaves (relative).

    Raises NeedsOperator `calibrate.uneven`.
    """
    terms = _terms(*_middles(blocks.shape))
    values = np.log(np.maximum(blocks.ravel(), 1e-3))
    weights = np.linalg.lstsq(terms, values, rcond=None)[0]
    left = values - terms @ weights
    kept = np.ones(len(values), np.bool_)
    for _ in range(3):
        weights = np.linalg.lstsq(terms[kept], values[kept], rcond=None)[0]
        left = values - terms @ weights
        kept = np.abs(left) <= 5 * max(1.4826 * float(np.median(np.abs(left))), 0.003)
    residual = float(np.sqrt((left[kept] ** 2).mean()))
    if 100 * residual > _WORST_UNEVEN or kept.mean() < 1 - _MOST_DIRT:
        raise NeedsOperator(
            "calibrate.uneven",
            f"The pictures are uneven by {residual:.1%} beyond what light and lens do, and {1 - kept.mean():.0%} of it "
            "is something else.",
            "Take them of the empty, clean belt, moved between them, or of white paper over the whole view.",
        )
    nodes = np.meshgrid(np.linspace(-1, 1, _NODES[1]), np.linspace(-1, 1, _NODES[0]))
    return np.exp(_terms(nodes[0].ravel(), nodes[1].ravel()) @ weights).reshape(_NODES), residual


def _middles(shape: tuple[int, ...]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Across and down of the blocks' middles, -1 to 1 over the picture."""
    y, x = ((np.arange(n) + 0.5) / n * 2 - 1 for n in shape)
    across, down = np.meshgrid(x, y)
    return across.ravel(), down.ravel()


def _terms(x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.stack([x**i * y**j for i in range(_DEGREE + 1) for j in range(_DEGREE + 1 - i)], axis=1)


def _refuse_gains(what: str, gains: NDArray[np.float64]) -> None:
    if gains.min() < _LEAST or gains.max() > _MOST:
        raise NeedsOperator(
            "calibrate.gain",
            f"{what} needs factors from {gains.min():.2f} to {gains.max():.2f}; {_LEAST} to {_MOST} can be had.",
            "Correct the lamps, the exposure or the camera's own white balance first.",
        )


def _fine(gains: NDArray[np.float64], size_px: tuple[int, int]) -> NDArray[np.float32]:
    """The gains of every pixel, float32 rows x columns, between the grid's nodes, which lie from rim to rim."""
    (rows, columns), (down, across) = size_px, gains.shape
    x, y = np.meshgrid(
        np.linspace(0, across - 1, columns, dtype=np.float32), np.linspace(0, down - 1, rows, dtype=np.float32)
    )
    return np.asarray(cv2.remap(gains.astype(np.float32), x, y, cv2.INTER_LINEAR), np.float32)


class LightCorrection:
    """Puts a calibration's gains and white balance on pictures: one saturating multiplication of bytes."""

    def __init__(self, calibration: LightCalibration) -> None:
        rows, columns = calibration.camera.rows, calibration.camera.columns
        fine = _fine(np.array(calibration.gains, np.float64), (rows, columns))
        factors = fine[:, :, None] * np.array(calibration.white_balance[::-1], np.float32)
        self._scale = float(factors.max()) / 255
        self._factors = np.rint(factors / self._scale).astype(np.uint8)

    def corrected(self, color: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """A picture, H x W x 3 uint8 BGR, as an even light and a true camera would show it; saturates at 255."""
        return cv2.multiply(color, self._factors, scale=self._scale).astype(np.uint8, copy=False)
