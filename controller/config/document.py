"""A YAML file as plain data, with the line and column of every key and value."""

import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from math import isfinite
from pathlib import Path
from typing import Any, cast

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, ReusedAnchorWarning, YAMLError
from ruamel.yaml.reader import ReaderError

from controller.config.errors import ConfigError, listed

KeyPath = tuple[str | int, ...]

YamlNode = Any
"""A node of ruamel.yaml, which has no types: `id`, `tag`, `value`, `start_mark.line` and `.column` from 0."""

MAX_FILE_BYTES = 1_000_000
MAX_NODES = 20_000
"""Far more than any line needs; bounds what aliases of aliases can expand to."""

MAX_DEPTH = 32

_TEXT_FILE = "a text file in UTF-8"
_TEXT_TAGS = ("tag:yaml.org,2002:str", "tag:yaml.org,2002:timestamp")
_SCALAR_TAGS = (
    "tag:yaml.org,2002:null",
    "tag:yaml.org,2002:bool",
    "tag:yaml.org,2002:int",
    "tag:yaml.org,2002:float",
)


@dataclass(frozen=True, slots=True)
class Mark:
    """A place in a file; both count from 1."""

    line: int
    column: int


@dataclass(slots=True)
class Document:
    """One file. `data` is the top mapping (empty where the file could not be read or is no mapping).

    `keys` holds where each mapping key stands, `values` where each value begins. `problems` is what
    was wrong with the file itself: unreadable, bad syntax, a key twice. `readable` is False where
    nothing in `data` may be judged.
    """

    path: Path
    data: dict[str, Any] = field(default_factory=dict[str, Any])
    keys: dict[KeyPath, Mark] = field(default_factory=dict[KeyPath, Mark])
    values: dict[KeyPath, Mark] = field(default_factory=dict[KeyPath, Mark])
    problems: list[ConfigError] = field(default_factory=list[ConfigError])
    readable: bool = False

    def has(self, path: KeyPath) -> bool:
        """Whether the file holds something at `path`."""
        return path in self.values

    def error(self, path: KeyPath, found: str, expected: str, hint: str = "", *, at_key: bool = False) -> ConfigError:
        """An error at `path`: at its key if `at_key`, else at its value; what is missing, at what should hold it."""
        mark = self.keys.get(path) if at_key else self.values.get(path)
        holder = path
        while mark is None and holder:
            holder = holder[:-1]
            mark = self.keys.get(holder) or self.values.get(holder)
        line, column = (mark.line, mark.column) if mark else (None, None)
        return ConfigError(self.path, line, column, dotted(path), found, expected, hint)


def dotted(path: KeyPath) -> str:
    """`outlets[0].forbid[1]` for ("outlets", 0, "forbid", 1)."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


def read_document(path: Path) -> Document:
    """Reads `path`. Never raises for what a file may hold; the findings are in `problems`."""
    document = Document(path)
    text = _read_text(document)
    if text is None:
        return document
    root = _compose(document, text)
    if root is None:
        return document
    if root.id != "mapping":
        kind = "a list" if root.id == "sequence" else "a single value"
        document.problems.append(
            _at(document, root, (), f"{kind} at the top of the file", "keys with values, `key: value`")
        )
        return document
    builder = _Builder(document)
    document.data = cast("dict[str, Any]", builder.build(root, ()))
    document.readable = True
    return document


def _read_text(document: Document) -> str | None:
    path = document.path

    def refuse(found: str, expected: str, hint: str = "") -> None:
        document.problems.append(ConfigError(path, None, None, "", found, expected, hint))

    if path.is_dir():
        files = sorted(p.name for p in path.glob("*.yaml"))
        return refuse("a folder", "a YAML file", f"It holds: {listed(files)}.")
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_FILE_BYTES + 1)
    except FileNotFoundError:
        near = sorted(p.name for p in path.parent.glob("*.yaml")) if path.parent.is_dir() else []
        return refuse("no such file", "a YAML file", f"{path.parent} holds: {listed(near)}." if near else "")
    except OSError as error:
        return refuse(f"a file that cannot be read: {error.strerror}", "a YAML file that this user may read")
    if len(raw) > MAX_FILE_BYTES:
        return refuse(f"more than {MAX_FILE_BYTES} bytes", "a configuration, which is far smaller")
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        return refuse(f"a byte that is no text (0x{raw[error.start]:02x} at offset {error.start})", _TEXT_FILE)
    if not text.strip():
        return refuse("an empty file", "a configuration", "Start from a copy of configs/demo.yaml.")
    return text


def _compose(document: Document, text: str) -> YamlNode | None:
    """The one document of `text` as YAML nodes, or None with the reason in the problems."""
    path = document.path
    try:
        # Composing, not loading: nodes keep their place, and nothing is constructed that a file could ask for.
        with warnings.catch_warnings():
            warnings.simplefilter("error", ReusedAnchorWarning)
            roots = list(cast("Iterator[YamlNode]", cast("Any", YAML(typ="safe", pure=True)).compose_all(text)))
    except ReusedAnchorWarning as error:
        document.problems.append(_reused_anchor(path, str(error)))
        return None
    except MarkedYAMLError as error:
        document.problems.append(_syntax_error(path, cast("Any", error)))
        return None
    except ReaderError as error:
        position: int = cast("Any", error).position
        line = text.count("\n", 0, position) + 1
        column = position - text.rfind("\n", 0, position)
        found = f"a character that is no text (code 0x{ord(text[position]):02x})"
        document.problems.append(ConfigError(path, line, column, "", found, _TEXT_FILE))
        return None
    except (YAMLError, RecursionError) as error:
        document.problems.append(ConfigError(path, None, None, "", str(error).splitlines()[0], "valid YAML"))
        return None
    if not roots:
        document.problems.append(ConfigError(path, None, None, "", "only comments", "a configuration"))
        return None
    if len(roots) > 1:
        document.problems.append(
            _at(document, roots[1], (), "a second document", "one document in a file", "Remove the `---`.")
        )
        return None
    return roots[0]


def _syntax_error(path: Path, error: Any) -> ConfigError:
    """A MarkedYAMLError in our words; like nodes, it has no types."""
    mark = error.problem_mark or error.context_mark
    line, column = (mark.line + 1, mark.column + 1) if mark else (None, None)
    problem = str(error.problem or error.context)
    context = f" ({error.context}" if error.context and error.problem else ""
    if context:
        begun = error.context_mark
        context += f" that begins on line {begun.line + 1})" if begun and begun.line + 1 != line else ")"
    hint = "Indent with spaces, not tabs." if "\\t" in problem else ""
    return ConfigError(path, line, column, "", f"{problem}{context}", "valid YAML", hint)


def _reused_anchor(path: Path, said: str) -> ConfigError:
    """The name and the second place stand in the warning's text only."""
    name = re.search(r"duplicate anchor '(.*)'", said)
    *_, (line, column) = re.findall(r"line (\d+), column (\d+)", said)
    found = f"a second anchor &{name[1] if name else ''}"
    return ConfigError(path, int(line), int(column), "", found, "every anchor once", "Give it another name.")


def _at(document: Document, node: YamlNode, path: KeyPath, found: str, expected: str, hint: str = "") -> ConfigError:
    mark = node.start_mark
    return ConfigError(document.path, mark.line + 1, mark.column + 1, dotted(path), found, expected, hint)


class _Builder:
    """Turns nodes into plain dicts, lists and scalars, and notes their places in the document."""

    def __init__(self, document: Document) -> None:
        self._document = document
        self._scalars = cast("Any", YAML(typ="safe", pure=True)).constructor
        self._nodes = 0

    def build(self, node: YamlNode, path: KeyPath) -> Any:
        self._nodes += 1
        self._document.values[path] = Mark(node.start_mark.line + 1, node.start_mark.column + 1)
        if self._nodes > MAX_NODES or len(path) > MAX_DEPTH:
            if self._nodes <= MAX_NODES + 1:
                self._nodes = MAX_NODES + 1
                self._refuse(
                    node, path, "a file that nests or repeats itself too often", "a configuration without recursion"
                )
            return None
        if node.id == "mapping":
            return self._mapping(node, path)
        if node.id == "sequence":
            return [self.build(item, (*path, index)) for index, item in enumerate(node.value)]
        return self._scalar(node, path)

    def _mapping(self, node: YamlNode, path: KeyPath) -> dict[str, Any]:
        mapping: dict[str, Any] = {}
        for key_node, value_node in node.value:
            if key_node.tag == "tag:yaml.org,2002:merge":
                self._refuse(key_node, path, "a merge key <<", "every value written out")
                continue
            if key_node.id != "scalar" or key_node.tag not in _TEXT_TAGS:
                self._refuse(key_node, path, f"the key {_source(key_node)}", "a key that is text", "Put it in quotes.")
                continue
            key = str(key_node.value)
            place = (*path, key)
            if key in mapping:
                first = self._document.keys[place].line
                self._refuse(
                    key_node, place, f'the key "{key}" a second time', f"each key once; the first is on line {first}"
                )
                continue
            self._document.keys[place] = Mark(key_node.start_mark.line + 1, key_node.start_mark.column + 1)
            mapping[key] = self.build(value_node, place)
        return mapping

    def _scalar(self, node: YamlNode, path: KeyPath) -> Any:
        if node.tag in _TEXT_TAGS:
            # An unquoted date is text here: no key of ours is a date.
            return str(node.value)
        if node.tag not in _SCALAR_TAGS:
            self._refuse(node, path, f"the YAML tag {node.tag}", "text, a number, true, false or null")
            return None
        try:
            value = self._scalars.construct_object(node)
        except (ValueError, LookupError, YAMLError):
            # LookupError: ruamel.yaml on `!!int` without a digit or `!!bool maybe`.
            self._refuse(node, path, _source(node), "text, a number, true, false or null")
            return None
        if isinstance(value, float) and not isfinite(value):
            self._refuse(node, path, _source(node), "a finite number")
            return None
        return value

    def _refuse(self, node: YamlNode, path: KeyPath, found: str, expected: str, hint: str = "") -> None:
        self._document.problems.append(_at(self._document, node, path, found, expected, hint))


def _source(node: YamlNode) -> str:
    return str(node.value) if node.id == "scalar" else "of several values"
