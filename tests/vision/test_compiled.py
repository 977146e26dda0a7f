"""Compiled loops take what they say they take, read any layout where they only read, and are kept."""

from typing import Any, cast

import numpy as np
import pytest

from vision.association import nearest_pairs
from vision.compiled import COLUMN, F8, compiled
from vision.track_table import Floats, empty_table


@compiled(F8, COLUMN)
def total(column: Floats) -> float:
    found = 0.0
    for value in column:
        found += value
    return found


def test_a_column_may_be_strided_reversed_or_read_only() -> None:
    column = np.arange(10.0)
    frozen = column.copy()
    frozen.flags.writeable = False
    assert [total(column), total(column[::2]), total(column[::-1]), total(frozen)] == [45.0, 20.0, 45.0, 45.0]


def test_an_array_of_another_kind_is_refused_and_nothing_is_compiled_for_it() -> None:
    with pytest.raises(TypeError, match="No matching definition"):
        nearest_pairs(cast(Any, np.zeros((2, 26), np.float32)), empty_table(3), 8.0)


def test_code_that_cannot_be_kept_is_compiled_all_the_same() -> None:
    source = "@compiled(F8, F8)\ndef twice(x):\n    return 2 * x\n"
    names: dict[str, Any] = {"compiled": compiled, "F8": F8}
    exec(compile(source, "<no file to keep it beside>", "exec"), names)  # noqa: S102
    assert names["twice"](2.0) == 4.0
