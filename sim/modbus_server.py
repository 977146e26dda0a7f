"""The virtual PLC behind a real Modbus TCP server (pymodbus)."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any, cast

from pymodbus.constants import ExcCodes
from pymodbus.server import ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

from plc_bridge.codec import Codec
from plc_bridge.tagmap import TagMap
from plc_bridge.virtual_plc import VirtualPlc
from senbetsu_errors import NeedsOperator

_READ, _WRITE_MANY = 3, 16


@asynccontextmanager
async def serve_modbus(plc: VirtualPlc, host: str, port: int, tag_map: TagMap) -> AsyncGenerator[int]:
    """Serve `plc` at `host:port` while the context is open; yields the port, which a `port` of 0
    lets the system choose.

    A read shows the status of the last scan, all of it of the same scan. FC16 over the whole command
    block hands it to the PLC at once; a write to only a part of it, or to the status, is refused
    with exception 2, a block that cannot be one with exception 3. Registers between and around the
    blocks read as zero within the span that the map covers, and are refused outside.

    Raises `NeedsOperator` `plant.port_in_use`.
    """
    codec = Codec(tag_map)
    status, command = codec.status_span, codec.command_span
    first, last = min(status.start, command.start), max(status.stop, command.stop)

    async def on_access(
        function: int, start: int, address: int, count: int, registers: list[int], values: list[int] | list[bool] | None
    ) -> ExcCodes | None:
        if function == _READ and values is None:
            registers[status.start - start : status.stop - start] = codec.encode_status(plc.status())
            return None
        if function != _WRITE_MANY or values is None or (address, count) != (command.start, len(command)):
            return ExcCodes.ILLEGAL_ADDRESS
        try:
            image = codec.decode_command([int(value) for value in values])
        except NeedsOperator:
            return ExcCodes.ILLEGAL_VALUE
        plc.write_command(image)
        return None

    registers = SimData(first, count=last - first, values=0, datatype=DataType.REGISTERS)
    server = ModbusTcpServer(SimDevice(id=0, simdata=[registers], action=on_access), address=(host, port))
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
