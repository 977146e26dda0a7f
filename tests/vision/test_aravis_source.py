"""A GigE Vision camera over real GVCP and GVSP on loopback: its wraps, its losses, its triggers, its absence."""

import asyncio
import contextlib
import sys
import time
from collections.abc import AsyncIterator
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from senbetsu_errors import NeedsOperator, Retryable, SenbetsuError
from tests.peers.cameras import DEBIAN_GI, gige_camera, need_aravis
from vision.aravis_driver import AravisDriver
from vision.frame import Frame
from vision.genicam_config import AravisConfig
from vision.genicam_source import AravisSource

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True)
def aravis(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Lets driver processes see Debian's GObject bindings and nothing else of Debian's Python."""
    need_aravis()
    (tmp_path / "bindings").mkdir()
    (tmp_path / "bindings" / "gi").symlink_to(DEBIAN_GI)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "bindings"), prepend=":")


def config(**overrides: object) -> AravisConfig:
    values: dict[str, object] = {
        "backend": "aravis",
        "camera": "127.0.0.1",
        "geometry": "area_scan",
        "mm_per_px": 0.5,
        "view_along_mm": 256,
        "speed_mm_s": 100,
    }
    return AravisConfig.model_validate(values | overrides)


async def frames_of(source: AravisSource, count: int) -> list[Frame]:
    async with source, contextlib.aclosing(aiter(source)) as stream:
        return [await anext(stream) for _ in range(count)]


def refusal(**overrides: object) -> SenbetsuError:
    with pytest.raises(SenbetsuError) as caught:
        asyncio.run(frames_of(AravisSource(config(**overrides), 10), 1))
    return caught.value


def is_whole(frame: Frame) -> bool:
    """The fake camera's pattern in Mono8, (frame id + row + column) modulo 255: alike along each diagonal."""
    grey = frame.color[:, :, 0]
    return bool((grey[1:, :-1] == grey[:-1, 1:]).all())


def ids(frame: Frame) -> int:
    """The frame id modulo 255, out of the pattern. 65535 is 257 x 255: it goes on evenly over the wrap."""
    return int(frame.color[0, 0, 0])


def test_numbers_go_on_over_the_16_bit_wrap() -> None:
    """The fake camera's ids begin at 65401: the wrap from 65535 to 1 comes after 135 frames."""
    with gige_camera():
        source = AravisSource(config(), 10)
        frames = asyncio.run(frames_of(source, 160))
    assert all(b.sequence > a.sequence for a, b in pairwise(frames))
    assert frames[-1].sequence + 1 == len(frames) + source.dropped
    assert frames[-1].sequence >= 159
    assert source.dropped < 30_000  # on a busy machine some; a leap at the wrap would be 65 thousand
    assert [ids(f) for f in frames] == [(ids(frames[0]) + f.sequence) % 255 for f in frames]


def test_a_frame_that_lacks_packets_is_dropped_and_counted_and_shifts_no_number() -> None:
    with gige_camera(lost_per_thousand=3):
        source = AravisSource(config(resend=False, packet_bytes=1500, open_timeout_s=30), 10)
        frames = asyncio.run(frames_of(source, 25))
    # About 180 packets a frame at 3 per thousand: six in ten frames come whole.
    assert source.dropped > 3
    assert frames[-1].sequence + 1 == len(frames) + source.dropped
    assert all(is_whole(f) for f in frames)
    assert [ids(f) for f in frames] == [(ids(frames[0]) + f.sequence) % 255 for f in frames]


@pytest.mark.parametrize("pixel_format", ["Mono8", "Mono16", "BayerRG8", "BayerGB8", "RGB8"])
def test_pixel_formats_are_set_and_turned_into_bgr(pixel_format: str) -> None:
    with gige_camera():
        (frame,) = asyncio.run(frames_of(AravisSource(config(pixel_format=pixel_format, exposure_us=2000), 10), 1))
    assert frame.color.shape == (512, 512, 3)
    assert frame.color.dtype == np.uint8
    grey = bool((frame.color[:, :, 0] == frame.color[:, :, 2]).all())
    assert grey == pixel_format.startswith("Mono")


def test_a_software_trigger_gives_the_pace() -> None:
    with gige_camera():
        software = config(trigger={"source": "Software"}, frame_rate_hz=5)
        frames = asyncio.run(frames_of(AravisSource(software, 10), 8))
    apart_s = (frames[-1].captured_at_s - frames[0].captured_at_s) / (frames[-1].sequence - frames[0].sequence)
    assert apart_s == pytest.approx(0.2, rel=0.25)  # free running it is 0.04


def test_a_camera_that_waits_for_a_hardware_trigger_is_silent_and_alive_where_that_is_normal() -> None:
    async def scenario() -> None:
        triggered = config(trigger={"source": "Line0"}, idle_is_normal=True, lost_after_s=0.6)
        async with AravisSource(triggered, 10) as source, contextlib.aclosing(aiter(source)) as stream:
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(1.5):
                    await anext(stream)

    with gige_camera():
        asyncio.run(scenario())
        error = refusal(trigger={"source": "Line0"}, open_timeout_s=4)
    assert (error.code, type(error)) == ("camera.unreachable", Retryable)
    assert "trigger" in error.remedy


async def lost(frames: AsyncIterator[Frame]) -> tuple[SenbetsuError, float]:
    started_s = time.monotonic()
    try:
        while True:
            await anext(frames)
    except SenbetsuError as error:
        return error, time.monotonic() - started_s


def test_a_camera_that_goes_away_is_lost_in_time_and_opened_when_it_is_back() -> None:
    async def scenario() -> None:
        source = AravisSource(config(lost_after_s=1.0), 10)
        with gige_camera() as camera:
            async with source, contextlib.aclosing(aiter(source)) as stream:
                await anext(stream)
                camera.kill()
                error, took_s = await lost(stream)
                assert (error.code, type(error)) == ("camera.lost", Retryable)
                assert took_s < 1.0 + 3.0
        with gige_camera():
            assert len(await frames_of(AravisSource(config(open_timeout_s=20), 10), 3)) == 3

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("overrides", "says"),
    [
        ({"exposure_us": 1e9}, "It takes 10 to 1e+07"),
        ({"gain_db": 5}, "no feature Gain"),
        ({"pixel_format": "BayerRG12p"}, "It takes BayerBG8"),
        ({"features": [{"name": "Width", "value": 100.5}]}, "of the kind int"),
        ({"encoder_chunk": "ChunkEncoderValue"}, "camera.encoder_chunk needs"),
    ],
)
def test_what_the_camera_does_not_do_is_said(overrides: dict[str, object], says: str) -> None:
    with gige_camera():
        error = refusal(**overrides)
    assert (error.code, type(error)) == ("camera.setting", NeedsOperator)
    assert says in str(error)


def test_a_camera_that_is_not_there_is_tried_again() -> None:
    error = refusal(camera="127.0.0.9")
    assert (error.code, type(error)) == ("camera.unreachable", Retryable)


def test_without_the_bindings_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "gi", None)
    with pytest.raises(NeedsOperator, match=r"camera\.aravis_missing.*gir1\.2-aravis"):
        AravisDriver(config()).connect()
