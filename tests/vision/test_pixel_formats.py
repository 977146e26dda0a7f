"""Raw pixels of industrial cameras: each layout unpacked as its standard says, each mosaic its own colour."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from senbetsu_errors import NeedsOperator, Retryable
from vision.pixel_formats import to_bgr

DEPTHS = {"8": 8, "10": 10, "12": 12, "16": 16, "10p": 10, "12p": 12, "10Packed": 10, "12Packed": 12}
SUPPORTED = [
    *(mosaic + depth for mosaic in ("Mono", "BayerRG", "BayerGR", "BayerGB", "BayerBG") for depth in DEPTHS),
    *("RGB8", "RGB8Packed", "BGR8", "BGR8Packed", "RGBa8", "BGRa8", "YUV422_8", "YUV422_8_UYVY", "YUV422Packed"),
]


def packed(values: list[int], depth: str) -> NDArray[np.uint8]:
    """Pixels as a camera sends them, written from the standards bit by bit (not as the code under test does)."""
    bits = DEPTHS[depth]
    if depth.endswith("Packed"):
        out = bytearray()
        for at in range(0, len(values), 2):
            pair = [*values[at : at + 2], 0][:2]
            low = bits - 8
            lows = pair[0] % 2**low | (pair[1] % 2**low) << 4
            out += bytes([pair[0] >> low, lows, pair[1] >> low])
        return np.frombuffer(bytes(out), np.uint8)
    step = bits if depth.endswith("p") else (8 if bits == 8 else 16)
    stream = sum(value << (k * step) for k, value in enumerate(values))
    return np.frombuffer(stream.to_bytes(-(-len(values) * step // 8), "little"), np.uint8)


@given(st.sampled_from(sorted(DEPTHS)), st.integers(1, 5), st.integers(1, 9), st.data())
def test_every_layout_gives_the_high_eight_bits(depth: str, rows: int, columns: int, data: st.DataObject) -> None:
    bits = DEPTHS[depth]
    values = data.draw(st.lists(st.integers(0, 2**bits - 1), min_size=rows * columns, max_size=rows * columns))
    picture = to_bgr(packed(values, depth), f"Mono{depth}", rows, columns)
    expected = np.array([value >> (bits - 8) for value in values], np.uint8).reshape(rows, columns)
    for channel in range(3):
        np.testing.assert_array_equal(picture[:, :, channel], expected)


@pytest.mark.parametrize(("mosaic", "depth"), list(product(["RG", "GR", "GB", "BG"], sorted(DEPTHS))))
def test_a_mosaic_of_one_colour_is_that_colour(mosaic: str, depth: str) -> None:
    bits = DEPTHS[depth]
    colour = {"R": 200, "G": 120, "B": 40}
    other = {"RG": "GB", "GR": "BG", "GB": "RG", "BG": "GR"}[mosaic]  # the second row
    rows = [(mosaic if row % 2 == 0 else other) for row in range(8)]
    values = [colour[line[column % 2]] << (bits - 8) for line in rows for column in range(10)]
    picture = to_bgr(packed(values, depth), f"Bayer{mosaic}{depth}", 8, 10)
    np.testing.assert_array_equal(picture[2:-2, 2:-2], np.broadcast_to([40, 120, 200], (4, 6, 3)))


@pytest.mark.parametrize(
    ("pixel_format", "pixel"),
    [("RGB8", [3, 2, 1]), ("BGR8", [1, 2, 3]), ("RGBa8", [3, 2, 1, 9]), ("BGRa8", [1, 2, 3, 9])],
)
def test_colours_come_in_their_order(pixel_format: str, pixel: list[int]) -> None:
    raw = np.array(pixel * 6, np.uint8)
    picture = to_bgr(raw, pixel_format, 2, 3)
    np.testing.assert_array_equal(picture, np.broadcast_to([1, 2, 3], (2, 3, 3)))
    raw[:] = 0
    assert picture.all()  # of its own memory: the camera overwrites its buffer


@pytest.mark.parametrize(("pixel_format", "order"), [("YUV422_8", "yuyv"), ("YUV422_8_UYVY", "uyvy")])
def test_yuv_by_bt601(pixel_format: str, order: str) -> None:
    # ITU-R BT.601, 8 bit: pure red (255, 0, 0) is Y 81, Cb 90, Cr 240; white 235, 128, 128.
    for (y, u, v), bgr in (
        ((81, 90, 240), (0, 0, 255)),
        ((235, 128, 128), (255, 255, 255)),
        ((16, 128, 128), (0, 0, 0)),
    ):
        values = {"yuyv": [y, u, y, v], "uyvy": [u, y, v, y]}[order]
        picture = to_bgr(np.array(values * 4, np.uint8), pixel_format, 2, 4)
        assert np.abs(picture.astype(int) - bgr).max() <= 2


def test_every_supported_name_takes_a_picture_with_padding_behind_it() -> None:
    for name in SUPPORTED:
        assert to_bgr(np.zeros(4 * 6 * 4 + 7, np.uint8), name, 4, 6).shape == (4, 6, 3)


def test_another_format_and_too_few_bytes_are_refused() -> None:
    for name in ("Coord3D_C16", "Mono8s", "BayerRG14", "Mono1p", ""):
        with pytest.raises(NeedsOperator, match=r"camera\.pixel_format"):
            to_bgr(np.zeros(1000, np.uint8), name, 4, 4)
    for name in SUPPORTED:
        with pytest.raises(Retryable, match="bytes for a picture"):
            to_bgr(np.zeros(3, np.uint8), name, 4, 4)
