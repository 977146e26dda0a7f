"""Int8 graphs that take uint8 pixels without a way through floats."""

from typing import Any, cast

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from models.onnx_pixels import take_pixels_as_they_come

SIDE_PX = 12
LITE = ([127 / 255] * 3, [128 / 255] * 3)  # EfficientNet-Lite's mean and standard deviation
IMAGENET = ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225])


def quantised(mean: list[float], std: list[float], scale: float, zero: int, *, forks: bool = False) -> Any:
    """Normalisation, rounding to uint8, one convolution. With `forks` something else asks for the normalised crops."""
    rng = np.random.default_rng(5)
    constants = {
        "full": np.array(255, np.float32),
        "mean": np.array(mean, np.float32).reshape(1, 3, 1, 1),
        "std": np.array(std, np.float32).reshape(1, 3, 1, 1),
        "scale": np.array(scale, np.float32),
        "zero": np.array(zero, np.uint8),
        "weight": rng.normal(0, 0.2, (4, 3, 3, 3)).astype(np.float32),
    }
    nodes = [
        helper.make_node("Transpose", ["crops"], ["planes"], perm=[0, 3, 1, 2]),
        helper.make_node("Cast", ["planes"], ["floats"], to=TensorProto.FLOAT),
        helper.make_node("Div", ["floats", "full"], ["shares"]),
        helper.make_node("Sub", ["shares", "mean"], ["centred"]),
        helper.make_node("Div", ["centred", "std"], ["normalised"]),
        helper.make_node("QuantizeLinear", ["normalised", "scale", "zero"], ["rounded"]),
        helper.make_node("DequantizeLinear", ["rounded", "scale", "zero"], ["input"]),
        helper.make_node("Conv", ["input", "weight"], ["features"], pads=[1, 1, 1, 1]),
        helper.make_node("ReduceMean", ["normalised" if forks else "features"], ["beside"], keepdims=0),
    ]
    graph = helper.make_graph(
        nodes,
        "quantised",
        [helper.make_tensor_value_info("crops", TensorProto.UINT8, ["N", SIDE_PX, SIDE_PX, 3])],
        [
            helper.make_tensor_value_info("features", TensorProto.FLOAT, ["N", 4, SIDE_PX, SIDE_PX]),
            helper.make_tensor_value_info("beside", TensorProto.FLOAT, []),
        ],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)


def features(model: Any) -> np.ndarray[Any, Any]:
    session = cast("Any", onnxruntime).InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    crops = np.random.default_rng(2).integers(0, 256, (3, SIDE_PX, SIDE_PX, 3), np.uint8)
    return session.run(["features"], {"crops": crops})[0]


@pytest.mark.parametrize(
    ("mean", "std", "scale", "zero"),
    [(*LITE, 1 / 128, 127), (*LITE, 0.007812499, 127), ([0.0] * 3, [1.0] * 3, 1 / 255, 0)],
)
def test_a_rounding_that_changes_no_pixel_is_taken_out_and_the_answers_stay(
    mean: list[float], std: list[float], scale: float, zero: int
) -> None:
    model = quantised(mean, std, scale, zero)
    before = features(model)
    assert take_pixels_as_they_come(model)
    cast("Any", onnx.checker).check_model(model)
    assert [node.op_type for node in model.graph.node] == ["Transpose", "DequantizeLinear", "Conv", "ReduceMean"]
    assert {tensor.name for tensor in model.graph.initializer} == {"scale", "zero", "weight"}
    np.testing.assert_array_equal(features(model), before)


@pytest.mark.parametrize(("mean", "std", "scale", "zero"), [(*IMAGENET, 0.0186, 114), (*LITE, 0.0079, 127)])
def test_a_rounding_that_changes_pixels_stays(mean: list[float], std: list[float], scale: float, zero: int) -> None:
    model = quantised(mean, std, scale, zero)
    before = model.SerializeToString()
    assert not take_pixels_as_they_come(model)
    assert model.SerializeToString() == before


def test_normalised_crops_that_something_else_asks_for_stay() -> None:
    model = quantised(*LITE, 1 / 128, 127, forks=True)
    before = model.SerializeToString()
    assert not take_pixels_as_they_come(model)
    assert model.SerializeToString() == before
