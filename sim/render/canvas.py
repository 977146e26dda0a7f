"""The drawing board for one part: colour, relief and gloss in millimetres, lit at the end.

A part is drawn unrotated and supersampled, in mm with the origin in the middle, x along its length
and y across. Its layers are painted together: colour, footprint, the surface's height above the
belt (relief) and gloss. `finish` turns them, lights the relief (so that a rotated part is still lit
from the same side as the belt) and shrinks the picture to the camera's pixels.
"""

from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from sim.render.light import Light, PartImage, lit, measured
from sim.render.oblique import Lean, seen_aslant
from sim.render.shapes import Bgr, brushed, noise, rounded_rect

_SHIFT = 4  # cv2 draws with 1/16 px coordinates
_HERSHEY_CAP_PX = 21.0  # cap height of FONT_HERSHEY_SIMPLEX at scale 1
_MARGIN_MM = 1.0
_THINNEST_MM = 0.1  # dents and bumps leave at least this
_FINE_PX = 500  # parts longer than this are drawn in camera pixels, smaller ones in halves of them
_BEVEL_MM = 0.22  # edges are never sharp: the relief is blurred by this before it is lit


Share = Callable[[NDArray[np.float32], NDArray[np.float32]], NDArray[np.floating]]


class Canvas:
    """Layers of one unrotated part: colour, footprint, relief, gloss, tint. `length_mm` x `width_mm` is the room."""

    def __init__(self, length_mm: float, width_mm: float, mm_per_px: float, rng: np.random.Generator) -> None:
        self.rng = rng
        self.mm_per_px = mm_per_px
        self.length_mm = length_mm
        self.width_mm = width_mm
        diagonal_px = float(np.hypot(length_mm, width_mm)) / mm_per_px
        self._shrink = 2 if diagonal_px < 100 else 1  # from the lit picture to the camera's pixels
        self._zoom = 2.0 if diagonal_px < _FINE_PX else 1.0  # from the drawing to the lit picture
        self.scale = self._zoom * self._shrink / mm_per_px  # drawn pixels per mm
        columns = int(np.ceil((length_mm + 2 * _MARGIN_MM) * self.scale))
        rows = int(np.ceil((width_mm + 2 * _MARGIN_MM) * self.scale))
        self._bgr = np.zeros((rows, columns, 3), np.uint8)
        self._footprint = np.zeros((rows, columns), np.uint8)  # 255 where the part is
        self._relief_mm = np.zeros((rows, columns), np.float32)
        self._gloss = np.zeros((rows, columns), np.uint8)
        self._tint: NDArray[np.float32] | None = None
        self._opacity: NDArray[np.uint8] | None = None  # None: nothing of the part lets the belt show through
        self._dirt: list[tuple[float, Bgr]] = []
        self.lean: Lean | None = None  # set by painters of parts that a camera may see from the side
        self._centre_px = ((columns - 1) / 2, (rows - 1) / 2)
        # the x of every drawn column and the y of every drawn row
        self.x_mm = ((np.arange(columns) - self._centre_px[0]) / self.scale).astype(np.float32)
        self.y_mm = ((np.arange(rows) - self._centre_px[1]) / self.scale).astype(np.float32)

    # Shapes. With `top_mm`, a solid whose surface lies that high above the belt; without, print on
    # what is already there: it shows only inside the footprint.

    def polygon(self, points_mm: ArrayLike, bgr: Bgr, top_mm: float | None = None, gloss: int | None = None) -> None:
        """Fill a polygon (N x 2 of x, y in mm)."""
        pixels = self._pixels(points_mm)
        for layer, value in self._layers(bgr, top_mm, gloss):
            cv2.fillPoly(layer, [pixels], value, cv2.LINE_8, _SHIFT)

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
        if corner_mm > 0:
            self.polygon(rounded_rect(x_mm, y_mm, length_mm, width_mm, corner_mm), bgr, top_mm, gloss)
            return
        first = self._pixel(x_mm - length_mm / 2, y_mm - width_mm / 2)
        last = self._pixel(x_mm + length_mm / 2, y_mm + width_mm / 2)
        for layer, value in self._layers(bgr, top_mm, gloss):
            cv2.rectangle(layer, first, last, value, cv2.FILLED, cv2.LINE_8, _SHIFT)

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
        centre, radius = self._pixel(x_mm, y_mm), round(radius_mm * self.scale * (1 << _SHIFT))
        for layer, value in self._layers(bgr, top_mm, gloss):
            cv2.circle(layer, centre, radius, value, cv2.FILLED, cv2.LINE_8, _SHIFT)

    def stroke(
        self,
        points_mm: ArrayLike,
        thickness_mm: float,
        bgr: Bgr,
        top_mm: float | None = None,
        gloss: int | None = None,
    ) -> None:
        """Draw an open polyline (N x 2 of x, y in mm) of the given thickness."""
        pixels = self._pixels(points_mm)
        thickness = max(1, round(thickness_mm * self.scale))
        for layer, value in self._layers(bgr, top_mm, gloss):
            cv2.polylines(layer, [pixels], False, value, thickness, cv2.LINE_8, _SHIFT)

    def wire(self, points_mm: ArrayLike, thickness_mm: float, bgr: Bgr, base_mm: float, gloss: int) -> None:
        """Draw a round wire: the same stroke, thinner and higher three times."""
        for share, rise in ((1.0, 0.35), (0.7, 0.8), (0.35, 1.0)):
            self.stroke(points_mm, thickness_mm * share, bgr, base_mm + thickness_mm * rise, gloss)

    def revolve(self, radius_mm: NDArray[np.floating], bgr: Bgr, gloss: int, axis_mm: float) -> None:
        """A lying solid of revolution about the x axis: one radius a drawn column (0 = nothing there)."""
        there = np.flatnonzero(radius_mm > 0)
        x, radius = self.x_mm[there], radius_mm[there]
        self.polygon(np.column_stack([np.append(x, x[::-1]), np.append(radius, -radius[::-1])]), bgr, axis_mm, gloss)
        rise = (radius_mm.astype(np.float32) ** 2)[None, :] - (self.y_mm**2)[:, None]
        np.copyto(self._relief_mm, np.float32(axis_mm) + np.sqrt(np.maximum(rise, 0)), where=rise > 0)

    def dome(self, x_mm: float, y_mm: float, radius_mm: float, base_mm: float, rise_mm: float) -> None:
        """Raise a round dome on what is painted, without changing its colour."""
        rows, columns = self._window(x_mm, y_mm, radius_mm)
        rim = (((self.x_mm[columns] - x_mm) / radius_mm) ** 2)[None, :]
        rim = rim + (((self.y_mm[rows] - y_mm) / radius_mm) ** 2)[:, None]
        height = np.float32(base_mm) + np.float32(rise_mm) * np.sqrt(np.maximum(1 - rim, 0))
        np.copyto(self._relief_mm[rows, columns], height, where=rim < 1)

    def _window(self, x_mm: float, y_mm: float, radius_mm: float) -> tuple[slice, slice]:
        """Rows and columns around a place."""
        left, top = (np.array([x_mm, y_mm]) - radius_mm) * self.scale + self._centre_px
        size = 2 * radius_mm * self.scale + 2
        return slice(max(0, int(top)), max(0, int(top + size))), slice(max(0, int(left)), max(0, int(left + size)))

    def lift(self, points_mm: ArrayLike, top_mm: float) -> None:
        """Set the height of what lies within a polygon, without changing its colour."""
        cv2.fillPoly(self._relief_mm, [self._pixels(points_mm)], (top_mm,), cv2.LINE_8, _SHIFT)

    def bulge(self, x_mm: float, y_mm: float, rx_mm: float, ry_mm: float, rise_mm: float) -> None:
        """Swell what is painted: an elliptic hill of the given half axes that fades out smoothly."""
        rim = (((self.x_mm - x_mm) / rx_mm) ** 2)[None, :] + (((self.y_mm - y_mm) / ry_mm) ** 2)[:, None]
        self._relief_mm += np.float32(rise_mm) * np.square(np.maximum(1 - rim, 0)) * (self._footprint > 0)

    def solid(
        self,
        there: NDArray[np.bool_],
        bgr: NDArray[np.uint8],
        height_mm: NDArray[np.float32],
        gloss: NDArray[np.uint8],
    ) -> None:
        """Paint whole layers (rows x columns of the drawing) where `there` is true."""
        self._bgr[there] = bgr[there]
        self._footprint[there] = 255
        self._relief_mm[there] = height_mm[there]
        self._gloss[there] = gloss[there]

    def mend(self) -> None:
        """Fill single missing pixels of the drawing from those around them."""
        whole = cv2.morphologyEx(self._footprint, cv2.MORPH_CLOSE, np.ones((3, 3), np.uint8))
        gaps = np.flatnonzero((whole > 0) & (self._footprint == 0))
        share = np.maximum(cv2.blur((self._footprint > 0).astype(np.float32), (3, 3)).reshape(-1)[gaps], 0.1)
        self._bgr.reshape(-1, 3)[gaps] = cv2.blur(self._bgr, (3, 3)).reshape(-1, 3)[gaps] / share[:, None]
        for layer in (self._relief_mm, self._gloss):
            layer.reshape(-1)[gaps] = cv2.blur(layer, (3, 3)).reshape(-1)[gaps] / share
        self._footprint.reshape(-1)[gaps] = 255

    def crevices(self, strength: float, reach_mm: float) -> None:
        """Darken what lies lower than its surroundings on the part, as corners and gaps get less light."""
        inside = (self._footprint > 0).astype(np.float32)
        wide = cv2.GaussianBlur(self._relief_mm, (0, 0), reach_mm * self.scale / 2)
        share = cv2.GaussianBlur(inside, (0, 0), reach_mm * self.scale / 2)
        depth = (wide / np.maximum(share, 1e-3) - self._relief_mm) / np.float32(reach_mm)
        self.tint(1 - np.float32(strength) * np.clip(depth, 0, 1))

    def hole(self, points_mm: ArrayLike) -> None:
        """Cut a polygon out, through to the belt."""
        pixels = self._pixels(points_mm)
        cv2.fillPoly(self._footprint, [pixels], (0,), cv2.LINE_8, _SHIFT)
        cv2.fillPoly(self._relief_mm, [pixels], (0,), cv2.LINE_8, _SHIFT)

    def keep(self, points_mm: ArrayLike) -> None:
        """Break everything away that lies outside the polygon."""
        kept = np.zeros_like(self._footprint)
        cv2.fillPoly(kept, [self._pixels(points_mm)], (1,), cv2.LINE_8, _SHIFT)
        self._footprint *= kept
        self._relief_mm *= kept

    def text(
        self,
        line: str,
        x_mm: float,
        y_mm: float,
        cap_mm: float,
        bgr: Bgr,
        quarters: int = 0,
        font: int = cv2.FONT_HERSHEY_SIMPLEX,
    ) -> None:
        """Print a line centred on (x, y), turned by quarter circles; letters too small to show are left out."""
        cap_px = cap_mm * self.scale
        if cap_px < 3.0:
            return
        size = cap_px / _HERSHEY_CAP_PX
        thickness = max(1, round(cap_px / 9.0))
        (width, height), below = cv2.getTextSize(line, font, size, thickness)
        column, row = (place / (1 << _SHIFT) for place in self._pixel(x_mm, y_mm))
        if quarters % 4 == 0:
            origin = (round(column - width / 2), round(row + height / 2))
            cv2.putText(self._bgr, line, origin, font, size, bgr, thickness)
            return
        ink = np.zeros((height + 2 * below, width + 2, 1), np.uint8)
        cv2.putText(ink, line, (1, below + height), font, size, (255,), thickness)
        ink = np.rot90(ink[:, :, 0], quarters)
        top, left = round(row - ink.shape[0] / 2), round(column - ink.shape[1] / 2)
        page, on_it = self._page(top, left, ink)
        page[on_it > 0] = bgr

    def _page(self, top: int, left: int, printed: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        """What lies under a print whose first row and column are there, and what of the print lies on the canvas."""
        # A print beside the canvas ends below 0, which would count from the canvas's other end.
        bottom, right = max(0, top + printed.shape[0]), max(0, left + printed.shape[1])
        page = self._bgr[max(0, top) : bottom, max(0, left) : right]
        return page, printed[max(0, -top) :, max(0, -left) :][: page.shape[0], : page.shape[1]]

    def picture(self, x_mm: float, y_mm: float, length_mm: float, width_mm: float, bgr: NDArray[np.uint8]) -> None:
        """Print a picture (H x W x 3), stretched to a rectangle around (x, y)."""
        columns, rows = max(1, round(length_mm * self.scale)), max(1, round(width_mm * self.scale))
        method = cv2.INTER_AREA if columns < bgr.shape[1] else cv2.INTER_LINEAR
        print_ = np.asarray(cv2.resize(bgr, (columns, rows), interpolation=method), np.uint8)
        left = round(x_mm * self.scale + self._centre_px[0] - columns / 2)
        top = round(y_mm * self.scale + self._centre_px[1] - rows / 2)
        page, on_it = self._page(top, left, print_)
        page[:] = on_it

    def shade(self, points_mm: ArrayLike, bgr: Bgr, share: float | Share, soft_mm: float = 0.0) -> None:
        """Blend what lies within a polygon towards `bgr`: a reflection, a gradient, a sheen.

        `share` is 0 (nothing) to 1 (all): a number, or a function of x (1 x W) and y (H x 1) in mm whose
        result broadcasts to H x W.
        `soft_mm` blurs the outline.
        """
        rows, columns, mask = self._area(points_mm, soft_mm)
        page = self._bgr[rows, columns]
        if page.size == 0:
            return
        amount = np.asarray(mask, np.float32) * np.float32(1 / 255)
        if callable(share):
            amount *= np.clip(share(self.x_mm[None, columns], self.y_mm[rows, None]), 0, 1).astype(np.float32)
        else:
            amount *= np.float32(share)
        colour = np.empty_like(page)
        colour[:] = bgr
        page[:] = cv2.blendLinear(page, colour, 1 - amount, amount)

    def see_through(self, points_mm: ArrayLike, opacity: int, soft_mm: float = 0.0) -> None:
        """Let the belt shine through within a polygon: 0 wholly, 255 not at all; `soft_mm` blurs the outline."""
        if self._opacity is None:
            self._opacity = np.full_like(self._footprint, 255)
        rows, columns, mask = self._area(points_mm, soft_mm)
        page = self._opacity[rows, columns]
        if page.size == 0:
            return
        amount = np.asarray(mask, np.float32) * np.float32(1 / 255)
        page[:] = cv2.blendLinear(page, np.full_like(page, opacity), 1 - amount, amount)

    def _area(self, points_mm: ArrayLike, soft_mm: float) -> tuple[slice, slice, NDArray[np.uint8]]:
        """A polygon as rows and columns of the drawing and a mask (0..255) over them, its outline blurred."""
        pixels = self._pixels(points_mm)
        reach = 2.5 * soft_mm * self.scale
        (left, top), (right, bottom) = pixels.min(axis=0) / (1 << _SHIFT), pixels.max(axis=0) / (1 << _SHIFT)
        height, width = self._footprint.shape
        rows = slice(min(height, max(0, int(top - reach))), min(height, max(0, int(bottom + reach) + 2)))
        columns = slice(min(width, max(0, int(left - reach))), min(width, max(0, int(right + reach) + 2)))
        mask = np.zeros((rows.stop - rows.start, columns.stop - columns.start), np.uint8)
        if mask.size == 0:
            return rows, columns, mask
        shift = (-columns.start * (1 << _SHIFT), -rows.start * (1 << _SHIFT))
        cv2.fillPoly(mask, [pixels + np.array(shift, np.int32)], (255,), cv2.LINE_8, _SHIFT)
        if soft_mm > 0:
            mask = _softened(mask, max(0.5, soft_mm * self.scale))
        return rows, columns, mask

    # Surface: wear and texture of the whole part.

    def tint(self, factor: NDArray[np.floating]) -> None:
        """Multiply the brightness by a pattern that broadcasts to rows x columns of the drawing."""
        before = np.ones_like(self._relief_mm) if self._tint is None else self._tint
        self._tint = before * factor.astype(np.float32)

    def grain(self, amount: float, grain_mm: float = 0.2, stretch: float = 1.0) -> None:
        """Mottle the brightness by +-`amount` (a share); `stretch` > 1 draws it out along x (brushing)."""
        pattern = brushed(_shape(self._relief_mm), grain_mm * self.scale, stretch, self.rng)
        self.tint(1.0 + np.float32(amount) * pattern)

    def dirt(self, strength: float, bgr: Bgr = (38, 48, 58)) -> None:
        """Smear dirt over the part; strength 0 none, 1 heavy."""
        self._dirt.append((strength, bgr))

    def scratches(self, count: int, bgr: Bgr, thickness_mm: float = 0.12) -> None:
        """Draw thin scratches on what is painted."""
        half = np.array([self.length_mm, self.width_mm]) / 2
        for _ in range(count):
            start = self.rng.uniform(-half, half)
            reach = self.rng.uniform(-0.5, 0.5, 2) * min(self.length_mm, self.width_mm)
            self.stroke([start, start + reach], thickness_mm, bgr)

    def roughen(self, amount_mm: float, grain_mm: float) -> None:
        """Add smooth bumps to the relief: dents, crumples, cast skin."""
        bumps = noise(_shape(self._relief_mm), grain_mm * self.scale, self.rng)
        self._relief_mm += np.float32(amount_mm) * bumps * (self._footprint > 0)

    def finish(self, class_id: str, areal_mass_g_mm2: float, angle_deg: float, light: Light) -> PartImage:
        """Turn by `angle_deg`, light, shrink to camera pixels and measure."""
        bgra, relief_mm, gloss, tint = self._turned(angle_deg)
        for strength, bgr in self._dirt:
            bgra = self._soiled(bgra, strength, bgr)
        picture = lit(bgra, relief_mm, gloss, tint, light, self.mm_per_px / self._shrink)
        if self.lean is not None and self._opacity is None:  # through glass there are no walls to be seen
            picture, relief_mm, gloss = seen_aslant(picture, relief_mm, gloss, self.mm_per_px / self._shrink, self.lean)
        if self._shrink > 1:
            size = (picture.shape[1] // self._shrink, picture.shape[0] // self._shrink)
            picture = np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8)
            relief_mm = np.asarray(cv2.resize(relief_mm, size, interpolation=cv2.INTER_AREA), np.float32)
            gloss = np.asarray(cv2.resize(gloss, size, interpolation=cv2.INTER_AREA), np.uint8)
        opacity = self._turned_opacity(angle_deg, bgra, picture)
        return measured(class_id, picture, relief_mm, gloss, self.mm_per_px, areal_mass_g_mm2, self.rng, opacity)

    def _turned_opacity(
        self, angle_deg: float, bgra: NDArray[np.uint8], picture: NDArray[np.uint8]
    ) -> NDArray[np.uint8] | None:
        """The opacity of every camera pixel; where the lamp glints nothing is seen through the glass."""
        if self._opacity is None:
            return None
        size = (bgra.shape[1], bgra.shape[0])
        opacity = cv2.warpAffine(self._opacity, self._turn(angle_deg, size), size, borderValue=(255,))
        final = (picture.shape[1], picture.shape[0])
        unlit = cv2.resize(bgra, final, interpolation=cv2.INTER_AREA)
        glint = cv2.subtract(picture, unlit)[:, :, :3].max(axis=2)
        return np.asarray(cv2.add(cv2.resize(opacity, final, interpolation=cv2.INTER_AREA), glint), np.uint8)

    def _turn(self, angle_deg: float, size: tuple[int, int]) -> NDArray[np.float64]:
        """The affine map from the drawing to a turned picture of `size` (columns, rows) with the same middle."""
        turn = np.asarray(cv2.getRotationMatrix2D(self._centre_px, angle_deg, 1 / self._zoom), np.float64)
        rows, columns = self._relief_mm.shape
        return turn + np.array([[0.0, 0.0, (size[0] - columns) / 2], [0.0, 0.0, (size[1] - rows) / 2]])

    def _turned(
        self, angle_deg: float
    ) -> tuple[NDArray[np.uint8], NDArray[np.float32], NDArray[np.uint8], NDArray[np.float32] | None]:
        """Every layer turned and halved; the colour is now multiplied by the footprint (BGRA)."""
        rows, columns = self._relief_mm.shape
        turn = self._turn(angle_deg, (columns, rows))
        cos, sin = abs(float(turn[0, 0])), abs(float(turn[0, 1]))
        # even, so that halving to camera pixels loses no row
        width = (int(np.ceil(columns * cos + rows * sin)) + 3) // 2 * 2
        height = (int(np.ceil(columns * sin + rows * cos)) + 3) // 2 * 2
        turn = self._turn(angle_deg, (width, height))
        bgr = cv2.bitwise_and(self._bgr, cv2.merge([self._footprint] * 3))
        bgra = cv2.merge([bgr, self._footprint])
        relief_mm = np.maximum(self._relief_mm, _THINNEST_MM) * (self._footprint > 0)
        soft_mm = cv2.GaussianBlur(relief_mm, (0, 0), max(0.8, _BEVEL_MM * self.scale))
        layers = [bgra, soft_mm, self._gloss] + ([] if self._tint is None else [self._tint])
        turned = [cv2.warpAffine(layer, turn, (width, height), flags=cv2.INTER_LINEAR) for layer in layers]
        return (
            np.asarray(turned[0], np.uint8),
            np.asarray(turned[1], np.float32),
            np.asarray(turned[2], np.uint8),
            np.asarray(turned[3], np.float32) if self._tint is not None else None,
        )

    def _soiled(self, bgra: NDArray[np.uint8], strength: float, bgr: Bgr) -> NDArray[np.uint8]:
        rows, columns = bgra.shape[:2]
        # specks gather in clouds: on corners, around seams, where something was glued
        pattern = 0.55 * noise((rows, columns), 2.0 * self._shrink / self.mm_per_px, self.rng)
        pattern += 0.85 * noise((rows, columns), 16.0 * self._shrink / self.mm_per_px, self.rng)
        veil = np.clip((pattern - np.float32(0.6)) * np.float32(0.6 * strength), 0.0, 0.8)
        soil = cv2.bitwise_and(np.full_like(bgra, (*bgr, 255)), cv2.merge([bgra[:, :, 3]] * 4))
        return np.asarray(cv2.blendLinear(bgra, soil, 1 - veil, veil), np.uint8)

    def _layers(
        self, bgr: Bgr, top_mm: float | None, gloss: int | None
    ) -> list[tuple[NDArray[Any], tuple[float, ...]]]:
        """The layers that a shape is painted into, and with what."""
        layers: list[tuple[NDArray[Any], tuple[float, ...]]] = [(self._bgr, bgr)]
        if top_mm is not None:
            layers += [(self._footprint, (255,)), (self._relief_mm, (top_mm,))]
        if gloss is not None:
            layers.append((self._gloss, (gloss,)))
        return layers

    def _pixel(self, x_mm: float, y_mm: float) -> tuple[int, int]:
        """Column and row in 1/16 px, as cv2 wants them."""
        unit = 1 << _SHIFT
        return (
            round((x_mm * self.scale + self._centre_px[0]) * unit),
            round((y_mm * self.scale + self._centre_px[1]) * unit),
        )

    def _pixels(self, points_mm: ArrayLike) -> NDArray[np.int32]:
        points = np.asarray(points_mm, np.float64) * self.scale + self._centre_px
        return np.rint(points * (1 << _SHIFT)).astype(np.int32)


Painter = Callable[[np.random.Generator, float], Canvas]
"""Draws a random part of one class at so many mm per pixel, unrotated."""


def _softened(mask: NDArray[np.uint8], sigma_px: float) -> NDArray[np.uint8]:
    """A blurred mask; a wide blur is made on a smaller picture, where nobody sees the difference."""
    step = max(1, int(sigma_px / 2.5))
    if step == 1:
        return np.asarray(cv2.GaussianBlur(mask, (0, 0), sigma_px), np.uint8)
    size = (max(1, mask.shape[1] // step), max(1, mask.shape[0] // step))
    small = cv2.GaussianBlur(cv2.resize(mask, size, interpolation=cv2.INTER_AREA), (0, 0), sigma_px / step)
    return np.asarray(cv2.resize(small, (mask.shape[1], mask.shape[0])), np.uint8)


def _shape(layer: NDArray[Any]) -> tuple[int, int]:
    return layer.shape[0], layer.shape[1]
