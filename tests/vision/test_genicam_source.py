"""The simulated GenTL producer that the genicam wheel carries, driven as a real camera."""

import asyncio
import contextlib
import importlib.util
import sys
from itertools import pairwise
from pathlib import Path

import pytest
from pydantic import ValidationError

from senbetsu_errors import NeedsOperator
from vision.frame import Frame
from vision.genicam_source import GenicamSource

SPEC = importlib.util.find_spec("genicam")
CTI = Path(SPEC.origin).parent / "viky.cti" if SPEC is not None and SPEC.origin is not None else Path("none.cti")
needs_producer = pytest.mark.skipif(not CTI.is_file(), reason="the genicam wheel with its simulated producer is absent")


def config(**overrides: object) -> GenicamSource.Config:
    values: dict[str, object] = {
        "backend": "genicam",
        "geometry": "area_scan",
        "mm_per_px": 0.5,
        "view_along_mm": 200,
        "cti": CTI,
        "speed_mm_s": 100,
    }
    return GenicamSource.Config.model_validate(values | overrides)


@needs_producer
@pytest.mark.slow
def test_a_simulated_camera_delivers_fresh_frames_with_an_estimated_count() -> None:
    async def scenario() -> list[Frame]:
        frames: list[Frame] = []
        async with GenicamSource(config(), 10) as source, contextlib.aclosing(aiter(source)) as stream:
            async for frame in stream:
                frames.append(frame)
                if len(frames) == 10:
                    break
        return frames

    frames = asyncio.run(scenario())
    assert all(f.color.shape == (400, 400, 3) for f in frames)
    assert all(b.sequence > a.sequence and b.captured_at_s > a.captured_at_s for a, b in pairwise(frames))
    assert {f.encoder.basis for f in frames} == {"estimated"}
    assert frames[-1].encoder.count > frames[0].encoder.count
    assert frames[0].encoder.uncertainty_counts == 20


@needs_producer
@pytest.mark.slow
def test_an_unknown_serial_number_names_the_cameras_that_are_there() -> None:
    async def scenario() -> None:
        async with GenicamSource(config(serial="nobody"), 10):
            pass

    with pytest.raises(NeedsOperator, match="nobody"):
        asyncio.run(scenario())


@needs_producer
@pytest.mark.slow
def test_a_picture_that_does_not_fit_the_view_is_refused() -> None:
    async def scenario() -> None:
        async with GenicamSource(config(view_along_mm=150), 10) as source, contextlib.aclosing(aiter(source)) as stream:
            await anext(stream)

    with pytest.raises(NeedsOperator, match="400 rows"):
        asyncio.run(scenario())


def test_without_the_extra_the_error_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "harvesters.core", None)

    async def scenario() -> None:
        async with GenicamSource(config(), 10):
            pass

    with pytest.raises(NeedsOperator, match=r"senbetsu\[genicam\]"):
        asyncio.run(scenario())


def test_a_producer_that_is_missing_or_no_cti_is_refused(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with GenicamSource(config(cti=tmp_path / "vendor.cti"), 10):
            pass

    with pytest.raises(NeedsOperator, match=r"vendor\.cti"):
        asyncio.run(scenario())
    with pytest.raises(ValidationError, match=r"ends in \.cti"):
        config(cti=tmp_path / "vendor.so")
