"""The virtual PLC, scan by scan."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plc_bridge.contract import RECEIPT_HISTORY_SIZE, CommandImage, JetOrder, LineCommand, LineFlags, ReceiptCode
from sim.virtual_plc import PlcInputs, PlcOutputs, VirtualPlc

WRAP = 0x1_0000_0000
SESSION = 1 << 16 | 1


class Line:
    """A PLC with a PC that beats, and a belt moved by hand. 10 counts/mm, 1 ms scans."""

    def __init__(self, start: int = 0, **settings: float) -> None:
        self.plc = VirtualPlc(8, 10.0, **{"open_delay_ms": 8, "close_delay_ms": 4, **settings})  # type: ignore[arg-type]
        self.now_s = 0.0
        self.encoder = start
        self.speed_mm_s = 0.0
        self.inputs = PlcInputs()
        self.batch = 0
        self.seq = 0
        self.beat = 0
        self.outputs = PlcOutputs(0, False, False, 0.0)
        self.send(LineCommand.RUN)

    def send(self, command: LineCommand = LineCommand.NONE, *orders: tuple[int, int, int, int]) -> None:
        self.beat += 1
        self.batch += bool(orders)
        records: list[JetOrder] = []
        for first, last, on, off in orders:
            self.seq += 1
            records.append(JetOrder(self.seq, first, last, on % WRAP, off % WRAP))
        self.plc.write_command(CommandImage(SESSION, self.beat & 0xFFFF, command, 0.0, self.batch, tuple(records)))
        self.scan()

    def scan(self, counts: int = 0) -> int:
        self.now_s += 0.001
        self.encoder = (self.encoder + counts) % WRAP
        self.outputs = self.plc.scan(self.now_s, self.encoder, self.speed_mm_s, self.inputs)
        return self.outputs.valves

    @property
    def codes(self) -> list[ReceiptCode]:
        return [receipt.code for receipt in self.plc.status().receipts]


def test_air_leaves_the_nozzle_from_on_to_off_at_the_actual_speed() -> None:
    """1000 mm/s: 8 ms are 80 counts, 4 ms are 40."""
    line = Line()
    line.speed_mm_s = 1000.0
    line.send(LineCommand.NONE, (2, 3, 500, 700))
    current: list[int] = []
    while line.encoder < 800:
        if line.scan(10):
            assert line.outputs.valves == 0b1100
            current.append(line.encoder)
    assert (current[0], current[-1]) == (420, 650)
    assert line.codes == [ReceiptCode.FIRED]


@given(start=st.integers(0, WRAP - 1), ahead=st.integers(100, 2**31 - 10_000), length=st.integers(60, 5000))
def test_windows_open_and_shut_across_the_wrap(start: int, ahead: int, length: int) -> None:
    line = Line(start)
    line.send(LineCommand.NONE, (0, 0, start + ahead, start + ahead + length))
    assert line.scan(ahead - 1) == 0
    assert line.scan(1) == 1
    assert line.scan(length - 1) == 1
    assert line.scan(1) == 0
    assert line.codes == [ReceiptCode.FIRED]


def test_an_order_whose_lead_has_begun_is_late_and_never_fires() -> None:
    line = Line(1000)
    line.speed_mm_s = 1000.0
    line.send(LineCommand.NONE, (0, 0, 1079, 1500), (1, 1, 1090, 1500))
    assert line.codes == [ReceiptCode.LATE]
    for _ in range(60):
        assert line.scan(10) in (0, 0b10)
    assert line.codes == [ReceiptCode.LATE, ReceiptCode.FIRED]


def test_a_belt_that_runs_back_does_not_fire_twice() -> None:
    line = Line()
    line.send(LineCommand.NONE, (0, 0, 100, 200))
    edges = 0
    last = 0
    for counts in [99, 2, -3, 3, -5, 5, 120, -150, 60, -60, 200]:
        valves = line.scan(counts)
        edges += valves & ~last
        last = valves
    assert edges == 1
    assert line.codes == [ReceiptCode.FIRED]


def test_an_encoder_that_jumps_over_a_window_makes_it_late() -> None:
    line = Line()
    line.send(LineCommand.NONE, (0, 0, 100, 200))
    assert line.scan(250) == 0
    assert line.codes == [ReceiptCode.LATE]


def test_valves_are_shut_when_the_belt_stands_and_stay_shut() -> None:
    line = Line(standstill_shut_ms=50)
    line.send(LineCommand.NONE, (0, 0, 100, 2000))
    assert line.scan(150) == 1
    opened_for = 0
    while line.scan():
        opened_for += 1
        assert opened_for < 100
    assert 48 <= opened_for <= 52
    assert line.scan(10) == 0
    assert line.codes == [ReceiptCode.FIRED]


def test_a_belt_that_stops_for_ten_seconds_keeps_its_queue() -> None:
    line = Line()
    line.send(LineCommand.NONE, (0, 0, 5000, 5200))
    for _ in range(1000):
        line.now_s += 0.009
        line.send()
    line.scan(4999)
    assert line.scan(1) == 1


@pytest.mark.parametrize(
    "order",
    [(-1, 0, 100, 200), (3, 2, 100, 200), (0, 8, 100, 200), (0, 0, 200, 100), (0, 0, 100, 100)],
)
def test_nonsense_is_refused(order: tuple[int, int, int, int]) -> None:
    line = Line()
    line.send(LineCommand.NONE, order)
    assert line.codes == [ReceiptCode.REFUSED]
    assert line.plc.status().refused == 1


def test_a_full_ring_refuses_and_says_how_much_is_free() -> None:
    line = Line(ring_size=3)
    line.send(LineCommand.NONE, *[(0, 0, 1000, 1100)] * 4)
    assert line.codes == [ReceiptCode.REFUSED]
    assert line.plc.status().queue_free == 0


def test_the_ring_keeps_the_newest_sixteen_receipts_and_the_total() -> None:
    line = Line()
    for _ in range(5):
        line.send(LineCommand.NONE, *[(0, 9, 1000, 1100)] * 4)
    status = line.plc.status()
    assert status.receipt_total == 20
    assert [receipt.seq for receipt in status.receipts] == list(range(5, 21))


def test_the_history_remembers_the_newest_256_receipts_by_number_until_a_restart() -> None:
    line = Line()
    assert line.plc.receipt_history(0, RECEIPT_HISTORY_SIZE) == []
    for _ in range(70):
        line.send(LineCommand.NONE, *[(0, 9, 1000, 1100)] * 4)  # refused: there are not so many lanes
    assert line.plc.status().receipt_total == 280
    oldest = 280 - RECEIPT_HISTORY_SIZE
    assert [r.seq for r in line.plc.receipt_history(oldest, RECEIPT_HISTORY_SIZE)] == list(range(oldest + 1, 281))
    assert line.plc.receipt_history(264, 16) == list(line.plc.status().receipts)
    assert [r.seq for r in line.plc.receipt_history(0, 3)] == [257, 258, 259], "their slots are overwritten"
    line.plc.restart()
    assert line.plc.receipt_history(0, RECEIPT_HISTORY_SIZE) == []


def test_the_line_follows_run_clear_and_stop() -> None:
    line = Line(default_speed_mm_s=700.0)
    assert line.outputs == PlcOutputs(0, True, True, 700.0)
    line.send(LineCommand.CLEAR)
    assert line.outputs == PlcOutputs(0, True, False, 700.0)
    line.send(LineCommand.NONE, (0, 0, 1000, 1100))
    line.send(LineCommand.STOP)
    assert line.outputs == PlcOutputs(0, False, False, 0.0)
    assert line.codes == [ReceiptCode.CANCELLED]


def test_a_pc_whose_heart_stops_is_left_after_its_timeout() -> None:
    line = Line(pc_timeout_ms=50)
    line.send(LineCommand.NONE, (0, 0, 100, 5000), (1, 1, 9000, 9100))
    assert line.scan(150) == 1
    for _ in range(47):
        line.scan(1)
    assert line.outputs.belt_run
    for _ in range(4):
        line.scan(1)
    assert line.outputs == PlcOutputs(0, False, False, 0.0)
    assert line.codes == [ReceiptCode.FIRED, ReceiptCode.CANCELLED]


@pytest.mark.parametrize("alarm", [PlcInputs(e_stop_ok=False), PlcInputs(fire=True)])
def test_after_an_emergency_the_belt_waits_for_a_stop_before_it_runs(alarm: PlcInputs) -> None:
    line = Line()
    line.send(LineCommand.NONE, (0, 0, 1000, 1100))
    line.inputs = alarm
    line.scan()
    assert line.outputs == PlcOutputs(0, False, False, 0.0)
    assert line.codes == [ReceiptCode.CANCELLED]
    line.inputs = PlcInputs()
    line.send(LineCommand.RUN)
    assert not line.outputs.belt_run
    assert LineFlags.READY not in line.plc.status().flags
    line.send(LineCommand.STOP)
    line.send(LineCommand.RUN)
    assert line.outputs.belt_run


def test_without_air_the_feed_stops_and_orders_are_refused_while_the_belt_clears() -> None:
    line = Line()
    line.inputs = PlcInputs(air_ok=False)
    line.send(LineCommand.NONE, (0, 0, 1000, 1100))
    assert line.outputs.belt_run
    assert not line.outputs.feed_run
    assert line.codes == [ReceiptCode.REFUSED]


def test_a_camera_trigger_is_latched() -> None:
    line = Line()
    line.plc.latch_trigger(0xFFFF_FFFF)
    line.plc.latch_trigger(7)
    status = line.plc.status()
    assert (status.trigger_seq, status.trigger_encoder) == (2, 7)


def test_a_restart_forgets_everything_but_takes_a_new_epoch() -> None:
    line = Line()
    line.send(LineCommand.NONE, (0, 0, 1000, 1100))
    line.plc.restart()
    status = line.plc.status()
    assert (status.epoch, status.pc_epoch_seen, status.last_seq, status.receipt_total) == (2, 0, 0, 0)
    assert line.scan() == 0
    line.send(LineCommand.RUN, (0, 0, 1000, 1100))
    assert not line.outputs.belt_run, "a block for its earlier run is ignored"
    assert line.plc.status().queue_free == 256
