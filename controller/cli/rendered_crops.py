"""Crops of rendered parts to train and to measure with: cut out of belts by the line's own vision, or as photographs.

Training and held-out crops show different parts (`split`, see `sim.render.shape_seeds`), whatever the seeds.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from itertools import chain
from multiprocessing import get_context

import cv2
import numpy as np
from numpy.typing import NDArray

from sim.render.photographs import photographs
from sim.render.scenes import Scene, ScenePart, training_scenes
from sim.render.shape_seeds import Split, that_fit, typical_length_mm
from vision.crops import crop_blobs
from vision.images import square_crop
from vision.segmentation import Segmenter
from vision.settings import SegmentationConfig

MEASURES = ("length_mm", "width_mm", "area_mm2", "mean_height_mm", "max_height_mm", "mass_g")
"""Columns of `RenderedCrops.measures`: as the line measures a blob, the mass as an in-line scale would."""

MASS_NOISE_SHARE = 0.03
MASS_NOISE_G = 0.05
"""Standard deviations of the scale: a share of the mass and grams, added; placeholders for a site's own scale."""

Report = Callable[[str, int, int], None]
"""Is told what is being made, how many of it are done, and of how many."""

_VIEW_PX = (512, 896)
_FILL = 0.25  # share of the view that the parts' boxes are to cover, about
_FEWEST, _MOST = 6, 40  # parts a scene
_SCENES_A_CHUNK = 2
_PHOTOGRAPHS_A_CHUNK = 64
_PHOTOGRAPH_PX = 1.5  # side of a photograph over that of its crop
_LEARN_PICTURES = 3
_MIN_AREA_MM2 = 4.0
_MIN_AREA_PX = 12.0
_MAX_PART_MM = 330.0
_HIGH_PERCENTILE = 98.0  # the highest point without the outliers of the sensor
_SAME = 0.5
_PURE = 0.7
_SEEN = 0.4


@dataclass(frozen=True, slots=True, eq=False)
class Cut:
    """One part cut out of a scene: `crop` uint8 [S, S, 3] RGB, `measures` float32 [6] in the order of MEASURES.

    `found` says that the line's segmentation found it; otherwise it was cut where the truth says it is seen.
    """

    class_id: str
    crop: NDArray[np.uint8]
    measures: NDArray[np.float32]
    found: bool


@dataclass(frozen=True, slots=True, eq=False)
class RenderedCrops:
    """N crops: `crops` uint8 [N, S, S, 3] RGB, `labels` int64 [N] into `classes`, `measures` float32 [N, 6] in the
    order of MEASURES, NaN where there is none (photographs have none), `found` bool [N] as in `Cut`.
    """

    classes: tuple[str, ...]
    crops: NDArray[np.uint8]
    labels: NDArray[np.int64]
    measures: NDArray[np.float32]
    found: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.labels)


@dataclass(frozen=True, slots=True)
class _Task:
    """What one process makes at a time."""

    seed: np.random.SeedSequence
    classes: tuple[str, ...]
    size_px: int
    split: Split
    mm_per_px: tuple[float, float]
    overlap: float
    missed: bool


def belt_crops(
    classes: Sequence[str],
    per_class: int,
    seed: np.random.SeedSequence | int,
    *,
    size_px: int = 64,
    mm_per_px: tuple[float, float] = (0.1, 0.7),
    overlap: float = 0.15,
    split: Split = "train",
    missed: bool = False,
    workers: int = 2,
    report: Report | None = None,
) -> RenderedCrops:
    """`per_class` crops of each class, cut out of rendered belts by the line's segmentation.

    `mm_per_px` is the range of resolutions (log-uniform; large classes appear at coarse ones only), `overlap` the share
    of parts that touch or lie on others. With `missed`, parts that the segmentation missed or took for one with their
    neighbour, and that are seen well enough, are cut where the truth has them. The same seed and number of workers give
    the same crops.
    """
    task = _Task(_sequence(seed), tuple(classes), size_px, split, mm_per_px, overlap, missed)
    return _collect("rendered crops", _belt_chunk, task, per_class, workers, report)


def photograph_crops(
    classes: Sequence[str],
    per_class: int,
    seed: np.random.SeedSequence | int,
    *,
    size_px: int = 64,
    split: Split = "train",
    workers: int = 2,
    report: Report | None = None,
) -> RenderedCrops:
    """`per_class` photograph-like pictures of each class, one object each, cropped as `senbetsu classify` crops."""
    task = _Task(_sequence(seed), tuple(classes), size_px, split, (0.0, 0.0), 0.0, False)
    return _collect("rendered photographs", _photograph_chunk, task, per_class, workers, report)


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
        segmenter.foreground(scene.background)
    blobs = segmenter.blobs(segmenter.foreground(scene.color, learn=False))
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
        seen = (scene.owner[y0:y1, x0:x1] == part.layer).astype(np.uint8)
        outlines, _ = cv2.findContours(seen, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE, offset=(x0, y0))
        outline = np.asarray(max(outlines, key=cv2.contourArea), np.int32).reshape(-1, 2)
        if len(outline) < 3:
            continue
        edges = np.array([x0, y0, x1, y1], np.float64)
        if rng is not None:
            edges += rng.normal(0.0, 0.04, 4) * max(x1 - x0, y1 - y0)
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
    mm = scene.mm_per_px
    sides = cv2.minAreaRect(contour)[1]
    x, y, width, height = cv2.boundingRect(contour)
    inside = np.zeros((height, width), np.uint8)
    cv2.drawContours(inside, [contour - np.array([x, y], np.int32)], -1, (1,), cv2.FILLED)
    heights = scene.height_mm[y : y + height, x : x + width][inside > 0]
    heights = heights[np.isfinite(heights)]
    mean, high = (heights.mean(), np.percentile(heights, _HIGH_PERCENTILE)) if len(heights) else (np.nan, np.nan)
    mass = part.mass_g
    if rng is not None:
        mass = max(0.0, mass * (1 + MASS_NOISE_SHARE * rng.standard_normal()) + MASS_NOISE_G * rng.standard_normal())
    area_mm2 = float(np.count_nonzero(inside)) * mm**2
    return np.array([(max(sides) + 1) * mm, (min(sides) + 1) * mm, area_mm2, mean, high, mass], np.float32)


def _sequence(seed: np.random.SeedSequence | int) -> np.random.SeedSequence:
    return seed if isinstance(seed, np.random.SeedSequence) else np.random.SeedSequence(seed)


def _collect(
    what: str,
    make: Callable[[_Task], list[Cut]],
    task: _Task,
    per_class: int,
    workers: int,
    report: Report | None,
) -> RenderedCrops:
    """Has chunks made, in `workers` processes, until every class has `per_class` crops."""
    counts: Counter[str] = Counter()
    cuts: list[Cut] = []
    total = per_class * len(task.classes)
    # spawn: a forked child would inherit the locks of torch's and OpenCV's threads
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        while len(cuts) < total:
            wanted = tuple(name for name in task.classes if counts[name] < per_class)
            # as many chunks as are surely needed, so that no process waits for the slowest one each round
            rounds = max(1, (total - len(cuts)) // (4 * workers * _MOST * _SCENES_A_CHUNK))
            chunks = [_next(task, seed, wanted) for seed in task.seed.spawn(workers * rounds)]
            for cut in chain.from_iterable(pool.map(make, chunks)):
                if counts[cut.class_id] < per_class:
                    counts[cut.class_id] += 1
                    cuts.append(cut)
            if report:
                report(what, len(cuts), total)
    return RenderedCrops(
        task.classes,
        np.array([cut.crop for cut in cuts], np.uint8).reshape(-1, task.size_px, task.size_px, 3),
        np.array([task.classes.index(cut.class_id) for cut in cuts], np.int64),
        np.array([cut.measures for cut in cuts], np.float32).reshape(-1, len(MEASURES)),
        np.array([cut.found for cut in cuts], np.bool_),
    )


def _next(task: _Task, seed: np.random.SeedSequence, wanted: tuple[str, ...]) -> _Task:
    return _Task(seed, wanted, task.size_px, task.split, task.mm_per_px, task.overlap, task.missed)


def _belt_chunk(task: _Task) -> list[Cut]:
    """The crops of a few scenes at one resolution; runs in a process of its own."""
    rng = np.random.default_rng(task.seed)
    finest, coarsest = np.log(task.mm_per_px)
    mm_per_px = float(np.exp(rng.uniform(finest, coarsest)))
    view_mm = _VIEW_PX[0] * mm_per_px
    classes = that_fit(task.classes, 0.75 * view_mm)
    if not classes:  # only large ones are still wanted: as coarse as they need
        smallest_mm = min(typical_length_mm(name) for name in task.classes)
        mm_per_px = max(mm_per_px, smallest_mm / 0.75 / _VIEW_PX[0])
        view_mm = _VIEW_PX[0] * mm_per_px
        classes = that_fit(task.classes, 0.7501 * view_mm)
    cell_mm2 = float(np.mean([(0.7 * typical_length_mm(name) + 6.0) ** 2 for name in classes]))
    parts = int(np.clip(_FILL * _VIEW_PX[0] * _VIEW_PX[1] * mm_per_px**2 / cell_mm2, _FEWEST, _MOST))
    scenes = training_scenes(
        rng,
        classes,
        _SCENES_A_CHUNK,
        mm_per_px,
        view_along_mm=view_mm,
        belt_width_mm=_VIEW_PX[1] * mm_per_px,
        parts_per_scene=parts,
        gap_mm=float(rng.uniform(2.0, 10.0)),
        overlap=task.overlap,
        split=task.split,
    )
    return [cut for scene in scenes for cut in scene_crops(scene, task.size_px, missed=task.missed, rng=rng)]


def _photograph_chunk(task: _Task) -> list[Cut]:
    rng = np.random.default_rng(task.seed)
    none = np.full(len(MEASURES), np.nan, np.float32)
    side = round(task.size_px * _PHOTOGRAPH_PX)
    pictures = photographs(rng, task.classes, _PHOTOGRAPHS_A_CHUNK, size_px=side, split=task.split)
    return [Cut(each.part.class_id, square_crop(each.color, task.size_px)[0], none, True) for each in pictures]
