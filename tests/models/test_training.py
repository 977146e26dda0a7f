"""Training: what it refuses, what it keeps apart, and a small run from rendered belts to a checked ONNX file."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from models.manifest import Manifest
from models.predict import Predictor
from models.registry import verify
from models.scores import expected_calibration_error, fit_temperature, score, softmax
from models.training import export as exporting
from models.training.augment import augment
from models.training.dataset import Dataset, Source
from models.training.real import list_photographs
from models.training.settings import NetSettings, RealData, RenderedData, Schedule, TrainingSettings
from models.training.train import Progress, Trained, train
from senbetsu_errors import Fatal, NeedsOperator

DRAWN = Source("drawn", "none", "none", "rendered")


@pytest.fixture(autouse=True)
def torch_keeps_its_threads() -> Iterator[None]:
    before = torch.get_num_threads()
    yield
    assert torch.get_num_threads() == before


def squares_and_noise(count: int = 160) -> Dataset:
    """Class a is noise, class b noise with a white square; every fifth crop is for validation."""
    rng = np.random.default_rng(0)
    crops = rng.integers(0, 120, (count, 32, 32, 3), dtype=np.uint8)
    labels = np.arange(count, dtype=np.int64) % 2
    crops[labels == 1, 10:22, 10:22] = 255
    return Dataset(("a", "b"), (DRAWN,), crops, labels, np.zeros(count, np.int64), np.arange(count) // 2 % 5 == 0)


def small_settings(labels: tuple[str, ...] = ("a", "b"), epochs: int = 8) -> TrainingSettings:
    return TrainingSettings(
        name="small",
        version="0.0.1",
        seed=4,
        labels=labels,
        net=NetSettings(size_px=32, widths=(8, 16)),
        schedule=Schedule(epochs=epochs, batch=16, threads=1),
        rendered=RenderedData(classes=labels, train_per_class=60, validation_per_class=20, mm_per_px=(0.5, 0.5)),
    )


def trained_on(dataset: Dataset, settings: TrainingSettings) -> tuple[Trained, list[Progress]]:
    told: list[Progress] = []
    return train(dataset, settings.net, settings.schedule, settings.seed, told.append), told


def test_the_same_seed_gives_the_same_net() -> None:
    settings = small_settings(epochs=1)
    first, _ = trained_on(squares_and_noise(), settings)
    again, _ = trained_on(squares_and_noise(), settings)
    assert np.array_equal(first.validation_logits, again.validation_logits)


def test_progress_is_told_after_every_epoch() -> None:
    _, told = trained_on(squares_and_noise(), small_settings(epochs=2))
    assert [progress.epoch for progress in told] == [1, 2]


def test_a_class_without_crops_is_refused_by_name() -> None:
    dataset = squares_and_noise()
    with pytest.raises(NeedsOperator, match="crops of b") as caught:
        trained_on(dataset.where(dataset.labels == 0), small_settings())
    assert caught.value.code == "training.no_crops"


def test_training_without_validation_crops_is_refused() -> None:
    dataset = squares_and_noise()
    with pytest.raises(NeedsOperator, match="validation"):
        trained_on(dataset.where(~dataset.validation), small_settings())


def test_an_export_that_differs_from_the_net_is_not_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    dataset, settings = squares_and_noise(), small_settings(epochs=1)
    trained, _ = trained_on(dataset, settings)
    monkeypatch.setattr(exporting, "LARGEST_LOGIT_DIFFERENCE", -1.0)
    with pytest.raises(Fatal) as caught:
        exporting.export(trained, dataset, settings, tmp_path, "a test")
    assert caught.value.code == "training.export_differs"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_an_exported_model_answers_as_the_net_does(tmp_path: Path) -> None:
    dataset, settings = squares_and_noise(), small_settings(epochs=1)
    trained, _ = trained_on(dataset, settings)
    manifest = exporting.export(trained, dataset, settings, tmp_path, "a test")
    assert Manifest.model_validate(json.loads(manifest.model_dump_json())) == manifest
    assert sorted(path.name for path in tmp_path.iterdir()) == ["small.manifest.json", "small.onnx"]
    model = verify(tmp_path / "small.onnx")
    held = dataset.where(dataset.validation)
    by_torch = softmax(trained.validation_logits, trained.temperature)
    np.testing.assert_allclose(Predictor(model).probabilities(held.crops), by_torch, atol=1e-3)
    assert exporting.largest_difference(trained, model.data, held.crops) <= exporting.LARGEST_LOGIT_DIFFERENCE


@pytest.mark.slow
def test_the_train_command_learns_two_rendered_classes(tmp_path: Path) -> None:
    # in a process of its own: the renderer's worker processes leave multiprocessing's tracker behind
    settings = small_settings(("nut_washer", "smartphone"), epochs=12)
    config = tmp_path / "small.yaml"
    config.write_text(settings.model_dump_json())  # JSON is YAML
    program = "from controller.cli.models_commands import models_app; models_app()"
    command = [sys.executable, "-c", program, "train", str(config), "-o", str(tmp_path / "made")]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout == ""
    manifest = verify(tmp_path / "made" / "small.onnx").manifest
    assert manifest.metrics.overall.accuracy >= 0.9
    assert manifest.metrics.overall.count == 40
    assert manifest.evidence == {"nut_washer": "rendered only", "smartphone": "rendered only"}
    assert manifest.training_data[0].count == {"nut_washer": 60, "smartphone": 60}


def test_augmentation_keeps_shape_and_range_and_follows_its_generator() -> None:
    images = torch.rand(6, 3, 32, 32, generator=torch.Generator().manual_seed(1))
    before = images.clone()
    first = augment(images, torch.Generator().manual_seed(2))
    again = augment(images, torch.Generator().manual_seed(2))
    assert torch.equal(images, before)
    assert first.shape == images.shape
    assert float(first.min()) >= 0.0
    assert float(first.max()) <= 1.0
    assert torch.equal(first, again)
    assert not torch.equal(first, augment(images, torch.Generator().manual_seed(3)))


def photographs_csv(folder: Path, rows: list[tuple[str, str, str, str]]) -> RealData:
    lines = ["file,split,class,source_repo,license,dup_group"]
    lines += [f"{split}/{file},{split},{name},somebody/pictures,MIT,{group}" for file, split, name, group in rows]
    (folder / "provenance.csv").write_text("\n".join(lines))
    return RealData(folder=".", classes={"bolt": "screw"}, attributions={"somebody/pictures": "Somebody"})


def test_a_holdout_photograph_with_a_twin_in_training_is_left_out(tmp_path: Path) -> None:
    real = photographs_csv(
        tmp_path,
        [("1.jpg", "train", "bolt", "7"), ("2.jpg", "holdout", "bolt", "7"), ("3.jpg", "holdout", "bolt", "8")],
    )
    found = list_photographs(tmp_path, real)
    assert [(photograph.path.name, photograph.validation) for photograph in found] == [
        ("1.jpg", False),
        ("3.jpg", True),
    ]
    assert {photograph.label for photograph in found} == {"screw"}


def test_classes_that_the_settings_do_not_name_are_left_out(tmp_path: Path) -> None:
    real = photographs_csv(tmp_path, [("1.jpg", "train", "bolt", "1"), ("2.jpg", "train", "spoon", "2")])
    assert len(list_photographs(tmp_path, real)) == 1


def test_a_missing_list_of_photographs_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NeedsOperator) as caught:
        list_photographs(tmp_path, RealData(folder=".", classes={"bolt": "screw"}, attributions={}))
    assert caught.value.code == "training.data"


def test_a_source_without_attribution_is_refused(tmp_path: Path) -> None:
    real = photographs_csv(tmp_path, [("1.jpg", "train", "bolt", "1")]).model_copy(update={"attributions": {}})
    with pytest.raises(NeedsOperator, match="attribution"):
        list_photographs(tmp_path, real)


def test_no_duplicate_group_of_the_real_photographs_crosses_the_split(shared_data: Path) -> None:
    classes = {"diode": "diode", "pcb": "pcb"}
    attributions = {
        name: name
        for name in (
            "harshit7271/computer-vision-with-embedded-ML",
            "coreboot/coreboot",
            "TannerGilbert/Tensorflow-Object-Detection-API-Train-Model",
        )
    }
    found = list_photographs(shared_data / "parts", RealData(folder=".", classes=classes, attributions=attributions))
    # every diode is one part on one background: all of its holdout pictures have twins in training
    assert not any(photograph.validation for photograph in found if photograph.label == "diode")
    assert any(photograph.validation for photograph in found if photograph.label == "pcb")


def test_labels_and_data_must_name_the_same_classes() -> None:
    with pytest.raises(ValidationError, match="labels without data"):
        TrainingSettings.model_validate(small_settings().model_dump() | {"labels": ["a", "b", "c"]})


def test_temperature_recovers_what_scaled_the_logits() -> None:
    rng = np.random.default_rng(1)
    logits = rng.normal(0, 2, (4000, 4))
    labels = (logits + rng.gumbel(size=logits.shape)).argmax(axis=1).astype(np.int64)
    assert fit_temperature(logits * 3.0, labels) == pytest.approx(3.0, rel=0.1)
    assert expected_calibration_error(softmax(logits * 3.0, 3.0), labels) < 0.03
    assert expected_calibration_error(softmax(logits * 3.0), labels) > 0.05


def test_scores_count_rows_as_truth_and_columns_as_answers() -> None:
    probabilities = np.array([[0.9, 0.1, 0.0], [0.4, 0.6, 0.0], [0.2, 0.8, 0.0]], np.float32)
    found = score(("a", "b", "c"), probabilities, np.array([0, 0, 1]))
    assert found.confusion.tolist() == [[1, 1, 0], [0, 1, 0], [0, 0, 0]]
    assert found.accuracy == pytest.approx(2 / 3)
    assert (found.classes["a"].precision, found.classes["a"].recall) == (1.0, 0.5)
    assert (found.classes["b"].precision, found.classes["b"].recall) == (0.5, 1.0)
    assert (found.classes["c"].precision, found.classes["c"].recall) == (None, None)
