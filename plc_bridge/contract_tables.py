"""The tag tables of docs/integrators/plc-contract.md, generated from the code.

`python -m plc_bridge.contract_tables` rewrites what stands between the markers; a test holds the
page to the code.
"""

from collections.abc import Mapping
from pathlib import Path

from plc_bridge.contract import MAILBOX_SIZE, RECEIPT_HISTORY_SIZE, RECEIPT_RING_SIZE
from plc_bridge.tagmap import BlockName, Place, default_tag_map

PAGE = Path(__file__).resolve().parent.parent / "docs" / "integrators" / "plc-contract.md"
BEGIN, END = "<!-- tags: generated from plc_bridge, do not edit -->", "<!-- /tags -->"

MEANINGS: Mapping[str, str] = {
    "epoch": "changes at every start of the PLC program, in its low 16 bits too (a retained counter will do); not 0",
    "heartbeat": "one more each scan, wraps",
    "flags": "bit 0 e-stop chain closed, 1 belt running, 2 air ok, 3 ready, 4 fire detected",
    "encoder": "belt encoder, counts, wraps",
    "belt_speed_mm_s": "measured belt speed, mm/s",
    "pc_epoch_seen": "the PC session that is open; 0 after a start",
    "batch_seen": "the last batch number taken in this session",
    "last_seq": "the highest order number taken in this session",
    "queue_free": "free places in the order queue",
    "fired": "orders that opened their valves",
    "late": "orders that came too late and were not executed",
    "refused": "orders refused",
    "duplicated": "order records ignored because they had been taken before",
    "valve_fault": "bit n: valve n is faulty",
    "trigger_seq": "camera triggers so far",
    "trigger_encoder": "encoder latched at the last camera trigger",
    "receipt_total": "receipts ever written since the start, wraps",
    "receipts.*.seq": "which order ended",
    "receipts.*.code": "1 fired, 2 late, 3 refused, 4 cancelled; 0 in a slot not yet used",
    "receipts.*.count": "encoder when that was decided",
    "history.*.seq": "as in the status block",
    "history.*.code": "as in the status block",
    "history.*.count": "as in the status block",
    "pc_epoch": "the PC's session: high half = low half of `epoch`, low half counts sessions up",
    "pc_heartbeat": "moves while the controller's deepest stage is alive, wraps",
    "line_command": "0 none (leave as is), 1 run, 2 clear (belt on, feed off), 3 stop",
    "speed_setpoint_mm_s": "wanted belt speed, mm/s; 0: the PLC's own default",
    "batch": "changes with each new batch of orders; 0 with none",
    "order_count": f"records that are valid, 0 to {MAILBOX_SIZE}",
    "orders.*.seq": "order number, from 1 in each session",
    "orders.*.kind": "1 jet",
    "orders.*.lane_first": "first valve, from 0",
    "orders.*.lane_last": "last valve, inclusive",
    "orders.*.on_count": "encoder at which air shall leave the nozzle",
    "orders.*.off_count": "encoder at which it shall cease",
}


def tables() -> str:
    """The blocks as Markdown tables."""
    titles: Mapping[BlockName, str] = {
        "status": "Status block, PLC to PC",
        "command": "Command block, PC to PLC",
        "history": "History block, PLC to PC (optional)",
    }
    return "\n\n".join(f"### {title}\n\n{_table(block)}" for block, title in titles.items())


def _table(block: BlockName) -> str:
    modbus, opcua = default_tag_map("modbus"), default_tag_map("opcua")
    assert modbus.history is not None
    assert opcua.history is not None
    node, records, other_records, count = {
        "status": (opcua.status.node, modbus.status.receipts, opcua.status.receipts, RECEIPT_RING_SIZE),
        "command": (opcua.command.node, modbus.command.orders, opcua.command.orders, MAILBOX_SIZE),
        "history": (opcua.history.node, modbus.history, opcua.history, RECEIPT_HISTORY_SIZE),
    }[block]
    lines = [
        f"Default places: Modbus holding registers, `{node}[…]` in OPC UA.",
        "",
        "| Tag | Type | Register | Array element | Meaning |",
        "|---|---|---|---|---|",
    ]
    for ours, theirs in zip(modbus.places(block), opcua.places(block), strict=True):
        name = ours.name.split(".")
        if len(name) == 3 and name[1] != "0":
            continue
        lines.append(_row(ours, theirs, modbus.words(ours.type)))
    span, other_span = modbus.span(block), opcua.span(block)
    lines += [
        "",
        f"The record stands {count} times, every {records.stride} registers ({other_records.stride} elements). "
        f"The block is registers {span.start} to {span.stop - 1} ({len(span)}), "
        f"elements {other_span.start} to {other_span.stop - 1}.",
    ]
    return "\n".join(lines)


def _row(ours: Place, theirs: Place, registers: int) -> str:
    name = ours.name.replace(".0.", ".*.")
    place = str(ours.at) if registers == 1 else f"{ours.at}–{ours.at + registers - 1}"
    return f"| `{name}` | {ours.type} | {place} | {theirs.at} | {MEANINGS[name]} |"


def with_tables(page: str) -> str:
    """The page with what stands between its markers made new."""
    before, rest = page.split(BEGIN, 1)
    _, after = rest.split(END, 1)
    return f"{before}{BEGIN}\n\n{tables()}\n\n{END}{after}"


if __name__ == "__main__":
    PAGE.write_text(with_tables(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
