"""One frame through a detection model, in the place of segmentation and classification."""

import numpy as np
from numpy.typing import NDArray

from models.detector_manifest import DetectorInput, Rule
from senbetsu_errors import NeedsOperator
from vision.calibration import Calibrations
from vision.calibration_map import AppliedCalibrations
from vision.camera_config import CameraConfig
from vision.classify import Classes
from vision.detect import Detector
from vision.frame import Frame
from vision.pipeline import belt_detections, checked_color, preview_jpeg, require_belt_in_view
from vision.results import Detections
from vision.segmentation import Blobs
from vision.settings import VisionConfig
from vision.shadow import Shadow

_UNCALIBRATED = Calibrations()
_CUT_ROWS = 2.0  # a box that ends this near the first or the last row runs out of the picture, however exact the net


class DetectorPipeline:
    """Plain and synchronous; every frame for itself. Colour only: a height channel is not looked at.

    A part's position is the middle of its box, its outline the box, its area the share of the box that the manifest
    says parts of its likeliest class cover. Calibrations are used as
    `VisionPipeline` uses them. `shadow`, a classifier, is shown the boxes.
    Raises NeedsOperator `camera.view` for a picture beside the belt, `vision.detector_line_scan` for a line-scan
    camera, `vision.detector_overlap` where tiles overlap by less than the longest part and `vision.expected_mix` for
    settings with a mix.
    """

    def __init__(
        self,
        camera: CameraConfig,
        settings: VisionConfig,
        belt_width_mm: float,
        detector: Detector,
        shadow: Shadow | None = None,
        calibrations: Calibrations = _UNCALIBRATED,
    ) -> None:
        require_belt_in_view(camera, belt_width_mm)
        require_usable(camera, settings, detector.input, detector.rule)
        self.labels = detector.labels
        self.shadow = shadow
        self.view_along_mm = camera.view_along_mm
        self._camera = camera
        self._calibrated = AppliedCalibrations(calibrations, camera)
        self._detector = detector
        self._min_area_px = settings.min_area_mm2 / camera.mm_per_px**2
        self._fill = np.array([detector.rule.fill.get(label, 1.0) for label in detector.labels])

    def process(self, frame: Frame) -> Detections:
        """The frame's detections, those that run out of the picture `cut` and without a class.

        Raises Fatal `camera.picture` as `VisionPipeline.process`, and as `Detector.detect`.
        """
        color = self._lit(frame)
        found = self._detector.detect(color)
        areas = (found.boxes[:, 2:] - found.boxes[:, :2]).prod(axis=1)
        areas = areas * self._fill[found.probabilities.argmax(axis=1)]
        large = areas >= self._min_area_px
        boxes, areas = found.boxes[large], areas[large]
        slack = max(_CUT_ROWS, self._detector.rule.box_error_px / self._scale_along(len(color)))
        top, bottom = boxes[:, 1] < slack, boxes[:, 3] > len(color) - slack
        cut, oversize = top ^ bottom, top & bottom
        # A part that no tile saw whole is too long for the overlap, wherever it lies.
        oversize = (oversize | found.partial[large]) & ~cut
        whole = ~(cut | oversize)
        probabilities = np.where(whole[:, None], found.probabilities[large], np.float32(0))
        classes = Classes(probabilities, found.unknown[large] & whole)
        blobs = _blobs(boxes, areas)
        last_row = np.full(len(blobs), len(color) - 1.0)
        flat = belt_detections(blobs, classes, cut, oversize, last_row, self._camera)
        on_belt = self._calibrated.on_belt(flat)
        if self.shadow and whole.any():
            shown = Classes(probabilities[whole], classes.unknown[whole])
            self.shadow.see(color, blobs.boxes[whole], shown, on_belt.area_mm2[whole])
        return on_belt

    def flush(self) -> None:
        """Nothing waits: every frame is answered whole."""
        return

    def preview(self, frame: Frame) -> bytes:
        """A small JPEG of the frame, about 400 pixels wide."""
        return preview_jpeg(self._lit(frame))

    def _lit(self, frame: Frame) -> NDArray[np.uint8]:
        return self._calibrated.lit(checked_color(frame, self._camera))

    def _scale_along(self, rows: int) -> float:
        """Input pixels a picture row."""
        given = self._detector.input
        return 1.0 if given.fit == "tiles" else given.height_px / rows


def require_usable(camera: CameraConfig, settings: VisionConfig, given: DetectorInput, rule: Rule) -> None:
    """Raises NeedsOperator where a detector could not be right with this camera or would leave a setting unused."""
    if camera.geometry == "line_scan":
        raise NeedsOperator(
            "vision.detector_line_scan",
            "vision.model is a detector, which sees every picture for itself; strips of a line-scan camera cut parts "
            "in two.",
            "Use a classifier with this camera, or an area_scan camera whose pictures overlap.",
        )
    overlap_mm = given.overlap_px * camera.mm_per_px
    needed_mm = settings.max_part_mm + 2 * rule.box_error_px * camera.mm_per_px
    if given.fit == "tiles" and overlap_mm < needed_mm:
        raise NeedsOperator(
            "vision.detector_overlap",
            f"The detector's tiles overlap by {overlap_mm:g} mm; a part of vision.max_part_mm, "
            f"{settings.max_part_mm:g} mm, is seen whole in one of them only from {needed_mm:g} mm on.",
            "Raise input.overlap_px in the manifest, or lower vision.max_part_mm.",
        )
    if settings.expected_mix is not None:
        raise NeedsOperator(
            "vision.expected_mix",
            "vision.expected_mix weighs the answers of a classifier, and the model is a detector.",
            "Take vision.expected_mix out.",
        )


def _blobs(boxes: NDArray[np.float64], areas: NDArray[np.float64]) -> Blobs:
    """Boxes with edges between pixels as blobs of whole pixels, whose outline is the box."""
    first = np.floor(boxes[:, :2] + 0.5).astype(np.int32)
    last = np.maximum(np.floor(boxes[:, 2:] - 0.5).astype(np.int32), first)
    x0, y0 = first.T
    x1, y1 = last.T
    corners = np.stack([x0, y0, x1, y0, x1, y1, x0, y1], axis=1).reshape(-1, 4, 2)
    outlines = tuple(np.ascontiguousarray(outline) for outline in corners)
    return Blobs(
        np.concatenate([first, last - first + 1], axis=1),
        (boxes[:, :2] + boxes[:, 2:]) / 2 - 0.5,  # pixel centres are whole numbers
        areas,
        outlines,
        outlines,
        np.zeros(len(boxes), np.bool_),
        np.full((len(boxes), 2), np.nan),
    )
