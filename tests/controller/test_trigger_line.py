"""A whole line whose frames get their counts from the PLC's trigger latch: virtual plant, virtual PLC, lost frames."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from random import Random
from types import TracebackType
from typing import Self

import pytest

from controller.cli.plant import plant_setup
from controller.cli.vision import make_pipeline
from controller.clock import run_virtual
from controller.config import LineConfig, load_config
from plc_bridge.memory_link import MemoryLink
from sim.in_loop import PlantInLoop
from tests.controller.watched_line import WatchedLine
from vision.frame import EncoderStamp, Frame
from vision.source import FrameSource
from vision.worker import frame_results

CONFIGS = Path(__file__).resolve().parent.parent.parent / "configs"


class BlindCamera:
    """The plant's camera behind a wire: frames get lost on it and take their time, and it knows no encoder.

    `truth` keeps what the encoder really was, by frame number.
    """

    def __init__(self, camera: FrameSource, lost: float) -> None:
        self.dropped = 0
        self.truth: dict[int, int] = {}
        self._camera = camera
        self._lost = lost
        self._random = Random(5)  # noqa: S311  (which frames get lost)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """The plant's camera is the caller's."""

    async def __aiter__(self) -> AsyncIterator[Frame]:
        loop = asyncio.get_running_loop()
        async for frame in self._camera:
            if self._random.random() < self._lost:
                self.dropped += 1
                continue
            arrives_s = frame.captured_at_s + self._random.uniform(0.006, 0.014)
            await asyncio.sleep(max(0.0, arrives_s - loop.time()))
            self.truth[frame.sequence] = frame.encoder.count
            nothing = EncoderStamp(frame.sequence, "estimated", 1e6)
            yield replace(frame, encoder=nothing, captured_at_s=max(arrives_s, loop.time()))


def line_config(name: str) -> LineConfig:
    config = load_config(CONFIGS / name)
    camera = config.camera.model_copy(
        update={"encoder_from": "plc_trigger", "exposure_latency_min_ms": 5.0, "exposure_latency_max_ms": 20.0}
    )
    return config.model_copy(update={"camera": camera})


def run(
    config: LineConfig, for_s: float, lost: float, *, restart_plc_at_s: float | None = None
) -> tuple[WatchedLine, BlindCamera]:
    async def scenario() -> tuple[WatchedLine, BlindCamera]:
        pipeline = make_pipeline(config)
        plant = PlantInLoop(plant_setup(config), 11)
        link = MemoryLink(MemoryLink.Config(backend="memory", cycle_ms=10), plant.wire)
        async with plant, plant.camera() as source:
            camera = BlindCamera(source, lost)
            async with contextlib.aclosing(frame_results(camera, pipeline, preview_hz=0)) as results:
                line = WatchedLine(config, pipeline.labels, link, results)
                if restart_plc_at_s is not None:
                    asyncio.get_running_loop().call_later(restart_plc_at_s, plant.plant.plc.restart)
                await line.run(for_s)
        return line, camera

    return run_virtual(scenario())


@pytest.mark.slow
@pytest.mark.parametrize("name", ["demo.yaml", "line-scan.yaml"])
@pytest.mark.parametrize("lost", [0.0, 0.15])
def test_every_frame_has_the_count_of_its_own_exposure_though_frames_get_lost(name: str, lost: float) -> None:
    line, camera = run(line_config(name), 12, lost)
    assert line.pairing
    assert [stamp.count for _, stamp in line.taken] == [camera.truth[number] for number, _ in line.taken]
    assert {stamp.basis for _, stamp in line.taken} == {"latched"}
    assert line.pairing.unpaired <= 4  # the first ones, before anybody knew what the PLC had counted
    assert line.frames.processed == len(line.taken)
    assert line.frames.captured == line.frames.processed + line.frames.dropped
    # What gets lost after the last frame shows in no number.
    assert 0 <= camera.dropped + line.pairing.unpaired - line.frames.dropped <= 3
    assert line.ledger.outcomes["ejected"] > 10


@pytest.mark.slow
def test_a_restarted_plc_gives_no_frame_a_wrong_count_and_costs_a_few_frames_only() -> None:
    line, camera = run(line_config("demo.yaml"), 12, 0.1, restart_plc_at_s=6.0)
    assert line.pairing
    assert [stamp.count for _, stamp in line.taken] == [camera.truth[number] for number, _ in line.taken]
    assert line.pairing.settled
    assert line.pairing.unpaired <= 6  # those that would have waited too long until the new offset was sure
    assert line.taken[-1][0] == max(camera.truth)
