"""A reading of the scale becomes the mass of a part that lay on it alone, and of no other."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from pydantic import ValidationError

from senbetsu_errors import Fatal, NeedsOperator
from vision.frame import EncoderStamp, Frame
from vision.weighing import InlineScale, MassConfig

PER_MM = 10.0
VIEW_MM = 320.0
UPSTREAM_MM, LENGTH_MM = 30.0, 120.0


def scale() -> InlineScale:
    return InlineScale(MassConfig(upstream_mm=UPSTREAM_MM, length_mm=LENGTH_MM), VIEW_MM, PER_MM)


def frame(readings: list[tuple[float, float]] | None, e_mm: float = 0.0) -> Frame:
    channels: dict[str, NDArray[Any]] = {"color": np.zeros((2, 2, 3), np.uint8)}
    if readings:
        channels["mass"] = np.array([(way * PER_MM, grams) for way, grams in readings], np.float32)
    return Frame(channels, EncoderStamp(round(e_mm * PER_MM), "latched"), 0.0, 0)


def weighed(*blobs: tuple[float, float], readings: list[tuple[float, float]]) -> list[float]:
    """Masses of blobs (along from, to) of a frame that came with these readings (mm of belt before it, grams)."""
    one = scale()
    one.take(frame([(-way, grams) for way, grams in readings]), None)
    return one.masses_g(np.array([b[0] for b in blobs]), np.array([b[1] for b in blobs])).tolist()


def test_a_part_alone_on_the_scale_has_the_mean_of_its_readings() -> None:
    # 200 mm ago the scale weighed what now lies from 50 to 170 mm downstream of the datum
    assert weighed((80, 120), readings=[(200, 11.0), (210, 13.0)]) == [pytest.approx(12.0)]


def test_two_parts_on_the_scale_have_no_mass_and_a_third_beyond_it_disturbs_nobody() -> None:
    found = weighed((60, 90), (120, 150), readings=[(200, 25.0)])
    assert np.isnan(found).all()
    alone, beyond = weighed((80, 120), (200, 240), readings=[(200, 25.0)])
    assert alone == 25.0
    assert np.isnan(beyond)


@pytest.mark.parametrize("blob", [(51.0, 90.0), (40.0, 90.0), (140.0, 169.0), (160.0, 190.0)])
def test_a_part_that_lay_on_the_scale_s_edge_has_no_mass(blob: tuple[float, float]) -> None:
    assert np.isnan(weighed(blob, readings=[(200, 25.0)])).all()


def test_belt_that_the_camera_does_not_show_whole_tells_no_mass() -> None:
    # 120 mm ago the scale reached 30 mm upstream of what is seen: something may lie there
    assert np.isnan(weighed((10, 60), readings=[(120, 25.0)])).all()
    assert np.isnan(weighed((280, 310), readings=[(360, 25.0)])).all()


def test_noise_of_an_empty_scale_is_no_mass() -> None:
    assert np.isnan(weighed((80, 120), readings=[(200, 0.04), (205, -0.3)])).all()


def test_readings_travel_with_the_belt_from_frame_to_frame() -> None:
    one = scale()
    one.take(frame([(-5.0, 7.0)]), None)
    for _ in range(13):
        one.take(frame(None), 15 * PER_MM)
    assert one.masses_g(np.array([80.0]), np.array([120.0])).tolist() == [7.0]


def test_after_a_gap_nobody_knows_what_was_weighed() -> None:
    one = scale()
    one.take(frame([(-200.0, 7.0)]), None)
    one.take(frame(None), None)
    assert np.isnan(one.masses_g(np.array([80.0]), np.array([120.0]))).all()


@given(
    st.lists(st.tuples(st.floats(0, 400), st.floats(0, 50)), max_size=12),
    st.lists(st.tuples(st.floats(0, 300), st.floats(1, 60)), max_size=8),
)
def test_a_mass_is_always_between_the_readings(
    readings: list[tuple[float, float]], blobs: list[tuple[float, float]]
) -> None:
    found = np.array(weighed(*((low, low + length) for low, length in blobs), readings=readings))
    grams = [g for _, g in readings]
    known = found[np.isfinite(found)]
    assert len(found) == len(blobs)
    assert not len(known) or (known.min() >= min(grams) - 1e-4 and known.max() <= max(grams) + 1e-4)


@pytest.mark.parametrize(
    "readings", [np.zeros(3, np.float32), np.zeros((2, 2)), np.array([[0, np.nan]], np.float32)], ids=str
)
def test_a_mass_channel_of_another_kind_is_refused(readings: np.ndarray) -> None:
    wrong = Frame({"color": np.zeros((2, 2, 3), np.uint8), "mass": readings}, EncoderStamp(0, "latched"), 0.0, 4)
    with pytest.raises(Fatal, match="Frame 4 has a mass channel"):
        scale().take(wrong, None)


def test_a_scale_longer_than_the_view_is_refused() -> None:
    with pytest.raises(NeedsOperator, match="The scale weighs"):
        InlineScale(MassConfig(upstream_mm=0, length_mm=400), VIEW_MM, PER_MM)
    with pytest.raises(ValidationError, match="no part fits"):
        MassConfig(upstream_mm=0, length_mm=5)
