"""A real detector that needs no training: an ONNX net that matches squares of 24 pixels in three colours."""

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
from onnx import TensorProto, helper, numpy_helper

LABELS = ("red", "green", "blue")
SQUARE_PX = 24
_STEP = 2


def square_net(side: int, *, fixed_batch: bool = False) -> bytes:
    """float32 [N, 3, side, side] RGB 0..1 to `yolo` [N, 4 + 3, A]: how much redder, greener or bluer than the rest a
    square at each place is; its box."""
    places = (side - SQUARE_PX) // _STEP + 1
    at = np.arange(places, dtype=np.float32) * _STEP + SQUARE_PX / 2
    y, x = np.meshgrid(at, at, indexing="ij")
    size = np.full(places * places, SQUARE_PX, np.float32)
    boxes = np.stack([x.ravel(), y.ravel(), size, size])[None]
    mix = np.full((3, 3, 1, 1), -0.5, np.float32)
    mix[np.arange(3), np.arange(3)] = 1
    tensors = {"mix": mix * 30, "bias": np.full(3, -6.0, np.float32), "boxes": boxes.astype(np.float32)}
    nodes = [
        helper.make_node("AveragePool", ["images"], ["means"], kernel_shape=[SQUARE_PX] * 2, strides=[_STEP] * 2),
        helper.make_node("Conv", ["means", "mix", "bias"], ["odds"]),
        helper.make_node("Sigmoid", ["odds"], ["map"]),
        helper.make_node("Flatten", ["map"], ["flat"], axis=2),
        helper.make_node("Reshape", ["flat", "by_class"], ["scores"]),
        # As many copies of the boxes as there are pictures.
        helper.make_node("Slice", ["scores", "zero", "one", "axis"], ["first"]),
        helper.make_node("Mul", ["first", "nothing"], ["zeros"]),
        helper.make_node("Add", ["zeros", "boxes"], ["placed"]),
        helper.make_node("Concat", ["placed", "scores"], ["output0"], axis=1),
    ]
    whole = {"by_class": [-1, 3, places * places], "zero": [0], "one": [1], "axis": [1]}
    initializers = [numpy_helper.from_array(value, name) for name, value in tensors.items()]
    initializers += [numpy_helper.from_array(np.array(value, np.int64), name) for name, value in whole.items()]
    initializers.append(numpy_helper.from_array(np.zeros(1, np.float32), "nothing"))
    batch = 1 if fixed_batch else "N"
    graph = helper.make_graph(
        nodes,
        "squares",
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, [batch, 3, side, side])],
        [helper.make_tensor_value_info("output0", TensorProto.FLOAT, [batch, 7, places * places])],
        initializers,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    return model.SerializeToString()


def detector_manifest_of(data: bytes, side: int, **changes: Any) -> dict[str, Any]:
    """A manifest of `square_net`; `changes` replace fields of `input`, `output` and `rule`."""

    def changed(section: str, fields: dict[str, Any]) -> dict[str, Any]:
        return fields | changes.get(section, {})

    return {
        "kind": "detector",
        "name": "squares",
        "version": "1.0.0",
        "labels": list(LABELS),
        "input": changed(
            "input",
            {
                "name": "images", "width_px": side, "height_px": side, "layout": "NCHW", "dtype": "float32",
                "color_order": "RGB", "scale": 1 / 255, "fit": "tiles", "overlap_px": 64,
            },
        ),
        "output": changed(
            "output",
            {"names": ["output0"], "layout": "yolo", "box": "cxcywh", "unit": "pixels", "activation": "none"},
        ),
        "rule": changed(
            "rule", {"report_above": 0.9999, "known_above": 0.9999, "nms_iou": 0.2, "box_error_px": 2.0}
        ),
        "evidence": dict.fromkeys(LABELS, "rendered only"),
        "training_data": [{"source": "", "licence": "", "attribution": "", "kind": "rendered", "count": {}}],
        "opset": 18,
        "size_bytes": len(data),
        "sha256": hashlib.sha256(data).hexdigest(),
        "created_by": {"command": "a test", "packages": {}, "seed": 0},
    }  # fmt: skip


def write_detector(folder: Path, side: int = 128, *, fixed_batch: bool = False, **changes: Any) -> Path:
    """The net and its manifest in a folder; the path of the ONNX file."""
    data = square_net(side, fixed_batch=fixed_batch)
    path = folder / "squares.onnx"
    path.write_bytes(data)
    manifest = detector_manifest_of(data, side, **changes)
    path.with_suffix(".manifest.json").write_text(json.dumps(manifest))
    return path
