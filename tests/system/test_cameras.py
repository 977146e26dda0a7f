"""Cameras as a line has them: a network camera that is lost and comes back, counts from the PLC's trigger latch."""

import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, cast

import pytest
from ruamel.yaml import YAML

from controller.vision_process import VisionProcess
from tests.peers.cameras import free_port, need_rtsp_server, rtsp_camera
from tests.system.lines import CONFIGS, demo_on_free_ports, write
from vision.camera_state import CameraChange, CameraState
from vision.results import FrameResult, Idle

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


def network_camera_line(folder: Path, port: int) -> Path:
    """The line on real footage, with a network camera in the place of the clip."""
    config = cast("Any", YAML(typ="safe", pure=True)).load((CONFIGS / "real-belt.yaml").read_text())
    kept = {key: config["camera"][key] for key in ("backend", "geometry", "mm_per_px", "speed_mm_s", "frame_rate_hz")}
    url = f"rtsp://127.0.0.1:{port}/belt"
    config["camera"] = {**kept, "view_along_mm": 240, "url": url, "read_timeout_s": 1.0}
    config["recipe"] = str(CONFIGS / config["recipe"])
    return write(folder, config)


async def changes_until(
    results: AsyncIterator[FrameResult | Idle | CameraChange], state: CameraState
) -> list[CameraChange]:
    found: list[CameraChange] = []
    async for message in results:
        if isinstance(message, CameraChange):
            found.append(message)
            if message.state is state:
                return found
    raise AssertionError(f"vision ended before the camera was {state.value}")


def test_a_network_camera_that_is_frozen_is_lost_and_comes_back(tmp_path: Path) -> None:
    need_rtsp_server()

    port = free_port()

    async def scenario() -> list[CameraChange]:
        config_path = network_camera_line(tmp_path, port)
        async with VisionProcess(config_path, tmp_path / "vision.sock") as vision:
            results = vision.results()
            with rtsp_camera(port=port, size="272x480") as (camera, _):
                seen = await changes_until(results, CameraState.DELIVERING)
                camera.freeze()
                seen += await changes_until(results, CameraState.LOST)
                camera.thaw()
                seen += await changes_until(results, CameraState.DELIVERING)
        return seen

    seen = asyncio.run(scenario())
    states = [change.state for change in seen]
    assert states == [CameraState.OPENING, CameraState.DELIVERING, CameraState.LOST, CameraState.DELIVERING]
    assert f"{port}/belt" in seen[2].reason  # FFmpeg or the source says it, whichever is first
    assert seen[3].reopened == 1
    assert seen[3].downtime_s > 0


@pytest.mark.alone
def test_a_line_in_real_time_takes_its_counts_from_the_plcs_latch(tmp_path: Path) -> None:
    config = demo_on_free_ports()
    # The plant's pictures say when they were exposed; on a busy machine the plant itself is late.
    config["camera"] |= {
        "encoder_from": "plc_trigger",
        "exposure_latency_min_ms": -12,
        "exposure_latency_max_ms": 12,
        "frame_rate_hz": 10,
    }
    del config["plant"]["servers"]["opcua"]  # takes seconds to start, and nobody asks it here
    path = write(tmp_path, config)
    done = subprocess.run(
        [sys.executable, "-m", "controller.cli", "run", str(path), "--for", "30", "--json"],
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    summary = json.loads(done.stdout)
    frames = summary["frames"]
    assert frames["captured"] == frames["processed"] + frames["dropped"]
    assert frames["processed"] > frames["dropped"]
    assert summary["outcomes"]["ejected"] > 0
    assert summary["camera"] == {"reopened": 0, "downtime_s": 0.0}
