"""What a picture says of the camera and the light: brightness, saturation, focus, blur, a reference patch.

Plain and synchronous; 0.2 ms for a picture of 1600 x 640. Looked at is a sample: whole rows for what the belt
shows, a few parts for sharpness.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from vision.camera_config import CameraConfig
from vision.health_config import HealthConfig, PatchConfig
from vision.results import Detections, PictureSample

_SAMPLE_ROWS = 16
_SAMPLE_PARTS = 5
_LARGEST_CROP_PX = 128
_BORDER_PX = 6  # of belt around a part, so that its edge is within
_COARSE_PX = 6
_SATURATED = 250
_MAD = 0.6745 * 2**0.5  # median |difference| of two normal values over their standard deviation


class PictureHealth:
    """Looks at every n-th picture of one camera."""

    def __init__(self, camera: CameraConfig, config: HealthConfig) -> None:
        self._camera = camera
        self._patch = config.patch
        self._every = config.every_frames
        self._seen = 0
        self._next_part = 0

    def due(self) -> bool:
        """Counts a picture; whether it is to be looked at."""
        self._seen += 1
        return (self._seen - 1) % self._every == 0

    def look(self, color: NDArray[np.uint8], found: Detections) -> PictureSample:
        """What the picture (H x W x 3 uint8 BGR), in which these parts were found, says."""
        blue, green, red = cv2.split(np.ascontiguousarray(color[:: max(1, len(color) // _SAMPLE_ROWS)]))
        green = green.astype(np.uint8, copy=False)
        top = cv2.max(cv2.max(blue, green), red)
        sharp_across, sharp_along = self._sharpness(color, found, _noise_sigma(green))
        return PictureSample(
            belt_level=_median_level(green),
            saturated=float(np.count_nonzero(np.asarray(top) >= _SATURATED)) / green.size,
            sharp_across=sharp_across,
            sharp_along=sharp_along,
            patch_bgr=None if self._patch is None else self._patch_colour(color, self._patch),
            parts=len(found),
        )

    def _sharpness(
        self, color: NDArray[np.uint8], found: Detections, noise_sigma: float
    ) -> tuple[float | None, float | None]:
        """Median over some parts: energy of differences between neighbouring pixels over that of pixels 6 apart, the
        noise's share taken off both; across the belt, and along. A sharp edge gives 1/6, whatever its contrast; one
        blurred by a Gaussian of s pixels about 1 / (3.5 s) of that energy and less."""
        across: list[float] = []
        along: list[float] = []
        whole = np.flatnonzero(~(found.cut | found.oversize))
        mm, last_row = self._camera.mm_per_px, len(color) - 1
        for turn in range(min(_SAMPLE_PARTS, len(whole))):
            k = int(whole[(self._next_part + turn) % len(whole)])
            top = last_row - round(float(found.along_max_mm[k]) / mm) - _BORDER_PX
            left = round((float(found.across_min_mm[k]) - self._camera.across_start_mm) / mm) - _BORDER_PX
            bottom = last_row - round(float(found.along_min_mm[k]) / mm) + _BORDER_PX
            right = round((float(found.across_max_mm[k]) - self._camera.across_start_mm) / mm) + _BORDER_PX
            bottom, right = min(bottom, top + _LARGEST_CROP_PX), min(right, left + _LARGEST_CROP_PX)
            crop = np.ascontiguousarray(color[max(top, 0) : bottom, max(left, 0) : right, 1])
            if min(crop.shape) <= 2 * _COARSE_PX:
                continue
            for values, picture in ((across, crop), (along, np.ascontiguousarray(crop.T))):
                ratio = _fine_over_coarse(picture, noise_sigma)
                if ratio is not None:
                    values.append(ratio)
        self._next_part += _SAMPLE_PARTS
        return (float(np.median(across)) if across else None, float(np.median(along)) if along else None)

    def _patch_colour(self, color: NDArray[np.uint8], patch: PatchConfig) -> tuple[float, float, float] | None:
        """Mean colour of the patch, None where it lies outside the picture."""
        mm = self._camera.mm_per_px
        bottom = len(color) - round(patch.along_mm / mm)
        left = round((patch.across_mm - self._camera.across_start_mm) / mm)
        window = color[
            max(bottom - max(round(patch.length_mm / mm), 1), 0) : max(bottom, 0),
            max(left, 0) : max(left + max(round(patch.width_mm / mm), 1), 0),
        ]
        if not window.size:
            return None
        blue, green, red, _ = cv2.mean(window)
        return blue, green, red


def _fine_over_coarse(picture: NDArray[np.uint8], noise_sigma: float) -> float | None:
    """Along a row of the picture; None where there is hardly any contrast beyond the noise."""
    fine = cv2.norm(picture[:, 1:], picture[:, :-1], cv2.NORM_L2SQR)
    coarse = cv2.norm(picture[:, _COARSE_PX:], picture[:, :-_COARSE_PX], cv2.NORM_L2SQR)
    rows, columns = picture.shape
    noise = 2 * noise_sigma**2
    fine_noise, coarse_noise = noise * rows * (columns - 1), noise * rows * (columns - _COARSE_PX)
    if coarse < 3 * coarse_noise or coarse <= 0:
        return None
    return max(fine - fine_noise, 0.0) / (coarse - coarse_noise)


def _noise_sigma(rows: NDArray[np.uint8]) -> float:
    """The sensor's noise, from the median difference of neighbours: most of the picture is belt, nearly even."""
    return _median_level(cv2.absdiff(rows[:, 1:], rows[:, :-1]).astype(np.uint8, copy=False)) / _MAD


def _median_level(picture: NDArray[np.uint8]) -> float:
    """Median grey level, interpolated within its level (levels are whole, the median of many pixels is not)."""
    counts = np.cumsum(np.bincount(picture.ravel(), minlength=256))
    half = float(counts[-1]) / 2
    level = int(np.searchsorted(counts, half))
    below = int(counts[level - 1]) if level else 0
    return float(level - 0.5 + (half - below) / max(int(counts[level]) - below, 1)) if level else 0.0
