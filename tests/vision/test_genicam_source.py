"""The simulated GenTL producer that the genicam wheel carries, driven as a real camera."""

import asyncio
import contextlib
import importlib.util
import sys
from itertools import pairwise
from pathlib import Path

import pytest
from pydantic import ValidationError

from senbetsu_errors import NeedsOperator, SenbetsuError
from vision.frame import Frame
from vision.genicam_config import GenicamConfig
from vision.genicam_source import GenicamSource
from vision.gentl_driver import GentlDriver

SPEC = importlib.util.find_spec("genicam")
CTI = Path(SPEC.origin).parent / "viky.cti" if SPEC is not None and SPEC.origin is not None else Path("none.cti")
needs_producer = pytest.mark.skipif(not CTI.is_file(), reason="the genicam wheel with its simulated producer is absent")


def config(**overrides: object) -> GenicamConfig:
    values: dict[str, object] = {
        "backend": "genicam",
        "geometry": "area_scan",
        "mm_per_px": 0.5,
        "view_along_mm": 200,
        "cti": CTI,
        "speed_mm_s": 100,
    }
    return GenicamConfig.model_validate(values | overrides)


async def frames_of(source: GenicamSource, count: int) -> list[Frame]:
    async with source, contextlib.aclosing(aiter(source)) as stream:
        return [await anext(stream) for _ in range(count)]


def refusal(**overrides: object) -> SenbetsuError:
    with pytest.raises(SenbetsuError) as caught:
        asyncio.run(frames_of(GenicamSource(config(**overrides), 10), 1))
    return caught.value


@needs_producer
@pytest.mark.slow
def test_a_simulated_camera_delivers_fresh_frames_with_an_estimated_count() -> None:
    source = GenicamSource(config(), 10)
    frames = asyncio.run(frames_of(source, 10))
    assert all(f.color.shape == (400, 400, 3) for f in frames)
    assert all(b.sequence > a.sequence and b.captured_at_s > a.captured_at_s for a, b in pairwise(frames))
    assert frames[-1].sequence + 1 == len(frames) + source.dropped
    assert {f.encoder.basis for f in frames} == {"estimated"}
    assert frames[0].encoder.uncertainty_counts == 20
    moved_counts = (frames[-1].encoder.count - frames[0].encoder.count) % 2**32
    # 100 mm/s and 10 counts/mm.
    assert moved_counts == pytest.approx((frames[-1].captured_at_s - frames[0].captured_at_s) * 1000, abs=1.1)


@needs_producer
@pytest.mark.slow
def test_the_count_in_a_chunk_is_the_frames_own_and_latched() -> None:
    """The producer counts the bounces of its ball in a chunk, which stands in for an encoder's count."""
    small = [{"name": "Width", "value": 100}, {"name": "Height", "value": 100}]
    settings: dict[str, object] = {"view_along_mm": 50, "frame_rate_hz": 100, "pixel_format": "Mono8"}
    source = GenicamSource(config(**settings, features=small, encoder_chunk="ChunkNrBounces", speed_mm_s=None), 10)
    frames = asyncio.run(frames_of(source, 150))
    assert {f.encoder.basis for f in frames} == {"latched"}
    assert {f.color.shape for f in frames} == {(100, 100, 3)}
    counts = [f.encoder.count for f in frames]
    assert counts == sorted(counts)
    assert len(set(counts)) >= 3


@needs_producer
@pytest.mark.slow
@pytest.mark.parametrize(
    ("overrides", "code", "says"),
    [
        ({"serial": "nobody"}, "camera.missing", "Cameras found: 0, 1, 2"),
        ({"view_along_mm": 150}, "camera.picture_size", "400 rows"),
        ({"exposure_us": 100}, "camera.setting", "camera.exposure_us"),
        ({"trigger": {"source": "Line1"}}, "camera.setting", "TriggerSelector"),
        ({"pixel_format": "Mono12"}, "camera.setting", "It takes RGBa8, Mono8"),
        ({"features": [{"name": "Width", "value": 5}]}, "camera.setting", "It takes 100 to 800"),
        ({"features": [{"name": "Width", "value": "wide"}]}, "camera.setting", "of the kind int"),
        ({"features": [{"name": "Wide", "value": 1}]}, "camera.setting", "no feature Wide"),
        ({"encoder_chunk": "ChunkEncoderValue"}, "camera.setting", "ChunkSelector = EncoderValue"),
    ],
)
def test_what_the_camera_does_not_do_is_said_with_what_it_does(
    overrides: dict[str, object], code: str, says: str
) -> None:
    error = refusal(**overrides)
    assert isinstance(error, NeedsOperator)
    assert error.code == code
    assert says in str(error)


@needs_producer
@pytest.mark.slow
def test_a_producer_that_is_missing_or_no_library_is_refused(tmp_path: Path) -> None:
    assert "vendor.cti" in str(refusal(cti=tmp_path / "vendor.cti"))
    (tmp_path / "vendor.cti").write_bytes(b"no library")
    error = refusal(cti=tmp_path / "vendor.cti")
    assert (error.code, type(error)) == ("camera.missing", NeedsOperator)


def test_without_the_extra_the_error_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "harvesters.core", None)
    with pytest.raises(NeedsOperator, match=r"senbetsu\[genicam\]"):
        GentlDriver(config()).connect()


@pytest.mark.parametrize(
    ("overrides", "says"),
    [
        ({"cti": "vendor.so"}, r"ends in \.cti"),
        ({"speed_mm_s": None}, "name encoder_chunk, or state speed_mm_s"),
        ({"encoder_chunk": "EncoderValue"}, "begins with Chunk"),
        ({"encoder_chunk": "ChunkEncoderValue", "encoder_from": "plc_trigger"}, "two sources of one count"),
        ({"trigger": {"source": "Software"}}, "needs frame_rate_hz"),
        ({"exposure_latency_min_ms": 30}, "is above exposure_latency_max_ms"),
    ],
)
def test_settings_that_contradict_each_other_are_refused(overrides: dict[str, object], says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        config(**overrides)


def test_strips_that_the_plcs_latch_will_place_need_no_speed() -> None:
    strips = config(geometry="line_scan", encoder_from="plc_trigger", speed_mm_s=None)
    assert strips.speed_mm_s is None
