"""What single objects are photographed on: belts, tables of wood, paper, cloth, stone, plain and cluttered grounds."""

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

from sim.render.belt import belt_texture, random_belt
from sim.render.shapes import noise

Ground = Callable[[int, float, np.random.Generator], NDArray[np.uint8]]
"""Draws a square ground: side in px, mm per px, rng -> side x side x 3 uint8 BGR."""


def random_ground(side_px: int, mm_per_px: float, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Any ground, side_px x side_px x 3 uint8 BGR, lit unevenly now and then."""
    ground = _GROUNDS[int(rng.choice(len(_GROUNDS), p=_SHARES))](side_px, mm_per_px, rng)
    if rng.random() < 0.5:
        ground = _uneven(ground, rng)
    return ground


def _belt(side_px: int, mm_per_px: float, rng: np.random.Generator) -> NDArray[np.uint8]:
    return belt_texture(side_px, side_px, mm_per_px, rng, random_belt(rng))


def _plain(side_px: int, mm_per_px: float, rng: np.random.Generator) -> NDArray[np.uint8]:
    """One colour, often white, grey or black, as cut-out pictures and light boxes have."""
    draw = rng.random()
    if draw < 0.45:
        tone = np.full(3, rng.uniform(215, 255)) + rng.normal(0, 3, 3)
    elif draw < 0.6:
        tone = np.full(3, rng.uniform(5, 60)) + rng.normal(0, 3, 3)
    else:
        tone = rng.uniform(20, 240, 3) if rng.random() < 0.5 else rng.uniform(60, 220) + rng.normal(0, 12, 3)
    return _toned(np.zeros((side_px, side_px), np.float32), tone)


def _wood(side_px: int, mm_per_px: float, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Boards with grain along them."""
    y, x = np.mgrid[0:side_px, 0:side_px].astype(np.float32) * np.float32(mm_per_px)
    bend = noise((side_px, side_px), 40 / mm_per_px, rng) * np.float32(rng.uniform(1.0, 6.0))
    rings = np.sin((y + bend + 0.03 * x) * np.float32(2 * np.pi / rng.uniform(3.0, 14.0)))
    fine = _stretched(side_px, 0.5 / mm_per_px, 14.0, rng)
    board = np.float32(rng.uniform(60, 160))
    joints = ((y % board) < max(mm_per_px, 0.8)) & (rng.random() < 0.6)
    level = np.float32(rng.uniform(4, 16)) * rings + np.float32(rng.uniform(3, 10)) * fine
    level = np.asarray(level - 50 * joints.astype(np.float32), np.float32)
    tones = ((70, 120, 170), (105, 150, 190), (40, 65, 100), (150, 185, 210), (60, 95, 150))
    picture = _toned(level, np.array(tones[int(rng.integers(len(tones)))]) * rng.uniform(0.75, 1.2))
    return _turned(picture, rng)


def _paper(side_px: int, mm_per_px: float, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Sheets, blank, ruled, squared or printed."""
    tone = np.full(3, rng.uniform(195, 245)) + rng.normal(0, 5, 3)
    level = noise((side_px, side_px), 0.3 / mm_per_px, rng) * np.float32(rng.uniform(0.5, 2.5))
    picture = _toned(level, tone)
    ink = tuple(float(value) for value in rng.uniform(60, 190, 3))
    pitch = max(4, round(float(rng.uniform(4.0, 10.0)) / mm_per_px))
    kind = rng.random()
    if kind < 0.5:
        for at in range(int(rng.integers(pitch)), side_px, pitch):
            cv2.line(picture, (0, at), (side_px, at), ink, 1)
            if kind < 0.25:
                cv2.line(picture, (at, 0), (at, side_px), ink, 1)
    elif kind < 0.7:
        size = float(rng.uniform(0.25, 0.6))
        for at in range(pitch, side_px, max(pitch, round(30 * size))):
            words = "".join(chr(int(code)) for code in rng.integers(97, 123, 40))
            cv2.putText(picture, words, (int(rng.integers(-60, 10)), at), cv2.FONT_HERSHEY_SIMPLEX, size, ink, 1)
    return _turned(picture, rng)


def _cloth(side_px: int, mm_per_px: float, rng: np.random.Generator) -> NDArray[np.uint8]:
    """A weave with folds."""
    y, x = np.mgrid[0:side_px, 0:side_px].astype(np.float32) * np.float32(2 * np.pi * mm_per_px / rng.uniform(0.6, 3.0))
    weave = np.sin(x) * np.float32(rng.uniform(2, 10)) + np.sin(y) * np.float32(rng.uniform(2, 10))
    folds = noise((side_px, side_px), 60 / mm_per_px, rng) * np.float32(rng.uniform(0, 14))
    tone = rng.uniform(20, 220, 3) if rng.random() < 0.6 else np.full(3, rng.uniform(25, 210))
    return _turned(_toned(np.asarray(weave + folds, np.float32), tone), rng)


def _stone(side_px: int, mm_per_px: float, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Concrete, granite, terrazzo, cork, a dirty bench: noise of several sizes in two colours."""
    level = np.zeros((side_px, side_px), np.float32)
    for grain_mm in (0.4, 1.5, 6.0, 25.0):
        level += noise((side_px, side_px), grain_mm / mm_per_px, rng) * np.float32(rng.uniform(0, 12))
    return _toned(level, np.full(3, rng.uniform(40, 210)) + rng.normal(0, 14, 3))


def _blurred(side_px: int, mm_per_px: float, rng: np.random.Generator) -> NDArray[np.uint8]:
    """A room out of focus: coloured shapes, blurred."""
    picture = _toned(np.zeros((side_px, side_px), np.float32), rng.uniform(30, 220, 3))
    for _ in range(int(rng.integers(4, 12))):
        corners = rng.uniform(-0.2, 1.2, (1, 2)) + rng.normal(0, 0.3, (int(rng.integers(3, 6)), 2))
        colour = tuple(float(value) for value in rng.uniform(0, 255, 3))
        cv2.fillPoly(picture, [np.rint(corners * side_px).astype(np.int32)], colour)
    return np.asarray(cv2.GaussianBlur(picture, (0, 0), side_px * float(rng.uniform(0.005, 0.06))), np.uint8)


_GROUNDS: tuple[Ground, ...] = (_belt, _plain, _wood, _paper, _cloth, _stone, _blurred)
_SHARES = (0.2, 0.2, 0.14, 0.12, 0.12, 0.14, 0.08)


def _toned(level: NDArray[np.float32], tone: NDArray[np.floating]) -> NDArray[np.uint8]:
    """Grey level differences around a colour."""
    return np.clip(level[:, :, None] + tone.astype(np.float32), 0, 255).astype(np.uint8)


def _stretched(side_px: int, grain_px: float, stretch: float, rng: np.random.Generator) -> NDArray[np.float32]:
    pattern = noise((side_px, max(2, round(side_px / stretch))), grain_px, rng)
    return np.asarray(cv2.resize(pattern, (side_px, side_px), interpolation=cv2.INTER_CUBIC), np.float32)


def _turned(picture: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """The pattern at any angle, mirrored where the turn leaves room."""
    side: int = picture.shape[0]
    turn = cv2.getRotationMatrix2D(((side - 1) / 2, (side - 1) / 2), float(rng.uniform(0, 360)), 1.0)
    return np.asarray(cv2.warpAffine(picture, turn, (side, side), borderMode=cv2.BORDER_REFLECT_101), np.uint8)


def _uneven(ground: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """Brighter towards one side."""
    side: int = ground.shape[0]
    axis = np.linspace(-1, 1, side, dtype=np.float32)
    angle, strength = rng.uniform(0, 2 * np.pi), rng.uniform(0.05, 0.4)
    slope = np.float32(np.cos(angle)) * axis[None, :] + np.float32(np.sin(angle)) * axis[:, None]
    gain = np.clip(np.rint(128 * (1 + np.float32(strength / 1.4) * slope)), 0, 255).astype(np.uint8)
    return np.asarray(cv2.multiply(ground, cv2.merge([gain] * 3), scale=1 / 128), np.uint8)
