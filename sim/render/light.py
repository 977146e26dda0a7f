"""From layers to a picture: the lamp, and the part as the camera sees it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

_DULLEST = 0.12  # share of full brightness that gloss may take from a face turned away from the lamp
_SHININESS_DOUBLINGS = 4  # specular exponent 2**4


@dataclass(frozen=True, slots=True)
class Lamp:
    """A directional lamp with its share of the directed light. Azimuth 0 shines from the right of the picture, 90
    from its bottom edge.
    """

    azimuth_deg: float
    elevation_deg: float
    share: float

    @property
    def towards(self) -> NDArray[np.float64]:
        """Unit vector to the lamp: x to the right, y down the picture, z up from the belt."""
        azimuth, elevation = np.deg2rad(self.azimuth_deg), np.deg2rad(self.elevation_deg)
        flat = np.cos(elevation)
        return np.array([np.cos(azimuth) * flat, np.sin(azimuth) * flat, np.sin(elevation)])


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What polished faces mirror beside the lamps: bright and dark bands of `strength` (a share of white) over the sky.

    `waves` bands from one horizon to the other, across the direction `azimuth_deg`, shifted by `phase` (radians).
    """

    strength: float
    azimuth_deg: float
    waves: float
    phase: float


@dataclass(frozen=True, slots=True)
class Light:
    """The light of one picture: a main lamp, `others` that take their shares from it, and `ambient` from all sides.

    `ambient` is the share of light without direction: 0.3 a bare lamp, 0.5 a room, 0.9 a diffuse dome.
    """

    azimuth_deg: float = 230.0
    elevation_deg: float = 55.0
    ambient: float = 0.5
    others: tuple[Lamp, ...] = ()
    surroundings: Surroundings | None = None

    def lamps(self) -> Iterator[Lamp]:
        """Every lamp, the main one first; the shares add up to 1."""
        yield Lamp(self.azimuth_deg, self.elevation_deg, 1.0 - sum(lamp.share for lamp in self.others))
        yield from self.others


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class PartImage:
    """One part as the camera sees it from above, already turned and lit, without belt and shadow.

    `color` is H x W x 3 uint8 BGR (not multiplied by alpha), `alpha` H x W uint8 coverage, 0..255,
    anti-aliased; inside the footprint it is below 255 where the belt shines through (glass). The
    centroid is weighted by the coverage, in pixel indices of `alpha`. `length_mm` and `width_mm` are
    the sides of the smallest rectangle around the footprint, `area_mm2` is the footprint's area (the
    sum of alpha, were all of it opaque), `height_mm` the highest point above the belt. `height_mm_map`
    is H x W float32, the surface's height above the belt, 0 outside the footprint; `gloss` H x W uint8,
    0 matt to 255 mirror, as a laser profile sensor suffers from it. Compared and hashed by identity.
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
    height_mm_map: NDArray[np.float32]
    gloss: NDArray[np.uint8]

    def warped(self, warp: Callable[[cv2.typing.MatLike], cv2.typing.MatLike]) -> "PartImage":
        """The part with all its maps seen through `warp`; centroid and measures stay what they are."""
        return replace(
            self,
            color=np.asarray(warp(self.color), np.uint8),
            alpha=np.asarray(warp(self.alpha), np.uint8),
            height_mm_map=np.asarray(warp(self.height_mm_map), np.float32),
            gloss=np.asarray(warp(self.gloss), np.uint8),
        )


def lit(
    bgra: NDArray[np.uint8],
    relief_mm: NDArray[np.float32],
    gloss: NDArray[np.uint8],
    tint: NDArray[np.float32] | None,
    light: Light,
    mm_per_px: float,
) -> NDArray[np.uint8]:
    """Lambert plus Blinn specular on the relief; a flat face keeps its colour. Premultiplied BGRA."""
    step = 1 / (8 * mm_per_px)
    slope_x = np.asarray(cv2.Sobel(relief_mm, cv2.CV_32F, 1, 0, ksize=3, scale=step), np.float32)
    slope_y = np.asarray(cv2.Sobel(relief_mm, cv2.CV_32F, 0, 1, ksize=3, scale=step), np.float32)
    steepness = np.asarray(1 / np.sqrt(1 + slope_x * slope_x + slope_y * slope_y), np.float32)
    diffuse = np.full_like(steepness, light.ambient)
    glints = np.zeros_like(steepness)
    for lamp in light.lamps():
        toward = lamp.towards
        half = toward + np.array([0.0, 0.0, 1.0])
        half = (half / np.sqrt(half @ half)).astype(np.float32)
        toward = toward.astype(np.float32)
        facing = np.maximum((toward[2] - toward[0] * slope_x - toward[1] * slope_y) * steepness, 0)
        diffuse += np.float32((1 - light.ambient) * lamp.share) / toward[2] * facing
        glint = np.maximum((half[2] - half[0] * slope_x - half[1] * slope_y) * steepness, 0)
        flat_glint = half[2]
        for _ in range(_SHININESS_DOUBLINGS):
            glint *= glint
            flat_glint *= flat_glint
        glints += np.float32(lamp.share) * (glint - flat_glint)
    if tint is not None:
        diffuse *= tint
    if light.surroundings is not None:
        # a face half as glossy mirrors a quarter
        glints += _mirrored(light.surroundings, slope_x, slope_y, steepness) * (gloss * np.float32(1 / 255))
    # what does not throw the lamp back is darker than the flat face, which keeps its colour
    dullest = _DULLEST + (light.surroundings.strength if light.surroundings else 0.0)
    shine = np.clip(glints * gloss, -dullest * 255, 255) * (bgra[:, :, 3] * np.float32(1 / 255))
    # in fixed point (128 = 1), where cv2 multiplies whole pictures quickly
    shade = np.clip(diffuse * 128, 0, 255).astype(np.uint8)
    picture = cv2.multiply(bgra, cv2.merge([shade, shade, shade, np.full_like(shade, 128)]), scale=1 / 128)
    bright, dull = np.maximum(shine, 0).astype(np.uint8), np.maximum(-shine, 0).astype(np.uint8)
    none = np.zeros_like(shade)
    picture = cv2.add(picture, cv2.merge([bright, bright, bright, none]))
    return np.asarray(cv2.subtract(picture, cv2.merge([dull, dull, dull, none])), np.uint8)


def _mirrored(
    surroundings: Surroundings,
    slope_x: NDArray[np.float32],
    slope_y: NDArray[np.float32],
    steepness: NDArray[np.float32],
) -> NDArray[np.float32]:
    """How much brighter than their mean the surroundings are where each face mirrors the camera's ray to."""
    azimuth = np.deg2rad(surroundings.azimuth_deg)
    # the ray straight up, mirrored at the unit normal n, goes 2 n_z n - z; what counts is its part along the azimuth
    aside = -2 * (np.float32(np.cos(azimuth)) * slope_x + np.float32(np.sin(azimuth)) * slope_y) * steepness * steepness
    bands = np.cos(aside * np.float32(np.pi * surroundings.waves) + np.float32(surroundings.phase))
    return np.asarray(np.float32(surroundings.strength) * bands, np.float32)


class NothingLeftError(Exception):
    """A part was broken away so far that the camera sees nothing of it."""


def measured(
    class_id: str,
    premultiplied: NDArray[np.uint8],
    relief_mm: NDArray[np.float32],
    gloss: NDArray[np.uint8],
    mm_per_px: float,
    areal_mass_g_mm2: float,
    rng: np.random.Generator,
    opacity: NDArray[np.uint8] | None = None,
) -> PartImage:
    """Crop to the footprint, undo the multiplication by alpha, take the measures, let `opacity` through.

    `premultiplied` is H x W x 4 uint8 BGRA, `relief_mm` H x W float32, `gloss` and `opacity` H x W uint8 (None:
    opaque), all in camera pixels. Raises NothingLeftError for an empty footprint.
    """
    if not premultiplied[:, :, 3].any():
        raise NothingLeftError(class_id)
    left, top, width, height = cv2.boundingRect(premultiplied[:, :, 3].copy())
    part = slice(top, top + height), slice(left, left + width)
    window = premultiplied[part]
    opacity = None if opacity is None else opacity[part]
    alpha = window[:, :, 3].copy()
    outlines, _ = cv2.findContours(alpha, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    if len(outlines) > 1:  # holes and breaks may cut a crumb loose: the part is the largest piece
        outlines = [max(outlines, key=cv2.contourArea)]
        piece = cv2.drawContours(np.zeros_like(alpha), outlines, -1, (255,), cv2.FILLED)
        return measured(
            class_id,
            np.asarray(cv2.bitwise_and(window, cv2.merge([piece] * 4)), np.uint8),
            relief_mm[part],
            gloss[part],
            mm_per_px,
            areal_mass_g_mm2,
            rng,
            opacity,
        )
    _, sides, _ = cv2.minAreaRect(outlines[0])
    lift = np.float32(255.0) / np.maximum(alpha, 1)
    colour = np.clip(window[:, :, :3] * lift[:, :, None], 0, 255).astype(np.uint8)
    moments = cv2.moments(alpha)
    area_mm2 = moments["m00"] / 255.0 * mm_per_px**2
    inside = alpha > 0
    height_mm_map = np.where(inside, relief_mm[part], np.float32(0.0))
    return PartImage(
        class_id=class_id,
        color=colour,
        alpha=alpha if opacity is None else _let_through(alpha, opacity),
        centroid_row_px=moments["m01"] / moments["m00"],
        centroid_col_px=moments["m10"] / moments["m00"],
        mm_per_px=mm_per_px,
        length_mm=(max(sides) + 1) * mm_per_px,
        width_mm=(min(sides) + 1) * mm_per_px,
        height_mm=float(height_mm_map.max()),
        area_mm2=area_mm2,
        mass_g=area_mm2 * areal_mass_g_mm2 * float(rng.uniform(0.85, 1.15)),
        height_mm_map=height_mm_map,
        gloss=gloss[part] * inside,
    )


def _let_through(coverage: NDArray[np.uint8], opacity: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Alpha of see-through parts; the footprint stays what it is, however clear."""
    alpha = cv2.multiply(coverage, opacity, scale=1 / 255)
    return np.maximum(np.asarray(alpha, np.uint8), np.minimum(coverage, np.uint8(1)))
