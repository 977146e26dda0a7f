"""The real model on rendered belts, some parts sliding and rolling: what tracking says of them is so."""

from pathlib import Path

import numpy as np
import pytest

from benchmarks.tracking import CONFIG, accuracy_and_ece, correlation_of_views, watch
from controller.cli.simulate import simulate
from controller.config import load_config
from tests.system.lines import demo_on_free_ports, write
from vision.estimate import VIEWS_CORRELATE


@pytest.mark.slow
def test_fusing_views_is_at_least_as_right_as_single_views_and_as_honest() -> None:
    seen = watch(load_config(CONFIG), 45, seed=3)
    views, view_ece = accuracy_and_ece(seen.views)
    parts, part_ece = accuracy_and_ece(seen.parts)
    assert len(seen.parts) > 1000  # different ones: by chance alone a perfect answer would show an error of 0.015
    assert parts >= views - 0.003  # a part counts once, however many views it gave
    assert part_ece <= 0.03
    assert part_ece <= view_ece + 0.01
    assert correlation_of_views(seen) == pytest.approx(VIEWS_CORRELATE, abs=0.07)


@pytest.mark.slow
def test_parts_that_move_are_flagged_and_given_where_they_will_be_at_the_bar() -> None:
    seen = watch(load_config(CONFIG), 20, seed=4)
    assert len(seen.moving) > 60
    assert seen.flagged >= 0.95 * len(seen.moving)
    assert seen.falsely_flagged <= 0.01 * len(seen.lying)
    assert (np.abs(seen.moving) < 2).mean() >= 0.9
    assert np.median(seen.moving_mm) < 0.3 * np.median(seen.unpredicted_mm)


@pytest.mark.slow
def test_a_line_whose_parts_slide_and_roll_still_hits_most_of_them_and_accounts_for_the_rest(tmp_path: Path) -> None:
    config = demo_on_free_ports()
    still = simulate(write(tmp_path, config), 30, 5)
    config["plant"]["motion"] = {"sliding_share": 0.3, "rolling_share": 0.3, "rate": 0.05}
    moving = simulate(write(tmp_path, config), 30, 5)
    assert moving["seen"] == sum(moving["outcomes"].values())
    assert moving["outlet_recovery"]["valuables"] > still["outlet_recovery"]["valuables"] - 0.1
    assert moving["purity"]["valuables"] > still["purity"]["valuables"] - 0.05
