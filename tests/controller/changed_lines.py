"""Configurations as plain data, with a few keys changed."""

from copy import deepcopy
from pathlib import Path
from typing import Any, cast

from ruamel.yaml import YAML

REAL_CAMERA: dict[str, Any] = {
    "backend": "opencv",
    "device": 0,
    "speed_mm_s": 1000,
    "geometry": "area_scan",
    "mm_per_px": 0.5,
    "view_along_mm": 320,
    "frame_rate_hz": 20,
}


def plain(path: Path) -> dict[str, Any]:
    """What a YAML file says."""
    return cast("Any", YAML(typ="safe", pure=True)).load(path.read_text())


def changed(data: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """`data` with the dotted keys of `changes` set; None takes the key away."""
    for dotted, value in changes.items():
        *holders, key = dotted.split(".")
        holder = data
        for name in holders:
            holder = holder[name]
        if value is None:
            del holder[key]
        else:
            holder[key] = deepcopy(value)
    return data
