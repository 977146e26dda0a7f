"""Tag maps: defaults that match the code, round trips in any layout, errors that say where."""

from dataclasses import replace
from pathlib import Path
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plc_bridge.codec import Codec
from plc_bridge.contract import (
    MAILBOX_SIZE,
    PLC_RECEIPT_CODES,
    CommandImage,
    JetOrder,
    LineCommand,
    LineFlags,
    LineStatus,
    OrderKind,
    PickOrder,
    Receipt,
    ReceiptCode,
    RobotFlags,
    RobotStatus,
)
from plc_bridge.link import Pick
from plc_bridge.tagmap import TagMap, default_tag_map
from plc_bridge.tagmap_file import DEFAULT_ROBOTS, PROTOCOLS, default_tag_map_path, load_tag_map, to_yaml
from senbetsu_errors import Fatal, NeedsOperator

U16 = st.integers(0, 0xFFFF)
U32 = st.integers(0, 0xFFFF_FFFF)
F32 = st.floats(width=32, allow_nan=False, allow_infinity=False)
ORDERS = st.builds(
    JetOrder,
    seq=U32,
    lane_first=U16,
    lane_last=U16,
    on_count=U32,
    off_count=U32,
    kind=st.sampled_from([OrderKind.JET, OrderKind.PULSE]),
)
RECEIPTS = st.builds(Receipt, seq=U32, code=st.sampled_from(sorted(PLC_RECEIPT_CODES)), count=U32)
TENTHS = st.integers(-32768, 32767).map(lambda tenths: tenths * 0.1)
"""What a 16-bit register holds of a length."""
POSE = ("x_mm", "y_mm", "theta_deg", "height_mm")
ROBOTS = st.builds(
    RobotStatus,
    flags=st.integers(0, 7).map(RobotFlags),
    active_seq=U32,
    job_done=U32,
    job_result=st.sampled_from([0, *sorted(PLC_RECEIPT_CODES)]),
    fault=U16,
)
PICKS = st.builds(
    PickOrder,
    seq=U32,
    robot=U16,
    x_mm=TENTHS,
    y_mm=TENTHS,
    theta_deg=TENTHS,
    height_mm=TENTHS,
    class_index=U16,
    outlet_index=U16,
    pick_count=U32,
)
IMAGES = st.builds(
    CommandImage,
    pc_epoch=U32,
    pc_heartbeat=U16,
    line_command=st.sampled_from(LineCommand),
    speed_setpoint_mm_s=F32,
    batch=U32,
    orders=st.lists(ORDERS, max_size=MAILBOX_SIZE).map(tuple),
)


@st.composite
def statuses(draw: st.DrawFn) -> LineStatus:
    total = draw(st.one_of(st.integers(0, 40), U32))
    receipts = draw(st.lists(RECEIPTS, min_size=min(total, 16), max_size=min(total, 16)))
    numbers = {
        name: draw(U32)
        for name in (
            "epoch", "encoder", "pc_epoch_seen", "batch_seen", "last_seq", "fired", "late", "refused",
            "duplicated", "trigger_seq", "trigger_encoder",
        )
    }  # fmt: skip
    return LineStatus(
        **numbers,
        heartbeat=draw(U16),
        queue_free=draw(U16),
        flags=LineFlags(draw(st.integers(0, 31))),
        belt_speed_mm_s=draw(F32),
        valve_fault=draw(st.integers(0, 2**64 - 1)),
        receipt_total=total,
        receipts=tuple(receipts),
        robots=(),
    )


@st.composite
def maps(draw: st.DrawFn) -> TagMap:
    protocol: Literal["modbus", "opcua"] = draw(st.sampled_from(PROTOCOLS))
    tag_map = default_tag_map(protocol).model_copy(update={"word_order": draw(st.sampled_from(["big", "little"]))})
    if protocol == "modbus":
        tag_map = tag_map.model_copy(update={"byte_order": draw(st.sampled_from(["big", "little"]))})
    return tag_map


@given(tag_map=maps(), status=statuses())
def test_a_status_survives_the_wire_in_any_byte_and_word_order(tag_map: TagMap, status: LineStatus) -> None:
    codec = Codec(tag_map)
    words = codec.encode_status(status)
    assert all(0 <= word < 1 << tag_map.word_bits for word in words)
    assert codec.decode_status(words) == status


@given(tag_map=maps(), image=IMAGES)
def test_a_command_survives_the_wire_in_any_byte_and_word_order(tag_map: TagMap, image: CommandImage) -> None:
    codec = Codec(tag_map)
    assert codec.decode_command(codec.encode_command(image)) == image


@st.composite
def maps_with_robots(draw: st.DrawFn) -> TagMap:
    protocol: Literal["modbus", "opcua"] = draw(st.sampled_from(PROTOCOLS))
    order = {"word_order": draw(st.sampled_from(["big", "little"]))}
    return default_tag_map(protocol, draw(st.integers(1, 8))).model_copy(update=order)


@given(tag_map=maps_with_robots(), image=IMAGES, data=st.data())
def test_picks_and_jets_survive_the_wire_in_one_mailbox(
    tag_map: TagMap, image: CommandImage, data: st.DataObject
) -> None:
    codec = Codec(tag_map)
    orders = data.draw(st.lists(st.one_of(ORDERS, PICKS), max_size=codec.mailbox_size))
    words = codec.encode_command(replace(image, orders=tuple(orders)))
    assert all(0 <= word < 1 << tag_map.word_bits for word in words)
    there = codec.decode_command(words)
    assert replace(there, orders=()) == replace(image, orders=())
    for sent, arrived in zip(orders, there.orders, strict=True):
        if isinstance(sent, PickOrder):
            assert isinstance(arrived, PickOrder)
            assert replace(arrived, **{name: getattr(sent, name) for name in POSE}) == sent
            for name in POSE:
                assert getattr(arrived, name) == pytest.approx(getattr(sent, name), abs=1e-3)
        else:
            assert arrived == sent


@given(tag_map=maps_with_robots(), status=statuses(), data=st.data())
def test_robots_survive_the_wire(tag_map: TagMap, status: LineStatus, data: st.DataObject) -> None:
    codec = Codec(tag_map)
    robots = data.draw(st.lists(ROBOTS, min_size=codec.robot_count, max_size=codec.robot_count))
    status = replace(status, robots=tuple(robots))
    assert codec.decode_status(codec.encode_status(status)) == status


def test_robot_flags_that_are_none_point_at_the_map() -> None:
    codec = Codec(default_tag_map("opcua", 1))
    words = [0] * 71
    words[66] = 8
    with pytest.raises(NeedsOperator, match=r"flags of robot 0 are 0x0008"):
        codec.decode_status(words)


def test_a_mailbox_as_large_as_the_map_says_and_no_larger() -> None:
    codec = Codec(default_tag_map("modbus", 4))
    image = CommandImage(1, 2, LineCommand.RUN, 0.0, 1, tuple(JetOrder(n, 1, 1, 2, 3) for n in range(10)))
    assert (codec.mailbox_size, len(codec.command_span)) == (9, 117)
    with pytest.raises(ValueError, match="10 orders in a mailbox of 9"):
        codec.encode_command(image)


def test_a_device_without_robots_is_not_told_to_pick() -> None:
    codec = Codec(default_tag_map("modbus"))
    pick = PickOrder(1, 0, 1.0, 0.0, 0.0, 0.0, 0, 0, 0)
    with pytest.raises(NeedsOperator, match="no pick_fields") as refusal:
        codec.encode_command(CommandImage(1, 2, LineCommand.RUN, 0.0, 1, (pick,)))
    assert refusal.value.code == "plc.no_picks"
    words = codec.encode_command(CommandImage(1, 2, LineCommand.RUN, 0.0, 1, (JetOrder(1, 0, 0, 1, 2),)))
    words[11] = OrderKind.PICK
    with pytest.raises(NeedsOperator, match=r"kinds \[3\]"):
        codec.decode_command(words)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 1e7])
def test_a_pick_is_somewhere(value: float) -> None:
    with pytest.raises(ValueError, match="no part of a pose"):
        Pick(0, 1.0, value, 0.0, 0.0, 0, 0, 0)


@given(tag_map=maps(), data=st.data())
def test_receipts_of_the_history_survive_the_wire(tag_map: TagMap, data: st.DataObject) -> None:
    codec = Codec(tag_map)
    first = data.draw(st.integers(0, codec.receipt_history - 1))
    slots = range(first, data.draw(st.integers(first + 1, min(first + 30, codec.receipt_history))))
    receipts = data.draw(st.lists(RECEIPTS, min_size=len(slots), max_size=len(slots)))
    words = codec.encode_receipts(receipts, slots)
    assert len(words) == len(codec.history_span(slots))
    assert codec.decode_receipts(words, slots) == receipts


def test_slots_of_the_history_that_were_never_written_are_left_out_and_nonsense_is_named() -> None:
    codec = Codec(default_tag_map("modbus"))
    slots = range(3, 5)
    receipt = Receipt(1, ReceiptCode.FIRED, 2)
    words = codec.encode_receipts([receipt, None], slots)
    assert codec.decode_receipts(words, slots) == [receipt]
    words[7] = 9
    with pytest.raises(NeedsOperator, match=r"history\.4 has code 9"):
        codec.decode_receipts(words, slots)


def test_the_default_modbus_layout_is_the_one_integrators_read() -> None:
    codec = Codec(default_tag_map("modbus"))
    image = CommandImage(0x0001_0002, 3, LineCommand.RUN, 1.0, 4, (JetOrder(5, 6, 7, 0x1234_5678, 0xFFFF_FFFF),))
    words = codec.encode_command(image)
    assert words[:9] == [1, 2, 3, 1, 0x3F80, 0, 0, 4, 1]
    assert words[9:18] == [0, 5, 1, 6, 7, 0x1234, 0x5678, 0xFFFF, 0xFFFF]
    assert (len(codec.status_span), len(codec.command_span)) == (113, 117)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_the_committed_default_maps_are_what_the_code_says(protocol: Literal["modbus", "opcua"]) -> None:
    for robots in (0, DEFAULT_ROBOTS):
        path, tag_map = default_tag_map_path(protocol, robots=robots > 0), default_tag_map(protocol, robots)
        assert path.read_text() == to_yaml(tag_map), "run python -m plc_bridge.tagmap_file"
        assert load_tag_map(path, protocol) == tag_map


@pytest.mark.parametrize(
    ("old", "new", "where", "says"),
    [
        ("robot: {at: 3,", "robots: {at: 3,", "command.orders.pick_fields.robots", "did you mean robot?"),
        ("robot: {at: 3,", "robot: {at: 2,", "command.orders.pick_fields.robot", "overlap in word 211"),
        ("robot: {at: 3,", "robot: {at: 4,", "command.orders.pick_fields.x_mm", "overlap in word 213"),
        (
            "pick_count: {at: 10,",
            "pick_count: {at: 11,",
            "command.orders.pick_fields.pick_count",
            "overlap in word 221",
        ),
        ("x_mm: {at: 4, type: i16", "x_mm: {at: 4, table: input, type: i16", "pick_fields.x_mm", "cannot be written"),
        ("pick_count: {at: 10, type: u32}", "pick_count: {at: 10, type: u16}", "pick_count", "must be a u32"),
        ("size: 9", "size: 10", "command", "at most 123"),
        ("at: 113", "at: 112", "status.robots.fields.flags", "overlap in word 112"),
        ("size: 4", "size: 9", "status.robots.size", "less than or equal to 8"),
        ("history:", "ignored:", "command.orders.pick_fields", "needs `history`"),
    ],
)
def test_a_broken_map_with_robots_is_refused_with_its_place(
    tmp_path: Path, old: str, new: str, where: str, says: str
) -> None:
    path = tmp_path / "map.yaml"
    text = default_tag_map_path("modbus", robots=True).read_text()
    assert old in text
    text = text.replace(old, new, 1)
    if new == "ignored:":
        text = text.split(new)[0]
    path.write_text(text)
    with pytest.raises(Fatal) as refusal:
        load_tag_map(path, "modbus")
    assert any(where in line and says in line for line in str(refusal.value).splitlines()), str(refusal.value)


@pytest.mark.parametrize(
    ("old", "new", "where", "says"),
    [
        ("flags: {at: 3,", "flags: {at: 4,", "status.tags.encoder", "flags (u16 at 4)"),
        ("flags: {at: 3,", "flagz: {at: 3,", "10:5: status.tags.flagz", "did you mean flags?"),
        (
            "late: {at: 17, type: u32}",
            "late: {at: 17, type: u16}",
            "status.tags.late",
            "must be a u32 or a wider integer, found u16",
        ),
        ("at: 209", "at: 205", "command.orders.fields.seq", "overlap in word 205"),
        ("stride: 5", "stride: 4", "status.receipts.fields.seq", "overlap in word 37"),
        ("pc_epoch: {at: 200,", "pc_epoch: {at: 60,", "command.tags.pc_epoch", "overlap in word 60"),
        ("pc_epoch: {at: 200,", "pc_epoch: {at: 150,", "command", "at most 123"),
        ("queue_free: {at: 14, type: u16}", "queue_free: {at: 140, type: f32}", "status.tags.queue_free", "found f32"),
        ("receipt_total: {at: 31,", "receipt_total: {at: 150,", "status", "carries at most 125"),
        ("flags: {at: 3, type: u16}", "fire: {at: 3, type: bit, bit: 4}", "status.tags", "ready is missing (a bit"),
        ("flags: {at: 3, type: u16}", "flags: {at: 3, type: bit, bit: 1}", "tags.flags", "must be a u16 or a wider"),
        ("    flags:", "    fire: {at: 180, type: bit}\n    flags:", "status.tags.fire", "leave one of them out"),
        ("    flags:", "    fire: {at: 180, type: bit}\n    flags:", "status.tags.fire", "say which with `bit`"),
        ("queue_free: {at: 14,", "queue_free: {table: coil, at: 14, bit: 2,", "queue_free", "needs no `bit`"),
        ("queue_free: {at: 14,", "queue_free: {at: 14, invert: true,", "queue_free", "only a bit has"),
        ("belt_speed_mm_s: {", "belt_speed_mm_s: {table: input, scale: 0, ", "belt_speed_mm_s.scale", "greater than 0"),
        ("late: {at: 17,", "late: {scale: 0.5, at: 17,", "status.tags.late", "no scale or offset, found 0.5"),
        ("pc_epoch: {", "pc_epoch: {table: coil, ", "command.tags.pc_epoch", "are written to holding registers"),
        ("line_command: {", "line_command: {table: input, ", "command.tags.line_command", "cannot be written"),
        ("trigger_seq: {", "trigger_seq: {unit: 9, ", "status", "trigger_seq and trigger_encoder must lie in the same"),
        ("epoch: {at: 0,", "epoch: {at: 70000,", "status.tags.epoch", "ends at address 70001; the last one is 65535"),
        ("epoch: {at: 0,", "epoch: {at: -1,", "status.tags.epoch.at", "greater than or equal to 0, found -1"),
        ("word_order: big", "word_order: middle", "4:1: word_order", "found 'middle'"),
        ("protocol: modbus", "protocol: opcua", "status", "needs `node`"),
        ("command:", "command:\n  method: ns=2;s=M", "command.method", "Modbus has no methods"),
        ("size: 256", "size: 255", "history.size", "must be a power of two, found 255"),
        ("at: 400", "at: 300", "history.fields.seq", "overlap in word 300"),
        ("at: 400", "at: 64500", "history.fields.seq", "ends at address 65536"),
        ("status:", "statuses:", "statuses", "Extra inputs are not permitted"),
        ("status:", "status: [", ":8:10:", "is not YAML"),
    ],
)
def test_a_broken_map_is_refused_with_its_place(tmp_path: Path, old: str, new: str, where: str, says: str) -> None:
    path = tmp_path / "map.yaml"
    text = default_tag_map_path("modbus").read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    with pytest.raises(Fatal) as refusal:
        load_tag_map(path, "modbus")
    assert refusal.value.code == "config.tags"
    assert any(where in line and says in line for line in str(refusal.value).splitlines()), str(refusal.value)


def test_all_problems_are_named_at_once(tmp_path: Path) -> None:
    path = tmp_path / "map.yaml"
    text = default_tag_map_path("modbus").read_text()
    path.write_text(text.replace("type: u32", "type: u16"))
    with pytest.raises(Fatal) as refusal:
        load_tag_map(path, "modbus")
    assert len(str(refusal.value).splitlines()) >= 15


def test_a_missing_map_and_a_map_of_the_other_protocol_are_named(tmp_path: Path) -> None:
    with pytest.raises(Fatal, match="cannot be read"):
        load_tag_map(tmp_path / "none.yaml", "modbus")
    with pytest.raises(Fatal, match="the map is for opcua, the backend is modbus"):
        load_tag_map(default_tag_map_path("opcua"), "modbus")


def test_words_that_cannot_be_a_status_point_at_the_map() -> None:
    codec = Codec(default_tag_map("modbus"))
    with pytest.raises(NeedsOperator, match="flags word"):
        codec.decode_status([0xABCD] * 33 + [1] * 80)
    with pytest.raises(NeedsOperator, match="7 words"):
        codec.decode_status([0] * 7)


def test_a_value_that_its_type_cannot_hold_is_named_and_not_written() -> None:
    document = default_tag_map("modbus").model_dump()
    document["command"]["tags"]["speed_setpoint_mm_s"].update(type="u16", scale=0.01)
    image = CommandImage(0x1_0001, 0, LineCommand.RUN, 700.0, 0, ())
    with pytest.raises(NeedsOperator, match=r"speed_setpoint_mm_s would be stored as 70000, .* the u16"):
        Codec(TagMap.model_validate(document)).encode_command(image)
    order = JetOrder(1, -1, 0, 0, 0)
    with pytest.raises(NeedsOperator, match=r"orders\.0\.lane_first would be stored as -1"):
        Codec(default_tag_map("modbus")).encode_command(replace(image, orders=(order,)))


def test_a_speed_in_tenths_is_scaled() -> None:
    document = default_tag_map("modbus").model_dump()
    document["status"]["tags"]["belt_speed_mm_s"].update(type="u16", scale=0.1)
    codec = Codec(TagMap.model_validate(document))
    words = [0] * 113
    words[6] = 9995
    assert codec.decode_status(words).belt_speed_mm_s == pytest.approx(999.5)
