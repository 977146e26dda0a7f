"""Integrated circuits."""

from collections.abc import Mapping

import numpy as np

from sim.render.canvas import Canvas, Painter
from sim.render.dice import chance, dimmed, look, one_of, tone
from sim.render.looks import BLACK_EPOXY, GOLD, TIN, aslant, code, metal, sometimes_broken, worn
from sim.render.shapes import Bgr, ellipse, rounded_rect, vary
from sim.render.solids import Body, Paint
from sim.render.textures import Texture

UPRIGHT = ((0.0, 0.0, 1.0),) * 5 + ((0.0, 0.0, -1.0),) * 3


def ic(rng: np.random.Generator, mm_per_px: float) -> Canvas:
    """An integrated circuit: DIP, SOIC, QFP, QFN, BGA, PLCC, or one in ceramic and gold."""
    looks = (
        (0.24, _dip),
        (0.24, _small_outline),
        (0.2, _quad_flat),
        (0.08, _no_lead),
        (0.12, _ball_grid),
        (0.08, _chip_carrier),
        (0.04, _ceramic),
    )
    return sometimes_broken(look(rng, looks)(rng, mm_per_px), rng, 0.07)


def epoxy(rng: np.random.Generator) -> Bgr:
    """The colour of a moulding compound."""
    return vary(one_of(rng, (BLACK_EPOXY, BLACK_EPOXY, (38, 37, 36), (52, 50, 48), (40, 44, 48))), rng, 4)


def marked(rng: np.random.Generator, mm_per_px: float, length: float, width: float, coat: Bgr, notch: bool) -> Texture:
    """Laser marks or print, a logo, the pin-1 dot or notch."""
    top = Texture(length, width, mm_per_px, coat)
    top.mottle(rng, 0.06, 0.25)
    strength = float(rng.uniform(1.6, 3.2)) if chance(rng, 0.5) else float(rng.uniform(4.0, 7.5))
    ink = dimmed(coat, strength)
    if notch:
        top.disc(-length / 2, 0, width * 0.11, dimmed(coat, 0.55))
    if not notch or chance(rng, 0.5):
        radius = max(0.25, min(width * 0.06, 0.9))
        top.disc(
            -length / 2 + 2.6 * radius, width / 2 - 2.6 * radius, radius, dimmed(coat, float(rng.choice([0.5, 1.7])))
        )
    if chance(rng, 0.1):
        sticker = tone(rng, [(215, 218, 218), (190, 220, 230), (90, 200, 90), (60, 210, 240)])
        top.rect(float(rng.normal(0, 0.05)) * length, 0, length * 0.6, width * 0.6, sticker)
        ink = (40, 40, 42)
    lines = int(rng.integers(1, 5)) if width > 4 else int(rng.integers(1, 3))
    patterns = ("AA0000", "AAA000AA", "A000-0A", "0000", "00AAA00", "A00A", "0000AA00", "AAA AA")
    longest = 0.0
    cap = width * float(rng.uniform(0.5, 0.72)) / (lines + 1)
    words = [code(rng, one_of(rng, patterns)) for _ in range(lines)]
    longest = max(len(word) for word in words) * 0.85
    cap = min(cap, length * 0.8 / longest)
    shift = float(rng.uniform(-0.05, 0.1)) * length
    if chance(rng, 0.3) and length > 6:
        x, size = -length * 0.34, min(width * 0.18, 1.6)
        top.polygon(ellipse(x, -width * 0.12, size, size * 0.7, int(rng.integers(3, 9))), ink)
        shift = length * 0.12
        cap = min(cap, length * 0.6 / longest)
    for row, word in enumerate(words):
        top.text(word, shift, (row - (lines - 1) / 2) * cap * 1.55, cap, ink)
    return top


def _moulded(
    body: Body, rng: np.random.Generator, mm_per_px: float, size: tuple[float, float, float], base: float, notch: bool
) -> None:
    """The epoxy body, `base` above the belt side of its legs, with marks on top and ejector pits below."""
    length, width, high = size
    coat = epoxy(rng)
    top = marked(rng, mm_per_px, length, width, coat, notch)
    under = Texture(length, width, mm_per_px, dimmed(coat, 1.1))
    for x in (-0.3, 0.3) if length > 8 else (0.0,):
        under.disc(x * length, 0, width * 0.13, dimmed(coat, 0.7))
    if chance(rng, 0.4):
        under.text(code(rng, one_of(rng, ("AAAAA", "0A", "A00000"))), 0, width * 0.28, width * 0.1, dimmed(coat, 2.0))
    sides = Texture(length, high, mm_per_px, coat)
    body.box((0, 0, base + high / 2), size, Paint(coat, int(rng.integers(45, 110))), top, under, sides, 0.04)


def _gull_legs(
    body: Body, rng: np.random.Generator, along: float, half: float, high: float, pitch: float, count: int, turned: bool
) -> None:
    """Rows of gull-wing legs on two sides: a shoulder, a drop, a foot; some bent, some gone."""
    leg = metal(rng, [TIN, TIN, (165, 168, 168), (120, 165, 185)])
    wide, spill = pitch * 0.4, float(rng.uniform(0.8, 1.3)) * min(1.0, high)
    broken = 0.03 if chance(rng, 0.4) else 0.0
    solder = chance(rng, 0.25)
    shapes = (
        (half - 0.1, half + spill * 0.4, high * 0.52, 0.16),
        (half + spill * 0.35, half + spill * 0.55, high * 0.275, high * 0.55),
        (half + spill * 0.5, half + spill * 1.25, 0.1, 0.16),
    )
    kept = rng.random((2, count)) >= broken
    bends = rng.normal(0, 0.12, (2, count)) * (rng.random((2, count)) < 0.1)
    for start, end, level, thick in shapes:
        centres: list[tuple[float, float, float]] = []
        for row, side in enumerate((-1, 1)):
            for number in np.flatnonzero(kept[row]).tolist():
                x = (number - (count - 1) / 2) * pitch + float(bends[row, number]) * (start - half)
                y = side * (start + end) / 2
                centres.append((y, x, level) if turned else (x, y, level))
        if centres:
            size = (wide, end - start, thick)
            body.box(centres, (size[1], size[0], thick) if turned else size, leg)
    if solder:  # a bridge between feet
        x, side = float(rng.uniform(-0.4, 0.4)) * along, float(rng.choice([-1, 1]))
        place = (x, side * (half + spill), 0.15)
        body.revolve(
            [(-0.3, 0), (0, pitch * 0.8), (0.3, 0)], metal(rng), (place[1], place[0], 0.15) if turned else place
        )


def _dip(rng: np.random.Generator, mm_per_px: float) -> Canvas:
    body = Body(rng)
    per_side = int(rng.choice([4, 4, 4, 7, 8, 8, 9, 10, 14, 20]))
    wide = per_side >= 12
    length, width = per_side * 2.54 - float(rng.uniform(0.0, 0.8)), 13.8 if wide else float(rng.uniform(6.1, 6.6))
    high = 3.4
    _moulded(body, rng, mm_per_px, (length, width, high), 0.6, notch=True)
    leg = metal(rng, [TIN, TIN, (170, 172, 172), (110, 160, 190)])
    drop = float(rng.uniform(2.6, 4.2) if chance(rng, 0.6) else rng.uniform(0.3, 1.4))  # pulled, or cut off the board
    splay = float(rng.uniform(0.0, 0.9))
    for side in (-1, 1):
        places = (np.arange(per_side) - (per_side - 1) / 2)[rng.random(per_side) > 0.02] * 2.54
        y = side * (width / 2 + 0.55)
        row = np.column_stack([places, np.full((len(places), 2), (y, 0.0))])
        body.box(row + np.array([0, -side * 0.3, 2.3]), (1.4, 0.7, 0.28), leg)
        body.box(row + np.array([0, 0, 1.6]), (1.4, 0.26, 1.6), leg)
        bent = rng.random(len(places)) < (0.3 if chance(rng, 0.3) else 0.0)
        down = np.array([0, side * splay, -drop])
        for face in (-1, 1):
            across = np.array([face * 0.52, 0, 0])
            body.plane(row[~bent] + np.array([0, face * 0.1, 0.9]) - across / 2, across, down, leg)
        for place in row[bent]:
            body.tube(place + np.array([(0, 0, 1), down * 0.8 + rng.normal(0, 0.7, 3) * [1, 1, 0]]), 0.26, leg)
    up = one_of(rng, (*UPRIGHT, (0.0, 0.0, -1.0), (0.0, 1.0, 0.1), (0.0, 1.0, 0.4)))
    return worn(body.drawn(mm_per_px, up, aslant(rng)), rng)


def _small_outline(rng: np.random.Generator, mm_per_px: float) -> Canvas:
    body = Body(rng)
    per_side, pitch, width = one_of(
        rng,
        (
            (4, 1.27, 3.9),
            (4, 1.27, 3.9),
            (4, 1.27, 5.3),
            (7, 1.27, 3.9),
            (8, 1.27, 3.9),
            (8, 1.27, 7.5),
            (10, 1.27, 7.5),
            (14, 1.27, 7.5),
            (14, 0.65, 4.4),
            (10, 0.65, 5.3),
            (24, 0.5, 12.4),
            (4, 0.65, 3.0),
        ),
    )
    length = per_side * pitch + float(rng.uniform(-0.15, 0.5))
    high = 1.45 if width < 6 else 2.3
    if pitch < 0.7:
        high = 1.0
    _moulded(body, rng, mm_per_px, (length, width, high), 0.1, notch=chance(rng, 0.2))
    _gull_legs(body, rng, length, width / 2, high + 0.1, pitch, per_side, turned=False)
    up = one_of(rng, (*UPRIGHT, (0.0, 1.0, 0.2)))
    return worn(body.drawn(mm_per_px, up, aslant(rng)), rng)


def _quad_flat(rng: np.random.Generator, mm_per_px: float) -> Canvas:
    body = Body(rng)
    size, pitch = one_of(
        rng, ((7.0, 0.8), (7.0, 0.5), (10.0, 0.8), (10.0, 0.5), (14.0, 0.5), (14.0, 0.8), (20.0, 0.5), (24.0, 0.5))
    )
    long = size * (1.4 if chance(rng, 0.15) else 1.0)
    pitch = max(pitch, 2.2 * mm_per_px)
    high = 1.5 if size < 16 else 2.6
    _moulded(body, rng, mm_per_px, (long, size, high), 0.1, notch=False)
    for along, half, turned in ((long, size / 2, False), (size, long / 2, True)):
        _gull_legs(body, rng, along, half, high + 0.1, pitch, int((along - 0.8) / pitch), turned)
    return worn(body.drawn(mm_per_px, one_of(rng, UPRIGHT), aslant(rng)), rng)


def _no_lead(rng: np.random.Generator, mm_per_px: float) -> Canvas:
    """QFN: flat, pads below and at the rim, a large pad in the middle of the back."""
    body = Body(rng)
    size, pitch, high = float(one_of(rng, (3.0, 4.0, 5.0, 6.0, 7.0, 9.0))), 0.5, 0.9
    coat, pad = epoxy(rng), metal(rng)
    top = marked(rng, mm_per_px, size, size, coat, False)
    under = Texture(size, size, mm_per_px, dimmed(coat, 1.15))
    sides = Texture(size, high, mm_per_px, coat)
    body.box((0, 0, high / 2), (size, size, high), Paint(coat, 60), top, under, sides)
    pitch = max(pitch, 2.2 * mm_per_px)
    count = max(1, int((size - 0.8) / pitch))
    places = (np.arange(count) - (count - 1) / 2) * pitch
    body.box((0, 0, -0.01), (size * 0.6, size * 0.6, 0.06), pad)
    for side in (-1, 1):
        edge = size / 2 - 0.2
        body.box([(place, side * edge, 0.1) for place in places], (pitch * 0.5, 0.5, 0.28), pad)
        body.box([(side * edge, place, 0.1) for place in places], (0.5, pitch * 0.5, 0.28), pad)
    return worn(body.drawn(mm_per_px, one_of(rng, UPRIGHT), min(aslant(rng), 45)), rng)


def _ball_grid(rng: np.random.Generator, mm_per_px: float) -> Canvas:
    """A BGA: moulded, or a green substrate with a bare or lidded die; balls or torn pads below."""
    body = Body(rng)
    size = float(rng.uniform(6, 27))
    pitch = max(float(one_of(rng, (0.65, 0.8, 1.0, 1.27))), size / 26, 2.5 * mm_per_px)
    board = tone(rng, [(50, 95, 45), (40, 80, 40), (60, 110, 60), (30, 60, 30), (70, 90, 40)])
    under = Texture(size, size, mm_per_px, board)
    count = int((size - 0.6) / pitch)
    hollow = int(rng.integers(0, max(1, count // 3))) if chance(rng, 0.6) else 0
    bright = tone(rng, [(195, 197, 197), (165, 168, 168), (80, 160, 200)])
    for row in range(count):
        for column in range(count):
            from_edge = min(row, column, count - 1 - row, count - 1 - column)
            ring = count // 2 - from_edge
            if ring <= hollow and ring > max(1, hollow // 2):
                continue
            if chance(rng, 0.01):
                continue
            place = ((column - (count - 1) / 2) * pitch, (row - (count - 1) / 2) * pitch)
            under.disc(*place, pitch * 0.32, dimmed(bright, 0.55))
            under.disc(place[0] - pitch * 0.05, place[1] - pitch * 0.05, pitch * 0.22, bright)
    substrate = 0.6
    plain = Texture(size, size, mm_per_px, board)
    plain.disc(-size * 0.45, size * 0.45, size * 0.012 + 0.15, GOLD)
    body.box((0, 0, substrate / 2), (size, size, substrate), Paint(board, 70), plain, under)
    kind = rng.random()
    if kind < 0.6:
        coat = epoxy(rng)
        inner = size * float(rng.choice([1.0, 0.94, 0.86]))
        top = marked(rng, mm_per_px, inner, inner, coat, False)
        body.box((0, 0, substrate + 0.4), (inner, inner, 0.8), Paint(coat, 60), top, None, None, 0.02)
    elif kind < 0.8:
        die = Paint(tone(rng, [(110, 95, 85), (130, 125, 115), (90, 70, 75)]), 220, 0.5)
        body.box((0, 0, substrate + 0.35), (size * 0.42, size * float(rng.uniform(0.3, 0.5)), 0.7), die)
        for place in rng.uniform(-0.42, 0.42, (int(rng.integers(4, 14)), 2)) * size:
            body.box((*place, substrate + 0.2), (1.0, 0.5, 0.5), Paint((120, 150, 175), 70))
    else:
        lid = metal(rng, [(165, 168, 168), (185, 187, 187)])
        top = marked(rng, mm_per_px, size * 0.8, size * 0.8, lid.bgr, False)
        body.prism(rounded_rect(0, 0, size * 0.8, size * 0.8, 1.0), substrate, substrate + 1.8, lid, top, None)
    return worn(body.drawn(mm_per_px, one_of(rng, UPRIGHT), min(aslant(rng), 45)), rng)


def _chip_carrier(rng: np.random.Generator, mm_per_px: float) -> Canvas:
    """PLCC: J legs that fold under a square body."""
    body = Body(rng)
    per_side = int(rng.choice([5, 7, 8, 11, 17]))
    size = per_side * 1.27 + 2.6
    long = size + 2.54 if per_side == 7 and chance(rng, 0.5) else size
    _moulded(body, rng, mm_per_px, (long, size, 3.4), 0.4, notch=False)
    leg = metal(rng)
    for along, half, turned in ((long, size / 2, False), (size, long / 2, True)):
        count = round((along - 2.6) / 1.27)
        places = ((np.arange(count) - (count - 1) / 2) * 1.27).tolist()
        for side in (-1, 1):
            for reach, level, extent in ((half + 0.15, 1.3, (0.7, 0.3, 1.9)), (half - 0.3, 0.15, (0.5, 1.2, 0.5))):
                y = side * reach
                centres = [(y, place, level) if turned else (place, y, level) for place in places]
                body.box(centres, (extent[1], extent[0], extent[2]) if turned else extent, leg)
    return worn(body.drawn(mm_per_px, one_of(rng, UPRIGHT), aslant(rng)), rng)


def _ceramic(rng: np.random.Generator, mm_per_px: float) -> Canvas:
    """An old ceramic package with a gold lid, or an EPROM with a window."""
    body = Body(rng)
    per_side = int(rng.choice([8, 12, 14]))
    length, width = per_side * 2.54, 15.0 if per_side > 8 else 7.4
    clay = tone(rng, [(160, 150, 140), (90, 85, 95), (200, 205, 208), (85, 95, 125)])
    top = Texture(length, width, mm_per_px, clay)
    top.mottle(rng, 0.04, 0.4)
    if chance(rng, 0.5):
        top.rect(0, 0, width * 0.6, width * 0.6, tone(rng, [GOLD]))
    else:
        top.disc(0, 0, width * 0.26, (120, 110, 105))
        top.rect(0, 0, width * 0.2, width * 0.16, (130, 100, 140))
    top.text(code(rng, "AAA0000"), -length * 0.32, 0, width * 0.1, (40, 40, 45), 1)
    body.box((0, 0, 2.0), (length, width, 2.6), Paint(clay, 40), top)
    leg = metal(rng, [GOLD, TIN])
    for side in (-1, 1):
        places = ((np.arange(per_side) - (per_side - 1) / 2) * 2.54).tolist()
        y = side * (width / 2 + 0.1)
        body.box([(x, y, 1.5) for x in places], (1.2, 0.25, 2.6), leg)
        body.box([(x, y, -1.2) for x in places], (0.5, 0.25, 3.0), leg)
    return worn(body.drawn(mm_per_px, one_of(rng, UPRIGHT), aslant(rng)), rng)


PAINTERS: Mapping[str, Painter] = {"ic": ic}
