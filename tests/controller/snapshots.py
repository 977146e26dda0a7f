"""The snapshot of a line that has seen nothing yet, for tests to `replace` in."""

from controller.snapshot import CameraView, LatencyView, Snapshot

EMPTY = Snapshot(
    line="demo",
    simulated=True,
    simulated_parts=("camera",),
    state="running",
    reason="",
    uptime_s=1.0,
    speed_mm_s=1000.0,
    encoder=0,
    counts_per_mm=10.0,
    belt_width_mm=800.0,
    view_along_mm=320.0,
    bar_distance_mm=900.0,
    lane_count=64,
    lane_pitch_mm=12.5,
    first_lane_mm=0.0,
    seen=0,
    outcomes={},
    missed_by_reason={},
    parts_per_s=0.0,
    purity={"valuables": None},
    recovery={"pcb": None},
    basis="estimated from class probabilities",
    links={},
    camera=CameraView("ok", 0, 0, 0),
    latency=LatencyView(None, None),
)
