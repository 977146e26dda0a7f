"""Sightings of targets from frames: of a board that rides on the belt, or of flat plates."""

import numpy as np
from numpy.typing import NDArray

from senbetsu_errors import NeedsOperator
from vision.calibration import Board, Calibrations
from vision.calibration_belt import Sighting
from vision.calibration_board import BoardFinder, BoardView
from vision.calibration_map import BeltMap
from vision.camera_config import CameraConfig
from vision.frame import Frame

_SCALE_SHARE = 0.02


class BoardFollower:
    """Sightings of a board's middle; pictures without the board are counted in `without`."""

    def __init__(self, board: Board, camera: CameraConfig, calibrations: Calibrations) -> None:
        self._finder = BoardFinder(board)
        middle = (board.squares_x * board.square_mm / 2, board.squares_y * board.square_mm / 2)
        self._middle_mm = np.array(middle)
        self._camera = camera
        self._map = BeltMap(calibrations.camera, camera) if calibrations.camera else None
        self.sightings: list[Sighting] = []
        self.without = 0

    def add(self, count: int, picture: NDArray[np.uint8], name: str) -> None:
        """Takes a picture, H x W x 3 uint8 BGR, and its raw encoder count.

        Raises NeedsOperator `calibrate.scale` where the board is not as large on the belt as it was declared.
        """
        try:
            view = self._finder.find(picture, name)
        except NeedsOperator as error:
            if error.code in ("calibrate.no_board", "calibrate.few_corners"):
                self.without += 1
                return
            raise
        along, across = self._middle_on_belt(view, picture.shape[0])
        self.sightings.append(Sighting(0, count, along, across))

    def _middle_on_belt(self, view: BoardView, rows: int) -> tuple[float, float]:
        """Where the board's middle lies: a similarity through its corners, whose scale must be 1."""
        seen = self._on_belt(view.picture_px, rows)
        # The board's y runs upstream when its x runs to the right: mirrored, as along and across are.
        board = np.stack([-view.board_mm[:, 1], view.board_mm[:, 0]], axis=1)
        b, s = board - board.mean(axis=0), seen - seen.mean(axis=0)
        turn = complex((b * s).sum(), (b[:, 0] * s[:, 1] - b[:, 1] * s[:, 0]).sum())
        scale = turn / float((b * b).sum())
        if abs(abs(scale) - 1) > _SCALE_SHARE:
            raise NeedsOperator(
                "calibrate.scale",
                f"The board in {view.name} is {abs(scale):.3f} times as large on the belt as declared.",
                "Declare its squares as printed, and calibrate the camera or correct camera.mm_per_px.",
            )
        middle = np.array([-self._middle_mm[1], self._middle_mm[0]]) - board.mean(axis=0)
        moved = complex(*middle) * scale
        along, across = seen.mean(axis=0)
        return float(along + moved.real), float(across + moved.imag)

    def _on_belt(self, picture_px: NDArray[np.float64], rows: int) -> NDArray[np.float64]:
        if self._map is not None:
            return self._map.of_pixels(picture_px)
        mm = self._camera.mm_per_px
        return np.stack(
            [(rows - 1 - picture_px[:, 1]) * mm, self._camera.across_start_mm + (picture_px[:, 0] + 0.5) * mm], axis=1
        )


def refuse_estimated(frame: Frame) -> None:
    """Raise NeedsOperator `calibrate.estimated` for a count that was worked out from the scale itself."""
    if frame.encoder.basis == "estimated":
        raise NeedsOperator(
            "calibrate.estimated",
            "The camera's counts are estimated from the belt's stated speed, so they say nothing of the encoder.",
            "Use a camera with latched counts, or pictures with counts read from the PLC (--pictures).",
        )
