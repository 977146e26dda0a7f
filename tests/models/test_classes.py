"""classes.yaml says of every class of the field what people and recipes need."""

import re
from pathlib import Path

import pytest

from models import classes
from models.classes import class_ids, load_classes
from senbetsu_errors import Fatal

REQUIRED = {
    *("smartphone", "feature_phone", "tablet", "digital_camera", "video_camera", "game_console"),
    *("battery", "pcb", "display_module", "camera_module", "motor", "speaker", "hdd"),
    *("metal_housing", "plastic_housing", "glass"),
    *("capacitor_al", "capacitor_ta", "capacitor_ceramic", "ic", "resistor", "diode", "transistor", "inductor"),
    *("crystal", "connector", "led", "screw", "nut_washer", "cable"),
    "other",
}


def test_every_class_of_the_field_is_there() -> None:
    assert set(class_ids()) >= REQUIRED


def test_names_are_told_apart_and_the_japanese_ones_are_japanese() -> None:
    for language in ("en", "ja"):
        names = [getattr(each.name, language) for each in load_classes()]
        assert len(set(names)) == len(names)
    assert all(re.search(r"[\u3040-\u30ff\u4e00-\u9fff]", each.name.ja) for each in load_classes())


def test_a_prior_without_a_source_is_called_a_placeholder() -> None:
    assert all(each.composition.source for each in load_classes())


def test_a_damaged_file_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = classes.CLASSES_FILE.read_text(encoding="utf-8")
    broken = tmp_path / "classes.yaml"
    broken.write_text(text.replace("Ta: 0.3", "Ta: 1.3"), encoding="utf-8")
    monkeypatch.setattr(classes, "CLASSES_FILE", broken)
    load_classes.cache_clear()
    try:
        with pytest.raises(Fatal, match="cannot be read"):
            load_classes()
    finally:
        load_classes.cache_clear()
