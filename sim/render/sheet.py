"""A contact sheet of what the renderer draws: `python -m sim.render.sheet docs/images/parts.png`."""

import sys
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from senbetsu_errors import NeedsOperator
from sim.render.belt import BELT_BGR
from sim.render.parts import CLASSES, PartImage, class_seed, make_part

_CELL_PX = 64
_CAPTION_PX = 16
_MARGIN_PX = 4


def contact_sheet(samples: int = 6, columns: int = 3, mm_per_px: float = 0.25) -> NDArray[np.uint8]:
    """Every class with a few samples, each scaled to fill its cell: H x W x 3 uint8 BGR."""
    strips = [_strip(class_id, samples, mm_per_px) for class_id in CLASSES]
    per_column = -(-len(strips) // columns)
    blank = np.full_like(strips[0], BELT_BGR)
    strips += [blank] * (per_column * columns - len(strips))
    return np.hstack([np.vstack(strips[top : top + per_column]) for top in range(0, len(strips), per_column)])


def _strip(class_id: str, samples: int, mm_per_px: float) -> NDArray[np.uint8]:
    strip = np.full((_CELL_PX + _CAPTION_PX, _CELL_PX * samples, 3), BELT_BGR, np.uint8)
    cv2.putText(strip, class_id, (4, _CAPTION_PX - 3), cv2.FONT_HERSHEY_SIMPLEX, 0.4, (255, 255, 255))
    for sample in range(samples):
        part = make_part(class_id, np.random.default_rng([sample, class_seed(class_id)]), mm_per_px)
        _paste(strip[_CAPTION_PX:, sample * _CELL_PX : (sample + 1) * _CELL_PX], part)
    return strip


def _paste(cell: NDArray[np.uint8], part: PartImage) -> None:
    room = _CELL_PX - _MARGIN_PX
    share = min(room / max(part.alpha.shape), 4.0)
    size = (max(1, int(part.alpha.shape[1] * share)), max(1, int(part.alpha.shape[0] * share)))
    method = cv2.INTER_AREA if share < 1 else cv2.INTER_CUBIC
    alpha = np.asarray(cv2.resize(part.alpha, size, interpolation=method), np.float32)[:, :, None] / 255
    color = cv2.resize(part.color, size, interpolation=method)
    top, left = (_CELL_PX - size[1]) // 2, (_CELL_PX - size[0]) // 2
    window = cell[top : top + size[1], left : left + size[0]]
    window[:] = np.rint(window * (1 - alpha) + color * alpha).astype(np.uint8)


def main(arguments: list[str]) -> None:
    """Write the sheet to the file named; raises NeedsOperator where that is impossible."""
    if len(arguments) != 1:
        raise NeedsOperator("render.sheet", "The contact sheet needs one file name.", "Name a .png file.")
    path = Path(arguments[0])
    sheet = contact_sheet() & np.uint8(0xF8)  # 32 levels a channel halve the file
    written, png = cv2.imencode(".png", sheet, [cv2.IMWRITE_PNG_COMPRESSION, 9])
    if not written or not path.parent.is_dir():
        raise NeedsOperator("render.sheet", f"Cannot write {path}.", "Name a .png file in a folder that exists.")
    path.write_bytes(png.tobytes())


if __name__ == "__main__":
    main(sys.argv[1:])
