"""The virtual camera over a real socket."""

import asyncio
import contextlib
import socket

import numpy as np
import pytest

from senbetsu_errors import NeedsOperator, Retryable
from sim import camera_client
from sim.camera_client import SimSource
from sim.camera_server import HELLO_SIZE, CameraHello, CameraServer, FrameHeader, serve_camera
from vision.frame import Frame

HELLO = CameraHello("area_scan", rows=64, columns=100, mm_per_px=0.5, counts_per_mm=10.0)


def config(port: int, **changes: object) -> SimSource.Config:
    settings = {"backend": "sim", "geometry": "area_scan", "mm_per_px": 0.5, "view_along_mm": 32, "port": port}
    return SimSource.Config.model_validate(settings | changes)


def picture(number: int, hello: CameraHello = HELLO) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    return np.random.default_rng(number).integers(0, 256, (hello.rows, hello.columns, 3), np.uint8)


def header(number: int) -> FrameHeader:
    return FrameHeader(number, (number * 500 - 700) % 2**32, "latched", 100.0 + number)


async def watched(server: CameraServer) -> None:
    for _ in range(1000):
        if server.watched:
            return
        await asyncio.sleep(0.005)
    pytest.fail("no viewer came")


async def taken(source: SimSource, number: int) -> list[Frame]:
    frames: list[Frame] = []
    async with asyncio.timeout(5):
        async for frame in source:
            frames.append(frame)
            if len(frames) == number:
                break
    return frames


def test_pixels_count_and_time_arrive_as_they_were_exposed() -> None:
    async def main() -> None:
        async with (
            serve_camera("127.0.0.1", 0, HELLO) as server,
            SimSource(config(server.port), 10.0) as source,
        ):
            await watched(server)
            for number in range(3, 6):
                server.publish(header(number), picture(number))
                (frame,) = await taken(source, 1)
                assert (frame.color == picture(number)).all()
                assert frame.encoder.count == header(number).encoder
                assert frame.encoder.basis == "latched"
                assert frame.captured_at_s == 100.0 + number
                assert frame.sequence == number - 3
            assert source.dropped == 0

    asyncio.run(main())


def test_a_camera_with_heights_delivers_them_beside_the_colour_gaps_included() -> None:
    deep = CameraHello("area_scan", rows=64, columns=100, mm_per_px=0.5, counts_per_mm=10.0, height=True)
    heights = np.random.default_rng(1).normal(3, 1, (64, 100)).astype(np.float32)
    heights[10:20, 30:40] = np.nan

    async def main() -> None:
        async with serve_camera("127.0.0.1", 0, deep) as server, SimSource(config(server.port), 10.0) as source:
            await watched(server)
            for number in range(3):
                server.publish(header(number), picture(number), heights + np.float32(number))
            for number, frame in enumerate(await taken(source, 3)):
                assert (frame.color == picture(number)).all()
                assert frame.channels["height"].dtype == np.float32
                assert np.array_equal(frame.channels["height"], heights + np.float32(number), equal_nan=True)
            with pytest.raises(ValueError, match="another set of channels"):
                server.publish(header(9), picture(9))

    asyncio.run(main())


@pytest.mark.parametrize("height", [False, True])
def test_readings_of_a_scale_come_with_their_frames_and_none_where_there_are_none(height: bool) -> None:
    weighing = CameraHello("area_scan", 64, 100, mm_per_px=0.5, counts_per_mm=10.0, height=height, mass=True)
    heights = np.ones((64, 100), np.float32) if height else None
    readings = np.array([[-150.0, 12.5], [-50.0, 12.75]], np.float32)

    async def main() -> None:
        async with serve_camera("127.0.0.1", 0, weighing) as server, SimSource(config(server.port), 10.0) as source:
            await watched(server)
            server.publish(header(0), picture(0), heights, readings)
            server.publish(header(1), picture(1), heights)
            server.publish(header(2), picture(2), heights, readings[:1])
            first, second, third = await taken(source, 3)
            assert np.array_equal(first.channels["mass"], readings)
            assert "mass" not in second.channels
            assert np.array_equal(third.channels["mass"], readings[:1])
            assert all((frame.color == picture(k)).all() for k, frame in enumerate((first, second, third)))

    asyncio.run(main())


def test_two_viewers_see_the_same() -> None:
    async def main() -> None:
        async with serve_camera("127.0.0.1", 0, HELLO) as server:
            async with SimSource(config(server.port), 10.0) as one, SimSource(config(server.port), 10.0) as other:
                await watched(server)
                await asyncio.sleep(0.05)
                server.publish(header(0), picture(0))
                (first,), (second,) = await asyncio.gather(taken(one, 1), taken(other, 1))
                assert (first.color == second.color).all()
            async with asyncio.timeout(5):
                number = 1
                while server.watched:  # a viewer that left is noticed when something is sent to it
                    server.publish(header(number), picture(number))
                    await asyncio.sleep(0.01)

    asyncio.run(main())


def test_a_slow_consumer_gets_the_newest_and_the_rest_is_counted() -> None:
    async def main() -> None:
        async with serve_camera("127.0.0.1", 0, HELLO) as server, SimSource(config(server.port), 10.0) as source:
            await watched(server)
            for number in range(20):
                server.publish(header(number), picture(number))
                await asyncio.sleep(0.01)  # the consumer is busy elsewhere; the source receives
            frames = await taken(source, 4)
            assert [f.sequence for f in frames] == [16, 17, 18, 19]
            assert source.dropped == 16

    asyncio.run(main())


def test_a_viewer_that_does_not_read_delays_nobody_and_sees_the_gap() -> None:
    large = CameraHello("area_scan", rows=640, columns=1600, mm_per_px=0.5, counts_per_mm=10.0)

    async def main() -> None:
        async with serve_camera("127.0.0.1", 0, large) as server:
            lazy = socket.create_connection(("127.0.0.1", server.port))
            with lazy:
                async with SimSource(config(server.port, view_along_mm=320), 10.0) as keen:
                    await watched(server)
                    for number in range(12):
                        server.publish(header(number), picture(0, large))
                        (frame,) = await taken(keen, 1)
                        assert frame.sequence == number
                    assert keen.dropped == 0

    asyncio.run(main())


def test_a_gap_in_the_camera_s_sequence_is_counted_as_dropped() -> None:
    async def main() -> None:
        async with serve_camera("127.0.0.1", 0, HELLO) as server, SimSource(config(server.port), 10.0) as source:
            await watched(server)
            for number in (5, 9):
                server.publish(header(number), picture(number))
                await taken(source, 1)
            assert source.dropped == 3

    asyncio.run(main())


def test_a_plant_that_goes_away_is_a_lost_camera() -> None:
    async def main() -> None:
        async with contextlib.AsyncExitStack() as stack:
            server = await stack.enter_async_context(serve_camera("127.0.0.1", 0, HELLO))
            async with SimSource(config(server.port), 10.0) as source:
                await watched(server)
                await stack.aclose()
                with pytest.raises(Retryable, match="camera is gone"):
                    await taken(source, 1)

    asyncio.run(main())


def test_it_waits_for_a_plant_that_starts_later_and_gives_up_in_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]

    async def main() -> None:
        async def late() -> None:
            await asyncio.sleep(0.2)
            async with serve_camera("127.0.0.1", port, HELLO):
                await asyncio.sleep(0.6)

        starting = asyncio.create_task(late())
        async with SimSource(config(port), 10.0):
            pass
        await starting
        monkeypatch.setattr(camera_client, "_CONNECT_WITHIN_S", 0.3)
        with pytest.raises(Retryable, match=f"No virtual camera answers at 127.0.0.1:{port}"):
            async with SimSource(config(port), 10.0):
                pass

    asyncio.run(main())


@pytest.mark.parametrize(
    ("changes", "counts_per_mm", "named"),
    [
        ({"view_along_mm": 40}, 10.0, "rows"),
        ({"mm_per_px": 0.25, "view_along_mm": 16}, 10.0, "mm_per_px"),
        ({"geometry": "line_scan"}, 10.0, "geometry"),
        ({"across_start_mm": 5}, 10.0, "across_start_mm"),
        ({}, 8.0, "counts_per_mm"),
    ],
)
def test_another_camera_than_configured_is_refused(
    changes: dict[str, object], counts_per_mm: float, named: str
) -> None:
    async def main() -> None:
        async with serve_camera("127.0.0.1", 0, HELLO) as server:
            with pytest.raises(NeedsOperator, match=named):
                async with SimSource(config(server.port, **changes), counts_per_mm):
                    pass

    asyncio.run(main())


def test_something_else_on_the_port_is_told_apart() -> None:
    async def main() -> None:
        async def chatter(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n".ljust(HELLO_SIZE))
            await writer.drain()
            writer.close()
            await writer.wait_closed()

        async with await asyncio.start_server(chatter, "127.0.0.1", 0) as other:
            port = other.sockets[0].getsockname()[1]
            with pytest.raises(NeedsOperator, match="not a virtual camera"):
                async with SimSource(config(port), 10.0):
                    pass

    asyncio.run(main())


def test_a_port_in_use_is_named_with_its_remedy() -> None:
    async def main() -> None:
        async with serve_camera("127.0.0.1", 0, HELLO) as server:
            with pytest.raises(NeedsOperator, match=f"127.0.0.1:{server.port}.*plant.servers.camera"):
                async with serve_camera("127.0.0.1", server.port, HELLO):
                    pass

    asyncio.run(main())
