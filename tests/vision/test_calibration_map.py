"""Detections through a lens: parts are where they are on the belt, at the picture's rim as in its middle."""

from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
import pytest
from numpy.typing import NDArray

from benchmarks.rendered_boards import LaidBoard, VirtualCamera, overhead, painted, render
from senbetsu_errors import Fatal
from vision.calibration import Board, Calibrations, CameraCalibration, CameraIdentity
from vision.calibration_board import BoardFinder, charuco
from vision.calibration_camera import fit_camera
from vision.calibration_map import BeltMap, LensPlane, distorted
from vision.camera_config import CameraConfig
from vision.classify import Classifier
from vision.frame import EncoderStamp, Frame
from vision.parts import Part
from vision.pipeline import VisionPipeline
from vision.results import Detections
from vision.settings import VisionConfig
from vision.track import Tracker, TrackerConfig

SIZE = (640, 320)
MM = 0.45
COUNTS_PER_MM = 10
BOARD = Board(squares_x=16, squares_y=9, square_mm=20, marker_mm=15, dictionary="DICT_5X5_100")
CAMERA = CameraConfig(backend="test", geometry="area_scan", mm_per_px=MM, view_along_mm=144, across_start_mm=5)
SETTINGS = VisionConfig(model="test", min_area_mm2=20, max_part_mm=60, unknown_below=0.5)
HALF = (6.0, 9.0)  # of each part: along, across, mm


@pytest.fixture(scope="module")
def lens() -> VirtualCamera:
    return overhead(np.random.default_rng(8), MM, columns=SIZE[0], rows=SIZE[1], barrel=-0.06)


@pytest.fixture(scope="module")
def rays(lens: VirtualCamera) -> NDArray[np.float32]:
    return lens.rays()


@pytest.fixture(scope="module")
def calibration(lens: VirtualCamera, rays: NDArray[np.float32]) -> CameraCalibration:
    middle = lens.belt_of(np.array([[319.5, 159.5]]))[0]
    finder = BoardFinder(BOARD)
    views = [
        finder.find(
            render(
                lens,
                painted([LaidBoard(charuco(BOARD), (middle[0] - 160, middle[1] + 90 + dy), square_px=96)]),
                np.random.default_rng(3),
                rays=rays,
            ),
            f"picture {dy}",
        )
        for dy in (-18.0, 0.0, 18.0)
    ]
    fit = fit_camera(views, SIZE, across_start_mm=5, riding=True)
    homography = [(float(a), float(b), float(c)) for a, b, c in fit.plane.homography]
    return CameraCalibration(
        schema_version=1,
        kind="camera",
        created=datetime(2026, 1, 1, tzinfo=UTC),
        command="test",
        camera=CameraIdentity(name="test", columns=SIZE[0], rows=SIZE[1]),
        board=BOARD,
        pictures=len(views),
        focal_px=fit.focal_px,
        focal_measured=False,
        centre_px=fit.centre_px,
        distortion=fit.distortion,
        homography=(homography[0], homography[1], homography[2]),
        across_start_mm=5,
        direction="ride",
        mm_per_px=fit.mm_per_px,
        mm_per_px_range=fit.mm_per_px_range,
        view_along_mm=fit.view_along_mm,
        error=fit.error,
    )


@dataclass(frozen=True)
class Ride:
    """Frames of parts riding by, and where they are: belt coordinate in mm and across [N, 2], by across."""

    frames: list[Frame]
    truth: NDArray[np.float64]


@pytest.fixture(scope="module")
def ride(lens: VirtualCamera, rays: NDArray[np.float32]) -> Ride:
    datum_y = float(lens.belt_of(np.array([[319.5, 319.0]]))[0, 1])
    left_x = float(lens.belt_of(np.array([[-0.5, 159.5]]))[0, 0])
    x = left_x + np.array([12.0, 55, 100, 144, 190, 235, 276])
    start_y = datum_y - 400 - np.array([0.0, 9, 18, 27, 18, 9, 0])
    rng = np.random.default_rng(6)
    frames: list[Frame] = []
    for sequence, e_mm in enumerate(np.arange(0.0, 600.0, 18.3)):

        def paint(points: NDArray[np.float32], e_mm: float = float(e_mm)) -> NDArray[np.float32]:
            light = np.full(points.shape[:2], 60, np.float32)
            for px, py in zip(x, start_y + e_mm, strict=True):
                inside = np.abs(points[..., 0] - px) < HALF[1]
                inside &= np.abs(points[..., 1] - py) < HALF[0]
                light[inside] = 180
            return light

        color = render(lens, paint, rng, rays=rays, noise=2)
        stamp = EncoderStamp(round(e_mm * COUNTS_PER_MM), "latched")
        frames.append(Frame({"color": color}, stamp, float(sequence), sequence))
    return Ride(frames, np.stack([datum_y - start_y, x - left_x + 5], axis=1))


def tracked(ride: Ride, classifier: Classifier, calibrations: Calibrations) -> list[Part]:
    pipeline = VisionPipeline(CAMERA, SETTINGS, 300, COUNTS_PER_MM, classifier, calibrations=calibrations)
    tracker = Tracker(TrackerConfig.of(CAMERA, SETTINGS, COUNTS_PER_MM, len(pipeline.labels)))
    parts: list[Part] = []
    for frame in ride.frames:
        parts += tracker.update(frame.encoder.count, pipeline.process(frame), pipeline.view_along_mm)
    return sorted(parts + tracker.flush(), key=lambda part: part.across_mm)


def test_the_tracker_is_as_exact_at_the_rim_as_in_the_middle_of_a_distorted_picture(
    ride: Ride, calibration: CameraCalibration, classifier: Classifier
) -> None:
    parts = tracked(ride, classifier, Calibrations(camera=calibration))
    assert len(parts) == len(ride.truth)
    for part, (p_mm, across_mm) in zip(parts, ride.truth.tolist(), strict=True):
        assert part.belt_counts / COUNTS_PER_MM == pytest.approx(p_mm, abs=0.25)
        assert part.across_mm == pytest.approx(across_mm, abs=0.25)
        # The mask takes in the blurred rim: a pixel at either side, and the box that the yaw makes of a rectangle.
        assert part.ahead_mm + part.behind_mm == pytest.approx(2 * HALF[0] + 1.2, abs=0.8)
        assert part.across_max_mm - part.across_min_mm == pytest.approx(2 * HALF[1] + 1.2, abs=0.8)
        # The area has the rim too, since the mask follows the belt's noise, but not the yaw's corners.
        assert part.area_mm2 == pytest.approx((2 * HALF[0] + MM) * (2 * HALF[1] + MM), rel=0.12)
        assert part.uncertainty_mm < 0.6


def test_without_a_calibration_the_same_parts_are_millimetres_off(ride: Ride, classifier: Classifier) -> None:
    parts = tracked(ride, classifier, Calibrations())
    off = [np.abs(ride.truth[:, 1] - part.across_mm).min() for part in parts]
    assert max(off) > 3


def test_a_picture_of_another_width_than_calibrated_is_refused(
    calibration: CameraCalibration, classifier: Classifier
) -> None:
    pipeline = VisionPipeline(CAMERA, SETTINGS, 300, 10, classifier, calibrations=Calibrations(camera=calibration))
    with pytest.raises(Fatal, match="600 x 320 pixels, its calibration was made for 640 x 320"):
        pipeline.process(Frame({"color": np.zeros((320, 600, 3), np.uint8)}, EncoderStamp(0, "latched"), 0.0, 0))


def test_a_lens_is_undone_to_a_thousandth_of_a_pixel_at_the_rim() -> None:
    plane = LensPlane((900.0, 900.0), (640.0, 250.0), (-0.45, 0.22, 1e-3, -1e-3, -0.02), np.diag([900.0, 900.0, 1.0]))
    across, down = np.meshgrid(np.linspace(0, 1279, 30), np.linspace(0, 511, 15))
    points = np.stack([across.ravel(), down.ravel()], axis=1)
    assert np.abs(plane.to_picture(plane.to_plane(points)) - points).max() < 1e-3
    ideal = np.array([[0.3, -0.2]])
    # By hand: r2 = 0.13, radial = 1 - 0.45 r2 + 0.22 r2^2 - 0.02 r2^3, then the decentring terms.
    radial = 1 - 0.45 * 0.13 + 0.22 * 0.13**2 - 0.02 * 0.13**3
    x = 0.3 * radial + 2e-3 * 0.3 * -0.2 - 1e-3 * (0.13 + 0.18)
    y = -0.2 * radial + 1e-3 * (0.13 + 0.08) - 2e-3 * 0.3 * -0.2
    assert distorted(ideal, np.array([-0.45, 0.22, 1e-3, -1e-3, -0.02]))[0] == pytest.approx([x, y])


def test_a_straight_lens_changes_nothing(calibration: CameraCalibration) -> None:
    _, rows = SIZE
    straight = calibration.model_copy(
        update={
            "distortion": (0.0,) * 5,
            "focal_px": (1.0, 1.0),
            "centre_px": (0.0, 0.0),
            "homography": ((0.0, -MM, (rows - 1) * MM), (MM, 0.0, 5 + 0.5 * MM), (0.0, 0.0, 1.0)),
        }
    )
    rng = np.random.default_rng(2)
    low, size = rng.uniform(20, 100, (9, 2)), rng.uniform(5, 20, (9, 2))
    outlines = tuple(
        (at + rng.uniform(0.05, 0.95, (12, 2)) * extent).astype(np.float32)
        for at, extent in zip(low, size, strict=True)
    )
    no = np.zeros(9, np.bool_)
    flat = Detections(
        low[:, 0] + 2,
        low[:, 1] + 2,
        low[:, 0],
        low[:, 0] + size[:, 0],
        low[:, 1],
        low[:, 1] + size[:, 1],
        size.prod(axis=1),
        np.zeros((9, 3), np.float32),
        no,
        no,
        no,
        no,
        outlines,
    )
    same = BeltMap(straight, CAMERA).on_belt(flat)
    for name in ("along_mm", "across_mm", "along_min_mm", "along_max_mm", "across_min_mm", "across_max_mm", "area_mm2"):
        assert getattr(same, name) == pytest.approx(getattr(flat, name), abs=1e-4), name
    for got, given in zip(same.outlines_mm, outlines, strict=True):
        assert got == pytest.approx(given, abs=1e-4)
    moved = BeltMap(straight, CAMERA.model_copy(update={"across_start_mm": 8.0})).on_belt(flat)
    assert moved.across_mm == pytest.approx(flat.across_mm, abs=1e-4)
