"""The virtual PLC behind an OPC UA server that others wrote (node-opcua, from npm), as a process of its own.

The server only holds arrays, as a PLC's OPC UA stack does; a pump hands the PLC what was written and the
server the PLC's status, once each scan.
"""

import asyncio
import json
import shutil
import socket
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from plc_bridge import pki
from plc_bridge.codec import Codec
from plc_bridge.pki import Identity
from plc_bridge.tagmap import TagMap, default_tag_map
from plc_bridge.virtual_plc import VirtualPlc
from sim.modbus_server import newest_receipts

SCRIPT = Path(__file__).with_name("node_opcua_server.js")
REPOSITORY = SCRIPT.parents[2]
SCAN_S = 0.005
TAG_MAP = default_tag_map("opcua")


def need_node_opcua() -> None:
    """Skip, and say why, where the peer is not installed."""
    if shutil.which("node") is None:
        pytest.skip("node is not installed, so node-opcua cannot run")
    if not (REPOSITORY / "node_modules" / "node-opcua").is_dir():
        pytest.skip("node-opcua is not installed: `npm ci` brings it")


@dataclass(frozen=True)
class Secured:
    """What the server shows and whom it lets in."""

    identity: Identity
    trusted: Sequence[Path]
    users: Mapping[str, str] | None = None
    user_certificates: Sequence[Path] = ()


@dataclass
class NodeServer:
    """A running server; whichever PLC is plugged in is served."""

    port: int
    plc: VirtualPlc
    commands: int = 0
    trouble: list[str] = field(default_factory=list[str])

    @property
    def url(self) -> str:
        return f"opc.tcp://127.0.0.1:{self.port}"


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return probe.getsockname()[1]


@asynccontextmanager
async def node_opcua(
    folder: Path,
    plc: VirtualPlc,
    secured: Secured | None = None,
    port: int | None = None,
    tag_map: TagMap = TAG_MAP,
) -> AsyncGenerator[NodeServer]:
    """Serve `plc` until the context ends. `folder` is the server's own, for its certificates."""
    codec = Codec(tag_map)
    slots = range(codec.receipt_history)
    options: dict[str, Any] = {
        "port": port or free_port(),
        "folder": str(folder),
        "lengths": {
            "status": codec.status_span.stop,
            "command": codec.command_span.stop,
            "history": codec.history_span(slots).stop,
        },
    }
    if secured is not None:
        options |= _files_of(secured, folder)
    process = await asyncio.create_subprocess_exec(
        "node", "--single-threaded", str(SCRIPT), json.dumps(options),
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, cwd=REPOSITORY, limit=1 << 20,
    )  # fmt: skip
    assert process.stdin is not None
    assert process.stdout is not None
    server = NodeServer(options["port"], plc)
    pumps: list[asyncio.Task[None]] = []
    try:
        async with asyncio.timeout(60):
            while "ready" not in (message := await _said(process)):
                server.trouble.append(str(message))

        async def take_commands() -> None:
            while True:
                message = await _said(process)
                if "command" in message:
                    server.commands += 1
                    server.plc.write_command(codec.decode_command(message["command"][codec.command_span.start :]))

        async def show_status() -> None:
            shown: tuple[VirtualPlc, int] | None = None
            while True:
                plc = server.plc
                status = plc.status()
                message: dict[str, Any] = {"status": [0] * codec.status_span.start + codec.encode_status(status)}
                if shown != (plc, status.receipt_total):
                    shown = (plc, status.receipt_total)
                    message["history"] = codec.encode_receipts(newest_receipts(plc, len(slots)), slots)
                assert process.stdin is not None
                process.stdin.write(json.dumps(message).encode() + b"\n")
                await process.stdin.drain()
                await asyncio.sleep(SCAN_S)

        pumps = [asyncio.create_task(take_commands()), asyncio.create_task(show_status())]
        yield server
        for pump in pumps:
            assert not pump.done(), f"the pump ended: {pump}"
    finally:
        for pump in pumps:
            pump.cancel()
        if pumps:
            await asyncio.wait(pumps)
        process.kill()
        await process.wait()
        process.stdin.close()


def _files_of(secured: Secured, folder: Path) -> dict[str, Any]:
    folder.mkdir(exist_ok=True)
    certificate, key = folder / "server.der", folder / "server.key"
    if not certificate.exists():
        pki.write_identity(secured.identity, certificate, key)
    options: dict[str, Any] = {
        "certificate": str(certificate),
        "key": str(key),
        "uri": pki.application_uri(secured.identity.certificate),
        "trusted": [str(path) for path in secured.trusted],
        "userCertificates": [str(path) for path in secured.user_certificates],
    }
    return options if secured.users is None else {**options, "users": dict(secured.users)}


async def _said(process: asyncio.subprocess.Process) -> dict[str, Any]:
    """The next line of JSON; the server's own chatter is passed over."""
    assert process.stdout is not None
    while line := await process.stdout.readline():
        if line.startswith(b"{"):
            return json.loads(line)
    raise AssertionError("node-opcua ended")
