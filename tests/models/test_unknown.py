"""What is none of the classes is told by what the net is unsure of, and by what it has never seen the like of."""

import numpy as np
import pytest

from models.manifest import Unknown
from models.memory import Memory
from models.scores import softmax
from models.unknown import UnknownRule, fit_unknown

RNG = np.random.default_rng(4)
CENTRES = np.eye(8, dtype=np.float32)[:3] * 5
MEMORY = Memory(
    np.concatenate([CENTRES[c] + RNG.normal(0, 0.3, (20, 8)) for c in range(3)]).astype(np.float32),
    np.repeat(np.arange(3), 20),
)


def known(count: int) -> tuple[np.ndarray, np.ndarray]:
    labels = np.arange(count) % 3
    embeddings = (CENTRES[labels] + RNG.normal(0, 0.3, (count, 8))).astype(np.float32)
    return softmax(embeddings[:, :3]), embeddings


def test_a_fitted_rule_accepts_its_share_of_known_crops() -> None:
    rule = fit_unknown(*known(400), MEMORY, accepted=0.9)
    assert rule.method == "softmax_and_neighbours"
    unseen = known(400)
    assert 0.85 < (~UnknownRule(rule, MEMORY, 3)(*unseen)).mean() < 0.95


def test_a_crop_that_the_net_is_sure_of_is_unknown_where_nothing_like_it_was_taught() -> None:
    rule = UnknownRule(fit_unknown(*known(400), MEMORY), MEMORY, 3)
    sure = np.array([[0.99, 0.005, 0.005]], np.float32)
    strange = np.eye(8, dtype=np.float32)[7:] * 5
    assert rule(sure, strange).tolist() == [True]
    assert rule(sure, CENTRES[:1]).tolist() == [False]


def test_without_exemplars_the_softmax_alone_decides() -> None:
    rule = fit_unknown(known(400)[0], None, None)
    assert rule.method == "softmax"
    unsure = np.array([[0.34, 0.33, 0.33], [1, 0, 0]], np.float32)
    assert UnknownRule(rule, None, 3)(unsure, None).tolist() == [True, False]


def test_a_model_without_a_rule_rejects_nothing() -> None:
    assert not UnknownRule(None, None, 3)(np.full((4, 3), 1 / 3, np.float32), None).any()


def test_a_class_with_few_or_no_exemplars_is_still_judged() -> None:
    memory = Memory(CENTRES[:1], np.zeros(1, np.int64))
    rule = Unknown(method="softmax_and_neighbours", threshold=0.5, accepted=0.95, distance_weight=1.0)
    scores = UnknownRule(rule, memory, 2).scores(np.array([[1, 0], [0, 1]], np.float32), CENTRES[[0, 0]])
    np.testing.assert_allclose(scores, [0, 0], atol=1e-6)


def test_a_rule_that_needs_exemplars_is_refused_without() -> None:
    rule = Unknown(method="softmax_and_neighbours", threshold=0.5, accepted=0.95)
    with pytest.raises(ValueError, match="exemplars"):
        UnknownRule(rule, None, 2)


def test_no_crops_fit_no_rule() -> None:
    with pytest.raises(ValueError, match="no crops"):
        fit_unknown(np.zeros((0, 3), np.float32), None, None)
