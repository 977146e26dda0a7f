"""Pixels to millimetres on the belt, through the lens: of points, not of whole pictures.

Remapping a picture of 2048 x 512 takes as long as segmenting it (decision 0034); a frame has some thousand points.
"""

from collections.abc import Sequence
from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from senbetsu_errors import Fatal
from vision.calibration import Calibrations, CameraCalibration, CameraIdentity
from vision.calibration_light import LightCorrection
from vision.camera_config import CameraConfig
from vision.results import Detections

Points = NDArray[np.float64]

_UNDISTORT = (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, 20, 1e-4)
"""OpenCV iterates until a point, distorted again, is this near in pixels; its default of 5 leaves 0.3 px at a rim."""


class LensPlane:
    """A lens and a plane: picture points [N, 2] (column, row) to plane points [N, 2] in mm, and back."""

    def __init__(
        self,
        focal_px: tuple[float, float],
        centre_px: tuple[float, float],
        distortion: Sequence[float],
        homography: NDArray[np.float64],
    ) -> None:
        """`distortion` is k1, k2, p1, p2, k3; `homography` 3 x 3 from the ideal picture to the plane."""
        self._focal_px, self._centre_px = focal_px, centre_px
        self._focal = np.array(focal_px, np.float64)
        self._centre = np.array(centre_px, np.float64)
        self._camera = np.array([[focal_px[0], 0, centre_px[0]], [0, focal_px[1], centre_px[1]], [0, 0, 1]])
        self._distortion = np.array(distortion, np.float64)
        self.homography = homography
        self._inverse = np.linalg.inv(homography).astype(np.float64)

    def onto(self, frame: NDArray[np.float64]) -> "LensPlane":
        """The same lens, its plane's points moved by the 3 x 3 `frame`."""
        return LensPlane(self._focal_px, self._centre_px, self._distortion.tolist(), frame @ self.homography)

    def to_plane(self, picture_px: Points) -> Points:
        """Where on the plane the points of the picture lie."""
        if len(picture_px) == 0:
            return picture_px.reshape(0, 2)
        given = np.ascontiguousarray(picture_px, np.float64).reshape(-1, 1, 2)
        ideal = cv2.undistortPoints(given, self._camera, self._distortion, criteria=_UNDISTORT)
        return projected(self.homography, np.asarray(ideal, np.float64).reshape(-1, 2))

    def to_picture(self, plane_mm: Points) -> Points:
        """Where in the picture the points of the plane appear."""
        return distorted(projected(self._inverse, plane_mm), self._distortion) * self._focal + self._centre


def projected(matrix: NDArray[np.float64], points: Points) -> Points:
    """Points [N, 2] through a homography 3 x 3."""
    mapped = points @ matrix[:, :2].T + matrix[:, 2]
    return mapped[:, :2] / mapped[:, 2:]


def distorted(ideal: Points, distortion: NDArray[np.float64]) -> Points:
    """Ideal points [N, 2] as the lens shows them: k1, k2, p1, p2, k3 (OpenCV, calib3d, "pinhole camera model")."""
    k1, k2, p1, p2, k3 = distortion
    x, y = ideal[:, 0], ideal[:, 1]
    r2 = x * x + y * y
    radial = 1 + r2 * (k1 + r2 * (k2 + r2 * k3))
    return np.stack(
        [
            x * radial + 2 * p1 * x * y + p2 * (r2 + 2 * x * x),
            y * radial + p1 * (r2 + 2 * y * y) + 2 * p2 * x * y,
        ],
        axis=1,
    )


class BeltMap:
    """Turns detections as a flat, straight picture would give them into what they are on the belt."""

    def __init__(self, calibration: CameraCalibration, camera: CameraConfig) -> None:
        self.plane = LensPlane(
            calibration.focal_px,
            calibration.centre_px,
            calibration.distortion,
            np.array(calibration.homography, np.float64),
        )
        self.columns = calibration.camera.columns
        self._mm = camera.mm_per_px
        self._left = camera.across_start_mm + 0.5 * camera.mm_per_px
        self._last = calibration.camera.rows - 1
        # The calibration was made with this; the belt's edge may have been measured anew since.
        self._moved = np.array([0.0, camera.across_start_mm - calibration.across_start_mm])

    def on_belt(self, flat: Detections) -> Detections:
        """The same blobs, measured on the belt: centres, boxes, areas and outlines.

        `flat` has (along, across) = ((last row - row) * mm_per_px, left + column * mm_per_px). A box becomes that
        of the outline on the belt, with the little that the simplified outline lacked.
        """
        count = len(flat)
        if count == 0:
            return flat
        centres = np.stack([flat.along_mm, flat.across_mm], axis=1)
        low = np.stack([flat.along_min_mm, flat.across_min_mm], axis=1)
        high = np.stack([flat.along_max_mm, flat.across_max_mm], axis=1)
        # A pixel's step along and across at each centre tells how a pixel's area lies on the belt.
        aside = [centres + step for step in (np.array([self._mm, 0.0]), np.array([0.0, self._mm]))]
        lengths = [len(outline) for outline in flat.outlines_mm]
        starts = np.concatenate([[0], np.cumsum(lengths)[:-1]]).astype(np.intp)
        outlines = np.concatenate(flat.outlines_mm).astype(np.float64)
        mapped = self._mapped(np.concatenate([centres, *aside, outlines]))
        middle, along, across = mapped[:count], mapped[count : 2 * count], mapped[2 * count : 3 * count]
        borders = mapped[3 * count :]
        steps = np.stack([along - middle, across - middle], axis=1) / self._mm
        box_low = np.minimum.reduceat(borders, starts) + (low - np.minimum.reduceat(outlines, starts))
        box_high = np.maximum.reduceat(borders, starts) + (high - np.maximum.reduceat(outlines, starts))
        return replace(
            flat,
            along_mm=middle[:, 0],
            across_mm=middle[:, 1],
            along_min_mm=box_low[:, 0],
            along_max_mm=box_high[:, 0],
            across_min_mm=box_low[:, 1],
            across_max_mm=box_high[:, 1],
            area_mm2=flat.area_mm2 * np.abs(np.linalg.det(steps)),
            outlines_mm=tuple(np.split(borders.astype(np.float32), starts[1:])),
        )

    def of_pixels(self, picture_px: Points) -> Points:
        """(along_mm, across_mm) [N, 2] of pixels [N, 2] (column, row)."""
        return self.plane.to_plane(picture_px) + self._moved

    def _mapped(self, flat_mm: Points) -> Points:
        rows = self._last - flat_mm[:, 0] / self._mm
        columns = (flat_mm[:, 1] - self._left) / self._mm
        return self.of_pixels(np.stack([columns, rows], axis=1))


class AppliedCalibrations:
    """What a line's calibrations do to its pictures and detections; nothing where there are none."""

    def __init__(self, calibrations: Calibrations, camera: CameraConfig) -> None:
        self._map = BeltMap(calibrations.camera, camera) if calibrations.camera else None
        self._light = LightCorrection(calibrations.light) if calibrations.light else None
        made_for = (calibrations.camera, calibrations.light)
        self._made_for: tuple[CameraIdentity, ...] = tuple(made.camera for made in made_for if made)

    def lit(self, color: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """A picture, H x W x 3 uint8 BGR, evenly lit. Raises Fatal `camera.picture` for another size."""
        rows, columns = color.shape[:2]
        for identity in self._made_for:
            if (identity.columns, identity.rows) != (columns, rows):
                raise Fatal(
                    "camera.picture",
                    f"The picture has {columns} x {rows} pixels, its calibration was made for {identity.size}.",
                    "Set the camera as it was calibrated, or calibrate it anew.",
                )
        return self._light.corrected(color) if self._light else color

    def on_belt(self, flat: Detections) -> Detections:
        """Detections as `BeltMap.on_belt` has them."""
        return self._map.on_belt(flat) if self._map else flat
