"""Fits the judge of cuts (`vision/cut_judge.npz`) on rendered belts: `python -m benchmarks.fit_cuts`.

Every chord between two notches of every blob is labelled by the truth: right where the blob is of several parts and
the cut leaves each of them whole on one side. Belts and shapes are others than those of
`benchmarks.finding`; belts with an odd seed are of any look. Takes some CPU minutes, nearly all of it rendering.
"""

import sys
from collections.abc import Iterable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.crowded_belts import MM_PER_PX, CrowdedView, crowded_belt
from benchmarks.finding import MAX_PART_MM, MIN_AREA_MM2
from vision.cut_judge import ARRAYS, WEIGHTS
from vision.cuts import FEATURES, FIRST, HEIGHT_NAMES, NAMES, SECOND, candidate_cuts
from vision.measures import filled
from vision.segmentation import Contour, Picture, Segmenter, outer_contours, simplified
from vision.settings import SegmentationConfig

BELTS = (1000, 1001, 1002, 1006, 1007, 1008, 1011, 1012, 1013)  # seeds; all of 1000..1015 that time allowed for
VIEWS = 3
HIDDEN = (24, 12)
EPOCHS = 25  # 60 rank no better, and at 0.97 cut four times as many single parts and more
BATCH = 256
STEP = 4e-3
DECAY = 1e-3
_CUT_AWAY = 0.15  # share of a part that a right cut may leave on the wrong side


def labelled_cuts(views: Iterable[CrowdedView]) -> Iterator[tuple[NDArray[np.float64], NDArray[np.bool_]]]:
    """Of every blob that may be several parts: its candidate cuts, and which are right."""
    min_area_px = MIN_AREA_MM2 / MM_PER_PX**2
    segmenter = Segmenter(
        SegmentationConfig(), min_area_px=min_area_px, max_part_px=MAX_PART_MM / MM_PER_PX, area_scan=True
    )
    for view in views:
        mask = segmenter.foreground(Picture(view.color))
        outlines = [simplified(contour) for contour in outer_contours(mask)]
        for index in np.flatnonzero(segmenter.suspicious(outlines)).tolist():
            rows = candidate_cuts(outlines[index], view.color, mask, view.height, min_area_px)
            yield rows, _right(view, outlines[index], rows, min_area_px)


def _right(view: CrowdedView, outline: Contour, rows: NDArray[np.float64], min_area_px: float) -> NDArray[np.bool_]:
    box = x, y, width, height = cv2.boundingRect(outline)
    labels = view.labels[y : y + height, x : x + width]

    def pixels(polygon: Contour) -> NDArray[np.int64]:
        return np.bincount(labels[filled(polygon, box) > 0], minlength=len(view.class_ids) + 1)[1:]

    whole = pixels(outline)
    there = whole > min_area_px
    right = np.zeros(len(rows), np.bool_)
    if there.sum() < 2:
        return right
    for index, row in enumerate(rows):
        one = pixels(outline[int(row[FIRST]) : int(row[SECOND]) + 1])[there]
        other = np.maximum(whole[there] - one, 0)
        lost = np.minimum(one, other) / np.maximum(one + other, 1)
        right[index] = lost.max() < _CUT_AWAY and (one > other).any() and (other > one).any()
    return right


def fitted(features: NDArray[np.float32], right: NDArray[np.bool_], seed: int = 0) -> list[NDArray[np.float32]]:
    """Mean, 1 / deviation, then weights and biases of the three layers, by Adam on the cross entropy."""
    rng = np.random.default_rng(seed)
    mean, scale = features.mean(axis=0), 1 / (features.std(axis=0) + 1e-6)
    values, wanted = (features - mean) * scale, right.astype(np.float32)[:, None]
    sizes = (features.shape[1], *HIDDEN, 1)
    layers: list[NDArray[np.float32]] = []
    for size, following in pairwise(sizes):
        layers.append(rng.normal(0, np.sqrt(2 / size), (size, following)).astype(np.float32))
        layers.append(np.zeros(following, np.float32))
    moments = [(np.zeros_like(p), np.zeros_like(p)) for p in layers]
    batches = len(values) // BATCH
    order = rng.permutation(len(values))
    for step in range(EPOCHS * batches):
        if step and step % batches == 0:
            order = rng.permutation(len(values))
        chosen = order[(step % batches) * BATCH : (step % batches + 1) * BATCH]
        rate = STEP * 0.5 * (1 + np.cos(np.pi * step / (EPOCHS * batches)))
        for k, gradient in enumerate(_gradients(layers, values[chosen], wanted[chosen])):
            first, second = moments[k]
            first += 0.1 * (gradient - first)
            second += 0.001 * (gradient**2 - second)
            corrected = first / (1 - 0.9 ** (step + 1)) / (np.sqrt(second / (1 - 0.999 ** (step + 1))) + 1e-8)
            layers[k] -= (rate * (corrected + DECAY * layers[k])).astype(np.float32)
    layers[4], layers[5] = layers[4][:, 0], layers[5][0]
    return [mean, scale, *layers]


def _gradients(
    layers: list[NDArray[np.float32]], values: NDArray[np.float32], wanted: NDArray[np.float32]
) -> list[NDArray[np.float32]]:
    w0, b0, w1, b1, w2, b2 = layers
    first = np.maximum(values @ w0 + b0, 0)
    second = np.maximum(first @ w1 + b1, 0)
    out = (1 / (1 + np.exp(-np.clip(second @ w2 + b2, -30, 30))) - wanted) / len(values)
    back = (out @ w2.T) * (second > 0)
    farther = (back @ w1.T) * (first > 0)
    gradients = (
        values.T @ farther, farther.sum(axis=0), first.T @ back, back.sum(axis=0), second.T @ out, out.sum(axis=0)
    )  # fmt: skip
    return [np.asarray(gradient, np.float32) for gradient in gradients]


def belt_cuts(seed: int) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """All candidate cuts of one training belt, and which are right."""
    views = crowded_belt(
        seed, VIEWS, 0.2, touching_share=0.35, overlapping_share=0.25, any_belt=seed % 2 == 1, split="train"
    )
    found = list(labelled_cuts(views))
    return np.concatenate([rows for rows, _ in found]), np.concatenate([right for _, right in found])


def store(rows: NDArray[np.float64], right: NDArray[np.bool_], path: Path = WEIGHTS) -> None:
    """Fits both judges and writes their weights."""
    features = rows[:, FEATURES:].astype(np.float32)
    stored: dict[str, Any] = {}
    for kind in ("color", "height"):
        columns = [k for k, name in enumerate(NAMES) if kind == "height" or name not in HEIGHT_NAMES]
        arrays = fitted(features[:, columns], right)
        stored[f"{kind}.columns"] = np.array(columns, np.int16)
        for name, array in zip(ARRAYS, arrays, strict=True):
            stored[f"{kind}.{name}"] = np.asarray(array, np.float32)
    np.savez(path, **stored)


def main() -> None:
    """Renders the belts, fits, writes the weights."""
    belts: list[tuple[NDArray[np.float64], NDArray[np.bool_]]] = []
    for seed in BELTS:
        belts.append(belt_cuts(seed))
        print(f"belt {seed}: {len(belts[-1][1])} cuts", file=sys.stderr)  # noqa: T201 - progress
    right = np.concatenate([labels for _, labels in belts])
    store(np.concatenate([rows for rows, _ in belts]), right)
    print(f"{len(right)} cuts, {right.mean():.1%} right: {WEIGHTS}", file=sys.stderr)  # noqa: T201


if __name__ == "__main__":
    main()
