"""Crops of rendered parts to train and to measure with: cut out of belts by the line's own vision, or as photographs.

Training and held-out crops show different parts (`split`, see `sim.render.shape_seeds`), whatever the seeds.
"""

from collections import Counter
from collections.abc import Callable, Generator, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import chain
from math import exp, log
from multiprocessing import get_context

import numpy as np
from numpy.typing import NDArray

from models.fusion import MEASURES
from sim.render.cuts import Cut, scene_crops
from sim.render.photographs import photographs
from sim.render.scenes import training_scenes
from sim.render.shape_seeds import Split, that_fit, typical_length_mm
from vision.images import square_crop

Report = Callable[[str, int, int], None]
"""Is told what is being made, how many of it are done, and of how many."""

_VIEW_PX = (512, 896)
_LONGEST = 0.5  # of a class whose parts come into a view, as a share of its short side
_FILL = 0.3  # share of the view that the parts' boxes are to cover, about
_FEWEST, _MOST = 6, 40  # parts a scene
_SCENES_A_CHUNK = 2
_PHOTOGRAPHS_A_CHUNK = 64
_PHOTOGRAPH_PX = 1.5  # side of a photograph over that of its crop


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
    """Has chunks made, in `workers` processes (1: in this one), until every class has `per_class` crops."""
    counts: Counter[str] = Counter()
    cuts: list[Cut] = []
    total = per_class * len(task.classes)
    with _mapping(workers) as run:
        while len(cuts) < total:
            wanted = tuple(name for name in task.classes if counts[name] < per_class)
            # as many chunks as are surely needed, so that no process waits for the slowest one each round
            rounds = max(1, (total - len(cuts)) // (4 * workers * _MOST * _SCENES_A_CHUNK))
            chunks = [replace(task, seed=seed, classes=wanted) for seed in task.seed.spawn(workers * rounds)]
            for cut in chain.from_iterable(run(make, chunks)):
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


@contextmanager
def _mapping(workers: int) -> Generator[Callable[[Callable[[_Task], list[Cut]], list[_Task]], Iterable[list[Cut]]]]:
    """`map` over processes of their own, or here where one is enough."""
    if workers == 1:
        yield map
        return
    # spawn: a forked child would inherit the locks of torch's and OpenCV's threads
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        yield pool.map


def _belt_chunk(task: _Task) -> list[Cut]:
    """The crops of a few scenes at one resolution; runs in a process of its own."""
    rng = np.random.default_rng(task.seed)
    finest, coarsest = task.mm_per_px
    mm_per_px = exp(rng.uniform(log(finest), log(coarsest)))
    view_mm = _VIEW_PX[0] * mm_per_px
    classes = that_fit(task.classes, _LONGEST * view_mm)
    if not classes:  # only large ones are still wanted: as coarse as they need
        smallest_mm = min(typical_length_mm(name) for name in task.classes)
        mm_per_px = max(mm_per_px, smallest_mm / _LONGEST / _VIEW_PX[0])
        view_mm = _VIEW_PX[0] * mm_per_px
        classes = that_fit(task.classes, 1.0001 * _LONGEST * view_mm)
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
