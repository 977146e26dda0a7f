"""From layers to a picture: the lamp, and the part as the camera sees it."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

_DULLEST = 0.12  # share of full brightness that gloss may take from a face turned away from the lamp
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
    anti-aliased; inside the footprint it is below 255 where the belt shines through (glass). The
    centroid is weighted by the coverage, in pixel indices of `alpha`. `length_mm` and `width_mm` are
    the sides of the smallest rectangle around the footprint, `area_mm2` is the footprint's area (the
    sum of alpha, were all of it opaque), `height_mm` the highest point above the belt. Compared and
    hashed by identity.
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
    azimuth, elevation = np.deg2rad(light.azimuth_deg), np.deg2rad(light.elevation_deg)
    lamp = np.array([np.cos(azimuth) * np.cos(elevation), np.sin(azimuth) * np.cos(elevation), np.sin(elevation)])
    half = lamp + np.array([0.0, 0.0, 1.0])
    half = (half / np.sqrt(half @ half)).astype(np.float32)
    lamp = lamp.astype(np.float32)
    steepness = 1 / np.sqrt(1 + slope_x * slope_x + slope_y * slope_y)
    facing = np.maximum((lamp[2] - lamp[0] * slope_x - lamp[1] * slope_y) * steepness, 0)
    diffuse = np.float32(light.ambient) + np.float32(1 - light.ambient) / lamp[2] * facing
    if tint is not None:
        diffuse *= tint
    glint = np.maximum((half[2] - half[0] * slope_x - half[1] * slope_y) * steepness, 0)
    flat_glint = half[2]
    for _ in range(_SHININESS_DOUBLINGS):
        glint *= glint
        flat_glint *= flat_glint
    # what does not throw the lamp back is darker than the flat face, which keeps its colour
    shine = np.clip((glint - flat_glint) * gloss, -_DULLEST * 255, 255) * (bgra[:, :, 3] * np.float32(1 / 255))
    # in fixed point (128 = 1), where cv2 multiplies whole pictures quickly
    shade = np.clip(diffuse * 128, 0, 255).astype(np.uint8)
    picture = cv2.multiply(bgra, cv2.merge([shade, shade, shade, np.full_like(shade, 128)]), scale=1 / 128)
    bright, dull = np.maximum(shine, 0).astype(np.uint8), np.maximum(-shine, 0).astype(np.uint8)
    none = np.zeros_like(shade)
    picture = cv2.add(picture, cv2.merge([bright, bright, bright, none]))
    return np.asarray(cv2.subtract(picture, cv2.merge([dull, dull, dull, none])), np.uint8)


def measured(
    class_id: str,
    premultiplied: NDArray[np.uint8],
    mm_per_px: float,
    height_mm: float,
    areal_mass_g_mm2: float,
    rng: np.random.Generator,
    opacity: NDArray[np.uint8] | None = None,
) -> PartImage:
    """Crop to the footprint, undo the multiplication by alpha, take the measures, let `opacity` through."""
    left, top, width, height = cv2.boundingRect(premultiplied[:, :, 3].copy())
    window = premultiplied[top : top + height, left : left + width]
    opacity = None if opacity is None else opacity[top : top + height, left : left + width]
    alpha = window[:, :, 3].copy()
    outlines, _ = cv2.findContours(alpha, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    if len(outlines) > 1:  # holes and breaks may cut a crumb loose: the part is the largest piece
        outlines = [max(outlines, key=cv2.contourArea)]
        piece = cv2.drawContours(np.zeros_like(alpha), outlines, -1, (255,), cv2.FILLED)
        return measured(
            class_id,
            np.asarray(cv2.bitwise_and(window, cv2.merge([piece] * 4)), np.uint8),
            mm_per_px,
            height_mm,
            areal_mass_g_mm2,
            rng,
            opacity,
        )
    _, sides, _ = cv2.minAreaRect(outlines[0])
    lift = np.float32(255.0) / np.maximum(alpha, 1)
    colour = np.clip(window[:, :, :3] * lift[:, :, None], 0, 255).astype(np.uint8)
    moments = cv2.moments(alpha)
    area_mm2 = moments["m00"] / 255.0 * mm_per_px**2
    return PartImage(
        class_id=class_id,
        color=colour,
        alpha=alpha if opacity is None else np.asarray(cv2.multiply(alpha, opacity, scale=1 / 255), np.uint8),
        centroid_row_px=moments["m01"] / moments["m00"],
        centroid_col_px=moments["m10"] / moments["m00"],
        mm_per_px=mm_per_px,
        length_mm=(max(sides) + 1) * mm_per_px,
        width_mm=(min(sides) + 1) * mm_per_px,
        height_mm=height_mm,
        area_mm2=area_mm2,
        mass_g=area_mm2 * areal_mass_g_mm2 * float(rng.uniform(0.85, 1.15)),
    )
