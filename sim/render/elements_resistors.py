"""Resistors: axial with colour bands, chips, power resistors, networks."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from sim.render.canvas import Canvas, Painter
from sim.render.dice import chance, dimmed, look, one_of, tone
from sim.render.looks import GOLD, WHITE_PRINT, aslant, axial_leads, code, metal, worn
from sim.render.shapes import Bgr, rounded_rect, vary
from sim.render.solids import Body, Paint
from sim.render.textures import Texture

_BANDS: list[Bgr] = [  # black to white, as IEC 60062 counts
    (22, 22, 22),
    (28, 50, 95),
    (35, 35, 195),
    (30, 110, 230),
    (45, 205, 230),
    (60, 140, 50),
    (180, 75, 35),
    (140, 60, 130),
    (125, 125, 125),
    (225, 228, 228),
]
_COATS: list[Bgr] = [
    (140, 190, 222),
    (120, 175, 212),
    (95, 150, 200),
    (165, 205, 225),
    (200, 160, 95),
    (185, 140, 70),
    (150, 190, 150),
    (70, 105, 165),
    (90, 110, 130),
]


def resistor(rng: np.random.Generator, mm_per_px: float) -> Canvas:
    """A resistor: axial with bands, chip, wirewound or cement power resistor, network."""
    looks = ((0.55, _banded), (0.17, _chip_resistor), (0.14, _power_resistor), (0.14, _network))
    return look(rng, looks)(rng, mm_per_px)


def _bone(half_mm: float, radius_mm: float, waist: float, bulge: float) -> NDArray[np.float64]:
    """Profile of a moulded or dipped axial body: caps of the share `bulge` of the half, a waist between."""
    x = np.linspace(-1, 1, 61)
    away = np.abs(x)
    cap = np.clip((away - (1 - bulge)) / (0.15 * bulge + 0.05), 0, 1)
    swell = waist + (1 - waist) * cap * cap * (3 - 2 * cap)
    fall = np.sqrt(np.clip(1 - np.clip((away - 0.8) / 0.2, 0, 1) ** 2.4, 0, 1))
    return np.column_stack([x * half_mm, radius_mm * swell * fall])


def _banded(rng: np.random.Generator, mm_per_px: float) -> Canvas:
    body = Body(rng)
    size = float(one_of(rng, (1.7, 3.0, 3.2, 3.2, 4.5, 5.5))) * float(rng.uniform(0.9, 1.1))
    radius = size * float(rng.uniform(0.17, 0.21))
    dogbone = chance(rng, 0.75)
    profile = _bone(size, radius, float(rng.uniform(0.74, 0.9)) if dogbone else 1.0, 0.42)
    coat = tone(rng, _COATS)
    wrap = Texture(2 * size, 2 * np.pi * radius, mm_per_px, coat)
    wrap.mottle(rng, 0.05, 0.8)
    wide = size * float(rng.uniform(0.13, 0.18))
    four = chance(rng, 0.6)
    places = np.array([-0.66, -0.32, -0.02, 0.62] if four else [-0.68, -0.38, -0.12, 0.14, 0.66]) * size
    for number, place in enumerate(places + rng.normal(0, 0.02) * size):
        last = number == len(places) - 1
        tolerance = tone(rng, [GOLD, (70, 140, 180), (170, 172, 172), _BANDS[1], _BANDS[2]], 6)
        wrap.rect(float(place), 0, wide, 20, tolerance if last else vary(one_of(rng, _BANDS), rng, 6))
    if chance(rng, 0.12):  # scorched
        wrap.rect(float(rng.uniform(-0.5, 0.5)) * size, 0, size * 0.6, 20, dimmed(coat, 0.35))
    body.revolve(profile, Paint(coat, int(rng.integers(90, 200))), axis=(1, 0, 0), texture=wrap)
    axial_leads(body, rng, size, float(rng.uniform(0.22, 0.34)) * min(1.2, size / 3), 13.0)
    return worn(body.drawn(mm_per_px, (0, rng.normal(), 1), min(aslant(rng), 40)), rng)


def _chip_resistor(rng: np.random.Generator, mm_per_px: float) -> Canvas:
    body = Body(rng)
    length, width = one_of(rng, ((2.0, 1.25), (3.2, 1.6), (3.2, 2.5), (5.0, 2.5), (6.4, 3.2)))
    high, cap = 0.55, length * float(rng.uniform(0.12, 0.2))
    top = Texture(length, width, mm_per_px, vary((30, 28, 26), rng, 6))
    if chance(rng, 0.15):
        top.rect(0, 0, length, width, vary((120, 70, 30), rng, 6))
    top.text(code(rng, one_of(rng, ("000", "0000", "0R0", "R000", "00A"))), 0, 0, width * 0.48, WHITE_PRINT)
    under = Texture(length, width, mm_per_px, vary((215, 222, 224), rng, 5))
    body.box((0, 0, high / 2), (length - 2 * cap, width, high), Paint((210, 216, 218), 40), top, under)
    for side in (-1, 1):
        body.box((side * (length - cap) / 2, 0, high / 2), (cap, width * 1.01, high * 1.06), metal(rng))
    up = (0, 0, 1) if chance(rng, 0.65) else (0, 0, -1)
    return worn(body.drawn(mm_per_px, up, min(aslant(rng), 35)), rng)


def _power_resistor(rng: np.random.Generator, mm_per_px: float) -> Canvas:
    body = Body(rng)
    kind = rng.random()
    if kind < 0.5:  # a cement block
        length, width = float(rng.uniform(14, 28)), float(rng.uniform(6, 9))
        stone = vary((208, 214, 216), rng, 6)
        top = Texture(length, width, mm_per_px, stone)
        top.mottle(rng, 0.03, 0.6)
        ink = (40, 40, 42)
        cap = width * 0.22
        top.text(code(rng, one_of(rng, ("5W 0R0 J", "0W00RJ", "10W000J"))), 0, -cap * 0.7, cap, ink)
        top.text(code(rng, "AAA 000"), 0, cap * 0.9, cap * 0.8, ink)
        body.box((0, 0, 0), (length, width, width * 0.92), Paint(stone, 15), top, top, top)
        axial_leads(body, rng, length / 2, 0.4, 12.0)
        up = (0, 0, 1) if chance(rng, 0.6) else (0, 1, 0)
        return worn(body.drawn(mm_per_px, up, aslant(rng)), rng, 0.05)
    if kind < 0.75:  # a gold aluminium case with lugs
        length, width = float(rng.uniform(12, 26)), float(rng.uniform(8, 13))
        gold = Paint(tone(rng, [(55, 150, 190), (60, 165, 200)]), 120, 0.35)
        body.box((0, 0, 1.0), (length, width * 1.9, 2.0), gold)
        body.box((0, 0, 2 + width * 0.2), (length, width, width * 0.6), gold, taper=0.08)
        for place in np.linspace(-0.4, 0.4, 5):
            body.box((0, place * width, 2 + width * 0.52), (length, width * 0.09, width * 0.12), gold)
        lug = metal(rng)
        for side in (-1, 1):
            body.box((side * (length / 2 + 2.5), 0, width * 0.32), (5.0, 2.4, 0.6), lug)
        return worn(body.drawn(mm_per_px, (0, 0, 1), aslant(rng)), rng)
    size, radius = float(rng.uniform(5, 9)), float(rng.uniform(2.0, 3.2))
    coat = tone(rng, [(120, 150, 115), (150, 158, 150), (70, 105, 60), (85, 100, 120), (150, 185, 205)])
    wrap = Texture(2 * size, 2 * np.pi * radius, mm_per_px, coat)
    wrap.mottle(rng, 0.06, 0.5)
    for turn in range(4):
        wrap.text(code(rng, "0R00 5%"), 0, (turn - 1.5) * radius * 1.57, radius * 0.5, (30, 30, 30))
    body.revolve(_bone(size, radius, 0.96, 0.3), Paint(coat, 40), axis=(1, 0, 0), texture=wrap)
    axial_leads(body, rng, size, 0.42, 14.0)
    return worn(body.drawn(mm_per_px, (0, 0, 1), min(aslant(rng), 40)), rng)


def _network(rng: np.random.Generator, mm_per_px: float) -> Canvas:
    """A single-in-line network: a flat comb."""
    body = Body(rng)
    pins = int(rng.integers(4, 11))
    length, high, thick = pins * 2.54, float(rng.uniform(4.5, 6.5)), float(rng.uniform(1.8, 2.5))
    coat = tone(rng, [(28, 28, 28), (130, 95, 50), (45, 130, 215), (55, 60, 160), (60, 115, 55)])
    front = Texture(length, high, mm_per_px, coat)
    ink = WHITE_PRINT if sum(coat) < 330 else (35, 35, 40)
    front.text(code(rng, one_of(rng, ("A000J", "0A000G", "A 10A000"))), length * 0.05, 0, high * 0.3, ink)
    front.disc(-length / 2 + 1.2, high * 0.2, 0.5, ink)
    outline = rounded_rect(0, 0, length, high, float(rng.uniform(0.3, 1.2)))
    body.prism(outline, -thick / 2, thick / 2, Paint(coat, 120), front, None)
    leg = metal(rng)
    reach = float(rng.uniform(1.5, 4.0))
    for number in range(pins):
        if chance(rng, 0.06):
            continue
        x = (number - (pins - 1) / 2) * 2.54
        path = [(x, high / 2 - 0.3, 0), (x + rng.normal(0, 0.1), high / 2 + reach, rng.normal(0, 0.3))]
        body.tube(path, 0.27, leg)
    up = (0, rng.normal(0, 0.2), 1 if chance(rng, 0.6) else -1)
    return worn(body.drawn(mm_per_px, up, aslant(rng)), rng)


PAINTERS: Mapping[str, Painter] = {"resistor": resistor}
