"""`senbetsu models compare`: what a new model says differently, before it is released."""

import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from controller.cli.classify import Found, find_pictures, print_left_out, read_crops
from controller.config import LineConfig
from controller.recording.recording import read_recording
from controller.shadow import rerouted, rerouted_in_words
from models.comparison import Comparison, Difference, answered, summary
from models.predict import Predictor
from models.registry import ModelFile, verify
from models.scores import wilson_interval
from senbetsu_errors import NeedsOperator
from vision.classify import Classifier
from vision.frame import Frame
from vision.pipeline import VisionPipeline
from vision.recorded_frame import decode_frame
from vision.recording_file import RecordingFile
from vision.recording_source import FRAME_TOPIC
from vision.shadow import Shadow

_LISTED = 20


def compare(
    old: Annotated[str, typer.Argument(metavar="OLD", help="The model that runs, by name or path.")],
    new: Annotated[str, typer.Argument(metavar="NEW", help="The model that may replace it.")],
    images: Annotated[
        Path,
        typer.Option("--images", metavar="DIR|FILE.mcap", help="Pictures, in class folders or not; or a recording."),
    ],
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout.")] = False,
) -> None:
    """Ask two models about the same parts: agreement, differences by class, and what would go elsewhere.

    With class folders each model's accuracy too; with a recording the parts are cut by the line's own vision, and the
    recording's recipe says what is worth how much. Exit code 1 where a picture could not be used.
    """
    old_model, new_model = verify(old), verify(new)
    report: dict[str, Any] = {
        "old": _named(old_model),
        "new": _named(new_model),
        "labels_added": sorted(set(new_model.manifest.labels) - set(old_model.manifest.labels)),
        "labels_gone": sorted(set(old_model.manifest.labels) - set(new_model.manifest.labels)),
    }
    if images.is_file():
        report |= _on_recording(old_model, new_model, images)
    else:
        report |= _on_pictures(old_model, new_model, images)
    if as_json:
        typer.echo(json.dumps(report, ensure_ascii=False, allow_nan=False))
    else:
        _print(report)
    if report["errors"]:
        raise typer.Exit(1)


def _on_pictures(old: ModelFile, new: ModelFile, folder: Path) -> dict[str, Any]:
    names = tuple(dict.fromkeys(old.manifest.labels + new.manifest.labels))
    found = find_pictures(folder, names) if folder.is_dir() else Found(())
    if not found.pictures:
        raise NeedsOperator(
            "compare.no_pictures",
            f"{folder} holds no pictures and is no recording.",
            "Give a folder, or an .mcap file.",
        )
    readable, crops, errors = read_crops(found, old.manifest.input.size_px)
    same_size = new.manifest.input.size_px == old.manifest.input.size_px
    theirs = crops if same_size else read_crops(Found(tuple(readable)), new.manifest.input.size_px)[1]
    before, after = Predictor(old).answers(crops), Predictor(new).answers(theirs)
    comparison = Comparison(old.manifest.labels, new.manifest.labels)
    comparison.add(answered(before.probabilities, before.unknown), answered(after.probabilities, after.unknown))
    report = summary(comparison.pairs()) | {
        "rerouted": None,
        "errors": errors,
        "skipped": [str(each) for each in found.skipped],
    }
    for which, model, answers in (("old", old, before), ("new", new, after)):
        right: list[bool] = [
            model.manifest.labels[int(best)] == picture.truth
            for picture, best in zip(readable, answers.probabilities.argmax(axis=1), strict=True)
            if picture.truth is not None
        ]
        report[f"accuracy_{which}"] = sum(right) / len(right) if right else None
        report[f"accuracy_{which}_interval"] = wilson_interval(sum(right), len(right)) if right else None
        report["accuracy_over"] = len(right)
    return report


def _on_recording(old: ModelFile, new: ModelFile, path: Path) -> dict[str, Any]:
    config = read_recording(path).config
    shadow = Shadow(
        Classifier.from_model(new),
        old.manifest.labels,
        new.manifest.name,
        new.manifest.version,
        share=1.0,
        most_crops=None,
    )
    pipeline = _pipeline(config, old, shadow)
    for frame in _frames(path):
        pipeline.process(frame)
        shadow.work(lambda: 0.0)  # no line waits here: all crops, whatever the time
    pipeline.flush()
    shadow.work(lambda: 0.0)
    found = shadow.report()
    if found.error:
        raise NeedsOperator("compare.failed", f"{new.path} cannot be asked: {found.error}")
    return {**summary(list(found.pairs)), "rerouted": _rerouted(found.pairs, config), "errors": [], "skipped": []}


def _pipeline(config: LineConfig, model: ModelFile, shadow: Shadow) -> VisionPipeline:
    belt = config.belt
    classifier = Classifier.from_model(model)
    return VisionPipeline(
        config.camera, config.vision, belt.width_mm, belt.encoder_counts_per_mm, classifier, shadow, config.calibrated
    )


def _frames(path: Path) -> Iterator[Frame]:
    return (decode_frame(message.data) for message in RecordingFile(path).messages(FRAME_TOPIC))


def _rerouted(pairs: tuple[Difference, ...], config: LineConfig) -> dict[str, Any]:
    moved = rerouted(pairs, config.recipe)
    return {**asdict(moved), "without_mass": list(moved.without_mass)}


def _named(model: ModelFile) -> dict[str, str]:
    manifest = model.manifest
    return {"name": manifest.name, "version": manifest.version, "sha256": manifest.sha256}


def _print(report: dict[str, Any]) -> None:
    console = Console()
    old, new = report["old"], report["new"]
    agreement = "–" if report["agreement"] is None else f"{report['agreement']:.1%}"
    console.print(
        f"{old['name']} {old['version']} and {new['name']} {new['version']} agree on {agreement} "
        f"({report['agreed']} of {report['crops']})"
    )
    for which in ("old", "new"):
        if report.get(f"accuracy_{which}") is not None:
            low, high = report[f"accuracy_{which}_interval"]
            console.print(
                f"{which}: {report[f'accuracy_{which}']:.1%} right ({100 * low:.0f}–{100 * high:.0f}) "
                f"of {report['accuracy_over']}"
            )
    for what, labels in (("new classes", report["labels_added"]), ("classes gone", report["labels_gone"])):
        if labels:
            console.print(f"{what}: {', '.join(labels)}")
    if report["differences"]:
        table = Table("old says", "new says", "parts")
        for pair in report["differences"][:_LISTED]:
            table.add_row(pair["old"], pair["new"], str(pair["count"]))
        console.print(table)
    if report["rerouted"]:
        console.print(rerouted_in_words(report["rerouted"]))
    print_left_out(report)
