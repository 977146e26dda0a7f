"""What must be known of an ONNX file before it is trusted, read from its bytes without the onnx package.

An ONNX file is a protocol buffer (onnx/onnx.proto). Only the message fields below are followed; all
others are skipped by their wire type (protobuf.dev/programming-guides/encoding). How many are read, and how deep
they may lie in each other, is bounded, so that no file takes long.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from math import prod

import numpy as np

# message -> field number -> message inside it; numbers from onnx.proto, IR version 10.
_INSIDE: dict[str, dict[int, str]] = {
    "Model": {7: "Graph", 8: "Opset", 14: "Entry", 20: "Training", 25: "Function"},
    "Training": {1: "Graph", 2: "Graph"},
    "Function": {7: "Node", 11: "Attribute"},
    "Graph": {1: "Node", 5: "Tensor", 15: "SparseTensor"},
    "Node": {5: "Attribute"},
    "Attribute": {5: "Tensor", 6: "Graph", 10: "Tensor", 11: "Graph", 22: "SparseTensor", 23: "SparseTensor"},
    "SparseTensor": {1: "Tensor", 2: "Tensor"},
    "Tensor": {},
    "Entry": {},
    "Opset": {},
}
_NODE_OPERATOR, _NODE_DOMAIN = 4, 7
_TENSOR_DIMS, _TENSOR_TYPE, _TENSOR_FLOATS, _TENSOR_RAW = 1, 2, 4, 9
_TENSOR_DOUBLES = 10
_TENSOR_EXTERNAL_DATA, _TENSOR_DATA_LOCATION = 13, 14
_FLOATS = {1: "<f4", 10: "<f2", 11: "<f8"}  # TensorProto.DataType
_MAX_DEPTH = 40
_MAX_FIELDS = 500_000
_MAX_DIMS = 16


@dataclass(slots=True)
class OnnxContents:
    """What a file holds.

    `metadata`: the model's own key and value strings. `opsets`: version by domain, "" is ai.onnx's. `operators`: every
    (domain, type) that a node has, in subgraphs too; `nodes` how many nodes. `external_data`: a tensor lives in
    another file. `largest_tensor`: elements that the dims of a stored tensor say. `not_a_number`: a stored float
    tensor holds NaN. `functions`, `training`, `sparse`: the file brings operators of its own, a graph to train with,
    sparse tensors.
    """

    metadata: dict[str, str] = field(default_factory=dict[str, str])
    opsets: dict[str, int] = field(default_factory=dict[str, int])
    operators: set[tuple[str, str]] = field(default_factory=set[tuple[str, str]])
    nodes: int = 0
    largest_tensor: int = 0
    external_data: bool = False
    not_a_number: bool = False
    functions: bool = False
    training: bool = False
    sparse: bool = False


def inspect(data: bytes) -> OnnxContents:
    """Walks the messages of an ONNX file. Raises ValueError where the bytes are no such file, or too many messages."""
    found = OnnxContents()
    graphs = 0
    seen = 0
    pending: list[tuple[str, int, int, int]] = [("Model", 0, len(data), 0)]
    while pending:
        message, start, end, depth = pending.pop()
        if depth > _MAX_DEPTH:
            raise ValueError("graphs are nested too deeply")
        fields = list(_fields(data, start, end, _MAX_FIELDS - seen))
        seen += len(fields)
        _note(found, message, data, fields)
        graphs += message == "Graph"
        inside = _INSIDE[message]
        pending.extend((inside[number], begin, stop, depth + 1) for number, begin, stop in fields if number in inside)
    if not graphs:
        raise ValueError("it has no graph")
    return found


_Field = tuple[int, int, int]


def _note(found: OnnxContents, message: str, data: bytes, fields: list[_Field]) -> None:
    """Adds what one message says."""
    if message == "Tensor":
        _note_tensor(found, data, fields)
    elif message == "Node":
        found.nodes += 1
        found.operators.add((_text(data, fields, _NODE_DOMAIN), _text(data, fields, _NODE_OPERATOR)))
    elif message == "Entry":
        found.metadata[_text(data, fields, 1)] = _text(data, fields, 2)
    elif message == "Opset":
        versions = [_varint(data, begin, stop)[0] for number, begin, stop in fields if number == 2]
        found.opsets[_text(data, fields, 1)] = versions[-1] if versions else 0
    elif message == "Function":
        found.functions = True
    elif message == "Training":
        found.training = True
    elif message == "SparseTensor":
        found.sparse = True


def _note_tensor(found: OnnxContents, data: bytes, fields: list[_Field]) -> None:
    dims: list[int] = []
    kind = 0
    for number, begin, stop in fields:
        if number == _TENSOR_DIMS:
            dims += _packed(data, begin, stop)
        elif number == _TENSOR_TYPE:
            kind = _varint(data, begin, stop)[0]
        elif number == _TENSOR_EXTERNAL_DATA:
            found.external_data = True
        elif number == _TENSOR_DATA_LOCATION:
            found.external_data |= _varint(data, begin, stop)[0] != 0
    if len(dims) > _MAX_DIMS or any(size >= 1 << 63 for size in dims):
        raise ValueError("a tensor has impossible dimensions")
    found.largest_tensor = max(found.largest_tensor, prod(dims))
    for number, begin, stop in fields:
        format_ = {_TENSOR_RAW: _FLOATS.get(kind), _TENSOR_FLOATS: "<f4", _TENSOR_DOUBLES: "<f8"}.get(number)
        if format_ and (stop - begin) % np.dtype(format_).itemsize == 0:
            values = np.frombuffer(data, format_, (stop - begin) // np.dtype(format_).itemsize, begin)
            found.not_a_number |= bool(np.isnan(values).any())


def _text(data: bytes, fields: list[_Field], number: int) -> str:
    """The last string field of that number, empty where there is none."""
    values = [data[begin:stop].decode() for field_number, begin, stop in fields if field_number == number]
    return values[-1] if values else ""


def _packed(data: bytes, at: int, stop: int) -> Iterator[int]:
    """The numbers of a repeated field, or the one of a single."""
    while at < stop:
        value, at = _varint(data, at, stop)
        yield value


def _fields(data: bytes, at: int, end: int, most: int) -> Iterator[_Field]:
    """Field number and the byte range of its value, for every field between `at` and `end`, `most` at most."""
    while at < end:
        most -= 1
        if most < 0:
            raise ValueError(f"it has more than {_MAX_FIELDS} fields")
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
