"""`senbetsu plc probe` and `plc watch`: commissioning, against the real device."""

import asyncio
import sys
from pathlib import Path
from typing import Annotated

import typer

from controller.config import load_config

plc_app = typer.Typer(no_args_is_help=True, help="Commissioning: every tag of the map, read from the real device.")

ConfigPath = Annotated[Path, typer.Argument(metavar="CONFIG", help="The line's configuration, a YAML file.")]


@plc_app.command()
def probe(config: ConfigPath) -> None:
    """Read every tag once; print name, address, raw, decoded and what is wrong. Exit 1 if anything is."""
    from plc_bridge.probe import probe as probe_plc

    report = asyncio.run(probe_plc(load_config(config).plc))
    print(report.as_text(), file=sys.stdout)  # noqa: T201 - this is the output
    if report.problems:
        raise typer.Exit(1)


@plc_app.command()
def watch(config: ConfigPath) -> None:
    """Follow every tag live until Ctrl-C."""
    from plc_bridge.probe import watch as watch_plc

    async def follow() -> None:
        async for report in watch_plc(load_config(config).plc):
            print(report.as_text(), file=sys.stdout, flush=True)  # noqa: T201 - this is the output

    asyncio.run(follow())
