"""The web server of the HMI. It reads snapshots, serves one page, and can change nothing on the line.

/            the page: static files, read once at the start
/live        WebSocket: the newest snapshot as binary, the next one when the page asks for it
/api/snapshot  the newest snapshot as JSON, without the picture, its age in the Age header
/odd/N.png   the picture of odd part N
/api/label   POST: what a part is (controller.hmi.commands), from a page of this server on this PC only
/healthz     whether this process serves, and whether it hears the runtime
"""

import asyncio
import contextlib
import errno
import signal
import socket
from collections.abc import Generator
from pathlib import Path
from types import TracebackType
from typing import Self

import structlog
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from controller.hmi.feed import SnapshotFeed
from controller.hmi.guard import Guard
from controller.hmi.odd import odd_routes
from controller.snapshot import split
from senbetsu_errors import Fatal

MOST_VIEWERS = 32
STATUS_PERIOD_S = 1.0
"""How often a page that waits is told that this server lives and whether the runtime does."""

_STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT)
_STATIC = Path(__file__).parent / "static"
_MEDIA_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
}

_log = structlog.stdlib.get_logger(__name__)


class _Server(uvicorn.Server):
    """uvicorn without its signal handlers: it would raise the signal again when it is done."""

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None]:
        yield


class HmiServer:
    """Async context manager: the HMI served on `host`:`port` (0 takes a free one, see `port`).

    Entering raises Fatal: `hmi.port_in_use`, `hmi.port_not_allowed`, `hmi.host`.
    """

    def __init__(self, snapshot_socket: Path, host: str, port: int, odd_folder: Path | None = None) -> None:
        self._odd_folder = odd_folder
        self._feed = SnapshotFeed(snapshot_socket)
        self._host = host
        self.port = port
        self._tasks: tuple[asyncio.Task[None], ...] = ()

    async def __aenter__(self) -> Self:
        listener = _listen(self._host, self.port)
        self.port = listener.getsockname()[1]
        self._web = _Server(
            uvicorn.Config(
                _application(self._feed, self._host, self._odd_folder),
                http="h11",
                ws="websockets-sansio",
                ws_max_size=1024,
                ws_ping_interval=10,
                ws_ping_timeout=10,
                lifespan="off",
                log_config=None,
                access_log=False,
                server_header=False,
                proxy_headers=False,
                timeout_graceful_shutdown=2,
            )
        )
        loop = asyncio.get_running_loop()
        self._tasks = (
            loop.create_task(self._web.serve(sockets=[listener]), name="hmi web"),
            loop.create_task(self._feed.run(), name="hmi feed"),
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
        web, feed = self._tasks
        feed.cancel()
        await asyncio.wait((web, feed))

    def stop(self) -> None:
        """Asks the server to close every connection and end; `wait` returns when it has."""
        self._feed.close()
        self._web.should_exit = True

    async def wait(self) -> None:
        """Returns, or raises what went wrong, when one of the two tasks ends by itself."""
        done, _ = await asyncio.wait(self._tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()


async def serve_hmi(snapshot_socket: Path, host: str, port: int, odd_folder: Path | None = None) -> None:
    """Serves the HMI until SIGTERM, SIGINT or cancellation, then closes every connection in order.

    `odd_folder` is where the line keeps odd parts, if it does. Raises Fatal as `HmiServer` does. Run it in a
    process of its own, in the main thread.
    """
    async with HmiServer(snapshot_socket, host, port, odd_folder) as hmi:
        loop = asyncio.get_running_loop()
        for number in _STOP_SIGNALS:
            loop.add_signal_handler(number, hmi.stop)
        try:
            _log.info("HMI", url=f"http://{_in_url(host)}:{hmi.port}/")
            await hmi.wait()
        finally:
            for number in _STOP_SIGNALS:
                loop.remove_signal_handler(number)


def _application(feed: SnapshotFeed, host: str, odd_folder: Path | None) -> Guard:
    viewers = 0

    async def live(websocket: WebSocket) -> None:
        nonlocal viewers
        if viewers >= MOST_VIEWERS:
            await websocket.close(code=1013)
            return
        viewers += 1
        try:
            await _show(websocket, feed)
        except WebSocketDisconnect:
            pass
        finally:
            viewers -= 1

    async def snapshot(_: Request) -> Response:
        age_s = feed.age_s()
        if feed.newest is None or age_s is None:
            return JSONResponse({"error": "no snapshot from the runtime yet"}, status_code=503)
        return Response(
            split(feed.newest)[0],
            media_type="application/json",
            headers={"Age": str(int(age_s)), "Cache-Control": "no-store"},
        )

    async def health(_: Request) -> Response:
        return JSONResponse(_status(feed), headers={"Cache-Control": "no-store"})

    routes = [
        *odd_routes(feed, odd_folder),
        Route("/healthz", health),
        Route("/api/snapshot", snapshot),
        WebSocketRoute("/live", live),
        *_pages(),
    ]
    return Guard(Starlette(routes=routes), host)


async def _show(websocket: WebSocket, feed: SnapshotFeed) -> None:
    """One viewer. A snapshot goes out only when the page has asked for it, so that none ever waits
    in a buffer on the way to a slow browser; while it has nothing to show it is told how things are."""
    await websocket.accept()
    await websocket.send_json(_status(feed))
    shown = 0
    while not feed.closed:
        await feed.wait_after(shown, STATUS_PERIOD_S)
        if feed.newest is not None and feed.number > shown:
            shown = feed.number
            await websocket.send_bytes(feed.newest)
            if await websocket.receive_text() != "next":
                await websocket.close(code=1008)
                return
        else:
            await websocket.send_json(_status(feed))
    await websocket.close(code=1001)


def _status(feed: SnapshotFeed) -> dict[str, bool | float | None]:
    return {"runtime_connected": feed.connected, "snapshot_age_s": feed.age_s()}


def _pages() -> list[Route]:
    """A route a file: read once, so that no request ever reaches the file system."""

    def page(path: str, body: bytes, media_type: str) -> Route:
        async def serve(_: Request) -> Response:
            return Response(body, media_type=media_type, headers={"Cache-Control": "no-cache"})

        return Route(path, serve)

    routes: list[Route] = []
    for file in sorted(_STATIC.iterdir()):
        if file.suffix in _MEDIA_TYPES:
            path = "/" if file.name == "index.html" else f"/{file.name}"
            routes.append(page(path, file.read_bytes(), _MEDIA_TYPES[file.suffix]))
    return routes


def _listen(host: str, port: int) -> socket.socket:
    """A bound, listening socket, or a Fatal that names the configuration key to change."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    except socket.gaierror as error:
        raise Fatal("hmi.host", f"hmi.host is {host!r}, which is no address here: {error.strerror}.") from error
    listener = socket.socket(family, kind, protocol)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen()
    except OSError as error:
        listener.close()
        raise _cannot_listen(error, host, port) from error
    listener.setblocking(False)
    return listener


def _cannot_listen(error: OSError, host: str, port: int) -> Fatal:
    if error.errno == errno.EADDRINUSE:
        return Fatal(
            "hmi.port_in_use",
            f"Port {port} on {host}, where the HMI should listen, is already in use.",
            "Stop the program that uses it, or give hmi.port in the line's configuration another number.",
        )
    if error.errno == errno.EACCES:
        return Fatal(
            "hmi.port_not_allowed",
            f"This user may not listen on port {port}.",
            "Give hmi.port in the line's configuration a number from 1024 up.",
        )
    return Fatal(
        "hmi.host",
        f"The HMI cannot listen on {host}: {error.strerror}.",
        "Give hmi.host in the line's configuration an address of this machine; 127.0.0.1 always works.",
    )


def _in_url(host: str) -> str:
    return f"[{host}]" if ":" in host else host
