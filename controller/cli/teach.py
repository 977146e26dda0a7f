"""`senbetsu models teach`: a site's own parts, taught from a few crops."""

import json
import shlex
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from controller.cli.lesson import Untaught, read_lesson
from models.files import check_target, write_model
from models.lesson import Lesson
from models.manifest import Manifest
from models.registry import verify

Crops = Annotated[
    Path | None, typer.Option("--crops", metavar="DIR", help="Pictures of one part each, as DIR/<class>/*.jpg.")
]
Coco = Annotated[
    Path | None, typer.Option("--coco", metavar="FILE", help="A COCO file whose parts a person has labelled.")
]
Output = Annotated[Path, typer.Option("-o", "--output", metavar="MODEL", help="The new model's .onnx file.")]
Model = Annotated[str, typer.Option("--model", metavar="NAME", help="The model to teach, by name or path.")]
OldClassesMayLose = 0.01


def teach(
    output: Output,
    crops: Crops = None,
    coco: Coco = None,
    model: Model = "parts",
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout.")] = False,
) -> None:
    """Teach a model more classes, or other looks of its classes; needs five crops a class and no torch.

    Writes a new model and its manifest; the one it was made from stays as it is. Nothing is written where a crop
    cannot be used.
    """
    from models.teaching import check_teachable, teach  # loads the onnx package, which nothing else needs

    parent = verify(model)
    check_teachable(parent)
    output = check_target(output, parent)
    lesson, untaught = read_lesson(crops, coco, parent.manifest.input.size_px)
    command = shlex.join(
        ["senbetsu", "models", "teach", "--model", parent.manifest.name]
        + [word for option, path in (("--crops", crops), ("--coco", coco)) if path for word in (option, path.name)]
        + ["-o", output.name]
    )
    data, manifest = teach(parent, lesson, output.stem, command)
    write_model(output, data, manifest)
    if as_json:
        typer.echo(json.dumps(_report(output, manifest, lesson, untaught), ensure_ascii=False, allow_nan=False))
    else:
        _print(output, manifest, lesson, untaught)


def _report(output: Path, manifest: Manifest, lesson: Lesson, untaught: Untaught) -> dict[str, Any]:
    return {
        "model": str(output),
        "name": manifest.name,
        "version": manifest.version,
        "sha256": manifest.sha256,
        "parent": manifest.parent.model_dump() if manifest.parent else None,
        "labels": list(manifest.labels),
        "taught": _counts(lesson.labels),
        "measured": _counts(_measured(lesson)),
        "unlabelled": untaught.unlabelled,
        "skipped": [str(path) for path in untaught.skipped],
        "metrics": manifest.metrics.model_dump(),
    }


def _counts(labels: Iterable[str]) -> dict[str, int]:
    return dict(sorted(Counter(labels).items()))


def _measured(lesson: Lesson) -> list[str]:
    """The class of every crop of a part that was measured."""
    if lesson.measures is None:
        return []
    return [label for label, row in zip(lesson.labels, lesson.measures, strict=True) if np.isfinite(row).any()]


def _print(output: Path, manifest: Manifest, lesson: Lesson, untaught: Untaught) -> None:
    taught = manifest.metrics.taught
    assert taught is not None, "a taught model has these figures"
    typer.echo(f"Wrote {output}, {manifest.name} {manifest.version}, {len(manifest.labels)} classes.")
    measured = _counts(_measured(lesson))
    for label, count in _counts(lesson.labels).items():
        right = taught.new_per_class[label]
        sized = f", {measured[label]} of them measured" if label in measured else ""
        typer.echo(f"  {label}: {count} crops{sized}, {right.accuracy:.0%} right when left out of the teaching")
    typer.echo(f"  taken for known when left out: {taught.accepted.accuracy:.0%} of {taught.accepted.count}")
    before, after = taught.old_before.accuracy, taught.old_after.accuracy
    typer.echo(f"  exemplars of what it knew: {before:.1%} right before, {after:.1%} after")
    if before - after > OldClassesMayLose:
        typer.echo("Old classes lose more than a point: look for crops in wrong folders, or teach fewer looks at once.")
    if untaught.skipped:
        typer.echo(f"Skipped, no pictures of a class by their names: {', '.join(map(str, untaught.skipped))}.")
    if untaught.unlabelled:
        typer.echo(f"{untaught.unlabelled} part(s) of the COCO file are unlabelled and were not taught.")
    typer.echo(manifest.metrics.warning)
