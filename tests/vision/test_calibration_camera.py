"""Boards rendered through a known lens: what the fit says of other points, and what it refuses."""

from functools import lru_cache

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from benchmarks.rendered_boards import LaidBoard, VirtualCamera, overhead, painted, render
from senbetsu_errors import NeedsOperator
from vision.calibration import Board
from vision.calibration_board import BoardFinder, BoardView, charuco
from vision.calibration_camera import CameraFit, fit_camera

BOARD = Board(squares_x=16, squares_y=9, square_mm=20, marker_mm=15, dictionary="DICT_5X5_100")
SMALL = Board(squares_x=7, squares_y=6, square_mm=16, marker_mm=12, dictionary="DICT_4X4_50")
SIZE = (640, 320)


@lru_cache
def lens(barrel: float = -0.06, seed: int = 4) -> VirtualCamera:
    return overhead(np.random.default_rng(seed), 0.45, columns=SIZE[0], rows=SIZE[1], barrel=barrel)


@lru_cache
def rays(camera: VirtualCamera) -> NDArray[np.float32]:
    return camera.rays()


def picture(
    camera: VirtualCamera, board: Board, dx_mm: float = 0.0, dy_mm: float = 0.0, turned_rad: float = 0.0, seed: int = 1
) -> NDArray[np.uint8]:
    """A board whose middle lies off the picture's middle by dx to the right and dy downstream."""
    middle = camera.belt_of(np.array([[(camera.columns - 1) / 2, (camera.rows - 1) / 2]]))[0]
    half = np.array([board.squares_x, -board.squares_y]) * board.square_mm / 2
    c, s = np.cos(turned_rad), np.sin(turned_rad)
    corner = middle + np.array([dx_mm, dy_mm]) - np.array([[c, -s], [s, c]]) @ half
    laid = LaidBoard(charuco(board), (float(corner[0]), float(corner[1])), turned_rad, square_px=96)
    return render(camera, painted([laid]), np.random.default_rng(seed), rays=rays(camera))


def view(board: Board, shown: NDArray[np.uint8], name: str = "picture") -> BoardView:
    return BoardFinder(board).find(shown, name)


def everywhere() -> NDArray[np.float64]:
    across, down = np.meshgrid(np.linspace(0, SIZE[0] - 1, 23), np.linspace(0, SIZE[1] - 1, 11))
    return np.stack([across.ravel(), down.ravel()], axis=1)


def off_mm(fit: CameraFit, camera: VirtualCamera, across_start_mm: float = 0.0) -> NDArray[np.float64]:
    points = everywhere()
    return np.hypot(*(fit.plane.to_plane(points) - camera.along_across(points, across_start_mm)).T)


@pytest.mark.parametrize("barrel", [-0.08, 0.05])
def test_a_riding_board_gives_millimetres_all_over_the_picture_through_any_lens(barrel: float) -> None:
    camera = lens(barrel)
    views = [view(BOARD, picture(camera, BOARD, dy_mm=dy, seed=i)) for i, dy in enumerate((-18, 0, 18))]
    fit = fit_camera(views, SIZE, across_start_mm=-12.5, riding=True)
    off = off_mm(fit, camera, -12.5)
    assert np.sqrt((off**2).mean()) < 0.1
    assert off.max() < 0.3
    assert fit.error.rms_mm < 0.1
    assert off.max() < 4 * fit.error.rim_mm + 0.05
    assert fit.mm_per_px == pytest.approx(0.45, rel=0.005)
    assert not fit.focal_measured


def test_one_picture_gives_the_same_but_for_the_direction_of_travel() -> None:
    camera = lens()
    fit = fit_camera([view(BOARD, picture(camera, BOARD, turned_rad=0.03))], SIZE, across_start_mm=0)
    points = everywhere()
    got, true = fit.plane.to_plane(points), camera.along_across(points)
    got, true = got - got.mean(axis=0), true - true.mean(axis=0)
    turn = np.arctan2((got[:, 0] * true[:, 1] - got[:, 1] * true[:, 0]).sum(), (got * true).sum())
    c, s = np.cos(turn), np.sin(turn)
    off = np.hypot(*(got @ np.array([[c, s], [-s, c]]) - true).T)
    assert np.sqrt((off**2).mean()) < 0.1
    assert off.max() < 2 * fit.error.rim_mm
    assert abs(turn) < 0.05


def test_a_small_board_in_all_parts_of_the_view_does_as_well_as_a_large_one() -> None:
    camera = lens()
    places = [(x, y, 0.1 * x / 80) for x in (-85.0, 0.0, 85.0) for y in (-25.0, 25.0)]
    views = [view(SMALL, picture(camera, SMALL, x, y, turned, seed=i)) for i, (x, y, turned) in enumerate(places)]
    fit = fit_camera(views, SIZE, across_start_mm=0)
    assert fit.error.coverage > 0.6
    assert fit.error.rms_mm < 0.1
    distances = fit.plane.to_plane(np.array([[20.0, 160.0], [620.0, 160.0]]))
    truth = camera.along_across(np.array([[20.0, 160.0], [620.0, 160.0]]))
    assert np.linalg.norm(distances[1] - distances[0]) == pytest.approx(np.linalg.norm(truth[1] - truth[0]), abs=0.2)


def test_tilted_pictures_tell_the_focal_length() -> None:
    camera = lens()
    rng = np.random.default_rng(5)
    board_mm = np.asarray(charuco(BOARD).getChessboardCorners(), np.float64)
    ids = np.arange(len(board_mm), dtype=np.int32)

    def held(pitch: float, roll: float) -> BoardView:
        turned, _ = cv2.Rodrigues(np.array([pitch, roll, 0.1]))
        centred = board_mm - [160, 90, 0]
        world = centred * [1, -1, 0] @ np.asarray(turned).T * 0.6 + [144, 0, 60]
        shown = camera.picture_of(world) + rng.normal(0, 0.05, (len(world), 2))
        return BoardView("held", ids, board_mm[:, :2] * 0.6, shown)

    flat = view(BOARD, picture(camera, BOARD))
    tilted = [held(0.5, 0), held(-0.5, 0.1), held(0, 0.5), held(0.1, -0.5)]
    fit = fit_camera([flat], SIZE, across_start_mm=0, tilted=tilted)
    assert fit.focal_measured
    assert fit.focal_px[0] == pytest.approx(camera.focal_px, rel=0.02)
    with pytest.raises(NeedsOperator) as refused:
        fit_camera([flat], SIZE, across_start_mm=0, tilted=[held(0.01, 0)])
    assert refused.value.code == "calibrate.tilted"


def test_corners_that_glare_put_elsewhere_are_left_out_and_counted() -> None:
    camera = lens()
    seen = view(BOARD, picture(camera, BOARD))
    seen.picture_px[[3, 50]] += [[4.0, -3.0], [-6.0, 2.0]]
    fit = fit_camera([seen], SIZE, across_start_mm=0)
    assert fit.error.left_out == 2
    assert fit.error.corners == len(seen.ids) - 2
    assert fit.error.max_mm < 0.3


def test_a_small_board_that_rides_several_times_side_by_side_tells_the_direction_too() -> None:
    camera = lens()
    rides = [(-88.0, 0.02), (0.0, -0.03), (88.0, 0.05)]
    views = [
        view(SMALL, picture(camera, SMALL, x, y, turned, seed=i))
        for i, (x, turned) in enumerate(rides)
        for y in (-26.0, 0.0, 26.0)
    ]
    fit = fit_camera(views, SIZE, across_start_mm=0, riding=True)
    off = off_mm(fit, camera)
    assert np.sqrt((off**2).mean()) < 0.15


@pytest.mark.parametrize(
    ("code", "places", "riding"),
    [
        ("calibrate.alike", [(0, 0, 0), (0, 0.5, 0)], False),
        ("calibrate.coverage", [(-80, 0, 0)], False),
        ("calibrate.not_riding", [(0, -18, 0), (0, 18, 0.02)], True),
        ("calibrate.not_riding", [(0, 0, 0)], True),
        ("calibrate.turned", [(-30, 0, 0), (30, 0, 0)], True),
    ],
)
def test_pictures_that_do_not_tell_are_refused(
    code: str, places: list[tuple[float, float, float]], *, riding: bool
) -> None:
    camera = lens()
    board = SMALL if code == "calibrate.coverage" else BOARD
    views = [view(board, picture(camera, board, x, y, turned)) for x, y, turned in places]
    with pytest.raises(NeedsOperator) as refused:
        fit_camera(views, SIZE, across_start_mm=0, riding=riding)
    assert refused.value.code == code
    assert refused.value.remedy


def test_a_board_that_is_not_flat_is_refused() -> None:
    camera = lens()
    seen = view(BOARD, picture(camera, BOARD))
    bulge = 8 * np.sin(seen.board_mm[:, 0] / 40) * np.sin(seen.board_mm[:, 1] / 30)
    seen.picture_px[:, 0] += bulge
    with pytest.raises(NeedsOperator) as refused:
        fit_camera([seen], SIZE, across_start_mm=0)
    assert refused.value.code == "calibrate.poor"
