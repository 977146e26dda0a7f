"""Every camera section that docs/integrators/cameras.md shows is one that its backend takes."""

import re
from pathlib import Path
from typing import Any, cast

import pytest
from pydantic import BaseModel
from ruamel.yaml import YAML

from vision.genicam_config import AravisConfig, GenicamConfig
from vision.opencv_config import OpencvConfig

PAGE = Path(__file__).parents[2] / "docs" / "integrators" / "cameras.md"
CONFIGS: dict[str, type[BaseModel]] = {"opencv": OpencvConfig, "genicam": GenicamConfig, "aravis": AravisConfig}
SECTIONS: list[dict[str, Any]] = [
    cast("Any", YAML(typ="safe", pure=True)).load(block)["camera"]
    for block in re.findall(r"^```yaml\n(.*?)^```", PAGE.read_text(), re.MULTILINE | re.DOTALL)
]


def test_each_way_to_a_live_camera_is_shown() -> None:
    shown = {(s["backend"], "url" if "url" in s else "device" if "device" in s else "") for s in SECTIONS}
    assert shown == {("opencv", "device"), ("opencv", "url"), ("genicam", ""), ("aravis", "")}


@pytest.mark.parametrize("section", SECTIONS, ids=lambda s: f"{s['backend']} {len(s)} keys")
def test_the_section_is_taken_and_says_the_rows_it_needs(section: dict[str, Any]) -> None:
    config = CONFIGS[section["backend"]].model_validate(section)
    assert set(section) <= set(type(config).model_fields)


def test_the_page_names_every_key_that_only_live_cameras_have() -> None:
    text = PAGE.read_text()
    quiet = {"backend", "camera", "path", "images", "loop", "realtime", "index", "across_start_mm"}
    keys = {key for model in CONFIGS.values() for key in model.model_fields} - quiet
    assert {key for key in keys if not re.search(rf"\b{key}\b", text)} == set()
