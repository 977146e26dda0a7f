"""The SCADA process: snapshots in over the runtime's socket, an OPC UA server out. And its users' passwords."""

import asyncio
import contextlib
import os
import resource
import signal
import sys
from datetime import timedelta
from getpass import getpass
from pathlib import Path

import structlog

from controller.clock import utc_now
from controller.config import load_config
from controller.hmi.feed import SnapshotFeed
from controller.scada import picture_of, scada_line
from controller.snapshot import decode
from senbetsu_errors import Fatal, NeedsOperator
from vision.line_model import line_model

log = structlog.get_logger("scada")

SCADA_NICENESS = 10
"""Clients looking must not take the processor from the line."""

SHOW_EVERY_S = 0.25
"""SCADA polls at a second or slower; the runtime publishes ten pictures a second."""

MEMORY_BYTES = 1024 * 1024 * 1024
"""Over twice what it needs. Past this the process ends and is started again, rather than take the line's memory."""

KILL_ME_FIRST = "800"
"""For the kernel when memory runs out: rather this process than one of the line."""

SHORTEST_PASSWORD = 12


async def run_scada(config_path: Path, socket_path: Path) -> None:
    """Show the line until told to stop. Raises as `ScadaServer` does."""
    from plc_bridge.scada_server import ScadaServer

    _give_way()
    config = load_config(config_path)
    if config.scada is None:
        raise Fatal("scada.none", "This line has no scada section.")
    line = scada_line(config, line_model(config.vision).manifest.labels)
    feed = SnapshotFeed(socket_path)
    async with ScadaServer(config.scada, line, utc_now) as server, asyncio.TaskGroup() as tasks:
        log.info("SCADA", url=f"opc.tcp://{config.scada.host}:{server.port}")
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, feed.close)
        reading = tasks.create_task(feed.run(), name="scada feed")
        shown, picture = 0, None
        while not feed.closed:
            await feed.wait_after(shown, SHOW_EVERY_S)
            age_s = feed.age_s()
            if feed.newest is not None and feed.number > shown and age_s is not None:
                shown = feed.number
                picture = picture_of(decode(feed.newest), utc_now() - timedelta(seconds=age_s), picture)
            await server.show(picture, age_s)
            await asyncio.sleep(SHOW_EVERY_S)
        reading.cancel()


def _give_way() -> None:
    os.nice(SCADA_NICENESS)
    resource.setrlimit(resource.RLIMIT_DATA, (MEMORY_BYTES, MEMORY_BYTES))
    with contextlib.suppress(OSError):  # not every container lets a process say so
        Path("/proc/self/oom_score_adj").write_text(KILL_ME_FIRST)


def scada_password() -> None:
    """Read a password, from the terminal or a line on stdin, and print its hash for `scada.users`."""
    from plc_bridge.scada_access import hash_password

    if sys.stdin.isatty():
        password = getpass("Password: ")
        if getpass("Again: ") != password:
            raise NeedsOperator("scada.password", "The two passwords differ.", "Try again.")
    else:
        password = sys.stdin.readline().rstrip("\r\n")
    if len(password) < SHORTEST_PASSWORD:
        raise NeedsOperator(
            "scada.password",
            f"The password has {len(password)} characters.",
            f"Choose one of at least {SHORTEST_PASSWORD}.",
        )
    print(hash_password(password))  # noqa: T201 - this is the output
