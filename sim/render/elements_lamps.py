"""Light-emitting diodes."""

from collections.abc import Mapping

import numpy as np

from sim.render.canvas import Canvas, Painter
from sim.render.dice import chance, dimmed, look, one_of, tone
from sim.render.looks import aslant, lead, metal, tips, worn
from sim.render.shapes import Bgr, ellipse, rounded_rect, vary
from sim.render.solids import Body, Paint
from sim.render.textures import Texture

_RESINS: list[Bgr] = [
    (40, 40, 215),
    (35, 30, 190),
    (60, 190, 70),
    (80, 170, 60),
    (40, 205, 235),
    (60, 190, 245),
    (225, 130, 50),
    (200, 90, 40),
    (60, 130, 245),
    (225, 228, 228),
    (215, 220, 222),
    (232, 234, 234),
]
_CLEAR: Bgr = (205, 210, 208)


def led(rng: np.random.Generator, mm_per_px: float) -> Canvas:
    """An LED: round wired 3 or 5 mm, rectangular, SMD, or a star board."""
    return look(rng, ((0.68, _round), (0.1, _rectangular), (0.17, _smd), (0.05, _star)))(rng, mm_per_px)


def _round(rng: np.random.Generator, mm_per_px: float) -> Canvas:
    body = Body(rng)
    radius, high = one_of(rng, ((1.5, 5.2), (2.5, 8.6), (2.5, 8.6), (2.5, 7.0), (4.0, 11.0), (2.4, 5.6)))
    clear = chance(rng, 0.3)
    resin = vary(_CLEAR, rng, 6) if clear else tone(rng, _RESINS)
    opacity = float(rng.uniform(0.42, 0.6) if clear else rng.uniform(0.6, 0.9))
    steel = metal(rng)
    # inside: the anvil with its cup and the thin post
    anvil = np.array([(-0.55, 0.0), (0.0, 0.0), (0.0, 0.52), (-0.62, 0.52), (-0.62, 0.36)]) * [radius, high]
    post = np.array([(0.14, 0.0), (0.5, 0.0), (0.5, 0.46), (0.14, 0.46)]) * [radius, high]
    for shape in (anvil, post):
        _upright_plate(body, shape, 0.5, Paint(steel.bgr if clear else dimmed(resin, 0.55), 90, 0.4 if clear else 0.0))
    flat = chance(rng, 0.15)
    arc = np.linspace(0, np.pi / 2, 9)
    if flat:
        nose = np.array([(high, radius), (high, 0.0)])
    else:
        nose = np.column_stack([high - radius + radius * np.sin(arc), radius * np.cos(arc)])
    rim = radius * 1.16
    profile = np.concatenate([[(0, 0), (0, rim), (1.0, rim), (1.0, radius)], nose])
    glow = Texture(high, 2 * np.pi * radius, mm_per_px, resin)
    glow.rect(-high * 0.3, 0, high * 0.4, 60, dimmed(resin, 0.86))
    glow.rect(high * 0.38, 0, high * 0.24, 60, dimmed(resin, 1.12))
    body.revolve(profile, Paint(resin, 255, 0.12, opacity), texture=glow)
    cut = chance(rng, 0.6)
    for side in (-1, 1):
        reach = float(rng.uniform(1.0, 4.5) if cut else rng.uniform(5, 16))
        path = lead(rng, (side * radius * 0.5, 0, 0.1), (side * 0.08, 0, -1), reach, 0)
        tips(body, path, 0.26, steel)
    turn = rng.uniform(0, 2 * np.pi)
    lying = (np.cos(turn), np.sin(turn), rng.normal(0, 0.08))
    up = one_of(rng, (lying, lying, lying, (0.0, 0.0, 1.0), (np.cos(turn), np.sin(turn), 0.6)))
    return worn(body.drawn(mm_per_px, up, aslant(rng)), rng, 0.02, 0.15)


def _upright_plate(body: Body, outline: np.ndarray, thick: float, paint: Paint) -> None:
    """A sheet-metal piece in the x-z plane, drawn as a stack of bars."""
    low, high = outline.min(axis=0), outline.max(axis=0)
    centre = ((low[0] + high[0]) / 2, 0, (low[1] + high[1]) / 2)
    body.box(centre, (high[0] - low[0], thick, high[1] - low[1]), paint)


def _rectangular(rng: np.random.Generator, mm_per_px: float) -> Canvas:
    body = Body(rng)
    width, deep, high = one_of(rng, ((5.0, 2.0, 7.0), (5.0, 5.0, 7.3), (7.2, 2.4, 6.5)))
    resin = tone(rng, _RESINS[:10])
    glow = Paint(resin, 220, 0.08, 0.85)
    steel = metal(rng)
    body.box((0, 0, high * 0.25), (width * 0.6, deep * 0.3, high * 0.4), Paint(dimmed(resin, 0.6)))
    body.prism(rounded_rect(0, 0, width, deep, 0.2), 0.0, high, glow)
    body.prism(rounded_rect(0, 0, width + 0.6, deep + 0.5, 0.2), 0.0, 1.2, glow)
    for side in (-1, 1):
        path = lead(rng, (side * 1.27, 0, 0.1), (side * 0.08, 0, -1), float(rng.uniform(1, 12)), 0)
        tips(body, path, 0.26, steel)
    up = one_of(rng, ((0, 1, 0), (0, -1, 0.1), (0.2, 1, 0), (0, 0, 1)))
    return worn(body.drawn(mm_per_px, up, aslant(rng)), rng, 0.02, 0.15)


def _smd(rng: np.random.Generator, mm_per_px: float) -> Canvas:
    body = Body(rng)
    length, width, high = one_of(
        rng, ((3.2, 2.8, 1.9), (5.0, 5.0, 1.6), (3.2, 1.6, 1.1), (5.6, 3.0, 0.9), (3.5, 2.8, 1.2))
    )
    white = vary((222, 226, 226), rng, 5)
    top = Texture(length, width, mm_per_px, white)
    window = tone(rng, [(90, 215, 240), (110, 225, 240), (215, 222, 222), (200, 205, 208), (190, 210, 205)])
    if width / length > 0.75 and chance(rng, 0.6):
        top.disc(0, 0, width * 0.4, window)
    else:
        top.rect(0, 0, length * 0.74, width * 0.76, window)
    if chance(rng, 0.5):
        top.disc(float(rng.uniform(-0.1, 0.1)) * length, 0, width * 0.08, dimmed(window, 0.6))
    top.polygon(
        [(length / 2, width / 2), (length / 2 - width * 0.2, width / 2), (length / 2, width * 0.3)], dimmed(white, 0.7)
    )
    body.box((0, 0, high / 2), (length, width, high), Paint(white, 70), top)
    pad = metal(rng)
    rows = (-0.33, 0.0, 0.33) if width > 4 else (0.0,)
    for side in (-1, 1):
        for row in rows:
            body.box((side * (length / 2 + 0.05), row * width, high * 0.2), (0.25, width * 0.3, high * 0.4), pad)
            body.box((side * length * 0.36, row * width, -0.02), (length * 0.26, width * 0.28, 0.1), pad)
    up = one_of(rng, ((0, 0, 1), (0, 0, 1), (0, 0, 1), (0, 0, -1)))
    return worn(body.drawn(mm_per_px, up, min(aslant(rng), 45)), rng, 0.02, 0.2)


def _star(rng: np.random.Generator, mm_per_px: float) -> Canvas:
    """A power LED with its dome on a six-cornered aluminium board."""
    body = Body(rng)
    radius = 10.0
    board = tone(rng, [(222, 226, 226), (40, 42, 42), (60, 120, 60)])
    turn = np.deg2rad(np.arange(24) * 15.0)
    notch = np.where(np.arange(24) % 4 == 0, 0.84, 1.0)[:, None]
    top = Texture(2 * radius, 2 * radius, mm_per_px, board)
    for angle in np.deg2rad(np.arange(6) * 60.0 + 30):
        top.rect(0.68 * radius * np.cos(angle), 0.68 * radius * np.sin(angle), 3.0, 2.0, (195, 197, 197))
    body.prism(np.column_stack([np.cos(turn), np.sin(turn)]) * radius * notch, 0, 1.6, Paint(board, 60), top)
    body.prism(ellipse(0, 0, 4.0, 4.0), 1.6, 3.4, Paint(vary((40, 40, 42), rng), 60))
    arc = np.linspace(0, np.pi / 2, 9)
    body.prism(ellipse(0, 0, 1.2, 1.2), 3.4, 3.6, Paint((70, 210, 240), 40))
    dome = np.column_stack([3.4 + 2.4 * np.sin(arc), 2.7 * np.cos(arc)])
    body.revolve(dome, Paint(_CLEAR, 255, 0.2, 0.45))
    return worn(body.drawn(mm_per_px, (0, 0, 1), aslant(rng)), rng)


PAINTERS: Mapping[str, Painter] = {"led": led}
