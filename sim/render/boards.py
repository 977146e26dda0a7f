"""Circuit boards: populated, bare, module boards, memory sticks, phone boards, power supplies; backs, fragments."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from sim.render.canvas import Canvas
from sim.render.dice import Looks, between, chance, dimmed, one_of, spot, tone
from sim.render.finishes import (
    ALUMINIUM,
    BLACK,
    BRASS,
    COPPER,
    GOLD,
    STEEL,
    barrel_sheen,
    gradient,
    perforation,
    ring,
    turned_metal,
    wear,
)  # fmt: skip
from sim.render.marks import INK, WHITE, brand, code, label, matrix_code, title
from sim.render.shapes import Bgr, ellipse, ragged, rounded_rect

_MASKS: tuple[Bgr, ...] = (
    (50, 105, 25), (45, 95, 20), (60, 125, 35), (75, 120, 30), (40, 80, 20), (90, 140, 45), (60, 110, 60),
    (130, 75, 20), (110, 55, 25), (150, 95, 30), (30, 28, 26), (24, 24, 24), (38, 34, 30), (40, 40, 150), (30, 30, 120),
    (205, 208, 208), (120, 45, 80), (50, 170, 200),
)  # fmt: skip
_SILK: Bgr = (210, 214, 212)


def _mask(rng: np.random.Generator, colours: Sequence[Bgr] = _MASKS) -> Bgr:
    """A solder mask's colour, more or less saturated."""
    blue, green, red = tone(rng, colours, 10)
    grey, pale = (blue + green + red) // 3, between(rng, 0, 0.45)
    return round(blue + (grey - blue) * pale), round(green + (grey - green) * pale), round(red + (grey - red) * pale)


def ground(canvas: Canvas, length: float, width: float, mask: Bgr, corner: float = 1.0, thick: float = 1.6) -> None:
    """The board itself: laminate, solder mask, poured copper, tracks on a grid of directions, vias."""
    rng = canvas.rng
    canvas.rect(0, 0, length, width, mask, thick, 70, corner)
    bright = sum(mask) > 450
    track = dimmed(mask, 0.88) if bright else (min(255, mask[0] + 14), min(255, mask[1] + 26), min(255, mask[2] + 16))
    for _ in range(int(rng.integers(1, 6))):
        x, y = spot(rng, length, width)
        patch = np.array([[0, 0], [1, 0], [1, 0.6], [0.7, 1], [0, 1]]) * (between(rng, 5, 25), between(rng, 5, 18))
        canvas.polygon(patch + np.array([x, y]), track)
    for _ in range(int(length * width / 160) + 3):
        x, y = spot(rng, length, width, 0.5)
        run, climb = rng.normal(0, length / 6), rng.normal(0, width / 6)
        slant = min(abs(run), abs(climb)) * 0.5
        bends = np.array([[0, 0], [run, 0], [run + slant * np.sign(run), slant * np.sign(climb)],
                          [run + slant * np.sign(run), climb]])  # fmt: skip
        pitch, lines = between(rng, 0.5, 1.1), int(rng.integers(1, 6))
        for line in range(lines):
            canvas.stroke(bends + np.array([x, y + line * pitch]), pitch * 0.45, track)
    for _ in range(int(length * width / 40) + 3):
        x, y = spot(rng, length, width, 0.49)
        canvas.disc(x, y, 0.3, GOLD if chance(rng, 0.3) else dimmed(track, 1.2))


def _names(canvas: Canvas, length: float, width: float, count: int, ink: Bgr = _SILK) -> None:
    """Silk-screened designators, outlines and a title."""
    rng = canvas.rng
    for _ in range(count):
        x, y = spot(rng, length, width, 0.46)
        designator = one_of(rng, ("R", "C", "U", "L", "Q", "D", "J", "TP")) + str(int(rng.integers(1, 300)))
        canvas.text(designator, x, y, between(rng, 0.7, 1.2), ink, one_of(rng, (0, 0, 1)))
        if chance(rng, 0.4):
            canvas.stroke(_closed(rounded_rect(x, y + 1.8, between(rng, 2, 7), between(rng, 1.2, 4))), 0.18, ink)


def _closed(points: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.concatenate([points, points[:1]])


def small_parts(
    canvas: Canvas, x0: float, y0: float, length: float, width: float, count: int, base: float = 1.6
) -> None:
    """Chip resistors and capacitors, in rows as they are placed, within a rectangle around (x0, y0)."""
    rng = canvas.rng
    placed = 0
    while placed < count:
        x, y = x0 + between(rng, -0.5, 0.5) * length, y0 + between(rng, -0.5, 0.5) * width
        long = between(rng, 1.0, 2.2) if chance(rng, 0.8) else between(rng, 2.2, 4.0)
        short = long * between(rng, 0.45, 0.65)
        upright = chance(rng, 0.5)
        body = tone(rng, [(80, 120, 160), (70, 100, 140), (28, 28, 28), (28, 28, 28), (150, 175, 190), (60, 70, 80)])
        step = short * between(rng, 1.4, 1.8)
        for place in range(int(rng.integers(1, 7))):
            px, py = (x + place * step, y) if upright else (x, y + place * step)
            if abs(px - x0) > length / 2 or abs(py - y0) > width / 2:
                break
            size = (short, long) if upright else (long, short)
            middle = (short, long * 0.55) if upright else (long * 0.55, short)
            canvas.rect(px, py, *size, (190, 192, 190), base + 0.4, 190)
            canvas.rect(px, py, *middle, body, base + 0.6, 60)
            placed += 1


def chip(canvas: Canvas, x: float, y: float, side: float, other: float, base: float = 1.6) -> None:
    """An integrated circuit on its pads: legs on two or four sides, or none (ball grid, no-lead); print, dot."""
    rng = canvas.rng
    kind = one_of(rng, ("two", "four", "four", "none"))
    if kind != "none":
        pitch = between(rng, 0.5, 1.27)
        legs = np.arange(-other / 2 + pitch * 0.7, other / 2 - pitch * 0.4, pitch)
        for leg in legs:
            canvas.rect(x, y + float(leg), side + between(rng, 1.6, 1.9), pitch * 0.5, (186, 188, 187), base + 0.3, 190)
        if kind == "four":
            for leg in np.arange(-side / 2 + pitch * 0.7, side / 2 - pitch * 0.4, pitch):
                canvas.rect(x + float(leg), y, pitch * 0.5, other + 1.7, (186, 188, 187), base + 0.3, 190)
    body = tone(rng, [(27, 26, 26), (32, 31, 31), (40, 38, 38), (24, 24, 26)], 4)
    canvas.rect(x, y, side, other, body, base + between(rng, 0.9, 2.0), int(rng.integers(30, 90)), 0.2)
    ink = tone(rng, [(130, 132, 130), (170, 172, 170), (90, 92, 90)])
    cap = min(1.6, other * 0.18)
    for row in range(int(rng.integers(1, 4))):
        line = code(rng, int(rng.integers(4, 9)))
        canvas.text(line, x, y + (row - 1) * cap * 1.6, min(cap, side * 0.85 / len(line)), ink)
    canvas.disc(x - side * 0.38, y - other * 0.38, min(0.6, side * 0.06), dimmed(ink, 0.8))


def can(canvas: Canvas, x: float, y: float, radius: float, base: float = 1.6) -> None:
    """An electrolytic capacitor that stands: surface mount (bare lid, black half moon) or sleeved with a vent cross."""
    rng = canvas.rng
    if chance(rng, 0.5):
        canvas.rect(x, y, 2.1 * radius, 2.1 * radius, (30, 30, 30), base + 1.0, 60, radius * 0.3)
        canvas.disc(x, y, radius, (196, 197, 197), base + 7, 170)
        canvas.shade(
            ellipse(x, y, radius * 0.9, radius * 0.9),
            (25, 25, 25),
            lambda px, py: 1.0 * (py + 0 * px < y - radius * 0.4),
        )
        canvas.text(str(int(rng.integers(10, 990))), x, y + radius * 0.15, radius * 0.4, (60, 60, 60))
    else:
        sleeve = tone(rng, [(35, 33, 33), (110, 60, 25), (60, 40, 30), (60, 100, 40), (70, 130, 150), (90, 40, 60)])
        canvas.disc(x, y, radius, sleeve, base + 9, 90)
        canvas.disc(x, y, radius * 0.82, (188, 190, 190), base + 9.2, 170)
        reach = radius * 0.55
        canvas.stroke([[x - reach, y], [x + reach, y]], radius * 0.08, (120, 121, 121))
        canvas.stroke([[x, y - reach], [x, y + reach]], radius * 0.08, (120, 121, 121))


def pins(canvas: Canvas, x: float, y: float, count: int, rows: int, upright: bool, base: float = 1.6) -> None:
    """A pin header or socket of 2.54 mm pitch."""
    rng = canvas.rng
    housing = tone(rng, [(26, 26, 26), (26, 26, 26), (200, 205, 205), (40, 190, 215), (150, 60, 30)])
    long, broad = (rows * 2.54, count * 2.54) if upright else (count * 2.54, rows * 2.54)
    socket = chance(rng, 0.3)
    canvas.rect(x, y, long, broad, housing, base + (8 if socket else 2.5), 60)
    for place in np.arange(count) - (count - 1) / 2:
        for row in np.arange(rows) - (rows - 1) / 2:
            dx, dy = float(place) * 2.54, float(row) * 2.54
            at = (x + dy, y + dx) if upright else (x + dx, y + dy)
            if socket:
                canvas.rect(*at, 1.0, 1.0, (10, 10, 10))
            else:
                canvas.rect(*at, 0.8, 0.8, tone(rng, [GOLD, STEEL], 4), base + 8.5, 200)


def plug_socket(canvas: Canvas, x: float, y: float, side: float = 1.0, base: float = 1.6) -> None:
    """A connector at an edge: USB, network, HDMI, white wire-to-board, phone jack, card slot; opening towards side."""
    rng = canvas.rng
    length, width, metal = one_of(
        rng,
        ((13.5, 14.0, 1), (7.5, 5.5, 1), (16.0, 21.0, 1), (11.5, 15.0, 1), (7.0, 12.0, 0), (14.0, 6.5, 0), (15, 14, 1)),
    )
    body = (
        tone(rng, [STEEL, ALUMINIUM, (185, 187, 187)])
        if metal
        else tone(rng, [(212, 216, 216), BLACK, (212, 216, 216)])
    )
    top = base + (between(rng, 3, 14) if metal else between(rng, 3, 7))
    canvas.rect(x, y, length, width, body, top, 160 if metal else 60, 0.4)
    if metal:
        gradient(canvas, rounded_rect(x, y, length, width), (245, 245, 245), between(rng, 0.1, 0.5))
        for place in (-0.25, 0.25):
            canvas.rect(x - side * length * 0.1, y + place * width, length * 0.4, width * 0.09, dimmed(body, 0.5))
        canvas.rect(x + side * (length / 2 - 0.4), y, 0.8, width, dimmed(body, 0.45))
    else:
        canvas.rect(x + side * length * 0.12, y, length * 0.6, width * 0.75, dimmed(body, 0.5), top - 2)
        for place in np.arange(-width / 2 + 1.5, width / 2 - 0.7, 2.0):
            canvas.rect(x + side * length * 0.1, y + float(place), length * 0.4, 0.7, STEEL, top - 1, 190)


def shield(canvas: Canvas, x: float, y: float, length: float, width: float, base: float = 1.6) -> None:
    """A shield can over a circuit, plain, printed or perforated; or its open fence."""
    rng = canvas.rng
    metal = tone(rng, [(178, 180, 180), (190, 192, 192), (165, 170, 172), (150, 165, 170)])
    canvas.rect(x, y, length, width, metal, base + 2.0, 170, 0.5)
    gradient(canvas, rounded_rect(x, y, length, width), (245, 245, 245), between(rng, 0, 0.4))
    style = float(rng.random())
    if style < 0.2:
        canvas.rect(x, y, length - 2, width - 2, (40, 60, 35), base + 0.4, 60)
        small_parts(canvas, x, y, length - 4, width - 4, int(length * width / 12), base)
    elif style < 0.6:
        canvas.text(brand(rng), x, y - width * 0.2, min(2.0, length / 8), (95, 97, 97))
        canvas.text(code(rng, 8), x, y, min(1.5, length / 10), (95, 97, 97))
        if chance(rng, 0.5):
            matrix_code(canvas, x - length * 0.3, y + width * 0.25, min(length, width) * 0.25)
    elif style < 0.75:
        perforation(canvas, x, y, length * 0.7, width * 0.7, 2.2)
    elif style < 0.9:
        label(canvas, x, y, length * 0.7, width * 0.6, WHITE)


def populate(canvas: Canvas, length: float, width: float, density: float = 1.0) -> None:
    """Fill a board: small parts everywhere, then chips, cans, coils, crystals, headers, connectors."""
    rng = canvas.rng
    area = length * width
    small_parts(canvas, 0, 0, length * 0.94, width * 0.94, int(area / 28 * density))
    for _ in range(max(1, int(area / 450 * density))):
        x, y = spot(rng, length, width, 0.42)
        side = between(rng, 3, max(3.0, min(16, width * 0.35))) if chance(rng, 0.7) else between(rng, 2, 5)
        chip(canvas, x, y, side, side if chance(rng, 0.5) else side * between(rng, 0.5, 1.0))
    for _ in range(int(rng.poisson(area / 700 * density))):
        x, y = spot(rng, length, width, 0.44)
        kind = int(rng.integers(8))
        if kind == 0:
            largest = min(6, width * 0.1 + 1)
            radius = between(rng, min(2, largest), largest)
            for step in range(int(rng.integers(1, 4))):
                can(canvas, x + step * 2.3 * radius, y, radius)
        elif kind == 1:
            side = between(rng, 3, 11)
            canvas.rect(x, y, side, side, tone(rng, [(60, 60, 62), (85, 85, 86), (45, 45, 46)]), 5, 60, side * 0.15)
            canvas.text(one_of(rng, ("100", "4R7", "220", "2R2")), x, y, side * 0.25, (160, 162, 162))
        elif kind == 2:
            canvas.rect(x, y, 11, 4.4, tone(rng, [STEEL, ALUMINIUM]), 5, 190, 2.2)
            canvas.text(one_of(rng, ("12.000", "25.0", "16.000")), x, y, 1.0, (80, 80, 80))
        elif kind == 3:
            pins(canvas, x, y, int(rng.integers(2, 12)), int(rng.integers(1, 3)), chance(rng, 0.5))
        elif kind == 4:
            canvas.rect(x, y, 6, 6, (30, 30, 31), 3.5, 70)
            canvas.rect(x, y, 6, 5, STEEL, 4.0, 160)
            canvas.disc(x, y, 1.7, tone(rng, [BLACK, BRASS, (200, 200, 200)]), 5.0, 100)
        elif kind == 5:
            shield(canvas, x, y, between(rng, 9, 22), between(rng, 8, 18))
        elif kind == 6:
            canvas.rect(x, y, 3.5, 2.8, tone(rng, [(205, 215, 218), (60, 200, 225), (60, 60, 220)]), 2.6, 120)
        else:
            canvas.rect(x, y, 4.5, 6, BLACK, 4, 60)
            canvas.rect(x + 4.5, y, 4, 6, STEEL, 2.2, 180)
    for _ in range(int(rng.poisson(1.2))):
        side = one_of(rng, (-1.0, 1.0))
        plug_socket(canvas, side * (length / 2 - 5), between(rng, -0.35, 0.35) * width, side)


def _drill(canvas: Canvas, length: float, width: float, radius: float = 1.6) -> None:
    """Mounting holes near the corners, with plated rims."""
    rim = tone(canvas.rng, [GOLD, STEEL, (150, 160, 160)])
    for sx in (-1, 1):
        for sy in (-1, 1):
            if chance(canvas.rng, 0.8):
                x, y = sx * (length / 2 - radius * 2), sy * (width / 2 - radius * 2)
                canvas.disc(x, y, radius * 1.7, rim, 1.65, 170)
                canvas.hole(ellipse(x, y, radius, radius))


def _finish(canvas: Canvas, length: float, width: float, breakage: float) -> Canvas:
    """Broken outline now and then, and wear."""
    rng = canvas.rng
    if chance(rng, breakage):
        canvas.keep(ragged(length, width, rng, between(rng, 0.2, 0.5)))
    if chance(rng, 0.15):
        canvas.roughen(between(rng, 0.2, 0.8), 20)
    wear(canvas, between(rng, 0.1, 1.0))
    return canvas


def _populated(rng: np.random.Generator, mm_per_px: float) -> Canvas:
    """A board of some device, of any size and colour, whole or broken."""
    length = between(rng, 24, 110) if chance(rng, 0.8) else between(rng, 110, 170)
    width = length * between(rng, 0.35, 0.95)
    canvas = Canvas(length, width, mm_per_px, rng)
    mask = _mask(rng)
    ground(canvas, length, width, mask, between(rng, 0.3, 4))
    silk = INK if sum(mask) > 450 else _SILK
    _names(canvas, length, width, int(length * width / 120), silk)
    populate(canvas, length, width, between(rng, 0.5, 1.3))
    title(
        canvas,
        brand(rng),
        between(rng, -0.3, 0.3) * length,
        between(rng, -0.4, 0.4) * width,
        between(rng, 1.2, 3),
        silk,
    )
    if chance(rng, 0.25):
        x, y = spot(rng, length, width, 0.3)
        label(canvas, x, y, between(rng, 8, 25), between(rng, 5, 12), WHITE)
    if chance(rng, 0.7):
        _drill(canvas, length, width, between(rng, 1.2, 2))
    return _finish(canvas, length, width, 0.3)


def _fragment(rng: np.random.Generator, mm_per_px: float) -> Canvas:
    """A shredded piece: torn all round, some parts gone (bare pads), bent."""
    length = between(rng, 14, 60)
    width = length * between(rng, 0.45, 0.95)
    canvas = Canvas(length, width, mm_per_px, rng)
    mask = _mask(rng, _MASKS[:14])
    ground(canvas, length, width, mask)
    for _ in range(int(length * width / 60)):
        x, y = spot(rng, length, width)
        canvas.rect(
            x, y, between(rng, 0.8, 2), between(rng, 0.8, 3), tone(rng, [STEEL, GOLD, (170, 175, 175)]), 1.7, 180
        )
    _names(canvas, length, width, int(length * width / 120))
    populate(canvas, length, width, between(rng, 0.3, 1.1))
    canvas.keep(ragged(length, width, rng, between(rng, 0.3, 0.6)))
    canvas.roughen(between(rng, 0, 0.9), between(rng, 12, 30))
    wear(canvas, between(rng, 0.4, 1.6))
    return canvas


def _bare(rng: np.random.Generator, mm_per_px: float) -> Canvas:
    """A board without parts: footprints of pads, holes, tracks, print."""
    length = between(rng, 22, 110)
    width = length * between(rng, 0.4, 0.95)
    canvas = Canvas(length, width, mm_per_px, rng)
    mask = _mask(rng)
    ground(canvas, length, width, mask)
    pad = tone(rng, [GOLD, (188, 190, 190), (170, 180, 182), COPPER])
    silk = INK if sum(mask) > 450 else _SILK
    for _ in range(int(length * width / 130) + 3):
        x, y = spot(rng, length, width, 0.42)
        kind, pitch = int(rng.integers(4)), between(rng, 0.6, 1.3)
        if kind == 0:
            half = between(rng, 2, 7)
            for place in np.arange(-half, half, pitch):
                for side in (-1, 1):
                    canvas.rect(x + side * (half + 1), y + float(place), 1.4, pitch * 0.55, pad, 1.65, 190)
                    canvas.rect(x + float(place), y + side * (half + 1), pitch * 0.55, 1.4, pad, 1.65, 190)
            canvas.stroke(_closed(rounded_rect(x, y, 2 * half - 0.6, 2 * half - 0.6)), 0.2, silk)
        elif kind == 1:
            for place in range(int(rng.integers(2, 12))):
                canvas.disc(x + place * 2.54, y, 0.95, pad, 1.65, 190)
                canvas.disc(x + place * 2.54, y, 0.45, (12, 12, 12))
        else:
            for place in range(int(rng.integers(1, 6))):
                for side in (-0.8, 0.8):
                    canvas.rect(x + side, y + place * 1.8, 0.9, 1.1, pad, 1.65, 190)
    _names(canvas, length, width, int(length * width / 90), silk)
    _drill(canvas, length, width)
    return _finish(canvas, length, width, 0.25)


def _back(rng: np.random.Generator, mm_per_px: float) -> Canvas:
    """The solder side: rows and clusters of joints, wide tracks, trimmed leads; on phenolic or glass laminate."""
    length = between(rng, 30, 120)
    width = length * between(rng, 0.4, 0.95)
    canvas = Canvas(length, width, mm_per_px, rng)
    mask = _mask(rng, [*_MASKS[:8], (70, 130, 180), (90, 150, 195), (60, 115, 160)])
    ground(canvas, length, width, mask)
    for _ in range(int(length * width / 250)):
        x, y = spot(rng, length, width)
        canvas.stroke(
            np.cumsum(rng.normal(0, 6, (4, 2)), axis=0) + np.array([x, y]), between(rng, 1, 3.5), dimmed(mask, 1.15)
        )
    for _ in range(int(length * width / 70) + 4):
        x, y = spot(rng, length, width, 0.46)
        upright, count = chance(rng, 0.5), int(rng.integers(1, 10)) if chance(rng, 0.4) else 2
        for place in range(count):
            px, py = (x, y + place * 2.54) if upright else (x + place * 2.54, y)
            radius = between(rng, 0.7, 1.3)
            canvas.disc(px, py, radius, (176, 178, 178), 1.8, 200)
            canvas.dome(px, py, radius * 0.9, 1.7, 0.9)
            canvas.disc(px, py, 0.3, (120, 122, 122))
    if chance(rng, 0.5):
        small_parts(canvas, 0, 0, length * 0.8, width * 0.8, int(length * width / 90))
        x, y = spot(rng, length, width, 0.3)
        chip(canvas, x, y, 9, 5)
    _names(canvas, length, width, int(length * width / 200), INK if sum(mask) > 400 else _SILK)
    _drill(canvas, length, width)
    return _finish(canvas, length, width, 0.25)


def _module(rng: np.random.Generator, mm_per_px: float) -> Canvas:
    """A maker's or radio module: pin rows along both long sides, USB at one end, shield with aerial, or a chip."""
    length, width = between(rng, 32, 72), between(rng, 17, 32)
    canvas = Canvas(length + 2, width, mm_per_px, rng)
    mask = tone(
        rng, [(130, 75, 20), (150, 80, 30), BLACK, BLACK, (60, 115, 30), (45, 40, 150), (200, 204, 204), (90, 45, 80)]
    )
    ground(canvas, length, width, mask, between(rng, 0.5, 3))
    silk = INK if sum(mask) > 450 else _SILK
    count = int(length / 2.54) - 1
    headers = chance(rng, 0.5)
    for side in (-1, 1):
        y = side * (width / 2 - 1.6)
        for place in np.arange(count) - (count - 1) / 2:
            canvas.disc(float(place) * 2.54, y, 1.0, GOLD if not headers else STEEL, 1.8, 190)
            canvas.disc(float(place) * 2.54, y, 0.4, (12, 12, 12) if not headers else GOLD, 1.8 if not headers else 3.0)
            canvas.text(
                one_of(rng, ("D1", "A0", "5V", "GND", "TX", "3V3", "D12")),
                float(place) * 2.54,
                y - side * 2.0,
                0.8,
                silk,
                1,
            )
    plug_socket(canvas, -length / 2 + 3, 0, -1.0)
    small_parts(canvas, 0, 0, length * 0.8, width * 0.5, int(length * width / 30))
    style = float(rng.random())
    if style < 0.45:
        x = length * 0.2
        canvas.rect(x + 3, 0, 24, min(17, width - 6), dimmed(mask, 0.7), 2.4, 60)
        shield(canvas, x - 0.5, 0, 15, min(12.5, width - 7), 2.4)
        zigzag = np.array([[0, -5], [3, -5], [3, -2.5], [0, -2.5], [0, 0], [3, 0], [3, 2.5], [0, 2.5], [0, 5], [3, 5]])
        canvas.stroke(zigzag + np.array([x + 9.5, 0.0]), 0.6, GOLD)
    elif style < 0.8:
        chip(canvas, length * between(rng, -0.05, 0.2), 0, between(rng, 5, 10), between(rng, 5, 9))
    else:
        canvas.rect(length * 0.12, 0, length * 0.5, width * 0.62, (24, 22, 20), 3.0, 120, 0.4)
        canvas.rect(length * 0.14, 0, length * 0.42, width * 0.45, tone(rng, [(35, 30, 28), (110, 60, 60)]), 3.0, 160)
    for _ in range(2):
        x, y = spot(rng, length, width * 0.5)
        canvas.rect(x, y, 4, 3, STEEL, 3, 160)
        canvas.disc(x, y, 1, BLACK, 3.6, 60)
    title(canvas, brand(rng), length * 0.1, width * 0.26, 1.5, silk)
    _drill(canvas, length, width, 1.3)
    return _finish(canvas, length, width, 0.08)


def _stick(rng: np.random.Generator, mm_per_px: float) -> Canvas:
    """A memory stick or a plug-in card: gold fingers along an edge, a row of black chips, a label."""
    length, width = one_of(rng, ((133.0, 30.0), (67.6, 30.0), (80.0, 22.0), (110.0, 60.0)))
    canvas = Canvas(length, width, mm_per_px, rng)
    mask = _mask(rng, [*_MASKS[:8], BLACK, (130, 75, 20)])
    ground(canvas, length, width, mask, 0.5, 1.3)
    count = 8 if length > 100 else 4
    side = min(width * 0.45, length / count * 0.75)
    for place in np.arange(count) - (count - 1) / 2:
        chip(
            canvas,
            float(place) * length / count * 0.98,
            -width * 0.08,
            side * between(rng, 0.98, 1.0),
            side * 0.98,
            1.3,
        )
    small_parts(canvas, 0, width * 0.26, length * 0.9, width * 0.12, int(length / 1.5), 1.3)
    for x in np.arange(-length / 2 + 3, length / 2 - 3, 1.0):
        if abs(x - length * 0.08) > 1.5:
            canvas.rect(float(x), width / 2 - 1.8, 0.65, 3.2, GOLD, 1.35, 200)
    canvas.hole(rounded_rect(length * 0.08, width / 2 - 1, 1.8, 5))
    for end in (-1, 1):
        canvas.hole(ellipse(end * length / 2, -width * 0.05, 1.6, 1.6))
    if chance(rng, 0.6):
        label(canvas, between(rng, -0.25, 0.25) * length, -width * 0.08, length * 0.35, width * 0.5, WHITE)
    return _finish(canvas, length, width, 0.15)


def _phone_board(rng: np.random.Generator, mm_per_px: float) -> Canvas:
    """The board of a phone: an odd outline, shields side by side, tiny parts, gold contacts."""
    length, width = between(rng, 45, 110), between(rng, 22, 62)
    canvas = Canvas(length, width, mm_per_px, rng)
    mask = tone(rng, [(130, 75, 20), (60, 90, 25), (32, 30, 28), (120, 70, 30), (45, 80, 20), (28, 28, 30)])
    ground(canvas, length, width, mask, 2.0, 1.0)
    small_parts(canvas, 0, 0, length * 0.94, width * 0.94, int(length * width / 12), 0.8)
    for _ in range(int(rng.integers(3, 9))):
        x, y = spot(rng, length, width, 0.38)
        size = between(rng, 8, 24), between(rng, 8, 18)
        if chance(rng, 0.65):
            shield(canvas, x, y, *size, 1.0)
        else:
            chip(canvas, x, y, size[0] * 0.6, size[1] * 0.6, 1.0)
    for _ in range(int(rng.integers(3, 9))):
        x, y = spot(rng, length, width, 0.46)
        canvas.rect(x, y, between(rng, 4, 10), 2.2, BLACK, 1.9, 60, 0.3)
        canvas.rect(x, y, between(rng, 3, 8), 0.8, GOLD, 1.7, 180)
    corner = one_of(rng, (-1, 1)), one_of(rng, (-1, 1))
    cut = length * between(rng, 0.3, 0.65), width * between(rng, 0.3, 0.65)
    if chance(rng, 0.75):
        canvas.hole(rounded_rect(corner[0] * (length / 2 - cut[0] / 2 + 2), corner[1] * (width / 2 - cut[1] / 2 + 2),
                                 cut[0] + 4, cut[1] + 4, 2))  # fmt: skip
    canvas.hole(ellipse(*spot(rng, length, width, 0.3), between(rng, 1.5, 4.5), between(rng, 1.5, 4.5)))
    _drill(canvas, length, width, 1.0)
    return _finish(canvas, length, width, 0.15)


def _power(rng: np.random.Generator, mm_per_px: float) -> Canvas:
    """A power supply's board: brown laminate, big capacitors, transformers, heat sinks, film capacitors, wires."""
    length = between(rng, 45, 130)
    width = length * between(rng, 0.4, 0.8)
    canvas = Canvas(length, width, mm_per_px, rng)
    ground(canvas, length, width, tone(rng, [(80, 140, 185), (65, 120, 165), (50, 105, 30), (45, 85, 25)]))
    for _ in range(int(length * width / 320) + 4):
        x, y = spot(rng, length, width, 0.4)
        kind = int(rng.integers(7))
        if kind <= 1:
            can(canvas, x, y, between(rng, 3, 10))
        elif kind == 2:
            long, wide = between(rng, 14, 32), between(rng, 12, 26)
            canvas.rect(x, y, long, wide, (48, 46, 46), 16, 50, 1)
            tape = tone(rng, [(60, 200, 225), (50, 180, 205), (150, 90, 40), (205, 208, 208)])
            canvas.rect(x, y, long * 0.62, wide * 1.0, tape, 18, 110, 1)
            canvas.text(code(rng, 6), x, y, 1.6, INK)
        elif kind == 3:
            metal = tone(rng, [ALUMINIUM, STEEL, (40, 40, 42)])
            long = between(rng, 15, 40)
            canvas.rect(x, y, long, 4, metal, 22, 160)
            for fin in np.arange(-long / 2 + 1, long / 2, 4.0):
                canvas.rect(x + float(fin), y, 1.2, 12, metal, 22, 160)
        elif kind == 4:
            box = tone(rng, [(60, 200, 225), (50, 60, 170), (180, 110, 50), (205, 208, 208)])
            canvas.rect(x, y, between(rng, 8, 18), between(rng, 5, 9), box, 12, 80, 0.6)
            canvas.text(one_of(rng, ("X2 275V~", "0.22uF", "MKP")), x, y, 1.2, INK)
        elif kind == 5:
            radius = between(rng, 5, 10)
            canvas.disc(x, y, radius, tone(rng, [COPPER, (50, 90, 170), (60, 120, 60)]), 9, 130)
            for angle in np.linspace(0, 2 * np.pi, 22):
                reach = np.array([np.cos(angle), np.sin(angle)])
                canvas.stroke([reach * radius * 0.5 + (x, y), reach * radius * 0.97 + (x, y)], 0.5, dimmed(COPPER, 0.7))
            canvas.disc(x, y, radius * 0.45, (30, 60, 40), 3, 20)
        else:
            for band in range(3):
                px, py = x + band * 3.5, y
                canvas.rect(px, py, 2.6, 9, tone(rng, [(150, 195, 220), (200, 160, 90), (60, 60, 60)]), 4, 100, 1.2)
                canvas.rect(px, py + 1.5, 2.6, 0.7, (40, 60, 160))
    barrel_sheen(canvas, rounded_rect(0, 0, length, width), False, 0.15)
    return _finish(canvas, length, width, 0.25)


def _disc_board(rng: np.random.Generator, mm_per_px: float) -> Canvas:
    """A round or ring board: lamps, motors, sensors."""
    radius = between(rng, 9, 38)
    canvas = Canvas(2 * radius, 2 * radius, mm_per_px, rng)
    mask = _mask(rng, [*_MASKS, (205, 208, 208)])
    ground(canvas, 2 * radius, 2 * radius, mask)
    populate(canvas, 1.5 * radius, 1.5 * radius, 0.8)
    lamps = int(rng.integers(0, 14))
    for angle in np.linspace(0, 2 * np.pi, lamps, endpoint=False):
        x, y = radius * 0.78 * np.cos(angle), radius * 0.78 * np.sin(angle)
        canvas.rect(x, y, 3.6, 3.2, (205, 212, 212), 2.6, 100)
        canvas.disc(x, y, 1.2, (70, 205, 230), 2.7, 160)
    canvas.stroke(ring(0, 0, radius * 0.95), 0.3, _SILK if sum(mask) < 450 else INK)
    canvas.keep(ellipse(0, 0, radius, radius, 60))
    if chance(rng, 0.4):
        canvas.hole(ellipse(0, 0, radius * 0.3, radius * 0.3))
    if chance(rng, 0.3):
        turned_metal(canvas, 0, 0, radius * 0.3, 0.4)
    wear(canvas, between(rng, 0.1, 1.0))
    return canvas


LOOKS: dict[str, Looks] = {
    "pcb": (
        (4, _populated), (2, _fragment), (1, _bare), (1.2, _back), (1.6, _module), (0.8, _stick), (1.3, _phone_board),
        (1, _power), (0.4, _disc_board),
    ),
}  # fmt: skip
"""Each class's looks with their weights."""
