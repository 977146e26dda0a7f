"""The plant's camera: belt and parts to pixels, for area scan and line scan.

Geometry (the same as `vision.frame`): the last row is the datum line, the upstream edge of the
view. A part with belt coordinate b_mm, at belt travel e_mm, lies along_mm = e_mm - b_mm downstream
of the datum, in row H - 1 - along_mm / mm_per_px; its column is across_mm / mm_per_px.

Parts are set down on whole pixels (an error of at most half a pixel each way); the rounding of a
part depends on its position on the belt alone when the travel advances by whole pixels, so that
line scan strips join exactly.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal
from weakref import WeakKeyDictionary

import cv2
import numpy as np
from numpy.typing import NDArray

from senbetsu_errors import Fatal
from sim.render.belt import BeltLook, belt_texture
from sim.render.contact import SOLID, common
from sim.render.exposure import smeared
from sim.render.light import PartImage
from sim.render.profile import ProfileSensor, profile_shine, scanned

_TIE_PX = 1e-6  # rounds exact halves the same way whatever the float error of the travel
_NOISE_SPARE_ROWS = 512  # each exposure takes another window of a noise picture that is this much longer
_SHADOW_STRENGTH = 0.45
_SHADOW_PAD_PX = 8


@dataclass(frozen=True, slots=True)
class PlacedPart:
    """A part on the belt: its alpha centroid at `belt_mm` along and `across_mm` from the left edge.

    `base_mm` is how high above the belt it lies, on other parts.
    """

    image: PartImage
    belt_mm: float
    across_mm: float
    base_mm: float = 0.0


@dataclass(frozen=True, slots=True)
class _Sprite:
    """What a part does to the picture below it: pixel = pixel * transmission / 255 + emission."""

    transmission: NDArray[np.uint8]
    emission: NDArray[np.uint8]
    centroid_row_px: float
    centroid_col_px: float


class BeltOptics:
    """A camera above the belt. Not thread-safe: the returned picture is fresh, the caches are shared."""

    def __init__(
        self,
        *,
        mm_per_px: float,
        view_along_mm: float,
        belt_width_mm: float,
        noise_sigma: float,
        seed: int,
        geometry: Literal["area_scan", "line_scan"] = "area_scan",
        vignetting: float = 0.1,
        gain: float = 1.0,
        belt_loop_mm: float = 3000.0,
        look: BeltLook | None = None,
        defocus_px: float = 0.0,
        profile: ProfileSensor | None = None,
    ) -> None:
        """Sizes in mm; `noise_sigma` in grey levels; `vignetting` is the light lost in the corners, 0..1.

        A line scan camera has no rows to be vignetted: it loses light towards the belt's edges only.
        `look` is the belt's, `defocus_px` the standard deviation of the lens's blur, `profile` the sensor
        that `heights` measures with. Raises Fatal for sizes that give no picture.
        """
        self.mm_per_px = mm_per_px
        self.rows = _pixels("view_along_mm", view_along_mm, mm_per_px)
        self.columns = _pixels("belt_width_mm", belt_width_mm, mm_per_px)
        self._loop_rows = max(_pixels("belt_loop_mm", belt_loop_mm, mm_per_px), self.rows)
        if not (0.0 <= vignetting < 1.0 and 0.0 < gain <= 4.0 and 0.0 <= noise_sigma <= 40.0):
            raise Fatal(
                "sim.optics_range",
                f"The virtual camera cannot have vignetting {vignetting}, gain {gain}, noise {noise_sigma}.",
                "Use vignetting 0..1, gain 0..4 and a noise sigma of 0..40 grey levels.",
            )
        rng = np.random.default_rng(seed)
        belt = belt_texture(self._loop_rows, self.columns, mm_per_px, rng, look)
        self._defocus_px = defocus_px
        self._profile = profile or ProfileSensor()
        self._seed = seed
        self._gain_map = _gain_map(self.rows, self.columns, geometry, vignetting, gain)
        shaded, self._darker_rows = _shaded_belt(belt, self._gain_map)
        # one more view length at the end, so that every view is one contiguous slice
        self._belt = np.concatenate([shaded, shaded[: self.rows]])
        self._noise = _noise_pool(self.rows, self.columns, noise_sigma)
        self._first_noise_row = int(rng.integers(_NOISE_SPARE_ROWS))
        self._sprites: WeakKeyDictionary[PartImage, _Sprite] = WeakKeyDictionary()

    def render(
        self,
        encoder_mm: float,
        parts: Sequence[PlacedPart],
        exposure: int,
        *,
        brightness: float = 1.0,
        smear_mm: float = 0.0,
    ) -> NDArray[np.uint8]:
        """The picture when the belt has travelled `encoder_mm`: H x W x 3 uint8 BGR, a new array.

        `exposure` counts exposures and picks the noise: the same arguments give the same picture.
        Parts may lie partly or wholly outside; later ones lie on earlier ones. `brightness` is the lamps'
        at this moment, 1 as set up; `smear_mm` the belt's way during the exposure, whose middle `encoder_mm` is.
        """
        datum_row = _nearest(encoder_mm / self.mm_per_px)
        top = (datum_row - self.rows + 1) % self._loop_rows
        view = self._belt[top : top + self.rows]
        picture = view.copy() if self._darker_rows is None else _u8(cv2.subtract(view, self._darker_rows))
        for part in parts:
            self._set_down(picture, part, encoder_mm)
        if smear_mm > 0.5 * self.mm_per_px:
            picture = smeared(picture, smear_mm / self.mm_per_px)
        if self._defocus_px > 0:
            picture = _u8(cv2.GaussianBlur(picture, (0, 0), self._defocus_px))
        if brightness != 1.0:
            picture = _u8(cv2.convertScaleAbs(picture, None, brightness))
        self._add_noise(picture, exposure)
        return picture

    def heights(self, encoder_mm: float, parts: Sequence[PlacedPart], exposure: int) -> NDArray[np.float32]:
        """What a profile sensor above the same view measures: H x W float32 mm above the belt, NaN where nothing.

        The arguments are those of `render`; the same give the same heights.
        """
        height_mm = np.zeros((self.rows, self.columns), np.float32)
        shine = np.zeros((self.rows, self.columns), np.uint8)
        for part in parts:
            image = part.image
            window, cut = self._window(
                part, encoder_mm, image.centroid_row_px, image.centroid_col_px, image.alpha.shape
            )
            solid = image.alpha[cut] >= SOLID
            surface = image.height_mm_map[cut] + np.float32(part.base_mm)
            np.maximum(height_mm[window], surface, out=height_mm[window], where=solid)
            np.copyto(shine[window], profile_shine(image)[cut], where=solid)
        rng = np.random.default_rng([self._seed, exposure])
        return scanned(height_mm, shine, self.mm_per_px, self._profile, rng)

    def _window(
        self,
        part: PlacedPart,
        encoder_mm: float,
        centroid_row_px: float,
        centroid_col_px: float,
        shape: tuple[int, ...],
    ) -> tuple[tuple[slice, slice], tuple[slice, slice]]:
        """Where a part's map comes to lie in the picture, and which piece of the map that is; empty if outside."""
        row = self.rows - 1 - (encoder_mm - part.belt_mm) / self.mm_per_px
        top = _nearest(row - centroid_row_px)
        left = _nearest(part.across_mm / self.mm_per_px - centroid_col_px)
        cut, window = common(shape, top, left, (self.rows, self.columns))
        return window, cut

    def _set_down(self, picture: NDArray[np.uint8], part: PlacedPart, encoder_mm: float) -> None:
        sprite = self._sprites.get(part.image)
        if sprite is None:
            sprite = _sprite(part.image)
            self._sprites[part.image] = sprite
        place, cut = self._window(
            part, encoder_mm, sprite.centroid_row_px, sprite.centroid_col_px, sprite.emission.shape
        )
        window = picture[place]
        if window.size == 0:
            return
        below = cv2.multiply(window, sprite.transmission[cut], scale=1 / 255)
        emission = cv2.multiply(sprite.emission[cut], self._gain_map[place], scale=1 / 128)
        cv2.add(below, emission, window)

    def _add_noise(self, picture: NDArray[np.uint8], exposure: int) -> None:
        if self._noise is None:
            return
        brighter, darker = self._noise
        # a multiplicative hash (Knuth, 2**32 over the golden ratio) spreads consecutive exposures
        shift = (self._first_noise_row + exposure * 2654435761) % (_NOISE_SPARE_ROWS + 1)
        cv2.add(picture, brighter[shift : shift + self.rows], picture)
        cv2.subtract(picture, darker[shift : shift + self.rows], picture)


def _nearest(position_px: float) -> int:
    return int(np.floor(position_px + 0.5 + _TIE_PX))


def _u8(picture: cv2.typing.MatLike) -> NDArray[np.uint8]:
    """What OpenCV made of uint8, as its type."""
    return picture.astype(np.uint8, copy=False)


def _pixels(name: str, size_mm: float, mm_per_px: float) -> int:
    if not (np.isfinite(size_mm) and np.isfinite(mm_per_px) and mm_per_px > 0 and 2 <= size_mm / mm_per_px <= 100_000):
        raise Fatal(
            "sim.optics_size",
            f"{name} of {size_mm} mm at {mm_per_px} mm per pixel gives no picture.",
            "Give positive sizes that span 2 to 100,000 pixels.",
        )
    return round(size_mm / mm_per_px)


def _sprite(image: PartImage) -> _Sprite:
    """Fold a part's colour, alpha and soft contact shadow into one multiply and one add."""
    pad = _SHADOW_PAD_PX
    alpha = cv2.copyMakeBorder(image.alpha, pad, pad, pad, pad, cv2.BORDER_CONSTANT, value=(0,))
    sigma_px = float(np.clip(0.25 * image.height_mm / image.mm_per_px, 0.8, 2.5))
    shift_px = min(3.0, 0.2 * image.height_mm / image.mm_per_px)  # away from the lamp, upper left
    move = np.array([[1.0, 0.0, shift_px], [0.0, 1.0, shift_px]])
    moved = cv2.warpAffine(alpha, move, (alpha.shape[1], alpha.shape[0]))
    shade = np.asarray(cv2.GaussianBlur(moved, (0, 0), sigma_px), np.float32) * np.float32(_SHADOW_STRENGTH / 255)
    clear = (255 - alpha).astype(np.float32) * (1 - shade)
    transmission = np.repeat(np.rint(clear).astype(np.uint8)[:, :, None], 3, axis=2)
    emission = np.zeros_like(transmission)
    solid = cv2.multiply(image.color, cv2.merge([image.alpha] * 3), scale=1 / 255)
    emission[pad:-pad, pad:-pad] = solid
    return _Sprite(transmission, emission, image.centroid_row_px + pad, image.centroid_col_px + pad)


def _gain_map(
    rows: int, columns: int, geometry: Literal["area_scan", "line_scan"], vignetting: float, gain: float
) -> NDArray[np.uint8]:
    """Illumination and lens shading, rows x columns x 3 uint8, 128 = 1."""
    across = np.linspace(-1.0, 1.0, columns, dtype=np.float32)[None, :]
    along = np.linspace(-1.0, 1.0, rows, dtype=np.float32)[:, None] * (geometry == "area_scan") * rows / columns
    corner = 1.0 + (rows / columns) ** 2 * (geometry == "area_scan")
    share = gain * (1.0 - vignetting * (across**2 + along**2) / corner)
    level = np.clip(np.rint(128 * share), 0, 255).astype(np.uint8)
    return np.repeat(np.broadcast_to(level, (rows, columns))[:, :, None], 3, axis=2)


def _shaded_belt(
    belt: NDArray[np.uint8], gain_map: NDArray[np.uint8]
) -> tuple[NDArray[np.uint8], NDArray[np.uint8] | None]:
    """The belt as the view's middle row shows it, and what the other rows take away from that.

    Multiplying every picture by the gain map would be the dearest step of rendering. What the lens
    takes away across the belt is the same wherever the belt stands, so it is in the texture already.
    Along the belt it takes a share of the belt's mean colour: that is within a grey level or two of
    what it would take of every pixel, for the lens loses little along and the texture is faint.
    """
    middle = gain_map[len(gain_map) // 2]
    shaded = _u8(cv2.multiply(belt, np.broadcast_to(middle, belt.shape).copy(), scale=1 / 128))
    mean = belt.mean(axis=(0, 1), dtype=np.float64)
    loss = np.rint((middle.astype(np.float64) - gain_map) / 128 * mean).clip(0, 255).astype(np.uint8)
    return shaded, loss if loss.any() else None


@lru_cache(maxsize=4)
def _unit_noise(rows: int, columns: int) -> NDArray[np.uint8]:
    """Normal noise in 1/32 sigma around 128. Drawing it takes a second, so every camera of a size shares it."""
    noise = np.random.default_rng(19).standard_normal((rows, columns, 3), np.float32)
    return np.clip(noise * 32 + np.float32(128.5), 0, 255).astype(np.uint8)


def _noise_pool(rows: int, columns: int, sigma: float) -> tuple[NDArray[np.uint8], NDArray[np.uint8]] | None:
    """Sensor noise split into what brightens and what darkens: two saturating adds are quick."""
    if sigma == 0:
        return None
    unit = _unit_noise(rows + _NOISE_SPARE_ROWS, columns)
    grey_levels = np.rint((np.arange(256) - 128) / 32 * sigma)
    brighter, darker = (np.clip(sign * grey_levels, 0, 255).astype(np.uint8) for sign in (1, -1))
    return np.asarray(cv2.LUT(unit, brighter), np.uint8), np.asarray(cv2.LUT(unit, darker), np.uint8)
