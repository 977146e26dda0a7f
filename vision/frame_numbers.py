"""A camera's own frame ids as exposure numbers that never wrap. Pure."""

from senbetsu_errors import Retryable

_GIGE_IDS = 0xFFFF
"""GigE Vision 1.x block ids are 16 bit and run from 1 to 65535, then again from 1: 0 is no id."""


class FrameNumbers:
    """Numbers exposures from 0 by the ids that a camera sends; what it lost leaves a gap.

    With `gige_16_bit` ids wrap after 65535 to 1, else they go on. An id that was seen before, or an earlier
    one, gives that earlier number: the caller sees that it is not new. Of 16-bit ids up to 32766 may be lost
    in a row.
    """

    def __init__(self, *, gige_16_bit: bool) -> None:
        self._wraps = gige_16_bit
        self._last_id: int | None = None
        self._number = 0

    def number(self, frame_id: int) -> int:
        """The exposure's number. Raises Retryable `camera.frame_id` for an id that a camera never sends."""
        if frame_id < 0 or (self._wraps and not 1 <= frame_id <= _GIGE_IDS):
            raise Retryable(
                "camera.frame_id",
                f"The camera sent frame id {frame_id}, which is none of its transport's.",
                "Set camera.frame_ids to what the camera does.",
            )
        if self._last_id is None:
            self._last_id = frame_id
            return 0
        ahead = frame_id - self._last_id
        if self._wraps:
            ahead = (ahead + _GIGE_IDS // 2) % _GIGE_IDS - _GIGE_IDS // 2
        if ahead <= 0:
            return self._number + ahead
        self._last_id = frame_id
        self._number += ahead
        return self._number
