"""`senbetsu record`: what `run` does, recorded."""

import asyncio
from pathlib import Path
from typing import Any

from controller.cli.run import run_line
from controller.config import load_config
from controller.recording.about import About
from controller.recording.thread import RecordingThread
from controller.recording.writer import RecordingWriter
from vision.line_model import line_model
from vision.recorded_frame import FrameEncoding


async def record_line(
    config_path: Path, path: Path, for_s: float | None, encoding: FrameEncoding, *, show: bool
) -> dict[str, Any]:
    """Run a line in real time and record it into the new file `path`; its summary with `recording`.

    Raises what `run_line` raises, and NeedsOperator (`recording.exists`, `recording.unwritable`) before
    anything moves or (`recording.disk`) afterwards: a full disk does not stop the line.
    """
    config = load_config(config_path)
    about = About.of(config, line_model(config.vision), config.simulated_parts, encoding)
    writer = RecordingWriter(path, about, asyncio.get_running_loop().time(), durable=True)
    recorder = RecordingThread(writer)
    try:
        summary = await run_line(
            config_path,
            for_s,
            show,
            on_event=recorder.event,
            on_frame=recorder.frame,
            vision_arguments=("--send-frames", encoding),
        )
    finally:
        messages = await asyncio.to_thread(recorder.close)
    recording = {"path": str(path), "messages": messages, "dropped": recorder.dropped, "frame_encoding": encoding}
    return {**summary, "recording": recording}
