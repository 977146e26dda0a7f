"""The tag tables of docs/integrators/plc-contract.md, generated from the code.

`python -m plc_bridge.contract_tables` rewrites what stands between the markers; a test holds the
page to the code.
"""

from collections.abc import Mapping
from pathlib import Path

from plc_bridge.contract import MAILBOX_SIZE, RECEIPT_HISTORY_SIZE, RECEIPT_RING_SIZE
from plc_bridge.tagmap import BlockName, Place, default_tag_map
from plc_bridge.tagmap_file import DEFAULT_ROBOTS, PROTOCOLS

PAGE = Path(__file__).resolve().parent.parent / "docs" / "integrators" / "plc-contract.md"
BEGIN, END = "<!-- tags: generated from plc_bridge, do not edit -->", "<!-- /tags -->"

_HEAD = ["| Tag | Type | Register | Array element | Meaning |", "|---|---|---|---|---|"]

MEANINGS: Mapping[str, str] = {
    "epoch": "changes at every start of the PLC program, in its low 16 bits too (a retained counter will do); not 0",
    "heartbeat": "one more each scan, wraps",
    "flags": "bit 0 e-stop chain closed, 1 belt running, 2 air ok, 3 ready, 4 fire detected, 5 a PC's heartbeat moves",
    "encoder": "belt encoder, counts, wraps",
    "belt_speed_mm_s": "measured belt speed, mm/s",
    "pc_epoch_seen": "the PC session that is open; 0 after a start",
    "batch_seen": "the last batch number taken in this session",
    "last_seq": "the highest order number taken in this session",
    "queue_free": "free places in the order queue",
    "fired": "orders executed: that opened their valves, or had their part picked",
    "late": "orders that came too late and were not executed",
    "refused": "orders refused",
    "duplicated": "order records ignored because they had been taken before",
    "valve_fault": "bit n: valve n is faulty",
    "trigger_seq": "camera triggers so far",
    "trigger_encoder": "encoder latched at the last camera trigger",
    "receipt_total": "receipts ever written since the start, wraps",
    "receipts.*.seq": "which order ended",
    "receipts.*.code": "1 fired (a pick: done), 2 late, 3 refused, 4 cancelled; of picks only 6 missed, 7 dropped, "
    "8 fault; 0 in a slot not yet used",
    "receipts.*.count": "encoder when that was decided",
    "history.*.seq": "as in the status block",
    "history.*.code": "as in the status block",
    "history.*.count": "as in the status block",
    "pc_epoch": "the PC's session: high half = low half of `epoch`, low half counts sessions up",
    "pc_heartbeat": "moves while the controller's deepest stage is alive, wraps",
    "line_command": "0 none (leave as is), 1 run, 2 clear (belt on, feed off), 3 stop, "
    "4 maintenance (belt and feed off, test pulses allowed)",
    "speed_setpoint_mm_s": "wanted belt speed, mm/s; 0: the PLC's own default",
    "batch": "changes with each new batch of orders; 0 with none",
    "order_count": f"records that are valid, 0 to {MAILBOX_SIZE}",
    "orders.*.seq": "order number, from 1 in each session",
    "orders.*.kind": "1 jet, 2 test pulse, 3 pick",
    "orders.*.lane_first": "first valve, from 0",
    "orders.*.lane_last": "last valve, inclusive",
    "orders.*.on_count": "jet: encoder at which air shall leave the nozzle; pulse: its length in ms, 1 to 1000",
    "orders.*.off_count": "jet: encoder at which it shall cease; pulse: 0",
    "orders.*.robot": "which robot, from 0",
    "orders.*.x_mm": "grip point across the belt, from its left edge",
    "orders.*.y_mm": "grip point downstream of the robot's datum line when the encoder is at `pick_count`; usually 0",
    "orders.*.theta_deg": "angle of the grip, counter-clockwise from downstream",
    "orders.*.height_mm": "grip point above the belt",
    "orders.*.class_index": "class of the part, from 0 in the order of the line's labels",
    "orders.*.outlet_index": "outlet it belongs in, from 0 in the order of the recipe",
    "orders.*.pick_count": "encoder at which the grip point is `y_mm` downstream of the robot's datum line",
    "robots.*.flags": "bit 0 ready: its program runs and takes jobs, 1 automatic: no person moves it, 2 fault",
    "robots.*.active_seq": "the order it works on; 0 for none",
    "robots.*.job_done": "the pick of this session that ended last; 0 for none",
    "robots.*.job_result": "how it ended, as a receipt's code",
    "robots.*.fault": "the robot's own fault code; 0 for none",
}


def tables() -> str:
    """The blocks as Markdown tables."""
    titles: Mapping[BlockName, str] = {
        "status": "Status block, PLC to PC",
        "command": "Command block, PC to PLC",
        "history": "History block, PLC to PC (optional)",
    }
    return "\n\n".join(f"### {title}\n\n{_table(block)}" for block, title in titles.items())


def robot_tables() -> str:
    """What a map with robots has besides, as Markdown tables."""
    modbus, opcua = (default_tag_map(protocol, DEFAULT_ROBOTS) for protocol in PROTOCOLS)
    picks = zip(modbus.pick_places(0), opcua.pick_places(0), strict=True)
    robots = [[p for p in m.places("status") if p.name.startswith("robots.0.")] for m in (modbus, opcua)]
    orders, span = modbus.command.orders, modbus.writes()[0].span
    others = opcua.command.orders
    assert modbus.status.robots is not None
    assert opcua.status.robots is not None
    return "\n".join(
        [
            "### Order record of a pick, PC to PLC",
            "",
            *_HEAD,
            *(_row(ours, theirs, ours.width) for ours, theirs in picks),
            "",
            f"The record stands {orders.size} times, every {orders.stride} registers, in registers {span.start} to "
            f"{span.stop - 1} ({len(span)}); {others.size} times, every {others.stride} elements in OPC UA. Jet orders "
            "lie in it as in a record without picks. In Modbus lengths are stored in tenths of a mm and the angle in "
            "tenths of a degree (`scale: 0.1`), in OPC UA as f32.",
            "",
            "### Robots in the status block, PLC to PC",
            "",
            *_HEAD,
            *(_row(ours, theirs, ours.width) for ours, theirs in zip(*robots, strict=True)),
            "",
            f"The record stands once for each robot, {modbus.status.robots.size} in the default maps, every "
            f"{modbus.status.robots.stride} registers ({opcua.status.robots.stride} elements).",
        ]
    )


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
        *_HEAD,
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
    form = ours.type if ours.type == theirs.type else f"{ours.type} / {theirs.type}"
    return f"| `{name}` | {form} | {place} | {theirs.at} | {MEANINGS[name]} |"


def with_tables(page: str) -> str:
    """The page with what stands between its markers made new: first the tables of any map, then the robots'."""
    for number, made in enumerate((tables(), robot_tables()), 1):
        parts = page.split(BEGIN)
        _, after = parts[number].split(END, 1)
        parts[number] = f"\n\n{made}\n\n{END}{after}"
        page = BEGIN.join(parts)
    return page


if __name__ == "__main__":
    PAGE.write_text(with_tables(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
