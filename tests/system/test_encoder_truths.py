"""What an encoder does on a real belt, in virtual time: nothing is lost, shot twice or shot at the wrong place."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from controller.cli.simulate import simulated_line
from controller.clock import run_virtual
from controller.config import LineConfig, load_config
from controller.decide import Decision
from controller.runtime import Line, LineEvent
from controller.schedule import PlannedShot
from sim.config import PlantBeltConfig, SpeedChange
from sim.in_loop import PlantInLoop
from sim.truth import PartRecord

DEMO = Path(__file__).resolve().parent.parent.parent / "configs" / "demo.yaml"
SEED = 11


@dataclass
class Watched:
    """A simulated line with everything it decided and ordered."""

    line: Line
    plant: PlantInLoop
    decisions: list[Decision] = field(default_factory=list[Decision])
    shots: list[PlannedShot] = field(default_factory=list[PlannedShot])


def _watch(config: LineConfig, for_s: float) -> Watched:
    decisions: list[Decision] = []
    shots: list[PlannedShot] = []

    def note(event: LineEvent) -> None:
        payload: Any = event.payload
        if event.kind == "decision":
            decisions.append(payload)
        elif event.kind == "order":
            shots.append(payload[1])

    line, plant, trusted = run_virtual(simulated_line(config, for_s, SEED, note, None))
    assert trusted
    return Watched(line, plant, decisions, shots)


def _with_belt(belt: PlantBeltConfig) -> LineConfig:
    config = load_config(DEMO)
    assert config.plant is not None
    return config.model_copy(update={"plant": config.plant.model_copy(update={"belt": belt})})


def _check(watched: Watched, at_least: int) -> None:
    """The account closes and what was shot was the part that was meant, once, where it lay."""
    line, ledger = watched.line, watched.line.ledger
    config = line.config
    ledger.check()
    assert not ledger.on_belt
    assert ledger.seen >= at_least
    assert ledger.orders.open == 0
    assert ledger.orders.sent == ledger.orders.fired, ledger.orders
    assert not ledger.missed_by_reason
    ids = [s.part_id for s in watched.shots]
    assert len(ids) == len(set(ids)), "a part was shot twice"
    records = list(watched.plant.truth().records())
    assert all(r.outlet for r in records), "a part is still on the belt"
    # Splitting and touching make a few parts more or fewer than were fed; a lost or doubled stretch of belt many.
    # dark parts are torn in two now and then: 2.9 % too many in ten minutes of the demo
    assert abs(ledger.seen - len(records)) <= max(2, 0.05 * len(records))
    bar_counts = config.jets.distance_mm * config.belt.encoder_counts_per_mm
    for shot in watched.shots:
        assert any(_under(shot, r, bar_counts, config) for r in records), f"{shot} is at no part"
    wanted = {"pcb", "capacitor_ta", "ic", "connector"}
    ejected = [r for r in records if r.outlet == "valuables"]
    right = sum(r.class_id in wanted for r in ejected)
    assert right >= 0.93 * len(ejected)
    assert right >= 0.93 * sum(r.class_id in wanted for r in records)


def _under(shot: PlannedShot, record: PartRecord, bar_counts: float, config: LineConfig) -> bool:
    """Whether the shot's middle passes over the part's centroid, within half a shot; or within the part's box, where a
    battery's plug hangs on a lead too thin to be seen."""
    ahead, behind = (mm * config.belt.encoder_counts_per_mm for mm in (record.ahead_mm, record.behind_mm))
    middle = (shot.on_counts + shot.off_counts) / 2
    half = (shot.off_counts - shot.on_counts) / 2
    left, right = (lane * config.jets.valve_pitch_mm for lane in (shot.lane_first, shot.lane_last + 1))
    past_centroid = middle - (record.belt_counts + bar_counts)
    on_its_middle = abs(past_centroid) <= half and left <= record.across_mm <= right
    in_its_box = -ahead <= past_centroid <= behind and left <= record.across_max_mm and record.across_min_mm <= right
    return on_its_middle or in_its_box


@pytest.mark.slow
def test_the_encoder_wraps_in_the_middle_of_the_belt() -> None:
    counts_before_wrap = 10_000 * 12
    _check(_watch(_with_belt(PlantBeltConfig(initial_encoder_count=2**32 - counts_before_wrap)), 25), 200)


@pytest.mark.slow
def test_a_belt_that_stops_for_ten_seconds_with_parts_on_it_goes_on_where_it_stood() -> None:
    belt = PlantBeltConfig(profile=(SpeedChange(at_s=8, speed_factor=0), SpeedChange(at_s=18, speed_factor=1)))
    _check(_watch(_with_belt(belt), 30), 150)


@pytest.mark.slow
def test_a_belt_that_ramps_is_shot_at_in_counts_not_in_time() -> None:
    belt = PlantBeltConfig(
        acceleration_mm_s2=600,
        profile=tuple(SpeedChange(at_s=4 + 3 * i, speed_factor=f) for i, f in enumerate((0.5, 1.0, 0.7, 0.4, 1.0))),
    )
    _check(_watch(_with_belt(belt), 25), 120)


@pytest.mark.slow
def test_a_belt_that_runs_a_few_counts_backwards_makes_no_part_twice() -> None:
    belt = PlantBeltConfig(
        acceleration_mm_s2=5000,
        profile=(
            SpeedChange(at_s=6, speed_factor=0),
            SpeedChange(at_s=7, speed_factor=-0.02),
            SpeedChange(at_s=7.2, speed_factor=0),
            SpeedChange(at_s=8, speed_factor=1),
        ),
    )
    _check(_watch(_with_belt(belt), 20), 120)
