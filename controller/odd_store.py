"""Odd parts on disk: `crops/NNNNNN.png` and `annotations.coco.json` beside them, in the COCO object detection layout.

COCO (Lin et al., Microsoft COCO, 2014; cocodataset.org, format-data): `images`, `annotations` with `bbox`
[x, y, width, height] and `segmentation` polygons, `categories`. Category 0 is "unlabelled"; the others are the model's
labels and what people added. What COCO has no field for stands under `senbetsu` in each annotation.

Every file is written beside its place and moved there, so a reader, or a crash, finds the old or the new one.
Blocking: not for the event loop.
"""

import json
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from controller.odd_parts import OddPart
from senbetsu_errors import NeedsOperator

INDEX = "annotations.coco.json"
CROPS = "crops"
UNLABELLED = "unlabelled"
LABEL = re.compile(r"[a-z][a-z0-9_]{0,39}")
"""What a class id looks like."""

_PNG_SIZE_AT = slice(16, 24)  # width and height in the IHDR chunk, which comes first (PNG specification, 11.2.2)


@dataclass(frozen=True, slots=True)
class ModelName:
    """Which model said so."""

    name: str
    version: str


class OddStore:
    """The odd parts in one folder, at most `keep`; one writer at a time.

    Raises NeedsOperator `odd_parts.folder` where the folder cannot be written, `odd_parts.damaged` where its index
    cannot be read.
    """

    def __init__(self, folder: Path, keep: int, labels: Sequence[str], model: ModelName, simulated: bool) -> None:
        self.kept = 0
        self.refused_full = 0
        self._folder = folder
        self._keep = keep
        self._model = model
        try:
            (folder / CROPS).mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise NeedsOperator(
                "odd_parts.folder",
                f"The folder {folder} for odd parts cannot be made: {error.strerror}.",
                "Correct vision.odd_parts.folder or the rights to it.",
            ) from error
        self._index = read_index(folder)
        self._index["info"] = {
            "last_id": self._index["info"].get("last_id", 0),
            "description": "Parts that a Senbetsu line found odd, to label and teach",
            "simulated": simulated,
        }
        for label in (UNLABELLED, *labels):
            self._category(label)

    def add(self, odd: OddPart, at_utc: str) -> int | None:
        """Keep one more part; its id, None where the folder is full of labelled ones."""
        if not self._make_room():
            self.refused_full += 1
            return None
        # Never one that was given before: an export made earlier may hold it.
        number = 1 + max(self._index["info"]["last_id"], *(image["id"] for image in self._index["images"]), 0)
        name = picture_name(number)
        _write(self._folder / name, odd.png)
        width, height = np.frombuffer(odd.png[_PNG_SIZE_AT], ">u4").tolist()
        self._index["images"].append(
            {"id": number, "file_name": name, "width": width, "height": height, "date_captured": at_utc}
        )
        self._index["annotations"].append(
            {
                "id": number,
                "image_id": number,
                "category_id": self._category(odd.label or UNLABELLED),
                "bbox": list(odd.bbox_px),
                "area": round(odd.area_mm2 / odd.mm_per_px**2, 1),
                "segmentation": [[value for point in odd.outline_px for value in point]] if odd.outline_px else [],
                "iscrowd": 0,
                "senbetsu": {
                    "reasons": list(odd.reasons),
                    "predicted": odd.class_id,
                    "probabilities": odd.probabilities,
                    "model": {"name": self._model.name, "version": self._model.version},
                    "encoder_counts": odd.encoder_counts,
                    "at": at_utc,
                    "frame_sequence": odd.frame_sequence,
                    "part_id": odd.part_id,
                    "views": odd.views,
                    "views_disagreeing": odd.disagreeing,
                    "length_mm": odd.length_mm,
                    "width_mm": odd.width_mm,
                    "area_mm2": odd.area_mm2,
                    "measures": odd.measures,
                    "mm_per_px": odd.mm_per_px,
                    "motion": odd.motion,
                },
            }
        )
        self._index["info"]["last_id"] = number
        self._write_index()
        self.kept += 1
        return number

    def label(self, number: int, label: str) -> None:
        """Say what a kept part is. Raises NeedsOperator `odd_parts.gone` or `odd_parts.label`."""
        check_label(label)
        for annotation in self._index["annotations"]:
            if annotation["id"] == number:
                annotation["category_id"] = self._category(label)
                self._write_index()
                return
        raise NeedsOperator(
            "odd_parts.gone",
            f"Odd part {number} is not kept any more.",
            "Raise vision.odd_parts.keep, or pick another.",
        )

    def newest(self, count: int) -> list[dict[str, Any]]:
        """The annotations of the newest parts, the newest first, each with its `label` (None while it has none)."""
        return newest(self._index, count)

    def _category(self, label: str) -> int:
        """The id of a category, which is added where it is new."""
        categories = self._index["categories"]
        for category in categories:
            if category["name"] == label:
                return category["id"]
        number = 1 + max((category["id"] for category in categories), default=-1)
        categories.append({"id": number, "name": label, "supercategory": ""})
        return number

    def _make_room(self) -> bool:
        """Whether there is room for one more; the oldest unlabelled parts give way."""
        unlabelled = self._category(UNLABELLED)
        annotations = self._index["annotations"]
        while len(annotations) >= self._keep:
            oldest = next((a for a in annotations if a["category_id"] == unlabelled), None)
            if oldest is None:
                return False
            annotations.remove(oldest)
            self._index["images"] = [i for i in self._index["images"] if i["id"] != oldest["image_id"]]
            # The index goes first: a picture that it does not name is litter, one that it names must be there.
            self._write_index()
            (self._folder / picture_name(oldest["image_id"])).unlink(missing_ok=True)
        return True

    def _write_index(self) -> None:
        _write(self._folder / INDEX, json.dumps(self._index, ensure_ascii=False).encode())


def picture_name(number: int) -> str:
    """The file of an odd part's picture, relative to the folder."""
    return f"{CROPS}/{number:06d}.png"


def check_label(label: str) -> None:
    """Raises NeedsOperator `odd_parts.label` for what cannot be a class id."""
    if not LABEL.fullmatch(label) or label == UNLABELLED:
        raise NeedsOperator(
            "odd_parts.label",
            f"{label!r} cannot be a class.",
            "Use lower-case letters, digits and _, beginning with a letter, at most 40 of them.",
        )


def read_index(folder: Path) -> dict[str, Any]:
    """The index of a folder; an empty one where there is none yet. Raises NeedsOperator `odd_parts.damaged`."""
    path = folder / INDEX
    if not path.exists():
        return {"info": {}, "licenses": [], "images": [], "annotations": [], "categories": []}
    try:
        index = json.loads(path.read_bytes())
        if not all(isinstance(index[name], list) for name in ("images", "annotations", "categories")):
            raise TypeError("a list is missing")
        images = {image["id"] for image in index["images"]}
        categories = {category["id"] for category in index["categories"]}
        for annotation in index["annotations"]:
            if annotation["image_id"] not in images or annotation["category_id"] not in categories:
                raise ValueError(f"annotation {annotation['id']} names what is not there")
    except (ValueError, KeyError, TypeError, OSError) as error:
        raise NeedsOperator(
            "odd_parts.damaged",
            f"{path} cannot be read as COCO JSON: {error}.",
            "Move the folder away, or set another vision.odd_parts.folder.",
        ) from error
    return index


def newest(index: dict[str, Any], count: int) -> list[dict[str, Any]]:
    """The newest annotations, the newest first, each with its `label` (None while it has none)."""
    names = {category["id"]: category["name"] for category in index["categories"]}
    found: list[dict[str, Any]] = []
    for annotation in reversed(index["annotations"][-count:]):
        name = names[annotation["category_id"]]
        found.append({**annotation, "label": None if name == UNLABELLED else name})
    return found


def export(folder: Path, to: Path, labelled_only: bool) -> int:
    """Copy the odd parts into the new folder `to`, which then is whole or not there; how many there are.

    Raises NeedsOperator `odd_parts.exists` where `to` exists, `odd_parts.nothing` where there is nothing to copy.
    """
    if to.exists():
        raise NeedsOperator("odd_parts.exists", f"{to} exists already.", "Name a new folder.")
    index = read_index(folder)
    wanted = [a for a in newest(index, len(index["annotations"])) if a["label"] is not None or not labelled_only]
    partly = to.with_name(f".{to.name}.part")
    (partly / CROPS).mkdir(parents=True, exist_ok=True)
    names = {image["id"]: image for image in index["images"]}
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    for annotation in reversed(wanted):
        image = names[annotation["image_id"]]
        try:
            data = (folder / image["file_name"]).read_bytes()
        except FileNotFoundError:
            continue  # the running line has given it up since the index was read
        _write(partly / image["file_name"], data)
        images.append(image)
        annotations.append({key: value for key, value in annotation.items() if key != "label"})
    if not annotations:
        raise NeedsOperator(
            "odd_parts.nothing",
            f"{folder} holds no {'labelled ' if labelled_only else ''}odd parts.",
            "Label some in the HMI first." if labelled_only else "Let the line run with vision.odd_parts for a while.",
        )
    content = {**index, "images": images, "annotations": annotations}
    _write(partly / INDEX, json.dumps(content, ensure_ascii=False).encode())
    partly.rename(to)
    return len(annotations)


def _write(path: Path, data: bytes) -> None:
    partly = path.with_name(f".{path.name}.part")
    with partly.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    partly.replace(path)
