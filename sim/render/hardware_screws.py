"""Screws, bolts, studs."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from sim.render.canvas import Canvas, Painter
from sim.render.dice import chance, dimmed, look, one_of, tone
from sim.render.looks import aslant, code, metal, polar
from sim.render.shapes import Bgr, ellipse
from sim.render.solids import Body, Paint
from sim.render.textures import Texture

METALS: list[Bgr] = [
    (190, 192, 192),
    (205, 206, 205),
    (175, 178, 180),
    (140, 172, 192),
    (120, 185, 215),
    (170, 172, 172),
]
_BLACKED: list[Bgr] = [(48, 48, 50), (62, 62, 66), (40, 42, 46), (70, 66, 62)]
_PLATED: list[Bgr] = [(110, 175, 200), (95, 160, 190), (90, 150, 205), (130, 180, 185)]
_BRASS: list[Bgr] = [(70, 160, 205), (80, 150, 190)]
_COPPERY: list[Bgr] = [(60, 105, 190), (70, 110, 160)]
_RUSTY: list[Bgr] = [(50, 75, 115), (60, 85, 120), (45, 65, 95)]


def finish(rng: np.random.Generator) -> Paint:
    """Zinc or stainless, black, yellow-plated, brass, copper, rusted."""
    kind = int(rng.choice(6, p=[0.64, 0.15, 0.09, 0.05, 0.02, 0.05]))
    colours = (METALS, _BLACKED, _PLATED, _BRASS, _COPPERY, _RUSTY)[kind]
    return metal(rng, colours, float(rng.uniform(0.0, 0.3)) if kind == 5 else float(rng.uniform(0.45, 1.0)))


def used(canvas: Canvas, rng: np.random.Generator) -> Canvas:
    """Grain, grease, scratches."""
    canvas.grain(float(rng.uniform(0.02, 0.08)), 0.25)
    if chance(rng, 0.3):
        canvas.dirt(float(rng.uniform(0.4, 1.2)), tone(rng, [(30, 55, 95), (40, 48, 55), (35, 70, 120)]))
    if chance(rng, 0.2):
        canvas.scratches(int(rng.integers(1, 6)), tone(rng, [(215, 216, 216), (60, 62, 62)]))
    return canvas


def screw(rng: np.random.Generator, mm_per_px: float) -> Canvas:
    """A screw: machine, wood or sheet-metal, hexagon bolt, socket head, micro, set screw, anchor, standoff."""
    looks = (
        (0.28, _machine),
        (0.27, _self_tapping),
        (0.22, _bolt),
        (0.09, _socket_head),
        (0.06, _set_screw),
        (0.04, _anchor),
        (0.04, _standoff),
    )
    return look(rng, looks)(rng, mm_per_px)


def _recess(rng: np.random.Generator, mm_per_px: float, radius: float, paint: Paint) -> Texture:
    """The drive seen from above: cross, pozidriv, slot, Torx, hexagon, tri-wing, security pin."""
    face = Texture(2 * radius, 2 * radius, mm_per_px, paint.bgr)
    deep, mid = dimmed(paint.bgr, 0.22), dimmed(paint.bgr, 0.5)
    turn = float(rng.uniform(0, 360))
    kind = one_of(rng, ("cross", "cross", "cross", "pozi", "slot", "torx", "hex", "tri", "pent"))

    def bar(angle: float, reach: float, wide: float, bgr: Bgr) -> None:
        tip = polar(reach, angle + turn)
        face.stroke([-tip, tip], wide, bgr)

    if kind in ("cross", "pozi"):
        for angle in (0, 90):
            bar(angle, radius * 0.6, radius * 0.26, mid)
            bar(angle, radius * 0.5, radius * 0.16, deep)
        face.disc(0, 0, radius * 0.2, deep)
        if kind == "pozi":
            for angle in (45, 135):
                bar(angle, radius * 0.5, radius * 0.05, mid)
    elif kind == "slot":
        bar(0, radius * 0.98, radius * 0.24, deep)
    elif kind == "tri":
        for angle in (0, 120, 240):
            face.stroke(np.stack([np.zeros(2), polar(radius * 0.55, angle + turn)]), radius * 0.2, deep)
    else:
        corners = {"torx": 6, "hex": 6, "pent": 5}[kind]
        angles = np.linspace(0, 360, 60, endpoint=False)
        rim = polar(radius, angles + turn) * (0.42 + 0.08 * np.cos(np.deg2rad(angles * corners)))[:, None]
        face.polygon(ellipse(0, 0, radius * 0.46, radius * 0.46, 6) if kind == "hex" else rim, deep)
        if chance(rng, 0.2):
            face.disc(0, 0, radius * 0.1, mid)
    face.mottle(rng, 0.03, 0.3)
    return face


def _shaft(
    body: Body,
    paint: Paint,
    start: float,
    end: float,
    radius: float,
    pitch: float,
    depth: float,
    point: float,
    plain: float = 0.0,
) -> None:
    """A threaded shaft along x from `start` to `end`; `plain` of it smooth, `point` the length of its taper."""
    thread = (start + plain, end - point * 0.15, pitch, depth)
    if point > 0:
        profile = [(start, radius), (end - point, radius), (end - point * 0.35, radius * 0.5), (end, 0.0)]
    else:
        profile = [(start, radius), (end - radius * 0.25, radius), (end, radius * 0.75), (end, 0.0)]
    body.revolve(profile, paint, axis=(1, 0, 0), thread=thread)


def _head_profile(kind: str, head: float, high: float, shaft: float) -> list[tuple[float, float]]:
    """From the top of the head (x = 0) to the shaft (x = high)."""
    arc = np.linspace(0, np.pi / 2, 8)
    if kind == "countersunk":
        return [(0, 0), (0, head), (high * 0.12, head), (high, shaft)]
    if kind == "raised":
        dome = [(high * 0.3 * (1 - np.sin(a)), head * np.cos(a)) for a in arc[::-1]]
        return [*dome, (high * 0.4, head), (high, shaft)]
    if kind == "pan":
        dome = [(high * 0.55 * (1 - np.sin(a)), head * (0.35 + 0.65 * np.cos(a))) for a in arc[::-1]]
        return [(0, 0), *dome, (high, head), (high, shaft)]
    if kind == "washer":
        return [
            (0, 0),
            (0, head * 0.62),
            (high * 0.5, head * 0.7),
            (high * 0.7, head * 0.7),
            (high * 0.75, head),
            (high, head),
            (high, shaft),
        ]
    if kind == "cheese":
        return [(0, 0), (0, head * 0.92), (high * 0.12, head), (high, head), (high, shaft)]
    return [(0, 0), (0, head), (high, head), (high, shaft)]  # wafer


def _driven_face(body: Body, rng: np.random.Generator, mm_per_px: float, head: float, paint: Paint) -> None:
    """The drive on the head's top, which looks along -x."""
    face = _recess(rng, mm_per_px, head * 0.86, paint)
    reach = head * 0.86
    body.plane((-0.03, reach, -reach), (0, -2 * reach, 0), (0, 0, 2 * reach), paint, face)


_POSES: Sequence[tuple[float, float, float]] = ((0, 0, 1), (0, 0, 1), (0, 0, 1), (-0.12, 0, 1), (0.1, 0, 1))


def _pose(rng: np.random.Generator, length: float, head: float) -> tuple[float, float, float]:
    """Mostly lying; short ones also stand on the head or on the tip of the shaft."""
    if length < 4.5 * head and chance(rng, 0.3):
        return one_of(rng, ((-1.0, 0.0, 0.1), (1.0, 0.0, 0.0), (1.0, 0.1, 0.0)))
    if chance(rng, 0.15):
        return (-float(rng.uniform(0.2, 0.9)), float(rng.normal(0, 0.3)), 1.0)
    return one_of(rng, _POSES)


def _seen(body: Body, rng: np.random.Generator, mm_per_px: float, length: float, head: float) -> Canvas:
    return used(body.drawn(mm_per_px, _pose(rng, length, head), aslant(rng)), rng)


def _machine(rng: np.random.Generator, mm_per_px: float) -> Canvas:
    body, paint = Body(rng), finish(rng)
    size = float(one_of(rng, (1.2, 1.4, 1.6, 2.0, 2.0, 2.5, 3.0, 3.0, 4.0, 5.0)))
    shaft, head = size / 2, size * float(rng.uniform(0.85, 1.05))
    kind = one_of(rng, ("pan", "pan", "countersunk", "raised", "cheese", "wafer", "washer"))
    high = size * {"wafer": 0.28, "countersunk": 0.6, "raised": 0.75, "washer": 0.9}.get(kind, 0.65)
    length = high + size * float(rng.uniform(1.2, 4.0) if chance(rng, 0.5) else rng.uniform(3.0, 9.0))
    pitch = max(size * 0.2, 1.4 * mm_per_px)
    body.revolve(_head_profile(kind, head, high, shaft), paint, axis=(1, 0, 0))
    _driven_face(body, rng, mm_per_px, head * (0.9 if kind != "washer" else 0.6), paint)
    _shaft(body, paint, high, length, shaft, pitch, min(pitch * 0.55, shaft * 0.3), 0.0)
    if chance(rng, 0.12):  # thread lock
        lock = Paint(tone(rng, [(190, 90, 40), (60, 60, 200), (80, 160, 60)]), 40)
        place = high + (length - high) * 0.45
        body.revolve([(place, shaft * 1.02), (place + size, shaft * 1.02)], lock, axis=(1, 0, 0))
    return _seen(body, rng, mm_per_px, length, head)


def _self_tapping(rng: np.random.Generator, mm_per_px: float) -> Canvas:
    """A pointed screw for wood, sheet metal or plastic: deep coarse thread."""
    body, paint = Body(rng), finish(rng)
    size = float(one_of(rng, (1.7, 2.2, 2.6, 2.9, 3.0, 3.5, 3.5, 4.0, 5.0)))
    shaft, head = size / 2, size * float(rng.uniform(0.85, 1.05))
    kind = one_of(rng, ("countersunk", "countersunk", "pan", "pan", "raised", "washer"))
    high = size * {"countersunk": 0.65, "raised": 0.75, "washer": 0.8}.get(kind, 0.62)
    length = high + size * float(rng.uniform(2.0, 5.0) if chance(rng, 0.55) else rng.uniform(5.0, 13.0))
    pitch = max(size * float(rng.uniform(0.35, 0.5)), 1.6 * mm_per_px)
    body.revolve(_head_profile(kind, head, high, shaft * 0.75), paint, axis=(1, 0, 0))
    _driven_face(body, rng, mm_per_px, head * (0.9 if kind != "washer" else 0.6), paint)
    plain = (length - high) * float(rng.uniform(0.25, 0.45)) if length > 8 * size and chance(rng, 0.5) else 0.0
    blunt = chance(rng, 0.2)
    _shaft(
        body,
        paint,
        high,
        length,
        shaft,
        pitch,
        shaft * float(rng.uniform(0.3, 0.45)),
        0.0 if blunt else size * float(rng.uniform(1.0, 1.8)),
        plain,
    )
    return _seen(body, rng, mm_per_px, length, head)


def hexagon(across: float, turn: float = 0.0) -> NDArray[np.float64]:
    """Corners of a hexagon `across` wide over its flats."""
    return polar(across / np.sqrt(3), np.arange(6) * 60.0 + turn)


def _bolt(rng: np.random.Generator, mm_per_px: float) -> Canvas:
    """A hexagon bolt, z along the shaft, head at the bottom."""
    body, paint = Body(rng), finish(rng)
    size = float(one_of(rng, (3.0, 4.0, 5.0, 6.0, 6.0, 8.0, 8.0, 10.0)))
    across, high = size * float(rng.uniform(1.55, 1.8)), size * 0.66
    length = high + size * float(rng.uniform(1.2, 4.0) if chance(rng, 0.65) else rng.uniform(4.0, 8.0))
    length = min(length, 75.0)
    face = Texture(across * 1.16, across, mm_per_px, dimmed(paint.bgr, 0.85))
    face.disc(0, 0, across * 0.47, paint.bgr)
    mark = dimmed(paint.bgr, 0.55)
    face.text(one_of(rng, ("8.8", "10.9", "4.6", "A2-70", "THE", "12.9")), 0, -across * 0.14, across * 0.16, mark)
    face.text(code(rng, "AA"), 0, across * 0.18, across * 0.14, mark)
    body.prism(hexagon(across), 0, high, paint, None, face)
    body.revolve([(-0.15, across * 0.44), (0.0, across * 0.5)], paint)
    if chance(rng, 0.2):
        body.prism(ellipse(0, 0, across * 0.66, across * 0.66), high, high + size * 0.15, paint)
    pitch = max(size * 0.165, 1.5 * mm_per_px)
    plain = (length - high) * float(rng.uniform(0.3, 0.6)) if chance(rng, 0.4) else 0.0
    radius = size / 2
    profile = [(high, radius), (length - radius * 0.3, radius), (length, radius * 0.72), (length, 0.0)]
    body.revolve(profile, paint, thread=(high + plain, length, pitch, min(pitch * 0.6, radius * 0.3)))
    if chance(rng, 0.08):  # its nut is still on
        place = high + (length - high) * float(rng.uniform(0.3, 0.8))
        body.prism(hexagon(across, float(rng.uniform(0, 60))), place, place + size * 0.8, paint)
    flat = np.deg2rad(float(rng.choice([0.0, 30.0])))
    lying = (np.cos(flat), np.sin(flat), float(rng.normal(0, 0.1)))
    slanted = (np.cos(flat), np.sin(flat), float(rng.uniform(-1.2, 0.8)))
    ups = [lying, lying, lying, slanted, slanted]
    if length < 4.5 * size:
        ups += [(0.0, 0.0, 1.0), (0.0, 0.0, -1.0), (0.1, 0.0, 1.0)]
    return used(body.drawn(mm_per_px, one_of(rng, ups), aslant(rng)), rng)


def _socket_head(rng: np.random.Generator, mm_per_px: float) -> Canvas:
    body, paint = Body(rng), finish(rng)
    if chance(rng, 0.5):
        paint = metal(rng, _BLACKED, 0.5)
    size = float(one_of(rng, (2.0, 2.5, 3.0, 4.0, 5.0, 6.0)))
    head, shaft, high = size * 0.9, size / 2, size
    button = chance(rng, 0.3)
    length = high + size * float(rng.uniform(1.5, 7.0))
    profile = _head_profile("pan" if button else "cheese", head * 1.05, high * (0.6 if button else 1.0), shaft)
    body.revolve([(x + (high * 0.4 if button else 0.0), r) for x, r in profile], paint, axis=(1, 0, 0))
    face = Texture(1.5 * head, 1.5 * head, mm_per_px, paint.bgr)
    face.polygon(ellipse(0, 0, size * 0.48, size * 0.48, 6), dimmed(paint.bgr, 0.2))
    level = high * 0.4 - 0.03 if button else -0.03
    body.plane((level, head * 0.75, -head * 0.75), (0, -1.5 * head, 0), (0, 0, 1.5 * head), paint, face)
    if not button:  # knurls
        knurl = polar(head, np.arange(0, 360, 12.0))
        body.box([(high * 0.55, y, z) for y, z in knurl.tolist()], (high * 0.75, head * 0.09, head * 0.09), paint)
    pitch = max(size * 0.17, 1.5 * mm_per_px)
    _shaft(body, paint, high, length, shaft, pitch, min(pitch * 0.6, shaft * 0.3), 0.0)
    return _seen(body, rng, mm_per_px, length, head)


def _set_screw(rng: np.random.Generator, mm_per_px: float) -> Canvas:
    """No head: thread from end to end, and a drive in one face."""
    body, paint = Body(rng), finish(rng)
    size = float(one_of(rng, (3.0, 4.0, 5.0, 6.0)))
    length, radius = size * float(rng.uniform(0.8, 3.0)), size / 2
    pitch = max(size * 0.18, 1.5 * mm_per_px)
    profile = [
        (0, 0),
        (0, radius * 0.75),
        (radius * 0.3, radius),
        (length - radius * 0.3, radius),
        (length, radius * 0.4),
        (length, 0),
    ]
    body.revolve(profile, paint, axis=(1, 0, 0), thread=(0.1, length - 0.1, pitch, min(0.6 * pitch, radius * 0.3)))
    face = Texture(1.2 * radius, 1.2 * radius, mm_per_px, paint.bgr)
    face.polygon(ellipse(0, 0, radius * 0.52, radius * 0.52, 6), dimmed(paint.bgr, 0.2))
    body.plane((-0.03, radius * 0.6, -radius * 0.6), (0, -1.2 * radius, 0), (0, 0, 1.2 * radius), paint, face)
    return _seen(body, rng, mm_per_px, length, radius)


def _anchor(rng: np.random.Generator, mm_per_px: float) -> Canvas:
    """A self-drilling anchor: a cone with a very coarse thread and a wide collar."""
    body = Body(rng)
    paint = metal(rng, METALS) if chance(rng, 0.7) else Paint(tone(rng, [(205, 210, 212), (120, 125, 130)]), 50)
    length, radius = float(rng.uniform(22, 38)), float(rng.uniform(3.6, 5.0))
    body.revolve([(0, 0), (0, radius * 1.5), (1.2, radius * 1.5), (1.2, radius)], paint, axis=(1, 0, 0))
    profile = [(1.2, radius), (length * 0.75, radius * 0.72), (length * 0.85, radius * 0.3), (length, 0)]
    body.revolve(profile, paint, axis=(1, 0, 0), thread=(1.5, length * 0.85, length / 8, radius * 0.35))
    _driven_face(body, rng, mm_per_px, radius, paint)
    return _seen(body, rng, mm_per_px, length, radius)


def _standoff(rng: np.random.Generator, mm_per_px: float) -> Canvas:
    """A hexagon spacer with a male thread."""
    body, paint = Body(rng), metal(rng, [*_BRASS, *METALS[:2], *_BLACKED[:1]])
    across, high = float(one_of(rng, (4.5, 5.0, 5.5))), float(rng.uniform(5, 20))
    top = Texture(across * 1.16, across, mm_per_px, paint.bgr)
    top.disc(0, 0, across * 0.26, (30, 32, 34))
    body.prism(hexagon(across), 0, high, paint, top, None)
    size = across * 0.28
    pitch = max(0.5, 1.5 * mm_per_px)
    body.revolve([(-6.0, 0), (-6.0, size * 0.8), (-5.6, size), (0, size)], paint, thread=(-6, 0, pitch, 0.25))
    up = one_of(rng, ((1.0, 0.0, 0.1), (0.87, 0.5, 0.0), (0.87, 0.5, 0.4), (0.0, 0.1, 1.0)))
    return used(body.drawn(mm_per_px, up, aslant(rng)), rng)


PAINTERS: Mapping[str, Painter] = {"screw": screw}
