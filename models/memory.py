"""Exemplars of what a model was taught, kept inside its ONNX file: what later teaching and "unknown" start from.

An exemplar is the embedding of one training crop. Embeddings are stored as int8 with one float32 scale a row, which
changes them by at most 1/254 of the row's largest value and takes a quarter of the room.
"""

import base64
import binascii
import struct
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

MEMORY_KEY = "senbetsu.memory"
"""Metadata key inside the ONNX file: base64 of `Memory.encode`."""

MAX_EXEMPLARS = 16_384
MAX_EMBEDDING = 2_048
MAX_BYTES = 8 * 1024 * 1024
"""Of the encoded form before base64: what a model file may spend on its memory."""

_MAGIC = b"SBM1"
_HEADER = struct.Struct("<4sII")


@dataclass(frozen=True, slots=True)
class Memory:
    """M exemplars: `embeddings` float32 [M, D], `labels` int64 [M], indices into the manifest's labels."""

    embeddings: NDArray[np.float32]
    labels: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.labels)

    def encode(self) -> str:
        """Base64 text of header (`SBM1`, M, D as uint32), int8 [M, D], float32 scales [M] and int16 labels [M].

        All little-endian. Raises ValueError for arrays of other shapes, values that are not finite, labels below 0
        or above int16, and for more than 16,384 exemplars, 2,048 values each or 8 MiB in all.
        """
        embeddings, labels = np.asarray(self.embeddings, np.float32), np.asarray(self.labels)
        if embeddings.ndim != 2 or labels.shape != embeddings.shape[:1]:
            raise ValueError(f"exemplars of shape {embeddings.shape} with labels of shape {labels.shape}")
        _check_size(*embeddings.shape)
        if not np.isfinite(embeddings).all():
            raise ValueError("an exemplar holds NaN or infinity")
        if len(labels) and (labels.min() < 0 or labels.max() > np.iinfo(np.int16).max):
            raise ValueError(f"labels from {labels.min()} to {labels.max()} do not fit int16 from 0")
        largest = np.abs(embeddings).max(axis=1, initial=0.0)
        scales = largest / 127
        # below the smallest normal float an exemplar is as good as zero, and its scale may be
        scales = np.where(scales >= np.finfo(np.float32).tiny, scales, 1).astype("<f4")
        rounded = np.rint(embeddings / scales[:, None]).astype(np.int8)
        header = _HEADER.pack(_MAGIC, *embeddings.shape)
        return base64.b64encode(header + rounded.tobytes() + scales.tobytes() + labels.astype("<i2").tobytes()).decode()

    @classmethod
    def decode(cls, text: str, *, size: int, classes: int) -> Self:
        """The memory in `text`, for embeddings of `size` values and labels below `classes`.

        Raises ValueError for anything that `encode` would not have written for such a model.
        """
        if len(text) > MAX_BYTES * 4 // 3 + 4:
            raise ValueError(f"the memory is larger than {MAX_BYTES} bytes")
        try:
            data = base64.b64decode(text, validate=True)
        except (binascii.Error, ValueError) as error:
            raise ValueError(f"the memory is no base64: {error}") from error
        if len(data) < _HEADER.size:
            raise ValueError(f"the memory has only {len(data)} bytes")
        magic, count, width = _HEADER.unpack_from(data)
        if magic != _MAGIC:
            raise ValueError(f"the memory begins with {magic!r}, not with {_MAGIC!r}")
        _check_size(count, width)
        if width != size:
            raise ValueError(f"the memory's exemplars have {width} values, the embedding {size}")
        expected = _bytes(count, width)
        if len(data) != expected:
            raise ValueError(f"the memory has {len(data)} bytes, {count} exemplars of {width} values take {expected}")
        at = _HEADER.size
        rounded = np.frombuffer(data, np.int8, count * width, at).reshape(count, width)
        scales = np.frombuffer(data, "<f4", count, at + count * width)
        labels = np.frombuffer(data, "<i2", count, at + count * width + 4 * count)
        if not np.isfinite(scales).all() or (scales <= 0).any():
            raise ValueError("the memory holds a scale that is no positive number")
        if count and (labels.min() < 0 or labels.max() >= classes):
            raise ValueError(
                f"the memory has labels from {labels.min()} to {labels.max()}, the model {classes} classes"
            )
        return cls((rounded * scales[:, None]).astype(np.float32), labels.astype(np.int64))


def _bytes(count: int, width: int) -> int:
    return _HEADER.size + count * (width + 4 + 2)


def _check_size(count: int, width: int) -> None:
    if count > MAX_EXEMPLARS or not 1 <= width <= MAX_EMBEDDING or _bytes(count, width) > MAX_BYTES:
        raise ValueError(
            f"{count} exemplars of {width} values; at most {MAX_EXEMPLARS} of 1 to {MAX_EMBEDDING}, {MAX_BYTES} bytes"
        )
