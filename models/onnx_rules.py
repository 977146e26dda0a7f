"""Which ONNX files the line runs: one file, operators that onnxruntime itself brings, bounded in every way.

Checked on the very bytes that are then loaded. What these rules let through may still ask for memory while it is
loaded or run; `models.session` bounds that.
"""

from models.onnx_file import OnnxContents, inspect
from senbetsu_errors import NeedsOperator

MAX_NODES = 20_000
OPSETS = range(7, 28)
"""Of ai.onnx, that onnxruntime 1.32 knows."""

STANDARD = ("", "ai.onnx")
QUANTISER = "com.microsoft"
QUANTISED = frozenset({
    "QuantizeLinear", "DequantizeLinear", "QLinearAdd", "QLinearMul", "QLinearSigmoid", "QLinearLeakyRelu",
    "QLinearAveragePool", "QLinearGlobalAveragePool", "QLinearConcat", "QLinearSoftmax", "QLinearWhere",
    "QLinearReduceMean", "QGemm", "MatMulIntegerToFloat", "DynamicQuantizeMatMul",
})  # fmt: skip
"""Operators of `com.microsoft` that onnxruntime's quantiser writes for nets of pictures; no other one is run."""

REFUSED = frozenset({"Loop", "Scan", "SequenceMap"})
"""Standard operators that repeat a graph of their own: how often, only running them would tell."""

_EXPORT = "Export it again as one self-contained ONNX file of standard operators; docs/integrators/models.md says how."


def checked(data: bytes, name: str) -> OnnxContents:
    """What the file `name` holds. Raises NeedsOperator with the code `model.mismatch` for bytes that are no ONNX file,
    `model.external_data`, `model.operator`, `model.opset`, `model.too_large` or `model.not_finite`."""
    try:
        found = inspect(data)
    except ValueError as error:
        raise NeedsOperator("model.mismatch", f"{name} is no ONNX file: {error}.", _EXPORT) from error
    if found.external_data:
        raise NeedsOperator(
            "model.external_data",
            f"{name} keeps weights in another file, which no checksum covers.",
            "Export it as one file (`external_data=False`).",
        )
    _check_operators(found, name)
    _check_opsets(found, name)
    if found.nodes > MAX_NODES:
        raise NeedsOperator("model.too_large", f"{name} has {found.nodes} nodes, more than {MAX_NODES}.", _EXPORT)
    if found.sparse or found.largest_tensor > 8 * len(data):  # eight to a byte is what the smallest type takes
        what = "sparse tensors" if found.sparse else f"a tensor of {found.largest_tensor} elements"
        raise NeedsOperator("model.too_large", f"{name} has {what} in {len(data)} bytes.", _EXPORT)
    if found.not_a_number:
        raise NeedsOperator(
            "model.not_finite", f"{name} has weights that are NaN.", "Its training failed: train again."
        )
    return found


def _check_operators(found: OnnxContents, name: str) -> None:
    if found.functions or found.training:
        what = "operators" if found.functions else "a training graph"
        raise NeedsOperator("model.operator", f"{name} brings {what} of its own, which is not run.", _EXPORT)
    for domain, operator in sorted(found.operators):
        known = (domain in STANDARD and operator not in REFUSED) or (domain == QUANTISER and operator in QUANTISED)
        if not known:
            full = f"{domain}.{operator}" if domain else operator
            raise NeedsOperator("model.operator", f"{name} uses the operator {full!r}, which is not run.", _EXPORT)


def _check_opsets(found: OnnxContents, name: str) -> None:
    """Every domain that nodes use has a version; those nobody uses are harmless (exporters list them)."""
    versions = [found.opsets[domain] for domain in STANDARD if domain in found.opsets]
    if not versions or any(version not in OPSETS for version in versions):
        said = versions[0] if versions else "none"
        raise NeedsOperator(
            "model.opset",
            f"{name} is written for opset {said}, this line runs {OPSETS.start} to {OPSETS.stop - 1}.",
            "Export it for one of those, for example `opset_version=18`.",
        )
