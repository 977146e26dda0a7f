"""A line that tells what it was given."""

from typing import Any

from controller.runtime import Line
from vision.frame import EncoderStamp
from vision.results import FrameResult


class WatchedLine(Line):
    """Remembers the number of each frame that it decided on, and the count that it was given."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.taken: list[tuple[int, EncoderStamp]] = []

    def take(self, result: FrameResult) -> None:
        """As the line does, and remember the stamp."""
        self.taken.append((result.frame_sequence, result.encoder))
        super().take(result)
