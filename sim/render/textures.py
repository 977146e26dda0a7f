"""Prints on a surface of a solid: bands, marks, letters, drawn in mm on a flat picture."""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from sim.render.shapes import Bgr, brushed, ellipse

_SHIFT = 4
_HERSHEY_CAP_PX = 21.0
_PX_PER_PX = 3.0  # texture pixels per camera pixel, where the picture stays below
_MOST_PX = 160_000


class Texture:
    """A picture of length x width mm around (0, 0), filled with one colour to begin with."""

    def __init__(self, length_mm: float, width_mm: float, mm_per_px: float, bgr: Bgr) -> None:
        self.length_mm, self.width_mm = length_mm, width_mm
        scale = min(_PX_PER_PX / mm_per_px, float(np.sqrt(_MOST_PX / (length_mm * width_mm))))
        columns, rows = max(2, round(length_mm * scale)), max(2, round(width_mm * scale))
        self._scale = np.array([columns / length_mm, rows / width_mm])
        self._bgr = np.full((rows, columns, 3), bgr, np.uint8)

    def rect(self, x_mm: float, y_mm: float, length_mm: float, width_mm: float, bgr: Bgr) -> None:
        """Fill a rectangle around (x, y)."""
        half = np.array([length_mm, width_mm]) / 2
        self.polygon(np.array([x_mm, y_mm]) + half * [[-1, -1], [1, -1], [1, 1], [-1, 1]], bgr)

    def polygon(self, points_mm: ArrayLike, bgr: Bgr) -> None:
        """Fill a polygon (N x 2)."""
        cv2.fillPoly(self._bgr, [self._pixels(points_mm)], bgr, cv2.LINE_AA, _SHIFT)

    def disc(self, x_mm: float, y_mm: float, radius_mm: float, bgr: Bgr) -> None:
        """Fill a circle."""
        self.polygon(ellipse(x_mm, y_mm, radius_mm, radius_mm, 24), bgr)

    def stroke(self, points_mm: ArrayLike, thickness_mm: float, bgr: Bgr) -> None:
        """Draw an open line (N x 2)."""
        thickness = max(1, round(thickness_mm * float(self._scale[0])))
        cv2.polylines(self._bgr, [self._pixels(points_mm)], False, bgr, thickness, cv2.LINE_AA, _SHIFT)

    def text(self, line: str, x_mm: float, y_mm: float, cap_mm: float, bgr: Bgr, quarter_turns: int = 0) -> None:
        """Print a line centred on (x, y), its capitals `cap_mm` high, turned by quarters of a circle."""
        cap_px = cap_mm * float(self._scale[1])
        if cap_px < 3.0:
            return
        size, thickness = cap_px / _HERSHEY_CAP_PX, max(1, round(cap_px / 7.0))
        (width, height), _ = cv2.getTextSize(line, cv2.FONT_HERSHEY_SIMPLEX, size, thickness)
        stamp = np.zeros((height + 2 * thickness + 4, width + 2 * thickness), np.uint8)
        origin = (thickness, height + thickness)
        cv2.putText(stamp, line, origin, cv2.FONT_HERSHEY_SIMPLEX, size, (255,), thickness, cv2.LINE_AA)
        stamp = np.rot90(stamp, quarter_turns)
        column, row = self._pixels([[x_mm, y_mm]])[0] // (1 << _SHIFT)
        top, left = int(row) - stamp.shape[0] // 2, int(column) - stamp.shape[1] // 2
        rows = slice(max(0, top), max(0, min(self._bgr.shape[0], top + stamp.shape[0])))
        columns = slice(max(0, left), max(0, min(self._bgr.shape[1], left + stamp.shape[1])))
        ink = stamp[rows.start - top : rows.stop - top, columns.start - left : columns.stop - left]
        share = ink.astype(np.float32)[:, :, None] / 255
        window = self._bgr[rows, columns]
        window[:] = (window * (1 - share) + np.asarray(bgr, np.float32) * share).astype(np.uint8)

    def mottle(self, rng: np.random.Generator, amount: float, grain_mm: float, stretch: float = 1.0) -> None:
        """Vary the brightness by +-`amount` in spots of `grain_mm`, drawn out along x by `stretch`."""
        rows, columns = self._bgr.shape[:2]
        pattern = brushed((rows, columns), grain_mm * float(self._scale[1]), stretch, rng)
        self._bgr = np.clip(self._bgr * (1 + amount * pattern)[:, :, None], 0, 255).astype(np.uint8)

    def sampled(self, rows: int, columns: int) -> NDArray[np.uint8]:
        """The picture at another size, rows x columns x 3."""
        method = cv2.INTER_AREA if rows < self._bgr.shape[0] else cv2.INTER_LINEAR
        return np.asarray(cv2.resize(self._bgr, (columns, rows), interpolation=method), np.uint8)

    def looked_up(self, shares: NDArray[np.float64], around: int) -> NDArray[np.uint8]:
        """Columns at the given shares (0..1) of the length, `around` samples of the width: N x around x 3."""
        columns = np.rint(shares * (self._bgr.shape[1] - 1)).astype(np.intp)
        rows = np.linspace(0, self._bgr.shape[0] - 1, around).astype(np.intp)
        return self._bgr[rows[None, :], columns[:, None]]

    @staticmethod
    def mask(loops: Sequence[NDArray[np.float64]], places_mm: NDArray[np.float32]) -> NDArray[np.bool_]:
        """Which of a regular grid of places (rows x columns x 2) lie in the first loop and in none of the others."""
        rows, columns = places_mm.shape[:2]
        corner, far = places_mm[0, 0].astype(np.float64), places_mm[-1, -1].astype(np.float64)
        scale = np.array([columns - 1, rows - 1]) / np.where(far == corner, 1.0, far - corner)
        inside = np.zeros((rows, columns), np.uint8)
        for number, loop in enumerate(loops):
            pixels = np.rint((loop - corner) * scale * (1 << _SHIFT)).astype(np.int32)
            cv2.fillPoly(inside, [pixels], (int(number == 0),), cv2.LINE_8, _SHIFT)
        return inside > 0

    @staticmethod
    def grown(grid: NDArray[np.float32], rows: int, columns: int) -> NDArray[np.float32]:
        """A coarse grid (rows x columns x 3) filled in smoothly."""
        return np.asarray(cv2.resize(grid, (columns, rows), interpolation=cv2.INTER_CUBIC), np.float32)

    def _pixels(self, points_mm: ArrayLike) -> NDArray[np.int32]:
        half = np.array([self.length_mm, self.width_mm]) / 2
        points = (np.asarray(points_mm, np.float64) + half) * self._scale
        return np.rint((points - 0.5) * (1 << _SHIFT)).astype(np.int32)
