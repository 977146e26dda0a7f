"""The board: printed to scale, found in pictures, refused where it cannot be."""

import re
import struct
import zlib

import cv2
import numpy as np
import pytest
from pydantic import ValidationError

from senbetsu_errors import NeedsOperator
from vision.calibration import Board
from vision.calibration_board import PRINT_DPI, BoardFinder, as_pdf, as_png, draw_board

BOARD = Board(squares_x=7, squares_y=5, square_mm=24, marker_mm=18, dictionary="DICT_4X4_50")
PER_MM = PRINT_DPI / 25.4


def test_a_printed_board_is_found_to_scale() -> None:
    page = draw_board(BOARD, "a4")
    assert page.shape == (round(210 * PER_MM), round(297 * PER_MM))
    view = BoardFinder(BOARD).find(cv2.cvtColor(page, cv2.COLOR_GRAY2BGR).astype(np.uint8), "page")
    assert len(view.ids) == 6 * 4
    apart_mm = (view.picture_px - view.picture_px[0]) / PER_MM
    assert np.abs(apart_mm - (view.board_mm - view.board_mm[0])).max() < 0.06


def test_the_png_says_its_resolution() -> None:
    data = as_png(draw_board(BOARD))
    at = data.index(b"pHYs")
    across, down, unit = struct.unpack("!IIB", data[at + 4 : at + 13])
    assert (across, down, unit) == (11811, 11811, 1)
    assert struct.unpack("!I", data[at + 13 : at + 17]) == (zlib.crc32(data[at : at + 13]),)
    assert cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_GRAYSCALE) is not None


def test_the_pdf_holds_the_same_pixels_on_a_page_of_the_paper_s_size() -> None:
    page = draw_board(BOARD, "a4")
    data = as_pdf(page)
    box = re.search(rb"/MediaBox \[0 0 ([\d.]+) ([\d.]+)\]", data)
    assert box
    assert [float(v) / 72 * 25.4 for v in box.groups()] == pytest.approx([297, 210], abs=0.1)
    begin = data.index(b"stream\n", data.index(b"/Image")) + 7
    assert zlib.decompress(data[begin : data.index(b"\nendstream", begin)]) == page.tobytes()
    table = int(data.split(b"startxref\n")[1].split()[0])
    assert data[table:].startswith(b"xref\n0 6\n")
    for number, offset in enumerate(re.findall(rb"(\d{10}) 00000 n", data[table:]), 1):
        assert data[int(offset) :].startswith(b"%d 0 obj" % number)


def test_a_board_that_does_not_fit_its_paper_is_refused() -> None:
    with pytest.raises(NeedsOperator, match="do not fit") as refused:
        draw_board(Board(square_mm=30, marker_mm=22), "a4")
    assert refused.value.code == "calibrate.paper"


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"marker_mm": 23}, "0.3 to 0.9"),
        ({"squares_x": 12, "squares_y": 12}, "larger dictionary"),
    ],
)
def test_a_board_that_cannot_be_is_refused(change: dict[str, float], says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        Board.model_validate(BOARD.model_dump() | change)


def test_a_picture_without_the_board_is_refused_by_name() -> None:
    finder = BoardFinder(BOARD)
    noise = np.random.default_rng(1).integers(0, 255, (300, 400, 3)).astype(np.uint8)
    with pytest.raises(NeedsOperator, match=r"here\.png does not show") as refused:
        finder.find(noise, "here.png")
    assert refused.value.code == "calibrate.no_board"


def test_too_little_of_a_board_is_refused() -> None:
    page = cv2.cvtColor(draw_board(BOARD), cv2.COLOR_GRAY2BGR)
    page[:, round(75 * PER_MM) :] = 255
    with pytest.raises(NeedsOperator, match="it takes 12") as refused:
        BoardFinder(BOARD).find(page.astype(np.uint8), "part.png")
    assert refused.value.code == "calibrate.few_corners"


def test_a_board_too_small_in_the_picture_is_refused() -> None:
    page = cv2.cvtColor(draw_board(BOARD), cv2.COLOR_GRAY2BGR)
    scale = 7.4 / (24 * PER_MM)
    small = cv2.resize(page, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    with pytest.raises(NeedsOperator) as refused:
        BoardFinder(BOARD).find(small.astype(np.uint8), "far.png")
    assert refused.value.code in ("calibrate.small_board", "calibrate.no_board")
