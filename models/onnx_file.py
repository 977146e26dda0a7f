"""The little of an ONNX file that must be known before it is trusted, read from its bytes without the onnx package.

An ONNX file is a protocol buffer (onnx/onnx.proto). Only the message fields below are followed; all
others are skipped by their wire type (protobuf.dev/programming-guides/encoding).
"""

from collections.abc import Iterator
from dataclasses import dataclass

# message -> field number -> message inside it; numbers from onnx.proto, IR version 10.
_INSIDE: dict[str, dict[int, str]] = {
    "Model": {7: "Graph", 14: "Entry", 20: "Training", 25: "Function"},
    "Training": {1: "Graph", 2: "Graph"},
    "Function": {7: "Node", 11: "Attribute"},
    "Graph": {1: "Node", 5: "Tensor", 15: "SparseTensor"},
    "Node": {5: "Attribute"},
    "Attribute": {5: "Tensor", 6: "Graph", 10: "Tensor", 11: "Graph", 22: "SparseTensor", 23: "SparseTensor"},
    "SparseTensor": {1: "Tensor", 2: "Tensor"},
    "Tensor": {},
    "Entry": {},
}
_TENSOR_EXTERNAL_DATA = 13
_TENSOR_DATA_LOCATION = 14
_MAX_DEPTH = 40


@dataclass(frozen=True, slots=True)
class OnnxContents:
    """`external_data`: a tensor lives in another file. `metadata`: the model's own key and value strings."""

    external_data: bool
    metadata: dict[str, str]


def inspect(data: bytes) -> OnnxContents:
    """Walks the messages of an ONNX file. Raises ValueError where the bytes are no such file."""
    external = False
    metadata: dict[str, str] = {}
    pending: list[tuple[str, int, int, int]] = [("Model", 0, len(data), 0)]
    while pending:
        message, start, end, depth = pending.pop()
        if depth > _MAX_DEPTH:
            raise ValueError("graphs are nested too deeply")
        key = ""
        for field, begin, stop in _fields(data, start, end):
            if message == "Tensor" and field in (_TENSOR_EXTERNAL_DATA, _TENSOR_DATA_LOCATION):
                external |= field == _TENSOR_EXTERNAL_DATA or _varint(data, begin, stop)[0] != 0
            elif message == "Entry" and field == 1:
                key = data[begin:stop].decode()
            elif message == "Entry" and field == 2:
                metadata[key] = data[begin:stop].decode()
            elif field in _INSIDE[message]:
                pending.append((_INSIDE[message][field], begin, stop, depth + 1))
    return OnnxContents(external, metadata)


def _fields(data: bytes, at: int, end: int) -> Iterator[tuple[int, int, int]]:
    """Field number and the byte range of its value, for every field between `at` and `end`."""
    while at < end:
        tag, at = _varint(data, at, end)
        wire_type = tag & 7
        if wire_type == 0:
            stop = _varint(data, at, end)[1]
        elif wire_type == 1:
            stop = at + 8
        elif wire_type == 2:
            length, at = _varint(data, at, end)
            stop = at + length
        elif wire_type == 5:
            stop = at + 4
        else:
            raise ValueError(f"wire type {wire_type} at byte {at}")
        if stop > end:
            raise ValueError(f"field {tag >> 3} runs past its message at byte {at}")
        yield tag >> 3, at, stop
        at = stop


def _varint(data: bytes, at: int, end: int) -> tuple[int, int]:
    """The number at `at` and the position after it."""
    value = 0
    for shift in range(0, 70, 7):
        if at >= end:
            raise ValueError("the file ends inside a number")
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
    raise ValueError(f"a number longer than 64 bits before byte {at}")
