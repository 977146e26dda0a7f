"""Crops to train and to measure with: photographs, and parts cut out of rendered belts by the line's own vision."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from itertools import chain
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.training.dataset import Dataset, Source
from models.training.real import list_photographs
from models.training.settings import RealData, RenderedData, TrainingSettings
from sim.render.scenes import Scene, ScenePart, training_scenes
from vision.crops import crop_blobs
from vision.images import load_image, square_crop
from vision.segmentation import Segmenter
from vision.settings import SegmentationConfig

RENDERED = Source(
    name="sim.render (rendered belts, cut out by vision.segmentation)",
    licence="this project's own",
    attribution="none needed",
    kind="rendered",
)
_SCENES_A_CHUNK = 4
_PARTS_A_SCENE = 40
_LEARN_PICTURES = 3
_MIN_AREA_MM2 = 4.0
_MAX_PART_MM = 250.0
_SAME = 0.5

Crops = NDArray[np.uint8]
Report = Callable[[str, int, int], None]


def build_dataset(
    settings: TrainingSettings, config_folder: Path, report: Report, *, validation_only: bool = False
) -> Dataset:
    """All crops that the settings ask for, or those for validation alone.

    `report` is told what is being made, how many of it are done, and of how many.

    Raises NeedsOperator where photographs are missing or broken.
    """
    parts: list[Dataset] = []
    if settings.real:
        parts.append(real_crops(settings, settings.real, config_folder, report, validation_only))
    if settings.rendered:
        parts.append(rendered_crops(settings, settings.rendered, report, validation_only))
    return Dataset.join(parts)


def real_crops(
    settings: TrainingSettings, real: RealData, config_folder: Path, report: Report, validation_only: bool
) -> Dataset:
    """Every photograph of the collection as one crop, the whole picture in it."""
    listed = list_photographs((config_folder / real.folder).resolve(), real)
    photographs = [photograph for photograph in listed if photograph.validation or not validation_only]
    origins = tuple(dict.fromkeys(photograph.source for photograph in photographs))
    crops: list[Crops] = []
    for done, photograph in enumerate(photographs, start=1):
        crops.append(square_crop(load_image(photograph.path), settings.net.size_px))
        report("photographs", done, len(photographs))
    return Dataset(
        settings.labels,
        origins,
        np.concatenate(crops),
        np.array([settings.labels.index(photograph.label) for photograph in photographs], np.int64),
        np.array([origins.index(photograph.source) for photograph in photographs], np.int64),
        np.array([photograph.validation for photograph in photographs], np.bool_),
    )


def rendered_crops(
    settings: TrainingSettings, rendered: RenderedData, report: Report, validation_only: bool
) -> Dataset:
    """Rendered crops, equally many a class, training and validation from scenes of different seeds."""
    for_training, for_validation = np.random.SeedSequence(settings.seed).spawn(2)
    crops, labels = _collect(
        settings, rendered, for_training, 0 if validation_only else rendered.train_per_class, report
    )
    held_crops, held_labels = _collect(settings, rendered, for_validation, rendered.validation_per_class, report)
    count = len(labels) + len(held_labels)
    return Dataset(
        settings.labels,
        (RENDERED,),
        np.concatenate([crops, held_crops]),
        np.concatenate([labels, held_labels]),
        np.zeros(count, np.int64),
        np.arange(count) >= len(labels),
    )


def _collect(
    settings: TrainingSettings, rendered: RenderedData, seed: np.random.SeedSequence, per_class: int, report: Report
) -> tuple[Crops, NDArray[np.int64]]:
    """Draws scenes, in as many processes as training may use threads, until every class has `per_class` crops."""
    counts: Counter[str] = Counter()
    crops: list[Crops] = []
    labels: list[int] = []
    total = per_class * len(rendered.classes)
    workers = settings.schedule.threads
    # spawn: a forked child would inherit the locks of torch's and OpenCV's threads
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        while len(labels) < total:
            wanted = [name for name in rendered.classes if counts[name] < per_class]
            chunks = [(child, wanted, rendered.mm_per_px, settings.net.size_px) for child in seed.spawn(workers)]
            for name, crop in chain.from_iterable(pool.map(_chunk, chunks)):
                if counts[name] < per_class:
                    counts[name] += 1
                    crops.append(crop)
                    labels.append(settings.labels.index(name))
            report("rendered crops", len(labels), total)
    size_px = settings.net.size_px
    return np.array(crops, np.uint8).reshape(-1, size_px, size_px, 3), np.array(labels, np.int64)


def _chunk(task: tuple[np.random.SeedSequence, Sequence[str], tuple[float, float], int]) -> list[tuple[str, Crops]]:
    """The crops of a few scenes at one resolution; runs in a process of its own."""
    seed, classes, (finest, coarsest), size_px = task
    rng = np.random.default_rng(seed)
    mm_per_px = float(rng.uniform(finest, coarsest))
    scenes = training_scenes(rng, classes, _SCENES_A_CHUNK, mm_per_px, parts_per_scene=_PARTS_A_SCENE)
    return [found for scene in scenes for found in scene_crops(scene, mm_per_px, size_px)]


def scene_crops(scene: Scene, mm_per_px: float, size_px: int) -> Iterator[tuple[str, Crops]]:
    """Class and crop of every blob that the line's segmentation finds in a scene and that truth explains."""
    segmenter = Segmenter(
        SegmentationConfig(),
        min_area_px=_MIN_AREA_MM2 / mm_per_px**2,
        max_part_px=_MAX_PART_MM / mm_per_px,
        area_scan=True,
    )
    for _ in range(_LEARN_PICTURES):
        segmenter.foreground(scene.background)
    blobs = segmenter.blobs(segmenter.foreground(scene.color))
    crops = crop_blobs(scene.color, blobs.boxes, size_px)
    for box, crop in zip(blobs.boxes, crops, strict=True):
        part = _part_of(box, scene.parts)
        if part is not None:
            yield part.class_id, crop


def _part_of(box: NDArray[np.int32], parts: Sequence[ScenePart]) -> ScenePart | None:
    """The part whose box overlaps the blob's (x, y, width, height) by more than half of both together."""
    x, y, width, height = (int(value) for value in box)
    for part in parts:
        x0, y0, x1, y1 = part.box_px
        common = max(0, min(x + width, x1) - max(x, x0)) * max(0, min(y + height, y1) - max(y, y0))
        if common > _SAME * (width * height + (x1 - x0) * (y1 - y0) - common):
            return part
    return None
