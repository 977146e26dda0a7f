"""What tracking makes of rendered belts: the fused class beside single views, and the places of parts that move.

The plant of configs/demo.yaml, fed more densely and with no part twice, some of its parts sliding and rolling, its
pictures through the model that the configuration names. Which part is which is known from the plant. The expected
calibration error (ECE) is over 10 bins; of 600 parts a perfectly calibrated answer shows 0.02 by chance, of 1,800 half
of that, and of parts that come again more.
"""

from dataclasses import dataclass, field, replace
from math import hypot
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.figures import Figure, report
from controller.cli.plant import plant_setup
from controller.cli.vision import make_pipeline
from controller.config import LineConfig, load_config
from models.scores import expected_calibration_error
from plc_bridge.virtual_plc import PlcInputs, PlcOutputs
from sim.config import PlantMotionConfig
from sim.motion import Mover
from sim.optics import PlacedPart
from sim.plant import Exposure, Plant
from vision.estimate import VIEWS_CORRELATE
from vision.frame import EncoderStamp, Frame
from vision.parts import Part
from vision.track import Tracker, TrackerConfig
from vision.track_table import MIN_PROBABILITY

CONFIG = Path(__file__).resolve().parent.parent / "configs" / "demo.yaml"
MOTION = PlantMotionConfig(sliding_share=0.15, rolling_share=0.15, rate=0.05)
FEED = {"parts_per_s": 30.0, "variants_per_class": 10_000}
SECONDS = 60.0
SAME_MM = 6.0
ECE_BINS = 10


@dataclass
class Seen:
    """What came out: probabilities and true class of single views and of parts, and where parts were said to be."""

    views: list[tuple[NDArray[np.float32], int]] = field(default_factory=list[Any])
    parts: list[tuple[NDArray[np.float32], int]] = field(default_factory=list[Any])
    odds: dict[int, list[float]] = field(default_factory=dict[int, list[float]])
    """Log odds of the true class against the best other one, view by view, of each part."""
    lying: list[float] = field(default_factory=list[float])
    """Errors of the place at the bar, in standard deviations."""
    moving: list[float] = field(default_factory=list[float])
    moving_mm: list[float] = field(default_factory=list[float])
    unpredicted_mm: list[float] = field(default_factory=list[float])
    flagged: int = 0
    falsely_flagged: int = 0


def accuracy_and_ece(seen: list[tuple[NDArray[np.float32], int]]) -> tuple[float, float]:
    """Share of best classes that are right, and their calibration error."""
    chances, labels = np.stack([p for p, _ in seen]), np.array([label for _, label in seen], np.int64)
    right = chances.argmax(axis=1) == labels
    return float(right.mean()), expected_calibration_error(chances, labels, ECE_BINS)


def correlation_of_views(seen: Seen) -> float:
    """How alike the views of a part are among those of all, -1..1: the intraclass correlation of the log odds, of a
    one-way analysis of variance (Shrout & Fleiss 1979, case 1)."""
    parts = [np.array(odds) for odds in seen.odds.values()]
    sizes = np.array([len(odds) for odds in parts])
    everything = np.concatenate(parts)
    means = np.array([odds.mean() for odds in parts])
    between = float(sizes @ (means - everything.mean()) ** 2) / (len(parts) - 1)
    within = sum(float(((odds - odds.mean()) ** 2).sum()) for odds in parts) / (len(everything) - len(parts))
    size = (len(everything) - float((sizes**2).sum()) / len(everything)) / (len(parts) - 1)
    return (between - within) / (between + (size - 1) * within)


class _Running:
    """In the place of a PLC: the belt runs and is fed, no valve opens."""

    def __init__(self, speed_mm_s: float) -> None:
        self._outputs = PlcOutputs(valves=0, belt_run=True, feed_run=True, speed_setpoint_mm_s=speed_mm_s)

    def scan(self, now_s: float, encoder_raw: int, belt_speed_mm_s: float, inputs: PlcInputs) -> PlcOutputs:
        return self._outputs

    def latch_trigger(self, encoder: int) -> None:
        """Nobody asks for it."""


def watch(config: LineConfig, seconds: float, seed: int, motion: PlantMotionConfig = MOTION) -> Seen:
    """Run the plant for `seconds` and follow its parts."""
    setup = plant_setup(config)
    feed = setup.plant.feed.model_copy(update=FEED)
    setup = replace(setup, plant=setup.plant.model_copy(update={"motion": motion, "feed": feed}))
    plant = Plant(setup, seed, driven_by=_Running(config.belt.speed_mm_s))
    pipeline = make_pipeline(config)
    counts_per_mm, bar_mm = config.belt.encoder_counts_per_mm, config.jets.distance_mm
    tracker = Tracker(
        TrackerConfig.of(config.camera, config.vision, counts_per_mm, len(pipeline.labels), act_at_mm=bar_mm)
    )
    exposures: dict[int, Exposure] = {}
    movers: dict[int, Mover] = {}
    seen = Seen()
    at_s = 0.0
    while at_s < seconds:
        at_s += 0.05
        for exposure in plant.advance_to(at_s):
            exposures[exposure.encoder] = exposure
            movers.update((id(m), m) for m in plant.moving)
            frame = Frame(
                {"color": plant.render(exposure)},
                EncoderStamp(exposure.encoder, "latched"),
                exposure.at_s,
                exposure.sequence,
            )
            found = pipeline.process(frame)
            for k in np.flatnonzero(~(found.cut | found.oversize)).tolist():
                true = _nearest(exposure, float(found.along_mm[k]), float(found.across_mm[k]))
                if true is not None:
                    label = pipeline.labels.index(true.image.class_id)
                    seen.views.append((found.probabilities[k], label))
                    seen.odds.setdefault(id(true.image), []).append(_log_odds(found.probabilities[k], label))
            for part in tracker.update(exposure.encoder, found, config.camera.view_along_mm):
                _judge(seen, part, exposures[round(part.seen_counts)], list(movers.values()), pipeline.labels, config)
    return seen


def _log_odds(probabilities: NDArray[np.float32], label: int) -> float:
    """Of the class against the best other one, as the tracker takes probabilities."""
    logs = np.log(np.maximum(probabilities, MIN_PROBABILITY))
    return float(logs[label] - np.delete(logs, label).max())


def _nearest(exposure: Exposure, along_mm: float, across_mm: float) -> PlacedPart | None:
    """The part that lay there, None where none or two did."""
    near = [
        p for p in exposure.parts if hypot(exposure.travel_mm - p.belt_mm - along_mm, p.across_mm - across_mm) < SAME_MM
    ]
    return near[0] if len(near) == 1 else None


def _judge(
    seen: Seen, part: Part, exposure: Exposure, movers: list[Mover], labels: tuple[str, ...], config: LineConfig
) -> None:
    true = _nearest(exposure, part.seen_along_mm, part.seen_across_mm)
    if true is None or part.oversize:
        return
    seen.parts.append((part.probabilities, labels.index(true.image.class_id)))
    bar_mm = config.jets.distance_mm
    said_mm = part.belt_counts / config.belt.encoder_counts_per_mm
    own = [m for m in movers if abs(m.at(exposure.travel_mm).belt_mm - true.belt_mm) < 1e-6]
    flagged = part.sliding or part.rolling
    if not own:
        seen.falsely_flagged += flagged
        seen.lying.append((said_mm - true.belt_mm) / part.uncertainty_mm)
        return
    travel_mm = exposure.travel_mm
    for _ in range(60):  # it passes the bar when travel - place = distance
        travel_mm = own[0].part.belt_mm + own[0].offset_mm(travel_mm)[0] + bar_mm
    error_mm = said_mm - (travel_mm - bar_mm)
    seen.flagged += flagged
    seen.moving.append(error_mm / part.uncertainty_mm)
    seen.moving_mm.append(abs(error_mm))
    seen.unpredicted_mm.append(abs(true.belt_mm - (travel_mm - bar_mm)))


def measure(seconds: float = SECONDS, seed: int = 1) -> dict[str, Any]:
    """Accuracy and calibration of single views and of parts; places of parts that lie still and that move."""
    seen = watch(load_config(CONFIG), seconds, seed)
    view_accuracy, view_ece = accuracy_and_ece(seen.views)
    part_accuracy, part_ece = accuracy_and_ece(seen.parts)
    within = np.abs(seen.moving) < 2
    figures = [
        Figure("accuracy of single views", view_accuracy, "share"),
        # A part counts once, however many views it gave, hence the tolerance.
        Figure("accuracy of parts", part_accuracy, "share", at_least=round(view_accuracy - 0.003, 4)),
        Figure("calibration error of single views", view_ece, "share"),
        Figure("calibration error of parts", part_ece, "share", at_most=0.03),
        Figure("correlation of the views of a part", correlation_of_views(seen), "share"),
        Figure("moving parts flagged", seen.flagged / max(len(seen.moving), 1), "share", at_least=0.9),
        Figure("parts lying still flagged", seen.falsely_flagged / max(len(seen.lying), 1), "share", at_most=0.01),
        Figure("moving parts within 2 sigma at the bar", float(within.mean()), "share", at_least=0.9),
        Figure("median error of moving parts at the bar", float(np.median(seen.moving_mm)), "mm"),
    ]
    beside = {
        "simulated": True,
        "views": len(seen.views),
        "parts": len(seen.parts),
        "moving": len(seen.moving),
        "correlation of views that the tracker assumes": VIEWS_CORRELATE,
        "median error at the bar if nothing were predicted, mm": round(float(np.median(seen.unpredicted_mm)), 2),
    }
    return report("tracking", figures, beside)
