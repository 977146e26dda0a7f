"""The address space as the tables of docs/integrators/scada.md, generated from the code.

`python -m plc_bridge.scada_tables` rewrites what stands between the markers; a test holds the page to the code.
"""

from pathlib import Path

from plc_bridge.scada_packml import AVAILABLE
from plc_bridge.scada_picture import ScadaLine
from plc_bridge.scada_points import Point, points

PAGE = Path(__file__).resolve().parent.parent / "docs" / "integrators" / "scada.md"
BEGIN, END = "<!-- points: generated from plc_bridge, do not edit -->", "<!-- /points -->"

_EXAMPLE = ScadaLine(
    name="",
    simulated_parts=(),
    outlets=("<outlet>",),
    classes=("<class>",),
    design_speed_mm_s=1.0,
    purity_floor={"<outlet>": 1.0},
)


def tables() -> str:
    """Our own folder, then PackML's object."""
    every = points(_EXAMPLE)
    own = [point for point in every if point.path.startswith("Senbetsu.")]
    packml = [point for point in every if point.path.startswith("PackML.")]
    machines = [
        f"| `{machine}.CurrentState` | LocalizedText | | "
        f"one of {', '.join(name for name, _ in states)}; its `Id` is the state's node in the type |"
        for machine, states in AVAILABLE.items()
    ]
    return f"### The folder Senbetsu\n\n{_table(own)}\n\n### The object PackML\n\n{_table(packml)}\n" + "\n".join(
        machines
    )


def _table(chosen: list[Point]) -> str:
    head = ["| Node id, s= | Type | Unit | Meaning |", "|---|---|---|---|"]
    return "\n".join([*head, *(_row(point) for point in chosen)])


def _row(point: Point) -> str:
    kind = point.type.name + ("[]" if point.array else "")
    unit = point.unit.symbol if point.unit else ""
    return f"| `{point.path}` | {kind} | {unit} | {point.meaning}{'; fixed' if point.fixed else ''} |"


def with_tables(page: str) -> str:
    """The page with what stands between its markers made new."""
    before, rest = page.split(BEGIN, 1)
    _, after = rest.split(END, 1)
    return f"{before}{BEGIN}\n\n{tables()}\n\n{END}{after}"


if __name__ == "__main__":
    PAGE.write_text(with_tables(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
