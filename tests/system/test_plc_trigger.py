"""Counts from the PLC's trigger latch over real sockets: the plant's own process with its Modbus server and camera,
vision in a process of its own, the line here.

The plant's camera sends the count of each exposure with its picture. The line is told not to look at it
(`encoder_from: plc_trigger`), so that it is the truth to compare the latched counts with.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from controller.cli.run import PlantChild
from controller.config import LineConfig, load_config, make_link
from controller.vision_process import VisionProcess
from tests.controller.watched_line import WatchedLine
from tests.system.lines import demo_on_free_ports, write
from vision.camera_state import CameraChange
from vision.frame import count_difference
from vision.line_model import line_model
from vision.results import FrameResult, Idle

pytestmark = [pytest.mark.slow, pytest.mark.alone, pytest.mark.timeout(300)]

RATE_HZ = 4
FRAMES = 24


Results = AsyncIterator[FrameResult | Idle | CameraChange]


async def noted(results: Results, truth: dict[int, int]) -> Results:
    """The results as they come; the counts that the camera sent go into `truth`, by frame number."""
    async for result in results:
        if isinstance(result, FrameResult):
            truth[result.frame_sequence] = result.encoder.count
        yield result


def line_file(folder: Path) -> Path:
    """The demo line, slow, whose frames get their counts from the PLC.

    Exposures are 250 ms apart. The plant states when an exposure was due; on a busy machine it happens, and its pulse
    is latched, up to `sim.plant_process`'s 250 ms later: that is a picture that is there before its exposure.
    """
    config = demo_on_free_ports()
    config["belt"]["speed_mm_s"] = 300
    config["camera"] |= {
        "frame_rate_hz": RATE_HZ,
        "encoder_from": "plc_trigger",
        "exposure_latency_min_ms": -220,
        "exposure_latency_max_ms": 5,
    }
    config["plant"]["feed"] |= {"parts_per_s": 2, "variants_per_class": 2}
    config["plant"]["scan_ms"] = 10
    del config["hmi"], config["plant"]["servers"]["opcua"]
    return write(folder, config)


async def run(path: Path, config: LineConfig, private: Path, truth: dict[int, int]) -> WatchedLine:
    """The line as `senbetsu run` sets it up, until it has decided on enough frames."""
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(PlantChild().running(path))
        vision = await stack.enter_async_context(VisionProcess(path, private / "vision.sock"))
        labels = line_model(config.vision).manifest.labels
        line = WatchedLine(config, labels, make_link(config), noted(vision.results(), truth))
        async with asyncio.timeout(200), asyncio.TaskGroup() as tasks:
            running = tasks.create_task(line.run())
            while len(line.taken) < FRAMES and not running.done():  # noqa: ASYNC110
                await asyncio.sleep(0.1)
            assert line.pairing
            assert line.pairing.settled
            line.stop()
    return line


def test_every_frame_gets_the_count_that_the_plc_latched_at_its_own_exposure(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    path, truth = line_file(tmp_path), dict[int, int]()
    line = asyncio.run(run(path, load_config(path), tmp_path, truth))
    assert line.pairing
    assert len(line.taken) >= FRAMES
    assert len({number for number, _ in line.taken}) == len(line.taken)
    latched = [(number, stamp.count) for number, stamp in line.taken if stamp.basis == "latched"]
    assert len(latched) >= FRAMES // 2
    assert latched == [(number, truth[number]) for number, _ in latched]
    for number, stamp in line.taken:  # a latch that a busy runtime did not read in time is interpolated
        assert abs(count_difference(stamp.count, truth[number])) <= stamp.uncertainty_counts
    assert line.frames.processed == len(line.taken) == line.pairing.latched + line.pairing.estimated
    assert line.frames.captured == line.frames.processed + line.frames.dropped
