"""An RTSP camera by GStreamer: `/usr/bin/python3 rtsp_server.py PORT CODEC WIDTHxHEIGHT FPS` (PORT 0 takes a
free one). Prints its port once it listens. Runs under Debian's Python, whose GObject bindings it needs."""

import sys

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtspServer  # noqa: E402

ENCODERS = {
    "h264": "x264enc tune=zerolatency speed-preset=ultrafast key-int-max=10 ! rtph264pay name=pay0 pt=96",
    "jpeg": "jpegenc quality=95 ! rtpjpegpay name=pay0 pt=26",
}


def main() -> None:
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


main()
