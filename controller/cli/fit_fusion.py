"""`senbetsu models fit-fusion`: what size, height and mass say of a class, added to a model that is there."""

import json
import os
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from controller.cli.rendered_crops import RenderedCrops, Report, belt_crops
from controller.cli.train import read_training_settings, rendering_progress
from models.files import manifest_text
from models.fusion_fit import Held, fit_fusion
from models.manifest import Fusion, Manifest
from models.predict import Predictor
from models.registry import ModelFile, verify
from models.training.settings import RenderedData, TrainingSettings
from senbetsu_errors import NeedsOperator

Names = Annotated[list[str], typer.Argument(metavar="NAME...", help="Models of the same labels, by name or path.")]
Config = Annotated[Path | None, typer.Option(help="Training configuration that says what to render.")]

_MEASURED_PX = 16
"""Side of crops of which only the measures are wanted."""

_SEED = 0xF051
SOURCE = "sim.render: belts, parts, laser profile and scale are rendered; no part of the field was measured"


def fit_fusion_command(
    names: Names,
    config: Config = None,
    per_class: Annotated[int, typer.Option(min=20, help="Parts a class to measure.")] = 240,
    held_per_class: Annotated[int, typer.Option(min=10, help="Held-out parts a class to weigh on.")] = 60,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout.")] = False,
) -> None:
    """Render parts on belts, measure them, and write into each model's manifest what measures say of its classes.

    The ONNX files stay as they are. The parts that the measures are weighed on are of shapes that training never sees.
    """
    models = [verify(name) for name in names]
    settings_path = config or Path("configs/training") / f"{models[0].manifest.name.removesuffix('-fp32')}.yaml"
    settings = read_training_settings(settings_path)
    rendered = settings.rendered
    if rendered is None or any(not set(rendered.classes) <= set(model.manifest.labels) for model in models):
        raise NeedsOperator(
            "fusion.classes",
            f"{settings_path} renders no parts, or of classes that the model does not know.",
            "Name the configuration that the model was trained with: --config.",
        )
    with rendering_progress() as report:
        measured, held = measured_parts(settings, rendered, per_class, held_per_class, models[0], report)
    done = [_add(model, measured, held) for model in models]
    if as_json:
        described = [
            {"name": m.name, "levels": [level.model_dump() for level in f.levels], "source": f.source} for m, f in done
        ]
        typer.echo(json.dumps({"models": described}, ensure_ascii=False, allow_nan=False))
        return
    for manifest, fusion in done:
        _print(manifest, fusion)


def measured_parts(
    settings: TrainingSettings,
    rendered: RenderedData,
    per_class: int,
    held_per_class: int,
    model: ModelFile,
    report: Report | None,
) -> tuple[RenderedCrops, RenderedCrops]:
    """Parts of training's shapes for the densities, and held-out ones with crops as the model takes them."""
    seeds = np.random.SeedSequence([settings.seed, _SEED]).spawn(2)
    workers = settings.schedule.threads
    measured = belt_crops(
        rendered.classes,
        per_class,
        seeds[0],
        size_px=_MEASURED_PX,
        mm_per_px=rendered.mm_per_px,
        overlap=0.0,
        workers=workers,
        report=report,
    )
    held = belt_crops(
        rendered.classes,
        held_per_class,
        seeds[1],
        size_px=model.manifest.input.size_px,
        mm_per_px=rendered.mm_per_px,
        overlap=0.0,
        split="held_out",
        workers=workers,
        report=report,
    )
    return measured, held


def fusion_of(model: ModelFile, measured: RenderedCrops, held: RenderedCrops) -> Fusion:
    """The fusion of one model: densities of `measured`, weighed on its answers to `held`."""
    labels = model.manifest.labels
    into = np.array([labels.index(name) for name in measured.classes], np.int64)
    predictor = Predictor(model)
    answers = predictor.answers(held.crops)
    return fit_fusion(
        labels,
        measured.measures,
        into[measured.labels],
        Held(
            answers.logits,
            into[held.labels],
            held.measures,
            (lambda chances: predictor.scores(chances, answers.embeddings)) if model.manifest.unknown else None,
        ),
        model.manifest.temperature,
        SOURCE,
    )


def _add(model: ModelFile, measured: RenderedCrops, held: RenderedCrops) -> tuple[Manifest, Fusion]:
    fusion = fusion_of(model, measured, held)
    manifest = Manifest.model_validate(model.manifest.model_copy(update={"fusion": fusion}).model_dump())
    _replace_manifest(model.path, manifest)
    return manifest, fusion


def _replace_manifest(model_path: Path, manifest: Manifest) -> None:
    """All of it or nothing. Raises NeedsOperator `model.target` where the disk refuses."""
    path = model_path.with_suffix(".manifest.json")
    fresh = path.with_name(f".{path.name}.new")
    try:
        fresh.write_text(manifest_text(manifest), encoding="utf-8")
        os.replace(fresh, path)
    except OSError as error:
        fresh.unlink(missing_ok=True)
        raise NeedsOperator("model.target", f"{path} cannot be written: {error.strerror}.") from error
    verify(model_path)


def _print(manifest: Manifest, fusion: Fusion) -> None:
    typer.echo(f"{manifest.name} {manifest.version}: measures of {len(fusion.classes)} classes")
    for level in fusion.levels:
        typer.echo(
            f"  with {', '.join(level.measures)}: {level.accuracy.accuracy:.1%} of {level.accuracy.count} right "
            f"({level.accuracy_of_color:.1%} by the picture alone), calibration error {level.ece:.3f} "
            f"({level.ece_of_color:.3f})"
        )
    typer.echo(f"  {fusion.source}")
