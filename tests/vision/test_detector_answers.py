"""Every layout says the same of the same parts; what fits no layout is refused."""

from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from models.detector_manifest import Activation, BoxFormat, DetectorOutput, Layout, Unit
from senbetsu_errors import Fatal
from vision.detector_answers import class_probabilities, decode

WIDTH, HEIGHT, CLASSES = 320, 256, 4


@dataclass(frozen=True)
class Truth:
    """Corners [A, 4] in pixels and scores [A, C]."""

    corners: NDArray[np.float64]
    scores: NDArray[np.float32]


@st.composite
def truths(draw: st.DrawFn, one_class: bool = False) -> Truth:
    count = draw(st.integers(0, 12))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    first = rng.uniform(0, 200, (count, 2))
    corners = np.concatenate([first, first + rng.uniform(1, 60, (count, 2))], axis=1)
    scores = rng.uniform(0.01, 0.99, (count, CLASSES)).astype(np.float32)
    if one_class:
        scores = np.where(np.arange(CLASSES) == rng.integers(0, CLASSES, (count, 1)), scores, 0).astype(np.float32)
    return Truth(corners, scores)


def said(
    layout: Layout, box: BoxFormat, unit: Unit, activation: Activation, background: bool = False
) -> DetectorOutput:
    names = ("logits", "boxes") if layout == "detr" else ("output0",)
    return DetectorOutput(names=names, layout=layout, box=box, unit=unit, activation=activation, background=background)


def written_boxes(truth: Truth, box: BoxFormat, unit: Unit) -> NDArray[np.float32]:
    boxes = truth.corners
    if box == "cxcywh":
        boxes = np.concatenate([(boxes[:, :2] + boxes[:, 2:]) / 2, boxes[:, 2:] - boxes[:, :2]], axis=1)
    if unit == "normalised":
        boxes = boxes / np.array([WIDTH, HEIGHT, WIDTH, HEIGHT])
    return boxes.astype(np.float32)


def logit(shares: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.log(shares / (1 - shares))


def same(outputs: list[NDArray[np.float32]], output: DetectorOutput, truth: Truth) -> None:
    (found,) = decode(outputs, output, CLASSES, WIDTH, HEIGHT)
    np.testing.assert_allclose(found.boxes, truth.corners, atol=1e-3)
    np.testing.assert_allclose(found.scores, truth.scores, atol=1e-4)


formats = st.sampled_from(["cxcywh", "xyxy"])
units = st.sampled_from(["pixels", "normalised"])
activations = st.sampled_from(["none", "sigmoid"])


@given(truths(), formats, units, activations)
def test_yolo_without_objectness(truth: Truth, box: BoxFormat, unit: Unit, activation: Activation) -> None:
    scores = logit(truth.scores) if activation == "sigmoid" else truth.scores
    raw = np.concatenate([written_boxes(truth, box, unit), scores], axis=1).T[None]
    same([raw], said("yolo", box, unit, activation), truth)


@given(truths(), formats, units, activations)
def test_yolo_with_objectness(truth: Truth, box: BoxFormat, unit: Unit, activation: Activation) -> None:
    objectness = np.sqrt(truth.scores.max(axis=1, keepdims=True, initial=0))
    scores = truth.scores / np.maximum(objectness, 1e-6)
    values = np.concatenate([objectness, scores], axis=1).astype(np.float32)
    values = logit(np.clip(values, 1e-6, 1 - 1e-6)) if activation == "sigmoid" else values
    raw = np.concatenate([written_boxes(truth, box, unit), values], axis=1)[None]
    same([raw], said("yolo_objectness", box, unit, activation), truth)


@given(truths(one_class=True), units)
def test_end_to_end(truth: Truth, unit: Unit) -> None:
    score, number = truth.scores.max(axis=1, initial=0)[:, None], truth.scores.argmax(axis=1)[:, None]
    raw = np.concatenate([written_boxes(truth, "xyxy", unit), score, number], axis=1).astype(np.float32)
    # Exports fill places without an answer with anything at score 0.
    filler = np.array([[1, 2, 3, 4, 0, -7]], np.float32)
    padded = np.concatenate([raw, filler])[None]
    (found,) = decode([padded], said("end_to_end", "xyxy", unit, "none"), CLASSES, WIDTH, HEIGHT)
    np.testing.assert_allclose(found.above(0.001).boxes, truth.corners, atol=1e-3)
    np.testing.assert_allclose(found.above(0.001).scores, truth.scores, atol=1e-6)


@given(truths(), formats, units)
def test_detr_with_sigmoids(truth: Truth, box: BoxFormat, unit: Unit) -> None:
    outputs = [logit(truth.scores)[None], written_boxes(truth, box, unit)[None]]
    same(outputs, said("detr", box, unit, "sigmoid"), truth)


@given(truths(), st.floats(-20, 20))
def test_detr_with_a_softmax_and_no_object(truth: Truth, shift: float) -> None:
    shares = truth.scores / (truth.scores.sum(axis=1, keepdims=True) + 1)
    logits = np.log(np.concatenate([shares, 1 - shares.sum(axis=1, keepdims=True)], axis=1)) + np.float32(shift)
    outputs = [logits[None].astype(np.float32), written_boxes(truth, "cxcywh", "normalised")[None]]
    same(outputs, said("detr", "cxcywh", "normalised", "softmax", background=True), Truth(truth.corners, shares))


@given(truths(), st.floats(0.3, 3))
def test_class_probabilities_sum_to_one_and_keep_the_best(truth: Truth, temperature: float) -> None:
    for output in (said("yolo", "xyxy", "pixels", "none"), said("detr", "xyxy", "pixels", "softmax", True)):
        found = class_probabilities(truth.scores, output, temperature)
        np.testing.assert_allclose(found.sum(axis=1), 1, atol=1e-5)
        np.testing.assert_array_equal(found.argmax(axis=1), truth.scores.argmax(axis=1))


@given(truths(one_class=True), st.floats(0.3, 3))
def test_a_net_that_names_one_class_leaves_the_rest_to_the_others(truth: Truth, temperature: float) -> None:
    found = class_probabilities(truth.scores, said("end_to_end", "xyxy", "pixels", "none"), temperature)
    np.testing.assert_allclose(found.sum(axis=1), 1, atol=1e-5)
    np.testing.assert_array_equal(found.argmax(axis=1), truth.scores.argmax(axis=1))
    if temperature == 1:
        least = 1.001 / CLASSES  # a net that names a class with less than an even share named it all the same
        np.testing.assert_allclose(found.max(axis=1), np.maximum(truth.scores.max(axis=1), least), atol=1e-5)


def test_a_batch_gives_answers_a_picture() -> None:
    raw = np.zeros((3, 4 + CLASSES, 7), np.float32)
    assert len(decode([raw], said("yolo", "cxcywh", "pixels", "none"), CLASSES, WIDTH, HEIGHT)) == 3


@pytest.mark.parametrize(
    ("raw", "output", "code"),
    [
        (np.zeros((1, 7, 9)), said("yolo", "cxcywh", "pixels", "none"), "model.bad_answer"),
        (np.zeros((1, 9)), said("yolo", "cxcywh", "pixels", "none"), "model.bad_answer"),
        (np.full((1, 8, 9), np.nan), said("yolo", "cxcywh", "pixels", "none"), "model.not_finite"),
        (np.full((1, 8, 9), 7.5), said("yolo", "cxcywh", "pixels", "none"), "model.bad_answer"),
        (np.full((1, 2, 6), 0.9), said("end_to_end", "xyxy", "pixels", "none"), None),
        (np.array([[[0, 0, 9, 9, 0.9, 4]]]), said("end_to_end", "xyxy", "pixels", "none"), "model.bad_answer"),
        (np.array([[[0, 0, 9, 9, 0.9, -1]]]), said("end_to_end", "xyxy", "pixels", "none"), "model.bad_answer"),
    ],
    ids=["too few values", "no batch", "NaN", "logits called shares", "class 1", "class 4 of 0 to 3", "class -1"],
)
def test_answers_that_fit_no_layout_are_refused(
    raw: NDArray[np.float64], output: DetectorOutput, code: str | None
) -> None:
    outputs = [raw.astype(np.float32)]
    if code is None:
        assert len(decode(outputs, output, CLASSES, WIDTH, HEIGHT)[0].scores) == 2
        return
    with pytest.raises(Fatal) as caught:
        decode(outputs, output, CLASSES, WIDTH, HEIGHT)
    assert caught.value.code == code
