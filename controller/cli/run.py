"""`senbetsu run` and `record`: the line in real time, with its plant (where simulated), vision, HMI, SCADA."""

import asyncio
import contextlib
import gc
import json
import os
import signal
import sys
from collections.abc import AsyncGenerator, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import structlog

from controller.children import keep_child, start_child, stop_child
from controller.cli.vision import keep_odd_parts
from controller.config import load_config, make_link
from controller.config.calibration import calibration_facts, calibration_summary
from controller.hmi.publisher import SnapshotPublisher
from controller.runtime import Line, LineEvent
from controller.summary import summarise
from controller.terminal import TerminalView
from controller.view import snapshot_of
from controller.vision_process import VisionProcess
from senbetsu_errors import Fatal
from vision.line_model import line_model

log = structlog.get_logger("run")

PUBLISH_EVERY_S = 0.1


@dataclass(slots=True)
class PlantChild:
    """The simulated plant's process and the account it keeps sending of what really happened."""

    truth: Mapping[str, Any] | None = None
    process: asyncio.subprocess.Process | None = None
    ended: asyncio.Event = field(default_factory=asyncio.Event)

    @contextlib.asynccontextmanager
    async def running(self, config_path: Path) -> AsyncGenerator[None]:
        """Start the plant; on the way out stop it and wait for its last account."""
        reading, writing = os.pipe()
        loop = asyncio.get_running_loop()
        reader = asyncio.StreamReader(limit=16 * 1024 * 1024)
        transport, _ = await loop.connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(reading, "rb")
        )
        try:
            self.process = await start_child("plant", str(config_path), "--truth-fd", str(writing), pass_fds=(writing,))
        finally:
            os.close(writing)
        follower = asyncio.create_task(self._follow(reader), name="follow plant truth")
        try:
            yield
        finally:
            await stop_child(self.process)
            await follower
            transport.close()

    async def _follow(self, reader: asyncio.StreamReader) -> None:
        async for account in reader:
            self.truth = json.loads(account)
        self.ended.set()


async def run_line(
    config_path: Path,
    for_s: float | None,
    show: bool,
    on_event: Callable[[LineEvent], None] | None = None,
    vision_arguments: tuple[str, ...] = (),
    on_frame: Callable[[float, bytes], None] | None = None,
) -> dict[str, Any]:
    """Run the line of a configuration in real time; its summary. Raises SenbetsuError, grouped or not.

    `on_frame` gets the loop's time and the message of each frame that vision sends for a recorder.
    """
    config = load_config(config_path)
    model = line_model(config.vision)
    simulated = config.simulated_parts
    if simulated:
        log.warning("simulated", parts=list(simulated))
    for fact in calibration_facts(config.calibrated):
        log.info("measured", by=fact)
    plant = PlantChild()
    async with contextlib.AsyncExitStack() as stack:
        if config.plant:
            await stack.enter_async_context(plant.running(config_path))
        private = Path(stack.enter_context(TemporaryDirectory(prefix="senbetsu-")))
        vision = await stack.enter_async_context(
            VisionProcess(config_path, private / "vision.sock", vision_arguments, on_frame)
        )
        watchers = [name for name, section in (("_hmi", config.hmi), ("_scada", config.scada)) if section]
        link = make_link(config)
        odd_parts = None
        if config.vision.odd_parts:
            odd_parts = keep_odd_parts(config, model.manifest, vision.ask, in_thread=True)
            stack.push_async_callback(odd_parts.close)
        publisher = await stack.enter_async_context(
            SnapshotPublisher(private / "snapshots.sock", odd_parts.command if odd_parts else None)
        )
        line = Line(config, model.manifest.labels, link, vision.results(), on_event, odd_parts)
        view = stack.enter_context(TerminalView(sys.stderr)) if show else None
        stopper = _stop_on_signals(line)
        stack.callback(stopper)
        gc.collect()
        gc.freeze()
        async with asyncio.TaskGroup() as tasks:
            beside = [tasks.create_task(_publish(line, plant, simulated, publisher, view), name="publish")]
            for watcher in watchers:
                snapshots = ("--socket", str(private / "snapshots.sock"))
                beside.append(tasks.create_task(keep_child(watcher, str(config_path), *snapshots), name=watcher))
            if config.plant:
                beside.append(tasks.create_task(_watch_plant(plant, line), name="watch plant"))
            await line.run(for_s)
            for task in beside:
                task.cancel()
    # A plant that was stopped by us before it was up ends by the signal itself.
    if plant.process and plant.process.returncode not in (0, -signal.SIGTERM):
        raise Fatal(
            "plant.failed", f"The plant process ended with exit code {plant.process.returncode}.", "See its messages."
        )
    summary = summarise(
        line,
        latency_basis="frame exposed to order acknowledged by the PLC",
        seed=config.plant.seed if config.plant else None,
        simulated=simulated,
        truth=plant.truth,
    )
    return {**summary, "calibration": calibration_summary(config.calibrated)}


async def _publish(
    line: Line,
    plant: PlantChild,
    simulated: tuple[str, ...],
    publisher: SnapshotPublisher,
    view: TerminalView | None,
) -> None:
    loop = asyncio.get_running_loop()
    while True:
        snapshot = snapshot_of(line, loop.time(), simulated, plant.truth)
        publisher.publish(snapshot)
        if view:
            view.show(snapshot)
        await asyncio.sleep(PUBLISH_EVERY_S)


async def _watch_plant(plant: PlantChild, line: Line) -> None:
    await plant.ended.wait()
    log.error("the plant process ended", exit_code=plant.process.returncode if plant.process else None)
    line.stop()


def _stop_on_signals(line: Line) -> Callable[[], None]:
    """First Ctrl-C or SIGTERM stops the line in order, a second one cancels what is left of it."""
    loop = asyncio.get_running_loop()
    main = asyncio.current_task()
    asked = 0

    def stop() -> None:
        nonlocal asked
        asked += 1
        if asked == 1:
            log.info("stopping in order")
            line.stop()
        elif main:
            main.cancel()

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop)

    def restore() -> None:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)

    return restore
