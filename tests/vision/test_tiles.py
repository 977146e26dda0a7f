"""Tiles show every part whole in one of them, and a part that several tiles see comes out once."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from vision.tiles import Tiling, merged, suppressed

SIDES = st.integers(64, 320)


@given(st.integers(1, 2100), st.integers(1, 1100), SIDES, SIDES, st.integers(1, 63))
def test_tiles_cover_the_picture_and_overlap_enough(
    columns: int, rows: int, width: int, height: int, overlap: int
) -> None:
    tiling = Tiling.of(columns, rows, width, height, overlap)
    for axis, length, side in ((0, columns, width), (1, rows, height)):
        starts = np.unique(tiling.corners[:, axis])
        assert starts[0] == 0
        assert starts[-1] == max(0, length - side)
        assert (np.diff(starts) <= side - overlap).all()


@given(st.integers(0, 2**32 - 1), st.integers(2, 60))
def test_a_part_no_longer_than_the_overlap_is_whole_in_some_tile(seed: int, part: int) -> None:
    rng = np.random.default_rng(seed)
    tiling = Tiling.of(1000, 400, 256, 256, part + 8)
    x, y = rng.uniform(0, 1000 - part), rng.uniform(0, 400 - part)
    box = np.array([[x, y, x + part, y + part]])
    inside = [
        not tiling.fragments(box, np.array([k]), 1000, 400, 4.0)[0]
        for k, (left, top) in enumerate(tiling.corners)
        if left <= x and top <= y and x + part <= left + 256 and y + part <= top + 256
    ]
    assert any(inside)


@given(st.integers(0, 2**32 - 1), st.integers(1, 12))
def test_parts_seen_by_all_tiles_come_out_once(seed: int, count: int) -> None:
    # Parts on a grid, so that none overlaps another; every tile sees what of them lies in it, a little off.
    rng = np.random.default_rng(seed)
    cells = rng.choice(8 * 3, min(count, 24), replace=False)
    first = np.stack([cells % 8 * 120 + 20, cells // 8 * 120 + 20], axis=1) + rng.uniform(0, 30, (len(cells), 2))
    parts = np.concatenate([first, first + rng.uniform(10, 60, (len(cells), 2))], axis=1)
    tiling = Tiling.of(1000, 400, 256, 256, 80)
    boxes: list[NDArray[np.float64]] = []
    tiles: list[int] = []
    for k, (left, top) in enumerate(tiling.corners):
        cut = np.concatenate(
            [np.maximum(parts[:, :2], (left, top)), np.minimum(parts[:, 2:], (left + 256, top + 256))], 1
        )
        seen = (cut[:, 2:] - cut[:, :2]).min(axis=1) > 8  # no net answers a sliver
        boxes.append(cut[seen] + rng.uniform(-1, 1, (int(seen.sum()), 4)))
        tiles += [k] * int(seen.sum())
    found, tile = np.concatenate(boxes), np.array(tiles)
    fragment = tiling.fragments(found, tile, 1000, 400, 4.0)
    kept, partial = merged(found, rng.uniform(0.5, 1, len(found)).astype(np.float32), fragment, 0.5)
    assert not len(partial)
    order = np.lexsort(found[kept].round(-1).T)
    assert len(order) == len(parts)
    distance = np.abs(found[kept][:, None] - parts[None]).max(axis=2).min(axis=0)
    assert (distance <= 1.001).all()


def test_a_part_longer_than_the_overlap_comes_out_once_as_partial() -> None:
    tiling = Tiling.of(460, 200, 256, 200, 52)
    boxes = np.array([[180.0, 50, 256, 90], [204, 50, 300, 90]])
    fragment = tiling.fragments(boxes, np.array([0, 1]), 460, 200, 4.0)
    assert fragment.all()
    kept, partial = merged(boxes, np.ones(2, np.float32), fragment, 0.5)
    assert not len(kept)
    np.testing.assert_allclose(partial, [[180, 50, 300, 90]])


def test_of_boxes_that_overlap_the_best_is_left_and_touching_ones_stay() -> None:
    boxes = np.array([[0.0, 0, 10, 10], [1, 0, 11, 10], [10, 0, 20, 10]])
    assert suppressed(boxes, np.array([0.6, 0.9, 0.5], np.float32), 0.5).tolist() == [1, 2]
    assert suppressed(np.zeros((0, 4)), np.zeros(0, np.float32), 0.5).tolist() == []
