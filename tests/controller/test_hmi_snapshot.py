from dataclasses import replace
from typing import Any, get_args

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.snapshot import (
    AlarmView,
    Basis,
    CalibrationView,
    LatencyView,
    LinkView,
    PartView,
    ShadowView,
    ShotView,
    Snapshot,
    decode,
    encode,
    split,
)
from senbetsu_errors import Fatal
from tests.controller.snapshots import EMPTY

finite = st.floats(allow_nan=False, allow_infinity=False)
share = st.none() | st.floats(0, 1)
counts = st.dictionaries(st.text(max_size=5), st.integers(0), max_size=3)
shares = st.dictionaries(st.text(max_size=5), share, max_size=3)
any_part = st.builds(
    PartView,
    probability=st.floats(0, 1),
    across_mm=finite,
    outline=st.lists(st.tuples(finite, finite), max_size=3).map(tuple),
)
any_snapshot = st.builds(
    replace,
    st.just(EMPTY),
    line=st.text(),
    simulated=st.booleans(),
    encoder=st.integers(),
    speed_mm_s=finite,
    outcomes=counts,
    missed_by_reason=counts,
    purity=shares,
    recovery=shares,
    basis=st.sampled_from(get_args(Basis)),
    links=st.dictionaries(st.text(max_size=5), st.from_type(LinkView), max_size=2),
    latency=st.builds(LatencyView, st.none() | finite, st.none() | finite),
    parts=st.lists(any_part, max_size=3).map(tuple),
    shots=st.lists(st.from_type(ShotView), max_size=3).map(tuple),
    alarms=st.lists(st.builds(AlarmView, since_s=finite), max_size=2).map(tuple),
    preview_encoder=st.none() | st.integers(),
    shadow=st.none() | st.builds(ShadowView, gain_if_new_is_right_jpy=finite, loss_if_old_is_right_jpy=finite),
    calibration=st.lists(st.builds(CalibrationView, value=finite, limit=finite), max_size=2).map(tuple),
    preview=st.none() | st.binary(min_size=1, max_size=20),
)


@given(any_snapshot)
def test_decode_gives_back_what_encode_packed(snapshot: Snapshot) -> None:
    assert decode(encode(snapshot)) == snapshot


@given(any_snapshot)
def test_the_parts_of_packed_bytes_are_the_json_and_the_picture(snapshot: Snapshot) -> None:
    header, jpeg = split(encode(snapshot))
    assert header.startswith(b"{")
    assert jpeg == (snapshot.preview or b"")


@given(st.binary(max_size=200))
def test_any_bytes_either_decode_or_are_refused_with_a_code(junk: bytes) -> None:
    with pytest.raises(Fatal, match=r"snapshot\.damaged"):
        decode(junk)


@given(st.integers(0, 2000))
def test_cut_bytes_are_refused(length: int) -> None:
    packed = encode(EMPTY)
    with pytest.raises(Fatal, match=r"snapshot\.damaged"):
        decode(packed[: min(length, len(packed) - 1)])


@pytest.mark.parametrize(
    "values",
    [
        {"parts_per_s": float("nan")},
        {"purity": {"valuables": float("inf")}},
        {"latency": LatencyView(1.0, float("-inf"))},
        {"seen": 2.5},
        {"parts": "none"},
        {"line": "\ud800"},
    ],
)
def test_what_json_has_no_word_for_is_refused_and_not_sent_as_nan(values: dict[str, Any]) -> None:
    with pytest.raises(Fatal, match=r"snapshot\.not_plain"):
        encode(replace(EMPTY, **values))


def test_a_name_may_be_nan() -> None:
    snapshot = replace(EMPTY, line="NaN", purity={"-Infinity": 1.0})
    assert decode(encode(snapshot)) == snapshot


def test_numpy_scalars_are_numbers_too() -> None:
    values: dict[str, Any] = {"seen": np.int64(3), "speed_mm_s": np.float32(1.5)}
    assert decode(encode(replace(EMPTY, **values))) == replace(EMPTY, seen=3, speed_mm_s=1.5)


def test_a_nan_from_a_stranger_is_refused() -> None:
    header, _ = split(encode(EMPTY))
    forged = header.replace(b'"parts_per_s":0.0', b'"parts_per_s":NaN')
    with pytest.raises(Fatal, match=r"snapshot\.damaged"):
        decode(len(forged).to_bytes(4, "big") + forged)


def test_a_wrong_field_is_named() -> None:
    header, _ = split(encode(EMPTY))
    forged = header.replace(b'"seen":0', b'"seen":"many"')
    with pytest.raises(Fatal, match="wrong at seen"):
        decode(len(forged).to_bytes(4, "big") + forged)
