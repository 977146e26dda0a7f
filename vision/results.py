"""What leaves vision: the blobs of one frame with their class probabilities, in millimetres."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from models.comparison import Difference
from vision.frame import EncoderStamp


@dataclass(frozen=True, slots=True)
class Detections:
    """N blobs of one frame, as columns.

    Distances along the belt (`*_along_mm`, float64 [N]) are measured DOWNSTREAM from the camera's
    datum line, the last row of the frame: a blob in row r of H has along = (H - 1 - r) * mm_per_px.
    Its belt coordinate is therefore encoder_count - along_mm * counts_per_mm, and does not change
    while the part lies still on the belt. Distances across (`*_across_mm`) are from the belt's left
    edge. `probabilities` is float32 [N, C], calibrated, in the order of the model's labels; all
    zero where the blob was not classified. `cut` is true where the blob runs out of the frame and
    will be seen whole in another one; `oversize` where it never will be. `unknown` is true where the
    classifier says that it is none of its classes, whatever the probabilities are; `clump` where the blob
    is probably several parts that could not be told apart.
    """

    along_mm: NDArray[np.float64]
    across_mm: NDArray[np.float64]
    along_min_mm: NDArray[np.float64]
    along_max_mm: NDArray[np.float64]
    across_min_mm: NDArray[np.float64]
    across_max_mm: NDArray[np.float64]
    area_mm2: NDArray[np.float64]
    probabilities: NDArray[np.float32]
    cut: NDArray[np.bool_]
    oversize: NDArray[np.bool_]
    unknown: NDArray[np.bool_]
    clump: NDArray[np.bool_]
    outlines_mm: tuple[NDArray[np.float32], ...] = field(default=())
    """One simplified outline a blob, float32 [K, 2] of (along_mm, across_mm), for people to see."""
    measures: NDArray[np.float32] | None = None
    """float32 [N, 6] in the order of `models.fusion.MEASURES`, NaN where not measured; None where nothing was."""

    def __len__(self) -> int:
        return len(self.along_mm)


@dataclass(frozen=True, slots=True)
class PictureSample:
    """One look at one picture.

    `belt_level` is the median grey level (green) of the sampled rows, which is the belt's as long as parts cover
    less than half of it. `saturated` is the share of sampled pixels with a channel at 250 or above. `sharp_across` and
    `sharp_along`, 0..1, are how fine the parts' edges are, None where no part could be looked at. `patch_bgr` is the
    reference patch's mean colour, None without one. `parts` were in view. `frames` and `stale_frames` are running
    counts of what the source gave and of what was not fresh.
    """

    belt_level: float
    saturated: float
    sharp_across: float | None
    sharp_along: float | None
    patch_bgr: tuple[float, float, float] | None
    parts: int
    frames: int = 0
    stale_frames: int = 0


@dataclass(frozen=True, slots=True)
class CropRequest:
    """Wanted: the picture of what lay in this rectangle of a frame (millimetres as in `Detections`)."""

    ticket: int
    frame_sequence: int
    along_min_mm: float
    along_max_mm: float
    across_min_mm: float
    across_max_mm: float


@dataclass(frozen=True, slots=True)
class CropAnswer:
    """The PNG for a request, its upper left corner at these pixels of the frame; no bytes where the frame is gone."""

    ticket: int
    png: bytes
    left_px: int
    top_px: int


@dataclass(frozen=True, slots=True)
class ShadowReport:
    """What a shadow model (`vision.shadow`) said of the line's crops since the start.

    Of `seen` crops that the line classified it has `compared` some, in `spent_s` seconds, at most the `share`. `pairs`
    counts the answers of both models; they add up to `compared`. `error` is why it stopped or never began, or empty.
    """

    name: str
    version: str
    share: float
    seen: int = 0
    compared: int = 0
    spent_s: float = 0.0
    error: str = ""
    pairs: tuple[Difference, ...] = ()


@dataclass(frozen=True, slots=True)
class FrameResult:
    """What vision made of one frame; small enough to cross a process border.

    `frame_sequence` and `encoder` are the frame's. `captured_at_s` and `finished_at_s` are on the
    machine's monotonic clock. `dropped` is the running count of frames lost before this one, by
    the source or by a full queue. `preview_jpeg` is a small picture for people, now and then, of
    the frame of the result BEFORE this one; so are `health`, a look at the picture now and then, and
    `crops`, answers to requests.
    `view_along_mm` is the extent of the frame along the belt.
    """

    frame_sequence: int
    encoder: EncoderStamp
    captured_at_s: float
    finished_at_s: float
    dropped: int
    view_along_mm: float
    detections: Detections
    preview_jpeg: bytes | None = None
    health: PictureSample | None = None
    crops: tuple[CropAnswer, ...] = ()
    shadow: ShadowReport | None = None
    """Once a second where a shadow model runs, what it came to before this frame."""


@dataclass(frozen=True, slots=True)
class Idle:
    """Sent by a vision loop that is alive but got no frame within its bound (an encoder-triggered
    camera over a standing belt): it keeps the heartbeat honest."""

    at_s: float
    dropped: int
