"""The `senbetsu` command: what each sub-command is called with. What it does stands in its own file.

`--json` prints exactly one JSON object on stdout; everything else goes to stderr. Exit codes: 0 the
command did what was asked, 1 it did not, 2 the configuration or the call is wrong.
"""

import asyncio
import json
import sys
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, Literal, cast

import structlog
import typer

from controller.children import die_with_parent
from controller.cli.calibrate import calibrate_app
from controller.cli.classify import classify
from controller.cli.models_commands import models_app
from controller.cli.odd import odd_app
from controller.cli.pki import pki_app
from controller.cli.plc import plc_app
from controller.cli.scada import scada_password
from controller.config import ConfigErrors
from senbetsu_errors import Fatal, NeedsOperator, SenbetsuError

app = typer.Typer(
    name="senbetsu",
    help="Unmanned sorting-line controller with sensor-based vision.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)

app.add_typer(models_app, name="models")
app.add_typer(odd_app, name="odd")
app.add_typer(plc_app, name="plc")
app.add_typer(pki_app, name="pki")
app.add_typer(calibrate_app, name="calibrate")
app.command()(classify)
app.command("scada-password")(scada_password)

ConfigPath = Annotated[Path, typer.Argument(metavar="CONFIG", help="The line's configuration, a YAML file.")]
ForSeconds = Annotated[float | None, typer.Option("--for", metavar="S", min=0.1, help="Stop after S seconds.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout.")]


def _print(summary: Any) -> None:
    print(json.dumps(summary, ensure_ascii=False, allow_nan=False))  # noqa: T201 - this is the output


@app.command()
def run(config: ConfigPath, for_s: ForSeconds = None, as_json: AsJson = False) -> None:
    """Run the line in real time, with its HMI."""
    from controller.cli.run import run_line

    summary = asyncio.run(run_line(config, for_s, show=True))
    _print_summary(summary, as_json)


@app.command()
def simulate(
    config: ConfigPath,
    for_s: Annotated[float, typer.Option("--for", metavar="S", min=0.1, help="Virtual seconds.")] = 60.0,
    seed: Annotated[int | None, typer.Option(min=0, help="Seed of the plant; default: the one in CONFIG.")] = None,
    record_to: Annotated[
        Path | None, typer.Option("--record", metavar="FILE.mcap", help="Record into this new file.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Run the line in virtual time against the simulated plant: same seed, same answer."""
    from controller.cli.simulate import simulate as simulate_line

    _print_summary(simulate_line(config, for_s, seed, record=record_to), as_json)


@app.command()
def record(
    config: ConfigPath,
    output: Annotated[Path, typer.Option("-o", "--output", metavar="FILE.mcap", help="The new file to record into.")],
    for_s: ForSeconds = None,
    jpeg: Annotated[
        bool, typer.Option("--jpeg", help="Frames as JPEG: smaller, shown by Foxglove, but not replayed exactly.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Run the line as `run` does, and record it."""
    from controller.cli.record import record_line

    summary = asyncio.run(record_line(config, output, for_s, "jpeg" if jpeg else "zstd", show=True))
    _print_summary(summary, as_json)


@app.command()
def replay(
    recording: Annotated[Path, typer.Argument(metavar="FILE.mcap", help="What `record` has written.")],
    config: Annotated[
        Path | None, typer.Option("--config", metavar="CONFIG", help="Another configuration than the recorded one.")
    ] = None,
    against: Annotated[
        Path | None, typer.Option("--against", metavar="FILE", help="Compare with this recording instead.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Put a recording through today's code, and say what came out differently."""
    from controller.cli.replay import print_changes
    from controller.cli.replay import replay as replay_recording

    summary = replay_recording(recording, config, against)
    _print_summary(summary, as_json)
    if not as_json:
        print_changes(summary["changes"])


@app.command()
def plant(
    config: ConfigPath,
    for_s: ForSeconds = None,
    truth_fd: Annotated[int | None, typer.Option(hidden=True)] = None,
) -> None:
    """Run the virtual plant alone: Modbus and OPC UA servers, camera."""
    from controller.cli.plant import serve_plant

    asyncio.run(serve_plant(config, for_s, truth_fd))


@app.command()
def annotate(
    config: ConfigPath,
    output: Annotated[Path, typer.Option("-o", "--output", metavar="FILE", help="The video, .mp4 or .avi.")],
    for_s: ForSeconds = None,
    as_json: AsJson = False,
) -> None:
    """Draw what the line would make of its camera's pictures into a video; nothing is moved."""
    from controller.cli.annotate import annotate as annotate_line

    summary = annotate_line(config, output, for_s)
    if as_json:
        _print(summary)
    else:
        print(f"{summary['video']}: {summary['frames']} frames, {len(summary['parts'])} parts")  # noqa: T201


@app.command()
def check(config: ConfigPath) -> None:
    """Validate a configuration, start nothing; exit 2 and every error if it is wrong."""
    from controller.config import check as check_config

    print(check_config(config, try_model=True), file=sys.stderr)  # noqa: T201 - this is the output


@app.command()
def schema() -> None:
    """Print the JSON Schema of the configuration."""
    from controller.config import build_schemas

    _print(build_schemas()["line"])


@app.command()
def bench(
    names: Annotated[list[str] | None, typer.Argument(metavar="[NAME]...")] = None, as_json: AsJson = False
) -> None:
    """Measure the figures in benchmarks/, each beside its floor; exit 1 where one misses its target."""
    from controller.cli.bench import print_reports, run_benches

    result = run_benches(names or [])
    if as_json:
        _print(result)
    else:
        print_reports(result)
    if not result["all_met"]:
        raise typer.Exit(1)


@app.command("_vision", hidden=True)
def vision_child(
    config: Path,
    socket: Annotated[Path, typer.Option()],
    send_frames: Annotated[Literal["zstd", "jpeg"] | None, typer.Option()] = None,
) -> None:
    """The vision process of a line (started by `run`)."""
    from controller.cli.vision import serve_vision
    from controller.vision_process import GIVEN_UP

    try:
        asyncio.run(serve_vision(config, socket, send_frames))
    except (NeedsOperator, Fatal) as error:
        print(error, file=sys.stderr)  # noqa: T201 - the line's stderr is ours
        raise typer.Exit(GIVEN_UP) from error


@app.command("_hmi", hidden=True)
def hmi_child(config: Path, socket: Annotated[Path, typer.Option()]) -> None:
    """The HMI process of a line (started by `run`)."""
    from controller.cli.hmi import run_hmi

    asyncio.run(run_hmi(config, socket))


@app.command("_scada", hidden=True)
def scada_child(config: Path, socket: Annotated[Path, typer.Option()]) -> None:
    """The SCADA server of a line (started by `run`)."""
    from controller.cli.scada import run_scada

    asyncio.run(run_scada(config, socket))


def _print_summary(summary: dict[str, Any], as_json: bool) -> None:
    if as_json:
        _print(summary)
        return
    from controller.cli.output import print_summary

    print_summary(summary)


@contextmanager
def _errors_as_exit_codes() -> Generator[None]:
    """Say what we raised on purpose in one line each; let defects show where they happened."""
    try:
        yield
    except SenbetsuError as error:
        _complain([error])
    except BaseExceptionGroup as group:
        raised = list(_leaves(group))
        ours = [error for error in raised if isinstance(error, SenbetsuError)]
        if len(ours) != len(raised):
            raise
        _complain(ours)


def _leaves(group: BaseExceptionGroup[BaseException]) -> Iterator[BaseException]:
    for error in group.exceptions:
        if isinstance(error, BaseExceptionGroup):
            yield from _leaves(cast("BaseExceptionGroup[BaseException]", error))
        else:
            yield error


def _complain(errors: Sequence[SenbetsuError]) -> None:
    for error in errors:
        print(error, file=sys.stderr)  # noqa: T201 - this is the output
    raise SystemExit(2 if any(isinstance(e, ConfigErrors) for e in errors) else 1) from None


def run_app() -> None:
    """Parse the command line and do what it says; ends with SystemExit."""
    die_with_parent()
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso"),
            structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty()),
        ],
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    with _errors_as_exit_codes():
        app(standalone_mode=True)
