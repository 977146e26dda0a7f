"""`senbetsu classify` on real photographs and on what people hand it by mistake."""

import json
import os
import shutil
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import typer
from typer.testing import CliRunner, Result

from controller.cli.classify import classify
from senbetsu_errors import NeedsOperator
from tests.models.conftest import drawn_pictures, write_teachable

app = typer.Typer()
app.command()(classify)


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def run_json(*arguments: object) -> tuple[int, dict[str, Any]]:
    result = run(*arguments, "--json")
    return result.exit_code, json.loads(result.stdout)


@pytest.fixture
def photographs(shared_data: Path) -> Path:
    return shared_data / "parts" / "holdout"


def first(folder: Path, count: int) -> list[Path]:
    return sorted(folder.glob("*.jpg"))[:count]


def class_folders(root: Path, photographs: Path, classes: tuple[str, ...], count: int) -> Path:
    for name in classes:
        (root / name).mkdir()
        for file in first(photographs / name, count):
            shutil.copy(file, root / name)
    return root


def test_one_picture_gets_probabilities_that_sum_to_one(photographs: Path) -> None:
    picture = first(photographs / "pcb", 1)[0]
    code, report = run_json(picture)
    assert code == 0
    assert set(report) == {"model", "images", "errors", "skipped"}
    (image,) = report["images"]
    assert set(image) == {"path", "class", "probability", "probabilities", "unknown"}
    assert image["path"] == str(picture)
    assert sum(image["probabilities"].values()) == pytest.approx(1.0, abs=1e-5)
    assert image["probability"] == max(image["probabilities"].values()) == image["probabilities"][image["class"]]


def test_class_folders_give_an_accuracy_far_above_chance(photographs: Path, tmp_path: Path) -> None:
    root = class_folders(tmp_path, photographs, ("pcb", "screw", "cable", "smartphone", "nut_washer"), 10)
    code, report = run_json(root)
    assert code == 0
    assert len(report["images"]) == report["accuracy_over"] == 50
    assert report["accuracy"] >= 0.8


def test_a_folder_that_is_no_class_of_the_model_does_not_count(photographs: Path, tmp_path: Path) -> None:
    code, report = run_json(class_folders(tmp_path, photographs, ("other_waste",), 2))
    assert code == 0
    assert len(report["images"]) == 2
    assert "accuracy" not in report


def test_a_broken_picture_is_listed_and_the_others_are_classified(photographs: Path, tmp_path: Path) -> None:
    good = first(photographs / "screw", 1)[0]
    shutil.copy(good, tmp_path / "good.jpg")
    (tmp_path / "broken.jpg").write_bytes(b"no picture at all")
    (tmp_path / "empty.png").write_bytes(b"")
    code, report = run_json(tmp_path)
    assert code == 1
    assert [Path(image["path"]).name for image in report["images"]] == ["good.jpg"]
    assert [Path(error["path"]).name for error in report["errors"]] == ["broken.jpg", "empty.png"]
    assert {error["code"] for error in report["errors"]} == {"image.unreadable"}


def test_only_broken_pictures_still_give_one_json_object(tmp_path: Path) -> None:
    (tmp_path / "broken.jpg").write_bytes(b"\xff\xd8\xff")
    code, report = run_json(tmp_path)
    assert code == 1
    assert report["images"] == []
    assert len(report["errors"]) == 1


@pytest.mark.parametrize("missing", [False, True])
def test_nothing_to_classify_is_a_clear_error(tmp_path: Path, missing: bool) -> None:
    path = tmp_path / "nowhere" if missing else tmp_path
    (tmp_path / "notes.txt").write_text("no picture")
    result = run(path, "--json")
    assert result.exit_code == 2
    assert result.stdout == ""
    assert str(path) in result.stderr
    assert "Traceback" not in result.output


def test_a_threshold_of_one_makes_everything_unknown(photographs: Path) -> None:
    _, report = run_json(first(photographs / "pcb", 1)[0], "--unknown-below", "1")
    assert report["images"][0]["unknown"]


def test_without_json_one_line_a_picture_is_printed(photographs: Path) -> None:
    result = run(first(photographs / "pcb", 1)[0])
    assert result.exit_code == 0
    assert len(result.stdout.splitlines()) == 1


def test_an_unknown_model_is_refused_by_name(tmp_path: Path) -> None:
    result = run(tmp_path, "--model", "nothing")
    assert isinstance(result.exception, NeedsOperator)
    assert result.exception.code == "model.missing"


def drawn(folder: Path, label: str, count: int) -> Path:
    (folder / label).mkdir(parents=True, exist_ok=True)
    for index, picture in enumerate(drawn_pictures(label, count, seed=6)):
        cv2.imwrite(str(folder / label / f"{index}.png"), picture)
    return folder


def test_each_picture_that_cannot_be_used_is_named_and_the_others_are_answered(tmp_path: Path) -> None:
    folder = drawn(tmp_path / "in", "pcb", 2)
    cv2.imwrite(str(folder / "deep.png"), np.full((40, 40, 3), 9000, np.uint16))
    cv2.imwrite(str(folder / "grey.jpg"), np.full((40, 40), 90, np.uint8))
    cv2.imwrite(str(folder / "huge.jpg"), np.zeros((6000, 10_000, 3), np.uint8))
    (folder / "cut.jpg").write_bytes(cv2.imencode(".jpg", np.zeros((90, 90, 3), np.uint8))[1].tobytes()[:300])
    code, report = run_json(folder, "--model", write_teachable(tmp_path))
    assert code == 1
    assert {Path(error["path"]).name: error["code"] for error in report["errors"]} == {
        "cut.jpg": "image.unreadable",
        "deep.png": "image.format",
        "grey.jpg": "image.format",
        "huge.jpg": "image.too_large",
    }
    assert [image["class"] for image in report["images"]] == ["pcb", "pcb"]


def test_everything_that_lies_in_the_folders_is_answered_refused_or_listed_as_skipped(tmp_path: Path) -> None:
    folder = drawn(tmp_path / "in", "pcb", 2)
    (folder / "pcb" / "gone.jpg").symlink_to("nowhere.jpg")
    (folder / "pcb" / "round.png").symlink_to("round.png")
    (folder / "battery").symlink_to(tmp_path / "unplugged disk")
    os.mkfifo(folder / "pcb" / "pipe.jpg")
    os.mkfifo(folder / "pcb" / "pipe")
    (folder / "pcb" / "folder.png").mkdir()
    (folder / "pcb" / "deeper").mkdir()
    (folder / "pcb" / "anim.gif").write_bytes(b"GIF89a")
    (folder / "notes.txt").write_text("no picture")
    code, report = run_json(folder, "--model", write_teachable(tmp_path))
    assert code == 1
    assert len(report["images"]) == 2
    said = {Path(error["path"]).name: error["message"] for error in report["errors"]}
    assert set(said) == {"gone.jpg", "round.png", "battery", "pipe.jpg", "folder.png", "anim.gif"}
    assert all("leads nowhere" in said[name] for name in ("gone.jpg", "round.png", "battery"))
    assert "it is a pipe" in said["pipe.jpg"]
    assert "it is a folder" in said["folder.png"]
    assert [Path(path).name for path in report["skipped"]] == ["notes.txt", "deeper", "pipe"]
    assert run(folder, "--model", tmp_path / "tiny.onnx").stderr.endswith(
        "2 answered, 6 could not be used, 3 skipped\n"
    )


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_class_folder_that_may_not_be_read_is_named_and_the_others_are_answered(tmp_path: Path) -> None:
    folder = drawn(drawn(tmp_path / "in", "pcb", 2), "battery", 1)
    (folder / "battery").chmod(0)
    code, report = run_json(folder, "--model", write_teachable(tmp_path))
    (folder / "battery").chmod(0o700)
    assert (code, len(report["images"])) == (1, 2)
    (error,) = report["errors"]
    assert "Permission denied" in error["message"]


def test_a_link_that_leads_nowhere_is_called_one(tmp_path: Path) -> None:
    (tmp_path / "gone.jpg").symlink_to("nowhere.jpg")
    result = run(tmp_path / "gone.jpg")
    assert result.exit_code == 2
    assert "is a link that leads nowhere" in result.stderr


def test_what_the_model_rejects_is_unknown_whatever_its_probability(tmp_path: Path) -> None:
    model = write_teachable(tmp_path)
    drawn(tmp_path / "in", "connector", 10)
    _, report = run_json(drawn(tmp_path / "in", "battery", 10), "--model", model, "--unknown-below", "0")
    strange = [image for image in report["images"] if "connector" in image["path"]]
    assert all(image["unknown"] for image in strange)
    assert min(image["probability"] for image in strange) > 0.9
    assert not all(image["unknown"] for image in report["images"] if "battery" in image["path"])
