"""The demo feed in virtual time, 600 s each on seeds nobody tuned to: what it sorts, and how fast."""

from pathlib import Path
from typing import Any

from benchmarks.figures import Figure, report
from controller.cli.simulate import simulate

SEEDS = (2027, 31337, 90210)
SECONDS = 600.0
CONFIG = Path(__file__).resolve().parent.parent / "configs" / "demo.yaml"


def measure() -> dict[str, Any]:
    """Purity and recovery of the ejected outlet, late orders, the ledger's balance and the speedup: the worst seed."""
    runs = [simulate(CONFIG, SECONDS, seed) for seed in SEEDS]
    outlet = "valuables"
    purity = min(run["purity"][outlet] for run in runs)
    recovery = min(run["outlet_recovery"][outlet] for run in runs)
    late = max(run["orders"]["late"] + run["missed_by_reason"].get("late", 0) for run in runs)
    unaccounted = max(abs(run["seen"] - sum(run["outcomes"].values())) for run in runs)
    figures = [
        Figure("purity of the ejected outlet", purity, "share", at_least=0.95),
        Figure("recovery of the ejected outlet", recovery, "share", at_least=0.95),
        Figure("late orders", late, "orders", at_most=0),
        Figure("parts unaccounted for", unaccounted, "parts", at_most=0),
        Figure("mass balance error", max(run["mass_balance_error"] for run in runs), "share", at_most=1e-9),
        Figure("speedup over real time", min(run["speedup"] for run in runs), "x", at_least=5.0),
    ]
    floor = {"seeds": list(SEEDS), "virtual_s_each": SECONDS, "seen": [r["seen"] for r in runs]}
    return report("demo_feed", figures, floor)
