"""What parts that two models call differently are worth in another outlet, by hand."""

import pytest

from controller.config import Recipe
from controller.shadow import in_words, rerouted, shadow_summary
from models.comparison import Difference
from vision.results import ShadowReport

RECIPE = Recipe.model_validate(
    {
        "name": "test",
        "outlets": [
            {"id": "good", "actuator": "jets", "default_value_jpy_per_kg": -50, "value_jpy_per_kg": {"pcb": 800}},
            {"id": "rest", "actuator": "none", "default_value_jpy_per_kg": 10},
        ],
        "default_outlet": "rest",
        "unknown_outlet": "rest",
        "shot_cost_jpy": 0.01,
        "forbidden_above": 0.2,
        "mass_g_per_mm2": {"pcb": 0.01, "screw": 0.02},
    }
)


def test_a_moved_part_is_worth_what_its_outlets_pay_for_it() -> None:
    found = rerouted((Difference("screw", "pcb", 3, 1000.0),), RECIPE)
    assert found.parts == 3
    assert found.gain_if_new_is_right_jpy == pytest.approx((800 - 10) * 0.01 * 1000 / 1000)
    assert found.loss_if_old_is_right_jpy == pytest.approx((10 - -50) * 0.02 * 1000 / 1000)


def test_another_class_in_the_same_outlet_moves_nothing() -> None:
    assert rerouted((Difference("screw", "unknown", 5, 400.0), Difference("pcb", "pcb", 9, 1.0)), RECIPE).parts == 0


def test_a_part_that_is_now_unknown_costs_its_worth_where_the_old_model_was_right() -> None:
    found = rerouted((Difference("pcb", "unknown", 1, 1000.0),), RECIPE)
    assert found.gain_if_new_is_right_jpy == 0
    assert found.loss_if_old_is_right_jpy == pytest.approx((800 - 10) * 0.01)


def test_a_class_the_recipe_does_not_weigh_is_worth_nothing() -> None:
    found = rerouted((Difference("screw", "gold", 1, 1000.0),), RECIPE)
    assert (found.parts, found.gain_if_new_is_right_jpy) == (0, 0)  # both ride to the rest
    assert found.without_mass == ("gold",)
    assert rerouted((Difference("screw", "pcb", 1, 1000.0),), RECIPE).without_mass == ()


def test_the_summary_adds_up() -> None:
    pairs = (
        Difference("pcb", "pcb", 6, 60.0),
        Difference("pcb", "screw", 2, 20.0),
        Difference("unknown", "pcb", 1, 1.0),
    )
    report = shadow_summary(ShadowReport("new", "1.0.0", 0.1, seen=90, compared=9, spent_s=0.1, pairs=pairs), RECIPE)
    assert report["crops"] == report["compared"] == 9
    assert report["agreed"] + sum(pair["count"] for pair in report["differences"]) == 9
    assert report["unknown"] == {"old": 1, "new": 0}
    assert report["rerouted"]["parts"] == 3
    assert list(in_words(report)) == [
        "shadow model new 1.0.0 says the same of 66.7% (6 of 9 part views compared, of 90); it decides nothing",
        "  line -> shadow: pcb -> screw 2, unknown -> pcb 1",
        "  3 part views would go to another outlet: +0.03 JPY if the new model is right, -0.16 JPY if the old one is",
    ]


def test_differences_beyond_the_most_frequent_are_said_as_a_number() -> None:
    pairs = tuple(Difference("pcb", f"class_{n}", 1) for n in range(7))
    report = shadow_summary(ShadowReport("new", "1.0.0", 0.1, seen=9, compared=7, spent_s=0.1, pairs=pairs), RECIPE)
    _, differences, moved = in_words(report)
    assert differences.endswith("pcb -> class_4 1, others 2")
    assert "the recipe has no mass for them: class_0, class_1" in moved


def test_a_shadow_that_does_not_run_says_why_and_nothing_else() -> None:
    report = shadow_summary(ShadowReport("new", "", 0.1, error="[model.missing] There is no model file."), RECIPE)
    assert list(in_words(report)) == ["shadow model new: NOT RUNNING: [model.missing] There is no model file."]
