"""Cameras that others wrote, as processes of the test: GStreamer's RTSP server, FFmpeg's HTTP server, Aravis' fake
GigE Vision camera."""

import contextlib
import fcntl
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator
from pathlib import Path

import pytest

DEBIAN_PYTHON = "/usr/bin/python3"
DEBIAN_GI = Path("/usr/lib/python3/dist-packages/gi")
FAKE_GIGE = "arv-fake-gv-camera-0.8"
_RTSP_SERVER = Path(__file__).parent / "rtsp_server.py"


def _debian_python_has(script: str) -> bool:
    return (
        Path(DEBIAN_PYTHON).exists()
        and subprocess.run([DEBIAN_PYTHON, "-c", script], capture_output=True, check=False).returncode == 0
    )


def need_rtsp_server(codec: str = "h264") -> None:
    """Skips the test where GStreamer's RTSP server, or its encoder for `codec`, is not installed."""
    encoders = ("x265enc", "rtph265pay") if codec == "h265" else ("x264enc", "rtph264pay", "jpegenc")
    has = _debian_python_has(
        "import gi; gi.require_version('GstRtspServer', '1.0'); from gi.repository import Gst, GstRtspServer;"
        f"Gst.init(None); assert all(map(Gst.ElementFactory.find, {(*encoders, 'videotestsrc')}))"
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
) -> Generator[tuple[Peer, int]]:
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
def http_camera(port: int, *, size: str = "160x120", fps: int = 25) -> Generator[Peer]:
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


def need_aravis() -> None:
    """Skips the test where Aravis' fake camera or its Python bindings are not installed."""
    bound = "import gi; gi.require_version('Aravis', '0.8'); from gi.repository import Aravis"
    if shutil.which(FAKE_GIGE) is None or not _debian_python_has(bound):
        pytest.skip("Aravis is not here: apt-get install aravis-tools gir1.2-aravis-0.8 python3-gi")
    if sys.version_info[:2] != (3, 11):
        pytest.skip("Debian's GObject bindings are built for Python 3.11")


@contextlib.contextmanager
def gige_camera(*, lost_per_thousand: int = 0) -> Generator[Peer]:
    """Aravis' fake GigE Vision camera at 127.0.0.1, real GVCP and GVSP: 512 x 512 Mono8 at 25/s, frame ids from
    65401. GigE Vision has one port, so that tests of this machine use it one after the other."""
    with Path(tempfile.gettempdir(), "senbetsu-fake-gige.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        arguments = ["-i", "127.0.0.1", "-s", "SORT01", "-r", str(lost_per_thousand)]
        quiet = subprocess.DEVNULL
        process = subprocess.Popen([FAKE_GIGE, *arguments], stdin=quiet, stdout=quiet, stderr=quiet, text=True)
        peer = Peer(process)
        try:
            _wait_for_udp_port(3956)
            yield peer
        finally:
            peer.kill()


def _wait_for_udp_port(port: int) -> None:
    """Until somebody on this machine is bound to it."""
    for _ in range(500):
        if any(line.split()[1].endswith(f":{port:04X}") for line in Path("/proc/net/udp").read_text().splitlines()[1:]):
            return
        time.sleep(0.01)
    raise AssertionError(f"nobody listens on UDP port {port}")
