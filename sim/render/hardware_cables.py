"""Cables: strands, coils, tangles, twisted wires, ribbons, flat flex, cut pieces, plugs at their ends."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from sim.render.canvas import Canvas, Painter
from sim.render.dice import chance, dimmed, look, one_of, tone
from sim.render.looks import COPPER, GOLD, TIN, aslant, metal
from sim.render.shapes import Bgr, vary
from sim.render.solids import Body, Floats, Paint
from sim.render.textures import Texture

_JACKETS: list[Bgr] = [
    (24, 24, 24),
    (26, 25, 24),
    (30, 30, 30),
    (215, 215, 215),
    (222, 224, 224),
    (140, 142, 142),
    (40, 40, 190),
    (170, 90, 40),
    (40, 190, 220),
    (75, 150, 60),
    (190, 200, 205),
]
_WIRES: list[Bgr] = [
    (30, 30, 32),
    (30, 30, 32),
    (40, 40, 195),
    (40, 40, 195),
    (50, 200, 225),
    (215, 218, 218),
    (70, 150, 60),
    (170, 80, 35),
    (35, 120, 230),
    (60, 80, 120),
    (140, 70, 140),
]


def cable(rng: np.random.Generator, mm_per_px: float) -> Canvas:
    """A cable: one strand, a coil, a tangle, twisted wires, a ribbon, flat flex, or a cut piece."""
    looks = (
        (0.2, _strand),
        (0.2, _coil),
        (0.18, _tangle),
        (0.1, _twisted),
        (0.1, _ribbon),
        (0.1, _flex),
        (0.12, _piece),
    )
    return look(rng, looks)(rng, mm_per_px)


def _lying(body: Body, rng: np.random.Generator, mm_per_px: float) -> Canvas:
    canvas = body.drawn(mm_per_px, (0, 0, 1), min(aslant(rng), 35))
    canvas.grain(0.04)
    if chance(rng, 0.3):
        canvas.dirt(float(rng.uniform(0.3, 0.9)), tone(rng, [(38, 48, 58), (120, 130, 135)]))
    return canvas


def _wander(rng: np.random.Generator, length_mm: float, thickness_mm: float, curliness: float) -> NDArray[np.float64]:
    """A smooth wandering line, N x 3 in mm; it rises a little so that crossings lie on each other."""
    steps = 70
    share = np.linspace(0, 1, steps)
    bend = np.zeros(steps)
    for order in (1, 2, 3):
        bend += rng.normal(0, 2.0 / order) * curliness * np.sin(np.pi * order * share + rng.uniform(0, 2 * np.pi))
    bend += rng.normal(0, 3.0) * curliness * share + rng.uniform(0, 2 * np.pi)
    plane = np.cumsum(np.stack([np.cos(bend), np.sin(bend)], 1), axis=0) * (length_mm / steps)
    rise = min(thickness_mm, 0.02 * length_mm) * (1 + np.sin(share * rng.uniform(4, 12) + rng.uniform(0, 6)) + share)
    return np.column_stack([plane - plane.mean(axis=0), rise])


def _slab(
    body: Body,
    end: NDArray[np.float64],
    ahead: NDArray[np.float64],
    reach: tuple[float, float],
    width: float,
    high: float,
    paint: Paint,
) -> None:
    """A block that begins and ends at the given distances from `end` along the unit vector `ahead`."""
    across = np.array([-ahead[1], ahead[0]]) * width / 2
    near, far = end[:2] + ahead[:2] * reach[0], end[:2] + ahead[:2] * reach[1]
    outline = np.array([near - across, far - across, far + across, near + across])
    body.prism(outline, float(end[2]) - high / 2, float(end[2]) + high / 2, paint)


def _end(body: Body, rng: np.random.Generator, path: NDArray[np.float64], radius: float, jacket: Bgr) -> None:
    """What is at the last point of the path: bare strands, a plug, a crimped terminal, or a clean cut."""
    end, ahead = path[-1], path[-1] - path[-4]
    ahead = np.array([ahead[0], ahead[1], 0.0])
    ahead /= max(float(np.sqrt(ahead @ ahead)), 1e-6)
    kind = rng.random()
    copper = metal(rng, [COPPER, (70, 120, 200), TIN])
    grip = Paint(vary(jacket, rng, 4), 70)
    if kind < 0.3:
        for _ in range(int(rng.integers(2, 6))):
            aside = rng.normal(0, 0.4, 3) * [1, 1, 0.2]
            tip = end + (ahead + aside) * float(rng.uniform(2.0, 5.0)) * max(0.6, radius)
            body.tube([end - ahead * 0.3, tip], max(0.15, radius * 0.3), copper)
    elif kind < 0.45 and radius > 1.0:  # inner wires
        for number in range(int(rng.integers(2, 5))):
            aside = rng.normal(0, 0.35, 3) * [1, 1, 0.1]
            reach = float(rng.uniform(6, 14))
            core = Paint(tone(rng, _WIRES), 90)
            middle, tip = end + (ahead + aside * 0.4) * reach * 0.5, end + (ahead + aside) * reach
            body.tube([end - ahead, middle, tip], radius * 0.32, core)
            if number % 2 == 0:
                body.tube([tip, tip + (ahead + aside) * 2.0], radius * 0.18, copper)
    elif kind < 0.62 and radius > 0.9:  # USB
        long, wide, high = one_of(rng, ((12.0, 12.0, 4.5), (6.0, 6.8, 1.8), (6.5, 8.3, 2.5)))
        _slab(body, end, ahead, (-3.0, 12.0), wide * 1.3, high * 1.6, grip)
        _slab(body, end, ahead, (12.0, 12.0 + long), wide, high, metal(rng, [TIN, TIN, GOLD]))
        body.tube([end - ahead * 6, end - ahead * 1], [radius, radius * 1.6], grip)
    elif kind < 0.76 and radius > 0.7:  # round plug
        body.tube([end - ahead * 2, end, end + ahead * 9], [radius, radius * 1.9, radius * 1.9], grip)
        shell = metal(rng, [TIN, GOLD])
        tip = end + ahead * 9
        body.tube([tip, tip + ahead * float(rng.uniform(8, 14))], min(1.75, radius * 1.5), shell)
    elif kind < 0.86:  # crimped plug housing
        white = Paint(tone(rng, [(215, 222, 225), (30, 30, 32), (190, 225, 235)]), 70)
        _slab(body, end, ahead, (0.0, 3.0 + 3 * radius), 3.0 + 3 * radius, 2.0 + 2 * radius, white)


def _strand(rng: np.random.Generator, mm_per_px: float) -> Canvas:
    body = Body(rng)
    radius = float(rng.uniform(0.6, 2.4))
    jacket = tone(rng, _JACKETS, 6)
    path = _wander(rng, float(rng.uniform(40, 170)), radius, float(rng.uniform(0.4, 1.3)))
    body.tube(path, radius, Paint(jacket, int(rng.integers(40, 150))), upper_only=True)
    _end(body, rng, path, radius, jacket)
    _end(body, rng, path[::-1], radius, jacket)
    return _lying(body, rng, mm_per_px)


def _coil(rng: np.random.Generator, mm_per_px: float) -> Canvas:
    """Wound up in turns that do not quite match; often tied."""
    body = Body(rng)
    radius = float(rng.uniform(0.5, 2.2))
    turns = float(rng.uniform(1.3, 4.5))
    size = float(rng.uniform(12, 34))
    steps = int(turns * 40)
    angle = np.linspace(0, 2 * np.pi * turns, steps)
    share = np.linspace(0, 1, steps)
    swell = size * (
        1 + 0.09 * np.sin(angle * 0.37 + rng.uniform(0, 6)) + 0.07 * np.sin(angle * 1.31 + rng.uniform(0, 6))
    )
    stretch = float(rng.uniform(0.45, 1.0))
    drift = rng.normal(0, 0.12, 2) * size
    path = np.column_stack(
        [
            swell * np.cos(angle) + drift[0] * np.sin(angle * 0.5),
            stretch * swell * np.sin(angle) + drift[1] * np.cos(angle * 0.7),
            radius * (1 + 1.7 * share * turns * 0.6 + 0.5 * np.sin(angle * 0.9)),
        ]
    )
    jacket = tone(rng, _JACKETS, 6)
    paint = Paint(jacket, int(rng.integers(40, 150)))
    body.tube(path, radius, paint, upper_only=True)
    for end in (path, path[::-1]):
        tail = (
            end[-1]
            + np.cumsum(np.tile((end[-1] - end[-2]) / 2, (10, 1)), axis=0)
            + rng.normal(0, 0.4, (10, 3)) * [1, 1, 0]
        )
        body.tube(np.concatenate([end[-1:], tail]), radius, paint, upper_only=True)
        _end(body, rng, tail, radius, jacket)
    if chance(rng, 0.4):  # a tie around all turns
        tie = Paint(tone(rng, [(30, 30, 30), (215, 215, 215), (60, 60, 62)]), 60)
        body.box((size, 0, radius * (1 + turns)), (size * 0.6 + 4 * radius, 3.0, 1.0), tie)
    return _lying(body, rng, mm_per_px)


def _tangle(rng: np.random.Generator, mm_per_px: float) -> Canvas:
    """A knot of thin wires, in one colour or red and black and more."""
    body = Body(rng)
    radius = float(rng.uniform(0.4, 1.1))
    pair: list[Bgr] = [(30, 30, 32), (45, 40, 190)]
    palette = pair if chance(rng, 0.35) else [tone(rng, _WIRES) for _ in range(int(rng.integers(1, 5)))]
    size = float(rng.uniform(14, 30))
    for number in range(int(rng.integers(3, 8))):
        steps = 90
        angle = np.linspace(0, float(rng.uniform(3, 11)), steps) + rng.uniform(0, 6)
        reach = size * (0.75 + 0.35 * np.sin(angle * rng.uniform(0.3, 1.7) + rng.uniform(0, 6)))
        aspect = float(rng.uniform(0.4, 1.0))
        path = np.column_stack(
            [
                reach * np.cos(angle),
                aspect * reach * np.sin(angle + rng.normal(0, 0.5)),
                radius * (1 + rng.uniform(0, 5) + np.sin(angle * 2)),
            ]
        )
        path[:, :2] += rng.normal(0, 0.15, 2) * size
        colour = palette[number % len(palette)]
        body.tube(path, radius, Paint(colour, 90), upper_only=True)
        if chance(rng, 0.5):
            _end(body, rng, path, radius, colour)
    return _lying(body, rng, mm_per_px)


def _twisted(rng: np.random.Generator, mm_per_px: float) -> Canvas:
    """Two to four wires around each other, untwisted at the ends."""
    body = Body(rng)
    count, radius = int(rng.integers(2, 5)), float(rng.uniform(0.5, 1.1))
    length = float(rng.uniform(35, 130))
    spine = _wander(rng, length, radius, float(rng.uniform(0.2, 0.9)))
    fine = np.linspace(0, len(spine) - 1, 260)
    spine = np.column_stack([np.interp(fine, np.arange(len(spine)), spine[:, axis]) for axis in range(3)])
    ahead = np.gradient(spine[:, :2], axis=0)
    ahead /= np.maximum(np.sqrt((ahead**2).sum(axis=1, keepdims=True)), 1e-9)
    share = np.linspace(0, 1, len(spine))
    spread = radius * (1.05 + 3.0 * np.clip(np.abs(share - 0.5) * 2 - float(rng.uniform(0.7, 0.95)), 0, 1) * 4)
    turns = length / float(rng.uniform(7, 14))
    colours = [(30, 30, 32), (40, 40, 195)] if chance(rng, 0.4) else [tone(rng, _WIRES) for _ in range(count)]
    for number in range(count):
        phase = share * turns * 2 * np.pi + 2 * np.pi * number / count
        path = spine.copy()
        path[:, 0] += -ahead[:, 1] * np.cos(phase) * spread
        path[:, 1] += ahead[:, 0] * np.cos(phase) * spread
        path[:, 2] += np.sin(phase) * radius
        colour = colours[number % len(colours)]
        body.tube(path, radius, Paint(vary(colour, rng), 90), upper_only=True)
        for end in (path, path[::-1]):
            if chance(rng, 0.5):
                tip = end[-1] + (end[-1] - end[-6]) * 0.6
                body.tube([end[-1], tip], radius * 0.5, metal(rng, [COPPER, TIN]))
    return _lying(body, rng, mm_per_px)


def _strip(
    rng: np.random.Generator, length: float, width: float, waviness: float
) -> tuple[Floats, NDArray[np.float64]]:
    """A flat strip that bends in its plane's normal and a little sideways: a grid (9 x 40 x 3), and its middle line."""
    share = np.linspace(0, 1, 40)
    bow = rng.normal(0, 0.5) * share + rng.normal(0, 0.15) * np.sin(2 * np.pi * share)
    line = np.cumsum(np.column_stack([np.cos(bow), np.sin(bow)]), axis=0) * length / 40
    rise = waviness * (1 + np.sin(share * rng.uniform(2, 9) + rng.uniform(0, 6)))
    across = np.column_stack([-np.sin(bow), np.cos(bow)])
    offset = np.linspace(-width / 2, width / 2, 9)
    grid = np.empty((9, 40, 3), np.float32)
    grid[:, :, :2] = line[None] + across[None] * offset[:, None, None]
    grid[:, :, 2] = rise[None]
    return grid, np.column_stack([line, rise])


def _ribbon(rng: np.random.Generator, mm_per_px: float) -> Canvas:
    """Parallel wires in one band, grey with a red edge or in all colours, with or without its plug."""
    body = Body(rng)
    count = int(rng.integers(4, 27))
    pitch = float(one_of(rng, (0.64, 1.27, 1.27)))
    width, length = count * pitch, float(rng.uniform(25, 90))
    grid, line = _strip(rng, length, width, float(rng.uniform(0.3, 4.0)))
    rainbow = chance(rng, 0.3)
    grey = tone(rng, [(165, 168, 168), (180, 182, 182), (140, 142, 145), (205, 208, 208)])
    band = Texture(length, width, mm_per_px, grey)
    for number in range(count):
        y = (number - (count - 1) / 2) * pitch
        colour = _WIRES[2 + number % 9] if rainbow else ((45, 45, 190) if number == 0 else grey)
        band.rect(0, y, length, pitch, colour)
        band.rect(0, y + pitch * 0.42, length, pitch * 0.22, dimmed(colour, 0.6))
        band.rect(0, y - pitch * 0.1, length, pitch * 0.2, dimmed(colour, 1.15))
    body.sheet(grid, Paint(grey, 60), band)
    for end in (line, line[::-1]):
        if chance(rng, 0.55):
            ahead = end[-1] - end[-4]
            ahead = np.array([ahead[0], ahead[1], 0.0]) / max(float(np.hypot(ahead[0], ahead[1])), 1e-6)
            _slab(
                body,
                end[-1],
                ahead,
                (-4.0, 3.0),
                width + 4.0,
                6.0,
                Paint(tone(rng, [(30, 30, 32), (150, 150, 150)]), 60),
            )
    return _lying(body, rng, mm_per_px)


def _flex(rng: np.random.Generator, mm_per_px: float) -> Canvas:
    """White flat flex with blue stiffeners and contacts, or an amber printed flex."""
    body = Body(rng)
    length, width = float(rng.uniform(18, 80)), float(rng.uniform(4, 22))
    amber = chance(rng, 0.45)
    base = tone(
        rng,
        [(30, 110, 195), (40, 130, 200), (25, 60, 95), (45, 45, 45)] if amber else [(222, 226, 226), (210, 216, 220)],
    )
    grid, _ = _strip(rng, length, width, float(rng.uniform(0.1, 3.5)))
    band = Texture(length, width, mm_per_px, base)
    lanes = max(3, int(width / max(1.0, 2.2 * mm_per_px)))
    for number in range(lanes):
        y = (number - (lanes - 1) / 2) * width / lanes
        band.rect(0, y, length, width / lanes * 0.5, dimmed(base, 0.84 if amber else 0.9))
    for side in (-1, 1):
        stiff = tone(rng, [(190, 110, 40), (200, 130, 60), (60, 140, 60), base])
        band.rect(side * (length / 2 - 3.0), 0, 6.0, width, stiff)
        for number in range(lanes):
            y = (number - (lanes - 1) / 2) * width / lanes
            band.rect(side * (length / 2 - 1.5), y, 3.0, width / lanes * 0.5, GOLD if amber else TIN)
    if amber:
        for _ in range(int(rng.integers(0, 6))):
            x, y = rng.uniform(-0.4, 0.4, 2) * [length, width]
            band.rect(
                float(x),
                float(y),
                float(rng.uniform(1, 4)),
                float(rng.uniform(0.6, 3)),
                one_of(rng, ((28, 28, 28), TIN, (60, 90, 120))),
            )
    body.sheet(grid, Paint(base, 150), band)
    return _lying(body, rng, mm_per_px)


def _piece(rng: np.random.Generator, mm_per_px: float) -> Canvas:
    """A short cut piece: jacket, cores, copper."""
    body = Body(rng)
    radius, length = float(rng.uniform(0.5, 3.5)), float(rng.uniform(8, 40))
    jacket = tone(rng, _JACKETS + _WIRES, 6)
    path = _wander(rng, length, radius, float(rng.uniform(0.1, 0.5)) * min(1.0, length / (14 * radius)))
    flat = chance(rng, 0.2)
    sides: Sequence[float] = (-1.0, 1.0) if flat else (0.0,)
    for side in sides:
        lane = path + np.array([0.0, side * radius, 0.0])
        body.tube(lane, radius, Paint(jacket, 90))
        for end in (lane, lane[::-1]):
            ahead = (end[-1] - end[-3]) * [1, 1, 0]
            ahead /= max(float(np.sqrt(ahead @ ahead)), 1e-6)
            body.revolve([(0, radius), (0.02, 0)], Paint(dimmed(jacket, 0.7), 30), end[-1], ahead)
            if chance(rng, 0.7):
                reach = float(rng.uniform(0.5, 7))
                copper = metal(rng, [COPPER, COPPER, TIN])
                for _ in range(int(rng.integers(1, 5))):
                    aside = rng.normal(0, 0.12, 3) * [1, 1, 0.2]
                    body.tube(
                        [end[-1] - ahead * 0.3, end[-1] + (ahead + aside) * reach], max(0.2, radius * 0.3), copper
                    )
    return _lying(body, rng, mm_per_px)


PAINTERS: Mapping[str, Painter] = {"cable": cable}
