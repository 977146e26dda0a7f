"""Golden traces: what goes into a PLC scan by scan, and what it does, as data in golden/*.json.

A trace's `inputs` are written by hand: each holds from the scan `at` on. `expect` is what the virtual
PLC did when the trace was last recorded and read through: status tags, valves and drives from the
scan where they changed, receipts in the scan that wrote them. `python -m tests.plc_bridge.golden`
records all traces anew; look at the difference before you commit it.

Inputs: `encoder` (from where), `encoder_per_scan`, `belt_speed_mm_s`, `e_stop_ok`, `air_ok`, `fire`,
`trigger`, `robots` (a list for each robot: ready, automatic, fault, ack, done, result), `command` (the command
block), `beat_every` (scans from one PC heartbeat to the next, 0 for none) and `epoch` (the PLC starts again with
that epoch).
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from plc_bridge.contract import RobotStatus
from plc_bridge.robot_jobs import RobotInputs, RobotOutputs
from tests.plc_bridge.plc_devices import Device, ScanInputs, ScanOutputs, Settings, Virtual, beating, command_image

FOLDER = Path(__file__).parent / "golden"
WRAP = 0x1_0000_0000
_WIRED = ("belt_speed_mm_s", "e_stop_ok", "air_ok", "fire", "trigger")


def traces() -> list[Path]:
    """All traces."""
    return sorted(FOLDER.glob("*.json"))


def played(trace: dict[str, Any], make: Callable[[Settings], Device]) -> Iterator[ScanOutputs]:
    """Every scan of a trace on a device."""
    settings = Settings(**trace["settings"])
    scan_us = round(trace["scan_ms"] * 1000)
    changes = {change["at"]: change for change in trace["inputs"]}
    device, inputs, per_scan, beat_every, beats = make(settings), ScanInputs(), 0, 0, 0
    robots: tuple[RobotInputs, ...] = ()
    for number in range(trace["scans"]):
        change = changes.get(number, {})
        if "epoch" in change:
            device = make(replace(settings, epoch=change["epoch"]))
        per_scan = change.get("encoder_per_scan", per_scan)
        beat_every = change.get("beat_every", beat_every)
        encoder = change.get("encoder", (inputs.encoder + per_scan) % WRAP)
        wired = {name: change.get(name, getattr(inputs, name)) for name in _WIRED}
        if beat_every and number % beat_every == 0:
            beats += 1
        if "robots" in change:
            robots = tuple(RobotInputs(*signals) for signals in change["robots"])
        command = command_image(change["command"]) if "command" in change else inputs.command
        inputs = ScanInputs(encoder=encoder, command=command, robots=robots, **wired)
        shown = replace(inputs, command=beating(command, beats)) if command else inputs
        yield device.scan(number * scan_us, shown)


def changes_of(outputs: Iterator[ScanOutputs]) -> list[dict[str, Any]]:
    """Scans as a trace expects them: what differs from the scan before; the heartbeat counts scans."""
    rows: list[dict[str, Any]] = []
    before: dict[str, Any] = {}
    for number, output in enumerate(outputs):
        now: dict[str, Any] = {
            **{name: value for name, value in output.status.items() if name != "heartbeat"},
            "valves": [valve for valve in range(64) if output.valves >> valve & 1],
            "belt_run": output.belt_run,
            "feed_run": output.feed_run,
            "speed_mm_s": output.speed_mm_s,
            **{f"robot_{number}": _robot(*robot) for number, robot in enumerate(output.robots)},
        }
        row = {name: value for name, value in now.items() if before.get(name) != value or not before}
        if output.receipts:
            row["receipts"] = [[receipt.seq, receipt.code.name, receipt.count] for receipt in output.receipts]
        if row:
            rows.append({"at": number, **row})
        before = now
    return rows


def _robot(told: RobotOutputs, shown: RobotStatus) -> dict[str, Any]:
    """What a robot is told and how it is shown, as a trace expects it."""
    return {**asdict(told), **asdict(shown)}


def as_text(trace: dict[str, Any]) -> str:
    """A trace as its file reads: one line for each change."""
    lines = [f"  {json.dumps(key)}: {json.dumps(trace[key])}," for key in ("about", "settings", "scan_ms", "scans")]
    for key in ("inputs", "expect"):
        rows = ",\n".join(f"    {json.dumps(row)}" for row in trace[key])
        lines.append(f"  {json.dumps(key)}: [\n{rows}\n  ]{',' if key == 'inputs' else ''}")
    return "{\n" + "\n".join(lines) + "\n}\n"


def record() -> None:
    """Write into every trace what the virtual PLC does with it."""
    for path in traces():
        trace = json.loads(path.read_text(encoding="utf-8"))
        trace["expect"] = changes_of(played(trace, Virtual))
        path.write_text(as_text(trace), encoding="utf-8")


if __name__ == "__main__":
    record()
