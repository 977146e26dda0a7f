"""A tiny ONNX model with its manifest, built without training."""

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

LABELS = ("battery", "pcb")


def tiny_onnx(labels: tuple[str, ...] = LABELS) -> onnx.ModelProto:
    """Mean over the picture, then one weight a class."""
    weights = numpy_helper.from_array(np.ones((3, len(labels)), np.float32), "weights")
    axes = numpy_helper.from_array(np.array([1, 2], np.int64), "axes")
    graph = helper.make_graph(
        [
            helper.make_node("Cast", ["crops"], ["floats"], to=TensorProto.FLOAT),
            helper.make_node("ReduceMean", ["floats", "axes"], ["means"], keepdims=0),
            helper.make_node("MatMul", ["means", "weights"], ["logits"]),
        ],
        "tiny",
        [helper.make_tensor_value_info("crops", TensorProto.UINT8, ["batch", 32, 32, 3])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", len(labels)])],
        [weights, axes],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    entry = model.metadata_props.add()
    entry.key, entry.value = "senbetsu.labels", json.dumps(list(labels))
    return model


def manifest_of(data: bytes, labels: tuple[str, ...] = LABELS) -> dict[str, Any]:
    accuracy = {"accuracy": 1.0, "count": 4}
    return {
        "name": "tiny",
        "version": "1.0.0",
        "labels": list(labels),
        "input": {"name": "crops", "size_px": 32},
        "output": {"name": "logits"},
        "preprocessing": {"description": "none", "mean": [0, 0, 0], "std": [1, 1, 1]},
        "temperature": 1.0,
        "evidence": dict.fromkeys(labels, "rendered only"),
        "training_data": [
            {"source": "s", "licence": "MIT", "attribution": "a", "kind": "rendered", "count": {labels[0]: 4}}
        ],
        "metrics": {
            "overall": accuracy,
            "real": None,
            "rendered": accuracy,
            "per_class": {labels[0]: accuracy},
            "ece_before": 0.1,
            "ece_after": 0.1,
            "warning": "made for a test",
        },
        "opset": 18,
        "size_bytes": len(data),
        "sha256": hashlib.sha256(data).hexdigest(),
        "created_by": {"command": "a test", "packages": {}, "seed": 0},
    }


def write_model(folder: Path, model: onnx.ModelProto, manifest: dict[str, Any] | None = None) -> Path:
    data = model.SerializeToString()
    path = folder / "tiny.onnx"
    path.write_bytes(data)
    (folder / "tiny.manifest.json").write_text(json.dumps(manifest or manifest_of(data)))
    return path


@pytest.fixture
def tiny_model(tmp_path: Path) -> Path:
    """The path of a sound model."""
    return write_model(tmp_path, tiny_onnx())
