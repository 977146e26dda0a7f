"""The belt: a drive with limited acceleration, and the encoder on it. Pure; time is passed in."""

from math import floor

from sim.config import PlantBeltConfig

_FLOAT_SLACK = 1e-9
"""Travel is a sum of small steps; this share of a count keeps whole counts from being missed."""


class Belt:
    """Travel is in mm since the start, signed; the encoder shows whole counts of it, modulo 2**32.

    After each `advance`, `travel_mm` is where the belt stands and `before_mm` where it stood before
    that step. `belt_coordinate` of a point is the travel at which it lies on the camera's datum.
    """

    def __init__(self, config: PlantBeltConfig, counts_per_mm: float) -> None:
        self.counts_per_mm = counts_per_mm
        self.travel_mm = 0.0
        self.before_mm = 0.0
        self.speed_mm_s = 0.0
        self._initial_counts = config.initial_encoder_count
        self._acceleration_mm_s2 = config.acceleration_mm_s2
        self._changes = [(c.at_s, c.speed_factor) for c in config.profile]
        self._next_change_s = self._changes[0][0] if self._changes else float("inf")
        self._factor = 1.0

    def advance(self, from_s: float, step_s: float, setpoint_mm_s: float) -> None:
        """Move on by one step that begins at plant time `from_s`, the drive told `setpoint_mm_s`.

        The drive makes `setpoint_mm_s` times the profile's factor, as fast as its acceleration lets it.
        """
        if from_s >= self._next_change_s:
            self._take_changes(from_s)
        wanted = setpoint_mm_s * self._factor
        before = self.speed_mm_s
        self.before_mm = self.travel_mm
        if before == wanted:
            self.travel_mm += before * step_s
            return
        most = self._acceleration_mm_s2 * step_s
        self.speed_mm_s = before + min(max(wanted - before, -most), most)
        self.travel_mm += (before + self.speed_mm_s) / 2 * step_s

    def counts_at(self, travel_mm: float) -> int:
        """The unwrapped encoder count when the belt has travelled `travel_mm`."""
        return self._initial_counts + floor(travel_mm * self.counts_per_mm + _FLOAT_SLACK)

    @property
    def encoder_raw(self) -> int:
        """What the 32-bit counter shows now."""
        return self.counts_at(self.travel_mm) & 0xFFFF_FFFF

    def belt_counts(self, belt_mm: float) -> float:
        """The unwrapped belt coordinate, in counts, of a point at belt coordinate `belt_mm`."""
        return self._initial_counts + belt_mm * self.counts_per_mm

    def _take_changes(self, now_s: float) -> None:
        while self._changes and self._changes[0][0] <= now_s:
            self._factor = self._changes.pop(0)[1]
        self._next_change_s = self._changes[0][0] if self._changes else float("inf")
