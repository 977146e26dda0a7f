"""Pictures of single parts on request: the newest frames are kept, and a part is cut out of one when asked for.

Whoever decides which part is worth a picture (it was odd, somebody pointed at it) knows so only when the part has
been followed through several frames. Keeping the frames costs memory, cutting out every part would cost time.
"""

from collections import deque

import cv2
import numpy as np
from numpy.typing import NDArray

from senbetsu_errors import Fatal
from vision.camera_config import CameraConfig
from vision.crops import MARGIN
from vision.frame import Frame
from vision.results import CropAnswer, CropRequest

_MOST_WAITING = 64
_MOST_ANSWERS = 2  # a frame: PNG takes about 1 ms each


class CropDesk:
    """Keeps frames of at most `memory_mb`, the oldest giving way; answers requests in their order.

    Of more than 64 waiting requests the oldest is dropped. One whose frame is gone is answered without a picture.
    """

    def __init__(self, camera: CameraConfig, memory_mb: float) -> None:
        self._camera = camera
        self._memory_bytes = memory_mb * 1e6
        self._kept_bytes = 0
        self._frames: deque[tuple[int, NDArray[np.uint8]]] = deque()
        self._waiting: deque[CropRequest] = deque(maxlen=_MOST_WAITING)

    def ask(self, request: CropRequest) -> None:
        """Wants a picture; it comes with one of the next `answers`."""
        self._waiting.append(request)

    def keep(self, frame: Frame) -> None:
        """Remembers a frame; its arrays must not be written to afterwards."""
        color = frame.color
        if self._frames and frame.sequence <= self._frames[-1][0]:
            # A camera that was opened anew counts from 0 again: what was kept before has other numbers.
            self._frames.clear()
            self._kept_bytes = 0
        self._frames.append((frame.sequence, color))
        self._kept_bytes += color.nbytes
        while self._kept_bytes > self._memory_bytes and len(self._frames) > 1:
            self._kept_bytes -= self._frames.popleft()[1].nbytes

    def answers(self) -> tuple[CropAnswer, ...]:
        """The next few pictures; cuts and compresses, so call it when no result waits."""
        count = min(_MOST_ANSWERS, len(self._waiting))
        return tuple(self._answer(self._waiting.popleft()) for _ in range(count))

    def _answer(self, wanted: CropRequest) -> CropAnswer:
        color = next((c for sequence, c in self._frames if sequence == wanted.frame_sequence), None)
        if color is None:
            return CropAnswer(wanted.ticket, b"", 0, 0)
        mm, last_row = self._camera.mm_per_px, len(color) - 1
        top, bottom = last_row - wanted.along_max_mm / mm, last_row - wanted.along_min_mm / mm
        left, right = (
            (across - self._camera.across_start_mm) / mm for across in (wanted.across_min_mm, wanted.across_max_mm)
        )
        margin = 4 + MARGIN * max(bottom - top, right - left)
        rows = slice(max(round(top - margin), 0), max(round(bottom + margin), 0))
        columns = slice(max(round(left - margin), 0), max(round(right + margin), 0))
        window = color[rows, columns]
        if not window.size:
            return CropAnswer(wanted.ticket, b"", 0, 0)
        done, png = cv2.imencode(".png", window, [cv2.IMWRITE_PNG_COMPRESSION, 1])
        if not done:
            raise Fatal("vision.crop", f"A crop of {window.shape[1]} x {window.shape[0]} pixels could not be encoded.")
        return CropAnswer(wanted.ticket, png.tobytes(), columns.start, rows.start)
