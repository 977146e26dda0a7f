"""A detector in the place of segmentation and classifier: the same parts, at the same places, each once."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest

from models.registry import DetectorFile, open_any, open_model, verify_any
from senbetsu_errors import Fatal, NeedsOperator
from tests.vision.detectors import LABELS, write_detector
from vision.camera_config import CameraConfig
from vision.detect import Detector
from vision.detector_pipeline import DetectorPipeline
from vision.frame import EncoderStamp, Frame
from vision.settings import VisionConfig
from vision.track import Tracker, TrackerConfig

Draw = Callable[..., Any]
SETTINGS = VisionConfig(model="squares", min_area_mm2=20, max_part_mm=20, unknown_below=0.5)
BGR = {"red": (40, 40, 200), "green": (40, 190, 40), "blue": (210, 50, 50)}


def camera(geometry: Literal["area_scan", "line_scan"] = "area_scan", view_along_mm: float = 80) -> CameraConfig:
    return CameraConfig(backend="test", geometry=geometry, mm_per_px=0.5, view_along_mm=view_along_mm)


def loaded(folder: Path, side: int = 128, **changes: Any) -> Detector:
    model = verify_any(write_detector(folder, side, **changes))
    assert isinstance(model, DetectorFile)
    return Detector(model)


def placed(drawn_part: Callable[..., Any], length_mm: float, seed: int = 3) -> list[Any]:
    """Squares of 12 mm, which are 24 pixels, kept apart, of the three colours in turn."""
    choose = np.random.default_rng(seed)
    return [
        drawn_part(20 + 22.0 * k, float(choose.uniform(12, 188)), 6, 6, BGR[LABELS[k % 3]])
        for k in range(int((length_mm - 40) / 22))
    ]


def test_a_line_with_a_detector_returns_every_part_once_at_its_place_and_of_its_class(
    tmp_path: Path, belt: Draw, drawn_part: Callable[..., Any]
) -> None:
    parts = placed(drawn_part, 300)
    drawn = belt(parts, length_mm=300)
    # 400 x 160 pixels: eight tiles of 128, which overlap by 64.
    pipeline = DetectorPipeline(camera(), SETTINGS, 200, loaded(tmp_path))
    tracker = Tracker(TrackerConfig.of(camera(), SETTINGS, drawn.counts_per_mm, len(pipeline.labels)))
    found: list[Any] = []
    for sequence, e_mm in enumerate(np.arange(80.0, 300, 27)):
        detections = pipeline.process(drawn.frame(float(e_mm), 160, sequence))
        found += tracker.update(round(e_mm * drawn.counts_per_mm), detections, 80)
    found += tracker.flush()
    seen = [part for part in parts if part.p_mm < 280]
    assert len(found) == len(seen)
    for part, truth in zip(sorted(found, key=lambda p: p.belt_counts), seen, strict=True):
        assert abs(part.belt_counts / drawn.counts_per_mm - truth.p_mm) < 1.5
        assert abs(part.across_mm - truth.across_mm) < 1.5
        label = next(name for name, bgr in BGR.items() if bgr == truth.bgr)
        assert LABELS[int(part.probabilities.argmax())] == label
        assert part.unknown_share == 0


@pytest.mark.parametrize(
    "changes",
    [
        {"input": {"fit": "letterbox", "overlap_px": 0}},
        {"input": {"fit": "stretch", "overlap_px": 0}},
        {"fixed_batch": True},
    ],
    ids=["letterbox", "stretch", "one picture a call"],
)
def test_other_ways_of_fitting_a_picture_find_the_same_squares(tmp_path: Path, changes: dict[str, Any]) -> None:
    # Letterboxed and stretched pictures are of half the net's size or of twice: the squares are drawn to fit.
    fixed = changes.pop("fixed_batch", False)
    detector = loaded(tmp_path, 128, fixed_batch=fixed, **changes)
    scale = 1 if fixed else 2
    color = np.full((128 * scale, 128 * scale, 3), 60, np.uint8)
    side = 24 * scale
    color[40 : 40 + side, 70 : 70 + side] = BGR["green"]
    found = detector.detect(color)
    assert len(found.boxes) == 1
    np.testing.assert_allclose(found.boxes[0], [70, 40, 70 + side, 40 + side], atol=2 * scale)
    assert found.probabilities[0].argmax() == 1
    assert found.probabilities.sum() == pytest.approx(1)


def test_boxes_at_the_pictures_first_and_last_rows_are_cut_and_have_no_class(tmp_path: Path) -> None:
    color = np.full((160, 400, 3), 60, np.uint8)
    color[0:24, 50:74] = BGR["red"]
    color[136:160, 150:174] = BGR["red"]
    color[60:84, 250:274] = BGR["red"]
    frame = Frame({"color": color}, EncoderStamp(0, "latched"), 0.0, 0)
    found = DetectorPipeline(camera(), SETTINGS, 200, loaded(tmp_path)).process(frame)
    order = np.argsort(found.across_mm)
    assert found.cut[order].tolist() == [True, True, False]
    assert found.probabilities[order].sum(axis=1) == pytest.approx([0, 0, 1])
    assert not found.oversize.any()


def test_a_weak_answer_is_unknown_and_its_area_is_the_classes_share_of_the_box(tmp_path: Path) -> None:
    rule = {"report_above": 0.5, "known_above": 0.9999, "fill": {"red": 0.5}}
    color = np.full((160, 400, 3), 60, np.uint8)
    color[60:84, 250:274] = (50, 50, 110)
    frame = Frame({"color": color}, EncoderStamp(0, "latched"), 0.0, 0)
    found = DetectorPipeline(camera(), SETTINGS, 200, loaded(tmp_path, rule=rule)).process(frame)
    assert found.unknown.tolist() == [True]
    assert found.area_mm2 == pytest.approx([0.5 * 12 * 12])


def test_an_empty_belt_gives_no_parts(tmp_path: Path) -> None:
    frame = Frame({"color": np.full((160, 400, 3), 60, np.uint8)}, EncoderStamp(0, "latched"), 0.0, 0)
    pipeline = DetectorPipeline(camera(), SETTINGS, 200, loaded(tmp_path))
    assert len(pipeline.process(frame)) == 0
    assert pipeline.flush() is None
    assert pipeline.preview(frame)[:2] == b"\xff\xd8"


def test_more_parts_than_the_manifest_allows_stop_the_vision(tmp_path: Path) -> None:
    color = np.full((160, 400, 3), 60, np.uint8)
    for x in range(10, 360, 40):
        color[60:84, x : x + 24] = BGR["blue"]
    with pytest.raises(Fatal) as caught:
        loaded(tmp_path, rule={"max_parts": 3}).detect(color)
    assert caught.value.code == "model.too_many_parts"


def test_a_detector_is_refused_for_a_line_scan_camera_and_for_parts_longer_than_the_tiles_overlap(
    tmp_path: Path,
) -> None:
    detector = loaded(tmp_path)
    with pytest.raises(NeedsOperator) as caught:
        DetectorPipeline(camera("line_scan"), SETTINGS, 200, detector)
    assert caught.value.code == "vision.detector_line_scan"
    long = VisionConfig(model="squares", min_area_mm2=20, max_part_mm=31, unknown_below=0.5)
    with pytest.raises(NeedsOperator) as caught:
        DetectorPipeline(camera(), long, 200, detector)
    assert caught.value.code == "vision.detector_overlap"


def test_where_a_classifier_is_asked_for_a_detector_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NeedsOperator) as caught:
        open_model(write_detector(tmp_path))
    assert caught.value.code == "model.kind"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"input": {"width_px": 160}}, "model.interface"),
        ({"input": {"layout": "NHWC"}}, "model.interface"),
        ({"input": {"dtype": "uint8", "scale": 1.0}}, "model.interface"),
        ({"output": {"layout": "yolo_objectness"}}, "model.interface"),
        ({"output": {"names": ["other"]}}, "model.interface"),
        ({"output": {"names": ["a", "b"]}}, "model.manifest"),
        ({"output": {"layout": "end_to_end"}}, "model.manifest"),
        ({"output": {"background": True}}, "model.manifest"),
        ({"input": {"fit": "letterbox"}}, "model.manifest"),
        ({"input": {"surprise": 1}}, "model.manifest"),
        ({"rule": {"known_above": 0.1}}, "model.manifest"),
        ({"rule": {"fill": {"purple": 0.5}}}, "model.manifest"),
    ],
)
def test_a_manifest_that_does_not_describe_the_net_is_refused(
    tmp_path: Path, changes: dict[str, Any], code: str
) -> None:
    with pytest.raises(NeedsOperator) as caught:
        verify_any(write_detector(tmp_path, **changes))
    assert caught.value.code == code


def test_labels_inside_the_file_must_be_the_manifests(tmp_path: Path) -> None:
    path = write_detector(tmp_path)
    manifest = json.loads(path.with_suffix(".manifest.json").read_text())
    manifest["labels"] = ["red", "green"]
    manifest["evidence"].pop("blue")
    path.with_suffix(".manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(NeedsOperator) as caught:
        verify_any(path)  # three scores, two labels
    assert caught.value.code == "model.interface"
    assert open_any(path).manifest.labels == ("red", "green")
