"""Crops to train with: equally many a class, from belts and as photographs, with what the line would measure."""

import numpy as np

from controller.cli.rendered_crops import MEASURES, belt_crops, photograph_crops

SOME = ("screw", "battery", "ic")


def test_belts_give_as_many_crops_a_class_as_asked_for_with_their_measures() -> None:
    told: list[int] = []
    crops = belt_crops(SOME, 6, 3, size_px=32, missed=True, workers=1, report=lambda _, done, __: told.append(done))
    assert len(crops) == 18
    assert np.bincount(crops.labels).tolist() == [6, 6, 6]
    assert crops.crops.shape == (18, 32, 32, 3)
    assert crops.measures.shape == (18, len(MEASURES))
    assert told[-1] == 18
    length, area, mass = (crops.measures[:, MEASURES.index(name)] for name in ("length_mm", "area_mm2", "mass_g"))
    assert (length[crops.labels == 1].min() > length[crops.labels == 0].mean()) or (area[crops.labels == 1].min() > 50)
    assert np.isfinite(mass).all()
    again = belt_crops(SOME, 6, 3, size_px=32, missed=True, workers=1)
    assert np.array_equal(crops.crops, again.crops)


def test_photographs_have_no_measures() -> None:
    crops = photograph_crops(SOME, 2, 3, size_px=32, workers=1, split="held_out")
    assert np.bincount(crops.labels).tolist() == [2, 2, 2]
    assert np.isnan(crops.measures).all()
