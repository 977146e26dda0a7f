"""The confusion matrix as a picture."""

import cv2
import numpy as np
from numpy.typing import NDArray

_CELL_PX = 34
_FONT = cv2.FONT_HERSHEY_SIMPLEX
_SCALE = 0.42
_MARGIN_PX = 12
_INK = (40, 30, 30)
_PALE = (255, 255, 255)
_RIGHT, _WRONG = (120, 80, 20), (40, 60, 200)  # BGR: blue on the diagonal, red beside it


def draw_confusion(labels: tuple[str, ...], confusion: NDArray[np.int64], title: str) -> NDArray[np.uint8]:
    """Counts int64 [C, C] (row true class, column answer) as a picture, H x W x 3 uint8 BGR.

    A cell is the darker the larger its share of its row. Text outside ASCII is drawn as question marks.
    """
    longest = max(_width(label) for label in labels) + 2 * _MARGIN_PX
    top, left = longest + 2 * _CELL_PX, longest
    side = _CELL_PX * len(labels)
    width = max(left + side + _MARGIN_PX, _width(title) + 2 * _MARGIN_PX)
    picture = np.full((top + side + _MARGIN_PX, width, 3), 255, np.uint8)
    _write(picture, title, _MARGIN_PX, _CELL_PX)
    _write(picture, "row: true class   column: answer", _MARGIN_PX, _CELL_PX + 20)
    upright = np.full((side, longest, 3), 255, np.uint8)
    shares = confusion / np.maximum(confusion.sum(axis=1, keepdims=True), 1)
    for row, label in enumerate(labels):
        y = top + row * _CELL_PX
        _write(picture, label, left - _MARGIN_PX // 2 - _width(label), y + _CELL_PX // 2 + 5)
        _write(upright, label, _MARGIN_PX // 2, row * _CELL_PX + _CELL_PX // 2 + 5)
        for column in range(len(labels)):
            x, share = left + column * _CELL_PX, float(shares[row, column])
            full = np.array(_RIGHT if row == column else _WRONG, np.float64)
            color = (255 + (full - 255) * share).astype(int).tolist()
            cv2.rectangle(picture, (x, y), (x + _CELL_PX - 2, y + _CELL_PX - 2), color, cv2.FILLED)
            if confusion[row, column]:
                text = str(confusion[row, column])
                _write(picture, text, x + (_CELL_PX - _width(text)) // 2, y + 21, _PALE if share > 0.5 else _INK)
    picture[top - longest : top, left : left + side] = cv2.rotate(upright, cv2.ROTATE_90_COUNTERCLOCKWISE)
    return picture


def encode_png(picture: NDArray[np.uint8]) -> bytes:
    """The bytes of a PNG file of a picture H x W x 3 uint8 BGR."""
    return cv2.imencode(".png", picture)[1].tobytes()


def _width(text: str) -> int:
    return cv2.getTextSize(text, _FONT, _SCALE, 1)[0][0]


def _write(picture: NDArray[np.uint8], text: str, x: int, y: int, color: tuple[int, int, int] = _INK) -> None:
    cv2.putText(picture, text, (x, y), _FONT, _SCALE, color, 1, cv2.LINE_AA)
