"""The drawing board for one part: colour, relief and gloss in millimetres, lit at the end.

A part is drawn unrotated and supersampled, in mm with the origin in the middle, x along its length
and y across. Three layers are painted together: colour with coverage, the surface's height above
the belt (relief), and gloss. `finish` turns the part, lights the relief (so that a rotated part is
still lit from the same side as the belt) and shrinks it to the camera's pixels.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

Bgr = tuple[int, int, int]

_SHIFT = 4  # cv2 draws with 1/16 px coordinates
_HERSHEY_CAP_PX = 21.0  # cap height of FONT_HERSHEY_SIMPLEX at scale 1
_MARGIN_MM = 1.0
_BEVEL_MM = 0.22  # edges are never sharp: the relief is blurred by this before it is lit
_SHININESS_DOUBLINGS = 4  # specular exponent 2**4


@dataclass(frozen=True, slots=True)
class Light:
    """A directional lamp. Azimuth 0 shines from the right of the picture, 90 from its bottom edge."""

    azimuth_deg: float = 230.0
    elevation_deg: float = 55.0
    ambient: float = 0.5


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class PartImage:
    """One part as the camera sees it from above, already turned and lit, without belt and shadow.

    `color` is H x W x 3 uint8 BGR (not multiplied by alpha), `alpha` H x W uint8 coverage, 0..255,
    anti-aliased. The centroid is alpha-weighted, in pixel indices of `alpha`. `length_mm` and
    `width_mm` are the sides of the smallest rectangle around the footprint, `area_mm2` is the sum
    of alpha, `height_mm` the highest point above the belt. Compared and hashed by identity.
    """

    class_id: str
    color: NDArray[np.uint8]
    alpha: NDArray[np.uint8]
    centroid_row_px: float
    centroid_col_px: float
    mm_per_px: float
    length_mm: float
    width_mm: float
    height_mm: float
    area_mm2: float
    mass_g: float


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
    grown = cv2.resize(window, (shape[1], shape[0]), interpolation=cv2.INTER_LINEAR)
    return np.asarray(grown, dtype=np.float32)


class Canvas:
    """Layers of one unrotated part. `length_mm` x `width_mm` is the room to draw in."""

    def __init__(self, length_mm: float, width_mm: float, mm_per_px: float, rng: np.random.Generator) -> None:
        self.rng = rng
        self.mm_per_px = mm_per_px
        self.length_mm = length_mm
        self.width_mm = width_mm
        diagonal_px = float(np.hypot(length_mm, width_mm)) / mm_per_px
        self._shrink = 2 if diagonal_px < 140 else 1  # from the lit picture to the camera's pixels
        self.scale = 2.0 * self._shrink / mm_per_px  # drawn pixels per mm
        columns = int(np.ceil((length_mm + 2 * _MARGIN_MM) * self.scale))
        rows = int(np.ceil((width_mm + 2 * _MARGIN_MM) * self.scale))
        self.bgra = np.zeros((rows, columns, 4), np.uint8)
        self.relief_mm = np.zeros((rows, columns), np.float32)
        self.gloss = np.zeros((rows, columns), np.uint8)

    # shapes: `top_mm` sets the surface height, None only paints what is already there

    def polygon(self, points_mm: ArrayLike, bgr: Bgr, top_mm: float | None = None, gloss: int | None = None) -> None:
        """Fill a polygon (N x 2 of x, y in mm)."""
        self._fill(self._pixels(np.asarray(points_mm, np.float64)), bgr, top_mm, gloss)

    def rect(
        self,
        x_mm: float,
        y_mm: float,
        length_mm: float,
        width_mm: float,
        bgr: Bgr,
        top_mm: float | None = None,
        gloss: int | None = None,
        corner_mm: float = 0.0,
    ) -> None:
        """Fill a rectangle around (x, y), its corners rounded by `corner_mm`."""
        self.polygon(rounded_rect(x_mm, y_mm, length_mm, width_mm, corner_mm), bgr, top_mm, gloss)

    def disc(
        self,
        x_mm: float,
        y_mm: float,
        radius_mm: float,
        bgr: Bgr,
        top_mm: float | None = None,
        gloss: int | None = None,
    ) -> None:
        """Fill a circle."""
        self.polygon(ellipse(x_mm, y_mm, radius_mm, radius_mm), bgr, top_mm, gloss)

    def stroke(
        self,
        points_mm: ArrayLike,
        thickness_mm: float,
        bgr: Bgr,
        top_mm: float | None = None,
        gloss: int | None = None,
    ) -> None:
        """Draw an open polyline (N x 2 of x, y in mm) of the given thickness."""
        pixels = self._pixels(np.asarray(points_mm, np.float64))
        thickness = max(1, round(thickness_mm * self.scale))
        cv2.polylines(self.bgra, [pixels], False, (*bgr, 255), thickness, cv2.LINE_8, _SHIFT)
        if top_mm is not None:
            cv2.polylines(self.relief_mm, [pixels], False, (top_mm,), thickness, cv2.LINE_8, _SHIFT)
        if gloss is not None:
            cv2.polylines(self.gloss, [pixels], False, (gloss,), thickness, cv2.LINE_8, _SHIFT)

    def wire(self, points_mm: ArrayLike, thickness_mm: float, bgr: Bgr, base_mm: float, gloss: int) -> None:
        """Draw a round wire: the same stroke, thinner and higher three times."""
        for share, rise in ((1.0, 0.35), (0.7, 0.8), (0.35, 1.0)):
            self.stroke(points_mm, thickness_mm * share, bgr, base_mm + thickness_mm * rise, gloss)

    def barrel(self, x0_mm: float, x1_mm: float, radius_mm: float, bgr: Bgr, gloss: int, end_radius_mm: float) -> None:
        """A lying solid of revolution about the x axis; its radius eases to `end_radius_mm` at both ends."""
        x, y = self._mm_axes()
        inside = np.clip((x - x0_mm) / (x1_mm - x0_mm), 0.0, 1.0)
        ease = np.clip(np.minimum(inside, 1.0 - inside) / 0.12, 0.0, 1.0)
        radius = end_radius_mm + (radius_mm - end_radius_mm) * np.sqrt(1.0 - (1.0 - ease) ** 2)
        radius = np.where((x >= x0_mm) & (x <= x1_mm), radius, 0.0)
        self.revolve(radius, y, radius_mm, bgr, gloss)

    def revolve(
        self, radius_mm: NDArray[np.float64], y_mm: NDArray[np.float64], axis_mm: float, bgr: Bgr, gloss: int
    ) -> None:
        """A lying solid of revolution: one radius a column (0 = nothing there), axis at `axis_mm` height."""
        covered = np.abs(y_mm)[:, None] < radius_mm[None, :]
        rise = np.sqrt(np.maximum(radius_mm[None, :] ** 2 - y_mm[:, None] ** 2, 0.0))
        self.bgra[covered] = (*bgr, 255)
        self.relief_mm[covered] = (axis_mm + rise[covered]).astype(np.float32)
        self.gloss[covered] = gloss

    def dome(self, x_mm: float, y_mm: float, rx_mm: float, ry_mm: float, base_mm: float, rise_mm: float) -> None:
        """Raise an elliptic dome on what is painted, without changing its colour."""
        x, y = self._mm_axes()
        rim = ((x - x_mm) / rx_mm)[None, :] ** 2 + ((y - y_mm) / ry_mm)[:, None] ** 2
        inside = rim < 1.0
        self.relief_mm[inside] = (base_mm + rise_mm * np.sqrt(1.0 - rim[inside])).astype(np.float32)

    def hole(self, points_mm: ArrayLike) -> None:
        """Cut a polygon out, through to the belt."""
        pixels = self._pixels(np.asarray(points_mm, np.float64))
        for layer in (self.bgra, self.relief_mm, self.gloss):
            cv2.fillPoly(layer, [pixels], (0, 0, 0, 0), cv2.LINE_8, _SHIFT)

    def keep(self, points_mm: ArrayLike) -> None:
        """Break everything away that lies outside the polygon."""
        kept = np.zeros(self.relief_mm.shape, np.uint8)
        cv2.fillPoly(kept, [self._pixels(np.asarray(points_mm, np.float64))], (1,), cv2.LINE_8, _SHIFT)
        gone = kept == 0
        self.bgra[gone] = 0
        self.relief_mm[gone] = 0.0

    def text(self, line: str, x_mm: float, y_mm: float, cap_mm: float, bgr: Bgr) -> None:
        """Print a line centred on (x, y); letters too small to leave a trace are left out."""
        cap_px = cap_mm * self.scale
        if cap_px < 3.0 or not line:
            return
        size = cap_px / _HERSHEY_CAP_PX
        thickness = max(1, round(cap_px / 9.0))
        (width, height), _ = cv2.getTextSize(line, cv2.FONT_HERSHEY_SIMPLEX, size, thickness)
        column, row = self._pixel(x_mm, y_mm)
        origin = (round(column - width / 2), round(row + height / 2))
        coverage = self.bgra[:, :, 3].copy()
        cv2.putText(self.bgra, line, origin, cv2.FONT_HERSHEY_SIMPLEX, size, (*bgr, 255), thickness)
        self.bgra[coverage == 0] = 0

    # surface: wear and texture of what is already painted

    def grain(self, amount: float, grain_mm: float = 0.2, stretch: float = 1.0) -> None:
        """Mottle the colour by +-`amount` (a share); `stretch` > 1 draws the grain out along x (brushing)."""
        rows, columns = self.relief_mm.shape
        pattern = noise((rows, max(2, round(columns / stretch))), grain_mm * self.scale, self.rng)
        pattern = np.asarray(cv2.resize(pattern, (columns, rows)), np.float32)
        self._tint(1.0 + amount * pattern)

    def dirt(self, strength: float, bgr: Bgr = (38, 48, 58)) -> None:
        """Smear dirt over the painted area; strength 0 none, 1 heavy."""
        pattern = noise((self.relief_mm.shape[0], self.relief_mm.shape[1]), 3.0 * self.scale, self.rng)
        veil = np.clip((pattern - 0.6) * 0.6 * strength, 0.0, 0.8)[:, :, None]
        colour = self.bgra[:, :, :3]
        mixed = colour * (1.0 - veil) + np.array(bgr, np.float32) * veil
        self.bgra[:, :, :3] = np.where(self.bgra[:, :, 3:] > 0, mixed, 0).astype(np.uint8)

    def scratches(self, count: int, bgr: Bgr, thickness_mm: float = 0.12) -> None:
        """Draw thin scratches on what is painted."""
        coverage = self.bgra[:, :, 3].copy()
        half = np.array([self.length_mm, self.width_mm]) / 2
        for _ in range(count):
            start = self.rng.uniform(-half, half)
            reach = self.rng.uniform(-0.5, 0.5, 2) * min(self.length_mm, self.width_mm)
            self.stroke([start, start + reach], thickness_mm, bgr)
        self.bgra[coverage == 0] = 0

    def roughen(self, amount_mm: float, grain_mm: float) -> None:
        """Add smooth bumps to the relief: dents, crumples, cast skin."""
        shape = (self.relief_mm.shape[0], self.relief_mm.shape[1])
        bumps = noise(shape, grain_mm * self.scale, self.rng) * np.float32(amount_mm)
        self.relief_mm += np.where(self.bgra[:, :, 3] > 0, bumps, np.float32(0.0))

    def finish(self, class_id: str, areal_mass_g_mm2: float, angle_deg: float, light: Light) -> PartImage:
        """Turn by `angle_deg`, light, shrink to camera pixels and measure."""
        bgra, relief_mm, gloss = self._turned(angle_deg)
        lit = _lit(bgra, relief_mm, gloss, light, self.mm_per_px / self._shrink)
        if self._shrink > 1:
            size = (lit.shape[1] // self._shrink, lit.shape[0] // self._shrink)
            lit = np.asarray(cv2.resize(lit, size, interpolation=cv2.INTER_AREA), np.uint8)
        return _measured(class_id, lit, self.mm_per_px, float(relief_mm.max()), areal_mass_g_mm2, self.rng)

    def _turned(self, angle_deg: float) -> tuple[NDArray[np.uint8], NDArray[np.float32], NDArray[np.uint8]]:
        rows, columns = self.relief_mm.shape
        turn = cv2.getRotationMatrix2D(((columns - 1) / 2, (rows - 1) / 2), angle_deg, 0.5)
        cos, sin = abs(turn[0, 0]), abs(turn[0, 1])
        # even, so that halving to camera pixels loses no row
        width = (int(np.ceil(columns * cos + rows * sin)) + 3) // 2 * 2
        height = (int(np.ceil(columns * sin + rows * cos)) + 3) // 2 * 2
        turn[0, 2] += (width - columns) / 2
        turn[1, 2] += (height - rows) / 2
        soft_mm = cv2.GaussianBlur(self.relief_mm, (0, 0), max(0.8, _BEVEL_MM * self.scale))
        bgra, relief_mm, gloss = (
            cv2.warpAffine(layer, turn, (width, height), flags=cv2.INTER_LINEAR)
            for layer in (self.bgra, soft_mm, self.gloss)
        )
        return np.asarray(bgra, np.uint8), np.asarray(relief_mm, np.float32), np.asarray(gloss, np.uint8)

    def _fill(self, pixels: NDArray[np.int32], bgr: Bgr, top_mm: float | None, gloss: int | None) -> None:
        cv2.fillPoly(self.bgra, [pixels], (*bgr, 255), cv2.LINE_8, _SHIFT)
        if top_mm is not None:
            cv2.fillPoly(self.relief_mm, [pixels], (top_mm,), cv2.LINE_8, _SHIFT)
        if gloss is not None:
            cv2.fillPoly(self.gloss, [pixels], (gloss,), cv2.LINE_8, _SHIFT)

    def _tint(self, factor: NDArray[np.float32]) -> None:
        colour = self.bgra[:, :, :3].astype(np.float32) * factor[:, :, None]
        self.bgra[:, :, :3] = np.clip(colour, 0, 255).astype(np.uint8)

    def _pixel(self, x_mm: float, y_mm: float) -> tuple[float, float]:
        rows, columns = self.relief_mm.shape
        return x_mm * self.scale + (columns - 1) / 2, y_mm * self.scale + (rows - 1) / 2

    def _pixels(self, points_mm: NDArray[np.float64]) -> NDArray[np.int32]:
        rows, columns = self.relief_mm.shape
        centre = np.array([(columns - 1) / 2, (rows - 1) / 2])
        return np.rint((points_mm * self.scale + centre) * (1 << _SHIFT)).astype(np.int32)

    def _mm_axes(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        rows, columns = self.relief_mm.shape
        x_mm = (np.arange(columns) - (columns - 1) / 2) / self.scale
        y_mm = (np.arange(rows) - (rows - 1) / 2) / self.scale
        return x_mm, y_mm

    def axes_mm(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """The x of every drawn column and the y of every drawn row, in mm."""
        return self._mm_axes()


def _lit(
    bgra: NDArray[np.uint8], relief_mm: NDArray[np.float32], gloss: NDArray[np.uint8], light: Light, mm_per_px: float
) -> NDArray[np.uint8]:
    """Lambert plus Blinn specular on the relief; a flat face keeps its colour. Premultiplied BGRA."""
    slope_x = cv2.Sobel(relief_mm, cv2.CV_32F, 1, 0, ksize=3, scale=1 / (8 * mm_per_px))
    slope_y = cv2.Sobel(relief_mm, cv2.CV_32F, 0, 1, ksize=3, scale=1 / (8 * mm_per_px))
    azimuth, elevation = np.deg2rad(light.azimuth_deg), np.deg2rad(light.elevation_deg)
    lamp = np.array([np.cos(azimuth) * np.cos(elevation), np.sin(azimuth) * np.cos(elevation), np.sin(elevation)])
    half = lamp + np.array([0.0, 0.0, 1.0])
    half /= np.linalg.norm(half)
    steepness = 1.0 / np.sqrt(1.0 + slope_x * slope_x + slope_y * slope_y)
    facing = (np.float32(lamp[2]) - np.float32(lamp[0]) * slope_x - np.float32(lamp[1]) * slope_y) * steepness
    diffuse = np.float32(light.ambient) + np.float32((1 - light.ambient) / lamp[2]) * np.maximum(facing, 0)
    glint = (np.float32(half[2]) - np.float32(half[0]) * slope_x - np.float32(half[1]) * slope_y) * steepness
    glint = np.maximum(glint, 0)
    for _ in range(_SHININESS_DOUBLINGS):
        glint = glint * glint
    flat_glint = np.float32(half[2] ** (2**_SHININESS_DOUBLINGS))
    glint = (glint - flat_glint) * gloss * (bgra[:, :, 3] * np.float32(1 / 255))
    lit = bgra.astype(np.float32)
    lit[:, :, :3] *= diffuse[:, :, None]
    lit[:, :, :3] += glint[:, :, None]
    return np.clip(lit, 0, 255).astype(np.uint8)


def _measured(
    class_id: str,
    premultiplied: NDArray[np.uint8],
    mm_per_px: float,
    height_mm: float,
    areal_mass_g_mm2: float,
    rng: np.random.Generator,
) -> PartImage:
    """Crop to the footprint, undo the multiplication by alpha, take the measures."""
    alpha = np.ascontiguousarray(premultiplied[:, :, 3])
    left, top, width, height = cv2.boundingRect(alpha)
    window = premultiplied[top : top + height, left : left + width]
    alpha = np.ascontiguousarray(window[:, :, 3])
    lift = np.float32(255.0) / np.maximum(alpha, 1)
    colour = np.clip(window[:, :, :3] * lift[:, :, None], 0, 255).astype(np.uint8)
    moments = cv2.moments(alpha)
    outline = cv2.findNonZero((alpha >= 128).astype(np.uint8))
    if outline is None:  # thinner than half a pixel everywhere: take what there is
        outline = cv2.findNonZero(alpha)
    _, sides, _ = cv2.minAreaRect(cv2.convexHull(outline))
    area_mm2 = moments["m00"] / 255.0 * mm_per_px**2
    return PartImage(
        class_id=class_id,
        color=colour,
        alpha=alpha,
        centroid_row_px=moments["m01"] / moments["m00"],
        centroid_col_px=moments["m10"] / moments["m00"],
        mm_per_px=mm_per_px,
        length_mm=(max(sides) + 1) * mm_per_px,
        width_mm=(min(sides) + 1) * mm_per_px,
        height_mm=height_mm,
        area_mm2=area_mm2,
        mass_g=area_mm2 * areal_mass_g_mm2 * float(rng.uniform(0.85, 1.15)),
    )


def ellipse(x_mm: float, y_mm: float, rx_mm: float, ry_mm: float, corners: int = 40) -> NDArray[np.float64]:
    """Corners of an ellipse, N x 2 in mm; few corners give a regular polygon (6: a hexagon)."""
    angle = np.linspace(0.0, 2 * np.pi, corners, endpoint=False)
    return np.stack([x_mm + rx_mm * np.cos(angle), y_mm + ry_mm * np.sin(angle)], axis=1)


def rounded_rect(
    x_mm: float, y_mm: float, length_mm: float, width_mm: float, corner_mm: float = 0.0
) -> NDArray[np.float64]:
    """Corners of a rectangle around (x, y) with rounded corners, N x 2 in mm."""
    corner_mm = min(corner_mm, length_mm / 2, width_mm / 2)
    steps = np.linspace(0.0, np.pi / 2, 6) if corner_mm > 0 else np.zeros(1)
    dx, dy = length_mm / 2 - corner_mm, width_mm / 2 - corner_mm
    quarters = [
        np.stack(
            [x_mm + sx * dx + corner_mm * np.cos(steps + turn), y_mm + sy * dy + corner_mm * np.sin(steps + turn)], 1
        )
        for sx, sy, turn in ((1, 1, 0.0), (-1, 1, np.pi / 2), (-1, -1, np.pi), (1, -1, 1.5 * np.pi))
    ]
    return np.concatenate(quarters)


def ragged(length_mm: float, width_mm: float, rng: np.random.Generator, raggedness: float) -> NDArray[np.float64]:
    """An irregular broken outline that fits length x width, N x 2 in mm."""
    corners = int(rng.integers(5, 9))
    angle = np.sort(rng.uniform(0, 2 * np.pi, corners) * 0.35 + np.linspace(0, 2 * np.pi, corners, endpoint=False))
    reach = 1.0 - rng.uniform(0.0, raggedness, corners)
    # a superellipse between circle and rectangle, so that fragments have fairly straight sides
    squeeze = np.maximum(np.abs(np.cos(angle)), np.abs(np.sin(angle)))
    outer = np.stack([np.cos(angle), np.sin(angle)], 1) / squeeze[:, None] * reach[:, None]
    outer *= np.array([length_mm / 2, width_mm / 2])
    jagged: list[NDArray[np.float64]] = []
    for here, there in zip(outer, np.roll(outer, -1, axis=0), strict=True):
        steps = int(rng.integers(2, 6))
        for share in np.linspace(0, 1, steps, endpoint=False):
            jagged.append(here + (there - here) * share + rng.normal(0, 0.012, 2) * length_mm * (share > 0))
    half = np.array([length_mm / 2, width_mm / 2])
    return np.clip(np.array(jagged), -half, half)


def vary(bgr: Sequence[int], rng: np.random.Generator, spread: float = 8.0) -> Bgr:
    """The colour, a little brighter or darker and a little off in hue."""
    drift = np.array(bgr) * rng.normal(1.0, 0.06) + rng.normal(0.0, spread / 3, 3)
    blue, green, red = (int(value) for value in np.clip(drift, 0, 255))
    return blue, green, red
