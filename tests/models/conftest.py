"""Tiny ONNX models with their manifests, built without training."""

import hashlib
import json
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from models.head import Head, certain, fit_head
from models.memory import Memory
from models.scores import softmax
from models.unknown import fit_unknown

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


SIZE = 32
_CELLS = 4
WIDTH = 3 * _CELLS * _CELLS


def teachable_onnx(
    labels: tuple[str, ...], weight: np.ndarray, bias: np.ndarray, memory: Memory | None
) -> onnx.ModelProto:
    """A 4 x 4 mosaic of the picture as its embedding, and a head of its own: real answers without training."""
    scale = numpy_helper.from_array(np.array(1 / 255, np.float32), "scale")
    graph = helper.make_graph(
        [
            helper.make_node("Cast", ["crops"], ["floats"], to=TensorProto.FLOAT),
            helper.make_node("Mul", ["floats", "scale"], ["shares"]),
            helper.make_node("Transpose", ["shares"], ["planes"], perm=[0, 3, 1, 2]),
            helper.make_node("AveragePool", ["planes"], ["mosaic"], kernel_shape=[8, 8], strides=[8, 8]),
            helper.make_node("Flatten", ["mosaic"], ["embedding"]),
            helper.make_node("Gemm", ["embedding", "head.weight", "head.bias"], ["logits"], transB=1),
        ],
        "teachable",
        [helper.make_tensor_value_info("crops", TensorProto.UINT8, ["batch", SIZE, SIZE, 3])],
        [
            helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", len(labels)]),
            helper.make_tensor_value_info("embedding", TensorProto.FLOAT, ["batch", WIDTH]),
        ],
        [
            scale,
            numpy_helper.from_array(weight.astype(np.float32), "head.weight"),
            numpy_helper.from_array(bias.astype(np.float32), "head.bias"),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    stored = {"senbetsu.labels": json.dumps(list(labels))}
    if memory is not None:
        stored["senbetsu.memory"] = memory.encode()
    for key, value in stored.items():
        entry = model.metadata_props.add()
        entry.key, entry.value = key, value
    return model


def drawn_crops(label: str, count: int, seed: int = 0) -> NDArray[np.uint8]:
    """Crops uint8 [count, 32, 32, 3] RGB of a class: a noisy part of its own colour on a noisy belt."""
    colors = {"battery": (70, 90, 200), "pcb": (40, 160, 70), "connector": (220, 210, 60), "screw": (200, 60, 60)}
    rng = np.random.default_rng([seed, sorted(colors).index(label)])
    found = np.empty((count, SIZE, SIZE, 3), np.uint8)
    for crop in found:
        picture = rng.normal(50, 12, (SIZE, SIZE, 3))
        left, top = rng.integers(4, 12, 2)
        width, height = rng.integers(10, 18, 2)
        color = np.array(colors[label]) * rng.uniform(0.85, 1.15)
        picture[top : top + height, left : left + width] = rng.normal(color, 14, (height, width, 3))
        crop[:] = np.clip(picture, 0, 255)
    return found


def drawn_pictures(label: str, count: int, seed: int = 0) -> list[NDArray[np.uint8]]:
    """The same parts as pictures of a camera: 128 x 128 x 3 BGR."""
    large = np.repeat(np.repeat(drawn_crops(label, count, seed)[..., ::-1], 4, axis=1), 4, axis=2)
    return [np.ascontiguousarray(large[index]) for index in range(count)]


def embedded(crops: NDArray[np.uint8]) -> NDArray[np.float32]:
    """What `teachable_onnx` makes of crops, float32 [N, 48]."""
    cells = crops.reshape(len(crops), _CELLS, 8, _CELLS, 8, 3).astype(np.float32).mean(axis=(2, 4)) / 255
    return np.ascontiguousarray(cells.transpose(0, 3, 1, 2).reshape(len(crops), WIDTH))


@cache
def teachable(labels: tuple[str, ...]) -> tuple[onnx.ModelProto, dict[str, Any]]:
    """A model that tells drawn crops of `labels` apart, with exemplars and a fitted unknown rule, and its manifest."""
    per_class = 40
    crops = embedded(np.concatenate([drawn_crops(label, per_class) for label in labels]))
    truth = np.repeat(np.arange(len(labels)), per_class)
    start = Head(np.zeros((len(labels), WIDTH), np.float32), np.zeros(len(labels), np.float32))
    head = fit_head(crops, certain(truth, len(labels)), np.ones(len(truth)), start, 1e-2)
    memory = Memory(crops, truth)
    held_out = embedded(np.concatenate([drawn_crops(label, 30, seed=9) for label in labels]))
    unknown = fit_unknown(softmax(head.logits(held_out)), held_out, memory)
    model = teachable_onnx(labels, head.weight, head.bias, memory)
    data = model.SerializeToString()
    manifest = manifest_of(data, labels) | {
        "embedding": {"name": "embedding", "size": WIDTH},
        "unknown": unknown.model_dump(),
    }
    return model, manifest


def write_teachable(folder: Path, labels: tuple[str, ...] = LABELS) -> Path:
    """The path of a `teachable` model in a folder."""
    return write_model(folder, *teachable(labels))


@pytest.fixture
def teachable_model(tmp_path: Path) -> Path:
    """The path of a model of batteries and boards that can be taught."""
    (tmp_path / "parent").mkdir()
    return write_teachable(tmp_path / "parent")


@pytest.fixture
def tiny_model(tmp_path: Path) -> Path:
    """The path of a sound model."""
    return write_model(tmp_path, tiny_onnx())
