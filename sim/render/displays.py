"""Display modules: panels from the front and back, phone screens off their phones, small and character displays."""

import numpy as np

from sim.render.boards import chip, ground, pins, small_parts
from sim.render.canvas import Canvas
from sim.render.dice import Looks, between, chance, dimmed, one_of, spot, tone
from sim.render.finishes import (
    ALUMINIUM,
    BLACK,
    COPPER,
    GLASS_BLACK,
    GOLD,
    STEEL,
    cracks,
    gradient,
    mirrored_room,
    ribbon,
    screw_head,
    wear,
)  # fmt: skip
from sim.render.marks import INK, WHITE, bars, brand, code, label, title
from sim.render.shapes import Bgr, ellipse, ragged, rounded_rect

_OFF: tuple[Bgr, ...] = (
    (30, 28, 26),
    (45, 43, 40),
    (62, 60, 56),
    (80, 80, 74),
    (24, 22, 21),
    (52, 44, 44),
    (90, 92, 86),
)


def _flex(canvas: Canvas, x: float, y: float, reach: float, width: float) -> None:
    """The panel's flexible circuit with its driver parts and connector, along +x."""
    rng = canvas.rng
    sway = between(rng, -0.3, 0.3) * width
    ribbon(canvas, np.array([[x - 3, y], [x + reach * 0.5, y + sway], [x + reach, y + sway]]), width, 0.4)
    small_parts(canvas, x + reach * 0.4, y + sway * 0.8, reach * 0.4, width * 0.6, 6, 0.4)
    canvas.rect(
        x + reach - 2.2, y + sway, 4, width * between(rng, 0.5, 1.0), tone(rng, [BLACK, (60, 120, 180)]), 1.4, 60
    )
    canvas.rect(x + reach - 1.2, y + sway, 1.5, width * 0.5, GOLD, 1.4, 180)


def _bruised(canvas: Canvas, x: float, y: float, length: float, width: float) -> None:
    """What a broken liquid crystal shows: ink-like blots and coloured lines."""
    rng = canvas.rng
    for _ in range(int(rng.integers(1, 4))):
        px, py = spot(rng, length, width)
        blot = np.cumsum(rng.normal(0, min(length, width) * 0.08, (9, 2)), axis=0) + np.array([x + px, y + py])
        canvas.shade(blot, tone(rng, [(12, 10, 10), (60, 30, 50), (110, 60, 90)]), between(rng, 0.4, 0.9), 1.0)
    for _ in range(int(rng.integers(0, 5))):
        px = between(rng, -0.45, 0.45) * length
        canvas.rect(x + px, y, 0.5, width, tone(rng, [(120, 70, 60), (80, 130, 90), (110, 90, 150)]))


def _panel(
    rng: np.random.Generator, mm_per_px: float, shortest_mm: float, longest_mm: float
) -> tuple[Canvas, float, float, float]:
    """A canvas with a panel's flexible circuit, its reach between two lengths; the panel's middle x, length, width."""
    length = between(rng, 35, 120) if chance(rng, 0.75) else between(rng, 120, 210)
    width = length * between(rng, 0.5, 0.85)
    tail = between(rng, shortest_mm, longest_mm)
    canvas = Canvas(length + tail, width, mm_per_px, rng)
    x = -tail / 2
    _flex(
        canvas, x + length / 2, between(rng, -0.25, 0.25) * width, tail * 0.97, between(rng, 6, max(8.0, width * 0.5))
    )
    return canvas, x, length, width


def _panel_front(rng: np.random.Generator, mm_per_px: float) -> Canvas:
    """A liquid crystal panel: dark glass in a frame of metal or white plastic, its ribbon at one end."""
    canvas, x, length, width = _panel(rng, mm_per_px, 8, 28)
    frame = tone(rng, [ALUMINIUM, STEEL, (205, 208, 208), BLACK, (40, 40, 42)])
    canvas.rect(x, 0, length, width, frame, between(rng, 2, 4), 150, 0.8)
    rim = between(rng, 0.8, 3.5)
    canvas.rect(x - 1, 0, length - rim - 3, width - 2 * rim, (34, 34, 33), None, 100)
    glass = rounded_rect(x - 1.5, 0, length - rim - 5, width - 2 * rim - 2)
    canvas.polygon(glass, tone(rng, _OFF), None, 110)
    if chance(rng, 0.3):
        _bruised(canvas, x - 1.5, 0, length * 0.9, width * 0.85)
    mirrored_room(canvas, glass, 1.3)
    if chance(rng, 0.3):
        px, py = spot(rng, length, width)
        cracks(canvas, x + px, py, length * between(rng, 0.2, 0.6))
    if chance(rng, 0.25):  # the protective film peels at a corner
        film = np.array([[0, 0], [0.4, 0], [0, 0.5]]) * (length, width) + np.array([x - length / 2, -width / 2])
        canvas.shade(film, (200, 205, 205), between(rng, 0.15, 0.4), 0.5)
        canvas.polygon(
            np.array([[0, 0], [8, 0], [0, 8]]) + np.array([x - length / 2 + 2, -width / 2 + 2]), (50, 170, 60)
        )
    wear(canvas, between(rng, 0.1, 1.0))
    return canvas


def _panel_back(rng: np.random.Generator, mm_per_px: float) -> Canvas:
    """A panel's back: silver reflector or folded sheet, code stickers, tape, ribbon, driver board."""
    canvas, x, length, width = _panel(rng, mm_per_px, 6, 24)
    sheet = tone(rng, [(205, 208, 208), ALUMINIUM, STEEL, (190, 192, 192), (45, 45, 46)])
    outline = rounded_rect(x, 0, length, width, 0.8)
    canvas.polygon(outline, sheet, 3, 150)
    canvas.rect(x, 0, length - 3, width - 3, sheet, 2.7, 160)
    gradient(canvas, outline, (250, 250, 250), between(rng, 0.1, 0.5))
    if chance(rng, 0.4):
        board = tone(rng, [(50, 100, 25), (120, 70, 20), (60, 150, 190)])
        canvas.rect(x + length / 2 - width * 0.09, 0, width * 0.16, width * 0.86, board, 4, 70)
        small_parts(canvas, x + length / 2 - width * 0.09, 0, width * 0.13, width * 0.8, 30, 4)
    else:
        canvas.rect(
            x + length / 2 - 4,
            0,
            8,
            width * between(rng, 0.4, 0.9),
            tone(rng, [BLACK, (45, 130, 195), COPPER]),
            3.2,
            90,
        )
    for _ in range(int(rng.integers(0, 4))):
        px, py = spot(rng, length, width, 0.34)
        label(canvas, x + px, py, between(rng, 10, 30), between(rng, 5, 12), WHITE)
    canvas.text(code(rng, 10), x - length * 0.1, width * 0.36, between(rng, 1.2, 2.2), (80, 80, 82))
    if chance(rng, 0.5):
        bars(canvas, x - length * 0.2, -width * 0.38, length * 0.3, 4, INK)
    for side in (-1, 1):
        if chance(rng, 0.5):
            canvas.rect(
                x, side * (width / 2 - 2.5), length * 0.9, 3, tone(rng, [BLACK, (70, 72, 72), (60, 170, 60)]), 3.1, 40
            )
    canvas.roughen(0.05, 6)
    wear(canvas, between(rng, 0.2, 1.1))
    return canvas


def _phone_glass(rng: np.random.Generator, mm_per_px: float) -> Canvas:
    """A phone's screen taken off: black from the front, graphite, copper and tape from the back; ribbons stick out."""
    length, width = between(rng, 105, 160), between(rng, 52, 74)
    tail = between(rng, 5, 16)
    canvas = Canvas(length + tail, width, mm_per_px, rng)
    x = -tail / 2
    _flex(canvas, x + length / 2 - 2, between(rng, -0.2, 0.2) * width, tail, between(rng, 8, 24))
    corner = between(rng, 2, 10)
    outline = rounded_rect(x, 0, length, width, corner)
    rim = tone(rng, [GLASS_BLACK, GLASS_BLACK, (212, 214, 214)], 3)
    canvas.polygon(outline, rim, 2.2, 110)
    inner_length, inner_width = length - between(rng, 6, 26), width - between(rng, 3, 8)
    if chance(rng, 0.5):
        canvas.rect(x, 0, inner_length, inner_width, tone(rng, _OFF[:5]), None, 90, 0.8)
        canvas.hole(rounded_rect(x - length / 2 + 5, 0, 1.4, 9, 0.7))
        if chance(rng, 0.5):
            canvas.hole(ellipse(x + length / 2 - 6, 0, 4.5, 4.5))
        mirrored_room(canvas, outline, 1.2)
        if chance(rng, 0.4):
            px, py = spot(rng, length, width)
            cracks(canvas, x + px, py, length * between(rng, 0.3, 0.8))
    else:
        back = tone(rng, [(60, 60, 62), (34, 34, 35), ALUMINIUM, (85, 130, 175), (200, 202, 202)])
        canvas.rect(x, 0, inner_length, inner_width, back, 2.6, 130, 1)
        canvas.grain(0.06, 0.5, 3)
        gradient(canvas, outline, (245, 245, 245), 0.3)
        canvas.rect(
            x + length * 0.28, 0, length * 0.24, width * 0.5, tone(rng, [COPPER, BLACK, (45, 130, 195)]), 2.9, 110, 1
        )
        chip(canvas, x + length * 0.3, width * 0.05, 6, 3, 2.6)
        label(canvas, x - length * 0.1, width * 0.1, 18, 8, WHITE)
        canvas.text(code(rng, 12), x, -width * 0.3, 1.6, WHITE if sum(back) < 300 else INK)
        for side in (-1, 1):
            canvas.rect(x, side * (width / 2 - 1.4), length * 0.9, 1.2, tone(rng, [BLACK, (150, 150, 152)]))
    if chance(rng, 0.15):
        canvas.keep(ragged(length + tail, width, rng, 0.3))
    wear(canvas, between(rng, 0.2, 1.2))
    return canvas


def _on_board(rng: np.random.Generator, mm_per_px: float) -> Canvas:
    """A small display on its own board: OLED with pins, or a character display in a bent bezel."""
    character = chance(rng, 0.5)
    length = between(rng, 60, 100) if character else between(rng, 24, 50)
    width = length * (between(rng, 0.36, 0.5) if character else between(rng, 0.7, 1.05))
    canvas = Canvas(length, width, mm_per_px, rng)
    board = tone(rng, [(50, 105, 25), (130, 75, 20), BLACK, (120, 60, 20), (40, 40, 150)])
    ground(canvas, length, width, board, 1)
    pins(canvas, 0, -width / 2 + 1.8, int(min(16, length / 2.54 - 2)) if character else 4, 1, False)
    if character:
        canvas.rect(0, width * 0.04, length * 0.9, width * 0.66, tone(rng, [BLACK, (40, 40, 42), STEEL]), 8.5, 130, 1)
        window = rounded_rect(0, width * 0.04, length * 0.8, width * 0.42, 1)
        colour = tone(rng, [(60, 170, 130), (60, 150, 110), (170, 80, 30), (150, 70, 30), (150, 160, 150)])
        canvas.polygon(window, colour, 7, 110)
        columns = one_of(rng, (8, 16, 20))
        for row in (-0.5, 0.5):
            for column in np.arange(columns) - (columns - 1) / 2:
                cell = (float(column) * length * 0.76 / columns, width * (0.04 + row * 0.19))
                canvas.rect(*cell, length * 0.6 / columns, width * 0.14, dimmed(colour, 0.9))
    else:
        canvas.rect(0, width * 0.06, length * 0.96, width * 0.72, tone(rng, [(45, 42, 40), (60, 62, 62)]), 3, 110, 0.5)
        window = rounded_rect(0, width * 0.03, length * 0.88, width * 0.5)
        canvas.polygon(window, tone(rng, [(22, 18, 18), (40, 30, 36), (70, 50, 50)]), 3.2, 170)
        canvas.rect(0, width * 0.4, length * 0.4, width * 0.12, (50, 130, 185), 2, 90)
    mirrored_room(canvas, window)
    if chance(rng, 0.2):
        cracks(canvas, 0, 0, length * 0.4)
    title(canvas, brand(rng), length * 0.3, -width * 0.42, 1.4, WHITE)
    for x in (-1, 1):
        for y in (-1, 1):
            canvas.hole(ellipse(x * (length / 2 - 2.2), y * (width / 2 - 2.2), 1.3, 1.3))
    wear(canvas, between(rng, 0.1, 0.9))
    return canvas


def _segment_glass(rng: np.random.Generator, mm_per_px: float) -> Canvas:
    """Bare liquid crystal glass of a meter or clock: a grey mirror, a see-through ledge with contact stripes."""
    length, width = between(rng, 22, 80), between(rng, 12, 40)
    canvas = Canvas(length, width, mm_per_px, rng)
    outline = rounded_rect(0, 0, length, width, 0.3)
    canvas.polygon(outline, (170, 178, 172), 1.8, 200)
    canvas.see_through(outline, 110)
    core = rounded_rect(0, -width * 0.06, length * 0.97, width * 0.84)
    colour = tone(rng, [(140, 150, 145), (120, 132, 128), (160, 168, 165), (60, 58, 56), (90, 140, 120)])
    canvas.polygon(core, colour, 2.6, 150)
    canvas.see_through(core, 255)
    if chance(rng, 0.6):
        for digit in range(int(rng.integers(2, 7))):
            x = (digit - 2.5) * length * 0.14
            ghost = dimmed(colour, 0.86)
            for dx, dy, upright in (
                (0, -0.2, 0),
                (0, 0, 0),
                (0, 0.2, 0),
                (-1, -0.1, 1),
                (1, -0.1, 1),
                (-1, 0.1, 1),
                (1, 0.1, 1),
            ):
                size = (1.0, width * 0.15) if upright else (length * 0.06, 1.0)
                canvas.rect(x + dx * length * 0.035, dy * width - width * 0.06, *size, ghost)
    for x in np.arange(-length / 2 + 1, length / 2, 1.1):
        canvas.rect(float(x), width * 0.44, 0.5, width * 0.1, (120, 128, 124))
    mirrored_room(canvas, core, 1.2)
    if chance(rng, 0.3):
        canvas.keep(ragged(length, width, rng, 0.4))
    wear(canvas, between(rng, 0.1, 0.8))
    return canvas


def _monitor_part(rng: np.random.Generator, mm_per_px: float) -> Canvas:
    """A larger panel in pieces: layers of glass, white diffuser and metal, torn at one side."""
    length, width = between(rng, 70, 180), between(rng, 50, 120)
    width = min(width, length * 0.85)
    canvas = Canvas(length, width, mm_per_px, rng)
    canvas.rect(0, 0, length, width, tone(rng, [ALUMINIUM, STEEL]), 3, 140)
    canvas.polygon(ragged(length, width, rng, 0.35) * 0.96, (215, 218, 218), 3.8, 60)
    glass = ragged(length, width, rng, 0.45) * 0.9
    canvas.polygon(glass, tone(rng, _OFF), 4.6, 130)
    mirrored_room(canvas, glass)
    cracks(canvas, *spot(rng, length, width, 0.3), length * 0.7)
    _bruised(canvas, 0, 0, length * 0.6, width * 0.6)
    for _ in range(3):
        screw_head(canvas, between(rng, -0.46, 0.46) * length, width * 0.46, 1.5, 4)
    canvas.keep(ragged(length, width, rng, 0.3))
    wear(canvas, between(rng, 0.4, 1.4))
    return canvas


LOOKS: dict[str, Looks] = {
    "display_module": (
        (3, _panel_front), (2, _panel_back), (2, _phone_glass), (1.6, _on_board), (0.8, _segment_glass),
        (0.8, _monitor_part),
    ),
}  # fmt: skip
"""Each class's looks with their weights."""
