"""Metrics become alarms late enough to be meant, and go when things are well again, not before."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from vision.health_config import ClassMixConfig, HealthConfig, HighLimits, LowLimits, PatchConfig
from vision.health_monitor import HealthMonitor, LimitWatch, population_stability_index, psi_of_chance
from vision.results import PictureSample

GOOD = PictureSample(70.0, 0.0, 0.25, 0.25, None, 4)


def _watch(monitor: HealthMonitor, sample: PictureSample, from_s: float, looks: int = 60) -> float:
    for k in range(looks):
        monitor.picture(sample, from_s + 0.25 * k)
    return from_s + 0.25 * looks


def _codes(monitor: HealthMonitor) -> list[tuple[str, str]]:
    return [(a.code, a.level) for a in monitor.alarms()]


def test_a_good_picture_gives_no_alarm_and_says_its_references() -> None:
    monitor = HealthMonitor(HealthConfig(), ("a", "b"))
    assert monitor.metrics()["focus"].state == "learning"
    _watch(monitor, GOOD, 0.0, 100)
    assert _codes(monitor) == []
    assert monitor.metrics()["focus"].value == pytest.approx(1)
    assert monitor.references == {"brightness_reference": pytest.approx(70), "focus_reference": pytest.approx(0.25)}


@pytest.mark.parametrize(
    ("bad", "alarm"),
    [
        (PictureSample(70.0, 0.0, 0.1, 0.1, None, 4), ("vision.out_of_focus", "alarm")),
        (PictureSample(70.0, 0.0, 0.16, 0.16, None, 4), ("vision.out_of_focus", "warn")),
        (PictureSample(70.0, 0.0, 0.2, 0.06, None, 4), ("vision.motion_blur", "alarm")),
        (PictureSample(30.0, 0.0, 0.25, 0.25, None, 4), ("vision.too_dark", "alarm")),
        (PictureSample(130.0, 0.0, 0.25, 0.25, None, 4), ("vision.too_bright", "alarm")),
        (PictureSample(70.0, 0.2, 0.25, 0.25, None, 4), ("vision.saturated", "alarm")),
    ],
)
def test_each_fault_has_its_alarm_and_only_that(bad: PictureSample, alarm: tuple[str, str]) -> None:
    monitor = HealthMonitor(HealthConfig(), ("a", "b"))
    then_s = _watch(monitor, GOOD, 0.0, 100)
    then_s = _watch(monitor, bad, then_s, 100)
    assert _codes(monitor) == [alarm]
    assert "%" in monitor.alarms()[0].text
    _watch(monitor, GOOD, then_s, 100)
    assert _codes(monitor) == []
    assert monitor.raised == {alarm[0]: 1}


def test_a_configured_reference_finds_a_line_that_starts_in_the_dark() -> None:
    monitor = HealthMonitor(HealthConfig(brightness_reference=140), ("a",))
    _watch(monitor, GOOD, 0.0)
    assert _codes(monitor) == [("vision.too_dark", "warn")]


def test_a_drifting_and_a_covered_patch_alarm() -> None:
    config = HealthConfig(patch=PatchConfig(along_mm=0, across_mm=0, length_mm=5, width_mm=5, bgr=(200, 200, 200)))
    monitor = HealthMonitor(config, ("a",))
    then_s = _watch(monitor, PictureSample(70, 0, 0.25, 0.25, (201.0, 199.0, 200.0), 4), 0.0)
    assert _codes(monitor) == []
    then_s = _watch(monitor, PictureSample(70, 0, 0.25, 0.25, (185.0, 199.0, 205.0), 4), then_s)
    assert _codes(monitor) == [("vision.patch_drift", "warn")]
    _watch(monitor, PictureSample(70, 0, 0.25, 0.25, (60.0, 60.0, 60.0), 4), then_s)
    assert _codes(monitor) == [("vision.patch_drift", "alarm")]


def test_frames_that_are_not_fresh_alarm() -> None:
    monitor = HealthMonitor(HealthConfig(), ("a",))
    for k in range(100):
        sample = PictureSample(70, 0, 0.25, 0.25, None, 4, frames=10 * k, stale_frames=max(0, k - 50) * 4)
        monitor.picture(sample, 0.25 * k)
    assert _codes(monitor) == [("vision.stale_frames", "alarm")]


def _feed(monitor: HealthMonitor, shares: list[float], parts: int, seed: int, from_s: float = 0.0) -> float:
    drawn = np.random.default_rng(seed).choice(len(shares), parts, p=np.array(shares) / sum(shares))
    for k, label in enumerate(drawn.tolist()):
        monitor.part(label, unknown=False, now_s=from_s + 0.1 * k)
    return from_s + 0.1 * parts


MIX = [4.0, 3.0, 2.0, 1.0, 1.0, 0.5, 0.0, 0.0]
LABELS = tuple("abcdefgh")


@pytest.mark.parametrize("seed", range(10))
def test_the_usual_mix_never_alarms_whatever_chance_does(seed: int) -> None:
    monitor = HealthMonitor(HealthConfig(class_mix=ClassMixConfig(learn_parts=200, window_parts=100)), LABELS)
    _feed(monitor, MIX, 3000, seed)
    assert monitor.raised == {}


@pytest.mark.parametrize("reference", [None, dict(zip(LABELS, MIX, strict=True))])
def test_another_mix_alarms_and_the_old_one_ends_it(reference: dict[str, float] | None) -> None:
    config = ClassMixConfig(learn_parts=500, window_parts=300, reference=reference)
    monitor = HealthMonitor(HealthConfig(class_mix=config), LABELS)
    then_s = _feed(monitor, MIX, 1000, seed=1)
    assert _codes(monitor) == []
    then_s = _feed(monitor, MIX[::-1], 500, seed=2, from_s=then_s)
    assert _codes(monitor) == [("vision.class_mix", "alarm")]
    _feed(monitor, MIX, 600, seed=3, from_s=then_s)
    assert _codes(monitor) == []


def test_many_unknown_parts_alarm() -> None:
    monitor = HealthMonitor(HealthConfig(), LABELS)
    for k in range(400):
        monitor.part(0, unknown=k % 10 < 4, now_s=0.1 * k)
    assert _codes(monitor) == [("vision.unknown_rate", "warn")]


def test_psi_is_what_its_formula_says() -> None:
    assert population_stability_index([500, 500], [500, 500]) == pytest.approx(0)
    # (0.6 - 0.5) ln(0.6/0.5) + (0.4 - 0.5) ln(0.4/0.5), the half parts aside
    assert population_stability_index([6e6, 4e6], [5e6, 5e6]) == pytest.approx(0.0405465, abs=1e-6)


def test_psi_of_chance_is_exceeded_once_in_a_thousand() -> None:
    rng = np.random.default_rng(5)
    shares = np.full(8, 1 / 8)
    over = sum(
        population_stability_index(rng.multinomial(300, shares).tolist(), rng.multinomial(1000, shares).tolist())
        > psi_of_chance(8, 300, 1000)
        for _ in range(4000)
    )
    assert over <= 12


@given(
    values=st.lists(st.tuples(st.floats(0, 2), st.floats(0.01, 2)), max_size=200),
    low=st.booleans(),
    for_s=st.floats(0, 3),
)
def test_a_state_never_changes_before_its_time_nor_without_reason(
    values: list[tuple[float, float]], low: bool, for_s: float
) -> None:
    limits = LowLimits(warn=0.8, alarm=0.5, for_s=for_s) if low else HighLimits(warn=0.8, alarm=1.2, for_s=for_s)
    watch = LimitWatch(limits)
    now_s, changed_s, level = 0.0, 0.0, "ok"
    for value, wait_s in values:
        now_s += wait_s
        after = watch.update(value, now_s)
        if after != level:
            assert now_s - changed_s >= for_s
            beyond_warn = value < 0.8 if low else value > 0.8
            back = value > 0.8 * 1.1 - 1e-9 if low else value < 0.8 * 0.9 + 1e-9
            assert beyond_warn if after == "alarm" else back if after == "ok" else True
            level, changed_s = after, now_s
    for _ in range(3):  # what stays, in the end is said
        now_s += for_s + 0.1
        watch.update(0.1 if low else 1.9, now_s)
    assert watch.level == "alarm"


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: LowLimits(warn=0.5, alarm=0.8), "lower is worse"),
        (lambda: HighLimits(warn=0.5, alarm=0.2), "higher is worse"),
        (lambda: PatchConfig(along_mm=0, across_mm=0, length_mm=1, width_mm=1, bgr=(1, 2, 300)), "0 to 255"),
        (lambda: ClassMixConfig(reference={"a": 0}), "all shares are 0"),
    ],
)
def test_limits_that_make_no_sense_are_refused(make: object, words: str) -> None:
    assert callable(make)
    with pytest.raises(ValidationError, match=words):
        make()
