"""What is none of the classes: waste, bottles, cans, wood, food, household things."""

from collections.abc import Mapping

import numpy as np

from sim.render.canvas import Canvas, Painter
from sim.render.dice import chance, dimmed, look, one_of, tone
from sim.render.hardware_waste import (
    BRIGHT,
    cardboard,
    creases,
    film,
    foam,
    foil,
    leaf,
    paper,
    size,
    soiled,
    stone,
    textile,
)
from sim.render.looks import STEEL, aslant, code, drum, metal
from sim.render.shapes import ellipse, ragged, rounded_rect, vary
from sim.render.solids import Body, Paint
from sim.render.textures import Texture


def other(rng: np.random.Generator, mm_per_px: float) -> Canvas:
    """Something that does not belong on the line."""
    looks = (
        (0.13, cardboard),
        (0.13, paper),
        (0.09, film),
        (0.07, _bottle_cap),
        (0.05, _bottle_neck),
        (0.07, foam),
        (0.07, _wood),
        (0.08, stone),
        (0.06, textile),
        (0.06, _can),
        (0.07, _mouse),
        (0.04, foil),
        (0.05, leaf),
        (0.07, _food),
        (0.1, _household),
    )
    return look(rng, looks)(rng, mm_per_px)


def _wood(rng: np.random.Generator, mm_per_px: float) -> Canvas:
    """A stick, a splinter, a spatula, a pencil stub, a block."""
    body = Body(rng)
    base = tone(rng, [(120, 170, 205), (90, 140, 180), (60, 100, 140), (140, 190, 220), (50, 75, 100)])
    length = float(rng.uniform(15, 85))
    kind = rng.random()
    if kind < 0.2:
        radius = float(rng.uniform(3.3, 3.8))
        lacquer = Paint(tone(rng, BRIGHT), 160)
        body.prism(ellipse(0, 0, radius, radius, 6), 6, length + 6, lacquer)
        body.revolve([(0, 0), (2.0, 0.9), (6.2, radius * 0.9)], [Paint((60, 60, 62), 90), Paint(base, 20)])
        return soiled(body.drawn(mm_per_px, (0.2, 1, 0.05), min(aslant(rng), 40)), rng)
    width = float(rng.uniform(2, 9)) if kind < 0.7 else length * float(rng.uniform(0.3, 0.9))
    high = width * 0.25 if kind < 0.4 else width * float(rng.uniform(0.3, 0.9))
    grain = Texture(length, width, mm_per_px, base)
    grain.mottle(rng, 0.14, 0.7, 12.0)
    grain.mottle(rng, 0.06, 0.3, 20.0)
    outline = rounded_rect(0, 0, length, width, width / 2 if kind < 0.4 else 0.3)
    outline = ragged(length, width, rng, 0.3) if chance(rng, 0.4) else outline
    body.prism(outline, 0, min(high, 15.0), Paint(base, 20), grain, grain, edge=Paint(dimmed(base, 0.85), 15))
    return soiled(body.drawn(mm_per_px, (0, rng.normal(0, 0.1), 1), min(aslant(rng), 40)), rng)


def _bottle_cap(rng: np.random.Generator, mm_per_px: float) -> Canvas:
    """A plastic screw cap or a crown cap, either side up."""
    body = Body(rng)
    colour = tone(rng, BRIGHT)
    if chance(rng, 0.6):
        radius, high = float(rng.uniform(11, 20)), float(rng.uniform(8, 16))
        plastic = Paint(colour, 110)
        top = Texture(2 * radius, 2 * radius, mm_per_px, colour)
        if chance(rng, 0.5):
            top.text(code(rng, one_of(rng, ("AAAA", "AA", "0000"))), 0, 0, radius * 0.4, tone(rng, BRIGHT))
        hollow = [ellipse(0, 0, radius * 0.9, radius * 0.9, 40)]
        rim = ellipse(0, 0, radius, radius, 72) * (1 + 0.02 * np.sign(np.sin(np.arange(72) * np.pi / 1.5)))[:, None]
        body.prism(rim, 0, high - 0.8, plastic, None, None, hollow)
        body.prism(rim, high - 0.8, high, plastic, top, Texture(2 * radius, 2 * radius, mm_per_px, dimmed(colour, 0.7)))
    else:
        radius, high = 14.5, 6.0
        teeth = ellipse(0, 0, radius, radius, 84) * (0.95 + 0.05 * np.cos(np.arange(84) * np.pi / 2))[:, None]
        paint = Paint(colour, 140, 0.3)
        top = Texture(2 * radius, 2 * radius, mm_per_px, colour)
        top.disc(0, 0, radius * 0.7, tone(rng, BRIGHT))
        top.text(code(rng, "AAA"), 0, 0, radius * 0.35, tone(rng, BRIGHT))
        inner = [ellipse(0, 0, radius * 0.88, radius * 0.88, 40)]
        body.prism(teeth, 0, high * 0.85, paint, None, None, inner)
        body.prism(
            ellipse(0, 0, radius * 0.92, radius * 0.92),
            high * 0.8,
            high,
            paint,
            top,
            Texture(2 * radius, 2 * radius, mm_per_px, STEEL),
        )
    up = one_of(rng, ((0, 0, 1), (0, 0, -1), (0, 0, 1), (0, 0, -1), (1, 0, 0.1)))
    return soiled(body.drawn(mm_per_px, up, aslant(rng)), rng)


def _bottle_neck(rng: np.random.Generator, mm_per_px: float) -> Canvas:
    """The cut top of a plastic bottle, see-through."""
    body = Body(rng)
    tint = tone(rng, [(200, 205, 205), (215, 205, 190), (150, 190, 150), (90, 130, 170), (210, 200, 160)])
    radius, length = float(rng.uniform(14, 28)), float(rng.uniform(20, 45))
    clear = Paint(tint, 255, 0.35, float(rng.uniform(0.35, 0.6)))
    body.revolve([(0, 10), (9, 10), (9, 11.5), (11, 11.5), (11, 10)], clear, axis=(1, 0, 0), thread=(0, 8, 3.0, 0.8))
    share = np.linspace(0, 1, 10)
    shoulder = np.column_stack([11 + length * share, 10 + (radius - 10) * np.sin(share * np.pi / 2)])
    body.revolve(shoulder, clear, axis=(1, 0, 0), squeeze=float(rng.uniform(0.6, 1.0)))
    if chance(rng, 0.5):
        cap = Paint(tone(rng, BRIGHT), 110)
        body.revolve([(-3, 0), (-3, 11), (9, 11)], cap, axis=(1, 0, 0))
    return soiled(body.drawn(mm_per_px, (rng.normal(0, 0.2), 0, 1), min(aslant(rng), 35)), rng)


def _can(rng: np.random.Generator, mm_per_px: float) -> Canvas:
    """A drink or food can, small ones whole, others crushed or cut to a piece."""
    body = Body(rng)
    radius, half = float(rng.uniform(12, 26)), float(rng.uniform(14, 38))
    colour = tone(rng, BRIGHT)
    wrap = Texture(2 * half, 2 * np.pi * radius, mm_per_px, colour)
    wrap.mottle(rng, 0.04, 3.0)
    for side in (-0.25, 0.25):
        y = side * 2 * np.pi * radius
        wrap.polygon(ellipse(0, y, half * 0.7, radius * 0.8, int(rng.integers(4, 30))), tone(rng, BRIGHT))
        wrap.text(code(rng, "AAAA"), 0, y, radius * 0.45, tone(rng, BRIGHT), int(rng.integers(0, 2)))
        for row in range(4):
            wrap.text(
                code(rng, "AAAAAA AAAA AAA"), 0, y + radius * (1.0 + row * 0.14), radius * 0.08, dimmed(colour, 0.4)
            )
    end = metal(rng, [(190, 192, 192)])
    squeeze = float(rng.uniform(0.35, 1.0))
    side_paint = Paint(colour, 190, 0.35)
    body.revolve([(-half + 2, radius), (half - 2, radius)], side_paint, axis=(1, 0, 0), texture=wrap, squeeze=squeeze)
    for way in (-1, 1):
        profile = [
            (half - 2, radius),
            (half, radius * 0.88),
            (half, radius * 0.82),
            (half - 1.5, radius * 0.8),
            (half - 1.5, 0),
        ]
        body.revolve(profile, end, axis=(way, 0, 0), squeeze=squeeze)
    canvas = body.drawn(mm_per_px, (rng.normal(0, 0.15), 0, 1), min(aslant(rng), 40))
    if squeeze < 0.7:
        creases(canvas, rng, 2.0, 12.0)
    return soiled(canvas, rng)


def _mouse(rng: np.random.Generator, mm_per_px: float) -> Canvas:
    """A computer mouse: a humped shell with two buttons and a wheel, its tail cut or short."""
    body = Body(rng)
    length, width, high = float(rng.uniform(75, 115)), float(rng.uniform(45, 64)), float(rng.uniform(22, 36))
    colour = tone(
        rng, [(46, 46, 48), (42, 42, 45), (60, 62, 64), (85, 86, 88), (205, 207, 207), (110, 80, 40), (50, 45, 160)]
    )
    x = np.linspace(-1, 1, 34)[None, :]
    y = np.linspace(-1, 1, 30)[:, None]
    waist = 1 - 0.1 * np.cos(x * np.pi) * (1 - np.abs(x))
    rim = np.sqrt(np.maximum(1 - np.abs(x) ** 3.2, 0)) * waist
    hump = np.maximum(1 - np.abs(x * 0.92 - 0.12) ** 2.4, 0) ** 0.6 * np.maximum(1 - np.abs(y) ** 3.0, 0) ** 0.5
    grid = np.empty((30, 34, 3), np.float32)
    grid[:, :, 0] = x * length / 2
    grid[:, :, 1] = y * rim * width / 2
    grid[:, :, 2] = hump * high * np.clip(rim * 1.6, 0, 1)
    shell = Texture(length, width, mm_per_px, colour)
    if chance(rng, 0.5):
        shell.rect(
            length * 0.22,
            0,
            length * 0.6,
            width * 0.6,
            tone(rng, [(35, 35, 37), (70, 72, 74), (120, 60, 30), (40, 40, 160)]),
        )
    seam = dimmed(colour, 0.35) if sum(colour) > 120 else (70, 72, 72)
    shell.stroke([(-length / 2, 0), (-length * 0.08, 0)], 0.8, seam)
    shell.stroke([(-length * 0.08, -width / 2), (-length * 0.08, width / 2)], 0.8, seam)
    shell.rect(-length * 0.27, 0, length * 0.16, width * 0.14, (15, 15, 15))
    shell.rect(
        -length * 0.27, 0, length * 0.14, width * 0.09, tone(rng, [(70, 70, 72), (60, 60, 180), (110, 112, 112)])
    )
    shell.text(code(rng, one_of(rng, ("AAAA", "AA", "AAAAAA"))), length * 0.26, 0, width * 0.09, (165, 168, 168), 1)
    body.sheet(grid, Paint(colour, int(rng.integers(70, 200))), shell)
    if chance(rng, 0.6):
        reach = np.linspace(0, 1, 12)
        tail = np.column_stack(
            [-length / 2 + 2 - reach * rng.uniform(4, 22), np.sin(reach * 4) * rng.normal(0, 4), 3 + 0 * reach]
        )
        body.tube(tail, 1.6, Paint((28, 28, 28), 70), upper_only=True)
    return soiled(body.drawn(mm_per_px, (0, 0, 1), min(aslant(rng), 30)), rng, 0.02)


def _food(rng: np.random.Generator, mm_per_px: float) -> Canvas:
    """A nut, bean, potato or piece of fruit; a biscuit or a crust."""
    body = Body(rng)
    kind = rng.random()
    if kind < 0.6:
        half, radius, colour = one_of(
            rng,
            (
                (16.0, 7.0, (95, 150, 195)),
                (8.0, 4.5, (60, 90, 140)),
                (22.0, 16.0, (90, 140, 180)),
                (13.0, 12.0, (40, 120, 235)),
                (11.0, 11.0, (40, 40, 180)),
                (9.0, 9.0, (70, 160, 110)),
                (25.0, 9.0, (60, 200, 235)),
                (14.0, 13.0, (70, 110, 150)),
            ),
        )
        colour = vary(colour, rng, 15)
        share = np.linspace(0, np.pi, 26)
        dent = 1 - 0.18 * np.sin(share * 2) ** 2 * (1.0 if chance(rng, 0.4) else 0.0)
        profile = np.column_stack([-half * np.cos(share), radius * np.sin(share) ** 0.8 * dent])
        skin = Texture(2 * half, 2 * np.pi * radius, mm_per_px, colour)
        skin.mottle(rng, 0.08, 1.2)
        skin.mottle(rng, 0.08, 4.0)
        body.revolve(
            profile,
            Paint(colour, int(rng.integers(10, 150))),
            axis=(1, 0, 0),
            texture=skin,
            squeeze=float(rng.uniform(0.7, 1.0)),
        )
        return soiled(body.drawn(mm_per_px, (0, 0, 1), min(aslant(rng), 50)), rng, 0.06)
    length, width = size(rng, 18, 50)
    canvas = Canvas(length, width, mm_per_px, rng)
    crumb = tone(rng, [(90, 150, 200), (60, 110, 170), (130, 190, 220), (40, 70, 110), (60, 150, 230), (50, 170, 235)])
    outline = ellipse(0, 0, length / 2, width / 2) if chance(rng, 0.4) else ragged(length, width, rng, 0.4)
    canvas.polygon(outline, crumb, 6.0, 15)
    canvas.polygon(outline * 0.88, dimmed(crumb, 1.12), 8.0, 15)
    canvas.roughen(0.8, 2.0)
    canvas.grain(0.16, 1.0)
    return soiled(canvas, rng, 0.08)


def _household(rng: np.random.Generator, mm_per_px: float) -> Canvas:
    """A pen, key, coin, toy brick, button, lighter, peg or spoon."""
    body = Body(rng)
    colour = tone(rng, BRIGHT)
    plastic = Paint(colour, 140)
    kind = int(rng.integers(0, 7))
    flat = (0.0, 0.0, 1.0)
    if kind == 0:  # pen or marker, often broken off
        radius, length = float(rng.uniform(3.5, 6)), float(rng.uniform(40, 110))
        body.revolve(drum(length / 2, radius, 0.3), plastic, axis=(1, 0, 0))
        body.revolve([(-8, 0.6), (0, radius * 0.8)], metal(rng), (-length / 2, 0, 0), (1, 0, 0))
        body.revolve(
            [(0, radius * 1.1), (18, radius * 1.1), (18, 0)],
            Paint(tone(rng, BRIGHT), 120),
            (length * 0.3, 0, 0),
            (1, 0, 0),
        )
        body.box((length * 0.3 + 2, 0, radius + 1), (24, 2.5, 1.2), Paint(tone(rng, BRIGHT), 120))
    elif kind == 1:  # key
        steel = metal(rng, [STEEL, (80, 160, 200), (175, 178, 178)])
        bow, length = float(rng.uniform(9, 12)), float(rng.uniform(25, 34))
        body.prism(
            ellipse(0, 0, bow, bow * 0.95, 24), 0, 2.2, steel, None, None, [ellipse(-bow * 0.45, 0, 2.6, 3.8, 16)]
        )
        teeth = [
            (bow + place * length, 3.2 - depth)
            for place, depth in zip(np.linspace(0.1, 0.92, 9), rng.uniform(0, 2.4, 9), strict=True)
        ]
        body.prism(
            np.array([(bow * 0.8, -4.0), (bow + length, -4.0), (bow + length, 0.0), *teeth[::-1], (bow * 0.8, 4.0)]),
            0,
            2.0,
            steel,
        )
    elif kind == 2:  # coin
        radius = float(rng.uniform(8, 13.5))
        coin = metal(rng, [(60, 110, 160), (80, 165, 205), (180, 182, 182)], 0.5)
        face = Texture(2 * radius, 2 * radius, mm_per_px, coin.bgr)
        face.disc(0, 0, radius * 0.88, dimmed(coin.bgr, 0.85))
        face.text(code(rng, "00"), 0, 0, radius * 0.8, dimmed(coin.bgr, 1.2))
        body.prism(ellipse(0, 0, radius, radius, 60), 0, 1.8, coin, face, face)
    elif kind == 3:  # toy brick
        columns, rows = int(rng.integers(1, 5)), int(rng.integers(1, 3))
        body.box((0, 0, 4.8), (columns * 8 - 0.2, rows * 8 - 0.2, 9.6), plastic)
        for column in range(columns):
            for row in range(rows):
                x, y = (column - (columns - 1) / 2) * 8, (row - (rows - 1) / 2) * 8
                body.prism(ellipse(x, y, 2.4, 2.4, 24), 9.6, 11.3, plastic)
        flat = one_of(rng, ((0.0, 0.0, 1.0), (0.0, 1.0, 0.2), (0.3, 0.2, 1.0)))
    elif kind == 4:  # button
        radius = float(rng.uniform(5, 13))
        holes = [
            ellipse(x, y, radius * 0.11, radius * 0.11, 12)
            for x in (-radius * 0.22, radius * 0.22)
            for y in (-radius * 0.22, radius * 0.22)
        ]
        body.prism(ellipse(0, 0, radius, radius, 48), 0, 2.6, plastic, None, None, holes)
        body.prism(
            ellipse(0, 0, radius, radius, 48),
            2.4,
            3.2,
            plastic,
            None,
            None,
            [ellipse(0, 0, radius * 0.75, radius * 0.75)],
        )
    elif kind == 5:  # lighter
        body.prism(rounded_rect(0, 0, 60, 23, 6), 0, 10, Paint(colour, 200, 0.1, 0.9))
        body.box((37, 0, 5), (15, 21, 9), metal(rng))
        body.box((45, 4, 5), (5, 9, 9), Paint((40, 40, 190), 100))
    else:  # cutlery
        length = float(rng.uniform(60, 110))
        blade = (
            metal(rng) if chance(rng, 0.4) else Paint(tone(rng, [(228, 230, 230), (35, 35, 36), (150, 190, 215)]), 150)
        )
        handle = np.column_stack([np.linspace(0, length, 12), 2.5 + 2.5 * np.linspace(0, 1, 12) ** 2])
        outline = np.concatenate([handle, handle[::-1] * [1, -1]])
        body.prism(outline, 0.5, 2.5, blade)
        bowl = ellipse(-16, 0, 19, 12, 30)
        body.prism(bowl, 1.0, 3.5, blade, None, None)
        body.prism(bowl * [0.82, 0.82] - [2.5, 0], 3.4, 3.6, Paint(dimmed(blade.bgr, 0.8), 150, blade.metal))
    return soiled(body.drawn(mm_per_px, flat, min(aslant(rng), 40)), rng)


PAINTERS: Mapping[str, Painter] = {"other": other}
