"""Screws, nuts, washers, cables, and the rest that is worth nothing."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from sim.render.canvas import Canvas, Painter
from sim.render.elements import GOLD, TIN, pick
from sim.render.shapes import Bgr, ellipse, ragged, vary

METALS: list[Bgr] = [(190, 192, 192), (205, 206, 205), (140, 172, 192), (120, 185, 215), (170, 172, 172)]


def screw(rng: np.random.Generator, mm_per_px: float) -> Canvas:
    """A screw on its side: a head, a threaded shaft, now and then a point."""
    length = float(rng.uniform(6, 25))
    shaft = float(np.clip(length * rng.uniform(0.1, 0.22), 1.2, 3.0))  # radius
    head = shaft * float(rng.uniform(1.7, 2.1))
    head_length = shaft * float(rng.uniform(1.0, 1.6))
    canvas = Canvas(length, 2 * head, mm_per_px, rng)
    metal = pick(rng, METALS)
    x = canvas.x_mm
    start, neck = -length / 2, -length / 2 + head_length
    pitch = shaft * 0.55
    thread = shaft * (0.84 + 0.16 * np.cos(2 * np.pi * x / pitch))
    if rng.random() < 0.5:
        thread *= np.clip((length / 2 - x) / (2.2 * shaft), 0.0, 1.0) ** 0.8
    inside = np.clip((x - start) / head_length, 0, 1)
    style = rng.random()
    if style < 0.4:  # pan head
        cap = head * np.sqrt(np.clip(1 - (1 - inside) ** 2 * 0.8, 0, 1))
    elif style < 0.7:  # countersunk
        cap = head - (head - shaft) * inside
    else:  # cylinder or hexagon
        cap = np.full_like(x, head)
    radius = np.where(x < neck, cap, thread)
    radius = np.where((x >= start) & (x <= length / 2), radius, 0.0)
    canvas.revolve(radius, metal, 140, head)
    if style >= 0.7:
        for side in (-1, 1):
            canvas.rect(start + head_length / 2, side * head * 0.5, head_length, 0.2, vary((110, 112, 112), rng))
    canvas.rect(start + 0.25, 0, 0.5, head * 0.4, (45, 45, 45))
    # the shadow side of the thread, which the lamp alone leaves too flat at this scale
    slant = shaft * 0.35
    for crest in np.arange(neck + pitch, length / 2 - pitch, max(pitch, 2.2 * mm_per_px)):
        reach = float(np.interp(crest, x, radius)) * 0.9
        dark: Bgr = (int(metal[0] * 0.72), int(metal[1] * 0.72), int(metal[2] * 0.72))
        canvas.stroke([[crest - slant, -reach], [crest + slant, reach]], pitch * 0.35, dark)
    canvas.grain(0.05)
    if rng.random() < 0.4:
        canvas.dirt(0.6, (30, 55, 95))
    return canvas


def nut_washer(rng: np.random.Generator, mm_per_px: float) -> Canvas:
    """A hexagon nut or a flat washer, lying flat; the belt shows through the hole."""
    radius = float(rng.uniform(2.8, 7.2))
    canvas = Canvas(2 * radius, 2 * radius, mm_per_px, rng)
    metal = pick(rng, METALS)
    if rng.random() < 0.5:
        thick = radius * 0.85
        canvas.polygon(ellipse(0, 0, radius, radius, 6), metal, thick * 0.85, 150)
        canvas.disc(0, 0, radius * 0.84, metal, thick, 150)
        bore = radius * float(rng.uniform(0.48, 0.56))
        canvas.disc(0, 0, bore * 1.15, vary((95, 97, 97), rng), thick * 0.8, 60)
    else:
        thick = float(rng.uniform(0.8, 1.6))
        canvas.disc(0, 0, radius, metal, thick, 150)
        bore = radius * float(rng.uniform(0.4, 0.6))
        if rng.random() < 0.3:  # spring washer: split and a little thicker
            canvas.roughen(0.2, radius)
            canvas.hole([[bore * 0.8, -0.3], [radius + 1, -0.7], [radius + 1, 0.2], [bore * 0.8, 0.5]])
    canvas.hole(ellipse(0, 0, bore, bore))
    canvas.grain(0.06, 0.25)
    if rng.random() < 0.4:
        canvas.dirt(0.7, (30, 55, 95))
    return canvas


def cable(rng: np.random.Generator, mm_per_px: float) -> Canvas:
    """A piece of cable that lies in curls, with bare copper or a plug at its ends."""
    thickness = float(rng.uniform(2.0, 4.2))
    path = _curl(float(rng.uniform(45, 120)), rng)
    path -= (path.max(axis=0) + path.min(axis=0)) / 2
    extent = path.max(axis=0) - path.min(axis=0) + 2 * thickness + 8.0
    canvas = Canvas(float(extent[0]), float(extent[1]), mm_per_px, rng)
    jacket = pick(
        rng,
        [(24, 24, 24), (26, 25, 24), (215, 215, 215), (40, 40, 190), (170, 90, 40), (140, 142, 142), (40, 190, 220)],
        6,
    )
    for end, inner in ((path[0], path[3]), (path[-1], path[-4])):
        outward = (end - inner) / np.hypot(*(end - inner))
        if rng.random() < 0.55:
            _bare_ends(canvas, end, outward, thickness, rng)
        else:
            _plug(canvas, end, outward, thickness, jacket, rng)
    canvas.wire(path, thickness, jacket, 0.0, 90)
    canvas.grain(0.04)
    return canvas


def _curl(length_mm: float, rng: np.random.Generator) -> NDArray[np.float64]:
    """A smooth wandering line of the given length that keeps within a hand's breadth, N x 2 in mm."""
    steps = 60
    share = np.linspace(0, 1, steps)
    bend = np.zeros(steps)
    for order in (1, 2, 3):
        bend += rng.normal(0, 2.0 / order) * np.sin(np.pi * order * share + rng.uniform(0, 2 * np.pi))
    bend += rng.normal(0, 3.0) * share
    stride = length_mm / steps
    return np.cumsum(np.stack([np.cos(bend), np.sin(bend)], 1) * stride, axis=0)


def _bare_ends(
    canvas: Canvas, end: NDArray[np.float64], outward: NDArray[np.float64], thickness: float, rng: np.random.Generator
) -> None:
    for spread in rng.normal(0, 0.35, int(rng.integers(2, 5))):
        across = np.array([-outward[1], outward[0]]) * spread
        tip = end + (outward + across) * rng.uniform(2.5, 4.0)
        canvas.wire([end - outward, tip], 0.7, vary((70, 120, 200), rng), thickness * 0.3, 180)


def _plug(
    canvas: Canvas,
    end: NDArray[np.float64],
    outward: NDArray[np.float64],
    thickness: float,
    jacket: Bgr,
    rng: np.random.Generator,
) -> None:
    across = np.array([-outward[1], outward[0]])
    half = thickness * 0.9
    shell = TIN if rng.random() < 0.7 else GOLD
    canvas.stroke([end, end + outward * 3.6], thickness * 0.9, shell, thickness * 0.9, 190)
    grip = np.array([end - outward * 5 + across * half, end + outward * 1 + across * half])
    grip = np.concatenate([grip, grip[::-1] - 2 * across * half])
    canvas.polygon(grip, vary(jacket, rng, 4), thickness * 1.3, 70)


def waste(rng: np.random.Generator, mm_per_px: float) -> Canvas:
    """What does not belong here: glass, paper, cardboard, foam."""
    kinds = (_glass, _paper, _cardboard, _foam)
    return kinds[int(rng.integers(len(kinds)))](rng, mm_per_px)


def _glass(rng: np.random.Generator, mm_per_px: float) -> Canvas:
    length, width = rng.uniform(15, 50), rng.uniform(12, 35)
    canvas = Canvas(float(length), float(width), mm_per_px, rng)
    shard = ragged(float(length), float(width), rng, 0.5)
    canvas.polygon(shard, vary((170, 172, 150), rng), 2.5, 160)
    canvas.polygon(shard * 0.9, vary((138, 146, 118), rng), 3.0, 200)
    for _ in range(3):
        start = rng.uniform(-0.3, 0.3, 2) * (length, width)
        canvas.stroke([start, start + rng.normal(0, 6, 2)], 0.4, (215, 222, 210))
    canvas.scratches(5, (205, 210, 200))
    return canvas


def _paper(rng: np.random.Generator, mm_per_px: float) -> Canvas:
    length, width = float(rng.uniform(20, 60)), float(rng.uniform(15, 45))
    canvas = Canvas(length, width, mm_per_px, rng)
    canvas.polygon(ragged(length, width, rng, 0.35), vary((212, 216, 218), rng), 4.0, 10)
    for line in np.arange(-width * 0.3, width * 0.3, 2.6):
        if rng.random() < 0.6:
            reach = float(rng.uniform(0.1, 0.35)) * length
            canvas.stroke([[-length * 0.3, line], [reach, line]], 0.8, (120, 118, 118))
    canvas.roughen(1.6, 6.0)
    canvas.roughen(0.5, 2.0)
    return canvas


def _cardboard(rng: np.random.Generator, mm_per_px: float) -> Canvas:
    length, width = float(rng.uniform(18, 60)), float(rng.uniform(15, 45))
    canvas = Canvas(length, width, mm_per_px, rng)
    canvas.polygon(ragged(length, width, rng, 0.35), vary((95, 140, 178), rng), 4.0, 10)
    canvas.tint(1 + 0.07 * np.sin(canvas.x_mm * 2 * np.pi / 4.5))  # the flutes inside
    canvas.roughen(0.4, 8.0)
    canvas.grain(0.05, 0.5, 6.0)
    canvas.dirt(0.5)
    return canvas


def _foam(rng: np.random.Generator, mm_per_px: float) -> Canvas:
    length, width = float(rng.uniform(15, 45)), float(rng.uniform(12, 35))
    canvas = Canvas(length, width, mm_per_px, rng)
    colour = pick(rng, [(225, 228, 228), (225, 228, 228), (215, 170, 110), (190, 160, 225)])
    canvas.polygon(ragged(length, width, rng, 0.45), colour, 12.0, 5)
    canvas.roughen(0.5, 1.6)
    canvas.grain(0.05, 1.2)
    return canvas


PAINTERS: Mapping[str, Painter] = {
    "screw": screw,
    "nut_washer": nut_washer,
    "cable": cable,
    "other": waste,
}
