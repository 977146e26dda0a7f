"""A trained detector becomes one ONNX file of a layout, and only if onnxruntime answers as PyTorch does."""

import hashlib
import importlib.metadata
import json
import warnings
from collections.abc import Iterator, Sequence
from typing import Any, cast

import numpy as np
import onnx
import onnxruntime
import torch
from numpy.typing import NDArray

from models.detector_manifest import Activation, DetectorInput, DetectorManifest, DetectorOutput, Layout, Rule
from models.manifest import CreatedBy, TrainingSource
from models.registry import LABELS_KEY
from models.training.detector_net import DetectorNet, Exported
from models.training.detector_settings import DetectorSettings
from senbetsu_errors import Fatal

Floats = NDArray[np.float32]

LARGEST_DIFFERENCE = 2e-2
"""Pixels, logits or shares, of the answers to one picture."""
NOTHING = 1e-6
"""An answer with a smaller score says that there is no part, wherever its box lies."""

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
    difference = largest_difference(found, [each.numpy() for each in expected], layout, side_px)
    if not difference <= LARGEST_DIFFERENCE:
        raise Fatal(
            "training.export_differs",
            f"onnxruntime's answers differ from PyTorch's by up to {difference:.2g}, more than {LARGEST_DIFFERENCE:g}.",
            "Pin torch, onnxscript and onnxruntime to the versions of requirements/training.txt.",
        )
    return data


def largest_difference(found: Sequence[Floats], wanted: Sequence[Floats], layout: Layout, side_px: int) -> float:
    """Largest difference between two sets of outputs to the same pictures, boxes in pixels.

    `yolo` and `yolo_objectness` are compared number by number. The other two answer the best places, in the order of
    their scores; where fewer are found than asked for, the rest is any of the cells that tie at nothing, and
    onnxruntime's TopK takes others than PyTorch's. There, every answer that counts must be among the other's answers.
    """
    if layout in ("yolo", "yolo_objectness"):
        return max(float(np.abs(ours - theirs).max()) for ours, theirs in zip(found, wanted, strict=True))
    pairs = zip(_scored(found, layout, side_px), _scored(wanted, layout, side_px), strict=True)
    return max((_missing(*way) for ours, theirs in pairs for way in ((ours, theirs), (theirs, ours))), default=0.0)


def _scored(outputs: Sequence[Floats], layout: Layout, side_px: int) -> Iterator[tuple[Floats, Floats]]:
    """Of each picture: its answers' scores [K], and all their numbers [K, W], boxes in pixels."""
    for picture in zip(*outputs, strict=True):
        if layout == "detr":
            logits, boxes = picture
            yield 1 / (1 + np.exp(-logits.max(axis=1))), np.concatenate([logits, boxes * np.float32(side_px)], axis=1)
        else:
            yield picture[0][:, 4], picture[0]


def _missing(some: tuple[Floats, Floats], others: tuple[Floats, Floats]) -> float:
    """How far the answer that counts and fits the others worst is from the one of them that is like it."""
    counting = some[1][some[0] > NOTHING]
    return float(np.abs(counting[:, None] - others[1]).max(axis=2).min(axis=1).max(initial=0.0))


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
