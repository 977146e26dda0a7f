"""Where a camera stands, and when to try it again. Pure: times come in as arguments."""

from dataclasses import dataclass
from enum import Enum

from senbetsu_errors import Retryable

FIRST_RETRY_S = 0.2
LONGEST_RETRY_S = 5.0


class CameraState(Enum):
    """OPENING until the first frame; LOST from a loss until frames come again, however many attempts that
    takes; ENDED when a file or a recording is over."""

    OPENING = "opening"
    DELIVERING = "delivering"
    LOST = "lost"
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class CameraChange:
    """A camera that came into `state` at `at_s` (monotonic), and why (empty when all is well). `reopened`
    counts how often it came back after a loss, `downtime_s` how long it was away in all."""

    state: CameraState
    reason: str
    at_s: float
    reopened: int = 0
    downtime_s: float = 0.0


class CameraWatch:
    """The state of one camera through losses and recoveries.

    Each method gives the change it made, None where nothing changed: what is logged once and sent once.
    """

    def __init__(self, at_s: float) -> None:
        self.newest = CameraChange(CameraState.OPENING, "", at_s)
        self.retry_s = FIRST_RETRY_S
        self._lost_at_s = at_s

    def delivered(self, at_s: float) -> CameraChange | None:
        """A frame came."""
        self.retry_s = FIRST_RETRY_S
        if self.newest.state is CameraState.DELIVERING:
            return None
        reopened, downtime_s = self.newest.reopened, self.newest.downtime_s
        if self.newest.state is CameraState.LOST:
            reopened, downtime_s = reopened + 1, downtime_s + at_s - self._lost_at_s
        return self._become(CameraChange(CameraState.DELIVERING, "", at_s, reopened, downtime_s))

    def lost(self, error: Retryable, at_s: float) -> tuple[CameraChange | None, float]:
        """The camera, or an attempt to open it, failed; also how long to wait before the next attempt.

        The wait doubles from attempt to attempt, from FIRST_RETRY_S to LONGEST_RETRY_S.
        """
        wait_s, self.retry_s = self.retry_s, min(2 * self.retry_s, LONGEST_RETRY_S)
        if self.newest.state is CameraState.LOST:
            return None, wait_s
        self._lost_at_s = at_s
        kept = self.newest.reopened, self.newest.downtime_s
        return self._become(CameraChange(CameraState.LOST, error.message, at_s, *kept)), wait_s

    def ended(self, at_s: float) -> CameraChange:
        """The source is exhausted."""
        kept = self.newest.reopened, self.newest.downtime_s
        return self._become(CameraChange(CameraState.ENDED, "", at_s, *kept))

    def _become(self, change: CameraChange) -> CameraChange:
        self.newest = change
        return change
