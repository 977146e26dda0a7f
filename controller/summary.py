"""The JSON summary of a run, as the design's command line promises it. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from controller.config import Recipe
from controller.ledger import OUTCOMES
from controller.runtime import Line
from controller.shadow import shadow_summary

GRAMS_PER_KG = 1000.0

Share = float | None
"""A share 0..1, or None where nothing was there to take a share of."""


def share(part: float, whole: float) -> Share:
    """Part / whole, or None for an empty whole."""
    return round(part / whole, 6) if whole > 0 else None


def quality(
    pieces: Mapping[str, Mapping[str, float]], recipe: Recipe, labels: Sequence[str]
) -> dict[str, dict[str, Share]]:
    """Purity by outlet, recovery and Newton efficiency by class, from pieces by outlet and class.

    Purity is the share of an outlet that belongs there, recovery the share of a class that reached
    its right outlet; Newton efficiency = recovery of a class - recovery of all other classes into
    that same outlet (reference/domain.md 1.1).
    """
    right = recipe.right_outlets(labels)
    everything = {c: sum(outlet.get(c, 0.0) for outlet in pieces.values()) for c in labels}
    purity: dict[str, Share] = {}
    for outlet in recipe.outlets:
        landed = pieces.get(outlet.id, {})
        belongs = sum(n for c, n in landed.items() if right.get(c) == outlet.id)
        purity[outlet.id] = share(belongs, sum(landed.values()))
    recovery: dict[str, Share] = {}
    newton: dict[str, Share] = {}
    for label in labels:
        if everything[label] <= 0:
            continue
        home = right[label]
        landed = pieces.get(home, {})
        recovery[label] = share(landed.get(label, 0.0), everything[label])
        foreign = [c for c in labels if right[c] != home]
        strayed = share(sum(landed.get(c, 0.0) for c in foreign), sum(everything[c] for c in foreign))
        newton[label] = round((recovery[label] or 0.0) - (strayed or 0.0), 6)
    outlet_recovery: dict[str, Share] = {}
    for outlet in recipe.outlets:
        own = [c for c in labels if right[c] == outlet.id]
        reached = sum(pieces.get(outlet.id, {}).get(c, 0.0) for c in own)
        outlet_recovery[outlet.id] = share(reached, sum(everything[c] for c in own))
    return {"purity": purity, "recovery": recovery, "newton": newton, "outlet_recovery": outlet_recovery}


def value_ratio(mass_g: Mapping[str, Mapping[str, float]], recipe: Recipe, labels: Sequence[str]) -> Share:
    """Earned over earnable with perfect knowledge, by mass in each outlet and the recipe's prices."""
    right = recipe.right_outlets(labels)
    outlets = {o.id: o for o in recipe.outlets}
    earned = earnable = 0.0
    for outlet_id, by_class in mass_g.items():
        for label, grams in by_class.items():
            earned += grams / GRAMS_PER_KG * outlets[outlet_id].price_jpy_per_kg(label)
            earnable += grams / GRAMS_PER_KG * outlets[right[label]].price_jpy_per_kg(label)
    return share(earned, earnable)


def percentiles_ms(seconds: Sequence[float]) -> dict[str, Share]:
    """p50, p99 and p99.9 in milliseconds, None each for no samples."""
    if not seconds:
        return {"p50": None, "p99": None, "p999": None}
    p50, p99, p999 = np.percentile(np.asarray(seconds), [50, 99, 99.9]) * 1000.0
    return {"p50": round(float(p50), 3), "p99": round(float(p99), 3), "p999": round(float(p999), 3)}


def summarise(
    line: Line,
    *,
    latency_basis: str,
    seed: int | None,
    simulated: Sequence[str],
    truth: Mapping[str, Any] | None,
    watched: bool = True,
) -> dict[str, Any]:
    """The summary of a line that has run.

    `vanished` tracks came into view and were gone again before anything was decided (reflections, dirt
    on the lens): they are not among the parts seen. `camera` is all 0 where nobody opens it again after a
    loss. `truth` is the plant's own account where there is one: {"outlets": {outlet: {class: {"count",
    "mass_g"}}}, "fed", "fed_mass_g", "on_belt", "on_belt_mass_g"}; without it purity and recovery are
    expectations by the class probabilities, and `basis` says so. `vision` is the health of the pictures where
    it was `watched`: metrics with their state at the end, how often each alarm was raised, and the references
    that a good run gives for the configuration.
    `shadow` is what a shadow model came to, its last report.
    """
    ledger, labels, recipe = line.ledger, line.labels, line.config.recipe
    if truth is not None:
        outlets: Mapping[str, Mapping[str, Mapping[str, float]]] = truth["outlets"]
        pieces = {o: {c: float(v["count"]) for c, v in by.items()} for o, by in outlets.items()}
        mass = {o: {c: v["mass_g"] for c, v in by.items()} for o, by in outlets.items()}
        known = sorted({c for by in pieces.values() for c in by} | set(labels))
        landed_g = sum(sum(by.values()) for by in mass.values()) + truth["on_belt_mass_g"]
        balance = abs(truth["fed_mass_g"] - landed_g) / truth["fed_mass_g"] if truth["fed_mass_g"] else 0.0
        value = value_ratio(mass, recipe, known)
        basis = "plant truth (simulated)"
    else:
        pieces = {o: dict(zip(labels, p.tolist(), strict=True)) for o, p in ledger.expected.items()}
        known = list(labels)
        balance = None
        value = None
        basis = "estimated from class probabilities"
    orders, link, frames, camera = ledger.orders, line.link.health, line.frames, line.camera
    return {
        "seen": ledger.seen,
        "outcomes": {outcome: ledger.outcomes[outcome] for outcome in OUTCOMES},
        "missed_by_reason": dict(sorted(ledger.missed_by_reason.items())),
        **quality(pieces, recipe, known),
        "basis": basis,
        "mass_balance_error": balance,
        "value_ratio": value,
        "parts_per_s": share(ledger.seen, line.ran_s),
        "latency_ms": {"frame_to_order": percentiles_ms(line.latencies_s), "basis": latency_basis},
        "vanished": int(line.sorter.tracker.vanished),
        "vision": None
        if not watched
        else {
            "metrics": {name: asdict(metric) for name, metric in line.health.metrics().items()},
            "alarms_raised": line.health.raised,
            "references": line.health.references,
        },
        "odd_parts": line.odd_parts.summary() if line.odd_parts else None,
        "orders": {**asdict(orders), "duplicated": link.duplicated, "retransmitted": link.retransmitted},
        "links": {"reconnects": link.reconnects, "downtime_s": round(link.downtime_s, 3)},
        "frames": {"captured": frames.captured, "processed": frames.processed, "dropped": frames.dropped},
        "shadow": None if line.shadow is None else shadow_summary(line.shadow, recipe),
        "camera": {
            "reopened": camera.reopened if camera else 0,
            "downtime_s": round(camera.downtime_s, 3) if camera else 0.0,
        },
        "ran_s": round(line.ran_s, 3),
        "seed": seed,
        "simulated": list(simulated),
        "truth": truth,
    }
