"""What a person has at hand to calibrate the demo line: pictures of a riding board, an empty belt, shots."""

from pathlib import Path

import cv2
import numpy as np

from benchmarks.rendered_boards import LaidBoard, overhead, painted, render
from vision.calibration import Board
from vision.calibration_board import charuco

MM_PER_PX = 0.5
COUNTS_PER_MM = 10
BOARD = Board(squares_x=24, squares_y=9, square_mm=35, marker_mm=26, dictionary="DICT_5X5_250")


def write_what_calibration_needs(root: Path) -> None:
    """Fills `root`/pictures and writes `root`/shots.csv, as docs/integrators/calibration.md names them."""
    folder = root / "pictures"
    folder.mkdir()
    rng = np.random.default_rng(1)
    lens = overhead(rng, MM_PER_PX, columns=1600, rows=640, barrel=-0.005)
    middle = lens.belt_of(np.array([[799.5, 319.5]]))[0]
    rays = lens.rays()
    rows = ["picture,count"]
    for number, along_mm in enumerate((-60, 0, 60)):
        corner = (float(middle[0]) - 24 * 35 / 2, float(middle[1]) + 9 * 35 / 2 + along_mm)
        picture = render(lens, painted([LaidBoard(charuco(BOARD), corner)]), rng, rays=rays)
        cv2.imwrite(str(folder / f"{number:04d}.png"), picture)
        rows.append(f"{number:04d}.png,{10_000 + along_mm * COUNTS_PER_MM}")
    (folder / "pictures.csv").write_text("\n".join(rows))
    for number in range(2):
        empty = render(lens, painted([], belt=90), rng, rays=rays)
        empty[20:90, 20:90] = empty[20:90, 20:90] * np.array([1.7, 1.8, 1.9])
        cv2.imwrite(str(folder / f"empty-{number}.png"), empty)
    shots = [f"{d},{'hit' if 880 <= d <= 920 else 'missed'},10" for d in range(850, 951, 10)]
    (root / "shots.csv").write_text("\n".join(["distance_mm,outcome,count", *shots]))
