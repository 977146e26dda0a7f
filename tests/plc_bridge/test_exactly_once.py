"""Single steps of the order protocol on the PC's side; what they add up to is in the state machine."""

from dataclasses import replace

import pytest

from plc_bridge.contract import LineCommand, LineFlags, LineStatus, Receipt, ReceiptCode
from plc_bridge.exactly_once import RECEIPTS_PER_READ, ChannelNews, OrderChannel
from plc_bridge.link import Shot
from senbetsu_errors import Retryable

SESSION = 7 << 16 | 1
CAPACITY = 256
EMPTY = LineStatus(
    epoch=7,
    heartbeat=0,
    flags=LineFlags.READY,
    encoder=0,
    belt_speed_mm_s=0.0,
    pc_epoch_seen=SESSION,
    batch_seen=0,
    last_seq=0,
    queue_free=CAPACITY,
    fired=0,
    late=0,
    refused=0,
    duplicated=0,
    valve_fault=0,
    trigger_seq=0,
    trigger_encoder=0,
    receipt_total=0,
    receipts=(),
)


def in_session(orders: int, history: int = 256, window: int = 256) -> OrderChannel:
    """A channel whose session is open, with `orders` offered to end at counts 1000, 1001..."""
    channel = OrderChannel(window, receipt_history=history)
    channel.on_status(replace(EMPTY, pc_epoch_seen=0))
    assert channel.pc_epoch == SESSION
    channel.on_status(EMPTY)
    if orders:
        channel.offer([Shot(0, 0, 900, 1000 + n) for n in range(orders)])
    return channel


def fired(seq: int) -> Receipt:
    return Receipt(seq, ReceiptCode.FIRED, 900)


def after(total: int, taken: int, encoder: int = 0, queued: int | None = None) -> LineStatus:
    """The PLC took `taken` orders and fired the first `total` of them."""
    return replace(
        EMPTY,
        encoder=encoder,
        last_seq=taken,
        queue_free=CAPACITY - (taken - total if queued is None else queued),
        receipt_total=total,
        receipts=tuple(fired(seq) for seq in range(max(1, total - 15), total + 1)),
    )


def ended(news: ChannelNews) -> list[tuple[int, ReceiptCode]]:
    return [(receipt.seq, receipt.code) for receipt in news.ended]


def all_fired(first: int, last: int) -> list[tuple[int, ReceiptCode]]:
    return [(seq, ReceiptCode.FIRED) for seq in range(first, last + 1)]


def test_receipts_the_block_does_not_show_are_wanted_by_number_and_taken_in_order_with_the_next_block() -> None:
    channel = in_session(100)
    news = channel.on_status(after(30, taken=40))
    assert (ended(news), news.acknowledged) == ([], tuple(range(1, 41)))
    assert channel.wanted_receipts == range(14)
    assert not channel.up_to_date
    channel.on_receipts(range(14), [fired(seq) for seq in range(1, 15)])
    assert ended(channel.on_status(after(31, taken=40))) == all_fired(1, 14)
    assert channel.wanted_receipts == range(14, 15), "one more was written meanwhile, so the block begins one later"
    channel.on_receipts(range(14, 15), [fired(15)])
    assert ended(channel.on_status(after(31, taken=40))) == all_fired(15, 31)
    assert channel.wanted_receipts is None
    assert channel.up_to_date
    assert channel.open_orders == 69


def test_many_receipts_are_wanted_a_few_requests_at_a_time() -> None:
    channel = in_session(256)
    everything = after(256, taken=256)
    got: list[tuple[int, ReceiptCode]] = []
    for rounds in range(1, 10):
        got += ended(channel.on_status(everything))
        if (wanted := channel.wanted_receipts) is None:
            assert rounds == 6
            break
        assert len(wanted) <= RECEIPTS_PER_READ
        channel.on_receipts(wanted, [fired(number + 1) for number in wanted])
    assert got == all_fired(1, 256)


def test_a_slot_that_may_have_been_overwritten_while_it_was_read_is_not_believed() -> None:
    channel = in_session(60, history=20, window=60)
    channel.on_status(after(18, taken=60))
    assert channel.wanted_receipts == range(2)
    torn = Receipt(25, ReceiptCode.LATE, 0)  # of number 24, half written into the slot of number 4 mod 20
    channel.on_receipts(range(2), [torn, fired(2)])
    news = channel.on_status(after(25, taken=60))
    assert 25 not in dict(ended(news))
    channel.on_receipts(range(5, 9), [fired(seq) for seq in range(6, 10)])
    got = dict(ended(channel.on_status(after(25, taken=60))))
    assert got == dict(all_fired(6, 25)), "1 to 5 were overwritten; they may be queued as far as the PC knows"
    got = dict(ended(channel.on_status(after(25, taken=60, encoder=1004))))
    assert got == dict.fromkeys(range(1, 5), ReceiptCode.LOST), "the window of 5 is not over yet"
    assert ended(channel.on_status(after(25, taken=60, encoder=1006)))[0] == (5, ReceiptCode.LOST)


@pytest.mark.parametrize("history", [[], [fired(200), fired(201)]], ids=["empty", "of others"])
def test_an_order_whose_slot_does_not_hold_it_is_lost_once_it_cannot_be_queued(history: list[Receipt]) -> None:
    channel = in_session(20)
    channel.on_status(after(18, taken=20))
    channel.on_receipts(range(2), history)
    assert ended(channel.on_status(after(18, taken=20))) == all_fired(3, 18)
    assert ended(channel.on_status(after(18, taken=20, encoder=1002))) == [(n, ReceiptCode.LOST) for n in (1, 2)]
    assert ended(channel.on_status(after(20, taken=20, encoder=1020))) == all_fired(19, 20)


def test_a_history_that_was_asked_for_in_an_earlier_session_is_ignored() -> None:
    channel = in_session(40)
    channel.on_status(after(30, taken=40))
    wanted = channel.wanted_receipts
    assert wanted is not None
    assert len(channel.abandon()) == 40
    channel.on_receipts(wanted, [fired(seq) for seq in range(1, 15)])
    channel.on_status(replace(after(30, taken=0), pc_epoch_seen=channel.pc_epoch))
    (again,) = channel.offer([Shot(0, 0, 900, 1000)])
    assert again == 1
    news = channel.on_status(replace(after(30, taken=0), pc_epoch_seen=channel.pc_epoch))
    assert news.ended == ()


def test_without_a_history_what_the_block_no_longer_shows_is_lost_when_it_cannot_be_queued() -> None:
    channel = in_session(20, history=0)
    assert ended(channel.on_status(after(18, taken=20))) == all_fired(3, 18)
    assert channel.wanted_receipts is None
    assert channel.open_orders == 4
    assert ended(channel.on_status(after(18, taken=20, queued=0)))[:2] == [(1, ReceiptCode.LOST), (2, ReceiptCode.LOST)]


def test_a_session_in_which_somebody_s_orders_were_taken_is_not_ours() -> None:
    channel = OrderChannel(16)
    channel.on_status(replace(EMPTY, pc_epoch_seen=0))
    channel.on_status(replace(EMPTY, pc_epoch_seen=channel.pc_epoch, last_seq=3))
    with pytest.raises(Retryable, match=r"plc\.link_down"):
        channel.offer([Shot(0, 0, 1, 2)])
    assert channel.pc_epoch == SESSION + 1


def test_a_session_number_is_never_used_twice_whatever_old_blocks_say() -> None:
    channel = in_session(0)
    used = [channel.pc_epoch]
    for old in (replace(EMPTY, pc_epoch_seen=0), replace(EMPTY, epoch=6), EMPTY, replace(EMPTY, pc_epoch_seen=0)):
        channel.on_status(old)
        used.append(channel.pc_epoch)
    assert len({pc_epoch & 0xFFFF for pc_epoch in used}) == len({*used}) == 4


def test_a_batch_is_written_until_it_was_seen_and_the_next_only_then() -> None:
    channel = in_session(30)
    images = [channel.image(0, LineCommand.RUN, 0.0) for _ in range(2)]
    assert images[0] == images[1]
    assert images[0] is not None
    assert [order.seq for order in images[0].orders] == list(range(1, 13))
    assert channel.retransmitted == 12
    channel.on_status(replace(EMPTY, batch_seen=1, last_seq=12, queue_free=CAPACITY - 12))
    third = channel.image(0, LineCommand.RUN, 0.0)
    assert third is not None
    assert (third.batch, third.orders[0].seq) == (2, 13)
