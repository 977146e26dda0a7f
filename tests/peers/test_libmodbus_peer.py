"""The Modbus link against a C server that others wrote (libmodbus): the same contract body.

The server only holds registers; a pump copies between them and the virtual PLC once a millisecond,
over a connection of its own, as a PLC's scan does.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from pymodbus.pdu import ModbusPDU
from pymodbus.pdu.register_message import ReadHoldingRegistersRequest, WriteMultipleRegistersRequest

from plc_bridge.codec import Codec
from plc_bridge.contract import LineCommand, LineStatus
from plc_bridge.link import LinkState, PlcLink
from plc_bridge.modbus_connection import ModbusConnection, open_tcp
from plc_bridge.modbus_link import Config, ModbusLink
from plc_bridge.tagmap import default_tag_map
from plc_bridge.tagmap_file import DEFAULT_ROBOTS, default_tag_map_path, to_yaml
from tests.peers.libmodbus import compile_server, libmodbus_server
from tests.plc_bridge.contract_body import (
    CONTRACT,
    ROBOT_CONTRACT,
    Bench,
    MakeLink,
    reports_every_order_of_a_salvo,
    until,
)

SCAN_S = 0.001
TAGS = default_tag_map_path("modbus")
ROBOT_TAGS = default_tag_map_path("modbus", robots=True)
CODEC = Codec(default_tag_map("modbus"))
ROBOT_CODEC = Codec(default_tag_map("modbus", DEFAULT_ROBOTS))


@pytest.fixture(scope="session")
def executable(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return compile_server(tmp_path_factory.mktemp("libmodbus"))


async def ask(device: ModbusConnection, request: ModbusPDU) -> list[int]:
    reply = await device.ask(request)
    assert not reply.isError()
    return list(reply.registers)


async def write(device: ModbusConnection, start: int, words: list[int]) -> None:
    await ask(device, WriteMultipleRegistersRequest(dev_id=1, address=start, registers=words))


async def show(device: ModbusConnection, codec: Codec, status: LineStatus) -> None:
    words = codec.encode_status(status)
    for request in codec.status_requests:
        own, words = words[: len(request.span)], words[len(request.span) :]
        await write(device, request.span.start, own)


async def pump(device: ModbusConnection, bench: Bench, codec: Codec) -> None:
    """What a PLC's runtime does between its program and its Modbus registers."""
    command = codec.command_span
    seen = [0] * len(command)
    written = 0
    while True:
        words = await ask(device, ReadHoldingRegistersRequest(dev_id=1, address=command.start, count=len(command)))
        if words != seen:
            seen = words
            bench.plc.write_command(codec.decode_command(words))
        status = bench.plc.status()
        written = min(written, status.receipt_total)  # the PLC may have restarted
        for number, receipt in enumerate(bench.plc.receipt_history(written, status.receipt_total - written), written):
            slots = range(number % codec.receipt_history, number % codec.receipt_history + 1)
            await write(device, codec.history_span(slots).start, codec.encode_receipts([receipt], slots))
        written = status.receipt_total
        await show(device, codec, status)
        await asyncio.sleep(SCAN_S)


@asynccontextmanager
async def served(executable: Path, bench: Bench, codec: Codec = CODEC) -> AsyncGenerator[int]:
    """The bench's PLC behind the independent server; yields its port."""
    async with libmodbus_server(executable) as port:
        device = await open_tcp("127.0.0.1", port, lambda _: None)
        await show(device, codec, bench.plc.status())
        scan = asyncio.create_task(pump(device, bench, codec), name="plc scan")
        try:
            yield port
        finally:
            scan.cancel()
            await asyncio.wait([scan])
            device.close()


@pytest.mark.parametrize("promise", [*CONTRACT, reports_every_order_of_a_salvo], ids=lambda f: f.__name__)
@pytest.mark.parametrize(
    "read_write", [False, pytest.param(True, marks=pytest.mark.slow)], ids=["FC3 and FC16", "FC23"]
)
def test_libmodbus_keeps_every_promise(
    promise: Callable[[MakeLink], Coroutine[Any, Any, None]], read_write: bool, executable: Path
) -> None:
    @asynccontextmanager
    async def libmodbus(bench: Bench) -> AsyncGenerator[PlcLink]:
        async with served(executable, bench) as port:
            yield ModbusLink(Config(host="127.0.0.1", port=port, tags=TAGS, read_write=read_write))

    asyncio.run(promise(libmodbus))


@pytest.mark.parametrize("promise", ROBOT_CONTRACT, ids=lambda f: f.__name__)
def test_libmodbus_with_robots_keeps_every_promise(
    promise: Callable[[MakeLink], Coroutine[Any, Any, None]], executable: Path
) -> None:
    @asynccontextmanager
    async def libmodbus(bench: Bench) -> AsyncGenerator[PlcLink]:
        async with served(executable, bench, ROBOT_CODEC) as port:
            yield ModbusLink(Config(host="127.0.0.1", port=port, tags=ROBOT_TAGS))

    asyncio.run(promise(libmodbus))


def test_an_address_that_libmodbus_refuses_is_named_and_nothing_is_fired(executable: Path, tmp_path: Path) -> None:
    path = tmp_path / "far.yaml"
    path.write_text(to_yaml(default_tag_map("modbus")).replace("heartbeat: {at: 2,", "heartbeat: {at: 5000,"))

    async def run() -> None:
        bench = Bench()
        async with served(executable, bench) as port:
            link = ModbusLink(Config(host="127.0.0.1", port=port, tags=path))
            await link.connect()
            link.command(LineCommand.RUN, 500.0)
            try:
                await until(lambda: "refuses holding registers 5000 to 5000 being read" in link.health.reason)
                assert "illegal data address" in link.health.reason
                assert link.health.state is LinkState.CONNECTING
                assert bench.outputs.belt_run is False
            finally:
                await link.close()

    asyncio.run(run())


def test_a_plc_that_answers_its_modbus_but_has_no_program_is_not_connected(executable: Path) -> None:
    """All registers zero: no epoch, no heartbeat."""

    async def run() -> None:
        async with libmodbus_server(executable) as port:
            link = ModbusLink(Config(host="127.0.0.1", port=port, tags=TAGS, heartbeat_timeout_ms=200))
            await link.connect()
            try:
                await until(lambda: "heartbeat has not moved" in link.health.reason)
                assert link.health.state is not LinkState.CONNECTED
            finally:
                await link.close()

    asyncio.run(run())
