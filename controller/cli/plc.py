"""`senbetsu plc probe` and `plc watch`: commissioning, against the real device."""

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.tree import Tree

from controller.config import load_config
from senbetsu_errors import NeedsOperator

if TYPE_CHECKING:
    from plc_bridge.modbus_link import Config as ModbusConfig
    from plc_bridge.opcua_link import Config as OpcuaConfig
    from plc_bridge.probe import ProbeReport

plc_app = typer.Typer(no_args_is_help=True, help="Commissioning: every tag of the map, read from the real device.")

ConfigPath = Annotated[Path, typer.Argument(metavar="CONFIG", help="The line's configuration, a YAML file.")]


@plc_app.command()
def probe(config: ConfigPath) -> None:
    """Read every tag; print name, address, raw, decoded and all that is wrong, as a tree. Exit 1 if anything is."""
    from plc_bridge.probe import probe as probe_plc

    report = asyncio.run(probe_plc(_device(config)))
    console = Console()
    console.print(_table(report))
    console.print(_tree(report))
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


def _tree(report: "ProbeReport") -> Tree:
    """Everything that is wrong, the device first, then tag by tag."""
    tree = Tree(f"{report.target}: {report.problem_count or 'no'} problems")
    for problem in report.problems:
        tree.add(problem)
    for tag in report.tags:
        if tag.problems:
            branch = tree.add(f"{tag.name} ({tag.address})")
            for problem in tag.problems:
                branch.add(problem)
    return tree
