"""A site folder for configuration tests: good and broken files, a tiny but genuine model."""

import hashlib
import json
import shutil
from pathlib import Path

import onnx
import pytest

LABELS = ("battery", "pcb", "screw")


def _write_tiny_model(path: Path) -> None:
    """A net that answers with a crop's top left pixel, and its manifest."""
    pixels = onnx.helper.make_tensor_value_info("pixels", onnx.TensorProto.UINT8, ["N", 16, 16, 3])
    logits = onnx.helper.make_tensor_value_info("logits", onnx.TensorProto.FLOAT, ["N", len(LABELS)])
    corner = onnx.helper.make_tensor("corner", onnx.TensorProto.INT64, [], [0])
    nodes = [
        onnx.helper.make_node("Gather", ["pixels", "corner"], ["row"], axis=1),
        onnx.helper.make_node("Gather", ["row", "corner"], ["pixel"], axis=1),
        onnx.helper.make_node("Cast", ["pixel"], ["logits"], to=onnx.TensorProto.FLOAT),
    ]
    graph = onnx.helper.make_graph(nodes, "tiny", [pixels], [logits], [corner])
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 17)], ir_version=10)
    onnx.helper.set_model_props(model, {"senbetsu.labels": json.dumps(list(LABELS))})
    data = model.SerializeToString()
    path.write_bytes(data)
    manifest: dict[str, object] = {
        "name": "tiny",
        "version": "1.0.0",
        "labels": LABELS,
        "input": {"name": "pixels", "size_px": 16},
        "output": {"name": "logits"},
        "preprocessing": {"description": "none", "mean": [0, 0, 0], "std": [1, 1, 1]},
        "temperature": 1.0,
        "evidence": dict.fromkeys(LABELS, "rendered only"),
        "training_data": [
            {"source": "none", "licence": "none", "attribution": "none", "kind": "rendered", "count": {}}
        ],
        "metrics": {
            "overall": {"accuracy": 0.0, "count": 1},
            "real": None,
            "rendered": None,
            "per_class": {},
            "ece_before": 0,
            "ece_after": 0,
            "warning": "a net for tests",
        },
        "opset": 17,
        "size_bytes": len(data),
        "sha256": hashlib.sha256(data).hexdigest(),
        "created_by": {"command": "pytest", "packages": {}, "seed": 0},
    }
    path.with_suffix(".manifest.json").write_text(json.dumps(manifest))


@pytest.fixture(scope="session")
def _tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("model") / "tiny.onnx"
    _write_tiny_model(path)
    return path


@pytest.fixture
def site(tmp_path: Path, _tiny_model: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder: a copy of broken_configs/ with the model and the recording its files name."""
    folder = tmp_path / "site"
    shutil.copytree(Path(__file__).parent / "broken_configs", folder)
    for suffix in (".onnx", ".manifest.json"):
        source = _tiny_model.with_suffix(suffix)
        shutil.copy(source, folder / source.name)
    (folder / "belt.mcap").write_bytes(b"stands in for a recording; nothing here opens it")
    monkeypatch.chdir(folder)
    return folder
