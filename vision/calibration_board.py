"""The ChArUco board: drawn to scale for printing, found in pictures."""

import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal, cast

import cv2
import numpy as np
from cv2.typing import MatLike
from numpy.typing import NDArray

from senbetsu_errors import NeedsOperator
from vision.calibration import Board

Paper = Literal["a4", "a3", "a2", "a1"]
PAPERS_MM: dict[Paper, tuple[float, float]] = {"a4": (297, 210), "a3": (420, 297), "a2": (594, 420), "a1": (841, 594)}
"""Landscape, ISO 216."""

PRINT_DPI = 300
FEWEST_CORNERS = 12
"""Of one picture: below, a board's place and the lens cannot be told apart."""

_MM_PER_INCH = 25.4
_PDF_POINTS_PER_MM = 72 / _MM_PER_INCH
_NARROWEST_SQUARE_PX = 8
_QUIET_MM = 5.0
_REFINE = (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, 40, 0.001)


_Found = tuple[MatLike | None, MatLike | None, object, Sequence[MatLike] | None]


@dataclass(frozen=True, slots=True)
class BoardView:
    """The corners of a board in one picture: `ids` int32 [N], `board_mm` and `picture_px` float64 [N, 2].

    Pixels are column and row, pixel centres at whole numbers. Millimetres are x along the board's rows and
    y down its columns, from its first outer corner.
    """

    name: str
    ids: NDArray[np.int32]
    board_mm: NDArray[np.float64]
    picture_px: NDArray[np.float64]


def charuco(board: Board) -> cv2.aruco.CharucoBoard:
    """OpenCV's own board of that geometry."""
    dictionary = cv2.aruco.getPredefinedDictionary(getattr(cv2.aruco, board.dictionary))
    size = (board.squares_x, board.squares_y)
    return cv2.aruco.CharucoBoard(size, board.square_mm, board.marker_mm, dictionary)


class BoardFinder:
    """Finds one kind of board in pictures."""

    def __init__(self, board: Board) -> None:
        self._board = board
        charuco_board = charuco(board)
        self._corners_mm = np.asarray(charuco_board.getChessboardCorners(), np.float64)[:, :2]
        self._detector = cv2.aruco.CharucoDetector(charuco_board)

    def find(self, picture: NDArray[np.uint8], name: str) -> BoardView:
        """The corners seen in a picture, H x W x 3 uint8 BGR.

        Raises NeedsOperator `calibrate.no_board`, `calibrate.few_corners`, `calibrate.small_board`.
        """
        grey = cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY)
        # None, and not an empty array, where nothing was found; OpenCV's types do not say so.
        corners, ids, _, markers = cast("_Found", self._detector.detectBoard(grey))
        seen = 0 if markers is None else len(markers)
        if corners is None or ids is None or len(ids) == 0:
            also = f", though {seen} of its markers" if seen else ""
            raise NeedsOperator(
                "calibrate.no_board",
                f"{name} does not show a {self._words()}{also}.",
                "Lay the board flat, wholly in view, evenly lit and sharp, and declare the board that was printed.",
            )
        if len(ids) < FEWEST_CORNERS:
            raise NeedsOperator(
                "calibrate.few_corners",
                f"{name} shows {len(ids)} corners of the board; it takes {FEWEST_CORNERS}.",
                "Show more of the board, without glare or anything lying on it.",
            )
        seen_ids = np.asarray(ids, np.int32).ravel()
        view = BoardView(name, seen_ids, self._corners_mm[seen_ids], np.asarray(corners, np.float64).reshape(-1, 2))
        square_px = self._square_px(view)
        if square_px < _NARROWEST_SQUARE_PX:
            raise NeedsOperator(
                "calibrate.small_board",
                f"A square of the board covers {square_px:.1f} pixels in {name}; it takes {_NARROWEST_SQUARE_PX}.",
                "Use a board with larger squares.",
            )
        return replace(view, picture_px=self._refined(grey, view.picture_px, square_px))

    def _refined(self, grey: MatLike, corners_px: NDArray[np.float64], square_px: float) -> NDArray[np.float64]:
        """The corners from as much of their surroundings as is free of markers: a third less error than OpenCV's."""
        free = (1 - self._board.marker_mm / self._board.square_mm) / 2 * square_px
        reach = min(max(round(0.8 * free), 2), 8)
        refined = corners_px.astype(np.float32).reshape(-1, 1, 2)
        cv2.cornerSubPix(grey, refined, (reach, reach), (-1, -1), _REFINE)
        return refined.astype(np.float64).reshape(-1, 2)

    def _square_px(self, view: BoardView) -> float:
        """Shortest distance in the picture between corners that are neighbours on the board."""
        apart_mm = np.linalg.norm(view.board_mm[:, None] - view.board_mm[None], axis=2)
        apart_px = np.linalg.norm(view.picture_px[:, None] - view.picture_px[None], axis=2)
        neighbours = np.abs(apart_mm - self._board.square_mm) < 0.01 * self._board.square_mm
        return float(apart_px[neighbours].min()) if neighbours.any() else float("inf")

    def _words(self) -> str:
        b = self._board
        return f"board of {b.squares_x} x {b.squares_y} squares from {b.dictionary}"


def draw_board(board: Board, paper: Paper | None = None) -> NDArray[np.uint8]:
    """The board to scale at PRINT_DPI, H x W uint8, in the middle of the paper (or as large as it is).

    Raises NeedsOperator `calibrate.paper` where it does not fit.
    """
    width_mm, height_mm = board.squares_x * board.square_mm, board.squares_y * board.square_mm
    page_mm = PAPERS_MM[paper] if paper else (width_mm + 2 * _QUIET_MM, height_mm + 2 * _QUIET_MM)
    if width_mm + 2 * _QUIET_MM > page_mm[0] or height_mm + 2 * _QUIET_MM > page_mm[1]:
        raise NeedsOperator(
            "calibrate.paper",
            f"A board of {width_mm:g} x {height_mm:g} mm and its margin of {_QUIET_MM:g} mm do not fit "
            f"{page_mm[0]:g} x {page_mm[1]:g} mm.",
            "Use larger paper, fewer or smaller squares.",
        )
    per_mm = PRINT_DPI / _MM_PER_INCH
    image = charuco(board).generateImage((round(width_mm * per_mm), round(height_mm * per_mm)), marginSize=0)
    page = np.full((round(page_mm[1] * per_mm), round(page_mm[0] * per_mm)), 255, np.uint8)
    top, left = (page.shape[0] - image.shape[0]) // 2, (page.shape[1] - image.shape[1]) // 2
    page[top : top + image.shape[0], left : left + image.shape[1]] = image
    return page


def as_png(page: NDArray[np.uint8]) -> bytes:
    """A PNG, H x W uint8 or H x W x 3 BGR, that says its resolution, so that printing it unscaled keeps the size."""
    done, encoded = cv2.imencode(".png", page)
    assert done, "a PNG of whole pixels can always be encoded"
    data = encoded.tobytes()
    per_metre = round(PRINT_DPI / _MM_PER_INCH * 1000)
    body = b"pHYs" + struct.pack("!IIB", per_metre, per_metre, 1)
    chunk = struct.pack("!I", len(body) - 4) + body + struct.pack("!I", zlib.crc32(body))
    header_end = 8 + 25  # signature, IHDR
    return data[:header_end] + chunk + data[header_end:]


def as_pdf(page: NDArray[np.uint8]) -> bytes:
    """A PDF of one page, as large as the grey picture is at PRINT_DPI (ISO 32000-1, 8.9.5 and 7.5.4)."""
    height, width = page.shape
    size = [length / PRINT_DPI * _MM_PER_INCH * _PDF_POINTS_PER_MM for length in (width, height)]
    pixels = zlib.compress(page.tobytes(), 9)
    draw = f"q {size[0]:.4f} 0 0 {size[1]:.4f} 0 0 cm /Board Do Q".encode()
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 {size[0]:.4f} {size[1]:.4f}] /Contents 4 0 R "
        "/Resources << /XObject << /Board 5 0 R >> >> >>".encode(),
        _stream(b"", draw),
        _stream(
            f"/Type /XObject /Subtype /Image /Width {width} /Height {height} /ColorSpace /DeviceGray "
            "/BitsPerComponent 8 /Interpolate false /Filter /FlateDecode ".encode(),
            pixels,
        ),
    ]
    out = bytearray(b"%PDF-1.4\n")
    places: list[int] = []
    for number, body in enumerate(objects, 1):
        places.append(len(out))
        out += b"%d 0 obj\n%b\nendobj\n" % (number, body)
    table = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    out += b"".join(b"%010d 00000 n \n" % place for place in places)
    out += b"trailer << /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, table)
    return bytes(out)


def _stream(keys: bytes, data: bytes) -> bytes:
    return b"<< %b/Length %d >>\nstream\n%b\nendstream" % (keys, len(data), data)
