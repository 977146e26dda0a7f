"""The Modbus link against a server that others wrote (pyModbusTCP): the same contract body.

The server only holds registers, as a PLC's Modbus stack does; a pump copies between them and the
virtual PLC once a millisecond, as a PLC's scan does.
"""

import asyncio
import socket
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

import pytest
from pyModbusTCP.server import DataBank, ModbusServer

from plc_bridge.codec import Codec
from plc_bridge.contract import LineStatus
from plc_bridge.link import PlcLink
from plc_bridge.modbus_link import Config as ModbusConfig
from plc_bridge.modbus_link import ModbusLink
from plc_bridge.tagmap import default_tag_map
from plc_bridge.tagmap_file import DEFAULT_ROBOTS, default_tag_map_path
from sim.modbus_server import newest_receipts
from tests.plc_bridge.contract_body import CONTRACT, ROBOT_CONTRACT, Bench, MakeLink, reports_every_order_of_a_salvo

SCAN_S = 0.001


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return probe.getsockname()[1]


@asynccontextmanager
async def pymodbustcp(bench: Bench, robots: int = 0) -> AsyncGenerator[PlcLink]:
    """A link to the bench's PLC through the independent server."""
    codec = Codec(default_tag_map("modbus", robots))
    bank: Any = DataBank()

    def show(status: LineStatus) -> None:
        words = codec.encode_status(status)
        for request in codec.status_requests:
            own, words = words[: len(request.span)], words[len(request.span) :]
            bank.set_holding_registers(request.span.start, own)

    show(bench.plc.status())
    port = _free_port()
    server: Any = ModbusServer("127.0.0.1", port, no_block=True, data_bank=bank)
    server.start()

    async def scan() -> None:
        seen: list[int] = [0] * len(codec.command_span)
        slots = range(codec.receipt_history)
        while True:
            words: list[int] = bank.get_holding_registers(codec.command_span.start, len(codec.command_span))
            if words != seen:
                seen = words
                bench.plc.write_command(codec.decode_command(words))
            history = codec.encode_receipts(newest_receipts(bench.plc, len(slots)), slots)
            bank.set_holding_registers(codec.history_span(slots).start, history)
            show(bench.plc.status())
            await asyncio.sleep(SCAN_S)

    pump = asyncio.create_task(scan(), name="plc scan")
    try:
        yield ModbusLink(
            ModbusConfig(host="127.0.0.1", port=port, tags=default_tag_map_path("modbus", robots=robots > 0))
        )
    finally:
        pump.cancel()
        await asyncio.wait([pump])
        await asyncio.to_thread(server.stop)


@pytest.mark.parametrize("promise", [*CONTRACT, reports_every_order_of_a_salvo], ids=lambda f: f.__name__)
def test_an_independent_modbus_server_keeps_every_promise(
    promise: Callable[[MakeLink], Coroutine[Any, Any, None]],
) -> None:
    asyncio.run(promise(pymodbustcp))


@pytest.mark.parametrize("promise", ROBOT_CONTRACT, ids=lambda f: f.__name__)
def test_an_independent_modbus_server_with_robots_keeps_every_promise(
    promise: Callable[[MakeLink], Coroutine[Any, Any, None]],
) -> None:
    asyncio.run(promise(lambda bench: pymodbustcp(bench, DEFAULT_ROBOTS)))
