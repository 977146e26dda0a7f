"""Reads the crops to teach: class folders, or a COCO file that a person labelled. Every fault is found at once.

A folder of odd parts as a line exports it (`controller.odd_store`) is both: its pictures may be moved or copied into
class folders beside its index, which still says where in a picture the part is and what was measured of it.
"""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from controller.odd_store import INDEX, UNLABELLED
from models.fusion import MEASURES, Measures
from models.lesson import MAX_CROPS, MIN_CROPS, Lesson, views_for
from models.manifest import ClassId, MeasureName
from senbetsu_errors import NeedsOperator
from vision.augment import views
from vision.crops import crop_blobs
from vision.images import decode_image, list_folder, read_image
from vision.stills import framings

_MAX_COCO_BYTES = 64 * 1024 * 1024
_SHOWN_PROBLEMS = 40
_CLASS_ID: TypeAdapter[str] = TypeAdapter(ClassId)

Whole = Annotated[int, Field(ge=0)]
Crop = NDArray[np.uint8]


class _Known(NamedTuple):
    """What is known of a part beside its picture: its measures, and whether it is a simulated line's."""

    measures: Mapping[MeasureName, float]
    simulated: bool


_NOTHING_KNOWN = _Known({}, False)


@dataclass
class Collected:
    """What was found so far, and what is wrong with it."""

    size_px: int
    labels: list[str] = field(default_factory=list[str])
    digests: list[str] = field(default_factory=list[str])
    crops: list[NDArray[np.uint8]] = field(default_factory=list[NDArray[np.uint8]])
    known: list[_Known] = field(default_factory=list[_Known])
    problems: list[str] = field(default_factory=list[str])
    faulty: Counter[str] = field(default_factory=Counter[str])
    unlabelled: int = 0
    skipped: list[Path] = field(default_factory=list[Path])


@dataclass(frozen=True, slots=True)
class Untaught:
    """What was found and not taught: how many parts of the COCO file are `unlabelled`, and what of the folders is
    `skipped`: it is no picture by its name, lies in a folder within a class folder, or in a hidden folder."""

    unlabelled: int
    skipped: tuple[Path, ...]


def read_lesson(crops: Path | None, coco: Path | None, size_px: int) -> tuple[Lesson, Untaught]:
    """The crops, cut and changed into views as the model will see them, and what was not taught.

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
    return _lesson(found, crops, coco), Untaught(found.unlabelled, tuple(found.skipped))


def _lesson(found: Collected, crops: Path | None, coco: Path | None) -> Lesson:
    """In the order of class and digest, so that names and places of files change nothing."""
    order = sorted(range(len(found.labels)), key=lambda i: (found.labels[i], found.digests[i]))
    known = [found.known[i] for i in order]
    measures = np.array([[each.measures.get(name, np.nan) for name in MEASURES] for each in known], np.float32)
    return lesson_of(
        [found.labels[i] for i in order],
        [found.digests[i] for i in order],
        [found.crops[i] for i in order],
        "taught crops from " + " and ".join(path.name for path in (crops, coco) if path is not None),
        measures,
        np.array([each.simulated for each in known], np.bool_),
    )


def lesson_of(
    labels: Sequence[str],
    digests: Sequence[str],
    crops: Iterable[Crop],
    source: str,
    measures: Measures | None = None,
    simulated: NDArray[np.bool_] | None = None,
) -> Lesson:
    """Crops with their labels and digests as a lesson, each in as many views as there is time for.

    A crop is uint8 [F, S, S, 3]: the same part framed in F ways, which share its views.
    Every crop's own digest, its first 16 digits, is its seed: what is taught beside it changes nothing.
    """
    each = views_for(len(labels))
    made = [
        _views(crop, each, np.random.default_rng(int(digest[:16], 16)))
        for crop, digest in zip(crops, digests, strict=True)
    ]
    return Lesson(tuple(labels), tuple(digests), np.stack(made), source, measures, simulated)


def _views(framed: Crop, count: int, rng: np.random.Generator) -> Crop:
    shares = [count // len(framed) + (place < count % len(framed)) for place in range(len(framed))]
    return np.concatenate([views(crop, share, rng) for crop, share in zip(framed, shares, strict=True) if share])


def _read_folder(folder: Path, found: Collected) -> None:
    if not folder.is_dir():
        found.problems.append(f"{folder} is no folder" if folder.exists() else f"{folder} does not exist")
        return
    try:
        top = list_folder(folder)
    except NeedsOperator as error:
        found.problems.append(error.message.removesuffix("."))
        return
    coco = _parse_coco(folder / INDEX, found) if folder / INDEX in top.others else None
    odd = _OddParts.of(folder / INDEX, coco) if coco else None
    own = {folder / INDEX, *(part.file for part in odd.parts)} if odd else set[Path]()
    loose = [path for path in top.pictures if path not in own]
    if loose:
        found.problems.append(f"{folder} holds {len(loose)} picture(s) outside of a class folder")
    hidden = [entry for entry in top.folders if entry.name.startswith(".")]
    # Where the index keeps its pictures is no class.
    exported = [entry for entry in top.folders if any(entry in path.parents for path in own)]
    classes = [entry for entry in top.folders if entry not in hidden and entry not in exported]
    found.skipped += [*(path for path in top.others if path not in own), *hidden]
    for entry in exported:
        found.skipped += [path for path in sorted(entry.iterdir()) if path not in own]
    if not classes and odd is None:
        found.problems.append(f"{folder} holds no class folders")
    for entry in classes:
        _read_class(entry, odd, found)
    if odd:
        _read_parts(odd, found, others=bool(classes))


def _read_class(folder: Path, odd: "_OddParts | None", found: Collected) -> None:
    label = folder.name
    if not _is_class(label):
        found.problems.append(f"{label!r} is no class id: lower-case letters, digits and _, a letter first")
        return
    try:
        inside = list_folder(folder)
    except NeedsOperator as error:
        found.problems.append(error.message.removesuffix("."))
        found.faulty[label] += MIN_CROPS
        return
    found.skipped += inside.folders + inside.others
    if not inside.pictures:
        found.problems.append(f"{folder} holds no pictures")
        found.faulty[label] += MIN_CROPS
    for path in inside.pictures:
        try:
            data = read_image(path)
            picture = decode_image(data, path)
        except NeedsOperator as error:
            found.problems.append(error.message.removesuffix("."))
            found.faulty[label] += 1
            continue
        part = odd.claim(path, data, label, found) if odd else None
        if odd and part:
            _cut(odd.index, part, label, picture, data, found)
        else:
            _add(found, label, hashlib.sha256(data).hexdigest(), framings(picture, found.size_px), _NOTHING_KNOWN)


class _Coco(BaseModel):
    model_config = ConfigDict(frozen=True, allow_inf_nan=False)  # other fields of the format are let be


class _Image(_Coco):
    id: Whole
    file_name: str = Field(min_length=1)


class _Category(_Coco):
    id: Whole
    name: str


class _Own(_Coco):
    """What a line writes of a part beside what COCO has fields for."""

    measures: dict[MeasureName, float] = Field(default_factory=dict[MeasureName, float])


class _Annotation(_Coco):
    id: int
    image_id: Whole
    category_id: Whole
    bbox: tuple[float, float, float, float]
    senbetsu: _Own = _Own()


class _Info(_Coco):
    simulated: bool = False


class _CocoFile(_Coco):
    """The parts of the COCO object detection format (cocodataset.org/#format-data) that are needed."""

    info: _Info = _Info()
    images: tuple[_Image, ...]
    categories: tuple[_Category, ...]
    annotations: tuple[_Annotation, ...]


class _Part(NamedTuple):
    """An annotated part: in which picture, where, and what is known of it. `label` is None while it has none."""

    number: int
    file: Path
    bbox: tuple[float, float, float, float]
    label: str | None
    known: _Known


@dataclass
class _OddParts:
    """The parts of a COCO file, by the names of their pictures. `claimed` are those that lie in class folders."""

    index: Path
    parts: tuple[_Part, ...]
    claimed: set[int] = field(default_factory=set[int])

    @classmethod
    def of(cls, path: Path, coco: _CocoFile) -> "_OddParts":
        names = {category.id: category.name for category in coco.categories}
        files = {image.id: path.parent / image.file_name for image in coco.images}
        return cls(
            path,
            tuple(
                _Part(
                    each.id,
                    files[each.image_id],
                    each.bbox,
                    None if names[each.category_id] == UNLABELLED else names[each.category_id],
                    _Known(each.senbetsu.measures, coco.info.simulated),
                )
                for each in coco.annotations
            ),
        )

    def claim(self, path: Path, data: bytes, label: str, found: Collected) -> _Part | None:
        """The one part whose picture `path` is, moved or copied into the folder of class `label`; None for others."""
        named = [part for part in self.parts if part.file.name == path.name]
        if len(named) != 1:
            return None
        part = named[0]
        try:
            if part.file.is_file() and read_image(part.file) != data:
                return None  # another picture that happens to have the name
        except NeedsOperator as error:
            found.problems.append(error.message.removesuffix("."))
        if part.number in self.claimed:
            found.problems.append(f"{path} is in another class folder too")
        elif part.label not in (None, label):
            found.problems.append(f"{path} lies in {label}, and {self.index.name} says that it is a {part.label}")
        self.claimed.add(part.number)
        return part


def _parse_coco(path: Path, found: Collected) -> _CocoFile | None:
    """The file, all of whose annotations name a picture and a category in it; None with what is wrong said."""
    try:
        with path.open("rb") as file:
            data = file.read(_MAX_COCO_BYTES + 1)
    except OSError as error:
        found.problems.append(f"{path} cannot be read: {error.strerror}")
        return None
    if len(data) > _MAX_COCO_BYTES:
        found.problems.append(f"{path} is larger than {_MAX_COCO_BYTES} bytes")
        return None
    try:
        coco = _CocoFile.model_validate_json(data)
    except ValidationError as error:
        for problem in error.errors()[:5]:
            place = ".".join(map(str, problem["loc"])) or "file"
            found.problems.append(f"{path}, {place}: {problem['msg']}")
        return None
    names = {category.id for category in coco.categories}
    files = {image.id for image in coco.images}
    lost = [each.id for each in coco.annotations if each.category_id not in names or each.image_id not in files]
    found.problems += [f"{path}, annotation {each}: its category or image is not in the file" for each in lost]
    return None if lost else coco


def _read_coco(path: Path, found: Collected) -> None:
    coco = _parse_coco(path, found)
    if coco:
        _read_parts(_OddParts.of(path, coco), found, others=False)


def _read_parts(odd: _OddParts, found: Collected, others: bool) -> None:
    """What is labelled in the file itself. `others`: whether class folders beside it have something to teach too."""
    of_file: defaultdict[Path, list[_Part]] = defaultdict(list)
    for part in odd.parts:
        if part.number in odd.claimed:
            continue
        if part.label is None:
            found.unlabelled += 1
        elif not _is_class(part.label):
            found.problems.append(f"{odd.index}, annotation {part.number}: {part.label!r} is no class id")
        else:
            of_file[part.file].append(part)
    if not of_file and not others and not found.problems:
        found.problems.append(f"{odd.index} has no labelled annotation, {found.unlabelled} unlabelled")
    for path, parts in of_file.items():
        try:
            if not path.resolve().is_relative_to(odd.index.parent.resolve()):
                raise NeedsOperator("image.missing", f"{path} is not in the folder of {odd.index.name}.")
            data = read_image(path)
            picture = decode_image(data, path)
        except NeedsOperator as error:
            found.problems.append(error.message.removesuffix("."))
            found.faulty.update(part.label for part in parts if part.label)
            continue
        for part in parts:
            assert part.label is not None, "those without a label were counted above"
            _cut(odd.index, part, part.label, picture, data, found)


def _cut(coco: Path, part: _Part, label: str, picture: NDArray[np.uint8], data: bytes, found: Collected) -> None:
    """One annotated box of a picture, cut as the line cuts blobs."""
    height, width = picture.shape[:2]
    x, y, w, h = part.bbox
    if x < 0 or y < 0 or w < 1 or h < 1 or x + w > width + 1 or y + h > height + 1:
        found.problems.append(
            f"{coco}, annotation {part.number}: the box {x, y, w, h} lies outside {width} x {height} pixels"
        )
        found.faulty[label] += 1
        return
    box = np.array([[round(x), round(y), max(1, round(w)), max(1, round(h))]], np.int32)
    digest = hashlib.sha256(data + repr(box.tolist()).encode()).hexdigest()
    _add(found, label, digest, crop_blobs(picture, box, found.size_px), part.known)


def _add(found: Collected, label: str, digest: str, crop: NDArray[np.uint8], known: _Known) -> None:
    if digest in found.digests:
        other = found.labels[found.digests.index(digest)]
        found.problems.append(f"one picture stands twice: in {other} and in {label} (sha256 {digest[:12]}…)")
        found.faulty[label] += 1
        return
    found.labels.append(label)
    found.digests.append(digest)
    found.crops.append(crop)
    found.known.append(known)


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
