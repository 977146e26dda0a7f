"""Is this really a new picture? A camera that hangs often keeps delivering its last one."""

import numpy as np
from numpy.typing import NDArray

from senbetsu_errors import Retryable
from vision.frame import Frame, count_difference

_SAMPLE_ROWS = 32  # whole rows: quick to take, and the sensor's noise makes each of them unique


class FreshnessGate:
    """Lets only fresh frames of one source through; counts the others in `rejected`.

    Not fresh is a frame whose sequence number or capture time did not advance, or whose picture is
    the previous one, pixel for pixel, although the encoder moved on: a real sensor's noise never
    repeats. A picture without any structure along the belt (every row the same) may repeat.
    """

    def __init__(self, *, max_in_a_row: int = 10) -> None:
        self.rejected = 0
        self._max_in_a_row = max_in_a_row
        self._in_a_row = 0
        self._last: Frame | None = None
        self._last_sample: NDArray[np.uint8] | None = None

    def is_fresh(self, frame: Frame) -> bool:
        """True if the frame is to be processed.

        Raises Retryable `camera.frozen` when more than `max_in_a_row` frames on end were not fresh.
        """
        reason = self._stale_reason(frame)
        if reason is None:
            self._in_a_row = 0
            self._last = frame
            return True
        self.rejected += 1
        self._in_a_row += 1
        if self._in_a_row > self._max_in_a_row:
            raise Retryable(
                "camera.frozen",
                f"The camera delivered {self._in_a_row} frames on end that are not new: {reason}.",
                "Check the camera and its trigger; it is being reconnected.",
            )
        return False

    def _stale_reason(self, frame: Frame) -> str | None:
        last, last_sample = self._last, self._last_sample
        color = frame.channels.get("color")
        sample = None if color is None else color[:: max(1, len(color) // _SAMPLE_ROWS)].copy()
        if last is None:
            self._last_sample = sample
            return None
        if frame.sequence <= last.sequence:
            return f"sequence number {frame.sequence} after {last.sequence}"
        if frame.captured_at_s <= last.captured_at_s:
            return f"captured at {frame.captured_at_s:.3f} s, not after {last.captured_at_s:.3f} s"
        moved = count_difference(frame.encoder.count, last.encoder.count) != 0
        repeated = sample is not None and last_sample is not None and np.array_equal(sample, last_sample)
        if moved and repeated and sample is not None and bool((sample != sample[:1]).any()):
            return "the picture is frozen while the belt moves"
        self._last_sample = sample
        return None
