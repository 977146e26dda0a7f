"""Electronic elements: capacitors, chips, connectors, LEDs, resistors, diodes."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from sim.render.canvas import Canvas, Painter
from sim.render.shapes import Bgr, ellipse, rounded_rect, vary

TIN: Bgr = (188, 190, 188)
GOLD: Bgr = (70, 165, 205)
BLACK_EPOXY: Bgr = (27, 26, 26)
WHITE_PRINT: Bgr = (205, 208, 208)


def pick(rng: np.random.Generator, colours: list[Bgr], spread: float = 8.0) -> Bgr:
    """One of the colours, slightly varied."""
    return vary(colours[int(rng.integers(len(colours)))], rng, spread)


def lead(start_mm: tuple[float, float], end_mm: tuple[float, float], rng: np.random.Generator) -> NDArray[np.float64]:
    """A bent component lead from start to end, N x 2 in mm."""
    begin, end = np.array(start_mm), np.array(end_mm)
    reach = float(np.hypot(*(end - begin)))
    across = np.array([-(end - begin)[1], (end - begin)[0]]) / max(reach, 1e-6)
    share = np.linspace(0, 1, 7)
    bow = rng.normal(0, 0.06) * reach * share**2 + rng.normal(0, 0.03) * reach * np.sin(share * np.pi * 1.5)
    return begin + (end - begin) * share[:, None] + across * bow[:, None]


def tantalum(rng: np.random.Generator, mm_per_px: float) -> Canvas:
    """A moulded tantalum chip: a block with a polarity stripe and tin terminals."""
    length = float(rng.uniform(4.2, 8.0))
    width = float(np.clip(length * rng.uniform(0.5, 0.72), 3.0, 5.0))
    top = float(rng.uniform(1.8, 3.4))
    canvas = Canvas(length, width, mm_per_px, rng)
    body, stripe = (
        (pick(rng, [(30, 165, 235), (25, 140, 240), (60, 190, 235)]), pick(rng, [(20, 45, 110), (25, 70, 150)]))
        if rng.random() < 0.72
        else (vary((28, 28, 30), rng, 4), pick(rng, [(200, 200, 200), (90, 190, 215)]))
    )
    tab = width * 0.6
    for side in (-1, 1):
        canvas.rect(side * (length / 2 - 0.25), 0, 0.5, tab, TIN, top * 0.45, 200)
    canvas.rect(0, 0, length - 0.7, width, body, top * 0.8, 70, 0.15)
    canvas.rect(0, 0, length - 1.3, width - 0.6, body, top, 80, 0.1)
    canvas.rect(-length / 2 + 0.35 + length * 0.09, 0, length * 0.18, width, stripe)
    mark = (35, 45, 60) if sum(body) > 150 else WHITE_PRINT
    canvas.text(["107", "226", "477", "336"][int(rng.integers(4))], length * 0.12, -width * 0.14, width * 0.3, mark)
    canvas.text(["16V", "6V", "25V", "10V"][int(rng.integers(4))], length * 0.12, width * 0.25, width * 0.22, mark)
    canvas.grain(0.03)
    return canvas


def ceramic(rng: np.random.Generator, mm_per_px: float) -> Canvas:
    """A ceramic disc with two leads, or a multilayer chip."""
    if rng.random() < 0.3:
        length, width = float(rng.uniform(4.0, 6.0)), float(rng.uniform(2.2, 4.2))
        canvas = Canvas(length, width, mm_per_px, rng)
        canvas.rect(0, 0, length, width, vary((195, 198, 198), rng), 1.6, 190, 0.2)
        canvas.rect(0, 0, length * 0.62, width, pick(rng, [(95, 135, 170), (110, 150, 180), (120, 140, 150)]), 1.5, 60)
        canvas.grain(0.04)
        return canvas
    radius = float(rng.uniform(2.2, 4.6))
    reach = float(rng.uniform(3.0, 11.0))
    canvas = Canvas(2 * radius + reach, 2 * radius + 1.0, mm_per_px, rng)
    centre = -reach / 2
    spacing = radius * float(rng.uniform(0.5, 0.75))
    for side in (-1, 1):
        path = lead(
            (centre + radius * 0.7, side * spacing), (centre + radius + reach * 0.97, side * spacing * 1.15), rng
        )
        canvas.wire(path, 0.6, TIN, 0.3, 150)
        canvas.disc(centre + radius * 0.8, side * spacing, 0.6, (60, 120, 185), 1.2)
    body = pick(rng, [(55, 120, 190), (40, 105, 180), (60, 140, 205), (190, 120, 50), (70, 150, 215)])
    canvas.disc(centre, 0, radius, body, 1.0, 110)
    canvas.dome(centre, 0, radius, 0.8, radius * 0.45)
    code = ["104", "103", "222", "471", "10n"][int(rng.integers(5))]
    canvas.text(code, centre, 0, radius * 0.5, (25, 30, 45))
    canvas.grain(0.03)
    return canvas


def chip(rng: np.random.Generator, mm_per_px: float) -> Canvas:
    """An integrated circuit: black body, legs on two or four sides or none, print and a pin-1 dot."""
    four_sided = rng.random() < 0.45
    length = float(rng.uniform(6, 18))
    width = length if four_sided else float(np.clip(length * rng.uniform(0.35, 0.75), 4.0, 9.0))
    leg = float(rng.uniform(0.7, 1.6))
    legless = rng.random() < 0.15
    body_length, body_width = length, width
    room = 0.0 if legless else 2 * leg
    canvas = Canvas(length + room * four_sided, width + room, mm_per_px, rng)
    pitch = float(rng.choice([0.8, 1.27, 1.27, 2.54 if length > 9 else 1.27]))
    if not legless:
        _legs(canvas, body_length, body_width, leg, pitch, four_sided, rng)
    top = float(rng.uniform(1.2, 3.2))
    body = vary(BLACK_EPOXY, rng, 4)
    canvas.rect(0, 0, body_length, body_width, body, top * 0.8, 90, 0.15)
    canvas.rect(0, 0, body_length - 0.5, body_width - 0.5, body, top, 55, 0.1)
    dot = (-body_length / 2 + 0.14 * body_width, body_width * 0.33)
    canvas.disc(*dot, max(0.3, body_width * 0.06), (48, 46, 46), top - 0.15)
    if not four_sided and rng.random() < 0.6:
        canvas.polygon(ellipse(-body_length / 2, 0, body_width * 0.09, body_width * 0.09), (42, 40, 40), top - 0.3)
    ink = vary((150, 152, 150), rng) if rng.random() < 0.8 else (70, 72, 72)
    cap = float(np.clip(body_width * 0.16, 0.7, 1.6))
    name = "".join(rng.choice(list("ABCDEFKLMNPSTUX"), 2)) + "".join(rng.choice(list("0123456789"), 4))
    canvas.text(name, 0, -cap * 0.9, cap, ink)
    canvas.text("".join(rng.choice(list("0123456789AC"), 5)), 0, cap * 0.9, cap * 0.8, ink)
    canvas.grain(0.06)
    return canvas


def _legs(
    canvas: Canvas, length: float, width: float, leg: float, pitch: float, four_sided: bool, rng: np.random.Generator
) -> None:
    thickness = pitch * 0.42
    for along, half_across, turned in ((length, width / 2, False), (width, length / 2, True))[: 1 + four_sided]:
        count = max(2, int((along - 0.6) / pitch))
        for x in (np.arange(count) - (count - 1) / 2) * pitch:
            for side in (-1, 1):
                if rng.random() < 0.04:  # broken off
                    continue
                bend = float(rng.normal(0, 0.12))
                path = np.array([[x, side * (half_across - 0.2)], [x + bend, side * (half_across + leg * 0.95)]])
                canvas.stroke(path[:, ::-1] if turned else path, thickness, vary(TIN, rng), 0.5, 170)


def connector(rng: np.random.Generator, mm_per_px: float) -> Canvas:
    """A pin header, a metal plug shell, a plug housing with slots, or a flat-cable socket."""
    kinds = (_pin_header, _metal_shell, _plug_housing, _flat_cable_socket)
    canvas = kinds[int(rng.integers(len(kinds)))](rng, mm_per_px)
    canvas.grain(0.03)
    return canvas


def _pin_header(rng: np.random.Generator, mm_per_px: float) -> Canvas:
    rows, count = int(rng.integers(1, 3)), int(rng.integers(3, 11))
    length, width = count * 2.54, rows * 2.54
    pin = 0.0 if rng.random() < 0.4 else float(rng.uniform(3, 6))  # lying on its side shows the pins
    canvas = Canvas(length, width + pin, mm_per_px, rng)
    body = pick(rng, [(26, 26, 28), (26, 26, 28), (170, 60, 30), (60, 60, 190)], 5)
    canvas.rect(0, -pin / 2, length, width, body, 2.5, 60, 0.3)
    for x in (np.arange(count) - (count - 1) / 2) * 2.54:
        if pin:
            canvas.rect(x, (width - 0.4) / 2, 0.64, pin + 0.4, GOLD, 1.6, 200)
            canvas.rect(x + 1.27, -pin / 2, 0.3, width, (15, 15, 15), 2.0)
        else:
            for y in (np.arange(rows) - (rows - 1) / 2) * 2.54:
                canvas.rect(x, y, 0.9, 0.9, GOLD, 6.0, 220)
    return canvas


def _metal_shell(rng: np.random.Generator, mm_per_px: float) -> Canvas:
    length, width = float(rng.uniform(9, 19)), float(rng.uniform(7, 14))
    canvas = Canvas(length, width, mm_per_px, rng)
    steel = vary((172, 174, 174), rng)
    canvas.rect(0, 0, length, width, steel, 4.0, 120, 0.6)
    canvas.rect(length / 2 - 0.7, 0, 1.4, width, vary((205, 205, 205), rng), 4.5, 200)
    for side in (-1, 1):
        canvas.rect(length * 0.12, side * width * 0.22, length * 0.3, width * 0.14, (60, 60, 62), 3.2)
        canvas.rect(length * 0.15, side * width * 0.22, length * 0.22, width * 0.09, (195, 195, 195), 3.9, 160)
        canvas.rect(-length * 0.3, side * (width / 2 - 0.4), 1.2, 0.8, (120, 120, 118), 1.0)
    canvas.rect(
        -length / 2 + 1.0, 0, 2.0, width * 0.8, pick(rng, [(30, 30, 30), (215, 215, 215), (190, 90, 30)]), 3.0, 40
    )
    canvas.grain(0.05, 0.3, 4.0)
    return canvas


def _plug_housing(rng: np.random.Generator, mm_per_px: float) -> Canvas:
    count = int(rng.integers(2, 9))
    pitch = float(rng.uniform(2.0, 2.6))
    length, width = (count + 0.8) * pitch, float(rng.uniform(5, 8))
    canvas = Canvas(length, width, mm_per_px, rng)
    body = pick(rng, [(205, 220, 228), (200, 205, 205), (190, 225, 235), (30, 30, 32)], 5)
    canvas.rect(0, 0, length, width, body, 5.0, 70, 0.3)
    canvas.rect(0, -width * 0.32, length * 0.92, width * 0.16, tuple(int(v * 0.75) for v in body), 3.8)  # type: ignore[arg-type]
    for x in (np.arange(count) - (count - 1) / 2) * pitch:
        canvas.rect(x, width * 0.14, pitch * 0.5, width * 0.5, (35, 40, 45), 2.5)
        canvas.rect(x, width * 0.14, pitch * 0.25, width * 0.34, GOLD if rng.random() < 0.5 else TIN, 3.2, 180)
    return canvas


def _flat_cable_socket(rng: np.random.Generator, mm_per_px: float) -> Canvas:
    length, width = float(rng.uniform(10, 30)), float(rng.uniform(4, 6))
    canvas = Canvas(length, width, mm_per_px, rng)
    canvas.rect(0, 0, length, width, vary((215, 222, 225), rng), 2.0, 60, 0.3)
    latch = pick(rng, [(28, 28, 28), (35, 60, 110), (60, 60, 62)])
    canvas.rect(0, -width * 0.3, length * 0.96, width * 0.36, latch, 2.6, 60, 0.2)
    for x in np.arange(-length / 2 + 1.4, length / 2 - 1.2, 1.0):
        canvas.rect(x, width * 0.3, 0.5, width * 0.4, GOLD, 1.6, 180)
    for side in (-1, 1):
        canvas.rect(side * (length / 2 - 0.5), width * 0.1, 0.9, width * 0.5, TIN, 1.5, 200)
    return canvas


def led(rng: np.random.Generator, mm_per_px: float) -> Canvas:
    """A wired LED on its side: a bullet of coloured resin with a flange and two leads."""
    radius = float(rng.choice([1.9, 2.5, 2.5, 3.0]))
    body = radius * float(rng.uniform(2.6, 3.4))
    reach = float(rng.uniform(4, 14))
    canvas = Canvas(body + reach, 2 * radius + 1.0, mm_per_px, rng)
    nose = -(body + reach) / 2
    foot = nose + body
    for side, share in ((-1, 1.0), (1, float(rng.uniform(0.75, 0.95)))):
        path = lead((foot - body * 0.4, side * radius * 0.45), (foot + reach * share * 0.97, side * radius * 0.55), rng)
        canvas.wire(path, 0.55, TIN, radius * 0.5, 160)
    resin = pick(rng, [(40, 40, 215), (60, 200, 70), (40, 205, 235), (225, 225, 228), (225, 120, 50), (60, 130, 245)])
    x = canvas.x_mm
    tip = np.clip((x - nose) / radius, 0, 1)
    profile = np.where((x >= nose) & (x <= foot), radius * np.sqrt(1 - (1 - tip) ** 2), 0.0)
    profile = np.where((x > foot - 1.0) & (x <= foot), radius + 0.4, profile)
    canvas.revolve(profile, resin, 230, radius)
    deep: Bgr = (int(resin[0] * 0.6), int(resin[1] * 0.6), int(resin[2] * 0.6))
    canvas.polygon(rounded_rect(foot - body * 0.42, 0, body * 0.42, radius * 0.9, 0.3), deep)
    canvas.polygon(ellipse(foot - body * 0.55, -radius * 0.15, radius * 0.35, radius * 0.3), (200, 215, 215))
    return canvas


def resistor(rng: np.random.Generator, mm_per_px: float) -> Canvas:
    """An axial resistor: a dog-bone body with colour bands and a lead at each end."""
    body = float(rng.uniform(5.5, 8.0))
    radius = float(rng.uniform(1.0, 1.5))
    reach = [float(rng.uniform(1.2, 5.0)) for _ in range(2)]
    canvas = Canvas(body + sum(reach), 2 * radius + 1.2, mm_per_px, rng)
    centre = (reach[0] - reach[1]) / 2
    for side, length in zip((-1, 1), reach, strict=True):
        canvas.wire(
            lead((centre + side * (body / 2 - 0.3), 0), (centre + side * (body / 2 + length), 0), rng),
            0.6,
            TIN,
            radius,
            160,
        )
    coat = pick(rng, [(150, 195, 220), (165, 205, 225), (205, 165, 95), (190, 200, 150)])
    x = canvas.x_mm
    inside = np.abs(x - centre) / (body / 2)
    bone = (
        radius
        * np.where(inside > 0.55, 1.0, 0.82)
        * np.sqrt(np.clip(1 - np.clip((inside - 0.85) / 0.15, 0, 1) ** 2, 0, 1))
    )
    bone = np.where(inside < 1, bone, 0.0)
    canvas.revolve(bone, coat, 110, radius)
    bands: list[Bgr] = [
        (20, 20, 20), (30, 60, 110), (30, 30, 200), (30, 120, 235), (40, 210, 235), (60, 150, 50), (190, 70, 40),
        (150, 60, 140),
    ]  # fmt: skip
    for place in (-0.68, -0.32, -0.08, 0.16, 0.68)[int(rng.integers(0, 2)) :]:
        band = bands[int(rng.integers(len(bands)))] if place < 0.5 else GOLD
        canvas.rect(centre + place * body / 2, 0, 0.65, 2 * radius, band)
    return canvas


def diode(rng: np.random.Generator, mm_per_px: float) -> Canvas:
    """An axial diode: black epoxy with a silver ring, or orange glass with a black one."""
    glass = rng.random() < 0.35
    body = float(rng.uniform(3.5, 4.5) if glass else rng.uniform(4.5, 8.0))
    radius = float(rng.uniform(0.9, 1.1) if glass else rng.uniform(1.3, 2.5))
    reach = [float(rng.uniform(1.2, 3.5)) for _ in range(2)]
    canvas = Canvas(body + sum(reach), 2 * radius + 1.0, mm_per_px, rng)
    centre = (reach[0] - reach[1]) / 2
    for side, length in zip((-1, 1), reach, strict=True):
        path = lead((centre + side * (body / 2 - 0.3), 0), (centre + side * (body / 2 + length), 0), rng)
        canvas.wire(path, 0.6 if glass else 0.9, TIN, radius * 0.7, 160)
    coat = pick(rng, [(40, 90, 215), (50, 110, 225)]) if glass else vary(BLACK_EPOXY, rng, 4)
    ease = np.clip((body / 2 - np.abs(canvas.x_mm - centre)) / (0.12 * body), 0, 1)
    profile = radius * (0.8 + 0.2 * np.sqrt(1 - (1 - ease) ** 2)) * (ease > 0)
    canvas.revolve(profile, coat, 220 if glass else 120, radius)
    canvas.rect(centre + body * 0.32, 0, body * 0.16, 2 * radius, (25, 25, 25) if glass else (200, 200, 200))
    return canvas


PAINTERS: Mapping[str, Painter] = {
    "capacitor_ta": tantalum,
    "capacitor_ceramic": ceramic,
    "ic": chip,
    "connector": connector,
    "led": led,
    "resistor": resistor,
    "diode": diode,
}
