"""Still pictures from disk, for `senbetsu classify` and for training."""

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from senbetsu_errors import NeedsOperator
from vision.crops import crop_blobs

MAX_MEGAPIXELS = 60
MIN_SIDE_PX = 8
"""Smaller pictures show nothing that could be told apart."""


def load_image(path: Path) -> NDArray[np.uint8]:
    """The picture as H x W x 3 uint8 BGR.

    Raises NeedsOperator: `image.missing`, `image.unreadable` (not a picture, or cut short),
    `image.format` (grey, 16 bit, transparent: nothing is converted behind the caller's back),
    `image.too_large` (above 60 megapixels) and `image.too_small` (a side below 8 pixels).
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise NeedsOperator(
            "image.missing", f"{path} cannot be read: {error.strerror}.", "Check the path and its permissions."
        ) from error
    if not data:
        raise NeedsOperator("image.unreadable", f"{path} is empty.", "Copy the file again.")
    try:
        picture = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
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
    if height * width > MAX_MEGAPIXELS * 1_000_000:
        raise NeedsOperator(
            "image.too_large",
            f"{path} has {width} x {height} pixels, more than {MAX_MEGAPIXELS} million.",
            "Scale it down.",
        )
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
            "Save it as an 8-bit colour picture without transparency.",
        )
    return picture.astype(np.uint8, copy=False)


def square_crop(image: NDArray[np.uint8], size: int) -> NDArray[np.uint8]:
    """A whole picture, H x W x 3 uint8 BGR, as one classifier input: uint8 [1, size, size, 3] RGB."""
    height, width = image.shape[:2]
    return crop_blobs(image, np.array([[0, 0, width, height]], np.int32), size)
