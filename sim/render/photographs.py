"""Photograph-like pictures of one object each: any ground, any light, any distance, held a little askew."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from sim.render.exposure import developed, random_camera
from sim.render.grounds import random_ground
from sim.render.lamps import random_light
from sim.render.light import PartImage
from sim.render.pile import Lying, Pile
from sim.render.scenes import ScenePart, seen_part
from sim.render.shape_seeds import Split, draw_part, typical_length_mm

_LARGEST_PX = 420  # of a part as it is drawn; more would be thrown away by any crop
_FINEST_MM_PER_PX = 0.03
_FILL = (0.3, 1.05)  # the object's long side over the picture's


@dataclass(frozen=True, slots=True, eq=False)
class Photograph:
    """One object: a square picture S x S x 3 uint8 BGR, where the object is seen (S x S bool), and its truth.

    The object may be cut by the picture's edge: `part.box_px` is what is seen, `part.full_box_px` that too.
    """

    color: NDArray[np.uint8]
    mask: NDArray[np.bool_]
    mm_per_px: float
    part: ScenePart


def photographs(
    rng: np.random.Generator,
    classes: Sequence[str],
    count: int,
    *,
    size_px: int = 160,
    split: Split = "train",
) -> Iterator[Photograph]:
    """Yield `count` pictures of `size_px`, the classes in turn.

    `split` says whose shapes are drawn. The same state of `rng` gives the same pictures.
    """
    queue: list[str] = []
    for _ in range(count):
        if not queue:
            queue = [str(name) for name in rng.permutation(list(classes))]
        class_id = queue.pop()
        picture = None
        while picture is None:  # now and then nothing of a ring or a cable lies in the picture
            picture = _photograph(class_id, rng, size_px, split)
        yield picture


def _photograph(class_id: str, rng: np.random.Generator, size_px: int, split: Split) -> Photograph | None:
    light = random_light(rng)
    # drawn about as fine as it is shown, for text and legs; no finer, for time
    length_px = min(float(rng.uniform(*_FILL)) * size_px * float(rng.uniform(0.9, 1.5)), _LARGEST_PX)
    mm_per_px = max(typical_length_mm(class_id) / length_px, _FINEST_MM_PER_PX)
    image = _askew(draw_part(class_id, split, rng, mm_per_px, light), rng)
    rows, columns = image.alpha.shape
    side = max(16, round(max(rows, columns) / float(rng.uniform(*_FILL))))
    pad = max(rows, columns)  # so that an object may reach over the edge
    ground = cv2.copyMakeBorder(random_ground(side, mm_per_px, rng), pad, pad, pad, pad, cv2.BORDER_REFLECT_101)
    pile = Pile(np.asarray(ground, np.uint8))
    room = np.array([side - rows, side - columns])
    # anywhere that it fits; where it does not, about the middle
    corner = np.where(room > 0, rng.uniform(0, 1, 2) * room, room / 2 + rng.uniform(-0.1, 0.1, 2) * side)
    top, left = (int(at) for at in np.rint(corner + pad))
    pile.lay(Lying(image, top, left))
    window = (slice(pad, pad + side), slice(pad, pad + side))
    picture = np.ascontiguousarray(pile.lit(light, mm_per_px)[window])
    seen = pile.owner[window] == 0
    size = (size_px, size_px)
    method = cv2.INTER_AREA if side > size_px else cv2.INTER_LINEAR
    picture = np.asarray(cv2.resize(picture, size, interpolation=method), np.uint8)
    mask = np.asarray(cv2.resize(seen.astype(np.uint8), size, interpolation=cv2.INTER_NEAREST), np.uint8)
    color = developed(picture, random_camera(rng), rng)
    if not mask.any():
        return None
    x, y, width, height = cv2.boundingRect(mask)
    part = seen_part(image, 0, mask, (0, 0), (x, y, x + width, y + height), 0.0)
    return Photograph(color, mask > 0, mm_per_px * side / size_px, part)


def _askew(image: PartImage, rng: np.random.Generator) -> PartImage:
    """The part seen a little from the side: all its maps through one perspective. Its measures stay the part's own."""
    rows, columns = image.alpha.shape
    reach = float(rng.uniform(0.0, 0.22))
    corners = np.array([[0, 0], [columns, 0], [columns, rows], [0, rows]], np.float32)
    moved = corners + rng.uniform(-reach, reach, (4, 2)).astype(np.float32) * min(rows, columns)
    moved -= moved.min(axis=0)
    width, height = (int(at) + 1 for at in np.ceil(moved.max(axis=0)))
    turn = cv2.getPerspectiveTransform(corners, moved)
    return image.warped(lambda layer: cv2.warpPerspective(layer, turn, (width, height), flags=cv2.INTER_LINEAR))
