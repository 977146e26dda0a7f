"""The reference PLC program is Structured Text that an independent parser reads, and has every tag."""

from functools import cache
from pathlib import Path
from typing import Any, cast

from blark.parse import parse_source_code

import plc_bridge
from plc_bridge.contract import MAILBOX_SIZE, RECEIPT_RING_SIZE
from plc_bridge.tagmap import COMMAND_TAGS, ORDER_FIELDS, RECEIPT_FIELDS, STATUS_TAGS

PROGRAM = Path(plc_bridge.__file__).parent / "plc_program" / "senbetsu.st"
FROM_THE_SITE = {"encoder", "belt_speed_mm_s", "valve_fault"}


@cache
def parsed() -> Any:
    result = cast(Any, parse_source_code)(PROGRAM.read_text(encoding="utf-8"))
    assert result.exception is None, str(result.exception)
    return result.transform()


def test_an_independent_parser_accepts_the_program() -> None:
    kinds = [type(item).__name__ for item in parsed().items]
    assert kinds == ["DataTypeDeclaration"] * 7 + ["FunctionBlock"]


def test_the_function_block_has_every_tag_of_the_contract() -> None:
    block = parsed().items[-1]
    declared: dict[str, set[str]] = {}
    for section in block.declarations:
        names = {str(variable.name) for item in section.items for variable in item.variables}
        declared.setdefault(type(section).__name__, set()).update(names)
    assert set(COMMAND_TAGS) | {"orders"} <= declared["InputDeclarations"]
    assert (set(STATUS_TAGS) - FROM_THE_SITE) | {"receipts"} <= declared["OutputDeclarations"]


def test_records_and_rings_have_the_contracts_shape() -> None:
    text = PROGRAM.read_text(encoding="utf-8")
    types = {"u32": "UDINT", "u16": "UINT"}
    for record, fields in (("SENBETSU_ORDER", ORDER_FIELDS), ("SENBETSU_RECEIPT", RECEIPT_FIELDS)):
        body = text.split(f"{record} : STRUCT", 1)[1].split("END_STRUCT", 1)[0]
        assert all(f"{name} : {types[kind]};" in body for name, kind in fields.items())
    assert f"ARRAY [0..{MAILBOX_SIZE - 1}] OF SENBETSU_ORDER;" in text
    assert f"ARRAY [0..{RECEIPT_RING_SIZE - 1}] OF SENBETSU_RECEIPT;" in text
