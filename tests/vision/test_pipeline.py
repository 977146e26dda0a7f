"""Area scan and line scan see the same parts at the same places, each once."""

from collections.abc import Callable
from typing import Any, Literal

import numpy as np
import pytest

from senbetsu_errors import Fatal, NeedsOperator
from vision.camera_config import CameraConfig
from vision.classify import Classifier
from vision.frame import EncoderStamp, Frame
from vision.parts import Part
from vision.pipeline import VisionPipeline
from vision.settings import VisionConfig
from vision.track import Tracker, TrackerConfig

SETTINGS = VisionConfig(model="test", min_area_mm2=6, max_part_mm=60, unknown_below=0.5)
Draw = Callable[..., Any]


def camera(geometry: Literal["area_scan", "line_scan"], view_along_mm: float) -> CameraConfig:
    return CameraConfig(backend="test", geometry=geometry, mm_per_px=0.5, view_along_mm=view_along_mm)


def run(
    drawn: Any,
    classifier: Classifier,
    config: CameraConfig,
    positions_mm: list[float],
    settings: VisionConfig = SETTINGS,
) -> list[Part]:
    pipeline = VisionPipeline(config, settings, 200, drawn.counts_per_mm, classifier)
    tracker = Tracker(TrackerConfig.of(config, settings, drawn.counts_per_mm, len(pipeline.labels)))
    parts: list[Part] = []
    for sequence, e_mm in enumerate(positions_mm):
        detections = pipeline.process(drawn.frame(e_mm, config.rows, sequence))
        parts += tracker.update(round(e_mm * drawn.counts_per_mm), detections, config.view_along_mm)
    return parts + tracker.flush()


def steps(view_mm: float, step_mm: float, length_mm: float) -> list[float]:
    return [float(v) for v in np.arange(view_mm, length_mm - 10, step_mm)]


@pytest.mark.parametrize(
    ("geometry", "view_mm", "step_mm"),
    [
        ("area_scan", 160, 23),
        ("area_scan", 160, 61),
        ("line_scan", 64, 64),
        ("line_scan", 20, 20),
        ("line_scan", 5, 5),
    ],
)
def test_every_geometry_returns_every_part_once_at_its_place(
    geometry: Literal["area_scan", "line_scan"],
    view_mm: float,
    step_mm: float,
    belt: Draw,
    scattered: Draw,
    classifier: Classifier,
) -> None:
    parts = scattered(35, first_mm=180, last_mm=1000)
    drawn = belt(parts, length_mm=1300)
    found = run(drawn, classifier, camera(geometry, view_mm), steps(view_mm, step_mm, 1300))
    assert len(found) == len(parts)
    assert not any(p.oversize for p in found)
    by_place = sorted(found, key=lambda p: p.belt_counts)
    expected = sorted(parts, key=lambda p: p.p_mm)
    for got, want in zip(by_place, expected, strict=True):
        assert abs(got.belt_counts / drawn.counts_per_mm - want.p_mm) < 1
        assert abs(got.across_mm - want.across_mm) < 1
        assert got.ahead_mm + got.behind_mm == pytest.approx(2 * want.half_along_mm, abs=1.5)
        assert got.across_max_mm - got.across_min_mm == pytest.approx(2 * want.half_across_mm, abs=1.5)
        assert got.area_mm2 == pytest.approx(4 * want.half_along_mm * want.half_across_mm, rel=0.2)
        assert int(np.argmax(got.probabilities)) == int(np.argmax(want.bgr)) or np.ptp(want.bgr) < 10


@pytest.mark.parametrize("geometry", ["area_scan", "line_scan"])
def test_a_part_longer_than_allowed_is_returned_once_as_oversize(
    geometry: Literal["area_scan", "line_scan"], belt: Draw, drawn_part: Draw, classifier: Classifier
) -> None:
    drawn = belt([drawn_part(500, 100, 150, 8, (170, 170, 170))], length_mm=1000)
    found = run(drawn, classifier, camera(geometry, 100), steps(100, 100 if geometry == "line_scan" else 30, 1000))
    assert [p.oversize for p in found] == [True]
    assert not found[0].probabilities.any()


def test_a_part_cut_by_a_lost_strip_is_given_out_as_oversize_on_both_sides(
    belt: Draw, drawn_part: Draw, classifier: Classifier
) -> None:
    drawn = belt(
        [drawn_part(300, 50, 15, 15, (170, 170, 170)), drawn_part(400, 150, 15, 15, (170, 170, 170))], length_mm=800
    )
    # Strips of 50 mm end at 300 and at 400: both parts are cut there, and the strip between is lost.
    positions = [p for p in steps(50, 50, 700) if p != 350]
    found = run(drawn, classifier, camera("line_scan", 50), positions)
    assert [p.oversize for p in found] == [True, False]
    assert found[0].belt_counts / 10 == pytest.approx(292.5, abs=1)
    found = run(drawn, classifier, camera("line_scan", 50), [p for p in steps(50, 50, 700) if p not in (350, 400)])
    assert [(p.oversize, round(p.belt_counts / 100)) for p in found] == [(True, 41), (True, 29)] or [
        (p.oversize, round(p.belt_counts / 100)) for p in found
    ] == [(True, 29), (True, 41)]


def test_a_raw_encoder_that_wraps_between_strips_is_no_gap(
    belt: Draw, drawn_part: Draw, classifier: Classifier
) -> None:
    drawn = belt([drawn_part(300, 50, 15, 15, (170, 170, 170))], length_mm=600)
    config = camera("line_scan", 50)
    pipeline = VisionPipeline(config, SETTINGS, 200, 10, classifier)
    found = 0
    for sequence, e_mm in enumerate(steps(50, 50, 600)):
        frame = drawn.frame(e_mm, config.rows, sequence)
        wrapped = EncoderStamp((frame.encoder.count + 2**32 - 3000) % 2**32, "latched")
        detections = pipeline.process(Frame(frame.channels, wrapped, frame.captured_at_s, sequence))
        assert not detections.oversize.any()
        found += len(detections)
    assert found == 1


@pytest.mark.parametrize(
    ("channels", "complaint"),
    [
        ({}, "no `color`"),
        ({"color": np.zeros((100, 400, 3), np.uint8)}, "100 rows"),
        ({"color": np.zeros((320, 400), np.uint8)}, r"uint8 \(320, 400\)"),
        ({"color": np.zeros((320, 400, 3), np.float32)}, "float32"),
        ({"color": np.zeros((320, 0, 3), np.uint8)}, "of 0 pixels"),
    ],
)
def test_a_frame_that_does_not_fit_the_configuration_is_refused(
    channels: dict[str, Any], complaint: str, classifier: Classifier
) -> None:
    pipeline = VisionPipeline(camera("area_scan", 160), SETTINGS, 200, 10, classifier)
    with pytest.raises(Fatal, match=complaint):
        pipeline.process(Frame(channels, EncoderStamp(0, "latched"), 0.0, 0))


def test_a_resolution_too_coarse_for_the_smallest_part_is_refused(classifier: Classifier) -> None:
    config = CameraConfig(backend="test", geometry="area_scan", mm_per_px=3, view_along_mm=300)
    with pytest.raises(NeedsOperator, match="pixels"):
        VisionPipeline(config, SETTINGS, 200, 10, classifier)


def test_the_preview_is_a_small_jpeg(belt: Draw, classifier: Classifier) -> None:
    pipeline = VisionPipeline(camera("area_scan", 160), SETTINGS, 200, 10, classifier)
    jpeg = pipeline.preview(belt([], length_mm=200).frame(180, 320, 0))
    assert jpeg[:2] == b"\xff\xd8"
    assert len(jpeg) < 60_000


def test_a_height_channel_finds_what_has_the_belts_colour(belt: Draw, drawn_part: Draw, classifier: Classifier) -> None:
    drawn = belt([], length_mm=400)
    pipeline = VisionPipeline(camera("area_scan", 160), SETTINGS, 200, 10, classifier)
    frame = drawn.frame(180, 320, 0)
    height = np.zeros((320, 400), np.float32)
    height[100:140, 100:180] = 2
    found = pipeline.process(Frame({**frame.channels, "height": height}, frame.encoder, 0.0, 0))
    assert [round(v) for v in (found.along_mm[0], found.across_mm[0], found.area_mm2[0] / 100)] == [100, 70, 8]
    assert len(found) == 1


@pytest.mark.parametrize("height", [np.zeros((320, 399), np.float32), np.zeros((320, 400), np.float64)])
def test_a_height_channel_that_does_not_fit_the_colour_is_refused(
    height: Any, belt: Draw, classifier: Classifier
) -> None:
    frame = belt([], length_mm=200).frame(180, 320, 0)
    pipeline = VisionPipeline(camera("area_scan", 160), SETTINGS, 200, 10, classifier)
    with pytest.raises(Fatal, match="expected float32"):
        pipeline.process(Frame({**frame.channels, "height": height}, frame.encoder, 0.0, 0))


def test_a_part_cut_by_strips_is_joined_by_its_height(belt: Draw, classifier: Classifier) -> None:
    drawn = belt([], length_mm=600)
    pipeline = VisionPipeline(camera("line_scan", 50), SETTINGS, 200, 10, classifier)
    heights = np.zeros((1200, 400), np.float32)
    heights[570:640, 100:160] = 4  # 285 to 320 mm; strips end at every 50 mm
    lengths: list[float] = []
    for sequence, e_mm in enumerate(steps(50, 50, 600)):
        frame = drawn.frame(e_mm, 100, sequence)
        last = round(e_mm / 0.5)
        channels = {**frame.channels, "height": heights[last - 99 : last + 1]}
        found = pipeline.process(Frame(channels, frame.encoder, frame.captured_at_s, sequence))
        lengths += (found.along_max_mm - found.along_min_mm).tolist()
    assert lengths == [pytest.approx(34.5, abs=1)]


def test_a_flush_gives_out_what_a_line_scan_left_unfinished_once(
    belt: Draw, drawn_part: Draw, classifier: Classifier
) -> None:
    drawn = belt([drawn_part(300, 50, 15, 15, (170, 170, 170))], length_mm=600)
    pipeline = VisionPipeline(camera("line_scan", 50), SETTINGS, 200, 10, classifier)
    assert not any(len(pipeline.process(drawn.frame(e_mm, 100, k))) for k, e_mm in enumerate(steps(50, 50, 311)))
    left = pipeline.flush()
    assert left is not None
    assert left.oversize.tolist() == [True]
    assert left.along_mm[0] == pytest.approx(7.5, abs=0.5)  # 285 to 300 mm seen, the datum at 300
    assert pipeline.flush() is None


def test_an_area_scan_leaves_nothing_to_flush(belt: Draw, classifier: Classifier) -> None:
    pipeline = VisionPipeline(camera("area_scan", 160), SETTINGS, 200, 10, classifier)
    pipeline.process(belt([], length_mm=200).frame(180, 320, 0))
    assert pipeline.flush() is None
