"""`senbetsu simulate`: the real runtime and the real vision against the plant in virtual time."""

import asyncio
from collections.abc import Callable
from contextlib import aclosing
from pathlib import Path
from typing import Any

import structlog

from controller.cli.plant import plant_setup
from controller.cli.vision import make_pipeline
from controller.clock import VirtualClockLoop, run_virtual, stopwatch_s
from controller.config import LineConfig, load_config
from controller.runtime import Line, LineEvent
from controller.summary import summarise
from plc_bridge.memory_link import MemoryLink
from senbetsu_errors import NeedsOperator
from sim.in_loop import PlantInLoop
from vision.worker import frame_results

log = structlog.get_logger("simulate")

SIMULATED = ("camera", "plc", "plant", "time")


def simulate(
    config_path: Path, for_s: float, seed: int | None, on_event: Callable[[LineEvent], None] | None = None
) -> dict[str, Any]:
    """Simulate a configuration for `for_s` virtual seconds; its summary with `speedup`.

    Raises NeedsOperator where the configuration has no plant to simulate.
    """
    config = load_config(config_path)
    if config.plant is None:
        raise NeedsOperator(
            "simulate.no_plant", f"{config_path} has no plant section.", "Add one, or use `senbetsu run`."
        )
    chosen = config.plant.seed if seed is None else seed
    log.warning("simulated", parts=list(SIMULATED), seed=chosen)
    started_s = stopwatch_s()
    line, plant, trusted = run_virtual(_simulate(config, for_s, chosen, on_event))
    wall_s = stopwatch_s() - started_s
    summary = summarise(
        ledger=line.ledger,
        frames=line.frames,
        health=line.link.health,
        latencies_s=line.latencies_s,
        latency_basis="virtual time, in which computing takes none",
        recipe=config.recipe,
        labels=line.labels,
        ran_s=line.ran_s,
        seed=chosen,
        simulated=SIMULATED,
        truth=plant.truth().as_json(),
    )
    return {**summary, "speedup": round(line.ran_s / wall_s, 2), "virtual_time_trusted": trusted}


async def _simulate(
    config: LineConfig, for_s: float, seed: int, on_event: Callable[[LineEvent], None] | None
) -> tuple[Line, PlantInLoop, bool]:
    loop = asyncio.get_running_loop()
    assert isinstance(loop, VirtualClockLoop)
    pipeline = make_pipeline(config)
    plant = PlantInLoop(plant_setup(config), seed)
    link = MemoryLink(MemoryLink.Config(backend="memory"), plant.wire)
    async with plant, plant.camera() as camera, aclosing(frame_results(camera, pipeline, preview_hz=0)) as results:
        line = Line(config, pipeline.labels, link, results, on_event)
        await line.run(for_s)
    return line, plant, loop.trusted
