"""Pictures of parts on a belt with the truth beside them, for training and for tests.

Each scene has its own belt, light, exposure, lens, focus, noise and compression. It also brings the
same belt without parts, from which a segmenter can learn its background, and the heights as a laser
profile sensor measures them.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from sim.render.belt import belt_texture, random_belt
from sim.render.contact import SOLID, contact_corner
from sim.render.exposure import CameraLook, developed, random_camera
from sim.render.lamps import random_light
from sim.render.light import Light, PartImage
from sim.render.pile import Lying, Pile
from sim.render.profile import ProfileSensor, scanned
from sim.render.shape_seeds import Split, draw_part

_ATTEMPTS = 40  # to find a free place for a part before it is left out
_PLANT_LOOK = 0.12  # share of scenes as the plant's own camera sees its belt


@dataclass(frozen=True, slots=True, eq=False)
class ScenePart:
    """One part that lies wholly in the scene.

    `box_px` (x0, y0, x1, y1; x1 and y1 exclusive) and `centroid_px` (x, y) are of what is seen of it, `full_box_px` of
    all of it. `occluded` is the share of its footprint hidden under others; `layer` the order of laying down, 0 first.
    The measures are the part's own: sides of the smallest rectangle, area of the footprint, highest point, mass.
    """

    class_id: str
    layer: int
    box_px: tuple[int, int, int, int]
    centroid_px: tuple[float, float]
    full_box_px: tuple[int, int, int, int]
    occluded: float
    length_mm: float
    width_mm: float
    area_mm2: float
    height_mm: float
    mass_g: float


@dataclass(frozen=True, slots=True, eq=False)
class Scene:
    """A picture (H x W x 3 uint8 BGR), the same belt without parts, and the parts in it by layer.

    `height_mm` is H x W float32, what a laser profile sensor measured, NaN where it saw nothing. `owner` is H x W
    int16: the `layer` of the part that is seen there, -1 belt. Parts of which nothing is seen are not in `parts`.
    """

    color: NDArray[np.uint8]
    background: NDArray[np.uint8]
    height_mm: NDArray[np.float32]
    owner: NDArray[np.int16]
    mm_per_px: float
    parts: tuple[ScenePart, ...]

    def visible(self, part: ScenePart) -> NDArray[np.bool_]:
        """Where the part is seen, H x W bool."""
        return self.owner == part.layer


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
    overlap: float = 0.0,
    split: Split = "train",
) -> Iterator[Scene]:
    """Yield `count` scenes with up to `parts_per_scene` parts that keep `gap_mm` between their boxes.

    `overlap` is the share of parts that are pushed against another one until they touch it or lie on it, by up to half
    of the smaller one. The classes take turns, so that every class comes about equally often; a part for which no
    place is found is left out. `split` says whose shapes are drawn. The same state of `rng` gives the same scenes.
    """
    queue: list[str] = []
    shape = (round(view_along_mm / mm_per_px), round(belt_width_mm / mm_per_px))
    for _ in range(count):
        as_the_plant = rng.random() < _PLANT_LOOK
        light = Light() if as_the_plant else random_light(rng)
        while len(queue) < parts_per_scene:
            queue.extend(str(name) for name in rng.permutation(list(classes)))
        batch = [draw_part(name, split, rng, mm_per_px, light) for name in queue[:parts_per_scene]]
        del queue[:parts_per_scene]
        belts = _belts(shape, mm_per_px, rng, as_the_plant)
        look = (
            CameraLook(read_noise=3.0, shading=0.1) if as_the_plant else random_camera(rng, along_mm_per_px=mm_per_px)
        )
        yield _scene(belts, batch, light, look, mm_per_px, gap_mm, overlap, rng)


def _belts(
    shape: tuple[int, int], mm_per_px: float, rng: np.random.Generator, as_the_plant: bool
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Two stretches of one belt: under the parts, and bare."""
    look = None if as_the_plant else random_belt(rng)
    loop = belt_texture(shape[0] * 3 // 2, shape[1], mm_per_px, rng, look)
    return loop[: shape[0]], loop[-shape[0] :]


def _scene(
    belts: tuple[NDArray[np.uint8], NDArray[np.uint8]],
    batch: Sequence[PartImage],
    light: Light,
    look: CameraLook,
    mm_per_px: float,
    gap_mm: float,
    overlap: float,
    rng: np.random.Generator,
) -> Scene:
    pile = Pile(belts[0])
    piled = rng.random(len(batch)) < overlap
    lay_apart(pile, [image for image, on in zip(batch, piled, strict=True) if not on], gap_mm / mm_per_px, rng)
    for image, on in zip(batch, piled, strict=True):
        if on:
            lay_against(pile, image, rng)
    sensor = ProfileSensor(float(rng.uniform(0.02, 0.15)), 0.01, float(rng.uniform(3, 10)), float(rng.uniform(0, 0.01)))
    return Scene(
        developed(pile.lit(light, mm_per_px), look, rng),
        developed(belts[1], look, rng),
        scanned(pile.height_mm, pile.shine, mm_per_px, sensor, rng),
        pile.owner,
        mm_per_px,
        truth_of(pile),
    )


def lay_apart(pile: Pile, batch: Sequence[PartImage], gap_px: float, rng: np.random.Generator) -> None:
    """Lay parts where their boxes keep the gap to all others; a part without a place is left out."""
    rows, columns = pile.owner.shape
    gap = round(gap_px)
    taken = np.zeros((rows, columns), np.uint8)
    for image in sorted(batch, key=lambda part: -part.alpha.size):  # the large ones need the room
        height: int = image.alpha.shape[0]
        width: int = image.alpha.shape[1]
        if height + 2 > rows or width + 2 > columns:
            continue
        for _ in range(_ATTEMPTS):
            top = int(rng.integers(1, rows - height))
            left = int(rng.integers(1, columns - width))
            around = taken[max(0, top - gap) : top + height + gap, max(0, left - gap) : left + width + gap]
            if not around.any():
                taken[top : top + height, left : left + width] = 1
                pile.lay(Lying(image, top, left))
                break


def lay_against(pile: Pile, image: PartImage, rng: np.random.Generator) -> None:
    """Push a part towards one that lies there until it touches it, or lies on it by up to half of the smaller one.

    Left out where the pile is empty or the place found is not wholly in the picture.
    """
    if not pile.parts:
        return
    rows, columns = pile.owner.shape
    height, width = image.alpha.shape
    most = 0.0 if rng.random() < 0.4 else float(rng.uniform(0.05, 0.5))
    for _ in range(_ATTEMPTS // 4):
        neighbour = pile.parts[int(rng.integers(len(pile.parts)))]
        row, column = contact_corner(image, neighbour.image, float(rng.uniform(0, 2 * np.pi)), most)
        top, left = neighbour.top + row, neighbour.left + column
        if 1 <= top < rows - height and 1 <= left < columns - width:
            pile.lay(Lying(image, top, left))
            return


def truth_of(pile: Pile) -> tuple[ScenePart, ...]:
    """What is seen of every part of a pile, those left out of which nothing is."""
    found: list[ScenePart] = []
    for layer, part in enumerate(pile.parts):
        image, (rows, columns) = part.image, part.window
        seen = (pile.owner[part.window] == layer).astype(np.uint8)
        area = int(np.count_nonzero(seen))
        if area == 0:
            continue
        occluded = 1.0 - area / int(np.count_nonzero(image.alpha >= SOLID))
        full_box = (columns.start, rows.start, columns.stop, rows.stop)
        found.append(seen_part(image, layer, seen, (part.left, part.top), full_box, occluded))
    return tuple(found)


def seen_part(
    image: PartImage,
    layer: int,
    seen: NDArray[np.uint8],
    corner_px: tuple[int, int],
    full_box_px: tuple[int, int, int, int],
    occluded: float,
) -> ScenePart:
    """The truth about one part, from a window that is not 0 where it is seen, with its corner (x, y) in the picture."""
    left, top = corner_px
    x, y, width, height = cv2.boundingRect(seen)
    moments = cv2.moments(seen, binaryImage=True)
    area = max(moments["m00"], 1.0)
    return ScenePart(
        class_id=image.class_id,
        layer=layer,
        box_px=(left + x, top + y, left + x + width, top + y + height),
        centroid_px=(left + moments["m10"] / area, top + moments["m01"] / area),
        full_box_px=full_box_px,
        occluded=occluded,
        length_mm=image.length_mm,
        width_mm=image.width_mm,
        area_mm2=image.area_mm2,
        height_mm=image.height_mm,
        mass_g=image.mass_g,
    )
