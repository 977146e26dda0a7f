"""Transistors."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from sim.render.canvas import Canvas, Painter
from sim.render.dice import chance, dimmed, look, one_of
from sim.render.elements_chips import UPRIGHT, epoxy, marked
from sim.render.looks import GOLD, STEEL, TIN, aslant, code, lead, metal, tips, worn
from sim.render.shapes import ellipse, rounded_rect
from sim.render.solids import Body, Paint
from sim.render.textures import Texture


def transistor(rng: np.random.Generator, mm_per_px: float) -> Canvas:
    """A transistor: TO-92, TO-220 or TO-247, TO-3, metal can, SOT-23, DPAK."""
    looks = ((0.3, _to92), (0.33, _tabbed), (0.06, _to3), (0.07, _metal_can), (0.12, _sot), (0.12, _dpak))
    return look(rng, looks)(rng, mm_per_px)


def _half_round(width: float, deep: float) -> NDArray[np.float64]:
    """A D: flat towards -y."""
    angle = np.linspace(-0.1 * np.pi, 1.1 * np.pi, 26)
    return np.column_stack(
        [width / 2 * np.cos(angle) / np.cos(0.1 * np.pi), deep * (np.sin(angle) + 0.31) - deep * 0.62]
    )


def _to92(rng: np.random.Generator, mm_per_px: float) -> Canvas:
    body = Body(rng)
    width, high = float(rng.uniform(4.3, 4.9)), float(rng.uniform(4.3, 5.0))
    deep = width * 0.58
    coat = epoxy(rng)
    outline = _half_round(width, deep)
    flat = float(outline[:, 1].min())
    body.prism(outline, 0, high, Paint(coat, 90))
    front = Texture(width * 0.94, high, mm_per_px, coat)
    ink = dimmed(coat, float(rng.uniform(3.5, 7)))
    lines = [
        code(rng, pattern) for pattern in (one_of(rng, ("AA000", "0A0000", "A0000")), one_of(rng, ("A00A", "000")))
    ]
    for row, line in enumerate(lines):
        front.text(line, 0, (row - 0.5) * high * 0.28, high * 0.17, ink, 2)
    body.plane((-width * 0.47, flat - 0.03, 0), (width * 0.94, 0, 0), (0, 0, high), Paint(coat, 90), front)
    leg, reach = metal(rng), float(rng.uniform(1.0, 5) if chance(rng, 0.55) else rng.uniform(5, 14))
    fan = float(rng.uniform(0, 0.35)) if chance(rng, 0.6) else 0.0
    for place in (-1, 0, 1):
        path = lead(
            rng, (place * 1.27, flat + deep * 0.45, 0.1), (place * fan, 0, -1), reach * float(rng.uniform(0.85, 1)), 0.2
        )
        tips(body, path, 0.24, leg)
    up = one_of(rng, ((0, -1, 0), (0, -1, 0), (0, 1, 0), (0.8, 0.5, 0), (0, 0, 1), (0, -1, 0.3)))
    return worn(body.drawn(mm_per_px, up, aslant(rng)), rng)


def _tabbed(rng: np.random.Generator, mm_per_px: float) -> Canvas:
    """TO-220, TO-126, TO-247 and fully moulded kin: x across the legs, y along them, z up from the tab."""
    body = Body(rng)
    big, moulded = chance(rng, 0.22), chance(rng, 0.25)
    width, high, thick, tab_high = (15.6, 20.0, 4.8, 0.0) if big else (10.1, float(rng.uniform(8.6, 9.4)), 4.4, 6.3)
    coat, steel = epoxy(rng), metal(rng, [TIN, STEEL, (185, 187, 187), (130, 165, 185)])
    hole_y = -high / 2 + 3.6 if big else -high / 2 - tab_high * 0.52
    hole = ellipse(0, hole_y, 1.8, 1.8, 24)
    tab = np.array(
        [
            (-width / 2, high / 2),
            (-width / 2, -high / 2 - tab_high),
            (width / 2, -high / 2 - tab_high),
            (width / 2, high / 2),
        ]
    )
    if not big:
        y = -high / 2 - tab_high
        tab = np.array(
            [
                (-width / 2, high / 2),
                (-width / 2, y + 3.6),
                (-width / 2 + 0.6, y + 3.0),
                (-width / 2, y + 2.4),
                (-width / 2, y),
                (width / 2, y),
                (width / 2, y + 2.4),
                (width / 2 - 0.6, y + 3.0),
                (width / 2, y + 3.6),
                (width / 2, high / 2),
            ]
        )
    if moulded and not big:
        body.prism(tab, 0, 2.6, Paint(coat, 80), None, None, [hole])
    else:
        body.prism(tab, 0, 1.3, steel, None, None, [hole])
    top = marked(rng, mm_per_px, width - 0.3, high - 0.2, coat, False)
    rim = rounded_rect(0, 0, width - 0.1, high, 0.3)
    body.prism(rim, 0.4, thick, Paint(coat, int(rng.integers(50, 110))), top, None, [hole] if big else [])
    reach = float(rng.uniform(2.0, 6.0) if chance(rng, 0.55) else rng.uniform(6, 13.5))
    pitch, legs = (5.45 if big else 2.54), (3 if chance(rng, 0.85) else 5)
    pitch = 1.7 if legs == 5 and not big else pitch
    wide = 2.0 if big else 1.25
    for number in range(legs):
        x = (number - (legs - 1) / 2) * (pitch if legs == 3 else pitch * 0.9)
        body.box((x, high / 2 + 1.5, 2.5), (wide, 3.2, 0.5), steel)
        heading = (rng.normal(0, 0.06), 1, rng.normal(0, 0.3) if chance(rng, 0.3) else 0)
        path = lead(rng, (x, high / 2 + 1.5, 2.5), heading, reach, 0.3 if chance(rng, 0.3) else 0.9)
        tips(body, path, 0.42, steel)
    up = one_of(rng, ((0, 0, 1), (0, 0, 1), (0, 0, 1), (0, 0, -1), (0, 0, -1), (1, 0, 0.1), (-1, 0, 0.15)))
    return worn(body.drawn(mm_per_px, up, aslant(rng)), rng)


def _to3(rng: np.random.Generator, mm_per_px: float) -> Canvas:
    """A TO-3 can: a lens-shaped flange with two holes, a round cap, two pins below."""
    body = Body(rng)
    steel = metal(rng, [STEEL, (155, 160, 160), (140, 160, 170)])
    around = np.linspace(0, 2 * np.pi, 60, endpoint=False)
    flange = np.column_stack([19.5 * np.cos(around), 12.8 * np.sign(np.sin(around)) * np.abs(np.sin(around)) ** 1.25])
    holes = [ellipse(side * 15.1, 0, 2.0, 2.0, 24) for side in (-1, 1)]
    body.prism(flange, 0, 1.8, steel, None, None, holes)
    cap = Texture(20, 20, mm_per_px, steel.bgr)
    for row, line in enumerate((code(rng, "0A0000"), code(rng, "AAA 0000"))):
        cap.text(line, 0, (row - 0.5) * 4.5, 2.4, dimmed(steel.bgr, 0.35))
    body.revolve([(1.8, 10.8), (2.3, 10.8), (2.3, 10.2), (7.4, 9.9), (8.0, 9.2), (8.0, 0)], steel)
    body.prism(ellipse(0, 0, 9.0, 9.0), 7.9, 8.03, steel, cap, None)
    for side in (-1, 1):
        body.revolve([(-0.4, 0), (-0.4, 1.6), (0, 1.6)], Paint((60, 80, 60), 160), (2.0, side * 5.45, 0))
        tips(body, np.array([(2.0, side * 5.45, 0.0), (2.0, side * 5.45, -float(rng.uniform(3, 11)))]), 0.5, steel)
    up = one_of(rng, ((0, 0, 1), (0, 0, 1), (0, 0, -1), (0.3, 0, -1)))
    return worn(body.drawn(mm_per_px, up, aslant(rng)), rng)


def _metal_can(rng: np.random.Generator, mm_per_px: float) -> Canvas:
    """TO-18 or TO-39: a small hat with a tag and three legs."""
    body = Body(rng)
    radius, high = one_of(rng, ((2.3, 4.8), (4.2, 6.4)))
    shell = metal(rng, [STEEL, GOLD, (175, 178, 178)])
    body.revolve(
        [
            (0, 0),
            (0, radius * 1.18),
            (0.4, radius * 1.18),
            (0.4, radius),
            (high - 0.3, radius),
            (high, radius * 0.85),
            (high, 0),
        ],
        shell,
    )
    body.box((radius * 1.25, 0, 0.2), (0.9, 0.9, 0.35), shell)
    reach = float(rng.uniform(1.5, 13))
    for angle in np.deg2rad([0, 120, 240]):
        place = (radius * 0.55 * np.cos(angle), radius * 0.55 * np.sin(angle), 0.05)
        tips(body, lead(rng, place, (place[0] * 0.1, place[1] * 0.1, -1), reach, 0.2), 0.22, metal(rng, [GOLD, TIN]))
    turn = rng.uniform(0, 2 * np.pi)
    up = one_of(rng, ((np.cos(turn), np.sin(turn), 0.15), (np.cos(turn), np.sin(turn), 0.0), (0, 0, 1), (0, 0, -1)))
    return worn(body.drawn(mm_per_px, up, aslant(rng)), rng)


def _sot(rng: np.random.Generator, mm_per_px: float) -> Canvas:
    """SOT-23, SOT-89, SOT-223: two or three legs against one, or a wide tab."""
    body = Body(rng)
    length, width, high, wide_tab = one_of(rng, ((2.9, 1.4, 1.0, False), (6.5, 3.5, 1.7, True), (4.5, 2.5, 1.5, True)))
    coat, leg = epoxy(rng), metal(rng)
    top = Texture(length, width, mm_per_px, coat)
    top.text(
        code(rng, one_of(rng, ("A0A", "0A", "AA0", "A00"))), 0, 0, width * 0.36, dimmed(coat, float(rng.uniform(4, 7)))
    )
    body.box((0, 0, 0.1 + high / 2), (length, width, high), Paint(coat, 70), top, None, None, 0.05)
    thin = length * 0.13

    def foot(x: float, side: int, wide: float) -> None:
        body.box((x, side * (width / 2 + length * 0.04), high * 0.5), (wide, length * 0.12, 0.18), leg)
        body.box((x, side * (width / 2 + length * 0.1), high * 0.28), (wide, 0.16, high * 0.5), leg)
        body.box((x, side * (width / 2 + length * 0.17), 0.08), (wide, length * 0.14, 0.16), leg)

    for x in (-0.33, 0.0, 0.33) if wide_tab else (-0.33, 0.33):
        foot(x * length, 1, thin)
    foot(0.0, -1, length * 0.45 if wide_tab else thin)
    return worn(body.drawn(mm_per_px, one_of(rng, UPRIGHT), aslant(rng)), rng)


def _dpak(rng: np.random.Generator, mm_per_px: float) -> Canvas:
    """DPAK or D2PAK: epoxy on a metal tab, two bent legs and a stub."""
    body = Body(rng)
    size = float(one_of(rng, (6.5, 10.2)))
    high, deep = size * 0.36 if size < 8 else 4.4, size * 0.92
    coat, steel = epoxy(rng), metal(rng)
    body.box((0, -deep * 0.1, 0.3), (size * 0.84, deep * 1.2, 0.6), steel)
    top = marked(rng, mm_per_px, size, deep, coat, False)
    body.box(
        (0, 0, 0.2 + high / 2),
        (size, deep, high),
        Paint(coat, 70),
        top,
        Texture(1, 1, mm_per_px, steel.bgr),
        None,
        0.03,
    )
    reach = size * 0.36
    for x in (-0.35, 0.0, 0.35):
        span = reach * (0.25 if x == 0 else 1.0)
        body.box((x * size, deep / 2 + span * 0.4, high * 0.5), (size * 0.11, span * 0.8, 0.5), steel)
        if x != 0:
            body.plane(
                (x * size - size * 0.055, deep / 2 + span * 0.7, high * 0.6),
                (size * 0.11, 0, 0),
                (0, span * 0.4, -high * 0.55),
                steel,
            )
            body.box((x * size, deep / 2 + span * 1.2, 0.2), (size * 0.11, span * 0.5, 0.4), steel)
    return worn(body.drawn(mm_per_px, one_of(rng, UPRIGHT), aslant(rng)), rng)


PAINTERS: Mapping[str, Painter] = {"transistor": transistor}
