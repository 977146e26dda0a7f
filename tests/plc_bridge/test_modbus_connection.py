"""What a Modbus connection does with replies that are late, another's or none: a scripted server answers."""

import asyncio
import struct
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest
from pymodbus.pdu.register_message import ReadHoldingRegistersRequest, WriteMultipleRegistersRequest

from plc_bridge.contract import CommandImage, LineCommand
from plc_bridge.link import LinkState
from plc_bridge.modbus_connection import ModbusConnection, open_serial, open_tcp
from plc_bridge.modbus_link import ModbusLink, ModbusWire
from senbetsu_errors import NeedsOperator, Retryable
from sim.modbus_server import serve_modbus, serve_modbus_rtu
from tests.plc_bridge.contract_body import Bench, until
from tests.plc_bridge.serial_lines import serial_line
from tests.plc_bridge.test_link_faults import fast_config, running
from tests.plc_bridge.test_modbus_transports import MAP, TAGS, Config, fast

Answer = Callable[[bytes, asyncio.StreamWriter], Awaitable[None]]


def reply_to(request: bytes, *values: int, transaction: int = 0, unit: int | None = None, function: int = 3) -> bytes:
    """The reply with these registers; what is given differs from what the request asks for."""
    tid = struct.unpack(">H", request[:2])[0] + transaction
    message = struct.pack(f">BB{len(values)}H", function, 2 * len(values), *values)
    return struct.pack(">HHHB", tid, 0, len(message) + 1, request[6] if unit is None else unit) + message


@dataclass
class Scripted:
    connection: ModbusConnection
    strays: list[str] = field(default_factory=list[str])
    requests: list[bytes] = field(default_factory=list[bytes])

    async def read(self, at: int = 0) -> list[int]:
        reply = await self.connection.ask(ReadHoldingRegistersRequest(dev_id=1, address=at, count=1))
        return list(reply.registers)


@asynccontextmanager
async def scripted(answer: Answer) -> AsyncGenerator[Scripted]:
    """A connection to a server that answers each request as told."""
    requests: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while request := await reader.read(300):
            requests.append(request)
            await answer(request, writer)
        writer.close()

    strays: list[str] = []
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    connection = await open_tcp("127.0.0.1", server.sockets[0].getsockname()[1], strays.append)
    try:
        yield Scripted(connection, strays, requests)
    finally:
        connection.close()
        server.close()
        await server.wait_closed()
        await asyncio.sleep(0.05)


@pytest.mark.parametrize(
    ("foreign", "says"),
    [
        ({"transaction": 7}, "transaction 8, not 1"),
        ({"unit": 9}, "unit 9, not 1"),
        ({"function": 4}, "function 4, not 3"),
    ],
)
def test_a_reply_that_is_anothers_is_dropped_counted_and_the_right_one_taken(
    foreign: dict[str, int], says: str
) -> None:
    async def answer(request: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(reply_to(request, 666, **foreign) + reply_to(request, 42))

    async def run() -> None:
        async with scripted(answer) as server, asyncio.timeout(2):
            assert await server.read() == [42]
            assert len(server.strays) == 1
            assert says in server.strays[0]

    asyncio.run(run())


def test_a_reply_after_its_time_is_dropped_and_never_taken_for_the_next() -> None:
    held: list[bytes] = []

    async def answer(request: bytes, writer: asyncio.StreamWriter) -> None:
        if not held:
            held.append(reply_to(request, 666))
        else:
            writer.write(held[0] + reply_to(request, 42) + reply_to(request, 43))

    async def run() -> None:
        async with scripted(answer) as server:
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.05):
                    await server.read()
            async with asyncio.timeout(2):
                assert await server.read() == [42]
            await asyncio.sleep(0.05)
            assert ["transaction 1, not 2" in s or "given up" in s for s in server.strays] == [True, True]
            assert len(server.requests) == 2, "each request goes out once"

    asyncio.run(run())


def test_a_reply_in_pieces_and_two_in_one_are_put_together() -> None:
    async def answer(request: bytes, writer: asyncio.StreamWriter) -> None:
        for octet in reply_to(request, 42):
            writer.write(bytes([octet]))
            await asyncio.sleep(0.001)

    async def run() -> None:
        async with scripted(answer) as server, asyncio.timeout(2):
            assert await server.read() == [42]
            assert await server.read() == [42]
            assert server.strays == []

    asyncio.run(run())


def test_a_connection_that_breaks_fails_its_request_at_once_and_sends_it_never_again() -> None:
    async def answer(_request: bytes, writer: asyncio.StreamWriter) -> None:
        writer.close()

    async def run() -> None:
        async with scripted(answer) as server:
            write = WriteMultipleRegistersRequest(dev_id=1, address=0, registers=[1])
            async with asyncio.timeout(0.5):
                with pytest.raises(Retryable, match=r"plc\.connection_lost"):
                    await server.connection.ask(write)
                with pytest.raises(Retryable, match=r"plc\.connection_lost"):
                    await server.connection.ask(write)
            assert len(server.requests) == 1

    asyncio.run(run())


@pytest.mark.parametrize("garbage", [b"HTTP/1.1 400 Bad Request\r\n\r\n", b"\0\1\0\0\xff\xff\1\3", b"SSH-2.0-x\r\n"])
def test_a_server_that_answers_something_else_is_named_with_what_it_said(garbage: bytes) -> None:
    async def answer(_request: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(garbage)

    async def run() -> None:
        async with scripted(answer) as server:
            async with asyncio.timeout(0.5):
                with pytest.raises(NeedsOperator, match="does not speak Modbus; it began with") as refusal:
                    await server.read()
            assert garbage[:6].hex(" ") in refusal.value.message
            assert server.strays == ["bytes that are no frame"]

    asyncio.run(run())


def test_requests_wait_for_each_other() -> None:
    under_way = 0

    async def answer(request: bytes, writer: asyncio.StreamWriter) -> None:
        nonlocal under_way
        under_way += 1
        assert under_way == 1
        assert len(request) == 12, "one request, not several in one segment"
        await asyncio.sleep(0.005)
        under_way -= 1
        writer.write(reply_to(request, request[9]))

    async def run() -> None:
        async with scripted(answer) as server, asyncio.timeout(5):
            assert await asyncio.gather(*(server.read(at) for at in range(8))) == [[at] for at in range(8)]

    asyncio.run(run())


def test_on_a_serial_line_a_late_reply_is_let_pass_before_the_next_request() -> None:
    """There is no transaction number there: the late status would be taken for the next one."""

    async def run() -> None:
        bench = Bench()
        async with serial_line() as line, serve_modbus_rtu(bench.plc, fast(line.device), MAP):
            wire = ModbusWire(Config(serial=fast(line.master), tags=TAGS, request_timeout_ms=200))
            await wire.open()
            try:
                line.delay_s = 0.05
                bench.plc.scan(0.0, 1111, 0.0)
                with pytest.raises(TimeoutError):
                    async with asyncio.timeout(0.03):
                        await wire.read_status()
                line.delay_s = 0.0
                bench.plc.scan(0.0, 2222, 0.0)
                async with asyncio.timeout(2):
                    assert (await wire.read_status()).encoder == 2222
                assert wire.stray_replies == 1
            finally:
                await wire.close()

    asyncio.run(run())


def test_a_frame_with_a_wrong_checksum_is_dropped() -> None:
    async def run() -> None:
        strays: list[str] = []
        async with serial_line() as line:
            master = await open_serial(line.master, strays.append, baud=9600, parity="N", stop_bits=1, quiet_s=0.01)
            asked = asyncio.create_task(master.ask(ReadHoldingRegistersRequest(dev_id=1, address=0, count=1)))
            await asyncio.sleep(0.02)
            line.say(bytes.fromhex("01 03 02 00 2a 00 00"))
            await asyncio.sleep(0.02)
            line.say(bytes.fromhex("01 03 02 00 2a 39 9b"))
            async with asyncio.timeout(1):
                assert list((await asked).registers) == [42]
            assert "a frame with a wrong checksum" in strays
            master.close()

    asyncio.run(run())


def test_strays_show_in_the_health_of_the_link() -> None:
    async def run() -> None:
        bench = Bench()

        async def meddle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            """A gateway that answers everything twice."""
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", plc_port)
            while request := await reader.read(300):
                far_writer.write(request)
                reply = await far_reader.read(300)
                writer.write(reply + reply)
            far_writer.close()
            writer.close()

        async with serve_modbus(bench.plc, "127.0.0.1", 0, MAP) as plc_port:
            gateway = await asyncio.start_server(meddle, "127.0.0.1", 0)
            link = ModbusLink(fast_config(gateway.sockets[0].getsockname()[1]))
            async with running(link, bench):
                await until(lambda: link.health.state is LinkState.CONNECTED)
                await until(lambda: link.health.stray_replies > 10)
            gateway.close()
            await gateway.wait_closed()
            await asyncio.sleep(0.05)

    asyncio.run(run())


def test_a_reply_of_another_length_or_to_another_address_is_dropped_and_counted() -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while request := await reader.read(300):
            if request[7] == 3:
                writer.write(reply_to(request, 1, 2))
            else:  # the echo of a write to address 7
                writer.write(request[:4] + b"\0\6" + request[6:8] + b"\0\7" + request[10:12])
        writer.close()

    async def run() -> None:
        server = await asyncio.start_server(answer, "127.0.0.1", 0)
        wire = ModbusWire(fast_config(server.sockets[0].getsockname()[1]))
        await wire.open()
        at_open = wire.stray_replies
        assert at_open == 1, "opening asks once"
        async with asyncio.timeout(2):
            with pytest.raises(Retryable, match=r"plc\.stray_reply.*2 values for 113"):
                await wire.read_status()
            with pytest.raises(Retryable, match=r"plc\.stray_reply.*a write to 7 for one to 200"):
                await wire.write_command(CommandImage(0x1_0001, 1, LineCommand.RUN, 0.0, 0, ()))
        assert wire.stray_replies == at_open + 2
        await wire.close()
        server.close()
        await server.wait_closed()
        await asyncio.sleep(0.05)

    asyncio.run(run())
