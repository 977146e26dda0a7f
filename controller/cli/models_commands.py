"""`senbetsu models`: list, verify, train and evaluate the models that say what a part is."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from controller.cli.compare_models import compare
from controller.cli.evaluate import AsJson, Config, ConfusionFile, Images, Name, evaluate_model, percent
from controller.cli.fit_fusion import fit_fusion_command
from controller.cli.teach import teach
from controller.cli.train import read_dataset, read_training_settings, train
from controller.cli.train_detector import train_detector
from models import registry, signature
from models.manifest import Manifest
from senbetsu_errors import NeedsOperator, SenbetsuError

if TYPE_CHECKING:
    from models.training.dataset import Dataset

models_app = typer.Typer(name="models", help="List, verify, train, teach and evaluate models.", no_args_is_help=True)
models_app.command("teach")(teach)
models_app.command("train")(train)
models_app.command("train-detector")(train_detector)
models_app.command("compare")(compare)
models_app.command("fit-fusion")(fit_fusion_command)


@models_app.command("list")
def list_command(as_json: AsJson = False) -> None:
    """List the shipped models; a model that would be refused is listed with the reason."""
    found = [_described(name) for name in registry.list_models()]
    if as_json:
        typer.echo(json.dumps({"models": found}, ensure_ascii=False))
        return
    table = Table("name", "version", "classes", "accuracy real / rendered", "size", "state")
    for entry in found:
        if "error" in entry:
            table.add_row(entry["name"], "", "", "", "", entry["error"]["code"])
        else:
            shares = f"{percent(entry['accuracy_real'])} / {percent(entry['accuracy_rendered'])}"
            size = f"{entry['size_bytes'] / 1e6:.2f} MB"
            table.add_row(entry["name"], entry["version"], str(len(entry["labels"])), shares, size, "ok")
    Console().print(table)


@models_app.command()
def verify(
    name: Annotated[str | None, typer.Argument(help="Name or path of a model; all that ship if left out.")] = None,
    trusted: Annotated[
        list[Path] | None,
        typer.Option("--trusted-key", metavar="FILE", help="A public key; one of those given must have signed it."),
    ] = None,
) -> None:
    """Check a model's file against its manifest and signature, and load it; exit 1 with the reason if it is refused."""
    for each in registry.list_models() if name is None else [name]:
        model = registry.verify_any(each, trusted or ())
        signed = "unsigned"
        if model.signature:
            trust = "is trusted" if trusted else "nobody asked to trust: --trusted-key"
            signed = f"signed with the key {model.signature.key_id}, which {trust}"
        typer.echo(
            f"{model.path}: {model.manifest.kind} {model.manifest.name} {model.manifest.version} is what its manifest "
            f"says; {signed}."
        )


@models_app.command()
def keygen(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Where the private key is written; .pub is added.")],
) -> None:
    """Make a pair of Ed25519 keys to sign models with. Nothing is overwritten, and no key comes with Senbetsu."""
    public_path, pair = signature.make_key(file)
    typer.echo(f"private key {file}: keep it where models are made, not on the line")
    typer.echo(f"public key  {public_path} ({pair.key_id}): name it in vision.trusted_keys of the lines")


@models_app.command()
def sign(
    name: Annotated[str, typer.Argument(help="Name or path of a model.")],
    key: Annotated[Path, typer.Option("--key", metavar="FILE", help="The private key.")],
) -> None:
    """Vouch for a model and its manifest, after checking and loading it; writes NAME.sig beside them."""
    private = signature.read_private_key(key)
    model = registry.verify_before_signing(name)
    made = signature.sign(model.path, model.manifest_bytes, private)
    typer.echo(f"{signature.signature_path(model.path)}: signed with the key {made.key_id}")


@models_app.command()
def evaluate(
    name: Name = "parts",
    config: Config = None,
    images: Images = None,
    output: ConfusionFile = None,
    as_json: AsJson = False,
) -> None:
    """Measure a model on held-out photographs and rendered scenes, or on your own DIR/<class>/*.jpg.

    Exit code 1 where a picture could not be used.
    """
    if not evaluate_model(name, config, images, output, as_json, _held_out):
        raise typer.Exit(1)


def _held_out(manifest: Manifest, config: Path) -> "Dataset":
    """The crops that training with `config` leaves out. Raises NeedsOperator `model.labels` for another model's."""
    settings = read_training_settings(config)
    if settings.labels != manifest.labels:
        raise NeedsOperator(
            "model.labels",
            f"{config} has the labels {list(settings.labels)}, the model {list(manifest.labels)}.",
            "Name the configuration that the model was trained with: --config.",
        )
    return read_dataset(settings, config, validation_only=True)


def _described(name: str) -> dict[str, Any]:
    try:
        model = registry.open_any(name)
    except SenbetsuError as error:
        return {"name": name, "error": {"code": error.code, "message": error.message}}
    manifest = model.manifest
    metrics = manifest.metrics if isinstance(manifest, Manifest) else None
    real, rendered = (metrics.real, metrics.rendered) if metrics else (None, None)
    return {
        "name": name,
        "kind": manifest.kind,
        "signed_by": model.signature.key_id if model.signature else None,
        "version": manifest.version,
        "labels": list(manifest.labels),
        "evidence": manifest.evidence,
        "accuracy_real": real.accuracy if real else None,
        "accuracy_rendered": rendered.accuracy if rendered else None,
        "size_bytes": manifest.size_bytes,
        "sha256": manifest.sha256,
    }
