"""Writes a model and its manifest, so that neither is ever half there."""

import json
import os
from pathlib import Path

from models.detector_manifest import DetectorManifest
from models.manifest import Manifest
from models.registry import MAX_MODEL_BYTES, MODELS_FOLDER, ModelFile, verify_any
from senbetsu_errors import NeedsOperator


def check_target(path: Path, parent: ModelFile) -> Path:
    """Where a model made from `parent` is written: `path`, with `.onnx` where it has no suffix.

    Raises NeedsOperator `model.target` where the parent lies there, a shipped model does, or its name could be no
    model's.
    """
    target = path if path.suffix == ".onnx" else path.with_name(f"{path.name}.onnx")
    if target.resolve() == parent.path.resolve() or target.resolve().parent == MODELS_FOLDER:
        raise _refused(f"{target} is where a model lies that is in use or ships with the line")
    if (
        not target.stem.replace("_", "").replace("-", "").replace(".", "").isalnum()
        or target.stem.lower() != target.stem
    ):
        raise _refused(f"{target.stem!r} is no name for a model: lower-case letters, digits, _, - and .")
    return target


def manifest_text(manifest: Manifest | DetectorManifest) -> str:
    """What stands in a manifest's file."""
    return json.dumps(manifest.model_dump(mode="json"), indent=2, ensure_ascii=False) + "\n"


def write_model(path: Path, data: bytes, manifest: Manifest | DetectorManifest) -> None:
    """Writes both files under other names, checks them there as the line will, and renames them.

    Raises NeedsOperator `model.target` where the disk refuses, and as `registry.verify_any`; nothing is left then.
    """
    if len(data) > MAX_MODEL_BYTES:
        raise _refused(f"the model would have {len(data)} bytes, more than {MAX_MODEL_BYTES}")
    fresh = path.with_name(f".{path.stem}.new.onnx")
    fresh_manifest = fresh.with_suffix(".manifest.json")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh.write_bytes(data)
        fresh_manifest.write_text(manifest_text(manifest), encoding="utf-8")
        verify_any(fresh)
        os.replace(fresh, path)
        os.replace(fresh_manifest, path.with_suffix(".manifest.json"))
    except OSError as error:
        raise _refused(f"{path} cannot be written: {error.strerror}") from error
    finally:
        if path.parent.is_dir():
            fresh.unlink(missing_ok=True)
            fresh_manifest.unlink(missing_ok=True)


def _refused(reason: str) -> NeedsOperator:
    return NeedsOperator("model.target", f"No model was written: {reason}.", "Give another place with -o.")
