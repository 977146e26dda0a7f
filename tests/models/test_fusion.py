"""Measures tell apart what looks alike, are no more believed than they deserve, and are not needed."""

import json
import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from pydantic import ValidationError

from models.fusion import MEASURES, SIZE, Fuser, Measures, carried_over
from models.fusion_fit import COMPONENTS, LEVELS, OUTLIERS, Held, fit_densities, fit_fusion
from models.manifest import Fusion
from models.scores import expected_calibration_error, softmax

NAMES = ("phone", "tablet", "screw", "taught")
TYPICAL = {"phone": (145, 70, 9900, 7, 9, 170), "tablet": (240, 165, 39000, 7, 9, 480), "screw": (20, 6, 90, 4, 6, 3)}


def parts(count: int, seed: int) -> tuple[Measures, NDArray[np.int64]]:
    """Measures float32 [3 * count, 6] of parts of the first three classes, sizes going together, and their labels."""
    rng = np.random.default_rng(seed)
    rows: list[NDArray[np.float64]] = []
    for name in NAMES[:3]:
        scale = rng.normal(0, 0.12, (count, 1)) * np.array([1, 1, 2, 0.3, 0.3, 2.3])
        rows.append(np.log(TYPICAL[name]) + scale + rng.normal(0, 0.05, (count, 6)))
    order = rng.permutation(3 * count)
    measures = np.exp(np.concatenate(rows)).astype(np.float32)
    return measures[order], np.repeat(np.arange(3), count)[order]


def looks(labels: NDArray[np.int64], seed: int) -> NDArray[np.float32]:
    """Logits of a net to which phones and tablets look the same, and which is sure of screws most of the time."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, 1, (len(labels), len(NAMES)))
    flat = labels < 2
    logits[flat, :2] += 4
    logits[~flat, 2] += 4
    return logits.astype(np.float32)


@pytest.fixture(scope="module")
def fusion() -> Fusion:
    measures, labels = parts(120, 1)
    held_measures, held_labels = parts(150, 2)
    held = Held(looks(held_labels, 3), held_labels, held_measures)
    return fit_fusion(NAMES, measures, labels, held, 1.0, "a test")


def test_what_looks_alike_is_told_apart_by_its_size_and_the_chances_stay_true(fusion: Fusion) -> None:
    measures, labels = parts(400, 5)
    logits = looks(labels, 6)
    alone = softmax(logits)
    measures[:, 3:] = np.nan  # a camera without height, no scale
    fused = softmax(Fuser(fusion, NAMES).logits(logits, 1.0, measures)[0])
    assert (alone.argmax(axis=1) == labels).mean() < 0.75
    assert (fused.argmax(axis=1) == labels).mean() > 0.98
    assert expected_calibration_error(fused, labels) < 0.03
    size = next(level for level in fusion.levels if level.measures == SIZE)
    assert size.accuracy.accuracy > size.accuracy_of_color + 0.2


def test_every_set_of_measures_a_line_may_have_gets_a_level(fusion: Fusion) -> None:
    assert tuple(level.measures for level in fusion.levels) == LEVELS


def test_without_measures_the_answer_is_the_net_s_own(fusion: Fusion) -> None:
    logits = looks(np.array([0, 1, 2, 2]), 1)
    nothing = np.full((4, len(MEASURES)), np.nan, np.float32)
    only_height = nothing.copy()
    only_height[:, 3:5] = 5.0  # no level has heights without sizes
    for measures in (nothing, only_height):
        fused, thresholds = Fuser(fusion, NAMES).logits(logits, 1.6, measures)
        np.testing.assert_allclose(fused, logits / 1.6, rtol=1e-6)
        assert np.isnan(thresholds).all()


def test_rows_with_other_measures_are_judged_each_by_what_it_has(fusion: Fusion) -> None:
    measures, labels = parts(4, 8)
    logits = looks(labels, 9)
    mixed = measures.copy()
    mixed[::2, 3:] = np.nan
    mixed[1::3, 5] = np.nan
    fuser = Fuser(fusion, NAMES)
    together = fuser.logits(logits, 1.0, mixed)[0]
    one_by_one = [fuser.logits(logits[k : k + 1], 1.0, mixed[k : k + 1])[0] for k in range(len(mixed))]
    np.testing.assert_allclose(together, np.concatenate(one_by_one), rtol=1e-5)


def test_a_class_without_a_density_neither_gains_nor_loses(fusion: Fusion) -> None:
    assert "taught" not in fusion.classes
    measures, _ = parts(10, 4)
    logits = np.zeros((len(measures), len(NAMES)), np.float32)
    fused = Fuser(fusion, NAMES).logits(logits, 1.0, measures)[0]
    assert np.abs(fused[:, 3]).max() < 1e-5


def test_no_measure_can_exclude_a_class(fusion: Fusion) -> None:
    """A screw as large as a tablet is doubtful, not a tablet: its look counts on."""
    measures, labels = parts(50, 7)
    tablets = measures[labels == 1]
    screws = np.tile(np.array([[0, 0, 12, 0]], np.float32), (len(tablets), 1))
    fuser = Fuser(fusion, NAMES)
    evidence = fuser.logits(np.zeros_like(screws), 1.0, tablets)[0]
    weight = max(level.weight for level in fusion.levels)
    assert evidence.min() >= weight * np.log(OUTLIERS) - 1e-4
    sure = softmax(screws).max(axis=1)
    doubtful = softmax(fuser.logits(screws, 1.0, tablets)[0]).max(axis=1)
    assert (doubtful < sure).all()


@given(st.lists(st.lists(st.floats(width=32), min_size=6, max_size=6), min_size=1, max_size=5))
def test_whatever_is_measured_the_answer_is_finite(fusion: Fusion, rows: list[list[float]]) -> None:
    logits = np.ones((len(rows), len(NAMES)), np.float32)
    fused = Fuser(fusion, NAMES).logits(logits, 1.0, np.array(rows, np.float32))[0]
    assert np.isfinite(fused).all()


def test_a_part_that_measures_nothing_counts_as_the_smallest_there_is(fusion: Fusion) -> None:
    logits = np.zeros((2, len(NAMES)), np.float32)
    flat = np.array([[20, 6, 90, -0.2, 0.0, -0.03], [20, 6, 90, 0.05, 0.05, 0.01]], np.float32)
    first, second = Fuser(fusion, NAMES).logits(logits, 1.0, flat)[0]
    np.testing.assert_array_equal(first, second)


def test_a_head_fitted_anew_takes_the_fusion_with_it(fusion: Fusion) -> None:
    """Logits twice as large and a temperature twice as high are the same answers."""
    measures, labels = parts(20, 4)
    logits = looks(labels, 1)
    levels = tuple(level.model_copy(update={"unknown_threshold": 0.5}) for level in fusion.levels)
    before, limits = Fuser(fusion.model_copy(update={"levels": levels}), NAMES).logits(logits, 1.0, measures)
    later = carried_over(fusion.model_copy(update={"levels": levels}), 2.0, 0.1)
    after, raised = Fuser(later, NAMES).logits(2 * logits, 2.0, measures)
    np.testing.assert_allclose(before, after, rtol=1e-5)
    np.testing.assert_allclose(raised, limits + 0.1, rtol=1e-5)


def test_two_shapes_of_one_class_are_two_components() -> None:
    rng = np.random.default_rng(3)
    round_ones = np.log([50, 14, 600, 10, 14, 45]) + rng.normal(0, 0.05, (60, 6))
    pouches = np.log([90, 50, 4400, 5, 6, 60]) + rng.normal(0, 0.05, (60, 6))
    measures = np.exp(np.concatenate([round_ones, pouches])).astype(np.float32)
    densities, _ = fit_densities(("battery",), measures, np.zeros(120, np.int64))
    lengths = sorted(mean[0] for mean in densities["battery"].means)
    assert 2 <= len(lengths) <= COMPONENTS
    assert np.exp(lengths[0]) == pytest.approx(50, rel=0.1)
    assert np.exp(lengths[-1]) == pytest.approx(90, rel=0.1)


def test_too_few_parts_give_no_density_and_none_at_all_are_refused() -> None:
    measures, labels = parts(40, 1)
    few = (labels != 2) | (np.cumsum(labels == 2) <= 3)
    measures[np.flatnonzero(labels == 0)[:5], 3] = np.nan  # the sensor saw nothing there
    densities, _ = fit_densities(NAMES, measures[few], labels[few])
    assert set(densities) == {"phone", "tablet"}
    with pytest.raises(ValueError, match="fusion needs at least"):
        fit_densities(NAMES, np.full_like(measures, np.nan), labels)


def test_it_survives_the_manifest(fusion: Fusion) -> None:
    again = Fusion.model_validate_json(fusion.model_dump_json())
    measures, labels = parts(20, 4)
    logits = looks(labels, 1)
    before, after = (Fuser(each, NAMES).logits(logits, 1.0, measures)[0] for each in (fusion, again))
    np.testing.assert_array_equal(before, after)


@pytest.mark.parametrize("damage", ["shares", "mean", "covariance", "level", "twice"])
def test_a_damaged_table_is_refused(fusion: Fusion, damage: str) -> None:
    fields = json.loads(fusion.model_dump_json())
    screw = fields["classes"]["screw"]
    if damage == "shares":
        screw["shares"][0] += 0.5
    elif damage == "mean":
        screw["means"][0].pop()
    elif damage == "covariance":
        screw["covariances"][0].append(1.0)
    elif damage == "level":
        fields["measures"] = fields["measures"][:5]
    else:
        fields["measures"][1] = fields["measures"][0]
    with pytest.raises(ValidationError):
        Fusion.model_validate(fields)


def test_a_matrix_that_is_no_covariance_is_refused(fusion: Fusion) -> None:
    screw = fusion.classes["screw"]
    broken = screw.model_copy(update={"covariances": (tuple(-v for v in screw.covariances[0]), *screw.covariances[1:])})
    with pytest.raises(ValueError, match="covariance"):
        Fuser(fusion.model_copy(update={"classes": {**fusion.classes, "screw": broken}}), NAMES)


@pytest.mark.alone
def test_fusing_80_parts_of_31_classes_costs_little(fusion: Fusion) -> None:
    """0.1 to 0.3 ms were measured on one busy core; the limit leaves room for a busier one."""
    names = (*NAMES[:3], *(f"screw_{k}" for k in range(28)))
    many = fusion.model_copy(
        update={"classes": fusion.classes | {name: fusion.classes["screw"] for name in names if name not in NAMES}}
    )
    fuser = Fuser(many, names)
    measures = np.resize(parts(40, 1)[0], (80, 6))
    logits = np.zeros((80, len(names)), np.float32)
    took_s: list[float] = []
    for _ in range(50):
        began_s = time.perf_counter()
        fuser.logits(logits, 1.0, measures)
        took_s.append(time.perf_counter() - began_s)
    assert min(took_s) < 0.001
