"""Nuts and washers."""

from collections.abc import Mapping, Sequence

import numpy as np

from sim.render.canvas import Canvas, Painter
from sim.render.dice import chance, dimmed, look, one_of, tone
from sim.render.hardware_screws import METALS, finish, hexagon, used
from sim.render.looks import aslant, metal, polar
from sim.render.shapes import ellipse
from sim.render.solids import Body, Paint
from sim.render.textures import Texture


def nut_washer(rng: np.random.Generator, mm_per_px: float) -> Canvas:
    """A nut (hexagon, flange, lock, wing, cap, square) or a washer (flat, spring, toothed), flat or on edge."""
    looks = (
        (0.36, _hex_nut),
        (0.33, _flat_washer),
        (0.1, _spring_washer),
        (0.07, _toothed_washer),
        (0.06, _wing_nut),
        (0.05, _cap_nut),
        (0.03, _square_nut),
    )
    return look(rng, looks)(rng, mm_per_px)


_FLAT: Sequence[tuple[float, float, float]] = ((0, 0, 1), (0, 0, 1), (0, 0, 1), (0, 0, -1))


def _hex_nut(rng: np.random.Generator, mm_per_px: float) -> Canvas:
    body, paint = Body(rng), finish(rng)
    size = float(one_of(rng, (2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 6.0, 8.0, 10.0)))
    across = size * float(rng.uniform(1.6, 1.85))
    high = size * float(rng.uniform(0.45, 0.95))
    bore = ellipse(0, 0, size / 2, size / 2, 40)
    chamfer = Texture(across * 1.16, across, mm_per_px, dimmed(paint.bgr, 0.8))
    chamfer.disc(0, 0, across * 0.48, paint.bgr)
    chamfer.disc(0, 0, size * 0.6, dimmed(paint.bgr, 0.6))
    body.prism(hexagon(across), 0, high, paint, chamfer, chamfer, [bore])
    _inner_thread(body, paint, size / 2, 0, high, mm_per_px)
    kind = rng.random()
    if kind < 0.2:  # flange
        body.prism(ellipse(0, 0, across * 0.72, across * 0.72), -size * 0.12, size * 0.06, paint, None, None, [bore])
    elif kind < 0.35:  # nylon ring
        ring = Paint(tone(rng, [(190, 110, 50), (215, 218, 218), (60, 60, 190), (200, 190, 170)]), 60)
        rim = ellipse(0, 0, size * 0.74, size * 0.74, 40)
        body.prism(rim, high, high + size * 0.18, paint, None, None, [ellipse(0, 0, size * 0.62, size * 0.62, 40)])
        body.prism(ellipse(0, 0, size * 0.63, size * 0.63, 40), high, high + size * 0.12, ring, None, None, [bore])
    ups = (*_FLAT, *_FLAT, (1.0, 0.0, 0.0), (0.6, 0.3, 1.0))
    return used(body.drawn(mm_per_px, one_of(rng, ups), aslant(rng)), rng)


def _inner_thread(body: Body, paint: Paint, radius: float, low: float, high: float, mm_per_px: float) -> None:
    """The rings of a tapped hole, a little inside its wall."""
    pitch = max(radius * 0.35, 2.0 * mm_per_px)
    dark = Paint(dimmed(paint.bgr, 0.55), 60, paint.metal * 0.5)
    for level in np.arange(low + pitch / 2, high, pitch):
        ring = np.column_stack([ellipse(0, 0, radius, radius, 24), np.full(24, level)])
        body.tube(np.concatenate([ring, ring[:1]]), min(radius * 0.08, pitch * 0.3), dark)


def _flat_washer(rng: np.random.Generator, mm_per_px: float) -> Canvas:
    body, paint = Body(rng), finish(rng)
    if chance(rng, 0.1):
        paint = Paint(tone(rng, [(30, 30, 32), (50, 60, 180), (205, 208, 208), (60, 90, 130), (40, 100, 150)]), 40)
    size = float(one_of(rng, (2.0, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0)))
    outer = size * float(rng.uniform(0.95, 1.25) if chance(rng, 0.75) else rng.uniform(1.3, 1.7))
    inner, thick = size * 0.53, float(np.clip(size * 0.17, 0.4, 2.0)) * float(rng.uniform(0.7, 1.3))
    face = Texture(2 * outer, 2 * outer, mm_per_px, paint.bgr)
    face.mottle(rng, float(rng.uniform(0.02, 0.12)), 0.4)
    if chance(rng, 0.4):  # where the head pressed
        face.disc(0, 0, outer * 0.86, dimmed(paint.bgr, 0.85))
        face.disc(0, 0, outer * 0.66, paint.bgr)
    shape = [ellipse(0, 0, inner, inner, 48)]
    body.prism(ellipse(0, 0, outer, outer, 64), 0, thick, paint, face, face, shape)
    tilt = aslant(rng) if chance(rng, 0.5) else float(rng.uniform(20, 68))
    up = one_of(rng, (*_FLAT, *_FLAT, (float(rng.uniform(0.3, 2.5)), 0.0, 1.0)))
    return used(body.drawn(mm_per_px, up, tilt), rng)


def _spring_washer(rng: np.random.Generator, mm_per_px: float) -> Canvas:
    body, paint = Body(rng), finish(rng)
    size = float(one_of(rng, (2.5, 3.0, 4.0, 5.0, 6.0, 8.0)))
    wide, thick = size * 0.28, size * 0.22
    angle = np.deg2rad(np.linspace(5.0, 354.0, 60))
    rise = np.linspace(0, thick * float(rng.uniform(0.4, 1.6)), 60)
    radius = size * 0.55 + wide / 2
    for offset in np.linspace(-0.35, 0.35, 3) * wide:
        path = np.column_stack([(radius + offset) * np.cos(angle), (radius + offset) * np.sin(angle), rise])
        body.tube(path, max(thick, wide * 0.3) / 2, paint)
    ups = (*_FLAT, *_FLAT, (1.0, 0.2, 0.0), (0.7, 0.0, 1.0))
    return used(body.drawn(mm_per_px, one_of(rng, ups), aslant(rng)), rng)


def _toothed_washer(rng: np.random.Generator, mm_per_px: float) -> Canvas:
    body, paint = Body(rng), finish(rng)
    size = float(one_of(rng, (3.0, 4.0, 5.0, 6.0, 8.0)))
    teeth, inward = int(rng.integers(8, 16)), chance(rng, 0.4)
    angle = np.linspace(0, 360, teeth * 6, endpoint=False)
    step = np.where(np.arange(teeth * 6) % 6 < 3, 1.0, 0.0)
    smooth = np.ones_like(step)
    outer = polar(size, angle) * (smooth if inward else 0.82 + 0.18 * step)[:, None]
    inner = polar(size * 0.53, angle) * (1.0 + 0.3 * step if inward else smooth)[:, None]
    body.prism(outer, 0, float(np.clip(size * 0.12, 0.35, 0.8)), paint, None, None, [inner])
    return used(body.drawn(mm_per_px, one_of(rng, _FLAT), aslant(rng)), rng)


def _wing_nut(rng: np.random.Generator, mm_per_px: float) -> Canvas:
    body, paint = Body(rng), finish(rng)
    size = float(one_of(rng, (3.0, 4.0, 5.0, 6.0)))
    body.revolve([(0, size * 0.5), (0, size * 0.95), (size, size * 0.75), (size, size * 0.5)], paint)
    _inner_thread(body, paint, size / 2, 0, size, mm_per_px)
    around = np.linspace(0, 2 * np.pi, 28, endpoint=False)
    for side in (-1, 1):
        start = np.array([side * size * 0.75, 0, size * 0.5])
        path = start + np.array([(0, 0, 0), (side * size * 0.5, 0, size * 0.5), (side * size * 0.8, 0, size * 1.1)])
        body.tube(path, [size * 0.3, size * 0.38, size * 0.5], paint)
        tip = path[-1]
        ball = np.column_stack([-np.cos(around[:15]), np.sin(around[:15])]) * size * 0.5
        body.revolve(ball, paint, tip, (side * 0.4, 0, 1), squeeze=0.6)
    ups = ((0, 0, 1), (0, 0, -1), (0, 1, 0.1), (0, 1, 0.6), (0, 0.3, 1))
    return used(body.drawn(mm_per_px, one_of(rng, ups), aslant(rng)), rng)


def _cap_nut(rng: np.random.Generator, mm_per_px: float) -> Canvas:
    body, paint = Body(rng), metal(rng, METALS, 0.95)
    size = float(one_of(rng, (3.0, 4.0, 5.0, 6.0, 8.0)))
    across = size * 1.7
    bore = Texture(across * 1.16, across, mm_per_px, paint.bgr)
    bore.disc(0, 0, size * 0.5, (30, 32, 34))
    body.prism(hexagon(across), 0, size * 0.7, paint, None, bore)
    arc = np.linspace(0, np.pi / 2, 10)
    body.revolve(np.column_stack([size * (0.7 + 0.75 * np.sin(arc)), across * 0.46 * np.cos(arc)]), paint)
    ups = ((0, 0, 1), (0, 0, -1), (1.0, 0.0, 0.2), (0.87, 0.5, 0.0))
    return used(body.drawn(mm_per_px, one_of(rng, ups), aslant(rng)), rng)


def _square_nut(rng: np.random.Generator, mm_per_px: float) -> Canvas:
    body, paint = Body(rng), finish(rng)
    size = float(one_of(rng, (3.0, 4.0, 5.0, 6.0)))
    half, high = size * 0.88, size * float(rng.uniform(0.35, 0.8))
    outline = np.array([(-half, -half), (half, -half), (half, half), (-half, half)])
    body.prism(outline, 0, high, paint, None, None, [ellipse(0, 0, size / 2, size / 2, 32)])
    _inner_thread(body, paint, size / 2, 0, high, mm_per_px)
    return used(body.drawn(mm_per_px, one_of(rng, (*_FLAT, (1.0, 0.0, 0.1))), aslant(rng)), rng)


PAINTERS: Mapping[str, Painter] = {"nut_washer": nut_washer}
