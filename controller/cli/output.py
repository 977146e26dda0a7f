"""The summary of a run for people; `--json` has everything."""

from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.table import Table

from controller.shadow import in_words


def _percent(value: float | None) -> str:
    return "–" if value is None else f"{100 * value:.1f} %"


def print_summary(summary: Mapping[str, Any]) -> None:
    """Print what a run came to, on stdout."""
    console = Console()
    if summary["simulated"]:
        console.print(f"SIMULATED: {', '.join(summary['simulated'])}")
    outcomes = ", ".join(f"{count} {name}" for name, count in summary["outcomes"].items() if count)
    console.print(f"{summary['seen']} parts seen in {summary['ran_s']} s: {outcomes or 'none'}")
    if summary["missed_by_reason"]:
        console.print("missed: " + ", ".join(f"{n} {reason}" for reason, n in summary["missed_by_reason"].items()))
    outlets = Table(title=f"Outlets ({summary['basis']})", title_justify="left")
    for heading in ("outlet", "purity", "recovery"):
        outlets.add_column(heading)
    for outlet, purity in summary["purity"].items():
        outlets.add_row(outlet, _percent(purity), _percent(summary["outlet_recovery"][outlet]))
    console.print(outlets)
    classes = Table(title="Classes", title_justify="left")
    for heading in ("class", "recovery", "Newton efficiency"):
        classes.add_column(heading)
    for class_id, recovery in summary["recovery"].items():
        classes.add_row(class_id, _percent(recovery), _percent(summary["newton"][class_id]))
    console.print(classes)
    orders = ", ".join(f"{count} {name}" for name, count in summary["orders"].items() if count)
    console.print(f"orders: {orders or 'none'}")
    latency = summary["latency_ms"]["frame_to_order"]
    console.print(f"frame to order p50 / p99 / p99.9: {latency['p50']} / {latency['p99']} / {latency['p999']} ms")
    frames = summary["frames"]
    console.print(f"frames: {frames['captured']} captured, {frames['dropped']} dropped")
    if summary["shadow"]:
        for line in in_words(summary["shadow"]):
            console.print(line, markup=False, highlight=False, soft_wrap=True)
