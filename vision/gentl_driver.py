"""Cameras behind a vendor's GenTL producer (GigE Vision, USB3 Vision, CoaXPress), through harvesters."""

import importlib
from typing import Any

import numpy as np

from senbetsu_errors import NeedsOperator, Retryable
from vision.genicam_config import GenicamConfig
from vision.genicam_nodes import Kind, Value, as_kind
from vision.genicam_reader import Grabbed

_KINDS: dict[str, Kind] = {"IFloat": float, "IInteger": int, "IBoolean": bool, "IEnumeration": str, "IString": str}


class GentlDriver:
    """`Driver` of one camera. Raises NeedsOperator `camera.genicam_missing` without the optional extra and
    `camera.missing` where producer or camera are not there."""

    def __init__(self, config: GenicamConfig) -> None:
        self._config = config
        self._harvester: Any = None
        self._camera: Any = None
        self._transport = ""
        self._timeout_error: type[Exception] = TimeoutError

    def connect(self) -> "GentlNodes":
        """Open the camera."""
        try:
            harvester_type: Any = importlib.import_module("harvesters.core").Harvester
            self._timeout_error = importlib.import_module("genicam.gentl").TimeoutException
            genapi: Any = importlib.import_module("genicam.genapi")
        except ImportError as error:
            raise NeedsOperator(
                "camera.genicam_missing",
                f"The GenICam library is not installed: {error}.",
                "Install the optional extra: pip install 'senbetsu[genicam]'.",
            ) from error
        config = self._config
        if not config.cti.is_file():
            raise NeedsOperator(
                "camera.missing", f"There is no GenTL producer {config.cti}.", "Install the camera vendor's software."
            )
        self._harvester = harvester_type()
        try:
            self._harvester.add_file(str(config.cti), check_existence=True, check_validity=True)
        except Exception as error:  # GenTL producers raise their vendors' own types
            raise NeedsOperator(
                "camera.missing",
                f"{config.cti} is no GenTL producer that can be loaded: {error}.",
                "Install the camera vendor's software for this machine.",
            ) from error
        found: list[str] = []
        try:
            self._harvester.update()
            devices = list(self._harvester.device_info_list)
            found = [str(device.serial_number) for device in devices]
            self._camera = self._harvester.create({"serial_number": config.serial} if config.serial else config.index)
            self._transport = str(devices[found.index(config.serial) if config.serial else config.index].tl_type)
        except Exception as error:  # GenTL producers raise their vendors' own types
            # A camera that is switched off may come back; that another one answers needs a person.
            branch = NeedsOperator if config.serial and found and config.serial not in found else Retryable
            raise branch(
                "camera.missing" if branch is NeedsOperator else "camera.unreachable",
                f"The camera {config.shown_origin} cannot be opened: {error}.",
                f"Cameras found: {', '.join(found) or 'none'}.",
            ) from error
        return GentlNodes(self._camera.remote_device.node_map, genapi)

    def start(self) -> None:
        """Start acquisition."""
        self._camera.start()

    def sends_gige_16_bit_ids(self) -> bool:
        """True for GigE Vision without extended ids."""
        nodes = self._camera.remote_device.node_map
        extended = nodes.has_node("GevGVSPExtendedIDMode") and nodes.GevGVSPExtendedIDMode.value == "On"
        return self._transport == "GEV" and not extended

    def grab(self, timeout_s: float) -> Grabbed | None:
        """The next picture. Incomplete ones never get here: harvesters gives them back to the camera."""
        try:
            buffer = self._camera.fetch(timeout=timeout_s)
        except self._timeout_error:
            return None
        if buffer is None:
            return None
        with buffer:
            image = buffer.payload.components[0]
            # From the raw buffer: what harvesters gives as `data` it has unpacked in its own way.
            raw = np.frombuffer(buffer.module.raw_buffer, np.uint8)[int(image.data_offset) :].copy()
            return Grabbed(
                raw=raw,
                pixel_format=str(image.data_format),
                rows=int(image.height),
                columns=int(image.width),
                frame_id=int(buffer.module.frame_id),
                count=self._chunk_count(),
            )

    def release(self) -> None:
        """Close camera and producer."""
        camera, self._camera = self._camera, None
        harvester, self._harvester = self._harvester, None
        if camera is not None:
            camera.destroy()
        if harvester is not None:
            harvester.reset()

    def _chunk_count(self) -> int | None:
        """The count that came with the picture at hand; None where there is none."""
        name = self._config.encoder_chunk
        nodes = self._camera.remote_device.node_map
        if name is None or not nodes.has_node(name):
            return None
        try:
            return int(nodes.get_node(name).value)
        except Exception:  # noqa: BLE001  # a chunk that is declared and not sent raises a vendor's type
            return None


class GentlNodes:
    """`Nodes` of a camera's node map."""

    def __init__(self, node_map: Any, genapi: Any) -> None:
        self._map = node_map
        self._genapi = genapi

    def has(self, name: str) -> bool:
        """Whether it is there and may be written."""
        modes = self._genapi.EAccessMode
        there = bool(self._map.has_node(name))
        return there and self._map.get_node(name).get_access_mode() in (modes.RW, modes.WO)

    def write(self, name: str, value: Value) -> None:
        """Set it, as the type that the feature has."""
        node = self._map.get_node(name)
        kind = _KINDS.get(type(node).__name__)
        if kind is None:
            raise TypeError(f"a feature of the kind {type(node).__name__[1:]} holds no value")
        node.value = as_kind(value, kind)

    def execute(self, name: str) -> None:
        """Carry the command out."""
        self._map.get_node(name).execute()

    def allowed(self, name: str) -> str:
        """Its choices or its range."""
        node = self._map.get_node(name)
        if hasattr(node, "symbolics"):
            return ", ".join(node.symbolics)
        return f"{node.min:g} to {node.max:g}" if hasattr(node, "min") else ""
