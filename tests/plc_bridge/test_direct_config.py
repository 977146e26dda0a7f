"""A Direct I/O section that cannot work is refused, with the reason."""

from typing import Any

import pytest
from pydantic import ValidationError

from plc_bridge.direct_config import Config

GOOD: dict[str, Any] = {
    "host": "192.0.2.20",
    "encoder": {"address": 0, "counts_per_mm": 10.0},
    "inputs": {"e_stop_ok": 0, "air_ok": 1, "no_fire": 2},
    "outputs": {"first_valve": 0, "valve_count": 64, "belt_run": 64, "feed_run": 65},
    "jitter_ms": 5,
    "max_speed_mm_s": 500,
    "watchdog_ms": 100,
}


def test_the_smallest_section_is_taken() -> None:
    assert Config.model_validate(GOOD).outputs.valves == range(64)


@pytest.mark.parametrize("missing", ["jitter_ms", "max_speed_mm_s", "watchdog_ms", "encoder", "inputs", "outputs"])
def test_what_only_the_site_can_know_has_no_default(missing: str) -> None:
    with pytest.raises(ValidationError, match="Field required"):
        Config.model_validate({name: value for name, value in GOOD.items() if name != missing})


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"outputs": GOOD["outputs"] | {"belt_run": 63}}, "must be coils of their own"),
        ({"outputs": GOOD["outputs"] | {"feed_run": 64}}, "must be coils of their own"),
        ({"outputs": GOOD["outputs"] | {"first_valve": 65500}}, "end at coil 65563"),
        ({"inputs": GOOD["inputs"] | {"no_fire": 0}}, "three inputs"),
        ({"inputs": GOOD["inputs"] | {"no_fire": 4000}}, "three inputs"),
        ({"watchdog_ms": 31, "cycle_ms": 20}, "at least three times cycle_ms"),
    ],
)
def test_places_and_times_that_contradict_each_other_are_refused(changes: dict[str, Any], says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        Config.model_validate(GOOD | changes)
