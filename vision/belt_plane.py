"""How high the empty belt lies in the height channel, learned while parts lie on it.

The belt's profile across (it sags, its edges rise) is learned slowly, column by column. Along, a belt goes up and
down as it runs, and a profile sensor sees that row by row: every row is levelled on its own.
"""

import numpy as np
from numpy.typing import NDArray

from vision.settings import SegmentationConfig

_SAMPLE_COLUMNS = 128
_SAMPLE_ROWS = 64
_NEAR_MM = 3.0  # a belt strays less than this from its profile between two pictures
_NO_MAP = np.zeros((0, 0), np.float32)


class BeltPlane:
    """Learns the belt's height from height maps H x W float32 mm of one width, parts in view or not.

    `foreground` of a map first, then `adapt` with what of the same picture is part.
    `above_belt` H x W float32 is the last map, in mm above the belt; 0 x 0 before the first and
    after `unseen`.
    """

    def __init__(self, settings: SegmentationConfig) -> None:
        self._settings = settings
        self._frames = 0
        self._profile_mm = np.zeros(0, np.float32)
        self.above_belt = _NO_MAP

    def foreground(self, height: NDArray[np.float32]) -> NDArray[np.uint8]:
        """H x W uint8, 255 where something is at least `height_above_mm` above the belt."""
        if len(self._profile_mm) != height.shape[1]:
            self._start(height)
        self.above_belt = height - self._profile_mm
        self.above_belt -= _row_offsets(self.above_belt)[:, None]
        return (self.above_belt >= self._settings.height_above_mm).view(np.uint8) * np.uint8(255)

    def unseen(self) -> None:
        """A picture came without a map: what the last one showed is not there any more."""
        self.above_belt = _NO_MAP

    def _start(self, height: NDArray[np.float32]) -> None:
        """First estimate from one map: what lies low in every column, then again with the rows levelled.

        A column that a part covers is taken for too high; bare belt there brings it down again. A map in which
        hardly anything was seen is not learned from, and shows nothing.
        """
        self._frames = 0
        self._profile_mm = np.zeros(0, np.float32)
        if np.count_nonzero(np.isfinite(height)) * 2 < height.size:
            self._profile_mm = np.full(1, np.nan, np.float32)
            return
        rows = height[:: max(1, len(height) // (2 * _SAMPLE_ROWS))]
        levelled = rows - _row_offsets(rows - _low(rows))[:, None]
        self._profile_mm = _low(levelled)

    def adapt(self, mask: NDArray[np.uint8]) -> None:
        """Moves the profile towards the bare belt of this picture: where `mask` (H x W) is 0."""
        self._frames += 1
        rate = max(self._settings.adapt_rate, 1.0 / (1 + self._frames)) if self._learning else self._settings.adapt_rate
        rows = slice(self._frames % 3, None, max(1, len(mask) // _SAMPLE_ROWS))
        sample, bare = self.above_belt[rows], mask[rows] == 0
        bare &= np.isfinite(sample)
        if len(self._profile_mm) != sample.shape[1]:
            return
        count = bare.sum(axis=0)
        mean = np.where(bare, sample, 0).sum(axis=0) / np.maximum(count, 1)
        self._profile_mm += np.where(count * 4 >= len(sample), rate * mean, 0).astype(np.float32)

    @property
    def _learning(self) -> bool:
        return self._frames <= self._settings.learn_frames


def _row_offsets(residual: NDArray[np.float32]) -> NDArray[np.float32]:
    """How high every row of the bare belt lies, float32 [H]: the median of the lower part of its values.

    Parts only rise, so the belt is what is low; a row that shows too little of it takes its neighbours' offset.
    """
    columns = residual[:, :: max(1, residual.shape[1] // _SAMPLE_COLUMNS)]
    near = np.where(np.abs(columns) < _NEAR_MM, columns, np.nan)
    seen = np.isfinite(near).sum(axis=1)
    enough = np.flatnonzero(seen * 4 >= near.shape[1])
    if not len(enough):
        return np.zeros(len(residual), np.float32)
    ordered = np.sort(near[enough], axis=1)  # NaN last
    middle = ordered[np.arange(len(enough)), (seen[enough] * 2) // 5]
    return np.interp(np.arange(len(residual)), enough, middle).astype(np.float32)


def _low(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    """What a fifth of the values seen in each column do not exceed, float32 [W]; unseen columns like those beside."""
    ordered = np.sort(rows, axis=0)  # NaN last
    seen = np.isfinite(rows).sum(axis=0)
    known = np.flatnonzero(seen)
    return np.interp(np.arange(len(seen)), known, ordered[seen[known] // 5, known]).astype(np.float32)
