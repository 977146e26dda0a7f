"""`senbetsu plc probe` and `plc watch`: commissioning, against the real device."""

import asyncio
import json
from dataclasses import asdict
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text
from rich.tree import Tree

from controller.config import load_config
from senbetsu_errors import NeedsOperator

if TYPE_CHECKING:
    from plc_bridge.modbus_link import Config as ModbusConfig
    from plc_bridge.opcua_link import Config as OpcuaConfig
    from plc_bridge.probe import ProbedTag, ProbeReport

plc_app = typer.Typer(no_args_is_help=True, help="Commissioning: every tag of the map, read from the real device.")

ConfigPath = Annotated[Path, typer.Argument(metavar="CONFIG", help="The line's configuration, a YAML file.")]


@plc_app.command()
def probe(
    config: ConfigPath,
    json_output: Annotated[bool, typer.Option("--json", help="Print one JSON object instead.")] = False,
) -> None:
    """Read every tag; print name, address, raw, decoded and all that is wrong, as a tree. Exit 1 if anything is."""
    from plc_bridge.probe import probe as probe_plc

    report = asyncio.run(probe_plc(_device(config)))
    if json_output:
        typer.echo(json.dumps(_as_json(report)))
    else:
        Console().print(_tree(report))
    if report.problem_count:
        raise typer.Exit(1)


@plc_app.command()
def watch(config: ConfigPath) -> None:
    """Follow every tag live until Ctrl-C."""
    from plc_bridge.probe import watch as watch_plc

    async def follow() -> None:
        with Live(console=Console(), auto_refresh=False) as live:
            async for report in watch_plc(_device(config)):
                live.update(_table(report), refresh=True)

    asyncio.run(follow())


def _device(path: Path) -> "ModbusConfig | OpcuaConfig":
    from plc_bridge.modbus_link import Config as ModbusConfig
    from plc_bridge.opcua_link import Config as OpcuaConfig

    device = load_config(path).plc
    if isinstance(device, ModbusConfig | OpcuaConfig):
        return device
    raise NeedsOperator(
        "plc.no_device", f"The PLC backend {device.backend} has no device to probe.", "Use modbus or opcua."
    )


def _table(report: "ProbeReport") -> Table:
    table = Table(title=report.target, title_justify="left")
    for heading in ("tag", "address", "raw (hex)", "decoded", "problems"):
        table.add_column(heading)
    for tag in report.tags:
        raw = "" if tag.raw is None else " ".join(f"{word:x}" for word in tag.raw)
        decoded = "" if tag.value is None else f"{tag.value:.10g}"
        table.add_row(tag.name, tag.address, raw, decoded, "; ".join(tag.problems))
    for problem in report.problems:
        table.add_row("", "", "", "", problem)
    return table


def _as_json(report: "ProbeReport") -> dict[str, object]:
    """The report as JSON has it, which has no word for infinity: such values are null."""
    tags = [asdict(tag) | ({} if tag.value is None or isfinite(tag.value) else {"value": None}) for tag in report.tags]
    return {
        "target": report.target,
        "problem_count": report.problem_count,
        "problems": report.problems,
        "tags": tags,
    }


def _tree(report: "ProbeReport") -> Tree:
    """What is wrong with the device as a whole, then every tag with what is wrong with it."""
    count = report.problem_count
    tree = Tree(Text(f"{report.target}: {count or 'no'} problem{'' if count == 1 else 's'}"))
    for problem in report.problems:
        tree.add(Text(problem, "bold red"))
    branches: dict[str, Tree] = {}
    for tag in report.tags:
        parents = [tag.block, *tag.name.split(".")[:-1]] if tag.block != "history" else []
        branch = tree
        for depth, parent in enumerate(parents):
            key = ".".join(parents[: depth + 1])
            branch = branches[key] if key in branches else branches.setdefault(key, branch.add(Text(parent)))
        leaf = branch.add(Text(_line(tag), "red" if tag.problems else ""))
        for problem in tag.problems:
            leaf.add(Text(problem, "bold red"))
    return tree


def _line(tag: "ProbedTag") -> str:
    raw = "" if tag.raw is None else f"  raw {' '.join(f'{word:04x}' for word in tag.raw)}"
    value = "" if tag.value is None else f"  = {tag.value:.10g}{_flags(tag)}"
    return f"{tag.name.rsplit('.', 1)[-1]}  ({tag.address}){raw}{value}"


def _flags(tag: "ProbedTag") -> str:
    """The names of the flags that are set."""
    from plc_bridge.tags import FLAG_TAGS

    if tag.name != "flags" or tag.value is None:
        return ""
    return f" ({', '.join(name for name, flag in FLAG_TAGS.items() if int(tag.value) & flag) or 'none'})"
