"""Stills are asked about in several looks, crops in one."""

from pathlib import Path

import numpy as np

from models.predict import Predictor
from models.registry import verify


def test_a_still_is_answered_by_the_mean_over_its_framings_and_quarter_turns(teachable_model: Path) -> None:
    predictor = Predictor(verify(teachable_model))
    size = verify(teachable_model).manifest.input.size_px
    stills = np.random.default_rng(3).integers(0, 255, (3, 2, size, size, 3), dtype=np.uint8)
    answers = predictor.answers(stills)
    looks = [np.rot90(stills[:, framing], turn, (1, 2)) for framing in range(2) for turn in range(4)]
    each = [predictor.answers(np.ascontiguousarray(look)) for look in looks]
    assert np.allclose(answers.logits, np.mean([one.logits for one in each], axis=0), atol=1e-4)
    assert answers.embeddings is not None
    assert np.allclose(
        answers.embeddings, np.mean([one.embeddings for one in each if one.embeddings is not None], axis=0), atol=1e-4
    )
    assert answers.unknown.shape == (3,)


def test_no_stills_are_no_answers(teachable_model: Path) -> None:
    predictor = Predictor(verify(teachable_model))
    size = verify(teachable_model).manifest.input.size_px
    assert len(predictor.answers(np.zeros((0, 2, size, size, 3), np.uint8)).probabilities) == 0
