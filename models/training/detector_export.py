"""A trained detector becomes one ONNX file of a layout, and only if onnxruntime answers as PyTorch does."""

import hashlib
import importlib.metadata
import json
import warnings
from typing import Any, cast

import numpy as np
import onnx
import onnxruntime
import torch

from models.detector_manifest import Activation, DetectorInput, DetectorManifest, DetectorOutput, Layout, Rule
from models.manifest import CreatedBy, TrainingSource
from models.registry import LABELS_KEY
from models.training.detector_net import DetectorNet, Exported
from models.training.detector_settings import DetectorSettings
from senbetsu_errors import Fatal

LARGEST_DIFFERENCE = 2e-2
"""Pixels or shares, of the answers to one picture."""

OPSET = 18
_INPUT = "images"
_PACKAGES = ("torch", "onnx", "onnxscript", "onnxruntime", "numpy")


def onnx_bytes(net: DetectorNet, layout: Layout, side_px: int, labels: tuple[str, ...]) -> bytes:
    """The net in a layout, its batch free. Raises Fatal `training.export_differs` where onnxruntime answers
    otherwise than PyTorch."""
    exported = Exported(net, layout, side_px).eval()
    # Noise on grey: something that the net has an opinion about everywhere.
    example = torch.rand(2, 3, side_px, side_px, generator=torch.Generator().manual_seed(1))
    with warnings.catch_warnings():
        # torch.export walks its own deprecated classes
        warnings.simplefilter("ignore")
        program = cast("Any", torch.onnx).export(
            exported,
            (example,),
            input_names=[_INPUT],
            output_names=list(output_of(layout).names),
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
    entry.key, entry.value = LABELS_KEY, json.dumps(list(labels))
    cast("Any", onnx.checker).check_model(model)
    data = cast("bytes", model.SerializeToString())
    session: Any = onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])
    found = session.run(list(output_of(layout).names), {_INPUT: example.numpy()})
    with torch.inference_mode():
        wanted = exported(example)
    expected = cast("tuple[torch.Tensor, ...]", wanted if isinstance(wanted, tuple) else (wanted,))
    difference = max(float(np.abs(ours - theirs.numpy()).max()) for ours, theirs in zip(found, expected, strict=True))
    if not difference <= LARGEST_DIFFERENCE:
        raise Fatal(
            "training.export_differs",
            f"onnxruntime's answers differ from PyTorch's by up to {difference:.2g}, more than {LARGEST_DIFFERENCE:g}.",
            "Pin torch, onnxscript and onnxruntime to the versions of requirements/training.txt.",
        )
    return data


def output_of(layout: Layout) -> DetectorOutput:
    """What `Exported` answers in a layout."""
    activation: Activation = "sigmoid" if layout == "detr" else "none"
    return DetectorOutput(
        names=("logits", "boxes") if layout == "detr" else ("output0",),
        layout=layout,
        box="xyxy" if layout == "end_to_end" else "cxcywh",
        unit="normalised" if layout == "detr" else "pixels",
        activation=activation,
    )


def detector_manifest(
    settings: DetectorSettings, data: bytes, rule: Rule, source: TrainingSource, command: str
) -> DetectorManifest:
    """The manifest of an exported detector, not measured yet."""
    side = settings.side_px
    return DetectorManifest(
        kind="detector",
        name=settings.name,
        version=settings.version,
        labels=settings.labels,
        input=DetectorInput(
            name=_INPUT,
            width_px=side,
            height_px=side,
            layout="NCHW",
            dtype="float32",
            color_order="RGB",
            scale=1 / 255,
            fit="tiles",
            overlap_px=settings.overlap_px,
            mm_per_px=settings.mm_per_px,
        ),
        output=output_of(settings.layout),
        rule=rule,
        evidence=dict.fromkeys(settings.labels, "rendered only"),
        training_data=(source,),
        opset=OPSET,
        size_bytes=len(data),
        sha256=hashlib.sha256(data).hexdigest(),
        created_by=CreatedBy(
            command=command,
            packages={name: importlib.metadata.version(name) for name in _PACKAGES},
            seed=settings.seed,
        ),
    )
