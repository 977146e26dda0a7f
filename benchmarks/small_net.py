"""The small net of reference/vision.md (plain 3 x 3 convolutions, 16-32-64-96, int8), for speed only.

Its weights are random: a net's speed does not depend on them, and what it answers is not looked at.
"""

import tempfile
from pathlib import Path
from typing import Any, cast

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper
from onnxruntime import quantization
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType

from models.onnx_pixels import take_pixels_as_they_come

SIZE_PX = 64
WIDTHS = (16, 32, 64, 96)


class _Noise(CalibrationDataReader):
    """Crops of noise to calibrate the ranges with."""

    def __init__(self, rng: np.random.Generator) -> None:
        self._left = [rng.integers(0, 256, (8, SIZE_PX, SIZE_PX, 3), np.uint8) for _ in range(2)]

    def get_next(self) -> dict[str, Any] | None:  # pyright: ignore[reportIncompatibleMethodOverride]
        """The next batch, None after the last."""
        return {"crops": self._left.pop()} if self._left else None


def small_net(classes: int) -> onnxruntime.InferenceSession:
    """A session of the int8 net, uint8 [N, 64, 64, 3] in, logits float32 [N, classes] out, on one thread."""
    rng = np.random.default_rng(3)
    with tempfile.TemporaryDirectory() as folder:
        plain, int8 = Path(folder) / "plain.onnx", Path(folder) / "int8.onnx"
        plain.write_bytes(_graph(classes, rng).SerializeToString())
        cast("Any", quantization).quantize_static(
            plain,
            int8,
            _Noise(rng),
            quant_format=QuantFormat.QDQ,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            per_channel=True,
            op_types_to_quantize=["Conv", "Relu"],
        )
        model: Any = cast("Any", onnx).load(str(int8))
    take_pixels_as_they_come(model)
    options = cast("Any", onnxruntime).SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])


def _graph(classes: int, rng: np.random.Generator) -> onnx.ModelProto:
    """The net in float: scaling, four stages of two convolutions (the first at stride 2), mean, one linear layer."""
    weights: list[TensorProto] = [numpy_helper.from_array(np.array(1 / 255, np.float32), "scale")]
    nodes = [
        helper.make_node("Transpose", ["crops"], ["planes"], perm=[0, 3, 1, 2]),
        helper.make_node("Cast", ["planes"], ["float"], to=TensorProto.FLOAT),
        helper.make_node("Mul", ["float", "scale"], ["x0"]),
    ]
    before, at = 3, "x0"
    for width in WIDTHS:
        for channels, stride in ((before, 2), (width, 1)):
            name = f"conv{len(nodes)}"
            values = rng.normal(0, (2 / (9 * channels)) ** 0.5, (width, channels, 3, 3)).astype(np.float32)
            weights.append(numpy_helper.from_array(values, f"{name}.weight"))
            weights.append(numpy_helper.from_array(np.zeros(width, np.float32), f"{name}.bias"))
            nodes.append(
                helper.make_node(
                    "Conv",
                    [at, f"{name}.weight", f"{name}.bias"],
                    [name],
                    strides=[stride, stride],
                    pads=[1, 1, 1, 1],
                )
            )
            at = f"{name}.relu"
            nodes.append(helper.make_node("Relu", [name], [at]))
        before = width
    weights.append(numpy_helper.from_array(rng.normal(0, 0.1, (classes, before)).astype(np.float32), "head.weight"))
    weights.append(numpy_helper.from_array(np.zeros(classes, np.float32), "head.bias"))
    nodes.append(helper.make_node("ReduceMean", [at], ["embedding"], axes=[2, 3], keepdims=0))
    nodes.append(helper.make_node("Gemm", ["embedding", "head.weight", "head.bias"], ["logits"], transB=1))
    return helper.make_model(
        helper.make_graph(
            nodes,
            "small_net",
            [helper.make_tensor_value_info("crops", TensorProto.UINT8, ["N", SIZE_PX, SIZE_PX, 3])],
            [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["N", classes])],
            weights,
        ),
        opset_imports=[helper.make_opsetid("", 17)],
        ir_version=9,
    )
