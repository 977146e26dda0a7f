"""Waste drawn flat: packaging, paper, film, foam, textile, foil, leaves, stones."""

import numpy as np
from numpy.typing import NDArray

from sim.render.canvas import Canvas
from sim.render.dice import chance, dimmed, tone
from sim.render.looks import code
from sim.render.shapes import Bgr, ellipse, noise, ragged, rounded_rect

BRIGHT: list[Bgr] = [
    (40, 40, 200),
    (180, 80, 30),
    (60, 170, 60),
    (40, 200, 235),
    (30, 110, 230),
    (225, 228, 228),
    (35, 35, 36),
    (140, 60, 140),
    (200, 170, 60),
    (150, 150, 220),
]


def soiled(canvas: Canvas, rng: np.random.Generator, grain: float = 0.04) -> Canvas:
    """Grain, and now and then dirt."""
    canvas.grain(grain)
    if chance(rng, 0.35):
        canvas.dirt(float(rng.uniform(0.3, 1.2)), tone(rng, [(38, 48, 58), (30, 55, 85), (70, 85, 95)]))
    return canvas


def size(rng: np.random.Generator, low: float, high: float) -> tuple[float, float]:
    """A length between two bounds in mm and a width below it."""
    length = float(rng.uniform(low, high))
    return length, length * float(rng.uniform(0.45, 1.0))


def _printed(canvas: Canvas, rng: np.random.Generator, length: float, width: float, ink: Bgr) -> None:
    """Lines of text, a picture, a bar code: whatever packaging and papers carry."""
    kind = rng.random()
    if kind < 0.4:
        cap = float(rng.uniform(1.2, 3.0))
        for y in np.arange(-width * 0.42, width * 0.42, cap * 1.8):
            canvas.text(code(rng, "AAA AAAAA AA AAAAAA AAA AAAA"), float(rng.normal(0, 2)), float(y), cap, ink)
    elif kind < 0.7:
        for _ in range(int(rng.integers(1, 5))):
            x, y = rng.uniform(-0.4, 0.4, 2) * [length, width]
            canvas.rect(
                float(x), float(y), length * rng.uniform(0.1, 0.6), width * rng.uniform(0.1, 0.5), tone(rng, BRIGHT)
            )
        canvas.text(code(rng, "AAAAA"), 0, 0, width * float(rng.uniform(0.1, 0.25)), tone(rng, BRIGHT))
    else:
        x = float(rng.uniform(-0.3, 0.2)) * length
        for offset in np.cumsum(rng.uniform(0.5, 1.6, 14)):
            canvas.rect(x + float(offset), 0, float(rng.uniform(0.3, 0.9)), width * 0.3, ink)


def _outline(rng: np.random.Generator, length: float, width: float, raggedness: float) -> NDArray[np.float64]:
    """A torn or a straight outline."""
    if chance(rng, 0.35):
        return rounded_rect(0, 0, length, width, float(rng.uniform(0, 4)))
    return ragged(length, width, rng, raggedness)


def cardboard(rng: np.random.Generator, mm_per_px: float) -> Canvas:
    """A piece of board, plain, printed or folded."""
    length, width = size(rng, 18, 85)
    canvas = Canvas(length, width, mm_per_px, rng)
    base = tone(rng, [(95, 140, 178), (110, 155, 190), (80, 120, 155), (205, 212, 215), (150, 165, 175)])
    if chance(rng, 0.3):
        base = tone(rng, BRIGHT)
    thick = float(rng.uniform(0.8, 5.0))
    outline = _outline(rng, length, width, 0.35)
    canvas.polygon(outline, base, thick, int(rng.integers(5, 70)))
    if chance(rng, 0.5):
        _printed(canvas, rng, length, width, dimmed(base, 0.4))
    if chance(rng, 0.6):
        pitch = float(rng.uniform(3, 7))
        canvas.tint(1 + 0.06 * np.sin(canvas.x_mm * 2 * np.pi / pitch))  # the flutes inside
    if chance(rng, 0.4):  # a fold
        x = float(rng.uniform(-0.3, 0.3)) * length
        canvas.tint(1 - 0.25 * np.exp(-(((canvas.x_mm - x) / 0.8) ** 2)))
        canvas.tint(np.where(canvas.x_mm > x, float(rng.uniform(0.8, 1.1)), 1.0))
    canvas.roughen(float(rng.uniform(0.1, 0.5)), 8.0)
    canvas.grain(0.05, 0.5, 6.0)
    return soiled(canvas, rng)


def paper(rng: np.random.Generator, mm_per_px: float) -> Canvas:
    """A scrap, a crumpled sheet or a ball, blank, printed or coloured."""
    ball = chance(rng, 0.3)
    length, width = size(rng, 18, 45) if ball else size(rng, 20, 80)
    canvas = Canvas(length, width, mm_per_px, rng)
    base = tone(rng, [(225, 228, 230), (212, 216, 218), (200, 215, 222), (190, 225, 235), (185, 190, 195)])
    base = tone(rng, BRIGHT) if chance(rng, 0.15) else base
    canvas.polygon(_outline(rng, length, width, 0.25 if ball else 0.35), base, 9.0 if ball else 3.0, 12)
    if chance(rng, 0.6):
        _printed(canvas, rng, length, width, tone(rng, [(70, 70, 72), (120, 118, 118), (150, 80, 50)]))
    if ball:
        canvas.dome(0, 0, max(length, width) / 2, 3.0, width * 0.35)
        creases(canvas, rng, 1.4, 5.0)
    elif chance(rng, 0.7):
        creases(canvas, rng, float(rng.uniform(0.3, 1.2)), float(rng.uniform(5, 12)))
    canvas.roughen(0.3, 3.0)
    return soiled(canvas, rng, 0.02)


def creases(canvas: Canvas, rng: np.random.Generator, amount_mm: float, grain_mm: float) -> None:
    """Sharp ridges, as folded noise has them, shown as light and dark facets."""
    shape = (len(canvas.y_mm), len(canvas.x_mm))
    facets = np.abs(noise(shape, grain_mm * canvas.scale, rng)) + 0.6 * np.abs(
        noise(shape, grain_mm * 0.5 * canvas.scale, rng)
    )
    canvas.roughen(amount_mm, grain_mm)
    canvas.tint(np.clip(1.04 - 0.09 * np.float32(min(1.5, amount_mm)) * (1.2 - facets), 0.7, 1.15))


def film(rng: np.random.Generator, mm_per_px: float) -> Canvas:
    """Plastic film or a wrapper: glossy, creased, see-through or printed in bright colours."""
    length, width = size(rng, 18, 75)
    canvas = Canvas(length, width, mm_per_px, rng)
    clear = chance(rng, 0.5)
    base = (
        tone(rng, [(150, 152, 150), (175, 178, 176), (200, 204, 204), (120, 122, 120)]) if clear else tone(rng, BRIGHT)
    )
    canvas.polygon(_outline(rng, length, width, 0.45), base, 2.0, int(rng.integers(110, 230)))
    if not clear:
        _printed(canvas, rng, length, width, tone(rng, BRIGHT))
    creases(canvas, rng, float(rng.uniform(0.4, 1.2)), float(rng.uniform(3, 8)))
    for _ in range(int(rng.integers(3, 14))):  # glints along the folds
        start = rng.uniform(-0.4, 0.4, 2) * [length, width]
        canvas.stroke([start, start + rng.normal(0, 5, 2)], float(rng.uniform(0.2, 0.7)), dimmed(base, 1.5))
    return soiled(canvas, rng, 0.02)


def foam(rng: np.random.Generator, mm_per_px: float) -> Canvas:
    """A chunk of foamed plastic."""
    length, width = size(rng, 12, 55)
    canvas = Canvas(length, width, mm_per_px, rng)
    colour = tone(
        rng,
        [
            (225, 228, 228),
            (232, 234, 234),
            (215, 170, 110),
            (190, 160, 225),
            (60, 60, 62),
            (120, 200, 220),
            (90, 150, 200),
        ],
    )
    canvas.polygon(_outline(rng, length, width, 0.45), colour, float(rng.uniform(5, 18)), 5)
    bead = float(rng.uniform(1.0, 2.5))
    canvas.roughen(0.35 * bead, bead)
    canvas.grain(0.06, bead)
    return soiled(canvas, rng)


def textile(rng: np.random.Generator, mm_per_px: float) -> Canvas:
    """A rag, plain or striped."""
    length, width = size(rng, 20, 80)
    canvas = Canvas(length, width, mm_per_px, rng)
    base = tone(rng, [*BRIGHT, (120, 90, 60), (90, 100, 120), (70, 75, 80), (150, 165, 180)], 12)
    canvas.polygon(_outline(rng, length, width, 0.4), base, 3.0, 0)
    if chance(rng, 0.4):
        stripe = tone(rng, BRIGHT)
        for y in np.arange(-width / 2, width / 2, float(rng.uniform(4, 12))):
            canvas.rect(0, float(y), length, 1.6, stripe)
    pitch = max(0.9, 2.5 * mm_per_px)
    weave = np.sin(canvas.x_mm * 2 * np.pi / pitch)[None] * np.sin(canvas.y_mm * 2 * np.pi / pitch)[:, None]
    canvas.tint(1 + 0.12 * weave)
    canvas.roughen(float(rng.uniform(0.8, 2.4)), float(rng.uniform(6, 14)))
    return soiled(canvas, rng, 0.06)


def foil(rng: np.random.Generator, mm_per_px: float) -> Canvas:
    """Crumpled aluminium foil, or a torn lid."""
    length, width = size(rng, 15, 55)
    canvas = Canvas(length, width, mm_per_px, rng)
    base = tone(rng, [(190, 192, 192), (205, 206, 206), (120, 185, 210)])
    canvas.polygon(ragged(length, width, rng, 0.4), base, 4.0, 255)
    creases(canvas, rng, 1.6, float(rng.uniform(2.5, 5)))
    creases(canvas, rng, 0.8, 1.5)
    return soiled(canvas, rng, 0.03)


def leaf(rng: np.random.Generator, mm_per_px: float) -> Canvas:
    """A leaf, fresh or dry."""
    length, width = float(rng.uniform(25, 80)), float(rng.uniform(10, 40))
    canvas = Canvas(length, width, mm_per_px, rng)
    base = tone(rng, [(50, 110, 60), (40, 130, 90), (40, 90, 130), (35, 70, 110), (50, 140, 170), (40, 60, 120)], 12)
    share = np.linspace(-1, 1, 40)
    blade = width / 2 * (1 - share**2) ** float(rng.uniform(0.5, 1.1)) * (1 - 0.25 * share)
    blade *= 1 + 0.06 * np.sign(np.sin(share * 60)) * (1.0 if chance(rng, 0.4) else 0.0)
    x = share * length * 0.42
    canvas.polygon(np.column_stack([np.append(x, x[::-1]), np.append(blade, -blade[::-1])]), base, 1.2, 40)
    canvas.stroke([(-length / 2, 0), (length * 0.42, 0)], 0.9, dimmed(base, 1.25), 1.4)
    roots = np.linspace(-0.32, 0.3, 8) * length
    for start, reach in zip(roots.tolist(), np.interp(roots, x, blade).tolist(), strict=True):
        for side in (-1, 1):
            canvas.stroke([(start, 0), (start + reach * 0.6, side * reach * 0.9)], 0.3, dimmed(base, 1.2))
    canvas.roughen(float(rng.uniform(0.3, 1.5)), 8.0)
    return soiled(canvas, rng, 0.1)


def stone(rng: np.random.Generator, mm_per_px: float) -> Canvas:
    """A pebble or a broken stone."""
    length, width = size(rng, 8, 45)
    canvas = Canvas(length, width, mm_per_px, rng)
    base = tone(
        rng,
        [
            (120, 125, 128),
            (95, 105, 112),
            (150, 160, 165),
            (85, 100, 125),
            (70, 72, 74),
            (170, 180, 188),
            (90, 110, 140),
        ],
        12,
    )
    round_one = chance(rng, 0.5)
    high = min(width * float(rng.uniform(0.4, 0.8)), 20.0)
    reach = 1 - np.abs(np.convolve(rng.normal(0, 0.08, 30), np.ones(5) / 2, "same")) if round_one else 1.0
    outline = (
        ellipse(0, 0, length / 2, width / 2, 30) * np.reshape(reach, (-1, 1))
        if round_one
        else ragged(length, width, rng, 0.35)
    )
    for level in np.linspace(0, 1, 18):
        scale = np.sqrt(1 - (level * 0.98) ** 2) if round_one else 1 - 0.35 * level
        canvas.polygon(outline * scale, base, high * (0.15 + 0.85 * float(level)), 20)
    if round_one:
        canvas.dome(0, 0, min(length, width) * 0.49, high * 0.6, high * 0.4)
    canvas.roughen(high * (0.03 if round_one else 0.06), 3.5)
    canvas.roughen(high * 0.015, 0.8)
    canvas.grain(float(rng.uniform(0.05, 0.2)), float(rng.uniform(0.4, 2.0)))
    if chance(rng, 0.3):
        canvas.stroke(rng.normal(0, 0.4, (4, 2)) * [length, width], float(rng.uniform(0.4, 1.5)), dimmed(base, 1.5))
    return soiled(canvas, rng)
