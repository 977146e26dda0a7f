"""Cameras, PLC links and the plant by name, through entry points; built-ins get no special treatment."""

from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from typing import Any, cast

from pydantic import BaseModel

from controller.config.errors import did_you_mean, listed
from controller.config.line import LineConfig
from plc_bridge.config import PlcConfig
from plc_bridge.link import PlcLink
from vision.camera_config import CameraConfig
from vision.source import FrameSource

FRAME_SOURCES = "senbetsu.frame_sources"
PLC_LINKS = "senbetsu.plc_links"
PLANTS = "senbetsu.plants"
PLANT_NAME = "sim"


@dataclass(slots=True)
class BackendUnavailable(Exception):
    """A backend that cannot be had: `found` in place of `expected`, and a `hint` what to do."""

    found: str
    expected: str
    hint: str


def available(group: str) -> dict[str, EntryPoint]:
    """Every registered backend of an entry point group, by name, sorted."""
    found = {entry.name: entry for entry in entry_points(group=group)}
    return dict(sorted(found.items()))


def load_backend(group: str, name: str) -> Any:
    """The class that is registered as `name`. Raises BackendUnavailable.

    Only the named one is imported, so that the software of other devices need not be installed.
    """
    known = available(group)
    entry = known.get(name)
    if entry is None:
        kind = {FRAME_SOURCES: "camera", PLC_LINKS: "PLC"}.get(group, "plant")
        raise BackendUnavailable(
            f'"{name}"',
            f"a {kind} backend that is installed: {listed(list(known))}",
            did_you_mean(name, list(known)) or f"Another one comes as a package with an entry point in {group}.",
        )
    try:
        return entry.load()
    except ImportError as error:
        raise BackendUnavailable(
            f'"{name}", which cannot be imported: {error}',
            "a backend whose software is installed",
            _how_to_install(entry),
        ) from error
    except AttributeError as error:
        raise BackendUnavailable(
            f'"{name}", which is broken: {error}', f"{entry.value} to exist", "Report this to the backend's author."
        ) from error


def backend_config(group: str, name: str) -> type[BaseModel]:
    """The model of the configuration of the backend `name`. Raises BackendUnavailable."""
    loaded = load_backend(group, name)
    model = loaded if group == PLANTS else getattr(loaded, "Config", None)
    base = {FRAME_SOURCES: CameraConfig, PLC_LINKS: PlcConfig}.get(group, BaseModel)
    if not (isinstance(model, type) and issubclass(model, base)):
        raise BackendUnavailable(
            f'"{name}", whose class has no Config',
            f"a nested Config that inherits {base.__name__}",
            "Report this to the backend's author.",
        )
    return model


def make_source(config: LineConfig) -> FrameSource:
    """The camera of a line, not yet opened."""
    source = cast("Callable[[CameraConfig, float], FrameSource]", load_backend(FRAME_SOURCES, config.camera.backend))
    return source(config.camera, config.belt.encoder_counts_per_mm)


def make_link(config: LineConfig) -> PlcLink:
    """The PLC link of a line, not yet connected."""
    link = cast("Callable[[PlcConfig], PlcLink]", load_backend(PLC_LINKS, config.plc.backend))
    return link(config.plc)


def _how_to_install(entry: EntryPoint) -> str:
    distribution = entry.dist
    if distribution is None:
        return ""
    extras = cast("list[str]", distribution.metadata.get_all("Provides-Extra") or [])
    if entry.name in extras:
        return f"Install the missing extra: pip install '{distribution.name}[{entry.name}]'"
    return f"Install what {distribution.name} needs for it."
