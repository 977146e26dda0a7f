"""What is printed on parts: names, ratings, labels with small print, bar codes and signs."""

import cv2
import numpy as np

from sim.render.canvas import Canvas
from sim.render.dice import between, chance, dimmed, one_of, tone
from sim.render.shapes import Bgr

WHITE: Bgr = (212, 215, 215)
INK: Bgr = (38, 38, 40)
PAPERS: tuple[Bgr, ...] = (
    (222, 224, 224),
    (222, 224, 224),
    (205, 210, 212),
    (30, 30, 31),
    (70, 190, 220),
    (190, 150, 70),
)

_SYLLABLES = (
    "NO",
    "KA",
    "SO",
    "LU",
    "MI",
    "TE",
    "PA",
    "RO",
    "XI",
    "VO",
    "LG",
    "TEC",
    "SAN",
    "MAX",
    "ON",
    "IX",
    "EL",
    "HI",
)
_SMALL_PRINT = (
    "MADE IN CHINA", "Made in Japan", "CAUTION", "Li-ion", "RoHS CE FCC", "S/N 4F82K1", "Rated 5V 2A", "Do not dispose",
    "MODEL A1387", "IC: 579C-E", "3.8V 5.45Wh", "WARNING", "REV 1.2", "P/N 616-0580", "LOT 0931", "ASSY 7741",
)  # fmt: skip
_FONTS = (
    cv2.FONT_HERSHEY_SIMPLEX, cv2.FONT_HERSHEY_SIMPLEX, cv2.FONT_HERSHEY_DUPLEX, cv2.FONT_HERSHEY_TRIPLEX,
    cv2.FONT_HERSHEY_COMPLEX, cv2.FONT_HERSHEY_SCRIPT_SIMPLEX,
)  # fmt: skip


def brand(rng: np.random.Generator) -> str:
    """A made-up maker's name."""
    name = "".join(one_of(rng, _SYLLABLES) for _ in range(int(rng.integers(2, 4))))
    return name if chance(rng, 0.6) else name.capitalize()


def code(rng: np.random.Generator, letters: int = 5) -> str:
    """A part number or lot code."""
    return "".join(str(letter) for letter in rng.choice(list("ABCEFHKLMNPRSTXZ0123456789"), letters))


def small_print(rng: np.random.Generator) -> str:
    """A line as labels carry it."""
    return one_of(rng, _SMALL_PRINT)


def ink_on(ground: Bgr) -> Bgr:
    """Dark ink on a bright ground, bright ink on a dark one."""
    return INK if sum(ground) > 330 else WHITE


def title(canvas: Canvas, line: str, x_mm: float, y_mm: float, cap_mm: float, bgr: Bgr, quarters: int = 0) -> None:
    """A name in one of several typefaces."""
    canvas.text(line, x_mm, y_mm, cap_mm, bgr, quarters, one_of(canvas.rng, _FONTS))


def bars(canvas: Canvas, x_mm: float, y_mm: float, length_mm: float, width_mm: float, bgr: Bgr) -> None:
    """A bar code, its bars across x."""
    rng = canvas.rng
    stripes = np.repeat(rng.random(int(rng.integers(24, 48))) < 0.5, 2)
    paper = WHITE if sum(bgr) < 330 else INK
    canvas.picture(x_mm, y_mm, length_mm, width_mm, np.where(stripes[None, :, None], bgr, paper).astype(np.uint8))


def matrix_code(canvas: Canvas, x_mm: float, y_mm: float, side_mm: float) -> None:
    """A two-dimensional code."""
    cells = canvas.rng.random((16, 16)) < 0.5
    cells[:, 0] = cells[-1] = True
    grown = np.repeat(np.repeat(cells, 4, axis=0), 4, axis=1)
    canvas.picture(x_mm, y_mm, side_mm, side_mm, np.where(grown[:, :, None], INK, WHITE).astype(np.uint8))


def sign(canvas: Canvas, x_mm: float, y_mm: float, size_mm: float, bgr: Bgr) -> None:
    """A small mark: crossed-out bin, warning triangle, circle, CE or the three arrows' triangle."""
    rng = canvas.rng
    half, pen = size_mm / 2, max(0.15, size_mm * 0.1)
    kind = int(rng.integers(4))
    if kind == 0:
        canvas.stroke([[x_mm - half * 0.6, y_mm - half * 0.6], [x_mm - half * 0.4, y_mm + half * 0.7],
                       [x_mm + half * 0.4, y_mm + half * 0.7], [x_mm + half * 0.6, y_mm - half * 0.6],
                       [x_mm - half * 0.6, y_mm - half * 0.6]], pen, bgr)  # fmt: skip
        canvas.stroke([[x_mm - half, y_mm - half], [x_mm + half, y_mm + half]], pen, bgr)
        canvas.stroke([[x_mm - half, y_mm + half], [x_mm + half, y_mm - half]], pen, bgr)
    elif kind == 1:
        corners = np.array([[0, -1], [0.95, 0.8], [-0.95, 0.8], [0, -1]]) * half
        canvas.stroke(np.add(corners, (x_mm, y_mm)), pen, bgr)
        canvas.stroke([[x_mm, y_mm - half * 0.3], [x_mm, y_mm + half * 0.4]], pen, bgr)
    elif kind == 2:
        canvas.text(one_of(rng, ("CE", "FC", "UL", "PSE")), x_mm, y_mm, size_mm * 0.7, bgr)
    else:
        angle = np.linspace(0, 2 * np.pi, 18)
        canvas.stroke(np.column_stack([x_mm + half * np.cos(angle), y_mm + half * np.sin(angle)]), pen, bgr)
        canvas.stroke([[x_mm - half * 0.5, y_mm], [x_mm + half * 0.5, y_mm]], pen, bgr)


def script(canvas: Canvas, x_mm: float, y_mm: float, letters: int, cap_mm: float, bgr: Bgr) -> None:
    """A line that looks like Japanese or Chinese small print: a few strokes a square."""
    rng = canvas.rng
    for place in (np.arange(letters) - (letters - 1) / 2) * cap_mm * 1.15:
        for _ in range(int(rng.integers(2, 5))):
            along = rng.uniform(-0.45, 0.45, 3) * cap_mm
            x, y = x_mm + float(place), y_mm
            ends = [[x + along[0], y - cap_mm * 0.4], [x + along[0], y + cap_mm * 0.4]]
            if chance(rng, 0.6):
                ends = [[x - cap_mm * 0.4, y + along[1]], [x + cap_mm * 0.4, y + along[1]]]
            canvas.stroke(ends, cap_mm * 0.1, bgr)


def paragraph(
    canvas: Canvas, x_mm: float, y_mm: float, length_mm: float, width_mm: float, bgr: Bgr, cap_mm: float
) -> None:
    """Lines of small print that fill a rectangle, flush left."""
    rng = canvas.rng
    row = y_mm - width_mm / 2 + cap_mm
    while row < y_mm + width_mm / 2 - cap_mm * 0.4:
        if chance(rng, 0.25):
            letters = int(rng.integers(3, max(4, int(length_mm / cap_mm * 0.7))))
            script(canvas, x_mm, row, letters, cap_mm, bgr)
        else:
            line = small_print(rng)
            while len(line) * cap_mm * 0.9 < length_mm * between(rng, 0.3, 1.0):
                line += " " + small_print(rng)
            line = line[: max(3, int(length_mm / (cap_mm * 0.95)))]
            canvas.text(line, x_mm - length_mm / 2 + len(line) * cap_mm * 0.46, row, cap_mm, bgr)
        row += cap_mm * between(rng, 1.5, 2.1)


def label(
    canvas: Canvas, x_mm: float, y_mm: float, length_mm: float, width_mm: float, paper: Bgr | None = None
) -> None:
    """A sticker or printed panel: a name, ratings, small print, bar codes, signs, coloured fields."""
    rng = canvas.rng
    ground = tone(rng, PAPERS, 5) if paper is None else paper
    ink = ink_on(ground)
    canvas.rect(x_mm, y_mm, length_mm, width_mm, ground, None, 25, min(1.2, width_mm * 0.1))
    if chance(rng, 0.3):
        bar = tone(rng, [(40, 40, 190), (170, 90, 30), (60, 150, 60), (30, 120, 230), INK], 6)
        if chance(rng, 0.5):
            canvas.rect(x_mm, y_mm - width_mm * 0.38, length_mm, width_mm * 0.24, bar)
        else:
            canvas.rect(x_mm - length_mm * 0.4, y_mm, length_mm * 0.2, width_mm, bar)
    cap = width_mm * between(rng, 0.07, 0.16)
    name = brand(rng)
    cap = min(cap, length_mm * 0.7 / len(name))
    title(canvas, name, x_mm + length_mm * between(rng, -0.15, 0.15), y_mm - width_mm * 0.33, cap, ink)
    fine = between(rng, 0.7, 1.3) if width_mm < 60 else between(rng, 1.3, 2.2)
    middle = y_mm + width_mm * 0.08
    paragraph(canvas, x_mm, middle, length_mm * 0.84, width_mm * between(rng, 0.35, 0.5), ink, fine)
    foot = y_mm + width_mm * 0.36
    if chance(rng, 0.6):
        bars(canvas, x_mm - length_mm * 0.2, foot, length_mm * between(rng, 0.25, 0.5), width_mm * 0.14, INK)
    if chance(rng, 0.35) and width_mm > 10:
        matrix_code(canvas, x_mm + length_mm * 0.36, y_mm + width_mm * 0.3, min(width_mm, length_mm) * 0.2)
    for place in range(int(rng.integers(0, 5))):
        size = min(4.0, width_mm * 0.13)
        sign(canvas, x_mm + length_mm * 0.1 + place * size * 1.5, foot, size, ink)
    if chance(rng, 0.3):  # rubbed or torn off in places
        for _ in range(3):
            x, y = rng.uniform(-0.45, 0.45, 2) * (length_mm, width_mm)
            spot = rng.normal(0, 1, (7, 2)).cumsum(axis=0) * min(length_mm, width_mm) * 0.05
            canvas.shade(np.add(spot, (x_mm + x, y_mm + y)), dimmed(ground, 1.1), 0.7, 0.4)
