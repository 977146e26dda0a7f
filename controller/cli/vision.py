"""The vision process: camera in, frame results out over the runtime's socket."""

from contextlib import aclosing
from pathlib import Path

from controller.config import LineConfig, load_config, make_source
from controller.vision_process import send_results
from models.registry import open_model
from vision.classify import Classifier
from vision.pipeline import VisionPipeline
from vision.recorded_frame import FrameEncoding
from vision.reopening import reopened_results
from vision.wire import encode


def make_pipeline(config: LineConfig) -> VisionPipeline:
    """The vision of a line, its model verified."""
    return VisionPipeline(
        config.camera,
        config.vision,
        config.belt.width_mm,
        config.belt.encoder_counts_per_mm,
        Classifier.from_model(open_model(config.vision.model)),
    )


async def serve_vision(config_path: Path, socket_path: Path, send_frames: FrameEncoding | None = None) -> None:
    """Run vision for a line until its source ends or the runtime is gone."""
    config = load_config(config_path)
    results = reopened_results(
        lambda: make_source(config), make_pipeline(config), preview_hz=config.vision.preview_hz, send_frames=send_frames
    )
    async with aclosing(results):
        await send_results(results, socket_path, encode)
