"""Exposure numbers out of frame ids: over the 16-bit wrap that skips 0, over losses, never the same number twice."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from senbetsu_errors import Retryable
from vision.frame_numbers import FrameNumbers


def gige_id(exposure: int, first: int) -> int:
    """The block id of GigE Vision 1.x, counted one after the other as the standard says."""
    return (first - 1 + exposure) % 65535 + 1


@given(st.integers(1, 65535), st.lists(st.integers(1, 32766), max_size=60))
def test_16_bit_ids_give_the_exposures_numbers_over_any_wrap(first: int, steps: list[int]) -> None:
    numbers = FrameNumbers(gige_16_bit=True)
    assert numbers.number(first) == 0
    exposure = 0
    for step in steps:
        exposure += step
        assert numbers.number(gige_id(exposure, first)) == exposure


@given(st.integers(0, 2**63), st.lists(st.integers(1, 2**40), max_size=20))
def test_64_bit_ids_go_on(first: int, steps: list[int]) -> None:
    numbers = FrameNumbers(gige_16_bit=False)
    exposure = 0
    assert numbers.number(first) == 0
    for step in steps:
        exposure += step
        assert numbers.number(first + exposure) == exposure


@given(st.integers(1, 65535), st.integers(1, 200), st.integers(0, 100))
def test_an_id_that_comes_again_has_its_old_number_and_changes_nothing(first: int, ahead: int, back: int) -> None:
    numbers = FrameNumbers(gige_16_bit=True)
    numbers.number(first)
    assert numbers.number(gige_id(ahead, first)) == ahead
    assert numbers.number(gige_id(ahead - back, first)) == ahead - back
    assert numbers.number(gige_id(ahead + 1, first)) == ahead + 1


def test_the_wrap_skips_zero() -> None:
    numbers = FrameNumbers(gige_16_bit=True)
    assert [numbers.number(i) for i in (65534, 65535, 1, 2, 4)] == [0, 1, 2, 3, 5]


@pytest.mark.parametrize("frame_id", [0, -1, 65536])
def test_an_id_that_no_such_camera_sends_is_an_error(frame_id: int) -> None:
    with pytest.raises(Retryable, match=r"camera\.frame_id"):
        FrameNumbers(gige_16_bit=True).number(frame_id)
