"""The loop around the pipeline: fresh frames become results, silence becomes a sign of life."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from types import TracebackType
from typing import Any, Self

import numpy as np
import onnxruntime
import pytest

from senbetsu_errors import Fatal, NeedsOperator, Retryable
from vision.camera_config import CameraConfig
from vision.classify import Classifier
from vision.crop_desk import CropDesk
from vision.frame import EncoderStamp, Frame
from vision.freshness import FreshnessGate
from vision.health import PictureHealth
from vision.health_config import HealthConfig
from vision.pipeline import VisionPipeline
from vision.results import CropRequest, FrameResult, Idle
from vision.settings import VisionConfig
from vision.worker import frame_results

CAMERA = CameraConfig(backend="test", geometry="area_scan", mm_per_px=0.5, view_along_mm=160)
SETTINGS = VisionConfig(model="test", min_area_mm2=6, max_part_mm=60, unknown_below=0.5)
Draw = Callable[..., Any]


class InLoopSource:
    """A frame source on the loop's own timers: frames, each after its pause."""

    def __init__(self, frames: list[tuple[float, Frame]], failure: Exception | None = None) -> None:
        self.dropped = 3
        self._frames = frames
        self._failure = failure

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        pass

    async def __aiter__(self) -> AsyncIterator[Frame]:
        for pause_s, frame in self._frames:
            await asyncio.sleep(pause_s)
            yield frame
        if self._failure is not None:
            raise self._failure


def results_of(
    source: InLoopSource, classifier: Classifier, camera: CameraConfig = CAMERA, **options: Any
) -> list[FrameResult | Idle]:
    async def scenario() -> list[FrameResult | Idle]:
        pipeline = VisionPipeline(camera, SETTINGS, 200, 10, classifier)
        async with contextlib.aclosing(frame_results(source, pipeline, **options)) as results:
            return [result async for result in results]

    return asyncio.run(scenario())


def test_every_fresh_frame_becomes_a_result_and_the_first_has_a_preview(
    belt: Draw, scattered: Draw, classifier: Classifier
) -> None:
    drawn = belt(scattered(10, first_mm=0, last_mm=300), length_mm=400)
    source = InLoopSource([(0.0, drawn.frame(200 + 20 * k, 320, k)) for k in range(5)])
    results = [r for r in results_of(source, classifier, preview_hz=1) if isinstance(r, FrameResult)]
    assert [r.frame_sequence for r in results] == [0, 1, 2, 3, 4]
    assert [r.encoder.count for r in results] == [2000, 2200, 2400, 2600, 2800]
    assert [r.preview_jpeg is not None for r in results] == [False, True, False, False, False]
    assert {r.view_along_mm for r in results} == {160}
    assert {r.dropped for r in results} == {3}
    assert all(len(r.detections) for r in results)


def test_looks_and_crops_come_with_the_next_result_and_count_stale_frames(
    belt: Draw, scattered: Draw, classifier: Classifier
) -> None:
    drawn = belt(scattered(10, first_mm=0, last_mm=300), length_mm=400)
    frames = [drawn.frame(200 + 20 * k, 320, k) for k in range(6)]
    frames.insert(3, frames[2])  # handed over a second time
    desk = CropDesk(CAMERA, 100)
    desk.ask(CropRequest(5, 1, 20.0, 40.0, 50.0, 80.0))
    source = InLoopSource([(0.0, frame) for frame in frames])
    health = PictureHealth(CAMERA, HealthConfig(every_frames=2))
    results = results_of(source, classifier, preview_hz=0, health=health, desk=desk)
    looks = [r.health for r in results if isinstance(r, FrameResult)]
    assert [look is not None for look in looks] == [False, True, False, True, False, True]
    assert [(look.frames, look.stale_frames) for look in looks if look] == [(1, 0), (3, 0), (6, 1)]
    # The frame asked for had not come yet when the desk was asked: answered, but without a picture.
    assert [[(c.ticket, c.png) for c in r.crops] for r in results if isinstance(r, FrameResult)][1] == [(5, b"")]


def test_a_line_scan_that_ends_within_a_part_gives_it_out_in_a_last_result(
    belt: Draw, drawn_part: Draw, classifier: Classifier
) -> None:
    drawn = belt([drawn_part(150, 50, 15, 15, (170, 170, 170))], length_mm=400)
    source = InLoopSource([(0.0, drawn.frame(50 * (k + 1), 100, k)) for k in range(3)])
    camera = CAMERA.model_copy(update={"geometry": "line_scan", "view_along_mm": 50})
    results = [r for r in results_of(source, classifier, camera=camera) if isinstance(r, FrameResult)]
    assert [(r.frame_sequence, len(r.detections), r.detections.oversize.any()) for r in results] == [
        (0, 0, False), (1, 0, False), (2, 0, False), (2, 1, True)
    ]  # fmt: skip


def test_silence_gives_idle_signs_without_losing_the_frame(belt: Draw, classifier: Classifier) -> None:
    source = InLoopSource([(0.2, belt([], length_mm=200).frame(180, 320, 0))])
    results = results_of(source, classifier, idle_after_s=0.05)
    assert [type(r) for r in results[:3]] == [Idle] * 3
    assert isinstance(results[-1], FrameResult)


def test_a_repeated_frame_is_counted_and_not_processed(belt: Draw, classifier: Classifier) -> None:
    drawn = belt([], length_mm=300)
    first, second = drawn.frame(180, 320, 0), drawn.frame(200, 320, 1)
    results = results_of(InLoopSource([(0, first), (0, first), (0, second)]), classifier)
    assert [(r.frame_sequence, r.dropped) for r in results if isinstance(r, FrameResult)] == [(0, 3), (1, 4)]


def test_a_failing_source_is_the_callers_to_see(belt: Draw, classifier: Classifier) -> None:
    source = InLoopSource([(0, belt([], length_mm=200).frame(180, 320, 0))], Retryable("camera.lost", "Gone."))
    with pytest.raises(Retryable, match="Gone"):
        results_of(source, classifier)


def test_stopping_early_leaves_nothing_behind(belt: Draw, classifier: Classifier) -> None:
    async def scenario() -> None:
        source = InLoopSource([(5.0, belt([], length_mm=200).frame(180, 320, 0))])
        pipeline = VisionPipeline(CAMERA, SETTINGS, 200, 10, classifier)
        async with contextlib.aclosing(frame_results(source, pipeline, idle_after_s=0.01)) as results:
            assert isinstance(await anext(results), Idle)

    asyncio.run(scenario())


def frame(sequence: int, count: int, picture: np.ndarray) -> Frame:
    return Frame({"color": picture}, EncoderStamp(count, "latched"), float(sequence), sequence)


def test_a_frozen_camera_is_lost_after_a_bound_and_a_living_one_recovers() -> None:
    gate = FreshnessGate(max_in_a_row=3)
    noise = np.random.default_rng(0).integers(0, 255, (40, 40, 3), np.uint8)
    other = noise[::-1].copy()
    assert gate.is_fresh(frame(0, 0, noise))
    assert not gate.is_fresh(frame(1, 100, noise))
    assert gate.is_fresh(frame(2, 200, other))
    assert [gate.is_fresh(frame(k, 100 * k, other)) for k in (3, 4, 5)] == [False] * 3
    with pytest.raises(Retryable, match="frozen while the belt moves"):
        gate.is_fresh(frame(6, 600, other))
    assert gate.rejected == 5


def test_a_standing_belt_or_a_belt_without_structure_may_repeat_its_picture() -> None:
    gate = FreshnessGate()
    noise = np.random.default_rng(0).integers(0, 255, (40, 40, 3), np.uint8)
    striped = np.broadcast_to(noise[:1], noise.shape).copy()
    assert [gate.is_fresh(frame(k, 7, noise)) for k in range(3)] == [True] * 3
    assert [gate.is_fresh(frame(k, 100 * k, striped)) for k in range(3, 6)] == [True] * 3


def test_time_and_sequence_must_advance() -> None:
    gate = FreshnessGate()
    noise = np.random.default_rng(0)
    pictures = [noise.integers(0, 255, (8, 8, 3), np.uint8) for _ in range(3)]
    assert gate.is_fresh(frame(5, 0, pictures[0]))
    assert not gate.is_fresh(frame(4, 10, pictures[1]))
    late = Frame({"color": pictures[2]}, EncoderStamp(10, "latched"), 5.0, 6)
    assert not gate.is_fresh(late)


def test_the_classifier_is_a_softmax_over_calibrated_logits(classifier: Classifier) -> None:
    crops = np.zeros((2, 32, 32, 3), np.uint8)
    crops[0, ..., 0] = 30  # RGB: red
    crops[1, ..., 2] = 30
    found = classifier.classify(crops).probabilities
    expected = np.exp([0, 0, 3]) / np.exp([0, 0, 3]).sum()
    np.testing.assert_allclose(found, [expected, expected[::-1]], rtol=1e-5)
    assert found.dtype == np.float32


def test_no_crops_are_no_call_and_wrong_crops_are_refused(classifier: Classifier) -> None:
    assert classifier.classify(np.zeros((0, 32, 32, 3), np.uint8)).probabilities.shape == (0, 3)
    with pytest.raises(Fatal, match="uint8"):
        classifier.classify(np.zeros((1, 64, 64, 3), np.uint8))


def test_labels_that_do_not_fit_the_net_are_refused(net: onnxruntime.InferenceSession) -> None:
    with pytest.raises(NeedsOperator, match="names 2 labels"):
        Classifier(net, ("a", "b"), 32, 1.0)
