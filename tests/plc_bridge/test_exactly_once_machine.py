"""Orders through loss, delay, duplication, reordering, partition, restarts of both ends, another
controller, wrapping counters and overwritten receipts: fired once at most, accounted for exactly once."""

from collections.abc import Callable, Sequence
from random import Random

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from plc_bridge.codec import Codec
from plc_bridge.contract import CommandImage, LineCommand, LineStatus, Receipt, ReceiptCode
from plc_bridge.exactly_once import OrderChannel
from plc_bridge.link import Pick, Shot
from plc_bridge.tagmap import default_tag_map
from plc_bridge.virtual_plc import ALL_WELL, PlcInputs
from senbetsu_errors import Retryable
from tests.plc_bridge.witness import OrderId, WitnessedPlc

WRAP = 0x1_0000_0000
LANES = 60
CODEC = Codec(default_tag_map("modbus", robots=1))
PICK = -1
"""Stands for the lane in the key of a pick."""
PC_TIMEOUT_MS = 80
DEVICES = [(64, 0), (32, 32), (64, 32), (200, 256)]
"""Order window and receipt history; the third is one that the session refuses, but the channel must bear."""


class LongLivedChannel(OrderChannel):
    """A channel that can be as old as its counters are long."""

    def count_on_from(self, counters: int) -> None:
        """As if this session had been open for very many orders, batches and receipts."""
        self._last_offered = self._last_acknowledged = self._receipts_seen = counters
        self._batch = self._batch_seen = counters


class Delivery(RuleBasedStateMachine):
    """One PLC, one PC, and a network between them that does as it likes."""

    def __init__(self) -> None:
        super().__init__()
        self.now_s = 0.0
        self.shots_made = 0
        self.commands: list[CommandImage] = []
        self.statuses: list[LineStatus] = []
        self.histories: list[tuple[range, list[Receipt]]] = []
        self.written: list[CommandImage] = []
        self.open: dict[OrderId, tuple[int, int]] = {}
        self.offered: dict[tuple[int, int], OrderId] = {}
        self.verdicts: dict[tuple[int, int], ReceiptCode] = {}
        self.lost_in_session = 0

    @initialize(
        encoder=st.sampled_from([0, 5_000, WRAP - 300, WRAP // 2 - 200]),
        epoch=st.sampled_from([1, 0xFFFE, 0xFFFF, WRAP - 1]),
        counters=st.sampled_from([0, WRAP - 40, WRAP // 2 - 40]),
        device=st.sampled_from(DEVICES),
    )
    def begin(self, encoder: int, epoch: int, counters: int, device: tuple[int, int]) -> None:
        self.window, self.history = device
        self.encoder = encoder
        self.plc = WitnessedPlc(
            ring_size=24,
            epoch=epoch,
            history_size=self.history,
            open_delay_ms=0,
            close_delay_ms=0,
            pc_timeout_ms=PC_TIMEOUT_MS,
        )
        self.channel = self._new_channel(1)
        self.heartbeat = 0xFFF0
        self.command = LineCommand.RUN
        self._scan()
        for _ in range(3):
            self.healthy_cycle()
        self.plc.count_on_from(counters)
        self.channel.count_on_from(counters)

    def _new_channel(self, step: int) -> "LongLivedChannel":
        return LongLivedChannel(self.window, step, self.history, CODEC.mailbox_size)

    def _scan(self, inputs: PlcInputs = ALL_WELL) -> None:
        self.now_s += 0.001
        self.plc.scan(self.now_s, self.encoder, 100.0, inputs)

    def _account(self, pc_epoch: int, ended: tuple[Receipt, ...]) -> None:
        for receipt in ended:
            order = OrderId(pc_epoch, receipt.seq)
            shot = self.open.pop(order, None)
            assert shot is not None, "an order ended that was not open: twice, or never offered"
            assert shot not in self.verdicts
            self.verdicts[shot] = receipt.code
            if receipt.code is ReceiptCode.FIRED:
                assert self.plc.fired_orders[order] == 1, "said to be fired, and was not"
            elif receipt.code is ReceiptCode.LOST and pc_epoch == self.channel.pc_epoch:
                self.lost_in_session += 1
                assert not self.plc.awaits(order), "said to be lost, and waits in the PLC's queue"

    def _learn(self, status: LineStatus) -> None:
        pc_epoch = self.channel.pc_epoch
        self._account(pc_epoch, self.channel.on_status(status).ended)

    # ---- the PC

    @rule(count=st.integers(1, 15), ahead=st.integers(-5, 200), length=st.integers(-1, 60))
    def submit(self, count: int, ahead: int, length: int) -> None:
        shots: list[Shot] = []
        for _ in range(count):
            self.shots_made += 1
            lane = self.shots_made % LANES
            on = (self.encoder + ahead + self.shots_made // LANES) % WRAP
            shots.append(Shot(lane, lane, on, (on + length) % WRAP))
        self._offer(shots, [(s.lane_first, s.on_count) for s in shots])

    @rule(count=st.integers(1, 5), ahead=st.integers(-3050, 200))
    def submit_picks(self, count: int, ahead: int) -> None:
        picks: list[Pick] = []
        for _ in range(count):
            self.shots_made += 1
            at = (self.encoder + ahead + self.shots_made) % WRAP
            picks.append(Pick(0, 100.0, 0.0, 45.0, 10.0, 1, 2, at))
        self._offer(picks, [(PICK, pick.pick_count) for pick in picks])

    def _offer(self, shots: Sequence[Shot | Pick], keys: list[tuple[int, int]]) -> None:
        if any(key in self.offered for key in keys):
            return
        before = self.channel.open_orders
        try:
            sequence_numbers = self.channel.offer(shots)
        except Retryable:
            assert self.channel.open_orders == before
            return
        for seq, key in zip(sequence_numbers, keys, strict=True):
            order = OrderId(self.channel.pc_epoch, seq)
            assert order not in self.open
            self.open[order] = key
            self.offered[key] = order

    @rule(copies=st.integers(0, 3))
    def write(self, copies: int) -> None:
        self.heartbeat = (self.heartbeat + 1) & 0xFFFF
        image = self.channel.image(self.heartbeat, self.command, 100.0)
        if image is not None:
            assert CODEC.decode_command(CODEC.encode_command(image)) == image, "what no register holds"
            self.commands.extend([image] * copies)
            if image.orders:
                self.written.append(image)

    @rule(step=st.integers(1, 1024))
    def pc_restarts(self, step: int) -> None:
        for shot in self.open.values():
            self.verdicts[shot] = ReceiptCode.LOST  # its process is gone, and its ledger with it
        self.open.clear()
        self.channel = self._new_channel(step)
        self.statuses.clear()
        self.histories.clear()

    @rule()
    def pc_gives_up(self) -> None:
        pc_epoch = self.channel.pc_epoch
        self._account(pc_epoch, tuple(self.channel.abandon()))
        assert not self.open

    @rule(step=st.integers(1, 1024))
    def another_controller_opens_a_session(self, step: int) -> None:
        other = OrderChannel(self.window, step)
        other.on_status(self.plc.status())
        image = other.image(1, LineCommand.RUN, 100.0)
        assert image is not None
        self.commands.append(image)

    # ---- the network

    @rule(index=st.integers(0, 1000))
    def any_command_arrives(self, index: int) -> None:
        if self.commands:
            self.plc.write_command(self.commands.pop(index % len(self.commands)))
            self._scan()

    @rule(back=st.integers(1, 12))
    def an_old_command_appears(self, back: int) -> None:
        if self.written:
            self.plc.write_command(self.written[-min(back, len(self.written))])
            self._scan()

    @rule()
    def plc_answers(self) -> None:
        self.statuses.append(self.plc.status())

    @rule(index=st.integers(0, 1000), again=st.booleans())
    def any_status_arrives(self, index: int, again: bool) -> None:
        if self.statuses:
            index %= len(self.statuses)
            self._learn(self.statuses[index] if again else self.statuses.pop(index))

    @rule()
    def plc_answers_with_its_history(self) -> None:
        wanted = self.channel.wanted_receipts
        if wanted is not None:
            self.histories.append((wanted, self.plc.receipt_history(wanted.start, len(wanted))))

    @rule(index=st.integers(0, 1000))
    def any_history_arrives(self, index: int) -> None:
        if self.histories:
            self.channel.on_receipts(*self.histories.pop(index % len(self.histories)))

    @rule()
    def everything_in_flight_is_lost(self) -> None:
        self.commands.clear()
        self.statuses.clear()
        self.histories.clear()

    @rule()
    def healthy_cycle(self) -> None:
        self.write(1)
        if self.commands:
            self.plc.write_command(self.commands.pop())
        self._scan()
        self._learn(self.plc.status())
        if (wanted := self.channel.wanted_receipts) is not None:
            self.channel.on_receipts(wanted, self.plc.receipt_history(wanted.start, len(wanted)))
            self._learn(self.plc.status())

    @rule()
    def several_healthy_cycles(self) -> None:
        for _ in range(5):
            self.healthy_cycle()
            self.encoder = (self.encoder + 7) % WRAP

    @rule(lengths=st.lists(st.sampled_from([-1, 3, 40]), min_size=17, max_size=23), cancelled=st.booleans())
    def more_orders_end_unseen_than_the_block_shows(self, lengths: list[int], cancelled: bool) -> None:
        for _ in range(3):
            self.healthy_cycle()
        for length in lengths:
            self.submit(1, 90, length)
        for _ in range(3):
            self.healthy_cycle()
        if cancelled:
            self._scan(PlcInputs(air_ok=False))
        else:
            self.belt_moves(12, 15)

    # ---- the machine

    @rule(counts=st.integers(-5, 60), scans=st.integers(1, 30))
    def belt_moves(self, counts: int, scans: int) -> None:
        for _ in range(scans):
            self.encoder = (self.encoder + counts) % WRAP
            self._scan()

    @rule(counts=st.integers(0, 10))
    def nobody_hears_from_the_other_for_long(self, counts: int) -> None:
        self.belt_moves(counts, PC_TIMEOUT_MS + 2)

    @rule()
    def e_stop(self) -> None:
        self._scan(PlcInputs(e_stop_ok=False))
        self.command = LineCommand.STOP  # what releases the latch
        self.healthy_cycle()
        self.command = LineCommand.RUN

    @rule(forget_encoder=st.booleans())
    def plc_restarts(self, forget_encoder: bool) -> None:
        self.plc.restart()
        if forget_encoder:  # parts, and what is still under way, lie ahead of the new count again
            self.encoder = (self.encoder - 500) % WRAP
        self._scan()

    # ---- what holds at any time

    @invariant()
    def nothing_is_fired_twice(self) -> None:
        if hasattr(self, "plc"):
            assert not self.plc.fired_twice()

    @invariant()
    def verdicts_stay_true(self) -> None:
        if not hasattr(self, "plc"):
            return
        for shot, code in self.verdicts.items():
            times = self.plc.fired_orders[self.offered[shot]]
            if code is ReceiptCode.FIRED:
                assert times == 1
            elif code is not ReceiptCode.LOST and shot[0] != PICK:
                assert times == 0
            elif code in (ReceiptCode.LATE, ReceiptCode.REFUSED):
                assert times == 0, "a pick that was cancelled may be done all the same, one that was not taken not"

    @invariant()
    def nothing_the_plc_remembers_is_lost(self) -> None:
        if hasattr(self, "plc") and self.history >= self.window:
            assert self.lost_in_session == 0

    @invariant()
    def every_order_is_open_or_has_ended(self) -> None:
        if hasattr(self, "channel"):
            assert self.channel.open_orders == len(self.open)
            assert self.offered.keys() == self.verdicts.keys() | set(self.open.values())

    def teardown(self) -> None:
        """A quiet end: over a network that works every order gets its verdict."""
        if not hasattr(self, "plc"):
            return
        self.commands.clear()
        for _ in range(40 + len(self.open)):  # a robot ends a pick every other cycle at most
            self.healthy_cycle()
            self.encoder = (self.encoder + 20) % WRAP
        assert not self.open, "orders nobody accounted for"
        for check in (
            self.nothing_is_fired_twice,
            self.verdicts_stay_true,
            self.nothing_the_plc_remembers_is_lost,
            self.every_order_is_open_or_has_ended,
        ):
            check()


TestDelivery = Delivery.TestCase
TestDelivery.settings = settings(
    max_examples=150,
    stateful_step_count=50,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)


@pytest.mark.parametrize("seed", range(20))
def test_a_long_storm_accounts_for_every_order(seed: int) -> None:
    """The same moves as above, many more of them, in proportions that keep orders flowing."""
    random = Random(seed)  # noqa: S311
    line = Delivery()
    line.begin(
        encoder=random.choice([0, WRAP - 300, WRAP // 2]),
        epoch=random.choice([1, WRAP - 1]),
        counters=random.choice([0, WRAP - 200]),
        device=DEVICES[seed % len(DEVICES)],
    )
    moves: list[tuple[int, Callable[[], None]]] = [
        (30, lambda: line.submit(random.randint(1, 15), random.randint(-5, 300), random.randint(-1, 60))),
        (10, lambda: line.submit_picks(random.randint(1, 5), random.randint(-3050, 300))),
        (20, lambda: line.write(random.randint(0, 3))),
        (20, lambda: line.any_command_arrives(random.randint(0, 1000))),
        (10, lambda: line.an_old_command_appears(random.randint(1, 12))),
        (30, line.healthy_cycle),
        (15, line.plc_answers),
        (10, lambda: line.any_status_arrives(random.randint(0, 1000), random.random() < 0.2)),
        (5, line.plc_answers_with_its_history),
        (5, lambda: line.any_history_arrives(random.randint(0, 1000))),
        (20, lambda: line.belt_moves(random.randint(-5, 60), random.randint(1, 5))),
        (2, lambda: line.more_orders_end_unseen_than_the_block_shows([3, -1, 40] * 7, random.random() < 0.5)),
        (3, line.everything_in_flight_is_lost),
        (1, lambda: line.nobody_hears_from_the_other_for_long(random.randint(0, 10))),
        (1, line.e_stop),
        (2, lambda: line.plc_restarts(random.random() < 0.5)),
        (1, line.pc_gives_up),
        (1, lambda: line.pc_restarts(random.randint(1, 1024))),
        (1, lambda: line.another_controller_opens_a_session(random.randint(1, 1024))),
    ]
    for move in random.choices([m for _, m in moves], [weight for weight, _ in moves], k=800):
        move()
        line.nothing_is_fired_twice()
        line.every_order_is_open_or_has_ended()
    line.teardown()
    assert set(line.verdicts.values()) >= {ReceiptCode.FIRED, ReceiptCode.LOST, ReceiptCode.LATE}
