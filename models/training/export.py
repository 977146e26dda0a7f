"""A trained net becomes two ONNX files, fp32 and int8, each with its manifest, and only if onnxruntime answers alike.

`NAME.onnx` is the int8 one, which the line runs; `NAME-fp32.onnx` is the same net without the rounding.
"""

import hashlib
import importlib.metadata
import json
import tempfile
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import onnx
import onnxruntime
import torch
from numpy.typing import NDArray
from onnxruntime import quantization
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, shape_inference

from models.files import write_model
from models.manifest import (
    Accuracy,
    CreatedBy,
    Embedding,
    Evidence,
    LeaveOneSourceOut,
    Manifest,
    Metrics,
    ModelInput,
    ModelOutput,
    Precision,
    Preprocessing,
    TrainingSource,
)
from models.memory import MEMORY_KEY, Memory
from models.onnx_head import BIAS, WEIGHT
from models.onnx_pixels import take_pixels_as_they_come
from models.registry import LABELS_KEY
from models.scores import expected_calibration_error, fit_temperature, softmax
from models.training.dataset import Dataset
from models.training.net import PIXEL_MEAN, PIXEL_SPREAD, FromPixels, PartsNet
from models.training.settings import TrainingSettings
from models.training.train import answers, as_shown_uint8
from models.unknown import fit_unknown
from senbetsu_errors import Fatal

LARGEST_LOGIT_DIFFERENCE = 1e-3
MOST_POINTS_LOST = 0.005
"""Share of the validation crops that int8 may answer wrongly where fp32 was right, beyond the reverse."""

OPSET = 18
_INPUT, _OUTPUT, _EMBEDDING = "crops", "logits", "embedding"
_HEAD_NODE = "head"
_PACKAGES = ("torch", "onnx", "onnxscript", "onnxruntime", "numpy")
_CALIBRATION_CROPS = 512
_CHUNK = 64
_WARNING = (
    "Photographs held out come from the same sources as those trained on, nearly one source and background a class, "
    "and rendered crops from the renderer trained on (other shapes): neither says how the model does on parts of "
    "another site. leave_one_source_out comes nearest to that."
)


@dataclass(frozen=True, slots=True)
class Exported:
    """The two files' manifests."""

    int8: Manifest
    fp32: Manifest


def export(
    net: PartsNet,
    dataset: Dataset,
    settings: TrainingSettings,
    folder: Path,
    command: str,
    left_out: LeaveOneSourceOut | None = None,
) -> Exported:
    """Writes `<name>.onnx` and `<name>-fp32.onnx` with their manifests into `folder`, verified there.

    `command` is how the run was started, for the manifest. Raises Fatal, and writes nothing, where onnxruntime's fp32
    logits on validation crops are further than 1e-3 from PyTorch's (`training.export_differs`), or int8 answers more
    than half a point fewer validation crops rightly (`training.int8_loses`).
    """
    held = shown(dataset.where(dataset.validation), settings)
    learned = shown(dataset.where(~dataset.validation), settings)
    plain = _onnx_bytes(net, settings)
    _check_equal(net, plain, held.crops[:512], settings)
    rounded = _int8(plain, learned.crops, settings.seed)
    fp32 = _Finished(plain, f"{settings.name}-fp32", "fp32", learned, held, settings, command, left_out)
    int8 = _Finished(rounded, settings.name, "int8", learned, held, settings, command, left_out)
    if int8.right < fp32.right - MOST_POINTS_LOST:
        raise Fatal(
            "training.int8_loses",
            f"int8 answers {int8.right:.2%} of the validation crops rightly, fp32 {fp32.right:.2%}.",
            "Train longer, or calibrate on more crops.",
        )
    return Exported(fp32=fp32.write(folder), int8=int8.write(folder))


def write_fp32(net: PartsNet, dataset: Dataset, settings: TrainingSettings, folder: Path) -> Path:
    """The fp32 file alone, unchecked against int8: for a net that is measured and thrown away. Returns its path."""
    held = shown(dataset.where(dataset.validation), settings)
    learned = shown(dataset.where(~dataset.validation), settings)
    finished = _Finished(_onnx_bytes(net, settings), settings.name, "fp32", learned, held, settings, "leave_out", None)
    return folder / f"{finished.write(folder).name}.onnx"


def largest_difference(net: PartsNet, data: bytes, crops: NDArray[np.uint8], size_px: int) -> float:
    """Largest |onnxruntime - PyTorch| over the logits of `crops`, uint8 [N, size_px, size_px, 3]."""
    found = _run(data, crops)[0]
    return float(np.abs(found - answers(net, crops, size_px)[0]).max())


class _Finished:
    """One of the two files: exemplars and the unknown rule are its own, because its embeddings are."""

    def __init__(
        self,
        graph: bytes,
        name: str,
        precision: Precision,
        learned: Dataset,
        held: Dataset,
        settings: TrainingSettings,
        command: str,
        left_out: LeaveOneSourceOut | None,
    ) -> None:
        self._name = name
        self._precision: Precision = precision
        self._learned, self._held, self._settings = learned, held, settings
        self._command, self._left_out = command, left_out
        chosen = exemplars(learned, settings.exemplars_per_class, settings.seed)
        self._memory = Memory(_run(graph, learned.crops[chosen])[1], learned.labels[chosen])
        self._logits, self._embeddings = _run(graph, held.crops)
        self._data = _with_metadata(graph, settings.labels, self._memory)

    @property
    def right(self) -> float:
        """Share of the validation crops that it answers rightly."""
        return float((self._logits.argmax(axis=1) == self._held.labels).mean())

    def write(self, folder: Path) -> Manifest:
        manifest = self._manifest()
        write_model(folder / f"{self._name}.onnx", self._data, manifest)
        return manifest

    def _manifest(self) -> Manifest:
        settings = self._settings
        temperature = fit_temperature(self._logits, self._held.labels)
        probabilities = softmax(self._logits, temperature)
        return Manifest(
            name=self._name,
            version=settings.version,
            labels=settings.labels,
            input=ModelInput(name=_INPUT, size_px=settings.net.size_px),
            output=ModelOutput(name=_OUTPUT),
            embedding=Embedding(name=_EMBEDDING, size=self._embeddings.shape[1]),
            precision=self._precision,
            preprocessing=Preprocessing(
                description="The square around the blob, or the whole photograph padded to a square, resized to "
                "size_px, RGB uint8, as vision.crops cuts it. The graph itself computes (pixel / 255 - mean) / std.",
                mean=(PIXEL_MEAN, PIXEL_MEAN, PIXEL_MEAN),
                std=(PIXEL_SPREAD, PIXEL_SPREAD, PIXEL_SPREAD),
            ),
            temperature=temperature,
            unknown=fit_unknown(probabilities, self._embeddings, self._memory),
            evidence=_evidence(self._learned),
            training_data=_sources(self._learned),
            metrics=_metrics(self._logits, temperature, self._held, self._left_out),
            opset=OPSET,
            size_bytes=len(self._data),
            sha256=hashlib.sha256(self._data).hexdigest(),
            created_by=CreatedBy(
                command=self._command,
                packages={name: importlib.metadata.version(name) for name in _PACKAGES},
                seed=settings.seed,
            ),
        )


def exemplars(learned: Dataset, per_class: int, seed: int) -> NDArray[np.int64]:
    """Rows of `learned` that later teaching starts from: up to `per_class` of each class, every source as often as it
    goes round."""
    rng = np.random.default_rng([seed, 0xE8E3])
    chosen: list[int] = []
    for label in range(len(learned.classes)):
        rows = rng.permutation(np.flatnonzero(learned.labels == label))
        turns = np.zeros(len(rows), np.int64)
        for source in np.unique(learned.sources[rows]):
            of_source = learned.sources[rows] == source
            turns[of_source] = np.arange(of_source.sum())
        chosen += rows[np.argsort(turns, kind="stable")][:per_class].tolist()
    return np.array(sorted(chosen), np.int64)


def shown(dataset: Dataset, settings: TrainingSettings) -> Dataset:
    """The crops at the size that the line cuts them."""
    crops = as_shown_uint8(dataset.crops, settings.net.size_px)
    return Dataset.uncovered(
        dataset.classes, dataset.origins, crops, dataset.labels, dataset.sources, dataset.validation
    )


def _onnx_bytes(net: PartsNet, settings: TrainingSettings) -> bytes:
    size = settings.net.size_px
    example = torch.zeros(2, size, size, 3, dtype=torch.uint8)
    with warnings.catch_warnings():
        # torch.export walks its own deprecated classes
        warnings.simplefilter("ignore", FutureWarning)
        program = cast("Any", torch.onnx).export(
            FromPixels(net).eval(),
            (example,),
            input_names=[_INPUT],
            output_names=[_OUTPUT, _EMBEDDING],
            opset_version=OPSET,
            dynamic_shapes=({0: torch.export.Dim("batch")},),
            dynamo=True,
            external_data=False,
            verbose=False,
        )
    if program is None:
        raise Fatal("training.export_failed", "torch.onnx.export gave no program.")
    model: Any = program.model_proto
    _name_head(model)
    cast("Any", onnx.checker).check_model(model)
    return cast("bytes", model.SerializeToString())


def _name_head(model: Any) -> None:
    """The last node's weights get the names by which teaching finds them."""
    (node,) = [node for node in model.graph.node if _OUTPUT in node.output]
    if node.op_type != "Gemm" or node.input[0] != _EMBEDDING:
        raise Fatal("training.export_failed", f"The graph ends in {node.op_type}, not in a head on the embedding.")
    node.name = _HEAD_NODE
    for position, name in ((1, WEIGHT), (2, BIAS)):
        before = node.input[position]
        for tensor in model.graph.initializer:
            if tensor.name == before:
                tensor.name = name
        for other in model.graph.node:
            for index, given in enumerate(other.input):
                if given == before:
                    other.input[index] = name


class _Calibration(CalibrationDataReader):
    """Hands training crops to the quantiser, which watches what values flow."""

    def __init__(self, crops: NDArray[np.uint8]) -> None:
        self._chunks: Iterator[NDArray[np.uint8]] = iter(np.array_split(crops, max(1, len(crops) // _CHUNK)))

    def get_next(self) -> dict[str, NDArray[np.uint8]] | None:  # pyright: ignore[reportIncompatibleMethodOverride]
        chunk = next(self._chunks, None)
        return None if chunk is None else {_INPUT: chunk}


def _int8(data: bytes, crops: NDArray[np.uint8], seed: int) -> bytes:
    """The same graph with int8 weights (a scale a channel) and uint8 activations, except its head."""
    chosen = np.random.default_rng([seed, 0x188]).permutation(len(crops))[:_CALIBRATION_CROPS]
    with tempfile.TemporaryDirectory() as folder:
        plain, ready, rounded = (Path(folder) / name for name in ("plain.onnx", "ready.onnx", "rounded.onnx"))
        plain.write_bytes(data)
        cast("Any", shape_inference).quant_pre_process(str(plain), str(ready), skip_symbolic_shape=True)
        cast("Any", quantization).quantize_static(
            str(ready),
            str(rounded),
            _Calibration(crops[chosen]),
            quant_format=QuantFormat.QDQ,
            per_channel=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            nodes_to_exclude=[_HEAD_NODE],
        )
        model: Any = cast("Any", onnx).load(str(rounded))
    take_pixels_as_they_come(model)
    cast("Any", onnx.checker).check_model(model)
    return cast("bytes", model.SerializeToString())


def _with_metadata(data: bytes, labels: tuple[str, ...], memory: Memory) -> bytes:
    model: Any = onnx.load_model_from_string(data)
    for key, value in ((LABELS_KEY, json.dumps(list(labels))), (MEMORY_KEY, memory.encode())):
        entry = model.metadata_props.add()
        entry.key, entry.value = key, value
    return cast("bytes", model.SerializeToString())


def _run(data: bytes, crops: NDArray[np.uint8]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Logits and embeddings by onnxruntime."""
    session: Any = onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])
    found = [
        session.run([_OUTPUT, _EMBEDDING], {_INPUT: crops[start : start + _CHUNK]})
        for start in range(0, len(crops), _CHUNK)
    ]
    return np.concatenate([each[0] for each in found]), np.concatenate([each[1] for each in found])


def _check_equal(net: PartsNet, data: bytes, crops: NDArray[np.uint8], settings: TrainingSettings) -> None:
    difference = largest_difference(net, data, crops, settings.net.size_px)
    if not difference <= LARGEST_LOGIT_DIFFERENCE:
        raise Fatal(
            "training.export_differs",
            f"onnxruntime's logits differ from PyTorch's by up to {difference:.2g}, "
            f"more than {LARGEST_LOGIT_DIFFERENCE:.0e}.",
            "Pin torch, onnxscript and onnxruntime to the versions of requirements/training.txt.",
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


def _metrics(
    logits: NDArray[np.float32], temperature: float, held: Dataset, left_out: LeaveOneSourceOut | None
) -> Metrics:
    right = logits.argmax(axis=1) == held.labels

    def over(chosen: NDArray[np.bool_]) -> Accuracy | None:
        return Accuracy.of(right[chosen]) if chosen.any() else None

    per_class = {name: over(held.labels == index) for index, name in enumerate(held.classes)}
    return Metrics(
        overall=Accuracy.of(right),
        real=over(held.real),
        rendered=over(~held.real),
        per_class={name: accuracy for name, accuracy in per_class.items() if accuracy},
        ece_before=expected_calibration_error(softmax(logits), held.labels),
        ece_after=expected_calibration_error(softmax(logits, temperature), held.labels),
        leave_one_source_out=left_out,
        warning=_WARNING,
    )
