"""Which models `senbetsu check` lets a line start with, and where it says what is wrong."""

from pathlib import Path

import pytest

from controller.config import ConfigError, ConfigErrors, check
from models.registry import open_any
from models.signature import make_key, read_private_key, sign
from tests.models.conftest import manifest_of, tiny_onnx, write_model
from tests.vision.detectors import write_detector


@pytest.fixture
def line_file(site: Path) -> Path:
    """The good line of the site."""
    path = site / "line.yaml"
    path.write_text((site / "good.line").read_text())
    return path


def problems(config: Path) -> list[ConfigError]:
    with pytest.raises(ConfigErrors) as caught:
        check(config)
    return [error for error in caught.value.errors if error.severity == "error"]


def edited(config: Path, old: str, new: str) -> Path:
    text = config.read_text()
    assert old in text
    config.write_text(text.replace(old, new))
    return config


def trusting(site: Path) -> Path:
    """The site's line, which trusts `site.key.pub` now."""
    make_key(site.parent / "site.key")
    return edited(site, "model: tiny.onnx,", "model: tiny.onnx, trusted_keys: [site.key.pub],")


def test_a_line_that_trusts_a_key_refuses_an_unsigned_model_and_runs_a_signed_one(line_file: Path) -> None:
    config = trusting(line_file)
    (problem,) = problems(config)
    assert problem.key_path == "vision.model"
    assert problem.line is not None
    assert "no signature" in problem.found
    path = config.parent / "tiny.onnx"
    sign(path, open_any(path).manifest_bytes, read_private_key(config.parent / "site.key"))
    assert "which is trusted" in str(check(config))


def test_an_altered_model_is_refused_with_the_place_that_names_it(line_file: Path) -> None:
    path = line_file.parent / "tiny.onnx"
    path.write_bytes(path.read_bytes()[:-1])
    (problem,) = problems(line_file)
    assert problem.key_path == "vision.model"
    assert "truncated" in problem.found


def test_a_model_that_onnxruntime_cannot_load_is_refused_before_the_line_starts(line_file: Path) -> None:
    labels = ("battery", "pcb", "screw")
    model = tiny_onnx(labels)
    model.graph.node[-1].op_type = "Frobnicate"
    write_model(line_file.parent, model, manifest_of(model.SerializeToString(), labels))
    assert check(line_file, try_model=False).config  # its bytes are what its manifest says
    with pytest.raises(ConfigErrors) as caught:
        check(line_file, try_model=True)
    (problem,) = caught.value.errors
    assert problem.key_path == "vision.model"
    assert "Frobnicate" in problem.found
    assert problem.expected == "a model that can be loaded and answers"


def test_a_trusted_key_that_is_not_there_is_refused(line_file: Path) -> None:
    config = trusting(line_file)
    (config.parent / "site.key.pub").unlink()
    assert "vision.trusted_keys" in {problem.key_path for problem in problems(config)}


def test_a_recipe_for_other_classes_than_the_models_is_refused(line_file: Path) -> None:
    write_detector(line_file.parent)
    found = problems(edited(line_file, "model: tiny.onnx", "model: squares.onnx"))
    assert any("pcb" in problem.found for problem in found)


def test_a_detector_whose_tiles_overlap_too_little_is_refused(line_file: Path) -> None:
    write_detector(line_file.parent)
    found = problems(edited(line_file, "model: tiny.onnx", "model: squares.onnx"))
    assert any("tiles overlap by" in problem.found and problem.key_path == "vision.model" for problem in found)


def test_a_mix_that_a_detector_would_not_be_weighed_by_is_refused(line_file: Path) -> None:
    write_detector(line_file.parent)
    edited(line_file, "max_part_mm: 150", "max_part_mm: 20, expected_mix: {red: 1, blue: 1}")
    edited(line_file, "model: tiny.onnx", "model: squares.onnx")
    (found,) = [problem for problem in problems(line_file) if problem.key_path.startswith("vision")]
    assert found.key_path == "vision.expected_mix"
    assert "the model is a detector" in found.found
