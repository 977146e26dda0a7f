"""Smartphones, feature phones and tablets: fronts, backs, opened, broken, in their cases."""

import numpy as np

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
    lens,
    mirrored_room,
    quad,
    ribbon,
    ring,
    screw_head,
    wear,
)  # fmt: skip
from sim.render.marks import INK, WHITE, brand, ink_on, label, paragraph, sign, small_print, title
from sim.render.shapes import Bgr, ellipse, rounded_rect, vary

_FRAMES: tuple[Bgr, ...] = (
    (26, 26, 27), (40, 40, 42), (165, 167, 168), (150, 185, 205), (150, 160, 195), (140, 142, 145), (200, 202, 202),
    (90, 60, 35),
)  # fmt: skip
_BACKS: tuple[Bgr, ...] = (
    (24, 24, 25), (30, 30, 32), (205, 207, 208), (222, 222, 222), (165, 168, 170), (95, 60, 25), (150, 70, 30),
    (110, 160, 200), (60, 45, 170), (165, 150, 205), (110, 120, 70), (175, 190, 120), (80, 75, 72), (160, 100, 120),
)  # fmt: skip


def _body(rng: np.random.Generator, mm_per_px: float) -> tuple[Canvas, float, float, float]:
    """A phone's shell: the canvas, length, width and corner radius in mm."""
    length = between(rng, 112, 165)
    width = length * between(rng, 0.46, 0.54)
    corner = between(rng, 5, 12)
    canvas = Canvas(length + 5, width + 5, mm_per_px, rng)
    if chance(rng, 0.3):  # a bumper or a clear case around it
        case = tone(rng, [BLACK, BLACK, (190, 200, 200), (150, 80, 40), (50, 50, 180), (205, 190, 220)])
        canvas.rect(0, 0, length + 4.5, width + 4.5, case, 8.5, 60, corner + 2)
        canvas.rect(0, 0, length + 1.5, width + 1.5, dimmed(case, 0.6), 7.5, 40, corner)
    frame = tone(rng, _FRAMES)
    thick = between(rng, 6.5, 9.5)
    canvas.rect(0, 0, length, width, frame, thick - 1.2, 140, corner)
    for x, reach in ((-0.25, 9), (-0.1, 16)):
        if chance(rng, 0.5):
            canvas.rect(x * length, width / 2 + 0.3, reach, 1.0, dimmed(frame, 0.8), thick / 2, 120)
    return canvas, length, width, corner


def _front(rng: np.random.Generator, mm_per_px: float) -> Canvas:
    canvas, length, width, corner = _body(rng, mm_per_px)
    _glass_front(canvas, length, width, corner)
    if chance(rng, 0.35):
        for _ in range(int(rng.integers(1, 4))):
            x, y = spot(rng, length, width, 0.48)
            cracks(canvas, x, y, between(rng, 25, 90), tone(rng, [(165, 167, 165), (110, 112, 112), (205, 206, 206)]))
    if chance(rng, 0.12):
        for _ in range(3):  # bits of glass are missing
            x, y = spot(rng, length, width)
            chip = np.cumsum(rng.normal(0, 3, (6, 2)), axis=0) + np.array([x, y])
            canvas.polygon(chip, tone(rng, [(60, 62, 64), (120, 122, 120), (35, 33, 30)]))
    _smears(canvas, length, width)
    wear(canvas, between(rng, 0.2, 1.4), (95, 97, 97))
    return canvas


def _glass_front(canvas: Canvas, length: float, width: float, corner: float) -> None:
    """The glass with its screen, black when off; or lit. The top of the phone is at -x."""
    rng = canvas.rng
    bezel = tone(rng, [GLASS_BLACK, GLASS_BLACK, GLASS_BLACK, GLASS_BLACK, (212, 214, 214), (150, 180, 205)], 4)
    top = between(rng, 7.5, 9.5)
    rim = between(rng, 0.8, 2.2)
    outline = rounded_rect(0, 0, length - rim, width - rim, corner - rim / 2)
    canvas.polygon(outline, bezel, top, 60)
    old = chance(rng, 0.5)
    chin = between(rng, 9, 18) if old else between(rng, 2, 6)
    forehead = between(rng, 8, 16) if old else between(rng, 2, 5)
    side = between(rng, 1.5, 4.0)
    screen_length, screen_x = length - rim - chin - forehead, (forehead - chin) / 2
    screen_width = width - rim - 2 * side
    off = tone(rng, [(26, 24, 22), (18, 17, 16), (44, 42, 40), (52, 46, 40), (60, 58, 52)], 4)
    canvas.rect(screen_x, 0, screen_length, screen_width, off, None, 80, 0.6 if old else corner - 2)
    if chance(rng, 0.15):
        canvas.picture(screen_x, 0, screen_length, screen_width, _lit_screen(rng))
    if old:
        middle = length / 2 - rim / 2 - chin / 2
        style = float(rng.random())
        if style < 0.45:
            canvas.disc(middle, 0, 5.2, dimmed(bezel, 1.5), None, 150)
            canvas.disc(middle, 0, 4.7, bezel, top - 0.4)
            if chance(rng, 0.5):
                canvas.stroke(rounded_rect(middle, 0, 3.4, 3.4, 0.8), 0.3, (120, 120, 120))
        elif style < 0.75:
            canvas.rect(middle, 0, 5.5, 15, dimmed(bezel, 1.6), top + 0.3, 130, 2.6)
            canvas.rect(middle, 0, 4.6, 14, bezel, top + 0.3, 60, 2.2)
        else:
            for y in (-0.28, 0.0, 0.28):
                canvas.stroke(ring(middle, y * width, 1.8), 0.4, (130, 132, 132))
        canvas.rect(-length / 2 + forehead / 2, 0, 1.3, between(rng, 8, 13), dimmed(bezel, 0.5), None, 0, 0.6)
        canvas.disc(-length / 2 + forehead / 2, between(rng, 8, 13), 1.3, (18, 16, 24))
        if chance(rng, 0.5):
            title(canvas, brand(rng), -length / 2 + forehead * 0.75, 0, 2.0, ink_on(bezel), 3)
    elif chance(rng, 0.5):
        canvas.disc(-length / 2 + forehead + 3.5, between(rng, -0.3, 0.3) * width, 2.0, (8, 8, 9))
    else:
        canvas.rect(-length / 2 + forehead + 1.5, 0, 5.5, between(rng, 6, 32), bezel, None, None, 2.4)
    mirrored_room(canvas, outline)


def _lit_screen(rng: np.random.Generator) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    """A lit screen: wallpaper with a grid of icons, or a page of text; its top is at the left."""
    rows, columns = 60, 110
    if chance(rng, 0.6):
        ends = rng.uniform(20, 235, (2, 2, 3))
        x, y = np.linspace(0, 1, columns)[None, :, None], np.linspace(0, 1, rows)[:, None, None]
        page = ends[0, 0] * (1 - x) * (1 - y) + ends[0, 1] * x * (1 - y) + ends[1, 0] * (1 - x) * y + ends[1, 1] * x * y
        for column in range(30, 100, 18):
            for row in range(5, 55, 14):
                if chance(rng, 0.7):
                    page[row : row + 8, column : column + 9] = rng.uniform(30, 240, 3)
    else:
        page = np.full((rows, columns, 3), between(rng, 190, 240))
        page[:, :10] = rng.uniform(40, 220, 3)
        for column in range(16, 104, 5):
            page[4 : int(rng.integers(20, 56)), column : column + 2] = 90
    return page.astype(np.uint8)


def _smears(canvas: Canvas, length: float, width: float) -> None:
    """Finger marks and dust on glass."""
    rng = canvas.rng
    for _ in range(int(rng.integers(0, 7))):
        x, y = spot(rng, length, width, 0.4)
        mark = quad(x, y, between(rng, 6, 30), between(rng, 4, 9), between(rng, 0, 180), 3)
        canvas.shade(mark, (150, 150, 150), between(rng, 0.03, 0.15), 2.0)


def _back(rng: np.random.Generator, mm_per_px: float) -> Canvas:
    canvas, length, width, corner = _body(rng, mm_per_px)
    back = tone(rng, _BACKS, 10)
    outline = rounded_rect(0, 0, length - 1.4, width - 1.4, corner - 0.7)
    canvas.polygon(outline, back, 8.0, 110)
    gradient(canvas, outline, tone(rng, _BACKS), between(rng, 0, 0.5))
    style = float(rng.random())
    if style < 0.2:  # an aluminium back with aerial lines
        for x in (-0.41, 0.41):
            canvas.rect(x * length, 0, 1.6, width - 1.4, dimmed(back, 0.8))
        canvas.grain(0.05, 0.3, 8.0)
    elif style < 0.35:  # leather, cloth or carbon print
        canvas.grain(between(rng, 0.08, 0.2), between(rng, 0.5, 1.5))
    if chance(rng, 0.75):
        mirrored_room(canvas, outline, between(rng, 0.2, 0.9))
    _camera_island(canvas, length, width, back)
    ink = dimmed(back, 1.7) if sum(back) < 300 else dimmed(back, 0.6)
    x = between(rng, -0.15, 0.1) * length
    logo = float(rng.random())
    if logo < 0.35:  # a fruit, a ring, a square: a silhouette in a shinier ink
        canvas.disc(x, 0, 5.5, ink, None, 200)
        canvas.disc(x, between(rng, 3.5, 5), 2.2, back)
        canvas.polygon(quad(x - 6.8, 1, 3, 1.6, 30, 0.7), ink)
    elif logo < 0.8:
        title(
            canvas, brand(rng), between(rng, -0.2, 0.3) * length, 0, between(rng, 3, 5.5), ink, one_of(rng, (1, 3, 3))
        )
    if chance(rng, 0.25):
        canvas.stroke(ring(-length * 0.22, 0, 6.2), 0.7, ink)
        canvas.disc(-length * 0.22, 0, 5.6, dimmed(back, 0.85))
    if chance(rng, 0.5):
        for row in range(3):
            canvas.text(small_print(rng)[:18], length * 0.38 + row * 2.0, 0, 1.0, ink, 3)
    if chance(rng, 0.15):
        label(canvas, length * between(rng, 0.0, 0.25), 0, between(rng, 14, 30), width * between(rng, 0.4, 0.8), WHITE)
    if chance(rng, 0.15):
        x, y = spot(rng, length, width)
        cracks(canvas, x, y, between(rng, 30, 90), tone(rng, [(165, 167, 165), (205, 206, 206)]))
    wear(canvas, between(rng, 0.3, 1.5))
    return canvas


def _camera_island(canvas: Canvas, length: float, width: float, back: Bgr) -> None:
    """The cameras on a phone's back with a flash: bumps of the usual outlines."""
    rng = canvas.rng
    bump = tone(rng, [(20, 20, 21), (30, 30, 32), dimmed(back, 0.9), back])
    eye = between(rng, 3.0, 6.0)
    side = one_of(rng, (-1.0, 1.0))
    x, y = -length / 2 + between(rng, 11, 17), side * (width / 2 - between(rng, 10, 15))
    kind = int(rng.integers(6))
    if kind == 0:  # one eye, old
        eyes = [(x, y if chance(rng, 0.5) else 0.0)]
        flash = (x, eyes[0][1] - side * 9)
    elif kind == 1:  # two or three in a column along the edge
        eyes = [(x + step * (2 * eye + 2), y) for step in range(int(rng.integers(2, 5)))]
        canvas.rect(
            x + (len(eyes) - 1) * (eye + 1), y, len(eyes) * (2 * eye + 2) + 4, 2 * eye + 4, bump, 9, 90, eye + 1
        )
        flash = (x, y - side * (eye + 6))
    elif kind == 2:  # two or three in a row across
        eyes = [(x, y - side * step * (2 * eye + 2)) for step in range(int(rng.integers(2, 4)))]
        canvas.rect(
            x, y - side * (len(eyes) - 1) * (eye + 1), 2 * eye + 4, len(eyes) * (2 * eye + 2) + 4, bump, 9, 90, 5
        )
        flash = (x + eye + 5, y)
    elif kind == 3:  # a square with two to four
        half = 2 * eye + 2.5
        x, y = -length / 2 + half + 3, side * (width / 2 - half - 3)
        canvas.rect(x, y, 2 * half, 2 * half, bump, 9.2, 110, between(rng, 3, 8))
        eyes = [(x - eye - 1, y - eye - 1), (x + eye + 1, y - eye - 1), (x, y + eye + 1)]
        flash = (x + eye + 2, y + eye + 3)
    elif kind == 4:  # a round island in the middle
        x, y, half = -length / 2 + 2.6 * eye + 5, 0.0, 2.6 * eye
        canvas.disc(x, y, half, dimmed(bump, 1.5), 9.0, 140)
        canvas.disc(x, y, half - 1, bump, 9.4, 100)
        eyes = [(x, y - eye * 1.2), (x, y + eye * 1.2), (x - eye * 1.2, y)][: int(rng.integers(1, 4))]
        flash = (x + eye * 1.3, y)
    else:  # a bar over the whole width
        canvas.rect(x + 6, 0, 2 * eye + 6, width - 1.4, bump, 9.4, 120, 2)
        eyes = [(x + 6, side * (width * 0.3 - step * (2 * eye + 2))) for step in range(2)]
        flash = (x + 6, -side * width * 0.25)
    for place, (ex, ey) in enumerate(eyes):
        radius = eye * (1.0 if place < 3 else 0.7)
        canvas.disc(ex, ey, radius, dimmed(tone(rng, [STEEL, bump, GOLD]), 0.8), 9.8, 200)
        lens(canvas, ex, ey, radius * 0.88, 9.8)
    canvas.disc(flash[0], flash[1], 1.9, (150, 165, 170), 8.4, 150)
    canvas.disc(flash[0], flash[1], 1.3, (190, 228, 238))


def _opened(rng: np.random.Generator, mm_per_px: float) -> Canvas:
    """The back cover is off: mid-frame, battery with its label, board under shields, speaker, ribbons."""
    canvas, length, width, corner = _body(rng, mm_per_px)
    tray = tone(rng, [(45, 45, 47), (120, 122, 122), (165, 167, 167), (30, 30, 31)])
    canvas.rect(0, 0, length - 2, width - 2, tray, 4.0, 120, corner - 1)
    board = tone(rng, [(50, 80, 25), (35, 33, 31), (120, 75, 25), (60, 105, 35)])
    head = length * between(rng, 0.22, 0.34)
    canvas.rect(-length / 2 + head / 2 + 2, 0, head, width - 6, board, 4.8, 70, 3)
    for _ in range(int(rng.integers(3, 8))):
        x, y = -length / 2 + head / 2 + between(rng, -0.36, 0.36) * head, between(rng, -0.36, 0.36) * width
        canvas.rect(x, y, between(rng, 6, 18), between(rng, 6, 18), tone(rng, [ALUMINIUM, STEEL, BLACK]), 5.6, 150, 0.6)
    for _ in range(40):
        x, y = -length / 2 + head / 2 + between(rng, -0.45, 0.45) * head, between(rng, -0.42, 0.42) * width
        canvas.rect(x, y, 1.4, 0.8, tone(rng, [STEEL, GOLD, (70, 95, 130), BLACK]), 5.2, 90)
    _camera_island(canvas, length - 4, width - 4, tray)
    cell_length, cell_width = length * between(rng, 0.38, 0.52), width * between(rng, 0.55, 0.88)
    cell_x = -length / 2 + head + 4 + cell_length / 2
    cell = tone(rng, [BLACK, (205, 207, 207), (180, 182, 183), BLACK])
    cell_y = (width - 4 - cell_width) / 2 * one_of(rng, (-1, 1, 0))
    canvas.rect(cell_x, cell_y, cell_length, cell_width, cell, 6.0, 90, 2)
    label(canvas, cell_x, cell_y, cell_length * 0.92, cell_width * 0.9, vary(cell, rng, 6))
    if chance(rng, 0.3):
        for radius in np.arange(7, min(cell_width, cell_length) / 2 - 1, 1.2):
            canvas.stroke(ring(cell_x, cell_y, float(radius)), 0.7, COPPER)
    ribbon(canvas, np.array([[cell_x - cell_length, cell_y], [cell_x + cell_length * 0.6, cell_y]]), 5.0, 6.1)
    foot = length / 2 - (cell_x + cell_length / 2) - 4
    if foot > 6:
        x = length / 2 - 2 - foot / 2
        canvas.rect(x, 0, foot, width - 7, BLACK, 6.0, 70, 2)
        canvas.rect(x, -width * 0.2, foot * 0.6, width * 0.3, (48, 48, 50), 6.4, 100, 1)
        canvas.rect(x, width * 0.2, foot * 0.5, width * 0.2, board, 6.2, 80)
    for _ in range(int(rng.integers(5, 14))):
        x = one_of(rng, (-1, 1)) * (length / 2 - between(rng, 4, 30))
        y = between(rng, -0.44, 0.44) * width
        screw_head(canvas, x, y, 1.1, 6.2, tone(rng, [STEEL, GOLD]))
    wear(canvas, 0.6)
    return canvas


def _in_case(rng: np.random.Generator, mm_per_px: float) -> Canvas:
    """A phone in a closed folio: leather or cloth, a stitched rim, a button or cut-out."""
    length, width = between(rng, 128, 168), between(rng, 68, 86)
    canvas = Canvas(length, width, mm_per_px, rng)
    hide = tone(rng, [BLACK, BLACK, (32, 32, 34), (35, 55, 95), (60, 45, 40), (40, 40, 120), (110, 70, 50)])
    canvas.rect(0, 0, length, width, hide, 13, 60, between(rng, 4, 9))
    canvas.rect(0, -width * 0.47, length - 10, 1.5, dimmed(hide, 0.7))
    for y in (-1, 1):
        for x in np.arange(-length / 2 + 5, length / 2 - 5, 3.0):
            canvas.rect(float(x), y * (width / 2 - 2.2), 1.8, 0.4, dimmed(hide, 1.6))
    if chance(rng, 0.4):
        title(canvas, brand(rng), 0, width * 0.3, 4, dimmed(hide, 1.5), 0)
    canvas.roughen(0.06, 1.2)
    canvas.roughen(0.2, 15)
    canvas.grain(between(rng, 0.08, 0.2), between(rng, 0.4, 1.0))
    if chance(rng, 0.5):
        gradient(canvas, rounded_rect(0, 0, length, width, 6), (150, 150, 155), between(rng, 0.1, 0.35))
    wear(canvas, 0.5)
    return canvas


def _broken(rng: np.random.Generator, mm_per_px: float) -> Canvas:
    """A phone that a shredder bit: part of the front or of the inside, with cracks."""
    canvas = _front(rng, mm_per_px) if chance(rng, 0.6) else _opened(rng, mm_per_px)
    length, width = canvas.length_mm, canvas.width_mm
    cracks(canvas, 0, 0, 90)
    share = between(rng, 0.0, 0.25)
    edge = np.linspace(-width / 2 - 2, width / 2 + 2, 9)
    torn = np.column_stack([length * share + np.cumsum(rng.normal(0, 3.5, 9)), edge])
    canvas.keep(np.concatenate([[[-length, edge[0]]], torn, [[-length, edge[-1]]]]))
    canvas.roughen(0.6, 25)
    return canvas


def _keys(canvas: Canvas, x0: float, x1: float, width: float, body: Bgr, top: float) -> None:
    """A phone's keypad between two x: navigation, call keys, twelve digits."""
    rng = canvas.rng
    key = tone(rng, [dimmed(body, 0.8), dimmed(body, 1.3), BLACK, (205, 207, 207), (150, 150, 152)], 4)
    ink = ink_on(key)
    nav = (x1 - x0) * between(rng, 0.25, 0.34)
    middle = x0 + nav / 2
    if chance(rng, 0.7):
        metal = tone(rng, [STEEL, key, (60, 60, 62)])
        canvas.rect(middle, 0, nav * 0.8, width * 0.34, metal, top + 0.9, 150, nav * between(rng, 0.1, 0.4))
        canvas.rect(middle, 0, nav * 0.4, width * 0.17, key, top + 0.6, 90, 1.5)
    for side in (-1, 1):
        for place in (-0.22, 0.22):
            canvas.rect(middle + place * nav, side * width * 0.32, nav * 0.3, width * 0.2, key, top + 0.6, 80, 1)
        mark: Bgr = (70, 170, 60) if side < 0 else (50, 50, 205)
        canvas.rect(middle + 0.22 * nav, side * width * 0.32, 1.2, width * 0.1, mark)
    rows, pitch = 4, (x1 - x0 - nav) / 4
    round_keys, gap = chance(rng, 0.25), between(rng, 0.72, 0.95)
    for row in range(rows):
        for column, digit in enumerate(("123", "456", "789", "*0#")[row]):
            x, y = x0 + nav + (row + 0.5) * pitch, (column - 1) * width * 0.29
            if round_keys:
                canvas.polygon(ellipse(x, y, pitch * gap / 2, width * 0.27 / 2), key, top + 0.8, 100)
            else:
                canvas.rect(x, y, pitch * gap, width * 0.29 * gap, key, top + 0.8, 100, between(rng, 0.5, 2))
            canvas.text(digit, x, y - width * 0.06, min(3.4, pitch * 0.5), ink, 3)
            canvas.text("abc", x, y + width * 0.06, 1.1, ink, 3)


def _small_screen(canvas: Canvas, x: float, length: float, width: float, top: float) -> None:
    """A feature phone's screen behind a window with a rim and a name."""
    rng = canvas.rng
    window = rounded_rect(x, 0, length, width, between(rng, 1, 4))
    canvas.polygon(window, tone(rng, [GLASS_BLACK, (40, 38, 36), (150, 152, 152)], 4), top, 90)
    colour = tone(rng, [(70, 80, 75), (110, 125, 120), (45, 42, 40), (24, 22, 21), (100, 160, 130), (150, 150, 140)], 6)
    canvas.rect(x + 0.5, 0, length * 0.78, width * 0.84, colour, None, 60, 0.4)
    if chance(rng, 0.6):
        title(canvas, brand(rng), x - length * 0.44, 0, min(2.2, length * 0.08), WHITE, 3)
    mirrored_room(canvas, window)
    if chance(rng, 0.15):
        cracks(canvas, x, 0, 25)


def _candybar(rng: np.random.Generator, mm_per_px: float) -> Canvas:
    length, width = between(rng, 98, 128), between(rng, 42, 54)
    canvas = Canvas(length, width, mm_per_px, rng)
    body = tone(
        rng, [BLACK, (60, 55, 50), (205, 207, 207), (170, 172, 172), (130, 60, 30), (50, 45, 150), (70, 40, 30)]
    )
    corner = between(rng, 5, 14)
    outline = rounded_rect(0, 0, length, width, corner)
    canvas.polygon(outline, body, 11, 90)
    face = body if chance(rng, 0.5) else tone(rng, [BLACK, (160, 162, 162), (205, 206, 206), dimmed(body, 1.3)])
    canvas.rect(0, 0, length - 4, width - 4, face, 13, 100, corner - 2)
    split = between(rng, -0.08, 0.06) * length
    screen = split - (-length / 2 + 8)
    canvas.rect(-length / 2 + 5, 0, 1.2, between(rng, 6, 14), dimmed(face, 0.4), None, 0, 0.5)
    _small_screen(canvas, -length / 2 + 8 + screen / 2, screen, width - between(rng, 6, 12), 13.2)
    _keys(canvas, split + 2, length / 2 - between(rng, 4, 9), width - 5, face, 13)
    wear(canvas, between(rng, 0.3, 1.5))
    return canvas


def _flip_open(rng: np.random.Generator, mm_per_px: float) -> Canvas:
    half, width = between(rng, 82, 100), between(rng, 43, 52)
    length = 2 * half - 4
    canvas = Canvas(length, width, mm_per_px, rng)
    body = tone(rng, [BLACK, (165, 167, 168), (205, 207, 207), (120, 60, 40), (110, 90, 190), (50, 45, 150)])
    inner = body if chance(rng, 0.5) else tone(rng, [(150, 152, 152), BLACK, dimmed(body, 0.8)])
    corner = between(rng, 6, 18)
    for side in (-1, 1):
        canvas.rect(side * (half / 2 - 2), 0, half, width, body, 9, 100, corner)
        canvas.rect(side * (half / 2 - 1), 0, half - 6, width - 4, inner, 10, 80, corner - 2)
    for y in (-0.36, 0.0, 0.36):
        canvas.rect(0, y * width, 8.5, width * 0.25, dimmed(body, 0.9), 13, 120, 3)
    _small_screen(canvas, -half / 2 - 1, half * between(rng, 0.55, 0.75), width - 9, 10.2)
    canvas.rect(-length / 2 + 6, 0, 1.3, 9, dimmed(inner, 0.4), None, 0, 0.6)
    _keys(canvas, 8, length / 2 - 8, width - 6, inner, 10)
    wear(canvas, between(rng, 0.3, 1.2))
    return canvas


def _flip_closed(rng: np.random.Generator, mm_per_px: float) -> Canvas:
    length, width = between(rng, 84, 102), between(rng, 43, 52)
    canvas = Canvas(length, width, mm_per_px, rng)
    body = tone(rng, [BLACK, (165, 167, 168), (205, 207, 207), (120, 60, 40), (110, 90, 190), (50, 45, 150)])
    outline = rounded_rect(0, 0, length, width, between(rng, 7, 18))
    canvas.polygon(outline, body, 19, 120)
    canvas.polygon(outline * 0.94, body, 21, 120)
    mirrored_room(canvas, outline, 0.5)
    canvas.rect(-length / 2 + 5, 0, 7, width * 0.5, dimmed(body, 0.8), 21, 120, 3)
    x = -length * between(rng, 0.05, 0.2)
    if chance(rng, 0.8):
        window = rounded_rect(x, 0, between(rng, 14, 26), between(rng, 18, 32), 3)
        canvas.polygon(window, GLASS_BLACK, 21.2, 80)
        canvas.rect(x, 0, 11, 16, (70, 74, 72))
        mirrored_room(canvas, window)
    canvas.disc(-length * 0.32, 0, 4.2, STEEL, 21.5, 180)
    lens(canvas, -length * 0.32, 0, 3.4, 21.5)
    title(canvas, brand(rng), length * 0.3, 0, 3.4, ink_on(body), 3)
    wear(canvas, between(rng, 0.3, 1.5))
    return canvas


def _feature_back(rng: np.random.Generator, mm_per_px: float) -> Canvas:
    """The back: cover with a catch, or the cover off with battery or an empty bay and its sticker."""
    length, width = between(rng, 98, 128), between(rng, 42, 54)
    canvas = Canvas(length, width, mm_per_px, rng)
    body = tone(rng, [BLACK, (45, 45, 47), (205, 207, 207), (170, 172, 172), (130, 60, 30), (50, 45, 150)])
    outline = rounded_rect(0, 0, length, width, between(rng, 6, 14))
    canvas.polygon(outline, body, 12, 90)
    canvas.polygon(outline * 0.95, body, 13.5, 90)
    canvas.disc(-length * 0.36, 0, 4.8, dimmed(body, 1.4), 14, 150)
    lens(canvas, -length * 0.36, 0, 3.6, 14)
    canvas.rect(-length * 0.36, width * 0.26, 2.5, 4, (190, 225, 232))
    for place in range(5):
        canvas.rect(-length * 0.36, -width * 0.2 - place * 1.8, 5, 0.9, dimmed(body, 0.35), 12.5, 0, 0.4)
    bay_x, bay_length, bay_width = length * 0.1, length * 0.58, width * 0.82
    if chance(rng, 0.5):
        canvas.rect(bay_x, 0, bay_length + 3, width - 3, dimmed(body, 0.7), 10, 40, 2)
        if chance(rng, 0.6):
            cell = tone(rng, [(205, 207, 207), BLACK, (165, 168, 168), (150, 90, 40)])
            canvas.rect(bay_x, 0, bay_length * 0.9, bay_width, cell, 12.5, 90, 1)
            label(canvas, bay_x, 0, bay_length * 0.86, bay_width * 0.92, cell)
        else:
            canvas.rect(bay_x, 0, bay_length * 0.94, bay_width, dimmed(body, 0.8), 8, 30, 1)
            label(canvas, bay_x + 3, 0, bay_length * 0.7, bay_width * 0.8, WHITE)
            for y in (-4, -1, 2):
                canvas.rect(bay_x - bay_length * 0.44, y, 3, 1.6, GOLD, 9, 200)
        canvas.rect(bay_x - bay_length * 0.6, width * 0.2, 9, 12, STEEL, 10.5, 150)
    else:
        canvas.stroke(rounded_rect(bay_x, 0, bay_length + 14, width - 3.5, 4), 0.4, dimmed(body, 0.5))
        canvas.rect(bay_x - bay_length / 2, 0, 3, 9, dimmed(body, 0.6), 13, 40, 1)
        title(canvas, brand(rng), length * 0.1, 0, 4, dimmed(body, 1.7) if sum(body) < 300 else INK, 3)
        mirrored_room(canvas, outline, 0.4)
        sign(canvas, length * 0.35, 0, 4, dimmed(body, 1.4))
    wear(canvas, between(rng, 0.4, 1.5))
    return canvas


def _slab(rng: np.random.Generator, mm_per_px: float) -> tuple[Canvas, float, float, float]:
    length = between(rng, 178, 258)
    width, corner = length * between(rng, 0.6, 0.77), between(rng, 5, 14)
    canvas = Canvas(length, width, mm_per_px, rng)
    canvas.rect(0, 0, length, width, tone(rng, _FRAMES), 6.5, 140, corner)
    return canvas, length, width, corner


def _tablet_front(rng: np.random.Generator, mm_per_px: float) -> Canvas:
    canvas, length, width, corner = _slab(rng, mm_per_px)
    bezel = tone(rng, [GLASS_BLACK, GLASS_BLACK, (215, 216, 216), (40, 40, 42)], 4)
    outline = rounded_rect(0, 0, length - 2, width - 2, corner - 1)
    canvas.polygon(outline, bezel, 7.8, 70)
    rim, ends = between(rng, 6, 14), between(rng, 8, 22)
    paper = chance(rng, 0.2)
    screen = tone(rng, [(165, 172, 172), (185, 190, 190)] if paper else [(24, 22, 21), (40, 38, 36), (55, 50, 46)], 5)
    canvas.rect(0, 0, length - 2 * ends, width - 2 * rim, screen, None, 20 if paper else 80)
    if paper:
        if chance(rng, 0.6):
            paragraph(canvas, 0, 0, (length - 2 * ends) * 0.9, (width - 2 * rim) * 0.9, (70, 72, 72), 2.4)
    elif chance(rng, 0.15):
        canvas.picture(0, 0, length - 2 * ends, width - 2 * rim, _lit_screen(rng))
    if chance(rng, 0.5):
        canvas.disc(length / 2 - 1 - ends / 2, 0, min(5.5, ends * 0.4), dimmed(bezel, 1.5 if sum(bezel) < 300 else 0.9))
        canvas.disc(length / 2 - 1 - ends / 2, 0, min(5.0, ends * 0.35), bezel)
    canvas.disc(-length / 2 + 1 + ends / 2, 0, 1.6, (14, 13, 16))
    if chance(rng, 0.3):
        title(canvas, brand(rng), -length / 2 + ends * 0.6, -width * 0.3, 3, ink_on(bezel), 3)
    if not paper:
        mirrored_room(canvas, outline)
    if chance(rng, 0.35):
        x, y = spot(rng, length, width, 0.48)
        cracks(canvas, x, y, between(rng, 60, 160))
    _smears(canvas, length, width)
    wear(canvas, between(rng, 0.3, 1.3), (105, 107, 107))
    return canvas


def _tablet_back(rng: np.random.Generator, mm_per_px: float) -> Canvas:
    canvas, length, width, corner = _slab(rng, mm_per_px)
    back = tone(rng, [(185, 186, 187), (165, 167, 168), (60, 60, 62), BLACK, (205, 207, 208), (130, 100, 60)], 8)
    outline = rounded_rect(0, 0, length - 1.5, width - 1.5, corner)
    canvas.polygon(outline, back, 7.8, 110)
    gradient(canvas, outline, (245, 245, 245), between(rng, 0, 0.35))
    mirrored_room(canvas, outline, between(rng, 0, 0.4))
    ink = dimmed(back, 0.5) if sum(back) > 300 else dimmed(back, 1.8)
    if chance(rng, 0.5):
        canvas.disc(0, 0, 12, ink, None, 190)
        canvas.disc(0, 9, 4.5, back)
    else:
        title(canvas, brand(rng), 0, 0, 9, ink, one_of(rng, (0, 3)))
    canvas.disc(-length / 2 + 14, width / 2 - 14, 4.6, dimmed(back, 0.7), 8.6, 160)
    lens(canvas, -length / 2 + 14, width / 2 - 14, 3.6, 8.6)
    if chance(rng, 0.4):
        canvas.rect(-length / 2 + 12, 0, 20, width - 3, dimmed(back, 0.4))
    for row in range(3):
        canvas.text(" ".join(small_print(rng) for _ in range(2)), length * 0.36 + row * 3.4, 0, 1.6, ink, 3)
    wear(canvas, between(rng, 0.3, 1.4))
    return canvas


def _tablet_opened(rng: np.random.Generator, mm_per_px: float) -> Canvas:
    canvas, length, width, corner = _slab(rng, mm_per_px)
    canvas.rect(
        0, 0, length - 3, width - 3, tone(rng, [(150, 152, 152), (60, 60, 62), (185, 186, 186)]), 3.5, 130, corner
    )
    packs = int(rng.integers(1, 4))
    cell = tone(rng, [BLACK, (40, 40, 41), (190, 192, 193)])
    board = tone(rng, [(50, 85, 25), (34, 32, 30), (120, 75, 25)])
    canvas.rect(-length * 0.38, 0, length * 0.18, width * 0.86, board, 4.4, 70, 1)
    for _ in range(60):
        x, y = -length * 0.38 + between(rng, -0.08, 0.08) * length, between(rng, -0.41, 0.41) * width
        side = between(rng, 1.5, 5 if chance(rng, 0.6) else 20)
        canvas.rect(x, y, min(side, 9), side, tone(rng, [STEEL, BLACK, GOLD, ALUMINIUM]), 5.4, 120)
    for place in range(packs):
        y = ((place + 0.5) / packs - 0.5) * width * 0.9
        canvas.rect(length * 0.1, y, length * 0.62, width * 0.86 / packs, cell, 5.5, 90, 2)
        if chance(rng, 0.8):
            label(canvas, length * 0.1, y, length * 0.5, width * 0.7 / packs, vary(cell, rng, 5))
    ribbon(canvas, np.array([[-length * 0.35, width * 0.1], [length * 0.46, width * 0.12]]), 8.0, 5.8)
    for _ in range(16):
        screw_head(canvas, between(rng, -0.48, 0.48) * length, one_of(rng, (-1, 1)) * (width / 2 - 4), 1.3, 5.5)
    wear(canvas, 0.7)
    return canvas


LOOKS: dict[str, Looks] = {
    "smartphone": ((4, _front), (3, _back), (1.2, _opened), (0.8, _in_case), (0.7, _broken)),
    "feature_phone": ((3, _candybar), (1.3, _flip_open), (1.3, _flip_closed), (1.6, _feature_back)),
    "tablet": ((3, _tablet_front), (1.8, _tablet_back), (0.7, _tablet_opened)),
}
"""Each class's looks with their weights."""
