"""Whatever a configuration holds, the answer is a line or a list of located errors, never a traceback."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from controller.config import ConfigError, ConfigErrors, check
from controller.config.document import read_document

SYNTAX = ["\t", "  ", "\n", ":", "- ", "{", "}", "[", "]", "&a ", "*a", "!!int ", "|", ">", "'", '"', "#", "---\n", "%"]
VALUES = [
    "~",
    "null",
    "true",
    "-1",
    "0",
    "1e400",
    ".nan",
    "2026-01-01",
    "0x10",
    "é",
    "選別",
    "\u2028",
    "\x01",
    "<<: *a",
]
FRAGMENTS = st.sampled_from([*SYNTAX, *VALUES, "? "])


def _errors_of(path: Path) -> tuple[ConfigError, ...]:
    try:
        check(path)
    except ConfigErrors as refused:
        return refused.errors or pytest.fail("refused without an error")
    return ()


@pytest.fixture
def good(site: Path) -> str:
    return (site / "good.line").read_text()


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(edits=st.lists(st.tuples(st.integers(0, 800), st.integers(0, 12), FRAGMENTS), min_size=1, max_size=4))
def test_a_mangled_line_is_a_line_or_located_errors(site: Path, good: str, edits: list[tuple[int, int, str]]) -> None:
    text = good
    for at, removed, added in edits:
        text = text[:at] + added + text[at + removed :]
    path = site / "mangled.yaml"
    path.write_text(text, encoding="utf-8")
    errors = _errors_of(path)
    assert all(error.found and error.expected for error in errors)
    lines = len(text.splitlines()) + 1
    assert all(error.line is None or 1 <= error.line <= lines for error in errors if error.file == path)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=st.binary(max_size=200))
def test_bytes_are_read_or_refused_in_words(site: Path, content: bytes) -> None:
    path = site / "bytes.yaml"
    path.write_bytes(content)
    document = read_document(path)
    assert document.readable or document.problems


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(parts=st.lists(FRAGMENTS | st.sampled_from(["a", "b: ", "c"]), max_size=14))
def test_any_yaml_is_read_or_refused_in_words(site: Path, parts: list[str]) -> None:
    path = site / "any.yaml"
    path.write_text("".join(parts), encoding="utf-8")
    document = read_document(path)
    assert document.readable or document.problems
