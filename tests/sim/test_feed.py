"""The feeder: rate, mix, no overlap, nothing forgotten."""

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from senbetsu_errors import SenbetsuError
from sim.config import FeedConfig
from sim.feed import BeltPart, Feeder, PartKey, PartStock

STOCK = PartStock(3, 1.0)


def feed(feeder: Feeder, belt_mm: float, step_mm: float = 1.0) -> list[BeltPart]:
    """All parts fed while so much belt goes by."""
    parts: list[BeltPart] = []
    for step in range(int(belt_mm / step_mm)):
        parts += feeder.advance(step_mm, (step + 1) * step_mm, 0.0)
    return parts


def small_parts(**settings: float) -> FeedConfig:
    return FeedConfig.model_validate(
        {"mix": {"ic": 2, "screw": 1, "capacitor_ta": 1}, "variants_per_class": 4, **settings}
    )


def overlap(one: BeltPart, other: BeltPart, gap_mm: float) -> bool:
    return (
        one.belt_min_mm < other.belt_max_mm + gap_mm
        and other.belt_min_mm < one.belt_max_mm + gap_mm
        and one.across_min_mm < other.across_max_mm + gap_mm
        and other.across_min_mm < one.across_max_mm + gap_mm
    )


def test_the_rate_is_per_belt_and_so_is_the_mix() -> None:
    feeder = Feeder(small_parts(parts_per_s=20), 800, 1000, STOCK, seed=1)
    parts = feed(feeder, 100_000)
    # 2000 expected, Poisson: sigma 45
    assert len(parts) == pytest.approx(2000, abs=180)
    chips = sum(p.image.class_id == "ic" for p in parts)
    assert chips / len(parts) == pytest.approx(0.5, abs=0.05)
    # gaps of a Poisson process: as spread as they are long
    gaps = [b.belt_mm - a.belt_mm for a, b in pairwise(parts)]
    mean = sum(gaps) / len(gaps)
    spread = (sum((g - mean) ** 2 for g in gaps) / len(gaps)) ** 0.5
    assert spread == pytest.approx(mean, rel=0.15)


def test_the_same_seed_feeds_the_same_and_another_does_not() -> None:
    def places(seed: int) -> list[tuple[float, float, str, float]]:
        feeder = Feeder(small_parts(), 800, 1000, PartStock(seed, 1.0), seed)
        return [(p.belt_mm, p.across_mm, p.image.class_id, p.image.mass_g) for p in feed(feeder, 3000)]

    assert places(5) == places(5)
    assert places(5) != places(6)


def test_a_part_is_the_same_whatever_was_drawn_before_it() -> None:
    key = PartKey("screw", 2)
    stock = PartStock(9, 1.0)
    stock.draw(PartKey("ic", 0))
    assert (stock.draw(key).alpha == PartStock(9, 1.0).draw(key).alpha).all()
    assert stock.draw(key) is stock.draw(key)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000), rate=st.floats(1, 400), gap_mm=st.floats(0, 20), width_mm=st.floats(60, 800))
def test_parts_lie_inside_the_belt_without_overlap_and_none_is_forgotten(
    seed: int, rate: float, gap_mm: float, width_mm: float
) -> None:
    feeder = Feeder(small_parts(parts_per_s=rate, min_gap_mm=gap_mm), width_mm, 1000, STOCK, seed)
    parts = feed(feeder, 1500)
    assert feeder.drawn == len(parts) + feeder.rejected + feeder.waiting
    for part in parts:
        assert part.across_min_mm >= 0
        assert part.across_max_mm <= width_mm + 1e-9
    for at, part in enumerate(parts):
        for other in parts[at + 1 : at + 40]:
            assert not overlap(part, other, gap_mm - 1e-9)


def test_parts_that_fall_together_touch_or_lie_on_each_other_in_the_configured_share() -> None:
    share = 0.4
    feeder = Feeder(small_parts(parts_per_s=5, overlap=share), 400, 1000, STOCK, 3)
    parts = feed(feeder, 100_000)
    assert feeder.drawn == len(parts) + feeder.rejected + feeder.waiting
    assert len(parts) == pytest.approx(500, abs=110)
    against = [part for before, part in pairwise(parts) if overlap(before, part, 1.0)]
    assert len(against) / len(parts) == pytest.approx(share, abs=0.08)
    on_others = [part for part in parts if part.base_mm > 0]
    assert 0.3 < len(on_others) / len(against) < 0.8
    for part in parts:
        assert part.across_min_mm >= 0
        assert part.across_max_mm <= 400 + 1e-9
        assert part.base_mm < 40


def test_without_overlap_nothing_lies_on_anything() -> None:
    assert all(part.base_mm == 0 for part in feed(Feeder(small_parts(), 400, 1000, STOCK, 3), 3000))


def test_an_overfull_feed_rejects_and_says_so() -> None:
    feeder = Feeder(small_parts(parts_per_s=2000), 60, 1000, STOCK, 1)
    feed(feeder, 3000)
    assert feeder.rejected > 0
    assert feeder.drawn == feeder.fed + feeder.rejected + feeder.waiting


def test_no_rate_no_parts() -> None:
    assert feed(Feeder(small_parts(parts_per_s=0), 800, 1000, STOCK, 1), 5000) == []


@pytest.mark.parametrize("mix", [{}, {"ic": 0}, {"unicorn": 1}, {"ic": -1}, {"ic": float("inf")}])
def test_a_mix_that_feeds_nothing_real_is_refused(mix: dict[str, float]) -> None:
    with pytest.raises((ValueError, SenbetsuError), match="mix"):
        FeedConfig.model_validate({"mix": mix})
