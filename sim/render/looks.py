"""What painters of small parts share: materials, bent leads, camera tilt, wear, printed codes."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sim.render.canvas import Canvas
from sim.render.dice import chance, tone
from sim.render.shapes import Bgr
from sim.render.solids import Body, Paint

TIN: Bgr = (188, 190, 188)
GOLD: Bgr = (70, 165, 205)
COPPER: Bgr = (60, 105, 190)
STEEL: Bgr = (168, 172, 172)
BLACK_EPOXY: Bgr = (27, 26, 26)
WHITE_PRINT: Bgr = (205, 208, 208)


def metal(rng: np.random.Generator, colours: Sequence[Bgr] = (TIN,), share: float | None = None) -> Paint:
    """A mirroring metal of one of the colours, from dull to bright."""
    bright = float(rng.uniform(0.35, 0.95)) if share is None else share
    return Paint(tone(rng, colours, 6), int(90 + 90 * bright), bright)


def aslant(rng: np.random.Generator) -> float:
    """Degrees by which the camera looks past the vertical: often hardly, now and then well from the side."""
    low, high = ((0.0, 6.0), (6.0, 25.0), (25.0, 55.0))[int(rng.choice(3, p=[0.45, 0.33, 0.22]))]
    return float(rng.uniform(low, high))


def lead(
    rng: np.random.Generator, start: ArrayLike, heading: ArrayLike, length_mm: float, flat: float = 0.8
) -> NDArray[np.float64]:
    """A component lead from a place in a direction, N x 3 in mm: straight, bowed or kinked once or twice.

    `flat` 1 keeps its bends in the plane of x and y.
    """
    place, ahead = np.asarray(start, np.float64), np.asarray(heading, np.float64)
    ahead = ahead / np.sqrt(ahead @ ahead)
    aside = rng.normal(size=3) * [1.0, 1.0, 1.0 - flat]
    aside -= ahead * (aside @ ahead)
    aside /= np.sqrt(aside @ aside)
    steps = 10
    angle = np.zeros(steps)
    kind = rng.random()
    if kind < 0.35:
        angle += np.linspace(0, float(rng.normal(0, 0.15)), steps)
    elif kind < 0.65:
        angle += np.linspace(0, float(rng.normal(0, 0.9)), steps)
    else:
        for bend in range(int(rng.integers(1, 3))):
            angle[int(rng.integers(1, steps - 1)) :] += float(rng.uniform(0.3, 1.4)) * (-1.0 if bend else 1.0)
    strides = ahead * np.cos(angle)[:, None] + aside * np.sin(angle)[:, None]
    return place + np.concatenate([np.zeros((1, 3)), np.cumsum(strides, axis=0)]) * (length_mm / steps)


def tips(body: Body, path: NDArray[np.float64], radius_mm: float, paint: Paint) -> None:
    """A wire with closed ends."""
    share = np.linspace(0, 1, len(path))
    body.tube(path, radius_mm, paint)
    for end, inner in ((0, 1), (-1, -2)):
        outward = path[end] - path[inner]
        if np.sqrt(outward @ outward) > 1e-6 and len(share) > 1:
            body.revolve([(0, radius_mm), (radius_mm * 0.25, 0)], paint, path[end], outward)


def code(rng: np.random.Generator, pattern: str) -> str:
    """A printed code: `A` becomes a letter, `0` a digit, the rest stays."""
    letters, digits = "ABCDEFHKLMNPRSTUXYZ", "0123456789"
    return "".join(
        letters[int(rng.integers(len(letters)))]
        if sign == "A"
        else digits[int(rng.integers(10))]
        if sign == "0"
        else sign
        for sign in pattern
    )


def sometimes_broken(canvas: Canvas, rng: np.random.Generator, probability: float) -> Canvas:
    """In `probability` of cases break a piece off along a jagged line: up to half of the part, from any side."""
    if not chance(rng, probability):
        return canvas
    reach = float(np.hypot(canvas.length_mm, canvas.width_mm))
    angle = float(rng.uniform(0, 2 * np.pi))
    turned = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    extent = abs(turned[0, 0]) * canvas.length_mm / 2 + abs(turned[1, 0]) * canvas.width_mm / 2
    edge = extent * float(rng.uniform(0.05, 0.6)) + rng.normal(0, 0.03, 14) * reach
    jagged = np.column_stack([edge, np.linspace(-reach, reach, 14)])
    canvas.keep(np.concatenate([jagged, [[-reach, reach], [-reach, -reach]]]) @ turned.T)
    return canvas


def worn(canvas: Canvas, rng: np.random.Generator, grain: float = 0.04, dirty: float = 0.3) -> Canvas:
    """Grain, and now and then dust, flux or scratches."""
    canvas.grain(grain)
    if chance(rng, dirty):
        canvas.dirt(float(rng.uniform(0.3, 1.0)), tone(rng, [(38, 48, 58), (40, 62, 88), (120, 130, 135)]))
    if chance(rng, 0.15):
        canvas.scratches(int(rng.integers(1, 5)), tone(rng, [(150, 152, 152), (60, 62, 64)]))
    return canvas


def polar(radius_mm: float, degrees: ArrayLike) -> NDArray[np.float64]:
    """Points at the angles on a circle, N x 2."""
    angle = np.deg2rad(np.asarray(degrees, np.float64))
    return radius_mm * np.stack([np.cos(angle), np.sin(angle)], axis=-1)


def axial_leads(body: Body, rng: np.random.Generator, half_mm: float, radius_mm: float, longest_mm: float) -> None:
    """A lead out of each end: long, bent down, or cut to a stub."""
    wire = metal(rng)
    for side in (-1.0, 1.0):
        length = float(rng.uniform(0.6, 3.5) if chance(rng, 0.55) else rng.uniform(2.5, longest_mm))
        tips(body, lead(rng, (side * half_mm * 0.97, 0, 0), (side, 0, 0), length), radius_mm, wire)


def drum(half_mm: float, radius_mm: float, ease: float) -> NDArray[np.float64]:
    """A cylinder's profile with eased edges."""
    arc = np.linspace(0, np.pi / 2, 6)
    r = radius_mm * ease
    left = np.column_stack([-half_mm + r * (1 - np.sin(arc)), radius_mm - r * (1 - np.cos(arc))])[::-1]
    right = np.column_stack([half_mm - r * (1 - np.sin(arc)), radius_mm - r * (1 - np.cos(arc))])
    return np.concatenate([[[-half_mm, 0]], left, right, [[half_mm, 0]]])
