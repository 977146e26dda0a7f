"""The deciding side with 80 parts in view: tracker alone, and track + decide + schedule a frame.

The floor is the least that any association in belt coordinates must do: subtract the encoder travel
and sort 80 positions along the belt (numpy). A peer's figure from another machine stands in
reference/vision.md: supervision's ByteTrack 5.3 ms for the same 80.
"""

import time
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.figures import Figure, report
from controller.config import LineConfig, load_config
from controller.sorter import BeltNow, SeenFrame, Sorter
from models.registry import open_model
from vision.results import Detections
from vision.track import Tracker, TrackerConfig

CONFIG = Path(__file__).resolve().parent.parent / "configs" / "demo.yaml"
PARTS_IN_VIEW = 80
FRAMES = 2000
WARM_UP = 50


def _feed(config: LineConfig, classes: int) -> list[tuple[int, Detections]]:
    """Frames of a full belt: parts of 10 mm on a jittered grid, every view off by up to 0.2 mm."""
    rng = np.random.default_rng(7)
    view_mm = config.camera.view_along_mm
    travel_mm = config.belt.speed_mm_s / (config.camera.frame_rate_hz or 20.0)
    columns = 8
    pitch_mm = view_mm / (PARTS_IN_VIEW / columns)
    rows = int((FRAMES * travel_mm + view_mm) / pitch_mm)
    across = np.tile((np.arange(columns) + 0.5) * config.belt.width_mm / columns, rows)
    belt = -np.repeat(np.arange(rows), columns) * pitch_mm + rng.uniform(-5, 5, rows * columns)
    belt = -belt  # upstream parts reach the datum later
    probabilities = rng.dirichlet(np.full(classes, 0.05), rows * columns).astype(np.float32)
    frames: list[tuple[int, Detections]] = []
    for index in range(FRAMES):
        travelled = view_mm + index * travel_mm
        along = travelled - belt
        seen = (along > 0) & (along < view_mm)
        n = int(seen.sum())
        at = along[seen] + rng.uniform(-0.2, 0.2, n)
        x = across[seen] + rng.uniform(-0.2, 0.2, n)
        cut, no = (at < 5) | (at > view_mm - 5), np.zeros(n, np.bool_)
        frames.append(
            (
                round(travelled * config.belt.encoder_counts_per_mm),
                Detections(
                    at, x, np.maximum(at - 5, 0), np.minimum(at + 5, view_mm), x - 5, x + 5,
                    np.full(n, 80.0), probabilities[seen], cut, no, no, no,
                ),
            )
        )  # fmt: skip
    return frames


def _percentiles_ms(samples_s: list[float]) -> tuple[float, float, float]:
    p50, p99, p999 = np.percentile(np.asarray(samples_s[WARM_UP:]) * 1000.0, [50, 99, 99.9])
    return float(p50), float(p99), float(p999)


def measure() -> dict[str, Any]:
    """Milliseconds a frame, p50 / p99 / p99.9."""
    config = load_config(CONFIG)
    labels = open_model(config.vision.model).manifest.labels
    frames = _feed(config, len(labels))
    counts_per_mm = config.belt.encoder_counts_per_mm
    tracker = Tracker(TrackerConfig.of(config.camera, config.vision, counts_per_mm, len(labels)))
    sorter = Sorter(config, labels)
    floor: list[float] = []
    tracking: list[float] = []
    deciding: list[float] = []
    decided = 0
    for counts, detections in frames:
        start = time.perf_counter()
        np.argsort(counts / counts_per_mm - detections.along_mm)
        floor.append(time.perf_counter() - start)
        start = time.perf_counter()
        tracker.update(counts, detections, config.camera.view_along_mm)
        tracking.append(time.perf_counter() - start)
        frame = SeenFrame(counts, 0.0, config.camera.view_along_mm, detections)
        start = time.perf_counter()
        verdicts = sorter.take(frame, BeltNow(counts, config.belt.speed_mm_s, 0))
        deciding.append(time.perf_counter() - start)
        decided += len(verdicts)
    track, whole = _percentiles_ms(tracking), _percentiles_ms(deciding)
    floor_p50 = _percentiles_ms(floor)[0]
    figures = [
        Figure("tracker p50", track[0], "ms/frame", at_most=0.15),
        Figure("tracker p99", track[1], "ms/frame"),
        Figure("tracker p99.9", track[2], "ms/frame"),
        Figure("track + decide + schedule p50", whole[0], "ms/frame", at_most=0.5),
        Figure("track + decide + schedule p99", whole[1], "ms/frame"),
        Figure("track + decide + schedule p99.9", whole[2], "ms/frame"),
        Figure("tracker p50 over floor", track[0] / floor_p50, "x"),
    ]
    beside = {
        "numpy subtract and sort p50 ms": round(floor_p50, 4),
        "parts in view, mean": round(float(np.mean([len(d) for _, d in frames])), 1),
        "frames": FRAMES,
        "parts decided": decided,
    }
    return report("deciding", figures, beside)
