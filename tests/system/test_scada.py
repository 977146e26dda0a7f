"""`senbetsu run` with its SCADA server: real processes, a real client, and the server killed under the line."""

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from asyncua import ua
from asyncua.client.client import Client

from plc_bridge.scada_access import password_matches
from plc_bridge.scada_server import NAMESPACE
from plc_bridge.scada_ua import node_id
from tests.system.lines import Running, demo_on_free_ports, free_ports, running, write

EXECUTE = "PackML.BaseStateMachine.MachineState.ExecuteState.CurrentState"


async def read(port: int, *paths: str) -> dict[str, ua.DataValue]:
    """What a client that connects now reads."""
    client = Client(f"opc.tcp://127.0.0.1:{port}", timeout=10)
    client.session_timeout = 60_000
    async with client:
        namespace = await client.get_namespace_index(NAMESPACE)
        nodes = [client.get_node(node_id(path, namespace)) for path in paths]
        return {p: await n.read_data_value(raise_on_bad_status=False) for p, n in zip(paths, nodes, strict=True)}


def value(answer: ua.DataValue) -> Any:
    return None if answer.Value is None else answer.Value.Value


async def until(
    port: int, holds: Callable[[dict[str, Any]], bool], *paths: str, within_s: float = 60.0
) -> dict[str, Any]:
    """Reads again and again until what is read is as wanted; the server may still be starting."""
    said: dict[str, Any] = {}
    async with asyncio.timeout(within_s):
        while True:
            try:
                said = {path: value(answer) for path, answer in (await read(port, *paths)).items()}
            except (OSError, ua.UaError):
                said = {}
            if said and holds(said):
                return said
            await asyncio.sleep(0.2)


def child_of(line: Running, command: str = "_scada") -> int:
    """The pid of one of the line's processes."""
    children = Path(f"/proc/{line.process.pid}/task/{line.process.pid}/children").read_text().split()
    (pid,) = [int(c) for c in children if command.encode() in Path(f"/proc/{c}/cmdline").read_bytes().split(b"\0")]
    return pid


@pytest.mark.slow
@pytest.mark.alone
@pytest.mark.timeout(240)
def test_scada_follows_the_line_and_the_line_outlives_scada(tmp_path: Path) -> None:
    config = demo_on_free_ports()
    (port,) = free_ports(1)
    config["scada"] = {"port": port, "insecure": True, "anonymous": True}
    seen, fired = "Senbetsu.Parts.Seen", "Senbetsu.Orders.Fired"

    def runs(said: dict[str, Any]) -> bool:
        return said[EXECUTE] is not None and said[EXECUTE].Text == "Execute"

    async def look(line: Running) -> None:
        first = await until(port, lambda s: runs(s) and s[seen] > 5, EXECUTE, seen, fired)
        later = await until(port, lambda s: s[seen] > first[seen] and s[fired] > first[fired], seen, fired)
        assert value((await read(port, "Senbetsu.Simulated"))["Senbetsu.Simulated"]) is True
        killed = child_of(line)
        os.kill(killed, signal.SIGKILL)
        back = await until(port, lambda s: runs(s) and s[seen] > later[seen], EXECUTE, seen, fired)
        assert child_of(line) != killed
        assert back[fired] >= later[fired]
        await old_values_say_so(line)

    async def old_values_say_so(line: Running) -> None:
        """The runtime stands still: its pictures stop, the values must not stay good."""
        line.process.send_signal(signal.SIGSTOP)
        try:
            await asyncio.sleep(2.0)
            answer = (await read(port, seen))[seen]
            assert answer.StatusCode is not None
            assert answer.StatusCode.name == "UncertainLastUsableValue"
            assert value(answer) > 5
        finally:
            line.process.send_signal(signal.SIGCONT)

    with running(tmp_path, "run", str(write(tmp_path, config)), "--json") as line:
        asyncio.run(look(line))
        line.interrupt()
        assert line.end(60) == 0, line.messages
        summary = json.loads(line.out_path.read_text())
    assert line.messages.count("child ended") == 1
    assert "Traceback" not in line.messages
    assert summary["seen"] == sum(summary["outcomes"].values())


@pytest.mark.slow
@pytest.mark.alone
@pytest.mark.timeout(240)
def test_a_killed_hmi_comes_back_while_the_line_runs_on(tmp_path: Path) -> None:
    config = demo_on_free_ports()
    with running(tmp_path, "run", str(write(tmp_path, config))) as line:
        line.wait_for("state=running")
        line.wait_for("url=http")
        os.kill(child_of(line, "_hmi"), signal.SIGKILL)
        line.wait_for("child ended")
        deadline = time.monotonic() + 60
        seen = 0
        while not seen and time.monotonic() < deadline:
            with contextlib.suppress(httpx.HTTPError):
                answer = httpx.get(f"http://127.0.0.1:{config['hmi']['port']}/api/snapshot")
                seen = answer.json().get("seen", 0)
            time.sleep(0.2)
        assert seen > 0
        line.interrupt()
        assert line.end(60) == 0, line.messages


def ask_for_hash(password: str) -> subprocess.CompletedProcess[str]:
    words = [sys.executable, "-m", "controller.cli", "scada-password"]
    return subprocess.run(words, input=f"{password}\n", capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.slow
@pytest.mark.alone
def test_the_password_command_prints_the_hash_of_what_it_reads_and_refuses_a_short_one() -> None:
    done = ask_for_hash("a long enough password")
    assert done.returncode == 0, done.stderr
    assert password_matches("a long enough password", done.stdout.strip())
    assert "a long enough" not in done.stdout + done.stderr
    short = ask_for_hash("admin")
    assert (short.returncode, short.stdout) == (1, "")
    assert "scada.password" in short.stderr
    assert "admin" not in short.stderr
