"""Parts are found on a noisy belt, from the first picture, and touching ones are told apart."""

from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from vision.segmentation import Blobs, Picture, Segmenter
from vision.settings import SegmentationConfig

Draw = Callable[..., Any]


def segmenter(**overrides: Any) -> Segmenter:
    settings = SegmentationConfig(**overrides)
    return Segmenter(settings, min_area_px=40, max_part_px=300, area_scan=True)


def empty_belt(seed: int = 0, level: float = 60, shape: tuple[int, int] = (240, 400)) -> NDArray[np.uint8]:
    noise = np.random.default_rng(seed)
    return np.clip(noise.normal(level, 3, (*shape, 3)), 0, 255).astype(np.uint8)


def blobs_in(seg: Segmenter, color: NDArray[np.uint8], *, learn: bool = True) -> Blobs:
    picture = Picture(color)
    return seg.blobs(picture, seg.foreground(picture, learn=learn))


def count_in(seg: Segmenter, picture: NDArray[np.uint8]) -> int:
    return len(blobs_in(seg, picture))


def test_an_empty_belt_has_no_blobs() -> None:
    seg = segmenter()
    assert [count_in(seg, empty_belt(seed)) for seed in range(30)] == [0] * 30


def test_every_part_is_found_in_the_first_picture(belt: Draw, scattered: Draw) -> None:
    parts = scattered(25, first_mm=0, last_mm=300)
    drawn = belt(parts, length_mm=320)
    seg = segmenter()
    blobs = blobs_in(seg, drawn.picture)
    assert len(blobs) == 25
    found = np.sort(blobs.centres[:, 1]) * 0.5
    np.testing.assert_allclose(found, sorted(p.p_mm for p in parts), atol=0.7)


def test_a_part_a_little_darker_than_the_belt_is_found_whole() -> None:
    picture = empty_belt()
    picture[80:140, 100:180] = np.clip(picture[80:140, 100:180].astype(np.int16) - 18, 0, 255)
    seg = segmenter()
    blobs = blobs_in(seg, picture)
    assert len(blobs) == 1
    np.testing.assert_allclose(blobs.boxes[0], [100, 80, 80, 60], atol=2)
    assert blobs.areas[0] == pytest.approx(60 * 80, rel=0.06)


def test_two_touching_discs_are_two_blobs_and_one_disc_stays_one() -> None:
    picture = empty_belt()
    cv2.circle(picture, (100, 100), 30, (160, 160, 160), cv2.FILLED)
    cv2.circle(picture, (155, 100), 30, (150, 170, 150), cv2.FILLED)
    cv2.circle(picture, (300, 100), 30, (160, 160, 160), cv2.FILLED)
    seg = segmenter(split_above=0.3)
    blobs = blobs_in(seg, picture)
    np.testing.assert_allclose(np.sort(blobs.centres[:, 0]), [100, 155, 300], atol=3)
    assert count_in(segmenter(split_solidity=0), picture) == 2


def test_what_a_part_the_colour_of_the_belt_holds_together_by_is_not_opened_away() -> None:
    picture = empty_belt()
    picture[80:140, 100:130] = picture[80:140, 170:200] = 150
    picture[80:82, 130:170] = picture[138:140, 130:170] = 75  # only its rims differ from the belt
    assert count_in(segmenter(split_solidity=0), picture) == 1
    assert count_in(segmenter(split_solidity=0, open_px=3), picture) == 2


def test_the_legs_of_a_small_part_belong_to_it() -> None:
    picture = empty_belt()
    picture[100:112, 100:120] = 160
    picture[105:107, 70:100] = picture[105:107, 120:150] = 130
    blobs = blobs_in(segmenter(), picture)
    assert len(blobs) == 1
    np.testing.assert_allclose(blobs.boxes[0], [70, 100, 80, 12], atol=2)


def test_a_part_of_the_smallest_size_is_found_and_half_of_it_is_dirt() -> None:
    picture = empty_belt()
    picture[100:107, 100:106] = 180  # 42 pixels, 40 asked for; the border's middle encloses 30
    picture[100:104, 200:205] = 180
    blobs = blobs_in(segmenter(), picture)
    np.testing.assert_allclose(blobs.centres, [[102.5, 103]], atol=0.5)


def test_a_bolt_with_its_head_is_not_split() -> None:
    picture = empty_belt()
    cv2.rectangle(picture, (100, 60), (140, 90), (170, 170, 170), cv2.FILLED)
    cv2.rectangle(picture, (112, 90), (128, 200), (170, 170, 170), cv2.FILLED)
    assert count_in(segmenter(), picture) == 1


def test_a_change_of_exposure_is_no_part() -> None:
    seg = segmenter()
    levels = [60 + 10 * np.sin(k / 2) for k in range(30)]
    assert [count_in(seg, empty_belt(k, level)) for k, level in enumerate(levels)] == [0] * 30


def test_a_light_switched_on_later_is_learned() -> None:
    seg = segmenter(learn_frames=8)
    for k in range(5):
        seg.foreground(Picture(empty_belt(k, 8)))
    assert count_in(seg, empty_belt(9, 120)) == 1
    for k in range(30):
        seg.foreground(Picture(empty_belt(k, 120)))
    assert count_in(seg, empty_belt(99, 120)) == 0


def test_a_part_on_a_standing_belt_is_not_learned() -> None:
    seg = segmenter(learn_frames=3)
    picture = empty_belt()
    picture[:, 100:140] = 180
    seg.foreground(Picture(empty_belt(1)))
    for _ in range(20):
        seg.foreground(Picture(picture), learn=False)
    assert len(blobs_in(seg, picture, learn=False)) == 1


def test_black_on_black_is_found_by_its_height_alone_and_measured() -> None:
    height = np.random.default_rng(1).normal(0, 0.05, (240, 400)).astype(np.float32)
    height[80:140, 100:180] += 3
    height[100:120, 130:150] = np.nan  # a glossy patch
    seg = segmenter()
    blind, seen = Picture(empty_belt()), Picture(empty_belt(), height)
    assert len(seg.blobs(blind, seg.foreground(blind))) == 0
    blobs = seg.blobs(seen, seg.foreground(seen))
    np.testing.assert_allclose(blobs.boxes, [[100, 80, 80, 60]], atol=1)
    np.testing.assert_allclose(blobs.heights_mm[:, 1], [3.0], atol=0.2)


def test_without_a_height_channel_no_blob_has_a_height() -> None:
    picture = empty_belt()
    picture[80:140, 100:180] = 160
    seg = segmenter()
    assert np.isnan(blobs_in(seg, picture).heights_mm[:, 1]).tolist() == [True]
    with_height = Picture(picture, np.zeros((240, 400), np.float32))
    assert not np.isnan(seg.blobs(with_height, seg.foreground(with_height)).heights_mm).any()
    assert np.isnan(blobs_in(seg, picture).heights_mm).all()  # and not those of the picture before


def test_the_bands_of_a_flickering_lamp_are_no_parts() -> None:
    seg = segmenter()
    rows = np.arange(240)
    for k in range(30):
        level = 90 * (1 + 0.1 * np.sin(rows / 25 + 2.4 * k))
        picture = np.random.default_rng(k).normal(level[:, None, None], 2, (240, 400, 3))
        picture[100:130, 200:260] += 40
        assert count_in(seg, np.clip(picture, 0, 255).astype(np.uint8)) == 1


def test_a_cut_that_is_likely_but_not_sure_makes_a_clump() -> None:
    picture = empty_belt()
    cv2.circle(picture, (100, 100), 30, (160, 160, 160), cv2.FILLED)
    cv2.circle(picture, (155, 100), 30, (150, 170, 150), cv2.FILLED)
    flags = {
        above: blobs_in(segmenter(split_above=above, clump_above=0.3), picture).clump.tolist() for above in (0.3, 1.0)
    }
    assert flags == {0.3: [False, False], 1.0: [True]}
