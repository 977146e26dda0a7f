"""Cameras as a line has them: a network camera in its vision process, lost and back."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from controller.vision_process import VisionProcess
from tests.peers.cameras import free_port, need_rtsp_server, rtsp_camera
from tests.system.lines import CONFIGS, shipped, write
from vision.camera_state import CameraChange, CameraState
from vision.results import FrameResult, Idle

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


def network_camera_line(folder: Path, port: int) -> Path:
    """The line on real footage, with a network camera in the place of the clip."""
    config = shipped("real-belt.yaml")
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
