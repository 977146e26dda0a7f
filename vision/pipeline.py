"""One frame through segmentation and classification: pictures in, detections in millimetres out."""

from dataclasses import replace
from itertools import accumulate
from typing import Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from senbetsu_errors import Fatal, NeedsOperator
from vision.calibration import Calibrations
from vision.calibration_map import AppliedCalibrations
from vision.camera_config import CameraConfig
from vision.classify import Classes, Classifier
from vision.crops import crop_blobs
from vision.frame import EncoderStamp, Frame, count_difference
from vision.measures import MASS_COLUMN, measures_of
from vision.results import Detections
from vision.segmentation import Blobs, Picture, Segmenter
from vision.settings import VisionConfig
from vision.shadow import Shadow
from vision.strips import Assembled, StripAssembler
from vision.weighing import InlineScale

_CUT_ROWS = 2  # a blob that ends this near the first or the last row runs out of the picture
_PREVIEW_WIDTH_PX = 400
_PREVIEW_QUALITY = 70
_UNCALIBRATED = Calibrations()


class FrameVision(Protocol):
    """What sees a line's frames: segmentation and a classifier, or a detector in the place of both.

    `labels` are the classes of its detections; see `VisionPipeline` for the methods.
    """

    labels: tuple[str, ...]
    shadow: Shadow | None
    view_along_mm: float

    def process(self, frame: Frame) -> Detections:
        """The frame's detections."""
        ...

    def flush(self) -> Detections | None:
        """What is unfinished once no frame follows."""
        ...

    def preview(self, frame: Frame) -> bytes:
        """A small JPEG of the frame."""
        ...


class VisionPipeline:
    """Plain and synchronous; keeps what it learned of the belt, and in line scan the unfinished parts.

    With calibrations the pictures are evened out and the detections measured through the lens, else by
    `camera.mm_per_px` alone. `shadow` is shown what was classified; whoever calls `process` lets it work when there
    is time.

    Raises NeedsOperator `camera.view` where the camera's pixels cannot show a part that counts.
    """

    def __init__(
        self,
        camera: CameraConfig,
        settings: VisionConfig,
        belt_width_mm: float,
        counts_per_mm: float,
        classifier: Classifier,
        shadow: Shadow | None = None,
        calibrations: Calibrations = _UNCALIBRATED,
    ) -> None:
        require_belt_in_view(camera, belt_width_mm)
        min_area_px = settings.min_area_mm2 / camera.mm_per_px**2
        if min_area_px < 4:
            raise NeedsOperator(
                "camera.view",
                f"A part of {settings.min_area_mm2} mm2 covers only {min_area_px:.1f} pixels of {camera.mm_per_px} mm.",
                "Raise vision.min_area_mm2 or use a finer resolution.",
            )
        max_part_px = settings.max_part_mm / camera.mm_per_px
        line_scan = camera.geometry == "line_scan"
        self.labels = classifier.labels
        self.shadow = shadow
        self.view_along_mm = camera.view_along_mm
        self._camera = camera
        self._calibrated = AppliedCalibrations(calibrations, camera)
        self._counts_per_row = counts_per_mm * camera.mm_per_px
        self._classifier = classifier
        self._segmenter = Segmenter(
            settings.segmentation,
            min_area_px=min_area_px,
            max_part_px=max_part_px,
            area_scan=not line_scan,
            widest_seam_px=settings.segmentation.seam_mm / camera.mm_per_px,
        )
        self._strips = StripAssembler(self._segmenter, max_part_rows=round(max_part_px)) if line_scan else None
        self._last_encoder: EncoderStamp | None = None
        self._scale = _scale(camera, settings, counts_per_mm)

    def process(self, frame: Frame) -> Detections:
        """The frame's detections.

        Area scan: every blob, those that run out of the picture `cut` and not classified. Line scan:
        the parts that this strip completes, measured from this strip's datum. Raises Fatal
        `camera.picture` for a frame without colour, or of another shape or type than configured.
        """
        picture = Picture(self._lit(frame), _checked_height(frame))
        travel = None if self._last_encoder is None else count_difference(frame.encoder.count, self._last_encoder.count)
        slack = frame.encoder.uncertainty_counts / self._counts_per_row
        self._last_encoder = frame.encoder
        if self._scale is not None:
            self._scale.take(frame, travel)
        travel_rows = None if travel is None else travel / self._counts_per_row
        if self._strips is not None:
            return self._strip_detections(self._strips.add(picture, travel_rows, slack))
        # A standing belt teaches nothing: a part left lying under the camera is not the belt.
        mask = self._segmenter.foreground(picture, learn=travel is None or travel != 0)
        blobs = self._segmenter.blobs(picture, mask, travel_rows)
        top = blobs.boxes[:, 1] < _CUT_ROWS
        bottom = blobs.boxes[:, 1] + blobs.boxes[:, 3] > len(picture.color) - _CUT_ROWS
        return self._detections(picture.color, blobs, top ^ bottom, top & bottom, np.zeros(len(blobs)))

    def flush(self) -> Detections | None:
        """Line scan: what the last strip left unfinished, `oversize`, measured from that strip's datum: the source
        ended, or a gap is known. None where nothing waits; nothing waits afterwards."""
        strip = None if self._strips is None else self._strips.flush()
        return None if strip is None else self._strip_detections(strip)

    def preview(self, frame: Frame) -> bytes:
        """A small JPEG of the frame, about 400 pixels wide."""
        return preview_jpeg(self._lit(frame))

    def _lit(self, frame: Frame) -> NDArray[np.uint8]:
        return self._calibrated.lit(checked_color(frame, self._camera))

    def _strip_detections(self, strip: Assembled) -> Detections:
        cut = np.zeros(len(strip.blobs), np.bool_)
        return self._detections(strip.color, strip.blobs, cut, strip.oversize, strip.shift_rows)

    def _detections(
        self,
        color: NDArray[np.uint8],
        blobs: Blobs,
        cut: NDArray[np.bool_],
        oversize: NDArray[np.bool_],
        shift_rows: NDArray[np.float64],
    ) -> Detections:
        """The classes of the blobs that are seen whole, and all of them in millimetres."""
        whole = ~(cut | oversize)
        last = color.shape[0] - 1 + shift_rows
        nothing = Classes(np.zeros((len(blobs), len(self.labels)), np.float32), np.zeros(len(blobs), np.bool_))
        flat = belt_detections(blobs, nothing, cut, oversize, last, self._camera)
        return self._classified(color, blobs, whole, self._calibrated.on_belt(flat), flat.area_mm2)

    def _classified(
        self,
        color: NDArray[np.uint8],
        blobs: Blobs,
        whole: NDArray[np.bool_],
        found: Detections,
        flat_area_mm2: NDArray[np.float64],
    ) -> Detections:
        """With their measures, and the classes of those that are seen whole.

        `flat_area_mm2` is what the areas would be at the nominal resolution: where calibration says otherwise, sides
        are longer or shorter by the root of that.
        """
        mm_per_px = self._camera.mm_per_px * np.sqrt(found.area_mm2 / np.maximum(flat_area_mm2, 1e-9))
        measures = measures_of(blobs.contours, found.area_mm2, blobs.heights_mm, mm_per_px)
        if self._scale is not None:
            measures[:, MASS_COLUMN] = self._scale.masses_g(found.along_min_mm, found.along_max_mm)
        if whole.any():
            crops = crop_blobs(color, blobs.boxes[whole], self._classifier.size)
            classes = self._classifier.classify(crops, measures[whole])
            found.probabilities[whole], found.unknown[whole] = classes.probabilities, classes.unknown
            if self.shadow:
                self.shadow.see(color, blobs.boxes[whole], classes, found.area_mm2[whole], measures[whole])
        return replace(found, measures=measures)


def require_belt_in_view(camera: CameraConfig, belt_width_mm: float) -> None:
    """Raises NeedsOperator `camera.view` for a picture beside the belt."""
    if camera.across_start_mm >= belt_width_mm:
        raise NeedsOperator(
            "camera.view",
            f"The picture begins {camera.across_start_mm} mm across a belt of {belt_width_mm} mm.",
            "Correct camera.across_start_mm or belt.width_mm.",
        )


def belt_detections(
    blobs: Blobs,
    classes: Classes,
    cut: NDArray[np.bool_],
    oversize: NDArray[np.bool_],
    last_row: NDArray[np.float64],
    camera: CameraConfig,
) -> Detections:
    """Blobs of a picture in millimetres of a flat, straight belt; `last_row` is, for each, the row that lies on the
    datum.

    Rows count from the downstream edge, so along = (last row - row) * mm_per_px.
    """
    mm = camera.mm_per_px
    # Column c's centre lies half a pixel to the right of its left edge.
    left = camera.across_start_mm + 0.5 * mm
    x, y, w, h = blobs.boxes.T.astype(np.float64)
    return Detections(
        along_mm=(last_row - blobs.centres[:, 1]) * mm,
        across_mm=left + blobs.centres[:, 0] * mm,
        along_min_mm=(last_row - (y + h - 1)) * mm,
        along_max_mm=(last_row - y) * mm,
        across_min_mm=left + x * mm,
        across_max_mm=left + (x + w - 1) * mm,
        area_mm2=blobs.areas * mm**2,
        probabilities=classes.probabilities,
        cut=cut,
        oversize=oversize,
        unknown=classes.unknown,
        clump=blobs.clump & ~(cut | oversize),
        outlines_mm=_outlines_mm(blobs, last_row, left, mm),
    )


def _outlines_mm(
    blobs: Blobs, last_row: NDArray[np.float64], left_mm: float, mm: float
) -> tuple[NDArray[np.float32], ...]:
    """The outlines as (along, across), all of them converted at once."""
    if not len(blobs):
        return ()
    lengths = [len(outline) for outline in blobs.outlines]
    points = np.concatenate(blobs.outlines)
    converted = np.empty(points.shape, np.float32)
    converted[:, 0] = (np.repeat(last_row, lengths) - points[:, 1]) * mm
    converted[:, 1] = left_mm + points[:, 0] * mm
    ends = list(accumulate(lengths))
    return tuple(converted[end - length : end] for end, length in zip(ends, lengths, strict=True))


def checked_color(frame: Frame, camera: CameraConfig) -> NDArray[np.uint8]:
    """The colour channel, H x W x 3 uint8 BGR. Raises Fatal `camera.picture` where it is not as configured."""
    color = frame.channels.get("color")
    if color is None:
        raise Fatal(
            "camera.picture",
            f"Frame {frame.sequence} has the channels {sorted(frame.channels)}, and no `color`.",
            "Use a frame source that delivers colour pictures.",
        )
    if color.dtype != np.uint8 or color.ndim != 3 or color.shape[2] != 3:
        raise Fatal(
            "camera.picture",
            f"Frame {frame.sequence} is {color.dtype} {color.shape}, expected uint8 (rows, columns, 3).",
            "Use a frame source that delivers 8-bit BGR pictures.",
        )
    if color.shape[0] != camera.rows or color.shape[1] < 8:
        raise Fatal(
            "camera.picture",
            f"Frame {frame.sequence} has {color.shape[0]} rows of {color.shape[1]} pixels, the configuration says "
            f"{camera.rows} rows ({camera.view_along_mm} mm at {camera.mm_per_px} mm).",
            "Correct camera.view_along_mm or camera.mm_per_px.",
        )
    return np.ascontiguousarray(color)


def preview_jpeg(color: NDArray[np.uint8]) -> bytes:
    """A small JPEG of a picture, about 400 pixels wide."""
    height, width = color.shape[:2]
    scale = min(1.0, _PREVIEW_WIDTH_PX / width)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    done, data = cv2.imencode(
        ".jpg",
        cv2.resize(color, size, interpolation=cv2.INTER_AREA),
        [cv2.IMWRITE_JPEG_QUALITY, _PREVIEW_QUALITY],
    )
    if not done:
        raise Fatal("camera.preview", f"A preview of {size[0]} x {size[1]} pixels could not be encoded.")
    return data.tobytes()


def _scale(camera: CameraConfig, settings: VisionConfig, counts_per_mm: float) -> InlineScale | None:
    """Raises NeedsOperator `camera.scale` where the camera could not say whether a part was weighed alone."""
    if settings.mass is None:
        return None
    if camera.geometry == "line_scan":
        raise NeedsOperator(
            "camera.scale",
            "A line scan camera never shows all that lay on the scale with a part.",
            "Use an area scan camera, or take vision.mass out.",
        )
    return InlineScale(settings.mass, camera.view_along_mm, counts_per_mm)


def _checked_height(frame: Frame) -> NDArray[np.float32] | None:
    height = frame.channels.get("height")
    if height is None:
        return None
    shape = frame.channels["color"].shape[:2]
    if height.dtype != np.float32 or height.shape != shape:
        raise Fatal(
            "camera.picture",
            f"Frame {frame.sequence} has a height channel {height.dtype} {height.shape}, expected float32 {shape}.",
            "Use a frame source that delivers height in mm, a value a colour pixel, NaN where it saw nothing.",
        )
    return np.ascontiguousarray(height)
