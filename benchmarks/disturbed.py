"""What a belt and its light do beside carrying parts, done to a rendered view; deterministic in the view's number."""

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from benchmarks.crowded_belts import MM_PER_PX, CrowdedView


def _lit(view: CrowdedView, gain: NDArray[np.float32]) -> CrowdedView:
    return replace(view, color=np.clip(view.color * gain, 0, 255).astype(np.uint8))


def _grid(view: CrowdedView) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Row and column of every pixel as shares of the picture."""
    rows, columns = view.labels.shape
    return (
        np.linspace(0, 1, rows, dtype=np.float32)[:, None, None],
        np.linspace(0, 1, columns, dtype=np.float32)[None, :, None],
    )


def lamp_warming_up(view: CrowdedView, number: int) -> CrowdedView:
    """The lamp gains 1.5 % a picture, more red than blue."""
    return _lit(view, (np.array([0.010, 0.015, 0.020], np.float32) * number + 0.8)[None, None])


def mains_flicker(view: CrowdedView, number: int) -> CrowdedView:
    """Every picture up to 8 % brighter or darker than the last."""
    return _lit(view, np.full((1, 1, 1), 1 + 0.08 * np.sin(2.4 * number), np.float32))


def flicker_bands(view: CrowdedView, number: int) -> CrowdedView:
    """The same within a picture: a rolling shutter or a line-scan camera under a lamp on mains, 8 % in one and a
    half periods a picture."""
    along, _ = _grid(view)
    return _lit(view, (1 + 0.08 * np.sin(2 * np.pi * (1.5 * along + 0.37 * number))).astype(np.float32))


def sun(view: CrowdedView, number: int) -> CrowdedView:
    """A soft patch of sunlight that wanders and grows, up to 35 % brighter, within an hour of pictures made one."""
    along, across = _grid(view)
    patch = np.exp(-(((across - 0.2 - 0.01 * number) / 0.25) ** 2) - ((along - 0.5) / 0.6) ** 2)
    return _lit(view, 1 + np.float32(0.35 * min(1.0, number / 10)) * patch)


def seam(view: CrowdedView, number: int) -> CrowdedView:
    """A belt joint in every second picture: a slanted band of 4 mm, 20 grey levels darker, with a bright lip."""
    if number % 2:
        return view
    rng = np.random.default_rng(number)
    rows, columns = len(view.labels), len(view.labels[0])
    slant, start = float(rng.uniform(-0.12, 0.12)), float(rng.uniform(0.35, 0.65)) * rows
    off = np.arange(rows)[:, None] - (start + slant * (np.arange(columns) - columns / 2))[None, :]
    off *= MM_PER_PX
    level = np.where((off >= 0) & (off < 4), -20, np.where((off >= 4) & (off < 5), 25, 0))
    level = np.where(view.labels > 0, 0, level)
    return replace(view, color=np.clip(view.color + level[..., None], 0, 255).astype(np.uint8))


DISTURBANCES: Mapping[str, Callable[[CrowdedView, int], CrowdedView]] = {
    "lamp warming up": lamp_warming_up,
    "mains flicker": mains_flicker,
    "flicker bands": flicker_bands,
    "sun": sun,
    "seam": seam,
}
