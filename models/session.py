"""An onnxruntime session that cannot take more than its share of the machine."""

from functools import cache
from typing import Any, cast

import numpy as np
import onnxruntime

from senbetsu_errors import NeedsOperator

MAX_SESSION_BYTES = 1024 * 1024 * 1024
"""Of memory for all sessions of this process together: a net that asks for more fails, and with an error."""

_OTHER = "Install another model, or the one before it."
_TYPES = {"tensor(uint8)": np.uint8, "tensor(float)": np.float32}
_GREY = 114


def bounded_session(data: bytes, name: str) -> onnxruntime.InferenceSession:
    """One-thread CPU session from bytes that `models.onnx_rules` has checked, tried once on a grey picture.

    Raises NeedsOperator `model.unloadable` where onnxruntime refuses it or it asks for too much memory, and
    `model.not_finite` where it answers NaN or infinity.
    """
    _bound_memory()
    options = cast("Any", onnxruntime).SessionOptions()
    # Spinning helper threads cost milliseconds of tail latency on a small machine (reference/vision.md).
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 4  # what goes wrong is raised, and said in our words
    options.add_session_config_entry("session.use_env_allocators", "1")
    try:
        session = onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
        untyped = cast("Any", session)
        found = untyped.run(None, {given.name: _grey(given) for given in untyped.get_inputs()})
    except Exception as error:  # onnxruntime's own exceptions share no public base class
        raise NeedsOperator(
            "model.unloadable", f"onnxruntime cannot load and run {name}: {_first_line(error)}", _OTHER
        ) from error
    if not all(np.isfinite(output).all() for output in found if np.issubdtype(np.asarray(output).dtype, np.floating)):
        raise NeedsOperator("model.not_finite", f"{name} answers a grey picture with NaN or infinity.", _OTHER)
    return session


def _grey(given: Any) -> np.ndarray[Any, Any]:
    """Something to try an input with: free dimensions are one, pixels are grey."""
    if given.type not in _TYPES:
        raise ValueError(f"its input {given.name!r} is {given.type}, pictures are {' or '.join(_TYPES)}")
    shape = [size if isinstance(size, int) else 1 for size in given.shape]
    if int(np.prod(shape, dtype=object)) > 1 << 26:
        raise ValueError(f"its input {given.name!r} has the shape {given.shape}")
    return np.full(shape, _GREY if given.type == "tensor(uint8)" else 0.5, _TYPES[given.type])


@cache
def _bound_memory() -> None:
    """Once a process: the allocator that sessions share, with a limit that onnxruntime keeps to."""
    library = cast("Any", onnxruntime)
    arena = library.OrtArenaCfg({"max_mem": MAX_SESSION_BYTES, "arena_extend_strategy": 1})
    memory = library.OrtMemoryInfo("Cpu", library.OrtAllocatorType.ORT_ARENA_ALLOCATOR, 0, library.OrtMemType.DEFAULT)
    library.create_and_register_allocator(memory, arena)


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0].rstrip(" .") + "."
