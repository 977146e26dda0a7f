"""Shadows that parts cast, from their heights and the lamps."""

import cv2
import numpy as np
from numpy.typing import NDArray

from sim.render.light import Lamp, Light

_LEAST_MM = 0.25  # a surface lies in the shade where the shadow passes this far above it
_PENUMBRA_MM = 0.8  # height over which the shade comes in fully, for lamps are not points
_CREVICE_MM = 6.0  # how far around itself a part takes light from all sides away from the belt
_CREVICE_STRENGTH = 0.5


def light_left(height_mm: NDArray[np.float32], mm_per_px: float, light: Light) -> NDArray[np.float32]:
    """Share of the light that reaches every place, H x W float32 in 0..1, of a scene with these heights above the belt.

    Each lamp is hidden by what stands in its way, light from all sides a little by what stands close.
    """
    left = np.ones_like(height_mm)
    highest_mm = float(height_mm.max(initial=0.0))
    if highest_mm <= _LEAST_MM:
        return left
    for lamp in light.lamps():
        left -= np.float32((1 - light.ambient) * lamp.share) * _shade(height_mm, mm_per_px, lamp, highest_mm)
    around = cv2.GaussianBlur(height_mm, (0, 0), max(0.6, _CREVICE_MM / 3 / mm_per_px))
    crevice = np.clip((np.asarray(around, np.float32) - height_mm) / np.float32(_CREVICE_MM), 0, 1)
    left -= np.float32(light.ambient * _CREVICE_STRENGTH) * crevice
    return np.clip(left, 0.0, 1.0)


def _shade(height_mm: NDArray[np.float32], mm_per_px: float, lamp: Lamp, highest_mm: float) -> NDArray[np.float32]:
    """0 in the lamp's light to 1 in full shade.

    A ray towards the lamp climbs tan(elevation) mm a mm. The height that the ray must have cleared at
    each place is the largest of height - climb along it; steps of doubling length find it in a few passes.
    """
    x, y, z = lamp.towards
    flat = float(np.hypot(x, y))
    if flat < 1e-3:
        return np.zeros_like(height_mm)
    climb_mm = float(z) / flat * mm_per_px  # per pixel of way
    reach_px = min(highest_mm / climb_mm, float(max(height_mm.shape)))
    cleared, step_px = height_mm, 1.0
    while step_px <= reach_px:
        move = np.array([[1.0, 0.0, -x / flat * step_px], [0.0, 1.0, -y / flat * step_px]])
        size = (height_mm.shape[1], height_mm.shape[0])
        moved = np.asarray(cv2.warpAffine(cleared, move, size), np.float32)
        cleared = np.maximum(cleared, moved - np.float32(climb_mm * step_px))
        step_px *= 2
    shade = np.clip((cleared - height_mm - np.float32(_LEAST_MM)) / np.float32(_PENUMBRA_MM), 0, 1)
    return np.asarray(cv2.GaussianBlur(shade, (0, 0), max(0.5, 0.5 / mm_per_px)), np.float32)
