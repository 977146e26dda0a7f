"""Crops to train and to measure with: photographs, and parts cut out of rendered belts by the line's own vision."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from controller.cli.rendered_crops import Report, belt_crops
from models.training.dataset import Dataset, Source
from models.training.real import list_photographs
from models.training.settings import RealData, RenderedData, TrainingSettings
from vision.images import load_image, square_crop

RENDERED = Source(
    name="sim.render (rendered belts, cut out by vision.segmentation)",
    licence="this project's own",
    attribution="none needed",
    kind="rendered",
)
Crops = NDArray[np.uint8]


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
    """Rendered crops, equally many a class; those for validation show parts that training never sees."""
    for_training, for_validation = np.random.SeedSequence(settings.seed).spawn(2)
    train = belt_crops(
        rendered.classes,
        0 if validation_only else rendered.train_per_class,
        for_training,
        size_px=settings.net.size_px,
        mm_per_px=rendered.mm_per_px,
        missed=True,
        workers=settings.schedule.threads,
        report=report,
    )
    held_out = belt_crops(
        rendered.classes,
        rendered.validation_per_class,
        for_validation,
        size_px=settings.net.size_px,
        mm_per_px=rendered.mm_per_px,
        split="held_out",
        workers=settings.schedule.threads,
        report=report,
    )
    count = len(train) + len(held_out)
    ours = np.array([settings.labels.index(name) for name in rendered.classes], np.int64)
    return Dataset(
        settings.labels,
        (RENDERED,),
        np.concatenate([train.crops, held_out.crops]),
        ours[np.concatenate([train.labels, held_out.labels])],
        np.zeros(count, np.int64),
        np.arange(count) >= len(train),
    )
