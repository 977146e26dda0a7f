"""A line with a shadow model: one that cannot be loaded stops nothing, a recording compares all parts."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from controller.cli.models_commands import models_app
from controller.cli.simulate import simulate
from controller.cli.vision import make_pipeline
from controller.config import ConfigErrors, check, load_config
from tests.conftest import REPOSITORY
from tests.models.conftest import manifest_of, tiny_onnx, write_model, write_teachable


def line_with(tmp_path: Path, shadow: Path) -> Path:
    """The demo line with a shadow model, its recipe and tags where they are."""
    demo = (REPOSITORY / "configs" / "demo.yaml").read_text()
    configs = REPOSITORY / "configs"
    text = demo.replace("  model: parts\n", f"  model: parts\n  shadow_model: {shadow}\n  shadow_share: 0.5\n")
    text = text.replace("tags: tags/", f"tags: {configs}/tags/").replace("recipe: ", f"recipe: {configs}/")
    path = tmp_path / "line.yaml"
    path.write_text(text)
    return path


def test_a_shadow_that_cannot_be_loaded_leaves_the_line_its_model(tmp_path: Path) -> None:
    config = line_with(tmp_path, tmp_path / "none.onnx")
    pipeline = make_pipeline(load_config(config))
    assert pipeline.labels
    assert pipeline.shadow is not None
    assert "There is no model file" in pipeline.shadow.report().error
    assert "none.onnx, CANNOT BE LOADED, the line runs without it" in str(check(config))


def test_check_says_what_a_shadow_knows_besides_and_does_not_know(tmp_path: Path) -> None:
    labels = ("battery", "pcb", "relay")
    model = tiny_onnx(labels)
    config = line_with(tmp_path, write_model(tmp_path, model, manifest_of(model.SerializeToString(), labels)))
    (said,) = [line for line in str(check(config)).splitlines() if line.startswith("  shadow")]
    assert "decides nothing; knows besides: relay" in said
    assert "the recipe has no mass for relay: counted as worth nothing" in said
    assert "does not know: " in said
    assert "screw" in said


def test_a_damaged_shadow_is_said_by_check_and_leaves_the_line_its_model(tmp_path: Path) -> None:
    model = tiny_onnx()
    model.graph.node[-1].op_type = "Frobnicate"
    config = line_with(tmp_path, write_model(tmp_path, model))
    assert "CANNOT BE LOADED, the line runs without it: onnxruntime cannot load" in str(check(config))
    pipeline = make_pipeline(load_config(config))
    assert pipeline.shadow is not None
    assert "Frobnicate" in pipeline.shadow.report().error


def test_a_replacement_that_cannot_be_loaded_is_refused_by_check(tmp_path: Path) -> None:
    config = line_with(tmp_path, write_teachable(tmp_path))
    check(config)
    broken = tmp_path / "tiny.onnx"
    broken.write_bytes(broken.read_bytes()[:-1])
    config.write_text(config.read_text().replace("model: parts\n", f"model: {broken}\n", 1))
    with pytest.raises(ConfigErrors) as caught:
        check(config)
    (error,) = caught.value.errors
    assert "truncated or replaced" in str(error)


@pytest.mark.slow
def test_a_simulated_line_counts_what_its_shadow_says_and_a_recording_compares_every_part(tmp_path: Path) -> None:
    config = line_with(tmp_path, write_teachable(tmp_path))
    summary = simulate(config, 4, seed=1, record=tmp_path / "line.mcap")
    shadow = summary["shadow"]
    assert shadow["error"] is None
    assert shadow["compared"] == shadow["crops"] > 0
    assert shadow["compared"] <= 0.5 * shadow["seen"]
    assert shadow["agreed"] + sum(pair["count"] for pair in shadow["differences"]) == shadow["compared"]
    same = CliRunner().invoke(
        models_app, ["compare", "parts", "parts", "--images", str(tmp_path / "line.mcap"), "--json"]
    )
    report = json.loads(same.stdout)
    assert report["agreement"] == 1.0
    assert report["crops"] >= shadow["seen"]
    assert report["rerouted"]["parts"] == 0
