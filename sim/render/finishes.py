"""Surfaces of things: mirrored rooms in glass, cracks, lenses, turned and brushed metal, screws, wear."""

import cv2
import numpy as np
from numpy.typing import NDArray

from sim.render.canvas import Canvas
from sim.render.dice import between, chance, dimmed, one_of, spot, tone
from sim.render.shapes import Bgr, ellipse, rounded_rect

STEEL: Bgr = (176, 178, 178)
ALUMINIUM: Bgr = (192, 193, 193)
BRASS: Bgr = (95, 165, 195)
COPPER: Bgr = (70, 110, 185)
GOLD: Bgr = (75, 165, 205)
BLACK: Bgr = (26, 26, 26)
GLASS_BLACK: Bgr = (20, 18, 17)

Points = NDArray[np.float64]


def quad(x_mm: float, y_mm: float, length_mm: float, width_mm: float, angle_deg: float, corner_mm: float = 0) -> Points:
    """A rectangle around (x, y), turned by an angle, N x 2 in mm."""
    return rounded_rect(0, 0, length_mm, width_mm, corner_mm) @ turning(angle_deg) + np.array([x_mm, y_mm])


def turning(angle_deg: float) -> Points:
    """The 2 x 2 matrix that turns points (N x 2, multiplied from the left)."""
    angle = np.deg2rad(angle_deg)
    return np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])


def ring(x_mm: float, y_mm: float, radius_mm: float, start: float = 0.0, end: float = 2 * np.pi) -> Points:
    """An arc as an open line, N x 2 in mm."""
    angle = np.linspace(start, end, 36)
    return np.column_stack([x_mm + radius_mm * np.cos(angle), y_mm + radius_mm * np.sin(angle)])


def mirrored_room(canvas: Canvas, outline: Points, strength: float = 1.0) -> None:
    """What a dark glossy face mirrors: a bright ceiling that fades, panes of a window, a lamp, a shadow."""
    rng = canvas.rng
    (left, top), (right, bottom) = outline.min(axis=0), outline.max(axis=0)
    size = np.array([right - left, bottom - top])
    middle = np.array([left + right, top + bottom]) / 2
    glow = tone(rng, [(215, 205, 195), (225, 225, 225), (170, 205, 225), (200, 180, 150)], 15)
    direction = between(rng, 0, 2 * np.pi)
    slope = np.array([np.cos(direction), np.sin(direction)]) / float(size.max())
    amount, bias = strength * between(rng, 0.0, 0.35), between(rng, -0.6, 0.6)

    def ceiling(x: NDArray[np.float32], y: NDArray[np.float32]) -> NDArray[np.floating]:
        return amount * (0.5 + bias + (x - middle[0]) * slope[0] + (y - middle[1]) * slope[1])

    canvas.shade(outline, glow, ceiling)
    kind = float(rng.random())
    if kind < 0.4:  # a slanting band of light
        place = between(rng, -0.5, 0.5) * size[0] + middle[0]
        lean, breadth = between(rng, -0.7, 0.7) * size[1], between(rng, 0.08, 0.5) * size[0]
        band = [[place, top], [place + breadth, top], [place + breadth + lean, bottom], [place + lean, bottom]]
        _inside(canvas, outline, np.array(band), glow, strength * between(rng, 0.05, 0.3), between(rng, 0, 3))
    elif kind < 0.6:  # window panes
        x, y = spot(rng, float(size[0]), float(size[1]), 0.3)
        pane = float(size.min()) * between(rng, 0.06, 0.22)
        turn, share = turning(between(rng, -45, 45)), strength * between(rng, 0.1, 0.6)
        turn = np.array([[1.0, between(rng, -0.6, 0.6)], [0.0, between(rng, 0.6, 2.0)]]) @ turn
        soft = between(rng, 0.5, 4.0)
        for along in np.arange(int(rng.integers(1, 4))) * 1.1:
            for across in np.arange(int(rng.integers(1, 3))) * 1.1:
                corners = quad(float(along) * pane, float(across) * pane, pane, pane, 0) @ turn
                _inside(canvas, outline, corners + middle + np.array([x, y]), glow, share, soft)
    elif kind < 0.8:  # a lamp
        x, y = spot(rng, float(size[0]), float(size[1]), 0.4)
        x, y = x + float(middle[0]), y + float(middle[1])
        radius = float(size.min()) * between(rng, 0.03, 0.15)
        _inside(canvas, outline, ellipse(x, y, radius * 3, radius * 3), glow, strength * 0.25, radius)
        _inside(
            canvas,
            outline,
            ellipse(x, y, radius, radius),
            (250, 250, 250),
            strength * between(rng, 0.2, 0.9),
            radius * 0.4,
        )


def _inside(canvas: Canvas, outline: Points, shape: Points, bgr: Bgr, share: float, soft_mm: float) -> None:
    """Shade the part of a shape that lies within the convex outline."""
    area, cut = cv2.intersectConvexConvex(
        cv2.convexHull(np.asarray(outline, np.float32)), cv2.convexHull(np.asarray(shape, np.float32))
    )
    if area > 0:
        canvas.shade(np.asarray(cut, np.float64).reshape(-1, 2), bgr, share, soft_mm)


def cracks(canvas: Canvas, x_mm: float, y_mm: float, reach_mm: float, bgr: Bgr = (165, 167, 165)) -> None:
    """A spider web around a blow: rays that fork, and rings between them."""
    rng = canvas.rng
    centre = np.array([x_mm, y_mm])
    for angle in rng.uniform(0, 2 * np.pi, int(rng.integers(6, 18))):
        steps = np.cumsum(rng.uniform(0.05, 0.3, 6)) * reach_mm * between(rng, 0.4, 1.0)
        wander = angle + np.cumsum(rng.normal(0, 0.13, 6))
        path = centre + np.stack([np.cos(wander), np.sin(wander)], 1) * steps[:, None]
        canvas.stroke(np.concatenate([centre[None], path]), between(rng, 0.1, 0.35), bgr)
        if chance(rng, 0.5):
            fork = path[2] + np.stack([np.cos(wander + 0.6), np.sin(wander + 0.6)], 1)[3:] * steps[:3, None]
            canvas.stroke(np.concatenate([path[2:3], fork]), 0.15, bgr)
    for radius in rng.uniform(0.02, 0.35, int(rng.integers(2, 7))) * reach_mm:
        start = between(rng, 0, 6)
        arc = ring(x_mm, y_mm, float(radius), start, start + between(rng, 1, 5))[::4]
        canvas.stroke(arc + rng.normal(0, 0.06, arc.shape) * radius, 0.15, bgr)
    canvas.shade(ellipse(x_mm, y_mm, reach_mm * 0.05, reach_mm * 0.04), (205, 207, 207), 0.6, 0.5)


def turned_metal(canvas: Canvas, x_mm: float, y_mm: float, radius_mm: float, strength: float = 0.5) -> None:
    """The bow-tie sheen of a disc turned on a lathe: bright and dark fans around the middle."""
    phase = between(canvas.rng, 0, np.pi)
    for shift, bgr in ((0.0, (245, 245, 245)), (np.pi / 2, (45, 46, 48))):

        def fans(x: NDArray[np.float32], y: NDArray[np.float32], shift: float = shift) -> NDArray[np.floating]:
            angle = np.arctan2(y - y_mm, x - x_mm)
            return strength * np.abs(np.cos(angle + phase + shift)) ** 6

        canvas.shade(ellipse(x_mm, y_mm, radius_mm, radius_mm), bgr, fans)


def barrel_sheen(canvas: Canvas, outline: Points, across_x: bool = False, strength: float = 0.6) -> None:
    """The long highlights of a lying cylinder: a bright streak off the middle, a dim one, dark rims."""
    rng = canvas.rng
    (left, top), (right, bottom) = outline.min(axis=0), outline.max(axis=0)
    middle, half = ((left + right) / 2, (right - left) / 2) if across_x else ((top + bottom) / 2, (bottom - top) / 2)
    places = [(between(rng, -0.6, 0.6), between(rng, 0.1, 0.25), 0.8), (between(rng, -0.9, 0.9), 0.08, 0.4)]

    def place(x: NDArray[np.float32], y: NDArray[np.float32]) -> NDArray[np.float32]:
        return ((x if across_x else y) - np.float32(middle)) / np.float32(half)

    def streaks(x: NDArray[np.float32], y: NDArray[np.float32]) -> NDArray[np.floating]:
        (at, breadth, peak), (at2, breadth2, peak2) = places
        across = place(x, y)
        glow = peak * np.exp(-(((across - at) / breadth) ** 2)) + peak2 * np.exp(-(((across - at2) / breadth2) ** 2))
        return strength * glow

    def rims(x: NDArray[np.float32], y: NDArray[np.float32]) -> NDArray[np.floating]:
        return 0.6 * strength * np.square(np.square(place(x, y)))

    canvas.shade(outline, (20, 20, 22), rims)
    canvas.shade(outline, (248, 248, 248), streaks)


def gradient(canvas: Canvas, outline: Points, bgr: Bgr, strength: float) -> None:
    """Fade the outline's area towards a colour along a random direction."""
    direction = between(canvas.rng, 0, 2 * np.pi)
    (left, top), (right, bottom) = outline.min(axis=0), outline.max(axis=0)
    reach = float(np.hypot(right - left, bottom - top))
    x0, y0 = (left + right) / 2, (top + bottom) / 2

    def fade(x: NDArray[np.float32], y: NDArray[np.float32]) -> NDArray[np.floating]:
        return strength * (0.5 + ((x - x0) * np.cos(direction) + (y - y0) * np.sin(direction)) / reach)

    canvas.shade(outline, bgr, fade)


def lens(canvas: Canvas, x_mm: float, y_mm: float, radius_mm: float, top_mm: float) -> None:
    """The front of a lens: stepped black rings, a dark glass with coloured and white reflections."""
    rng = canvas.rng
    rings = int(rng.integers(2, 5))
    share = 1.0
    for step in range(rings):
        canvas.disc(x_mm, y_mm, radius_mm * share, tone(rng, [(24, 24, 25), (38, 38, 40), (16, 16, 17)], 4),
                    top_mm - step * radius_mm * 0.06, 120)  # fmt: skip
        canvas.stroke(ring(x_mm, y_mm, radius_mm * share * 0.97), radius_mm * 0.02, (70, 70, 72))
        share *= between(rng, 0.72, 0.92)
    glass = radius_mm * share
    canvas.disc(x_mm, y_mm, glass, tone(rng, [(22, 17, 14), (38, 20, 18), (14, 14, 14)], 4), None, 160)
    canvas.dome(x_mm, y_mm, glass, top_mm - radius_mm * 0.3, radius_mm * 0.25)
    canvas.disc(x_mm, y_mm, glass * between(rng, 0.35, 0.55), (8, 8, 9))
    coat = tone(rng, [(150, 60, 60), (150, 50, 120), (70, 110, 60), (50, 90, 150), (140, 110, 40)], 20)
    canvas.shade(ellipse(x_mm, y_mm, glass * 0.85, glass * 0.85), coat, between(rng, 0.1, 0.35), glass * 0.2)
    angle = between(rng, 0, 2 * np.pi)
    for reach, size, share in ((0.45, 0.22, 0.85), (-0.4, 0.1, 0.4), (0.15, 0.07, 0.5)):
        x, y = x_mm + reach * glass * np.cos(angle), y_mm + reach * glass * np.sin(angle)
        canvas.shade(ellipse(x, y, glass * size, glass * size * 0.7), (245, 240, 240), share, glass * 0.05)
    canvas.shade(ring(x_mm, y_mm, glass * 0.8, angle, angle + 1.6), (210, 205, 205), 0.25, glass * 0.05)


def screw_head(canvas: Canvas, x_mm: float, y_mm: float, radius_mm: float, top_mm: float, bgr: Bgr = STEEL) -> None:
    """A screw seen from above with a cross, a slot, a hexagon or a star."""
    rng = canvas.rng
    canvas.disc(x_mm, y_mm, radius_mm * 1.2, dimmed(bgr, 0.4))
    canvas.disc(x_mm, y_mm, radius_mm, bgr, top_mm, 170)
    dark = dimmed(bgr, 0.3)
    angle = between(rng, 0, 180)
    if chance(rng, 0.7):
        for turn in (0, 90)[: 1 if chance(rng, 0.15) else 2]:
            canvas.polygon(quad(x_mm, y_mm, radius_mm * 1.2, radius_mm * 0.3, angle + turn), dark)
    else:
        canvas.polygon(ellipse(x_mm, y_mm, radius_mm * 0.5, radius_mm * 0.5, 6), dark)


def perforation(
    canvas: Canvas, x_mm: float, y_mm: float, length_mm: float, width_mm: float, pitch_mm: float, bgr: Bgr = BLACK
) -> None:
    """Rows of round holes with dark bottoms: a loudspeaker grille, vents."""
    for row, y in enumerate(np.arange(-width_mm / 2, width_mm / 2 + 0.01, pitch_mm)):
        for x in np.arange(-length_mm / 2 + (row % 2) * pitch_mm / 2, length_mm / 2 + 0.01, pitch_mm):
            canvas.disc(x_mm + float(x), y_mm + float(y), pitch_mm * 0.3, bgr)


def wear(canvas: Canvas, amount: float = 1.0, scratch: Bgr = (150, 152, 152)) -> None:
    """Scratches, uneven dust and dirt; amount 0 new, 1 usual, 2 battered."""
    rng = canvas.rng
    long = canvas.length_mm > 60
    canvas.scratches(int(rng.poisson(6 * amount)), scratch, between(rng, 0.08, 0.2))
    if chance(rng, 0.3 * amount):
        canvas.scratches(int(rng.integers(5, 30)), dimmed(scratch, 0.8), 0.08)
    canvas.grain(0.02 + 0.04 * amount * float(rng.random()), 0.6 if long else 0.3)
    if chance(rng, 0.5):
        soil = one_of(rng, [(38, 48, 58), (60, 75, 85), (150, 160, 165), (35, 55, 95)])
        canvas.dirt(between(rng, 0.1, 0.7) * amount, soil)


def ribbon(canvas: Canvas, points_mm: Points, width_mm: float, base_mm: float = 0.3) -> None:
    """A flexible printed circuit along a line: amber, black or white, with fine tracks."""
    rng = canvas.rng
    film = tone(rng, [(45, 120, 185), (30, 95, 160), (30, 31, 33), (60, 110, 140), (40, 90, 60)], 8)
    canvas.stroke(points_mm, width_mm, film, base_mm, 120)
    path = np.asarray(points_mm, np.float64)
    along = path[-1] - path[0]
    across = np.array([-along[1], along[0]]) / max(1e-6, float(np.hypot(*along)))
    for place in np.linspace(-0.38, 0.38, max(2, int(width_mm / 0.9))):
        canvas.stroke(path + across * place * width_mm, 0.15, dimmed(film, 1.25 if sum(film) > 150 else 1.7))


def wire_pair(canvas: Canvas, x_mm: float, y_mm: float, reach_mm: float, base_mm: float = 0.0, count: int = 2) -> None:
    """Thin insulated wires (red and black, or others) that leave (x, y) along +x and end bare."""
    rng = canvas.rng
    colours = [(35, 35, 195), (26, 26, 26), (200, 200, 200), (40, 190, 215), (160, 80, 30)]
    for place in range(count):
        start = np.array([x_mm, y_mm + (place - (count - 1) / 2) * 1.6])
        share = np.linspace(0, 1, 14)
        sway = np.cumsum(rng.normal(0, 0.02, 14)) * reach_mm + between(rng, -0.15, 0.15) * reach_mm * share**2
        sway = np.clip(start[1] + sway - sway[0], -canvas.width_mm / 2 + 0.6, canvas.width_mm / 2 - 0.6)
        path = np.column_stack([start[0] + share * reach_mm, sway])
        canvas.wire(
            path, 1.1, tone(rng, [colours[place]] if place < 2 and chance(rng, 0.8) else colours, 6), base_mm, 80
        )
        canvas.wire(path[-2:], 0.5, COPPER if chance(rng, 0.4) else STEEL, base_mm + 0.2, 150)
