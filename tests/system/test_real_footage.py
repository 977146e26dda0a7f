"""A real belt video through the opencv source: segmentation, tracking and decisions on real pictures."""

import json
from pathlib import Path
from typing import Any

import cv2
import pytest

from controller.cli.annotate import annotate
from tests.system.lines import CONFIGS, running

REAL = CONFIGS / "real-belt.yaml"


def _annotated(folder: Path) -> tuple[dict[str, Any], Path]:
    video = folder / "bolt.mp4"
    return annotate(REAL, video, 2.6), video


@pytest.mark.shared_data
def test_the_bolt_on_the_real_belt_is_followed_as_one_part_and_drawn_into_a_video(
    tmp_path: Path, shared_data: Path
) -> None:
    summary, video = _annotated(tmp_path)
    assert summary["encoder"] == "estimated"
    views = sorted((part["views"] for part in summary["parts"]), reverse=True)
    assert views[0] >= 10, "the bolt was not followed"
    assert all(count <= 3 for count in views[1:]), "something else was followed as long as the bolt"
    assert all(part["outlet"] in ("valuables", "residue") for part in summary["parts"])
    capture = cv2.VideoCapture(str(video))
    assert int(capture.get(cv2.CAP_PROP_FRAME_COUNT)) == summary["frames"] == 37
    capture.release()


@pytest.mark.slow
@pytest.mark.shared_data
def test_a_line_on_real_footage_without_a_plc_runs_degraded_and_accounts_for_what_it_saw(
    tmp_path: Path, shared_data: Path
) -> None:
    with running(tmp_path, "run", str(REAL), "--for", "8", "--json") as line:
        assert line.end(90) == 0, line.messages
        summary = json.loads(line.out_path.read_text())
    assert summary["seen"] == sum(summary["outcomes"].values()) > 0
    assert summary["orders"]["sent"] == 0
    assert summary["basis"] == "estimated from class probabilities"
    assert summary["simulated"] == ["plc"]
    assert line.messages.count("plc not there yet") == 1


@pytest.mark.slow
@pytest.mark.shared_data
def test_pictures_of_another_shape_than_configured_end_the_line_with_one_clear_error(
    tmp_path: Path, shared_data: Path
) -> None:
    text = (
        REAL.read_text().replace("view_along_mm: 240", "view_along_mm: 200").replace("recipes/", f"{CONFIGS}/recipes/")
    )
    config = tmp_path / "line.yaml"
    config.write_text(text.replace("../../shared", str(shared_data.parent)))
    with running(tmp_path, "run", str(config)) as line:
        assert line.end(90) == 1, line.messages
    assert line.messages.count("camera.picture_size") == 1
    assert "400 rows configured" in line.messages
    assert "Traceback" not in line.messages
