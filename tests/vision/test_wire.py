"""Results survive the way between processes; damage is noticed."""

import contextlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.comparison import Difference
from models.fusion import MEASURES
from senbetsu_errors import Fatal
from vision import wire
from vision.camera_state import CameraChange, CameraState
from vision.frame import EncoderStamp
from vision.results import CropAnswer, CropRequest, Detections, FrameResult, Idle, PictureSample, ShadowReport

COUNTS = st.integers(0, 2**40)
FLOATS = st.floats(allow_nan=False, allow_infinity=False, width=64)


def shadows() -> st.SearchStrategy[ShadowReport]:
    counts = st.integers(0, 10**9)
    pairs = st.builds(Difference, st.text(max_size=5), st.text(max_size=5), counts, FLOATS)
    return st.builds(
        ShadowReport,
        name=st.text(max_size=9),
        version=st.text(max_size=5),
        share=FLOATS,
        seen=counts,
        compared=counts,
        spent_s=FLOATS,
        error=st.text(max_size=9),
        pairs=st.lists(pairs, max_size=3).map(tuple),
    )


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
        health=draw(
            st.none()
            | st.builds(
                PictureSample,
                FLOATS,
                FLOATS,
                st.none() | FLOATS,
                st.none() | FLOATS,
                st.none() | st.tuples(FLOATS, FLOATS, FLOATS),
                COUNTS,
                COUNTS,
                COUNTS,
            )
        ),
        crops=tuple(draw(st.lists(st.builds(CropAnswer, COUNTS, st.binary(max_size=30), COUNTS, COUNTS), max_size=3))),
        shadow=draw(st.none() | shadows()),
    )


@given(st.builds(CropRequest, COUNTS, COUNTS, FLOATS, FLOATS, FLOATS, FLOATS))
def test_a_request_for_a_crop_comes_back_as_it_was(request: CropRequest) -> None:
    assert wire.decode_request(wire.encode_request(request)) == request


@pytest.mark.parametrize("damaged", [b"", b"SBV1", wire.encode(Idle(1.0, 2))])
def test_what_is_no_request_is_refused(damaged: bytes) -> None:
    with pytest.raises(Fatal, match="vision message"):
        wire.decode_request(damaged)


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
        "health",
        "crops",
        "shadow",
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


@given(st.sampled_from(CameraState), st.text(), FLOATS, st.integers(0, 2**31), FLOATS)
def test_a_cameras_state_comes_back_as_it_was(
    state: CameraState, reason: str, at_s: float, reopened: int, down_s: float
) -> None:
    change = CameraChange(state, reason, at_s, reopened, down_s)
    assert wire.decode(wire.encode(change)) == change


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
