"""Game consoles: handhelds of several families, folding ones, game pads, boxes, from front and back, opened."""

import numpy as np

from sim.render.boards import ground, populate
from sim.render.canvas import Canvas
from sim.render.dice import Looks, between, chance, dimmed, one_of, tone
from sim.render.finishes import (
    BLACK,
    GLASS_BLACK,
    STEEL,
    cracks,
    gradient,
    mirrored_room,
    perforation,
    quad,
    ribbon,
    ring,
    screw_head,
    wear,
)
from sim.render.marks import WHITE, brand, ink_on, label, sign, title
from sim.render.shapes import Bgr, ellipse, ragged, rounded_rect, vary

_SHELLS: tuple[Bgr, ...] = (
    (26, 26, 27), (34, 34, 36), (205, 207, 207), (165, 168, 170), (120, 120, 122), (60, 50, 170), (150, 80, 30),
    (200, 170, 60), (60, 200, 225), (150, 100, 190), (120, 70, 90), (170, 190, 195),
)  # fmt: skip
_FACE_COLOURS: tuple[Bgr, ...] = ((50, 50, 200), (60, 160, 50), (180, 100, 40), (50, 190, 215))


def _screen(canvas: Canvas, x: float, y: float, length: float, width: float, top: float) -> None:
    """A console's screen, dark or greenish, behind glass with a rim."""
    rng = canvas.rng
    window = rounded_rect(x, y, length, width, 2)
    canvas.polygon(window, GLASS_BLACK, top, 90)
    colour = tone(rng, [(30, 28, 26), (45, 43, 40), (70, 110, 100), (60, 75, 70), (85, 88, 84), (22, 21, 20)])
    canvas.rect(x, y, length * between(rng, 0.78, 0.94), width * between(rng, 0.78, 0.92), colour, None, 80, 0.4)
    mirrored_room(canvas, window)
    if chance(rng, 0.15):
        cracks(canvas, x + between(rng, -0.3, 0.3) * length, y, length * 0.6)


def _cross(canvas: Canvas, x: float, y: float, reach: float, top: float, bgr: Bgr) -> None:
    """A direction pad in its dish."""
    canvas.disc(x, y, reach * 1.35, dimmed(bgr, 0.75), top - 0.8, 60)
    for length, width in ((2 * reach, 0.68 * reach), (0.68 * reach, 2 * reach)):
        canvas.rect(x, y, length, width, bgr, top + 1.6, 90, 0.8)
    canvas.disc(x, y, reach * 0.22, dimmed(bgr, 0.8), top + 1.2)


def _face_buttons(canvas: Canvas, x: float, y: float, reach: float, top: float, bgr: Bgr, count: int = 4) -> None:
    """Two or four round buttons with letters or shapes."""
    rng = canvas.rng
    coloured = chance(rng, 0.4)
    places = ((0, -1), (1, 0), (0, 1), (-1, 0)) if count == 4 else ((0.7, -0.4), (-0.7, 0.4))
    for place, (dx, dy) in enumerate(places):
        cap = vary(_FACE_COLOURS[place], rng, 8) if coloured else bgr
        bx, by = x + dx * reach, y + dy * reach
        radius = reach * (0.42 if count == 4 else 0.55)
        canvas.disc(bx, by, radius * 1.15, dimmed(bgr, 0.5))
        canvas.disc(bx, by, radius, cap, top + 2, 120)
        canvas.dome(bx, by, radius, top + 1.4, 1.2)
        canvas.text("ABXY"[place], bx, by, radius * 0.9, ink_on(cap))


def _stick(canvas: Canvas, x: float, y: float, radius: float, top: float, bgr: Bgr) -> None:
    """A thumb stick in its well."""
    canvas.disc(x, y, radius * 1.35, dimmed(bgr, 0.5), top - 1, 60)
    canvas.disc(x, y, radius, bgr, top + 9, 70)
    canvas.stroke(ring(x, y, radius * 0.85), radius * 0.12, dimmed(bgr, 1.5))
    canvas.disc(x, y, radius * 0.72, dimmed(bgr, 0.85), top + 7.5, 60)
    canvas.dome(x, y, radius * 0.7, top + 6.5, 1.6)


def _wide_handheld(rng: np.random.Generator, mm_per_px: float) -> Canvas:
    """A wide handheld: screen in the middle, controls on both sides; coloured grips now and then."""
    length, width = between(rng, 140, 245), between(rng, 68, 105)
    width = min(width, length * 0.48)
    canvas = Canvas(length, width, mm_per_px, rng)
    body = tone(rng, _SHELLS)
    corner = width * between(rng, 0.12, 0.5)
    outline = rounded_rect(0, 0, length, width, corner)
    canvas.polygon(outline, body, 13, 110)
    canvas.polygon(outline * 0.96, body, 15, 120)
    side = length * between(rng, 0.16, 0.21)
    if chance(rng, 0.35):
        for end, colour in ((-1, (195, 175, 30)), (1, (60, 70, 225))):
            grip = tone(rng, [colour, (90, 92, 94), vary(colour, rng, 20)])
            canvas.rect(end * (length / 2 - side / 2), 0, side, width, grip, 15, 100, corner)
            canvas.rect(end * (length / 2 - side + 4), 0, 9, width, grip, 15, 100)
    _screen(canvas, 0, between(rng, -0.03, 0.03) * width, length - 2 * side - 3, width * between(rng, 0.66, 0.88), 15.3)
    knob = tone(rng, [BLACK, dimmed(body, 0.8), (60, 60, 62)])
    reach = side * between(rng, 0.2, 0.27)
    high, low = -width * between(rng, 0.14, 0.24), width * between(rng, 0.14, 0.24)
    left, right = -length / 2 + side / 2, length / 2 - side / 2
    sticks = int(rng.integers(0, 3))
    if sticks == 0:
        high = low = 0.0
    _cross(canvas, left, low if sticks else 0.0, reach, 15, knob)
    _face_buttons(canvas, right, high, reach * 1.15, 15, knob)
    if sticks >= 1:
        _stick(canvas, left, high, side * 0.22, 15, knob)
    if sticks == 2:
        _stick(canvas, right, low, side * 0.22, 15, knob)
    for place in range(int(rng.integers(2, 6))):
        canvas.rect(-length * 0.12 + place * length * 0.06, width * 0.46, length * 0.035, 2.6, knob, 15.8, 80, 1.2)
    title(canvas, brand(rng), between(rng, -0.1, 0.1) * length, -width * 0.46, 2.4, ink_on(body))
    if chance(rng, 0.5):
        gradient(canvas, outline, (245, 245, 245), 0.2)
    wear(canvas, between(rng, 0.3, 1.3))
    return canvas


def _tall_handheld(rng: np.random.Generator, mm_per_px: float) -> Canvas:
    """An upright handheld: screen above, pad and two buttons below, speaker slots. Its top is at -x."""
    length, width = between(rng, 118, 150), between(rng, 68, 92)
    canvas = Canvas(length, width, mm_per_px, rng)
    body = tone(rng, _SHELLS)
    outline = rounded_rect(0, 0, length, width, between(rng, 3, 10))
    canvas.polygon(outline, body, 24, 70)
    canvas.polygon(outline * 0.96, body, 27, 70)
    canvas.rect(
        -length * 0.21, 0, length * 0.46, width * 0.86, tone(rng, [(95, 92, 90), (60, 58, 60), BLACK]), 27.3, 60, 5
    )
    _screen(canvas, -length * 0.2, 0, length * 0.34, width * 0.6, 27.4)
    canvas.text("DOT MATRIX", -length * 0.41, 0, 1.6, WHITE, 3)
    canvas.disc(-length * 0.25, width * 0.36, 1.2, (60, 60, 200))
    knob = tone(rng, [BLACK, (60, 60, 62)])
    _cross(canvas, length * 0.2, width * 0.26, 10, 27, knob)
    _face_buttons(canvas, length * 0.2, -width * 0.24, 9, 27, tone(rng, [(90, 40, 160), knob, (60, 60, 190)]), 2)
    for place in (-0.12, 0.08):
        canvas.polygon(quad(length * 0.38, place * width, 3, 9, 20, 1.4), (120, 120, 122), 28, 60)
    for place in range(6):
        canvas.polygon(quad(length * 0.36, -width * 0.2 - place * 3.2, 12, 1.2, 20), dimmed(body, 0.4), 25, 0)
    title(canvas, brand(rng), length * 0.05, width * 0.18, 3.2, tone(rng, [(120, 50, 40), ink_on(body)]), 3)
    wear(canvas, between(rng, 0.4, 1.5))
    return canvas


def _folding(rng: np.random.Generator, mm_per_px: float) -> Canvas:
    """A folding handheld, open: two halves with a screen each and the hinge between them."""
    width, half = between(rng, 120, 160), between(rng, 68, 84)
    canvas = Canvas(width, 2 * half, mm_per_px, rng)
    body = tone(rng, _SHELLS)
    inner = tone(rng, [body, BLACK, dimmed(body, 0.9)])
    for side in (-1, 1):
        canvas.rect(0, side * half / 2, width, half - 1, body, 9, 110, between(rng, 4, 10))
        canvas.rect(0, side * half / 2, width - 4, half - 5, inner, 11, 100, 5)
    _screen(canvas, 0, -half * 0.52, width * between(rng, 0.5, 0.68), half * 0.66, 11.2)
    _screen(canvas, 0, half * 0.52, width * 0.46, half * 0.62, 11.2)
    knob = tone(rng, [BLACK, dimmed(body, 0.8), STEEL])
    _cross(canvas, -width * 0.37, half * 0.55, 8, 11, knob)
    _face_buttons(canvas, width * 0.37, half * 0.5, 9, 11, knob)
    if chance(rng, 0.4):
        _stick(canvas, -width * 0.37, half * 0.25, 7, 9, knob)
    for side in (-1, 1):
        perforation(canvas, side * width * 0.41, -half * 0.5, 8, 8, 2.4)
        canvas.rect(side * width * 0.36, half * 0.86, 5, 3, knob, 12, 80, 1)
    for place in (-0.4, 0.0, 0.4):
        canvas.rect(place * width, 0, width * (0.18 if place else 0.5), 8, dimmed(body, 0.9), 14, 110, 3)
    wear(canvas, between(rng, 0.3, 1.3))
    return canvas


def _folded(rng: np.random.Generator, mm_per_px: float) -> Canvas:
    """A folding handheld, shut, or a handheld's back: shell, logo, hinge or battery door, screws, label."""
    length, width = between(rng, 120, 175), between(rng, 68, 88)
    canvas = Canvas(length, width, mm_per_px, rng)
    body = tone(rng, _SHELLS)
    outline = rounded_rect(0, 0, length, width, between(rng, 4, 14))
    canvas.polygon(outline, body, 19, 120)
    canvas.polygon(outline * 0.96, body, 21, 120)
    mirrored_room(canvas, outline, between(rng, 0.2, 0.8))
    if chance(rng, 0.5):
        canvas.rect(0, -width * 0.46, length * 0.7, 7, dimmed(body, 0.85), 22, 110, 3)
        title(canvas, brand(rng), 0, 0, between(rng, 4, 8), dimmed(body, 1.5) if sum(body) < 300 else dimmed(body, 0.6))
    else:
        door = rounded_rect(0, width * 0.1, length * 0.42, width * 0.6, 3)
        canvas.stroke(np.concatenate([door, door[:1]]), 0.5, dimmed(body, 0.5))
        label(canvas, 0, width * 0.1, length * 0.34, width * 0.4, vary(body, rng, 4))
        for x in (-0.42, 0.42):
            for y in (-0.36, 0.36):
                screw_head(canvas, x * length, y * width, 1.8, 20.5, dimmed(STEEL, 0.6))
        sign(canvas, -length * 0.3, width * 0.1, 5, dimmed(body, 1.6))
    wear(canvas, between(rng, 0.4, 1.5))
    return canvas


def _game_pad(rng: np.random.Generator, mm_per_px: float) -> Canvas:
    """A game pad: a body with two grips, sticks, pad, buttons, shoulder keys."""
    length, width = between(rng, 142, 168), between(rng, 90, 112)
    canvas = Canvas(length, width + 2, mm_per_px, rng)
    body = tone(rng, _SHELLS)
    grip, splay = between(rng, 15, 21), between(rng, 4, 12)
    top = -width / 2
    for side in (-1, 1):  # shoulder keys, a trunk, and a grip that runs down and outwards
        canvas.rect(side * length * 0.27, top + 7, length * 0.2, 13, dimmed(body, 0.7), 24, 90, 4)
    levels = ((1.0, 22), (0.94, 29), (0.86, 33), (0.74, 36))
    for share, rise in levels:
        canvas.rect(0, top + 32, length * 0.84 * share, 52 * share, body, rise, 90, 20 * share)
        for side in (-1, 1):
            hand = [
                [side * length * 0.32, top + 30],
                [side * (length * 0.36 + splay * 0.4), top + 58],
                [side * (length / 2 - grip), width / 2 - grip],
            ]
            canvas.stroke(np.array(hand), 2 * grip * share, body, rise, 90)
    gradient(canvas, rounded_rect(0, top + 36, length * 0.8, 60, 10), (245, 245, 245), between(rng, 0, 0.25))
    knob = tone(rng, [BLACK, dimmed(body, 0.7), (90, 92, 94)])
    left, right, high, low = -length * 0.3, length * 0.3, top + 26, top + 52
    if chance(rng, 0.5):
        _stick(canvas, left, high, 9.5, 34, knob)
        _cross(canvas, left * 0.55, low, 9, 34, knob)
    else:
        _cross(canvas, left, high, 10, 34, knob)
        _stick(canvas, left * 0.5, low, 9.5, 34, knob)
    _stick(canvas, right * 0.52, low, 9.5, 34, knob)
    _face_buttons(canvas, right, high, 11.5, 34, knob)
    canvas.disc(0, top + between(rng, 18, 28), 6.5, tone(rng, [(205, 207, 207), STEEL, body]), 37, 120)
    for side in (-1, 1):
        canvas.rect(side * 12, top + 30, 6, 3, dimmed(knob, 1.3), 37, 80, 1.4)
    if chance(rng, 0.3):
        canvas.rect(0, top + 24, 44, 22, dimmed(body, 0.8), 36.5, 80, 4)
    if chance(rng, 0.25):
        canvas.stroke(np.cumsum(rng.normal(0, 5, (6, 2)), axis=0) * 0.4 + np.array([0.0, top + 3]), 4, BLACK, 10, 50)
    wear(canvas, between(rng, 0.3, 1.4))
    return canvas


def _flat_pad(rng: np.random.Generator, mm_per_px: float) -> Canvas:
    """An early game pad: a flat slab or dog bone with cross, buttons and two pills."""
    length, width = between(rng, 115, 148), between(rng, 52, 66)
    canvas = Canvas(length, width, mm_per_px, rng)
    body = tone(rng, [(190, 194, 196), (165, 168, 170), BLACK, (205, 207, 207)])
    if chance(rng, 0.5):
        canvas.rect(0, 0, length, width * 0.86, body, 17, 70, 3)
        canvas.rect(0, width * 0.04, length * 0.94, width * 0.6, tone(rng, [BLACK, (60, 58, 58)]), 17.3, 60, 2)
    else:
        for share, rise in ((1.0, 14), (0.9, 19), (0.78, 21)):
            for side in (-1, 1):
                canvas.disc(side * (length / 2 - width / 2), 0, width / 2 * share, body, rise, 80)
            canvas.rect(0, -width * 0.04, length - width, width * 0.8 * share, body, rise, 80)
    knob = tone(rng, [BLACK, (70, 66, 66)])
    _cross(canvas, -length * 0.31, 0, 9.5, 20, knob)
    _face_buttons(
        canvas, length * 0.31, 0, 9.5, 20, tone(rng, [(60, 50, 180), knob, (120, 60, 90)]), one_of(rng, (2, 4))
    )
    for side in (-1, 1):
        canvas.polygon(quad(side * 7, width * 0.1, 9, 3.2, 0 if chance(rng, 0.5) else 50, 1.5), (70, 70, 72), 21, 60)
    title(canvas, brand(rng), 0, -width * 0.2, 3.2, ink_on(body))
    wear(canvas, between(rng, 0.4, 1.5))
    return canvas


def _box(rng: np.random.Generator, mm_per_px: float) -> Canvas:
    """A console that stands under a television, from above: lid, vents, buttons, sockets for pads."""
    length = between(rng, 150, 270)
    width = length * between(rng, 0.62, 0.95)
    canvas = Canvas(length, width, mm_per_px, rng)
    body = tone(rng, [BLACK, (34, 34, 36), (165, 168, 170), (190, 194, 196), (205, 207, 207), (95, 97, 100)])
    outline = rounded_rect(0, 0, length, width, between(rng, 2, 16))
    canvas.polygon(outline, body, 45, 90)
    canvas.polygon(outline * 0.97, body, 48, 100)
    kind = float(rng.random())
    if kind < 0.4:  # a round lid over the disc drive
        radius = width * between(rng, 0.3, 0.4)
        canvas.disc(0, -width * 0.06, radius, dimmed(body, 0.85), 49, 100)
        canvas.disc(0, -width * 0.06, radius * 0.96, body, 50, 100)
        canvas.disc(0, -width * 0.06, radius * 0.16, dimmed(body, 1.3), 50.5, 130)
        for side in (-1, 1):
            canvas.disc(side * length * 0.4, width * 0.2, 9, dimmed(body, 0.8), 50, 90)
    elif kind < 0.7:  # ribs and a glossy band
        for place in np.arange(-0.45, 0.1, 0.055):
            canvas.rect(0, float(place) * width, length * 0.94, width * 0.018, dimmed(body, 0.45), 45, 30)
        canvas.rect(0, width * 0.22, length * 0.97, width * 0.16, GLASS_BLACK, 48.5, 120)
    else:  # a flap for cartridges
        canvas.rect(0, -width * 0.1, length * 0.5, width * 0.3, dimmed(body, 0.75), 48.5, 70, 2)
        canvas.rect(0, -width * 0.1, length * 0.46, width * 0.06, (14, 14, 14), 40, 20)
        for side in (-1, 1):
            canvas.rect(
                side * length * 0.36, width * 0.1, 16, 9, tone(rng, [(60, 50, 180), dimmed(body, 0.7)]), 51, 80, 2
            )
    mirrored_room(canvas, outline, between(rng, 0, 0.6))
    title(
        canvas,
        brand(rng),
        between(rng, -0.3, 0.3) * length,
        width * 0.38,
        between(rng, 5, 11),
        dimmed(ink_on(body), 0.9),
    )
    for place in range(2):
        canvas.rect(-length * 0.3 + place * 26, width * 0.485, 17, width * 0.03, (14, 14, 14), 30, 20, 1)
    perforation(canvas, length * 0.34, -width * 0.3, length * 0.16, width * 0.16, 4.5)
    wear(canvas, between(rng, 0.4, 1.3))
    return canvas


def _opened(rng: np.random.Generator, mm_per_px: float) -> Canvas:
    """A handheld or pad without its back: board that fills the shell, ribbons, triggers, battery."""
    length, width = between(rng, 125, 200), between(rng, 64, 95)
    canvas = Canvas(length, width, mm_per_px, rng)
    body = tone(rng, _SHELLS)
    canvas.rect(0, 0, length, width, body, 15, 90, between(rng, 6, 30))
    canvas.rect(0, 0, length - 5, width - 5, dimmed(body, 0.8), 5, 50, between(rng, 5, 26))
    board = tone(rng, [(50, 100, 25), (120, 70, 20), (32, 30, 28), (40, 80, 20), (60, 130, 170)])
    ground(canvas, length * 0.86, width * 0.8, board, 8, 7)
    populate(canvas, length * 0.8, width * 0.7, 0.5)
    cell = tone(rng, [BLACK, (165, 168, 170), (205, 207, 207)])
    x = between(rng, -0.2, 0.2) * length
    canvas.rect(x, width * 0.06, length * 0.3, width * 0.5, cell, 12, 80, 2)
    label(canvas, x, width * 0.06, length * 0.27, width * 0.42, vary(cell, rng, 5))
    ribbon(canvas, np.array([[-length * 0.4, -width * 0.3], [0, -width * 0.24], [length * 0.3, -width * 0.32]]), 7, 8)
    for _ in range(8):
        screw_head(canvas, between(rng, -0.46, 0.46) * length, one_of(rng, (-1, 1)) * width * 0.42, 1.6, 9)
    if chance(rng, 0.35):
        canvas.keep(ragged(length, width, rng, 0.35))
    wear(canvas, 0.7)
    return canvas


def _half_pad(rng: np.random.Generator, mm_per_px: float) -> Canvas:
    """A detachable or motion controller: a narrow rounded strip with a stick, buttons, a rail."""
    length, width = between(rng, 100, 150), between(rng, 33, 42)
    canvas = Canvas(length, width, mm_per_px, rng)
    body = tone(rng, [(195, 175, 30), (60, 70, 225), (205, 207, 207), BLACK, (60, 200, 225), (90, 92, 94)])
    outline = rounded_rect(0, 0, length, width, width * between(rng, 0.2, 0.5))
    canvas.polygon(outline, body, 12, 100)
    canvas.polygon(outline * np.array([0.97, 0.88]), body, 16, 100)
    knob = tone(rng, [BLACK, (60, 60, 62), (170, 172, 172)])
    if chance(rng, 0.6):
        _stick(canvas, -length * 0.24, 0, width * 0.24, 15, knob)
        _face_buttons(canvas, length * 0.12, 0, width * 0.28, 15, knob)
        canvas.rect(0, width * 0.47, length * 0.9, 3, (45, 45, 47), 10, 120)
    else:
        _cross(canvas, -length * 0.36, 0, width * 0.24, 15, knob)
        canvas.disc(-length * 0.12, 0, width * 0.2, dimmed(body, 0.9), 17, 100)
        for place in (-0.2, 0.0, 0.2):
            canvas.disc(length * 0.08, place * width, 2.2, knob, 17, 80)
        perforation(canvas, length * 0.2, 0, 6, 10, 2)
        for place in (0.3, 0.38):
            canvas.disc(length * place, 0, 3, knob, 17, 80)
    canvas.disc(length * 0.42, -width * 0.18, 1.6, dimmed(body, 0.5))
    title(canvas, brand(rng), length * 0.3, width * 0.2, 2.2, ink_on(body), 3)
    gradient(canvas, ellipse(0, 0, length / 2, width / 2), (245, 245, 245), 0.2)
    wear(canvas, between(rng, 0.3, 1.3))
    return canvas


LOOKS: dict[str, Looks] = {
    "game_console": (
        (2.4, _wide_handheld), (1.3, _tall_handheld), (1.3, _folding), (1.2, _folded), (2.2, _game_pad), (1, _flat_pad),
        (1.6, _box), (0.8, _opened), (0.9, _half_pad),
    ),
}  # fmt: skip
"""Each class's looks with their weights."""
