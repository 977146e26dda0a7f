"""Crops are the same wherever they are cut; pictures that cannot be used are refused by name."""

import struct
from pathlib import Path

import cv2
import numpy as np
import pytest
import simplejpeg
from hypothesis import assume, given
from hypothesis import strategies as st

from senbetsu_errors import Fatal, NeedsOperator
from vision.crops import crop_blobs
from vision.images import load_image, square_crop, stated_size


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


@given(st.integers(1, 96), st.integers(-40, 140), st.integers(-40, 140), st.integers(1, 90), st.integers(1, 90))
def test_a_crop_is_to_the_bit_what_opencv_makes_of_the_bordered_square(
    size: int, x: int, y: int, width: int, height: int
) -> None:
    color = np.random.default_rng(7).integers(0, 256, (120, 130, 3), np.uint8)
    assume(x < 130 and y < 120 and x + width > 0 and y + height > 0)
    (crop,) = crop_blobs(color, np.array([[x, y, width, height]], np.int32), size)
    side = round(max(width, height) * 1.24)
    left, top = x + (width - side) // 2 + 200, y + (height - side) // 2 + 200
    bordered = cv2.copyMakeBorder(color, 200, 200, 200, 200, cv2.BORDER_REPLICATE)
    square = bordered[top : top + side, left : left + side]
    expected = cv2.cvtColor(cv2.resize(square, (size, size), interpolation=cv2.INTER_AREA), cv2.COLOR_BGR2RGB)
    np.testing.assert_array_equal(crop, expected)


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
    cv2.imwrite(str(tmp_path / "huge.bmp"), np.zeros((8000, 7500, 3), np.uint8))
    with pytest.raises(NeedsOperator, match="7500 x 8000 pixels, more than 50 million"):
        load_image(tmp_path / "huge.bmp")


@pytest.mark.parametrize("suffix", [".jpg", ".png"])
def test_a_huge_picture_is_refused_before_it_is_unpacked(tmp_path: Path, suffix: str) -> None:
    data = bytearray(cv2.imencode(suffix, np.zeros((40, 60, 3), np.uint8))[1].tobytes())
    assert stated_size(bytes(data)) == (60, 40)
    at = data.index(b"\xff\xc0") + 5 if suffix == ".jpg" else 16
    data[at : at + (4 if suffix == ".jpg" else 8)] = struct.pack(">HH" if suffix == ".jpg" else ">II", 60_000, 60_000)
    (tmp_path / f"bomb{suffix}").write_bytes(data)
    with pytest.raises(NeedsOperator, match="60000 x 60000 pixels"):
        load_image(tmp_path / f"bomb{suffix}")


@given(st.binary(max_size=60), st.sampled_from([b"\xff\xd8", b"\x89PNG\r\n\x1a\n", b""]))
def test_any_head_of_a_file_states_a_size_or_none(rest: bytes, start: bytes) -> None:
    found = stated_size(start + rest)
    assert found is None or (len(found) == 2 and min(found) >= 0)


def test_a_photograph_taken_on_its_side_is_turned_as_its_exif_says(tmp_path: Path) -> None:
    picture = np.zeros((40, 60, 3), np.uint8)
    picture[:, :30] = (0, 0, 255)
    jpeg = cv2.imencode(".jpg", picture)[1].tobytes()
    # Orientation 6: the camera was turned left, the picture must be turned right (Exif 2.32, 4.6.4 tag 0x0112).
    tiff = b"II*\x00\x08\x00\x00\x00\x01\x00" + struct.pack("<HHIHH", 0x0112, 3, 1, 6, 0) + b"\x00\x00\x00\x00"
    exif = b"Exif\x00\x00" + tiff
    (tmp_path / "a.jpg").write_bytes(jpeg[:2] + b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif + jpeg[2:])
    turned = load_image(tmp_path / "a.jpg")
    assert turned.shape == (60, 40, 3)
    assert turned[:20].mean(axis=(0, 1))[2] > 200  # what was left is now on top
    assert turned[40:].mean() < 20


def test_a_grey_jpeg_is_refused(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "a.jpg"), np.zeros((40, 60), np.uint8))
    with pytest.raises(NeedsOperator, match=r"1 channel\(s\) of uint8"):
        load_image(tmp_path / "a.jpg")


def test_a_picture_too_small_to_show_anything_is_refused(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "dot.png"), np.zeros((1, 40, 3), np.uint8))
    with pytest.raises(NeedsOperator, match="40 x 1 pixels"):
        load_image(tmp_path / "dot.png")


def test_a_jpeg_that_decodes_but_is_damaged_is_refused(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (96, 96, 3), np.uint8)
    data = bytearray(cv2.imencode(".jpg", noise)[1].tobytes())
    data[len(data) // 2 : len(data) // 2 + 64] = bytes(64)
    assert cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_ANYCOLOR) is not None
    (tmp_path / "a.jpg").write_bytes(data)
    with pytest.raises(NeedsOperator, match=r"a\.jpg is a corrupt JPEG file"):
        load_image(tmp_path / "a.jpg")


def test_a_file_of_several_pictures_is_refused_and_one_picture_is_as_it_was(tmp_path: Path) -> None:
    picture = np.random.default_rng(0).integers(0, 255, (20, 30, 3), np.uint8)
    cv2.imwrite(str(tmp_path / "one.tif"), picture)
    cv2.imwritemulti(str(tmp_path / "two.tif"), [picture, picture])
    frames = cv2.Animation()
    frames.frames, frames.durations = [picture, picture[::-1].copy()], [100, 100]
    cv2.imwriteanimation(str(tmp_path / "moving.png"), frames)
    np.testing.assert_array_equal(load_image(tmp_path / "one.tif"), picture)
    for name in ("two.tif", "moving.png"):
        with pytest.raises(NeedsOperator, match="holds several pictures"):
            load_image(tmp_path / name)


def test_a_print_shops_jpeg_is_read_as_the_colours_it_means(tmp_path: Path) -> None:
    red = np.zeros((40, 60, 4), np.uint8)
    red[..., 0] = 255  # Adobe writes CMYK inverted: no cyan, full magenta and yellow
    red[..., 3] = 255
    (tmp_path / "cmyk.jpg").write_bytes(simplejpeg.encode_jpeg(red, colorspace="CMYK", colorsubsampling="444"))
    blue, green, also_red = load_image(tmp_path / "cmyk.jpg").reshape(-1, 3).mean(axis=0)
    assert also_red > 150
    assert max(blue, green) < 60
