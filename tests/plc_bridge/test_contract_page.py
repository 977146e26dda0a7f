"""The page for integrators says what the code says."""

from plc_bridge.contract_tables import MEANINGS, PAGE, with_tables
from plc_bridge.tags import COMMAND_TAGS, ORDER_FIELDS, PICK_FIELDS, RECEIPT_FIELDS, ROBOT_FIELDS, STATUS_TAGS


def test_the_tag_tables_of_the_page_are_generated_from_the_code() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert page == with_tables(page), "run python -m plc_bridge.contract_tables"


def test_every_tag_has_a_meaning() -> None:
    records = {f"{ring}.*.{name}" for ring in ("receipts", "history") for name in RECEIPT_FIELDS}
    records |= {f"orders.*.{name}" for name in (*ORDER_FIELDS, *PICK_FIELDS)}
    records |= {f"robots.*.{name}" for name in ROBOT_FIELDS}
    assert set(MEANINGS) == set(STATUS_TAGS) | set(COMMAND_TAGS) | records
