"""Raw pixels of industrial cameras to 8-bit BGR, by the names of the GenICam pixel format naming convention.

Source of the layouts: EMVA "Pixel Format Naming Convention" (PFNC) 2.4 for 8, 10, 12, 16 and the `p` formats
(a bit stream that begins with the lowest bit), GigE Vision 1.x for the `Packed` ones (two pixels in three
bytes, the high bits of each in a byte of its own). What a format has beyond 8 bits is cut off.
"""

import re
from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

from senbetsu_errors import NeedsOperator, Retryable

Pixels = NDArray[np.uint8]

# OpenCV names a mosaic by its second row and column, GenICam by its first.
_MOSAIC_TO_BGR = {
    "Mono": cv2.COLOR_GRAY2BGR,
    "BayerRG": cv2.COLOR_BayerBG2BGR,
    "BayerGR": cv2.COLOR_BayerGB2BGR,
    "BayerGB": cv2.COLOR_BayerGR2BGR,
    "BayerBG": cv2.COLOR_BayerRG2BGR,
}
_ONE_CHANNEL = re.compile("(Mono|Bayer(?:RG|GR|GB|BG))(8|10|12|16|10p|12p|10Packed|12Packed)")
_COLOUR: dict[str, tuple[int, int | None]] = {
    # name: bytes a pixel, OpenCV's conversion
    "RGB8": (3, cv2.COLOR_RGB2BGR),
    "RGB8Packed": (3, cv2.COLOR_RGB2BGR),
    "BGR8": (3, None),
    "BGR8Packed": (3, None),
    "RGBa8": (4, cv2.COLOR_RGBA2BGR),
    "BGRa8": (4, cv2.COLOR_BGRA2BGR),
    "YUV422_8": (2, cv2.COLOR_YUV2BGR_YUY2),
    "YUV422_8_UYVY": (2, cv2.COLOR_YUV2BGR_UYVY),
    "YUV422Packed": (2, cv2.COLOR_YUV2BGR_UYVY),
}
_GROUPS = {"10p": (4, 5), "12p": (2, 3), "10Packed": (2, 3), "12Packed": (2, 3)}
"""Pixels in how many bytes."""


def to_bgr(raw: Pixels, pixel_format: str, rows: int, columns: int) -> Pixels:
    """The picture `rows` x `columns` x 3 uint8 BGR in memory of its own, from its raw bytes (uint8 [at least
    what the format takes]).

    Mosaics are interpolated (bilinear). YUV422 is taken as ITU-R BT.601 with limited range. Raises
    NeedsOperator `camera.pixel_format` for another format, Retryable `camera.damaged` for too few bytes.
    """
    one_channel = _ONE_CHANNEL.fullmatch(pixel_format)
    if one_channel:
        mosaic, depth = one_channel.groups()
        plane = _eight_bits(raw, depth, rows * columns).reshape(rows, columns)
        return cv2.cvtColor(plane, _MOSAIC_TO_BGR[mosaic]).astype(np.uint8, copy=False)
    if pixel_format not in _COLOUR:
        raise NeedsOperator(
            "camera.pixel_format",
            f"The camera sends {pixel_format}.",
            "Set camera.pixel_format to Mono or Bayer of 8, 10, 12 or 16 bits (packed or not), RGB8, BGR8, RGBa8, "
            "BGRa8 or YUV422_8.",
        )
    channels, conversion = _COLOUR[pixel_format]
    picture = _first(raw, rows * columns * channels).reshape(rows, columns, channels)
    return picture.copy() if conversion is None else cv2.cvtColor(picture, conversion).astype(np.uint8, copy=False)


def _first(raw: Pixels, count: int) -> Pixels:
    if len(raw) < count:
        raise Retryable(
            "camera.damaged", f"The camera sent {len(raw)} bytes for a picture of {count}.", "It is opened again."
        )
    return raw[:count]


def _eight_bits(raw: Pixels, depth: str, count: int) -> Pixels:
    """`count` one-channel pixels, the high 8 bits of each."""
    if depth == "8":
        return _first(raw, count)
    if depth in ("10", "12", "16"):
        words = _first(raw, 2 * count).view("<u2")
        return (words >> (int(depth) - 8)).astype(np.uint8)
    pixels, size = _GROUPS[depth]
    groups = -(-count // pixels)
    needed = -(-count * size // pixels) if depth.endswith("p") else groups * size
    taken = _first(raw, needed)
    if needed < groups * size:  # a bit stream ends within its last group
        taken = np.concatenate([taken, np.zeros(groups * size - needed, np.uint8)])
    return _UNPACK[depth](taken.reshape(groups, size)).reshape(-1)[:count]


def _from_10p(five: Pixels) -> Pixels:
    wide = five.astype(np.uint16)
    low, high = wide[:, :4], wide[:, 1:]
    shifts = np.array([0, 2, 4, 6], np.uint16)
    # Pixel k has its lowest bit at bit 2k of byte k; its 10 bits end in byte k + 1.
    return (((low | high << np.uint16(8)) >> shifts & np.uint16(0x3FF)) >> np.uint16(2)).astype(np.uint8)


def _from_12p(three: Pixels) -> Pixels:
    first = three[:, 0] >> np.uint8(4) | three[:, 1] << np.uint8(4)
    return np.stack([first, three[:, 2]], axis=1)


def _from_packed(three: Pixels) -> Pixels:
    return three[:, (0, 2)]


_UNPACK: dict[str, Callable[[Pixels], Pixels]] = {
    "10p": _from_10p,
    "12p": _from_12p,
    "10Packed": _from_packed,
    "12Packed": _from_packed,
}
