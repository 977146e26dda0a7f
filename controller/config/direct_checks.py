"""Is a link that times the valves itself good enough for this belt (docs/integrators/direct-io.md).

Asked of any backend whose section declares `jitter_ms` and `max_speed_mm_s`; where it says how the encoder is
scaled and how many valves are wired, that must be what the line says.
"""

from collections.abc import Iterator
from typing import Any

from controller.config.checks import Check, Finding
from controller.config.line import BeltConfig, JetsConfig
from plc_bridge.config import PlcConfig


def switching_is_exact_enough(belt: BeltConfig, jets: JetsConfig, plc: PlcConfig) -> Iterator[Finding]:
    """At the fastest belt allowed, a valve that is off by the declared jitter still hits within the margin."""
    jitter_ms: float | None = getattr(plc, "jitter_ms", None)
    fastest_mm_s: float | None = getattr(plc, "max_speed_mm_s", None)
    if jitter_ms is None or fastest_mm_s is None:
        return
    off_mm = jitter_ms / 1000 * fastest_mm_s
    allowed_mm_s = jets.margin_along_mm / jitter_ms * 1000
    if off_mm > jets.margin_along_mm:
        yield Finding(
            ("plc", "max_speed_mm_s"),
            f"{fastest_mm_s:g} mm/s, at which +-{jitter_ms:g} ms of jitter are +-{off_mm:.3g} mm of belt",
            f"at most {allowed_mm_s:.4g} mm/s: jets.margin_along_mm is {jets.margin_along_mm:g} mm",
            "A slower belt, a larger jets.margin_along_mm, or a station and a PC with less jitter; or a PLC.",
        )
    if belt.speed_mm_s > fastest_mm_s:
        yield Finding(
            ("belt", "speed_mm_s"),
            f"{belt.speed_mm_s:g} mm/s",
            f"at most plc.max_speed_mm_s, {fastest_mm_s:g} mm/s, for which {plc.backend} switching is declared good",
            f"The jets' margin and +-{jitter_ms:g} ms of jitter allow {allowed_mm_s:.4g} mm/s.",
        )


def station_is_this_lines(belt: BeltConfig, jets: JetsConfig, plc: PlcConfig) -> Iterator[Finding]:
    """What is told to the station a second time is the same."""
    encoder: Any = getattr(plc, "encoder", None)
    outputs: Any = getattr(plc, "outputs", None)
    scale: float | None = getattr(encoder, "counts_per_mm", None)
    if scale is not None and scale != belt.encoder_counts_per_mm:
        yield Finding(
            ("plc", "encoder", "counts_per_mm"),
            f"{scale:g}",
            f"belt.encoder_counts_per_mm, {belt.encoder_counts_per_mm:g}",
        )
    wired: int | None = getattr(outputs, "valve_count", None)
    if wired is not None and wired != jets.valve_count:
        yield Finding(("plc", "outputs", "valve_count"), f"{wired}", f"jets.valve_count, {jets.valve_count}")


DIRECT_CHECKS: tuple[Check, ...] = (switching_is_exact_enough, station_is_this_lines)
