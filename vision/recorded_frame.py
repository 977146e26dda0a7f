"""A frame as one message of a recording, and back (docs/decisions/0007-recording-format.md).

A message begins with a JSON object: encoder stamp, times, shape, further channels. A JPEG stands in it
as `foxglove.CompressedImage` asks (`data` in base64), so that Foxglove shows it. Pixels without loss,
which Foxglove cannot show, stand behind it as they are, after one newline: base64 would cost more than
compressing them.
"""

import json
from base64 import b64decode, b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite, prod
from typing import Any, Literal, cast, get_args

import cv2
import numpy as np
import zstandard
from numpy.typing import NDArray

from senbetsu_errors import Fatal
from vision.frame import EncoderBasis, EncoderStamp, Frame

FrameEncoding = Literal["zstd", "jpeg"]
"""zstd: the pixels without loss, level 1. jpeg: the color channel with loss, the others as zstd."""


@dataclass(frozen=True, slots=True)
class FrameBlob:
    """A frame on its way to a recorder: the message that `encode_frame` made."""

    message: bytes


JPEG_QUALITY = 95
ZSTD_LEVEL = 1
LARGEST_CHANNEL_BYTES = 256 * 1024 * 1024
"""Bounds what a broken message can make us allocate."""

_END_OF_HEAD = b"\n"
_DTYPES = ("uint8", "uint16", "float32")

_CHANNEL_SCHEMA: dict[str, Any] = {
    "shape": {"type": "array", "items": {"type": "integer"}, "description": "Rows, columns and, for color, 3 (BGR)."},
    "dtype": {"enum": list(_DTYPES), "description": "numpy name, little endian."},
    "format": {"type": "string", "description": "zstd (the pixels, row by row) or jpeg."},
    "data": {"type": "string", "contentEncoding": "base64"},
}

JPEG_SCHEMA_NAME = "foxglove.CompressedImage"
"""The name by which Foxglove knows what to do with a JPEG frame."""

LOSSLESS_MESSAGE_ENCODING = "senbetsu-frame"
"""MCAP message encoding of zstd frames: JSON, a newline, the compressed pixels. JPEG frames are json."""

JPEG_SCHEMA: dict[str, Any] = {
    "title": "Frame",
    "type": "object",
    "properties": {
        "timestamp": {
            "type": "object",
            "title": "time",
            "properties": {"sec": {"type": "integer"}, "nsec": {"type": "integer"}},
            "description": "captured_at_s, as Foxglove wants it.",
        },
        "frame_id": {"type": "string"},
        "sequence": {"type": "integer", "description": "Exposures of the camera, from 0; a gap is lost frames."},
        "captured_at_s": {"type": "number", "description": "Exposure, on the recorder's monotonic clock."},
        "encoder": {
            "type": "object",
            "properties": {
                "count": {"type": "integer", "description": "Raw 32-bit encoder count at exposure."},
                "basis": {"enum": list(get_args(EncoderBasis))},
                "uncertainty_counts": {"type": "number"},
            },
        },
        "channels": {
            "type": "object",
            "additionalProperties": {"type": "object", "properties": _CHANNEL_SCHEMA},
            "description": "Channels beside color, by name.",
        },
        **_CHANNEL_SCHEMA,
    },
}


def encode_frame(frame: Frame, encoding: FrameEncoding) -> bytes:
    """The message for a frame. Every channel must be C-contiguous or is copied; dtypes as in `Frame`."""
    color, others = frame.color, {name: c for name, c in frame.channels.items() if name != "color"}
    seconds = int(frame.captured_at_s)
    head = {
        "timestamp": {"sec": seconds, "nsec": int((frame.captured_at_s - seconds) * 1e9)},
        "frame_id": "camera",
        "sequence": frame.sequence,
        "captured_at_s": frame.captured_at_s,
        "encoder": {
            "count": frame.encoder.count,
            "basis": frame.encoder.basis,
            "uncertainty_counts": frame.encoder.uncertainty_counts,
        },
        "channels": {
            name: {**_described(c, "zstd"), "data": b64encode(_compressed(c)).decode()} for name, c in others.items()
        },
        **_described(color, encoding),
    }
    if encoding == "jpeg":
        return json.dumps({**head, "data": b64encode(_jpeg(color)).decode()}).encode()
    return b"".join((json.dumps(head).encode(), _END_OF_HEAD, _compressed(color)))


def decode_frame(message: bytes) -> Frame:
    """The frame of a message. Raises Fatal (`recording.corrupt`) where it is not one."""
    try:
        head, _, pixels = message.partition(_END_OF_HEAD)
        fields = json.loads(head)
        encoder = fields["encoder"]
        stamp = EncoderStamp(_count(encoder["count"]), encoder["basis"], float(encoder["uncertainty_counts"]))
        if stamp.basis not in get_args(EncoderBasis) or not isfinite(float(fields["captured_at_s"])):
            raise ValueError(f"encoder basis {stamp.basis!r}, captured at {fields['captured_at_s']}")
        others = {name: _channel(c, b64decode(c["data"])) for name, c in fields["channels"].items()}
        channels = {"color": _channel(fields, pixels or b64decode(fields["data"])), **others}
        return Frame(channels, stamp, float(fields["captured_at_s"]), int(fields["sequence"]))
    except (ValueError, TypeError, KeyError, AttributeError, zstandard.ZstdError, cv2.error) as error:
        raise Fatal(
            "recording.corrupt",
            f"The recording holds a frame that cannot be read: {type(error).__name__}: {error}.",
            "Copy the file again from where it was recorded.",
        ) from error


def _described(channel: NDArray[Any], encoding: FrameEncoding) -> dict[str, Any]:
    dtype = str(channel.dtype)
    if dtype not in _DTYPES:
        raise Fatal("recording.dtype", f"A frame channel of {dtype} cannot be recorded.", f"Use one of {_DTYPES}.")
    return {"shape": list(channel.shape), "dtype": dtype, "format": encoding}


def _compressed(channel: NDArray[Any]) -> bytes:
    return zstandard.ZstdCompressor(level=ZSTD_LEVEL).compress(np.ascontiguousarray(channel).data.cast("B"))


def _jpeg(color: NDArray[Any]) -> bytes:
    return cv2.imencode(".jpg", color, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])[1].tobytes()


def _count(value: Any) -> int:
    if not isinstance(value, int) or not 0 <= value < 2**32:
        raise ValueError(f"encoder count {value!r}")
    return value


def _channel(fields: Mapping[str, Any], data: bytes) -> NDArray[Any]:
    """One channel, writable, of the stated shape and dtype; raises ValueError, KeyError or ZstdError."""
    shape = tuple(int(n) for n in cast("list[Any]", fields["shape"]))
    if fields["dtype"] not in _DTYPES or not shape or min(shape) < 1:
        raise ValueError(f"a channel of {fields['dtype']} {shape}")
    dtype = np.dtype(fields["dtype"])
    size = prod(shape) * dtype.itemsize
    if size > LARGEST_CHANNEL_BYTES:
        raise ValueError(f"a channel of {size} bytes")
    if fields["format"] == "zstd":
        if zstandard.frame_content_size(data) != size:
            raise ValueError(f"pixels for {zstandard.frame_content_size(data)} bytes where {shape} has {size}")
        pixels = np.frombuffer(bytearray(zstandard.ZstdDecompressor().decompress(data)), dtype).reshape(shape)
    elif fields["format"] == "jpeg":
        image = cast("NDArray[np.uint8] | None", cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR))
        if image is None or image.shape != shape:
            raise ValueError(f"a JPEG of {None if image is None else image.shape} where {shape} is stated")
        pixels = image
    else:
        raise ValueError(f"unknown frame format {fields['format']!r}")
    return pixels
