"""GigE Vision and USB3 Vision cameras through Aravis, a free GenICam library, by its GObject bindings."""

import importlib
from typing import Any

import numpy as np

from senbetsu_errors import NeedsOperator, Retryable
from vision.genicam_config import AravisConfig
from vision.genicam_nodes import Kind, Value, as_kind
from vision.genicam_reader import Grabbed

_BUFFERS = 16


class AravisDriver:
    """`Driver` of one camera. Raises NeedsOperator `camera.aravis_missing` where Aravis is not installed and
    Retryable `camera.unreachable` where the camera does not answer."""

    def __init__(self, config: AravisConfig) -> None:
        self._config = config
        self._aravis: Any = None
        self._camera: Any = None
        self._stream: Any = None
        self._chunks: Any = None
        self._pixel_format = ""

    def connect(self) -> "AravisNodes":
        """Open the camera."""
        try:
            importlib.import_module("gi").require_version("Aravis", "0.8")
            self._aravis = importlib.import_module("gi.repository.Aravis")
        except (ImportError, ValueError) as error:
            raise NeedsOperator(
                "camera.aravis_missing",
                f"Aravis or its Python bindings are not installed: {error}.",
                "On Debian: apt-get install gir1.2-aravis-0.8 python3-gi; docs/integrators/cameras.md says how a "
                "virtual environment sees them.",
            ) from error
        config = self._config
        try:
            self._camera = self._aravis.Camera.new(config.camera)
        except Exception as error:  # GLib.GError, whose module only the bindings have
            raise Retryable(
                "camera.unreachable",
                f"The camera {config.shown_origin} does not answer: {' '.join(str(error).split())}.",
                "Check its power, cable and address, and that no other program controls it; it is tried again.",
            ) from error
        self._camera.set_range_check_policy(self._aravis.RangeCheckPolicy.ENABLE)
        if self._camera.is_gv_device() and config.packet_bytes is not None:
            self._camera.gv_set_packet_size(config.packet_bytes)
        return AravisNodes(self._camera)

    def start(self) -> None:
        """Start acquisition, with buffers of our own queued."""
        camera = self._camera
        self._pixel_format = str(camera.get_pixel_format_as_string())
        if self._config.encoder_chunk is not None:
            self._chunks = camera.create_chunk_parser()
        self._stream = camera.create_stream(None, None)
        if camera.is_gv_device():
            resend = self._aravis.GvStreamPacketResend
            self._stream.set_property("packet-resend", resend.ALWAYS if self._config.resend else resend.NEVER)
        for _ in range(_BUFFERS):
            self._stream.push_buffer(self._aravis.Buffer.new_allocate(camera.get_payload()))
        camera.start_acquisition()

    def sends_gige_16_bit_ids(self) -> bool:
        """True for GigE Vision without extended ids."""
        if not self._camera.is_gv_device():
            return False
        name = "GevGVSPExtendedIDMode"
        return not (self._camera.is_feature_available(name) and self._camera.get_string(name) == "On")

    def grab(self, timeout_s: float) -> Grabbed | None:
        """The next whole picture; a buffer that lacks packets is given back."""
        buffer = self._stream.timeout_pop_buffer(round(timeout_s * 1e6))
        if buffer is None:
            return None
        try:
            if buffer.get_status() != self._aravis.BufferStatus.SUCCESS:
                return None
            return Grabbed(
                # A copy: the buffer goes back to the stream.
                raw=np.frombuffer(buffer.get_data(), np.uint8).copy(),
                pixel_format=self._pixel_format,
                rows=int(buffer.get_image_height()),
                columns=int(buffer.get_image_width()),
                frame_id=int(buffer.get_frame_id()),
                count=self._chunk_count(buffer),
            )
        finally:
            self._stream.push_buffer(buffer)

    def release(self) -> None:
        """Stop and let go; Aravis closes the camera with the last reference."""
        camera, self._camera = self._camera, None
        if camera is not None and self._stream is not None:
            camera.stop_acquisition()
        self._stream = self._chunks = None

    def _chunk_count(self, buffer: Any) -> int | None:
        """The count that came with the picture; None where there is none."""
        if self._chunks is None or not buffer.has_chunks():
            return None
        try:
            return int(self._chunks.get_integer_value(buffer, self._config.encoder_chunk))
        except Exception:  # noqa: BLE001  # GLib.GError for a chunk that was not sent
            return None


class AravisNodes:
    """`Nodes` of a camera opened by Aravis."""

    def __init__(self, camera: Any) -> None:
        self._camera = camera
        self._device: Any = camera.get_device()

    def has(self, name: str) -> bool:
        """Whether it is there and may be used."""
        return bool(self._device.is_feature_available(name))

    def write(self, name: str, value: Value) -> None:
        """Set it, as the type that the feature has."""
        kind = self._kind(name)
        setters = {
            bool: self._camera.set_boolean,
            int: self._camera.set_integer,
            str: self._camera.set_string,
            float: self._camera.set_float,
        }
        setters[kind](name, as_kind(value, kind))

    def execute(self, name: str) -> None:
        """Carry the command out."""
        self._camera.execute_command(name)

    def allowed(self, name: str) -> str:
        """Its choices or its range."""
        kind = self._kind(name)
        if kind is str:
            return ", ".join(self._camera.dup_available_enumerations_as_strings(name))
        if kind is bool:
            return "true, false"
        low, high = self._camera.get_integer_bounds(name) if kind is int else self._camera.get_float_bounds(name)
        return f"{low:g} to {high:g}"

    def _kind(self, name: str) -> Kind:
        """By the class of the node, whose names are Aravis': GcIntegerNode, GcIntSwissKnife, GcEnumeration, ..."""
        node = type(self._device.get_feature(name)).__name__
        if "Boolean" in node:
            return bool
        if "Enumeration" in node or "String" in node:
            return str
        return int if "Int" in node else float
