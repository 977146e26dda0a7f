"""An RTSP camera by GStreamer: `/usr/bin/python3 rtsp_server.py PORT CODEC WIDTHxHEIGHT FPS` (PORT 0 takes a
free one). Prints its port once it listens. Runs under Debian's Python, whose GObject bindings it needs."""

import importlib
import sys
from typing import Any


def bound(name: str, version: str) -> Any:
    """A library's GObject binding, which has no types."""
    importlib.import_module("gi").require_version(name, version)
    return importlib.import_module(f"gi.repository.{name}")


GLib, Gst, GstRtspServer = bound("GLib", "2.0"), bound("Gst", "1.0"), bound("GstRtspServer", "1.0")

ENCODERS = {
    "h264": "x264enc tune=zerolatency speed-preset=ultrafast key-int-max=10 ! rtph264pay name=pay0 pt=96",
    "h265": "x265enc tune=zerolatency speed-preset=ultrafast key-int-max=10 ! rtph265pay name=pay0 pt=96",
    "jpeg": "jpegenc quality=95 ! rtpjpegpay name=pay0 pt=26",
}


def main() -> None:
    """Serve until killed."""
    port, codec, size, fps = sys.argv[1:5]
    width, height = size.split("x")
    Gst.init(None)
    server = GstRtspServer.RTSPServer()
    server.set_address("127.0.0.1")
    server.set_service(port)
    factory = GstRtspServer.RTSPMediaFactory()
    factory.set_launch(
        f"( videotestsrc is-live=true pattern=snow ! video/x-raw,width={width},height={height},framerate={fps}/1"
        f" ! videoconvert ! video/x-raw,format=I420 ! {ENCODERS[codec]} )"
    )
    factory.set_shared(True)
    server.get_mount_points().add_factory("/belt", factory)
    if not server.attach(None):
        sys.exit(f"port {port} cannot be had")
    sys.stdout.write(f"{server.get_bound_port()}\n")
    sys.stdout.flush()
    GLib.MainLoop().run()


if __name__ == "__main__":
    main()
