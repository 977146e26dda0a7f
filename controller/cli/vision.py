"""The vision process: camera in, frame results out over the runtime's socket."""

from contextlib import aclosing
from pathlib import Path

import structlog

from controller.config import LineConfig, load_config, make_source
from controller.vision_process import send_results
from models.registry import open_model
from senbetsu_errors import NeedsOperator
from vision.classify import Classifier
from vision.pipeline import VisionPipeline
from vision.recorded_frame import FrameEncoding
from vision.reopening import reopened_results
from vision.shadow import Shadow
from vision.wire import encode

log = structlog.get_logger("vision")


def make_pipeline(config: LineConfig) -> VisionPipeline:
    """The vision of a line, its model verified."""
    classifier = Classifier.from_model(open_model(config.vision.model))
    return VisionPipeline(
        config.camera,
        config.vision,
        config.belt.width_mm,
        config.belt.encoder_counts_per_mm,
        classifier,
        _shadow(config, classifier.labels),
        config.calibrated,
    )


def _shadow(config: LineConfig, labels: tuple[str, ...]) -> Shadow | None:
    """The shadow model. One that cannot be loaded does not keep the line from running: it is said why."""
    name = config.vision.shadow_model
    if name is None:
        return None
    try:
        model = open_model(name)
        classifier = Classifier.from_model(model)
    except NeedsOperator as error:
        log.error("shadow model not loaded", code=error.code, reason=error.message, remedy=error.remedy)
        return Shadow.failed(name, config.vision.shadow_share, error)
    return Shadow(classifier, labels, model.manifest.name, model.manifest.version, config.vision.shadow_share)


async def serve_vision(config_path: Path, socket_path: Path, send_frames: FrameEncoding | None = None) -> None:
    """Run vision for a line until its source ends or the runtime is gone."""
    config = load_config(config_path)
    results = reopened_results(
        lambda: make_source(config), make_pipeline(config), preview_hz=config.vision.preview_hz, send_frames=send_frames
    )
    async with aclosing(results):
        await send_results(results, socket_path, encode)
