"""Backends come by entry point: ours and others' alike, and what cannot be had is said in words."""

import re
from pathlib import Path

import pytest

from controller.config import ConfigErrors, build_schemas, check, make_link, make_source

METADATA = "Metadata-Version: 2.1\nName: acme-cameras\nVersion: 1.0\nProvides-Extra: acme3d\n"
ENTRY_POINTS = """[senbetsu.frame_sources]
acme = acme_cameras:AcmeCamera
acme3d = acme_cameras_3d:Acme3d
acme_bare = acme_cameras:Bare
acme_gone = acme_cameras:Gone
"""
MODULE = """
from typing import Literal
from pathlib import Path
from vision.camera_config import CameraConfig

class AcmeCamera:
    class Config(CameraConfig):
        backend: Literal["acme"]
        exposure_us: int
        calibration: Path

    def __init__(self, config, counts_per_mm):
        self.config = config
        self.counts_per_mm = counts_per_mm

class Bare:
    pass
"""


@pytest.fixture
def plugin(site: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The site, with somebody else's package installed that brings four cameras, one of which works."""
    installed = tmp_path / "installed"
    metadata = installed / "acme_cameras-1.0.dist-info"
    metadata.mkdir(parents=True)
    (metadata / "METADATA").write_text(METADATA)
    (metadata / "entry_points.txt").write_text(ENTRY_POINTS)
    (installed / "acme_cameras.py").write_text(MODULE)
    (installed / "acme_cameras_3d.py").write_text("import acme_sdk_that_nobody_has\n")
    monkeypatch.syspath_prepend(str(installed))  # pyright: ignore[reportUnknownMemberType]
    return site


def _line_with(site: Path, camera: str, more: str = "") -> Path:
    text = (site / "good.line").read_text().replace("backend: recording", f"backend: {camera}")
    path = site / "line.yaml"
    path.write_text(text.replace("  path: belt.mcap\n", more))
    return path


def test_somebody_elses_camera_is_configured_like_our_own(plugin: Path) -> None:
    more = "  exposure_us: 200\n  calibration: belt.mcap\n"
    config = check(_line_with(plugin, "acme", more)).config
    assert config.camera.backend == "acme"
    assert config.camera.model_dump()["calibration"] == plugin / "belt.mcap"
    source = make_source(config)
    assert type(source).__name__ == "AcmeCamera"
    assert vars(source) == {"config": config.camera, "counts_per_mm": 10.0}


def test_its_mistakes_are_located_like_our_own(plugin: Path) -> None:
    with pytest.raises(ConfigErrors) as refused:
        check(_line_with(plugin, "acme", "  exposure_ms: 200\n  calibration: belt.cal\n"))
    assert [
        (error.key_path, error.hint) for error in refused.value.errors if error.key_path != "camera.calibration"
    ] == [
        ("camera.exposure_us", ""),
        ("camera.exposure_ms", 'Did you mean "exposure_us"?'),
    ]


def test_it_stands_in_the_schema_beside_our_own(plugin: Path) -> None:
    line = build_schemas()["line"]
    titles = {
        line["$defs"][choice["$ref"].rsplit("/", 1)[-1]]["title"] for choice in line["properties"]["camera"]["oneOf"]
    }
    assert {"Camera acme", "Camera opencv", "Camera sim"} <= titles
    assert "Camera acme3d" not in titles


@pytest.mark.parametrize(
    ("camera", "says"),
    [
        ("acme3d", r"No module named 'acme_sdk_that_nobody_has'.*pip install 'acme-cameras\[acme3d\]'"),
        ("acme_bare", "whose class has no Config"),
        ("acme_gone", "which is broken"),
        ("acne", 'Did you mean "acme"'),
        ("zivid", "entry point in senbetsu.frame_sources"),
    ],
)
def test_a_camera_that_cannot_be_had_is_said_in_words(plugin: Path, camera: str, says: str) -> None:
    with pytest.raises(ConfigErrors) as refused:
        check(_line_with(plugin, camera))
    (error,) = refused.value.errors
    assert error.key_path == "camera.backend"
    assert re.search(says, str(error), re.DOTALL)


def test_a_camera_section_without_a_backend_names_them_all(site: Path) -> None:
    path = site / "line.yaml"
    path.write_text((site / "good.line").read_text().replace("  backend: recording\n", ""))
    with pytest.raises(ConfigErrors) as refused:
        check(path)
    (error,) = refused.value.errors
    assert error.key_path == "camera.backend"
    assert "genicam, opencv, recording, sim" in error.expected


def test_a_link_is_made_from_its_section(site: Path) -> None:
    path = site / "line.yaml"
    path.write_text((site / "good.line").read_text())
    assert type(make_link(check(path).config)).__name__ == "MemoryLink"
