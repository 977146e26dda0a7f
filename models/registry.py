"""Finds a model and its manifest, and refuses what is not exactly what the manifest says."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, cast

import onnxruntime
from pydantic import BeforeValidator, Field, TypeAdapter, ValidationError

from models import onnx_rules
from models.detector_manifest import DetectorManifest, Layout
from models.fusion import Fuser
from models.manifest import Manifest
from models.memory import MEMORY_KEY, Memory
from models.session import bounded_session
from models.signature import Signature, read_signature, require_trusted
from senbetsu_errors import NeedsOperator

MODELS_FOLDER = Path(__file__).resolve().parent
MAX_MODEL_BYTES = 32 * 1024 * 1024
MAX_MANIFEST_BYTES = 1024 * 1024
LABELS_KEY = "senbetsu.labels"
"""Metadata key inside the ONNX file: the labels as a JSON list, so that a manifest cannot relabel the net."""

_RESTORE = "Restore the .onnx file and its .manifest.json together, or train again with `senbetsu models train`."


@dataclass(frozen=True, slots=True)
class ModelFile:
    """A verified classifier: `data` are the very bytes that were checked; load the session from them, not from `path`.

    `memory` is None where the model keeps no exemplars: it cannot be taught. `signature` is None for one that nobody
    signed; `manifest_bytes` are what it signs.
    """

    path: Path
    manifest: Manifest
    data: bytes
    memory: Memory | None = None
    signature: Signature | None = None
    manifest_bytes: bytes = b""


@dataclass(frozen=True, slots=True)
class DetectorFile:
    """A verified detector; the other fields as in `ModelFile`."""

    path: Path
    manifest: DetectorManifest
    data: bytes
    signature: Signature | None = None
    manifest_bytes: bytes = b""


def _any_kind(found: Any) -> Any:
    """A manifest says what kind it is; those of classifiers from before there were others do not."""
    return {"kind": "classifier", **cast("dict[str, Any]", found)} if isinstance(found, dict) else found


_MANIFESTS: TypeAdapter[Manifest | DetectorManifest] = TypeAdapter(
    Annotated[Annotated[Manifest | DetectorManifest, Field(discriminator="kind")], BeforeValidator(_any_kind)]
)


def list_models() -> list[str]:
    """Names of the models in the `models` folder, sorted: every .onnx file, also one whose manifest is missing."""
    return sorted(path.stem for path in MODELS_FOLDER.glob("*.onnx"))


def open_model(name_or_path: str | Path, trusted_keys: Sequence[Path] = ()) -> ModelFile:
    """Reads a shipped classifier by name (`parts`) or any by the path of its .onnx file, and checks it.

    Raises NeedsOperator as `open_any`, and `model.kind` for a detector.
    """
    found = open_any(name_or_path, trusted_keys)
    if isinstance(found, DetectorFile):
        raise NeedsOperator(
            "model.kind",
            f"{found.path} is a detector, which sees whole belt pictures; this asks a classifier about single parts.",
            "Name a classifier; a detector is named by vision.model of a line.",
        )
    return found


def open_any(name_or_path: str | Path, trusted_keys: Sequence[Path] = ()) -> ModelFile | DetectorFile:
    """Reads a shipped model of any kind by name or any by the path of its .onnx file, and checks it.

    Checked: manifest present and valid; file present, not above 32 MB, size and sha256 as written; what
    `models.onnx_rules` asks of it; the labels inside the file are the manifest's, and its memory fits them; a signature
    beside it is right, and where `trusted_keys` names public keys (PEM files) one of them made it. All on the bytes
    that are returned. Raises NeedsOperator with the code `model.missing`, `model.manifest`, `model.oversize`,
    `model.mismatch`, `model.labels`, `model.memory`, `model.signature`, `model.unsigned`, `model.untrusted`,
    `model.key`, or as `onnx_rules.checked`.
    """
    path = _locate(name_or_path)
    text = _read_manifest(path)
    signature = read_signature(path, text)
    if trusted_keys:
        require_trusted(path, signature, trusted_keys)
    return _checked(path, text, signature, bool(trusted_keys))


def verify_before_signing(name_or_path: str | Path) -> ModelFile | DetectorFile:
    """As `verify_any`, whatever signature lies there: it is about to be replaced."""
    path = _locate(name_or_path)
    model = _checked(path, _read_manifest(path), None, False)
    check_runs(model)
    return model


def _checked(path: Path, text: bytes, signature: Signature | None, trust_is_asked: bool) -> ModelFile | DetectorFile:
    manifest = _manifest(path, text)
    if trust_is_asked and path.stem.split(".")[0] != manifest.name.split(".")[0]:
        raise NeedsOperator(
            "model.signature",
            f"{path} is signed under the name {manifest.name}: another model was put in its place.",
            "Install the model under its own name, and name that in vision.model.",
        )
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
    metadata = onnx_rules.checked(data, str(path)).metadata
    if isinstance(manifest, DetectorManifest):
        # One that others trained has no list of ours inside; where it has one, it must be the manifest's.
        if LABELS_KEY in metadata:
            _check_labels(path, metadata, manifest)
        return DetectorFile(path, manifest, data, signature, text)
    _check_labels(path, metadata, manifest)
    return ModelFile(path, manifest, data, _memory(path, metadata, manifest), signature, text)


def verify(name_or_path: str | Path) -> ModelFile:
    """`open_model`, and then a real onnxruntime session whose input and output must be the manifest's.

    Raises NeedsOperator as `open_model` and `load_session`, and `model.fusion`.
    """
    model = open_model(name_or_path)
    check_runs(model)
    return model


def verify_any(name_or_path: str | Path, trusted_keys: Sequence[Path] = ()) -> ModelFile | DetectorFile:
    """`open_any`, and then a real onnxruntime session whose input and output must be the manifest's.

    Raises NeedsOperator as `open_any` and `load_session`, and `model.fusion`.
    """
    model = open_any(name_or_path, trusted_keys)
    check_runs(model)
    return model


def check_runs(model: ModelFile | DetectorFile) -> None:
    """Loads a verified model and tries it once. Raises NeedsOperator as `load_session` and `model_fuser`."""
    load_session(model)
    if isinstance(model, ModelFile):
        model_fuser(model)


def model_fuser(model: ModelFile) -> Fuser | None:
    """What measures say, ready to be applied; None for a model that knows nothing of them.

    Raises NeedsOperator `model.fusion` where a density is none.
    """
    if model.manifest.fusion is None:
        return None
    try:
        return Fuser(model.manifest.fusion, model.manifest.labels)
    except ValueError as error:
        raise NeedsOperator(
            "model.fusion",
            f"The manifest of {model.path} cannot be used: {error}.",
            "Fit it again with `senbetsu models fit-fusion`, or remove it.",
        ) from error


def load_session(model: ModelFile | DetectorFile) -> onnxruntime.InferenceSession:
    """One-thread CPU session from the checked bytes, with the inputs and outputs that the manifest says.

    Raises NeedsOperator `model.unloadable`, `model.not_finite` or `model.interface`.
    """
    session = bounded_session(model.data, str(model.path))
    found = _interface(session)
    fits = _fits(found, model.manifest)
    expected = _expected(model.manifest)
    if not fits:
        raise NeedsOperator(
            "model.interface",
            f"{model.path} has inputs and outputs {found}, its manifest says {expected}.",
            "Correct the manifest of a model of your own; otherwise restore both files together.",
        )
    return session


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


def _read_manifest(model_path: Path) -> bytes:
    """The bytes of a model's manifest, unchecked. Raises NeedsOperator `model.manifest` or `model.oversize`."""
    path = model_path.with_suffix(".manifest.json")
    if not path.is_file():
        raise NeedsOperator("model.manifest", f"{model_path} has no manifest {path.name} beside it.", _RESTORE)
    return _read_bounded(path, MAX_MANIFEST_BYTES)


def _manifest(model_path: Path, text: bytes) -> Manifest | DetectorManifest:
    try:
        return _MANIFESTS.validate_json(text)
    except ValidationError as error:
        problems = "; ".join(
            f"{'.'.join(str(part) for part in item['loc']) or 'manifest'}: {item['msg']}" for item in error.errors()[:5]
        )
        path = model_path.with_suffix(".manifest.json")
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


def _check_labels(path: Path, metadata: dict[str, str], manifest: Manifest | DetectorManifest) -> None:
    inside = metadata.get(LABELS_KEY)
    if inside != json.dumps(list(manifest.labels)):
        raise NeedsOperator(
            "model.labels",
            f"{path} was trained with the labels {inside}, its manifest says {json.dumps(list(manifest.labels))}.",
            _RESTORE,
        )


def _memory(path: Path, metadata: dict[str, str], manifest: Manifest) -> Memory | None:
    """The exemplars inside the file; none without the manifest's `embedding`, which says how wide they are."""
    text = metadata.get(MEMORY_KEY)
    if text is None or manifest.embedding is None:
        return None
    try:
        return Memory.decode(text, size=manifest.embedding.size, classes=len(manifest.labels))
    except ValueError as error:
        raise NeedsOperator("model.memory", f"{path} does not fit its manifest: {error}.", _RESTORE) from error


_Interface = tuple[list[Any], list[Any]]


def _interface(session: onnxruntime.InferenceSession) -> _Interface:
    """Name, type and shape of every input and output; a free dimension reads "N" whatever it is called."""

    def describe(nodes: list[Any]) -> list[Any]:
        return [(n.name, n.type, [d if isinstance(d, int) else "N" for d in n.shape]) for n in nodes]

    untyped = cast("Any", session)
    return describe(untyped.get_inputs()), describe(untyped.get_outputs())


def _expected(manifest: Manifest | DetectorManifest) -> _Interface:
    """What `_interface` must find; "A" stands for any number of answers."""
    classes = len(manifest.labels)
    if isinstance(manifest, Manifest):
        size = manifest.input.size_px
        outputs = [(manifest.output.name, "tensor(float)", ["N", classes])]
        if manifest.embedding:
            outputs.append((manifest.embedding.name, "tensor(float)", ["N", manifest.embedding.size]))
        return [(manifest.input.name, "tensor(uint8)", ["N", size, size, 3])], outputs
    given = manifest.input
    sides = [given.height_px, given.width_px]
    picture = ["N", 3, *sides] if given.layout == "NCHW" else ["N", *sides, 3]
    shapes: dict[Layout, list[list[Any]]] = {
        "yolo": [["N", 4 + classes, "A"]],
        "yolo_objectness": [["N", "A", 5 + classes]],
        "end_to_end": [["N", "A", 6]],
        "detr": [["N", "A", classes + manifest.output.background], ["N", "A", 4]],
    }
    outputs = zip(manifest.output.names, shapes[manifest.output.layout], strict=True)
    kind = "tensor(uint8)" if given.dtype == "uint8" else "tensor(float)"
    return [(given.name, kind, picture)], [(name, "tensor(float)", shape) for name, shape in outputs]


def _fits(found: _Interface, manifest: Manifest | DetectorManifest) -> bool:
    """A classifier must be exactly as expected. A detector may have more outputs, and free or fixed sizes at will."""
    inputs, outputs = _expected(manifest)
    if isinstance(manifest, Manifest):
        return found == (inputs, outputs)
    by_name = {name: (kind, shape) for name, kind, shape in found[1]}

    def same(kind: str, shape: list[Any], wanted_kind: str, wanted: list[Any]) -> bool:
        return (
            kind == wanted_kind
            and len(shape) == len(wanted)
            and (shape[0] == "N" or shape[0] == 1)
            and all(a == b or b == "A" or a == "N" for a, b in zip(shape[1:], wanted[1:], strict=True))
        )

    return (
        len(found[0]) == 1
        and found[0][0][0] == inputs[0][0]
        and same(*found[0][0][1:], *inputs[0][1:])
        and all(name in by_name and same(*by_name[name], kind, shape) for name, kind, shape in outputs)
    )
