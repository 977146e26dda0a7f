"""Whatever comes over the wire and from the machine: the program and the virtual PLC do the same in every scan."""

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from plc_bridge.contract import CommandImage, JetOrder, LineCommand
from tests.plc_bridge.plc_devices import Reference, ScanInputs, Settings, Virtual

EPOCH = 70_000
RUN = (EPOCH & 0xFFFF) << 16
WRAP = 0x1_0000_0000
NEAR = st.integers(-3, 80).map(lambda tens: 10 * tens)
"""Counts ahead of the encoder: near enough to fire soon, and as round as leads are at round speeds, so that
they often meet to the count."""

orders = st.tuples(
    st.sampled_from([*[1] * 12, 0, -1, 2]),  # how far the sequence number goes on
    st.sampled_from([*range(8), 8]),
    st.sampled_from([0, 0, 0, 1, 3, -1]),
    st.one_of(*[NEAR] * 8, st.integers(-(2**31), 2**31 - 1)),
    st.sampled_from([*[200, 90, 500, 30] * 3, 0, 2**31]),
)
sessions = st.sampled_from([*[0] * 20, 1, 1, -1, 0x7FFF, 0x8000, None])
commands = st.tuples(
    sessions,
    st.sampled_from([1, 1, 1, 0]),
    st.sampled_from([*[LineCommand.RUN] * 8, *LineCommand]),
    st.sampled_from([0.0, 500.0, 1500.0]),
    st.sampled_from([1, 1, 1, 1, 0, 7]),
    st.lists(orders, min_size=1, max_size=12),
)
stretches = st.tuples(
    st.one_of(st.none(), commands, commands),
    st.sampled_from([1, 1, 2, 5, 15, 40]),  # scans
    st.sampled_from([10, 10, 10, 10, 0, 20, -10, 1000]),  # counts a scan
    st.sampled_from([1000, 1000, 500, 1250, 2500, 0, 0.5, -200, 777]),  # measured speed, mm/s
    st.sampled_from([1, 1, 1, 0]),  # whether the PC beats on
    st.sampled_from([*[{}] * 12, {"e_stop_ok": False}, {"air_ok": False}, {"fire": True}, {"trigger": True}]),
)


@settings(max_examples=50, deadline=None)
@given(
    start=st.sampled_from([0, 1000, WRAP - 300]),
    scan_us=st.sampled_from([1000, 2000, 5000]),
    story=st.lists(stretches, min_size=1, max_size=16),
)
def test_program_and_virtual_plc_agree_in_every_scan(start: int, scan_us: int, story: list[object]) -> None:
    known = Settings(valve_count=8, close_delay_ms=5.0, pc_timeout_ms=50.0, standstill_shut_ms=20.0, epoch=EPOCH)
    virtual, reference = Virtual(known), Reference(known)
    image = CommandImage(RUN | 1, 1, LineCommand.RUN, 0.0, 0, ())
    encoder, now_us, seq, session = start, 0, 0, 1
    for stretch in story:
        command, scans, step, speed, beats, wired = stretch  # type: ignore[misc]
        if command is not None:
            on_from, moves, line, setpoint, batch_step, given_orders = command
            if on_from is None:
                pc_epoch = image.pc_epoch ^ 0x0001_0000  # an earlier run of the PLC
            else:
                session = (session + on_from) & 0xFFFF or 1
                pc_epoch = RUN | session
                seq = 0 if on_from else seq
            records: list[JetOrder] = []
            for ahead, first, lanes, on, length in given_orders:
                seq = (seq + ahead) % WRAP
                on_count = (encoder + on) % WRAP
                records.append(JetOrder(seq, first, max(first + lanes, 0), on_count, (on_count + length) % WRAP))
            heartbeat = (image.pc_heartbeat + moves) & 0xFFFF
            batch = (image.batch + batch_step) % WRAP
            image = CommandImage(pc_epoch, heartbeat, line, setpoint, batch, tuple(records))
        for number in range(scans):
            encoder, now_us = (encoder + step) % WRAP, now_us + scan_us
            if beats and number % 5 == 4:
                image = replace(image, pc_heartbeat=(image.pc_heartbeat + 1) & 0xFFFF)
            inputs = replace(ScanInputs(encoder, float(speed), command=image), **wired)
            assert reference.scan(now_us, inputs) == virtual.scan(now_us, inputs)
