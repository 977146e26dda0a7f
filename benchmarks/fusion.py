"""What size, height and mass add to the picture: right answers and calibration with each set of measures.

Twice: on held-out parts on rendered belts (`controller.cli.rendered_crops`, seeds that no fit has seen), and on the
plant, where the line's own vision measures the parts and its tracker fuses the views. All sets see the same crops, cut
the same: the height channel helps to find parts too, and that shall not count here. Masses on the belts are the truth
with a scale's noise; on the plant they are what the in-line scale's readings gave, so that some parts have none.

SENBETSU_BENCH_MODEL names the model (default `parts`), SENBETSU_BENCH_PARTS the parts a class on belts (default 20),
SENBETSU_BENCH_SECONDS the plant's time (default 60). The model must have a fusion table (`models fit-fusion`).
"""

import os
import time
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.figures import Figure, report
from controller.cli.rendered_crops import belt_crops
from models.fusion import HEIGHT, MASS, MEASURES, SIZE, Fuser, Measures
from models.predict import Predictor
from models.registry import ModelFile, open_model
from models.scores import Labels, Probabilities, expected_calibration_error
from plc_bridge.contract import CommandImage, LineCommand
from senbetsu_errors import NeedsOperator
from sim.config import PlantConfig
from sim.plant import Exposure, Plant, PlantSetup
from sim.render.parts import CLASSES
from sim.scale import ScalePlace
from vision.camera_config import CameraConfig
from vision.classify import Classes, Classifier
from vision.frame import EncoderStamp, Frame
from vision.parts import Part
from vision.pipeline import VisionPipeline
from vision.settings import VisionConfig
from vision.track import Tracker, TrackerConfig
from vision.weighing import MassConfig

SETS: dict[str, tuple[str, ...]] = {
    "color": (),
    "+ size": SIZE,
    "+ size + height": SIZE + HEIGHT,
    "+ size + height + mass": SIZE + HEIGHT + MASS,
}
SEED = 77_001
PARTS_IN_VIEW = 80
MM_PER_PX, VIEW_MM, WIDTH_MM, SPEED_MM_S, FRAMES_HZ, PER_MM = 0.4, 400.0, 600.0, 200.0, 5.0, 10.0
SCALE = ScalePlace(15.0, 180.0)
PARTS_A_SECOND = 1.0
_NEAR_MM = 12.0  # a part is the one of the truth whose centroid lies nearest, within this


def measure() -> dict[str, Any]:
    """Accuracy and calibration error of every set of measures, on belts and on the plant, and what fusing costs."""
    model = open_model(os.environ.get("SENBETSU_BENCH_MODEL", "parts"))
    if model.manifest.fusion is None:
        raise NeedsOperator(
            "bench.no_fusion",
            f"{model.manifest.name} has no fusion table.",
            f"Add one: senbetsu models fit-fusion {model.manifest.name}.",
        )
    belts = _on_belts(model, int(os.environ.get("SENBETSU_BENCH_PARTS", "20")))
    plant, counts = _on_the_plant(model, float(os.environ.get("SENBETSU_BENCH_SECONDS", "60")))
    figures = [
        Figure(f"{where}: {what}, {name}", value, "share" if what == "right" else "error")
        for where, found in (("belts", belts), ("plant", plant))
        for name, values in found.items()
        for what, value in values.items()
    ]
    gained = plant["+ size + height + mass"]["right"] - plant["color"]["right"]
    figures += [
        Figure("plant: gained by all measures", gained, "share", at_least=0.0),
        Figure(f"fusing {PARTS_IN_VIEW} parts", _cost_ms(model), "ms", at_most=0.3),
    ]
    return report("fusion", figures, {"color alone": belts["color"] | {"plant": plant["color"]}, **counts})


def only(measures: Measures, names: tuple[str, ...]) -> Measures:
    """The same measures, those of other names taken for not measured."""
    hidden = [k for k, name in enumerate(MEASURES) if name not in names]
    found = measures.copy()
    found[:, hidden] = np.nan
    return found


def _scores(chances: Probabilities, labels: Labels) -> dict[str, float]:
    return {
        "right": float((chances.argmax(axis=1) == labels).mean()),
        "calibration": expected_calibration_error(chances, labels),
    }


def _known(model: ModelFile) -> list[str]:
    return [name for name in CLASSES if name in model.manifest.labels]


def _on_belts(model: ModelFile, per_class: int) -> dict[str, dict[str, float]]:
    crops = belt_crops(
        _known(model),
        per_class,
        SEED,
        size_px=model.manifest.input.size_px,
        mm_per_px=(0.12, 0.5),
        overlap=0.0,
        split="held_out",
    )
    labels = np.array([model.manifest.labels.index(name) for name in crops.classes], np.int64)[crops.labels]
    predictor = Predictor(model)
    return {
        name: _scores(predictor.answers(crops.crops, only(crops.measures, names)).probabilities, labels)
        for name, names in SETS.items()
    }


class _EverySet(Classifier):
    """Answers with everything, and keeps what each set of measures alone would have said."""

    answers: dict[str, Classes]

    def classify(self, crops: NDArray[np.uint8], measures: Measures | None = None) -> Classes:
        assert measures is not None, "the pipeline measures"
        classify = super().classify
        self.answers = {name: classify(crops, only(measures, names)) for name, names in SETS.items()}
        return self.answers["+ size + height + mass"]


def _on_the_plant(model: ModelFile, seconds: float) -> tuple[dict[str, dict[str, float]], dict[str, float]]:
    camera = CameraConfig(backend="sim", geometry="area_scan", mm_per_px=MM_PER_PX, view_along_mm=VIEW_MM)
    settings = VisionConfig(
        model=model.manifest.name,
        min_area_mm2=4.0,
        max_part_mm=330.0,
        unknown_below=0.5,
        mass=MassConfig(upstream_mm=SCALE.upstream_mm, length_mm=SCALE.length_mm),
    )
    classifier = _EverySet.from_model(model)
    assert isinstance(classifier, _EverySet)
    pipeline = VisionPipeline(camera, settings, WIDTH_MM, PER_MM, classifier)
    tracking = TrackerConfig.of(camera, settings, PER_MM, len(model.manifest.labels))
    trackers = {name: Tracker(tracking) for name in SETS}
    plant = _plant(_known(model))
    returned: dict[str, list[Part]] = {name: [] for name in SETS}
    first: Exposure | None = None
    for exposure in _exposures(plant, seconds):
        first = first or exposure
        frame = Frame(
            plant.channels(exposure), EncoderStamp(exposure.encoder, "latched"), exposure.at_s, exposure.sequence
        )
        detections = pipeline.process(frame)
        whole = ~(detections.cut | detections.oversize)
        counts = round(exposure.travel_mm * PER_MM)
        for name, tracker in trackers.items():
            chances = detections.probabilities.copy()
            if whole.any():
                chances[whole] = classifier.answers[name].probabilities
            returned[name] += tracker.update(counts, replace(detections, probabilities=chances), VIEW_MM)
    # the plant's belt coordinates begin elsewhere than those of travelled millimetres
    offset = plant.belt.counts_at(0.0)
    truth = [(record.belt_counts - offset, record.across_mm, record.class_id) for record in plant.truth.records()]
    found = {name: _against(parts, truth, model.manifest.labels) for name, parts in returned.items()}
    scored = {name: _scores(chances, labels) for name, (chances, labels) in found.items()}
    matched = len(found["color"][1])
    weighed = sum(bool(np.isfinite(part.measures[-1])) for part in returned["color"])
    return scored, {"parts": len(returned["color"]), "matched": matched, "weighed": weighed}


def _against(
    parts: list[Part], truth: list[tuple[float, float, str]], names: tuple[str, ...]
) -> tuple[Probabilities, Labels]:
    """Chances and true labels of the classified parts that lie where one of the truth does."""
    places = np.array([(along / PER_MM, across) for along, across, _ in truth])
    chances: list[NDArray[np.float32]] = []
    labels: list[int] = []
    for part in parts:
        away = np.hypot(*(places - (part.belt_counts / PER_MM, part.across_mm)).T)
        nearest = int(away.argmin())
        if part.probabilities.any() and away[nearest] < _NEAR_MM:
            chances.append(part.probabilities)
            labels.append(names.index(truth[nearest][2]))
    return np.array(chances, np.float32), np.array(labels, np.int64)


def _plant(classes: list[str]) -> Plant:
    feed = {
        "parts_per_s": PARTS_A_SECOND,
        "mix": dict.fromkeys(classes, 1),
        "variants_per_class": 100,
        "entry_distance_mm": 260.0,
    }
    return Plant(
        PlantSetup(
            belt_width_mm=WIDTH_MM,
            speed_mm_s=SPEED_MM_S,
            counts_per_mm=PER_MM,
            geometry="area_scan",
            mm_per_px=MM_PER_PX,
            view_along_mm=VIEW_MM,
            frame_rate_hz=FRAMES_HZ,
            valve_count=48,
            valve_pitch_mm=12.5,
            first_lane_mm=0.0,
            jets_distance_mm=900.0,
            jets_outlet="valuables",
            rest_outlet="residue",
            plant=PlantConfig.model_validate({"feed": feed, "camera": {"height": True}, "scan_ms": 5}),
            scale=SCALE,
        ),
        SEED,
    )


def _exposures(plant: Plant, seconds: float) -> list[Exposure]:
    """A belt that runs and shoots at nothing."""
    found: list[Exposure] = []
    for cycle in range(1, round(seconds * 50) + 1):
        plant.plc.write_command(CommandImage(1 << 16 | 1, cycle & 0xFFFF, LineCommand.RUN, SPEED_MM_S, 0, ()))
        found += plant.advance_to(cycle * 0.02)
    return found


def _cost_ms(model: ModelFile) -> float:
    """The least of some runs: the machine may be busy with other things."""
    manifest = model.manifest
    assert manifest.fusion is not None, "checked before"
    fuser = Fuser(manifest.fusion, manifest.labels)
    rng = np.random.default_rng(1)
    measures = np.exp(rng.normal(2, 1, (PARTS_IN_VIEW, len(MEASURES)))).astype(np.float32)
    logits = rng.normal(0, 3, (PARTS_IN_VIEW, len(manifest.labels))).astype(np.float32)
    took_s: list[float] = []
    for _ in range(200):
        began_s = time.perf_counter()
        fuser.logits(logits, manifest.temperature, measures)
        took_s.append(time.perf_counter() - began_s)
    return 1000 * min(took_s)
