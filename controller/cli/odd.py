"""`senbetsu odd`: the odd parts that a line kept, listed and exported."""

from collections import Counter
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from controller.config import LineConfig, load_config
from controller.odd_store import export, newest, read_index
from senbetsu_errors import NeedsOperator

odd_app = typer.Typer(name="odd", help="Odd parts that a line kept, to label and teach.", no_args_is_help=True)

ConfigPath = Annotated[Path, typer.Argument(metavar="CONFIG", help="The line's configuration, a YAML file.")]


def _folder(config: LineConfig) -> Path:
    if config.odd_folder is None:
        raise NeedsOperator(
            "odd_parts.off", f"{config.path} has no vision.odd_parts section.", "Add one and let the line run."
        )
    return config.odd_folder


@odd_app.command("list")
def list_odd(config: ConfigPath) -> None:
    """Say which odd parts are kept, the newest first, and why."""
    folder = _folder(load_config(config))
    index = read_index(folder)
    kept = newest(index, len(index["annotations"]))
    console = Console()
    table = Table(title=f"{len(kept)} odd parts in {folder}", title_justify="left")
    for heading in ("id", "at (UTC)", "model says", "label", "because"):
        table.add_column(heading)
    for part in kept:
        own = part["senbetsu"]
        best = max(own["probabilities"].values(), default=0.0)
        table.add_row(
            str(part["id"]),
            own["at"][:19],
            f"{own['predicted']} {best:.0%}",
            part["label"] or "–",
            ", ".join(own["reasons"]),
        )
    console.print(table)
    labels = Counter(part["label"] for part in kept if part["label"])
    console.print("labelled: " + (", ".join(f"{n} {label}" for label, n in sorted(labels.items())) or "none"))


@odd_app.command("export")
def export_odd(
    config: ConfigPath,
    output: Annotated[Path, typer.Option("-o", "--output", metavar="DIR", help="The new folder.")],
    labelled: Annotated[bool, typer.Option("--labelled", help="Only those that were labelled.")] = False,
) -> None:
    """Copy the odd parts into a new folder: crops/ and annotations.coco.json; the line may run on."""
    count = export(_folder(load_config(config)), output, labelled)
    print(f"{output}: {count} parts")  # noqa: T201 - this is the output
