"""What a recording says of the line it was made of, and the line's configuration back from it."""

import json
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, cast

from pydantic import BaseModel, ValidationError

from controller.config import LineConfig
from models.registry import DetectorFile, ModelFile
from plc_bridge.config import PlcConfig
from senbetsu_errors import Fatal, NeedsOperator
from vision.camera_config import CameraConfig
from vision.recorded_frame import FrameEncoding

CONFIG_ATTACHMENT = "config.json"


@dataclass(frozen=True, slots=True)
class About:
    """What a recording says of itself.

    `config_json` is the effective configuration, recipe included, secrets masked. `simulated` names
    what is not real.
    """

    line: str
    config_json: str
    model: str
    model_sha256: str
    labels: tuple[str, ...]
    simulated: tuple[str, ...]
    frame_encoding: FrameEncoding
    software: str

    @classmethod
    def of(
        cls,
        config: LineConfig,
        model: ModelFile | DetectorFile,
        simulated: tuple[str, ...],
        frame_encoding: FrameEncoding = "zstd",
    ) -> "About":
        """What there is to say of a line that is about to run."""
        return cls(
            line=config.line.name,
            config_json=config.model_dump_json(),
            model=f"{model.manifest.name} {model.manifest.version}",
            model_sha256=model.manifest.sha256,
            labels=model.manifest.labels,
            simulated=simulated,
            frame_encoding=frame_encoding,
            software=version("senbetsu"),
        )


def recorded_config(config_json: bytes, path: Path) -> LineConfig:
    """The configuration in a recording. Camera and PLC keep only what every backend has: neither is there.

    Raises Fatal (`recording.corrupt`) for what is no JSON, NeedsOperator (`recording.config`) for a
    configuration that today's version does not know.
    """
    try:
        data = cast("dict[str, Any]", json.loads(config_json))
    except ValueError as error:
        raise Fatal("recording.corrupt", f"The configuration in {path} is damaged: {error}.") from error
    try:
        return LineConfig.model_validate(
            {
                **data,
                "camera": _common(CameraConfig, data.get("camera")),
                "plc": _common(PlcConfig, data.get("plc")),
                "plant": None,
            }
        )
    except ValidationError as error:
        places = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        raise NeedsOperator(
            "recording.config",
            f"The configuration in {path} does not fit today's version: {places}.",
            "Give one with --config.",
        ) from error


def _common(section: type[BaseModel], data: object) -> object:
    """The fields of a backend's section that every backend has."""
    if not isinstance(data, dict):
        return data
    fields = cast("dict[str, Any]", data)
    return {name: value for name, value in fields.items() if name in section.model_fields}
