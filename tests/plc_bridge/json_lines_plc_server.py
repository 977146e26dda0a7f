"""The PLC's side of examples/plc_backend: a bench's PLC behind JSON lines."""

import asyncio
import json
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import asdict
from typing import Any

from plc_bridge.contract import CommandImage, JetOrder, LineCommand, OrderKind, Receipt
from plc_bridge.virtual_plc import VirtualPlc


def _rows(receipts: list[Receipt]) -> list[tuple[int, int, int]]:
    return [(receipt.seq, receipt.code, receipt.count) for receipt in receipts]


def answer(plc: VirtualPlc, request: dict[str, Any]) -> dict[str, Any]:
    if "status" in request:
        status = plc.status()
        return asdict(status) | {"receipts": _rows(list(status.receipts))}
    if "receipts" in request:
        return {"receipts": _rows(plc.receipt_history(*request["receipts"]))}
    command = request["command"]
    orders = tuple(JetOrder(**order | {"kind": OrderKind(order["kind"])}) for order in command["orders"])
    plc.write_command(
        CommandImage(**command | {"line_command": LineCommand(command["line_command"]), "orders": orders})
    )
    return {}


@asynccontextmanager
async def serve_json_lines(plc: Callable[[], VirtualPlc]) -> AsyncGenerator[int]:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while line := await reader.readline():
                writer.write(json.dumps(answer(plc(), json.loads(line))).encode() + b"\n")
        except ConnectionError:
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        await server.wait_closed()
        await asyncio.sleep(0.05)
