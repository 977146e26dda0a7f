"""A camera that comes and goes: opened again and again, said once, its drops kept."""

import contextlib
from collections.abc import AsyncIterator
from types import TracebackType
from typing import Any, Self

import numpy as np
import pytest
import structlog.testing

from controller.clock import run_virtual
from senbetsu_errors import NeedsOperator, Retryable, SenbetsuError
from vision.camera_config import CameraConfig
from vision.camera_state import CameraChange, CameraState
from vision.classify import Classifier
from vision.frame import EncoderStamp, Frame
from vision.pipeline import VisionPipeline
from vision.reopening import CameraMessage, reopened_results
from vision.results import FrameResult
from vision.settings import VisionConfig

CAMERA = CameraConfig(backend="test", geometry="area_scan", mm_per_px=0.5, view_along_mm=60)
SETTINGS = VisionConfig(model="test", min_area_mm2=6, max_part_mm=40, unknown_below=0.5)
LOST = Retryable("camera.lost", "The camera is gone.", "It is being reconnected.")


class ScriptedSource:
    """One opening of a camera: it fails at once, or delivers some frames and then fails or ends."""

    def __init__(self, frames: int, failure: SenbetsuError | None, *, opens: bool = True) -> None:
        self.dropped = 0
        self._frames = frames
        self._failure = failure
        self._opens = opens

    async def __aenter__(self) -> Self:
        if not self._opens and self._failure:
            raise self._failure
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        pass

    async def __aiter__(self) -> AsyncIterator[Frame]:
        for k in range(self._frames):
            self.dropped += 1
            color = np.random.default_rng(k).integers(0, 255, (120, 160, 3), np.uint8)
            yield Frame({"color": color}, EncoderStamp(100 * k, "estimated", 1.0), float(k), k)
        if self._failure is not None:
            raise self._failure


def run(classifier: Classifier, openings: list[ScriptedSource]) -> tuple[list[CameraMessage], list[Any]]:
    """What is yielded until the source ends, and what was logged; in virtual time."""
    left = iter(openings)

    async def scenario() -> list[CameraMessage]:
        pipeline = VisionPipeline(CAMERA, SETTINGS, 80, 10, classifier)
        async with contextlib.aclosing(reopened_results(lambda: next(left), pipeline, preview_hz=0)) as results:
            return [message async for message in results]

    with structlog.testing.capture_logs() as logs:
        return run_virtual(scenario()), logs


def test_a_loss_and_a_recovery_are_each_said_once_however_many_attempts_it_takes(classifier: Classifier) -> None:
    openings = [
        ScriptedSource(3, LOST),
        *(ScriptedSource(0, Retryable("camera.unreachable", "No answer."), opens=False) for _ in range(4)),
        ScriptedSource(2, None),
    ]
    messages, logs = run(classifier, openings)
    changes = [m for m in messages if isinstance(m, CameraChange)]
    assert [c.state for c in changes] == [
        CameraState.OPENING,
        CameraState.DELIVERING,
        CameraState.LOST,
        CameraState.DELIVERING,
        CameraState.ENDED,
    ]
    # Waits of 0.2, 0.4, 0.8, 1.6 and 3.2 s between five attempts.
    assert changes[2].reason == "The camera is gone."
    assert (changes[-1].reopened, changes[-1].downtime_s) == (1, pytest.approx(6.2))
    assert [(entry["log_level"], entry["event"]) for entry in logs] == [
        ("error", "camera lost"),
        ("info", "camera is back"),
    ]
    results = [m for m in messages if isinstance(m, FrameResult)]
    assert [r.frame_sequence for r in results] == [0, 1, 2, 0, 1]
    assert [r.dropped for r in results] == [1, 2, 3, 4, 5]


def test_what_trying_again_does_not_help_ends_it(classifier: Classifier) -> None:
    openings = [ScriptedSource(1, LOST), ScriptedSource(0, NeedsOperator("camera.setting", "No such gain."))]
    with pytest.raises(NeedsOperator, match="gain"):
        run(classifier, openings)
