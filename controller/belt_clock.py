"""Where the belt is: raw 32-bit counts of frames and statuses on one unwrapped time axis. Pure."""

from vision.frame import unwrap_count


class BeltClock:
    """Unwraps encoder counts and predicts the belt between two observations.

    Counts from the camera's latch and from the PLC are of the same encoder; whichever comes first
    fixes the axis. The belt may stop, ramp and run back a little; the newest status wins.
    """

    def __init__(self, counts_per_mm: float) -> None:
        self._counts_per_mm = counts_per_mm
        self._reference: int | None = None
        self._observed_count = 0
        self._observed_at_s = 0.0
        self._speed_mm_s = 0.0

    @property
    def known(self) -> bool:
        """Whether any count was seen yet."""
        return self._reference is not None

    @property
    def speed_mm_s(self) -> float:
        """Belt speed by the newest status, mm/s; negative while it runs back."""
        return self._speed_mm_s

    def unwrap(self, raw: int) -> int:
        """The unwrapped count of a raw one, which must be within 2**31 of the newest seen."""
        count = raw if self._reference is None else unwrap_count(raw, self._reference)
        self._reference = count
        return count

    def observe(self, raw: int, at_s: float, speed_mm_s: float) -> int:
        """Take a status' raw count, read at `at_s` with the belt at `speed_mm_s`; its unwrapped count."""
        self._observed_count = self.unwrap(raw)
        self._observed_at_s = at_s
        self._speed_mm_s = speed_mm_s
        return self._observed_count

    def predict(self, at_s: float) -> float:
        """The count expected at `at_s`, by constant speed since the newest observation."""
        elapsed_s = max(0.0, at_s - self._observed_at_s)
        return self._observed_count + elapsed_s * self._speed_mm_s * self._counts_per_mm

    def restart(self) -> None:
        """Forget the axis: the encoder began anew (a PLC restart may reset its counter)."""
        self._reference = None
