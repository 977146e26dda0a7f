"""Finds a model and its manifest, and refuses what is not exactly what the manifest says."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import onnxruntime
from pydantic import ValidationError

from models import onnx_file
from models.fusion import Fuser
from models.manifest import Manifest
from models.memory import MEMORY_KEY, Memory
from senbetsu_errors import NeedsOperator

MODELS_FOLDER = Path(__file__).resolve().parent
MAX_MODEL_BYTES = 32 * 1024 * 1024
MAX_MANIFEST_BYTES = 1024 * 1024
LABELS_KEY = "senbetsu.labels"
"""Metadata key inside the ONNX file: the labels as a JSON list, so that a manifest cannot relabel the net."""

_RESTORE = "Restore the .onnx file and its .manifest.json together, or train again with `senbetsu models train`."


@dataclass(frozen=True, slots=True)
class ModelFile:
    """A verified model: `data` are the very bytes that were checked; load the session from them, not from `path`.

    `memory` is None where the model keeps no exemplars: it cannot be taught.
    """

    path: Path
    manifest: Manifest
    data: bytes
    memory: Memory | None = None


def list_models() -> list[str]:
    """Names of the models in the `models` folder, sorted: every .onnx file, also one whose manifest is missing."""
    return sorted(path.stem for path in MODELS_FOLDER.glob("*.onnx"))


def open_model(name_or_path: str | Path) -> ModelFile:
    """Reads a shipped model by name (`parts`) or any by the path of its .onnx file, and checks it.

    Checked: manifest present and valid; file present, not above 32 MB, size and sha256 as written; no
    tensor in another file; the labels inside the file are the manifest's, and its memory fits them. Raises
    NeedsOperator with the code `model.missing`, `model.manifest`, `model.oversize`, `model.mismatch`,
    `model.external_data`, `model.labels` or `model.memory`.
    """
    path = _locate(name_or_path)
    manifest = _read_manifest(path)
    data = _read_bounded(path, MAX_MODEL_BYTES)
    if len(data) != manifest.size_bytes:
        raise NeedsOperator(
            "model.mismatch",
            f"{path} has {len(data)} bytes, its manifest says {manifest.size_bytes}: truncated or replaced.",
            _RESTORE,
        )
    digest = hashlib.sha256(data).hexdigest()
    if digest != manifest.sha256:
        raise NeedsOperator(
            "model.mismatch",
            f"{path} has sha256 {digest[:16]}…, its manifest says {manifest.sha256[:16]}…: altered.",
            _RESTORE,
        )
    metadata = _checked_metadata(path, data, manifest)
    return ModelFile(path, manifest, data, _memory(path, metadata, manifest))


def verify(name_or_path: str | Path) -> ModelFile:
    """`open_model`, and then a real onnxruntime session whose input and output must be the manifest's.

    Raises NeedsOperator as `open_model`, and `model.unloadable` or `model.interface`.
    """
    model = open_model(name_or_path)
    session = load_session(model)
    manifest = model.manifest
    if manifest.fusion:
        try:
            Fuser(manifest.fusion, manifest.labels)
        except ValueError as error:
            raise NeedsOperator(
                "model.fusion", f"The manifest of {model.path} cannot be used: {error}.", "Fit it again, or remove it."
            ) from error
    size = manifest.input.size_px
    found = _interface(session)
    outputs = [(manifest.output.name, "tensor(float)", ["N", len(manifest.labels)])]
    if manifest.embedding:
        outputs.append((manifest.embedding.name, "tensor(float)", ["N", manifest.embedding.size]))
    expected = ([(manifest.input.name, "tensor(uint8)", ["N", size, size, 3])], outputs)
    if found != expected:
        raise NeedsOperator(
            "model.interface", f"{model.path} has inputs and outputs {found}, its manifest says {expected}.", _RESTORE
        )
    return model


def load_session(model: ModelFile) -> onnxruntime.InferenceSession:
    """One-thread CPU session from the checked bytes. Raises NeedsOperator `model.unloadable`."""
    options = cast("Any", onnxruntime).SessionOptions()
    # Spinning helper threads cost milliseconds of tail latency on a small machine (reference/vision.md).
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    try:
        return onnxruntime.InferenceSession(model.data, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's own exceptions share no public base class
        raise NeedsOperator(
            "model.unloadable", f"onnxruntime cannot load {model.path}: {_first_line(error)}", _RESTORE
        ) from error


def _locate(name_or_path: str | Path) -> Path:
    """A bare name is a shipped model; anything with a folder or a suffix is a path."""
    given = Path(name_or_path)
    is_name = isinstance(name_or_path, str) and given.name == name_or_path and given.suffix != ".onnx"
    path = MODELS_FOLDER / f"{name_or_path}.onnx" if is_name else given
    if not path.is_file():
        known = ", ".join(list_models()) or "none"
        raise NeedsOperator(
            "model.missing",
            f"There is no model file {path}.",
            f"Known models: {known}. `senbetsu models train` makes one.",
        )
    return path


def _read_manifest(model_path: Path) -> Manifest:
    path = model_path.with_suffix(".manifest.json")
    if not path.is_file():
        raise NeedsOperator("model.manifest", f"{model_path} has no manifest {path.name} beside it.", _RESTORE)
    try:
        return Manifest.model_validate_json(_read_bounded(path, MAX_MANIFEST_BYTES))
    except ValidationError as error:
        problems = "; ".join(
            f"{'.'.join(str(part) for part in item['loc']) or 'manifest'}: {item['msg']}" for item in error.errors()[:5]
        )
        raise NeedsOperator("model.manifest", f"{path} is no valid manifest: {problems}.", _RESTORE) from error


def _read_bounded(path: Path, limit_bytes: int) -> bytes:
    """The whole file, or an error that does not read a file beyond the limit into memory."""
    try:
        with path.open("rb") as file:
            data = file.read(limit_bytes + 1)
    except OSError as error:
        raise NeedsOperator("model.missing", f"{path} cannot be read: {error.strerror}.", _RESTORE) from error
    if len(data) > limit_bytes:
        raise NeedsOperator("model.oversize", f"{path} is larger than {limit_bytes} bytes, the cap for such a file.")
    return data


def _checked_metadata(path: Path, data: bytes, manifest: Manifest) -> dict[str, str]:
    try:
        contents = onnx_file.inspect(data)
    except ValueError as error:
        raise NeedsOperator("model.mismatch", f"{path} is no ONNX file: {error}.", _RESTORE) from error
    if contents.external_data:
        raise NeedsOperator(
            "model.external_data",
            f"{path} keeps weights in another file, which no checksum covers.",
            "Export it as one file (`external_data=False`).",
        )
    inside = contents.metadata.get(LABELS_KEY)
    if inside != json.dumps(list(manifest.labels)):
        raise NeedsOperator(
            "model.labels",
            f"{path} was trained with the labels {inside}, its manifest says {json.dumps(list(manifest.labels))}.",
            _RESTORE,
        )
    return contents.metadata


def _memory(path: Path, metadata: dict[str, str], manifest: Manifest) -> Memory | None:
    """The exemplars inside the file; none without the manifest's `embedding`, which says how wide they are."""
    text = metadata.get(MEMORY_KEY)
    if text is None or manifest.embedding is None:
        return None
    try:
        return Memory.decode(text, size=manifest.embedding.size, classes=len(manifest.labels))
    except ValueError as error:
        raise NeedsOperator("model.memory", f"{path} does not fit its manifest: {error}.", _RESTORE) from error


def _interface(session: onnxruntime.InferenceSession) -> tuple[list[Any], list[Any]]:
    """Name, type and shape of every input and output; the free batch dimension reads "N" whatever it is called."""

    def describe(nodes: list[Any]) -> list[Any]:
        return [(n.name, n.type, ["N" if isinstance(d, str) else d for d in n.shape]) for n in nodes]

    untyped = cast("Any", session)
    return describe(untyped.get_inputs()), describe(untyped.get_outputs())


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
