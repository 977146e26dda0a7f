"""The list of real photographs and the split they come with; the pictures themselves are decoded by vision."""

import csv
from dataclasses import dataclass
from pathlib import Path

from models.training.dataset import Source
from models.training.settings import RealData
from senbetsu_errors import NeedsOperator

_COLUMNS = {"file", "split", "class", "source_repo", "license", "dup_group"}


@dataclass(frozen=True, slots=True)
class Photograph:
    """One picture of one object. `validation`: only to measure with."""

    path: Path
    label: str
    source: Source
    validation: bool


def list_photographs(folder: Path, settings: RealData) -> list[Photograph]:
    """Every picture of `folder`/provenance.csv whose class `settings.classes` names, in the file's order.

    The collection's own train/holdout split is used. A holdout picture whose duplicate group also has
    training pictures is left out, because it would measure memory. Raises NeedsOperator `training.data`
    for a missing or malformed list, a class without pictures or a source without attribution.
    """
    rows = [row for row in _read(folder / "provenance.csv") if row["class"] in settings.classes]
    absent = sorted(set(settings.classes) - {row["class"] for row in rows})
    if absent:
        raise NeedsOperator(
            "training.data", f"{folder} has no pictures of {', '.join(absent)}.", "Correct `real.classes`."
        )
    trained_groups = {row["dup_group"] for row in rows if row["split"] == "train"}
    return [
        Photograph(
            folder / row["file"], settings.classes[row["class"]], _source(row, settings), row["split"] != "train"
        )
        for row in rows
        if row["split"] == "train" or row["dup_group"] not in trained_groups
    ]


def _read(path: Path) -> list[dict[str, str]]:
    try:
        with path.open(newline="", encoding="utf-8") as file:
            reader = csv.DictReader(file)
            missing = _COLUMNS - set(reader.fieldnames or ())
            rows = list(reader)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise NeedsOperator(
            "training.data", f"{path} cannot be read: {error}.", "Correct `real.folder`, or leave `real` out."
        ) from error
    if missing:
        raise NeedsOperator("training.data", f"{path} lacks the columns {', '.join(sorted(missing))}.")
    wrong = sorted({row["split"] for row in rows} - {"train", "holdout"})
    if wrong:
        raise NeedsOperator("training.data", f"{path} has splits other than train and holdout: {', '.join(wrong)}.")
    return rows


def _source(row: dict[str, str], settings: RealData) -> Source:
    name = row["source_repo"]
    if name not in settings.attributions:
        raise NeedsOperator("training.data", f"No attribution is given for {name}.", "Add it to `real.attributions`.")
    return Source(name, row["license"], settings.attributions[name], "real")
