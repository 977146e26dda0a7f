"""The plant as a whole: nothing is lost, equal seeds are alike, the camera's counts are right."""

import itertools
from dataclasses import replace

import numpy as np
import pytest

from plc_bridge.contract import CommandImage, JetOrder, LineCommand
from senbetsu_errors import Fatal
from sim.config import PlantConfig
from sim.feed import BeltPart
from sim.optics import BeltOptics
from sim.plant import Exposure, Plant, PlantSetup
from sim.truth import PartRecord
from vision.frame import count_difference

VALUABLE = ("ic", "capacitor_ta")


def setup(geometry: str = "area_scan", speed_mm_s: float = 1000, **plant: object) -> PlantSetup:
    settings: dict[str, object] = {
        "feed": {
            "parts_per_s": 20,
            "mix": {"ic": 2, "capacitor_ta": 1, "screw": 2, "connector": 1},
            "variants_per_class": 5,
        },
        "belt": {"acceleration_mm_s2": 5000},
    }
    return PlantSetup(
        belt_width_mm=400,
        speed_mm_s=speed_mm_s,
        counts_per_mm=10,
        geometry="line_scan" if geometry == "line_scan" else "area_scan",
        mm_per_px=1.0,
        view_along_mm=160,
        frame_rate_hz=20 if geometry == "area_scan" else None,
        valve_count=32,
        valve_pitch_mm=12.5,
        first_lane_mm=0,
        jets_distance_mm=500,
        jets_outlet="valuables",
        rest_outlet="residue",
        plant=PlantConfig.model_validate(settings | plant),
    )


class AllKnowing:
    """A PC at the PLC's mailbox that shoots at true positions; 10 ms a cycle."""

    def __init__(self, plant: Plant, shoot: bool = True, lane_shift: int = 0, count_shift: int = 0) -> None:
        self.plant = plant
        self.command = LineCommand.RUN
        self.exposures: list[Exposure] = []
        self._shoot = shoot
        self._lane_shift = lane_shift
        self._count_shift = count_shift
        self._cycle = 0
        self._batch = 0
        self._ordered: set[int] = set()

    def run(self, seconds: float) -> None:
        for _ in range(round(seconds * 100)):
            self._cycle += 1
            orders = [self._order(p) for p in self._due()]
            self._batch += bool(orders)
            epoch = (self.plant.plc.status().epoch & 0xFFFF) << 16 | 1
            self.plant.plc.write_command(
                CommandImage(epoch, self._cycle & 0xFFFF, self.command, 0.0, self._batch, tuple(orders))
            )
            self.exposures += self.plant.advance_to(self._cycle * 0.01)

    def _due(self) -> list[BeltPart]:
        """Parts on their way from the camera to the bar that no order was written for."""
        near = [p for p in self.plant.coming if self.plant.belt.travel_mm > p.belt_max_mm and self._shoot]
        return [p for p in near if p.image.class_id in VALUABLE and p.number not in self._ordered][:12]

    def _order(self, part: BeltPart) -> JetOrder:
        self._ordered.add(part.number)
        first = int(part.across_min_mm // 12.5) + self._lane_shift
        last = int(part.across_max_mm // 12.5) + self._lane_shift
        counts = self.plant.belt.belt_counts(0) + 5000 + self._count_shift
        on, off = int(counts + (part.belt_min_mm - 5) * 10), int(counts + (part.belt_max_mm + 5) * 10)
        wrap = 2**32
        return JetOrder(len(self._ordered), max(first, 0), min(last, 31), on % wrap, off % wrap)


def ran(pc: AllKnowing, seconds: float) -> list[PartRecord]:
    pc.run(seconds)
    return list(pc.plant.truth.records())


def finished(records: list[PartRecord], classes: tuple[str, ...]) -> tuple[int, int]:
    """Ejected and all finished parts of these classes."""
    of_class = [r for r in records if r.outlet and r.class_id in classes]
    return sum(r.outlet == "valuables" for r in of_class), len(of_class)


def test_every_part_ends_once_and_mass_is_conserved() -> None:
    plant = Plant(setup(), seed=4)
    pc = AllKnowing(plant)
    for _ in range(10):
        pc.run(1)
        truth = plant.truth
        assert truth.fed == plant.feeder.fed
        assert truth.fed == truth.on_belt + truth.outlets.count
        assert truth.fed_mass_g == pytest.approx(truth.on_belt_mass_g + truth.outlets.mass_g, rel=1e-9)
        records = list(truth.records())
        assert sorted(r.number for r in records) == list(range(truth.fed))
    account = plant.truth.as_json()
    assert sum(c["count"] for o in account["outlets"].values() for c in o.values()) == account["finished"] > 100


def test_clearing_the_belt_feeds_nothing_and_empties_it() -> None:
    plant = Plant(setup(), seed=4)
    pc = AllKnowing(plant)
    pc.run(3)
    fed = plant.truth.fed
    pc.command = LineCommand.CLEAR
    pc.run(2)
    assert plant.truth.fed == fed
    assert plant.truth.on_belt == 0
    assert plant.truth.on_belt_mass_g == 0


def test_the_same_seed_gives_the_same_records_and_pictures() -> None:
    def run(seed: int) -> tuple[list[PartRecord], list[tuple[int, float]], bytes]:
        pc = AllKnowing(Plant(setup(), seed))
        records = ran(pc, 3)
        return records, [(e.encoder, e.at_s) for e in pc.exposures], pc.plant.render(pc.exposures[-1]).tobytes()

    assert run(7) == run(7)
    assert run(7)[0] != run(8)[0]


def test_late_catching_up_changes_nothing() -> None:
    steady, stuttering = Plant(setup(), seed=2), Plant(setup(), seed=2)
    for plant in (steady, stuttering):
        AllKnowing(plant).run(0.5)
    made = list(itertools.chain.from_iterable(steady.advance_to(0.5 + n * 0.003) for n in range(100)))
    made_late = stuttering.advance_to(0.5 + 99 * 0.003)
    assert [(e.sequence, e.at_s, e.encoder) for e in made_late] == [(e.sequence, e.at_s, e.encoder) for e in made]
    assert (stuttering.render(made_late[-1]) == steady.render(made[-1])).all()
    assert steady.belt.travel_mm == stuttering.belt.travel_mm
    assert list(steady.truth.records()) == list(stuttering.truth.records())


def test_well_aimed_air_sorts_the_feed() -> None:
    plant = Plant(setup(), seed=1)
    records = ran(AllKnowing(plant), 20)
    ejected, whole = finished(records, VALUABLE)
    assert whole > 100
    assert ejected / whole > 0.97
    by_catch, others = finished(records, ("screw", "connector"))
    assert by_catch / others < 0.1
    assert plant.plc.status().late == plant.plc.status().refused == 0


@pytest.mark.parametrize(("lanes", "counts"), [(6, 0), (0, 700), (0, -700)], ids=["wrong lane", "late", "early"])
def test_badly_aimed_air_misses(lanes: int, counts: int) -> None:
    records = ran(AllKnowing(Plant(setup(), seed=1), lane_shift=lanes, count_shift=counts), 8)
    ejected, whole = finished(records, VALUABLE)
    assert ejected / whole < 0.2


def test_by_catch_grows_with_the_feed() -> None:
    def by_catch(parts_per_s: float) -> float:
        feed = {"parts_per_s": parts_per_s, "min_gap_mm": 0, "mix": {"ic": 1, "screw": 1}, "variants_per_class": 5}
        records = ran(AllKnowing(Plant(setup(feed=feed), seed=1)), 12)
        caught, whole = finished(records, ("screw",))
        return caught / whole

    sparse, dense = by_catch(5), by_catch(150)
    assert sparse < 0.01
    assert dense > sparse + 0.03


def test_shooting_is_right_across_the_counter_s_wrap_around_and_a_stop_and_go() -> None:
    profile = [{"at_s": 2, "speed_factor": 0}, {"at_s": 2.5, "speed_factor": 1}, {"at_s": 4, "speed_factor": 0.5}]
    belt = {"acceleration_mm_s2": 5000, "initial_encoder_count": 2**32 - 15_000, "profile": profile}
    records = ran(AllKnowing(Plant(setup(belt=belt), seed=1)), 8)
    ejected, whole = finished(records, VALUABLE)
    assert whole > 30
    assert ejected / whole > 0.9


def test_a_part_leaves_the_belt_where_its_record_says() -> None:
    plant = Plant(setup(), seed=1)
    for record in ran(AllKnowing(plant), 6):
        if record.outlet == "valuables":
            assert record.ended_counts is not None
            # within half its own size and the nozzle's footprint of the bar
            assert abs(record.ended_counts - (record.belt_counts + 5000)) < 300


def test_area_scan_exposes_on_time_with_the_count_of_that_moment() -> None:
    plant = Plant(setup(), seed=1)
    pc = AllKnowing(plant)
    pc.run(1)
    assert [e.sequence for e in pc.exposures] == list(range(21))
    assert [e.at_s for e in pc.exposures] == pytest.approx([n / 20 for n in range(21)])
    advances = [count_difference(b.encoder, a.encoder) for a, b in itertools.pairwise(pc.exposures)]
    assert advances[-8:] == pytest.approx([500] * 8, abs=1)
    status = plant.plc.status()
    assert (status.trigger_seq, status.trigger_encoder) == (21, pc.exposures[-1].encoder)


def test_line_scan_strips_follow_each_other_without_gap_or_overlap_even_after_rolling_back() -> None:
    profile = [{"at_s": 1.5, "speed_factor": -0.2}, {"at_s": 2.2, "speed_factor": 1}]
    belt = {"acceleration_mm_s2": 5000, "initial_encoder_count": 2**32 - 4000, "profile": profile}
    plant = Plant(setup("line_scan", belt=belt, camera={"noise_sigma": 0}), seed=1)
    pc = AllKnowing(plant, shoot=False)
    pc.run(3.4)  # less than one round of the belt
    assert len(pc.exposures) > 10
    advances = [count_difference(b.encoder, a.encoder) for a, b in itertools.pairwise(pc.exposures)]
    assert set(advances) == {1600}
    # joined, they are one picture of the belt: parts across a border are cut in two, none lost or doubled
    strips = np.concatenate([plant.render(e) for e in pc.exposures])
    parts = {(p.belt_mm, p.across_mm): p for e in pc.exposures for p in e.parts}
    assert sum(len(e.parts) for e in pc.exposures) > len(parts) > 10
    whole = BeltOptics(
        mm_per_px=1.0,
        view_along_mm=160 * len(pc.exposures),
        belt_width_mm=400,
        noise_sigma=0,
        seed=1,
        geometry="line_scan",
    ).render(pc.exposures[-1].travel_mm, [parts[at] for at in sorted(parts)], 0)
    assert (strips == whole).all()


def test_a_standing_belt_triggers_no_line_scan() -> None:
    plant = Plant(setup("line_scan"), seed=1)
    assert plant.advance_to(3) == []


def test_an_area_scan_camera_needs_a_frame_rate() -> None:
    with pytest.raises(Fatal, match="frame rate"):
        Plant(replace(setup(), frame_rate_hz=None))
