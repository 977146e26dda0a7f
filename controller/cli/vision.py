"""The vision process: camera in, frame results out over the runtime's socket."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path

import structlog

from controller.config import LineConfig, load_config, make_source
from controller.vision_process import send_results
from models.registry import DetectorFile
from senbetsu_errors import NeedsOperator, Retryable
from vision.classify import Classifier
from vision.detect import Detector
from vision.detector_pipeline import DetectorPipeline
from vision.line_model import line_model, shadow_model
from vision.pipeline import FrameVision, VisionPipeline
from vision.recorded_frame import FrameBlob, FrameEncoding
from vision.recorded_results import results_and_frames
from vision.results import FrameResult, Idle
from vision.shadow import Shadow
from vision.wire import encode
from vision.worker import frame_results

log = structlog.get_logger("camera")

FIRST_RETRY_S = 0.2
LONGEST_RETRY_S = 5.0


def make_pipeline(config: LineConfig) -> FrameVision:
    """The vision of a line, its model verified: segmentation and a classifier, or a detector."""
    model = line_model(config.vision)
    shadow = _shadow(config, model.manifest.labels)
    if isinstance(model, DetectorFile):
        return DetectorPipeline(config.camera, config.vision, config.belt.width_mm, Detector(model), shadow)
    return VisionPipeline(
        config.camera,
        config.vision,
        config.belt.width_mm,
        config.belt.encoder_counts_per_mm,
        Classifier.from_model(model),
        shadow,
    )


def _shadow(config: LineConfig, labels: tuple[str, ...]) -> Shadow | None:
    """The shadow model. One that cannot be loaded does not keep the line from running: it is said why."""
    vision = config.vision
    try:
        model = shadow_model(vision)
        classifier = Classifier.from_model(model) if model else None
    except NeedsOperator as error:
        log.error("shadow model not loaded", code=error.code, reason=error.message, remedy=error.remedy)
        return Shadow.failed(str(vision.shadow_model), vision.shadow_share, error)
    if model is None:
        return None
    return Shadow(classifier, labels, model.manifest.name, model.manifest.version, vision.shadow_share)


async def camera_results(
    config: LineConfig, send_frames: FrameEncoding | None = None
) -> AsyncIterator[FrameResult | Idle | FrameBlob]:
    """Results of the line's camera until it ends; a camera that is lost is opened again and again.

    With `send_frames` each result is followed by its frame, for a recorder.

    Says the loss once and the recovery once. While the camera is away nothing is yielded, so the line sees no
    sign of life and stops the belt. What was dropped before the loss stays counted.
    """
    loop = asyncio.get_running_loop()
    pipeline = make_pipeline(config)
    dropped_before = 0
    lost_at_s: float | None = None
    retry_s = FIRST_RETRY_S
    while True:
        dropped = 0
        try:
            async with make_source(config) as source:
                running = (
                    results_and_frames(source, pipeline, send_frames, preview_hz=config.vision.preview_hz)
                    if send_frames
                    else frame_results(source, pipeline, preview_hz=config.vision.preview_hz)
                )
                async with aclosing(running) as results:
                    async for result in results:
                        if isinstance(result, FrameBlob):
                            yield result
                            continue
                        if lost_at_s is not None:
                            log.info("camera is back", after_s=round(loop.time() - lost_at_s, 1))
                            lost_at_s, retry_s = None, FIRST_RETRY_S
                        dropped = result.dropped
                        yield replace(result, dropped=dropped_before + dropped)
                return
        except Retryable as error:
            dropped_before += dropped
            if lost_at_s is None:
                lost_at_s = loop.time()
                log.error("camera lost", code=error.code, reason=error.message)
            await asyncio.sleep(retry_s)
            retry_s = min(2 * retry_s, LONGEST_RETRY_S)


async def serve_vision(config_path: Path, socket_path: Path, send_frames: FrameEncoding | None = None) -> None:
    """Run vision for a line until its source ends or the runtime is gone."""
    await send_results(camera_results(load_config(config_path), send_frames), socket_path, encode)
