"""Pictures of parts on a belt with the truth beside them, for training and for tests.

Each scene has its own belt, lamp, colour temperature, exposure, lens shading, focus and noise. It
also brings the same belt without parts, from which a segmenter can learn its background.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from sim.optics import BeltOptics, PlacedPart
from sim.render.light import Light
from sim.render.parts import PartImage, make_part

_ATTEMPTS = 40  # to find a free place for a part before it is left out


@dataclass(frozen=True, slots=True)
class ScenePart:
    """One part that lies wholly in the scene; box (x0, y0, x1, y1) in px, x1 and y1 exclusive."""

    class_id: str
    box_px: tuple[int, int, int, int]
    centroid_px: tuple[float, float]


@dataclass(frozen=True, slots=True)
class Scene:
    """A picture (H x W x 3 uint8 BGR), the same belt without parts, and the parts in it."""

    color: NDArray[np.uint8]
    background: NDArray[np.uint8]
    parts: tuple[ScenePart, ...]


def training_scenes(
    rng: np.random.Generator,
    classes: Sequence[str],
    count: int,
    mm_per_px: float,
    *,
    view_along_mm: float = 320.0,
    belt_width_mm: float = 800.0,
    parts_per_scene: int = 24,
    gap_mm: float = 6.0,
) -> Iterator[Scene]:
    """Yield `count` scenes with up to `parts_per_scene` parts that keep `gap_mm` between their boxes.

    The classes take turns, so that every class comes about equally often; a part for which no free
    place is found is left out. The same state of `rng` gives the same scenes.
    """
    queue: list[str] = []
    for _ in range(count):
        optics = BeltOptics(
            mm_per_px=mm_per_px,
            view_along_mm=view_along_mm,
            belt_width_mm=belt_width_mm,
            noise_sigma=float(rng.uniform(1.0, 5.0)),
            seed=int(rng.integers(0x7FFF_FFFF)),
            vignetting=float(rng.uniform(0.0, 0.2)),
            belt_loop_mm=2 * view_along_mm,
        )
        lamp = Light(float(rng.uniform(0, 360)), float(rng.uniform(40, 75)), float(rng.uniform(0.4, 0.65)))
        while len(queue) < parts_per_scene:
            queue.extend(str(name) for name in rng.permutation(list(classes)))
        batch = [make_part(name, rng, mm_per_px, lamp) for name in queue[:parts_per_scene]]
        del queue[:parts_per_scene]
        yield _scene(optics, batch, gap_mm, rng)


def _scene(optics: BeltOptics, batch: Sequence[PartImage], gap_mm: float, rng: np.random.Generator) -> Scene:
    gap_px = round(gap_mm / optics.mm_per_px)
    taken = np.zeros((optics.rows, optics.columns), np.uint8)
    placed: list[PlacedPart] = []
    truth: list[ScenePart] = []
    for image in sorted(batch, key=lambda part: -part.alpha.size):  # the large ones need the room
        height: int = image.alpha.shape[0]
        width: int = image.alpha.shape[1]
        for _ in range(_ATTEMPTS):
            if height + 2 > optics.rows or width + 2 > optics.columns:
                break
            top = int(rng.integers(1, optics.rows - height))
            left = int(rng.integers(1, optics.columns - width))
            around = taken[max(0, top - gap_px) : top + height + gap_px, max(0, left - gap_px) : left + width + gap_px]
            if around.any():
                continue
            taken[top : top + height, left : left + width] = 1
            column, row = left + image.centroid_col_px, top + image.centroid_row_px
            along_mm = (optics.rows - 1 - row) * optics.mm_per_px
            placed.append(PlacedPart(image, -along_mm, column * optics.mm_per_px))
            truth.append(ScenePart(image.class_id, (left, top, left + width, top + height), (column, row)))
            break
    sigma_px = float(rng.uniform(0.0, 0.8))
    balance = rng.normal(1.0, 0.05, 3) * rng.uniform(0.8, 1.25)
    travel = rng.integers(1, optics.rows)
    color = _developed(optics.render(0.0, placed, 0), sigma_px, balance, rng)
    background = _developed(optics.render(float(travel) * optics.mm_per_px, (), 1), sigma_px, balance, rng)
    return Scene(color, background, tuple(truth))


def _developed(
    picture: NDArray[np.uint8], sigma_px: float, balance: NDArray[np.float64], rng: np.random.Generator
) -> NDArray[np.uint8]:
    """Focus and motion blur, then exposure and white balance."""
    if sigma_px > 0.3:
        picture = np.asarray(cv2.GaussianBlur(picture, (0, 0), sigma_px), np.uint8)
    steps = np.arange(256)[:, None] * balance[None, :]
    curve = np.clip(steps, 0, 255).astype(np.uint8)[None]
    return np.asarray(cv2.LUT(picture, curve.transpose(1, 0, 2)), np.uint8)
