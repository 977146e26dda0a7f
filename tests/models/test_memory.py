"""The memory of a model keeps what was put in, and lets nothing else through."""

import base64
import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from models.memory import MAX_EXEMPLARS, Memory


def some(count: int = 5, size: int = 8) -> Memory:
    rng = np.random.default_rng(1)
    return Memory(rng.normal(size=(count, size)).astype(np.float32), np.arange(count) % 3)


@given(
    hnp.arrays(np.float32, st.tuples(st.integers(0, 6), st.integers(1, 9)), elements=st.floats(-1e6, 1e6, width=32)),
    st.integers(0, 9),
)
def test_exemplars_come_back_within_a_254th_of_their_largest_value(embeddings: NDArray[np.float32], seed: int) -> None:
    labels = np.random.default_rng(seed).integers(0, 4, len(embeddings))
    back = Memory.decode(Memory(embeddings, labels).encode(), size=embeddings.shape[1], classes=4)
    allowed = np.abs(embeddings).max(axis=1, initial=0.0) / 254 * 1.001
    assert (np.abs(back.embeddings - embeddings) <= allowed[:, None] + 1e-30).all()
    assert np.array_equal(back.labels, labels)


def test_encoding_twice_gives_the_same_text() -> None:
    once = some().encode()
    assert Memory.decode(once, size=8, classes=3).encode() == once


@pytest.mark.parametrize(
    ("memory", "said"),
    [
        (Memory(np.full((2, 3), np.nan, np.float32), np.zeros(2, np.int64)), "NaN"),
        (Memory(np.full((2, 3), np.inf, np.float32), np.zeros(2, np.int64)), "NaN or infinity"),
        (Memory(np.zeros((2, 3), np.float32), np.zeros(3, np.int64)), "shape"),
        (Memory(np.zeros((2, 3), np.float32), np.array([0, -1])), "int16"),
        (Memory(np.zeros((2, 3), np.float32), np.array([0, 40_000])), "int16"),
        (Memory(np.zeros((2, 0), np.float32), np.zeros(2, np.int64)), "at most"),
        (Memory(np.zeros((MAX_EXEMPLARS + 1, 1), np.float32), np.zeros(MAX_EXEMPLARS + 1, np.int64)), "at most"),
        (Memory(np.zeros((MAX_EXEMPLARS, 2048), np.float32), np.zeros(MAX_EXEMPLARS, np.int64)), "bytes"),
    ],
)
def test_what_is_no_memory_is_not_encoded(memory: Memory, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        memory.encode()


def altered(change: tuple[int, bytes]) -> str:
    data = bytearray(base64.b64decode(some().encode()))
    at, new = change
    data[at : at + len(new)] = new
    return base64.b64encode(data).decode()


_SCALES = 12 + 5 * 8
_LABELS = _SCALES + 5 * 4


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "only 0 bytes"),
        ("äöü", "base64"),
        ("####", "base64"),
        ("x" * 12_000_000, "larger"),
        (altered((0, b"SBM9")), "begins with"),
        (altered((4, struct.pack("<I", 6))), "take"),
        (altered((4, struct.pack("<I", 2**31))), "at most"),
        (altered((8, struct.pack("<I", 9))), "9 values, the embedding 8"),
        (altered((_SCALES, struct.pack("<f", float("nan")))), "scale"),
        (altered((_SCALES, struct.pack("<f", -1.0))), "scale"),
        (altered((_LABELS, struct.pack("<h", 3))), "3 classes"),
        (altered((_LABELS, struct.pack("<h", -1))), "labels from -1"),
        (some().encode()[:-4], "take"),
    ],
)
def test_an_altered_memory_is_refused(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Memory.decode(text, size=8, classes=3)
