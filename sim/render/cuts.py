"""Parts cut out of a scene, as the line's own vision finds them, with what the line measures of each."""

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from sim.render.scenes import Scene, ScenePart
from vision.crops import crop_blobs
from vision.measures import MASS_COLUMN, heights_mm, measures_of
from vision.segmentation import Picture, Segmenter
from vision.settings import SegmentationConfig

MASS_NOISE_SHARE = 0.03
MASS_NOISE_G = 0.05
"""Standard deviations of the scale: a share of the mass and grams, added; placeholders for a site's own scale."""

_LEARN_PICTURES = 2
_MIN_AREA_MM2 = 4.0
_MIN_AREA_PX = 12.0
_MAX_PART_MM = 330.0
_SAME = 0.5  # share of a blob's and a part's boxes together that both must cover to be the same
_PURE = 0.7  # share of what is seen in a blob's box that must be of its part
_SEEN = 0.4  # share of a part that must be seen for it to be cut out by the truth
_BOX_ERROR = 0.04  # standard deviation of the truth's boxes' edges, a share of their long side


@dataclass(frozen=True, slots=True, eq=False)
class Cut:
    """One part cut out of a scene: `crop` uint8 [S, S, 3] RGB, `measures` float32 [6] in the order of
    `models.fusion.MEASURES`: as the line measures a blob, the mass as an in-line scale would.

    `found` says that the line's segmentation found it; otherwise it was cut where the truth says it is seen.
    """

    class_id: str
    crop: NDArray[np.uint8]
    measures: NDArray[np.float32]
    found: bool


def scene_crops(
    scene: Scene, size_px: int, *, missed: bool = False, rng: np.random.Generator | None = None
) -> Iterator[Cut]:
    """Every blob that the line's segmentation finds in a scene and that truth explains; with `missed` also the others.

    `rng` gives the scale's noise and how far boxes of missed parts are off; without it there is neither.
    """
    segmenter = Segmenter(
        SegmentationConfig(),
        min_area_px=max(_MIN_AREA_MM2 / scene.mm_per_px**2, _MIN_AREA_PX),
        max_part_px=_MAX_PART_MM / scene.mm_per_px,
        area_scan=True,
    )
    for _ in range(_LEARN_PICTURES):
        segmenter.foreground(Picture(scene.background))
    picture = Picture(scene.color)
    blobs = segmenter.blobs(picture, segmenter.foreground(picture, learn=False))
    crops = crop_blobs(scene.color, blobs.boxes, size_px)
    found: set[int] = set()
    for box, contour, crop in zip(blobs.boxes, blobs.contours, crops, strict=True):
        part = _part_of(box, scene)
        if part is not None:
            found.add(part.layer)
            yield Cut(part.class_id, crop, _measures(scene, contour, part, rng), True)
    if missed:
        yield from _missed(scene, found, size_px, rng)


def _missed(scene: Scene, found: set[int], size_px: int, rng: np.random.Generator | None) -> Iterator[Cut]:
    """The parts that nobody found, as far as they can be seen, in boxes about as tight as segmentation's."""
    rows, columns = scene.owner.shape
    for part in scene.parts:
        if part.layer in found or 1 - part.occluded < _SEEN:
            continue
        x0, y0, x1, y1 = part.box_px
        seen = np.asarray(scene.owner[y0:y1, x0:x1] == part.layer, np.uint8)
        outlines, _ = cv2.findContours(seen, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
        outline = np.asarray(max(outlines, key=cv2.contourArea), np.int32).reshape(-1, 2) + np.array([x0, y0], np.int32)
        if len(outline) < 3:
            continue
        edges = np.array([x0, y0, x1, y1], np.float64)
        if rng is not None:
            edges += rng.normal(0.0, _BOX_ERROR, 4) * max(x1 - x0, y1 - y0)
        left, top = max(0, round(edges[0])), max(0, round(edges[1]))
        right, bottom = min(columns, max(left + 2, round(edges[2]))), min(rows, max(top + 2, round(edges[3])))
        box = np.array([[left, top, right - left, bottom - top]], np.int32)
        crop = crop_blobs(scene.color, box, size_px)[0]
        yield Cut(part.class_id, crop, _measures(scene, outline, part, rng), False)


def _part_of(box: NDArray[np.int32], scene: Scene) -> ScenePart | None:
    """The part whose visible box overlaps the blob's (x, y, width, height) by more than half of both together.

    None also where much of another part lies in the box.
    """
    x, y, width, height = (int(value) for value in box)
    for part in scene.parts:
        x0, y0, x1, y1 = part.box_px
        common = max(0, min(x + width, x1) - max(x, x0)) * max(0, min(y + height, y1) - max(y, y0))
        if common > _SAME * (width * height + (x1 - x0) * (y1 - y0) - common):
            owner = scene.owner[y : y + height, x : x + width]
            pure = np.count_nonzero(owner == part.layer) >= _PURE * np.count_nonzero(owner >= 0)
            return part if pure else None
    return None


def _measures(
    scene: Scene, contour: NDArray[np.int32], part: ScenePart, rng: np.random.Generator | None
) -> NDArray[np.float32]:
    """What the line measures of a blob, and what the scale says of the part that it is; float32 [6]."""
    box = np.array([cv2.boundingRect(contour)], np.int32)
    heights = heights_mm([contour], box, scene.height_mm)
    mm = scene.mm_per_px
    measures = measures_of([contour], np.array([cv2.contourArea(contour) * mm**2]), heights, np.array([mm]))[0]
    mass = part.mass_g
    if rng is not None:
        mass = max(0.0, mass * (1 + MASS_NOISE_SHARE * rng.standard_normal()) + MASS_NOISE_G * rng.standard_normal())
    measures[MASS_COLUMN] = mass
    return measures
