"""A trained net becomes one ONNX file and its manifest, and only if onnxruntime answers as PyTorch does."""

import hashlib
import importlib.metadata
import json
import warnings
from pathlib import Path
from typing import Any, cast

import numpy as np
import onnx
import onnxruntime
import torch
from numpy.typing import NDArray

from models.manifest import (
    Accuracy,
    CreatedBy,
    Evidence,
    Manifest,
    Metrics,
    ModelInput,
    ModelOutput,
    Preprocessing,
    TrainingSource,
)
from models.registry import LABELS_KEY, verify
from models.scores import expected_calibration_error, softmax
from models.training.dataset import Dataset
from models.training.net import MEAN, STD, FromPixels
from models.training.settings import TrainingSettings
from models.training.train import Trained, logits
from senbetsu_errors import Fatal

LARGEST_LOGIT_DIFFERENCE = 1e-3
OPSET = 18
_INPUT, _OUTPUT = "crops", "logits"
_PACKAGES = ("torch", "onnx", "onnxscript", "onnxruntime", "numpy")
_WARNING = (
    "Photographs held out come from the same sources as those trained on, nearly one source and background a class, "
    "and rendered crops from the renderer trained on: neither figure says how the model does on parts of another site."
)


def export(trained: Trained, dataset: Dataset, settings: TrainingSettings, folder: Path, command: str) -> Manifest:
    """Writes `<name>.onnx` and `<name>.manifest.json` into `folder` and verifies them from there.

    `command` is how the run was started, for the manifest. Raises Fatal `training.export_differs` where
    onnxruntime's logits on validation crops are further than 1e-3 from PyTorch's; nothing is written then.
    """
    data = _onnx_bytes(trained, settings)
    _check_equal(trained, data, dataset.where(dataset.validation).crops[:512])
    manifest = _manifest(trained, dataset, settings, data, command)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{settings.name}.onnx"
    path.write_bytes(data)
    path.with_suffix(".manifest.json").write_text(
        json.dumps(manifest.model_dump(mode="json"), indent=2, ensure_ascii=False) + "\n", encoding="utf-8"
    )
    return verify(path).manifest


def _onnx_bytes(trained: Trained, settings: TrainingSettings) -> bytes:
    size = settings.net.size_px
    example = torch.zeros(2, size, size, 3, dtype=torch.uint8)
    with warnings.catch_warnings():
        # torch.export walks its own deprecated classes
        warnings.simplefilter("ignore", FutureWarning)
        program = cast("Any", torch.onnx).export(
            FromPixels(trained.net).eval(),
            (example,),
            input_names=[_INPUT],
            output_names=[_OUTPUT],
            opset_version=OPSET,
            dynamic_shapes=({0: torch.export.Dim("batch")},),
            dynamo=True,
            external_data=False,
            verbose=False,
        )
    if program is None:
        raise Fatal("training.export_failed", "torch.onnx.export gave no program.")
    model: Any = program.model_proto
    entry = model.metadata_props.add()
    entry.key, entry.value = LABELS_KEY, json.dumps(list(settings.labels))
    cast("Any", onnx.checker).check_model(model)
    return cast("bytes", model.SerializeToString())


def largest_difference(trained: Trained, data: bytes, crops: NDArray[np.uint8]) -> float:
    """Largest |onnxruntime - PyTorch| over the logits of `crops`."""
    session: Any = onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])
    found = np.asarray(session.run([_OUTPUT], {_INPUT: crops})[0])
    return float(np.abs(found - logits(trained.net, crops)).max())


def _check_equal(trained: Trained, data: bytes, crops: NDArray[np.uint8]) -> None:
    difference = largest_difference(trained, data, crops)
    if not difference <= LARGEST_LOGIT_DIFFERENCE:
        raise Fatal(
            "training.export_differs",
            f"onnxruntime's logits differ from PyTorch's by up to {difference:.2g}, "
            f"more than {LARGEST_LOGIT_DIFFERENCE:.0e}.",
            "Pin torch, onnxscript and onnxruntime to the versions of requirements/training.txt.",
        )


def _manifest(trained: Trained, dataset: Dataset, settings: TrainingSettings, data: bytes, command: str) -> Manifest:
    learned = dataset.where(~dataset.validation)
    return Manifest(
        name=settings.name,
        version=settings.version,
        labels=settings.labels,
        input=ModelInput(name=_INPUT, size_px=settings.net.size_px),
        output=ModelOutput(name=_OUTPUT),
        preprocessing=Preprocessing(
            description="The square around the blob, or the whole photograph padded to a square, resized to "
            "size_px, RGB uint8, as vision.crops cuts it. The graph itself computes (pixel / 255 - mean) / std.",
            mean=MEAN,
            std=STD,
        ),
        temperature=trained.temperature,
        evidence=_evidence(learned),
        training_data=_sources(learned),
        metrics=_metrics(trained, dataset),
        opset=OPSET,
        size_bytes=len(data),
        sha256=hashlib.sha256(data).hexdigest(),
        created_by=CreatedBy(
            command=command,
            packages={name: importlib.metadata.version(name) for name in _PACKAGES},
            seed=settings.seed,
        ),
    )


def _evidence(learned: Dataset) -> dict[str, Evidence]:
    found: dict[str, Evidence] = {}
    for index, name in enumerate(learned.classes):
        real = learned.real[learned.labels == index]
        if real.all():
            found[name] = "real photographs"
        else:
            found[name] = "real photographs and rendered" if real.any() else "rendered only"
    return found


def _sources(learned: Dataset) -> tuple[TrainingSource, ...]:
    listed: list[TrainingSource] = []
    for index, origin in enumerate(learned.origins):
        counts = np.bincount(learned.labels[learned.sources == index], minlength=len(learned.classes))
        listed.append(
            TrainingSource(
                source=origin.name,
                licence=origin.licence,
                attribution=origin.attribution,
                kind=origin.kind,
                count={name: int(n) for name, n in zip(learned.classes, counts, strict=True) if n},
            )
        )
    return tuple(listed)


def _metrics(trained: Trained, dataset: Dataset) -> Metrics:
    held = dataset.where(dataset.validation)
    right = trained.validation_logits.argmax(axis=1) == held.labels

    def over(chosen: NDArray[np.bool_]) -> Accuracy | None:
        count = int(chosen.sum())
        return Accuracy(accuracy=float(right[chosen].mean()), count=count) if count else None

    per_class = {name: over(held.labels == index) for index, name in enumerate(held.classes)}
    return Metrics(
        overall=Accuracy(accuracy=float(right.mean()), count=len(right)),
        real=over(held.real),
        rendered=over(~held.real),
        per_class={name: accuracy for name, accuracy in per_class.items() if accuracy},
        ece_before=expected_calibration_error(softmax(trained.validation_logits), held.labels),
        ece_after=expected_calibration_error(softmax(trained.validation_logits, trained.temperature), held.labels),
        warning=_WARNING,
    )
