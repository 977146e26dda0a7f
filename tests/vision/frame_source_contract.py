"""What every `FrameSource` keeps, whatever is behind it: one body for all backends."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator
from itertools import pairwise
from math import isfinite

import numpy as np
import pytest

from senbetsu_errors import Retryable, SenbetsuError
from vision.camera_config import CameraConfig
from vision.frame import Frame
from vision.source import FrameSource

ENOUGH = 4
"""Frames that a source under test has at least."""


async def taken(source: FrameSource, count: int) -> list[Frame]:
    """The first frames of an opened source, fewer where it ends before."""
    found: list[Frame] = []
    frames = aiter(source)
    try:
        async with asyncio.timeout(30):
            while len(found) < count:
                frame = await anext(frames, None)
                if frame is None:
                    break
                found.append(frame)
    finally:
        await _close(frames)
    return found


async def _close(frames: AsyncIterator[Frame]) -> None:
    if isinstance(frames, AsyncGenerator):
        await frames.aclose()


async def frames_are_whole_and_their_own(source: FrameSource, config: CameraConfig) -> None:
    """Pictures of the configured rows, 8 bit, three channels; a frame is not changed by those after it."""
    async with source:
        frames = aiter(source)
        first = await anext(frames)
        kept = first.color.copy()
        rest = [await anext(frames) for _ in range(ENOUGH - 1)]
        await _close(frames)
    for frame in (first, *rest):
        assert frame.color.dtype == np.uint8
        assert frame.color.shape == (config.rows, first.color.shape[1], 3)
        assert frame.color.flags.c_contiguous
    np.testing.assert_array_equal(first.color, kept)


async def numbers_and_times_advance_and_drops_add_up(source: FrameSource, config: CameraConfig) -> None:
    """`sequence` counts exposures from 0, what is missing is in `dropped`; capture times are the loop's clock."""
    del config
    async with source:
        frames = await taken(source, ENOUGH)
        assert asyncio.get_running_loop().time() + 0.1 >= frames[-1].captured_at_s
    assert all(b.sequence > a.sequence and b.captured_at_s > a.captured_at_s for a, b in pairwise(frames))
    assert frames[-1].sequence + 1 == len(frames) + source.dropped


async def counts_say_what_they_are(source: FrameSource, config: CameraConfig) -> None:
    """Raw 32-bit counts; "latched" is exact, "estimated" says how far off it may be."""
    del config
    async with source:
        frames = await taken(source, ENOUGH)
    for stamp in (frame.encoder for frame in frames):
        assert 0 <= stamp.count < 2**32
        assert stamp.basis in ("latched", "estimated")
        assert isfinite(stamp.uncertainty_counts)
        assert stamp.uncertainty_counts > 0 if stamp.basis == "estimated" else stamp.uncertainty_counts == 0


async def waiting_for_a_frame_can_be_given_up(source: FrameSource, config: CameraConfig) -> None:
    """Whoever waits may be cancelled, and the source closes all the same, within its bound."""
    del config
    async with source:
        waiting = asyncio.create_task(taken(source, 10**6))
        await asyncio.sleep(0.2)
        waiting.cancel()
        with contextlib.suppress(asyncio.CancelledError, SenbetsuError):
            await waiting
        started_s = asyncio.get_running_loop().time()
    assert asyncio.get_running_loop().time() - started_s < 5


async def an_error_of_the_consumer_closes_it(source: FrameSource, config: CameraConfig) -> None:
    """An exception inside passes through unchanged and leaves nothing open (tests/conftest.py looks)."""
    del config

    async def fail() -> None:
        async with source:
            await taken(source, 1)
            raise Retryable("test.ours", "ours")

    with pytest.raises(Retryable, match="ours"):
        await fail()


BODY = (
    frames_are_whole_and_their_own,
    numbers_and_times_advance_and_drops_add_up,
    counts_say_what_they_are,
    waiting_for_a_frame_can_be_given_up,
    an_error_of_the_consumer_closes_it,
)
