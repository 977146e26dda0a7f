"""`senbetsu classify`: what the model makes of still pictures."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, NoReturn

import numpy as np
import typer
from numpy.typing import NDArray

from models.manifest import Manifest
from models.predict import Answers, Predictor
from models.registry import verify
from senbetsu_errors import NeedsOperator
from vision.images import SUFFIXES, list_folder, load_image
from vision.stills import FRAMINGS, framings

UNKNOWN_BELOW = 0.5


@dataclass(frozen=True, slots=True)
class Picture:
    """A file, and the class that its folder says it is; None where the folder names no class of the model."""

    path: Path
    truth: str | None


@dataclass(frozen=True, slots=True)
class Found:
    """What a path holds, all of it: pictures, what is `skipped` because its name calls it no picture (or because it is
    a folder within a class folder), and folders that cannot be read as `errors` (path, code, message)."""

    pictures: tuple[Picture, ...]
    skipped: tuple[Path, ...] = ()
    errors: tuple[dict[str, str], ...] = ()


def classify(
    path: Annotated[
        Path, typer.Argument(metavar="PATH", help="A picture, a folder of pictures, or one of class folders.")
    ],
    model: Annotated[str, typer.Option("--model", metavar="NAME", help="Name or path of the model.")] = "parts",
    unknown_below: Annotated[
        float, typer.Option(min=0.0, max=1.0, help="A picture whose best class is less probable is unknown too.")
    ] = UNKNOWN_BELOW,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout.")] = False,
) -> None:
    """Say what each picture shows; DIR/<class>/*.jpg gives the accuracy too.

    A picture is unknown where the model rejects it or --unknown-below does. One that cannot be used (grey, 16 bit,
    corrupt, above 50 megapixels, a link that leads nowhere) is listed with the reason, and the others are answered.
    What is no picture by its name is listed as skipped.

    Exit code 1 where a picture or a folder could not be read, 2 where there is none.
    """
    net = verify(model)
    found = find_pictures(path, net.manifest.labels)
    if not found.pictures and not found.errors:
        _refuse(path)
    readable, crops, errors = read_crops(found, net.manifest.input.size_px)
    report = _report(net.manifest, readable, Predictor(net).answers(crops), unknown_below)
    report |= {"errors": errors, "skipped": [str(each) for each in found.skipped]}
    if as_json:
        typer.echo(json.dumps(report, ensure_ascii=False, allow_nan=False))
    else:
        _print(report)
    if errors:
        raise typer.Exit(1)


def find_pictures(path: Path, labels: tuple[str, ...]) -> Found:
    """The file itself; or a folder's pictures and those of its sub-folders, sorted. Nothing for neither."""
    if not path.is_dir():
        return Found((Picture(path, None),) if path.is_file() else ())
    pictures: list[Picture] = []
    skipped: list[Path] = []
    errors: list[dict[str, str]] = []
    try:
        top = list_folder(path)
    except NeedsOperator as error:
        return Found((), errors=(_as_error(path, error),))
    pictures += [Picture(file, None) for file in top.pictures]
    skipped += top.others
    for folder in top.folders:
        try:
            inside = list_folder(folder)
        except NeedsOperator as error:
            errors.append(_as_error(folder, error))
            continue
        truth = folder.name if folder.name in labels else None
        pictures += [Picture(file, truth) for file in inside.pictures]
        skipped += inside.folders + inside.others
    return Found(tuple(pictures), tuple(skipped), tuple(errors))


def _as_error(path: Path, error: NeedsOperator) -> dict[str, str]:
    return {"path": str(path), "code": error.code, "message": error.message}


def _refuse(path: Path) -> NoReturn:
    if path.is_dir():
        what = "holds no pictures"
    elif path.exists():
        what = "is no file or folder"
    else:
        what = "is a link that leads nowhere" if path.is_symlink() else "does not exist"
    typer.echo(
        f"[classify.no_pictures] {path} {what}. Give a picture, or a folder with {', '.join(sorted(SUFFIXES))} files "
        "in it or in class folders below it.",
        err=True,
    )
    raise typer.Exit(2)


def read_crops(found: Found, size_px: int) -> tuple[list[Picture], NDArray[np.uint8], list[dict[str, str]]]:
    """The pictures that could be read, their framings uint8 [N, 2, S, S, 3] RGB, and what is wrong with the rest."""
    readable: list[Picture] = []
    crops = [np.zeros((0, FRAMINGS, size_px, size_px, 3), np.uint8)]
    errors = list(found.errors)
    for picture in found.pictures:
        try:
            crops.append(framings(load_image(picture.path), size_px)[None])
        except NeedsOperator as error:
            errors.append(_as_error(picture.path, error))
        else:
            readable.append(picture)
    return readable, np.concatenate(crops), errors


def _report(
    manifest: Manifest,
    pictures: list[Picture],
    answers: Answers,
    unknown_below: float,
) -> dict[str, Any]:
    """The JSON answer. An unknown picture of a known class counts as wrong in `accuracy`."""
    images: list[dict[str, Any]] = []
    right: list[bool] = []
    for picture, row, rejected in zip(pictures, answers.probabilities, answers.unknown, strict=True):
        best = int(row.argmax())
        unknown = bool(rejected or row[best] < unknown_below)
        images.append(
            {
                "path": str(picture.path),
                "class": manifest.labels[best],
                "probability": float(row[best]),
                "probabilities": {label: float(p) for label, p in zip(manifest.labels, row, strict=True)},
                "unknown": unknown,
            }
        )
        if picture.truth is not None:
            right.append(not unknown and manifest.labels[best] == picture.truth)
    report: dict[str, Any] = {"model": manifest.name, "images": images}
    if right:
        report["accuracy"] = sum(right) / len(right)
        report["accuracy_over"] = len(right)
    return report


def print_left_out(report: Mapping[str, Any]) -> None:
    """What was not answered, and why, on stderr."""
    for error in report["errors"]:
        typer.echo(f"{error['path']}: [{error['code']}] {error['message']}", err=True)
    if report["skipped"]:
        typer.echo(f"skipped, no pictures by their names: {', '.join(report['skipped'])}", err=True)


def _print(report: dict[str, Any]) -> None:
    for image in report["images"]:
        said = f"unknown ({image['class']}?)" if image["unknown"] else image["class"]
        typer.echo(f"{image['path']}\t{said}\t{image['probability']:.2f}")
    if "accuracy" in report:
        typer.echo(f"accuracy: {report['accuracy']:.2%} of {report['accuracy_over']} pictures in class folders")
    print_left_out(report)
    if report["errors"] or report["skipped"]:
        answered, failed, skipped = (len(report[key]) for key in ("images", "errors", "skipped"))
        typer.echo(f"{answered} answered, {failed} could not be used, {skipped} skipped", err=True)
