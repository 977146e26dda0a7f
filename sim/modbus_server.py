"""The virtual PLC behind a real Modbus TCP server (pymodbus)."""

from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, cast

from pymodbus.constants import ExcCodes
from pymodbus.server import ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

from plc_bridge.codec import Codec
from plc_bridge.contract import Receipt
from plc_bridge.tagmap import TagMap
from senbetsu_errors import NeedsOperator
from sim.virtual_plc import VirtualPlc

_READ, _WRITE_MANY = 3, 16


@asynccontextmanager
async def serve_modbus(plc: VirtualPlc, host: str, port: int, tag_map: TagMap) -> AsyncGenerator[int]:
    """Serve `plc` at `host:port` while the context is open; yields the port, which a `port` of 0
    lets the system choose.

    A read shows the status of the last scan, all of it of the same scan, and the receipts' history.
    FC16 over the whole command block hands it to the PLC at once; a write to only a part of it, or to
    the status, is refused with exception 2, a block that cannot be one with exception 3. Registers
    between the tags of a block read as zero; all others are refused.

    Raises `NeedsOperator` `plant.port_in_use`.
    """
    codec = Codec(tag_map)
    status, command = codec.status_span, codec.command_span
    slots = range(codec.receipt_history)
    history = codec.history_span(slots) if slots else range(0)
    served = sorted({*status, *command, *history})

    async def on_access(
        function: int, start: int, address: int, count: int, registers: list[int], values: list[int] | list[bool] | None
    ) -> ExcCodes | None:
        if function == _READ and values is None:
            asked = range(address, address + count)
            if _meet(asked, status):
                registers[status.start - start : status.stop - start] = codec.encode_status(plc.status())
            if _meet(asked, history):
                receipts = newest_receipts(plc, len(slots))
                registers[history.start - start : history.stop - start] = codec.encode_receipts(receipts, slots)
            return None
        if function != _WRITE_MANY or values is None or (address, count) != (command.start, len(command)):
            return ExcCodes.ILLEGAL_ADDRESS
        try:
            image = codec.decode_command([int(value) for value in values])
        except NeedsOperator:
            return ExcCodes.ILLEGAL_VALUE
        plc.write_command(image)
        return None

    blocks = [SimData(start, count=count, values=0, datatype=DataType.REGISTERS) for start, count in _runs(served)]
    server = ModbusTcpServer(SimDevice(id=0, simdata=blocks, action=on_access), address=(host, port))
    try:
        await server.serve_forever(background=True)
    except RuntimeError as error:
        raise NeedsOperator(
            "plant.port_in_use",
            f"The virtual PLC's Modbus server cannot listen on {host}:{port}.",
            "Something else uses the port, or the address is not of this machine: change plant.servers.modbus.",
        ) from error
    listening = cast(Any, server.transport)  # an asyncio.Server, which pymodbus types as a transport
    try:
        yield listening.sockets[0].getsockname()[1]
    finally:
        await server.shutdown()
        await listening.wait_closed()


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
