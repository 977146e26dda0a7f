"""What a recipe must fulfil beyond its shape, alone and against the model's labels."""

from collections import Counter
from collections.abc import Iterator

from controller.config.checks import Check, Finding, class_is_the_models
from controller.config.errors import did_you_mean, listed
from controller.config.recipe import Recipe


def outlets_are_told_apart(recipe: Recipe) -> Iterator[Finding]:
    """Every outlet has its own name, and its own way of getting parts."""
    times = Counter(outlet.id for outlet in recipe.outlets)
    seen: set[str] = set()
    for index, outlet in enumerate(recipe.outlets):
        if times[outlet.id] > 1 and outlet.id in seen:
            yield Finding(("outlets", index, "id"), f'"{outlet.id}" a second time', "a name of its own for each outlet")
        seen.add(outlet.id)
    jets = [index for index, outlet in enumerate(recipe.outlets) if outlet.actuator == "jets"]
    for index in jets[1:]:
        yield Finding(
            ("outlets", index, "actuator"), '"jets" a second time', "one outlet with jets: the line has one valve bar"
        )
    passive = [index for index, outlet in enumerate(recipe.outlets) if not outlet.actuated]
    if not passive:
        yield Finding(("outlets",), "no outlet with actuator none", "one that parts reach when nothing fires")
    for index in passive[1:]:
        yield Finding(("outlets", index, "actuator"), '"none" a second time', "one such outlet: the belt has one end")


def named_outlets_exist(recipe: Recipe) -> Iterator[Finding]:
    """default_outlet and unknown_outlet are outlets, and the default one needs no actuator."""
    ids = [outlet.id for outlet in recipe.outlets]
    for key, named in (("default_outlet", recipe.default_outlet), ("unknown_outlet", recipe.unknown_outlet)):
        if named not in ids:
            yield Finding((key,), f'"{named}"', f"an outlet of this recipe: {listed(ids)}", did_you_mean(named, ids))
    for outlet in recipe.outlets:
        if outlet.id == recipe.default_outlet and outlet.actuated:
            passive = [o.id for o in recipe.outlets if not o.actuated]
            yield Finding(
                ("default_outlet",),
                f'"{outlet.id}", whose actuator is {outlet.actuator}',
                f"the outlet with actuator none ({listed(passive)}): parts end there when nothing acts",
            )


def default_outlet_promises_nothing(recipe: Recipe) -> Iterator[Finding]:
    """Where everything ends that is not shot at, nothing can be kept out."""
    for index, outlet in enumerate(recipe.outlets):
        if outlet.id != recipe.default_outlet:
            continue
        if outlet.forbid:
            yield Finding(
                ("outlets", index, "forbid"),
                listed(outlet.forbid),
                "nothing forbidden in the default outlet: parts reach it whatever the line does",
                "Send the class to an outlet with an actuator instead.",
            )
        if outlet.min_purity is not None:
            yield Finding(
                ("outlets", index, "min_purity"),
                f"{outlet.min_purity:g}",
                "no purity floor for the default outlet: parts reach it whatever the line does",
            )


def nothing_is_forbidden_and_priced(recipe: Recipe) -> Iterator[Finding]:
    """A price for what may never come is a mistake in one of the two."""
    for index, outlet in enumerate(recipe.outlets):
        for position, class_id in enumerate(outlet.forbid):
            if class_id in outlet.value_jpy_per_kg:
                yield Finding(
                    ("outlets", index, "forbid", position),
                    f'"{class_id}", which value_jpy_per_kg of the same outlet prices',
                    "a class to be either forbidden or priced",
                )


def classes_are_the_models(recipe: Recipe, labels: tuple[str, ...]) -> Iterator[Finding]:
    """Every class that a recipe names is one that the model can answer."""
    for index, outlet in enumerate(recipe.outlets):
        for class_id in outlet.value_jpy_per_kg:
            yield from class_is_the_models(("outlets", index, "value_jpy_per_kg", class_id), class_id, labels)
        for position, class_id in enumerate(outlet.forbid):
            yield from class_is_the_models(("outlets", index, "forbid", position), class_id, labels)
    for class_id in recipe.mass_g_per_mm2:
        yield from class_is_the_models(("mass_g_per_mm2", class_id), class_id, labels)


def every_class_has_a_mass(recipe: Recipe, labels: tuple[str, ...]) -> Iterator[Finding]:
    """What a part is worth takes its mass, for every answer of the model."""
    without = [label for label in labels if label not in recipe.mass_g_per_mm2]
    if without and recipe.default_mass_g_per_mm2 is None:
        yield Finding(
            ("mass_g_per_mm2",),
            f"no mass for: {listed(without)}",
            "a mass for every class of the model",
            "Add them, or default_mass_g_per_mm2 for all the others.",
        )


RECIPE_CHECKS: tuple[Check, ...] = (
    outlets_are_told_apart,
    named_outlets_exist,
    default_outlet_promises_nothing,
    nothing_is_forbidden_and_priced,
    classes_are_the_models,
    every_class_has_a_mass,
)
