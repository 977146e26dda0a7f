"""Products and modules: smartphones, batteries, circuit boards, housings of metal and plastic."""

from collections.abc import Mapping

import numpy as np

from sim.render.canvas import Canvas, Painter
from sim.render.elements import BLACK_EPOXY, GOLD, TIN, WHITE_PRINT, pick
from sim.render.shapes import Bgr, ellipse, ragged, rounded_rect, vary


def smartphone(rng: np.random.Generator, mm_per_px: float) -> Canvas:
    """A smartphone, screen up (often cracked) or back up (camera, logo)."""
    length, width = float(rng.uniform(105, 150)), float(rng.uniform(56, 75))
    corner = float(rng.uniform(6, 11))
    canvas = Canvas(length, width, mm_per_px, rng)
    frame = pick(rng, [(165, 167, 168), (60, 150, 190), (140, 142, 145), (190, 190, 192)])
    canvas.rect(0, 0, length, width, frame, 6.5, 120, corner)
    if rng.random() < 0.6:
        _screen(canvas, length, width, corner, rng)
    else:
        _phone_back(canvas, length, width, corner, rng)
    canvas.scratches(int(rng.integers(2, 12)), vary((110, 112, 112), rng), 0.2)
    canvas.dirt(0.4)
    return canvas


def _screen(canvas: Canvas, length: float, width: float, corner: float, rng: np.random.Generator) -> None:
    bezel = pick(rng, [(18, 18, 18), (18, 18, 18), (205, 206, 208)], 4)
    canvas.rect(0, 0, length - 2.4, width - 2.4, bezel, 7.8, 60, corner - 1)
    chin = float(rng.uniform(1.5, 11))
    canvas.rect(0, 0, length - 4 - 2 * chin, width - 6.5, vary((26, 24, 22), rng, 4), None, 90, 1.0)
    canvas.rect(-length / 2 + 2 + chin / 2, 0, 0.9, 9.0, (60, 60, 60), None, None, 0.4)
    if chin > 6:
        canvas.disc(length / 2 - 2 - chin / 2, 0, 3.6, (70, 70, 70))
        canvas.disc(length / 2 - 2 - chin / 2, 0, 3.1, bezel)
    sky = float(rng.uniform(-0.4, 0.4)) * length  # a lamp mirrored in the glass
    canvas.polygon(
        [[sky, -width / 2 + 3], [sky + 14, -width / 2 + 3], [sky - 8, width / 2 - 3], [sky - 22, width / 2 - 3]],
        (46, 43, 40),
    )
    if rng.random() < 0.6:
        _cracks(canvas, length, width, rng)


def _cracks(canvas: Canvas, length: float, width: float, rng: np.random.Generator) -> None:
    x, y = (float(rng.uniform(-0.35, 0.35)) * size for size in (length, width))
    centre = np.array([x, y])
    for angle in np.sort(rng.uniform(0, 2 * np.pi, int(rng.integers(6, 14)))):
        steps = np.cumsum(rng.uniform(3, 12, 6))
        wander = angle + np.cumsum(rng.normal(0, 0.12, 6))
        path = centre + np.stack([np.cos(wander), np.sin(wander)], 1) * steps[:, None]
        canvas.stroke(np.concatenate([centre[None], path]), 0.25, (150, 152, 150))
    for radius in rng.uniform(2, 14, 3):
        canvas.stroke(ellipse(x, y, radius, radius * 0.8, 9)[: int(rng.integers(3, 9))], 0.2, (130, 132, 130))


def _phone_back(canvas: Canvas, length: float, width: float, corner: float, rng: np.random.Generator) -> None:
    back = pick(rng, [(24, 24, 25), (200, 202, 204), (165, 168, 170), (90, 60, 25), (110, 160, 200), (60, 45, 170)], 6)
    canvas.rect(0, 0, length - 2.0, width - 2.0, back, 7.8, 110, corner - 1)
    x, y = -length / 2 + 14, -width / 2 + 14
    canvas.rect(x, y, 19, 17, vary((30, 30, 30), rng, 4), 9.0, 80, 4.0)
    for place in (-4.6, 4.6):
        canvas.disc(x + place, y, 4.0, (110, 110, 112), 9.6, 200)
        canvas.disc(x + place, y, 3.0, (14, 12, 12), 9.2, 40)
        canvas.disc(x + place - 0.8, y - 0.8, 0.7, (150, 110, 90))
    canvas.disc(x, y + 6, 1.2, (190, 225, 235))
    mark: Bgr = (120, 120, 120)
    canvas.disc(-length * 0.05, 0, 4.5, mark)
    canvas.text("5G PHONE", length * 0.3, 0, 3.5, mark)


def battery(rng: np.random.Generator, mm_per_px: float) -> Canvas:
    """A lithium pouch with its label and tabs, or a cylindrical cell in its sleeve."""
    canvas = _cell(rng, mm_per_px) if rng.random() < 0.4 else _pouch(rng, mm_per_px)
    canvas.scratches(int(rng.integers(0, 6)), (180, 182, 182), 0.2)
    canvas.dirt(0.5)
    return canvas


def _cell(rng: np.random.Generator, mm_per_px: float) -> Canvas:
    length, radius = ((44.0, 5.2), (50.0, 7.1), (34.0, 8.4), (60.0, 9.2))[int(rng.integers(4))]
    canvas = Canvas(length, 2 * radius, mm_per_px, rng)
    sleeve = pick(rng, [(24, 24, 26), (150, 90, 30), (50, 140, 60), (60, 60, 200), (60, 190, 215), (180, 140, 190)])
    x = canvas.x_mm
    profile = np.where(np.abs(x) < length / 2 - 1.4, radius, radius * 0.38)  # a nub at the right
    profile = np.where(x < 0, radius, profile) * (np.abs(x) < length / 2)
    canvas.revolve(profile, sleeve, 130, radius)
    second = pick(rng, [(60, 150, 200), (205, 206, 206), (26, 26, 28), (160, 165, 168)])
    canvas.rect(length * 0.36, 0, length * 0.28, 2 * radius, second)
    for side in (-1, 1):
        canvas.rect(side * (length / 2 - 0.8), 0, 1.6, 2 * radius, TIN)
    print_ink: Bgr = WHITE_PRINT if sum(sleeve) < 420 else (35, 35, 35)
    name = ["ALKALINE", "POWER", "Li-ion", "NiMH 2000", "INR18650"][int(rng.integers(5))]
    canvas.text(name, -length * 0.14, -radius * 0.1, radius * 0.45, print_ink)
    canvas.text(["1.5V", "3.7V", "1.2V"][int(rng.integers(3))], -length * 0.14, radius * 0.5, radius * 0.22, print_ink)
    canvas.text("+", length * 0.36, 0, radius * 0.6, print_ink)
    return canvas


def _pouch(rng: np.random.Generator, mm_per_px: float) -> Canvas:
    length = float(rng.uniform(28, 56))
    width = float(np.clip(length * rng.uniform(0.5, 0.85), 20, 42))
    canvas = Canvas(length + 6, width, mm_per_px, rng)
    foil = pick(rng, [(178, 180, 182), (190, 192, 194), (26, 26, 27)])
    flap = length * 0.09
    canvas.rect(-3, 0, length, width, foil, 1.2, 150, 1.0)
    canvas.rect(-3 - flap / 2, 0, length - flap, width - 1.4, foil, 4.5, 150, 2.0)
    for side in (-1, 1):
        canvas.rect(length / 2 - 3 + 2.6, side * width * 0.2, 6.0, 3.4, vary((165, 168, 168), rng), 1.2, 200)
        canvas.rect(length / 2 - 3 + 1.2, side * width * 0.2, 2.4, 4.6, (50, 160, 205), 1.4, 60)
    canvas.roughen(0.12, 4.0)
    if rng.random() < 0.8:
        paper = pick(rng, [(215, 216, 216), (28, 28, 28), (60, 180, 210)], 5)
        ink: Bgr = (40, 40, 42) if sum(paper) > 300 else WHITE_PRINT
        canvas.rect(-3 - flap / 2, 0, (length - flap) * 0.84, width * 0.78, paper, None, 30)
        lines = ("Li-ion Polymer", "3.85V  11.1Wh", "CAUTION", "2900mAh")
        for row, line in zip((-0.26, -0.1, 0.1, 0.26), rng.permutation(lines), strict=True):
            canvas.text(str(line), -4 - flap / 2, row * width, width * float(rng.uniform(0.05, 0.1)), ink)
        for x in np.cumsum(rng.uniform(0.5, 1.4, 12)):
            canvas.rect(-length * 0.4 + float(x), width * 0.34, 0.4, width * 0.08, ink)
    return canvas


def circuit_board(rng: np.random.Generator, mm_per_px: float) -> Canvas:
    """A populated circuit board, whole or broken: tracks, pads, chips, small parts, drilled holes."""
    length = float(rng.uniform(20, 90))
    width = float(np.clip(length * rng.uniform(0.45, 0.95), 16, 65))
    canvas = Canvas(length, width, mm_per_px, rng)
    mask = pick(rng, [(50, 105, 25), (60, 120, 35), (45, 90, 20), (130, 75, 20), (30, 28, 26), (90, 130, 40)])
    canvas.rect(0, 0, length, width, mask, 1.6, 60, 1.0)
    _tracks(canvas, length, width, mask, rng)
    _components(canvas, length, width, rng)
    for _ in range(int(rng.integers(0, 4))):
        x, y = rng.uniform(-0.44, 0.44, 2) * (length, width)
        canvas.disc(x, y, 2.6, GOLD, 1.65, 160)
        canvas.hole(ellipse(x, y, 1.6, 1.6))
    if rng.random() < 0.75:
        canvas.keep(ragged(length, width, rng, 0.4))
    canvas.dirt(0.5)
    return canvas


def _tracks(canvas: Canvas, length: float, width: float, mask: Bgr, rng: np.random.Generator) -> None:
    track: Bgr = (min(255, mask[0] + 18), min(255, mask[1] + 34), min(255, mask[2] + 22))
    for _ in range(int(length * width / 90) + 4):
        start = rng.uniform(-0.5, 0.5, 2) * (length, width)
        run, climb = float(rng.normal(0, length / 5)), float(rng.normal(0, width / 5))
        diagonal = np.sign(climb) * min(abs(climb), abs(run)) * 0.5
        bends = [[0, 0], [run, 0], [run + diagonal, diagonal], [run + diagonal, climb + diagonal]]
        path = start + np.array(bends)
        canvas.stroke(path, float(rng.uniform(0.3, 0.8)), track)
    for _ in range(int(length * width / 60) + 4):
        x, y = rng.uniform(-0.48, 0.48, 2) * (length, width)
        canvas.disc(x, y, float(rng.uniform(0.4, 0.9)), TIN if rng.random() < 0.6 else GOLD, 1.8, 180)


def _components(canvas: Canvas, length: float, width: float, rng: np.random.Generator) -> None:
    for _ in range(int(length * width / 45) + 3):
        x, y = rng.uniform(-0.47, 0.47, 2) * (length, width)
        long, short = float(rng.uniform(1.2, 3.2)), float(rng.uniform(0.8, 1.6))
        if rng.random() < 0.5:
            long, short = short, long
        canvas.rect(x, y, long, short, TIN, 2.0, 190)
        body = pick(rng, [(80, 120, 160), (30, 30, 30), (150, 175, 190)])
        canvas.rect(x, y, long * 0.6 if long > short else long, short if long > short else short * 0.6, body, 2.3, 60)
    for _ in range(int(rng.integers(1, 3 + int(length * width / 700)))):
        x, y = rng.uniform(-0.38, 0.38, 2) * (length, width)
        side = float(rng.uniform(4, min(15, width * 0.4)))
        other = side * float(rng.uniform(0.5, 1.0))
        canvas.rect(x, y, side + 1.6, other * 0.86, TIN, 2.0, 190)
        for slot in np.arange(-other * 0.4, other * 0.4, 1.2):
            canvas.rect(x, y + slot, side + 1.8, 0.5, (70, 90, 60), 1.7)
        canvas.rect(x, y, side, other, vary(BLACK_EPOXY, rng, 4), 3.2, 60, 0.2)
        canvas.text("".join(rng.choice(list("ABCX0123456789"), 4)), x, y, min(1.5, other * 0.25), (130, 132, 130))
    style = rng.random()
    x, y = rng.uniform(-0.3, 0.3, 2) * (length, width)
    if style < 0.35:
        for step in range(int(rng.integers(1, 4))):
            canvas.disc(x + step * 7, y, 3.2, (35, 33, 33), 9.0, 60)
            canvas.disc(x + step * 7, y, 2.7, (190, 192, 192), 9.5, 170)
            canvas.stroke([[x + step * 7 - 2, y], [x + step * 7 + 2, y]], 0.3, (110, 110, 110))
    elif style < 0.65:
        canvas.rect(x, y, 12, 5, vary((210, 218, 222), rng), 5.0, 60, 0.3)
        canvas.rect(x, y, 10, 2.2, (60, 64, 66), 3.5)
    elif style < 0.85:
        canvas.rect(x, y, 13, 10, vary((180, 182, 182), rng), 3.5, 150, 0.5)


def metal_housing(rng: np.random.Generator, mm_per_px: float) -> Canvas:
    """Stamped and bent sheet: holes, slots, embossed ribs, a folded flange, brushed or zinc-plated."""
    length = float(rng.uniform(22, 78))
    width = float(np.clip(length * rng.uniform(0.35, 0.95), 16, 60))
    canvas = Canvas(length, width, mm_per_px, rng)
    sheet = pick(rng, [(170, 172, 172), (185, 186, 186), (150, 155, 158), (140, 165, 175), (195, 195, 196)])
    canvas.rect(0, 0, length, width, sheet, 2.0, 140, 1.0)
    canvas.grain(0.09, 0.35, 14.0)
    for side in (-1, 1):
        if rng.random() < 0.6:  # a folded flange catches or loses the light
            canvas.rect(0, side * (width / 2 - 1.2), length, 2.4, vary(sheet, rng), 7.0, 170)
    for _ in range(int(rng.integers(0, 3))):
        x, y = rng.uniform(-0.25, 0.25, 2) * (length, width)
        rib = float(rng.uniform(0.2, 0.45)) * length
        for share, top in ((1.0, 2.7), (0.7, 3.3), (0.4, 3.6)):
            canvas.rect(x, y, rib * (0.8 + 0.2 * share), 4.0 * share, sheet, top, 160, 2.0 * share)
    for _ in range(int(rng.integers(1, 7))):
        x, y = rng.uniform(-0.42, 0.42, 2) * (length, width)
        if rng.random() < 0.6:
            radius = float(rng.uniform(1.0, 3.4))
            canvas.hole(ellipse(x, y, radius, radius))
        else:
            canvas.hole(rounded_rect(x, y, float(rng.uniform(4, 12)), float(rng.uniform(2, 4)), 1.0))
    if rng.random() < 0.5:  # a notched corner
        x, y = length / 2 * float(rng.choice([-1, 1])), width / 2 * float(rng.choice([-1, 1]))
        canvas.hole(rounded_rect(x, y, length * float(rng.uniform(0.3, 0.8)), width * float(rng.uniform(0.3, 0.8))))
    canvas.roughen(float(rng.uniform(0.2, 1.2)), 12.0)
    canvas.scratches(int(rng.integers(4, 16)), (215, 216, 216), 0.15)
    canvas.dirt(0.5, (35, 55, 85))
    return canvas


def plastic_housing(rng: np.random.Generator, mm_per_px: float) -> Canvas:
    """A fragment of a moulded shell: inside with ribs and screw bosses, or outside with slots and print."""
    length = float(rng.uniform(22, 78))
    width = float(np.clip(length * rng.uniform(0.4, 0.9), 16, 58))
    canvas = Canvas(length, width, mm_per_px, rng)
    shell = pick(
        rng,
        [
            (25, 25, 25),
            (26, 26, 27),
            (215, 218, 218),
            (150, 152, 152),
            (195, 210, 215),
            (150, 70, 35),
            (45, 45, 185),
            (60, 170, 215),
        ],
        6,
    )
    canvas.rect(0, 0, length, width, shell, 9.0, 90, 3.0)
    if rng.random() < 0.55:  # the inside faces up
        canvas.rect(0, 0, length - 4, width - 4, shell, 2.5, 50, 2.0)
        for x in np.arange(-length / 2 + 6, length / 2 - 4, float(rng.uniform(6, 13))):
            canvas.rect(float(x), 0, 1.2, width - 4, shell, 6.0, 60)
        canvas.rect(0, float(rng.uniform(-0.25, 0.25)) * width, length - 4, 1.2, shell, 6.5, 60)
        for _ in range(int(rng.integers(1, 4))):
            x, y = rng.uniform(-0.38, 0.38, 2) * (length, width)
            canvas.disc(x, y, 3.2, shell, 8.5, 90)
            canvas.disc(x, y, 1.3, (14, 14, 14), 3.0, 0)
    else:
        canvas.rect(0, 0, length - 3, width - 3, shell, 10.0, 90, 3.0)
        x, y = rng.uniform(-0.2, 0.2, 2) * (length, width)
        for slot in range(int(rng.integers(0, 7))):
            canvas.rect(x + slot * 3.0, y, 1.3, width * 0.35, (16, 16, 16), 7.0, 0, 0.6)
        ink: Bgr = (150, 152, 152) if sum(shell) < 300 else (60, 60, 62)
        canvas.text(["MODEL X2", "ABS", "POWER", "SOUND"][int(rng.integers(4))], -x, -y - width * 0.28, 2.6, ink)
        canvas.grain(0.04)
    if rng.random() < 0.85:
        canvas.keep(ragged(length, width, rng, 0.5))
    canvas.roughen(0.15, 9.0)
    canvas.scratches(int(rng.integers(2, 9)), vary((120, 122, 122), rng), 0.2)
    canvas.dirt(0.4)
    return canvas


PAINTERS: Mapping[str, Painter] = {
    "smartphone": smartphone,
    "battery": battery,
    "pcb": circuit_board,
    "metal_housing": metal_housing,
    "plastic_housing": plastic_housing,
}
