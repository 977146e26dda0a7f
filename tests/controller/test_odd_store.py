"""Odd parts on disk: COCO that others can read, bounded, whole after a crash, labels never lost."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from controller.odd_parts import OddPart
from controller.odd_store import INDEX, ModelName, OddStore, export
from senbetsu_errors import NeedsOperator

# A PNG of 30 x 20 pixels: only its head is read here.
HEAD = b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR"
PNG = HEAD + (30).to_bytes(4, "big") + (20).to_bytes(4, "big") + b"\x08\x02\x00\x00\x00"
ODD = OddPart(
    png=PNG,
    reasons=("low margin",),
    label=None,
    class_id="pcb",
    probabilities={"pcb": 0.5, "ic": 0.45},
    bbox_px=(4.0, 5.0, 20.0, 10.0),
    outline_px=((4.0, 5.0), (24.0, 5.0), (24.0, 15.0)),
    part_id=17,
    encoder_counts=123_456,
    frame_sequence=99,
    views=4,
    disagreeing=1,
    length_mm=5.0,
    width_mm=10.0,
    area_mm2=40.0,
    mm_per_px=0.5,
    motion="lies",
)
AT = "2026-01-02T03:04:05.678+00:00"


@pytest.fixture
def store(tmp_path: Path) -> Callable[..., OddStore]:
    def make(keep: int = 100) -> OddStore:
        return OddStore(tmp_path / "odd", keep, ("pcb", "ic"), ModelName("parts", "1.2.3"), simulated=True)

    return make


def _index(tmp_path: Path) -> dict[str, Any]:
    return json.loads((tmp_path / "odd" / INDEX).read_text())


def test_a_part_is_kept_as_coco_with_all_that_is_known_of_it(store: Callable[..., OddStore], tmp_path: Path) -> None:
    assert store().add(ODD, AT) == 1
    index = _index(tmp_path)
    assert [(c["id"], c["name"]) for c in index["categories"]] == [(0, "unlabelled"), (1, "pcb"), (2, "ic")]
    assert index["info"]["simulated"]
    (image,), (annotation,) = index["images"], index["annotations"]
    assert image == {"id": 1, "file_name": "crops/000001.png", "width": 30, "height": 20, "date_captured": AT}
    assert (tmp_path / "odd" / image["file_name"]).read_bytes() == PNG
    assert annotation["image_id"] == 1
    assert annotation["category_id"] == 0
    assert annotation["bbox"] == [4, 5, 20, 10]
    assert annotation["segmentation"] == [[4, 5, 24, 5, 24, 15]]
    assert annotation["area"] == 160
    own = annotation["senbetsu"]
    assert own["model"] == {"name": "parts", "version": "1.2.3"}
    assert (own["encoder_counts"], own["frame_sequence"], own["at"]) == (123_456, 99, AT)
    assert own["probabilities"] == {"pcb": 0.5, "ic": 0.45}


def test_a_label_known_or_new_is_kept_over_a_restart(store: Callable[..., OddStore], tmp_path: Path) -> None:
    first = store()
    first.add(ODD, AT)
    first.add(ODD, AT)
    first.label(1, "ic")
    first.label(2, "relay")
    again = store()
    assert [part["label"] for part in again.newest(10)] == ["relay", "ic"]
    assert again.add(replace(ODD, label="relay"), AT) == 3
    assert [c["name"] for c in _index(tmp_path)["categories"]] == ["unlabelled", "pcb", "ic", "relay"]


@pytest.mark.parametrize("label", ["", "unlabelled", "Relay", "a b", "../x", "a" * 41, "1a"])
def test_what_cannot_be_a_class_is_refused(label: str, store: Callable[..., OddStore]) -> None:
    kept = store()
    kept.add(ODD, AT)
    with pytest.raises(NeedsOperator, match="cannot be a class"):
        kept.label(1, label)
    assert kept.newest(1)[0]["label"] is None


def test_the_oldest_unlabelled_gives_way_and_labelled_ones_stay(store: Callable[..., OddStore], tmp_path: Path) -> None:
    kept = store(keep=3)
    for _ in range(3):
        kept.add(ODD, AT)
    kept.label(1, "ic")
    kept.add(ODD, AT)
    kept.add(ODD, AT)
    assert [part["id"] for part in kept.newest(10)] == [5, 4, 1]
    assert sorted(p.name for p in (tmp_path / "odd" / "crops").iterdir()) == [f"00000{n}.png" for n in (1, 4, 5)]
    kept.label(4, "ic")
    kept.label(5, "ic")
    assert kept.add(ODD, AT) is None
    assert kept.refused_full == 1
    with pytest.raises(NeedsOperator, match="not kept any more"):
        kept.label(2, "ic")


def test_numbers_are_never_used_twice(store: Callable[..., OddStore]) -> None:
    kept = store(keep=1)
    assert [kept.add(ODD, AT) for _ in range(3)] == [1, 2, 3]
    assert store(keep=1).add(ODD, AT) == 4


def test_a_damaged_index_is_said_and_not_overwritten(store: Callable[..., OddStore], tmp_path: Path) -> None:
    store().add(ODD, AT)
    path = tmp_path / "odd" / INDEX
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(NeedsOperator, match="cannot be read as COCO JSON"):
        store()
    assert len(path.read_bytes()) == 100


def test_a_folder_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(NeedsOperator, match="cannot be made"):
        OddStore(tmp_path / "file" / "odd", 10, ("pcb",), ModelName("parts", "1.2.3"), simulated=False)


def test_an_export_is_whole_and_holds_what_was_asked_for(store: Callable[..., OddStore], tmp_path: Path) -> None:
    kept = store()
    with pytest.raises(NeedsOperator, match="holds no odd parts"):
        export(tmp_path / "odd", tmp_path / "none", labelled_only=False)
    for _ in range(3):
        kept.add(ODD, AT)
    with pytest.raises(NeedsOperator, match="holds no labelled odd parts"):
        export(tmp_path / "odd", tmp_path / "none", labelled_only=True)
    kept.label(2, "relay")
    assert export(tmp_path / "odd", tmp_path / "all", labelled_only=False) == 3
    assert export(tmp_path / "odd", tmp_path / "labelled", labelled_only=True) == 1
    index = json.loads((tmp_path / "labelled" / INDEX).read_text())
    assert [image["file_name"] for image in index["images"]] == ["crops/000002.png"]
    names = {c["id"]: c["name"] for c in index["categories"]}
    assert [names[a["category_id"]] for a in index["annotations"]] == ["relay"]
    assert (tmp_path / "labelled" / "crops" / "000002.png").read_bytes() == PNG
    with pytest.raises(NeedsOperator, match="exists already"):
        export(tmp_path / "odd", tmp_path / "all", labelled_only=False)
    assert not (tmp_path / "none").exists()
