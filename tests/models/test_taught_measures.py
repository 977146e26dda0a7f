"""What a handful of measured parts says of a taught class: its size, and nothing of what was not measured."""

from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from models.fusion import MEASURES, Fuser, Measures
from models.lesson import MIN_CROPS
from models.manifest import Fusion
from models.taught_measures import with_taught
from tests.models.test_fusion import NAMES, TYPICAL, fusion, parts

__all__ = ["fusion"]

LABELS = (*NAMES[:3], "bolt", "pin")
BOLT, PIN = (60.0, 10.0, 600.0, 9.0, 10.0, 40.0), (12.0, 2.0, 24.0, 2.0, 2.0, 0.4)


def measured(typical: Sequence[float], count: int, seed: int, columns: int = 6) -> Measures:
    """Parts of about this size, the first `columns` measures of them known."""
    rng = np.random.default_rng(seed)
    found = np.exp(np.log(typical) + rng.normal(0, 0.1, (count, 6))).astype(np.float32)
    found[:, columns:] = np.nan
    return found


def evidence(fusion: Fusion, rows: Measures) -> NDArray[np.float32]:
    """What measures add to the logits of `LABELS`, [N, 5]."""
    return Fuser(fusion, LABELS).logits(np.zeros((len(rows), len(LABELS)), np.float32), 1.0, rows)[0]


@pytest.mark.parametrize("columns", [3, 6])
def test_two_taught_classes_that_look_alike_are_told_apart_by_five_measured_parts_each(
    fusion: Fusion, columns: int
) -> None:
    taught = np.concatenate([measured(BOLT, MIN_CROPS, 1, columns), measured(PIN, MIN_CROPS, 2, columns)])
    known = with_taught(fusion, ["bolt"] * MIN_CROPS + ["pin"] * MIN_CROPS, taught)
    for index, typical in ((3, BOLT), (4, PIN)):
        found = evidence(known, measured(typical, 40, 3, columns))
        assert (found[:, index] > found[:, 7 - index] + 1).all()
    before, after = (evidence(each, parts(40, 4)[0])[:, :3] for each in (fusion, known))
    np.testing.assert_array_equal(before, after)  # what was known of the others stays
    assert "5 bolt, 5 pin" in known.source
    assert Fusion.model_validate_json(known.model_dump_json()) == known


def test_of_fewer_than_five_measured_parts_nothing_is_concluded(fusion: Fusion) -> None:
    some = measured(BOLT, 8, 1)
    some[MIN_CROPS - 1 :] = np.nan
    assert with_taught(fusion, ["bolt"] * 8, some) == fusion
    unsized = measured(BOLT, 8, 1)
    unsized[:, 0] = np.nan
    assert with_taught(fusion, ["bolt"] * 8, unsized) == fusion


def test_what_was_not_measured_says_nothing(fusion: Fusion) -> None:
    """Taught on a line without height and scale, asked on one with both: flat or thick, it is as much a bolt."""
    known = with_taught(fusion, ["bolt"] * 8, measured(BOLT, 8, 1, columns=3))
    rows = np.tile(np.array(BOLT, np.float32), (5, 1))
    height = MEASURES.index("mean_height_mm")
    rows[:, height : height + 2] *= np.array([0.2, 0.5, 1, 2, 5], np.float32)[:, None]
    found = evidence(known, rows)[:, 3]
    assert np.ptp(found) < 0.05  # a manifest has five digits
    assert found.min() > 0.5
    with_height = with_taught(fusion, ["bolt"] * 8, measured(BOLT, 8, 1))
    assert np.ptp(evidence(with_height, rows)[:, 3]) > 5


def test_parts_of_which_some_have_height_and_others_mass_are_known_by_their_size(fusion: Fusion) -> None:
    mixed = measured(BOLT, 10, 1)
    mixed[:5, 5] = np.nan
    mixed[5:, 3:5] = np.nan
    found = evidence(with_taught(fusion, ["bolt"] * 10, mixed), measured(BOLT, 20, 2, columns=3))
    assert (found[:, 3] > 1).all()


def test_a_class_that_had_measures_keeps_them_beside_what_was_taught(fusion: Fusion) -> None:
    known = with_taught(fusion, ["screw"] * 6, measured(BOLT, 6, 1))
    small = np.tile(np.array(TYPICAL["screw"], np.float32), (1, 1))
    weight = max(level.weight for level in known.levels)
    assert evidence(known, small)[0, 2] > evidence(fusion, small)[0, 2] + weight * np.log(0.45)
    assert (evidence(known, measured(BOLT, 20, 2))[:, 2] > evidence(fusion, measured(BOLT, 20, 2))[:, 2] + 1).all()


def test_many_lessons_of_one_class_stay_within_what_a_manifest_may_hold(fusion: Fusion) -> None:
    known = fusion
    for seed in range(12):
        known = with_taught(known, ["screw"] * 6, measured(BOLT, 6, seed))
    assert len(Fusion.model_validate_json(known.model_dump_json()).classes["screw"].shares) == 8
