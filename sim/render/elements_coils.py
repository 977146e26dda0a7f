"""Inductors and quartz crystals."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from sim.render.canvas import Canvas, Painter
from sim.render.dice import chance, dimmed, look, one_of, tone
from sim.render.looks import (
    COPPER,
    GOLD,
    TIN,
    WHITE_PRINT,
    aslant,
    axial_leads,
    code,
    drum,
    lead,
    metal,
    polar,
    sometimes_broken,
    tips,
    worn,
)
from sim.render.shapes import Bgr, ellipse, rounded_rect, vary
from sim.render.solids import Body, Paint
from sim.render.textures import Texture

_ENAMEL: list[Bgr] = [COPPER, (45, 85, 165), (50, 110, 200), (40, 60, 130), (60, 120, 205), (45, 60, 150)]
_FERRITE: list[Bgr] = [(48, 46, 46), (60, 58, 56), (38, 36, 36)]


def inductor(rng: np.random.Generator, mm_per_px: float) -> Canvas:
    """A coil: toroid, drum core, shielded block, axial, air coil, or a small transformer."""
    looks = (
        (0.28, _toroid),
        (0.2, _drum_core),
        (0.2, _shielded),
        (0.1, _axial),
        (0.08, _air_coil),
        (0.14, _transformer),
    )
    return sometimes_broken(look(rng, looks)(rng, mm_per_px), rng, 0.04)


def _enamelled(rng: np.random.Generator) -> Paint:
    return Paint(tone(rng, _ENAMEL, 10), 190, float(rng.uniform(0.3, 0.6)))


def _toroid(rng: np.random.Generator, mm_per_px: float) -> Canvas:
    body = Body(rng)
    outer = float(rng.uniform(4.0, 12.0))
    inner = outer * float(rng.uniform(0.42, 0.62))
    high = (outer - inner) * float(rng.uniform(0.7, 1.3))
    core = tone(rng, [(45, 150, 60), (45, 45, 45), (50, 190, 215), (60, 60, 62), (150, 100, 40), (140, 145, 95)])
    ring = Paint(core, 60)
    rim = ellipse(0, 0, outer, outer, 48)
    body.prism(rim, 0, high, ring, None, None, [ellipse(0, 0, inner, inner, 40)])
    wire, thick = _enamelled(rng), float(rng.uniform(0.16, 0.45)) * (outer / 8) ** 0.5
    fits = int(2 * np.pi * inner / (2.3 * thick))
    gap = float(rng.uniform(0, 120)) if chance(rng, 0.7) else 0.0
    turns = max(5, int(fits * float(rng.uniform(0.4, 0.95)) * (1 - gap / 360)))
    halves = ((0.0, 160.0), (180.0, 340.0)) if chance(rng, 0.3) else ((0.0, 360.0 - gap),)
    ends: list[NDArray[np.float64]] = []
    for start, end in halves:
        path: list[NDArray[np.float64]] = []
        angles = np.linspace(start, end, max(3, turns // len(halves)))
        stride = float(angles[1] - angles[0])
        for angle in angles + rng.normal(0, 0.12 * stride, len(angles)):
            over = [
                (outer + thick, high / 2),
                (outer + thick, high + thick),
                (inner - thick, high + thick),
                (inner - thick, -thick),
                (outer + thick, -thick),
            ]
            for number, (radius, level) in enumerate(over):
                path.append(np.array([*polar(radius, angle + number * stride * 0.16), level]))
        ends += [path[0], path[-1]]
        body.tube(np.array(path), thick, wire)
    reach = float(rng.uniform(1, 10))
    for end in ends:
        heading = np.array([end[0], end[1], 0.0]) + rng.normal(0, 0.4, 3) * outer
        body.tube(lead(rng, end, heading, reach), thick, metal(rng) if chance(rng, 0.5) else wire)
    up = (0, 0, 1) if chance(rng, 0.75) else (rng.normal(), rng.normal(), 0.5)
    return worn(body.drawn(mm_per_px, up, min(aslant(rng), 45)), rng)


def _drum_core(rng: np.random.Generator, mm_per_px: float) -> Canvas:
    """A bobbin of ferrite wound with wire, standing or lying, bare or in shrink tube."""
    body = Body(rng)
    radius, high = float(rng.uniform(2.0, 6.0)), float(rng.uniform(3.5, 11.0))
    flange, neck = high * float(rng.uniform(0.1, 0.2)), radius * float(rng.uniform(0.78, 0.95))
    ferrite = Paint(tone(rng, _FERRITE), 90)
    body.revolve([(0, 0), (0, radius), (flange, radius), (flange, neck)], ferrite)
    if chance(rng, 0.3):
        sleeve = tone(rng, [(30, 30, 30), (40, 140, 50), (160, 70, 30), (40, 40, 170)])
        wrap = Texture(high - 2 * flange, 2 * np.pi * radius, mm_per_px, sleeve)
        for place in (-1, 1):
            wrap.text(code(rng, "000"), 0, place * radius * 1.5, radius * 0.5, WHITE_PRINT)
        body.revolve([(flange, radius * 0.98), (high - flange, radius * 0.98)], Paint(sleeve, 120), texture=wrap)
    else:
        wire = _enamelled(rng)
        pitch = max(float(rng.uniform(0.25, 0.6)), 1.6 * mm_per_px)
        body.revolve([(flange, neck), (high - flange, neck)], wire, thread=(flange, high - flange, pitch, pitch * 0.4))
    body.revolve([(high - flange, neck), (high - flange, radius), (high, radius), (high, 0)], ferrite)
    mark = Texture(radius, radius, mm_per_px, ferrite.bgr)
    mark.text(code(rng, one_of(rng, ("000", "0R0"))), 0, 0, radius * 0.4, (150, 152, 152))
    corner = (-radius / 2, -radius / 2, high + 0.02)
    body.plane(corner, (radius, 0, 0), (0, radius, 0), ferrite, mark)
    leg, reach = metal(rng), float(rng.uniform(1, 8))
    for side in (-1, 1):
        body.tube(lead(rng, (side * radius * 0.55, 0, 0.1), (side * 0.15, 0, -1), reach, 0), 0.3, leg)
    up = one_of(rng, ((0, 0, 1), (1, 0.1, 0), (0, 1, 0), (0, 0, -1), (0, 1, 0.2)))
    return worn(body.drawn(mm_per_px, up, aslant(rng)), rng)


def _shielded(rng: np.random.Generator, mm_per_px: float) -> Canvas:
    """An SMD power inductor: a grey block with a number, terminals below; or an open drum on a square base."""
    body = Body(rng)
    size = float(one_of(rng, (4.0, 5.0, 6.0, 7.3, 10.0, 12.5))) * float(rng.uniform(0.95, 1.05))
    high = size * float(rng.uniform(0.3, 0.65))
    grey = tone(rng, [(72, 74, 74), (95, 98, 98), (50, 50, 50), (118, 122, 122), (60, 68, 74)])
    top = Texture(size, size, mm_per_px, grey)
    top.mottle(rng, 0.04, 0.4)
    number = code(rng, one_of(rng, ("0R0", "000", "R00", "00")))
    ink = tone(rng, [WHITE_PRINT, (160, 162, 162), (30, 30, 30)] if sum(grey) > 280 else [WHITE_PRINT])
    if chance(rng, 0.6):
        corner = size * float(rng.uniform(0.04, 0.25))
        top.text(number, 0, 0, size * 0.24, ink)
        body.prism(rounded_rect(0, 0, size, size, corner), 0.2, high, Paint(grey, 50), top, None)
    else:
        rim = ellipse(0, 0, size * 0.46, size * 0.46, 40)
        body.prism(rounded_rect(0, 0, size, size, size * 0.1), 0.2, high * 0.3, Paint(dimmed(grey, 0.7), 40))
        pitch = max(0.35, 1.6 * mm_per_px)
        low, far = high * 0.3, high * 0.82
        body.revolve([(low, size * 0.43), (far, size * 0.43)], _enamelled(rng), thread=(low, far, pitch, 0.15))
        top.text(number, 0, 0, size * 0.22, ink)
        lid = Texture(size * 0.92, size * 0.92, mm_per_px, grey)
        lid.text(number, 0, 0, size * 0.22, ink)
        body.prism(rim, high * 0.82, high, Paint(grey, 50), lid, None)
    pad = metal(rng)
    for side in (-1, 1):
        body.box((side * size * 0.47, 0, high * 0.14), (size * 0.12, size * 0.45, high * 0.28), pad)
        body.box((side * size * 0.38, 0, 0.1), (size * 0.22, size * 0.5, 0.2), pad)
    up = one_of(rng, ((0, 0, 1), (0, 0, 1), (0, 0, 1), (0, 0, -1), (0, 1, 0), (1, 0, 0)))
    return worn(body.drawn(mm_per_px, up, aslant(rng)), rng)


def _axial(rng: np.random.Generator, mm_per_px: float) -> Canvas:
    """A choke like a fat green resistor."""
    body = Body(rng)
    half, radius = float(rng.uniform(3.0, 7.0)), float(rng.uniform(1.5, 3.2))
    coat = tone(rng, [(110, 165, 95), (130, 180, 120), (90, 140, 75), (60, 58, 58)])
    wrap = Texture(2 * half, 2 * np.pi * radius, mm_per_px, coat)
    for place in (-0.5, -0.2, 0.1, 0.45):
        colour = one_of(rng, ((30, 60, 105), (25, 25, 25), (35, 35, 195), GOLD, (140, 60, 130), (45, 205, 230)))
        wrap.rect(place * half, 0, half * 0.16, 40, vary(colour, rng))
    body.revolve(drum(half, radius, 0.6), Paint(coat, 110), axis=(1, 0, 0), texture=wrap)
    axial_leads(body, rng, half, 0.32, 11.0)
    return worn(body.drawn(mm_per_px, (0, 0, 1), min(aslant(rng), 40)), rng)


def _air_coil(rng: np.random.Generator, mm_per_px: float) -> Canvas:
    body = Body(rng)
    radius, thick = float(rng.uniform(1.5, 4.5)), float(rng.uniform(0.25, 0.6))
    turns = int(rng.integers(3, 12))
    pitch = 2 * thick * float(rng.uniform(1.05, 1.6))
    angle = np.linspace(0, 2 * np.pi * turns, 24 * turns)
    path = np.column_stack([angle / (2 * np.pi) * pitch, radius * np.cos(angle), radius * np.sin(angle)])
    wire = _enamelled(rng)
    body.tube(path, thick, wire)
    if chance(rng, 0.35):
        length = turns * pitch
        rod = [(-1, 0), (-1, radius * 0.8), (length + 1, radius * 0.8), (length + 1, 0)]
        body.revolve(rod, Paint(tone(rng, _FERRITE), 60), axis=(1, 0, 0))
    for end, away in ((path[0], -1), (path[-1], 1)):
        body.tube(lead(rng, end, (away * 0.3, 1, 0), float(rng.uniform(1, 7))), thick, wire)
    return worn(body.drawn(mm_per_px, (0, 0, 1), min(aslant(rng), 45)), rng)


def _transformer(rng: np.random.Generator, mm_per_px: float) -> Canvas:
    """A small transformer or choke: ferrite E core, taped winding, bobbin with pins."""
    body = Body(rng)
    length, width, high = float(rng.uniform(9, 24)), float(rng.uniform(8, 18)), float(rng.uniform(7, 16))
    ferrite = Paint(tone(rng, _FERRITE), 70)
    tape = tone(rng, [(50, 190, 220), (60, 205, 235), (160, 90, 40), (35, 35, 35), COPPER])
    body.box((0, 0, high * 0.5), (length, width * 0.42, high), ferrite)
    wrap = rounded_rect(0, 0, length * 0.72, width, width * 0.3)
    body.prism(wrap, high * 0.2, high * 0.86, Paint(tape, 140), edge=Paint(tape, 140))
    plastic = Paint(tone(rng, [(28, 28, 28), (60, 70, 110), (200, 206, 208)]), 60)
    pin = metal(rng)
    for side in (-1, 1):
        body.box((0, side * width * 0.5, high * 0.09), (length, width * 0.22, high * 0.18), plastic)
        for x in np.linspace(-0.42, 0.42, int(rng.integers(3, 6))) * length:
            body.tube([(x, side * width * 0.5, 0), (x, side * width * 0.5, -float(rng.uniform(1.5, 3.5)))], 0.35, pin)
    if chance(rng, 0.5):  # yellow tape over the core
        body.box((0, 0, high * 0.5), (length * 1.02, width * 0.3, high * 1.02), Paint(tape, 140))
    up = one_of(rng, ((0, 0, 1), (0, 0, 1), (0, 0, -1), (0, 1, 0), (1, 0, 0)))
    return worn(body.drawn(mm_per_px, up, aslant(rng)), rng)


def crystal(rng: np.random.Generator, mm_per_px: float) -> Canvas:
    """A quartz: HC-49 tall or low, watch cylinder, SMD ceramic, oscillator can."""
    looks = ((0.3, _tall_can), (0.25, _low_can), (0.15, _cylinder), (0.18, _smd_quartz), (0.12, _oscillator))
    return look(rng, looks)(rng, mm_per_px)


def _frequency(rng: np.random.Generator) -> str:
    return one_of(
        rng, ("16.000", "8.000", "12.000", "25.000", "4.000", "11.0592", "20.000", "32.768", code(rng, "00.000"))
    )


def _stadium(length_mm: float, width_mm: float) -> NDArray[np.float64]:
    return rounded_rect(0, 0, length_mm, width_mm, width_mm / 2)


def _can(rng: np.random.Generator, mm_per_px: float, high: float, reach: float) -> Body:
    """An HC-49 can standing on its flange, z up."""
    body = Body(rng)
    shell = metal(rng, [(190, 192, 192), (175, 178, 180), (165, 180, 190)])
    ink = tone(rng, [(60, 62, 64), (80, 82, 84), (40, 40, 60)])
    length, width = 10.2, 3.7
    top = Texture(length, width, mm_per_px, shell.bgr)
    top.text(_frequency(rng), 0, 0, width * 0.36, ink)
    body.prism(_stadium(length, width), 0.4, high, shell, top, None)
    front = Texture(length - width, high - 0.4, mm_per_px, shell.bgr)
    name = _frequency(rng)
    cap = min(2.0, high * 0.3, (length - width) / (0.95 * len(name)))
    front.text(name, 0, -high * 0.12, cap, ink)
    front.text(code(rng, "AAA00"), 0, high * 0.2, min(1.2, high * 0.2), ink)
    flat = (length - width) / 2
    if high > 5:  # printed on the broad faces
        for side in (-1, 1):
            corner = (side * flat, side * (width / 2 + 0.01), 0.4)
            body.plane(corner, (-side * 2 * flat, 0, 0), (0, 0, high - 0.4), shell, front)
    body.prism(_stadium(length + 0.9, width + 1.0), 0, 0.45, shell)
    for side in (-1, 1):
        body.revolve([(-0.25, 0), (-0.25, 0.8), (0, 0.8)], Paint((60, 70, 80), 120), (side * 2.44, 0, 0))
        tips(body, lead(rng, (side * 2.44, 0, -0.1), (0, 0, -1), reach, 0.2), 0.22, metal(rng))
    return body


def _tall_can(rng: np.random.Generator, mm_per_px: float) -> Canvas:
    body = _can(rng, mm_per_px, float(rng.uniform(12.5, 13.6)), float(rng.uniform(1.0, 9.0)))
    up = one_of(rng, ((0.0, -1.0, 0.0), (0.0, -1.0, 0.0), (0.0, 1.0, 0.0), (0.0, -1.0, 0.2)))
    return worn(body.drawn(mm_per_px, up, min(aslant(rng), 45)), rng)


def _low_can(rng: np.random.Generator, mm_per_px: float) -> Canvas:
    smd = chance(rng, 0.4)
    body = _can(rng, mm_per_px, float(rng.uniform(3.4, 4.2)), 0.6 if smd else float(rng.uniform(1.0, 6.0)))
    if smd:
        body.box((0, 0, -0.5), (11.4, 4.7, 0.9), Paint(vary((40, 40, 42), rng), 40))
        for side in (-1, 1):
            body.box((side * 5.8, 0, -0.8), (2.2, 0.8, 0.25), metal(rng))
    up = one_of(rng, ((0.0, 0.0, 1.0), (0.0, 0.0, 1.0), (0.0, -1.0, 0.0), (0.0, 0.0, -1.0)))
    return worn(body.drawn(mm_per_px, up, aslant(rng)), rng)


def _cylinder(rng: np.random.Generator, mm_per_px: float) -> Canvas:
    body = Body(rng)
    half, radius = one_of(rng, ((3.0, 1.0), (4.1, 1.5), (2.5, 0.75)))
    shell = metal(rng, [TIN, (175, 178, 178), (160, 178, 190)])
    body.revolve(drum(half, radius, 0.25), shell, axis=(1, 0, 0))
    for side in (-1, 1):
        tips(
            body, lead(rng, (half, 0, side * radius * 0.4), (1, 0, side * 0.06), float(rng.uniform(1, 8))), 0.16, shell
        )
    up = (0, rng.normal(), rng.normal())
    return worn(body.drawn(mm_per_px, up, min(aslant(rng), 40)), rng)


def _smd_quartz(rng: np.random.Generator, mm_per_px: float) -> Canvas:
    """A ceramic tub with a metal lid."""
    body = Body(rng)
    length, width, high = one_of(rng, ((3.2, 2.5, 0.8), (5.0, 3.2, 1.1), (7.0, 5.0, 1.4), (6.0, 3.5, 1.1)))
    tub = tone(rng, [(70, 72, 76), (50, 50, 54), (195, 205, 212), (45, 55, 75)])
    body.box((0, 0, high * 0.4), (length, width, high * 0.8), Paint(tub, 50))
    lid = metal(rng, [TIN, (150, 175, 190), GOLD])
    top = Texture(length * 0.86, width * 0.82, mm_per_px, lid.bgr)
    top.text(_frequency(rng)[:5], 0, -width * 0.14, width * 0.22, dimmed(lid.bgr, 0.35))
    top.text(code(rng, "A00A"), 0, width * 0.18, width * 0.18, dimmed(lid.bgr, 0.35))
    body.box((0, 0, high * 0.9), (length * 0.86, width * 0.82, high * 0.25), lid, top)
    for x in (-1, 1):
        for y in (-1, 1):
            body.box(
                (x * length * 0.38, y * width * 0.33, -0.02), (length * 0.22, width * 0.26, 0.1), metal(rng, [GOLD])
            )
    up = one_of(rng, ((0, 0, 1), (0, 0, 1), (0, 0, -1)))
    return worn(body.drawn(mm_per_px, up, min(aslant(rng), 35)), rng)


def _oscillator(rng: np.random.Generator, mm_per_px: float) -> Canvas:
    body = Body(rng)
    length, width, high = one_of(rng, ((20.4, 12.8, 5.2), (12.8, 12.8, 5.2)))
    shell = metal(rng, [TIN, (180, 183, 183)])
    top = Texture(length - 1.6, width - 1.6, mm_per_px, shell.bgr)
    for row, line in enumerate((code(rng, "AAA-0000"), _frequency(rng) + "MHz", code(rng, "0000A"))):
        top.text(line, 0, (row - 1) * width * 0.24, width * 0.13, (50, 50, 56))
    top.disc(-length / 2 + 1.8, width / 2 - 1.9, 0.5, (40, 40, 60))
    body.prism(rounded_rect(0, 0, length, width, 1.0), 0, 0.7, shell)
    body.prism(rounded_rect(0, 0, length - 1.6, width - 1.6, 2.0), 0.7, high, shell, top, None)
    for x in (-1, 1):
        for y in (-1, 1):
            place = (x * (length / 2 - 2.6), y * (width / 2 - 2.6), 0)
            body.tube(lead(rng, place, (0, 0, -1), float(rng.uniform(2, 6)), 0.2), 0.25, metal(rng))
    up = one_of(rng, ((0, 0, 1), (0, 0, 1), (0, 0, -1), (0, 1, 0)))
    return worn(body.drawn(mm_per_px, up, aslant(rng)), rng)


PAINTERS: Mapping[str, Painter] = {"inductor": inductor, "crystal": crystal}
