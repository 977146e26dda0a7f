"""What the registry lets through and what it refuses."""

import json
from pathlib import Path
from typing import Any, cast

import onnx
import pytest
from onnx import TensorProto, external_data_helper, helper

from models import registry
from models.registry import open_model, verify
from senbetsu_errors import NeedsOperator
from tests.models.conftest import manifest_of, teachable, tiny_onnx, write_model


def refused(name_or_path: str | Path) -> NeedsOperator:
    with pytest.raises(NeedsOperator) as caught:
        verify(name_or_path)
    assert caught.value.message
    return caught.value


def change_manifest(path: Path, **changes: Any) -> None:
    manifest = path.with_suffix(".manifest.json")
    manifest.write_text(json.dumps(json.loads(manifest.read_text()) | changes))


def test_a_sound_model_opens_with_the_bytes_of_its_file(tiny_model: Path) -> None:
    model = verify(tiny_model)
    assert model.data == tiny_model.read_bytes()
    assert model.manifest.labels == ("battery", "pcb")


def test_an_unknown_name_is_refused_and_the_known_ones_are_named(
    tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(registry, "MODELS_FOLDER", tiny_model.parent)
    error = refused("nothing")
    assert error.code == "model.missing"
    assert "tiny" in error.remedy


def test_a_name_never_leaves_the_models_folder() -> None:
    assert refused("../models/parts").code == "model.missing"


def test_a_model_without_manifest_is_refused(tiny_model: Path) -> None:
    tiny_model.with_suffix(".manifest.json").unlink()
    assert refused(tiny_model).code == "model.manifest"


@pytest.mark.parametrize("text", ["", "{", "[]", '{"name": "tiny"}', "\x00"])
def test_a_broken_manifest_is_refused(tiny_model: Path, text: str) -> None:
    tiny_model.with_suffix(".manifest.json").write_text(text)
    assert refused(tiny_model).code == "model.manifest"


def test_a_manifest_with_an_unknown_field_is_refused(tiny_model: Path) -> None:
    change_manifest(tiny_model, surprise=1)
    error = refused(tiny_model)
    assert error.code == "model.manifest"
    assert "surprise" in error.message


def test_a_truncated_file_is_refused(tiny_model: Path) -> None:
    tiny_model.write_bytes(tiny_model.read_bytes()[:-1])
    error = refused(tiny_model)
    assert error.code == "model.mismatch"
    assert "truncated" in error.message


def test_one_altered_byte_is_refused(tiny_model: Path) -> None:
    data = bytearray(tiny_model.read_bytes())
    data[len(data) // 2] ^= 1
    tiny_model.write_bytes(data)
    error = refused(tiny_model)
    assert error.code == "model.mismatch"
    assert "altered" in error.message


def test_a_manifest_with_exchanged_labels_is_refused(tiny_model: Path) -> None:
    change_manifest(tiny_model, labels=["pcb", "battery"])
    error = refused(tiny_model)
    assert error.code == "model.labels"
    assert '["battery", "pcb"]' in error.message


def test_labels_that_repeat_are_refused(tiny_model: Path) -> None:
    change_manifest(tiny_model, labels=["pcb", "pcb"])
    error = refused(tiny_model)
    assert error.code == "model.manifest"
    assert "not unique" in error.message


def test_a_manifest_of_another_interface_is_refused(tiny_model: Path) -> None:
    change_manifest(tiny_model, input={"name": "crops", "size_px": 64})
    assert refused(tiny_model).code == "model.interface"


def test_weights_in_another_file_are_refused(tmp_path: Path) -> None:
    model = tiny_onnx()
    external_data_helper.convert_model_to_external_data(model, location="weights.bin", size_threshold=0)
    cast("Any", onnx).save_model(model, tmp_path / "tiny.onnx")
    data = (tmp_path / "tiny.onnx").read_bytes()
    (tmp_path / "tiny.manifest.json").write_text(json.dumps(manifest_of(data)))
    assert refused(tmp_path / "tiny.onnx").code == "model.external_data"


def test_an_unknown_operator_is_refused(tmp_path: Path) -> None:
    model = tiny_onnx()
    model.graph.node.append(helper.make_node("Launch", ["logits"], ["more"], domain="somewhere.else"))
    model.opset_import.append(helper.make_opsetid("somewhere.else", 1))
    assert refused(write_model(tmp_path, model)).code == "model.operator"


def test_an_oversize_file_is_refused_without_being_read_whole(
    tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(registry, "MAX_MODEL_BYTES", 100)
    assert refused(tiny_model).code == "model.oversize"


def test_bytes_that_are_no_onnx_file_are_refused(tmp_path: Path) -> None:
    data = b"\xff" * 200
    (tmp_path / "tiny.onnx").write_bytes(data)
    (tmp_path / "tiny.manifest.json").write_text(json.dumps(manifest_of(data)))
    assert refused(tmp_path / "tiny.onnx").code == "model.mismatch"


def test_external_data_hidden_in_a_nested_graph_is_found(tmp_path: Path) -> None:
    model = tiny_onnx()
    tensor = helper.make_tensor("hidden", TensorProto.FLOAT, [1], [1.0])
    tensor.data_location = TensorProto.EXTERNAL
    branch = helper.make_graph([], "branch", [], [], [tensor])
    model.graph.node.append(helper.make_node("If", ["condition"], ["result"], then_branch=branch, else_branch=branch))
    assert refused(write_model(tmp_path, model)).code == "model.external_data"


def test_open_model_needs_no_session(tiny_model: Path) -> None:
    assert open_model(str(tiny_model)).path == tiny_model


def test_a_model_with_exemplars_hands_them_out(teachable_model: Path) -> None:
    memory = verify(teachable_model).memory
    assert memory is not None
    assert memory.embeddings.shape == (80, 48)


def test_a_damaged_memory_is_refused(tmp_path: Path) -> None:
    model, manifest = teachable(("battery", "pcb"))
    changed = onnx.ModelProto()
    changed.CopyFrom(model)
    changed.metadata_props[1].value = "AAAA"
    data = changed.SerializeToString()
    digests = {key: manifest_of(data)[key] for key in ("sha256", "size_bytes")}
    error = refused(write_model(tmp_path, changed, manifest | digests))
    assert error.code == "model.memory"
    assert "3 bytes" in error.message


def test_a_manifest_without_the_embedding_that_the_net_gives_is_refused(teachable_model: Path) -> None:
    change_manifest(teachable_model, embedding=None, unknown=None)
    assert refused(teachable_model).code == "model.interface"


def test_a_rejection_that_needs_exemplars_the_file_lacks_is_refused(tiny_model: Path) -> None:
    rule = {"method": "softmax_and_neighbours", "threshold": 0.5, "accepted": 0.95}
    change_manifest(tiny_model, unknown=rule)
    error = refused(tiny_model)
    assert error.code == "model.manifest"
    assert "needs an embedding" in error.message
