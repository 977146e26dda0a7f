"""What a check is: a function of the sections it needs, named as in the file, that yields findings.

It is run when all of them are valid, so that one mistake does not hide another.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from inspect import signature
from typing import Any

from controller.config.document import KeyPath
from controller.config.errors import Severity, did_you_mean, listed


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check has to say about `path`: its value, or with `at_key` the key itself."""

    path: KeyPath
    found: str
    expected: str
    hint: str = ""
    severity: Severity = "error"
    at_key: bool = False


Check = Callable[..., Iterator[Finding]]


def run_checks(checks: Sequence[Check], sections: Mapping[str, Any]) -> Iterator[Finding]:
    """The findings of every check whose parameters are all among the valid `sections`."""
    for check in checks:
        needed = signature(check).parameters
        if all(name in sections for name in needed):
            yield from check(**{name: sections[name] for name in needed})


def class_is_the_models(path: KeyPath, class_id: str, labels: Sequence[str]) -> Iterator[Finding]:
    """The class at `path`, a key or an entry of a list, is one that the model can answer."""
    if class_id not in labels:
        yield Finding(
            path,
            f'the class "{class_id}"',
            f"a class of the model: {listed(labels)}",
            did_you_mean(class_id, labels),
            at_key=isinstance(path[-1], str),
        )
