"""What we ship: every configuration loads, agrees with its schema, and the schemas are the code's."""

import json
import re
import shutil
from pathlib import Path
from typing import Any, cast

import pytest
from jsonschema import Draft202012Validator
from ruamel.yaml import YAML

from controller.config import build_schemas, check, load_config
from controller.config.schema import as_text
from models.registry import list_models

CONFIGS = Path(__file__).parents[2] / "configs"
SHARED_DATA = CONFIGS.parents[1] / "shared" / "data"
LINES = sorted(path.name for path in CONFIGS.glob("*.yaml"))
SCHEMA_OF = {"": "line", "recipes": "recipe", "tags": "tags"}
DATA_FILES = sorted(
    path.relative_to(CONFIGS).as_posix() for folder in SCHEMA_OF for path in (CONFIGS / folder).glob("*.yaml")
)


def _read(path: Path) -> Any:
    return cast("Any", YAML(typ="safe", pure=True)).load(path.read_text())


@pytest.mark.parametrize("name", LINES)
def test_every_shipped_line_loads_without_a_warning(name: str) -> None:
    if "shared/data" in (CONFIGS / name).read_text() and not SHARED_DATA.is_dir():
        pytest.skip(f"the clip of {name} is not here: {SHARED_DATA}")
    assert "parts" in list_models()
    assert check(CONFIGS / name).warnings == ()


def test_relative_paths_are_taken_from_the_files_own_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    config = load_config(CONFIGS / "demo.yaml")
    assert config.path == CONFIGS / "demo.yaml"
    assert config.recipe_path == CONFIGS / "recipes" / "demo.yaml"
    assert getattr(config.plc, "tags", None) == CONFIGS / "tags" / "modbus-default.yaml"


@pytest.mark.parametrize(
    "plc",
    [
        "{backend: opcua, url: 'opc.tcp://127.0.0.1:15040', tags: tags/opcua-default.yaml, insecure: true}",
        "{backend: memory}",
    ],
    ids=["opcua", "memory"],
)
def test_the_plc_is_swapped_by_its_section_and_the_server_that_stands_in_for_it(tmp_path: Path, plc: str) -> None:
    site = tmp_path / "configs"
    shutil.copytree(CONFIGS, site)
    text = (site / "demo.yaml").read_text()
    swapped = re.sub(r"^plc:\n(  .*\n)+", f"plc: {plc}\n", text, flags=re.MULTILINE)
    swapped = swapped.replace("modbus: {host: 127.0.0.1, port: 15020}", "opcua: {host: 127.0.0.1, port: 15040}")
    assert "modbus" not in swapped.partition("belt:")[2]
    (site / "demo.yaml").write_text(swapped)
    assert check(site / "demo.yaml").warnings == ()


def test_the_configuration_is_echoed_whole(tmp_path: Path) -> None:
    echoed = load_config(CONFIGS / "demo.yaml").model_dump(mode="json")
    assert echoed["plc"]["host"] == "127.0.0.1"
    assert echoed["camera"]["port"] == 15060
    assert echoed["plant"]["feed"]["mix"]["pcb"] == 2
    assert echoed["recipe"]["outlets"][0]["id"] == "valuables"


@pytest.mark.parametrize("name", ["line", "recipe", "tags"])
def test_the_committed_schema_is_the_codes(name: str) -> None:
    """`python -m controller.config` writes them anew."""
    assert (CONFIGS / "schema" / f"{name}.schema.json").read_text() == as_text(build_schemas()[name])


@pytest.mark.parametrize("name", DATA_FILES)
def test_every_shipped_file_names_its_schema_and_fulfils_it(name: str) -> None:
    path = CONFIGS / name
    first_line = path.read_text().splitlines()[0]
    schema_path = path.parent / first_line.removeprefix("# yaml-language-server: $schema=")
    assert schema_path.name == f"{SCHEMA_OF[path.parent.name if path.parent != CONFIGS else '']}.schema.json"
    schema = json.loads(schema_path.read_text())
    Draft202012Validator.check_schema(schema)
    problems = [
        f"{list(error.absolute_path)}: {error.message}"
        for error in Draft202012Validator(schema).iter_errors(_read(path))  # pyright: ignore[reportUnknownMemberType]
    ]
    assert problems == []


def test_the_schema_tells_backends_apart_by_their_name() -> None:
    line = build_schemas()["line"]
    for section, expected in {"camera": "sim", "plc": "modbus"}.items():
        names = {choice["$ref"].rsplit("/", 1)[-1] for choice in line["properties"][section]["oneOf"]}
        backends = {line["$defs"][name]["properties"]["backend"]["const"] for name in names}
        assert expected in backends
        assert len(backends) == len(names)


def test_every_field_has_a_title_and_a_sentence() -> None:
    line = build_schemas()["line"]
    models = {"line file": line, "recipe file": build_schemas()["recipe"], **line["$defs"]}
    models |= build_schemas()["recipe"]["$defs"]
    bare = [
        f"{name}.{key}"
        for name, model in models.items()
        for key, field in model.get("properties", {}).items()
        if not (field.get("title") and (field.get("description") or "$ref" in field))
    ]
    assert bare == []
