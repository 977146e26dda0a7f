"""Live OpenCV cameras: real RTSP and HTTP servers that are slow, frozen, killed, restarted or speak nonsense."""

import asyncio
import contextlib
import os
import signal
import time
from collections.abc import AsyncGenerator, AsyncIterator
from itertools import pairwise
from pathlib import Path

import pytest

from senbetsu_errors import NeedsOperator, Retryable, SenbetsuError
from tests.peers.cameras import free_port, http_camera, need_ffmpeg, need_rtsp_server, rtsp_camera
from vision.frame import Frame
from vision.opencv_source import OpencvSource

SPARE_S = 3.0
"""What starting a Python process that imports OpenCV, and a busy machine, may add to a bound."""


def config(**overrides: object) -> OpencvSource.Config:
    values: dict[str, object] = {
        "backend": "opencv",
        "geometry": "area_scan",
        "mm_per_px": 0.5,
        "view_along_mm": 60,
        "speed_mm_s": 100,
    }
    return OpencvSource.Config.model_validate(values | overrides)


@contextlib.asynccontextmanager
async def opened(**overrides: object) -> AsyncGenerator[tuple[OpencvSource, AsyncIterator[Frame]], None]:
    async with (
        OpencvSource(config(**overrides), 10) as source,
        contextlib.aclosing(aiter(source)) as frames,
    ):
        yield source, frames


async def until_error(frames: AsyncIterator[Frame]) -> tuple[SenbetsuError, float]:
    """The error that ends the frames, and how long it took."""
    started_s = time.monotonic()
    try:
        while True:
            await anext(frames)
    except SenbetsuError as error:
        return error, time.monotonic() - started_s


async def refusal(**overrides: object) -> tuple[SenbetsuError, float]:
    """The error of opening, and how long it took."""
    started_s = time.monotonic()
    with pytest.raises(SenbetsuError) as caught:
        async with opened(**overrides):
            pass
    return caught.value, time.monotonic() - started_s


def drivers() -> list[int]:
    """The driver processes that this process started and that still run."""
    children = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
    return [int(c) for c in children if b"capture_child" in Path(f"/proc/{c}/cmdline").read_bytes()]


@pytest.mark.slow
@pytest.mark.parametrize(("codec", "transport"), [("jpeg", "tcp"), ("h264", "tcp"), ("h264", "udp"), ("h265", "tcp")])
def test_an_rtsp_camera_is_seen_fresh_frozen_and_killed(codec: str, transport: str) -> None:
    need_rtsp_server(codec)

    async def scenario() -> None:
        with rtsp_camera(codec) as (server, port):
            address = f"rtsp://127.0.0.1:{port}/belt"
            async with opened(url=address, rtsp_transport=transport, read_timeout_s=1.0) as (source, frames):
                found = [await anext(frames) for _ in range(20)]
                assert all(f.color.shape == (120, 160, 3) for f in found)
                assert all(b.sequence > a.sequence and b.captured_at_s > a.captured_at_s for a, b in pairwise(found))
                assert {f.encoder.basis for f in found} == {"estimated"}
                dropped = source.dropped
                await asyncio.sleep(2.0)
                frame = await anext(frames)
                # 2 s at 25 pictures/s went by, and what comes is no older than a picture or two.
                assert source.dropped - dropped > 30
                assert asyncio.get_running_loop().time() - frame.captured_at_s < 0.5
                assert frame.sequence + 1 == len(found) + 1 + source.dropped
                server.freeze()
                error, took_s = await until_error(frames)
                assert error.code == "camera.lost"
                assert isinstance(error, Retryable)
                assert 0.5 < took_s < 1.0 + SPARE_S
            server.thaw()
            async with opened(url=address, rtsp_transport="tcp") as (_, frames):
                await anext(frames)
                server.kill()
                error, took_s = await until_error(frames)
                assert error.code == "camera.lost"
                assert took_s < SPARE_S

    asyncio.run(scenario())


@pytest.mark.slow
def test_an_http_camera_that_is_restarted_is_opened_again() -> None:
    need_ffmpeg()

    async def first_frame(url: str) -> Frame:
        for _ in range(100):
            with contextlib.suppress(Retryable):
                async with opened(url=url) as (_, frames):
                    return await anext(frames)
            await asyncio.sleep(0.1)
        raise AssertionError("the camera never came")

    async def scenario() -> None:
        port = free_port()
        url = f"http://127.0.0.1:{port}/belt.mjpg"
        with http_camera(port):
            before = await first_frame(url)
        with http_camera(port):
            after = await first_frame(url)
        assert after.color.shape == before.color.shape == (120, 160, 3)
        # The estimated count went on while the camera was away, at 100 mm/s and 10 counts/mm.
        away_s = after.captured_at_s - before.captured_at_s
        assert (after.encoder.count - before.encoder.count) % 2**32 == pytest.approx(away_s * 1000, abs=1.1)

    asyncio.run(scenario())


@contextlib.asynccontextmanager
async def tcp_server(answer: bytes, *, hang_up: bool) -> AsyncGenerator[int, None]:
    """A server that says `answer` to whatever is asked first, and nothing more."""
    gone = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            await reader.readuntil(b"\r\n\r\n")
            writer.write(answer)
            await writer.drain()
            if not hang_up:
                await gone.wait()
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        yield int(server.sockets[0].getsockname()[1])
        gone.set()


OPTIONS = b"RTSP/1.0 200 OK\r\nCSeq: 1\r\nPublic: OPTIONS, DESCRIBE, SETUP, PLAY, TEARDOWN\r\n\r\n"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("scheme", "answer"),
    [("rtsp", OPTIONS), ("rtsp", b""), ("http", b""), ("http", b"HTTP/1.0 200 OK\r\n\r\n")],
    ids=["hangs in DESCRIBE", "hangs in OPTIONS", "hangs in GET", "hangs before the first picture"],
)
def test_a_server_that_hangs_costs_no_more_than_the_configured_time(scheme: str, answer: bytes) -> None:
    async def scenario() -> None:
        async with tcp_server(answer, hang_up=False) as port:
            ticks = 0

            async def tick() -> None:
                nonlocal ticks
                while True:
                    await asyncio.sleep(0.01)
                    ticks += 1

            ticking = asyncio.create_task(tick())
            error, took_s = await refusal(url=f"{scheme}://127.0.0.1:{port}/belt", open_timeout_s=0.5)
            ticking.cancel()
        assert error.code == "camera.unreachable"
        assert isinstance(error, Retryable)
        assert took_s < 0.5 + 1.0 + SPARE_S
        assert ticks > 20  # the loop went on meanwhile
        assert not drivers()

    asyncio.run(scenario())


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["rtsp", "http"])
def test_nonsense_is_a_camera_that_cannot_be_reached(scheme: str) -> None:
    async def scenario() -> SenbetsuError:
        async with tcp_server(bytes(range(256)) * 64, hang_up=True) as port:
            error, _ = await refusal(url=f"{scheme}://127.0.0.1:{port}/belt", open_timeout_s=3)
            return error

    error = asyncio.run(scenario())
    assert error.code == "camera.unreachable"
    assert isinstance(error, Retryable)


@pytest.mark.slow
def test_a_driver_that_was_killed_is_a_lost_camera() -> None:
    need_ffmpeg()

    async def scenario() -> SenbetsuError:
        port = free_port()
        with http_camera(port):
            for _ in range(50):
                with contextlib.suppress(Retryable):
                    async with opened(url=f"http://127.0.0.1:{port}/belt.mjpg") as (_, frames):
                        await anext(frames)
                        (driver,) = drivers()
                        os.kill(driver, signal.SIGKILL)
                        return (await until_error(frames))[0]
                await asyncio.sleep(0.1)
        raise AssertionError("the camera never came")

    error = asyncio.run(scenario())
    assert (error.code, "exit code -9" in error.message) == ("camera.lost", True)


@pytest.mark.slow
def test_a_device_that_is_not_there_is_tried_again_and_a_file_is_refused(tmp_path: Path) -> None:
    error, _ = asyncio.run(refusal(device=97))
    assert (error.code, type(error)) == ("camera.unreachable", Retryable)
    error, _ = asyncio.run(refusal(device="/dev/null"))
    assert (error.code, type(error)) == ("camera.unreachable", Retryable)
    plain = tmp_path / "video0"
    plain.touch()
    error, _ = asyncio.run(refusal(device=str(plain)))
    assert (error.code, type(error)) == ("camera.missing", NeedsOperator)


@pytest.mark.slow
def test_a_password_goes_to_the_server_and_into_no_message(tmp_path: Path) -> None:
    asked: list[bytes] = []

    async def scenario() -> SenbetsuError:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            asked.append(await reader.readuntil(b"\r\n\r\n"))
            writer.write(b'HTTP/1.0 401 Unauthorized\r\nWWW-Authenticate: Basic realm="cam"\r\n\r\n')
            writer.close()

        async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
            url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/belt"
            (tmp_path / "password").write_text("s3cret/@\n")
            error, _ = await refusal(url=url, user="line", password_file=tmp_path / "password")
            return error

    error = asyncio.run(scenario())
    assert any(b"Authorization: Basic bGluZTpzM2NyZXQvQA==" in request for request in asked)  # line:s3cret/@
    assert "s3cret" not in str(error)
    error, _ = asyncio.run(refusal(url="http://127.0.0.1:9/", user="line", password_file=tmp_path / "none"))
    assert error.code == "camera.password"
