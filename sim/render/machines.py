"""What moves: motors, loudspeakers, hard disks; from several sides, opened and in pieces."""

import numpy as np

from sim.render.boards import chip as chip_on
from sim.render.boards import small_parts
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
    mirrored_room,
    perforation,
    quad,
    ribbon,
    ring,
    screw_head,
    turned_metal,
    turning,
    wear,
    wire_pair,
)  # fmt: skip
from sim.render.marks import INK, WHITE, brand, code, label, matrix_code, small_print, title
from sim.render.shapes import Bgr, ellipse, ragged, rounded_rect

_CANS: tuple[Bgr, ...] = (STEEL, (188, 190, 190), (160, 163, 165), (150, 170, 178), (60, 60, 62), BLACK)


def _spoked(canvas: Canvas, x: float, y: float, radius: float, teeth: int, bgr: Bgr, top: float) -> None:
    """A gear seen along its axis."""
    angle = np.linspace(0, 2 * np.pi, teeth * 4, endpoint=False)
    reach = radius * np.where(np.arange(teeth * 4) % 4 < 2, 1.0, 0.84)
    canvas.polygon(np.column_stack([x + reach * np.cos(angle), y + reach * np.sin(angle)]), bgr, top, 110)
    canvas.disc(x, y, radius * 0.3, dimmed(bgr, 0.8), top + 1, 110)


def _can_side(rng: np.random.Generator, mm_per_px: float) -> Canvas:
    """A direct-current motor on its side: round or flattened can, plastic cap with terminals, shaft with pinion."""
    length, radius = between(rng, 16, 58), between(rng, 7, 19)
    length = max(length, radius * 1.5)
    shaft, cap = between(rng, 5, 14), between(rng, 3, 6)
    canvas = Canvas(length + shaft + cap + 4, 2 * radius + 1, mm_per_px, rng)
    can = tone(rng, _CANS)
    start = -(length + shaft + cap + 4) / 2 + 4 + cap
    end = start + length
    x = canvas.x_mm
    profile = np.where((x >= start - cap) & (x < start), radius * 0.93, 0.0)
    profile = np.where((x >= start) & (x < end), radius, profile)
    profile = np.where((x >= end) & (x < end + 1.5), radius * 0.42, profile)
    profile = np.where((x >= end + 1.5) & (x < end + shaft), between(rng, 0.8, 1.6), profile)
    canvas.revolve(profile, can, 160, radius)
    canvas.rect(
        start - cap / 2, 0, cap, 2 * radius * 0.93, tone(rng, [(205, 208, 208), BLACK, (60, 90, 150), STEEL]), None, 70
    )
    if chance(rng, 0.4):  # two flats
        canvas.rect(start + length / 2, 0, length, radius * 1.2, can, radius * 1.75, 170)
    barrel_sheen(canvas, rounded_rect(start + length / 2, 0, length, 2 * radius), False, between(rng, 0.5, 1.0))
    for side in (-1, 1):
        canvas.rect(start - cap - 1.5, side * radius * 0.5, 4, 1.4, tone(rng, [COPPER, BRASS, STEEL]), radius, 180)
        canvas.rect(start + 1.5, side * radius * 0.55, 2.5, 2, dimmed(can, 0.4))
    if chance(rng, 0.45):
        pinion = rounded_rect(end + shaft - 3, 0, 5.5, between(rng, 4, 8), 0.3)
        brass = tone(rng, [BRASS, (205, 208, 208), STEEL])
        canvas.polygon(pinion, brass, radius + 2, 150)
        for y in np.linspace(-0.45, 0.45, 6):
            canvas.rect(end + shaft - 3, float(y) * 6, 5.5, 0.3, dimmed(brass, 0.5))
    style = float(rng.random())
    if style < 0.35:
        label(canvas, start + length * 0.5, 0, length * 0.6, radius * 1.3)
    elif style < 0.6:
        canvas.text(code(rng, 8), start + length / 2, 0, min(2.4, length / 10), dimmed(can, 0.4))
    elif style < 0.75:
        canvas.rect(start + length * 0.5, 0, length * 0.36, 2 * radius, (60, 62, 64), radius * 2, 120)
        barrel_sheen(canvas, rounded_rect(start + length / 2, 0, length * 0.36, 2 * radius), False, 0.6)
    if chance(rng, 0.3):
        canvas.rect(start + length * 0.4, 0, 1.2, 2 * radius, dimmed(can, 0.5))
    wear(canvas, between(rng, 0.2, 1.2))
    return canvas


def _can_end(rng: np.random.Generator, mm_per_px: float) -> Canvas:
    """A motor that stands: the end with its bearing, shaft and screw holes, or the plastic cap with terminals."""
    radius = between(rng, 6, 22)
    canvas = Canvas(2 * radius + 2, 2 * radius + 2, mm_per_px, rng)
    can = tone(rng, _CANS)
    outline = ellipse(0, 0, radius, radius, 60)
    if chance(rng, 0.4):
        outline = np.clip(outline, [-radius, -radius * 0.76], [radius, radius * 0.76])
    canvas.polygon(outline, can, radius * 1.6, 160)
    canvas.polygon(outline * 0.93, can, radius * 1.7, 160)
    if chance(rng, 0.55):
        turned_metal(canvas, 0, 0, radius * 0.7, 0.6)
        canvas.disc(0, 0, radius * 0.34, dimmed(can, 0.9), radius * 1.9, 170)
        canvas.disc(0, 0, radius * 0.24, tone(rng, [BRASS, STEEL, (90, 110, 120)]), radius * 2, 170)
        canvas.disc(0, 0, max(0.7, radius * 0.1), STEEL, radius * 2 + 6, 200)
        for turn in range(one_of(rng, (2, 4))):
            angle = turn * np.pi / 2 + 0.4
            canvas.disc(radius * 0.6 * np.cos(angle), radius * 0.6 * np.sin(angle), radius * 0.09, (18, 18, 18))
        if chance(rng, 0.4):
            _spoked(
                canvas,
                0,
                0,
                radius * between(rng, 0.25, 0.45),
                10,
                tone(rng, [BRASS, (205, 208, 208), STEEL]),
                radius * 2 + 3,
            )
    else:
        canvas.polygon(
            outline * 0.84, tone(rng, [(205, 208, 208), BLACK, (60, 90, 150), (70, 110, 60)]), radius * 1.75, 60
        )
        canvas.disc(0, 0, radius * 0.3, dimmed(can, 0.8), radius * 1.9, 150)
        for side in (-1, 1):
            canvas.rect(
                side * radius * 0.55,
                radius * 0.1,
                radius * 0.14,
                radius * 0.4,
                tone(rng, [COPPER, STEEL]),
                radius * 2.1,
                190,
            )
        canvas.rect(0, -radius * 0.5, radius * 0.7, radius * 0.2, dimmed(can, 0.4))
        if chance(rng, 0.5):
            canvas.text(code(rng, 5), 0, radius * 0.5, radius * 0.14, (120, 120, 120))
    wear(canvas, between(rng, 0.2, 1.0))
    return canvas


def _vibrator(rng: np.random.Generator, mm_per_px: float) -> Canvas:
    """A phone's vibration motor: a coin with flex or wires, a linear block, or a tiny can with an eccentric weight."""
    kind = float(rng.random())
    if kind < 0.5:
        radius, tail = between(rng, 3.8, 6.5), between(rng, 5, 16)
        canvas = Canvas(2 * radius + tail, 2 * radius + 1, mm_per_px, rng)
        x = -tail / 2
        if chance(rng, 0.5):
            ribbon(canvas, np.array([[x, 0.0], [x + radius + tail * 0.9, between(rng, -1.5, 1.5)]]), 3.4, 0.3)
        else:
            wire_pair(canvas, x + radius - 1, 0, tail, 0.4)
        steel = tone(rng, [STEEL, (188, 190, 190), (150, 152, 155)])
        canvas.disc(x, 0, radius, steel, 2.4, 180)
        canvas.disc(x, 0, radius * 0.93, steel, 3, 180)
        turned_metal(canvas, x, 0, radius, 0.5)
        if chance(rng, 0.6):
            canvas.disc(
                x, 0, radius * 0.75, tone(rng, [BLACK, (205, 207, 207), (60, 190, 215), (70, 150, 60)]), 3.1, 40
            )
            canvas.text(code(rng, 4), x, 0, radius * 0.3, (130, 130, 130))
        canvas.disc(x, 0, radius * 0.14, dimmed(steel, 0.5))
    elif kind < 0.75:
        length, width = between(rng, 12, 26), between(rng, 4, 9)
        canvas = Canvas(length + 6, width + 1, mm_per_px, rng)
        canvas.rect(length / 2, 0, 5, width * 0.6, (45, 130, 195), 0.6, 90)
        can = tone(rng, [STEEL, (188, 190, 190)])
        canvas.rect(-2, 0, length, width, can, 3.4, 180, 0.8)
        gradient(canvas, rounded_rect(-2, 0, length, width), (248, 248, 248), 0.5)
        canvas.text(code(rng, 6), -2, 0, 1.2, (70, 70, 72))
        matrix_code(canvas, -length * 0.4, 0, width * 0.4)
    else:
        length, radius = between(rng, 9, 14), between(rng, 2, 3.4)
        canvas = Canvas(length + 14, 2 * radius + 3, mm_per_px, rng)
        wire_pair(canvas, length / 2 - 4, 0, 9, 0.4)
        x = canvas.x_mm
        canvas.revolve(np.where(np.abs(x + 1) < length / 2, radius, 0.0), STEEL, 180, radius)
        barrel_sheen(canvas, rounded_rect(-1, 0, length, 2 * radius), False, 0.8)
        weight = rounded_rect(-length / 2 - 3.4, between(rng, -0.5, 0.5), 4.2, 2 * radius * between(rng, 0.8, 1.1), 0.8)
        canvas.polygon(weight, (140, 145, 150), radius * 1.6, 170)
        barrel_sheen(canvas, weight, False, 0.7)
    wear(canvas, between(rng, 0.1, 0.9))
    return canvas


def _brushless(rng: np.random.Generator, mm_per_px: float) -> Canvas:
    """A brushless outrunner from above: bell with windows, copper beneath, shaft, three wires or flex."""
    radius, tail = between(rng, 9, 26), between(rng, 10, 34)
    canvas = Canvas(2 * radius + tail, 2 * radius + 1, mm_per_px, rng)
    x = -tail / 2
    if chance(rng, 0.7):
        wire_pair(canvas, x + radius - 2, 0, tail, 1.5, 3)
    else:
        ribbon(canvas, np.array([[x, 0.0], [x + radius + tail * 0.9, 0.0]]), between(rng, 4, 9), 0.4)
    bell = tone(rng, [BLACK, (40, 40, 42), STEEL, ALUMINIUM, (40, 40, 160), (70, 160, 200), (130, 70, 30)])
    canvas.disc(x, 0, radius, dimmed(bell, 0.7), 8, 140)
    poles = int(rng.choice([9, 12, 14]))
    if chance(rng, 0.35):  # opened: the stator with its coils
        canvas.disc(x, 0, radius * 0.97, (60, 60, 62), 5, 90)
        for turn in range(poles):
            coil = quad(radius * 0.62, 0, radius * 0.4, radius * 2.4 / poles, 0, 1)
            turned = coil @ turning(360 * turn / poles)
            canvas.polygon(turned + np.array([x, 0.0]), tone(rng, [COPPER, (60, 100, 175)]), 10, 170)
        canvas.disc(x, 0, radius * 0.34, STEEL, 11, 170)
        canvas.disc(x, 0, radius * 0.2, (30, 30, 31), 8, 60)
    else:
        canvas.disc(x, 0, radius * 0.97, bell, 14, 160)
        turned_metal(canvas, x, 0, radius * 0.97, 0.6)
        for turn in range(one_of(rng, (0, 5, 6, 8))):
            angle = turn * np.pi / 3
            window = ellipse(
                x + radius * 0.6 * np.cos(angle), radius * 0.6 * np.sin(angle), radius * 0.17, radius * 0.17, 14
            )
            canvas.polygon(window, dimmed(COPPER, between(rng, 0.5, 1.0)), 8, 120)
        canvas.disc(x, 0, radius * 0.26, STEEL, 16, 170)
        canvas.disc(x, 0, radius * 0.1, (200, 202, 202), 22, 200)
        if chance(rng, 0.4):
            for turn in range(3):
                screw_head(canvas, x + radius * 0.4 * np.cos(turn * 2.1), radius * 0.4 * np.sin(turn * 2.1), 1.3, 15)
    wear(canvas, between(rng, 0.2, 1.0))
    return canvas


def _stepper(rng: np.random.Generator, mm_per_px: float) -> Canvas:
    """A stepper: square face with round boss and shaft, its laminated side, or the small round one with ears."""
    kind = float(rng.random())
    if kind < 0.45:
        side = between(rng, 20, 57)
        canvas = Canvas(side, side, mm_per_px, rng)
        canvas.polygon(rounded_rect(0, 0, side, side, side * 0.1), (40, 40, 42), 36, 70)
        canvas.rect(0, 0, side * 0.98, side * 0.98, tone(rng, [ALUMINIUM, (188, 190, 190), BLACK]), 38, 150, side * 0.1)
        canvas.disc(0, 0, side * 0.26, ALUMINIUM, 40, 160)
        turned_metal(canvas, 0, 0, side * 0.26, 0.5)
        canvas.disc(0, 0, side * 0.14, (60, 62, 64), 39, 100)
        canvas.disc(0, 0, side * 0.06, STEEL, 56, 200)
        for sx in (-1, 1):
            for sy in (-1, 1):
                screw_head(canvas, sx * side * 0.37, sy * side * 0.37, side * 0.045, 38)
    elif kind < 0.75:
        length, width, shaft = between(rng, 28, 52), between(rng, 28, 57), between(rng, 12, 24)
        canvas = Canvas(length + shaft, width, mm_per_px, rng)
        x = -shaft / 2
        canvas.rect(x, 0, length, width, (45, 46, 48), width * 0.9, 90, 1)
        for end in (-1, 1):
            canvas.rect(x + end * length * 0.38, 0, length * 0.24, width, ALUMINIUM, width * 0.95, 150, 1.5)
        for line in np.arange(-length * 0.25, length * 0.25, 1.0):
            canvas.rect(x + float(line), 0, 0.35, width, (70, 72, 74))
        canvas.rect(x + length / 2 + 1, 0, 3, width * 0.5, ALUMINIUM, width * 0.7, 150)
        canvas.rect(x + length / 2 + shaft / 2, 0, shaft - 1, 5, STEEL, width * 0.5, 190)
        barrel_sheen(canvas, rounded_rect(x + length / 2 + shaft / 2, 0, shaft - 1, 5), False, 0.7)
        if chance(rng, 0.6):
            label(canvas, x, 0, length * 0.5, width * 0.5)
        canvas.rect(x - length * 0.4, width * 0.3, 7, width * 0.26, (212, 214, 214), width, 60)
    else:
        radius = between(rng, 8, 21)
        canvas = Canvas(2 * radius + 12, 2 * radius + 5, mm_per_px, rng)
        can = tone(rng, [STEEL, ALUMINIUM, (150, 165, 172)])
        ears = rounded_rect(0, 0, 2 * radius + 11, radius * 0.55, radius * 0.27)
        canvas.polygon(ears, can, radius, 150)
        for end in (-1, 1):
            canvas.disc(end * (radius + 3), 0, 1.6, (20, 20, 20))
        canvas.disc(0, 0, radius, can, radius * 1.1, 160)
        turned_metal(canvas, 0, 0, radius, 0.45)
        canvas.rect(0, radius + 1, radius * 0.9, 3, tone(rng, [(150, 60, 30), (212, 214, 214)]), radius * 0.8, 60)
        canvas.disc(0, -radius * 0.25, radius * 0.3, dimmed(can, 0.9), radius * 1.2, 160)
        canvas.disc(0, -radius * 0.25, radius * 0.12, BRASS, radius * 1.5, 190)
    wear(canvas, between(rng, 0.2, 1.0))
    return canvas


def _geared(rng: np.random.Generator, mm_per_px: float) -> Canvas:
    """A geared motor or servo: plastic gear box, can at the end, output shaft or horn, wires."""
    length, width = between(rng, 22, 66), between(rng, 12, 24)
    tail = between(rng, 8, 26)
    canvas = Canvas(length + tail, width + 6, mm_per_px, rng)
    x = -tail / 2
    wire_pair(canvas, x + length / 2 - 2, 0, tail, 4, int(rng.integers(2, 4)))
    box = tone(rng, [(40, 190, 225), (40, 190, 225), (150, 70, 30), BLACK, (150, 70, 30), (205, 208, 208)])
    can_length = length * between(rng, 0.2, 0.42)
    tube = rounded_rect(x + length / 2 - can_length / 2, 0, can_length, width * 0.8, 1)
    canvas.polygon(tube, tone(rng, _CANS), width * 0.9, 160)
    barrel_sheen(canvas, tube, False, 0.8)
    canvas.rect(x - can_length / 2, 0, length - can_length, width, box, width, 90, 1.5)
    canvas.rect(x - can_length / 2, 0, (length - can_length) * 0.5, width + 5, box, width * 0.6, 90, 1)
    canvas.rect(x - can_length / 2, 0, length - can_length, width * 0.86, box, width * 1.05, 90, 2)
    gear_x = x - length * 0.3
    _spoked(canvas, gear_x, 0, width * 0.3, 12, tone(rng, [(212, 214, 214), BRASS, box]), width * 1.3)
    if chance(rng, 0.5):
        canvas.polygon(quad(gear_x, 0, 26, 4.5, between(rng, 0, 180), 2), (212, 214, 214), width * 1.4, 80)
    screw_head(canvas, gear_x, 0, 1.2, width * 1.45)
    for end in (-0.42, 0.1):
        screw_head(canvas, x + end * length, width * 0.36, 1.1, width * 1.06)
    if chance(rng, 0.5):
        label(canvas, x, 0, length * 0.3, width * 0.5, dimmed(box, 0.9))
    wear(canvas, between(rng, 0.2, 1.1))
    return canvas


def _rotor(rng: np.random.Generator, mm_per_px: float) -> Canvas:
    """A wound rotor out of its can: shaft, laminated poles with copper between, commutator."""
    length, radius = between(rng, 28, 75), between(rng, 6, 18)
    canvas = Canvas(length, 2 * radius + 1, mm_per_px, rng)
    x = canvas.x_mm
    core = length * between(rng, 0.4, 0.5)
    profile = np.where(np.abs(x) < length / 2 - 0.3, 1.4, 0.0)
    profile = np.where((np.abs(x) < core * 0.72) & (profile > 0), radius * 0.8, profile)
    profile = np.where(np.abs(x) < core / 2, radius, profile)
    profile = np.where((x > length * 0.36) & (x < length * 0.46), radius * 0.45, profile)
    canvas.revolve(profile, STEEL, 150, radius)
    canvas.rect(0, 0, core * 1.44, 2 * radius, COPPER, None, 150)
    for _ in range(60):
        y = between(rng, -0.75, 0.75) * radius
        px = between(rng, -0.7, 0.7) * core
        canvas.stroke(
            [[px, y], [px + 5, y + between(rng, -2, 2)]], 0.4, tone(rng, [COPPER, (50, 80, 140), (90, 140, 210)])
        )
    for y in (-0.85, -0.4, 0.4, 0.85):
        canvas.rect(0, y * radius, core, radius * 0.3, (95, 98, 100), None, 120)
        for line in np.arange(-core / 2, core / 2, 1.0):
            canvas.rect(float(line), y * radius, 0.3, radius * 0.3, (60, 62, 64))
    canvas.rect(length * 0.41, 0, length * 0.1, radius * 0.9, tone(rng, [COPPER, BRASS]))
    barrel_sheen(canvas, rounded_rect(0, 0, length, 2 * radius), False, 0.5)
    wear(canvas, between(rng, 0.4, 1.4))
    return canvas


def _fan(rng: np.random.Generator, mm_per_px: float) -> Canvas:
    """A fan: square frame or blower, blades round a hub with a label, wires."""
    side = between(rng, 30, 92)
    tail = between(rng, 8, 25)
    canvas = Canvas(side + tail, side, mm_per_px, rng)
    x = -tail / 2
    wire_pair(canvas, x + side / 2 - 2, side * 0.4, tail, 3, int(rng.integers(2, 4)))
    shell = tone(rng, [BLACK, (34, 34, 35), (60, 62, 64)])
    canvas.rect(x, 0, side, side, shell, 15, 70, side * 0.06)
    canvas.disc(x, 0, side * 0.47, (14, 14, 15), 3, 20)
    blades = int(rng.choice([5, 7, 9, 11]))
    turn = between(rng, 0, 6)
    for blade in range(blades):
        angle = turn + 2 * np.pi * blade / blades + np.linspace(0, 0.5, 8)
        reach = np.linspace(0.18, 0.45, 8) * side
        front = np.column_stack([reach * np.cos(angle), reach * np.sin(angle)])
        lag = angle + 4.2 / blades
        rear = np.column_stack([reach * np.cos(lag), reach * np.sin(lag)])
        canvas.polygon(np.concatenate([front, rear[::-1]]) + np.array([x, 0.0]), dimmed(shell, 1.5), 10, 110)
        canvas.stroke(front + np.array([x, 0.0]), 0.8, dimmed(shell, 2.2), 13, 90)
    canvas.disc(x, 0, side * 0.2, dimmed(shell, 1.2), 15, 80)
    disc = tone(rng, [(205, 207, 207), BLACK, (70, 165, 205), (150, 90, 40)])
    canvas.disc(x, 0, side * 0.17, disc, 15.2, 60)
    title(canvas, brand(rng), x, -side * 0.04, side * 0.04, WHITE if sum(disc) < 330 else INK)
    canvas.text("DC 12V", x, side * 0.05, side * 0.03, WHITE if sum(disc) < 330 else INK)
    for sx in (-1, 1):
        for sy in (-1, 1):
            canvas.hole(ellipse(x + sx * side * 0.44, sy * side * 0.44, side * 0.035, side * 0.035))
    wear(canvas, between(rng, 0.4, 1.5))
    return canvas


def _cone(rng: np.random.Generator, mm_per_px: float) -> Canvas:
    """A loudspeaker from the front: basket with holes, surround, cone, dust cap; round or oval."""
    radius = between(rng, 10, 58)
    stretch = 1.0 if chance(rng, 0.75) else between(rng, 1.3, 2.0)
    canvas = Canvas(2 * radius * stretch, 2 * radius, mm_per_px, rng)
    metal = tone(rng, [BLACK, STEEL, ALUMINIUM, (150, 165, 172), (60, 62, 64)])

    def oval(share: float) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
        return ellipse(0, 0, radius * stretch * share, radius * share, 60)

    if chance(rng, 0.3) and stretch == 1.0:
        canvas.polygon(rounded_rect(0, 0, 1.98 * radius, 1.98 * radius, radius * 0.25), metal, 8, 140)
    canvas.polygon(oval(1.0), metal, 8, 140)
    cone = tone(rng, [BLACK, (40, 40, 42), (95, 120, 140), (190, 194, 196), (130, 135, 140), (60, 100, 150)])
    rubber = tone(rng, [BLACK, (34, 34, 34), (60, 60, 62), dimmed(cone, 0.8)])
    canvas.polygon(oval(0.93), rubber, 8, 40)
    for share in (0.9, 0.87, 0.84):
        canvas.polygon(oval(share), rubber, 8 + 30 * (0.9 - share) * (1 if share > 0.85 else 0.6), 60)
    for share in np.linspace(0.8, 0.3, 10):
        canvas.polygon(oval(float(share)), dimmed(cone, 0.8 + 0.3 * float(share)), 2 + 7 * float(share), 60)
    if chance(rng, 0.5):
        for share in np.linspace(0.75, 0.4, 5):
            line = oval(float(share))
            canvas.stroke(np.concatenate([line, line[:1]]), 0.3, dimmed(cone, 0.75))
    cap = radius * between(rng, 0.2, 0.36)
    canvas.disc(0, 0, cap, tone(rng, [cone, BLACK, (170, 172, 172), (34, 34, 34)]), 6, 120)
    canvas.dome(0, 0, cap, 5, cap * 0.5)
    gradient(canvas, oval(0.8), (240, 240, 240), between(rng, 0, 0.25))
    for turn in range(one_of(rng, (0, 4, 4, 8))):
        angle = turn * np.pi / 4 + 0.4
        canvas.disc(
            radius * stretch * 0.965 * np.cos(angle), radius * 0.965 * np.sin(angle), radius * 0.025, (14, 14, 14)
        )
    if chance(rng, 0.2):
        tear = np.cumsum(rng.normal(0, radius * 0.12, (6, 2)), axis=0)
        canvas.polygon(tear + np.array([radius * 0.4, 0]), (16, 16, 16), 1, 10)
    wear(canvas, between(rng, 0.3, 1.5), dimmed(cone, 1.3))
    return canvas


def _magnet(rng: np.random.Generator, mm_per_px: float) -> Canvas:
    """A loudspeaker from behind: basket with windows, magnet ring and plate, terminals, label."""
    radius = between(rng, 10, 58)
    canvas = Canvas(2 * radius + 2, 2 * radius + 2, mm_per_px, rng)
    metal = tone(rng, [BLACK, STEEL, (150, 165, 172), (188, 190, 190), (60, 62, 64)])
    canvas.disc(0, 0, radius, metal, 4, 140)
    canvas.disc(0, 0, radius * 0.9, metal, radius * 0.35, 140)
    inner = radius * between(rng, 0.5, 0.66)
    windows = int(rng.choice([4, 6, 8]))
    for turn in range(windows):
        mid = 2 * np.pi * turn / windows
        span = np.pi / windows * 0.66
        outer = ring(0, 0, radius * 0.84, mid - span, mid + span)
        within = ring(0, 0, inner * 1.08, mid - span, mid + span)
        canvas.polygon(
            np.concatenate([outer, within[::-1]]), tone(rng, [(24, 24, 25), (60, 75, 85), (40, 40, 42)]), 5, 30
        )
    canvas.disc(0, 0, inner, (58, 56, 56), radius * 0.6, 50)
    plate = tone(rng, [STEEL, ALUMINIUM, (150, 165, 172), (70, 70, 72)])
    canvas.disc(0, 0, inner * between(rng, 0.78, 1.0), plate, radius * 0.7, 160)
    turned_metal(canvas, 0, 0, inner * 0.78, 0.4)
    if chance(rng, 0.6):
        label(canvas, 0, 0, inner * 1.05, inner * 0.6)
    else:
        canvas.text(f"{one_of(rng, (4, 8, 8, 16))} OHM {one_of(rng, (1, 2, 3, 5))}W", 0, 0, inner * 0.14, (60, 60, 62))
    canvas.rect(radius * 0.8, 0, radius * 0.24, radius * 0.3, tone(rng, [(60, 130, 170), BLACK]), radius * 0.5, 60)
    for side in (-1, 1):
        canvas.rect(radius * 0.82, side * radius * 0.08, radius * 0.3, radius * 0.06, BRASS, radius * 0.55, 180)
    if chance(rng, 0.3):
        canvas.stroke(
            np.array([[radius * 0.8, 0], [radius * 0.6, radius * 0.5], [0, radius * 0.7]]), 1.2, (40, 40, 190), 6, 70
        )
    wear(canvas, between(rng, 0.3, 1.4))
    return canvas


def _micro_speaker(rng: np.random.Generator, mm_per_px: float) -> Canvas:
    """A phone's speaker: rectangular or oval micro speaker, ear piece, or the boxed module with contacts."""
    boxed = chance(rng, 0.45)
    length = between(rng, 18, 42) if boxed else between(rng, 9, 22)
    width = length * between(rng, 0.45, 0.8)
    canvas = Canvas(length + 3, width + 1, mm_per_px, rng)
    frame = tone(rng, [BLACK, (40, 40, 42), (34, 34, 35), (205, 208, 208)])
    canvas.rect(0, 0, length, width, frame, 3.2, 80, between(rng, 0.5, 3))
    core = (length * (0.5 if boxed else 0.88), width * (0.8 if boxed else 0.86))
    cx = length * between(rng, -0.18, 0.18) if boxed else 0.0
    kind = float(rng.random())
    if kind < 0.5:  # membrane
        film = tone(rng, [(60, 62, 64), (150, 155, 158), (70, 130, 175), BLACK])
        canvas.rect(cx, 0, *core, dimmed(film, 0.8), 3.4, 120, min(core) * 0.3)
        canvas.rect(cx, 0, core[0] * 0.84, core[1] * 0.8, film, 4, 140, min(core) * 0.3)
        plate = rounded_rect(cx, 0, core[0] * 0.62, core[1] * 0.56, min(core) * 0.2)
        canvas.polygon(plate, tone(rng, [ALUMINIUM, STEEL, (60, 62, 64), BRASS]), 4.2, 170)
        gradient(canvas, plate, (248, 248, 248), 0.5)
    elif kind < 0.8:  # steel back with code
        plate = rounded_rect(cx, 0, core[0], core[1], 1)
        canvas.polygon(plate, tone(rng, [STEEL, ALUMINIUM]), 3.7, 170)
        gradient(canvas, plate, (248, 248, 248), 0.5)
        canvas.text(code(rng, 7), cx, 0, min(1.4, core[0] / 9), (60, 60, 62))
        matrix_code(canvas, cx - core[0] * 0.3, core[1] * 0.25, core[1] * 0.25)
    else:
        perforation(canvas, cx, 0, core[0] * 0.7, core[1] * 0.6, 1.3)
        canvas.rect(cx, 0, core[0], core[1] * 0.12, dimmed(frame, 1.4))
    for side in (-1, 1):
        canvas.rect(length * 0.45, side * width * 0.26, 2.6, 1.4, GOLD, 3.8, 200)
        if chance(rng, 0.5):
            canvas.stroke(
                [[length * 0.4, side * width * 0.26], [length / 2 + 1, side * width * 0.3]], 0.5, GOLD, 4.5, 200
            )
    if boxed:
        screw_at = (-length * 0.42, width * 0.34)
        canvas.hole(ellipse(*screw_at, 0.9, 0.9))
        canvas.text(small_print(rng)[:10], -cx, width * 0.42, 0.9, (150, 150, 152))
        if chance(rng, 0.5):
            canvas.rect(-cx * 1.6, 0, length * 0.2, width * 0.6, (60, 60, 62), 3.5, 30, 0.6)
    wear(canvas, between(rng, 0.1, 0.9))
    return canvas


def _buzzer(rng: np.random.Generator, mm_per_px: float) -> Canvas:
    """A piezo disc of brass with its white ceramic and wires, or a black round buzzer with a hole."""
    radius, tail = between(rng, 6, 18), between(rng, 6, 26)
    canvas = Canvas(2 * radius + tail, 2 * radius + 1, mm_per_px, rng)
    x = -tail / 2
    if chance(rng, 0.6):
        canvas.disc(x, 0, radius, BRASS, 0.6, 170)
        turned_metal(canvas, x, 0, radius, 0.4)
        canvas.disc(x, 0, radius * between(rng, 0.6, 0.75), tone(rng, [(205, 210, 212), (188, 192, 194)]), 0.9, 90)
        canvas.grain(0.05, 0.4)
        wire_pair(canvas, x + radius * 0.6, 0, radius * 0.4 + tail, 0.9)
        for y in (-0.8, 0.8):
            canvas.disc(x + radius * 0.6, y, 1.3, (186, 188, 188), 1.8, 200)
    else:
        canvas.disc(x, 0, radius, BLACK, 9, 70)
        canvas.disc(x, 0, radius * 0.94, BLACK, 9.6, 70)
        canvas.disc(x, 0, radius * 0.16, (8, 8, 8), 3, 0)
        if chance(rng, 0.5):
            canvas.disc(x, 0, radius * 0.7, WHITE, 9.7, 20)
            canvas.text("REMOVE", x, 0, radius * 0.16, INK)
        canvas.text("+", x - radius * 0.6, -radius * 0.5, radius * 0.2, (120, 120, 120))
        wire_pair(canvas, x + radius * 0.95, 0, tail * 0.9, 2)
    wear(canvas, between(rng, 0.2, 1.0))
    return canvas


def _boxed_speaker(rng: np.random.Generator, mm_per_px: float) -> Canvas:
    """A laptop's or monitor's speaker: a narrow box with one or two drivers, rubber feet, a wire with plug."""
    length, width = between(rng, 45, 120), between(rng, 14, 40)
    tail = between(rng, 10, 30)
    canvas = Canvas(length + tail, width + 2, mm_per_px, rng)
    x = -tail / 2
    wire_pair(canvas, x + length / 2 - 2, 0, tail, 2, int(rng.integers(2, 5)))
    shell = tone(rng, [BLACK, (34, 34, 35), (48, 48, 50), (205, 208, 208)])
    canvas.rect(x, 0, length, width, shell, 9, 70, between(rng, 1, 5))
    canvas.rect(x, 0, length - 2, width - 2, shell, 10, 70, 3)
    radius = width * between(rng, 0.34, 0.44)
    for place in range(one_of(rng, (1, 1, 2))):
        cx = x - length * 0.26 + place * (2 * radius + 4)
        canvas.disc(cx, 0, radius, dimmed(shell, 0.7), 9.5, 60)
        canvas.disc(cx, 0, radius * 0.86, (30, 30, 31), 10.5, 90)
        canvas.disc(cx, 0, radius * 0.7, tone(rng, [(60, 62, 64), (150, 152, 155), BLACK]), 9, 90)
        canvas.dome(cx, 0, radius * 0.4, 9, radius * 0.2)
    label(canvas, x + length * 0.25, 0, length * 0.28, width * 0.5, one_of(rng, (WHITE, dimmed(shell, 1.2))))
    for end in (-1, 1):
        canvas.disc(x + end * (length / 2 - 2.6), width * 0.3, 2, (60, 60, 62), 11, 30)
    wear(canvas, between(rng, 0.2, 1.1))
    return canvas


def _disk_size(rng: np.random.Generator) -> tuple[float, float, float]:
    """Length, width and thickness of a 3.5 or 2.5 inch disk, mm."""
    return (147.0, 101.6, 26.1) if chance(rng, 0.55) else (100.0, 69.85, one_of(rng, (7.0, 9.5, 12.5)))


def _disk_top(rng: np.random.Generator, mm_per_px: float) -> Canvas:
    """A hard disk from above: aluminium lid with its pressed relief, label, screws, breather."""
    length, width, thick = _disk_size(rng)
    canvas = Canvas(length, width, mm_per_px, rng)
    cast = tone(rng, [(50, 52, 54), (150, 153, 155), (165, 168, 170), BLACK])
    canvas.rect(0, 0, length, width, cast, thick - 3, 120, 3)
    lid_bgr = tone(rng, [ALUMINIUM, (188, 190, 190), (172, 174, 175), (60, 60, 62)])
    lid = rounded_rect(0, 0, length - 3, width - 3, 4)
    canvas.polygon(lid, lid_bgr, thick - 1, 160)
    canvas.grain(0.04, 0.3, 8)
    gradient(canvas, lid, (250, 250, 250), between(rng, 0, 0.4))
    round_x = -length * 0.14
    if chance(rng, 0.7):
        canvas.bulge(round_x, 0, width * 0.5, width * 0.5, 1.2)
    canvas.disc(round_x, 0, 4.5, dimmed(lid_bgr, 0.9), thick + 0.2, 170)
    paper = one_of(rng, (None, WHITE, WHITE, (60, 130, 60), (150, 90, 40), (34, 34, 35)))
    share = between(rng, 0.5, 0.86)
    label(
        canvas,
        length * between(rng, -0.1, 0.14),
        width * between(rng, -0.05, 0.05),
        length * share,
        width * between(rng, 0.55, 0.86),
        paper,
    )
    if chance(rng, 0.6):
        canvas.text(f"{one_of(rng, (80, 160, 250, 320, 500))} GB", length * 0.1, width * 0.44, width * 0.05, INK)
    for x in (-0.47, 0.0, 0.47):
        for y in (-0.46, 0.46):
            screw_head(canvas, x * length, y * width, 2.2 if length > 120 else 1.6, thick, tone(rng, [STEEL, BLACK]))
    canvas.disc(length * 0.42, -width * 0.3, 1.2, (20, 20, 20))
    wear(canvas, between(rng, 0.3, 1.2))
    return canvas


def _disk_bottom(rng: np.random.Generator, mm_per_px: float) -> Canvas:
    """A hard disk from below: black or bare casting, spindle, board with connectors at one end."""
    length, width, thick = _disk_size(rng)
    canvas = Canvas(length, width, mm_per_px, rng)
    cast = tone(rng, [(40, 41, 42), (150, 153, 155), (165, 168, 170), BLACK])
    canvas.rect(0, 0, length, width, cast, thick - 2, 110, 2)
    canvas.rect(0, 0, length - 8, width - 6, dimmed(cast, 0.9), thick - 4, 90, 6)
    board = tone(rng, [(50, 105, 25), (120, 70, 20), (45, 85, 25), (60, 120, 40)])
    start, share = between(rng, -0.02, 0.08), between(rng, 0.55, 0.9)
    blen = length * between(rng, 0.42, 0.62)
    bx = length / 2 - blen / 2 - 2
    plate = rounded_rect(bx, start * width, blen, width * share, 3)
    canvas.polygon(plate, board, thick - 1, 70)
    if chance(rng, 0.5):
        small_parts(canvas, bx, start * width, blen * 0.9, width * share * 0.9, 70, thick - 1)
        for _ in range(3):
            x, y = spot(rng, blen, width * share, 0.36)
            chip_on(canvas, bx + x, start * width + y, between(rng, 8, 16), between(rng, 8, 14), thick - 1)
    else:
        for _ in range(30):
            x, y = spot(rng, blen, width * share, 0.45)
            canvas.disc(bx + x, start * width + y, between(rng, 0.5, 1.1), GOLD, thick - 0.8, 190)
    spin = -length * 0.18
    radius = width * between(rng, 0.16, 0.24)
    canvas.disc(spin, 0, radius, tone(rng, [STEEL, cast, ALUMINIUM]), thick - 1, 160)
    turned_metal(canvas, spin, 0, radius, 0.45)
    canvas.disc(spin, 0, radius * 0.5, dimmed(cast, 0.8), thick - 0.4, 120)
    ribbon(canvas, np.array([[spin + radius * 0.4, 0.0], [bx - blen * 0.42, 0.0]]), 7, thick - 0.8)
    canvas.rect(length / 2 - 4, -width * 0.14, 8, width * 0.5, BLACK, thick - 3, 60)
    for place in range(10):
        canvas.rect(length / 2 - 3, -width * 0.34 + place * width * 0.04, 4, 0.8, GOLD, thick - 2.4, 180)
    for x in (-0.44, 0.2, 0.46):
        for y in (-0.44, 0.44):
            screw_head(canvas, x * length, y * width, 1.7, thick - 0.5)
    label(canvas, -length * 0.36, width * 0.3, length * 0.16, width * 0.2, WHITE)
    wear(canvas, between(rng, 0.3, 1.2))
    return canvas


def _platter(canvas: Canvas, x: float, y: float, radius: float, top: float) -> None:
    """A mirror disc with its hub."""
    rng = canvas.rng
    disc = ellipse(x, y, radius, radius, 60)
    canvas.polygon(disc, tone(rng, [(120, 122, 124), (150, 150, 150), (95, 97, 100), (110, 125, 135)]), top, 200)
    turned_metal(canvas, x, y, radius, between(rng, 0.4, 0.8))
    mirrored_room(canvas, disc, 1.2)


def _disk_open(rng: np.random.Generator, mm_per_px: float) -> Canvas:
    """A hard disk without its lid: platter with hub and screws, arm with heads, magnets, filter."""
    length, width, thick = _disk_size(rng)
    canvas = Canvas(length, width, mm_per_px, rng)
    cast = tone(rng, [(165, 168, 170), (150, 153, 155), (60, 62, 64), (188, 190, 190)])
    canvas.rect(0, 0, length, width, cast, thick - 2, 130, 3)
    canvas.rect(0, 0, length - 7, width - 5, dimmed(cast, 0.8), thick - 8, 100, 8)
    radius = width * 0.46
    x = -length / 2 + radius + 5
    if chance(rng, 0.85):
        _platter(canvas, x, 0, radius, thick - 5)
        if chance(rng, 0.2):
            cracks_at = spot(rng, radius, radius)
            canvas.polygon(
                np.cumsum(rng.normal(0, 5, (6, 2)), axis=0) + np.array([x + cracks_at[0], cracks_at[1]]), (40, 42, 44)
            )
    hub = radius * 0.27
    canvas.disc(x, 0, hub, ALUMINIUM, thick - 3, 170)
    turned_metal(canvas, x, 0, hub, 0.4)
    for turn in range(6):
        angle = turn * np.pi / 3
        screw_head(canvas, x + hub * 0.68 * np.cos(angle), hub * 0.68 * np.sin(angle), 1.3, thick - 2.5)
    pivot = np.array([x + radius * 1.08, width * 0.28])
    block = np.array([[0, -14], [16, -4], [14, 12], [-10, 14], [-14, 4]]) * (width / 100)
    canvas.polygon(block + pivot, tone(rng, [STEEL, (188, 190, 190), (60, 62, 64)]), thick - 4, 160)
    reach = x + radius * between(rng, 0.35, 0.9), -width * between(rng, -0.05, 0.2)
    arm = np.array(
        [
            pivot + np.array([-5.0, -4]),
            pivot + np.array([4.0, -7]),
            [reach[0] + 2, reach[1]],
            [reach[0] - 2, reach[1] + 1],
        ]
    )
    canvas.polygon(arm, ALUMINIUM, thick - 3, 170)
    canvas.polygon(quad(reach[0], reach[1], 3, 2.4, 30), BLACK, thick - 3, 90)
    canvas.disc(float(pivot[0]), float(pivot[1]), width * 0.06, STEEL, thick - 2, 180)
    ribbon(
        canvas,
        np.array([pivot + np.array([0.0, -8]), pivot + np.array([9.0, -20]), [length / 2 - 10, -width * 0.3]]),
        5,
        thick - 6,
    )
    canvas.rect(length / 2 - 12, -width * 0.36, 14, 12, (205, 208, 208), thick - 6, 30, 2)
    for px in (-0.47, 0.47):
        for py in (-0.46, 0.46):
            canvas.disc(px * length, py * width, 1.5, (20, 20, 20))
    wear(canvas, between(rng, 0.2, 1.0))
    return canvas


def _loose_platters(rng: np.random.Generator, mm_per_px: float) -> Canvas:
    """Platters on their own: a mirror ring, one or a shifted stack."""
    radius = one_of(rng, (47.5, 32.5))
    shift = between(rng, 2, 9) if chance(rng, 0.4) else 0.0
    canvas = Canvas(2 * radius + shift, 2 * radius, mm_per_px, rng)
    if shift:
        _platter(canvas, -shift / 2, 0, radius, 1.2)
    _platter(canvas, shift / 2, 0, radius, 2.4)
    bore = radius * 0.263
    canvas.disc(shift / 2, 0, bore + 1, (90, 92, 94))
    if not shift:
        canvas.hole(ellipse(0, 0, bore, bore, 40))
    else:
        canvas.disc(shift / 2, 0, bore, (30, 30, 31), 1, 40)
    if chance(rng, 0.25):
        canvas.keep(ragged(2 * radius, 2 * radius, rng, 0.4))
    wear(canvas, between(rng, 0.3, 1.4))
    return canvas


def _disk_fragment(rng: np.random.Generator, mm_per_px: float) -> Canvas:
    """A shredded piece of a disk: torn casting or lid, bent, with part of the label or board."""
    canvas = one_of(rng, (_disk_top, _disk_bottom, _disk_open))(rng, mm_per_px)
    canvas.keep(ragged(canvas.length_mm * between(rng, 0.5, 0.95), canvas.width_mm * between(rng, 0.6, 0.98), rng, 0.4))
    canvas.roughen(between(rng, 0.5, 2.0), 14)
    canvas.scratches(12, (215, 216, 216))
    return canvas


LOOKS: dict[str, Looks] = {
    "motor": (
        (2.6, _can_side), (1.3, _can_end), (1.6, _vibrator), (1.6, _brushless), (1.2, _stepper), (1, _geared),
        (0.7, _rotor), (0.8, _fan),
    ),
    "speaker": ((2.4, _cone), (1.7, _magnet), (2.4, _micro_speaker), (0.8, _buzzer), (1, _boxed_speaker)),
    "hdd": ((2.2, _disk_top), (1.8, _disk_bottom), (2, _disk_open), (0.6, _loose_platters), (0.6, _disk_fragment)),
}  # fmt: skip
"""Each class's looks with their weights."""
