"""Does a simulated line say so, and does it meet its plant. The plant's model is known by its names only."""

from collections.abc import Iterable, Iterator
from typing import Any, cast
from urllib.parse import urlsplit

from controller.config.checks import Check, Finding
from controller.config.document import KeyPath
from controller.config.errors import did_you_mean, listed
from controller.config.line import SIMULATED_CAMERAS, HmiConfig, JetsConfig, LineSection, simulated_parts
from controller.config.line_checks import address_is_usable
from plc_bridge.config import PlcConfig, is_loopback
from plc_bridge.scada_config import ScadaConfig
from vision.camera_config import CameraConfig
from vision.settings import VisionConfig

_PLANT_SERVERS = {"modbus": "modbus", "opcua": "opcua", "direct": "remote_io"}
"""Which of the plant's servers a built-in link talks to."""


def simulation_is_said(
    line: LineSection, camera: CameraConfig, plc: PlcConfig, plant: object | None
) -> Iterator[Finding]:
    """Nothing is simulated in silence, and nothing real is called simulated."""
    parts = simulated_parts(camera, plc, plant)
    if parts and not line.simulated:
        yield Finding(
            ("line", "simulated"),
            "false",
            f"true, because this is simulated: {listed(parts)}",
            "Say `simulated: true`, or configure real devices and remove the plant section.",
        )
    if line.simulated and not parts:
        yield Finding(
            ("line", "simulated"),
            "true, but camera and PLC are real and there is no plant",
            "false",
            "Remove the key, or configure what shall be simulated.",
        )


def sim_camera_has_its_plant(camera: CameraConfig, plant: Any) -> Iterator[Finding]:
    """The plant's virtual camera is served by the plant."""
    if camera.backend != "sim":
        return
    if plant is None:
        yield Finding(
            ("camera", "backend"),
            '"sim" without a plant section',
            "a plant section, whose camera it is",
            "See configs/demo.yaml.",
        )
        return
    server = plant.servers.camera
    if server is None:
        yield Finding(("plant", "servers", "camera"), "nothing", "the camera server that `backend: sim` connects to")
    elif (port := getattr(camera, "port", server.port)) != server.port:
        yield Finding(
            ("camera", "port"), str(port), f"the port of plant.servers.camera, {server.port}", severity="warning"
        )


def no_real_valves_for_imaginary_parts(camera: CameraConfig, plc: PlcConfig, plant: Any) -> Iterator[Finding]:
    """Where the pictures are not of this belt, now, no PLC beyond this computer may get orders."""
    host, _ = _address(plc)
    if plant is None and camera.backend not in SIMULATED_CAMERAS:
        return
    if getattr(plc, "serial", None) is not None:
        yield Finding(
            ("plc", "serial"),
            "a serial line, on a line that is simulated",
            "a PLC on this computer: real valves would open for imaginary parts",
            "For a real line use a real camera and remove the plant section.",
        )
    if host is None or is_loopback(host):
        return
    yield Finding(
        ("plc", "url" if plc.backend == "opcua" else "host"),
        f'"{host}", another computer, on a line that is simulated',
        "a PLC on this computer: real valves would open for imaginary parts",
        "For a real line use a real camera and remove the plant section.",
    )


def plc_is_the_plants(plc: PlcConfig, plant: Any) -> Iterator[Finding]:
    """The link finds the plant's own server."""
    name = _PLANT_SERVERS.get(plc.backend)
    if plant is None or name is None:
        return
    bench_plc = getattr(plant, "bench_plc", None) if plc.backend == "modbus" else None
    server = bench_plc or getattr(plant.servers, name)
    if server is None:
        yield Finding(("plant", "servers", name), "nothing", f"the server that the plc section connects to, {name}")
        return
    host, port = _address(plc)
    if host is not None and is_loopback(host) and server.port not in (0, port):
        yield Finding(
            ("plc", "url" if plc.backend == "opcua" else "port"),
            f"port {port}",
            f"the port of plant.servers.{name}, {server.port}, unless something stands between them",
            severity="warning",
        )


def _address(plc: PlcConfig) -> tuple[str | None, int | None]:
    """Host and port of a PLC section, None each where its backend has none."""
    url: str | None = getattr(plc, "url", None)
    if not address_is_usable(plc):
        return None, None
    if url is None:
        return getattr(plc, "host", None), getattr(plc, "port", None)
    parts = urlsplit(url)
    return parts.hostname, parts.port


def ports_are_free_for_each_other(hmi: HmiConfig | None, scada: ScadaConfig | None, plant: Any) -> Iterator[Finding]:
    """Two servers of one line cannot listen on one port."""
    listeners: list[tuple[KeyPath, int]] = []
    if hmi is not None:
        listeners.append((("hmi", "port"), hmi.port))
    if scada is not None:
        listeners.append((("scada", "port"), scada.port))
    if plant is not None:
        servers = cast("Iterable[tuple[str, Any]]", plant.servers)
        listeners += [(("plant", "servers", name, "port"), server.port) for name, server in servers if server]
    taken: dict[int, KeyPath] = {}
    for path, port in listeners:
        if port and port in taken:
            yield Finding(path, f"port {port}", "a port of its own", f"{'.'.join(map(str, taken[port]))} has it too.")
        taken.setdefault(port, path)


def feed_is_known(plant: Any, labels: tuple[str, ...]) -> Iterator[Finding]:
    """A class that the model has never heard of can only come out as another one, or unknown."""
    if plant is None:
        return
    for class_id in plant.feed.mix:
        if class_id not in labels:
            yield Finding(
                ("plant", "feed", "mix", class_id),
                f'the class "{class_id}"',
                f"a class of the model: {listed(labels)}",
                did_you_mean(class_id, labels),
                "warning",
                at_key=True,
            )


def clearing_reaches_the_feed(jets: JetsConfig, vision: VisionConfig, plant: Any) -> Iterator[Finding]:
    """Clearing the belt must run long enough for what was dropped last to come under the camera."""
    if plant is None:
        return
    needed_mm = plant.feed.entry_distance_mm + vision.max_part_mm
    if jets.clearing_lead_in_mm < needed_mm:
        yield Finding(
            ("jets", "clearing_lead_in_mm"),
            f"{jets.clearing_lead_in_mm:g} mm",
            f"at least {needed_mm:g} mm: plant.feed.entry_distance_mm and the longest part",
        )


SIMULATION_CHECKS: tuple[Check, ...] = (
    simulation_is_said,
    sim_camera_has_its_plant,
    no_real_valves_for_imaginary_parts,
    plc_is_the_plants,
    ports_are_free_for_each_other,
    feed_is_known,
    clearing_reaches_the_feed,
)
