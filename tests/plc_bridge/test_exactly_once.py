"""Orders through loss, duplication, reordering, PLC restart and PC restart: fired once or accounted for."""

from collections import Counter
from collections.abc import Callable
from random import Random

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from plc_bridge.contract import CommandImage, LineCommand, LineStatus, ReceiptCode
from plc_bridge.exactly_once import ChannelNews, OrderChannel
from plc_bridge.link import Shot
from plc_bridge.virtual_plc import PlcInputs, VirtualPlc
from senbetsu_errors import Retryable

WRAP = 0x1_0000_0000
NOT_FIRED = {ReceiptCode.LATE, ReceiptCode.REFUSED, ReceiptCode.CANCELLED}


class WitnessedPlc(VirtualPlc):
    """A virtual PLC that remembers how often each order really opened a valve, over restarts.

    Orders are told apart by their lane and on-count, which the machine below never uses twice.
    """

    def __init__(self, **settings_: int) -> None:
        super().__init__(open_delay_ms=0, close_delay_ms=0, **settings_)
        self.shots_fired: Counter[tuple[int, int]] = Counter()

    def scan(self, now_s: float, encoder_raw: int, belt_speed_mm_s: float, inputs: PlcInputs = PlcInputs()) -> object:  # type: ignore[override]  # noqa: B008
        before = {(e.mask, e.on_count) for e in self._open}
        fired = self._fired
        outputs = super().scan(now_s, encoder_raw, belt_speed_mm_s, inputs)
        opened = {(e.mask, e.on_count) for e in self._open} - before
        assert len(opened) == self._fired - fired
        for mask, on_count in opened:
            self.shots_fired[(mask.bit_length() - 1, on_count)] += 1
        return outputs


class Delivery(RuleBasedStateMachine):
    """One PLC, one PC that may restart, a network that loses, repeats and delays command blocks."""

    def __init__(self) -> None:
        super().__init__()
        self.now_s = 0.0
        self.lane = 0
        self.in_flight: list[CommandImage] = []
        self.written: list[CommandImage] = []
        self.offered: dict[int, tuple[int, int]] = {}  # seq in this session -> (lane, on_count)
        self.all_offered: set[tuple[int, int]] = set()
        self.verdicts: dict[tuple[int, int], ReceiptCode] = {}

    @initialize(
        start=st.sampled_from([0, 5_000, WRAP - 300, WRAP // 2 - 200]), epoch=st.sampled_from([1, 0xFFFF, WRAP - 1])
    )
    def begin(self, start: int, epoch: int) -> None:
        self.encoder = start
        self.plc = WitnessedPlc(ring_size=20, epoch=epoch)
        self.channel = OrderChannel(window_orders=64)
        self.heartbeat = 0
        self.command = LineCommand.RUN
        self._scan()
        for _ in range(3):
            self.healthy_cycle()

    def _scan(self, inputs: PlcInputs = PlcInputs()) -> None:  # noqa: B008
        self.now_s += 0.001
        self.plc.scan(self.now_s, self.encoder, 100.0, inputs)

    def _learn(self, status: LineStatus) -> None:
        news = self.channel.on_status(status)
        self._account(news)

    def _account(self, news: ChannelNews) -> None:
        for receipt in news.ended:
            shot = self.offered.pop(receipt.seq)
            assert shot not in self.verdicts, "an order ended twice"
            self.verdicts[shot] = receipt.code

    @rule(count=st.integers(1, 15), ahead=st.integers(-5, 200), length=st.integers(-1, 60))
    def submit(self, count: int, ahead: int, length: int) -> None:
        shots: list[Shot] = []
        for _ in range(count):
            self.lane += 1
            on = (self.encoder + ahead + self.lane // 60) % WRAP
            shots.append(Shot(self.lane % 60, self.lane % 60, on, (on + length) % WRAP))
        keys = [(s.lane_first, s.on_count) for s in shots]
        if any(k in self.all_offered for k in keys):
            return
        try:
            for seq, key in zip(self.channel.offer(shots), keys, strict=True):
                self.offered[seq] = key
                self.all_offered.add(key)
        except Retryable as refusal:
            if refusal.code not in {"plc.link_down", "plc.window_full"}:
                raise

    @rule(copies=st.integers(0, 3))
    def write(self, copies: int) -> None:
        self.heartbeat = (self.heartbeat + 1) & 0xFFFF
        image = self.channel.image(self.heartbeat, self.command, 100.0)
        if image is not None:
            self.in_flight.extend([image] * copies)
            if image.orders:
                self.written.append(image)

    @rule(index=st.integers(0, 1000))
    def deliver_any(self, index: int) -> None:
        if self.in_flight:
            self.plc.write_command(self.in_flight.pop(index % len(self.in_flight)))
            self._scan()

    @rule()
    def several_healthy_cycles(self) -> None:
        for _ in range(5):
            self.healthy_cycle()
            self.encoder = (self.encoder + 7) % WRAP

    @rule()
    def healthy_cycle(self) -> None:
        self.write(1)
        if self.in_flight:
            self.plc.write_command(self.in_flight.pop())
        self._scan()
        self.read()

    @rule(back=st.integers(1, 8))
    def an_old_block_appears(self, back: int) -> None:
        if self.written:
            self.plc.write_command(self.written[-min(back, len(self.written))])
            self._scan()

    @rule()
    def lose_everything_in_flight(self) -> None:
        self.in_flight.clear()

    @rule()
    def read(self) -> None:
        self._learn(self.plc.status())

    @rule(counts=st.integers(-5, 60), scans=st.integers(1, 30))
    def belt_moves(self, counts: int, scans: int) -> None:
        for _ in range(scans):
            self.encoder = (self.encoder + counts) % WRAP
            self._scan()

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

    @rule()
    def pc_gives_up(self) -> None:
        for receipt in self.channel.abandon():
            self.verdicts[self.offered.pop(receipt.seq)] = receipt.code

    @rule()
    def pc_restarts(self) -> None:
        for key in self.offered.values():
            self.verdicts[key] = ReceiptCode.LOST  # its process is gone, and its ledger with it
        self.offered.clear()
        self.channel = OrderChannel(window_orders=64)

    @invariant()
    def never_fired_twice(self) -> None:
        if hasattr(self, "plc"):
            twice = {k: n for k, n in self.plc.shots_fired.items() if n > 1}
            assert not twice

    @invariant()
    def receipts_tell_the_truth(self) -> None:
        for key, code in self.verdicts.items():
            if code == ReceiptCode.FIRED:
                assert self.plc.shots_fired[key] == 1
            elif code in NOT_FIRED:
                assert self.plc.shots_fired[key] == 0

    def teardown(self) -> None:
        """A quiet end: with a network that works every order gets its verdict."""
        if not hasattr(self, "plc"):
            return
        self.in_flight.clear()
        for _ in range(40):
            self.healthy_cycle()
            self.encoder = (self.encoder + 20) % WRAP
        assert not self.offered, "orders nobody accounted for"
        assert set(self.verdicts) == self.all_offered
        self.never_fired_twice()
        self.receipts_tell_the_truth()


TestDelivery = Delivery.TestCase
TestDelivery.settings = settings(
    max_examples=100,
    stateful_step_count=50,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)


@pytest.mark.parametrize("seed", range(20))
def test_a_long_storm_accounts_for_every_order(seed: int) -> None:
    """The same moves as above, many more of them, in proportions that keep orders flowing."""
    random = Random(seed)  # noqa: S311
    line = Delivery()
    line.begin(start=random.choice([0, WRAP - 300, WRAP // 2]), epoch=random.choice([1, WRAP - 1]))
    moves: list[tuple[int, Callable[[], None]]] = [
        (30, lambda: line.submit(random.randint(1, 15), random.randint(-5, 300), random.randint(-1, 60))),
        (20, lambda: line.write(random.randint(0, 3))),
        (20, lambda: line.deliver_any(random.randint(0, 1000))),
        (10, lambda: line.an_old_block_appears(random.randint(1, 8))),
        (30, line.healthy_cycle),
        (15, line.read),
        (20, lambda: line.belt_moves(random.randint(-5, 60), random.randint(1, 5))),
        (3, line.lose_everything_in_flight),
        (1, line.e_stop),
        (2, lambda: line.plc_restarts(random.random() < 0.5)),
        (1, line.pc_gives_up),
        (1, line.pc_restarts),
    ]
    for move in random.choices([m for _, m in moves], [weight for weight, _ in moves], k=600):
        move()
        line.never_fired_twice()
    line.receipts_tell_the_truth()
    line.teardown()
    assert set(line.verdicts.values()) >= {ReceiptCode.FIRED, ReceiptCode.LOST, ReceiptCode.LATE}
