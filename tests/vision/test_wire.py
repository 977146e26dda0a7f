"""Results survive the way between processes; damage is noticed."""

import contextlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.fusion import MEASURES
from senbetsu_errors import Fatal
from vision import wire
from vision.frame import EncoderStamp
from vision.results import Detections, FrameResult, Idle

FLOATS = st.floats(allow_nan=False, allow_infinity=False, width=64)


@st.composite
def results(draw: st.DrawFn) -> FrameResult:
    blobs, classes = draw(st.integers(0, 5)), draw(st.integers(1, 4))
    random = np.random.default_rng(draw(st.integers(0, 10_000)))
    columns = random.normal(0, 1000, (7, blobs))
    outlines = tuple(random.normal(0, 100, (int(k), 2)).astype(np.float32) for k in random.integers(0, 6, blobs))
    measures = random.normal(20, 5, (blobs, len(MEASURES))).astype(np.float32)
    measures[random.random(measures.shape) > 0.7] = np.nan
    return FrameResult(
        frame_sequence=draw(st.integers(0, 2**53)),
        encoder=EncoderStamp(
            draw(st.integers(0, 2**32 - 1)), draw(st.sampled_from(["latched", "estimated"])), draw(FLOATS)
        ),
        captured_at_s=draw(FLOATS),
        finished_at_s=draw(FLOATS),
        dropped=draw(st.integers(0, 10**6)),
        view_along_mm=draw(FLOATS),
        detections=Detections(
            *columns,
            probabilities=random.random((blobs, classes)).astype(np.float32),
            cut=random.random(blobs) > 0.5,
            oversize=random.random(blobs) > 0.5,
            unknown=random.random(blobs) > 0.5,
            clump=random.random(blobs) > 0.5,
            outlines_mm=draw(st.sampled_from([outlines, ()])),
            measures=draw(st.sampled_from([None, measures])),
        ),
        preview_jpeg=draw(st.none() | st.binary(max_size=40)),
    )


@given(results())
def test_a_result_comes_back_as_it_was(result: FrameResult) -> None:
    back = wire.decode(wire.encode(result))
    assert isinstance(back, FrameResult)
    for name in (
        "frame_sequence",
        "encoder",
        "captured_at_s",
        "finished_at_s",
        "dropped",
        "view_along_mm",
        "preview_jpeg",
    ):
        assert getattr(back, name) == getattr(result, name)
    for name in Detections.__slots__:
        got, want = getattr(back.detections, name), getattr(result.detections, name)
        if name == "outlines_mm":
            assert len(got) == len(want)
            assert all(np.array_equal(g, w) for g, w in zip(got, want, strict=True))
        elif want is None:
            assert got is None
        else:
            assert got.dtype == want.dtype
            np.testing.assert_array_equal(got, want)


@given(at_s=FLOATS, dropped=st.integers(0, 2**53))
def test_an_idle_sign_comes_back_as_it_was(at_s: float, dropped: int) -> None:
    assert wire.decode(wire.encode(Idle(at_s, dropped))) == Idle(at_s, dropped)


@given(results(), st.data())
def test_a_message_cut_short_or_too_long_is_refused(result: FrameResult, data: st.DataObject) -> None:
    message = wire.encode(result)
    with pytest.raises(Fatal):
        wire.decode(message[: data.draw(st.integers(0, len(message) - 1))])
    with pytest.raises(Fatal):
        wire.decode(message + b"x")


@given(results(), st.data())
def test_a_changed_byte_never_gives_another_error_than_ours(result: FrameResult, data: st.DataObject) -> None:
    message = bytearray(wire.encode(result))
    at = data.draw(st.integers(0, len(message) - 1))
    message[at] = data.draw(st.integers(0, 255).filter(lambda value: value != message[at]))
    with contextlib.suppress(Fatal):
        wire.decode(bytes(message))


@given(st.binary(max_size=200).filter(lambda noise: not noise.startswith((b"SBV1", b"SBF1"))))
def test_noise_is_refused(noise: bytes) -> None:
    with pytest.raises(Fatal):
        wire.decode(noise)
    with pytest.raises(Fatal):
        wire.decode(b"SBV1" + noise)
