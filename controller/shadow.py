"""What a shadow model would have sent elsewhere, in yen. Pure."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from controller.config import Recipe
from models.comparison import UNKNOWN, Difference, summary
from vision.results import ShadowReport

GRAMS_PER_KG = 1000.0
_DIFFERENCES_SAID = 5


@dataclass(frozen=True, slots=True)
class Rerouted:
    """Parts that the two models would send to different outlets, and what the move is worth.

    `gain_if_new_is_right_jpy` is what the new model's outlets earn above the old one's where the new answers are true,
    `loss_if_old_is_right_jpy` what they earn less where the old ones are. An answer "unknown" is never true: it counts
    in neither for its own side. By-catch, purity floors and shot costs are left out. `without_mass` are the classes,
    sorted, that the recipe has no mass for, so that they are counted as worth nothing.
    """

    parts: int
    gain_if_new_is_right_jpy: float
    loss_if_old_is_right_jpy: float
    without_mass: tuple[str, ...] = ()


def rerouted(pairs: tuple[Difference, ...], recipe: Recipe) -> Rerouted:
    """Every class goes to its right outlet, unknown to the recipe's outlet for unknown.

    Classes that the recipe has no mass for are worth nothing here, and named.
    """
    names = {name for pair in pairs for name in (pair.old, pair.new)} - {UNKNOWN}
    outlet_of: Mapping[str, str] = recipe.right_outlets(names) | {UNKNOWN: recipe.unknown_outlet}
    parts, gain, loss = 0, 0.0, 0.0
    for pair in pairs:
        old, new = outlet_of[pair.old], outlet_of[pair.new]
        if old == new:
            continue
        parts += pair.count
        gain += _worth_jpy(recipe, pair.new, new, pair.area_mm2) - _worth_jpy(recipe, pair.new, old, pair.area_mm2)
        loss += _worth_jpy(recipe, pair.old, old, pair.area_mm2) - _worth_jpy(recipe, pair.old, new, pair.area_mm2)
    return Rerouted(parts, round(gain, 3), round(loss, 3), _without_mass(recipe, names))


def _without_mass(recipe: Recipe, names: Iterable[str]) -> tuple[str, ...]:
    if recipe.default_mass_g_per_mm2 is not None:
        return ()
    return tuple(sorted(set(names) - set(recipe.mass_g_per_mm2)))


def shadow_summary(report: ShadowReport, recipe: Recipe) -> dict[str, Any]:
    """The comparison as JSON: counts that add up, differences by class, what would have gone elsewhere."""
    moved = rerouted(report.pairs, recipe)
    return {
        "model": report.name,
        "version": report.version,
        "error": report.error or None,
        "share": report.share,
        "seen": report.seen,
        "compared": report.compared,
        "spent_s": round(report.spent_s, 3),
        **summary(list(report.pairs)),
        "rerouted": {**asdict(moved), "without_mass": list(moved.without_mass)},
    }


def in_words(report: Mapping[str, Any]) -> Iterator[str]:
    """The last report of a shadow (`shadow_summary`) for people, a line each."""
    if report["error"]:
        yield f"shadow model {report['model']}: NOT RUNNING: {report['error']}"
        return
    agreement = "–" if report["agreement"] is None else f"{report['agreement']:.1%}"
    yield (
        f"shadow model {report['model']} {report['version']} says the same of {agreement} ({report['agreed']} of "
        f"{report['compared']} part views compared, of {report['seen']}); it decides nothing"
    )
    most = report["differences"][:_DIFFERENCES_SAID]
    if most:
        rest = sum(pair["count"] for pair in report["differences"][_DIFFERENCES_SAID:])
        said = ", ".join(f"{pair['old']} -> {pair['new']} {pair['count']}" for pair in most)
        yield f"  line -> shadow: {said}{f', others {rest}' if rest else ''}"
    yield f"  {rerouted_in_words(report['rerouted'])}"


def rerouted_in_words(moved: Mapping[str, Any]) -> str:
    """`Rerouted` as data, in a sentence: nobody knows which model is right, so both are said."""
    unweighed = ", ".join(moved["without_mass"])
    return (
        f"{moved['parts']} part views would go to another outlet: {moved['gain_if_new_is_right_jpy']:+.2f} JPY if the "
        f"new model is right, {-moved['loss_if_old_is_right_jpy']:+.2f} JPY if the old one is"
        + (f"; counted as worth nothing, the recipe has no mass for them: {unweighed}" if unweighed else "")
    )


def _worth_jpy(recipe: Recipe, class_id: str, outlet_id: str, area_mm2: float) -> float:
    if class_id == UNKNOWN:
        return 0.0
    try:
        grams = recipe.areal_mass_g_per_mm2(class_id) * area_mm2
    except KeyError:
        return 0.0
    outlet = next(outlet for outlet in recipe.outlets if outlet.id == outlet_id)
    return outlet.price_jpy_per_kg(class_id) * grams / GRAMS_PER_KG
