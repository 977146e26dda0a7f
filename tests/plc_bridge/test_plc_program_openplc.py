"""The program for OpenPLC: committed as generated, and it speaks through its registers what the tag map says."""

import struct
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plc_bridge.codec import Codec
from plc_bridge.contract import CommandImage, JetOrder, LineCommand, LineFlags, LineStatus, Receipt, ReceiptCode
from plc_bridge.plc_program.openplc import (
    TAGS,
    Machine,
    committed_files,
    main_text,
    openplc_tag_map,
    program_text,
)
from plc_bridge.tagmap import Tag
from plc_bridge.tagmap_file import load_tag_map
from senbetsu_errors import Fatal
from tests.plc_bridge.plc_devices import PROGRAM_FOLDER, program
from tests.plc_bridge.structured_text import Program, Runtime

pytestmark = pytest.mark.timeout(400)  # blark reads the whole program once for each form, a minute on a busy machine

FIRST_WORD, FIRST_DOUBLE = 1024, 2048
SCAN_US = 1000


@cache
def generated(bench: bool) -> Program:
    """The whole generated program, compiled: its thousands of lines take blark half a minute."""
    sources = [(PROGRAM_FOLDER / name).read_text(encoding="utf-8") for name in ("senbetsu.st", "site.st")]
    return Program(*sources, main_text(openplc_tag_map(), Machine(), bench=bench))


class SoftPlc:
    """The generated program in our reading of Structured Text, with OpenPLC's registers around it."""

    def __init__(self, utc_s: int, *, bench: bool = True) -> None:
        tag_map, whole = openplc_tag_map(), generated(bench)
        self.runtime = Runtime()
        self.main: Any = whole.instance("SENBETSU_OPENPLC", self.runtime)
        self.located = whole.units["SENBETSU_OPENPLC"].located
        self.codec = Codec(tag_map)
        self.utc_us = utc_s * 1_000_000

    def scan(self, scans: int = 1) -> None:
        for _ in range(scans):
            self.runtime.now_us += SCAN_US
            self.utc_us += SCAN_US
            self.main.utc_s = self.utc_us // 1_000_000
            self.main()

    def write(self, image: CommandImage) -> None:
        for register, word in zip(self.codec.command_span, self.codec.encode_command(image), strict=True):
            setattr(self.main, f"w{register - FIRST_WORD}", word)

    def register(self, address: int) -> int:
        if address < FIRST_DOUBLE:
            return getattr(self.main, f"w{address - FIRST_WORD}")
        double = getattr(self.main, f"d{(address - FIRST_DOUBLE) // 2}")
        return double & 0xFFFF if address % 2 else double >> 16

    @property
    def status(self) -> LineStatus:
        return self.codec.decode_status([self.register(address) for address in self.codec.status_span])

    def history(self, slots: range) -> list[Receipt]:
        return list(self.codec.decode_receipts([self.register(a) for a in self.codec.history_span(slots)], slots))


def started(*, bench: bool = True) -> SoftPlc:
    plc = SoftPlc(1_800_000_000, bench=bench)
    plc.scan(1001)
    return plc


def session_of(plc: SoftPlc) -> int:
    return (plc.status.epoch & 0xFFFF) << 16 | 1


def test_the_committed_files_are_what_the_generator_writes() -> None:
    for path, text in committed_files().items():
        assert path.read_text(encoding="utf-8") == text, "run python -m plc_bridge.plc_program.openplc"


def test_the_committed_tag_map_is_a_modbus_map_that_loads() -> None:
    assert load_tag_map(TAGS, "modbus") == openplc_tag_map()


@pytest.mark.slow
@pytest.mark.parametrize("bench", [False, True])
def test_every_variable_has_a_place_of_its_own(bench: bool) -> None:
    places = list(started(bench=bench).located.values())
    assert len(places) == len(set(places)) > 900


@pytest.mark.slow
def test_orders_written_to_registers_open_valves_and_come_back_as_receipts() -> None:
    plc = started()
    assert plc.status.pc_epoch_seen == 0
    plc.write(CommandImage(session_of(plc), 1, LineCommand.RUN, 1500.0, 0, ()))
    plc.scan(100)
    status = plc.status
    assert status.pc_epoch_seen == session_of(plc)
    well = LineFlags.E_STOP_OK | LineFlags.AIR_OK | LineFlags.READY | LineFlags.BELT_RUNNING
    assert status.flags == well | LineFlags.PC_ALIVE
    assert status.belt_speed_mm_s == pytest.approx(1500.0, rel=0.01)
    assert (plc.main.speed_mm_s, plc.main.belt_run, plc.main.simulated) == (1500, True, 1)
    on = status.encoder + 400
    orders = (
        JetOrder(1, 0, 1, on, on + 300),
        JetOrder(2, 63, 63, on + 100_000, on + 100_100),
        JetOrder(3, 64, 64, on, on + 9),
    )
    plc.write(CommandImage(session_of(plc), 2, LineCommand.RUN, 1500.0, 1, orders))
    opened = [scan for scan in range(60) if plc.scan() or plc.main.valve_1]
    # 400 counts at 15 a scan, 120 of them early; 300 counts long.
    assert opened[0] == pytest.approx((400 - 120) / 15, abs=2)
    assert len(opened) == pytest.approx(300 / 15, abs=1)
    status = plc.status
    assert [(receipt.seq, receipt.code) for receipt in status.receipts] == [
        (3, ReceiptCode.REFUSED),
        (1, ReceiptCode.FIRED),
    ]
    assert (status.fired, status.refused, status.last_seq, status.queue_free) == (1, 1, 3, 255)
    assert plc.history(range(2)) == list(status.receipts)


@pytest.mark.slow
def test_no_two_starts_have_the_same_epoch_however_quickly_they_follow() -> None:
    first = SoftPlc(1_800_000_000)
    first.scan(500)
    assert (first.status.epoch, first.status.heartbeat) == (0, 0)
    first.scan(600)
    second = SoftPlc(0)
    second.utc_us = first.utc_us + 1000
    second.scan(1100)
    assert first.status.epoch == 1_800_000_001
    assert second.status.epoch == 1_800_000_002
    assert first.status.heartbeat > 0


@pytest.mark.slow
def test_the_switches_of_the_bench_stop_the_line() -> None:
    plc = started()
    plc.write(CommandImage(session_of(plc), 1, LineCommand.RUN, 0.0, 0, ()))
    plc.scan()
    assert plc.main.belt_run
    plc.main.e_stop_pressed = True
    plc.scan()
    assert not plc.main.belt_run
    assert not plc.status.flags & (LineFlags.E_STOP_OK | LineFlags.READY)


@pytest.mark.slow
def test_the_real_form_reads_encoder_inputs_and_valve_faults_from_the_machine() -> None:
    plc = started(bench=False)
    assert plc.main.simulated == 0
    plc.main.encoder_high, plc.main.encoder_low = 0x1234, 0x5678
    plc.main.e_stop_ok = plc.main.air_ok = plc.main.trigger = True
    plc.main.valve_fault_0 = plc.main.valve_fault_17 = plc.main.valve_fault_63 = True
    plc.scan()
    status = plc.status
    assert (status.encoder, status.trigger_encoder, status.trigger_seq) == (0x1234_5678, 0x1234_5678, 1)
    assert status.valve_fault == 1 | 1 << 17 | 1 << 63
    assert status.flags & LineFlags.E_STOP_OK


@settings(deadline=None)  # the first call compiles
@given(bits=st.integers(0, 2**32 - 1))
def test_floats_cross_as_integers_both_ways(bits: int) -> None:
    (value,) = struct.unpack("f", struct.pack("I", bits))
    exponent = bits >> 23 & 0xFF
    read = program().function("SENBETSU_BITS_TO_REAL")(bits=bits)
    assert read == (value if 0 < exponent < 255 else 0.0)
    if abs(read) >= 1e-30:
        assert program().function("SENBETSU_REAL_TO_BITS")(value=read) == bits


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"byte_order": "little"}, "big byte order"),
        ({"at": 100}, "register 100 is not one of %MW"),
        ({"scale": 0.1}, "must be a plain f32"),
        ({"size": 128}, "128 slots"),
        ({"history_at": 2049}, "no %MD"),
    ],
)
def test_a_map_that_openplc_cannot_hold_is_refused(change: dict[str, Any], says: str) -> None:
    tag_map = openplc_tag_map()
    tags, history = tag_map.status.tags, tag_map.history
    assert history is not None
    if "at" in change:
        tags = tags | {"epoch": Tag(at=change["at"], type="u32")}
    if "scale" in change:
        tags = tags | {"belt_speed_mm_s": tags["belt_speed_mm_s"].model_copy(update=change)}
    if "history_at" in change:
        history = history.model_copy(update={"at": change["history_at"]})
    update: dict[str, Any] = {
        "status": tag_map.status.model_copy(update={"tags": tags}),
        "history": history.model_copy(update=change if "size" in change else {}),
        **(change if "byte_order" in change else {}),
    }
    with pytest.raises(Fatal, match="OpenPLC cannot serve this tag map") as refusal:
        program_text(tag_map.model_copy(update=update), Machine(), bench=False)
    assert says in str(refusal.value)


@pytest.mark.parametrize(
    "wrong", [{"valve_count": 65}, {"valve_count": 0}, {"counts_per_mm": 0.0}, {"open_delay_ms": -1.0}]
)
def test_a_machine_that_cannot_be_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(Fatal, match=r"plc_program\.machine"):
        Machine(**wrong)


def test_one_program_is_written_for_another_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from plc_bridge.plc_program import openplc

    output = tmp_path / "mine.st"
    monkeypatch.setattr("sys.argv", ["openplc", "-o", str(output), "--valves", "11", "--counts-per-mm", "2.5"])
    openplc.main()
    assert "valve_count := 11," in output.read_text()
    assert "counts_per_mm := 2.5," in output.read_text()
