"""Any tag map that is allowed carries every status and command, in requests that are legal."""

from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from plc_bridge.codec import Codec
from plc_bridge.contract import CommandImage, JetOrder, LineStatus, PickOrder, RobotFlags, RobotStatus
from plc_bridge.requests import BIT_TABLES, LARGEST_READ_BITS, LARGEST_WRITE_REGISTERS, Place, Request, group
from plc_bridge.tagmap import TagMap
from plc_bridge.tagmap_file import load_tag_map, to_yaml
from tests.plc_bridge.random_maps import modbus_maps
from tests.plc_bridge.test_tagmap import IMAGES, RECEIPTS, statuses

SLOW_TO_DRAW = settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
WHOLE_SPEEDS = st.integers(0, 20_000).map(float)  # what an integer type carries without a scale


@SLOW_TO_DRAW
@given(tag_map=modbus_maps(), status=statuses(), speed=WHOLE_SPEEDS)
def test_a_status_survives_any_map(tag_map: TagMap, status: LineStatus, speed: float) -> None:
    codec = Codec(tag_map)
    robots = tuple(RobotStatus(RobotFlags(n % 8), n, int(speed) << 8, 6, n) for n in range(codec.robot_count))
    status = replace(status, belt_speed_mm_s=speed, robots=robots)
    words = codec.encode_status(status)
    assert codec.decode_status(words) == status
    assert_words_fit(codec.status_requests, words)


@SLOW_TO_DRAW
@given(tag_map=modbus_maps(), image=IMAGES, speed=WHOLE_SPEEDS)
def test_a_command_survives_any_map(tag_map: TagMap, image: CommandImage, speed: float) -> None:
    codec = Codec(tag_map)
    image = replace(image, speed_setpoint_mm_s=speed, orders=image.orders[: codec.mailbox_size])
    if tag_map.command.orders.pick_fields is not None:
        picks = [
            PickOrder(o.seq, o.lane_first, 1.5, -0.5, 90.0, 0.0, 7, 8, o.on_count)
            for o in image.orders[::2]
            if isinstance(o, JetOrder)
        ]
        image = replace(image, orders=(*picks, *image.orders[1::2]))
    words = codec.encode_command(image)
    assert codec.decode_command(words) == image
    assert_words_fit(codec.command_requests, words)


@SLOW_TO_DRAW
@given(tag_map=modbus_maps(), data=st.data())
def test_the_history_survives_any_map(tag_map: TagMap, data: st.DataObject) -> None:
    codec = Codec(tag_map)
    if codec.receipt_history:
        first = data.draw(st.integers(0, codec.receipt_history - 1))
        slots = range(first, data.draw(st.integers(first + 1, min(first + 9, codec.receipt_history))))
        receipts = data.draw(st.lists(RECEIPTS, min_size=len(slots), max_size=len(slots)))
        assert codec.decode_receipts(codec.encode_receipts(receipts, slots), slots) == receipts


@SLOW_TO_DRAW
@given(tag_map=modbus_maps())
def test_requests_carry_every_tag_once_and_are_legal(tag_map: TagMap) -> None:
    reads, writes = tag_map.reads(), tag_map.writes()
    for requests, block in ((reads, "status"), (writes, "command")):
        carried = sorted(place.name for request in requests for place in request.places)
        assert carried == sorted(place.name for place in tag_map.places(block))  # pyright: ignore[reportArgumentType]
        for request in requests:
            assert all(place.space == (request.table, request.unit) for place in request.places)
            assert all(place.span.start in request.span for place in request.places)
            assert all(place.span.stop <= request.span.stop for place in request.places)
    for request in reads:
        assert len(request.span) <= (LARGEST_READ_BITS if request.table in BIT_TABLES else tag_map.registers_per_read)
    assert all(len(request.span) <= LARGEST_WRITE_REGISTERS for request in writes)
    orders = {place.name for place in writes[0].places}
    last = tag_map.command.orders.size - 1
    assert {"pc_epoch", "pc_heartbeat", "batch", "order_count", "orders.0.seq", f"orders.{last}.off_count"} <= orders
    assert all(place.span.stop <= writes[0].span.stop for place in tag_map.pick_places(last))
    for request in writes[1:]:
        covered = {word for place in request.places for word in place.span}
        assert covered == set(request.span), "a write never touches what the map does not name"


@SLOW_TO_DRAW
@given(tag_map=modbus_maps())
def test_a_map_reads_back_from_its_file_as_it_was(tag_map: TagMap) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "map.yaml"
        path.write_text(to_yaml(tag_map))
        assert load_tag_map(path, "modbus") == tag_map


@given(
    spans=st.lists(st.tuples(st.integers(0, 12), st.integers(1, 4)), min_size=1, max_size=7),
    gap=st.integers(0, 6),
    largest=st.integers(4, 30),
)
def test_no_other_way_needs_fewer_reads(spans: list[tuple[int, int]], gap: int, largest: int) -> None:
    places: list[Place] = []
    at = 0
    for number, (skip, width) in enumerate(spans):
        at += skip
        places.append(Place(f"p{number}", (), at, width, "u16"))
        at += width
    requests = group(places, [], gap=gap, registers=largest, bits=1)
    assert len(requests) == fewest(places, gap, largest)


def fewest(places: list[Place], gap: int, largest: int) -> int:
    """By trying every way to cut a row of places into reads."""
    if not places:
        return 0
    best = len(places)
    for count in range(1, len(places) + 1):
        head = places[:count]
        if head[-1].span.stop - head[0].at > largest:
            break
        if any(later.at - earlier.span.stop > gap for earlier, later in pairwise(head)):
            break
        best = min(best, 1 + fewest(places[count:], gap, largest))
    return best


def assert_words_fit(requests: tuple[Request, ...], words: list[int]) -> None:
    assert len(words) == sum(len(request.span) for request in requests)
    start = 0
    for request in requests:
        largest = 1 if request.table in BIT_TABLES else 0xFFFF
        assert all(0 <= word <= largest for word in words[start : start + len(request.span)])
        start += len(request.span)
