"""What a sample of pixels says of a picture's exposure."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from vision.belt_samples import exposure_of


@given(st.integers(0, 2**32 - 1), st.integers(-40, 40), st.integers(1, 200))
def test_the_median_of_what_is_near_is_what_sorting_finds(seed: int, brighter: int, spread: int) -> None:
    rng = np.random.default_rng(seed)
    levels = rng.integers(60, 160, (9, 11, 3))
    expected = levels.astype(np.uint8)
    color = np.clip(levels + brighter + rng.integers(-spread, spread + 1, levels.shape), 0, 255).astype(np.uint8)
    # a sample is a view of a picture, not contiguous
    near, shift, brightness, is_near = exposure_of(color[::2, ::3], expected[::2, ::3], 30, 0.25)
    off = color[::2, ::3].astype(np.int64) - expected[::2, ::3]
    close = np.abs(off).max(axis=2) < 30
    np.testing.assert_array_equal(is_near, close)
    assert near == close.sum()
    median = np.sort(off[close], axis=0)[near // 2] if near else np.zeros(3, np.int64)
    moved = near >= 0.25 * close.size and np.abs(median).max() > 1
    np.testing.assert_array_equal(shift, median if moved else 0)
    np.testing.assert_array_equal(brightness, (off - shift).mean(axis=2))
