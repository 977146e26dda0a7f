"""Aluminium electrolytic capacitors."""

from collections.abc import Mapping

import numpy as np

from sim.render.canvas import Canvas, Painter
from sim.render.dice import chance, dimmed, look, one_of, tone
from sim.render.looks import aslant, code, lead, metal, tips, worn
from sim.render.shapes import Bgr, ellipse, vary
from sim.render.solids import Body, Paint
from sim.render.textures import Texture

_SLEEVES: list[Bgr] = [
    (30, 28, 28),
    (30, 28, 28),
    (26, 24, 22),
    (110, 45, 25),
    (120, 60, 30),
    (60, 85, 45),
    (55, 45, 95),
    (150, 120, 40),
    (40, 45, 75),
    (75, 100, 40),
    (165, 168, 168),
    (45, 110, 190),
    (140, 80, 20),
]
_VOLTAGES = ("6.3V", "10V", "16V", "25V", "35V", "50V", "63V", "100V", "200V", "400V", "450V")


def capacitor_al(rng: np.random.Generator, mm_per_px: float) -> Canvas:
    """An aluminium electrolytic: radial can, SMD can on a base plate, snap-in, axial."""
    return look(rng, ((0.52, _radial), (0.25, _smd_can), (0.15, _snap_in), (0.08, _axial)))(rng, mm_per_px)


def _aluminium(rng: np.random.Generator) -> Paint:
    return metal(rng, [(185, 187, 187), (200, 202, 202), (170, 172, 174)])


def _vented(mm_per_px: float, radius: float, paint: Paint, rng: np.random.Generator) -> Texture:
    """The top of a can with its scored vent: a cross, a K, a T or a Y."""
    top = Texture(2 * radius, 2 * radius, mm_per_px, paint.bgr)
    top.mottle(rng, 0.03, 0.5)
    turn, dark = float(rng.uniform(0, 180)), dimmed(paint.bgr, 0.55)
    for angle in one_of(rng, ((0, 90, 180, 270), (0, 90, 180, 270), (90, 215, 325), (0, 60, 180, 240))):
        reach = np.deg2rad(angle + turn)
        tip = (0.75 * radius * np.cos(reach), 0.75 * radius * np.sin(reach))
        top.stroke([(0, 0), tip], max(0.18, radius * 0.06), dark)
    return top


def _sleeve(rng: np.random.Generator, mm_per_px: float, high: float, radius: float, colour: Bgr) -> Texture:
    """The printed sleeve: a polarity stripe with minus signs, value, voltage, maker."""
    around = 2 * np.pi * radius
    wrap = Texture(high, around, mm_per_px, colour)
    wrap.mottle(rng, 0.02, 1.0)
    light = sum(colour) > 380
    ink = (45, 45, 50) if light else tone(rng, [(205, 208, 208), (160, 165, 165), (70, 190, 220), (150, 175, 190)])
    stripe = (
        tone(rng, [(190, 192, 192), (150, 152, 152), (110, 112, 114), (75, 160, 190)]) if not light else (50, 50, 55)
    )
    minus = dimmed(colour, 0.9)
    wide = radius * float(rng.uniform(0.6, 1.0))
    wrap.rect(0, around * 0.25, high, wide, stripe)
    for place in np.arange(-high / 2 + radius * 0.6, high / 2, radius * float(rng.uniform(0.9, 1.6))):
        wrap.rect(float(place), around * 0.25, radius * 0.5, wide * 0.3, minus)
    value = one_of(rng, ("10", "22", "47", "100", "220", "330", "470", "680", "1000", "2200", "3300")) + "uF"
    for side in (-0.28, 0.02, -0.48):
        y = around * side
        cap = min(radius * 0.5, high * 0.12)
        wrap.text(value, 0, y - cap * 0.9, cap, ink)
        wrap.text(one_of(rng, _VOLTAGES), -high * 0.1, y + cap * 0.9, cap, ink)
        wrap.text(code(rng, "A0A"), high * 0.3, y + cap * 0.9, cap * 0.6, ink)
    return wrap


def _radial(rng: np.random.Generator, mm_per_px: float) -> Canvas:
    body = Body(rng)
    diameter, high = one_of(
        rng,
        (
            (4, 7),
            (5, 11),
            (5, 11),
            (6.3, 11),
            (6.3, 7),
            (8, 11.5),
            (8, 16),
            (10, 12.5),
            (10, 16),
            (10, 20),
            (12.5, 20),
            (12.5, 25),
            (16, 25),
        ),
    )
    radius = diameter / 2
    _can(body, rng, mm_per_px, radius, high, tone(rng, _SLEEVES), bulged=chance(rng, 0.12))
    leg = metal(rng)
    reach = float(rng.uniform(0.8, 4) if chance(rng, 0.55) else rng.uniform(4, 12))
    spacing, wire = radius * 0.42, 0.25 + 0.02 * diameter / 2
    for side in (-1, 1):
        length = reach * float(rng.uniform(0.7, 1.0))
        tips(body, lead(rng, (0, side * spacing, 0.1), (0, side * 0.12, -1), length, 0), wire, leg)
    lying = (np.cos(turn := rng.uniform(0, 2 * np.pi)), np.sin(turn), rng.normal(0, 0.06))
    up = one_of(rng, (lying, lying, lying, (0, 0, 1), (0, 0, -1)))
    return worn(body.drawn(mm_per_px, up, aslant(rng)), rng)


def _can(
    body: Body, rng: np.random.Generator, mm_per_px: float, radius: float, high: float, colour: Bgr, bulged: bool
) -> None:
    """A sleeved can from z = 0 (rubber bung) to `high` (vent)."""
    shell, sleeve = _aluminium(rng), Paint(colour, int(rng.integers(90, 190)), 0.08)
    bung = Paint(vary((35, 35, 36), rng, 5), 20)
    body.revolve([(0.25, 0), (0.25, radius * 0.8), (0, radius * 0.86)], bung)
    groove = min(2.2, high * 0.2)
    skirt = [
        (0.0, radius * 0.86),
        (0.05, radius * 0.97),
        (groove * 0.6, radius),
        (groove, radius * 0.93),
        (groove * 1.4, radius),
        (high - 0.4, radius),
        (high, radius * 0.86),
    ]
    body.revolve(skirt, sleeve, texture=_sleeve(rng, mm_per_px, high, radius, colour))
    rise = radius * 0.22 if bulged else 0.0
    top = _vented(mm_per_px, radius * 0.86, shell, rng)
    if bulged:
        arc = np.linspace(0, 1, 7)
        body.revolve(np.column_stack([high + rise * (1 - arc**2), radius * 0.86 * arc])[::-1], shell)
    else:
        body.prism(ellipse(0, 0, radius * 0.86, radius * 0.86), high - 0.3, high - 0.05, shell, top, None)


def _smd_can(rng: np.random.Generator, mm_per_px: float) -> Canvas:
    body = Body(rng)
    radius, high = one_of(rng, ((2.0, 5.4), (2.5, 5.4), (3.15, 5.4), (3.15, 7.7), (4.0, 6.2), (4.0, 10.0), (5.0, 10.0)))
    plate, tall = 2 * radius + 0.6, 1.3
    black = Paint(vary((34, 34, 36), rng, 5), 40)
    corner = plate * 0.16
    half = plate / 2
    outline = [
        (-half, -half),
        (half - corner, -half),
        (half, -half + corner),
        (half, half - corner),
        (half - corner, half),
        (-half, half),
    ]
    body.prism(outline, 0.1, tall, black)
    shell = _aluminium(rng)
    arc = np.linspace(0, np.pi / 2, 5)
    dome = np.column_stack([high - 0.5 + 0.5 * np.sin(arc), radius - 0.5 + 0.5 * np.cos(arc)])
    neck = [(tall, radius), (tall + 0.9, radius), (tall + 1.15, radius * 0.95), (tall + 1.5, radius)]
    body.revolve(np.concatenate([neck, dome]), shell)
    top = Texture(2 * radius, 2 * radius, mm_per_px, shell.bgr)
    top.mottle(rng, 0.03, 0.5)
    ink = tone(rng, [(30, 30, 32), (30, 30, 32), (60, 45, 40), (60, 60, 150)])
    cut = np.deg2rad(np.linspace(130, 230, 14))
    if chance(rng, 0.85):
        top.polygon(np.column_stack([np.cos(cut), np.sin(cut)]) * (radius * 0.93), ink)
    cap = radius * 0.34
    lines = (one_of(rng, ("10", "22", "47", "100", "220", "330")), one_of(rng, _VOLTAGES), code(rng, "A0A"))
    for row, line in enumerate(lines):
        top.text(line, radius * 0.14, (row - 1) * cap * 1.5, cap, ink)
    body.prism(ellipse(0, 0, radius - 0.45, radius - 0.45), high - 0.2, high, shell, top, None)
    tab = metal(rng)
    for side in (-1, 1):
        body.box((side * (half + 0.2), 0, 0.15), (1.4, 0.9, 0.2), tab)
        body.box((side * half * 0.55, 0, 0.03), (half * 0.8, 0.9, 0.16), tab)
    up = one_of(rng, ((0, 0, 1), (0, 0, 1), (0, 0, -1), (0, 1, 0.12), (1, 0.3, 0.1), (-0.3, -1, 0.1)))
    return worn(body.drawn(mm_per_px, up, aslant(rng)), rng)


def _snap_in(rng: np.random.Generator, mm_per_px: float) -> Canvas:
    body = Body(rng)
    radius, high = float(one_of(rng, (11.0, 12.5, 15.0, 17.5))), float(rng.uniform(20, 45))
    _can(body, rng, mm_per_px, radius, high, tone(rng, _SLEEVES), bulged=chance(rng, 0.15))
    body.prism(ellipse(0, 0, radius * 0.82, radius * 0.82), -0.1, 0.2, Paint(vary((60, 85, 110), rng), 30))
    for side in (-1, 1):
        body.box((side * 5.0, 0, -2.2), (0.9, 1.8, 4.4), metal(rng))
    turn = rng.uniform(0, 2 * np.pi)
    up = one_of(rng, ((np.cos(turn), np.sin(turn), 0), (np.cos(turn), np.sin(turn), 0), (0, 0, 1), (0, 0, -1)))
    return worn(body.drawn(max(mm_per_px, 0.1), up, aslant(rng)), rng)


def _axial(rng: np.random.Generator, mm_per_px: float) -> Canvas:
    body = Body(rng)
    radius, high = float(rng.uniform(2.5, 6.5)), float(rng.uniform(11, 26))
    _can(body, rng, mm_per_px, radius, high, tone(rng, _SLEEVES), bulged=False)
    leg = metal(rng)
    for start, way in ((0.1, -1.0), (high - 0.1, 1.0)):
        tips(body, lead(rng, (0, 0, start), (0, 0, way), float(rng.uniform(1.5, 12)), 0), 0.35, leg)
    return worn(body.drawn(mm_per_px, (1, rng.normal(), 0), min(aslant(rng), 40)), rng)


PAINTERS: Mapping[str, Painter] = {"capacitor_al": capacitor_al}
