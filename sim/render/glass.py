"""Glass: shards, panes, cover glass of devices, curved pieces, crazed sheets, lenses. The belt shines through."""

import numpy as np
from numpy.typing import NDArray

from sim.render.canvas import Canvas
from sim.render.dice import Looks, between, chance, dimmed, spot, tone
from sim.render.finishes import barrel_sheen, cracks, gradient, mirrored_room, ring, wear
from sim.render.shapes import Bgr, ellipse, ragged, rounded_rect

_TINTS: tuple[Bgr, ...] = (
    (190, 195, 188), (190, 195, 188), (175, 190, 165), (200, 198, 192), (150, 165, 150), (60, 130, 60), (30, 70, 120),
    (140, 150, 170), (110, 120, 115),
)  # fmt: skip


def _shard_outline(length: float, width: float, rng: np.random.Generator) -> NDArray[np.float64]:
    """A pane's splinter: three to six straight or slightly bent edges, sharp corners."""
    corners = int(rng.integers(3, 7))
    angle = (
        np.sort(rng.uniform(0, 2 * np.pi, corners)) if chance(rng, 0.3) else np.arange(corners) * 2 * np.pi / corners
    )
    angle = angle + rng.uniform(-0.35, 0.35, corners) + between(rng, 0, 2 * np.pi)
    points = np.column_stack([np.cos(angle), np.sin(angle)]) * rng.uniform(0.6, 1.0, (corners, 1))
    points -= (points.max(axis=0) + points.min(axis=0)) / 2
    points /= np.maximum(points.max(axis=0) - points.min(axis=0), 0.2)
    sides: list[NDArray[np.float64]] = []
    bow = rng.normal(0, 0.03, corners)
    for here, there, bend in zip(points, np.roll(points, -1, axis=0), bow, strict=True):
        share = np.linspace(0, 1, 7, endpoint=False)[:, None]
        across = np.array([-(there - here)[1], (there - here)[0]])
        sides.append(here + (there - here) * share + across * bend * 4 * share * (1 - share))
    return np.clip(np.concatenate(sides) * (length, width), [-length / 2, -width / 2], [length / 2, width / 2])


def _glaze(canvas: Canvas, outline: NDArray[np.float64], tint: Bgr, thick: float, opacity: int) -> None:
    """A sheet with a bright bevelled rim: greenish broken faces, clear in the middle, mirrored lights."""
    rng = canvas.rng
    canvas.polygon(outline, tint, thick * 0.7, 220)
    canvas.see_through(outline, min(255, opacity + int(rng.integers(40, 120))))
    edge = between(rng, 0.5, 1.6)
    inner = outline * np.maximum(0.5, 1 - 2 * edge / np.maximum(np.ptp(outline, axis=0), 1.0))
    rim = tone(rng, [(170, 190, 140), (200, 205, 200), (120, 140, 100), (215, 220, 215), dimmed(tint, 0.6)])
    canvas.shade(outline, rim, 0.7)
    canvas.polygon(inner, tint, thick, 220)
    canvas.see_through(inner, opacity)
    closed = np.concatenate([inner, inner[:1]])
    if chance(rng, 0.6):
        canvas.stroke(closed, 0.25, (232, 235, 232))
    strength = between(rng, 0.3, 1.0)
    mirrored_room(canvas, inner, strength)
    if chance(rng, 0.5):  # where a light is mirrored the glass hides the belt
        (left, top), (right, bottom) = inner.min(axis=0), inner.max(axis=0)
        size = (float(right - left), float(bottom - top))
        x, y = spot(rng, *size, 0.3)
        reach = min(size) * between(rng, 0.15, 0.5)
        patch = ellipse(x, y, reach * between(rng, 0.5, 2.0), reach, int(rng.integers(4, 9)))
        canvas.shade(patch, (235, 238, 238), between(rng, 0.2, 0.8), reach * 0.3)
        canvas.see_through(patch, min(255, opacity + 90), reach * 0.3)


def _opacity(rng: np.random.Generator) -> int:
    """Mostly clear, at times frosted or coated."""
    return int(rng.integers(40, 120)) if chance(rng, 0.75) else int(rng.integers(120, 215))


def _conchoid(canvas: Canvas, x: float, y: float, reach: float) -> None:
    """The shell-like ripples of a broken edge."""
    rng = canvas.rng
    start = between(rng, 0, 6)
    for radius in np.linspace(0.2, 1.0, int(rng.integers(3, 7))) * reach:
        canvas.stroke(ring(x, y, float(radius), start, start + 1.6), 0.2, (228, 232, 230))


def _shard(rng: np.random.Generator, mm_per_px: float) -> Canvas:
    length = between(rng, 10, 75)
    width = length * between(rng, 0.3, 0.9)
    canvas = Canvas(length, width, mm_per_px, rng)
    outline = _shard_outline(length, width, rng)
    thick = between(rng, 1.0, 5.5)
    _glaze(canvas, outline, tone(rng, _TINTS), thick, _opacity(rng))
    for _ in range(int(rng.integers(0, 4))):
        corner = outline[int(rng.integers(len(outline)))]
        _conchoid(canvas, float(corner[0]), float(corner[1]), between(rng, 2, 6))
    canvas.scratches(int(rng.integers(0, 7)), (228, 230, 228), 0.1)
    if chance(rng, 0.3):
        cracks(canvas, 0, 0, length * 0.5, (225, 228, 226))
    if chance(rng, 0.35):
        canvas.dirt(between(rng, 0.2, 0.9), (90, 105, 110))
    return canvas


def _curved(rng: np.random.Generator, mm_per_px: float) -> Canvas:
    """A piece of a bottle, bulb or tube: domed, coloured, with long highlights."""
    length = between(rng, 18, 70)
    width = length * between(rng, 0.4, 0.9)
    canvas = Canvas(length, width, mm_per_px, rng)
    outline = ragged(length, width, rng, 0.45) if chance(rng, 0.5) else _shard_outline(length, width, rng)
    tint = tone(
        rng,
        [(50, 120, 50), (60, 140, 70), (25, 65, 115), (30, 80, 130), (190, 196, 190), (200, 200, 195), (150, 110, 60)],
    )
    canvas.polygon(outline, tint, 3, 230)
    canvas.see_through(outline, int(rng.integers(90, 200)))
    canvas.bulge(0, 0, length * 0.75, width * 0.75, between(rng, 3, 12))
    canvas.shade(outline, dimmed(tint, 0.4), 0.5)
    canvas.shade(outline * 0.92, tint, 0.7, 0.6)
    barrel_sheen(canvas, outline, chance(rng, 0.5), between(rng, 0.5, 1.0))
    if chance(rng, 0.5):
        closed = np.concatenate([outline, outline[:1]]) * 0.97
        canvas.stroke(closed, 0.4, (215, 225, 218))
    canvas.scratches(4, (225, 228, 226), 0.1)
    return canvas


def _pane(rng: np.random.Generator, mm_per_px: float) -> Canvas:
    """A whole pane with ground edges, or a large piece of one, cracked across at times."""
    length = between(rng, 28, 120)
    width = length * between(rng, 0.35, 0.9)
    canvas = Canvas(length, width, mm_per_px, rng)
    outline = rounded_rect(0, 0, length, width, between(rng, 0.2, 3))
    _glaze(canvas, outline, tone(rng, _TINTS[:5]), between(rng, 1.0, 4.0), _opacity(rng))
    if chance(rng, 0.45):
        cracks(
            canvas,
            between(rng, -0.4, 0.4) * length,
            between(rng, -0.4, 0.4) * width,
            length * between(rng, 0.4, 0.9),
            (228, 230, 228),
        )
    if chance(rng, 0.4):
        canvas.keep(_shard_outline(length, width, rng) * 1.1)
    wear(canvas, between(rng, 0.1, 0.8), (225, 228, 226))
    return canvas


def _cover_glass(rng: np.random.Generator, mm_per_px: float) -> Canvas:
    """A phone's or tablet's front glass by itself: clear window, printed border, slot and holes; often broken."""
    length = between(rng, 105, 165) if chance(rng, 0.8) else between(rng, 165, 240)
    width = length * between(rng, 0.46, 0.7)
    canvas = Canvas(length, width, mm_per_px, rng)
    outline = rounded_rect(0, 0, length, width, between(rng, 4, 11))
    border = tone(rng, [(20, 19, 18), (20, 19, 18), (215, 217, 217), (120, 160, 190)], 4)
    canvas.polygon(outline, border, 1.6, 220)
    ends, sides = between(rng, 4, 18), between(rng, 2, 5)
    window = rounded_rect(0, 0, length - 2 * ends, width - 2 * sides, 1)
    tint = tone(rng, [(175, 182, 180), (150, 155, 150), (120, 125, 120), (95, 95, 90)])
    canvas.polygon(window, tint, 1.6, 220)
    canvas.see_through(window, int(rng.integers(40, 150)))
    mirrored_room(canvas, outline, 1.2)
    canvas.hole(rounded_rect(-length / 2 + ends / 2, 0, min(1.6, ends * 0.3), 10, 0.7))
    if ends > 9 and chance(rng, 0.6):
        canvas.hole(ellipse(length / 2 - ends / 2, 0, 4.6, 4.6))
    if chance(rng, 0.65):
        for _ in range(int(rng.integers(1, 4))):
            cracks(
                canvas,
                between(rng, -0.45, 0.45) * length,
                between(rng, -0.45, 0.45) * width,
                length * between(rng, 0.2, 0.6),
                (222, 225, 224),
            )
    if chance(rng, 0.4):
        canvas.keep(_shard_outline(length, width, rng) * 1.05)
    if chance(rng, 0.3):
        gradient(canvas, window, (230, 230, 228), 0.3)
    wear(canvas, between(rng, 0.1, 0.9), (215, 218, 216))
    return canvas


def _crazed(rng: np.random.Generator, mm_per_px: float) -> Canvas:
    """Laminated or tempered glass that holds together: a net of cells, each mirroring its own way."""
    length = between(rng, 25, 100)
    width = length * between(rng, 0.45, 0.9)
    canvas = Canvas(length, width, mm_per_px, rng)
    outline = ragged(length, width, rng, 0.35)
    tint = tone(rng, _TINTS[:5])
    canvas.polygon(outline, tint, 3, 200)
    canvas.see_through(outline, int(rng.integers(120, 210)))
    pitch = between(rng, 2.5, 7)
    for x in np.arange(-length / 2, length / 2, pitch):
        for y in np.arange(-width / 2, width / 2, pitch):
            cell = rng.normal(0, pitch * 0.16, (5, 2)) + ellipse(float(x), float(y), pitch * 0.62, pitch * 0.62, 5)
            canvas.polygon(cell, dimmed(tint, between(rng, 0.7, 1.2)), None, int(rng.integers(60, 255)))
            canvas.stroke(np.concatenate([cell, cell[:1]]), 0.22, (225, 230, 228))
    canvas.keep(outline)
    canvas.roughen(0.15, pitch)
    wear(canvas, between(rng, 0.1, 0.8))
    return canvas


def _lens_element(rng: np.random.Generator, mm_per_px: float) -> Canvas:
    """A lens, watch glass or filter: a clear disc with a bright rim and mirrored lights, coated."""
    radius = between(rng, 5, 34)
    canvas = Canvas(2 * radius, 2 * radius, mm_per_px, rng)
    disc = ellipse(0, 0, radius, radius, 60)
    tint = tone(rng, [(190, 192, 190), (180, 150, 150), (150, 170, 140), (150, 120, 160), (205, 206, 205)])
    canvas.polygon(disc, tint, 1.5, 230)
    canvas.see_through(disc, int(rng.integers(110, 230)))
    canvas.dome(0, 0, radius * 0.95, 1.5, radius * between(rng, 0.1, 0.4))
    inner = ellipse(0, 0, radius * 0.9, radius * 0.9, 50)
    canvas.see_through(inner, int(rng.integers(40, 110)))
    canvas.shade(
        inner,
        tone(rng, [(150, 80, 80), (160, 70, 130), (90, 130, 80), (200, 200, 200)], 15),
        between(rng, 0.05, 0.3),
        radius * 0.15,
    )
    canvas.stroke(ring(0, 0, radius * 0.96), radius * 0.05, (215, 218, 216))
    mirrored_room(canvas, inner, 1.4)
    if chance(rng, 0.25):
        cracks(canvas, 0, 0, radius, (228, 230, 228))
    return canvas


def _splinters(rng: np.random.Generator, mm_per_px: float) -> Canvas:
    """A long narrow splinter or strip, a tube of a lamp."""
    length, width = between(rng, 20, 90), between(rng, 4, 12)
    canvas = Canvas(length, width, mm_per_px, rng)
    if chance(rng, 0.4):
        outline = rounded_rect(0, 0, length, width, 0.5)
        canvas.polygon(outline, tone(rng, [(205, 208, 206), (225, 227, 226)]), 2, 230)
        canvas.see_through(outline, int(rng.integers(110, 240)))
        for share, rise in ((1.0, 0.4), (0.8, 0.75), (0.5, 0.95)):
            canvas.lift(rounded_rect(0, 0, length, width * share), width * rise)
        barrel_sheen(canvas, outline, False, 0.9)
        canvas.rect(-length / 2 + 1.5, 0, 3, width, (120, 122, 122), width * 0.8, 150)
    else:
        _glaze(canvas, _shard_outline(length, width, rng), tone(rng, _TINTS), between(rng, 1, 4), _opacity(rng))
    wear(canvas, between(rng, 0.1, 0.7), (225, 228, 226))
    return canvas


LOOKS: dict[str, Looks] = {
    "glass": (
        (3, _shard), (1.6, _curved), (1.5, _pane), (1.8, _cover_glass), (0.9, _crazed), (0.8, _lens_element),
        (0.8, _splinters),
    ),
}  # fmt: skip
"""Each class's looks with their weights."""
