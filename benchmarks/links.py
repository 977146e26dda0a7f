"""Orders and status through the links, beside the bare client library on the same frames in the same run.

Modbus against link_plc.c (libmodbus), OPC UA against the virtual PLC's asyncua server; both fire what a
batch brings before they answer, so the link is what is measured. Bare means: write the command block
with twelve orders (FC16, or one array), read the status block (FC3, or one array), look whether they were taken,
again. It packs each block with one `struct` call, or as a list, and reads one number of the status; the session
codes and decodes all of both by the tag map, makes an object, two futures and a receipt for every order, and its
caller a `Shot`. Both have one batch on the wire at a time, so that there are the same round trips for each.
"""

import asyncio
import gc
import struct
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any, cast

import numpy as np
from asyncua import ua
from asyncua.client.client import Client
from asyncua.ua.attribute_ids import AttributeIds
from pymodbus.client import AsyncModbusTcpClient

from benchmarks.figures import Figure, report
from benchmarks.link_peers import libmodbus_plc, virtual_plc
from plc_bridge.contract import MAILBOX_SIZE, LineCommand
from plc_bridge.link import LinkState, PlcLink, Shot
from plc_bridge.modbus_link import Config as ModbusConfig
from plc_bridge.modbus_link import ModbusLink
from plc_bridge.opcua_link import Config as OpcuaConfig
from plc_bridge.opcua_link import OpcuaLink
from plc_bridge.tagmap_file import default_tag_map_path

ROUNDS = 20
"""Bare client, session and raw socket take turns, for the machine may have other work; the median share counts."""
ROUND_S = 0.5
CYCLES = 50
CYCLE_S = 0.01
IN_FLIGHT = 4
"""Batches that wait at the session, so that it never waits for us."""

STATUS_WORDS, COMMAND_AT, COMMAND_WORDS = 113, 200, 117
STATUS_ELEMENTS, LAST_SEQ_ELEMENT = 66, 7

Exchange = Callable[[int], Awaitable[int]]
"""Writes the batch that begins with this sequence number, reads the status; the last taken."""


def _command(pc_epoch: int, first_seq: int) -> bytes:
    """The command block in registers, orders `first_seq` and eleven more."""
    head = struct.pack(">IHHfIH", pc_epoch, first_seq & 0xFFFF, 1, 500.0, first_seq, MAILBOX_SIZE)
    orders = (struct.pack(">IHHHII", first_seq + n, 1, 3, 3, 100, 200) for n in range(MAILBOX_SIZE))
    return head + b"".join(orders)


def _words(block: bytes) -> list[int]:
    return list(struct.unpack(f">{len(block) // 2}H", block))


async def _orders_per_s(exchange: Exchange, first_seq: int, for_s: float) -> tuple[float, int]:
    loop = asyncio.get_running_loop()
    started_s, seq = loop.time(), first_seq
    while loop.time() - started_s < for_s:
        last = await exchange(seq)
        seq += MAILBOX_SIZE
        assert last == seq - 1, f"the PLC took orders up to {last}, not {seq - 1}"
    return (seq - first_seq) / (loop.time() - started_s), seq


async def _bare_modbus(port: int) -> tuple[Exchange, Callable[[], Awaitable[object]], Callable[[], None], int]:
    client = AsyncModbusTcpClient("127.0.0.1", port=port, retries=0)
    assert await client.connect()
    seen = (await client.read_holding_registers(8, count=2, device_id=1)).registers
    pc_epoch = 1 << 16 | (seen[1] + 1 & 0xFFFF)

    async def exchange(seq: int) -> int:
        await client.write_registers(COMMAND_AT, _words(_command(pc_epoch, seq)), device_id=1)
        status = (await client.read_holding_registers(0, count=STATUS_WORDS, device_id=1)).registers
        return status[12] << 16 | status[13]

    async def read() -> object:
        return await client.read_holding_registers(0, count=STATUS_WORDS, device_id=1)

    return exchange, read, client.close, 1


async def _raw_modbus(port: int) -> tuple[Exchange, Callable[[], None]]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    read = struct.pack(">HHHBBHH", 0, 0, 6, 1, 3, 0, STATUS_WORDS)
    head = struct.pack(">HHHBBHHB", 0, 0, 7 + 2 * COMMAND_WORDS, 1, 16, COMMAND_AT, COMMAND_WORDS, 2 * COMMAND_WORDS)
    writer.write(struct.pack(">HHHBBHH", 0, 0, 6, 1, 3, 8, 2))
    pc_epoch = 1 << 16 | (int.from_bytes((await reader.readexactly(13))[11:13]) + 1 & 0xFFFF)

    async def exchange(seq: int) -> int:
        writer.write(head + _command(pc_epoch, seq))
        await reader.readexactly(12)
        writer.write(read)
        answer = await reader.readexactly(9 + 2 * STATUS_WORDS)
        return int.from_bytes(answer[9 + 24 : 9 + 28])

    return exchange, writer.close


async def _bare_opcua(
    port: int,
) -> tuple[Exchange, Callable[[], Awaitable[object]], Callable[[], Awaitable[None]], int]:
    client = Client(f"opc.tcp://127.0.0.1:{port}", auto_reconnect=False)
    await client.connect()
    status = ua.NodeId.from_string("ns=2;s=Senbetsu.Status")
    command = ua.NodeId.from_string("ns=2;s=Senbetsu.Command")

    async def read() -> list[int]:
        (answer,) = await client.uaclient.read_attributes([status], AttributeIds.Value)
        return cast(Any, answer.Value).Value

    pc_epoch = 1 << 16 | ((await read())[5] + 1 & 0xFFFF)
    speed = struct.unpack(">I", struct.pack(">f", 500.0))[0]

    async def exchange(seq: int) -> int:
        words = [pc_epoch, seq & 0xFFFF, 1, speed, seq, MAILBOX_SIZE]
        for n in range(MAILBOX_SIZE):
            words += (seq + n, 1, 3, 3, 20 * (seq + n), 20 * (seq + n) + 10)
        value = ua.DataValue(ua.Variant(words, ua.VariantType.UInt32))
        await client.uaclient.write_attributes([command], [value])
        return (await read())[LAST_SEQ_ELEMENT]

    return exchange, read, client.disconnect, 1


async def _session_orders_per_s(link: PlcLink, first: int, for_s: float) -> tuple[float, int]:
    """As `_orders_per_s`, through a link, each order with its futures and its receipt."""
    loop = asyncio.get_running_loop()
    started_s, sent, ended = loop.time(), first, 0
    waiting: deque[Any] = deque()
    while loop.time() - started_s < for_s:
        while len(waiting) < IN_FLIGHT:
            # On counts that the instant virtual PLC has not passed; link_plc.c does not look at them.
            shots = [Shot(3, 3, 20 * (sent + n), 20 * (sent + n) + 10) for n in range(1, MAILBOX_SIZE + 1)]
            waiting.append(link.submit(shots)[-1])
            sent += MAILBOX_SIZE
        await waiting.popleft().receipt
        ended += MAILBOX_SIZE
    rate = ended / (loop.time() - started_s)
    while waiting:
        await waiting.popleft().receipt
    return rate, sent


async def _connected(link: PlcLink) -> None:
    await link.connect()
    link.command(LineCommand.RUN, 500.0)
    async for change in link.changes():
        if change.state is LinkState.CONNECTED:
            return


async def _session_cycles(link: PlcLink) -> list[float]:
    """How long each cyclic status took, while commands are written each cycle as well."""
    taken_s: list[float] = []
    async for _ in link.statuses():
        link.beat()
        taken_s.append(link.health.round_trip_s)
        if len(taken_s) == CYCLES:
            break
    return taken_s


async def _bare_cycles(read: Callable[[], Awaitable[object]]) -> list[float]:
    loop = asyncio.get_running_loop()
    taken_s: list[float] = []
    due_s = loop.time()
    for _ in range(CYCLES):
        due_s += CYCLE_S
        await asyncio.sleep(due_s - loop.time())
        asked_s = loop.time()
        await read()
        taken_s.append(loop.time() - asked_s)
    return taken_s


def _percentiles_ms(samples_s: list[float]) -> dict[str, float]:
    p50, p99, p999 = np.percentile(np.asarray(samples_s) * 1000.0, [50, 99, 99.9])
    return {"p50": round(float(p50), 3), "p99": round(float(p99), 3), "p99.9": round(float(p999), 3)}


async def _measure_modbus(port: int) -> tuple[list[Figure], dict[str, Any]]:
    config = ModbusConfig(
        host="127.0.0.1", port=port, tags=default_tag_map_path("modbus"), reconnect_min_ms=10, cycle_ms=CYCLE_S * 1000
    )
    rates: dict[str, list[float]] = {"session": [], "pymodbus": [], "raw": []}
    cycles: dict[str, list[float]] = {"session": [], "pymodbus": []}
    for _ in range(ROUNDS):
        raw, close_raw = await _raw_modbus(port)
        rates["raw"].append((await _orders_per_s(raw, 1, ROUND_S))[0])
        close_raw()
        bare, read, close_bare, _ = await _bare_modbus(port)
        rates["pymodbus"].append((await _orders_per_s(bare, 1, ROUND_S))[0])
        cycles["pymodbus"] += await _bare_cycles(read)
        close_bare()
        link = ModbusLink(config)
        await _connected(link)
        rates["session"].append((await _session_orders_per_s(link, 0, ROUND_S))[0])
        cycles["session"] += await _session_cycles(link)
        await link.close()
    return _figures("Modbus", "pymodbus", rates, cycles, 0.6)


async def _measure_opcua(port: int) -> tuple[list[Figure], dict[str, Any]]:
    config = OpcuaConfig(
        url=f"opc.tcp://127.0.0.1:{port}", tags=default_tag_map_path("opcua"), insecure=True, cycle_ms=CYCLE_S * 1000
    )
    rates: dict[str, list[float]] = {"session": [], "asyncua": []}
    cycles: dict[str, list[float]] = {"session": [], "asyncua": []}
    for _ in range(ROUNDS):
        bare, read, close_bare, seq = await _bare_opcua(port)
        rate, seq = await _orders_per_s(bare, seq, ROUND_S)
        rates["asyncua"].append(rate)
        cycles["asyncua"] += await _bare_cycles(read)
        await close_bare()
        link = OpcuaLink(config)
        await _connected(link)
        rate, _ = await _session_orders_per_s(link, seq, ROUND_S)
        rates["session"].append(rate)
        cycles["session"] += await _session_cycles(link)
        await link.close()
    return _figures("OPC UA", "asyncua", rates, cycles, 0.8)


def _figures(
    name: str, bare: str, rates: dict[str, list[float]], cycles: dict[str, list[float]], share: float
) -> tuple[list[Figure], dict[str, Any]]:
    per_s = {who: float(np.median(values)) for who, values in rates.items()}
    shares = [ours / theirs for ours, theirs in zip(rates["session"], rates[bare], strict=True)]
    status = {who: _percentiles_ms(values) for who, values in cycles.items()}
    ours, theirs = status["session"], status[bare]
    quartiles = [round(float(share), 3) for share in np.percentile(shares, [25, 50, 75])]
    figures = [
        Figure(f"{name} orders through the session", per_s["session"], "1/s"),
        Figure(f"{name} orders, session over {bare}", float(np.median(shares)), "x", at_least=share),
        *(
            Figure(f"{name} orders, session over raw asyncio", per_s["session"] / per_s["raw"], "x")
            for _ in range("raw" in per_s)
        ),
        Figure(f"{name} status cycle p50", ours["p50"], "ms"),
        Figure(f"{name} status cycle p99", ours["p99"], "ms"),
        Figure(f"{name} status cycle p99.9", ours["p99.9"], "ms"),
        Figure(f"{name} status cycle p99 over bare round trip p99", ours["p99"] / theirs["p99"], "x", at_most=1.5),
    ]
    rounded = {who: round(rate) for who, rate in per_s.items()}
    return figures, {"orders_per_s": rounded, "share_quartiles": quartiles, "status_ms": status}


def measure() -> dict[str, Any]:
    """Orders per second and the status cycle, both protocols."""
    gc.collect()
    with libmodbus_plc() as plc:
        modbus, modbus_floor = asyncio.run(_measure_modbus(plc.port))
    with virtual_plc("opcua", instant=True) as plc:
        opcua, opcua_floor = asyncio.run(_measure_opcua(plc.port))
    return report("links", [*modbus, *opcua], {"modbus": modbus_floor, "opcua": opcua_floor})
