"""`senbetsu models teach` on files, as a site has them: good ones, odd parts with labels, and everything wrong."""

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from typer.testing import CliRunner, Result

from controller.cli.models_commands import models_app
from models.predict import Predictor
from models.registry import verify
from senbetsu_errors import NeedsOperator
from tests.models.conftest import drawn_crops, drawn_pictures, write_teachable


def run(*arguments: object) -> Result:
    return CliRunner().invoke(models_app, [str(argument) for argument in arguments])


def refusal(*arguments: object) -> NeedsOperator:
    error = run("teach", *arguments).exception
    assert isinstance(error, NeedsOperator)
    return error


@pytest.fixture
def parent(tmp_path: Path) -> Path:
    (tmp_path / "parent").mkdir()
    return write_teachable(tmp_path / "parent")


def save(folder: Path, label: str, count: int, seed: int = 3) -> Path:
    """Pictures of `count` parts, drawn at four times the size that the net takes."""
    (folder / label).mkdir(parents=True, exist_ok=True)
    for index, picture in enumerate(drawn_pictures(label, count, seed)):
        cv2.imwrite(str(folder / label / f"{seed}_{index}.png"), picture)
    return folder


def answers(model: Path, label: str) -> NDArray[np.int64]:
    return Predictor(verify(model)).probabilities(drawn_crops(label, 20, seed=8)).argmax(axis=1)


def test_a_folder_of_crops_becomes_a_model_that_knows_them(parent: Path, tmp_path: Path) -> None:
    crops = save(tmp_path / "crops", "connector", 8)
    result = run("teach", "--crops", crops, "--model", parent, "-o", tmp_path / "site.onnx", "--json")
    assert result.exit_code == 0
    report = json.loads(result.stdout)
    assert report["taught"] == {"connector": 8}
    assert report["parent"]["name"] == "tiny"
    assert report["metrics"]["taught"]["new"]["count"] == 8
    labels = verify(tmp_path / "site.onnx").manifest.labels
    assert (answers(tmp_path / "site.onnx", "connector") == labels.index("connector")).mean() >= 0.9
    assert (answers(tmp_path / "site.onnx", "battery") == labels.index("battery")).mean() >= 0.95


def test_for_people_it_says_how_well_each_class_went(parent: Path, tmp_path: Path) -> None:
    crops = save(tmp_path / "crops", "connector", 6)
    result = run("teach", "--crops", crops, "--model", parent, "-o", tmp_path / "site")
    assert result.exit_code == 0
    assert "connector: 6 crops" in result.stdout
    assert (tmp_path / "site.onnx").is_file()


def test_names_and_times_of_files_change_nothing(parent: Path, tmp_path: Path) -> None:
    one, two = save(tmp_path / "one", "connector", 6), save(tmp_path / "two", "connector", 6)
    for index, path in enumerate(sorted((two / "connector").iterdir(), reverse=True)):
        path.rename(path.with_name(f"renamed_{index}.png"))
    for crops in (one, two):
        run("teach", "--crops", crops, "--model", parent, "-o", tmp_path / crops.name / "m.onnx")
    assert (one / "m.onnx").read_bytes() == (two / "m.onnx").read_bytes()


def test_every_fault_is_named_at_once_and_nothing_is_written(parent: Path, tmp_path: Path) -> None:
    crops = save(tmp_path / "crops", "connector", 8)
    save(crops, "screw", 2)
    (crops / "empty").mkdir()
    (crops / "No Class").mkdir()
    good = (crops / "connector" / "3_0.png").read_bytes()
    (crops / "connector" / "cut.jpg").write_bytes(
        cv2.imencode(".jpg", np.zeros((99, 99, 3), np.uint8))[1][:150].tobytes()
    )
    cv2.imwrite(str(crops / "connector" / "grey.png"), np.zeros((64, 64), np.uint8))
    cv2.imwrite(str(crops / "connector" / "deep.png"), np.zeros((64, 64, 3), np.uint16))
    (crops / "connector" / "again.png").write_bytes(good)
    (crops / "loose.png").write_bytes(good)
    error = refusal("--crops", crops, "--model", parent, "-o", tmp_path / "out" / "site.onnx")
    assert error.code == "teach.crops"
    for said in (
        "screw has 2 usable crop(s), at least 5",
        "empty holds no pictures",
        "'No Class' is no class id",
        "cut.jpg is not a picture that can be decoded",
        "grey.png has 1 channel(s)",
        "deep.png has 3 channel(s) of uint16",
        "one picture stands twice",
        "1 picture(s) outside of a class folder",
    ):
        assert said in error.message, said
    assert "connector has" not in error.message
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(("made", "said"), [(True, "no class folders"), (False, "does not exist")])
def test_a_folder_without_classes_is_refused(parent: Path, tmp_path: Path, made: bool, said: str) -> None:
    if made:
        (tmp_path / "crops").mkdir()
    assert said in refusal("--crops", tmp_path / "crops", "--model", parent, "-o", tmp_path / "m.onnx").message


def test_without_any_crops_it_says_which_options_there_are(parent: Path, tmp_path: Path) -> None:
    assert "--crops nor --coco" in refusal("--model", parent, "-o", tmp_path / "m.onnx").message


def test_the_model_that_runs_and_the_shipped_ones_are_never_overwritten(parent: Path, tmp_path: Path) -> None:
    crops = save(tmp_path / "crops", "connector", 6)
    before = parent.read_bytes()
    assert refusal("--crops", crops, "--model", parent, "-o", parent).code == "model.target"
    assert refusal("--crops", crops, "--model", parent, "-o", parent.with_suffix("")).code == "model.target"
    assert refusal("--crops", crops, "--model", parent, "-o", tmp_path / "Big Name.onnx").code == "model.target"
    assert parent.read_bytes() == before


def coco(folder: Path, label: str, count: int, unlabelled: int = 0) -> tuple[Path, dict[str, Any]]:
    """A folder of odd parts as a line exports it: one picture a part, belt around it, categories by a person."""
    (folder / "crops").mkdir(parents=True)
    index: dict[str, Any] = {"images": [], "annotations": [], "info": {"simulated": True}}
    index["categories"] = [{"id": 0, "name": "unlabelled"}, {"id": 1, "name": label, "supercategory": ""}]
    for number, picture in enumerate(drawn_pictures(label, count + unlabelled, seed=4), start=1):
        framed = np.full((168, 168, 3), 50, np.uint8)
        framed[20:148, 20:148] = picture
        name = f"crops/{number:06d}.png"
        cv2.imwrite(str(folder / name), framed)
        index["images"].append({"id": number, "file_name": name, "width": 168, "height": 168})
        index["annotations"].append(
            {
                "id": number,
                "image_id": number,
                "category_id": 1 if number <= count else 0,
                "bbox": [20, 20, 128, 128],
                "area": 16384.0,
                "segmentation": [],
                "iscrowd": 0,
                "senbetsu": {"reasons": ["unknown"]},
            }
        )
    return folder / "annotations.coco.json", index


def test_labelled_odd_parts_are_taught_and_unlabelled_ones_counted(parent: Path, tmp_path: Path) -> None:
    path, index = coco(tmp_path / "odd", "connector", 7, unlabelled=3)
    path.write_text(json.dumps(index))
    result = run("teach", "--coco", path, "--model", parent, "-o", tmp_path / "m.onnx", "--json")
    assert result.exit_code == 0
    report = json.loads(result.stdout)
    assert (report["taught"], report["unlabelled"]) == ({"connector": 7}, 3)


@pytest.mark.parametrize(
    ("section", "number", "change", "said"),
    [
        ("annotations", 0, {"bbox": [20, 20, 400, 96]}, "lies outside 168 x 168"),
        ("annotations", 0, {"category_id": 9}, "category or image is not in the file"),
        ("annotations", 0, {"bbox": [1, 2]}, "annotations.0.bbox"),
        ("images", 0, {"file_name": "../../secret.png"}, "is not in the folder"),
        ("images", 0, {"file_name": "crops/none.png"}, "cannot be read"),
        ("images", 0, {"id": "first"}, "images.0.id"),
        ("categories", 1, {"name": "Big Connector"}, "no class id"),
        ("categories", 1, {"name": "unlabelled"}, "no labelled annotation, 7 unlabelled"),
    ],
)
def test_a_coco_file_that_is_wrong_is_refused(
    parent: Path, tmp_path: Path, section: str, number: int, change: dict[str, Any], said: str
) -> None:
    path, index = coco(tmp_path / "odd", "connector", 7)
    index[section][number].update(change)
    path.write_text(json.dumps(index))
    assert said in refusal("--coco", path, "--model", parent, "-o", tmp_path / "m.onnx").message
    assert not (tmp_path / "m.onnx").exists()


def test_a_coco_file_that_is_no_json_is_refused(parent: Path, tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text("{")
    assert "Invalid JSON" in refusal("--coco", tmp_path / "a.json", "--model", parent, "-o", tmp_path / "m").message
