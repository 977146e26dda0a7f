"""The line in the terminal: a picture that redraws itself, or a plain line now and then.

Everything goes to stderr, so that `--json` has stdout for itself. The line's own uptime paces both,
so the view reads no clock and works in virtual time.
"""

import sys
from types import TracebackType
from typing import Self, TextIO

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from controller.snapshot import Snapshot

REDRAW_EVERY_S = 0.25
PLAIN_LINE_EVERY_S = 5.0


class TerminalView:
    """Context manager: `show` each snapshot as it comes, it draws those that are due.

    `stream` is stderr where it is not given. Where it is no terminal, one plain line comes every
    `PLAIN_LINE_EVERY_S` seconds of uptime, and at once when state, reason or alarms change.
    """

    def __init__(self, stream: TextIO | None = None) -> None:
        self._console = Console(file=stream or sys.stderr)
        self._live = Live(console=self._console, auto_refresh=False, transient=False)
        self._next_at_s = 0.0
        self._last: tuple[object, ...] = ()

    def __enter__(self) -> Self:
        if self._console.is_terminal:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.stop()

    def show(self, snapshot: Snapshot) -> None:
        """Draws the snapshot if it is due, or if the line's state is another than before."""
        standing = (snapshot.state, snapshot.reason, tuple(alarm.code for alarm in snapshot.alarms))
        if snapshot.uptime_s < self._next_at_s and standing == self._last:
            return
        self._last = standing
        if self._console.is_terminal:
            self._next_at_s = snapshot.uptime_s + REDRAW_EVERY_S
            self._live.update(picture(snapshot), refresh=True)
        else:
            self._next_at_s = snapshot.uptime_s + PLAIN_LINE_EVERY_S
            self._console.out(plain_line(snapshot), highlight=False)


def plain_line(snapshot: Snapshot) -> str:
    """The line in one line of text."""
    outcomes = ", ".join(f"{count} {name}" for name, count in snapshot.outcomes.items() if count)
    links = ", ".join(f"{name} {link.state}" for name, link in snapshot.links.items())
    fields = [
        f"{_duration(snapshot.uptime_s)} {_title(snapshot)}: {_state(snapshot)}",
        f"{snapshot.parts_per_s:.1f} parts/s",
        f"seen {snapshot.seen} ({outcomes or 'none ended'})",
        f"purity {_shares(snapshot.purity)}",
        f"recovery {_shares(snapshot.recovery)} ({snapshot.basis})",
        f"latency p99 {_milliseconds(snapshot.latency.p99_ms)}",
        f"{links}, camera {snapshot.camera.state}",
        *(f"ALARM {alarm.code}: {alarm.text}" for alarm in snapshot.alarms),
    ]
    return " | ".join(fields)


def picture(snapshot: Snapshot) -> Group:
    """The line as a few rows of a table, for a terminal that can redraw."""
    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim", no_wrap=True)
    table.add_column()
    ended = sum(snapshot.outcomes.values())
    outcomes = ", ".join(f"{name} {count}" for name, count in snapshot.outcomes.items())
    missed = ", ".join(f"{reason} {count}" for reason, count in snapshot.missed_by_reason.items())
    camera, latency = snapshot.camera, snapshot.latency
    rows = [
        ("throughput", f"{snapshot.parts_per_s:.1f} parts/s at {snapshot.speed_mm_s / 1000:.2f} m/s"),
        ("purity", _shares(snapshot.purity)),
        ("recovery", _shares(snapshot.recovery)),
        ("", snapshot.basis),
        ("seen", f"{snapshot.seen} = {outcomes or 'none ended'}, on the belt {snapshot.seen - ended}"),
        ("missed by reason", missed or "none"),
        *((f"{name} link", _link(link.state, link.reason, link.reconnects)) for name, link in snapshot.links.items()),
        (
            "camera",
            f"{camera.state}, frames captured {camera.frames_captured}, processed {camera.frames_processed}, "
            f"dropped {camera.frames_dropped}",
        ),
        ("latency", f"p50 {_milliseconds(latency.p50_ms)}, p99 {_milliseconds(latency.p99_ms)}"),
    ]
    for name, value in rows:
        table.add_row(Text(name), Text(value))
    title = Text(f"{_title(snapshot)}  ", style="bold")
    title.append(_state(snapshot), style="bold red" if snapshot.reason else "bold")
    title.append(f"  {_duration(snapshot.uptime_s)}", style="dim")
    alarms = [
        Text(f"▲ {alarm.code} {alarm.text} ({_duration(alarm.since_s)})", style="red") for alarm in snapshot.alarms
    ]
    return Group(title, *alarms, table)


def _title(snapshot: Snapshot) -> str:
    if not snapshot.simulated:
        return snapshot.line
    return f"{snapshot.line} [SIMULATED: {', '.join(snapshot.simulated_parts) or 'all'}]"


def _state(snapshot: Snapshot) -> str:
    return f"{snapshot.state} ({snapshot.reason})" if snapshot.reason else snapshot.state


def _link(state: str, reason: str, reconnects: int) -> str:
    return f"{state}{f' ({reason})' if reason else ''}, reconnects {reconnects}"


def _shares(shares: dict[str, float | None]) -> str:
    known = (f"{name} {'–' if share is None else f'{100 * share:.1f} %'}" for name, share in shares.items())
    return ", ".join(known) or "–"


def _milliseconds(value: float | None) -> str:
    return "–" if value is None else f"{value:.1f} ms"


def _duration(seconds: float) -> str:
    whole = int(seconds)
    return f"{whole // 3600}:{whole // 60 % 60:02}:{whole % 60:02}"
