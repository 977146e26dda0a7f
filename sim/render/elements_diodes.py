"""Diodes: axial in epoxy and glass, SMD, bridge rectifiers."""

from collections.abc import Mapping

import numpy as np

from sim.render.canvas import Canvas, Painter
from sim.render.dice import chance, dimmed, look, one_of, tone
from sim.render.looks import BLACK_EPOXY, aslant, axial_leads, code, drum, lead, metal, worn
from sim.render.shapes import ellipse, rounded_rect, vary
from sim.render.solids import Body, Paint
from sim.render.textures import Texture


def diode(rng: np.random.Generator, mm_per_px: float) -> Canvas:
    """A diode: axial in epoxy or glass, SMD, or a bridge rectifier."""
    return look(rng, ((0.4, _epoxy_diode), (0.22, _glass_diode), (0.2, _smd_diode), (0.18, _bridge)))(rng, mm_per_px)


def _epoxy_diode(rng: np.random.Generator, mm_per_px: float) -> Canvas:
    body = Body(rng)
    half, radius = one_of(rng, ((2.1, 1.15), (2.5, 1.3), (2.6, 1.35), (4.6, 2.6), (4.5, 4.0)))
    grow = float(rng.uniform(0.92, 1.1))
    half, radius = half * grow, radius * grow
    coat = vary(BLACK_EPOXY, rng, 5) if chance(rng, 0.88) else vary((62, 66, 70), rng, 6)
    wrap = Texture(2 * half, 2 * np.pi * radius, mm_per_px, coat)
    silver = tone(rng, [(195, 197, 197), (160, 162, 162), (215, 216, 216)])
    if chance(rng, 0.92):
        wrap.rect(half * 0.62, 0, half * float(rng.uniform(0.28, 0.42)), 60, silver)
    for turn in range(3):
        wrap.text(
            code(rng, one_of(rng, ("1A0000", "AA000", "0A400"))),
            -half * 0.25,
            (turn - 1) * radius * 2.1,
            radius * 0.42,
            silver,
        )
    body.revolve(drum(half, radius, 0.14), Paint(coat, int(rng.integers(70, 170))), axis=(1, 0, 0), texture=wrap)
    axial_leads(body, rng, half, 0.36 if radius < 2 else 0.6, 12.0)
    return worn(body.drawn(mm_per_px, (0, rng.normal(), 1), min(aslant(rng), 45)), rng)


def _glass_diode(rng: np.random.Generator, mm_per_px: float) -> Canvas:
    body = Body(rng)
    half, radius = one_of(rng, ((1.6, 0.8), (2.0, 0.95), (3.3, 1.3)))
    glass = tone(rng, [(45, 95, 215), (50, 110, 225), (60, 130, 215), (40, 70, 175), (190, 200, 190)])
    wrap = Texture(2 * half, 2 * np.pi * radius, mm_per_px, glass)
    wrap.rect(0, 0, half * 0.22, 30, dimmed(glass, 0.35))
    for side in (-1, 1):
        wrap.rect(side * half * 0.62, 0, half * 0.5, 30, dimmed(glass, 0.8))
    wrap.rect(half * 0.72, 0, half * 0.32, 30, tone(rng, [(20, 20, 20), (20, 20, 20), (120, 60, 30)]))
    body.revolve(drum(half, radius, 0.45), Paint(glass, 240, 0.18), axis=(1, 0, 0), texture=wrap)
    axial_leads(body, rng, half, 0.25, 12.0)
    return worn(body.drawn(mm_per_px, (0, rng.normal(), 1), min(aslant(rng), 40)), rng)


def _smd_diode(rng: np.random.Generator, mm_per_px: float) -> Canvas:
    body = Body(rng)
    length, width, high = one_of(rng, ((2.7, 1.6, 1.1), (4.3, 2.6, 2.2), (4.6, 3.6, 2.3), (7.0, 5.9, 2.4)))
    coat = vary(BLACK_EPOXY, rng, 5)
    top = Texture(length, width, mm_per_px, coat)
    top.rect(-length * 0.37, 0, length * 0.13, width, tone(rng, [(150, 152, 152), (200, 202, 202)]))
    top.text(code(rng, one_of(rng, ("AA0", "A0", "00A", "AA"))), length * 0.1, 0, width * 0.3, (165, 168, 168))
    body.box((0, 0, high / 2), (length, width, high), Paint(coat, 80), top, None, None, 0.05)
    leg = metal(rng)
    for side in (-1, 1):
        body.box((side * (length / 2 + 0.25), 0, high * 0.25), (0.5, width * 0.55, high * 0.5), leg)
        body.box((side * length * 0.4, 0, -0.02), (length * 0.22, width * 0.55, 0.1), leg)
    up = one_of(rng, ((0, 0, 1), (0, 0, 1), (0, 0, -1), (0, 1, 0)))
    return worn(body.drawn(mm_per_px, up, aslant(rng)), rng)


def _bridge(rng: np.random.Generator, mm_per_px: float) -> Canvas:
    """A bridge rectifier: round with four legs, in line, or a square block with lugs."""
    body = Body(rng)
    coat, leg = vary(BLACK_EPOXY, rng, 5), metal(rng)
    ink = tone(rng, [(190, 192, 192), (150, 150, 150)])
    kind = rng.random()
    reach = float(rng.uniform(2, 12))
    if kind < 0.3:
        radius, high = float(rng.uniform(4.0, 5.0)), float(rng.uniform(4.5, 6.5))
        top = Texture(2 * radius, 2 * radius, mm_per_px, coat)
        for x, y, sign in ((-0.5, -0.4, "~"), (0.5, -0.4, "~"), (-0.5, 0.4, "+"), (0.5, 0.4, "-")):
            top.text(sign, x * radius, y * radius, radius * 0.35, ink)
        body.prism(ellipse(0, 0, radius, radius), 0, high, Paint(coat, 80), top)
        for x, y in ((-1, -1), (-1, 1), (1, -1), (1, 1)):
            body.tube(lead(rng, (x * radius * 0.5, y * radius * 0.5, 0.2), (x * 0.1, y * 0.1, -1), reach, 0), 0.35, leg)
        up = one_of(rng, ((0, 0, 1), (0, 0, -1), (0, 1, 0.1), (0, 1, -0.2)))
    elif kind < 0.75:
        length, high, thick = float(rng.uniform(14, 30)), float(rng.uniform(9, 18)), float(rng.uniform(3, 5))
        front = Texture(length, high, mm_per_px, coat)
        for number, sign in enumerate("+~~-"):
            front.text(sign, (number - 1.5) * length * 0.25, high * 0.32, high * 0.16, ink)
        front.text(code(rng, one_of(rng, ("AAA000", "AAA0000", "AA00A"))), 0, -high * 0.12, high * 0.2, ink)
        outline = rounded_rect(0, 0, length, high, 0.6)
        if chance(rng, 0.6):
            outline = np.array([(-0.5, -0.5), (0.36, -0.5), (0.5, -0.3), (0.5, 0.5), (-0.5, 0.5)]) * [length, high]
        holes = [ellipse(0, -high * 0.3, 1.7, 1.7, 20)] if high > 13 and chance(rng, 0.7) else []
        body.prism(outline, -thick / 2, thick / 2, Paint(coat, 80), front, None, holes)
        for number in range(4):
            x = (number - 1.5) * length * 0.25
            body.tube(lead(rng, (x, high / 2 - 0.3, 0), (0, 1, 0), reach, 0.3), 0.5, leg)
        up = one_of(rng, ((0, 0, 1), (0, 0, -1)))
    else:
        size, high = float(rng.uniform(15, 28)), float(rng.uniform(6, 10))
        top = Texture(size, size, mm_per_px, coat)
        top.text(code(rng, "AAAA0000"), 0, size * 0.2, size * 0.1, ink)
        hole = ellipse(0, 0, size * 0.09, size * 0.09, 20)
        body.prism(rounded_rect(0, 0, size, size, 1.0), 0, high, Paint(coat, 80), top, None, [hole])
        for x, y in ((-1, -1), (-1, 1), (1, -1), (1, 1)):
            body.box((x * size * 0.3, y * size * 0.3, high + 2.5), (0.8, 5.0, 6.0), leg)
        up = one_of(rng, ((0, 0, 1), (0, 0, -1), (0, 1, 0)))
    return worn(body.drawn(mm_per_px, up, aslant(rng)), rng)


PAINTERS: Mapping[str, Painter] = {"diode": diode}
