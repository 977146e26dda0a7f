"""Tantalum and ceramic capacitors."""

from collections.abc import Mapping

import numpy as np

from sim.render.canvas import Canvas, Painter
from sim.render.dice import chance, look, one_of, tone
from sim.render.looks import STEEL, WHITE_PRINT, aslant, code, lead, metal, tips, worn
from sim.render.shapes import Bgr, ellipse, rounded_rect, vary
from sim.render.solids import Body, Paint
from sim.render.textures import Texture


def capacitor_ta(rng: np.random.Generator, mm_per_px: float) -> Canvas:
    """A tantalum capacitor: moulded chip, dipped drop, or wet axial can."""
    return look(rng, ((0.6, _moulded), (0.33, _drop), (0.07, _hermetic)))(rng, mm_per_px)


def _moulded(rng: np.random.Generator, mm_per_px: float) -> Canvas:
    body = Body(rng)
    length, width, high = one_of(
        rng, ((3.2, 1.6, 1.6), (3.5, 2.8, 1.9), (6.0, 3.2, 2.5), (7.3, 4.3, 2.8), (7.3, 4.3, 4.1), (7.3, 6.0, 3.5))
    )
    coat, stripe = one_of(
        rng,
        (
            ((30, 165, 235), (20, 45, 110)),
            ((25, 140, 240), (25, 70, 150)),
            ((60, 190, 235), (30, 60, 130)),
            ((95, 200, 235), (40, 70, 120)),
            ((28, 28, 30), (200, 200, 200)),
            ((30, 30, 32), (90, 190, 215)),
            ((40, 115, 200), (25, 40, 90)),
            ((26, 26, 28), (150, 150, 150)),
        ),
    )
    coat, stripe = vary(coat, rng, 8), vary(stripe, rng, 8)
    top = Texture(length, width, mm_per_px, coat)
    top.rect(-length * 0.39, 0, length * float(rng.uniform(0.14, 0.22)), width, stripe)
    ink = (35, 45, 70) if sum(coat) > 150 else WHITE_PRINT
    top.text(
        one_of(rng, ("107", "226", "477", "336", "106", "476", "100", "47", "22")),
        length * 0.08,
        -width * 0.16,
        width * 0.28,
        ink,
    )
    top.text(one_of(rng, ("16V", "6V", "25V", "10V", "35K", "20", "J8")), length * 0.08, width * 0.2, width * 0.22, ink)
    ends = Texture(length, high, mm_per_px, coat)
    body.box((0, 0, high / 2), (length - 0.5, width, high), Paint(coat, 80), top, None, ends, 0.05)
    tab = metal(rng)
    for side in (-1, 1):
        body.box((side * (length / 2 - 0.14), 0, high * 0.22), (0.28, width * 0.6, high * 0.44), tab)
        body.box((side * length * 0.38, 0, 0.0), (length * 0.22, width * 0.6, 0.14), tab)
    up = one_of(rng, ((0, 0, 1), (0, 0, 1), (0, 0, 1), (0, 0, -1), (0, 1, 0)))
    return worn(body.drawn(mm_per_px, up, aslant(rng)), rng)


def _drop(rng: np.random.Generator, mm_per_px: float) -> Canvas:
    """A dipped drop with two leads, as wide as a pea."""
    body = Body(rng)
    radius = float(rng.uniform(1.8, 4.2))
    long = radius * float(rng.uniform(1.1, 1.5))
    coat = tone(rng, [(40, 140, 215), (35, 120, 200), (60, 170, 225), (150, 90, 30), (45, 60, 170), (70, 130, 190)])
    share = np.linspace(0, np.pi, 24)
    taper = 1 - 0.25 * (0.5 + 0.5 * np.cos(share)) ** 2
    profile = np.column_stack([-long * np.cos(share), radius * np.sin(share) ** 0.85 * taper])
    wrap = Texture(2 * long, 2 * np.pi * radius, mm_per_px, coat)
    wrap.mottle(rng, 0.04, 0.7)
    ink = tone(rng, [(30, 30, 40), (30, 40, 110), (200, 200, 200)])
    for side in (-0.25, 0.25):
        y, cap = side * 2 * np.pi * radius, radius * 0.42
        wrap.text(one_of(rng, ("10", "4.7", "22", "1", "47", "2.2", "106")), 0, y - cap * 0.8, cap, ink, 3)
        wrap.text(one_of(rng, ("16", "25", "35", "16V", "6V3")), long * 0.35, y - cap * 0.2, cap * 0.8, ink, 3)
        wrap.rect(-long * 0.1, y + cap * 1.6, long * 0.9, cap * 0.45, ink)
    body.revolve(profile, Paint(coat, 190), axis=(1, 0, 0), texture=wrap, squeeze=float(rng.uniform(0.7, 1.0)))
    leg, reach = metal(rng), float(rng.uniform(1, 9))
    for side in (-1, 1):
        tips(body, lead(rng, (-long * 0.85, side * radius * 0.3, 0), (-1, side * 0.15, 0), reach, 0.9), 0.26, leg)
    return worn(body.drawn(mm_per_px, (0, rng.normal(0, 0.7), 1), min(aslant(rng), 50)), rng)


def _hermetic(rng: np.random.Generator, mm_per_px: float) -> Canvas:
    body = Body(rng)
    half, radius = float(rng.uniform(4, 8)), float(rng.uniform(1.7, 3.4))
    shell = metal(rng, [STEEL, (150, 165, 175)])
    wrap = Texture(2 * half, 2 * np.pi * radius, mm_per_px, shell.bgr)
    for side in (-1, 0, 1):
        wrap.text(code(rng, "00uF 00V"), 0, side * radius * 2, radius * 0.42, (45, 45, 48))
    body.revolve(
        [(-half, 0), (-half, radius), (half * 0.9, radius), (half, radius * 0.4), (half, 0)],
        shell,
        axis=(1, 0, 0),
        texture=wrap,
    )
    for side in (-1, 1):
        tips(body, lead(rng, (side * half, 0, 0), (side, 0, 0), float(rng.uniform(1, 10))), 0.32, metal(rng))
    return worn(body.drawn(mm_per_px, (0, 0, 1), min(aslant(rng), 40)), rng)


def capacitor_ceramic(rng: np.random.Generator, mm_per_px: float) -> Canvas:
    """A ceramic capacitor: disc, dipped multilayer block or chip."""
    return look(rng, ((0.42, _disc), (0.36, _dipped), (0.22, _multilayer_chip)))(rng, mm_per_px)


_DIPS: list[Bgr] = [
    (55, 120, 190),
    (40, 105, 180),
    (30, 110, 215),
    (25, 120, 225),
    (190, 120, 50),
    (200, 100, 30),
    (70, 150, 215),
    (60, 190, 225),
    (35, 75, 140),
    (70, 110, 150),
    (110, 150, 90),
    (50, 60, 150),
]


def _crimped(
    rng: np.random.Generator, body: Body, x: float, y: float, out: float, radius: float, leg: Paint, coat: Bgr
) -> None:
    """A lead that leaves the coat at (x, y) along -x, with an outward or inward crimp now and then."""
    reach = float(rng.uniform(1.0, 4.0) if chance(rng, 0.5) else rng.uniform(4.0, 11.0))
    if chance(rng, 0.4):
        bow = out * float(rng.uniform(0.4, 1.4))
        path = np.array(
            [
                (x, y, 0),
                (x - 0.8, y, 0),
                (x - 1.8, y + bow, 0),
                (x - 2.8, y + bow * 0.2, 0),
                (x - 2.8 - reach, y + bow * 0.2 + rng.normal(0, 0.1) * reach, rng.normal(0, 0.2) * reach),
            ]
        )
    else:
        path = lead(rng, (x, y, 0), (-1, out * 0.1, 0), reach + 0.8, 0.9)
    tips(body, path, radius, leg)
    if chance(rng, 0.6):  # the coat creeps down the lead
        run = float(rng.uniform(0.4, 1.4))
        body.revolve(
            [(-0.4, 0.75), (run * 0.5, radius * 1.9), (run, radius * 0.9)], Paint(coat, 110), (x, y, 0), (-1, 0, 0)
        )


def _disc(rng: np.random.Generator, mm_per_px: float) -> Canvas:
    body = Body(rng)
    radius = float(rng.uniform(2.0, 6.5) if chance(rng, 0.85) else rng.uniform(6.5, 9.0))
    half = float(np.clip(radius * rng.uniform(0.25, 0.4), 0.9, 2.2))
    coat = tone(rng, _DIPS)
    share = np.linspace(0, np.pi, 26)
    profile = np.column_stack([-half * np.cos(share), radius * np.sin(share) ** 0.5])
    face = Texture(2 * radius, 2 * radius, mm_per_px, coat)
    ink, cap = (25, 30, 45) if sum(coat) > 250 else (190, 192, 195), radius * float(rng.uniform(0.3, 0.45))
    lines = [one_of(rng, ("104", "103", "222", "471", "10n", "22", "101", "332", "47J"))]
    if chance(rng, 0.5):
        lines.append(one_of(rng, ("1KV", "50V", "2KV", "Z5U", "K5R", "X1 Y2")))
    for row, line in enumerate(lines):
        face.text(line, -radius * 0.05, (row - (len(lines) - 1) / 2) * cap * 1.6, cap, ink)
    body.revolve(profile, Paint(coat, 130))
    _printed_face(body, face, radius * 0.62, half, Paint(coat, 130))
    leg, spread = metal(rng), radius * float(rng.uniform(0.35, 0.6))
    for side in (-1, 1):
        edge = -np.sqrt(max(radius**2 - spread**2, 0)) * 0.96
        _crimped(rng, body, float(edge), side * spread, side, 0.27, leg, coat)
    up = one_of(rng, ((0, 0, 1), (0, 0, 1), (0, 0, -1), (0, 1, 0.5)))
    return worn(body.drawn(mm_per_px, up, min(aslant(rng), 60)), rng)


def _printed_face(body: Body, face: Texture, reach: float, level: float, paint: Paint) -> None:
    """A flat disc just above a bulging face, so that its print shows."""
    body.prism(ellipse(0, 0, reach, reach), level * 0.97, level * 1.01, paint, face, None)


def _dipped(rng: np.random.Generator, mm_per_px: float) -> Canvas:
    """A rounded square block with two leads."""
    body = Body(rng)
    length = float(rng.uniform(3.2, 7.5))
    width, half = length * float(rng.uniform(0.85, 1.15)), float(np.clip(length * rng.uniform(0.25, 0.34), 1.0, 1.9))
    coat = tone(rng, _DIPS[1:8])
    face = Texture(length, width, mm_per_px, coat)
    ink, cap = tone(rng, [(30, 40, 70), (35, 35, 40), (40, 60, 110)]), width * 0.2
    for row in range(int(rng.integers(1, 4))):
        line = code(rng, one_of(rng, ("000", "00A", "0A0", "A0A", "A00")))
        face.text(line, 0, (row - 1) * cap * 1.5, cap, ink, 1)
    glaze = Paint(coat, 200)
    for inset, level in ((0.0, 0.55), (0.06, 0.8), (0.14, 0.95), (0.24, 1.0)):
        outline = rounded_rect(0, 0, length * (1 - inset), width * (1 - inset), length * 0.3)
        body.prism(outline, -half * level, half * level, glaze, face if level == 1.0 else None, None)
    leg, spread = metal(rng), width * float(rng.uniform(0.25, 0.4))
    for side in (-1, 1):
        _crimped(rng, body, -length * 0.46, side * spread, side, 0.27, leg, coat)
    up = one_of(rng, ((0, 0, 1), (0, 0, 1), (0, 0, -1), (0, 1, 0.4)))
    return worn(body.drawn(mm_per_px, up, min(aslant(rng), 60)), rng)


def _multilayer_chip(rng: np.random.Generator, mm_per_px: float) -> Canvas:
    body = Body(rng)
    length, width, high = one_of(
        rng, ((2.0, 1.25, 1.25), (3.2, 1.6, 1.2), (3.2, 2.5, 2.0), (4.5, 3.2, 2.0), (5.7, 5.0, 2.4))
    )
    cap = length * float(rng.uniform(0.14, 0.22))
    clay = tone(
        rng, [(95, 135, 170), (110, 150, 180), (120, 140, 150), (85, 110, 135), (150, 175, 195), (130, 130, 130)]
    )
    body.box((0, 0, high / 2), (length - 2 * cap, width, high), Paint(clay, 70))
    for side in (-1, 1):
        body.box((side * (length - cap) / 2, 0, high / 2), (cap, width * 1.04, high * 1.04), metal(rng, share=0.5))
    up = one_of(rng, ((0, 0, 1), (0, 1, 0), (0, 0, 1)))
    return worn(body.drawn(mm_per_px, up, aslant(rng)), rng)


PAINTERS: Mapping[str, Painter] = {"capacitor_ta": capacitor_ta, "capacitor_ceramic": capacitor_ceramic}
