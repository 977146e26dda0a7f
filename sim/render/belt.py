"""The belt: one loop of texture, fixed in belt coordinates, in many kinds and states of wear."""

from dataclasses import dataclass
from typing import Literal, get_args

import cv2
import numpy as np
from numpy.typing import NDArray

from sim.render.shapes import Bgr, noise

# Dark grey-green rubber, grey level about 70: black parts (25) are darker, everything else is
# brighter or has a hue of its own, so that all of them can be told from the belt.
BELT_BGR: Bgr = (64, 74, 66)

BeltKind = Literal["dark_rubber", "light_rubber", "green_pvc", "blue_pvc", "white_pvc", "brown", "black"]
Structure = Literal["smooth", "ribs", "diamonds", "fabric", "pimples"]

TONES: dict[BeltKind, Bgr] = {
    "dark_rubber": BELT_BGR,
    "light_rubber": (138, 142, 140),
    "green_pvc": (72, 112, 48),
    "blue_pvc": (142, 96, 42),
    "white_pvc": (206, 212, 212),
    "brown": (62, 86, 112),
    "black": (32, 32, 31),
}
"""Usual belts, as the camera sees them under the plant's light."""


@dataclass(frozen=True, slots=True)
class BeltLook:
    """What a belt looks like. `tone` is its mean colour; amounts are in grey levels at a tone of 70, or shares.

    `structure` is embossed with a pitch of `pitch_mm` and `relief` grey levels; `scratches`, `stains` and `wet`
    are how many of each lie on a tenth of a square metre.
    """

    tone: Bgr = BELT_BGR
    grain: float = 2.2
    mottle: float = 2.0
    streaks: float = 1.2
    specks: float = 9.0
    seams: int = 1
    seam_strength: float = 1.0
    structure: Structure = "smooth"
    pitch_mm: float = 4.0
    relief: float = 0.0
    scratches: float = 0.0
    stains: float = 0.0
    wet: float = 0.0


def random_belt(rng: np.random.Generator) -> BeltLook:
    """Any belt: a usual kind off its usual tone, or now and then any colour, smooth or embossed, clean or filthy."""
    kinds = list(TONES.values())
    if rng.random() < 0.85:
        tone = np.array(kinds[int(rng.integers(len(kinds)))], np.float64)
        tone = tone * rng.uniform(0.75, 1.3) + rng.normal(0, 6, 3)
    else:
        tone = rng.uniform(20, 215) + rng.normal(0, 28, 3)
    blue, green, red = (int(value) for value in np.clip(tone, 14, 232))
    structures = get_args(Structure)
    structure: Structure = structures[int(rng.integers(len(structures)))] if rng.random() < 0.35 else "smooth"
    filth = float(rng.random()) ** 2
    return BeltLook(
        tone=(blue, green, red),
        grain=float(rng.uniform(0.6, 4.0)),
        mottle=float(rng.uniform(0.5, 2.0 + 5.0 * filth)),
        streaks=float(rng.uniform(0.0, 1.0 + 2.5 * filth)),
        specks=float(rng.uniform(2.0, 9.0 + 14.0 * filth)),
        seams=int(rng.random() < 0.3),
        seam_strength=float(rng.uniform(0.5, 3.0)),
        structure=structure,
        pitch_mm=float(rng.uniform(1.2, 9.0)),
        relief=float(rng.uniform(2.0, 9.0)),
        scratches=float(rng.uniform(0.0, 25.0 * filth)),
        stains=float(rng.uniform(0.0, 6.0 * filth)),
        wet=float(rng.uniform(0.0, 4.0)) if rng.random() < 0.2 else 0.0,
    )


def belt_texture(
    length_px: int,
    width_px: int,
    mm_per_px: float,
    rng: np.random.Generator,
    look: BeltLook | None = None,
) -> NDArray[np.uint8]:
    """A closed loop of belt, length_px x width_px x 3 uint8 BGR: row 0 continues row length_px - 1.

    Grain, cloudy wear, streaks along the travel, dirt specks (under about 2 mm) and skived joints
    across the belt, embossing, scratches, stains and wet spots as `look` has them.
    """
    look = look or BeltLook()
    grain = _tiled(rng.standard_normal((min(length_px, 512), min(width_px, 512)), np.float32), length_px, width_px)
    level = grain * np.float32(look.grain)
    cell_px = max(4, round(25.0 / mm_per_px))
    level += _cloudy(length_px, width_px, cell_px, rng) * np.float32(look.mottle)
    streaks = cv2.GaussianBlur(rng.standard_normal((1, width_px), np.float32) * 3, (0, 0), 2.5)
    level += np.asarray(streaks, np.float32) * np.float32(look.streaks)
    if look.structure != "smooth":
        _emboss(level, mm_per_px, look)
    _add_specks(level, mm_per_px, look.specks, rng)
    _add_scratches(level, mm_per_px, look.scratches, rng)
    for _ in range(look.seams):
        _add_seam(level, mm_per_px, look.seam_strength, rng)
    levels = np.clip(level + np.float32(128.5), 0, 255).astype(np.uint8)
    steps = np.arange(256)[:, None] - 128.0
    tones = np.clip(np.rint((steps / 70.0 + 1.0) * np.array(look.tone)), 0, 255).astype(np.uint8)
    texture = np.asarray(cv2.LUT(cv2.merge([levels] * 3), tones[:, None, :]), np.uint8)
    _add_spots(texture, mm_per_px, look, rng)
    return texture


def _tiled(tile: NDArray[np.float32], length_px: int, width_px: int) -> NDArray[np.float32]:
    """Fine grain repeats unseen; drawing it for a whole loop would take seconds."""
    repeats = (-(-length_px // tile.shape[0]), -(-width_px // tile.shape[1]))
    return np.tile(tile, repeats)[:length_px, :width_px].copy()


def _cloudy(length_px: int, width_px: int, cell_px: int, rng: np.random.Generator) -> NDArray[np.float32]:
    """Smooth noise that closes on itself along the rows."""
    seam_px = min(2 * cell_px, length_px)  # the last rows fade into what precedes the first ones
    shape = (length_px + seam_px, width_px)
    cells = rng.standard_normal((shape[0] // cell_px + 2, shape[1] // cell_px + 2), np.float32)
    cloud = np.asarray(cv2.resize(cells, (shape[1], shape[0]), interpolation=cv2.INTER_LINEAR), np.float32)
    share = np.linspace(0.0, 1.0, seam_px, dtype=np.float32)[:, None]
    cloud[:seam_px] = share * cloud[:seam_px] + (1 - share) * cloud[length_px:]
    return cloud[:length_px]


def _emboss(level: NDArray[np.float32], mm_per_px: float, look: BeltLook) -> None:
    """A repeating relief; the pitch along the belt is stretched a little so that the loop closes."""
    length_px: int = level.shape[0]
    width_px: int = level.shape[1]
    waves = max(1, round(length_px * mm_per_px / look.pitch_mm))
    along = (np.arange(length_px, dtype=np.float32) * np.float32(2 * np.pi * waves / length_px))[:, None]
    across = (np.arange(width_px, dtype=np.float32) * np.float32(2 * np.pi * mm_per_px / look.pitch_mm))[None, :]
    if look.structure == "ribs":
        level += np.float32(look.relief) * np.sin(along)
    elif look.structure == "diamonds":
        level += np.float32(look.relief) * np.sin(along + across) * np.sin(along - across)
    elif look.structure == "fabric":
        level += np.float32(look.relief / 2) * (np.sin(3 * along) + np.sin(3 * across))
    else:
        level += np.float32(look.relief) * np.maximum(np.sin(along) * np.sin(across), 0)


def _add_specks(level: NDArray[np.float32], mm_per_px: float, strength: float, rng: np.random.Generator) -> None:
    length_px: int = level.shape[0]
    width_px: int = level.shape[1]
    for _ in range(round(length_px * width_px * mm_per_px**2 / 1500)):
        size = max(1, round(float(rng.uniform(0.2, 0.9)) / mm_per_px))
        top, left = int(rng.integers(0, max(1, length_px - size))), int(rng.integers(0, width_px))
        level[top : top + size, left : left + size] += np.float32(rng.normal(0, strength))


def _add_scratches(level: NDArray[np.float32], mm_per_px: float, per_area: float, rng: np.random.Generator) -> None:
    """Straight and nearly along the travel, as scrapers and wedged parts leave them."""
    length_px: int = level.shape[0]
    width_px: int = level.shape[1]
    for _ in range(_count(level, mm_per_px, per_area, rng)):
        start = rng.uniform((0, 0), (width_px, length_px))
        reach = rng.normal((0, 0), (6.0 / mm_per_px, 40.0 / mm_per_px))
        thickness = max(1, round(float(rng.uniform(0.1, 0.6)) / mm_per_px))
        at, to = np.rint(start).astype(int).tolist(), np.rint(start + reach).astype(int).tolist()
        cv2.line(level, at, to, (float(rng.normal(4, 9)),), thickness, cv2.LINE_AA)


def _add_seam(level: NDArray[np.float32], mm_per_px: float, strength: float, rng: np.random.Generator) -> None:
    """A joint runs across at a slant; it is a little darker with one bright lip."""
    length_px: int = level.shape[0]
    width_px: int = level.shape[1]
    start, slant = int(rng.integers(length_px)), float(rng.uniform(-0.12, 0.12))
    columns = np.arange(width_px)
    for offset in range(max(2, round(1.5 / mm_per_px))):
        rows = (start + np.rint(columns * slant).astype(np.int64) + offset) % length_px
        level[rows, columns] += np.float32(strength * (6.0 if offset == 0 else -8.0))


def _add_spots(texture: NDArray[np.uint8], mm_per_px: float, look: BeltLook, rng: np.random.Generator) -> None:
    """Stains of another colour, and wet spots: darker, with a bright rim where they mirror the lamp."""
    for _ in range(_count(texture, mm_per_px, look.stains, rng)):
        spot = _blot(texture, float(rng.uniform(3.0, 30.0)) / mm_per_px, rng)
        if spot is not None:
            window, cover = spot
            colour = np.clip(np.array(look.tone) * rng.uniform(0.55, 1.5) + rng.normal(0, 10, 3), 8, 240)
            _blend(window, cover * np.float32(rng.uniform(0.15, 0.6)), colour)
    for _ in range(_count(texture, mm_per_px, look.wet, rng)):
        spot = _blot(texture, float(rng.uniform(4.0, 25.0)) / mm_per_px, rng)
        if spot is not None:
            window, cover = spot
            rim = np.clip(1 - np.abs(cover - 0.5) * 4, 0, 1)
            _blend(window, cover * np.float32(0.35), np.array(look.tone) * 0.35)
            _blend(window, rim * np.float32(rng.uniform(0.0, 0.35)), np.array([235.0, 235.0, 235.0]))


def _blot(
    texture: NDArray[np.uint8], radius_px: float, rng: np.random.Generator
) -> tuple[NDArray[np.uint8], NDArray[np.float32]] | None:
    """A window of the texture and how far an irregular blot covers it, 0..1; None where it does not fit."""
    side = round(2.6 * radius_px)
    rows: int = texture.shape[0]
    columns: int = texture.shape[1]
    if not 4 <= side < min(rows, columns):
        return None
    top, left = int(rng.integers(0, rows - side)), int(rng.integers(0, columns - side))
    axis = np.linspace(-1.3, 1.3, side, dtype=np.float32)
    away = np.sqrt(axis[:, None] ** 2 + axis[None, :] ** 2) + np.float32(0.18) * noise((side, side), radius_px / 2, rng)
    return texture[top : top + side, left : left + side], np.clip((1 - away) * 6, 0, 1)


def _blend(window: NDArray[np.uint8], cover: NDArray[np.float32], colour: NDArray[np.float64]) -> None:
    share = cover[:, :, None]
    window[:] = np.rint(window * (1 - share) + colour.astype(np.float32) * share).astype(np.uint8)


def _count(layer: NDArray[np.generic], mm_per_px: float, per_area: float, rng: np.random.Generator) -> int:
    """How many fall on the layer where `per_area` fall on a tenth of a square metre."""
    rows: int = layer.shape[0]
    columns: int = layer.shape[1]
    return int(rng.poisson(per_area * rows * columns * mm_per_px**2 / 1e5)) if per_area > 0 else 0
