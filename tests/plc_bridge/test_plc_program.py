"""The reference PLC program is Structured Text that an independent parser reads, and has every tag."""

import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest

import plc_bridge
from plc_bridge.contract import (
    LARGEST_ROBOT_COUNT,
    MAILBOX_SIZE,
    RECEIPT_HISTORY_SIZE,
    RECEIPT_RING_SIZE,
    ROBOT_QUEUE_SIZE,
)
from plc_bridge.tags import COMMAND_TAGS, ORDER_FIELDS, PICK_FIELDS, RECEIPT_FIELDS, ROBOT_FIELDS, STATUS_TAGS
from tests.plc_bridge.plc_devices import FROM_THE_SITE, PROGRAM_FOLDER
from tests.plc_bridge.structured_text import Program, StructuredTextError, parsed

PAGE = Path(plc_bridge.__file__).parent.parent / "docs" / "integrators" / "plc-program.md"


@cache
def source() -> str:
    return (PROGRAM_FOLDER / "senbetsu.st").read_text(encoding="utf-8")


@cache
def declared() -> dict[str, dict[str, tuple[str, str]]]:
    """Type and default of every variable of the block, by kind of section."""
    found: dict[str, dict[str, tuple[str, str]]] = {}
    for section in parsed(source()).items[-1].declarations:
        rows = found.setdefault(type(section).__name__, {})
        for item in section.items:
            default = "" if item.init.value is None else str(item.init.value)
            rows |= {str(variable.name): (str(item.init.spec.type), default) for variable in item.variables}
    return found


def test_an_independent_parser_accepts_the_program() -> None:
    items: list[Any] = parsed(source()).items
    assert [type(item).__name__ for item in items] == ["DataTypeDeclaration"] * 16 + ["FunctionBlock"]


def test_the_function_block_has_every_tag_of_the_contract() -> None:
    assert set(COMMAND_TAGS) | {"orders"} <= declared()["InputDeclarations"].keys()
    assert (set(STATUS_TAGS) - FROM_THE_SITE) | {"receipts", "robots", "history"} <= declared()[
        "OutputDeclarations"
    ].keys()


def test_records_and_rings_have_the_contracts_shape() -> None:
    types = {"u32": "UDINT", "u16": "UINT", "f32": "REAL"}
    for record, fields in (
        ("SENBETSU_ORDER", {**ORDER_FIELDS, **PICK_FIELDS}),
        ("SENBETSU_JOB", PICK_FIELDS),
        ("SENBETSU_ROBOT_OUTPUT", {name: kind for name, kind in PICK_FIELDS.items() if name != "robot"}),
        ("SENBETSU_ROBOT", ROBOT_FIELDS),
        ("SENBETSU_RECEIPT", RECEIPT_FIELDS),
    ):
        body = source().split(f"{record} : STRUCT", 1)[1].split("END_STRUCT", 1)[0]
        assert all(f"{name} : {types[kind]};" in body for name, kind in fields.items())
    assert f"ARRAY [0..{MAILBOX_SIZE - 1}] OF SENBETSU_ORDER;" in source()
    assert f"ARRAY [0..{LARGEST_ROBOT_COUNT - 1}] OF SENBETSU_ROBOT;" in source()
    assert f"ARRAY [0..{LARGEST_ROBOT_COUNT * ROBOT_QUEUE_SIZE - 1}] OF SENBETSU_JOB;" in source()
    assert f"ARRAY [0..{RECEIPT_RING_SIZE - 1}] OF SENBETSU_RECEIPT;" in source()
    assert f"ARRAY [0..{RECEIPT_HISTORY_SIZE - 1}] OF SENBETSU_RECEIPT;" in source()


def test_the_integrators_page_has_the_interface_of_the_source() -> None:
    page = PAGE.read_text(encoding="utf-8").split("<!-- interface", 1)[1].split("\n## ", 1)[0]
    inputs = re.findall(r"^\| `(\w+)` \| (\w+) \|([^|]*)\| [^|]+ \|$", page, re.MULTILINE)
    outputs = re.findall(r"^\| `(\w+)` \| (\w+) \| [^|]+ \|$", page, re.MULTILINE)
    assert [(name, kind, default.strip().upper().replace("T#", "TIME#")) for name, kind, default in inputs] == [
        (name, kind, default) for name, (kind, default) in declared()["InputDeclarations"].items()
    ]
    assert outputs == [(name, kind) for name, (kind, _) in declared()["OutputDeclarations"].items()]


@pytest.mark.parametrize(
    ("statements", "says"),
    [
        ("number := whole;", "a DINT where a UDINT belongs"),
        ("number := 4294967296;", "does not fit a UDINT"),
        ("field := field + 1;", "of FIELD|INT where a"),
        ("numbers[missing] := 1;", "declares no missing"),
        ("IF number THEN number := 1; END_IF;", "not a BOOL"),
        ("whole := UDINT_TO_DINT(real);", "a REAL where a UDINT belongs"),
        ("timer(IN := number, PT := T#1s);", "a UDINT where a BOOL belongs"),
    ],
)
def test_our_reading_of_structured_text_refuses_what_does_not_fit(statements: str, says: str) -> None:
    declarations = "number : UDINT; whole : DINT; real : REAL; field : FIELD; numbers : FIELD; timer : TON;"
    text = (
        "TYPE\n  FIELD : ARRAY [0..3] OF UDINT;\nEND_TYPE\n"
        f"FUNCTION_BLOCK B\n  VAR\n    {declarations}\n  END_VAR\n  {statements}\nEND_FUNCTION_BLOCK\n"
    )
    with pytest.raises(StructuredTextError, match=says):
        Program(text)
