"""Reads the crops to teach: class folders, or a COCO file that a person labelled. Every fault is found at once."""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from models.lesson import MAX_CROPS, MIN_CROPS, Lesson, views_for
from models.manifest import ClassId
from senbetsu_errors import NeedsOperator
from vision.augment import views
from vision.crops import crop_blobs
from vision.images import decode_image, picture_files, read_image, square_crop

UNLABELLED = "unlabelled"
"""COCO category of what nobody has labelled yet."""

_MAX_COCO_BYTES = 64 * 1024 * 1024
_SHOWN_PROBLEMS = 40
_CLASS_ID: TypeAdapter[str] = TypeAdapter(ClassId)

Whole = Annotated[int, Field(ge=0)]
Crop = NDArray[np.uint8]


@dataclass
class Collected:
    """What was found so far, and what is wrong with it."""

    size_px: int
    labels: list[str] = field(default_factory=list[str])
    digests: list[str] = field(default_factory=list[str])
    crops: list[NDArray[np.uint8]] = field(default_factory=list[NDArray[np.uint8]])
    problems: list[str] = field(default_factory=list[str])
    faulty: Counter[str] = field(default_factory=Counter[str])
    unlabelled: int = 0


def read_lesson(crops: Path | None, coco: Path | None, size_px: int) -> tuple[Lesson, int]:
    """The crops, cut and changed into views as the model will see them, and how many of the COCO file are unlabelled.

    Raises NeedsOperator `teach.crops` with every fault: a folder that is none, a class that is no class id or has
    fewer than five crops, a picture that cannot be used, the same picture twice, too many.
    """
    found = Collected(size_px)
    if crops is not None:
        _read_folder(crops, found)
    if coco is not None:
        _read_coco(coco, found)
    if crops is None and coco is None:
        found.problems.append("neither --crops nor --coco is given")
    _check_counts(found)
    if found.problems:
        shown = found.problems[:_SHOWN_PROBLEMS]
        more = len(found.problems) - len(shown)
        raise NeedsOperator(
            "teach.crops",
            "These crops cannot be taught, nothing was written:\n"
            + "\n".join(f"- {problem}" for problem in shown)
            + (f"\n- and {more} more." if more else "")
            + "\n",
            f"Put 8-bit colour pictures of one part each into DIR/<class>/, {MIN_CROPS} or more a class; "
            "a class is called by a lower-case id such as battery or connector_usb.",
        )
    return _lesson(found, crops, coco), found.unlabelled


def _lesson(found: Collected, crops: Path | None, coco: Path | None) -> Lesson:
    """In the order of class and digest, so that names and places of files change nothing."""
    order = sorted(range(len(found.labels)), key=lambda i: (found.labels[i], found.digests[i]))
    return lesson_of(
        [found.labels[i] for i in order],
        [found.digests[i] for i in order],
        [found.crops[i] for i in order],
        "taught crops from " + " and ".join(path.name for path in (crops, coco) if path is not None),
    )


def lesson_of(labels: Sequence[str], digests: Sequence[str], crops: Iterable[Crop], source: str) -> Lesson:
    """Crops with their labels and digests as a lesson, each in as many views as there is time for.

    Every crop's own digest, its first 16 digits, is its seed: what is taught beside it changes nothing.
    """
    each = views_for(len(labels))
    made = [
        views(crop, each, np.random.default_rng(int(digest[:16], 16)))
        for crop, digest in zip(crops, digests, strict=True)
    ]
    return Lesson(tuple(labels), tuple(digests), np.stack(made), source)


def _read_folder(folder: Path, found: Collected) -> None:
    if not folder.is_dir():
        found.problems.append(f"{folder} is no folder" if folder.exists() else f"{folder} does not exist")
        return
    loose = len(picture_files(folder))
    if loose:
        found.problems.append(f"{folder} holds {loose} picture(s) outside of a class folder")
    classes = sorted(entry for entry in folder.iterdir() if entry.is_dir() and not entry.name.startswith("."))
    if not classes:
        found.problems.append(f"{folder} holds no class folders")
    for entry in classes:
        if not _is_class(entry.name):
            found.problems.append(f"{entry.name!r} is no class id: lower-case letters, digits and _, a letter first")
            continue
        files = picture_files(entry)
        if not files:
            found.problems.append(f"{entry} holds no pictures")
            found.faulty[entry.name] += MIN_CROPS
        for path in files:
            try:
                data = read_image(path)
                crop = square_crop(decode_image(data, path), found.size_px)[0]
            except NeedsOperator as error:
                found.problems.append(error.message.removesuffix("."))
                found.faulty[entry.name] += 1
            else:
                _add(found, entry.name, hashlib.sha256(data).hexdigest(), crop)


class _Coco(BaseModel):
    model_config = ConfigDict(frozen=True, allow_inf_nan=False)  # other fields of the format are let be


class _Image(_Coco):
    id: Whole
    file_name: str = Field(min_length=1)


class _Category(_Coco):
    id: Whole
    name: str


class _Annotation(_Coco):
    id: int
    image_id: Whole
    category_id: Whole
    bbox: tuple[float, float, float, float]


class _CocoFile(_Coco):
    """The parts of the COCO object detection format (cocodataset.org/#format-data) that are needed."""

    images: tuple[_Image, ...]
    categories: tuple[_Category, ...]
    annotations: tuple[_Annotation, ...]


def _read_coco(path: Path, found: Collected) -> None:
    try:
        with path.open("rb") as file:
            data = file.read(_MAX_COCO_BYTES + 1)
    except OSError as error:
        found.problems.append(f"{path} cannot be read: {error.strerror}")
        return
    if len(data) > _MAX_COCO_BYTES:
        found.problems.append(f"{path} is larger than {_MAX_COCO_BYTES} bytes")
        return
    try:
        coco = _CocoFile.model_validate_json(data)
    except ValidationError as error:
        for problem in error.errors()[:5]:
            place = ".".join(map(str, problem["loc"])) or "file"
            found.problems.append(f"{path}, {place}: {problem['msg']}")
        return
    names = {category.id: category.name for category in coco.categories}
    files = {image.id: image.file_name for image in coco.images}
    of_image: defaultdict[int, list[_Annotation]] = defaultdict(list)
    for annotation in coco.annotations:
        if names.get(annotation.category_id) == UNLABELLED:
            found.unlabelled += 1
        elif annotation.category_id not in names or annotation.image_id not in files:
            found.problems.append(f"{path}, annotation {annotation.id}: its category or image is not in the file")
        elif not _is_class(names[annotation.category_id]):
            found.problems.append(
                f"{path}, annotation {annotation.id}: {names[annotation.category_id]!r} is no class id"
            )
        else:
            of_image[annotation.image_id].append(annotation)
    if not of_image and not found.problems:
        found.problems.append(f"{path} has no labelled annotation, {found.unlabelled} unlabelled")
    for image_id, annotations in of_image.items():
        _cut(path, files[image_id], annotations, names, found)


def _cut(coco: Path, file_name: str, annotations: list[_Annotation], names: dict[int, str], found: Collected) -> None:
    """The annotated boxes of one picture, cut as the line cuts blobs."""
    path = coco.parent / file_name
    try:
        if not path.resolve().is_relative_to(coco.parent.resolve()):
            raise NeedsOperator("image.missing", f"{path} is not in the folder of {coco.name}.")
        data = read_image(path)
        picture = decode_image(data, path)
    except NeedsOperator as error:
        found.problems.append(error.message.removesuffix("."))
        found.faulty.update(names[annotation.category_id] for annotation in annotations)
        return
    height, width = picture.shape[:2]
    for annotation in annotations:
        x, y, w, h = annotation.bbox
        label = names[annotation.category_id]
        if x < 0 or y < 0 or w < 1 or h < 1 or x + w > width + 1 or y + h > height + 1:
            found.problems.append(
                f"{coco}, annotation {annotation.id}: the box {x, y, w, h} lies outside {width} x {height} pixels"
            )
            found.faulty[label] += 1
            continue
        box = np.array([[round(x), round(y), max(1, round(w)), max(1, round(h))]], np.int32)
        digest = hashlib.sha256(data + repr(box.tolist()).encode()).hexdigest()
        _add(found, label, digest, crop_blobs(picture, box, found.size_px)[0])


def _add(found: Collected, label: str, digest: str, crop: NDArray[np.uint8]) -> None:
    if digest in found.digests:
        other = found.labels[found.digests.index(digest)]
        found.problems.append(f"one picture stands twice: in {other} and in {label} (sha256 {digest[:12]}…)")
        found.faulty[label] += 1
        return
    found.labels.append(label)
    found.digests.append(digest)
    found.crops.append(crop)


def _check_counts(found: Collected) -> None:
    """Too few of a class, counting what is faulty anyway, or too many in all."""
    counts = Counter(found.labels)
    for label in sorted(counts | found.faulty):
        usable = counts[label]
        if usable + found.faulty[label] < MIN_CROPS:
            found.problems.append(f"{label} has {usable} usable crop(s), at least {MIN_CROPS} are needed")
    if len(found.labels) > MAX_CROPS:
        found.problems.append(f"{len(found.labels)} crops, at most {MAX_CROPS} are taught at a time")


def _is_class(name: str) -> bool:
    try:
        _CLASS_ID.validate_python(name)
    except ValidationError:
        return False
    return True
