"""Whatever the belt does, every part gets one identity and is returned once."""

from dataclasses import dataclass, field, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.fusion import MEASURES
from senbetsu_errors import Fatal
from vision.parts import Part
from vision.results import Detections
from vision.track import Tracker, TrackerConfig

VIEW_MM = 300.0
COUNTS_PER_MM = 10
CLASSES = 3
BAR_MM = 900.0


@dataclass
class Lying:
    """A part on the belt: p in belt mm, across, half sizes; `slides` and `strays` are mm of p (downstream) and across
    per mm of belt travel; one that `turns` changes its half length along by that much, to and fro."""

    p: float
    x: float
    half: float = 10.0
    label: int = 0
    slides: float = 0.0
    strays: float = 0.0
    turns: float = 0.0

    def at(self, e_mm: float) -> tuple[float, float]:
        """Belt coordinate and place across when the belt has travelled `e_mm`."""
        return self.p - self.slides * e_mm, self.x + self.strays * e_mm

    def at_bar(self) -> tuple[float, float]:
        """The same, when it passes the valve bar: e - p(e) = BAR_MM."""
        return self.at((BAR_MM + self.p) / (1 + self.slides))


@dataclass
class Line:
    """A tracker and what lies on its belt; `move_to` shows it the picture at a position."""

    parts: list[Lying]
    noise_mm: float = 0.0
    seed: int = 0
    returned: list[Part] = field(default_factory=list[Part])

    def __post_init__(self) -> None:
        self.tracker = Tracker(TrackerConfig(COUNTS_PER_MM, CLASSES, edge_mm=1.0, act_at_mm=BAR_MM))
        self.random = np.random.default_rng(self.seed)

    def move_to(self, e_mm: float) -> list[Part]:
        ready = self.tracker.update(round(e_mm * COUNTS_PER_MM), self.picture(e_mm), VIEW_MM)
        self.returned += ready
        return ready

    def picture(self, e_mm: float) -> Detections:
        rows: list[tuple[float, ...]] = []
        chances: list[list[float]] = []
        for part in self.parts:
            p, x = part.at(e_mm)
            along = e_mm - p + self.random.normal(0, self.noise_mm or 1e-12)
            half = part.half + part.turns * np.sin(e_mm / 20)
            low, high = along - half, along + half
            if high <= 0.5 or low >= VIEW_MM - 0.5:
                continue
            up, down = low <= 0, high >= VIEW_MM
            low, high = max(low, 0.0), min(high, VIEW_MM)
            rows.append(((low + high) / 2, x, low, high, x - part.half, x + part.half, up ^ down, up & down))
            seen_whole = not (up or down)
            chances.append([0.8 if c == part.label else 0.1 for c in range(CLASSES)] if seen_whole else [0.0] * CLASSES)
        columns = np.array(rows, np.float64).reshape(-1, 8).T
        return Detections(
            *columns[:6],
            area_mm2=(columns[3] - columns[2]) * (columns[5] - columns[4]),
            probabilities=np.array(chances, np.float32).reshape(-1, CLASSES),
            cut=columns[6] > 0,
            oversize=columns[7] > 0,
            unknown=np.zeros(len(rows), np.bool_),
            clump=np.zeros(len(rows), np.bool_),
        )

    def run(self, positions_mm: list[float]) -> list[Part]:
        for e_mm in positions_mm:
            self.move_to(e_mm)
        return self.returned


def grid(count: int) -> list[Lying]:
    """Parts 25 mm apart across and along, no two in reach of the gate."""
    return [Lying(p=60.0 + 31 * (k // 8), x=30.0 + 27 * (k % 8), label=k % CLASSES) for k in range(count)]


def places(parts: list[Part]) -> list[tuple[int, int]]:
    return sorted((round(p.belt_counts / COUNTS_PER_MM), round(p.across_mm)) for p in parts)


def expected(parts: list[Lying]) -> list[tuple[int, int]]:
    return sorted((round(p.p), round(p.x)) for p in parts)


@pytest.mark.parametrize("step_mm", [3, 20, 50, 120, 250])
def test_each_part_is_returned_once_at_its_place_with_its_class(step_mm: float) -> None:
    line = Line(grid(48))
    line.run([float(e) for e in np.arange(0, 800, step_mm)])
    assert places(line.returned) == expected(line.parts)
    label = {(round(p.p), round(p.x)): p.label for p in line.parts}
    for part in line.returned:
        assert (
            int(np.argmax(part.probabilities)) == label[round(part.belt_counts / COUNTS_PER_MM), round(part.across_mm)]
        )
        assert part.ahead_mm == pytest.approx(10)
        assert part.behind_mm == pytest.approx(10)
        assert not part.oversize
        assert not part.sliding


def test_measures_of_the_views_are_averaged_each_over_the_views_that_have_it() -> None:
    line = Line([Lying(p=60.0, x=50.0, label=1)])
    for e_mm, length, mass in ((90.0, 20.0, np.nan), (120.0, 22.0, 5.0), (150.0, 24.0, np.nan), (180.0, 26.0, 7.0)):
        seen = line.picture(e_mm)
        measures = np.full((len(seen), len(MEASURES)), np.nan, np.float32)
        measures[:, 0], measures[:, -1] = length, mass
        line.tracker.update(round(e_mm * COUNTS_PER_MM), replace(seen, measures=measures), VIEW_MM)
    line.tracker.update(round(185.0 * COUNTS_PER_MM), line.picture(185.0), VIEW_MM)  # one view without
    (part,) = line.tracker.flush()
    assert part.views == 5
    assert part.measures[[0, -1]].tolist() == [23.0, 6.0]
    assert np.isnan(part.measures[1:-1]).all()


def test_more_views_make_the_class_surer_and_the_place_better() -> None:
    many, few = Line(grid(8), noise_mm=0.5), Line(grid(8), noise_mm=0.5)
    many.run([float(e) for e in np.arange(0, 500, 20)])
    few.run([float(e) for e in np.arange(0, 800, 240)])
    assert min(p.views for p in many.returned) > max(p.views for p in few.returned)
    assert min(p.probabilities.max() for p in many.returned) > max(p.probabilities.max() for p in few.returned)
    assert max(p.uncertainty_mm for p in many.returned) < 1.2


def test_the_encoders_uncertainty_is_part_of_the_parts() -> None:
    line = Line([Lying(60, 100)])
    parts: list[Part] = []
    for e in range(0, 500, 25):
        parts += line.tracker.update(e * COUNTS_PER_MM, line.picture(float(e)), VIEW_MM, uncertainty_counts=30)
    assert parts[0].uncertainty_mm == pytest.approx(3, abs=0.1)


@given(
    moves=st.lists(st.floats(-6, 90), min_size=5, max_size=40),
    count=st.integers(1, 40),
    start=st.integers(-(2**33), 2**40),
    seed=st.integers(0, 1000),
)
@settings(max_examples=100, deadline=None)
def test_any_motion_of_the_belt_returns_every_part_that_passed_once(
    moves: list[float], count: int, start: int, seed: int
) -> None:
    origin_mm = start / COUNTS_PER_MM
    line = Line([Lying(p.p + origin_mm, p.x, label=p.label) for p in grid(count)], noise_mm=0.2, seed=seed)
    # Never back by more than is remembered, never on by more than a part can be seen in, and beyond the last part.
    positions = [origin_mm]
    for move in moves:
        positions.append(max(positions[-1] + move, max(positions) - 20))
    end_mm = origin_mm + 60 + 31 * (count // 8 + 1) + VIEW_MM + 60
    positions += [float(e) for e in np.arange(positions[-1], max(positions[-1], end_mm) + 60, 60)]
    line.run(positions)
    assert len(line.returned) == count
    assert len({p.part_id for p in line.returned}) == count
    # float32-free arithmetic: far from the origin the place is as good as near it.
    for got, want in zip(
        sorted((p.belt_counts / COUNTS_PER_MM - origin_mm, p.across_mm) for p in line.returned),
        sorted((p.p - origin_mm, p.x) for p in line.parts),
        strict=True,
    ):
        assert abs(got[0] - want[0]) < 1.5


def test_a_standing_belt_returns_nothing_twice_and_invents_no_views() -> None:
    line = Line(grid(16))
    line.run([200.0] * 50)
    assert line.returned == []
    ids = {v.part_id for v in line.tracker.visible(2000)}
    line.run([float(e) for e in np.arange(200, 700, 20)])
    assert places(line.returned) == expected(line.parts)
    assert {p.part_id for p in line.returned} == ids
    assert max(p.views for p in line.returned) < 15


def test_a_part_returned_keeps_its_identity_when_the_belt_runs_back_a_little() -> None:
    line = Line([Lying(60, 100)])
    line.run([float(e) for e in np.arange(60, 345, 20)])
    assert len(line.returned) == 1
    line.run([335.0, 330.0, 345.0, 360.0, 372.0, 371.0, 366.0, 400.0, 500.0])
    assert len(line.returned) == 1


def test_a_jump_over_the_whole_view_returns_what_was_seen_before_it() -> None:
    line = Line(grid(8))
    line.run([200.0, 220.0, 5000.0, 5020.0])
    assert places(line.returned) == expected(line.parts)


def test_an_encoder_reset_returns_what_was_seen_and_starts_anew() -> None:
    line = Line(grid(8))
    line.run([200.0, 220.0])
    after = Line(grid(8), seed=1)
    after.tracker = line.tracker
    ready = after.tracker.update(-400_000, after.picture(-40_000.0), VIEW_MM)
    assert len(ready) == 8
    assert after.tracker.visible(-400_000) == []


def test_a_part_only_ever_seen_cut_is_returned_as_oversize_with_no_class() -> None:
    line = Line([Lying(500, 100, half=30)])
    line.run([0.0, 240.0, 490.0, 790.0, 1040.0])
    assert [p.oversize for p in line.returned] == [True]
    assert not line.returned[0].probabilities.any()
    assert line.returned[0].views == 0


def test_a_part_longer_than_the_view_is_returned_once() -> None:
    line = Line([Lying(1000, 100, half=400)])
    line.run([float(e) for e in np.arange(500, 2000, 40)])
    assert [p.oversize for p in line.returned] == [True]


def test_a_reflection_that_is_seen_once_and_never_again_is_counted_not_returned() -> None:
    line = Line([Lying(60, 100)])
    line.move_to(100.0)
    line.parts.clear()
    line.run([float(e) for e in np.arange(110, 600, 20)])
    assert line.returned == []
    assert line.tracker.vanished == 1


def test_two_parts_seen_as_one_for_a_picture_are_still_two() -> None:
    line = Line([Lying(60, 100), Lying(60, 121)])
    line.run([100.0, 120.0])
    apart = line.parts
    line.parts = [Lying(60, 110.5, half=20.5)]
    line.run([140.0])
    line.parts = apart
    line.run([float(e) for e in np.arange(160, 600, 20)])
    assert len(line.returned) == 2


def test_line_scan_returns_every_part_at_once() -> None:
    tracker = Tracker(TrackerConfig(COUNTS_PER_MM, CLASSES, line_scan=True))
    line = Line(grid(8))
    ready = tracker.update(2000, line.picture(200.0), 20.0)
    assert places(ready) == expected(line.parts)
    assert all(v.decided for v in tracker.visible(2000))


def test_another_number_of_classes_is_refused() -> None:
    with pytest.raises(Fatal, match="3 classes, expected 5"):
        Tracker(TrackerConfig(COUNTS_PER_MM, 5)).update(2000, Line(grid(8)).picture(200.0), VIEW_MM)


def test_visible_says_where_parts_are_now() -> None:
    line = Line([Lying(60, 100, label=2)])
    line.run([100.0, 120.0])
    (seen,) = line.tracker.visible(1250)
    assert seen.along_mm == pytest.approx(65)
    assert (seen.along_min_mm, seen.along_max_mm) == (pytest.approx(55), pytest.approx(75))
    assert seen.label_index == 2
    assert not seen.decided


@pytest.mark.parametrize("torn_at", [[300.0], [260.0, 300.0]])
def test_a_piece_that_a_picture_or_two_tears_off_a_part_is_no_part(torn_at: list[float]) -> None:
    line = Line([whole := Lying(60, 100, half=20)])
    for e in np.arange(80, 600, 20.0):
        line.parts = [whole, Lying(75, 112, half=4)] if e in torn_at else [whole]
        line.move_to(float(e))
    assert places(line.returned) == expected([whole])
    assert line.tracker.vanished == 1


def test_a_small_part_that_lies_at_a_large_one_in_every_picture_is_a_part() -> None:
    line = Line([Lying(60, 100, half=20), Lying(75, 112, half=4)])
    line.run([float(e) for e in np.arange(80, 600, 20)])
    assert places(line.returned) == expected(line.parts)


def test_a_part_carries_the_shares_of_its_whole_views_that_were_unknown_or_a_clump() -> None:
    line = Line([Lying(p=100.0, x=100.0, label=1)])
    seen_whole = 0
    for e_mm in range(0, 400, 20):
        picture = line.picture(float(e_mm))
        whole = ~(picture.cut | picture.oversize)
        seen_whole += int(whole.sum())
        picture = replace(picture, unknown=whole & (seen_whole % 2 == 1), clump=whole & (seen_whole > 2))
        line.returned += line.tracker.update(e_mm * COUNTS_PER_MM, picture, VIEW_MM)
    (part,) = line.returned
    assert part.unknown_share == pytest.approx(-(-part.views // 2) / part.views)
    assert part.clump_share == pytest.approx((part.views - 2) / part.views)
