"""`senbetsu bench`: the figures in benchmarks/, each beside its floor."""

import importlib
import pkgutil
import sys
from typing import Any

from rich.console import Console
from rich.table import Table

from senbetsu_errors import NeedsOperator

NO_BENCHMARK = {"crowded_belts", "disturbed", "figures", "fit_cuts", "link_peers", "rendered_boards", "small_net"}


def bench_names() -> list[str]:
    """The benchmarks there are, by the names of their files."""
    package = importlib.import_module("benchmarks")
    return sorted(m.name for m in pkgutil.iter_modules(package.__path__) if m.name not in NO_BENCHMARK)


def run_benches(names: list[str]) -> dict[str, Any]:
    """Run the named benchmarks (all when none is named). Raises NeedsOperator for an unknown name."""
    known = bench_names()
    for name in names:
        if name not in known:
            raise NeedsOperator("bench.unknown", f"There is no benchmark '{name}'.", f"There are: {', '.join(known)}.")
    reports: list[dict[str, Any]] = []
    for name in names or known:
        print(f"measuring {name} ...", file=sys.stderr)  # noqa: T201 - progress
        reports.append(importlib.import_module(f"benchmarks.{name}").measure())
    met = all(figure["met"] is not False for report in reports for figure in report["figures"])
    return {"benchmarks": reports, "all_met": met}


def print_reports(result: dict[str, Any]) -> None:
    """The same for people."""
    console = Console()
    for report in result["benchmarks"]:
        table = Table(title=report["name"], title_justify="left")
        for heading in ("figure", "value", "unit", "target", "met"):
            table.add_column(heading)
        for figure in report["figures"]:
            met = {True: "yes", False: "NO", None: ""}[figure["met"]]
            table.add_row(figure["name"], f"{figure['value']:g}", figure["unit"], figure["target"] or "", met)
        console.print(table)
        console.print(f"beside: {report['floor']}")
