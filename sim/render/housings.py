"""Housings and their pieces: stamped, bent, cast and crumpled metal; moulded plastic from outside and inside."""

import numpy as np

from sim.render.canvas import Canvas
from sim.render.dice import Looks, between, chance, dimmed, one_of, spot, tone
from sim.render.finishes import (
    ALUMINIUM,
    BRASS,
    COPPER,
    STEEL,
    barrel_sheen,
    gradient,
    mirrored_room,
    perforation,
    quad,
    screw_head,
    turned_metal,
    turning,
    wear,
)
from sim.render.marks import brand, code, ink_on, label, sign, small_print, title
from sim.render.shapes import Bgr, ellipse, ragged, rounded_rect, vary

_SHEETS: tuple[Bgr, ...] = (
    (170, 172, 172), (185, 186, 186), (150, 155, 158), (140, 165, 175), (195, 195, 196), (165, 170, 160),
    (120, 124, 128), (62, 63, 66), (205, 206, 206), (44, 44, 46),
)  # fmt: skip
_NEUTRAL: tuple[Bgr, ...] = (
    (25, 25, 25), (32, 32, 33), (45, 45, 47), (38, 38, 39), (62, 62, 64), (110, 112, 114), (215, 218, 218),
    (205, 208, 208), (150, 152, 152), (185, 205, 215), (160, 190, 205), (90, 92, 95),
)  # fmt: skip
_VIVID: tuple[Bgr, ...] = (
    (150, 70, 35), (45, 45, 185), (60, 170, 215), (70, 140, 60), (120, 160, 90), (190, 170, 150), (60, 60, 120),
)  # fmt: skip
_RUST: Bgr = (40, 75, 130)


def _worn_metal(canvas: Canvas, sheet: Bgr) -> Canvas:
    """Scratches, rust, grease and the sheen of handled sheet."""
    rng = canvas.rng
    canvas.scratches(int(rng.integers(3, 16)), dimmed(sheet, 1.25), between(rng, 0.08, 0.2))
    wear(canvas, between(rng, 0.3, 1.3), dimmed(sheet, 0.7))
    if chance(rng, 0.25):
        canvas.dirt(between(rng, 0.4, 1.3), _RUST)
    return canvas


def _holes(canvas: Canvas, length: float, width: float, count: int) -> None:
    """Punched round and long holes."""
    rng = canvas.rng
    for _ in range(count):
        x, y = spot(rng, length, width, 0.42)
        if chance(rng, 0.6):
            radius = between(rng, 1.0, 3.2)
            canvas.hole(ellipse(x, y, radius, radius))
        else:
            canvas.hole(rounded_rect(x, y, between(rng, 4, 12), between(rng, 2, 4), 1.0))


def _folds(canvas: Canvas, length: float, width: float, sheet: Bgr) -> None:
    """Flanges bent up along some edges."""
    rng = canvas.rng
    rise = between(rng, 4, 14)
    for side in (-1, 1):
        if chance(rng, 0.6):
            canvas.rect(0, side * (width / 2 - 0.7), length, 1.4, vary(sheet, rng), rise, 170)
        if chance(rng, 0.4):
            canvas.rect(side * (length / 2 - 0.7), 0, 1.4, width, vary(sheet, rng), rise, 170)


def _stamped(rng: np.random.Generator, mm_per_px: float) -> Canvas:
    """A bracket or cover of sheet: holes, embossed ribs, flanges, tabs, cut-outs, brushed or zinc-plated."""
    length = between(rng, 22, 110)
    width = length * between(rng, 0.3, 0.95)
    canvas = Canvas(length, width, mm_per_px, rng)
    sheet = tone(rng, _SHEETS)
    outline = rounded_rect(0, 0, length, width, between(rng, 0.3, 4))
    canvas.polygon(outline, sheet, 2.0, 150)
    canvas.grain(between(rng, 0.03, 0.1), 0.35, one_of(rng, (1.0, 8.0, 14.0)))
    gradient(canvas, outline, (248, 248, 248), between(rng, 0, 0.4))
    mirrored_room(canvas, outline, between(rng, 0, 0.5))
    for _ in range(int(rng.integers(0, 4))):
        x, y = spot(rng, length, width, 0.25)
        rib, broad = between(rng, 0.2, 0.5) * length, between(rng, 2, 6)
        for share, top in ((1.0, 2.7), (0.7, 3.3), (0.4, 3.6)):
            canvas.rect(x, y, rib * (0.8 + 0.2 * share), broad * share, sheet, top, 160, broad * share / 2)
    _folds(canvas, length, width, sheet)
    _holes(canvas, length, width, int(rng.integers(1, 9)))
    for _ in range(int(rng.integers(0, 3))):  # notched corners and edges
        x, y = length / 2 * one_of(rng, (-1, 1)), between(rng, -0.5, 0.5) * width
        canvas.hole(rounded_rect(x, y, length * between(rng, 0.15, 0.5), width * between(rng, 0.1, 0.4), 1))
    if chance(rng, 0.2):
        canvas.text(code(rng, 6), 0, 0, 3, dimmed(sheet, 0.7))
    if chance(rng, 0.15):
        x, y = spot(rng, length, width, 0.3)
        label(canvas, x, y, length * 0.35, width * 0.3)
    canvas.roughen(between(rng, 0.1, 0.9), 14.0)
    return _worn_metal(canvas, sheet)


def _crumpled(rng: np.random.Generator, mm_per_px: float) -> Canvas:
    """Sheet that went through a shredder: torn, folded over itself, creased."""
    length = between(rng, 20, 95)
    width = length * between(rng, 0.4, 0.9)
    canvas = Canvas(length, width, mm_per_px, rng)
    sheet = tone(rng, [*_SHEETS, ALUMINIUM, COPPER, BRASS])
    canvas.polygon(ragged(length, width, rng, 0.45), sheet, 3, 160)
    for fold in range(int(rng.integers(1, 5))):
        flap = ragged(length, width, rng, 0.5) * between(rng, 0.3, 0.7) @ turning(between(rng, 0, 360))
        flap += np.array(spot(rng, length, width, 0.2))
        inside = dimmed(sheet, between(rng, 0.6, 1.1))
        canvas.polygon(np.clip(flap, [-length / 2, -width / 2], [length / 2, width / 2]), inside, 5.0 + 2 * fold, 160)
        gradient(canvas, flap, (248, 248, 248), between(rng, 0, 0.5))
    for _ in range(int(rng.integers(3, 9))):  # creases
        start = np.array(spot(rng, length, width, 0.5))
        crease = start + np.cumsum(rng.normal(0, length * 0.14, (3, 2)), axis=0)
        canvas.stroke(crease, 0.5, dimmed(sheet, one_of(rng, (0.5, 1.3))))
    _holes(canvas, length, width, int(rng.integers(0, 5)))
    canvas.roughen(between(rng, 0.6, 2.2), between(rng, 5, 14))
    canvas.roughen(between(rng, 0.2, 0.6), 3)
    return _worn_metal(canvas, sheet)


def _heat_sink(rng: np.random.Generator, mm_per_px: float) -> Canvas:
    """An extruded heat sink from above (fins or pins), bare, black or coloured."""
    length, width = between(rng, 14, 90), between(rng, 12, 70)
    width = min(width, length)
    canvas = Canvas(length, width, mm_per_px, rng)
    metal = tone(rng, [ALUMINIUM, (195, 196, 197), (66, 67, 70), (60, 140, 190), (150, 80, 40), COPPER, STEEL])
    canvas.rect(0, 0, length, width, dimmed(metal, 0.6), 3, 60, 0.4)
    pitch = between(rng, 2.0, 4.5)
    height = between(rng, 6, 22)
    fin = pitch * between(rng, 0.3, 0.5)
    split = chance(rng, 0.35)
    for y in np.arange(-width / 2 + fin / 2, width / 2 - fin / 3, pitch):
        canvas.rect(0, float(y), length, fin, metal, height, 160)
    if split:
        for x in np.arange(-length / 2 + pitch, length / 2, pitch * 1.6):
            canvas.rect(float(x), 0, pitch * 0.6, width, dimmed(metal, 0.5), 3, 60)
    elif chance(rng, 0.5):
        canvas.rect(0, 0, length * 0.12, width, dimmed(metal, 0.6), 3, 90)
        for end in (-1, 1):
            screw_head(canvas, 0, end * width * 0.35, min(2.5, length * 0.05), 6)
    if chance(rng, 0.3):
        canvas.stroke(
            [[-length * 0.45, width * 0.45], [0, 0], [length * 0.45, -width * 0.45]], 1.4, STEEL, height + 1, 170
        )
    if chance(rng, 0.3):
        canvas.roughen(0.8, 10)
    if chance(rng, 0.15):
        canvas.keep(ragged(length, width, rng, 0.35))
    return _worn_metal(canvas, metal)


def _grille(rng: np.random.Generator, mm_per_px: float) -> Canvas:
    """Perforated or slotted sheet: vents, a fan's rosette, a computer's back plate with cut-outs."""
    length = between(rng, 40, 150)
    width = length * between(rng, 0.25, 0.9)
    canvas = Canvas(length, width, mm_per_px, rng)
    sheet = tone(rng, _SHEETS)
    outline = rounded_rect(0, 0, length, width, between(rng, 0, 3))
    canvas.polygon(outline, sheet, 2.5, 150)
    gradient(canvas, outline, (248, 248, 248), between(rng, 0, 0.45))
    _folds(canvas, length, width, sheet)
    kind = float(rng.random())
    if kind < 0.4:
        pitch = between(rng, 3.5, 6)
        for row, y in enumerate(np.arange(-width * 0.36, width * 0.36, pitch * 0.87)):
            for x in np.arange(-length * 0.4 + (row % 2) * pitch / 2, length * 0.4, pitch):
                canvas.hole(ellipse(float(x), float(y), pitch * 0.36, pitch * 0.36, 6))
    elif kind < 0.7:
        radius = min(length, width) * 0.4
        for share in np.arange(0.3, 1.0, 0.16):
            for turn in range(4):
                arc = np.linspace(turn * np.pi / 2 + 0.14, (turn + 1) * np.pi / 2 - 0.14, 12)
                outer = np.column_stack([np.cos(arc), np.sin(arc)]) * radius * share
                canvas.hole(np.concatenate([outer, outer[::-1] * (1 - 0.09 / share)]))
    else:
        x = -length / 2 + 5
        while x < length / 2 - 8:
            size = between(rng, 5, 18)
            canvas.hole(
                rounded_rect(x + size / 2, between(rng, -0.1, 0.1) * width, size, width * between(rng, 0.2, 0.6), 1)
            )
            x += size + between(rng, 2, 7)
    for end in (-1, 1):
        screw_head(canvas, end * length * 0.46, width * 0.42, 1.8, 3)
    canvas.roughen(between(rng, 0.1, 0.8), 18)
    if chance(rng, 0.3):
        canvas.keep(ragged(length, width, rng, 0.3))
    return _worn_metal(canvas, sheet)


def _cast(rng: np.random.Generator, mm_per_px: float) -> Canvas:
    """Die-cast or milled: thick walls, ribs, bosses with threads, machined faces."""
    length = between(rng, 25, 110)
    width = length * between(rng, 0.4, 0.95)
    canvas = Canvas(length, width, mm_per_px, rng)
    metal = tone(rng, [(165, 168, 170), (150, 153, 155), (180, 182, 183), (60, 62, 64), (140, 150, 155)])
    depth = between(rng, 8, 22)
    corner = between(rng, 2, 9)
    canvas.rect(0, 0, length, width, metal, depth, 150, corner)
    wall = between(rng, 2.2, 5)
    canvas.rect(0, 0, length - 2 * wall, width - 2 * wall, dimmed(metal, 0.85), between(rng, 2, depth - 4), 90, corner)
    for _ in range(int(rng.integers(1, 5))):
        x, y = spot(rng, length, width, 0.35)
        if chance(rng, 0.5):
            canvas.rect(x, 0, 1.8, width - wall, metal, depth * 0.7, 110)
        else:
            canvas.rect(0, y, length - wall, 1.8, metal, depth * 0.7, 110)
    for _ in range(int(rng.integers(2, 7))):
        x, y = spot(rng, length, width, 0.4)
        radius = between(rng, 2, 4.5)
        canvas.disc(x, y, radius, metal, depth * 0.95, 160)
        canvas.disc(x, y, radius * 0.45, (24, 24, 25), 2, 20)
    if chance(rng, 0.4):
        x, y = spot(rng, length, width, 0.2)
        radius = min(length, width) * between(rng, 0.15, 0.28)
        canvas.disc(x, y, radius, metal, depth * 0.8, 170)
        turned_metal(canvas, x, y, radius, 0.5)
        canvas.disc(x, y, radius * 0.4, (30, 30, 31), 2, 30)
    canvas.roughen(0.02, 0.8)
    if chance(rng, 0.4):
        canvas.keep(ragged(length, width, rng, 0.4))
    return _worn_metal(canvas, metal)


def _tin(rng: np.random.Generator, mm_per_px: float) -> Canvas:
    """A box or lid of thin metal: drive case, tuner can, shield frame, laptop lid, back with a label."""
    length = between(rng, 18, 150)
    width = length * between(rng, 0.4, 0.9)
    canvas = Canvas(length, width, mm_per_px, rng)
    sheet = tone(rng, [*_SHEETS, (120, 60, 40), (40, 40, 150)])
    depth = between(rng, 4, 24)
    outline = rounded_rect(0, 0, length, width, between(rng, 0.5, 6))
    canvas.polygon(outline, sheet, depth, 160)
    canvas.polygon(outline * 0.96, sheet, depth + 0.6, 160)
    canvas.grain(between(rng, 0.02, 0.07), 0.3, 8)
    mirrored_room(canvas, outline, between(rng, 0.2, 1.0))
    gradient(canvas, outline, (248, 248, 248), between(rng, 0, 0.4))
    if chance(rng, 0.35):  # seen from inside
        canvas.rect(0, 0, length - 3, width - 3, dimmed(sheet, 0.8), 1.5, 120, 1)
        gradient(canvas, rounded_rect(0, 0, length - 3, width - 3), (30, 30, 31), 0.5)
    else:
        if chance(rng, 0.5):
            x, y = spot(rng, length, width, 0.15)
            label(canvas, x, y, length * between(rng, 0.3, 0.7), width * between(rng, 0.3, 0.6))
        elif chance(rng, 0.5):
            title(
                canvas,
                brand(rng),
                0,
                0,
                min(8, length / 9),
                dimmed(sheet, 0.6) if sum(sheet) > 250 else dimmed(sheet, 2.2),
            )
        perforation(canvas, *spot(rng, length, width, 0.25), length * 0.2, width * 0.2, 3)
    for x in (-0.45, 0.45):
        for y in (-0.44, 0.44):
            if chance(rng, 0.6):
                screw_head(canvas, x * length, y * width, min(2.2, width * 0.06), depth + 0.8)
    canvas.roughen(between(rng, 0.05, 0.6), 20)
    if chance(rng, 0.3):
        canvas.bulge(*spot(rng, length, width, 0.3), length * 0.2, width * 0.25, -between(rng, 1, 4))
    if chance(rng, 0.25):
        canvas.keep(ragged(length, width, rng, 0.35))
    return _worn_metal(canvas, sheet)


def _tube_piece(rng: np.random.Generator, mm_per_px: float) -> Canvas:
    """A bent strip, channel or tube: rails, antenna, handles."""
    length, width = between(rng, 35, 130), between(rng, 5, 18)
    canvas = Canvas(length, width, mm_per_px, rng)
    sheet = tone(rng, _SHEETS)
    outline = rounded_rect(0, 0, length, width, between(rng, 0.3, 3))
    canvas.polygon(outline, sheet, 2, 160)
    if chance(rng, 0.5):
        for share, rise in ((1.0, 0.4), (0.8, 0.75), (0.5, 0.95)):
            canvas.lift(rounded_rect(0, 0, length, width * share), width * rise)
        barrel_sheen(canvas, outline, False, 0.8)
    else:
        canvas.rect(0, 0, length, width - 2.4, dimmed(sheet, 0.8), 1.5, 120)
        for side in (-1, 1):
            canvas.rect(0, side * (width / 2 - 0.6), length, 1.2, sheet, width * 0.6, 170)
    _holes(canvas, length, width * 0.5, int(rng.integers(1, 6)))
    canvas.roughen(0.5, 20)
    return _worn_metal(canvas, sheet)


def _shell_colour(rng: np.random.Generator) -> Bgr:
    """A plastic's colour; old white plastic has turned yellow."""
    shell = tone(rng, _NEUTRAL if chance(rng, 0.75) else _VIVID, 10)
    if sum(shell) > 540 and chance(rng, 0.5):
        return round(shell[0] * between(rng, 0.65, 0.9)), round(shell[1] * 0.94), shell[2]
    return shell


def _worn_plastic(canvas: Canvas, shell: Bgr, breakage: float) -> Canvas:
    """Broken outline with whitened stress, scuffs and dirt."""
    rng = canvas.rng
    length, width = canvas.length_mm, canvas.width_mm
    if chance(rng, breakage):
        for _ in range(3):
            x, y = spot(rng, length, width, 0.5)
            canvas.shade(ellipse(x, y, 5, 3), (225, 228, 228), between(rng, 0.1, 0.4), 1.5)
        canvas.keep(ragged(length, width, rng, between(rng, 0.25, 0.55)))
    if chance(rng, 0.3):  # warped by heat
        canvas.roughen(between(rng, 0.05, 0.3), between(rng, 9, 25))
    if chance(rng, 0.4):  # textured tool
        canvas.roughen(0.01, 0.6)
    wear(canvas, between(rng, 0.3, 1.5), dimmed(shell, 1.5) if sum(shell) < 300 else dimmed(shell, 0.75))
    return canvas


def _outside(rng: np.random.Generator, mm_per_px: float) -> Canvas:
    """A piece of a moulded shell from outside: edges, slots, buttons' holes, print, seams."""
    length = between(rng, 22, 110)
    width = length * between(rng, 0.35, 0.9)
    canvas = Canvas(length, width, mm_per_px, rng)
    shell = _shell_colour(rng)
    corner, depth = between(rng, 1, 10), between(rng, 5, 16)
    outline = rounded_rect(0, 0, length, width, corner)
    canvas.polygon(outline, shell, depth - 1, 100)
    canvas.polygon(outline * 0.95, shell, depth, 100)
    gradient(canvas, outline, (245, 245, 245), between(rng, 0, 0.25))
    mirrored_room(canvas, outline, between(rng, 0, 0.5))
    x, y = spot(rng, length, width, 0.25)
    kind = float(rng.random())
    if kind < 0.35:
        for slot in range(int(rng.integers(3, 10))):
            canvas.rect(x + (slot - 4) * 3.0, y, 1.3, width * 0.35, dimmed(shell, 0.25), depth - 3, 0, 0.6)
    elif kind < 0.55:
        perforation(canvas, x, y, length * 0.25, width * 0.25, 2.4, dimmed(shell, 0.25))
    elif kind < 0.75:
        canvas.rect(x, y, length * 0.3, width * 0.3, dimmed(shell, 0.8), depth - 1, 60, 2)
    ink = ink_on(shell)
    if chance(rng, 0.6):
        title(canvas, one_of(rng, (brand(rng), "POWER", "MODEL X2")), -x, -y - width * 0.2, min(5, length / 12), ink)
    if chance(rng, 0.4):
        canvas.text(small_print(rng), -x, width * 0.36, 1.4, dimmed(ink, 0.9))
    if chance(rng, 0.3):
        sign(canvas, length * 0.3, width * 0.3, 5, dimmed(shell, 0.7))
    if chance(rng, 0.4):
        canvas.rect(0, between(rng, -0.3, 0.3) * width, length, 0.6, dimmed(shell, 0.5), depth - 1)
    return _worn_plastic(canvas, shell, 0.55)


def _inside(rng: np.random.Generator, mm_per_px: float) -> Canvas:
    """A shell from inside: walls, crossed ribs, screw bosses, clips, moulded marks, brass inserts."""
    length = between(rng, 25, 120)
    width = length * between(rng, 0.35, 0.9)
    canvas = Canvas(length, width, mm_per_px, rng)
    shell = _shell_colour(rng)
    depth, corner = between(rng, 6, 18), between(rng, 1, 9)
    canvas.rect(0, 0, length, width, shell, depth, 100, corner)
    wall = between(rng, 1.2, 2.4)
    canvas.rect(0, 0, length - 2 * wall, width - 2 * wall, dimmed(shell, 0.9), 2.0, 60, corner)
    gradient(canvas, rounded_rect(0, 0, length - 4, width - 4, corner), (20, 20, 22), between(rng, 0, 0.35))
    pitch = between(rng, 6, 16)
    for x in np.arange(-length / 2 + pitch, length / 2 - 4, pitch):
        if chance(rng, 0.7):
            canvas.rect(float(x), 0, 1.1, (width - 4) * between(rng, 0.5, 1.0), shell, depth * 0.6, 70)
    for _ in range(int(rng.integers(0, 4))):
        canvas.rect(0, between(rng, -0.35, 0.35) * width, length - 4, 1.1, shell, depth * 0.65, 70)
    for _ in range(int(rng.integers(2, 7))):
        x, y = spot(rng, length, width, 0.4)
        canvas.disc(x, y, between(rng, 2.4, 3.6), shell, depth * 0.9, 90)
        canvas.disc(x, y, 1.3, BRASS if chance(rng, 0.2) else dimmed(shell, 0.3), depth * 0.8, 20)
        if chance(rng, 0.4):
            for angle in (0, 90):
                canvas.polygon(quad(x, y, 11, 0.9, angle), shell, depth * 0.7, 60)
                canvas.disc(x, y, 1.3, dimmed(shell, 0.3), 3, 0)
    canvas.text(
        one_of(rng, (">ABS<", ">PC+ABS<", ">PS-HI<", "PP 5")), *spot(rng, length, width, 0.25), 2.2, dimmed(shell, 0.75)
    )
    if chance(rng, 0.3):
        canvas.hole(rounded_rect(*spot(rng, length, width, 0.25), length * 0.25, width * 0.25, 2))
    return _worn_plastic(canvas, shell, 0.5)


def _bezel(rng: np.random.Generator, mm_per_px: float) -> Canvas:
    """A frame round a display: mostly opening, buttons along one side."""
    length = between(rng, 55, 170)
    width = length * between(rng, 0.5, 0.85)
    canvas = Canvas(length, width, mm_per_px, rng)
    shell = _shell_colour(rng)
    rim = between(rng, 5, 14)
    outline = rounded_rect(0, 0, length, width, between(rng, 2, 9))
    canvas.polygon(outline, shell, 7, 110)
    canvas.polygon(outline * 0.97, shell, 8, 110)
    mirrored_room(canvas, outline, 0.5)
    title(canvas, brand(rng), 0, width / 2 - rim * 0.5, rim * 0.35, ink_on(shell))
    for place in range(int(rng.integers(0, 6))):
        canvas.disc(length * 0.2 + place * 5, width / 2 - rim * 0.5, 1.3, dimmed(shell, 0.5))
    canvas.hole(rounded_rect(0, 0, length - 2 * rim, width - 2 * rim, 1))
    if chance(rng, 0.4):  # a corner or a strip of it
        half = np.array(
            [
                [-length, -width],
                [length * between(rng, -0.2, 0.3), -width],
                [length * between(rng, -0.3, 0.2), width],
                [-length, width],
            ]
        )
        canvas.keep(half)
    return _worn_plastic(canvas, shell, 0.1)


def _keyed(rng: np.random.Generator, mm_per_px: float) -> Canvas:
    """A remote control, key block, calculator or telephone shell: rows of keys on a plate."""
    length = between(rng, 60, 160)
    width = length * between(rng, 0.26, 0.6)
    canvas = Canvas(length, width, mm_per_px, rng)
    shell = _shell_colour(rng)
    outline = rounded_rect(0, 0, length, width, between(rng, 2, width * 0.3))
    canvas.polygon(outline, shell, 14, 90)
    canvas.polygon(outline * 0.94, shell, 16, 90)
    keys = tone(rng, [(40, 40, 42), (205, 208, 208), (150, 152, 152), dimmed(shell, 0.7)])
    columns, rows = int(rng.integers(4, 11)), int(rng.integers(2, 5))
    pitch = min(length * 0.8 / columns, width * 0.8 / rows)
    empty = chance(rng, 0.35)
    for column in np.arange(columns) - (columns - 1) / 2:
        for row in np.arange(rows) - (rows - 1) / 2:
            x, y = float(column) * length * 0.8 / columns, float(row) * width * 0.8 / rows
            if empty or chance(rng, 0.08):
                canvas.hole(rounded_rect(x, y, pitch * 0.62, pitch * 0.6, pitch * 0.2))
            else:
                cap = tone(rng, [(40, 40, 190), (60, 150, 60)]) if chance(rng, 0.05) else keys
                canvas.rect(x, y, pitch * 0.7, pitch * 0.66, cap, 18, 80, pitch * 0.15)
                canvas.text(code(rng, 1), x, y, pitch * 0.22, ink_on(cap))
    return _worn_plastic(canvas, shell, 0.3)


def _cover(rng: np.random.Generator, mm_per_px: float) -> Canvas:
    """A back cover or battery door: thin, with camera cut-outs, catches and a name; inside or outside up."""
    length = between(rng, 35, 160)
    width = length * between(rng, 0.42, 0.7)
    canvas = Canvas(length, width, mm_per_px, rng)
    shell = _shell_colour(rng)
    corner = between(rng, 3, 12)
    outline = rounded_rect(0, 0, length, width, corner)
    canvas.polygon(outline, shell, 4, 120)
    inner = chance(rng, 0.5)
    canvas.polygon(outline * 0.95, shell if not inner else dimmed(shell, 0.85), 1.6 if inner else 5, 90)
    mirrored_room(canvas, outline, between(rng, 0.1, 0.7))
    if inner:
        if chance(rng, 0.3):
            label(canvas, length * 0.1, 0, length * 0.25, width * 0.3, dimmed(shell, 1.1))
        for x in np.arange(-length * 0.4, length * 0.45, length * 0.16):
            for side in (-1, 1):
                canvas.rect(float(x), side * (width / 2 - 1.5), 4, 1.6, shell, 5, 80)
    else:
        title(canvas, brand(rng), length * 0.1, 0, min(6, length / 14), dimmed(ink_on(shell), 0.9), one_of(rng, (0, 3)))
    if chance(rng, 0.7):
        radius = min(5.0, width * 0.13)
        canvas.hole(ellipse(-length * 0.38, between(rng, -0.3, 0.3) * width, radius, radius))
        canvas.hole(rounded_rect(-length * 0.38, width * 0.34, 3, 6, 1))
    if chance(rng, 0.3):
        perforation(canvas, length * 0.4, 0, 5, width * 0.3, 2, dimmed(shell, 0.3))
    return _worn_plastic(canvas, shell, 0.3)


def _shard(rng: np.random.Generator, mm_per_px: float) -> Canvas:
    """A small chip of plastic, flat or with a piece of wall, rib or boss; clear or coloured at times."""
    length = between(rng, 12, 48)
    width = length * between(rng, 0.35, 0.9)
    canvas = Canvas(length, width, mm_per_px, rng)
    shell = _shell_colour(rng)
    outline = ragged(length, width, rng, 0.5)
    canvas.polygon(outline, shell, between(rng, 2, 4), 90)
    canvas.polygon(outline * 0.95, dimmed(shell, between(rng, 0.9, 1.05)), between(rng, 2, 4.5), 90)
    for _ in range(int(rng.integers(0, 4))):
        x, y = spot(rng, length, width, 0.3)
        canvas.polygon(
            quad(x, y, length * between(rng, 0.3, 0.9), 1.4, between(rng, 0, 180)), shell, between(rng, 4, 9), 80
        )
    if chance(rng, 0.3):
        x, y = spot(rng, length, width, 0.25)
        canvas.disc(x, y, 3, shell, 8, 80)
        canvas.disc(x, y, 1.3, dimmed(shell, 0.3), 3, 0)
    if chance(rng, 0.12):
        canvas.see_through(outline, int(rng.integers(120, 220)))
    canvas.keep(outline)
    return _worn_plastic(canvas, shell, 0.0)


LOOKS: dict[str, Looks] = {
    "metal_housing": (
        (2.4, _stamped), (1.6, _crumpled), (1.2, _heat_sink), (1.3, _grille), (1.2, _cast), (1.6, _tin),
        (0.7, _tube_piece),
    ),
    "plastic_housing": ((2.2, _outside), (2.2, _inside), (0.9, _bezel), (1, _keyed), (1.3, _cover), (1.5, _shard)),
}  # fmt: skip
"""Each class's looks with their weights."""
