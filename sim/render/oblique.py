"""A part as a camera sees it that does not look straight down: tops shift by their height, walls come into sight."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

_INWARD_PX = 2  # a wall has the colour of the face a little way in from its edge
_LONGEST_WALL_MM = 45.0


@dataclass(frozen=True, slots=True)
class Lean:
    """The camera's angle from straight down, and by how many quarter circles the side it looks from is turned."""

    angle_deg: float
    quarters: int
    wall_brightness: float  # of a wall beside the face above it


def seen_aslant(
    bgra: NDArray[np.uint8], relief_mm: NDArray[np.float32], gloss: NDArray[np.uint8], mm_per_px: float, lean: Lean
) -> tuple[NDArray[np.uint8], NDArray[np.float32], NDArray[np.uint8]]:
    """Picture (H x W x 4 uint8, multiplied by alpha), heights and gloss (H x W) as seen aslant; the sizes change.

    Orthographic: along the lean, a point at x with height h is seen at x cos(angle) + h sin(angle). Every column of
    the part is solid down to the belt.
    """
    sine, cosine = np.sin(np.deg2rad(lean.angle_deg)), np.cos(np.deg2rad(lean.angle_deg))
    sine = min(float(sine), _LONGEST_WALL_MM / max(float(relief_mm.max()), 1.0))
    layers = [np.ascontiguousarray(np.rot90(layer, lean.quarters)) for layer in (bgra, relief_mm, gloss)]
    height = layers[0].shape[0]
    size = (max(2, round(layers[0].shape[1] * float(cosine))), height)
    picture, tall_mm, shine = (np.asarray(cv2.resize(layer, size, interpolation=cv2.INTER_AREA)) for layer in layers)
    inside = picture[:, :, 3] > 0
    shift_px = np.where(inside, tall_mm * np.float32(sine / mm_per_px), np.float32(-1.0))
    width = size[0]
    reach = int(np.ceil(shift_px.max()))
    reach += (width + reach) % 2  # even, as the canvas wants it
    source = np.full((height, width + reach), -1, np.int32)  # the column that is seen, -1 where none
    level_px = np.zeros((height, width + reach), np.float32)  # and at which height of it
    columns = np.broadcast_to(np.arange(width, dtype=np.int32), (height, width))
    for step in range(reach, -1, -1):  # the ray meets what is high first
        window = source[:, step : step + width]
        met = (shift_px >= step) & (window < 0)
        np.copyto(window, columns, where=met)
        level_px[:, step : step + width][met] = step
    rows = np.arange(height, dtype=np.int64).reshape(-1, 1)
    column = np.maximum(source, 0)
    wall = (source >= 0) & (shift_px[rows, column] - level_px > 1.0)
    inward = np.minimum(column + _INWARD_PX, width - 1)
    face = picture[rows, np.where(wall & inside[rows, inward], inward, column)]
    face[source < 0] = 0
    # an edge that let the belt through from above has the part behind it when it is seen aslant
    solid = wall | (cv2.erode((source >= 0).astype(np.uint8), np.ones((3, 3), np.uint8)) > 0)
    rise = level_px / np.maximum(shift_px[rows, column], np.float32(1e-3))
    bright = np.where(wall, np.float32(lean.wall_brightness) * (np.float32(0.75) + np.float32(0.25) * rise), 1)[solid]
    opaque = np.float32(255) / np.maximum(face[solid][:, 3], 1)
    face[solid, :3] = np.clip(face[solid][:, :3] * (opaque * bright)[:, None], 0, 255).astype(np.uint8)
    face[solid, 3] = 255
    soft = cv2.GaussianBlur(face, (3, 3), 0.7)  # columns taken one by one leave the walls' rims ragged
    rims = cv2.dilate(wall.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    face[rims] = soft[rims]
    seen_mm = np.where(source >= 0, np.where(wall, level_px * np.float32(mm_per_px / max(sine, 1e-6)),
                                             tall_mm[rows, column]), np.float32(0)).astype(np.float32)  # fmt: skip
    shining = np.where((source >= 0) & ~wall, shine[rows, column], 0).astype(np.uint8)
    back = [np.ascontiguousarray(np.rot90(layer, -lean.quarters)) for layer in (face, seen_mm, shining)]
    return np.asarray(back[0], np.uint8), np.asarray(back[1], np.float32), np.asarray(back[2], np.uint8)
