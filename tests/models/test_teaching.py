"""Teaching a tiny net that really tells coloured parts apart: what is added, what stays, what is refused."""

from pathlib import Path
from typing import Any, cast

import numpy as np
import onnx
import pytest

from models.files import write_model
from models.lesson import Lesson, views_for
from models.memory import Memory
from models.predict import Predictor
from models.registry import verify
from models.teaching import teach
from senbetsu_errors import NeedsOperator
from tests.models.conftest import LABELS, drawn_crops, manifest_of, teachable_onnx, tiny_onnx, write_teachable
from tests.models.conftest import write_model as write_raw


def lesson(*labels: str, count: int = 10, seed: int = 3) -> Lesson:
    crops = [drawn_crops(label, count, seed) for label in labels]
    named = tuple(label for label in labels for _ in range(count))
    return Lesson(named, tuple(f"{i:064x}" for i in range(len(named))), np.concatenate(crops)[:, None], "a test")


def accuracy(path: Path, labels: tuple[str, ...], seed: int = 7) -> float:
    model = verify(path)
    right = [
        (Predictor(model).probabilities(drawn_crops(label, 40, seed)).argmax(axis=1) == index).mean()
        for index, label in enumerate(labels)
    ]
    return float(np.mean(right))


def taught(parent: Path, to: Path, what: Lesson) -> Path:
    data, manifest = teach(verify(parent), what, to.stem, "a test")
    write_model(to, data, manifest)
    return to


def test_a_new_class_is_known_and_the_old_ones_stay_known(teachable_model: Path, tmp_path: Path) -> None:
    before = accuracy(teachable_model, LABELS)
    child = taught(teachable_model, tmp_path / "child.onnx", lesson("connector"))
    assert verify(child).manifest.labels == (*LABELS, "connector")
    assert accuracy(child, (*LABELS, "connector")) >= 0.95
    assert accuracy(child, LABELS) >= before - 0.01


def test_the_manifest_says_who_was_taught_what_and_how_well(teachable_model: Path, tmp_path: Path) -> None:
    parent = verify(teachable_model).manifest
    manifest = verify(taught(teachable_model, tmp_path / "child.onnx", lesson("connector", "pcb"))).manifest
    assert manifest.parent is not None
    assert (manifest.parent.name, manifest.parent.version) == ("tiny", "1.0.0")
    assert manifest.parent.sha256 == parent.sha256
    assert (manifest.name, manifest.version) == ("child", "1.0.1")
    assert manifest.training_data[-1].count == {"connector": 10, "pcb": 10}
    assert set(manifest.training_data[-1].sha256 or ()) == {"connector", "pcb"}
    assert manifest.evidence["connector"] == "real photographs"
    assert manifest.evidence["pcb"] == "real photographs and rendered"
    assert manifest.evidence["battery"] == parent.evidence["battery"]
    measured = manifest.metrics.taught
    assert measured is not None
    assert measured.new.count == 20
    assert measured.old_before.accuracy - measured.old_after.accuracy <= 0.01
    assert manifest.metrics.overall.count == 20 + len(verify(teachable_model).memory or ())


def test_a_taught_model_can_be_taught_again_and_remembers_both_lessons(teachable_model: Path, tmp_path: Path) -> None:
    first = taught(teachable_model, tmp_path / "first.onnx", lesson("connector"))
    second = taught(first, tmp_path / "second.onnx", lesson("screw"))
    assert accuracy(second, (*LABELS, "connector", "screw")) >= 0.95


def test_the_same_lesson_gives_the_same_bytes(teachable_model: Path) -> None:
    model = verify(teachable_model)
    one, two = (teach(model, lesson("connector"), "child", "a test") for _ in range(2))
    assert one == two


def test_memory_grows_by_the_taught_crops_and_stays_within_its_bound(teachable_model: Path, tmp_path: Path) -> None:
    child = verify(taught(teachable_model, tmp_path / "child.onnx", lesson("connector", count=12)))
    assert child.memory is not None
    assert np.bincount(child.memory.labels).tolist() == [40, 40, 12]
    full = verify(taught(teachable_model, tmp_path / "full.onnx", lesson("connector", "pcb", count=400)))
    assert full.memory is not None
    counts = np.bincount(full.memory.labels).tolist()
    assert counts == [40, 256, 256]  # 216 new looks of pcb beside the 40 it had


def test_a_rejecting_model_stays_one_and_knows_what_it_was_taught(teachable_model: Path, tmp_path: Path) -> None:
    strange = drawn_crops("connector", 40, seed=7)
    assert Predictor(verify(teachable_model)).answers(strange).unknown.mean() > 0.9
    child = taught(teachable_model, tmp_path / "child.onnx", lesson("connector"))
    assert Predictor(verify(child)).answers(strange).unknown.mean() < 0.5
    assert Predictor(verify(child)).answers(drawn_crops("screw", 40, seed=7)).unknown.mean() > 0.5


def test_many_crops_get_fewer_views_each() -> None:
    assert [views_for(n) for n in (10, 500, 1000, 4000)] == [12, 12, 6, 1]


def refused(path: Path, what: Lesson | None = None) -> str:
    with pytest.raises(NeedsOperator) as caught:
        teach(verify(path), what or lesson("connector"), "child", "a test")
    return caught.value.code


def test_a_model_without_exemplars_or_without_a_plain_head_is_refused(tmp_path: Path) -> None:
    assert refused(write_raw(tmp_path, tiny_onnx())) == "model.no_memory"
    weight, bias = np.zeros((2, 48)), np.zeros(2)
    memory = Memory(np.ones((4, 48), np.float32), np.arange(4) % 2)
    hidden = teachable_onnx(LABELS, weight, bias, memory)
    hidden.graph.node[-1].input[1] = "renamed"
    hidden.graph.initializer[1].name = "renamed"
    manifest = manifest_of(hidden.SerializeToString()) | {"embedding": {"name": "embedding", "size": 48}}
    assert refused(write_raw(tmp_path, hidden, manifest)) == "model.no_head"


def test_crops_of_another_size_are_refused(teachable_model: Path) -> None:
    wrong = Lesson(("pcb",), ("0" * 64,), np.zeros((1, 1, 16, 16, 3), np.uint8), "a test")
    assert refused(teachable_model, wrong) == "teach.crops"


def test_a_taught_file_is_a_sound_onnx_model_of_one_file(teachable_model: Path, tmp_path: Path) -> None:
    child = taught(teachable_model, tmp_path / "child.onnx", lesson("connector"))
    cast("Any", onnx).checker.check_model(cast("Any", onnx).load(str(child)))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["child.manifest.json", "child.onnx", "parent"]


def test_a_three_class_parent_keeps_the_order_of_its_labels(tmp_path: Path) -> None:
    (tmp_path / "p").mkdir()
    parent = write_teachable(tmp_path / "p", ("screw", "battery", "pcb"))
    child = taught(parent, tmp_path / "child.onnx", lesson("connector"))
    assert verify(child).manifest.labels == ("screw", "battery", "pcb", "connector")
