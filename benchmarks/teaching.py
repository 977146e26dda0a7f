"""What ten crops a class teach, on photographs: how many are right then, what the old classes lose, how long it takes.

`measure` teaches the shipped model things that none of its classes are (the boxes of the detection sets in
shared/data, teaching and measuring pictures apart). `python -m benchmarks.teaching MODEL SOURCE` teaches a model that
was trained without a source of the collection ten crops a class of that source, duplicate groups apart.
"""

import csv
import json
import sys
import tempfile
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.figures import Figure, report
from controller.cli.lesson import lesson_of
from controller.cli.train import read_training_settings
from models.files import write_model
from models.manifest import Manifest
from models.predict import Predictor
from models.registry import ModelFile, open_model, verify
from models.teaching import teach
from senbetsu_errors import NeedsOperator
from vision.crops import crop_blobs
from vision.images import load_image
from vision.stills import framings

REPOSITORY = Path(__file__).resolve().parent.parent
TRAINING = REPOSITORY / "configs" / "training" / "parts.yaml"
DATA = REPOSITORY.parent / "shared" / "data"
CROPS_A_CLASS = 10
MEASURED_A_CLASS = 100
DRAW = 1
FEWEST_SIDE_PX = 20

# Boxes of the detection sets that are none of the classes, or finer than them.
NEW_CLASSES = {("bolts_washers_3bsalam", "Bottle"): "bottle", ("pcb_boards_tanner", "Raspberry_Pi_3"): "raspberry_pi",
               ("pcb_boards_tanner", "Arduino_Nano"): "arduino_nano"}  # fmt: skip

Crops = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Shown:
    """Stills uint8 [N, F, S, S, 3], framed in F ways, and the class of each."""

    crops: Crops
    labels: tuple[str, ...]

    @classmethod
    def of(cls, found: list[tuple[str, Crops]]) -> "Shown":
        """From pairs; at least one."""
        return cls(np.stack([crop for _, crop in found]), tuple(label for label, _ in found))


def photographs(size_px: int, source: str | None, split: str | None) -> list[tuple[str, int, Crops]]:
    """Class, duplicate group and crop of the collection's pictures, of one source and split or of all."""
    with (DATA / "parts" / "provenance.csv").open(newline="", encoding="utf-8") as file:
        rows = [
            row
            for row in csv.DictReader(file)
            if (source is None or row["source_repo"].startswith(source)) and (split is None or row["split"] == split)
        ]
    real = read_training_settings(TRAINING).real
    assert real is not None, "the shipped model is trained with photographs"
    return [
        (
            real.classes[row["class"]],
            int(row["dup_group"]),
            framings(load_image(DATA / "parts" / row["file"]), size_px),
        )
        for row in rows
    ]


def new_things(size_px: int) -> tuple[Shown, Shown]:
    """Crops to teach and to measure with, from pictures apart: of each class the first ten boxes, one a picture."""
    lesson: list[tuple[str, Crops]] = []
    measured: list[tuple[str, Crops]] = []
    for (folder, name), label in NEW_CLASSES.items():
        number = (DATA / "detect" / folder / "classes.txt").read_text().split().index(name)
        of_picture: list[list[Crops]] = []
        for path in sorted((DATA / "detect" / folder / "labels").glob("*.txt")):
            boxes = [line.split() for line in path.read_text().splitlines() if line.split()[:1] == [str(number)]]
            (picture_path,) = (DATA / "detect" / folder / "images").glob(f"{path.stem}.*")
            if boxes:
                of_picture.append(_cut(picture_path, boxes, size_px))
        of_picture = [crops for crops in of_picture if crops]
        lesson += [(label, crops[0]) for crops in of_picture[:CROPS_A_CLASS]]
        rest = [(label, crop) for crops in of_picture[CROPS_A_CLASS:] for crop in crops]
        measured += rest[:MEASURED_A_CLASS]
    return Shown.of(lesson), Shown.of(measured)


def _cut(path: Path, boxes: list[list[str]], size_px: int) -> list[Crops]:
    picture = load_image(path)
    height, width = picture.shape[:2]
    found: list[Crops] = []
    for _, x, y, w, h in boxes:
        side_x, side_y = float(w) * width, float(h) * height
        left, top = max(0, round(float(x) * width - side_x / 2)), max(0, round(float(y) * height - side_y / 2))
        box = np.array([[left, top, min(side_x, width - left), min(side_y, height - top)]]).astype(np.int32)
        if box[0, 2:].min() >= FEWEST_SIDE_PX:
            found.append(crop_blobs(picture, box, size_px))
    return found


def from_source(size_px: int, source: str) -> tuple[Shown, Shown]:
    """Ten crops a class of a source, of as many duplicate groups as there are; and what it holds back, groups apart."""
    lesson: list[tuple[str, Crops]] = []
    groups: set[int] = set()
    of_class: defaultdict[str, list[tuple[int, Crops]]] = defaultdict(list)
    for label, group, crop in photographs(size_px, source, "train"):
        of_class[label].append((group, crop))
    for label, found in of_class.items():
        order: list[int] = np.random.default_rng(DRAW).permutation(len(found)).tolist()
        drawn = [found[index] for index in order]
        chosen = [*dict(drawn).items(), *drawn][:CROPS_A_CLASS]
        groups |= {group for group, _ in chosen}
        lesson += [(label, crop) for _, crop in chosen]
    held = photographs(size_px, source, "holdout")
    apart = [(label, crop) for label, group, crop in held if group not in groups]
    return Shown.of(lesson), Shown.of(apart or [(label, crop) for label, _, crop in held])


def taught(model: ModelFile, shown: Shown, folder: Path) -> tuple[ModelFile, Manifest, float]:
    """The model taught, its manifest and the seconds it took, crops cut already."""
    started_s = perf_counter()
    digests = [f"{number:016x}".ljust(64, "0") for number in range(len(shown.labels))]
    data, manifest = teach(model, lesson_of(shown.labels, digests, shown.crops, "benchmark"), "taught", "benchmark")
    write_model(folder / "taught.onnx", data, manifest)
    return verify(folder / "taught.onnx"), manifest, perf_counter() - started_s


def right(model: ModelFile, shown: Shown) -> float:
    """Share of crops that are called by their class."""
    known = model.manifest.labels
    truth = np.array([known.index(label) if label in known else -1 for label in shown.labels])
    return float((Predictor(model).probabilities(shown.crops).argmax(axis=1) == truth).mean())


def lesson_figures(model: ModelFile, lesson: Shown, measured: Shown, old: Shown) -> dict[str, float]:
    """Accuracy on `measured` and `old` before and after, and seconds."""
    cv2.setNumThreads(1)
    with tempfile.TemporaryDirectory() as folder:
        child, _, seconds = taught(model, lesson, Path(folder))
        return {
            "new_before": right(model, measured),
            "new_after": right(child, measured),
            "old_before": right(model, old),
            "old_after": right(child, old),
            "seconds": seconds,
            "crops_taught": len(lesson.labels),
            "crops_measured": len(measured.labels),
        }


def measure() -> dict[str, Any]:
    """Figures of the shipped model, taught things that it has never seen as classes."""
    model = open_model("parts")
    size_px = model.manifest.input.size_px
    if not DATA.is_dir():
        raise NeedsOperator("bench.no_data", f"Real images are not here: {DATA}.")
    # of this source every board is one of those taught by a finer name
    finer = {group for label, group, _ in photographs(size_px, "TannerGilbert", "holdout") if label == "pcb"}
    held = photographs(size_px, None, "holdout")
    old = Shown.of([(label, crop) for label, group, crop in held if group not in finer])
    found = lesson_figures(model, *new_things(size_px), old)
    lost = found["old_before"] - found["old_after"]
    figures = [
        Figure("new classes right after ten crops each", 100 * found["new_after"], "%", at_least=85),
        Figure("old classes lose", 100 * lost, "points", at_most=1),
        Figure("teaching takes", found["seconds"], "s", at_most=60),
    ]
    floor = {name: found[name] for name in ("old_before", "crops_taught", "crops_measured")}
    return report("teaching", figures, floor)


def main() -> None:
    """`python -m benchmarks.teaching MODEL SOURCE`: one JSON object."""
    path, source = sys.argv[1:]
    model = open_model(Path(path))
    size_px = model.manifest.input.size_px
    lesson, measured = from_source(size_px, source)
    own = {group for _, group, _ in photographs(size_px, source, None)}
    held = photographs(size_px, None, "holdout")
    old = Shown.of([(label, crop) for label, group, crop in held if group not in own])
    print(json.dumps({"source": source, **lesson_figures(model, lesson, measured, old)}))  # noqa: T201 - this is the output


if __name__ == "__main__":
    main()
