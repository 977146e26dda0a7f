"""Crops are the same wherever they are cut; pictures that cannot be used are refused by name."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from senbetsu_errors import Fatal, NeedsOperator
from vision.crops import crop_blobs
from vision.images import load_image, square_crop


def test_a_crop_is_rgb_square_and_has_the_margin() -> None:
    color = np.zeros((200, 200, 3), np.uint8)
    color[80:120, 60:140] = (10, 20, 30)
    (crop,) = crop_blobs(color, np.array([[60, 80, 80, 40]], np.int32), 64)
    assert crop.shape == (64, 64, 3)
    assert crop[32, 32].tolist() == [30, 20, 10]
    columns = np.flatnonzero(crop[32, :, 0] > 15)
    # 80 of 99 pixels wide, so 52 of 64.
    assert len(columns) == pytest.approx(64 * 80 / 99, abs=1)
    assert crop[5, 32].tolist() == [0, 0, 0]


def test_a_crop_at_the_border_repeats_the_border() -> None:
    color = np.full((100, 100, 3), 7, np.uint8)
    crops = crop_blobs(color, np.array([[0, 0, 30, 30], [70, 70, 30, 30], [0, 40, 100, 5]], np.int32), 32)
    assert (crops == 7).all()


def test_no_boxes_give_no_crops() -> None:
    assert crop_blobs(np.zeros((10, 10, 3), np.uint8), np.zeros((0, 4), np.int32), 64).shape == (0, 64, 64, 3)


@pytest.mark.parametrize("box", [[0, 0, 0, 5], [100, 0, 5, 5], [-9, 0, 5, 5], [0, 0, 5, -5]])
def test_a_box_outside_the_picture_is_refused(box: list[int]) -> None:
    with pytest.raises(Fatal, match="outside"):
        crop_blobs(np.zeros((100, 100, 3), np.uint8), np.array([box], np.int32), 64)


def test_a_picture_of_the_wrong_kind_is_refused() -> None:
    with pytest.raises(Fatal, match="uint8"):
        crop_blobs(np.zeros((100, 100), np.uint8), np.array([[0, 0, 5, 5]], np.int32), 64)


def test_a_whole_picture_becomes_one_square() -> None:
    assert square_crop(np.zeros((50, 90, 3), np.uint8), 64).shape == (1, 64, 64, 3)


def test_a_colour_picture_is_loaded_as_it_is(tmp_path: Path) -> None:
    picture = np.random.default_rng(0).integers(0, 255, (20, 30, 3), np.uint8)
    cv2.imwrite(str(tmp_path / "a.png"), picture)
    np.testing.assert_array_equal(load_image(tmp_path / "a.png"), picture)


@pytest.mark.parametrize(
    ("picture", "found"),
    [
        (np.zeros((20, 30), np.uint8), r"1 channel\(s\) of uint8"),
        (np.zeros((20, 30, 3), np.uint16), r"3 channel\(s\) of uint16"),
        (np.zeros((20, 30, 4), np.uint8), r"4 channel\(s\) of uint8"),
    ],
)
def test_grey_deep_and_transparent_pictures_are_refused(tmp_path: Path, picture: np.ndarray, found: str) -> None:
    cv2.imwrite(str(tmp_path / "a.png"), picture)
    with pytest.raises(NeedsOperator, match=found):
        load_image(tmp_path / "a.png")


def test_missing_empty_and_corrupt_files_are_refused(tmp_path: Path) -> None:
    (tmp_path / "empty.png").write_bytes(b"")
    (tmp_path / "text.png").write_text("no picture")
    for name in ("none.png", "empty.png", "text.png"):
        with pytest.raises(NeedsOperator, match=name.replace(".", r"\.")):
            load_image(tmp_path / name)
    with pytest.raises(NeedsOperator, match="cannot be read"):
        load_image(tmp_path)


def test_a_huge_picture_is_refused(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "huge.png"), np.zeros((8000, 7600, 3), np.uint8))
    with pytest.raises(NeedsOperator, match="60 million"):
        load_image(tmp_path / "huge.png")


def test_a_picture_too_small_to_show_anything_is_refused(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "dot.png"), np.zeros((1, 40, 3), np.uint8))
    with pytest.raises(NeedsOperator, match="40 x 1 pixels"):
        load_image(tmp_path / "dot.png")
