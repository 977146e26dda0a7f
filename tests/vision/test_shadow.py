"""A shadow model looks at its share of the crops, takes its share of the time, and disturbs nothing."""

import asyncio
import contextlib

import numpy as np
import onnxruntime
import pytest
from numpy.typing import NDArray

from models.registry import open_model
from senbetsu_errors import NeedsOperator
from tests.vision.conftest import LABELS, DrawnPart, draw_belt
from tests.vision.test_worker import CAMERA, SETTINGS, InLoopSource
from vision.classify import Classes, Classifier
from vision.pipeline import VisionPipeline
from vision.results import FrameResult
from vision.shadow import MOST_CROPS, Shadow
from vision.worker import frame_results

BOXES = np.array([[8 * i, 0, 8, 8] for i in range(40)], np.int32)
PICTURE = np.zeros((16, 400, 3), np.uint8)
PICTURE[..., 2] = 90  # red


@pytest.fixture
def other(net: onnxruntime.InferenceSession) -> Classifier:
    """The same net under other names: it calls blue what the line calls red."""
    return Classifier(net, LABELS[::-1], 32, 10.0)


def shadow(classifier: Classifier, share: float = 0.25) -> Shadow:
    return Shadow(classifier, LABELS, "new", "1.0.0", share)


def said(classifier: Classifier, boxes: NDArray[np.int32]) -> Classes:
    probabilities = np.zeros((len(boxes), 3), np.float32)
    probabilities[:, 2] = 1
    return Classes(probabilities, np.zeros(len(boxes), np.bool_))


def see(watcher: Shadow, classifier: Classifier, boxes: NDArray[np.int32] = BOXES) -> None:
    watcher.see(PICTURE, boxes, said(classifier, boxes), np.full(len(boxes), 2.5))


def standing() -> float:
    return 0.0


def test_it_looks_at_its_share_of_the_crops_and_its_counts_add_up(classifier: Classifier, other: Classifier) -> None:
    watcher = shadow(other)
    for _ in range(10):
        see(watcher, classifier)
        watcher.work(standing)
    report = watcher.report()
    assert (report.seen, report.compared) == (400, 100)
    assert [(pair.old, pair.new, pair.count, pair.area_mm2) for pair in report.pairs] == [("red", "blue", 100, 250.0)]


def test_one_frame_never_waits_for_more_than_a_few_crops(classifier: Classifier) -> None:
    watcher = shadow(classifier, share=0.5)
    for _ in range(10):  # a frame a time without work saves up room
        see(watcher, classifier)
    watcher.work(standing)
    assert watcher.report().compared == MOST_CROPS


def test_it_takes_no_more_than_its_share_of_the_time(classifier: Classifier) -> None:
    watcher = shadow(classifier, share=0.1)
    clock = {"s": 0.0}

    def slow() -> float:  # every look takes half a second of this clock
        clock["s"] += 0.25
        return clock["s"]

    for _ in range(200):
        see(watcher, classifier)
        watcher.work(slow)
    report = watcher.report()
    assert report.compared > 0
    assert report.spent_s <= 0.1 * clock["s"] + 0.5


def test_without_new_crops_it_does_nothing(classifier: Classifier) -> None:
    watcher = shadow(classifier)
    watcher.work(standing)
    see(watcher, classifier)
    watcher.work(standing)
    watcher.work(standing)
    assert watcher.report().compared == 10


def test_a_shadow_that_fails_stops_and_says_why(classifier: Classifier) -> None:
    watcher = shadow(classifier)
    watcher.see(PICTURE, BOXES + 1000, said(classifier, BOXES), np.ones(40))  # boxes outside the picture
    watcher.work(standing)
    assert "vision.bad_crop" in watcher.report().error
    see(watcher, classifier)
    watcher.work(standing)
    assert watcher.report().compared == 0


def test_a_shadow_that_cannot_be_loaded_is_reported_and_compares_nothing(classifier: Classifier) -> None:
    with pytest.raises(NeedsOperator) as caught:
        open_model("no_such_model")
    watcher = Shadow.failed("no_such_model", 0.1, caught.value)
    see(watcher, classifier)
    watcher.work(standing)
    assert "model.missing" in watcher.report().error
    assert (watcher.report().seen, watcher.report().compared) == (40, 0)


def test_the_line_gets_the_same_results_with_a_shadow_and_its_report_beside_them(
    classifier: Classifier, other: Classifier
) -> None:
    parts = [DrawnPart(60 + 30 * i, 60 + 10 * i, 6, 6, (20, 20, 200)) for i in range(6)]
    belt = draw_belt(parts, length_mm=400)
    frames = [(0.3, belt.frame(160 + 20 * k, 320, k)) for k in range(8)]

    def results(watcher: Shadow | None) -> list[FrameResult]:
        async def scenario() -> list[FrameResult]:
            pipeline = VisionPipeline(CAMERA, SETTINGS, 200, 10, classifier, watcher)
            running = frame_results(InLoopSource(frames), pipeline, idle_after_s=5, preview_hz=0)
            async with contextlib.aclosing(running) as found:
                return [result async for result in found if isinstance(result, FrameResult)]

        return asyncio.run(scenario())

    alone, watched = results(None), results(shadow(other, share=0.5))
    assert [len(r.detections) for r in alone] == [len(r.detections) for r in watched]
    for one, two in zip(alone, watched, strict=True):
        np.testing.assert_array_equal(one.detections.probabilities, two.detections.probabilities)
    reports = [result.shadow for result in watched if result.shadow is not None]
    assert 2 <= len(reports) < len(watched)  # once a second
    assert reports[-1].compared == sum(pair.count for pair in reports[-1].pairs) > 0
    assert all(result.shadow is None for result in alone)
