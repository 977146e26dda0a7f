"""`senbetsu classify`: what the model makes of still pictures."""

import json
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
from vision.images import SUFFIXES, load_image, picture_files, square_crop

UNKNOWN_BELOW = 0.5


@dataclass(frozen=True, slots=True)
class Picture:
    """A file, and the class that its folder says it is; None where the folder names no class of the model."""

    path: Path
    truth: str | None


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
    corrupt, above 50 megapixels) is listed with the reason, and the others are answered.

    Exit code 1 where a picture could not be read, 2 where there is none.
    """
    net = verify(model)
    pictures = find_pictures(path, net.manifest.labels)
    if not pictures:
        _refuse(path)
    readable, crops, errors = read_crops(pictures, net.manifest.input.size_px)
    report = _report(net.manifest, readable, Predictor(net).answers(crops), errors, unknown_below)
    if as_json:
        typer.echo(json.dumps(report, ensure_ascii=False, allow_nan=False))
    else:
        _print(report)
    if errors:
        raise typer.Exit(1)


def find_pictures(path: Path, labels: tuple[str, ...]) -> list[Picture]:
    """The file itself; or a folder's pictures and those of its sub-folders, sorted. Empty for neither."""
    if path.is_file():
        return [Picture(path, None)]
    found = [Picture(file, None) for file in picture_files(path)] if path.is_dir() else []
    for folder in sorted(entry for entry in path.glob("*/") if entry.is_dir()):
        truth = folder.name if folder.name in labels else None
        found += [Picture(file, truth) for file in picture_files(folder)]
    return found


def _refuse(path: Path) -> NoReturn:
    what = "holds no pictures" if path.is_dir() else "does not exist" if not path.exists() else "is no file or folder"
    typer.echo(
        f"[classify.no_pictures] {path} {what}. Give a picture, or a folder with {', '.join(sorted(SUFFIXES))} files "
        "in it or in class folders below it.",
        err=True,
    )
    raise typer.Exit(2)


def read_crops(pictures: list[Picture], size_px: int) -> tuple[list[Picture], NDArray[np.uint8], list[dict[str, str]]]:
    """The pictures that could be read, their crops uint8 [N, S, S, 3] RGB, and what is wrong with the others."""
    readable: list[Picture] = []
    crops = [np.zeros((0, size_px, size_px, 3), np.uint8)]
    errors: list[dict[str, str]] = []
    for picture in pictures:
        try:
            crops.append(square_crop(load_image(picture.path), size_px))
        except NeedsOperator as error:
            errors.append({"path": str(picture.path), "code": error.code, "message": error.message})
        else:
            readable.append(picture)
    return readable, np.concatenate(crops), errors


def _report(
    manifest: Manifest,
    pictures: list[Picture],
    answers: Answers,
    errors: list[dict[str, str]],
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
    return report | {"errors": errors}


def _print(report: dict[str, Any]) -> None:
    for image in report["images"]:
        said = f"unknown ({image['class']}?)" if image["unknown"] else image["class"]
        typer.echo(f"{image['path']}\t{said}\t{image['probability']:.2f}")
    if "accuracy" in report:
        typer.echo(f"accuracy: {report['accuracy']:.2%} of {report['accuracy_over']} pictures in class folders")
    for error in report["errors"]:
        typer.echo(f"{error['path']}: [{error['code']}] {error['message']}", err=True)
