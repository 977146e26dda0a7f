"""How far a calibrated camera's millimetres are from the truth, all over the picture, on rendered boards.

Every lens is drawn: mounting tilted and turned, principal point off the middle, barrel or pincushion distortion with
a decentring part. The board rides through the view (three pictures); the points that are judged lie on a grid over
the whole picture, rim included, none of them a corner of the board. The truth is the virtual camera's own geometry
(benchmarks/rendered_boards.py), which shares no code with the fit.
`SEEDS` in the environment draws more of them.
"""

import os
from typing import Any

import numpy as np

from benchmarks.figures import Figure, report
from benchmarks.rendered_boards import LaidBoard, Points, VirtualCamera, overhead, painted, render
from vision.calibration import Board
from vision.calibration_board import BoardFinder, BoardView, charuco
from vision.calibration_camera import CameraFit, fit_camera

COLUMNS, ROWS = 1280, 512
MM_PER_PX = (0.2, 0.4, 0.6)
BARRELS = (-0.10, -0.03, 0.05)
"""Displacement at the picture's rim as a share of the distance from its centre, before the k2 that takes some back."""

SEEDS = 1
TARGET_MM = 0.2


def _board(mm_per_px: float) -> Board:
    """One that is somewhat larger than the view, with squares of about 50 pixels."""
    square_mm = round(50 * mm_per_px, 1)
    return Board(
        squares_x=27,
        squares_y=11,
        square_mm=square_mm,
        marker_mm=round(0.75 * square_mm, 2),
        dictionary="DICT_5X5_250",
    )


def calibrated(camera: VirtualCamera, mm_per_px: float, rng: np.random.Generator) -> CameraFit:
    """The calibration that a board riding through the view of that camera gives."""
    board = _board(mm_per_px)
    middle = camera.belt_of(np.array([[(COLUMNS - 1) / 2, (ROWS - 1) / 2]]))[0]
    rays = camera.rays()
    finder = BoardFinder(board)
    views: list[BoardView] = []
    for step in (-1.2, 0.0, 1.2):
        corner = (
            float(middle[0]) - board.squares_x * board.square_mm / 2,
            float(middle[1]) + board.squares_y * board.square_mm / 2 + step * board.square_mm,
        )
        laid = LaidBoard(charuco(board), corner, turned_rad=0.0)
        views.append(finder.find(render(camera, painted([laid]), rng, rays=rays), f"step {step}"))
    return fit_camera(views, (COLUMNS, ROWS), across_start_mm=0.0, riding=True)


def errors_mm(fit: CameraFit, camera: VirtualCamera) -> Points:
    """Distance from the truth of points on a grid over the whole picture [1073]."""
    across, down = np.meshgrid(np.linspace(0, COLUMNS - 1, 37), np.linspace(0, ROWS - 1, 29))
    points = np.stack([across.ravel(), down.ravel()], axis=1)
    return np.hypot(*(fit.plane.to_plane(points) - camera.along_across(points)).T)


def measure(seeds: int | None = None) -> dict[str, Any]:
    """RMS and largest error for each resolution over all lenses and seeds, and what the calibration says of itself."""
    seeds = seeds or int(os.environ.get("SEEDS", SEEDS))
    figures: list[Figure] = []
    for mm_per_px in MM_PER_PX:
        rms: list[float] = []
        worst: list[float] = []
        said: list[float] = []
        rim: list[float] = []
        for barrel in BARRELS:
            for seed in range(seeds):
                rng = np.random.default_rng([seed, round(100 * mm_per_px), round(100 * barrel) + 50])
                camera = overhead(rng, mm_per_px, columns=COLUMNS, rows=ROWS, barrel=barrel)
                fit = calibrated(camera, mm_per_px, rng)
                off = errors_mm(fit, camera)
                rms.append(float(np.sqrt((off**2).mean())))
                worst.append(float(off.max()))
                said.append(fit.error.rms_mm)
                rim.append(fit.error.rim_mm)
        at = f"at {mm_per_px:g} mm/px"
        figures += [
            Figure(f"error on the belt {at}, worst RMS", max(rms), "mm", at_most=TARGET_MM),
            Figure(f"error on the belt {at}, median RMS", float(np.median(rms)), "mm"),
            Figure(f"error on the belt {at}, largest anywhere", max(worst), "mm"),
            Figure(f"corners left out {at}, worst RMS as the file says", max(said), "mm"),
            Figure(f"open at the rim {at}, largest as the file says", max(rim), "mm"),
        ]
    setup = {
        "picture_px": [COLUMNS, ROWS],
        "lenses": list(BARRELS),
        "seeds": seeds,
        "noise_grey": 3.0,
        "blur_px": 0.7,
        "points_judged": 37 * 29,
    }
    return report("calibration", figures, setup)
