"""The virtual PLC behind a real Modbus server (pymodbus): TCP, TLS or RTU, for any tag map."""

import ssl
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, cast

from pymodbus.constants import ExcCodes
from pymodbus.server import ModbusSerialServer, ModbusTcpServer, ModbusTlsServer
from pymodbus.simulator import DataType, SimData, SimDevice
from pymodbus.simulator.simutils import SimUtils

from plc_bridge.codec import Codec
from plc_bridge.contract import Receipt
from plc_bridge.modbus_link import Serial
from plc_bridge.requests import BIT_TABLES, Request, Table
from plc_bridge.tagmap import TagMap
from plc_bridge.virtual_plc import VirtualPlc
from senbetsu_errors import NeedsOperator

_TABLES: dict[int, Table] = {
    1: "coil",
    2: "discrete",
    3: "holding",
    4: "input",
    5: "coil",
    6: "holding",
    15: "coil",
    16: "holding",
    23: "holding",
}
_WRITE_MANY = (15, 16, 23)
_Space = tuple[Table, int | None]


@asynccontextmanager
async def serve_modbus(
    plc: VirtualPlc, host: str, port: int, tag_map: TagMap, tls: ssl.SSLContext | None = None
) -> AsyncGenerator[int]:
    """Serve `plc` at `host:port` while the context is open, with TLS where a context is given; yields
    the port, which a `port` of 0 lets the system choose. `_Image` says what it answers.

    Raises `NeedsOperator` `plant.port_in_use`.
    """
    devices = _Image(plc, tag_map).devices()
    address = (host, port)
    server = (
        ModbusTcpServer(devices, address=address)
        if tls is None
        else ModbusTlsServer(devices, address=address, sslctx=tls)
    )
    async with listening(server, "virtual PLC's Modbus server", "plant.servers.modbus") as there:
        yield there


@asynccontextmanager
async def listening(server: ModbusTcpServer, what: str, key: str) -> AsyncGenerator[int]:
    """Serve while the context is open; yields the port. Raises `NeedsOperator` `plant.port_in_use`, which
    names `what` cannot listen and the configuration's `key` to change."""
    host, port = server.comm_params.source_address or ("", 0)
    try:
        await server.serve_forever(background=True)
    except RuntimeError as error:
        raise NeedsOperator(
            "plant.port_in_use",
            f"The {what} cannot listen on {host}:{port}.",
            f"Something else uses the port, or the address is not of this machine: change {key}.",
        ) from error
    transport = cast(Any, server.transport)  # an asyncio.Server, which pymodbus types as a transport
    try:
        yield transport.sockets[0].getsockname()[1]
    finally:
        await server.shutdown()
        await transport.wait_closed()


@asynccontextmanager
async def serve_modbus_rtu(plc: VirtualPlc, line: Serial, tag_map: TagMap) -> AsyncGenerator[None]:
    """Serve `plc` on a serial line while the context is open."""
    server = ModbusSerialServer(
        _Image(plc, tag_map).devices(),
        port=line.device,
        baudrate=line.baud,
        parity=line.parity,
        stopbits=line.stop_bits,
        reconnect_delay=0.0,
    )
    await server.serve_forever(background=True)
    try:
        yield
    finally:
        await server.shutdown()


class _Image:
    """The tables of the device, as a PLC shows them.

    A read shows the status of the last scan, all of it of the same scan, and the receipts' history. One
    write of the whole block with the orders hands it to the PLC at once; tags that the map has elsewhere
    are written on their own. A write to a part of the block, or to the status, is refused with exception
    2, a block that cannot be one with exception 3. Addresses between the tags of a request read as zero;
    all others are refused.
    """

    def __init__(self, plc: VirtualPlc, tag_map: TagMap) -> None:
        self._plc = plc
        self._codec = codec = Codec(tag_map)
        self._slots = range(codec.receipt_history)
        self._history = [codec.history_request(self._slots)] if self._slots else []
        self._command = [[0] * len(request.span) for request in codec.command_requests]
        self._written: set[Request] = set()
        self._cells = {
            request: list(_runs(sorted({word for place in request.places for word in place.span})))
            for request in codec.status_requests
        }
        self._served: dict[_Space, set[int]] = {}
        for request in (*codec.status_requests, *codec.command_requests, *self._history):
            self._served.setdefault((request.table, request.unit), set()).update(request.span)

    def devices(self) -> list[SimDevice]:
        """One device for each unit; unit 0 answers for all others."""
        units = {unit for _, unit in self._served}
        units |= set() if 0 in units else {None}
        return [
            SimDevice(
                id=unit or 0,
                simdata=(
                    self._data("coil", unit),
                    self._data("discrete", unit),
                    self._data("holding", unit),
                    self._data("input", unit),
                ),
                action=partial(self._on_access, unit),
            )
            for unit in units
        ]

    def _data(self, table: Table, unit: int | None) -> list[SimData]:
        served = sorted(self._served.get((table, unit), {0}))
        if table in BIT_TABLES:  # one run: pymodbus's own gaps between runs of bits are read as zero anyway
            run = [False] * (served[-1] - served[0] + 1)
            return [SimData(served[0], values=run, datatype=DataType.BITS)]
        return [SimData(start, count=n, values=0, datatype=DataType.REGISTERS) for start, n in _runs(served)]

    async def _on_access(
        self,
        unit: int | None,
        function: int,
        start: int,
        address: int,
        count: int,
        registers: list[int],
        values: list[int] | list[bool] | None,
    ) -> ExcCodes | None:
        table = _TABLES[function]
        space = (table, unit)
        if values is not None:
            return self._write(space, address, [int(v) for v in values]) if function in _WRITE_MANY else _REFUSED
        if table in BIT_TABLES:  # pymodbus counts registers of sixteen bits here
            asked = range(start * 16, start * 16 + len(registers) * 16)
            if address not in self._served.get(space, ()):
                return _REFUSED
            bits = SimUtils.registersToBits(registers)
            self._show(space, asked, bits, start * 16)
            registers[:] = SimUtils.bitsToRegisters([bool(bit) for bit in bits])
            return None
        if not self._served.get(space):
            return _REFUSED
        self._show(space, range(address, address + count), registers, start)
        return None

    def _show(self, space: _Space, asked: range, cells: list[int] | list[bool], start: int) -> None:
        """Bring the cells of the requests that `asked` meets up to date; `start` is the first cell's address."""
        shown = cast("list[int]", cells)
        status = [(r.table, r.unit) == space and _meet(asked, r.span) for r in self._codec.status_requests]
        if any(status):
            words = self._codec.encode_status(self._plc.status())
            for request, met in zip(self._codec.status_requests, status, strict=True):
                own, words = words[: len(request.span)], words[len(request.span) :]
                for first, count in self._cells[request] if met else ():
                    at = first - request.span.start
                    shown[first - start : first - start + count] = own[at : at + count]
        for request in self._history:
            if (request.table, request.unit) == space and _meet(asked, request.span):
                receipts = newest_receipts(self._plc, len(self._slots))
                words = self._codec.encode_receipts(receipts, self._slots)
                shown[request.span.start - start : request.span.stop - start] = words

    def _write(self, space: _Space, address: int, values: list[int]) -> ExcCodes | None:
        for number, request in enumerate(self._codec.command_requests):
            if (request.table, request.unit) == space and request.span == range(address, address + len(values)):
                return self._take(number, request, values)
        return _REFUSED

    def _take(self, number: int, request: Request, values: list[int]) -> ExcCodes | None:
        before, self._command[number] = self._command[number], values
        try:
            image = self._codec.decode_command([word for words in self._command for word in words])
        except NeedsOperator:
            self._command[number] = before
            return ExcCodes.ILLEGAL_VALUE
        self._written.add(request)
        if self._codec.command_requests[0] in self._written:
            self._plc.write_command(image)
        return None


_REFUSED = ExcCodes.ILLEGAL_ADDRESS


def newest_receipts(plc: VirtualPlc, size: int) -> list[Receipt | None]:
    """The PLC's last `size` receipts, number n in slot n mod `size`; None in slots not yet used."""
    total = plc.status().receipt_total
    count = min(total, size)
    slots: list[Receipt | None] = [None] * size
    for number, receipt in enumerate(plc.receipt_history(total - count, count), total - count):
        slots[number % size] = receipt
    return slots


def _runs(addresses: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Start and length of each run of consecutive addresses."""
    start = 0
    for index, address in enumerate(addresses):
        if index + 1 == len(addresses) or addresses[index + 1] != address + 1:
            yield addresses[start], index + 1 - start
            start = index + 1


def _meet(one: range, other: range) -> bool:
    return max(one.start, other.start) < min(one.stop, other.stop)
