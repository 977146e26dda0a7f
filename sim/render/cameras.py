"""Cameras: compact and SLR from several faces, camcorders, action and surveillance cameras, camera modules."""

import numpy as np

from sim.render.boards import chip, ground, small_parts
from sim.render.canvas import Canvas
from sim.render.dice import Looks, between, chance, dimmed, one_of, spot, tone
from sim.render.finishes import (
    BLACK,
    GLASS_BLACK,
    GOLD,
    STEEL,
    barrel_sheen,
    cracks,
    gradient,
    lens,
    mirrored_room,
    perforation,
    ribbon,
    ring,
    screw_head,
    turned_metal,
    wear,
    wire_pair,
)  # fmt: skip
from sim.render.marks import INK, WHITE, brand, code, ink_on, label, paragraph, small_print, title
from sim.render.shapes import Bgr, ellipse, ragged, rounded_rect

_BODIES: tuple[Bgr, ...] = (
    (182, 184, 185), (165, 167, 168), (190, 192, 192), (28, 28, 29), (28, 28, 29), (40, 40, 42),
    (150, 152, 155), (40, 40, 160), (120, 60, 30), (150, 100, 190),
    (205, 207, 207), (95, 97, 100), (90, 120, 60), (60, 130, 190),
)  # fmt: skip
_SLR: tuple[Bgr, ...] = ((27, 27, 28), (34, 34, 35), (45, 45, 46), (24, 24, 25), (130, 132, 134))


def barrel(canvas: Canvas, x: float, y: float, radius: float, base: float, height: float) -> None:
    """A lens that points up: stepped rings with ribs and print, the glass in the middle."""
    rng = canvas.rng
    metal = tone(rng, [BLACK, (34, 34, 35), (165, 167, 168), (40, 40, 42)])
    for share, rise in ((1.0, 0.35), (0.93, 0.7), (0.84, 1.0)):
        canvas.disc(x, y, radius * share, metal, base + height * rise, 140)
        canvas.stroke(ring(x, y, radius * share), 0.3, dimmed(metal, 1.8 if sum(metal) < 200 else 0.6))
    if chance(rng, 0.5):
        turned_metal(canvas, x, y, radius, 0.35)
    optics = one_of(rng, ("ZOOM LENS 18-55mm 1:3.5", "OPTICAL 5x 4.7-23.5", "AF-S 50mm f/1.8", "LENS 28mm 1:2.8"))
    letters = f"{brand(rng)} {optics}"
    start = between(rng, 0, 6)
    for place, letter in enumerate(letters[:26]):
        angle = start + place * 0.17
        reach = radius * 0.75
        canvas.text(letter, x + reach * np.cos(angle), y + reach * np.sin(angle), radius * 0.07, (170, 172, 172))
    lens(canvas, x, y, radius * between(rng, 0.5, 0.68), base + height)


def _compact_front(rng: np.random.Generator, mm_per_px: float) -> Canvas:
    length, width = between(rng, 84, 118), between(rng, 50, 72)
    canvas = Canvas(length, width, mm_per_px, rng)
    body = tone(rng, _BODIES)
    corner = between(rng, 3, 14)
    outline = rounded_rect(0, 0, length, width, corner)
    canvas.polygon(outline, body, 17, 130)
    canvas.polygon(outline * 0.95, body, 19, 130)
    if chance(rng, 0.3):
        canvas.grain(0.06, 0.3, 10)
    gradient(canvas, outline, (245, 245, 245), between(rng, 0, 0.4))
    if chance(rng, 0.4):
        strip = tone(rng, [BLACK, dimmed(body, 0.7), dimmed(body, 1.2)])
        canvas.rect(0, -width * 0.36, length * 0.96, width * 0.2, strip, 19.2, 110, 2)
    radius = width * between(rng, 0.28, 0.4)
    x, y = between(rng, 0.0, 0.2) * length, width * between(rng, 0.0, 0.09)
    if chance(rng, 0.75):
        barrel(canvas, x, y, radius, 19, between(rng, 3, 22))
    else:  # the lens is in, its blades shut
        canvas.disc(x, y, radius, dimmed(body, 0.8), 20, 150)
        canvas.disc(x, y, radius * 0.8, STEEL, 21, 160)
        turned_metal(canvas, x, y, radius * 0.8, 0.5)
        canvas.disc(x, y, radius * 0.45, (34, 34, 35), 20.6, 90)
        canvas.stroke([[x - radius * 0.43, y + radius * 0.1], [x + radius * 0.43, y - radius * 0.1]], 0.4, (12, 12, 12))
    flash_x = between(rng, -0.32, 0.02) * length
    flash = rounded_rect(flash_x, -width * 0.36, between(rng, 10, 18), between(rng, 5, 8), 1)
    canvas.polygon(flash, (190, 200, 205), 19.6, 160)
    canvas.shade(flash, (245, 250, 250), lambda px, py: 0.5 + 0.4 * np.sin(px * 6 + 0 * py))
    if chance(rng, 0.4):
        canvas.rect(x, -width * 0.38, 8, 5, (22, 20, 19), 19.6, 150, 0.8)
    canvas.disc(
        flash_x - 12, -width * 0.34, 1.8, tone(rng, [(60, 130, 220), (190, 200, 210), (60, 60, 190)]), 19.5, 150
    )
    title(canvas, brand(rng), -length * 0.33, -width * between(rng, 0.05, 0.2), between(rng, 3, 5), ink_on(body))
    canvas.text(
        one_of(rng, ("10.2 MEGA PIXELS", "DIGITAL CAMERA", "16.1", "HD 720p")),
        -length * 0.3,
        width * 0.4,
        1.8,
        ink_on(body),
    )
    if chance(rng, 0.5):
        canvas.rect(-length * 0.42, width * 0.05, between(rng, 5, 10), width * 0.6, dimmed(body, 0.7), 21, 90, 2.5)
    wear(canvas, between(rng, 0.3, 1.3))
    return canvas


def _compact_back(rng: np.random.Generator, mm_per_px: float) -> Canvas:
    length, width = between(rng, 84, 118), between(rng, 50, 72)
    canvas = Canvas(length, width, mm_per_px, rng)
    body = tone(rng, _BODIES)
    outline = rounded_rect(0, 0, length, width, between(rng, 3, 12))
    canvas.polygon(outline, body, 18, 120)
    canvas.polygon(outline * 0.95, tone(rng, [body, BLACK, dimmed(body, 0.8)]), 19.5, 100)
    screen = length * between(rng, 0.55, 0.68)
    _monitor(canvas, -length * 0.14, width * between(rng, 0.0, 0.06), screen, width * between(rng, 0.66, 0.84), 20)
    x = length * 0.36
    _buttons(canvas, x, width * 0.1, 9.0, 20, body)
    for y in (-0.22, 0.36):
        for side in (-1, 1):
            canvas.rect(x + side * 5.5, y * width, 5.5, 3.2, dimmed(body, 0.8), 20.4, 100, 1.5)
            canvas.text(
                one_of(rng, ("MENU", "DISP", ">", "OK", "FN")), x + side * 5.5, y * width + 3.2, 0.9, ink_on(body)
            )
    canvas.rect(x, -width * 0.4, 12, 4, dimmed(body, 0.7), 21, 120, 2)
    if chance(rng, 0.35):
        canvas.rect(-length * 0.1, -width * 0.43, 9, 5, (16, 16, 17), 20.5, 120, 1)
    title(canvas, brand(rng), -length * 0.3, width * 0.455, 1.6, WHITE)
    wear(canvas, between(rng, 0.3, 1.4))
    return canvas


def _monitor(canvas: Canvas, x: float, y: float, length: float, width: float, top: float) -> None:
    """A dark glossy display set into a body; now and then cracked."""
    rng = canvas.rng
    frame = rounded_rect(x, y, length, width, 2)
    canvas.polygon(frame, GLASS_BLACK, top + 0.4, 90)
    canvas.rect(x, y, length * 0.9, width * 0.88, tone(rng, [(42, 40, 38), (60, 58, 54), (28, 27, 26)]), None, 90)
    mirrored_room(canvas, frame)
    if chance(rng, 0.12):
        cracks(canvas, x + between(rng, -0.3, 0.3) * length, y, length * 0.6)


def _buttons(canvas: Canvas, x: float, y: float, radius: float, top: float, body: Bgr) -> None:
    """A four-way pad with its middle button."""
    metal = tone(canvas.rng, [dimmed(body, 0.8), STEEL, BLACK])
    canvas.disc(x, y, radius, metal, top + 0.6, 140)
    turned_metal(canvas, x, y, radius, 0.25)
    canvas.disc(x, y, radius * 0.5, dimmed(metal, 0.55), top, 60)
    canvas.disc(x, y, radius * 0.42, metal, top + 0.8, 140)
    for dx, dy in ((0.75, 0), (-0.75, 0), (0, 0.75), (0, -0.75)):
        canvas.disc(x + dx * radius, y + dy * radius, radius * 0.09, ink_on(metal))


def _compact_top(rng: np.random.Generator, mm_per_px: float) -> Canvas:
    """A compact or bridge camera from above: release, dial, the lens that stands out."""
    length, depth = between(rng, 84, 118), between(rng, 19, 32)
    reach = between(rng, 4, 30)
    canvas = Canvas(depth + reach, length, mm_per_px, rng)
    body = tone(rng, _BODIES)
    x = -reach / 2
    lens_y, radius = between(rng, -0.05, 0.22) * length, between(rng, 14, 24)
    metal = tone(rng, [BLACK, STEEL, dimmed(body, 0.8)])
    for share, end in ((1.0, 0.4), (0.88, 0.75), (0.78, 1.0)):
        tube = rounded_rect(x + depth / 2 + reach * end / 2 - 1, lens_y, reach * end + 2, 2 * radius * share, 0.5)
        canvas.polygon(tube, metal, 25 + 10 * share, 150)
        barrel_sheen(canvas, tube, False, 0.6)
    canvas.rect(x, 0, depth, length, body, 50, 120, between(rng, 3, 9))
    gradient(canvas, rounded_rect(x, 0, depth, length), (245, 245, 245), between(rng, 0, 0.35))
    canvas.disc(x, -length * 0.3, 6, STEEL, 52, 160)
    canvas.disc(x, -length * 0.3, 4, dimmed(STEEL, 0.8), 53, 160)
    canvas.disc(x, -length * 0.44, 2.4, dimmed(body, 0.7), 51, 120)
    if chance(rng, 0.7):
        dial = tone(rng, [BLACK, STEEL])
        canvas.disc(x, -length * 0.14, min(9.0, depth * 0.45), dial, 53, 150)
        for place, letter in enumerate("PASMAUTO"):
            angle = place * np.pi / 4
            canvas.text(letter, x + 5.5 * np.cos(angle), -length * 0.14 + 5.5 * np.sin(angle), 1.4, ink_on(dial))
    title(canvas, brand(rng), x, length * 0.22, 3, ink_on(body), 1)
    if chance(rng, 0.4):
        canvas.rect(x, length * 0.1, depth * 0.6, 18, (60, 62, 64), 50.5, 160, 1)
    wear(canvas, between(rng, 0.3, 1.2))
    return canvas


def _slr_outline(
    length: float, width: float, rng: np.random.Generator
) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
    """An SLR from the front: shoulders, the prism's hump in the middle, the grip on the left."""
    hump, rise = between(rng, 0.14, 0.2), between(rng, 0.12, 0.2)
    left, right, top, bottom = -length / 2, length / 2, -width / 2, width / 2
    shoulder = top + rise * width
    return np.array([
        [left + 6, shoulder + 3], [left + length * 0.12, shoulder - 2], [-length * (hump + 0.06), shoulder],
        [-length * hump * 0.75, top + 2], [-length * hump * 0.5, top], [length * hump * 0.5, top],
        [length * hump * 0.75, top + 2], [length * (hump + 0.05), shoulder], [right - 8, shoulder + 1],
        [right - 2, shoulder + 5], [right, bottom - 10], [right - 4, bottom - 2], [right - 12, bottom],
        [left + 12, bottom], [left + 3, bottom - 3], [left, bottom - 12], [left + 1, shoulder + 14],
    ])  # fmt: skip


def _slr_front(rng: np.random.Generator, mm_per_px: float) -> Canvas:
    length, width = between(rng, 116, 152), between(rng, 84, 112)
    canvas = Canvas(length, width, mm_per_px, rng)
    body = tone(rng, _SLR)
    outline = _slr_outline(length, width, rng)
    canvas.polygon(outline, body, 34, 60)
    canvas.polygon(outline * 0.94, body, 38, 60)
    leather = dimmed(body, 0.85)
    canvas.rect(-length * 0.41, width * 0.1, length * 0.16, width * 0.66, leather, 52, 40, 6)
    canvas.rect(length * 0.36, width * 0.16, length * 0.2, width * 0.5, leather, None, 20, 2)
    canvas.disc(-length * 0.4, -width * 0.27, 5.5, STEEL if chance(rng, 0.5) else BLACK, 54, 150)
    canvas.disc(length * 0.36, -width * 0.32, 8, dimmed(body, 1.2), 44, 110)
    title(canvas, brand(rng), 0, -width * 0.4, between(rng, 3.5, 5), WHITE)
    title(canvas, one_of(rng, ("EOS", "D3100", "a55", "K-x", "E-420")), length * 0.36, -width * 0.16, 3, WHITE)
    x, y = between(rng, -0.02, 0.04) * length, width * 0.1
    radius = width * between(rng, 0.34, 0.4)
    if chance(rng, 0.72):
        barrel(canvas, x, y, radius, 40, between(rng, 20, 28))
        for angle in np.linspace(0, 2 * np.pi, 70):
            reach = np.array([np.cos(angle), np.sin(angle)])
            canvas.stroke([reach * radius * 0.94 + (x, y), reach * radius + (x, y)], 0.4, (12, 12, 12))
    else:  # no lens: the mount with its contacts, the mirror behind
        canvas.disc(x, y, radius, (30, 30, 31), 41, 60)
        canvas.disc(x, y, radius * 0.92, STEEL, 43, 170)
        turned_metal(canvas, x, y, radius * 0.92, 0.5)
        for turn in range(4):
            angle = turn * np.pi / 2 + 0.7
            screw_head(canvas, x + radius * 0.84 * np.cos(angle), y + radius * 0.84 * np.sin(angle), 1.3, 43)
        canvas.disc(x, y, radius * 0.74, (14, 14, 14), 20, 20)
        mirror = rounded_rect(x, y + radius * 0.04, radius * 1.0, radius * 0.74, 1)
        canvas.polygon(mirror, (70, 68, 66), 24, 200)
        mirrored_room(canvas, mirror, 1.5)
        for place in range(7):
            angle = np.pi / 2 + (place - 3) * 0.13
            canvas.disc(x + radius * 0.67 * np.cos(angle), y + radius * 0.67 * np.sin(angle), 0.9, GOLD, 30, 200)
    canvas.roughen(0.02, 0.7)
    wear(canvas, between(rng, 0.2, 1.2), (100, 102, 102))
    return canvas


def _slr_back(rng: np.random.Generator, mm_per_px: float) -> Canvas:
    length, width = between(rng, 116, 152), between(rng, 84, 112)
    canvas = Canvas(length, width, mm_per_px, rng)
    body = tone(rng, _SLR)
    outline = _slr_outline(length, width, rng) * np.array([-1.0, 1.0])
    canvas.polygon(outline, body, 34, 60)
    canvas.polygon(outline * 0.95, body, 37, 50)
    canvas.rect(0, -width * 0.33, 34, 19, (18, 18, 19), 46, 50, 5)
    eye = rounded_rect(0, -width * 0.33, 18, 11, 2)
    canvas.polygon(eye, (45, 42, 40), 40, 160)
    mirrored_room(canvas, eye)
    _monitor(canvas, -length * 0.09, width * 0.13, length * between(rng, 0.48, 0.56), width * 0.56, 38)
    _buttons(canvas, length * 0.33, width * 0.14, between(rng, 7, 11), 38, body)
    for place in range(int(rng.integers(4, 9))):
        column, row = place % 3, place // 3
        x, y = length * (0.24 + column * 0.09), width * (-0.16 + row * 0.5)
        canvas.disc(x, y, 2.4, dimmed(body, 1.3), 39, 100)
        canvas.text(one_of(rng, ("AF", "ISO", "MENU", "WB", "AE")), x, y + 4, 1.1, WHITE)
    canvas.rect(length * 0.43, width * 0.06, length * 0.1, width * 0.5, dimmed(body, 0.8), 42, 30, 4)
    canvas.roughen(0.02, 0.7)
    wear(canvas, between(rng, 0.2, 1.2), (100, 102, 102))
    return canvas


def _tube(canvas: Canvas, x0: float, radius: float, reach: float, middle: float) -> None:
    """A zoom lens that lies along +x from x0: ribbed rings, a red or white ring, scales."""
    rng = canvas.rng
    edges = np.cumsum(rng.dirichlet(np.ones(4) * 3) * reach)
    start = x0
    for place, end in enumerate(edges):
        stop = x0 + float(end)
        share = one_of(rng, (0.86, 0.93, 1.0))
        ring_bgr = tone(rng, [BLACK, (36, 36, 37), (30, 30, 30), (160, 162, 162) if chance(rng, 0.2) else BLACK], 4)
        shell = rounded_rect((start + stop) / 2, middle, stop - start, 2 * radius * share, 0.4)
        for part, rise in ((1.0, 0.5), (0.8, 1.2), (0.55, 1.7), (0.3, 1.95)):
            slab = rounded_rect((start + stop) / 2, middle, stop - start, 2 * radius * share * part, 0.3)
            canvas.polygon(slab, ring_bgr, 12 + radius * share * rise, 90)
        if place % 2:
            for y in np.linspace(-1, 1, 28):
                canvas.rect(
                    (start + stop) / 2,
                    middle + radius * share * float(np.sin(y * 1.5)),
                    (stop - start) * 0.8,
                    0.5,
                    (10, 10, 10),
                )
        else:
            for number in range(4):
                y = middle + (number - 1.5) * radius * 0.3
                canvas.text(
                    one_of(rng, ("18", "24", "35", "55", "70", "105", "200")), (start + stop) / 2, y, 1.8, WHITE, 1
                )
        barrel_sheen(canvas, shell, False, 0.35)
        start = stop
    mark = tone(rng, [(60, 60, 200), (205, 207, 207), (70, 165, 205)])
    canvas.rect(x0 + reach * 0.9, middle, 1.0, 1.8 * radius, mark)


def _slr_top(rng: np.random.Generator, mm_per_px: float) -> Canvas:
    """An SLR from above with its lens on: body across, lens along +x, hot shoe, dials, strap eyes."""
    length, depth = between(rng, 116, 150), between(rng, 44, 60)
    reach, radius = between(rng, 35, 110), between(rng, 29, 37)
    canvas = Canvas(depth + reach, length, mm_per_px, rng)
    body = tone(rng, _SLR)
    x = -reach / 2
    _tube(canvas, x + depth / 2 - 4, radius, reach + 3, 0.0)
    canvas.rect(x - 4, 0, depth * 0.7, length, body, 70, 60, 6)
    canvas.rect(x + 4, -length * 0.38, depth * 0.9, length * 0.22, body, 70, 50, 9)
    hump = np.array(
        [
            [-depth / 2, -17],
            [depth / 2 - 4, -13],
            [depth / 2 + 4, -8],
            [depth / 2 + 4, 8],
            [depth / 2 - 4, 13],
            [-depth / 2, 17],
        ]
    )
    canvas.polygon(hump + np.array([x, 0.0]), body, 84, 60)
    canvas.rect(x - 4, 0, 19, 20, STEEL, 86, 170, 0.5)
    canvas.rect(x - 4, 0, 17, 14, BLACK, 85, 60)
    dial = tone(rng, [(50, 50, 52), BLACK, (150, 152, 152)])
    canvas.disc(x - 4, length * 0.3, 11, dial, 78, 120)
    for place, letter in enumerate("MAVTSPCB"):
        angle = place * np.pi / 4
        canvas.text(letter, x - 4 + 7.5 * np.cos(angle), length * 0.3 + 7.5 * np.sin(angle), 2.0, ink_on(dial))
    canvas.disc(x + 14, -length * 0.39, 5, STEEL if chance(rng, 0.4) else (50, 50, 52), 74, 150)
    if chance(rng, 0.4):
        canvas.rect(x - 6, -length * 0.28, 16, 26, (125, 135, 130), 71, 120, 1.5)
        canvas.text("1/125 5.6", x - 6, -length * 0.28, 2.4, (40, 42, 40), 1)
    canvas.roughen(0.02, 0.7)
    wear(canvas, between(rng, 0.2, 1.0), (100, 102, 102))
    return canvas


def _film_compact(rng: np.random.Generator, mm_per_px: float) -> Canvas:
    """A rangefinder look: metal plates above and below, leather between, windows, lens in the middle."""
    length, width = between(rng, 112, 140), between(rng, 68, 82)
    canvas = Canvas(length, width, mm_per_px, rng)
    metal, hide = (
        tone(rng, [(185, 187, 187), (40, 40, 41)]),
        tone(rng, [BLACK, (35, 50, 85), (30, 30, 31), (40, 40, 110)]),
    )
    outline = rounded_rect(0, 0, length, width, between(rng, 4, 12))
    canvas.polygon(outline, metal, 30, 150)
    canvas.rect(0, width * 0.08, length, width * 0.56, hide, 31, 40)
    gradient(canvas, rounded_rect(0, -width * 0.36, length, width * 0.26), (245, 245, 245), 0.3)
    for x in (-0.32, 0.1, 0.34):
        window = rounded_rect(x * length, -width * 0.34, between(rng, 8, 15), between(rng, 6, 9), 1)
        canvas.polygon(window, tone(rng, [(50, 45, 40), (150, 160, 150), (70, 60, 80)]), 31, 180)
        mirrored_room(canvas, window)
    title(canvas, brand(rng), -length * 0.12, -width * 0.34, 4, ink_on(metal))
    barrel(canvas, between(rng, -0.05, 0.08) * length, width * 0.08, width * between(rng, 0.3, 0.36), 31, 16)
    canvas.roughen(0.04, 0.6)
    wear(canvas, between(rng, 0.4, 1.4))
    return canvas


def _camera_opened(rng: np.random.Generator, mm_per_px: float) -> Canvas:
    """A compact without its front: board, lens block, flash capacitor, ribbons, battery bay."""
    length, width = between(rng, 84, 112), between(rng, 50, 66)
    canvas = Canvas(length, width, mm_per_px, rng)
    tray = tone(rng, [(60, 60, 62), (150, 152, 152), BLACK])
    canvas.rect(0, 0, length, width, tray, 8, 120, 5)
    ground(canvas, length * 0.85, width * 0.8, tone(rng, [(50, 100, 25), (120, 70, 20), (32, 30, 28)]), 1, 10)
    small_parts(canvas, 0, 0, length * 0.8, width * 0.75, 120, 10)
    for _ in range(4):
        x, y = spot(rng, length, width, 0.36)
        chip(canvas, x, y, between(rng, 4, 10), between(rng, 4, 9), 10)
    x = length * 0.12
    canvas.rect(x, 0, 38, 38, (34, 34, 35), 16, 70, 3)
    barrel(canvas, x, 0, 17, 16, 6)
    canvas.rect(-length * 0.36, -width * 0.3, 30, 8.5, (40, 36, 36), 14, 110, 2)
    canvas.text("330V 80uF", -length * 0.36, -width * 0.3, 1.8, WHITE)
    canvas.rect(-length * 0.38, width * 0.12, 16, 30, (50, 50, 52), 9, 60, 1)
    ribbon(canvas, np.array([[x - 20, 10.0], [-length * 0.2, width * 0.3], [-length * 0.4, width * 0.32]]), 6, 12)
    for _ in range(5):
        sx, sy = spot(rng, length, width, 0.45)
        screw_head(canvas, sx, sy, 1.2, 11)
    if chance(rng, 0.3):
        canvas.keep(ragged(length, width, rng, 0.35))
    wear(canvas, 0.7)
    return canvas


def _camcorder_side(rng: np.random.Generator, mm_per_px: float) -> Canvas:
    """A camcorder on its side: the screen's lid or the hand strap up, lens hood at one end, battery at the other."""
    length, width = between(rng, 105, 165), between(rng, 55, 80)
    canvas = Canvas(length, width, mm_per_px, rng)
    body = tone(rng, [(165, 167, 168), (185, 187, 188), BLACK, (40, 40, 42), (95, 97, 100), (60, 50, 130)])
    nose = length * between(rng, 0.14, 0.24)
    hood = rounded_rect(-length / 2 + nose / 2 + 2, -width * 0.06, nose + 4, width * between(rng, 0.62, 0.8), 4)
    canvas.polygon(hood, tone(rng, [BLACK, (40, 40, 42), dimmed(body, 0.7)]), 38, 90)
    barrel_sheen(canvas, hood, False, 0.5)
    canvas.rect(nose * 0.4, 0, length - nose * 1.2, width * 0.94, body, 44, 110, width * between(rng, 0.12, 0.4))
    trunk = rounded_rect(nose * 0.4, 0, (length - nose * 1.2) * 0.96, width * 0.86, width * 0.2)
    canvas.polygon(trunk, body, 48, 110)
    barrel_sheen(canvas, trunk, False, 0.3)
    gradient(canvas, trunk, (245, 245, 245), between(rng, 0, 0.3))
    pack = length * between(rng, 0.1, 0.18)
    canvas.rect(length / 2 - pack / 2, width * 0.08, pack, width * 0.6, tone(rng, [BLACK, (60, 60, 62)]), 40, 70, 3)
    if chance(rng, 0.5):
        canvas.rect(length * 0.1, -width * 0.43, length * 0.5, width * 0.16, dimmed(body, 0.8), 40, 100, 4)
        canvas.rect(length / 2 - 6, -width * 0.41, 14, width * 0.2, BLACK, 42, 70, 4)
    if chance(rng, 0.5):
        door = rounded_rect(nose * 0.3, -2, length * 0.46, width * 0.6, 3)
        canvas.polygon(door, tone(rng, [body, dimmed(body, 1.15), BLACK]), 52, 130)
        gradient(canvas, door, (245, 245, 245), 0.3)
        title(canvas, brand(rng), nose * 0.3, -width * 0.08, between(rng, 4, 7), INK if sum(body) > 330 else WHITE)
        canvas.text(
            one_of(rng, ("HANDYCAM", "HD 1080", "MiniDV", "60x OPTICAL ZOOM")),
            nose * 0.3,
            width * 0.14,
            2.2,
            ink_on(body),
        )
    else:
        strap = np.array([[-length * 0.2, -width * 0.02], [0.0, width * 0.06], [length * 0.36, width * 0.02]])
        canvas.stroke(strap, width * 0.36, (34, 34, 36), 54, 30)
        canvas.stroke(strap, width * 0.3, (44, 44, 46), 57, 30)
        canvas.rect(length * 0.05, width * 0.04, length * 0.2, width * 0.3, (30, 30, 31), 58, 30, 2)
        title(canvas, brand(rng), -length * 0.12, -width * 0.3, 4, ink_on(body))
    for place in range(int(rng.integers(2, 6))):
        canvas.disc(length * (-0.05 + place * 0.08), width * 0.36, 2, dimmed(body, 0.6), 49, 100)
    if chance(rng, 0.4):
        perforation(canvas, -length * 0.22, -width * 0.32, 9, 6, 1.6)
    wear(canvas, between(rng, 0.3, 1.3))
    return canvas


def _camcorder_open(rng: np.random.Generator, mm_per_px: float) -> Canvas:
    """A camcorder with its screen folded out to the side."""
    length, width = between(rng, 105, 145), between(rng, 52, 70)
    lid = width * between(rng, 0.85, 1.05)
    canvas = Canvas(length, width + lid, mm_per_px, rng)
    body = tone(rng, [(165, 167, 168), BLACK, (60, 60, 62), (185, 187, 188)])
    y = lid / 2
    canvas.rect(-length * 0.36, y, length * 0.26, width * 0.7, BLACK, 40, 90, 4)
    barrel_sheen(canvas, rounded_rect(-length * 0.36, y, length * 0.26, width * 0.7), False, 0.5)
    trunk = rounded_rect(length * 0.08, y, length * 0.82, width * 0.96, width * 0.25)
    canvas.polygon(trunk, body, 48, 110)
    barrel_sheen(canvas, trunk, False, 0.4)
    canvas.rect(length * 0.45, y, length * 0.1, width * 0.6, (40, 40, 42), 44, 70, 3)
    canvas.rect(-length * 0.02, -width / 2 - 1 + y, 24, 6, (50, 50, 52), 44, 90, 2)
    lid_y = y - width / 2 - lid / 2 + 1
    canvas.rect(0, lid_y, length * 0.62, lid - 3, dimmed(body, 0.9), 40, 110, 3)
    _monitor(canvas, 0, lid_y, length * 0.54, lid * 0.78, 40)
    title(canvas, brand(rng), length * 0.1, y, 4, ink_on(body))
    for place in range(5):
        canvas.disc(length * (-0.1 + place * 0.09), y + width * 0.3, 2, dimmed(body, 0.6), 49, 100)
    wear(canvas, between(rng, 0.3, 1.2))
    return canvas


def _camcorder_front(rng: np.random.Generator, mm_per_px: float) -> Canvas:
    """A camcorder that stands on its battery: the lens looks up."""
    length, width = between(rng, 58, 80), between(rng, 48, 66)
    canvas = Canvas(length, width, mm_per_px, rng)
    body = tone(rng, [(165, 167, 168), BLACK, (60, 60, 62), (185, 187, 188), (60, 50, 130)])
    outline = rounded_rect(0, 0, length, width, width * between(rng, 0.2, 0.45))
    canvas.polygon(outline, body, 90, 110)
    canvas.polygon(outline * 0.92, dimmed(body, 0.9), 100, 110)
    barrel(canvas, -length * 0.1, 0, width * between(rng, 0.32, 0.4), 100, 14)
    canvas.rect(length * 0.36, 0, 7, 14, (190, 200, 205), 101, 150, 1)
    canvas.rect(length * 0.1, width * 0.46, length * 0.5, width * 0.1, (34, 34, 36), 80, 30, 2)
    title(canvas, brand(rng), length * 0.3, -width * 0.28, 3, ink_on(body), one_of(rng, (0, 1)))
    wear(canvas, between(rng, 0.3, 1.2))
    return canvas


def _action(rng: np.random.Generator, mm_per_px: float) -> Canvas:
    """An action or dashboard camera: a small block with a lens in a corner, display on the back, or in its housing."""
    length, width = between(rng, 50, 78), between(rng, 38, 52)
    canvas = Canvas(length, width, mm_per_px, rng)
    body = tone(rng, [(40, 40, 42), BLACK, (165, 167, 168), (180, 182, 183), (60, 200, 225)])
    outline = rounded_rect(0, 0, length, width, between(rng, 3, 7))
    canvas.polygon(outline, body, 22, 90)
    canvas.rect(0, 0, length - 3, width - 3, dimmed(body, 0.9), 23.5, 70, 3)
    if chance(rng, 0.65):
        x, radius = length * between(rng, 0.12, 0.24), width * between(rng, 0.22, 0.34)
        canvas.rect(
            x, -width * 0.08, radius * 2.3, radius * 2.3, dimmed(body, 0.6), 26, 120, radius * between(rng, 0.1, 1.1)
        )
        lens(canvas, x, -width * 0.08, radius, 27)
        title(canvas, brand(rng), -length * 0.24, width * 0.2, 3, ink_on(body))
        screen = rounded_rect(-length * 0.24, -width * 0.18, length * 0.26, width * 0.26, 1)
        canvas.polygon(screen, (60, 66, 64), 23.6, 120)
        mirrored_room(canvas, screen)
        perforation(canvas, x, width * 0.38, 8, 2, 1.6)
    else:
        _monitor(canvas, 0, 0, length * 0.78, width * 0.78, 23.5)
    wear(canvas, between(rng, 0.3, 1.2))
    return canvas


def _bullet(rng: np.random.Generator, mm_per_px: float) -> Canvas:
    """A surveillance camera: a tube with sunshield on its bracket and cable, lying on the belt."""
    length, radius = between(rng, 90, 170), between(rng, 21, 36)
    tail = between(rng, 15, 40)
    canvas = Canvas(length + tail, 2 * radius + 22, mm_per_px, rng)
    body = tone(rng, [(205, 208, 208), (215, 217, 217), (165, 167, 168), BLACK, (60, 60, 62)])
    start, end = -(length + tail) / 2, -(length + tail) / 2 + length
    wire_pair(canvas, end - 3, 0, tail, 8, 1)
    canvas.stroke(
        np.array([[start + length * 0.6, 0.0], [start + length * 0.72, radius + 6]]), 12, dimmed(body, 0.9), 12, 90
    )
    canvas.disc(start + length * 0.74, radius + 2, 8.5, dimmed(body, 0.85), 8, 100)
    x = canvas.x_mm
    profile = np.where((x > start) & (x < end), radius, 0.0)
    profile = np.where((x > start) & (x < start + 6), radius * 1.04, profile)
    profile = np.where((x > end - 10) & (x < end), radius * np.sqrt(np.clip((end - x) / 10, 0, 1)), profile)
    canvas.revolve(profile, body, 120, radius)
    barrel_sheen(canvas, rounded_rect((start + end) / 2, 0, length, 2 * radius), False, 0.4)
    if chance(rng, 0.6):
        roof = rounded_rect(start + length * 0.36, 0, length * 0.8, 2 * radius * 0.86, 3)
        canvas.polygon(roof, dimmed(body, 1.05), 2 * radius + 3, 110)
        barrel_sheen(canvas, roof, False, 0.3)
    canvas.rect(start + 2, 0, 4, 2 * radius * 0.9, (20, 20, 22), radius * 1.5, 150, 1)
    title(canvas, brand(rng), start + length * 0.4, 0, 6, dimmed(body, 0.5))
    if chance(rng, 0.4):
        label(canvas, start + length * 0.7, radius * 0.2, 26, radius * 0.7, WHITE)
    wear(canvas, between(rng, 0.3, 1.4))
    return canvas


def _dome(rng: np.random.Generator, mm_per_px: float) -> Canvas:
    """A dome or web camera from the front: base, dark or clear dome with the lens inside, infra-red lamps."""
    radius = between(rng, 24, 58)
    canvas = Canvas(2 * radius, 2 * radius, mm_per_px, rng)
    body = tone(rng, [(212, 214, 214), (215, 217, 217), BLACK, (165, 167, 168)])
    canvas.disc(0, 0, radius, body, 20, 110)
    canvas.disc(0, 0, radius * 0.95, body, 26, 110)
    glass = radius * between(rng, 0.6, 0.78)
    canvas.disc(0, 0, glass, tone(rng, [(24, 22, 22), (45, 42, 40), (90, 92, 92)]), 28, 220)
    canvas.dome(0, 0, glass, 28, glass * 0.8)
    canvas.disc(0, radius * 0.05, glass * 0.5, (14, 14, 15))
    for angle in np.linspace(0, 2 * np.pi, int(rng.integers(0, 20)), endpoint=False):
        canvas.disc(glass * 0.75 * np.cos(angle), glass * 0.75 * np.sin(angle), glass * 0.07, (150, 155, 160))
    lens(canvas, 0, radius * 0.05, glass * 0.34, 30)
    canvas.dome(0, 0, glass, 28, glass * 0.6)
    mirrored_room(canvas, ellipse(0, 0, glass * 0.95, glass * 0.95), 1.2)
    title(canvas, brand(rng), 0, radius * 0.86, radius * 0.07, dimmed(body, 0.5))
    for turn in range(3):
        angle = turn * 2.1 + 0.5
        screw_head(canvas, radius * 0.88 * np.cos(angle), radius * 0.88 * np.sin(angle), 1.8, 26)
    wear(canvas, between(rng, 0.2, 1.0))
    return canvas


def _phone_module(rng: np.random.Generator, mm_per_px: float) -> Canvas:
    """A phone's camera: a square block with a round eye on a ribbon that ends in a connector."""
    side = between(rng, 6, 13)
    eyes = int(rng.integers(1, 4)) if chance(rng, 0.3) else 1
    tail = between(rng, 6, 24)
    canvas = Canvas(side * eyes + tail, max(side, 9.0) + 1, mm_per_px, rng)
    x0 = -(side * eyes + tail) / 2
    bend = between(rng, -0.25, 0.25) * side
    root = x0 + side * eyes
    strip = np.array([[root - side * eyes * 0.4, 0.0], [root + tail * 0.5, bend], [root + tail - 2, bend]])
    ribbon(canvas, strip, side * between(rng, 0.4, 0.8), 0.4)
    end = x0 + side * eyes + tail - 2.5
    canvas.rect(end, bend, 4.2, max(side * 0.7, 5), tone(rng, [(45, 120, 185), (34, 34, 35), STEEL]), 0.8, 90, 0.4)
    canvas.rect(end, bend, 2.2, max(side * 0.55, 4), BLACK, 1.6, 60, 0.2)
    for place in np.arange(-1.6, 1.7, 0.6):
        canvas.rect(end, bend + float(place), 2.4, 0.22, GOLD)
    frame = tone(rng, [BLACK, (50, 50, 52), STEEL, (150, 152, 152), (70, 150, 185)])
    canvas.rect(x0 + side * eyes / 2, 0, side * eyes, side, frame, 3.4, 140, 0.6)
    for eye in range(eyes):
        x = x0 + side * (eye + 0.5)
        canvas.rect(x, 0, side * 0.9, side * 0.9, tone(rng, [frame, BLACK, (40, 40, 41)]), 4.6, 110, 0.5)
        lens(canvas, x, 0, side * between(rng, 0.3, 0.42), between(rng, 5, 6.5))
    if chance(rng, 0.3):
        matrix_x = x0 + side * eyes + tail * 0.3
        canvas.text(code(rng, 6), matrix_x, bend, 0.8, WHITE)
    wear(canvas, between(rng, 0.1, 0.8))
    return canvas


def _board_module(rng: np.random.Generator, mm_per_px: float) -> Canvas:
    """A camera on a small board: threaded barrel in a square holder, screws, connector."""
    length, width = between(rng, 20, 46), between(rng, 18, 40)
    canvas = Canvas(length, width, mm_per_px, rng)
    ground(canvas, length, width, tone(rng, [(50, 100, 25), (120, 70, 20), BLACK, (32, 30, 28), (40, 40, 150)]), 1)
    small_parts(canvas, 0, 0, length * 0.9, width * 0.9, int(length * width / 16))
    side = between(rng, 11, 17)
    canvas.rect(0, 0, side + 8, 6, BLACK, 4, 60, 2)
    for end in (-1, 1):
        screw_head(canvas, end * (side / 2 + 2.3), 0, 1.3, 4.5)
    canvas.rect(0, 0, side, side, tone(rng, [BLACK, (38, 38, 39)]), 9, 60, 0.6)
    radius = side * between(rng, 0.36, 0.47)
    for step in range(4):
        thread: Bgr = (40, 40, 41) if step % 2 else (26, 26, 27)
        canvas.disc(0, 0, radius * (1 - 0.03 * (step % 2)), thread, 9 + step * 2, 120)
    lens(canvas, 0, 0, radius * 0.9, 17)
    canvas.rect(0, width / 2 - 3, min(14.0, length * 0.6), 4, tone(rng, [(210, 214, 214), BLACK]), 5, 60)
    for corner in ((-1, -1), (1, 1), (-1, 1), (1, -1)):
        canvas.hole(ellipse(corner[0] * (length / 2 - 2), corner[1] * (width / 2 - 2), 1, 1))
    wear(canvas, between(rng, 0.1, 0.9))
    return canvas


def _webcam_strip(rng: np.random.Generator, mm_per_px: float) -> Canvas:
    """A laptop's camera: a narrow board with one small eye in the middle."""
    length, width = between(rng, 42, 95), between(rng, 6, 11)
    canvas = Canvas(length, width, mm_per_px, rng)
    ground(canvas, length, width, tone(rng, [(50, 100, 25), (120, 70, 20), BLACK]), 0.5, 0.9)
    small_parts(canvas, 0, 0, length * 0.9, width * 0.7, int(length / 2), 0.9)
    canvas.rect(0, 0, 8, min(8, width), BLACK, 4, 90, 0.6)
    lens(canvas, 0, 0, min(3.2, width * 0.4), 5)
    canvas.rect(-length * 0.38, 0, 8, width * 0.6, (210, 214, 214), 2.4, 60)
    chip(canvas, length * 0.2, 0, 5, min(5, width * 0.6), 0.9)
    canvas.rect(6.5, 0, 2, 1.6, (200, 225, 215), 1.6, 120)
    wear(canvas, between(rng, 0.1, 0.8))
    return canvas


def _sensor(rng: np.random.Generator, mm_per_px: float) -> Canvas:
    """A bare image sensor: ceramic frame or board with an iridescent die under glass, ribbon."""
    length, width = between(rng, 12, 42), between(rng, 10, 32)
    canvas = Canvas(length + 14, width, mm_per_px, rng)
    ribbon(canvas, np.array([[length * 0.2, 0.0], [length / 2 + 6.5, between(rng, -2, 2)]]), width * 0.6, 0.5)
    canvas.rect(-7, 0, length, width, tone(rng, [(200, 205, 205), (40, 70, 40), STEEL, (70, 60, 60)]), 2, 100, 0.6)
    die = rounded_rect(-7, 0, length * 0.66, width * 0.66)
    canvas.rect(-7, 0, length * 0.8, width * 0.8, (30, 30, 31), 2.2, 60)
    x, y = np.linspace(0, 1, 24)[None, :, None], np.linspace(0, 1, 18)[:, None, None]
    hue = 2 * np.pi * (x * between(rng, 0.3, 1.2) + y * between(rng, 0.3, 1.2)) + np.array([0, 2.1, 4.2])
    canvas.picture(-7, 0, length * 0.66, width * 0.66, (80 + between(rng, 10, 45) * np.sin(hue)).astype(np.uint8))
    mirrored_room(canvas, die, 1.2)
    for end in (-1, 1):
        canvas.disc(-7 + end * length * 0.44, end * width * 0.42, 1.0, GOLD, 2.2, 180)
    if chance(rng, 0.4):
        canvas.text(small_print(rng), -7, width * 0.45, 0.8, WHITE)
    wear(canvas, between(rng, 0.1, 0.6))
    return canvas


def _lens_block(rng: np.random.Generator, mm_per_px: float) -> Canvas:
    """The retracting lens of a compact: round barrel in an angular carrier with gears, ribbon and a motor."""
    side = between(rng, 28, 44)
    canvas = Canvas(side + 18, side + 4, mm_per_px, rng)
    ribbon(canvas, np.array([[0.0, side * 0.2], [side / 2 + 8, side * between(rng, -0.3, 0.3)]]), 6, 1)
    edge = ellipse(-6, 0, side * 0.54, side * 0.52, int(rng.integers(7, 11)))
    canvas.polygon(edge, tone(rng, [(34, 34, 35), BLACK, (48, 48, 50)]), 9, 60)
    canvas.rect(-6 + side * 0.34, -side * 0.3, 13, 7, STEEL, 11, 170, 2)
    for _ in range(3):
        x, y = -6 + between(rng, -0.4, 0.4) * side, between(rng, -0.45, 0.45) * side
        canvas.polygon(ellipse(x, y, 2.6, 2.6, 12), (205, 208, 208), 9.6, 60)
    barrel(canvas, -6, 0, side * between(rng, 0.32, 0.42), 10, between(rng, 5, 14))
    for _ in range(4):
        angle = between(rng, 0, 6.28)
        screw_head(canvas, -6 + side * 0.44 * np.cos(angle), side * 0.44 * np.sin(angle), 1.1, 10)
    if chance(rng, 0.5):
        paragraph(canvas, -6, side * 0.44, side * 0.4, 3, WHITE, 0.8)
    wear(canvas, between(rng, 0.2, 0.9))
    return canvas


LOOKS: dict[str, Looks] = {
    "digital_camera": (
        (3, _compact_front), (1.6, _compact_back), (1, _compact_top), (2, _slr_front), (1, _slr_back), (1.2, _slr_top),
        (0.7, _film_compact), (0.6, _camera_opened),
    ),
    "video_camera": (
        (3, _camcorder_side), (1.2, _camcorder_open), (0.8, _camcorder_front), (1.2, _action), (1, _bullet),
        (0.8, _dome),
    ),
    "camera_module": (
        (3, _phone_module), (1.4, _board_module), (0.8, _webcam_strip), (0.6, _sensor), (1.2, _lens_block),
    ),
}  # fmt: skip
"""Each class's looks with their weights."""
