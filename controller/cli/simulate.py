"""`senbetsu simulate`: the real runtime and the real vision against the plant in virtual time."""

import asyncio
import gc
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import aclosing, closing, contextmanager
from pathlib import Path
from typing import Any

import structlog

from controller.cli.plant import plant_setup
from controller.cli.vision import keep_odd_parts, make_pipeline, make_watch
from controller.clock import VirtualClockLoop, run_virtual, stopwatch_s
from controller.config import LineConfig, load_config
from controller.config.calibration import calibration_summary
from controller.recording.about import About
from controller.recording.writer import RecordingWriter
from controller.runtime import Line, LineEvent
from controller.summary import summarise
from plc_bridge.memory_link import MemoryLink
from senbetsu_errors import NeedsOperator
from sim.in_loop import PlantInLoop
from vision.crop_desk import CropDesk
from vision.health import PictureHealth
from vision.line_model import line_model
from vision.pipeline import FrameVision
from vision.recorded_frame import FrameBlob
from vision.recorded_results import results_and_frames
from vision.results import FrameResult, Idle
from vision.source import FrameSource
from vision.worker import frame_results

log = structlog.get_logger("simulate")

LINK_CYCLE_MS = 20.0
"""Twice the cycle of a Modbus link: slower than the real one, never faster, and half the work."""

SIMULATED = ("camera", "plc", "plant", "time")


def simulate(
    config_path: Path,
    for_s: float,
    seed: int | None,
    on_event: Callable[[LineEvent], None] | None = None,
    record: Path | None = None,
) -> dict[str, Any]:
    """Simulate a configuration for `for_s` virtual seconds, recorded into the new file `record` if given; its
    summary with `speedup`.

    Raises NeedsOperator where the configuration has no plant to simulate.
    """
    config = load_config(config_path)
    if config.plant is None:
        raise NeedsOperator(
            "simulate.no_plant", f"{config_path} has no plant section.", "Add one, or use `senbetsu run`."
        )
    chosen = config.plant.seed if seed is None else seed
    log.warning("simulated", parts=list(SIMULATED), seed=chosen)
    gc.collect()
    gc.freeze()
    started_s = stopwatch_s()
    with _recorder(config, record) as recorder:
        line, plant, trusted = run_virtual(simulated_line(config, for_s, chosen, on_event, recorder))
    wall_s = stopwatch_s() - started_s
    summary = summarise(
        line,
        latency_basis="virtual time, in which computing takes none",
        seed=chosen,
        simulated=SIMULATED,
        truth=plant.truth().as_json(),
    )
    return {
        **summary,
        "calibration": calibration_summary(config.calibrated),
        "speedup": round(line.ran_s / wall_s, 2),
        "virtual_time_trusted": trusted,
    }


async def simulated_line(
    config: LineConfig,
    for_s: float,
    seed: int,
    on_event: Callable[[LineEvent], None] | None,
    recorder: RecordingWriter | None,
) -> tuple[Line, PlantInLoop, bool]:
    """Run a line and its plant in the running virtual-clock loop; both, and whether the clock may be trusted."""
    loop = asyncio.get_running_loop()
    assert isinstance(loop, VirtualClockLoop)
    pipeline = make_pipeline(config)
    health, desk = make_watch(config)
    odd_parts = None
    if desk:
        odd_parts = keep_odd_parts(config, line_model(config.vision).manifest, desk.ask, in_thread=False)
    plant = PlantInLoop(plant_setup(config), seed)
    link = MemoryLink(MemoryLink.Config(backend="memory", cycle_ms=LINK_CYCLE_MS), plant.wire)

    def happened(event: LineEvent) -> None:
        if on_event:
            on_event(event)
        if recorder:
            recorder.event(event)

    async with plant, plant.camera() as camera, aclosing(_results(camera, pipeline, recorder, health, desk)) as results:
        line = Line(config, pipeline.labels, link, results, happened, odd_parts)
        await line.run(for_s)
    return line, plant, loop.trusted


@contextmanager
def _recorder(config: LineConfig, record: Path | None) -> Generator[RecordingWriter | None]:
    """Writes in the loop's own thread: virtual time waits for the disk."""
    if record is None:
        yield None
        return
    about = About.of(config, line_model(config.vision), SIMULATED, "zstd")
    with closing(RecordingWriter(record, about, started_at_s=0.0)) as recorder:
        yield recorder


async def _results(
    camera: FrameSource,
    pipeline: FrameVision,
    recorder: RecordingWriter | None,
    health: PictureHealth,
    desk: CropDesk | None,
) -> AsyncGenerator[FrameResult | Idle, None]:
    if recorder is None:
        async with aclosing(frame_results(camera, pipeline, preview_hz=0, health=health, desk=desk)) as results:
            async for result in results:
                yield result
        return
    loop = asyncio.get_running_loop()
    async with aclosing(
        results_and_frames(camera, pipeline, "zstd", preview_hz=0, health=health, desk=desk)
    ) as messages:
        async for message in messages:
            if isinstance(message, FrameBlob):
                recorder.frame(loop.time(), message.message)
            else:
                yield message
