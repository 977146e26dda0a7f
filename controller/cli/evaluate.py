"""`senbetsu models evaluate`: how good a model is."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import typer
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Column, Table

from controller.cli.classify import Found, Picture, find_pictures, print_left_out, read_crops
from models.evaluation import Evaluation, evaluate
from models.manifest import Manifest
from models.predict import Answers, Predictor
from models.registry import ModelFile, verify
from senbetsu_errors import NeedsOperator
from vision.confusion import draw_confusion, encode_png

if TYPE_CHECKING:
    from models.training.dataset import Dataset

Crops = NDArray[np.uint8]
HeldOut = Callable[[Manifest, Path], "Dataset"]

Name = Annotated[str, typer.Argument(metavar="[NAME]", help="Name of a shipped model, or the path of an .onnx file.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout.")]
Config = Annotated[
    Path | None, typer.Option(help="Training configuration whose held-out crops are used.", show_default="of NAME")
]
Images = Annotated[
    Path | None, typer.Option(metavar="DIR", help="Measure with DIR/<class>/*.jpg; other folders hold other things.")
]
ConfusionFile = Annotated[
    Path | None, typer.Option("-o", "--output", metavar="FILE.png", help="Draw the confusion matrices into this file.")
]


@dataclass(frozen=True, slots=True)
class Shown:
    """Crops of one kind with their true classes, and those of none of the classes."""

    crops: Crops
    labels: NDArray[np.int64]
    others: Crops | None = None


def evaluate_model(
    name: str, config: Path | None, images: Path | None, output: Path | None, as_json: bool, held_out: HeldOut
) -> bool:
    """Measure and print; whether every picture could be used. `held_out` makes the crops that training left out."""
    model = verify(name)
    left_out: dict[str, Any] = {"errors": [], "skipped": []}
    if images is not None:
        shown, left_out = _from_images(model, images)
    else:
        shown = _from_training(held_out(model.manifest, config or _config_of(model)))
    predictor = Predictor(model)
    answers = {kind: predictor.answers(each.crops) for kind, each in shown.items()}
    found = {
        kind: evaluate(
            model, answers[kind], each.labels, None if each.others is None else predictor.answers(each.others)
        )
        for kind, each in shown.items()
    }
    other_precision = _other_precision(model, shown, answers)
    report = {
        "model": model.manifest.name,
        "version": model.manifest.version,
        "precision": model.manifest.precision,
        "labels": list(model.manifest.labels),
        "leave_one_source_out": _dumped(model.manifest.metrics.leave_one_source_out),
        "unknown": {"rule": _dumped(model.manifest.unknown), "measured": _dumped(model.manifest.metrics.unknown)},
        **dict.fromkeys(() if images else ("real", "rendered")),
        **{kind: each.as_json() for kind, each in found.items()},
        "other_precision": other_precision,
        **left_out,
        "warning": model.manifest.metrics.warning,
    }
    if output is not None:
        _draw(output, model, found)
    if as_json:
        typer.echo(json.dumps(report, ensure_ascii=False, allow_nan=False))
    else:
        _print(model, found, report)
    return not left_out["errors"]


def _from_images(model: ModelFile, folder: Path) -> tuple[dict[str, Shown], dict[str, Any]]:
    """Crops of a user's own class folders, and what could not be used or was skipped.

    Raises NeedsOperator `evaluate.images` where there are no usable ones.
    """
    found = find_pictures(folder, model.manifest.labels) if folder.is_dir() else Found(())
    readable, crops, errors = read_crops(found, model.manifest.input.size_px)
    known = np.array([picture.truth is not None for picture in readable], np.bool_)
    # A picture that lies loose in DIR has no class at all; one in a folder of another name is some other thing.
    other = np.array([_is_other(picture, folder) for picture in readable], np.bool_)
    if not known.any():
        raise NeedsOperator(
            "evaluate.images",
            f"{folder} holds no usable picture in a folder named after a class of {model.manifest.name}.",
            f"Put pictures into {folder}/<class>/; the classes are {', '.join(model.manifest.labels)}.",
        )
    labels = [model.manifest.labels.index(picture.truth) for picture in readable if picture.truth is not None]
    others = crops[other] if other.any() else None
    shown = {"images": Shown(crops[known], np.array(labels, np.int64), others)}
    return shown, {"errors": errors, "skipped": [str(each) for each in found.skipped]}


def _is_other(picture: Picture, folder: Path) -> bool:
    return picture.truth is None and picture.path.parent != folder


def _from_training(dataset: "Dataset") -> dict[str, Shown]:
    return {
        kind: Shown(dataset.crops[chosen], dataset.labels[chosen])
        for kind, chosen in (("real", dataset.real), ("rendered", ~dataset.real))
        if chosen.any()
    }


def _config_of(model: ModelFile) -> Path:
    path = Path("configs/training") / f"{model.manifest.name}.yaml"
    if not path.is_file():
        raise NeedsOperator(
            "evaluate.no_crops",
            f"There is no {path} that says what to measure {model.manifest.name} with.",
            "Give pictures of your own with --images DIR, or the training configuration with --config.",
        )
    return path


def _other_precision(
    model: ModelFile, shown: Mapping[str, Shown], answers: Mapping[str, Answers]
) -> dict[str, Any] | None:
    """The same net in the other precision, where its file lies beside this one: NAME and NAME-fp32."""
    stem = model.path.stem
    other = stem.removesuffix("-fp32") if stem.endswith("-fp32") else f"{stem}-fp32"
    path = model.path.with_name(f"{other}.onnx")
    if not path.is_file():
        return None
    sibling = verify(path)
    if sibling.manifest.labels != model.manifest.labels or sibling.manifest.input != model.manifest.input:
        return None
    predictor = Predictor(sibling)
    report: dict[str, Any] = {"model": sibling.manifest.name, "precision": sibling.manifest.precision}
    for kind, each in shown.items():
        own, theirs = answers[kind].probabilities, predictor.answers(each.crops).probabilities
        report[kind] = {
            "accuracy": float((theirs.argmax(axis=1) == each.labels).mean()),
            "accuracy_difference": float(
                (theirs.argmax(axis=1) == each.labels).mean() - (own.argmax(axis=1) == each.labels).mean()
            ),
            "agreement": float((theirs.argmax(axis=1) == own.argmax(axis=1)).mean()),
            "mean_probability_difference": float(np.abs(theirs - own).mean()),
        }
    return report


def _draw(output: Path, model: ModelFile, found: Mapping[str, Evaluation]) -> None:
    manifest = model.manifest
    pictures = [
        draw_confusion(
            manifest.labels,
            each.scores.confusion,
            f"{manifest.name} {manifest.version}, {kind}: {each.scores.accuracy:.1%} of {each.scores.count}",
        )
        for kind, each in found.items()
    ]
    width = max(picture.shape[1] for picture in pictures)
    padded = [np.pad(p, ((0, 0), (0, width - p.shape[1]), (0, 0)), constant_values=255) for p in pictures]
    try:
        output.write_bytes(encode_png(np.concatenate(padded)))
    except OSError as error:
        raise NeedsOperator("evaluate.output", f"{output} cannot be written: {error.strerror}.") from error


def _dumped(record: Any) -> Any:
    return None if record is None else record.model_dump()


def _print(model: ModelFile, found: Mapping[str, Evaluation], report: Mapping[str, Any]) -> None:
    console = Console()
    left_out = model.manifest.metrics.leave_one_source_out
    if left_out:
        console.print(
            f"leave one source out: {left_out.overall.accuracy:.1%} of {left_out.overall.count}, "
            f"mean of classes {left_out.mean_of_classes:.1%}"
        )
        for source in left_out.sources:
            console.print(f"  without {source.source}: {source.measured.accuracy:.1%} of {source.measured.count}")
    for kind, each in found.items():
        _print_one(console, model.manifest.labels, kind, each)
    if report["other_precision"]:
        for kind in found:
            other = report["other_precision"][kind]
            console.print(
                f"{report['other_precision']['precision']}, {kind}: {other['accuracy']:.2%} "
                f"({100 * other['accuracy_difference']:+.2f} points), same answer on {other['agreement']:.2%}"
            )
    print_left_out(report)
    console.print(report["warning"])


def _print_one(console: Console, labels: tuple[str, ...], kind: str, found: Evaluation) -> None:
    scores = found.scores
    title = f"{kind}: {scores.accuracy:.2%} {_range(scores.accuracy_interval)} of {scores.count}, ECE {scores.ece:.3f}"
    headings = ("crops", "precision (95 %)", "recall (95 %)", "taken for")
    table = Table(Column("class", no_wrap=True), *headings, title=title)
    for index, label in enumerate(labels):
        row = scores.confusion[index].copy()
        row[index] = 0
        taken = ", ".join(f"{labels[i]} {row[i]}" for i in row.argsort()[::-1][:3].tolist() if row[i])
        entry = scores.classes[label]
        table.add_row(
            label,
            str(entry.count),
            _with_range(entry.precision, entry.precision_interval),
            _with_range(entry.recall, entry.recall_interval),
            taken,
        )
    console.print(table)
    console.print(f"right at 95 % coverage: {found.at_95_coverage:.2%}; taken for known: {found.accepted:.1%}")
    if found.others:
        rejected = "" if found.others.rejected is None else f", {found.others.rejected:.1%} of them rejected"
        console.print(f"known from other things: AUROC {found.others.auroc:.3f}{rejected} ({found.others.described})")


def _range(interval: tuple[float, float]) -> str:
    return f"{interval[0]:.1%} to {interval[1]:.1%}"


def _with_range(share: float | None, interval: tuple[float, float]) -> str:
    return percent(share) if share is None else f"{percent(share)} ({100 * interval[0]:.0f}–{100 * interval[1]:.0f})"


def percent(share: float | None) -> str:
    """A share for people; a dash for none."""
    return "–" if share is None else f"{share:.1%}"
