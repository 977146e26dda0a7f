"""Publisher and server over real sockets, with real clients."""

import asyncio
import contextlib
import json
import os
import socket
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.typing import Origin

from controller.hmi.publisher import SnapshotPublisher
from controller.hmi.server import MOST_VIEWERS, HmiServer, serve_hmi
from controller.snapshot import Snapshot, decode
from senbetsu_errors import Fatal
from tests.controller.snapshots import EMPTY

LINE = replace(EMPTY, preview=b"\xff\xd8not shown by the JSON", preview_encoder=0)


@pytest.fixture
def snapshot_socket(tmp_path: Path) -> Path:
    tmp_path.chmod(0o700)
    return tmp_path / "s.sock"


def run(main: Coroutine[Any, Any, None]) -> None:
    async def bounded() -> None:
        async with asyncio.timeout(30):
            await main

    asyncio.run(bounded())


async def until(holds: Callable[[], Awaitable[bool]]) -> None:
    """Asks again and again what only the other side of a socket knows."""
    while not await holds():  # noqa: ASYNC110
        await asyncio.sleep(0.01)


@contextlib.asynccontextmanager
async def viewer(hmi: HmiServer, origin: str | None = "own") -> AsyncGenerator[ClientConnection]:
    here = f"127.0.0.1:{hmi.port}"
    sent = Origin(f"http://{here}" if origin == "own" else origin) if origin else None
    async with connect(f"ws://{here}/live", origin=sent, proxy=None) as websocket:
        yield websocket


@contextlib.asynccontextmanager
async def browser(hmi: HmiServer) -> AsyncGenerator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{hmi.port}", trust_env=False) as client:
        yield client


async def next_snapshot(websocket: ClientConnection) -> Snapshot:
    """The next binary message; what is said in between is left out."""
    while True:
        message = await websocket.recv()
        if isinstance(message, bytes):
            return decode(message)


def seen(count: int) -> Snapshot:
    return replace(LINE, seen=count)


def test_a_viewer_gets_each_snapshot_it_asks_for(snapshot_socket: Path) -> None:
    async def main() -> None:
        async with SnapshotPublisher(snapshot_socket) as publisher, HmiServer(snapshot_socket, "127.0.0.1", 0) as hmi:
            publisher.publish(seen(1))
            async with viewer(hmi) as websocket:
                assert await next_snapshot(websocket) == seen(1)
                publisher.publish(seen(2))
                await websocket.send("next")
                assert await next_snapshot(websocket) == seen(2)

    run(main())


def test_a_slow_viewer_misses_snapshots_and_never_gets_an_old_one(snapshot_socket: Path) -> None:
    async def main() -> None:
        async with (
            SnapshotPublisher(snapshot_socket) as publisher,
            HmiServer(snapshot_socket, "127.0.0.1", 0) as hmi,
            browser(hmi) as client,
        ):
            publisher.publish(seen(1))
            async with viewer(hmi) as websocket:
                assert await next_snapshot(websocket) == seen(1)
                for count in range(2, 200):
                    publisher.publish(seen(count))
                    await asyncio.sleep(0)

                async def has_last() -> bool:
                    return (await client.get("/api/snapshot")).json()["seen"] == 199

                await until(has_last)
                await websocket.send("next")
                assert await next_snapshot(websocket) == seen(199)

    run(main())


def test_a_reader_that_never_reads_costs_the_runtime_nothing(snapshot_socket: Path) -> None:
    async def main() -> None:
        picture = bytes(300_000)
        async with SnapshotPublisher(snapshot_socket) as publisher:
            stuck = socket.socket(socket.AF_UNIX)
            stuck.connect(str(snapshot_socket))
            good, writer = await asyncio.open_unix_connection(snapshot_socket, limit=2**22)
            for count in range(100):
                publisher.publish(replace(seen(count), preview=picture))
                await asyncio.sleep(0)
            # What the stuck reader's kernel buffer holds is all that waits for it: no more than a few.
            last = -1
            while last < 99:
                length = int.from_bytes(await good.readexactly(4), "big")
                last = decode(await good.readexactly(length)).seen
            stuck.settimeout(0)
            held = 0
            with contextlib.suppress(BlockingIOError):
                while (chunk := len(stuck.recv(2**20))) > 0:
                    held += chunk
            assert held < 3 * len(picture)
            stuck.close()
            writer.close()
            await writer.wait_closed()

    run(main())


def test_the_page_is_told_when_the_runtime_goes_and_comes_back(snapshot_socket: Path) -> None:
    async def main() -> None:
        async with HmiServer(snapshot_socket, "127.0.0.1", 0) as hmi, viewer(hmi) as websocket:
            assert json.loads(await websocket.recv()) == {"runtime_connected": False, "snapshot_age_s": None}
            async with SnapshotPublisher(snapshot_socket) as publisher:
                publisher.publish(seen(1))
                assert await next_snapshot(websocket) == seen(1)
                await websocket.send("next")
            told = json.loads(await websocket.recv())
            while told["runtime_connected"]:
                told = json.loads(await websocket.recv())
            assert told["snapshot_age_s"] > 0
            async with SnapshotPublisher(snapshot_socket) as publisher:
                publisher.publish(seen(2))
                assert await next_snapshot(websocket) == seen(2)

    run(main())


def test_who_comes_late_is_told_how_old_the_snapshot_is(snapshot_socket: Path) -> None:
    async def main() -> None:
        async with HmiServer(snapshot_socket, "127.0.0.1", 0) as hmi:
            async with SnapshotPublisher(snapshot_socket) as publisher:
                publisher.publish(seen(1))
                async with viewer(hmi) as websocket:
                    await next_snapshot(websocket)
            await asyncio.sleep(0.05)
            async with viewer(hmi) as websocket:
                assert json.loads(await websocket.recv())["snapshot_age_s"] >= 0.05
                assert await next_snapshot(websocket) == seen(1)

    run(main())


@pytest.mark.parametrize("origin", ["http://evil.example", "null", None])
def test_a_foreign_page_gets_no_live_data(snapshot_socket: Path, origin: str | None) -> None:
    async def main() -> None:
        async with HmiServer(snapshot_socket, "127.0.0.1", 0) as hmi:
            with pytest.raises(InvalidStatus) as refused:
                async with viewer(hmi, origin=origin):
                    pass
            assert refused.value.response.status_code == 403

    run(main())


def test_a_rebound_host_name_is_refused_by_page_and_websocket(snapshot_socket: Path) -> None:
    async def main() -> None:
        async with HmiServer(snapshot_socket, "127.0.0.1", 0) as hmi, browser(hmi) as client:
            host = f"evil.example:{hmi.port}"
            for path in ("/", "/healthz", "/api/snapshot"):
                assert (await client.get(path, headers={"Host": host})).status_code == 421
            with pytest.raises(InvalidStatus):
                async with connect(
                    f"ws://{host}/live", host="127.0.0.1", port=hmi.port, origin=Origin(f"http://{host}"), proxy=None
                ):
                    pass
            for name in (f"localhost:{hmi.port}", f"[::1]:{hmi.port}", "192.0.2.7"):
                assert (await client.get("/healthz", headers={"Host": name})).status_code == 200

    run(main())


def test_every_answer_carries_the_protecting_headers(snapshot_socket: Path) -> None:
    async def main() -> None:
        async with HmiServer(snapshot_socket, "127.0.0.1", 0) as hmi, browser(hmi) as client:
            for path in ("/", "/app.js", "/style.css", "/healthz", "/api/snapshot", "/nothing"):
                headers = (await client.get(path)).headers
                assert headers["x-content-type-options"] == "nosniff"
                assert "default-src 'none'" in headers["content-security-policy"]
                assert "unsafe" not in headers["content-security-policy"]
                assert "server" not in headers

    run(main())


def test_nothing_can_be_written(snapshot_socket: Path) -> None:
    async def main() -> None:
        async with HmiServer(snapshot_socket, "127.0.0.1", 0) as hmi, browser(hmi) as client:
            for path in ("/", "/app.js", "/healthz", "/api/snapshot"):
                for method in ("POST", "PUT", "PATCH", "DELETE"):
                    assert (await client.request(method, path)).status_code == 405
            assert (await client.get("/../server.py")).status_code == 404
            assert (await client.get("/%2e%2e/server.py")).status_code == 404

    run(main())


def test_a_word_that_is_not_next_ends_the_connection(snapshot_socket: Path) -> None:
    async def main() -> None:
        async with SnapshotPublisher(snapshot_socket) as publisher, HmiServer(snapshot_socket, "127.0.0.1", 0) as hmi:
            publisher.publish(seen(1))
            async with viewer(hmi) as websocket:
                await next_snapshot(websocket)
                await websocket.send("stop the line")
                with pytest.raises(ConnectionClosed) as closed:
                    await next_snapshot(websocket)
                assert closed.value.rcvd is not None
                assert closed.value.rcvd.code == 1008

    run(main())


def test_json_has_the_figures_without_the_picture_and_says_their_age(snapshot_socket: Path) -> None:
    async def main() -> None:
        async with HmiServer(snapshot_socket, "127.0.0.1", 0) as hmi, browser(hmi) as client:
            assert (await client.get("/api/snapshot")).status_code == 503
            async with SnapshotPublisher(snapshot_socket) as publisher:
                publisher.publish(seen(7))

                async def answers() -> bool:
                    return (await client.get("/api/snapshot")).status_code == 200

                await until(answers)
                answer = await client.get("/api/snapshot")
                assert answer.json()["seen"] == 7
                assert "preview" not in answer.json()
                assert answer.headers["age"] == "0"
                assert (await client.get("/healthz")).json()["runtime_connected"] is True

    run(main())


def test_one_viewer_too_many_is_refused_and_a_place_is_free_again_later(snapshot_socket: Path) -> None:
    async def main() -> None:
        async with HmiServer(snapshot_socket, "127.0.0.1", 0) as hmi:
            async with contextlib.AsyncExitStack() as stack:
                for _ in range(MOST_VIEWERS):
                    await (await stack.enter_async_context(viewer(hmi))).recv()
                with pytest.raises(InvalidStatus):
                    await stack.enter_async_context(viewer(hmi))

            async def has_place() -> bool:
                with contextlib.suppress(InvalidStatus):
                    async with viewer(hmi) as websocket:
                        await websocket.recv()
                        return True
                return False

            await until(has_place)

    run(main())


def test_a_port_in_use_is_said_with_the_key_to_change(snapshot_socket: Path) -> None:
    async def main() -> None:
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            port = taken.getsockname()[1]
            with pytest.raises(Fatal, match=rf"hmi\.port_in_use.*{port}.*hmi\.port"):
                await serve_hmi(snapshot_socket, "127.0.0.1", port)

    run(main())


@pytest.mark.parametrize("host", ["no such host.invalid", "203.0.113.9"])
def test_an_address_that_is_not_ours_is_said_with_the_key_to_change(snapshot_socket: Path, host: str) -> None:
    async def main() -> None:
        with pytest.raises(Fatal, match=r"hmi\.host"):
            await serve_hmi(snapshot_socket, host, 0)

    run(main())


def test_the_socket_is_private_and_gone_afterwards(snapshot_socket: Path) -> None:
    modes: list[int] = []

    async def main() -> None:
        async with SnapshotPublisher(snapshot_socket):
            modes.append(os.stat(snapshot_socket).st_mode & 0o777)

    run(main())
    assert modes == [0o600]
    assert not snapshot_socket.exists()


def test_a_folder_open_to_others_is_refused(snapshot_socket: Path) -> None:
    async def main() -> None:
        snapshot_socket.parent.chmod(0o755)
        with pytest.raises(Fatal, match=r"hmi\.socket_folder.*chmod 700"):
            await SnapshotPublisher(snapshot_socket).__aenter__()

    run(main())


def test_a_second_runtime_does_not_take_the_socket_of_the_first(snapshot_socket: Path) -> None:
    async def main() -> None:
        async with SnapshotPublisher(snapshot_socket):
            with pytest.raises(Fatal, match=r"hmi\.socket_in_use"):
                await SnapshotPublisher(snapshot_socket).__aenter__()

    run(main())


def test_the_socket_of_a_crashed_runtime_is_replaced(snapshot_socket: Path) -> None:
    async def main() -> None:
        with socket.socket(socket.AF_UNIX) as crashed:
            crashed.bind(str(snapshot_socket))
        async with SnapshotPublisher(snapshot_socket) as publisher, HmiServer(snapshot_socket, "127.0.0.1", 0) as hmi:
            publisher.publish(seen(3))
            async with viewer(hmi) as websocket:
                assert await next_snapshot(websocket) == seen(3)

    run(main())


def test_a_snapshot_with_nan_is_not_sent_and_does_not_stop_the_line(snapshot_socket: Path) -> None:
    async def main() -> None:
        async with SnapshotPublisher(snapshot_socket) as publisher, HmiServer(snapshot_socket, "127.0.0.1", 0) as hmi:
            publisher.publish(seen(1))
            async with viewer(hmi) as websocket:
                assert await next_snapshot(websocket) == seen(1)
                publisher.publish(replace(LINE, parts_per_s=float("nan")))
                publisher.publish(seen(2))
                await websocket.send("next")
                assert await next_snapshot(websocket) == seen(2)

    run(main())


def test_closing_the_server_ends_a_waiting_viewer_in_order(snapshot_socket: Path) -> None:
    async def main() -> None:
        async with contextlib.AsyncExitStack() as stack:
            async with HmiServer(snapshot_socket, "127.0.0.1", 0) as hmi:
                websocket = await stack.enter_async_context(viewer(hmi))
                await websocket.recv()
            with pytest.raises(ConnectionClosed) as closed:
                await next_snapshot(websocket)
            assert closed.value.rcvd is not None
            assert closed.value.rcvd.code in (1001, 1012)

    run(main())
