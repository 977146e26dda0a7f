"""Still pictures from disk, for `senbetsu classify`, for teaching and for training."""

import struct
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from senbetsu_errors import NeedsOperator
from vision.crops import crop_blobs

MAX_MEGAPIXELS = 50
MAX_FILE_BYTES = 256 * 1024 * 1024
SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff"})
"""What a picture's file name ends with."""

MIN_SIDE_PX = 8
"""Smaller pictures show nothing that could be told apart."""

_JPEG, _PNG = b"\xff\xd8", b"\x89PNG\r\n\x1a\n"
_JPEG_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_JPEG_ALONE = frozenset({0x01, *range(0xD0, 0xD9)})


def picture_files(folder: Path) -> list[Path]:
    """The pictures that lie in a folder, not below it, by their names; sorted."""
    return sorted(entry for entry in folder.iterdir() if entry.suffix.lower() in SUFFIXES and entry.is_file())


def load_image(path: Path) -> NDArray[np.uint8]:
    """The picture as H x W x 3 uint8 BGR, turned as its EXIF orientation says.

    Raises NeedsOperator: `image.missing`, `image.unreadable` (not a picture, or cut short),
    `image.format` (grey, 16 bit, transparent), `image.too_large` (above 50 megapixels or 256 MiB, said before it is
    unpacked where the file is JPEG or PNG) and `image.too_small` (a side below 8 pixels).

    Grey and 16-bit pictures are refused and not converted: the nets were taught colour, a grey picture would get an
    answer that looks as sure as any other; and 16 bits say nothing of where white lies (10, 12 or 16 of them used).
    """
    return decode_image(read_image(path), path)


def read_image(path: Path) -> bytes:
    """The bytes of a picture file. Raises NeedsOperator `image.missing`, `image.unreadable` or `image.too_large`."""
    try:
        with path.open("rb") as file:
            data = file.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise NeedsOperator(
            "image.missing", f"{path} cannot be read: {error.strerror}.", "Check the path and its permissions."
        ) from error
    if not data:
        raise NeedsOperator("image.unreadable", f"{path} is empty.", "Copy the file again.")
    if len(data) > MAX_FILE_BYTES:
        raise NeedsOperator("image.too_large", f"{path} is larger than {MAX_FILE_BYTES} bytes.", "Scale it down.")
    return data


def decode_image(data: bytes, path: Path) -> NDArray[np.uint8]:
    """The picture in the bytes of the file `path`; errors as `load_image`."""
    _check_size(stated_size(data), path)
    # IMREAD_UNCHANGED would leave a photograph lying on its side; JPEG has neither transparency nor 16 bits.
    flags = cv2.IMREAD_ANYCOLOR if data.startswith(_JPEG) else cv2.IMREAD_UNCHANGED
    try:
        picture = cv2.imdecode(np.frombuffer(data, np.uint8), flags)
    except cv2.error as error:
        # OpenCV refuses absurd sizes with an exception and everything else with None.
        raise NeedsOperator(
            "image.too_large", f"{path} cannot be decoded: {error.err}.", "Scale it down or save it anew."
        ) from error
    if picture is None:
        raise NeedsOperator(
            "image.unreadable", f"{path} is not a picture that can be decoded.", "Save it as JPEG or PNG."
        )
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


def _check_size(size: tuple[int, int] | None, path: Path) -> None:
    if size is not None and size[0] * size[1] > MAX_MEGAPIXELS * 1_000_000:
        raise NeedsOperator(
            "image.too_large",
            f"{path} has {size[0]} x {size[1]} pixels, more than {MAX_MEGAPIXELS} million.",
            "Scale it down.",
        )
