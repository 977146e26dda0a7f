"""`senbetsu models train`: from a training configuration to model files."""

import json
import shlex
import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from controller.config.document import read_document
from controller.config.errors import ConfigErrors
from controller.config.sections import Model, read_section
from models.manifest import LeaveOneSourceOut, Metrics
from models.predict import Predictor
from models.registry import verify
from models.training.settings import TrainingSettings
from senbetsu_errors import NeedsOperator

if TYPE_CHECKING:
    from models.training.dataset import Dataset
    from models.training.train import Teacher

TrainingConfig = Annotated[Path, typer.Argument(metavar="[CONFIG]", help="What to train, a YAML file.")]

DEFAULT_CONFIG = Path("configs/training/parts.yaml")
DEFAULT_OUTPUT = Path("runs/models")


def train(
    config: TrainingConfig = DEFAULT_CONFIG,
    output: Annotated[Path, typer.Option("-o", "--output", help="Folder for the model.")] = DEFAULT_OUTPUT,
) -> None:
    """Train a model and write its ONNX files and manifests; needs the extra `training` (torch).

    An interrupted run goes on where it was: pictures made and checkpoints lie in OUTPUT/NAME, with the log.
    """
    settings = read_training_settings(config)
    with torch_required():
        from controller.cli.site_lesson import ask_a_site
        from controller.cli.training_data import grounds
        from models.training import export as exporting
        from models.training import leave_out as leaving_out
        from models.training import train as training

    folder = output / settings.name
    folder.mkdir(parents=True, exist_ok=True)
    teacher = _teacher(settings)
    dataset = read_dataset(settings, config, cache=folder)
    run = training.Run(
        settings.net, settings.schedule, settings.seed, grounds(settings), teacher, folder / "checkpoint.pt"
    )
    with _Log(folder / "training.log") as log:
        net = training.train(dataset, run, lambda state: log.report("all sources", state))
        left_out: LeaveOneSourceOut | None = None
        if settings.leave_out:
            left_out = leaving_out.leave_out(
                dataset,
                run,
                settings.leave_out,
                lambda name, state: log.report(f"without {name}", state),
                lambda other, kept, unseen: ask_a_site(other, kept, unseen, settings),
            )
    command = shlex.join(["senbetsu", "models", "train", str(config)])
    exported = exporting.export(net, dataset, settings, output, command, left_out)
    for manifest in (exported.int8, exported.fp32):
        typer.echo(
            f"Wrote {output / manifest.name}.onnx, {manifest.size_bytes / 1e6:.2f} MB, and its manifest.", err=True
        )
        _print_metrics(manifest.metrics)
    typer.echo(exported.int8.metrics.warning, err=True)


def read_training_settings(path: Path) -> TrainingSettings:
    """The settings of a training configuration. Raises ConfigErrors with every place that is wrong."""
    return read_settings(TrainingSettings, path)


def read_settings(model: type[Model], path: Path) -> Model:
    """A YAML file as a `model`. Raises ConfigErrors with every place that is wrong."""
    document = read_document(path)
    settings = read_section(model, document, (), document.data, path.parent) if document.readable else None
    if settings is None or document.problems:
        raise ConfigErrors(path, document.problems)
    return settings


def read_dataset(
    settings: TrainingSettings, config: Path, *, validation_only: bool = False, cache: Path | None = None
) -> "Dataset":
    """Reads and renders the crops, with a progress bar; rendering needs the simulation, photographs the vision."""
    from controller.cli.training_data import build_dataset

    with rendering_progress() as report:
        return build_dataset(settings, config.parent, report, validation_only=validation_only, cache=cache)


@contextmanager
def rendering_progress() -> Generator[Callable[[str, int, int], None]]:
    """A bar on the terminal for each thing that is made: what, how many are done, of how many."""
    with _progress() as progress:
        tasks: dict[str, TaskID] = {}

        def report(what: str, done: int, total: int) -> None:
            if what not in tasks or progress.tasks[tasks[what]].finished:
                tasks[what] = progress.add_task(what, total=total)
            progress.update(tasks[what], completed=done, total=total)

        yield report


def _teacher(settings: TrainingSettings) -> "Teacher | None":
    """The model whose answers are learned too. Raises NeedsOperator `training.teacher` where it does not fit."""
    if settings.teacher is None:
        return None
    from models.training.train import Teacher

    model = verify(settings.teacher)
    size_px = model.manifest.input.size_px
    if model.manifest.labels != settings.labels or size_px < settings.net.size_px:
        raise NeedsOperator(
            "training.teacher",
            f"{model.path} answers other classes, or takes smaller crops, than the net to be trained.",
            "Give both the same `labels`, and the teacher no smaller a `size_px`.",
        )
    return Teacher(Predictor(model), size_px)


class _Log:
    """Progress on the terminal, and a line of JSON a report in the log file, added to what stands there."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("a", encoding="utf-8")
        self._progress = _progress()
        self._tasks: dict[str, TaskID] = {}

    def __enter__(self) -> "_Log":
        self._progress.__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        self._progress.__exit__(*error)
        self._file.close()

    def report(self, what: str, state: Any) -> None:
        """`state` is a `models.training.train.Progress`."""
        if what not in self._tasks:
            self._tasks[what] = self._progress.add_task(what, total=state.steps)
        description = f"{what}: loss {state.loss:.3f}"
        self._progress.update(self._tasks[what], completed=state.step, description=description)
        line = {"run": what, "step": state.step, "steps": state.steps, "loss": round(state.loss, 5)}
        self._file.write(json.dumps(line, ensure_ascii=False) + "\n")
        self._file.flush()


def _print_metrics(metrics: Metrics) -> None:
    left_out = metrics.leave_one_source_out
    if left_out:
        share, count = left_out.overall.accuracy, left_out.overall.count
        typer.echo(
            f"sources left out: {share:.2%} of {count}, mean of classes {left_out.mean_of_classes:.2%}", err=True
        )
    for kind, accuracy in (("photographs held out", metrics.real), ("rendered crops held out", metrics.rendered)):
        if accuracy:
            typer.echo(f"{kind}: {accuracy.accuracy:.2%} of {accuracy.count}", err=True)
    typer.echo(f"expected calibration error {metrics.ece_after:.3f}", err=True)


@contextmanager
def torch_required() -> Generator[None]:
    """Says how to get what a line does not need."""
    try:
        yield
    except ModuleNotFoundError as error:
        if (error.name or "").split(".")[0] not in ("torch", "onnx", "onnxscript"):
            raise
        raise NeedsOperator(
            "training.no_torch",
            f"Training needs {error.name}, which is not installed: a line runs without it.",
            "Install the extra `training` from the checkout: pip install -e '.[training]' -c requirements/training.txt",
        ) from error


def _progress() -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=Console(file=sys.stderr),
    )
