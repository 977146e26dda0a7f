"""The contract of `FrameSource` for every backend: files, streams, recordings, the plant, industrial cameras."""

import asyncio
import contextlib
import importlib.util
from collections.abc import AsyncGenerator, Callable, Coroutine
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sim.camera_client import SimSource
from sim.camera_server import CameraHello, FrameHeader, serve_camera
from tests.peers.cameras import DEBIAN_GI, gige_camera, need_aravis, need_rtsp_server, rtsp_camera
from tests.vision import frame_source_contract as contract
from tests.vision.test_recording_source import frame as recorded_frame
from tests.vision.test_recording_source import write as write_recording
from vision.annotate import write_video
from vision.camera_config import CameraConfig
from vision.genicam_config import AravisConfig, GenicamConfig
from vision.genicam_source import AravisSource, GenicamSource
from vision.opencv_config import OpencvConfig
from vision.opencv_source import OpencvSource
from vision.recording_source import RecordingSource
from vision.source import FrameSource

Opened = AsyncGenerator[tuple[FrameSource, CameraConfig], None]
VIEW: dict[str, Any] = {"geometry": "area_scan", "mm_per_px": 0.5, "view_along_mm": 60}


@contextlib.asynccontextmanager
async def video(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Opened:
    del monkeypatch
    path = folder / "belt.avi"
    write_video(path, (np.full((120, 160, 3), k * 20, np.uint8) for k in range(10)), 20)
    config = OpencvConfig.model_validate({**VIEW, "backend": "opencv", "path": path, "speed_mm_s": 100})
    yield OpencvSource(config, 10), config


@contextlib.asynccontextmanager
async def stream(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Opened:
    del folder, monkeypatch
    need_rtsp_server()
    with rtsp_camera() as (_, port):
        url = f"rtsp://127.0.0.1:{port}/belt"
        config = OpencvConfig.model_validate({**VIEW, "backend": "opencv", "url": url, "speed_mm_s": 100})
        yield OpencvSource(config, 10), config


@contextlib.asynccontextmanager
async def recording(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Opened:
    del monkeypatch
    write_recording(folder / "line.mcap", [recorded_frame(k) for k in range(8)])
    settings = {**VIEW, "view_along_mm": 4, "backend": "recording", "path": folder / "line.mcap"}
    config = RecordingSource.Config.model_validate(settings)
    yield RecordingSource(config, 10), config


@contextlib.asynccontextmanager
async def plant(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Opened:
    del folder, monkeypatch
    hello = CameraHello("area_scan", rows=120, columns=160, mm_per_px=0.5, counts_per_mm=10.0)
    loop = asyncio.get_running_loop()
    async with serve_camera("127.0.0.1", 0, hello) as server:

        async def expose() -> None:
            for number in range(10**6):
                pixels = np.random.default_rng(number).integers(0, 255, (120, 160, 3), np.uint8)
                if server.watched:
                    server.publish(FrameHeader(number, number * 50, "latched", loop.time()), pixels)
                await asyncio.sleep(0.02)

        exposing = asyncio.create_task(expose())
        try:
            config = SimSource.Config.model_validate({**VIEW, "backend": "sim", "port": server.port})
            yield SimSource(config, 10), config
        finally:
            exposing.cancel()
            await asyncio.gather(exposing, return_exceptions=True)


@contextlib.asynccontextmanager
async def gentl(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Opened:
    del folder, monkeypatch
    spec = importlib.util.find_spec("genicam")
    if spec is None or spec.origin is None:
        pytest.skip("the genicam wheel with its simulated producer is absent")
    cti = Path(spec.origin).parent / "viky.cti"
    settings = {**VIEW, "view_along_mm": 200, "backend": "genicam", "cti": cti, "speed_mm_s": 100}
    config = GenicamConfig.model_validate(settings)
    yield GenicamSource(config, 10), config


@contextlib.asynccontextmanager
async def aravis(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Opened:
    need_aravis()
    (folder / "gi").symlink_to(DEBIAN_GI)
    monkeypatch.setenv("PYTHONPATH", str(folder), prepend=":")
    with gige_camera():
        settings = {**VIEW, "view_along_mm": 256, "backend": "aravis", "camera": "127.0.0.1", "speed_mm_s": 100}
        config = AravisConfig.model_validate(settings)
        yield AravisSource(config, 10), config


Backend = Callable[[Path, pytest.MonkeyPatch], contextlib.AbstractAsyncContextManager[tuple[FrameSource, CameraConfig]]]
Check = Callable[[FrameSource, CameraConfig], Coroutine[Any, Any, None]]


def run(backend: Backend, check: Check, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario() -> None:
        async with backend(folder, monkeypatch) as (source, config):
            await check(source, config)

    asyncio.run(scenario())


@pytest.mark.parametrize("check", contract.BODY, ids=lambda c: c.__name__)
@pytest.mark.parametrize("backend", [video, recording, plant], ids=lambda b: b.__name__)
def test_backends_without_a_driver(
    backend: Backend, check: Check, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(backend, check, tmp_path, monkeypatch)


@pytest.mark.slow
@pytest.mark.parametrize("check", contract.BODY, ids=lambda c: c.__name__)
@pytest.mark.parametrize("backend", [stream, gentl, aravis], ids=lambda b: b.__name__)
def test_live_cameras(backend: Backend, check: Check, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run(backend, check, tmp_path, monkeypatch)
