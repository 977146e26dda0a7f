"""JSON Schema of the configuration files, for editors: completion and checks while one types."""

import json
from pathlib import Path
from typing import Any, cast

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from controller.config.backends import (
    FRAME_SOURCES,
    PLANT_NAME,
    PLANTS,
    PLC_LINKS,
    BackendUnavailable,
    available,
    backend_config,
)
from controller.config.line import LineConfig
from controller.config.recipe import Recipe
from plc_bridge.tagmap import TagMap

_DIALECT = "https://json-schema.org/draft/2020-12/schema"
_REFERENCE = "#/$defs/{model}"


def build_schemas() -> dict[str, dict[str, Any]]:
    """The schemas of the line file (`line`), the recipe file (`recipe`) and the tag map (`tags`).

    `camera` and `plc` are one of the installed backends, told apart by `backend`; a backend whose
    software is not installed is left out.
    """
    backends = {"camera": _installed(FRAME_SOURCES), "plc": _installed(PLC_LINKS)}
    plant = backend_config(PLANTS, PLANT_NAME)
    models: list[type[BaseModel]] = [LineConfig, plant, *(m for by_name in backends.values() for m in by_name.values())]
    references, together = models_json_schema([(model, "validation") for model in models], ref_template=_REFERENCE)
    definitions = cast("dict[str, dict[str, Any]]", together["$defs"])
    names = {model: str(references[model, "validation"]["$ref"]).rsplit("/", 1)[-1] for model in models}
    line = definitions.pop(names[LineConfig])
    properties = cast("dict[str, dict[str, Any]]", line["properties"])
    for section, by_name in backends.items():
        for backend, model in by_name.items():
            definition = definitions[names[model]]
            definition["title"] = f"{properties[section]['title']} {backend}"
            definition["properties"]["backend"] |= {
                "title": "Backend",
                "description": f"{backend}, or another one's name.",
                "const": backend,
            }
        choices = [{"$ref": _REFERENCE.format(model=names[model])} for model in by_name.values()]
        properties[section] = {**_texts(properties[section]), "oneOf": choices}
    properties["plant"] = {**_texts(properties["plant"]), "$ref": _REFERENCE.format(model=names[plant])}
    line |= {"title": "Line file", "description": "One sorting line: everything that a site edits, but the recipe."}
    line["$defs"] = _reachable(line, definitions)
    others = {"recipe": Recipe.model_json_schema(), "tags": TagMap.model_json_schema()}
    return {name: {"$schema": _DIALECT, **schema} for name, schema in {"line": line, **others}.items()}


def write_schemas(folder: Path) -> list[Path]:
    """Writes `<name>.schema.json` for each schema into `folder`; the files written."""
    written: list[Path] = []
    for name, schema in build_schemas().items():
        path = folder / f"{name}.schema.json"
        path.write_text(as_text(schema), encoding="utf-8")
        written.append(path)
    return written


def as_text(schema: dict[str, Any]) -> str:
    """A schema as it is committed."""
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def _installed(group: str) -> dict[str, type[BaseModel]]:
    found: dict[str, type[BaseModel]] = {}
    for name in available(group):
        try:
            found[name] = backend_config(group, name)
        except BackendUnavailable:
            continue
    return found


def _texts(schema: dict[str, Any]) -> dict[str, Any]:
    return {key: schema[key] for key in ("title", "description") if key in schema}


def _reachable(root: object, definitions: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Those definitions that `root` refers to, over any number of steps, by name."""
    needed: set[str] = set()
    waiting: list[Any] = [root]
    while waiting:
        node = waiting.pop()
        if isinstance(node, dict):
            waiting.extend(cast("dict[str, Any]", node).values())
        elif isinstance(node, list):
            waiting.extend(cast("list[Any]", node))
        elif isinstance(node, str) and node.startswith("#/$defs/"):
            name = node.rsplit("/", 1)[-1]
            if name not in needed:
                needed.add(name)
                waiting.append(definitions[name])
    return {name: definitions[name] for name in sorted(needed)}
