"""What the Modbus page shows is what the code takes."""

import re
from typing import Any, cast

from ruamel.yaml import YAML

from plc_bridge.contract_tables import PAGE
from plc_bridge.modbus_link import Config
from plc_bridge.requests import Table
from plc_bridge.tagmap import TagMap, default_tag_map

TEXT = (PAGE.parent / "modbus.md").read_text(encoding="utf-8")


def examples() -> list[dict[str, Any]]:
    blocks = re.findall(r"^```yaml\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL)
    return [cast(Any, YAML(typ="safe")).load(block) for block in blocks]


def test_every_configuration_that_the_page_shows_is_valid() -> None:
    configs = [Config.model_validate(example["plc"]) for example in examples() if "plc" in example]
    tcp, tls, rtu = configs
    assert (tcp.port, tls.port) == (502, 802)
    assert tls.tls is not None
    assert rtu.serial is not None
    assert rtu.serial.exchange_s(8, 5 + 2 * 113) + rtu.serial.exchange_s(9 + 2 * 117, 8) < 0.0495, (
        "49 ms, says the page"
    )


def test_the_tags_that_the_page_shows_make_a_valid_map() -> None:
    (example,) = (example for example in examples() if "status" in example)
    document = default_tag_map("modbus").model_dump()
    document["status"]["tags"].pop("flags")
    document["status"]["tags"] |= example["status"]["tags"]
    tables: set[Table] = {request.table for request in TagMap.model_validate(document).reads()}
    assert tables == {"holding", "input", "coil", "discrete"}


def test_every_key_of_a_tag_is_on_the_page() -> None:
    document = TagMap.model_json_schema()["$defs"]["Tag"]["properties"]
    assert [name for name in document if name != "at" and f"`{name}`" not in TEXT] == []
