"""Intervals, areas and temperatures against values computed otherwise."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.scores import accuracy_at_coverage, auroc, fit_temperature, score, softmax, wilson_interval

scores = st.lists(st.integers(0, 6).map(float), min_size=1, max_size=12)


@pytest.mark.parametrize(
    ("hits", "count", "low", "high"),
    # Newcombe, Statistics in Medicine 17, 1998, table I, method 3
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_the_wilson_interval_is_the_published_one(hits: int, count: int, low: float, high: float) -> None:
    assert wilson_interval(hits, count) == pytest.approx((low, high), abs=5e-5)


def test_of_nothing_seen_nothing_is_known() -> None:
    assert wilson_interval(0, 0) == (0.0, 1.0)


@given(scores, scores)
def test_the_area_is_the_share_of_pairs_in_the_right_order(known: list[float], others: list[float]) -> None:
    pairs = [(k < o) + 0.5 * (k == o) for k in known for o in others]
    assert auroc(np.array(known), np.array(others)) == pytest.approx(sum(pairs) / len(pairs))


def test_an_area_needs_both_kinds() -> None:
    with pytest.raises(ValueError, match="both kinds"):
        auroc(np.array([1.0]), np.array([]))


def test_coverage_keeps_the_most_known_answers() -> None:
    right = np.array([True] * 18 + [False, True])
    wrong_last = np.arange(20.0)
    wrong_last[18] = 99
    assert accuracy_at_coverage(right, wrong_last, 0.95) == 1.0
    assert accuracy_at_coverage(right, -wrong_last, 0.95) == 18 / 19


def test_a_prior_keeps_few_answers_from_saying_anything() -> None:
    logits = np.array([[4.0, 0.0]] * 5, np.float32)
    always_right = np.zeros(5, np.int64)
    assert fit_temperature(logits, always_right) == pytest.approx(0.2)
    assert 0.75 < fit_temperature(logits, always_right, prior=(1.0, 0.3)) < 1.0


def test_many_answers_overrule_the_prior() -> None:
    rng = np.random.default_rng(3)
    logits = rng.normal(0, 3, (20_000, 4))
    labels = np.array([rng.choice(4, p=row / row.sum()) for row in softmax(logits, 2.0).astype(np.float64)])
    assert fit_temperature(logits, labels, prior=(0.5, 0.3)) == pytest.approx(2.0, rel=0.05)


def test_scores_carry_the_intervals_of_their_shares() -> None:
    answers = np.eye(2, dtype=np.float32)[[0, 0, 1, 1, 1]]
    found = score(("a", "b"), answers, np.array([0, 0, 0, 1, 1]))
    assert found.accuracy_interval == wilson_interval(4, 5)
    assert found.classes["a"].recall_interval == wilson_interval(2, 3)
    assert found.classes["b"].precision_interval == wilson_interval(2, 3)
