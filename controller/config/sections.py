"""One section of a file against its pydantic model; every pydantic error becomes a located one."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeVar, cast, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from controller.config.document import Document, KeyPath
from controller.config.errors import ConfigError, did_you_mean, listed, shown_path

Model = TypeVar("Model", bound=BaseModel)

_EXPECTED_TYPE = {
    "float_type": "a number",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "string_type": "text",
    "bool_type": "true or false",
    "dict_type": "a section, `key: value` a line",
    "model_type": "a section, `key: value` a line",
    "model_attributes_type": "a section, `key: value` a line",
    "list_type": "a list",
    "tuple_type": "a list",
    "path_type": "the path of a file",
}
_BOUNDS = ("greater_than", "greater_than_equal", "less_than", "less_than_equal", "multiple_of")


def read_section(model: type[Model], document: Document, path: KeyPath, data: Any, folder: Path) -> Model | None:
    """`data`, found at `path` of the document, as a `model`; None with the reasons in the document's problems.

    Fields that are a Path are taken relative to `folder` and must exist. Validation is strict: a quoted
    number is text, `true` is no number.
    """
    anchored = _anchored(model, data, document, path, folder)
    try:
        return model.model_validate_json(json.dumps(anchored), strict=True)
    except ValidationError as error:
        details = error.errors(include_url=False)
        for detail in details:
            if not _follows_from_another(detail, details):
                found = _explained(detail, model, document, path)
                # A value that could not even be read was reported when the file was.
                if all(found.key_path != known.key_path for known in document.problems):
                    document.problems.append(found)
        return None


# ---- paths in a section


def _anchored(model: type[BaseModel], data: Any, document: Document, path: KeyPath, folder: Path) -> Any:
    """A copy of `data` in which every Path field of `model`, however deep, is below `folder` and exists."""
    if not isinstance(data, dict):
        return data
    copy = dict(cast("dict[str, Any]", data))
    for name, field in model.model_fields.items():
        value = copy.get(name)
        if isinstance(value, str) and _mentions(field.annotation, Path):
            copy[name] = str(folder / value)
            document.problems += _if_missing(document, (*path, name), value, folder)
        elif isinstance(value, dict):
            for nested in _models_in(field.annotation):
                copy[name] = _anchored(nested, copy[name], document, (*path, name), folder)
    return copy


def _if_missing(document: Document, path: KeyPath, value: str, folder: Path) -> Iterator[ConfigError]:
    target = folder / value
    if value.strip() and target.exists():
        return
    near = sorted(p.name for p in target.parent.glob(f"*{target.suffix}")) if target.parent.is_dir() else []
    hint = did_you_mean(target.name, near) or (f"{shown_path(target.parent)} holds: {listed(near)}." if near else "")
    found = f"{shown_path(target)}, which does not exist" if value.strip() else "an empty path"
    yield document.error(path, found, "the path of a file that exists, relative to this one", hint)


def _mentions(annotation: object, wanted: type) -> bool:
    return annotation is wanted or any(_mentions(part, wanted) for part in get_args(annotation))


def _models_in(annotation: object) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for part in get_args(annotation) for model in _models_in(part)]


# ---- pydantic's errors in our words


def _follows_from_another(detail: ErrorDetails, details: list[ErrorDetails]) -> bool:
    """Whether a list is only too short because pydantic does not count its faulty items."""
    place = detail["loc"]
    return detail["type"] == "too_short" and any(d["loc"][: len(place)] == place != d["loc"] for d in details)


def _explained(error: ErrorDetails, model: type[BaseModel], document: Document, base: KeyPath) -> ConfigError:
    kind, location, value = error["type"], error["loc"], cast("object", error["input"])
    place = base
    for part in location:
        # What is not in the file is pydantic's own: the name of a union's member, or the key that is missing.
        if document.has((*place, part)):
            place = (*place, part)
    if kind == "missing":
        field = str(location[-1])
        known = _fields_at(model, location[:-1])
        return document.error((*place, field), "nothing", known.get(field, f"the key {field}"))
    if kind == "extra_forbidden":
        known = list(_fields_at(model, location[:-1]))
        hint = did_you_mean(str(location[-1]), known)
        return document.error(place, f'the key "{location[-1]}"', f"one of: {listed(known)}", hint, at_key=True)
    if location and location[-1] == "[key]":
        return document.error(place, f'the key "{place[-1]}"', _expected(error), at_key=True)
    if kind == "value_error":
        together = place == base or isinstance(value, dict)
        message = error["msg"].removeprefix("Value error, ")
        expected = "values that agree with each other" if together else "a value that can be used"
        return document.error(place, message, expected, at_key=together)
    # A key without a value has nowhere of its own to point at.
    return document.error(place, written(value), _expected(error), _hint(error, value), at_key=value is None)


def _expected(error: ErrorDetails) -> str:
    kind = error["type"]
    context = error.get("ctx", {})
    if kind in _EXPECTED_TYPE:
        return _EXPECTED_TYPE[kind]
    if kind in ("literal_error", "enum"):
        return f"one of: {listed(_choices(error))}"
    if kind == "string_pattern_mismatch":
        return f"text of the form {context['pattern']}"
    if kind == "too_short":
        return f"at least {context['min_length']} of them"
    text = error["msg"].removeprefix("Input should be ").removeprefix("a valid ")
    return f"a number {text}" if kind in _BOUNDS else text[:1].lower() + text[1:]


def _hint(error: ErrorDetails, value: object) -> str:
    if error["type"] in ("literal_error", "enum") and isinstance(value, str):
        return did_you_mean(value, _choices(error))
    if error["type"] in ("float_type", "int_type") and isinstance(value, str):
        try:
            float(value)
        except ValueError:
            return ""
        return "Remove the quotes."
    return ""


def _choices(error: ErrorDetails) -> list[str]:
    """The values in pydantic's "'a', 'b' or 'c'"."""
    text = str(error.get("ctx", {}).get("expected", ""))
    return [choice.strip("' ") for choice in text.replace(" or ", ", ").split(", ")]


def _fields_at(model: type[BaseModel], location: tuple[int | str, ...]) -> dict[str, str]:
    """What every field is for that may stand at `location` inside `model`, by name."""
    models = [model]
    for part in location:
        deeper = [
            nested
            for each in models
            if isinstance(part, str) and part in each.model_fields
            for nested in _models_in(each.model_fields[part].annotation)
        ]
        models = deeper or models
    return {
        name: f"the key {name}: {field.description or field.title or 'see the backend'}"
        for each in models
        for name, field in each.model_fields.items()
    }


def written(value: object) -> str:
    """`value` as a person wrote it in YAML, or what kind of thing it is."""
    match value:
        case None:
            return "nothing"
        case bool():
            return "true" if value else "false"
        case str():
            return f'"{value}"'
        case dict():
            return "a section"
        case list():
            return "a list"
        case _:
            return str(value)
