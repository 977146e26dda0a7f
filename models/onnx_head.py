"""Reads and replaces the head of an ONNX file: its last node, Gemm(embedding, head.weight, head.bias) -> logits."""

import json
from typing import Any, cast

import numpy as np
import onnx
from onnx import numpy_helper

from models.head import Floats, Head
from models.memory import MEMORY_KEY, Memory
from models.registry import LABELS_KEY, ModelFile
from senbetsu_errors import NeedsOperator

WEIGHT, BIAS = "head.weight", "head.bias"


def read_head(model: ModelFile) -> Head:
    """The head of a verified model. Raises NeedsOperator `model.no_head` where it is not laid out as above."""
    return _head(_parsed(model), model)


def replace_head(model: ModelFile, head: Head, labels: tuple[str, ...], memory: Memory) -> bytes:
    """The model's bytes with another head, other labels and another memory. The same input gives the same bytes."""
    parsed = _parsed(model)
    _head(parsed, model)
    new = {WEIGHT: head.weight, BIAS: head.bias}
    for tensor in parsed.graph.initializer:
        if tensor.name in new:
            tensor.CopyFrom(numpy_helper.from_array(np.ascontiguousarray(new[tensor.name]), tensor.name))
    for output in parsed.graph.output:
        if output.name == model.manifest.output.name:
            output.type.tensor_type.shape.dim[1].dim_value = len(labels)
    metadata = {entry.key: entry.value for entry in parsed.metadata_props}
    metadata |= {LABELS_KEY: json.dumps(list(labels)), MEMORY_KEY: memory.encode()}
    del parsed.metadata_props[:]
    for key in sorted(metadata):
        entry = parsed.metadata_props.add()
        entry.key, entry.value = key, metadata[key]
    cast("Any", onnx.checker).check_model(parsed)
    return cast("bytes", parsed.SerializeToString(deterministic=True))


def _parsed(model: ModelFile) -> Any:
    return cast("Any", onnx).load_from_string(model.data)


def _head(parsed: Any, model: ModelFile) -> Head:
    manifest = model.manifest
    size = manifest.embedding.size if manifest.embedding else 0
    last = parsed.graph.node[-1] if parsed.graph.node else None
    tensors = {tensor.name: tensor for tensor in parsed.graph.initializer if tensor.name in (WEIGHT, BIAS)}
    names = [manifest.embedding.name if manifest.embedding else None, WEIGHT, BIAS]
    if (
        last is None
        or last.op_type != "Gemm"
        or list(last.input) != names
        or list(last.output) != [manifest.output.name]
        or {a.name: onnx.helper.get_attribute_value(a) for a in last.attribute}.get("transB", 0) != 1
        or set(tensors) != {WEIGHT, BIAS}
    ):
        raise _no_head(model, f"its last node is not Gemm({', '.join(map(str, names))}) -> {manifest.output.name}")
    weight, bias = (cast("Floats", numpy_helper.to_array(tensors[name])) for name in (WEIGHT, BIAS))
    classes = len(manifest.labels)
    if weight.shape != (classes, size) or bias.shape != (classes,) or weight.dtype != np.float32:
        raise _no_head(model, f"{WEIGHT} is {weight.dtype} {weight.shape}, expected float32 ({classes}, {size})")
    return Head(weight, bias)


def _no_head(model: ModelFile, reason: str) -> NeedsOperator:
    return NeedsOperator(
        "model.no_head",
        f"{model.path} cannot be taught: {reason}.",
        "Teach a model that `senbetsu models train` of this version made, as `parts`.",
    )
