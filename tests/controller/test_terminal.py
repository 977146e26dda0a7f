import io
from dataclasses import replace

from rich.console import Console

from controller.snapshot import AlarmView, CameraView, LatencyView, LinkView, Snapshot
from controller.terminal import TerminalView, picture

LINE = Snapshot(
    line="demo",
    simulated=True,
    simulated_parts=("camera", "PLC"),
    state="running",
    reason="",
    uptime_s=3661.0,
    speed_mm_s=1000.0,
    encoder=10_000,
    counts_per_mm=10.0,
    belt_width_mm=800.0,
    view_along_mm=320.0,
    bar_distance_mm=900.0,
    lane_count=64,
    lane_pitch_mm=12.5,
    first_lane_mm=0.0,
    seen=10,
    outcomes={"ejected": 5, "passed": 3, "missed": 1, "unknown": 0},
    missed_by_reason={"late": 1},
    parts_per_s=9.5,
    purity={"valuables": 0.972, "residue": None},
    recovery={"pcb": 0.95},
    basis="plant truth (simulated)",
    links={"plc": LinkView("connected", "", 2)},
    camera=CameraView("ok", 100, 99, 1),
    latency=LatencyView(20.0, 41.5),
)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def lines_shown(*snapshots: Snapshot) -> list[str]:
    stream = io.StringIO()
    with TerminalView(stream) as view:
        for snapshot in snapshots:
            view.show(snapshot)
    return stream.getvalue().splitlines()


def test_a_pipe_gets_one_line_that_says_all_with_the_basis_and_the_simulation() -> None:
    (line,) = lines_shown(LINE)
    for part in (
        "1:01:01 demo [SIMULATED: camera, PLC]: running",
        "9.5 parts/s",
        "seen 10 (5 ejected, 3 passed, 1 missed)",
        "purity valuables 97.2 %, residue –",
        "recovery pcb 95.0 % (plant truth (simulated))",
        "latency p99 41.5 ms",
        "plc connected, camera ok",
    ):
        assert part in line
    assert "\x1b" not in line


def test_a_pipe_gets_a_line_every_five_seconds_of_uptime() -> None:
    assert len(lines_shown(*(replace(LINE, uptime_s=tenth / 10) for tenth in range(101)))) == 3


def test_a_change_of_state_or_an_alarm_is_said_at_once() -> None:
    alarm = AlarmView("line.waiting_for_plc", "The PLC is gone.", 0.0)
    waiting = replace(LINE, uptime_s=3661.1, state="waiting for PLC", reason="The PLC is gone.", alarms=(alarm,))
    lines = lines_shown(LINE, waiting, replace(waiting, uptime_s=3661.2))
    assert len(lines) == 2
    assert "waiting for PLC (The PLC is gone.)" in lines[1]
    assert "ALARM line.waiting_for_plc: The PLC is gone." in lines[1]


def test_a_terminal_gets_a_picture_whose_outcomes_add_up_to_seen() -> None:
    console = Console(file=io.StringIO(), width=120, record=True)
    console.print(picture(LINE))
    text = console.export_text()
    assert "seen              10 = ejected 5, passed 3, missed 1, unknown 0, on the belt 1" in text
    assert "missed by reason  late 1" in text


def test_a_line_name_in_brackets_is_text_and_not_markup() -> None:
    console = Console(file=io.StringIO(), width=120, record=True)
    console.print(picture(replace(LINE, line="[red]demo[/red]")))
    assert "[red]demo[/red]" in console.export_text()


def test_a_terminal_is_redrawn_and_left_in_order() -> None:
    stream = Terminal()
    with TerminalView(stream) as view:
        view.show(LINE)
        view.show(replace(LINE, uptime_s=3661.1))
        drawn_once = stream.getvalue()
        view.show(replace(LINE, uptime_s=3661.5, seen=11))
    assert "11 = ejected" not in drawn_once
    assert "11 = ejected" in stream.getvalue()
