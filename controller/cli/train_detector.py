"""`senbetsu models train-detector`: a small detector, trained on rendered belts."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import numpy as np
import typer

from controller.cli.detector_scenes import detector_scenes
from controller.cli.measure_detector import look, metrics
from controller.cli.train import read_settings, torch_required
from models.detector_manifest import DetectorManifest, Rule
from models.files import write_model
from models.manifest import TrainingSource
from models.registry import DetectorFile
from models.scores import fit_temperature
from models.training.detector_data import DetectorScene
from models.training.detector_settings import DetectorSettings
from sim.render.shape_seeds import Split
from vision.detect import Detector

if TYPE_CHECKING:
    from models.training.detector_net import DetectorNet

_FIRST_BOX_ERROR_PX = 4.0
_BOX_ERROR_SHARE = 0.95  # of the edges of found boxes that lie within `box_error_px`
_MOST_BOX_ERROR_PX = 12.0


def train_detector(
    config: Annotated[Path, typer.Argument(metavar="CONFIG", help="What to train, a YAML file.")] = Path(
        "configs/training/detector.yaml"
    ),
    output: Annotated[Path, typer.Option("-o", metavar="DIR", help="Where the model is written.")] = Path(
        "runs/models"
    ),
) -> None:
    """Train a small detector on rendered belts, measure it on parts it never saw, and write it with its manifest."""
    settings = read_detector_settings(config)
    with torch_required():
        from models.training.detector_train import train_detector as teach

    seeds = np.random.SeedSequence(settings.seed).spawn(2)
    learned = _scenes(settings, settings.scenes, seeds[0], "train")
    net = teach(
        learned,
        len(settings.labels),
        side_px=settings.side_px,
        steps=settings.steps,
        batch=settings.batch,
        learning_rate=settings.learning_rate,
        seed=settings.seed,
        threads=settings.threads,
        report=lambda step, of, loss: typer.echo(f"step {step} of {of}: loss {loss:.3f}", err=True),
    )
    held_out = _scenes(settings, settings.held_out_scenes, seeds[1], "held_out")
    manifest = write_detector(net, settings, learned, held_out, output, f"senbetsu models train-detector {config}")
    found = manifest.metrics
    assert found is not None
    right = f"{found.right.accuracy:.1%}" if found.right else "none"
    typer.echo(
        f"{output / settings.name}.onnx: found {found.found.accuracy:.1%} of {found.found.count} held-out parts, "
        f"{right} of those right, {found.extra_per_scene:.2f} boxes a scene without a part, ECE {found.ece:.3f}"
    )


def read_detector_settings(config: Path) -> DetectorSettings:
    """The settings in a YAML file. Raises ConfigErrors with everything that is wrong."""
    return read_settings(DetectorSettings, config)


def write_detector(
    net: "DetectorNet",
    settings: DetectorSettings,
    learned: Sequence[DetectorScene],
    held_out: Sequence[DetectorScene],
    folder: Path,
    command: str,
) -> DetectorManifest:
    """Writes `NAME.onnx` and its manifest, the temperature, box error and figures from the held-out scenes."""
    from models.training.detector_export import detector_manifest, onnx_bytes

    labels = settings.labels
    counts = np.bincount(np.concatenate([scene.labels for scene in learned]), minlength=len(labels))
    source = TrainingSource(
        source="sim.render (rendered belts)",
        licence="this project's own",
        attribution="none needed",
        kind="rendered",
        count={label: int(count) for label, count in zip(labels, counts, strict=True)},
    )
    rule = Rule(
        report_above=settings.report_above,
        known_above=settings.known_above,
        nms_iou=0.5 if settings.layout in ("yolo", "yolo_objectness") else None,
        box_error_px=_FIRST_BOX_ERROR_PX,
        fill=_fill(learned, labels),
    )
    data = onnx_bytes(net, settings.layout, settings.side_px, labels)
    manifest = detector_manifest(settings, data, rule, source, command)
    path = folder / f"{settings.name}.onnx"
    first = look(Detector(DetectorFile(path, manifest, data)), held_out)
    truth = first.truth[first.found]
    fitted: dict[str, float] = {}
    if len(truth):
        logits = np.log(np.maximum(first.probabilities, 1e-7)).astype(np.float32)
        error = float(np.quantile(first.edge_error_px, _BOX_ERROR_SHARE))
        fitted = {
            "temperature": float(fit_temperature(logits, truth)),
            "box_error_px": round(min(error, _MOST_BOX_ERROR_PX), 1),
        }
    manifest = manifest.model_copy(update={"rule": rule.model_copy(update=fitted)})
    seen = look(Detector(DetectorFile(path, manifest, data)), held_out)
    manifest = manifest.model_copy(update={"metrics": metrics(seen, labels, len(held_out))})
    write_model(path, data, manifest)
    return manifest


def _scenes(settings: DetectorSettings, count: int, seed: np.random.SeedSequence, split: Split) -> list[DetectorScene]:
    made: list[DetectorScene] = []
    for done, each in enumerate(seed.spawn(count), start=1):
        made += detector_scenes(
            settings.labels,
            1,
            each,
            side_px=settings.scene_px,
            mm_per_px=settings.mm_per_px,
            parts_per_scene=settings.parts_per_scene,
            split=split,
        )
        if done % 10 == 0 or done == count:
            typer.echo(f"scenes ({split}): {done} of {count}", err=True)
    return made


def _fill(scenes: Sequence[DetectorScene], labels: tuple[str, ...]) -> dict[str, float]:
    """The mean share of its box that a part of each class covers."""
    all_labels = np.concatenate([scene.labels for scene in scenes])
    fill = np.concatenate([scene.fill for scene in scenes])
    return {
        label: round(float(fill[all_labels == c].mean().clip(0.01, 1)), 3)
        for c, label in enumerate(labels)
        if (all_labels == c).any()
    }
