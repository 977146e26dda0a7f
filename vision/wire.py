"""Results between processes and in recordings: one message, self-contained, no pickle.

`b"SBV1"`, the header's length (u32 little endian), the header (JSON), then the raw arrays and the
preview one after the other, little endian, in the order the header lists them. A frame for a recorder
is `b"SBF1"` and the message that the recording will hold.
"""

import json
import math
import struct
from dataclasses import asdict, astuple
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from models.comparison import Difference
from models.fusion import MEASURES
from senbetsu_errors import Fatal
from vision.camera_state import CameraChange, CameraState
from vision.frame import EncoderStamp
from vision.recorded_frame import FrameBlob
from vision.results import CropAnswer, CropRequest, Detections, FrameResult, Idle, PictureSample, ShadowReport

_MAGIC = b"SBV1"
_FRAME_MAGIC = b"SBF1"
_LENGTH = struct.Struct("<I")
_COLUMNS = (
    "along_mm",
    "across_mm",
    "along_min_mm",
    "along_max_mm",
    "across_min_mm",
    "across_max_mm",
    "area_mm2",
)


def encode(result: FrameResult | Idle | FrameBlob | CameraChange) -> bytes:
    """The message of a result; `decode` gives the same back."""
    if isinstance(result, FrameBlob):
        return _FRAME_MAGIC + result.message
    if isinstance(result, Idle):
        return _message({"kind": "idle", "at_s": result.at_s, "dropped": result.dropped}, [])
    if isinstance(result, CameraChange):
        return _message({"kind": "camera", **asdict(result), "state": result.state.value}, [])
    found = result.detections
    outline_points = [len(outline) for outline in found.outlines_mm]
    body = [np.ascontiguousarray(getattr(found, name), "<f8").tobytes() for name in _COLUMNS]
    body += [
        np.ascontiguousarray(found.probabilities, "<f4").tobytes(),
        np.ascontiguousarray(found.cut, np.bool_).tobytes(),
        np.ascontiguousarray(found.oversize, np.bool_).tobytes(),
        np.ascontiguousarray(found.unknown, np.bool_).tobytes(),
        np.ascontiguousarray(found.clump, np.bool_).tobytes(),
        b"" if found.measures is None else np.ascontiguousarray(found.measures, "<f4").tobytes(),
        *(np.ascontiguousarray(outline, "<f4").tobytes() for outline in found.outlines_mm),
        *(crop.png for crop in result.crops),
        result.preview_jpeg or b"",
    ]
    header = {
        "kind": "frame",
        "frame_sequence": result.frame_sequence,
        "encoder": [result.encoder.count, result.encoder.basis, result.encoder.uncertainty_counts],
        "captured_at_s": result.captured_at_s,
        "finished_at_s": result.finished_at_s,
        "dropped": result.dropped,
        "view_along_mm": result.view_along_mm,
        "blobs": len(found),
        "classes": found.probabilities.shape[1],
        "measured": found.measures is not None,
        "outline_points": outline_points,
        "preview_bytes": None if result.preview_jpeg is None else len(result.preview_jpeg),
        "health": None if result.health is None else list(astuple(result.health)),
        "crops": [[crop.ticket, crop.left_px, crop.top_px, len(crop.png)] for crop in result.crops],
        "shadow": None if result.shadow is None else asdict(result.shadow),
    }
    return _message(header, body)


def decode(data: bytes) -> FrameResult | Idle | FrameBlob | CameraChange:
    """The result in a message. Raises Fatal `vision.bad_message` for anything `encode` did not write."""
    if data.startswith(_FRAME_MAGIC):
        return FrameBlob(data[len(_FRAME_MAGIC) :])
    header, body = _split(data)
    try:
        if header["kind"] == "idle":
            idle = Idle(_finite(header["at_s"]), _whole(header["dropped"]))
            if body:
                raise ValueError("an idle message has no body")
            return idle
        if header["kind"] == "camera":
            if body:
                raise ValueError("a camera's state has no body")
            return _camera_change(header)
        if header["kind"] != "frame":
            raise ValueError(f"kind {header['kind']!r}")
        return _frame_result(header, body)
    except (KeyError, TypeError, ValueError, struct.error) as error:
        raise _damaged(error) from error


def _camera_change(header: dict[str, Any]) -> CameraChange:
    reason = header["reason"]
    if not isinstance(reason, str):
        raise TypeError(f"reason {reason!r}")
    return CameraChange(
        CameraState(header["state"]),
        reason,
        _finite(header["at_s"]),
        _whole(header["reopened"]),
        _finite(header["downtime_s"]),
    )


def encode_request(request: CropRequest) -> bytes:
    """The message of a request for a picture; `decode_request` gives the same back."""
    return _message({"kind": "crop", **asdict(request)}, [])


def decode_request(data: bytes) -> CropRequest:
    """The request in a message. Raises Fatal `vision.bad_message` for anything `encode_request` did not write."""
    header, body = _split(data)
    try:
        if header.pop("kind") != "crop" or body:
            raise ValueError("it is no request for a crop")
        ticket, sequence = _whole(header.pop("ticket")), _whole(header.pop("frame_sequence"))
        return CropRequest(ticket, sequence, **{name: _finite(value) for name, value in header.items()})
    except (KeyError, TypeError, ValueError) as error:
        raise _damaged(error) from error


def _damaged(error: Exception) -> Fatal:
    return Fatal(
        "vision.bad_message", f"A vision message is damaged: {error}.", "Both sides must run the same version."
    )


def _message(header: dict[str, Any], body: list[bytes]) -> bytes:
    head = json.dumps(header, separators=(",", ":"), allow_nan=False).encode()
    return b"".join([_MAGIC, _LENGTH.pack(len(head)), head, *body])


def _split(data: bytes) -> tuple[dict[str, Any], bytes]:
    start = len(_MAGIC) + _LENGTH.size
    if len(data) < start or data[: len(_MAGIC)] != _MAGIC:
        raise Fatal(
            "vision.bad_message",
            f"{len(data)} bytes beginning with {data[:4]!r} are no vision message of version 1.",
            "Both sides must run the same version.",
        )
    (length,) = _LENGTH.unpack_from(data, len(_MAGIC))
    try:
        header = json.loads(data[start : start + length])
    except (ValueError, RecursionError) as error:
        raise Fatal("vision.bad_message", f"The header of a vision message is damaged: {error}.") from error
    if not isinstance(header, dict):
        raise Fatal("vision.bad_message", "The header of a vision message is no JSON object.")
    return cast("dict[str, Any]", header), data[start + length :]


def _frame_result(header: dict[str, Any], body: bytes) -> FrameResult:
    blobs, classes = _whole(header["blobs"]), _whole(header["classes"])
    points = [_whole(count) for count in header["outline_points"]]
    preview_bytes = None if header["preview_bytes"] is None else _whole(header["preview_bytes"])
    crops = [tuple(map(_whole, crop)) for crop in header["crops"]]
    crop_bytes = sum(size for _, _, _, size in crops)
    measured = 4 * len(MEASURES) if header["measured"] else 0
    expected = (
        blobs * (8 * len(_COLUMNS) + 4 * classes + 4 + measured) + 8 * sum(points) + crop_bytes + (preview_bytes or 0)
    )
    if len(body) != expected:
        raise ValueError(f"{len(body)} bytes of arrays where {expected} belong")
    if points and len(points) != blobs:
        raise ValueError(f"{len(points)} outlines for {blobs} blobs")
    at = 0

    def take(dtype: str, count: int) -> NDArray[Any]:
        nonlocal at
        values = np.frombuffer(body, dtype, count, at)
        at += values.nbytes
        return values.astype(values.dtype.newbyteorder("="), copy=True)

    columns = {name: take("<f8", blobs) for name in _COLUMNS}
    probabilities = take("<f4", blobs * classes).reshape(blobs, classes)
    flags = take("u1", 4 * blobs)
    if (flags > 1).any():
        raise ValueError("a flag is neither 0 nor 1")
    cut, oversize, unknown, clump = flags.reshape(4, blobs).astype(np.bool_)
    measures = take("<f4", blobs * len(MEASURES)).reshape(blobs, len(MEASURES)) if measured else None
    outlines = tuple(take("<f4", 2 * count).reshape(count, 2) for count in points)
    pictures = [CropAnswer(ticket, take("u1", size).tobytes(), left, top) for ticket, left, top, size in crops]
    count, basis, uncertainty = header["encoder"]
    if basis not in ("latched", "estimated") or not 0 <= _whole(count) < 2**32:
        raise ValueError(f"encoder stamp {header['encoder']}")
    return FrameResult(
        frame_sequence=_whole(header["frame_sequence"]),
        encoder=EncoderStamp(count, basis, _finite(uncertainty)),
        captured_at_s=_finite(header["captured_at_s"]),
        finished_at_s=_finite(header["finished_at_s"]),
        dropped=_whole(header["dropped"]),
        view_along_mm=_finite(header["view_along_mm"]),
        detections=Detections(
            **columns,
            probabilities=probabilities,
            cut=cut,
            oversize=oversize,
            unknown=unknown,
            clump=clump,
            outlines_mm=outlines,
            measures=measures,
        ),
        preview_jpeg=None if preview_bytes is None else body[at:],
        health=_sample(header["health"]),
        crops=tuple(pictures),
        shadow=_shadow(header["shadow"]),
    )


def _sample(values: list[Any] | None) -> PictureSample | None:
    if values is None:
        return None
    level, saturated, across, along, patch, parts, frames, stale = values
    return PictureSample(
        _finite(level),
        _finite(saturated),
        None if across is None else _finite(across),
        None if along is None else _finite(along),
        None if patch is None else (_finite(patch[0]), _finite(patch[1]), _finite(patch[2])),
        _whole(parts),
        _whole(frames),
        _whole(stale),
    )


def _shadow(fields: dict[str, Any] | None) -> ShadowReport | None:
    if fields is None:
        return None
    pairs = tuple(
        Difference(str(p["old"]), str(p["new"]), _whole(p["count"]), _finite(p["area_mm2"])) for p in fields["pairs"]
    )
    return ShadowReport(
        name=str(fields["name"]),
        version=str(fields["version"]),
        share=_finite(fields["share"]),
        seen=_whole(fields["seen"]),
        compared=_whole(fields["compared"]),
        spent_s=_finite(fields["spent_s"]),
        error=str(fields["error"]),
        pairs=pairs,
    )


def _whole(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise ValueError(f"{value!r} is no whole number >= 0")
    return value


def _finite(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError(f"{value!r} is no finite number")
    return float(value)
