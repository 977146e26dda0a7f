"""`senbetsu models evaluate --images` and `compare`, on a tiny model and one taught from it."""

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner, Result

from controller.cli.models_commands import models_app
from models.registry import verify
from senbetsu_errors import NeedsOperator
from tests.controller.test_teach_command import save
from tests.models.conftest import write_teachable


def run(*arguments: object) -> Result:
    return CliRunner().invoke(models_app, [str(argument) for argument in arguments])


def run_json(*arguments: object) -> dict[str, Any]:
    result = run(*arguments, "--json")
    assert result.exit_code == 0, result.exception
    return json.loads(result.stdout)


@pytest.fixture
def parent(tmp_path: Path) -> Path:
    (tmp_path / "parent").mkdir()
    return write_teachable(tmp_path / "parent")


@pytest.fixture
def child(parent: Path, tmp_path: Path) -> Path:
    save(tmp_path / "lesson", "connector", 8)
    run("teach", "--crops", tmp_path / "lesson", "--model", parent, "-o", tmp_path / "child.onnx")
    return tmp_path / "child.onnx"


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    for label in ("battery", "pcb", "connector"):
        save(tmp_path / "pictures", label, 10, seed=6)
    return tmp_path / "pictures"


def test_own_pictures_are_scored_and_other_folders_are_other_things(parent: Path, pictures: Path) -> None:
    found = run_json("evaluate", parent, "--images", pictures)["images"]
    assert found["count"] == 20
    assert found["accuracy"] >= 0.95
    assert found["accuracy_interval"][0] < found["accuracy"] <= found["accuracy_interval"][1]
    assert np.array(found["confusion"]).sum() == 20
    assert (found["others"]["known"], found["others"]["others"]) == (20, 10)
    assert found["others"]["auroc"] > 0.9
    assert 0 <= found["accuracy_at_95_coverage"] <= 1


def test_without_other_things_each_class_is_once_the_other_thing(child: Path, pictures: Path) -> None:
    found = run_json("evaluate", child, "--images", pictures)["images"]
    assert found["count"] == 30
    assert "each class in turn" in found["others"]["described"]
    assert found["others"]["auroc"] > 0.5


def test_the_confusion_matrix_is_drawn(parent: Path, pictures: Path, tmp_path: Path) -> None:
    run("evaluate", parent, "--images", pictures, "-o", tmp_path / "confusion.png")
    picture = cv2.imread(str(tmp_path / "confusion.png"))
    assert picture is not None
    blue = (picture[..., 0] > picture[..., 2].astype(int) + 40).sum()
    assert blue > 2 * 30 * 30  # two full cells on the diagonal


def test_a_corrupt_picture_is_named_and_the_others_are_measured(parent: Path, pictures: Path) -> None:
    (pictures / "pcb" / "broken.jpg").write_bytes(b"\xff\xd8no picture")
    result = run("evaluate", parent, "--images", pictures, "--json")
    assert result.exit_code == 1
    report = json.loads(result.stdout)
    assert report["images"]["count"] == 20
    assert "broken.jpg" in report["errors"][0]["path"]


def test_a_folder_without_a_known_class_is_refused(parent: Path, tmp_path: Path) -> None:
    save(tmp_path / "strange", "connector", 2)
    error = run("evaluate", parent, "--images", tmp_path / "strange").exception
    assert isinstance(error, NeedsOperator)
    assert error.code == "evaluate.images"


def test_the_other_precision_beside_it_is_compared(parent: Path, pictures: Path) -> None:
    twin = parent.with_name("tiny-fp32.onnx")
    twin.write_bytes(parent.read_bytes())
    manifest = json.loads(parent.with_suffix(".manifest.json").read_text()) | {"name": "tiny-fp32", "precision": "fp32"}
    twin.with_suffix(".manifest.json").write_text(json.dumps(manifest))
    found = run_json("evaluate", parent, "--images", pictures)["other_precision"]
    assert (found["precision"], found["images"]["agreement"], found["images"]["accuracy_difference"]) == ("fp32", 1, 0)


def test_two_models_are_compared_class_by_class(parent: Path, child: Path, pictures: Path) -> None:
    report = run_json("compare", parent, child, "--images", pictures)
    assert report["labels_added"] == ["connector"]
    assert report["crops"] == 30
    assert report["agreed"] + sum(pair["count"] for pair in report["differences"]) == 30
    found = {"old": "unknown", "new": "connector"}.items()
    assert any(found <= pair.items() for pair in report["differences"])
    assert report["accuracy_new"] > report["accuracy_old"]
    assert verify(child).manifest.name in run("compare", parent, child, "--images", pictures).stdout


def test_a_model_agrees_with_itself(parent: Path, pictures: Path) -> None:
    report = run_json("compare", parent, parent, "--images", pictures)
    assert (report["agreement"], report["differences"]) == (1.0, [])


def test_a_folder_without_pictures_cannot_be_compared_on(parent: Path, tmp_path: Path) -> None:
    (tmp_path / "none").mkdir()
    error = run("compare", parent, parent, "--images", tmp_path / "none").exception
    assert isinstance(error, NeedsOperator)
    assert error.code == "compare.no_pictures"
