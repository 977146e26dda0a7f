"""Cameras that others wrote, as processes of the test: GStreamer's RTSP server and FFmpeg's HTTP server."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

DEBIAN_PYTHON = "/usr/bin/python3"
_RTSP_SERVER = Path(__file__).parent / "rtsp_server.py"


def _debian_python_has(script: str) -> bool:
    return (
        Path(DEBIAN_PYTHON).exists()
        and subprocess.run([DEBIAN_PYTHON, "-c", script], capture_output=True, check=False).returncode == 0
    )


def need_rtsp_server() -> None:
    """Skips the test where GStreamer's RTSP server is not installed."""
    has = _debian_python_has(
        "import gi; gi.require_version('GstRtspServer', '1.0'); from gi.repository import Gst, GstRtspServer;"
        "Gst.init(None); assert all(map(Gst.ElementFactory.find, ('x264enc', 'jpegenc', 'rtph264pay', 'videotestsrc')))"
    )
    if not has:
        pytest.skip("GStreamer's RTSP server is not here: apt-get install gir1.2-gst-rtsp-server-1.0 and plugins")


def need_ffmpeg() -> None:
    """Skips the test where FFmpeg's program is not installed."""
    if shutil.which("ffmpeg") is None:
        pytest.skip("ffmpeg is not here: apt-get install ffmpeg")


class Peer:
    """A process that can be frozen, thawed and killed."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def freeze(self) -> None:
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self._process.send_signal(signal.SIGCONT)

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()
        if self._process.stdout:
            self._process.stdout.close()


@contextlib.contextmanager
def rtsp_camera(
    codec: str = "jpeg", port: int = 0, *, size: str = "160x120", fps: int = 25
) -> Iterator[tuple[Peer, int]]:
    """An RTSP camera at rtsp://127.0.0.1:PORT/belt; the process and its port."""
    process = subprocess.Popen(
        [DEBIAN_PYTHON, str(_RTSP_SERVER), str(port), codec, size, str(fps)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env={k: v for k, v in os.environ.items() if not k.startswith("PYTHON")},
    )
    peer = Peer(process)
    try:
        assert process.stdout
        yield peer, int(process.stdout.readline())
    finally:
        peer.kill()


@contextlib.contextmanager
def http_camera(port: int, *, size: str = "160x120", fps: int = 25) -> Iterator[Peer]:
    """FFmpeg serving multipart JPEG to one client at http://127.0.0.1:PORT/belt.mjpg."""
    source = f"life=size={size}:rate={fps}:mold=10:ratio=0.4"
    options = ["-loglevel", "quiet", "-re", "-f", "lavfi", "-i"]
    serve = ["-f", "mpjpeg", "-q:v", "3", "-listen", "1", f"http://127.0.0.1:{port}/belt.mjpg"]
    process = subprocess.Popen(["ffmpeg", *options, source, *serve], stdin=subprocess.DEVNULL, text=True)
    peer = Peer(process)
    try:
        yield peer
    finally:
        peer.kill()


def free_port() -> int:
    """A TCP port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
