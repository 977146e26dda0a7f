"""`senbetsu models teach` on files, as a site has them: good ones, odd parts with labels, and everything wrong."""

import json
import os
import shutil
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from typer.testing import CliRunner, Result

from controller.cli.models_commands import models_app
from models.fusion import MEASURES, SIZE
from models.predict import Predictor
from models.registry import verify
from senbetsu_errors import NeedsOperator
from tests.models.conftest import LABELS, drawn_crops, drawn_pictures, teachable, write_model, write_teachable


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
        "cut.jpg is a corrupt JPEG file",
        "grey.png has 1 channel(s)",
        "deep.png has 3 channel(s) of uint16",
        "one picture stands twice",
        "1 picture(s) outside of a class folder",
    ):
        assert said in error.message, said
    assert "connector has" not in error.message
    assert not (tmp_path / "out").exists()


def test_what_is_no_file_is_refused_by_name_and_what_is_no_picture_is_listed(parent: Path, tmp_path: Path) -> None:
    crops = save(tmp_path / "crops", "connector", 6)
    (crops / "connector" / "notes.txt").write_text("from shelf 3")
    (crops / "connector" / "older").mkdir()
    (crops / ".cache").mkdir()
    result = run("teach", "--crops", crops, "--model", parent, "-o", tmp_path / "one.onnx", "--json")
    assert [Path(path).name for path in json.loads(result.stdout)["skipped"]] == [".cache", "older", "notes.txt"]
    assert "notes.txt" in run("teach", "--crops", crops, "--model", parent, "-o", tmp_path / "two.onnx").stdout
    (crops / "connector" / "gone.jpg").symlink_to("nowhere.jpg")
    os.mkfifo(crops / "connector" / "pipe.jpg")
    (crops / "battery").symlink_to(tmp_path / "unplugged disk")
    error = refusal("--crops", crops, "--model", parent, "-o", tmp_path / "three.onnx")
    for said in (
        "gone.jpg cannot be read: it is a link that leads nowhere",
        "pipe.jpg cannot be read: it is a pipe",
        "1 picture(s) out",
    ):
        assert said in error.message, said


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


def test_an_exported_folder_is_taught_by_what_its_index_says(parent: Path, tmp_path: Path) -> None:
    path, index = coco(tmp_path / "odd", "connector", 7, unlabelled=3)
    path.write_text(json.dumps(index))
    (path.parent / "crops" / "stray.png").write_bytes((path.parent / "crops" / "000001.png").read_bytes())
    by_index = run("teach", "--coco", path, "--model", parent, "-o", tmp_path / "a" / "m.onnx")
    by_folder = run("teach", "--crops", path.parent, "--model", parent, "-o", tmp_path / "b" / "m.onnx", "--json")
    assert (by_index.exit_code, by_folder.exit_code) == (0, 0)
    report = json.loads(by_folder.stdout)
    assert (report["taught"], report["unlabelled"]) == ({"connector": 7}, 3)
    assert [Path(skipped).name for skipped in report["skipped"]] == ["stray.png"]
    assert (tmp_path / "a" / "m.onnx").read_bytes() == (tmp_path / "b" / "m.onnx").read_bytes()


def test_exported_pictures_moved_or_copied_into_class_folders_are_what_their_index_says(
    parent: Path, tmp_path: Path
) -> None:
    """Sorted by hand in a file manager: the same crops as if the labels stood in the index."""
    path, index = coco(tmp_path / "odd", "connector", 7)
    path.write_text(json.dumps(index))
    run("teach", "--coco", path, "--model", parent, "-o", tmp_path / "a" / "m.onnx")
    for annotation in index["annotations"]:
        annotation["category_id"] = 0
    path.write_text(json.dumps(index))
    sorted_into = path.parent / "connector"
    sorted_into.mkdir()
    for number, picture in enumerate(sorted((path.parent / "crops").iterdir())):
        (shutil.move if number % 2 else shutil.copy)(picture, sorted_into)
    result = run("teach", "--crops", path.parent, "--model", parent, "-o", tmp_path / "b" / "m.onnx", "--json")
    assert result.exit_code == 0, result.exception
    report = json.loads(result.stdout)
    assert (report["taught"], report["unlabelled"]) == ({"connector": 7}, 0)
    assert (tmp_path / "a" / "m.onnx").read_bytes() == (tmp_path / "b" / "m.onnx").read_bytes()


def test_a_folder_and_an_index_that_contradict_each_other_are_refused(parent: Path, tmp_path: Path) -> None:
    path, index = coco(tmp_path / "odd", "connector", 7)
    path.write_text(json.dumps(index))
    for label in ("screw", "battery"):
        (path.parent / label).mkdir()
        shutil.copy(path.parent / "crops" / "000001.png", path.parent / label)
    error = refusal("--crops", path.parent, "--model", parent, "-o", tmp_path / "m.onnx")
    assert "000001.png lies in battery, and annotations.coco.json says that it is a connector" in error.message
    assert "screw/000001.png is in another class folder too" in error.message


def test_measured_parts_of_a_simulated_line_say_so_in_the_manifest(tmp_path: Path) -> None:
    (tmp_path / "parent").mkdir()
    model, manifest = teachable(LABELS)
    width = len(MEASURES)
    cov = [float(row == column) for row in range(width) for column in range(row + 1)]
    wide: dict[str, Any] = {"shares": [1.0], "means": [[3.0] * width], "covariances": [cov]}
    seen: dict[str, Any] = {"accuracy": 1.0, "count": 1}
    level: dict[str, Any] = {
        "measures": SIZE,
        "temperature": 1.0,
        "weight": 1.0,
        "accuracy": seen,
        "accuracy_of_color": 1.0,
    }
    fusion: dict[str, Any] = {"measures": MEASURES, "classes": {}, "broad": wide, "outliers": 0.02, "source": "a test"}
    fusion["levels"] = [level | {"ece": 0.0, "ece_of_color": 0.0}]
    parent = write_model(tmp_path / "parent", model, manifest | {"fusion": fusion})
    path, index = coco(tmp_path / "odd", "connector", 7)
    for annotation in index["annotations"][:6]:
        annotation["senbetsu"]["measures"] = {"length_mm": 60.0, "width_mm": 10.0, "area_mm2": 600.0}
    path.write_text(json.dumps(index))
    result = run("teach", "--coco", path, "--model", parent, "-o", tmp_path / "m.onnx", "--json")
    assert json.loads(result.stdout)["measured"] == {"connector": 6}
    taught = verify(tmp_path / "m.onnx").manifest
    assert taught.fusion
    (shares,) = taught.fusion.classes["connector"].shares
    assert shares == 1.0
    assert np.exp(taught.fusion.classes["connector"].means[0][0]) == pytest.approx(60, rel=1e-3)
    assert taught.evidence["connector"] == "rendered only"
    assert taught.training_data[-1].kind == "rendered"
    assert "of a simulated line" in taught.training_data[-1].source
    assert "7 crops, 6 of them measured" in run("teach", "--coco", path, "--model", parent, "-o", tmp_path / "n").stdout


def test_a_measure_that_no_line_takes_is_refused(parent: Path, tmp_path: Path) -> None:
    path, index = coco(tmp_path / "odd", "connector", 7)
    index["annotations"][2]["senbetsu"]["measures"] = {"weight_lb": 3}
    path.write_text(json.dumps(index))
    said = refusal("--coco", path, "--model", parent, "-o", tmp_path / "m.onnx").message
    assert "annotations.2.senbetsu.measures.weight_lb" in said


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
