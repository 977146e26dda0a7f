"""`senbetsu models list`, `verify` and what `train` refuses."""

import json
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

import models.training
from controller.cli.models_commands import models_app, read_training_settings
from controller.config.errors import ConfigErrors
from models import registry
from senbetsu_errors import NeedsOperator, SenbetsuError
from tests.conftest import REPOSITORY

CONFIG = REPOSITORY / "configs" / "training" / "parts.yaml"


def run(*arguments: object) -> Result:
    return CliRunner().invoke(models_app, [str(argument) for argument in arguments])


def refusal(*arguments: object) -> SenbetsuError:
    error = run(*arguments).exception
    assert isinstance(error, SenbetsuError)
    return error


def test_list_shows_the_shipped_model_with_its_figures() -> None:
    listed = json.loads(run("list", "--json").stdout)["models"]
    (parts,) = [entry for entry in listed if entry["name"] == "parts"]
    assert parts["labels"] == list(registry.open_model("parts").manifest.labels)
    assert 0 < parts["accuracy_rendered"] <= 1
    assert run("list").exit_code == 0


def test_list_names_a_model_that_would_be_refused(tiny_model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "MODELS_FOLDER", tiny_model.parent)
    tiny_model.write_bytes(tiny_model.read_bytes() + b"\x00")
    (entry,) = json.loads(run("list", "--json").stdout)["models"]
    assert entry["error"]["code"] == "model.mismatch"
    assert "model.mismatch" in run("list").stdout


def test_verify_passes_the_shipped_model_and_refuses_an_altered_one(tiny_model: Path) -> None:
    assert run("verify").exit_code == 0
    tiny_model.write_bytes(tiny_model.read_bytes()[:-3])
    assert refusal("verify", tiny_model).code == "model.mismatch"


def test_the_shipped_training_configuration_makes_the_shipped_labels() -> None:
    assert read_training_settings(CONFIG).labels == registry.open_model("parts").manifest.labels


def test_a_wrong_training_configuration_is_refused_with_every_place(tmp_path: Path) -> None:
    config = tmp_path / "wrong.yaml"
    config.write_text(CONFIG.read_text().replace("paste_share:", "paste:").replace("seed: ", "seed: -"))
    error = refusal("train", config)
    assert isinstance(error, ConfigErrors)
    assert {found.key_path for found in error.errors} >= {"seed", "schedule.paste"}
    assert all(found.line is not None for found in error.errors)


def test_training_without_torch_says_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    for name in ("train", "export", "net", "augment"):  # forget what another test may have imported
        monkeypatch.delitem(sys.modules, f"models.training.{name}", raising=False)
        monkeypatch.delattr(models.training, name, raising=False)
    error = refusal("train", CONFIG, "-o", tmp_path)
    assert isinstance(error, NeedsOperator)
    assert error.code == "training.no_torch"
    assert "requirements/training.txt" in error.remedy


def test_evaluating_with_the_configuration_of_another_model_is_refused(tiny_model: Path) -> None:
    assert refusal("evaluate", tiny_model, "--config", CONFIG).code == "model.labels"
