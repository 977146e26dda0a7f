"""The belt is an even, closed loop that parts can be told from."""

import numpy as np

from sim.render.belt import BELT_BGR, BeltLook, belt_texture


def test_the_belt_has_its_tone_and_is_even() -> None:
    belt = belt_texture(1200, 800, 0.5, np.random.default_rng(1))
    assert np.allclose(belt.mean(axis=(0, 1)), BELT_BGR, atol=1.5)
    assert np.percentile(np.abs(belt.astype(np.int16) - np.array(BELT_BGR)), 99.5) < 18


def test_the_loop_closes_without_a_step() -> None:
    belt = belt_texture(1200, 800, 0.5, np.random.default_rng(2), BeltLook(seams=0)).astype(np.float64)
    smooth = belt.mean(axis=2).reshape(1200, 16, 50).mean(axis=2)
    steps = np.abs(smooth - np.roll(smooth, 1, axis=0)).mean(axis=1)
    assert steps[0] < 3 * np.median(steps)


def test_the_same_seed_gives_the_same_belt() -> None:
    first, again, other = (belt_texture(400, 300, 0.5, np.random.default_rng(seed)) for seed in (3, 3, 4))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
