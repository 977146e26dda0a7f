"""Training: what it refuses, what it keeps apart, and a small run from rendered belts to a checked ONNX file."""

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
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
from models.training.augment import Grounds, augment
from models.training.dataset import Dataset, Source
from models.training.leave_out import leave_out
from models.training.net import PartsNet, imagenet_head
from models.training.real import list_photographs
from models.training.settings import Cycle, LeaveOut, NetSettings, RealData, RenderedData, Schedule, TrainingSettings
from models.training.train import Progress, Run, answers, as_shown, train
from senbetsu_errors import Fatal, NeedsOperator

DRAWN = Source("drawn", "none", "none", "rendered")


@pytest.fixture(autouse=True)
def torch_keeps_its_threads() -> Iterator[None]:
    before = torch.get_num_threads()
    yield
    assert torch.get_num_threads() == before


def squares_and_noise(count: int = 160) -> Dataset:
    """Class a is noise, class b noise with a white square, which is cut out; every fifth crop is for validation."""
    rng = np.random.default_rng(0)
    crops = rng.integers(0, 120, (count, 45, 45, 3), dtype=np.uint8)
    labels = np.arange(count, dtype=np.int64) % 2
    crops[labels == 1, 14:31, 14:31] = 255
    covers = np.zeros((1, 45, 45), np.uint8)
    covers[0, 14:31, 14:31] = 255
    sources, validation = np.zeros(count, np.int64), np.arange(count) // 2 % 5 == 0
    return Dataset(("a", "b"), (DRAWN,), crops, labels, sources, validation, covers, labels - 1)


def two_cycles(steps: int) -> tuple[Cycle, Cycle]:
    first = steps * 3 // 4
    return (
        Cycle(steps=first, size_px=24, last_steps=first // 2, learning_rate=4e-3),
        Cycle(steps=steps - first, learning_rate=2e-3, strength=0.3),
    )


def small_settings(labels: tuple[str, ...] = ("a", "b"), steps: int = 60) -> TrainingSettings:
    return TrainingSettings(
        name="small",
        version="0.0.1",
        seed=4,
        labels=labels,
        net=NetSettings(size_px=32, widths=(8, 16)),
        schedule=Schedule(cycles=two_cycles(steps), batch=16, threads=1, average=0.9, checkpoint_steps=10),
        rendered=RenderedData(
            classes=labels,
            photographs_per_class=20,
            belt_crops_per_class=40,
            validation_per_class=20,
            mm_per_px=(0.5, 0.5),
        ),
        exemplars_per_class=5,
    )


def run_of(settings: TrainingSettings, checkpoint: Path | None = None) -> Run:
    grounds = np.random.default_rng(9).integers(0, 120, (4, 45, 45, 3), dtype=np.uint8)
    return Run(settings.net, settings.schedule, settings.seed, grounds, checkpoint=checkpoint)


def trained_on(dataset: Dataset, settings: TrainingSettings, checkpoint: Path | None = None) -> PartsNet:
    return train(dataset, run_of(settings, checkpoint), lambda _: None)


def validation_logits(net: PartsNet, dataset: Dataset) -> np.ndarray:
    return answers(net, dataset.where(dataset.validation).crops, 32)[0]


def test_the_same_seed_gives_the_same_net() -> None:
    settings = small_settings(steps=6)
    dataset = squares_and_noise()
    first, again = (validation_logits(trained_on(dataset, settings), dataset) for _ in range(2))
    assert np.array_equal(first, again)


def test_what_tells_the_classes_apart_is_learned() -> None:
    dataset = squares_and_noise()
    net = trained_on(dataset, small_settings())
    held = dataset.where(dataset.validation)
    assert (validation_logits(net, dataset).argmax(axis=1) == held.labels).mean() >= 0.9


class _KilledError(Exception):
    pass


def test_a_run_that_was_killed_goes_on_to_the_same_net(tmp_path: Path) -> None:
    settings = small_settings(steps=40)
    whole = trained_on(squares_and_noise(), settings)

    def kill(progress: Progress) -> None:
        if progress.step == 20:
            raise _KilledError

    checkpoint = tmp_path / "checkpoint.pt"
    with pytest.raises(_KilledError):
        train(squares_and_noise(), run_of(settings, checkpoint), kill)
    resumed = trained_on(squares_and_noise(), settings, checkpoint)
    dataset = squares_and_noise()
    assert np.array_equal(validation_logits(whole, dataset), validation_logits(resumed, dataset))


def pretrained_settings(keep_features: float, steps: int = 4, labels: tuple[str, ...] = ("a", "b")) -> TrainingSettings:
    settings = small_settings(labels)
    return settings.model_copy(
        update={
            "net": NetSettings(backbone="efficientnet_lite0", size_px=32, frozen_blocks=2),
            "schedule": settings.schedule.model_copy(
                update={"cycles": (Cycle(steps=steps, learning_rate=3e-4),), "keep_features": keep_features}
            ),
        }
    )


def test_a_pretrained_net_keeps_its_first_blocks_and_its_statistics_and_learns_the_rest() -> None:
    settings = pretrained_settings(keep_features=1.0)
    before = PartsNet(2, settings.net).state_dict()
    after = trained_on(squares_and_noise(), settings).state_dict()
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    stay = ("_conv_stem", "net._bn0", "_blocks.0.", "_blocks.1.", "running_", "num_batches")
    assert not [name for name in changed if any(part in name for part in stay)]
    assert any("_blocks.2." in name for name in changed)
    assert "head.weight" in changed


@pytest.mark.slow
def test_features_that_are_kept_turn_less_from_the_pretrained_ones() -> None:
    dataset = squares_and_noise()
    crops = dataset.crops[dataset.validation]
    before = answers(PartsNet(2, pretrained_settings(0.0).net), crops, 32)[1]

    def turned(keep_features: float) -> float:
        now = answers(trained_on(dataset, pretrained_settings(keep_features, steps=20)), crops, 32)[1]
        a, b = now - now.mean(0), before - before.mean(0)
        return float(1 - ((a * b).sum(1) / np.linalg.norm(a, axis=1) / np.linalg.norm(b, axis=1)).mean())

    assert turned(20.0) < 0.9 * turned(0.0)


def test_a_net_that_starts_from_nothing_has_nothing_to_keep() -> None:
    with pytest.raises(ValidationError, match="needs a pretrained backbone"):
        NetSettings(frozen_blocks=2)
    for of_the_pretrained in ({"keep_features": 1.0}, {"foreign": 1.0}):
        with pytest.raises(ValidationError, match="needs a pretrained backbone"):
            with_schedule(small_settings(("other", "battery")), **of_the_pretrained)


@pytest.mark.parametrize("given", [{"foreign": 1.0}, {"bare_share": 0.2}])
def test_crops_of_other_need_that_class(given: dict[str, float]) -> None:
    with pytest.raises(ValidationError, match="'other', which is no label"):
        with_schedule(pretrained_settings(0.0), **given)


def test_how_features_are_seen_says_nothing_where_none_are_kept() -> None:
    with pytest.raises(ValidationError, match="keep_features is 0"):
        with_schedule(pretrained_settings(0.0), features_px=32)


@pytest.mark.parametrize(
    "larger", [{"features_px": 48}, {"cycles": [{"steps": 4, "size_px": 48}]}], ids=["features", "cycle"]
)
def test_larger_crops_than_are_kept_are_refused(larger: dict[str, object]) -> None:
    settings = with_schedule(pretrained_settings(1.0), **larger)
    with pytest.raises(NeedsOperator, match="at 45 px") as caught:
        trained_on(squares_and_noise(), settings)
    assert caught.value.code == "training.crop_size"


def with_schedule(settings: TrainingSettings, **changed: object) -> TrainingSettings:
    """The settings with parts of their schedule changed, checked as a whole."""
    written = settings.model_dump()
    return TrainingSettings.model_validate(written | {"schedule": written["schedule"] | changed})


def squares_and_other() -> Dataset:
    return replace(squares_and_noise(), classes=("other", "battery"))


@pytest.mark.slow
def test_foreign_things_are_taken_for_other_by_a_net_that_is_told_of_them() -> None:
    """A white square is a battery; what ImageNet calls a goldfish, a teapot or a bridge is neither class."""
    rows = imagenet_head().numpy()
    rows = (rows - rows.mean(axis=0))[[1, 849, 839]]
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    crops = squares_and_other()

    def taken_for_other(weight: float) -> float:
        settings = pretrained_settings(1.0, steps=20, labels=("other", "battery"))
        net = trained_on(crops, with_schedule(settings, foreign=weight))
        features = answers(net, crops.crops[crops.labels == 1], 32)[1]
        spread = np.linalg.norm(features - features.mean(axis=0), axis=1).mean()
        # far from what batteries look like, where nothing else speaks for `other`
        foreign = np.maximum(features.mean(axis=0) + 3 * spread * rows, 0)
        logits = foreign @ net.head.weight.detach().numpy().T + net.head.bias.detach().numpy()
        return float((logits[:, 0] - logits[:, 1]).mean())

    assert taken_for_other(5.0) > taken_for_other(0.0) + 0.1


def test_bare_grounds_are_shown_as_other() -> None:
    settings = with_schedule(small_settings(("other", "battery"), steps=60), bare_share=0.5)
    grounds = np.zeros((4, 45, 45, 3), np.uint8)
    grounds[..., 0] = 255  # red, as no crop is
    run = replace(run_of(settings), grounds=grounds)
    red = np.repeat(grounds[:1], 8, axis=0)
    told = answers(train(squares_and_other(), run, lambda _: None), red, 32)[0]
    assert (told.argmax(axis=1) == 0).all()


def test_a_checkpoint_of_other_settings_is_refused(tmp_path: Path) -> None:
    checkpoint = tmp_path / "checkpoint.pt"
    trained_on(squares_and_noise(), small_settings(steps=10), checkpoint)
    with pytest.raises(NeedsOperator, match="other settings") as caught:
        trained_on(squares_and_noise(), small_settings(steps=20), checkpoint)
    assert caught.value.code == "training.checkpoint"


def test_a_class_without_crops_is_refused_by_name() -> None:
    dataset = squares_and_noise()
    with pytest.raises(NeedsOperator, match="crops of b") as caught:
        trained_on(dataset.where(dataset.labels == 0), small_settings())
    assert caught.value.code == "training.no_crops"


def test_training_without_validation_crops_is_refused() -> None:
    dataset = squares_and_noise()
    with pytest.raises(NeedsOperator, match="validation"):
        trained_on(dataset.where(~dataset.validation), small_settings())


def test_a_source_left_out_is_measured_by_a_net_that_never_saw_it() -> None:
    one, other = (Source(name, "MIT", name, "real") for name in ("one", "other"))
    seen = squares_and_noise()
    strange = squares_and_noise(40)
    # in the other source the classes look the other way round: only a net that never saw it answers all wrongly
    swapped = replace(strange, origins=(other,), labels=1 - strange.labels)
    dataset = Dataset.join([replace(seen, origins=(one,)), swapped])
    found = leave_out(
        dataset, run_of(small_settings()), LeaveOut(folds=(("other",),), cycles=two_cycles(60)), lambda _, __: None
    )
    (source,) = found.sources
    assert (source.source, source.rendered_only, source.measured.count) == ("other", False, 40)
    assert source.measured.accuracy <= 0.1
    assert found.overall.count == 40


def test_exemplars_come_from_every_source_of_a_class() -> None:
    one, other = (Source(name, "MIT", name, "real") for name in ("one", "other"))
    dataset = Dataset.join(
        [replace(squares_and_noise(100), origins=(one,)), replace(squares_and_noise(8), origins=(other,))]
    )
    chosen = exporting.exemplars(dataset, 10, seed=1)
    counts = np.zeros((2, 2), np.int64)
    np.add.at(counts, (dataset.labels[chosen], dataset.sources[chosen]), 1)
    assert counts.tolist() == [[6, 4], [6, 4]]


def test_an_export_that_differs_from_the_net_is_not_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    dataset, settings = squares_and_noise(), small_settings(steps=2)
    net = trained_on(dataset, settings)
    monkeypatch.setattr(exporting, "LARGEST_LOGIT_DIFFERENCE", -1.0)
    with pytest.raises(Fatal) as caught:
        exporting.export(net, dataset, settings, tmp_path, "a test")
    assert caught.value.code == "training.export_differs"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_the_exported_models_answer_as_the_net_does(tmp_path: Path) -> None:
    dataset, settings = squares_and_noise(), small_settings()
    net = trained_on(dataset, settings)
    exported = exporting.export(net, dataset, settings, tmp_path, "a test")
    assert Manifest.model_validate(json.loads(exported.int8.model_dump_json())) == exported.int8
    names = ["small-fp32.manifest.json", "small-fp32.onnx", "small.manifest.json", "small.onnx"]
    assert sorted(path.name for path in tmp_path.iterdir()) == names
    held = dataset.where(dataset.validation)
    crops = (as_shown(held.crops, 32) * 255).round().to(torch.uint8).permute(0, 2, 3, 1).numpy()
    plain = verify(tmp_path / "small-fp32.onnx")
    assert exporting.largest_difference(net, plain.data, crops, 32) <= exporting.LARGEST_LOGIT_DIFFERENCE
    rounded = Predictor(verify(tmp_path / "small.onnx")).answers(crops)
    assert (rounded.probabilities.argmax(axis=1) == validation_logits(net, dataset).argmax(axis=1)).mean() >= 0.99
    # what was kept as exemplars is what the model itself says of those crops
    memory = verify(tmp_path / "small.onnx").memory
    assert memory is not None
    assert len(memory) == 10


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_train_command_learns_two_rendered_classes(tmp_path: Path) -> None:
    # Coarse enough that nuts and telephones lie on the same belts (rendered_crops._LONGEST): where each had belts of
    # its own, a net learned the belts. So few pictures take a net that has seen others before.
    small = small_settings(("nut_washer", "smartphone"))
    assert small.rendered
    settings = small.model_copy(
        update={
            "net": NetSettings(backbone="efficientnet_lite0", size_px=64),
            "schedule": small.schedule.model_copy(update={"cycles": (Cycle(steps=60, learning_rate=1e-3),)}),
            "rendered": small.rendered.model_copy(update={"mm_per_px": (0.7, 0.7)}),
        }
    )
    # in a process of its own: the renderer's worker processes leave multiprocessing's tracker behind
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
    lines = [json.loads(line) for line in (tmp_path / "made" / "small" / "training.log").read_text().splitlines()]
    assert [line["step"] for line in lines] == [20, 40, 60]


def test_augmentation_gives_the_size_and_range_asked_for_and_follows_its_generator() -> None:
    rng = torch.Generator().manual_seed(1)
    images, covers = torch.rand(6, 3, 45, 45, generator=rng), torch.ones(6, 1, 45, 45)
    before = images.clone()
    grounds = Grounds(torch.zeros(2, 3, 45, 45, dtype=torch.uint8), 0.5)
    first, again, other = (
        augment(images, covers, grounds, 32, torch.Generator().manual_seed(seed)) for seed in (2, 2, 3)
    )
    assert torch.equal(images, before)
    assert first.shape == (6, 3, 32, 32)
    assert float(first.min()) >= 0.0
    assert float(first.max()) <= 1.0
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_what_is_cut_out_is_pasted_and_what_is_not_keeps_its_ground() -> None:
    images = torch.ones(2, 3, 45, 45)
    covers = torch.zeros(2, 1, 45, 45)
    covers[1, :, 20:26, 20:26] = 1
    grounds = Grounds(torch.zeros(2, 3, 45, 45, dtype=torch.uint8), 1.0)
    shown = augment(images, covers, grounds, 32, torch.Generator().manual_seed(5))
    assert float(shown[0].mean()) > 3 * float(shown[1].mean())


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
