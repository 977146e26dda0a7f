"""What is wrong with a configuration: where, what was found, what was expected, what to do."""

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Literal

from senbetsu_errors import Fatal

Severity = Literal["error", "warning"]


@dataclass(frozen=True, slots=True)
class ConfigError:
    """One finding. `line` and `column` count from 1; None where the file as a whole is meant.

    `key_path` is dotted (`jets.valve_count`, `outlets[0].forbid[1]`), empty for the whole file. `hint`
    is a did-you-mean or a remedy, empty where `expected` says it all. A warning does not stop the line.
    """

    file: Path
    line: int | None
    column: int | None
    key_path: str
    found: str
    expected: str
    hint: str = ""
    severity: Severity = "error"

    @property
    def place(self) -> str:
        """`file:line:column` as editors and terminals link it, relative to the working folder if below it."""
        position = f":{self.line}:{self.column}" if self.line is not None else ""
        return f"{shown_path(self.file)}{position}"

    def __str__(self) -> str:
        lines = [f"{self.place}: {self.severity}" + (f" in {self.key_path}" if self.key_path else "")]
        lines += [f"    found:    {self.found}", f"    expected: {self.expected}"]
        if self.hint:
            lines.append(f"    hint:     {self.hint}")
        return "\n".join(lines)


class ConfigErrors(Fatal):
    """Everything that is wrong with a configuration, at once. Code `config.invalid`."""

    def __init__(self, path: Path, errors: Sequence[ConfigError]) -> None:
        count = sum(error.severity == "error" for error in errors)
        super().__init__("config.invalid", f"{shown_path(path)}: {count} error{'' if count == 1 else 's'}")
        self.errors = tuple(errors)

    def __str__(self) -> str:
        return "\n".join([*(str(error) for error in self.errors), self.message])


def shown_path(path: Path) -> str:
    """`path` as people want to read it: relative to the working folder where it lies below it."""
    here = Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) else str(path)


def did_you_mean(found: str, known: Sequence[str]) -> str:
    """`Did you mean "x"?` for the nearest of `known`, or nothing where none is near."""
    by_case = {name.casefold(): name for name in known}
    near = get_close_matches(found.casefold(), by_case, n=1, cutoff=0.6)
    return f'Did you mean "{by_case[near[0]]}"?' if near else ""


def listed(names: Sequence[str]) -> str:
    """`a, b, c`, or `none` for no names."""
    return ", ".join(names) or "none"
