"""A line's own mix of classes weighs the model's answers."""

import numpy as np
import pytest

from senbetsu_errors import NeedsOperator
from vision.classify import prior_of

LABELS = ("battery", "ic", "pcb", "screw")


def test_without_a_mix_every_class_is_as_likely_as_any_other() -> None:
    assert np.array_equal(prior_of(LABELS, None, 0.05), np.zeros(4, np.float32))


def test_the_shares_are_those_of_the_mix_and_the_rest_is_shared_evenly() -> None:
    shares = np.exp(prior_of(LABELS, {"pcb": 3, "screw": 1}, 0.1))
    assert shares == pytest.approx([0.05, 0.05, 0.675, 0.225])


def test_a_mix_of_all_classes_leaves_nothing_for_others() -> None:
    shares = np.exp(prior_of(LABELS, dict.fromkeys(LABELS, 2.0), 0.3))
    assert shares == pytest.approx([0.25] * 4)


def test_a_class_that_the_model_does_not_know_is_refused_by_name() -> None:
    with pytest.raises(NeedsOperator, match="smartphone") as caught:
        prior_of(LABELS, {"pcb": 1, "smartphone": 1}, 0.05)
    assert caught.value.code == "vision.expected_mix"
