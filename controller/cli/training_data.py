"""Crops to train and to measure with: photographs, their objects cut out, and rendered parts."""

import hashlib
import zipfile
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from math import exp, log
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from controller.cli.rendered_crops import RenderedCrops, Report, belt_crops, photograph_crops
from models.training.dataset import Dataset, Source
from models.training.real import Photograph, list_photographs
from models.training.settings import RealData, RenderedData, TrainingSettings
from senbetsu_errors import NeedsOperator
from sim.render.grounds import random_ground
from vision.cutout import cut_out
from vision.images import load_image, square_crop

RENDERED = Source("sim.render", "this project's own", "none needed", "rendered")
"""Photograph-like pictures of rendered parts, and crops that vision.segmentation cuts out of rendered belts."""

ROOM = 1.4
"""Side of a training crop over that of the net's: augmentation turns and enlarges without losing sharpness."""

_GROUNDS = 768
_GROUND_MM_PER_PX = (0.05, 0.8)
_CHUNK = 32

Crops = NDArray[np.uint8]


def build_dataset(
    settings: TrainingSettings,
    config_folder: Path,
    report: Report,
    *,
    validation_only: bool = False,
    cache: Path | None = None,
) -> Dataset:
    """All crops that the settings ask for, at `ROOM` times the net's size; or those for validation alone, at its size.

    `report` is told what is being made, how many of it are done, and of how many. What is made is kept in the folder
    `cache` and taken from there by the next run with the same settings. Raises NeedsOperator where photographs are
    missing or broken.
    """
    size_px = settings.net.size_px if validation_only else round(ROOM * settings.net.size_px)
    parts: list[Dataset] = []
    if settings.real:
        parts.append(_real(settings, settings.real, size_px, config_folder, report, validation_only))
    if settings.rendered:
        key = (settings.seed, settings.labels, settings.rendered, size_px, validation_only)
        parts.append(
            _kept(cache, "rendered", key, settings.labels)
            or _keep(cache, "rendered", key, _rendered(settings, settings.rendered, size_px, report, validation_only))
        )
    return Dataset.join(parts)


def grounds(settings: TrainingSettings) -> Crops:
    """What cut-out objects are pasted onto: uint8 [K, S, S, 3] RGB, the same for the same seed."""
    rng = np.random.default_rng([settings.seed, 0x6210])
    finest, coarsest = (log(value) for value in _GROUND_MM_PER_PX)
    side = round(ROOM * settings.net.size_px)
    pictures = [random_ground(side, exp(rng.uniform(finest, coarsest)), rng)[..., ::-1] for _ in range(_GROUNDS)]
    return np.ascontiguousarray(np.stack(pictures))


def _real(
    settings: TrainingSettings,
    real: RealData,
    size_px: int,
    config_folder: Path,
    report: Report,
    validation_only: bool,
) -> Dataset:
    """Every photograph of the collection as one crop, the whole picture in it."""
    listed = list_photographs((config_folder / real.folder).resolve(), real)
    photographs = [photograph for photograph in listed if photograph.validation or not validation_only]
    origins = tuple(dict.fromkeys(photograph.source for photograph in photographs))
    crops: list[Crops] = []
    covers: list[Crops] = []
    cover_of: list[int] = []
    for crop, cover in _cut_photographs(
        photographs, size_px, settings.schedule.threads, report, covered=not validation_only
    ):
        crops.append(crop)
        cover_of.append(-1 if cover is None else len(covers))
        covers += [] if cover is None else [cover]
    return Dataset(
        settings.labels,
        origins,
        np.stack(crops),
        np.array([settings.labels.index(photograph.label) for photograph in photographs], np.int64),
        np.array([origins.index(photograph.source) for photograph in photographs], np.int64),
        np.array([photograph.validation for photograph in photographs], np.bool_),
        np.array(covers, np.uint8).reshape(-1, size_px, size_px),
        np.array(cover_of, np.int64),
    )


def _cut_photographs(
    photographs: list[Photograph], size_px: int, workers: int, report: Report, *, covered: bool
) -> Iterator[tuple[Crops, Crops | None]]:
    """Crop and, if they are to be `covered`, cover of each."""
    tasks = [(photograph.path, size_px, covered) for photograph in photographs]
    # spawn: a forked child would inherit the locks of torch's and OpenCV's threads
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        for done, found in enumerate(pool.map(_cut_photograph, tasks, chunksize=_CHUNK), start=1):
            report("photographs", done, len(tasks))
            yield found


def _cut_photograph(task: tuple[Path, int, bool]) -> tuple[Crops, Crops | None]:
    path, size_px, covered = task
    picture = load_image(path)
    cover = cut_out(picture) if covered else None
    if cover is not None:
        cover = square_crop(np.repeat(cover[..., None], 3, axis=2), size_px)[0, ..., 0]
    return square_crop(picture, size_px)[0], cover


def _rendered(
    settings: TrainingSettings, rendered: RenderedData, size_px: int, report: Report, validation_only: bool
) -> Dataset:
    """Rendered crops, equally many a class; those for validation show parts that training never sees."""
    seeds = np.random.SeedSequence(settings.seed).spawn(3)
    workers = settings.schedule.threads
    made: list[RenderedCrops] = []
    if not validation_only:
        made.append(
            photograph_crops(
                rendered.classes,
                rendered.photographs_per_class,
                seeds[0],
                size_px=size_px,
                workers=workers,
                report=report,
            )
        )
        made.append(
            belt_crops(
                rendered.classes,
                rendered.belt_crops_per_class,
                seeds[1],
                size_px=size_px,
                mm_per_px=rendered.mm_per_px,
                overlap=rendered.overlap,
                missed=True,
                workers=workers,
                report=report,
            )
        )
    made.append(
        belt_crops(
            rendered.classes,
            rendered.validation_per_class,
            seeds[2],
            size_px=size_px,
            mm_per_px=rendered.mm_per_px,
            overlap=0.0,
            split="held_out",
            workers=workers,
            report=report,
        )
    )
    counts = [len(each) for each in made]
    ours = np.array([settings.labels.index(name) for name in rendered.classes], np.int64)
    return Dataset.uncovered(
        settings.labels,
        (RENDERED,),
        np.concatenate([each.crops for each in made]),
        ours[np.concatenate([each.labels for each in made])],
        np.zeros(sum(counts), np.int64),
        np.arange(sum(counts)) >= sum(counts[:-1]),
    )


def _path(cache: Path, what: str, key: object) -> Path:
    return cache / f"{what}-{hashlib.sha256(repr(key).encode()).hexdigest()[:16]}.npz"


def _keep(cache: Path | None, what: str, key: object, made: Dataset) -> Dataset:
    if cache is not None:
        cache.mkdir(parents=True, exist_ok=True)
        path = _path(cache, what, key)
        unfinished = path.with_suffix(".new.npz")
        np.savez(unfinished, crops=made.crops, labels=made.labels, validation=made.validation)
        unfinished.replace(path)
    return made


def _kept(cache: Path | None, what: str, key: object, labels: tuple[str, ...]) -> Dataset | None:
    """What an earlier run made of the same settings. Raises NeedsOperator `training.cache` for a damaged file."""
    if cache is None or not (path := _path(cache, what, key)).is_file():
        return None
    try:
        with np.load(path, allow_pickle=False) as found:
            crops, own_labels, validation = found["crops"], found["labels"], found["validation"]
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise NeedsOperator("training.cache", f"{path} cannot be read: {error}.", "Delete it.") from error
    return Dataset.uncovered(labels, (RENDERED,), crops, own_labels, np.zeros(len(crops), np.int64), validation)
