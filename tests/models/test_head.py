"""The head's fit: it reaches the minimum, and stays where it is told to."""

import numpy as np
import pytest

from models.head import Floats, Head, Scaling, certain, fit_head

CLASSES, WIDTH = 3, 5


def clouds(seed: int, count: int = 60) -> tuple[Floats, np.ndarray]:
    rng = np.random.default_rng(seed)
    labels = np.arange(count) % CLASSES
    centres = np.random.default_rng(1).normal(0, 2, (CLASSES, WIDTH))
    return (centres[labels] + rng.normal(0, 0.4, (count, WIDTH))).astype(np.float32) * 30 + 7, labels


def nothing() -> Head:
    return Head(np.zeros((CLASSES, WIDTH), np.float32), np.zeros(CLASSES, np.float32))


def test_what_can_be_told_apart_is_told_apart() -> None:
    embeddings, labels = clouds(0)
    head = fit_head(embeddings, certain(labels, CLASSES), np.ones(len(labels)), nothing(), 1e-3)
    unseen, truth = clouds(5)
    assert (head.logits(unseen).argmax(axis=1) == truth).mean() > 0.95


def test_the_loss_has_no_slope_where_the_fit_ends() -> None:
    embeddings, labels = clouds(0)
    stiffness = 0.05
    head = fit_head(embeddings, certain(labels, CLASSES), np.ones(len(labels)), nothing(), stiffness)
    scaling = Scaling.of(embeddings)
    rows, inside = scaling.scaled(embeddings).astype(np.float64), scaling.inside(head).astype(np.float64)
    powers = np.exp(rows @ inside.T)
    slope = (powers / powers.sum(axis=1, keepdims=True) - np.eye(CLASSES)[labels]).T @ rows / len(labels)
    assert np.abs(slope + stiffness * inside).max() < 5e-3


def test_a_stiff_head_stays_and_a_loose_one_goes() -> None:
    embeddings, labels = clouds(0)
    near = Head(np.full((CLASSES, WIDTH), 0.01, np.float32), np.zeros(CLASSES, np.float32))
    stiff = fit_head(embeddings, certain(labels, CLASSES), np.ones(len(labels)), near, 1e6)
    loose = fit_head(embeddings, certain(labels, CLASSES), np.ones(len(labels)), near, 1e-3)
    np.testing.assert_allclose(stiff.weight, near.weight, atol=1e-4)
    assert np.abs(loose.weight - near.weight).max() > 0.01


def test_a_heavy_row_wins_over_many_light_ones() -> None:
    embeddings = np.zeros((11, WIDTH), np.float32)
    labels = np.array([0] * 10 + [1])
    weights = np.array([1.0] * 10 + [100.0])
    head = fit_head(embeddings, certain(labels, CLASSES), weights, nothing(), 1e-3)
    assert head.logits(embeddings[:1]).argmax() == 1


def test_scaling_a_head_in_and_out_gives_it_back() -> None:
    embeddings, labels = clouds(2)
    head = fit_head(embeddings, certain(labels, CLASSES), np.ones(len(labels)), nothing(), 1e-2)
    scaling = Scaling.of(embeddings)
    back = scaling.outside(scaling.inside(head))
    np.testing.assert_allclose(back.logits(embeddings), head.logits(embeddings), atol=1e-3)


@pytest.mark.parametrize("seed", range(3))
def test_the_same_crops_give_the_same_head_bit_for_bit(seed: int) -> None:
    embeddings, labels = clouds(seed)
    one, two = (fit_head(embeddings, certain(labels, CLASSES), np.ones(len(labels)), nothing(), 1e-3) for _ in range(2))
    assert one.weight.tobytes() == two.weight.tobytes()
    assert one.bias.tobytes() == two.bias.tobytes()
