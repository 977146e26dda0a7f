"""Batteries: pouches, prismatic blocks, round cells, packs of them, 9 V blocks, coin cells."""

import numpy as np

from sim.render.canvas import Canvas
from sim.render.dice import Looks, between, chance, dimmed, one_of, tone
from sim.render.finishes import (
    BLACK,
    BRASS,
    GOLD,
    STEEL,
    barrel_sheen,
    gradient,
    quad,
    ribbon,
    ring,
    turned_metal,
    wear,
    wire_pair,
)
from sim.render.marks import INK, WHITE, bars, brand, code, ink_on, label, paragraph, sign, title
from sim.render.shapes import Bgr, ellipse, ragged, rounded_rect, vary

_FOIL: tuple[Bgr, ...] = ((178, 180, 182), (192, 194, 196), (165, 168, 170), (180, 182, 184), (28, 28, 29))
_SLEEVES: tuple[Bgr, ...] = (
    (24, 24, 26), (150, 80, 25), (60, 140, 50), (60, 60, 200), (60, 190, 215), (180, 140, 190), (205, 207, 207),
    (140, 170, 70), (160, 60, 90), (150, 150, 152), (30, 110, 215), (120, 40, 20),
)  # fmt: skip
_KAPTON: Bgr = (40, 140, 205)
# length and radius, mm: AAA, AA, C, D, 14500, 18650, 21700, 26650, CR123
_ROUND = ((44.5, 5.2), (50.5, 7.2), (50.0, 13.1), (61.5, 17.0), (50, 7), (65, 9.2), (70, 10.6), (65, 13.2), (34.5, 8.4))


def _pouch(rng: np.random.Generator, mm_per_px: float) -> Canvas:
    """A bare or labelled foil pouch: sealed rims, tabs or wires at one end, flat or swollen."""
    length, width = between(rng, 24, 95), between(rng, 16, 60)
    tabs = between(rng, 5, 12)
    canvas = Canvas(length + 2 * tabs, width, mm_per_px, rng)
    foil = tone(rng, _FOIL)
    rim = between(rng, 2, 6)
    x = -rim / 2
    canvas.rect(0, 0, length, width, foil, 0.8, 150, 1.0)
    core_length, core_width = length - rim, width - between(rng, 0.6, 2.5)
    thick = between(rng, 2.5, 6.5)
    canvas.rect(x, 0, core_length, core_width, foil, thick, 150, between(rng, 1, 4))
    if chance(rng, 0.3):
        canvas.bulge(x + between(rng, -0.1, 0.1) * length, 0, core_length * 0.6, core_width * 0.6, between(rng, 2, 8))
    canvas.roughen(between(rng, 0.03, 0.15), between(rng, 3, 8))
    body = rounded_rect(x, 0, core_length, core_width, 2)
    gradient(canvas, body, (240, 240, 240), between(rng, 0, 0.35))
    style = float(rng.random())
    if style < 0.55:
        paper = one_of(rng, (None, None, vary(foil, rng, 4), (215, 217, 217), BLACK))
        share = between(rng, 0.6, 0.96)
        label(canvas, x, 0, core_length * share, core_width * between(rng, 0.7, 0.97), paper)
    elif style < 0.8:
        ink = ink_on(foil)
        canvas.text(code(rng, 8), x, -core_width * 0.12, min(3.0, length / 10), ink)
        canvas.text(
            one_of(rng, ("3.7V 500mAh", "+ 3.7V -", "1200mAh 4.44Wh")), x, core_width * 0.14, min(2.6, length / 12), ink
        )
        if chance(rng, 0.4):
            bars(canvas, x, core_width * 0.35, length * 0.4, core_width * 0.12, INK)
    end = length / 2
    ends = float(rng.random())
    if ends < 0.45:
        tape = chance(rng, 0.6)
        for side, metal in ((-1, STEEL), (1, (175, 185, 190) if chance(rng, 0.6) else (80, 130, 190))):
            y = side * width * between(rng, 0.15, 0.32)
            canvas.rect(end + tabs * 0.45, y, tabs, min(6.0, width * 0.16), vary(metal, rng), 0.7, 180)
            canvas.rect(end - 0.3, y, 2.6, min(8.0, width * 0.2), (160, 170, 165), 0.9, 60)
        if tape:
            canvas.rect(end - rim / 2, 0, rim + 2.0, width * 0.9, vary(_KAPTON, rng), 1.2, 90)
    elif ends < 0.8:
        canvas.rect(end - rim / 2, 0, rim + 1.5, width * between(rng, 0.6, 0.98), vary(_KAPTON, rng, 12), 2.2, 100, 0.5)
        canvas.rect(end - rim / 2, 0, rim * 0.6, width * 0.5, (50, 90, 35), 2.4, 70)
        wire_pair(canvas, end, 0, tabs, 0.8, int(rng.integers(2, 4)))
    else:
        y = between(rng, -0.3, 0.3) * width
        canvas.rect(end - 1.5, 0, 4.5, width * 0.9, one_of(rng, (BLACK, vary(_KAPTON, rng))), 2.5, 70)
        ribbon(canvas, np.array([[end, y], [end + tabs * 0.9, y]]), min(8.0, width * 0.25), 0.6)
        canvas.rect(end + tabs * 0.75, y, 3, min(7.0, width * 0.2), BLACK, 1.4, 60)
    if chance(rng, 0.1):
        canvas.keep(ragged(canvas.length_mm, canvas.width_mm, rng, 0.3))
    wear(canvas, between(rng, 0.2, 1.2), (200, 202, 202))
    return canvas


def _phone_pack(rng: np.random.Generator, mm_per_px: float) -> Canvas:
    """A hard pack as phones and cameras take it: label wrapped round, contacts on the narrow end."""
    length, width = between(rng, 34, 78), between(rng, 26, 52)
    width = min(width, length)
    canvas = Canvas(length, width, mm_per_px, rng)
    body = tone(rng, [BLACK, (45, 45, 47), (150, 152, 152), (205, 207, 207), (170, 172, 172)])
    thick = between(rng, 4, 14)
    canvas.rect(0, 0, length, width, body, thick - 0.4, 90, between(rng, 0.8, 3))
    wrap = one_of(rng, (body, None, None, (205, 207, 207), (160, 170, 175)))
    cap = between(rng, 2.5, 6)
    canvas.rect(-length / 2 + cap / 2, 0, cap, width, tone(rng, [BLACK, (60, 60, 62), body]), thick, 70, 0.8)
    if chance(rng, 0.85):
        label(canvas, cap / 2, 0, length - cap - 0.8, width - between(rng, 0, 2), wrap)
    if chance(rng, 0.65):
        contacts = int(rng.integers(3, 6))
        for place in np.arange(contacts) - (contacts - 1) / 2 + between(rng, -2, 2):
            canvas.rect(-length / 2 + cap * 0.4, float(place) * 3.0, cap * 0.55, 1.7, GOLD, thick + 0.1, 200)
    if chance(rng, 0.3):
        canvas.bulge(0, 0, length * 0.55, width * 0.55, between(rng, 1.0, 4))
    if chance(rng, 0.3):
        canvas.text("+", length * 0.4, width * 0.3, 3, WHITE if sum(body) < 300 else INK)
    wear(canvas, between(rng, 0.3, 1.4))
    return canvas


def _laptop_pack(rng: np.random.Generator, mm_per_px: float) -> Canvas:
    """A long pack of a laptop or a tool: dark shell with a label, rounded back, contact slot."""
    length, width = between(rng, 120, 240), between(rng, 38, 75)
    canvas = Canvas(length, width, mm_per_px, rng)
    body = tone(rng, [BLACK, BLACK, (40, 40, 42), (70, 70, 72), (165, 167, 167)])
    canvas.rect(0, 0, length, width, body, 17, 80, between(rng, 1, 6))
    canvas.rect(0, width * 0.06, length - 4, width * 0.84, body, 19, 70, 3)
    bumps = chance(rng, 0.4)
    if bumps:
        barrel_sheen(canvas, rounded_rect(0, -width * 0.25, length, width * 0.4, 4), False, 0.4)
    label(canvas, between(rng, -0.2, 0.2) * length, width * 0.1, length * between(rng, 0.35, 0.6), width * 0.6,
          one_of(rng, (None, WHITE, vary(body, rng, 3))))  # fmt: skip
    x = between(rng, -0.3, 0.3) * length
    canvas.rect(x, -width / 2 + 3, 34, 6, dimmed(body, 0.5), 12, 40)
    for place in range(8):
        canvas.rect(x - 14 + place * 4, -width / 2 + 3, 1.2, 4, GOLD, 13, 180)
    for side in (-1, 1):
        canvas.rect(side * length * 0.44, width * 0.38, 8, 4, dimmed(body, 1.6), 19.5, 70, 1)
    wear(canvas, between(rng, 0.4, 1.3))
    return canvas


def _cell_on(canvas: Canvas, y: float, length: float, radius: float, sleeve: Bgr) -> None:
    """One round cell along x at y: sleeve with print, steel rims, the nub at +x."""
    rng = canvas.rng
    canvas.rect(0, y, length - 1.6, 2 * radius, STEEL, radius * 1.2, 170, 1.2)
    canvas.rect(length / 2 - 0.8, y, 1.6, radius * 0.8, STEEL, radius, 170)
    canvas.rect(-0.6, y, length - between(rng, 2.2, 4.0), 2 * radius, sleeve, radius * 1.2, 110)
    if chance(rng, 0.5):
        second = tone(rng, [(50, 120, 190), (205, 206, 206), (26, 26, 28), (70, 165, 205), (40, 40, 180)])
        share = between(rng, 0.2, 0.5)
        canvas.rect((1 - share) * length / 2 - 1.6, y, share * length - 2, 2 * radius, second)
    ink = ink_on(sleeve)
    name = one_of(rng, (brand(rng), brand(rng), "ALKALINE", "Li-ion", "INR18650", "NiMH", "Super"))
    cap = min(radius * between(rng, 0.35, 0.8), length * 0.6 / len(name))
    title(canvas, name, -length * between(rng, 0.05, 0.2), y + between(rng, -0.4, 0.4) * radius, cap, ink)
    if chance(rng, 0.6):
        canvas.text(
            one_of(rng, ("1.5V", "3.7V", "1.2V", "AA LR6", "2600mAh")),
            -length * 0.14,
            y + radius * 0.66,
            max(0.8, radius * 0.2),
            ink,
        )
    if chance(rng, 0.5):
        canvas.text("+", length * 0.38, y, radius * 0.6, ink)
    barrel_sheen(canvas, rounded_rect(0, y, length - 1, 2 * radius, 0.5), False, between(rng, 0.4, 0.8))


def _round_cell(rng: np.random.Generator, mm_per_px: float) -> Canvas:
    """An AA, AAA, C, D, 18650 or alike on its side; now and then dented, leaking or stripped."""
    length, radius = one_of(rng, _ROUND)
    canvas = Canvas(length + 2, 2 * radius + 2, mm_per_px, rng)
    sleeve = tone(rng, _SLEEVES) if chance(rng, 0.9) else STEEL
    x = canvas.x_mm
    profile = np.where(np.abs(x) < length / 2 - 1.2, radius, radius * 0.4)
    canvas.revolve(np.where(x < 0, radius, profile) * (np.abs(x) < length / 2), STEEL, 120, radius)
    _painted_round(canvas, length, radius, sleeve)
    if chance(rng, 0.15):  # dried electrolyte
        crust = np.cumsum(rng.normal(0, radius * 0.2, (9, 2)), axis=0) + np.array([length / 2 - 1, 0])
        canvas.shade(crust, tone(rng, [(225, 228, 228), (190, 205, 140)]), 0.8, 0.6)
    wear(canvas, between(rng, 0.2, 1.3), (190, 192, 192))
    return canvas


def _painted_round(canvas: Canvas, length: float, radius: float, sleeve: Bgr) -> None:
    """The sleeve of a cell: second colour, name, rating, signs, and its shading."""
    rng = canvas.rng
    body = rounded_rect(-0.4, 0, length - 2.6, 2 * radius)
    canvas.polygon(body, sleeve, None, 110)
    if chance(rng, 0.6):
        second = tone(rng, [(50, 120, 190), (205, 206, 206), (26, 26, 28), (70, 165, 205), (40, 40, 180)])
        share = between(rng, 0.2, 0.45)
        canvas.rect((1 - share) * length / 2 - 1.6, 0, share * length - 2, 2 * radius, second)
    ink = ink_on(sleeve)
    name = one_of(rng, (brand(rng), brand(rng), "ALKALINE", "Li-ion", "INR18650", "NiMH", "Super", "POWER"))
    cap = min(radius * between(rng, 0.35, 0.9), length * 0.6 / len(name))
    title(canvas, name, -length * between(rng, 0.05, 0.18), between(rng, -0.4, 0.3) * radius, cap, ink)
    rating = one_of(rng, ("1.5V", "3.7V", "1.2V", "AA LR6", "2600mAh", "3.6V 9.6Wh", "AAA 1.5V"))
    canvas.text(rating, -length * 0.14, radius * 0.62, max(0.8, radius * 0.22), ink)
    if chance(rng, 0.4):
        paragraph(canvas, -length * 0.1, -radius * 0.7, length * 0.6, radius * 0.5, ink, 0.8)
    if chance(rng, 0.6):
        canvas.text("+", length * 0.4, 0, radius * 0.6, ink)
    if chance(rng, 0.3):
        sign(canvas, -length * 0.38, radius * 0.2, radius * 0.5, ink)
    barrel_sheen(canvas, rounded_rect(0, 0, length - 1, 2 * radius, 0.5), False, between(rng, 0.4, 0.9))
    edge = np.sqrt(np.maximum(0.0, 1.0 - (canvas.y_mm / (radius + 0.1)) ** 2))
    canvas.tint((0.75 + 0.25 * edge)[:, None])


def _pack(rng: np.random.Generator, mm_per_px: float) -> Canvas:
    """Cells side by side: shrink-wrapped with wires, or bare with welded nickel strips."""
    length, radius = one_of(rng, (_ROUND[0], _ROUND[1], _ROUND[5], _ROUND[5], _ROUND[8]))
    count = int(rng.integers(2, 5))
    tail = between(rng, 6, 22)
    canvas = Canvas(length + 2 * tail, 2 * radius * count + 1, mm_per_px, rng)
    sleeve = tone(rng, [*_SLEEVES[:5], (170, 90, 30), (170, 90, 30), (60, 60, 200)])
    wrapped = chance(rng, 0.55)
    for place in np.arange(count) - (count - 1) / 2:
        y = float(place) * 2 * radius
        _cell_on(canvas, y, length, radius, sleeve)
        for share, rise in ((0.85, 1.6), (0.6, 1.85), (0.35, 2.0)):
            canvas.lift(rounded_rect(0, y, length - 1.6, 2 * radius * share), radius * rise)
    if wrapped:
        film = tone(rng, [(170, 90, 30), (150, 60, 20), (60, 60, 200), BLACK, (60, 140, 50)])
        canvas.rect(0, 0, length + 1, 2 * radius * count + 0.5, film, radius * 1.9, 170, 3)
        for place in np.arange(count) - (count - 1) / 2:
            y = float(place) * 2 * radius
            for share, rise in ((0.8, 1.93), (0.5, 1.98), (0.25, 2.0)):
                canvas.rect(0, y, length, 2 * radius * share, film, radius * rise, 170)
            barrel_sheen(canvas, rounded_rect(0, y, length, 2 * radius), False, 0.4)
        if chance(rng, 0.7):
            label(
                canvas, 0, 0, length * 0.6, 2 * radius * min(count, 2) * 0.7, one_of(rng, (WHITE, vary(film, rng, 4)))
            )
        canvas.roughen(0.08, 3)
    else:
        for place in range(count - 1):
            y = (place - (count - 2) / 2) * 2 * radius
            canvas.rect(
                (1 if place % 2 else -1) * (length / 2 - 0.4), y, 2.2, 2.6 * radius, STEEL, radius * 1.6, 190, 0.5
            )
    if chance(rng, 0.75):
        wire_pair(canvas, length / 2, between(rng, -0.3, 0.3) * radius * count, tail * 0.95, radius * 0.6)
    wear(canvas, between(rng, 0.2, 1.0))
    return canvas


def _nine_volt_side(rng: np.random.Generator, mm_per_px: float) -> Canvas:
    """A 9 V block on its side: printed sleeve, rims, the two snaps at one end."""
    length, width = 45.5, one_of(rng, (26.0, 26.0, 17.0))
    canvas = Canvas(length + 4, width, mm_per_px, rng)
    sleeve = tone(rng, _SLEEVES)
    thick = 17.0 if width > 20 else 26.0
    canvas.rect(0, 0, length, width, STEEL, thick - 0.4, 150, 2)
    canvas.rect(0, 0, length - 2.4, width, sleeve, thick, 120, 2)
    canvas.rect(length / 2 - 0.6, 0, 1.4, width - 1, BLACK, thick - 1, 60)
    snaps = (-6.4, 6.4) if width > 20 else (0.0,)
    for place in snaps:
        canvas.rect(length / 2 + 1.2, place, 2.6, 5.6 if place <= 0 else 7.6, STEEL, thick / 2 + 3, 180, 0.6)
    if chance(rng, 0.6):
        second = tone(rng, [(50, 120, 190), (70, 165, 205), BLACK, (205, 207, 207), (40, 40, 180)])
        share = between(rng, 0.25, 0.5)
        canvas.rect((1 - share) * length / 2 - 1.4, 0, share * length, width, second)
    ink = ink_on(sleeve)
    turn = one_of(rng, (0, 1, 3))
    name = one_of(rng, (brand(rng), "ALKALINE", "POWER"))
    room = (length if turn == 0 else width) * 0.65
    title(
        canvas,
        name,
        -length * 0.08,
        between(rng, -0.2, 0.1) * width if turn == 0 else 0,
        min(6.0, room / len(name)),
        ink,
        turn,
    )
    canvas.text(one_of(rng, ("9V", "9V", "6LR61", "6F22")), length * 0.28, 0, between(rng, 3, 7), WHITE, turn)
    paragraph(canvas, -length * 0.2, width * 0.3, length * 0.4, width * 0.3, ink, 1.0)
    gradient(canvas, rounded_rect(0, 0, length, width, 2), (245, 245, 245), between(rng, 0, 0.4))
    barrel_sheen(canvas, rounded_rect(0, 0, length - 2, width, 2), False, between(rng, 0.1, 0.4))
    wear(canvas, between(rng, 0.2, 1.4), (190, 192, 192))
    return canvas


def _nine_volt_top(rng: np.random.Generator, mm_per_px: float) -> Canvas:
    """A 9 V block that stands: the round and the flower-shaped snap on a dark plate."""
    canvas = Canvas(26.5, 17.5, mm_per_px, rng)
    canvas.rect(0, 0, 26.5, 17.5, tone(rng, _SLEEVES), 23, 120, 3)
    canvas.rect(0, 0, 25, 16, STEEL, 23.2, 160, 2.5)
    canvas.rect(0, 0, 23.6, 14.6, tone(rng, [BLACK, (50, 60, 70), (60, 100, 140)]), 23, 50, 2)
    canvas.disc(-6.4, 0, 3.0, STEEL, 24, 190)
    canvas.disc(-6.4, 0, 2.0, dimmed(STEEL, 0.6), 24.6, 190)
    canvas.polygon(ellipse(6.4, 0, 4.2, 4.2, 6), STEEL, 24.6, 190)
    canvas.disc(6.4, 0, 2.8, dimmed(STEEL, 0.4), 23.5, 60)
    canvas.text("+", -11, -4, 2, WHITE)
    wear(canvas, 0.5)
    return canvas


def _coin(rng: np.random.Generator, mm_per_px: float) -> Canvas:
    """A coin cell: engraved plus side, or minus side with its insulating ring; now and then with welded tabs."""
    radius = one_of(rng, (10.0, 10.0, 12.25, 8.0, 6.25, 5.8))
    tail = between(rng, 4, 9) if chance(rng, 0.3) else 0.0
    canvas = Canvas(2 * radius + 2 * tail, 2 * radius, mm_per_px, rng)
    steel = tone(rng, [STEEL, (188, 190, 190), (160, 165, 168), (150, 165, 175)])
    canvas.disc(0, 0, radius, steel, 2.4, 170)
    canvas.disc(0, 0, radius * 0.95, steel, between(rng, 2.8, 3.4), 170)
    if chance(rng, 0.6):
        turned_metal(canvas, 0, 0, radius * 0.95, between(rng, 0.3, 0.7))
        dark = dimmed(steel, 0.55)
        canvas.text("+", 0, -radius * 0.55, radius * 0.26, dark)
        title(canvas, brand(rng), 0, -radius * 0.15, radius * 0.2, dark)
        canvas.text(
            one_of(rng, ("CR2032", "CR2025", "CR2450", "LR44", "CR1620")), 0, radius * 0.22, radius * 0.26, dark
        )
        canvas.text("3V", 0, radius * 0.6, radius * 0.2, dark)
    else:
        canvas.stroke(ring(0, 0, radius * 0.86), radius * 0.05, (40, 42, 44))
        canvas.disc(0, 0, radius * 0.82, steel, 3.4, 170)
        turned_metal(canvas, 0, 0, radius * 0.82, between(rng, 0.3, 0.7))
        canvas.grain(0.12, 0.4)
    if tail > 0:
        for side in (-1, 1):
            canvas.rect(
                side * (radius + tail / 2 - 2), side * 1.5, tail + 6, 3.2, STEEL, 3.6 if side < 0 else 0.8, 190, 0.8
            )
    elif chance(rng, 0.15):
        canvas.rect(0, 0, 2 * radius - 1, 2 * radius * 0.5, tone(rng, [(60, 190, 215), _KAPTON]), 3.6, 90)
    wear(canvas, between(rng, 0.3, 1.2), dimmed(STEEL, 0.7))
    return canvas


def _shell(rng: np.random.Generator, mm_per_px: float) -> Canvas:
    """A prismatic cell in an aluminium can: bare or filmed, terminals and a vent on the end that is seen."""
    length, width = between(rng, 40, 110), between(rng, 28, 70)
    width = min(width, length * 0.85)
    canvas = Canvas(length + 3, width, mm_per_px, rng)
    can = tone(rng, [(192, 193, 193), (180, 182, 182), (170, 100, 40), (28, 28, 29), (150, 70, 20)])
    thick = between(rng, 5, 22)
    canvas.rect(0, 0, length, width, can, thick, 140, between(rng, 1.5, 4))
    canvas.grain(0.05, 0.3, 10)
    for side in (-1, 1):
        canvas.rect(length / 2 + 0.9, side * width * 0.3, 2.2, 5, STEEL if side < 0 else BRASS, thick / 2, 190)
    canvas.rect(length / 2 - 1.5, 0, 3, width - 2, dimmed(can, 0.8), thick - 0.4, 90)
    if chance(rng, 0.7):
        label(canvas, -2, 0, length * between(rng, 0.45, 0.9), width * between(rng, 0.5, 0.94))
    else:
        canvas.text(code(rng, 9), 0, 0, min(3.5, length / 12), ink_on(can))
        bars(canvas, 0, width * 0.25, length * 0.4, width * 0.1, INK)
    gradient(canvas, quad(0, 0, length, width, 0), (245, 245, 245), between(rng, 0, 0.3))
    if chance(rng, 0.3):
        canvas.bulge(0, 0, length * 0.55, width * 0.55, between(rng, 1.0, 4))
    wear(canvas, between(rng, 0.2, 1.2), (200, 202, 202))
    return canvas


LOOKS: dict[str, Looks] = {
    "battery": (
        (3, _pouch), (2, _phone_pack), (2.6, _round_cell), (1.2, _pack), (1.2, _nine_volt_side), (0.4, _nine_volt_top),
        (1.3, _coin), (0.6, _laptop_pack), (0.8, _shell),
    ),
}  # fmt: skip
"""Each class's looks with their weights."""
