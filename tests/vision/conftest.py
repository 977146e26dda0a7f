"""A small real net and a drawn belt, for the tests of vision."""

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
import onnxruntime
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, helper

from vision.classify import Classifier
from vision.frame import EncoderStamp, Frame

LABELS = ("blue", "green", "red")


@dataclass(frozen=True)
class DrawnPart:
    """A rectangle on the belt: centre in belt mm (p grows upstream) and across, half sizes in mm."""

    p_mm: float
    across_mm: float
    half_along_mm: float
    half_across_mm: float
    bgr: tuple[int, int, int]


@dataclass(frozen=True)
class DrawnBelt:
    """A long belt picture, row g at p = g * mm_per_px; `frame` cuts what a camera sees of it."""

    picture: NDArray[np.uint8]
    parts: list[DrawnPart]
    mm_per_px: float
    counts_per_mm: float

    def frame(self, e_mm: float, rows: int, sequence: int, uncertainty_counts: float = 0.0) -> Frame:
        last = round(e_mm / self.mm_per_px)
        color = self.picture[last - rows + 1 : last + 1].copy()
        assert len(color) == rows
        count = round(e_mm * self.counts_per_mm) % 2**32
        return Frame({"color": color}, EncoderStamp(count, "latched", uncertainty_counts), float(sequence), sequence)


def draw_belt(
    parts: list[DrawnPart],
    *,
    length_mm: float,
    width_mm: float = 200,
    mm_per_px: float = 0.5,
    counts_per_mm: float = 10,
    noise_sigma: float = 3,
    seed: int = 1,
) -> DrawnBelt:
    noise = np.random.default_rng(seed)
    rows, columns = round(length_mm / mm_per_px), round(width_mm / mm_per_px)
    picture = np.empty((rows, columns, 3), np.float32)
    picture[:] = (58, 60, 62)
    picture += np.linspace(-8, 8, columns, dtype=np.float32)[None, :, None]
    for part in parts:
        top, left = (part.p_mm - part.half_along_mm) / mm_per_px, (part.across_mm - part.half_across_mm) / mm_per_px
        height, width = 2 * part.half_along_mm / mm_per_px, 2 * part.half_across_mm / mm_per_px
        cv2.rectangle(
            picture,
            (round(left), round(top)),
            (round(left + width) - 1, round(top + height) - 1),
            part.bgr,
            cv2.FILLED,
        )
    picture += noise.normal(0, noise_sigma, picture.shape)
    return DrawnBelt(np.clip(picture, 0, 255).astype(np.uint8), parts, mm_per_px, counts_per_mm)


def scattered_parts(
    count: int, *, first_mm: float, last_mm: float, width_mm: float = 200, seed: int = 2
) -> list[DrawnPart]:
    """Rectangles that keep 5 mm from each other, some as dark as the belt nearly is."""
    choose = np.random.default_rng(seed)
    colours = [(30, 30, 32), (40, 120, 40), (150, 150, 155), (20, 20, 110), (120, 60, 30)]
    parts: list[DrawnPart] = []
    while len(parts) < count:
        half_along, half_across = (float(v) for v in choose.uniform(4, 15, 2))
        p = float(choose.uniform(first_mm + 20, last_mm - 20))
        across = float(choose.uniform(20, width_mm - 20))
        clear = all(
            abs(p - other.p_mm) > half_along + other.half_along_mm + 5
            or abs(across - other.across_mm) > half_across + other.half_across_mm + 5
            for other in parts
        )
        if clear:
            parts.append(DrawnPart(p, across, half_along, half_across, colours[len(parts) % len(colours)]))
    return parts


def mean_colour_net(size: int = 32) -> bytes:
    """An ONNX net whose three logits are the mean of blue, green and red over the crop."""
    nodes = [
        helper.make_node("Cast", ["crops"], ["float"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMean", ["float"], ["mean"], axes=[1, 2], keepdims=0),
        helper.make_node("Gather", ["mean", "order"], ["logits"], axis=1),
    ]
    graph = helper.make_graph(
        nodes,
        "mean_colour",
        [helper.make_tensor_value_info("crops", TensorProto.UINT8, ["N", size, size, 3])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["N", 3])],
        [helper.make_tensor("order", TensorProto.INT64, [3], [2, 1, 0])],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=9)
    return model.SerializeToString()


@pytest.fixture(scope="session")
def net() -> onnxruntime.InferenceSession:
    return onnxruntime.InferenceSession(mean_colour_net())


@pytest.fixture(scope="session")
def classifier(net: onnxruntime.InferenceSession) -> Classifier:
    return Classifier(net, LABELS, 32, 10.0)


@pytest.fixture
def belt() -> Callable[..., DrawnBelt]:
    return draw_belt


@pytest.fixture
def scattered() -> Callable[..., list[DrawnPart]]:
    return scattered_parts


@pytest.fixture
def drawn_part() -> type[DrawnPart]:
    return DrawnPart
