"""What an ONNX file may hold and ask for, and that no damaged file does worse than being refused."""

import json
from pathlib import Path
from typing import Any, cast

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from models import onnx_file, onnx_rules
from models.registry import verify
from senbetsu_errors import NeedsOperator
from tests.models.conftest import manifest_of, tiny_onnx, write_model


def refused(folder: Path, model: onnx.ModelProto) -> NeedsOperator:
    with pytest.raises(NeedsOperator) as caught:
        verify(write_model(folder, model))
    assert caught.value.message
    assert caught.value.remedy
    return caught.value


def prepended(node: onnx.NodeProto, *tensors: onnx.TensorProto, result: str = "extra") -> onnx.ModelProto:
    """The tiny model with a node that it adds to its logits."""
    model = tiny_onnx()
    model.graph.node[-1].output[0] = "plain"
    model.graph.node.extend([node, helper.make_node("Add", ["plain", result], ["logits"])])
    model.graph.initializer.extend(tensors)
    return model


def shape(*sizes: int) -> onnx.TensorProto:
    return numpy_helper.from_array(np.array(sizes, np.int64), "shape")


def test_every_model_that_ships_keeps_the_rules() -> None:
    for path in sorted(Path(onnx_rules.__file__).parent.glob("*.onnx")):
        onnx_rules.checked(path.read_bytes(), path.name)


@pytest.mark.parametrize(
    ("domain", "operator"), [("ai.onnx.ml", "TreeEnsembleRegressor"), ("com.microsoft", "Attention"), ("my", "Relu")]
)
def test_operators_that_are_not_listed_are_refused_by_name(tmp_path: Path, domain: str, operator: str) -> None:
    model = prepended(helper.make_node(operator, ["plain"], ["extra"], domain=domain))
    model.opset_import.append(helper.make_opsetid(domain, 1))
    error = refused(tmp_path, model)
    assert error.code == "model.operator"
    assert f"{domain}.{operator}" in error.message


def test_an_operator_that_nobody_knows_is_refused(tmp_path: Path) -> None:
    error = refused(tmp_path, prepended(helper.make_node("Frobnicate", ["plain"], ["extra"])))
    assert error.code == "model.unloadable"
    assert "Frobnicate" in error.message


@pytest.mark.parametrize("operator", ["Loop", "Scan"])
def test_graphs_that_repeat_themselves_are_refused_even_inside_a_branch(tmp_path: Path, operator: str) -> None:
    body = helper.make_graph([helper.make_node("Identity", ["a"], ["b"])], "body", [], [])
    inner = helper.make_node(operator, ["plain"], ["deep"], body=body)
    branch = helper.make_graph([inner], "branch", [], [])
    model = prepended(helper.make_node("If", ["yes"], ["extra"], then_branch=branch, else_branch=branch))
    error = refused(tmp_path, model)
    assert error.code == "model.operator"
    assert operator in error.message


def test_a_file_that_defines_operators_is_refused(tmp_path: Path) -> None:
    model = tiny_onnx()
    opsets = [helper.make_opsetid("", 18)]
    relu = helper.make_node("Relu", ["x"], ["y"])
    model.functions.append(helper.make_function("own", "Mine", ["x"], ["y"], [relu], opsets))
    assert refused(tmp_path, model).code == "model.operator"


@pytest.mark.parametrize("version", [6, 99])
def test_an_opset_that_is_too_old_or_too_new_is_refused(tmp_path: Path, version: int) -> None:
    model = tiny_onnx()
    model.opset_import[0].version = version
    error = refused(tmp_path, model)
    assert error.code == "model.opset"
    assert str(version) in error.message


def test_more_nodes_than_any_net_has_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(onnx_rules, "MAX_NODES", 2)
    assert refused(tmp_path, tiny_onnx()).code == "model.too_large"


def test_a_tensor_that_claims_more_than_the_file_holds_is_refused(tmp_path: Path) -> None:
    model = tiny_onnx()
    model.graph.initializer[0].dims[0] = 1 << 40
    assert refused(tmp_path, model).code == "model.too_large"


def test_sparse_tensors_are_refused(tmp_path: Path) -> None:
    model = tiny_onnx()
    values = helper.make_tensor("values", TensorProto.FLOAT, [1], [1.0])
    indices = helper.make_tensor("indices", TensorProto.INT64, [1], [5])
    model.graph.sparse_initializer.append(helper.make_sparse_tensor(values, indices, [1 << 20, 1 << 20]))
    assert refused(tmp_path, model).code == "model.too_large"


@pytest.mark.parametrize("sizes", [(1 << 31,), (1 << 30, 1 << 30), (600, 1 << 20, 2)])
def test_a_small_file_that_asks_for_gigabytes_when_it_runs_is_refused(tmp_path: Path, sizes: tuple[int, ...]) -> None:
    model = prepended(helper.make_node("ConstantOfShape", ["shape"], ["huge"]), shape(*sizes), result="sum")
    model.graph.node.insert(4, helper.make_node("ReduceSum", ["huge"], ["sum"], keepdims=0))
    error = refused(tmp_path, model)
    assert error.code == "model.unloadable"


def test_weights_that_are_not_a_number_are_refused_stored_either_way(tmp_path: Path) -> None:
    weights = np.ones((3, 2), np.float32)
    weights[1, 1] = np.nan
    raw, listed = tiny_onnx(), tiny_onnx()
    raw.graph.initializer[0].CopyFrom(numpy_helper.from_array(weights, "weights"))
    listed.graph.initializer[0].CopyFrom(helper.make_tensor("weights", TensorProto.FLOAT, [3, 2], weights.ravel()))
    assert refused(tmp_path, raw).code == "model.not_finite"
    assert refused(tmp_path, listed).code == "model.not_finite"


def test_a_net_that_answers_infinity_is_refused(tmp_path: Path) -> None:
    huge = numpy_helper.from_array(np.full(2, np.inf, np.float32), "extra")
    model = tiny_onnx()
    model.graph.node[-1].output[0] = "plain"
    model.graph.node.append(helper.make_node("Add", ["plain", "extra"], ["logits"]))
    model.graph.initializer.append(huge)
    assert refused(tmp_path, model).code == "model.not_finite"


def test_graphs_nested_without_end_are_refused(tmp_path: Path) -> None:
    graph = helper.make_graph([], "innermost", [], [])
    for level in range(16):
        node = helper.make_node("If", ["yes"], [f"r{level}"], then_branch=graph)
        graph = helper.make_graph([node], f"level{level}", [], [])
    model = tiny_onnx()
    model.graph.node.append(graph.node[0])
    assert refused(tmp_path, model).code == "model.mismatch"


def test_a_file_of_endless_tiny_fields_is_given_up_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(onnx_file, "_MAX_FIELDS", 1000)
    with pytest.raises(ValueError, match="more than"):
        onnx_file.inspect(b"\x08\x01" * 1001)


@pytest.mark.parametrize("seed", range(3))
def test_flipped_and_missing_bytes_are_refused_or_harmless_but_never_a_crash(tmp_path: Path, seed: int) -> None:
    # The manifest is made for the damaged bytes, so that the checksum does not answer first.
    rng = np.random.default_rng(seed)
    sound = cast("Any", tiny_onnx()).SerializeToString()
    path = write_model(tmp_path, tiny_onnx())
    refusals = 0
    for _ in range(25):
        data = bytearray(sound)
        for place in rng.integers(0, len(data), int(rng.integers(1, 4))):
            data[place] ^= 1 << int(rng.integers(8))
        if rng.random() < 0.3:
            del data[int(rng.integers(1, len(data))) :]
        path.write_bytes(data)
        path.with_suffix(".manifest.json").write_text(json.dumps(manifest_of(bytes(data))))
        try:
            verify(path)
        except NeedsOperator:
            refusals += 1
    assert refusals > 5
