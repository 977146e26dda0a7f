"""Lets an int8 graph take its pixels as they come.

A graph that was quantised turns uint8 crops into floats, scales and normalises them, and rounds them to uint8 again.
Where that gives every pixel back as it was (EfficientNet-Lite's mean 127/255 and standard deviation 128/255 with scale
1/128 and zero point 127, or a plain 1/255 with zero point 0) the first convolution may as well have the pixels
themselves. It is worth it: onnxruntime passes over the crops in float up to five times, and normalising them channel by
channel broadcasts over rows of three values. Of EfficientNet-Lite0's time at 80 px it was 23 % (decision 0048).
"""

from typing import Any, cast

import numpy as np
import onnx
import onnxruntime
from numpy.typing import NDArray
from onnx import TensorProto, helper


def take_pixels_as_they_come(model: Any) -> bool:
    """Takes the way from uint8 to float and back out of a QDQ graph (`onnx.ModelProto`), in place.

    The graph's first input is uint8 [N, S, S, 3]. Only where the first QuantizeLinear gives every value of every
    channel back as it came: what the graph answers stays the same, bit for bit. Whether it was taken out.
    """
    way = _to_first_rounding(model.graph)
    if not way:
        return False
    # What moves pixels stays, what computes with them goes.
    moves = [node for node in way if node.op_type == "Transpose"]
    rounded, pixels = way[-1].output[0], moves[-1].output[0] if moves else way[0].input[0]
    if not _are_the_same(model, rounded, pixels):
        return False
    for node in model.graph.node:
        for position, name in enumerate(node.input):
            if name == rounded:
                node.input[position] = pixels
    for node in way:
        if node not in moves:
            model.graph.node.remove(node)
    needed = {name for node in model.graph.node for name in node.input}
    for tensor in [tensor for tensor in model.graph.initializer if tensor.name not in needed]:
        model.graph.initializer.remove(tensor)
    return True


def _to_first_rounding(graph: Any) -> list[Any]:
    """The nodes from the first input to the first QuantizeLinear, nothing else asking for what is between; none where
    the way forks, or computes before it moves pixels."""
    asked = {output.name for output in graph.output}
    way: list[Any] = []
    at = graph.input[0].name
    while True:
        takers = [node for node in graph.node if at in node.input]
        if len(takers) != 1 or at in asked or len(takers[0].output) != 1:
            return []
        computed = any(node.op_type != "Transpose" for node in way)
        if computed and takers[0].op_type == "Transpose":
            return []
        way.append(takers[0])
        at = takers[0].output[0]
        if takers[0].op_type == "QuantizeLinear":
            return [] if at in asked else way


def _are_the_same(model: Any, rounded: str, pixels: str) -> bool:
    """Whether two uint8 tensors of the graph are equal, tried on all values in all channels."""
    given = model.graph.input[0]
    side = given.type.tensor_type.shape.dim[1].dim_value
    values = np.arange(256, dtype=np.uint8)
    crops = np.resize(np.stack([values, values, values], axis=1), (-(-256 // side**2), side, side, 3))
    asked: Any = onnx.ModelProto()
    asked.CopyFrom(model)
    names = [rounded] if pixels == given.name else [rounded, pixels]
    asked.graph.output.extend(helper.make_tensor_value_info(name, TensorProto.UINT8, None) for name in names)
    session = cast("Any", onnxruntime).InferenceSession(asked.SerializeToString(), providers=["CPUExecutionProvider"])
    found = cast("list[NDArray[np.uint8]]", session.run(names, {given.name: crops}))
    return np.array_equal(found[0], found[1] if len(found) > 1 else crops)
