"""Connectors: headers, housings, sockets, shells, jacks."""

from collections.abc import Mapping, Sequence

import numpy as np

from sim.render.canvas import Canvas, Painter
from sim.render.dice import chance, dimmed, look, one_of, tone
from sim.render.looks import GOLD, STEEL, TIN, aslant, code, metal, sometimes_broken, worn
from sim.render.shapes import Bgr, ellipse, rounded_rect, vary
from sim.render.solids import Body, Paint
from sim.render.textures import Texture

_PLASTICS: list[Bgr] = [
    (28, 28, 30),
    (28, 28, 30),
    (30, 32, 32),
    (215, 222, 225),
    (205, 218, 226),
    (170, 60, 30),
    (60, 60, 190),
    (70, 130, 60),
    (60, 190, 220),
    (180, 195, 205),
]
_HOLLOW: Bgr = (22, 22, 24)


def connector(rng: np.random.Generator, mm_per_px: float) -> Canvas:
    """A connector: pin or socket header, wire housing, USB or HDMI shell, flat-cable socket, D-sub, jack, RJ45,
    board-to-board, terminal block."""
    looks = (
        (0.17, _pin_header),
        (0.08, _socket_header),
        (0.14, _wire_housing),
        (0.16, _shell),
        (0.09, _flat_cable_socket),
        (0.08, _d_sub),
        (0.08, _barrel_jack),
        (0.07, _modular_jack),
        (0.06, _board_to_board),
        (0.07, _terminal_block),
    )
    return sometimes_broken(look(rng, looks)(rng, mm_per_px), rng, 0.08)


def _grid(columns: int, rows: int, pitch: float, level: float) -> list[tuple[float, float, float]]:
    return [
        ((column - (columns - 1) / 2) * pitch, (row - (rows - 1) / 2) * pitch, level)
        for row in range(rows)
        for column in range(columns)
    ]


def _lie(rng: np.random.Generator, *ups: tuple[float, float, float]) -> tuple[float, float, float]:
    return one_of(rng, ups)


def _pin_header(rng: np.random.Generator, mm_per_px: float) -> Canvas:
    body = Body(rng)
    rows, count = int(rng.integers(1, 3)), int(rng.integers(2, 13))
    pitch = float(one_of(rng, (2.54, 2.54, 2.54, 2.0)))
    plastic = Paint(tone(rng, _PLASTICS, 5), 60)
    body.box(_grid(count, rows, pitch, 1.25), (pitch * 0.96, pitch * 1.0, 2.5), plastic)
    body.box((0, 0, 1.25), (count * pitch * 0.98, rows * pitch * 0.86, 2.4), plastic)
    pin = metal(rng, [GOLD, GOLD, TIN])
    above, below = float(rng.uniform(5.5, 8.5)), float(rng.uniform(0.8, 3.2))
    pins = [place for place in _grid(count, rows, pitch, (above - below) / 2) if not chance(rng, 0.02)]
    body.box(pins, (0.64, 0.64, above + below), pin)
    if chance(rng, 0.2):  # a shroud
        wall = Paint(plastic.bgr, 60)
        long, wide, high = count * pitch + 5.0, rows * pitch + 3.6, 8.5
        for side in (-1, 1):
            body.box((0, side * wide / 2, high / 2), (long, 0.9, high), wall)
            body.box((side * long / 2, 0, high / 2), (0.9, wide, high), wall)
        body.box((0, 0, 0.5), (long, wide, 1.0), wall)
    elif chance(rng, 0.25):  # right-angled
        bent = [(x, y - above / 2, z) for x, y, z in _grid(count, 1, pitch, above)]
        body.box(bent, (0.64, above, 0.64), pin)
    up = _lie(rng, (0, 0, 1), (0, 1, 0), (0, -1, 0), (0, 0, -1), (0, 1, 0.3))
    return worn(body.drawn(mm_per_px, up, aslant(rng)), rng)


def _socket_header(rng: np.random.Generator, mm_per_px: float) -> Canvas:
    body = Body(rng)
    rows, count, pitch = int(rng.integers(1, 3)), int(rng.integers(2, 13)), 2.54
    colour = tone(rng, _PLASTICS[:4], 5)
    length, width, high = count * pitch + 0.4, rows * pitch, float(one_of(rng, (8.5, 8.5, 4.0)))
    top = Texture(length, width, mm_per_px, colour)
    for x, y, _ in _grid(count, rows, pitch, 0):
        top.rect(x, y, 1.3, 1.3, dimmed(colour, 0.6))
        top.rect(x, y, 0.8, 0.8, (90, 140, 165) if chance(rng, 0.5) else _HOLLOW)
    body.box((0, 0, high / 2), (length, width, high), Paint(colour, 60), top)
    body.box(_grid(count, rows, pitch, -1.3), (0.6, 0.3, 3.0), metal(rng, [GOLD, TIN]))
    up = _lie(rng, (0, 0, 1), (0, 1, 0), (0, -1, 0), (0, 0, -1))
    return worn(body.drawn(mm_per_px, up, aslant(rng)), rng)


def _wire_housing(rng: np.random.Generator, mm_per_px: float) -> Canvas:
    """JST, Molex and kin: a shrouded white header, or the plug with its wire ends."""
    body = Body(rng)
    count = int(rng.integers(2, 10))
    pitch = float(one_of(rng, (1.25, 1.5, 2.0, 2.5, 2.54, 3.96)))
    colour = tone(
        rng, [(215, 224, 228), (205, 220, 228), (200, 205, 205), (30, 30, 32), (190, 225, 235), (50, 60, 190)], 5
    )
    length, width, high = (count + 0.9) * pitch, pitch * 1.6 + 1.6, pitch * 1.6 + 2.6
    plastic = Paint(colour, 80)
    top = Texture(length, width, mm_per_px, colour)
    pin = metal(rng, [GOLD, TIN, TIN])
    plug = chance(rng, 0.45)
    if plug:
        for x, y, _ in _grid(count, 1, pitch, 0):
            top.rect(x, y, pitch * 0.6, width * 0.5, dimmed(colour, 0.3))
        body.box((0, 0, high / 2), (length, width, high), plastic, top)
        body.box((0, width * 0.55, high * 0.6), (length * 0.4, width * 0.2, high * 0.5), plastic)
        windows = [(x, width / 2 + 0.01, high * 0.35) for x, _, _ in _grid(count, 1, pitch, 0)]
        body.box(windows, (pitch * 0.5, 0.05, high * 0.25), Paint((110, 140, 155), 90))
        wires: Sequence[Bgr] = [
            (35, 35, 35),
            (40, 40, 195),
            (50, 200, 225),
            (215, 218, 218),
            (70, 150, 60),
            (170, 80, 35),
        ]
        reach, plain = float(rng.uniform(0.5, 9)), chance(rng, 0.3)
        colour_all = tone(rng, wires)
        if chance(rng, 0.75):
            for x, y, _ in _grid(count, 1, pitch, 0):
                if chance(rng, 0.1):
                    continue
                end = (
                    x + rng.normal(0, 0.08) * reach,
                    y + rng.normal(0, 0.1) * reach,
                    high + reach * rng.uniform(0.8, 1),
                )
                wire = Paint(colour_all if plain else tone(rng, wires), 90)
                body.tube([(x, y, high - 0.2), (x, y, high + 0.4 * reach), end], pitch * 0.28, wire)
    else:
        top.rect(0, 0, length - 1.4, width - 1.4, dimmed(colour, 0.45))
        body.box((0, 0, high / 2), (length, width, high), plastic, top)
        lip = Paint(dimmed(colour, 0.9), 60)
        for side in (-1, 1):
            body.box((0, side * (width / 2 - 0.35), high + 0.6), (length, 0.7, 1.2), lip)
            body.box((side * (length / 2 - 0.35), 0, high + 0.6), (0.7, width, 1.2), lip)
        body.box(_grid(count, 1, pitch, high / 2), (0.5, 0.5, high + 1.2), pin)
        body.box(_grid(count, 1, pitch, -1.4), (0.5, 0.5, 3.2), pin)
    up = _lie(rng, (0, 0, 1), (0, 1, 0), (0, 1, 0), (0, -1, 0), (0, 0, -1))
    return worn(body.drawn(mm_per_px, up, aslant(rng)), rng)


def _shell(rng: np.random.Generator, mm_per_px: float) -> Canvas:
    """USB A, B, micro or C, HDMI: a bent sheet shell, its mouth along +x, solder tags below."""
    body = Body(rng)
    length, width, high, tongue = one_of(
        rng,
        (
            (13.5, 13.2, 5.8, 0.35),
            (18.5, 12.2, 4.6, 0.4),
            (5.5, 7.6, 2.7, 0.3),
            (7.4, 9.0, 3.2, 0.2),
            (9.2, 7.8, 4.0, 0.3),
            (11.5, 15.0, 5.6, 0.25),
            (16.0, 12.0, 11.0, 0.5),
            (30.0, 13.2, 15.6, 0.2),
        ),
    )
    steel = metal(rng, [TIN, STEEL, (185, 187, 187), (175, 178, 182)])
    top = Texture(length, width, mm_per_px, steel.bgr)
    top.mottle(rng, 0.04, 0.3, 5.0)
    if width > 7 and chance(rng, 0.75):
        for side in (-1, 1):
            x = length * float(rng.uniform(0.05, 0.25))
            top.rect(x, side * width * 0.22, length * 0.26, width * 0.14, (45, 46, 48))
            top.rect(x + length * 0.03, side * width * 0.22, length * 0.2, width * 0.09, dimmed(steel.bgr, 0.95))
    top.stroke([(-length / 2, 0), (-length * 0.1, 0)], 0.15, dimmed(steel.bgr, 0.55))
    sides = Texture(length, high, mm_per_px, steel.bgr)
    if chance(rng, 0.6):
        sides.rect(length * 0.1, 0, length * 0.24, high * 0.25, (50, 52, 54))
    body.box((0, 0, high / 2), (length, width, high), steel, top, top, sides)
    mouth = Texture(width, high, mm_per_px, steel.bgr)
    mouth.rect(0, 0, width - 0.7, high - 0.7, _HOLLOW)
    insert = tone(rng, [(30, 30, 30), (215, 215, 215), (190, 90, 30), (60, 190, 220)])
    for level in (-0.25, 0.25) if high > 12 else (0.0,):
        mouth.rect(0, level * high - high * 0.06, width * 0.75, high * tongue * 0.6, insert)
        for x in np.linspace(-0.3, 0.3, 4 if width > 9 else 5) * width:
            mouth.rect(float(x), level * high + high * 0.04, width * 0.08, high * 0.06, (90, 180, 215))
    face = (length / 2 + 0.02, -width / 2, 0)
    body.plane(face, (0, width, 0), (0, 0, high), Paint((120, 122, 122), 60), mouth)
    if chance(rng, 0.7):  # flared lips
        body.box((length / 2 - 0.2, 0, high / 2), (0.4, width + 0.8, high + 0.8), steel)
        body.plane((length / 2 + 0.03, -width / 2, 0), (0, width, 0), (0, 0, high), Paint((120, 122, 122), 60), mouth)
    back = Paint(dimmed(insert, 0.8) if sum(insert) > 300 else (30, 30, 32), 50)
    body.box((-length / 2 - 0.2, 0, high * 0.45), (1.2, width * 0.8, high * 0.8), back)
    tags = [(x * length, side * width / 2, -0.9) for x in (-0.25, 0.2) for side in (-1, 1)]
    body.box(tags, (1.4, 0.3, 2.4), steel)
    contacts = np.linspace(-0.3, 0.3, 4 if width > 9 else 5) * width
    body.box([(-length / 2 - 0.9, y, 0.1) for y in contacts], (1.6, 0.5, 0.25), metal(rng, [TIN, GOLD]))
    up = _lie(rng, (0, 0, 1), (0, 0, 1), (0, 0, -1), (0.6, 0.2, 1), (1, 0, 0.5), (0, 1, 0.1))
    return worn(body.drawn(mm_per_px, up, aslant(rng)), rng)


def _flat_cable_socket(rng: np.random.Generator, mm_per_px: float) -> Canvas:
    body = Body(rng)
    length, width, high = float(rng.uniform(6, 30)), float(rng.uniform(3.5, 6)), float(rng.uniform(1.0, 2.6))
    base = tone(rng, [(215, 222, 225), (205, 215, 220), (180, 200, 210), (30, 30, 32)], 5)
    pitch = max(float(one_of(rng, (0.5, 1.0))), 2.2 * mm_per_px)
    places = np.arange(-length / 2 + 1.4, length / 2 - 1.2, pitch).tolist()
    top = Texture(length, width, mm_per_px, base)
    pin = metal(rng, [GOLD, TIN])
    for x in places:
        top.rect(x, width * 0.12, pitch * 0.4, width * 0.5, pin.bgr)
    body.box((0, 0, high / 2), (length, width, high), Paint(base, 60), top)
    latch = Paint(tone(rng, [(28, 28, 28), (35, 60, 110), (60, 60, 62), (200, 205, 208)]), 60)
    raised = chance(rng, 0.25)
    body.box(
        (0, -width * 0.3, high * (1.6 if raised else 1.05)),
        (length * 0.94, width * (0.14 if raised else 0.36), high * (1.4 if raised else 0.5)),
        latch,
    )
    body.box([(x, width / 2 + 0.5, 0.1) for x in places], (pitch * 0.4, 1.2, 0.2), pin)
    body.box([(side * (length / 2 + 0.2), 0, 0.2) for side in (-1, 1)], (0.9, width * 0.5, 0.3), metal(rng))
    up = _lie(rng, (0, 0, 1), (0, 0, 1), (0, 0, -1), (0, 1, 0.2))
    return worn(body.drawn(mm_per_px, up, aslant(rng)), rng)


def _d_sub(rng: np.random.Generator, mm_per_px: float) -> Canvas:
    body = Body(rng)
    pins, span = one_of(rng, ((9, 16.5), (9, 16.5), (15, 16.5), (15, 24.8), (25, 38.5)))
    wide = 8.3
    flange = rounded_rect(0, 0, span + 14, 12.5, 2.0)
    steel = metal(rng, [TIN, STEEL, (150, 175, 185)])
    holes = [ellipse(side * (span / 2 + 4.2), 0, 1.5, 1.5, 16) for side in (-1, 1)]
    shape = np.array(
        [
            (-span / 2 - 0.8, -wide / 2),
            (span / 2 + 0.8, -wide / 2),
            (span / 2 - 0.8, wide / 2),
            (-span / 2 + 0.8, wide / 2),
        ]
    )
    front = Texture(span + 1.6, wide, mm_per_px, dimmed(steel.bgr, 0.9))
    insert = tone(rng, [(30, 30, 30), (190, 100, 40), (205, 210, 212), (110, 40, 20)])
    front.polygon(shape * 0.9, insert)
    rows = 3 if (pins == 15 and span < 20) else 2
    female = chance(rng, 0.5)
    for row in range(rows):
        count = pins // rows + (1 if rows == 2 and row == 0 else 0)
        for number in range(count):
            x, y = (number - (count - 1) / 2) * (span - 3) / (pins / rows), (row - (rows - 1) / 2) * wide * 0.3
            front.disc(x, y, 0.55, _HOLLOW if female else (110, 185, 210))
    body.prism(flange, 0, 0.9, steel, None, None, holes)
    body.prism(shape, 0.9, 6.0, steel, front, None)
    plastic = Paint(tone(rng, [(30, 30, 30), (60, 60, 62), (150, 80, 30)]), 50)
    body.box((0, 0, -2.5), (span, 9.0, 5.0), plastic)
    tails = [
        ((n - (pins // 2 - 1) / 2) * (span - 3) / (pins / 2), y, -6.5) for n in range(pins // 2) for y in (-1.4, 1.4)
    ]
    body.box(tails, (0.6, 0.6, 4.0), metal(rng, [GOLD, TIN]))
    if chance(rng, 0.5):
        for side in (-1, 1):
            nut = ellipse(side * (span / 2 + 4.2), 0, 2.6, 2.6, 6)
            body.prism(
                nut,
                0.9,
                5.5,
                metal(rng, [(120, 175, 195), TIN]),
                None,
                None,
                [ellipse(side * (span / 2 + 4.2), 0, 1.2, 1.2, 16)],
            )
    up = _lie(rng, (0, 0, 1), (0, 1, 0.2), (0, -1, 0.1), (0, 0, -1), (0, 1, 0.8))
    return worn(body.drawn(mm_per_px, up, aslant(rng)), rng)


def _barrel_jack(rng: np.random.Generator, mm_per_px: float) -> Canvas:
    """A power or audio jack: a black block with a round mouth; or the plug on a cable stub."""
    body = Body(rng)
    black = Paint(tone(rng, [(28, 28, 30), (28, 28, 30), (60, 140, 60), (170, 60, 180), (180, 120, 40)], 5), 70)
    steel = metal(rng, [TIN, STEEL])
    if chance(rng, 0.4):
        radius, long = one_of(rng, ((2.75, 10.0), (1.75, 14.0), (3.2, 15.0)))
        grip = Paint(tone(rng, [(30, 30, 30), (210, 210, 210), (60, 60, 62)]), 60)
        body.revolve(
            [(0, 0), (0, radius * 0.7), (1.5, radius), (long, radius), (long, 0)],
            metal(rng, [TIN, GOLD]),
            axis=(1, 0, 0),
        )
        body.revolve(
            [(-long * 0.3, 0), (-long * 0.3, radius * 1.0), (0, radius * 1.0), (0, 0)],
            grip,
            axis=(1, 0, 0),
            start=(long, 0, 0),
        )
        body.revolve(
            [(0, 0), (0, radius * 1.7), (long * 0.9, radius * 1.5), (long * 1.2, radius * 0.9), (long * 1.2, 0)],
            grip,
            axis=(1, 0, 0),
            start=(long, 0, 0),
        )
        for place in (0.3, 0.6) if radius < 2 else ():
            body.revolve(
                [(0, radius * 1.01), (0.5, radius * 1.01)], Paint((25, 25, 25)), (long * place, 0, 0), (1, 0, 0)
            )
        up = _lie(rng, (0, 0, 1), (0.3, 0.2, 1), (-0.4, 0, 1))
        return worn(body.drawn(mm_per_px, up, aslant(rng)), rng)
    length, width, high = one_of(rng, ((14.2, 9.0, 11.0), (12.0, 6.2, 5.0), (13.0, 10.0, 6.0)))
    body.box((0, 0, high / 2), (length, width, high), black)
    radius = min(width, high) * 0.42
    profile = [(0, 0), (0, radius), (2.5, radius), (2.5, radius * 0.72)]
    body.revolve(profile, black if high > 8 else steel, (length / 2, 0, high * 0.55), (1, 0, 0))
    body.revolve([(2.45, radius * 0.72), (2.45, 0)], Paint(_HOLLOW, 20), (length / 2, 0, high * 0.55), (1, 0, 0))
    if high > 8:
        body.revolve([(2.4, 1.0), (2.6, 1.0), (2.6, 0)], steel, (length / 2, 0, high * 0.55), (1, 0, 0))
    tags = [(-length * 0.4, 0, -1.6), (length * 0.05, 0, -1.6), (-length * 0.1, width * 0.45, -1.6)]
    body.box(tags, (2.2, 0.4, 3.4), steel)
    up = _lie(rng, (0, 0, 1), (0, 1, 0.1), (1, 0, 0.6), (0, 0, -1), (0.5, 0.3, 1))
    return worn(body.drawn(mm_per_px, up, aslant(rng)), rng)


def _modular_jack(rng: np.random.Generator, mm_per_px: float) -> Canvas:
    """RJ45 or RJ11: shielded or plastic socket, or the clear plug."""
    body = Body(rng)
    if chance(rng, 0.35):
        length, width, high = 21.5, 11.7, 6.5
        clear = Paint(vary((200, 205, 208), rng), 230, 0.1, 0.75)
        body.box(
            (-length * 0.3, 0, high / 2),
            (length * 0.42, width * 0.7, high * 0.7),
            Paint(tone(rng, [(150, 80, 40), (60, 60, 62), (200, 200, 200)])),
        )
        body.box(
            [(length * 0.38, (n - 3.5) * 1.02, high * 0.7) for n in range(8)],
            (length * 0.2, 0.55, high * 0.5),
            metal(rng, [GOLD]),
        )
        body.box((0, 0, high / 2), (length, width, high), clear)
        body.box((-2.0, 0, -0.8), (12.0, 5.0, 1.4), clear)
        up = _lie(rng, (0, 0, 1), (0, 0, -1), (0, 1, 0.3))
        return worn(body.drawn(mm_per_px, up, aslant(rng)), rng, 0.02)
    length, width, high = float(rng.uniform(15, 21)), float(one_of(rng, (16.0, 16.0, 11.5))), 13.2
    shielded = chance(rng, 0.6)
    paint = metal(rng, [TIN, STEEL]) if shielded else Paint(tone(rng, [(30, 30, 30), (200, 208, 212)]), 60)
    mouth = Texture(width, high, mm_per_px, paint.bgr)
    mouth.rect(0, -0.6, 11.6 if width > 12 else 8.0, 7.0, _HOLLOW)
    mouth.rect(0, 3.4, 6.2, 2.6, _HOLLOW)
    for n in range(8 if width > 12 else 4):
        mouth.rect((n - (3.5 if width > 12 else 1.5)) * 1.02, -2.6, 0.4, 2.4, (80, 165, 200))
    if chance(rng, 0.5) and width > 12:
        for side, glow in ((-1, (70, 190, 80)), (1, (50, 180, 230))):
            mouth.rect(side * 6.6, -4.8, 2.4, 1.6, glow)
    body.box((0, 0, high / 2), (length, width, high), paint)
    body.plane((length / 2 + 0.02, -width / 2, 0), (0, width, 0), (0, 0, high), Paint((90, 90, 92), 40), mouth)
    body.box(
        [(-length * 0.3 + x, (n - 2) * 2.0, -1.4) for n in range(5) for x in (0, 2.5)],
        (0.5, 0.5, 3.0),
        metal(rng, [TIN, GOLD]),
    )
    up = _lie(rng, (0, 0, 1), (1, 0, 0), (1, 0, 0.5), (0, 1, 0.2), (0, 0, -1))
    return worn(body.drawn(mm_per_px, up, aslant(rng)), rng)


def _board_to_board(rng: np.random.Generator, mm_per_px: float) -> Canvas:
    """A long low mezzanine strip with a groove or a ridge."""
    body = Body(rng)
    length, width, high = float(rng.uniform(6, 26)), float(rng.uniform(3, 6)), float(rng.uniform(1.0, 3.5))
    colour = tone(rng, [(30, 30, 32), (205, 215, 220), (150, 175, 190), (40, 50, 70)], 5)
    pin = metal(rng, [GOLD, TIN])
    pitch = max(0.5, 2.2 * mm_per_px)
    places = np.arange(-length / 2 + 1.0, length / 2 - 0.8, pitch).tolist()
    top = Texture(length, width, mm_per_px, colour)
    top.rect(0, 0, length * 0.92, width * 0.4, dimmed(colour, 0.4 if chance(rng, 0.6) else 1.3))
    for x in places:
        top.rect(x, width * 0.28, pitch * 0.45, width * 0.22, pin.bgr)
        top.rect(x, -width * 0.28, pitch * 0.45, width * 0.22, pin.bgr)
    body.box((0, 0, high / 2), (length, width, high), Paint(colour, 60), top)
    feet = [(x, side * (width / 2 + 0.25), 0.1) for x in places for side in (-1, 1)]
    body.box(feet, (pitch * 0.45, 0.8, 0.2), pin)
    up = _lie(rng, (0, 0, 1), (0, 0, 1), (0, 0, -1), (0, 1, 0.3))
    return worn(body.drawn(mm_per_px, up, aslant(rng)), rng)


def _terminal_block(rng: np.random.Generator, mm_per_px: float) -> Canvas:
    body = Body(rng)
    count, pitch = int(rng.integers(2, 6)), float(one_of(rng, (3.81, 5.08, 5.08, 7.5)))
    colour = tone(rng, [(80, 150, 50), (180, 100, 30), (40, 40, 42), (70, 130, 60), (50, 60, 200)], 6)
    length, width, high = count * pitch, pitch * 1.55, pitch * 1.9
    top, side = Texture(length, width, mm_per_px, colour), Texture(length, high, mm_per_px, colour)
    for x, _, _ in _grid(count, 1, pitch, 0):
        top.disc(x, -width * 0.05, pitch * 0.34, _HOLLOW)
        top.disc(x, -width * 0.05, pitch * 0.29, (170, 172, 172))
        top.stroke(
            [(x - pitch * 0.25, -width * 0.05 - 0.3), (x + pitch * 0.25, -width * 0.05 + 0.3)], 0.5, (50, 52, 52)
        )
        side.rect(x, -high * 0.2, pitch * 0.6, high * 0.36, _HOLLOW)
        side.rect(x, -high * 0.12, pitch * 0.5, high * 0.12, (150, 152, 152))
    body.box((0, 0, high / 2), (length, width, high), Paint(colour, 60), top, None, side)
    body.box(_grid(count, 1, pitch, -1.6), (0.9, 0.9, 3.6), metal(rng))
    label = code(rng, "0")
    top.text(label, -length * 0.4, width * 0.35, 1.0, dimmed(colour, 1.6))
    up = _lie(rng, (0, 0, 1), (0, 1, 0.1), (0, -1, 0.2), (0, 0, -1), (0.2, 0.6, 1))
    return worn(body.drawn(mm_per_px, up, aslant(rng)), rng)


PAINTERS: Mapping[str, Painter] = {"connector": connector}
