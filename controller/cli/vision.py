"""The vision process: camera in, frame results out over the runtime's socket."""

from pathlib import Path

from controller.config import load_config, make_source
from controller.vision_process import send_results
from models.registry import open_model
from vision.classify import Classifier
from vision.pipeline import VisionPipeline
from vision.wire import encode
from vision.worker import frame_results


async def serve_vision(config_path: Path, socket_path: Path) -> None:
    """Run vision for a line until its source ends or the runtime is gone."""
    config = load_config(config_path)
    pipeline = VisionPipeline(
        config.camera,
        config.vision,
        config.belt.width_mm,
        config.belt.encoder_counts_per_mm,
        Classifier.from_model(open_model(config.vision.model)),
    )
    results = frame_results(make_source(config), pipeline, preview_hz=config.vision.preview_hz)
    await send_results(results, socket_path, encode)
