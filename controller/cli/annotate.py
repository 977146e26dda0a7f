"""`senbetsu annotate`: what a line would make of its camera's pictures, drawn into a video. Nothing is moved."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from controller.cli.vision import make_pipeline
from controller.config import LineConfig, load_config, make_source
from controller.decide import Decision
from controller.sorter import BeltNow, SeenFrame, Sorter
from senbetsu_errors import NeedsOperator
from vision.annotate import draw_parts, write_video
from vision.frame import Frame, unwrap_count
from vision.parts import VisiblePart
from vision.source import FrameSource

MOST_FRAMES = 20_000
"""Pictures are kept in memory until the video is written: some 10 minutes of a small camera."""


def annotate(config_path: Path, video_path: Path, for_s: float | None) -> dict[str, Any]:
    """Write the annotated video of a line's camera; counts of what was seen.

    Runs the line's own segmentation, classification, tracking and decisions, with no PLC. Ends with the
    source or after `for_s` seconds of pictures. Raises NeedsOperator for a source without end and no `for_s`.
    """
    config = load_config(config_path)
    if for_s is None and getattr(config.camera, "loop", False):
        raise NeedsOperator("annotate.endless", "This camera plays its file again and again.", "Say how long: --for S.")
    if config.camera.frame_rate_hz is None:
        raise NeedsOperator("annotate.strips", "A line-scan camera has no pictures to make a video of.", "")
    rate_hz = config.camera.frame_rate_hz
    frames = MOST_FRAMES if for_s is None else min(MOST_FRAMES, max(1, round(for_s * rate_hz)))
    pictures, decisions = asyncio.run(_pictures(config, frames))
    if not pictures:
        raise NeedsOperator("annotate.empty", "The camera gave no picture.", "Check the camera section.")
    written = write_video(video_path, pictures, rate_hz)
    return {
        "video": str(video_path),
        "frames": written,
        "encoder": "estimated" if config.camera.backend == "opencv" else "latched",
        "parts": [
            {
                "class": d.class_id,
                "probability": round(d.probability, 4),
                "outlet": d.outlet,
                "reason": d.reason,
                "views": d.part.views,
            }
            for d in decisions.values()
        ],
    }


async def _pictures(config: LineConfig, most: int) -> tuple[list[NDArray[np.uint8]], dict[int, Decision]]:
    pipeline = make_pipeline(config)
    sorter = Sorter(config, pipeline.labels)
    decisions: dict[int, Decision] = {}
    pictures: list[NDArray[np.uint8]] = []
    counts = 0

    def caption(part: VisiblePart) -> str:
        decision = decisions.get(part.part_id)
        if decision:
            return f"{decision.class_id} {decision.probability:.0%} > {decision.outlet}"
        return "" if part.label_index is None else f"{pipeline.labels[part.label_index]} {part.probability:.0%}"

    async with make_source(config) as source, aclosing(_first(source, most)) as frames:
        async for frame in frames:
            counts = unwrap_count(frame.encoder.count, counts)
            seen = SeenFrame(
                counts, frame.encoder.uncertainty_counts, config.camera.view_along_mm, pipeline.process(frame)
            )
            for verdict in sorter.take(seen, BeltNow(counts, config.belt.speed_mm_s, 0)):
                decisions[verdict.decision.part.part_id] = verdict.decision
            pictures.append(draw_parts(frame.color, sorter.tracker.visible(counts), config.camera, caption))
    return pictures, decisions


async def _first(source: FrameSource, most: int) -> AsyncGenerator[Frame]:
    """The first frames of a source."""
    taken = 0
    async for frame in source:
        yield frame
        taken += 1
        if taken >= most:
            return
