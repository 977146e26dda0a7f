"""Still pictures from disk, for `senbetsu classify`, for teaching and for training."""

import stat
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import simplejpeg
from numpy.typing import NDArray

from senbetsu_errors import NeedsOperator
from vision.crops import crop_blobs

MAX_MEGAPIXELS = 50
MAX_FILE_BYTES = 256 * 1024 * 1024
SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff"})
"""What a picture's file name ends with."""

_NOT_READ = frozenset({".gif", ".heic", ".heif", ".avif", ".jxl", ".jp2"})
"""Pictures too, of kinds that are refused by name and not passed over."""

MIN_SIDE_PX = 8
"""Smaller pictures show nothing that could be told apart."""

_JPEG, _PNG = b"\xff\xd8", b"\x89PNG\r\n\x1a\n"
_JPEG_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_JPEG_ALONE = frozenset({0x01, *range(0xD0, 0xD9)})


@dataclass(frozen=True, slots=True)
class Folder:
    """What lies in a folder, not below it; each sorted. Together all of it.

    `pictures` are called pictures, whatever they are, or cannot be looked at (a link that leads nowhere): reading says
    what is wrong with them. `folders` are called anything else, `others` are neither.
    """

    pictures: tuple[Path, ...]
    folders: tuple[Path, ...]
    others: tuple[Path, ...]


def list_folder(folder: Path) -> Folder:
    """What lies in `folder`. Raises NeedsOperator `image.missing` where it cannot be read."""
    pictures: list[Path] = []
    folders: list[Path] = []
    others: list[Path] = []
    try:
        entries = sorted(folder.iterdir())
    except OSError as error:
        raise _unreadable(folder, error) from error
    for entry in entries:
        try:
            mode = entry.stat().st_mode
        except OSError:
            pictures.append(entry)
            continue
        if entry.suffix.lower() in SUFFIXES | _NOT_READ:
            pictures.append(entry)
        else:
            (folders if stat.S_ISDIR(mode) else others).append(entry)
    return Folder(tuple(pictures), tuple(folders), tuple(others))


def load_image(path: Path) -> NDArray[np.uint8]:
    """The picture as H x W x 3 uint8 BGR, turned as its EXIF orientation says.

    Raises NeedsOperator: `image.missing`, `image.unreadable` (no file, no picture, corrupt or cut short),
    `image.format` (grey, 16 bit, transparent, several pictures), `image.too_large` (above 50 megapixels or 256 MiB,
    said before it is unpacked where the file is JPEG or PNG) and `image.too_small` (a side below 8 pixels).
    Damage within WebP, TIFF and BMP can go unnoticed: those kinds carry no check sums.

    Grey and 16-bit pictures are refused and not converted: the nets were taught colour, a grey picture would get an
    answer that looks as sure as any other; and 16 bits say nothing of where white lies (10, 12 or 16 of them used).
    """
    return decode_image(read_image(path), path)


def read_image(path: Path) -> bytes:
    """The bytes of a picture file. Raises NeedsOperator `image.missing`, `image.unreadable` or `image.too_large`."""
    try:
        # Before it is opened: a named pipe would let the reader wait for ever, a device never ends.
        if not stat.S_ISREG(path.stat().st_mode):
            what = "a folder" if path.is_dir() else "a pipe, a socket or a device"
            raise NeedsOperator("image.unreadable", f"{path} cannot be read: it is {what}.", "Give picture files.")
        with path.open("rb") as file:
            data = file.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise _unreadable(path, error) from error
    if not data:
        raise NeedsOperator("image.unreadable", f"{path} is empty.", "Copy the file again.")
    if len(data) > MAX_FILE_BYTES:
        raise NeedsOperator("image.too_large", f"{path} is larger than {MAX_FILE_BYTES} bytes.", "Scale it down.")
    return data


def decode_image(data: bytes, path: Path) -> NDArray[np.uint8]:
    """The picture in the bytes of the file `path`; errors as `load_image`."""
    _check_size(stated_size(data), path)
    if data.startswith(_JPEG):
        _check_jpeg(data, path)
    try:
        pages = _decoded(data)
    except cv2.error as error:
        # OpenCV refuses absurd sizes with an exception and everything else with nothing.
        raise NeedsOperator(
            "image.too_large", f"{path} cannot be decoded: {error.err}.", "Scale it down or save it anew."
        ) from error
    if not pages:
        raise NeedsOperator(
            "image.unreadable", f"{path} is not a picture that can be decoded.", "Save it as JPEG or PNG."
        )
    if len(pages) > 1:
        raise NeedsOperator(
            "image.format", f"{path} holds several pictures.", "Save the one that is meant as JPEG or PNG."
        )
    picture = pages[0]
    height, width = picture.shape[:2]
    _check_size((width, height), path)
    if min(height, width) < MIN_SIDE_PX:
        raise NeedsOperator(
            "image.too_small",
            f"{path} has {width} x {height} pixels; less than {MIN_SIDE_PX} a side show nothing.",
            "Use the picture at its full size.",
        )
    if picture.dtype != np.uint8 or picture.ndim != 3 or picture.shape[2] != 3:
        channels = picture.shape[2] if picture.ndim == 3 else 1
        raise NeedsOperator(
            "image.format",
            f"{path} has {channels} channel(s) of {picture.dtype}, expected 3 of uint8.",
            "Take or save it as an 8-bit colour picture without transparency.",
        )
    return picture.astype(np.uint8, copy=False)


def _check_jpeg(data: bytes, path: Path) -> None:
    """Raises NeedsOperator `image.unreadable` for what libjpeg-turbo warns of: OpenCV makes such places up instead."""
    try:
        simplejpeg.decode_jpeg(data, "GRAY", strict=True)
    except ValueError as error:
        raise NeedsOperator(
            "image.unreadable", f"{path} is a corrupt JPEG file: {error}.", "Copy it again, or save it anew."
        ) from error


def _decoded(data: bytes) -> Sequence[NDArray[Any]]:
    """The picture, or the first two of a file that holds several (an animation, a document); none if there is none."""
    packed = np.frombuffer(data, np.uint8)
    if not data.startswith(_JPEG):
        return cv2.imdecodemulti(packed, cv2.IMREAD_UNCHANGED, range=(0, 2))[1]
    # IMREAD_UNCHANGED would leave a photograph lying on its side; JPEG has neither transparency nor 16 bits.
    picture = cv2.imdecode(packed, cv2.IMREAD_ANYCOLOR)
    return [] if picture is None else [picture]


def stated_size(data: bytes) -> tuple[int, int] | None:
    """Width and height as the head of a JPEG or PNG file states them; None where it does not, or for other files.

    JPEG: the first frame header (ITU-T T.81, B.2.2). PNG: IHDR (ISO/IEC 15948, 11.2.2).
    """
    if data.startswith(_PNG):
        return struct.unpack(">II", data[16:24]) if len(data) >= 24 else None
    if not data.startswith(_JPEG):
        return None
    at = 2
    while at + 9 <= len(data) and data[at] == 0xFF:
        marker = data[at + 1]
        if marker in _JPEG_FRAMES:
            height, width = struct.unpack(">HH", data[at + 5 : at + 9])
            return width, height
        if marker in _JPEG_ALONE:
            at += 2
        elif marker == 0xFF:  # fill byte
            at += 1
        else:
            at += 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    return None


def square_crop(image: NDArray[np.uint8], size: int) -> NDArray[np.uint8]:
    """A whole picture, H x W x 3 uint8 BGR, as one classifier input: uint8 [1, size, size, 3] RGB."""
    height, width = image.shape[:2]
    return crop_blobs(image, np.array([[0, 0, width, height]], np.int32), size)


def _unreadable(path: Path, error: OSError) -> NeedsOperator:
    why = "it is a link that leads nowhere" if path.is_symlink() and not path.exists() else error.strerror
    return NeedsOperator("image.missing", f"{path} cannot be read: {why}.", "Check the path and its permissions.")


def _check_size(size: tuple[int, int] | None, path: Path) -> None:
    if size is not None and size[0] * size[1] > MAX_MEGAPIXELS * 1_000_000:
        raise NeedsOperator(
            "image.too_large",
            f"{path} has {size[0]} x {size[1]} pixels, more than {MAX_MEGAPIXELS} million.",
            "Scale it down.",
        )
