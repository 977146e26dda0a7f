"""The vision process: camera in, frame results out over the runtime's socket."""

from collections.abc import Callable
from contextlib import aclosing
from pathlib import Path

import structlog

from controller.config import LineConfig, load_config, make_source
from controller.odd_keeping import OddKeeping
from controller.odd_parts import OddParts
from controller.odd_store import ModelName, OddStore
from controller.vision_process import send_results
from models.manifest import ModelCard
from models.registry import DetectorFile
from senbetsu_errors import NeedsOperator
from vision.classify import Classifier, prior_of
from vision.crop_desk import CropDesk
from vision.detect import Detector
from vision.detector_pipeline import DetectorPipeline
from vision.health import PictureHealth
from vision.line_model import line_model, shadow_model
from vision.pipeline import FrameVision, VisionPipeline
from vision.recorded_frame import FrameEncoding
from vision.reopening import reopened_results
from vision.results import CropRequest
from vision.shadow import Shadow
from vision.wire import encode

log = structlog.get_logger("vision")


def make_pipeline(config: LineConfig) -> FrameVision:
    """The vision of a line, its model verified: segmentation and a classifier, or a detector."""
    model = line_model(config.vision)
    shadow = _shadow(config, model.manifest.labels)
    if isinstance(model, DetectorFile):
        return DetectorPipeline(
            config.camera, config.vision, config.belt.width_mm, Detector(model), shadow, config.calibrated
        )
    return VisionPipeline(
        config.camera,
        config.vision,
        config.belt.width_mm,
        config.belt.encoder_counts_per_mm,
        Classifier.from_model(
            model,
            prior_of(model.manifest.labels, config.vision.expected_mix, config.vision.unexpected_share),
        ),
        shadow,
        config.calibrated,
    )


def make_watch(config: LineConfig) -> tuple[PictureHealth, CropDesk | None]:
    """What looks at the pictures' health, and keeps them where odd parts are wanted."""
    odd = config.vision.odd_parts
    desk = CropDesk(config.camera, odd.picture_memory_mb) if odd else None
    return PictureHealth(config.camera, config.vision.health), desk


def keep_odd_parts(
    config: LineConfig, model: ModelCard, ask: Callable[[CropRequest], None], in_thread: bool
) -> OddKeeping:
    """What keeps the odd parts of a line that has a `vision.odd_parts` section; `model` is what it runs."""
    odd, folder = config.vision.odd_parts, config.odd_folder
    assert odd is not None
    assert folder is not None
    name = ModelName(model.name, model.version)
    store = OddStore(folder, odd.keep, model.labels, name, bool(config.simulated_parts))
    parts = OddParts(odd, config.camera, model.labels)
    return OddKeeping(parts, store, ask, in_thread)


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


async def serve_vision(config_path: Path, socket_path: Path, send_frames: FrameEncoding | None = None) -> None:
    """Run vision for a line until its source ends or the runtime is gone."""
    config = load_config(config_path)
    health, desk = make_watch(config)
    results = reopened_results(
        lambda: make_source(config),
        make_pipeline(config),
        preview_hz=config.vision.preview_hz,
        send_frames=send_frames,
        health=health,
        desk=desk,
    )
    async with aclosing(results):
        await send_results(results, socket_path, encode, desk.ask if desk else None)
