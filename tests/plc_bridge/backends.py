"""Links of each backend to a bench's virtual PLC."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from plc_bridge.link import PlcLink
from plc_bridge.memory_link import Config as MemoryConfig
from plc_bridge.memory_link import MemoryLink, MemoryWire
from plc_bridge.modbus_link import Config as ModbusConfig
from plc_bridge.modbus_link import ModbusLink
from plc_bridge.opcua_link import Config as OpcuaConfig
from plc_bridge.opcua_link import OpcuaLink
from plc_bridge.tagmap import default_tag_map
from plc_bridge.tagmap_file import default_tag_map_path
from sim.modbus_server import serve_modbus
from sim.opcua_server import serve_opcua
from tests.plc_bridge.contract_body import Bench


@asynccontextmanager
async def memory(bench: Bench) -> AsyncGenerator[PlcLink]:
    wire = MemoryWire()
    wire.attach(bench.plc.status, bench.plc.write_command)
    yield MemoryLink(MemoryConfig(), wire)


@asynccontextmanager
async def modbus(bench: Bench) -> AsyncGenerator[PlcLink]:
    async with serve_modbus(bench.plc, "127.0.0.1", 0, default_tag_map("modbus")) as port:
        yield ModbusLink(ModbusConfig(host="127.0.0.1", port=port, tags=default_tag_map_path("modbus")))


@asynccontextmanager
async def opcua(bench: Bench) -> AsyncGenerator[PlcLink]:
    async with serve_opcua(bench.plc, "127.0.0.1", 0, default_tag_map("opcua")) as port:
        url = f"opc.tcp://127.0.0.1:{port}"
        yield OpcuaLink(OpcuaConfig(url=url, tags=default_tag_map_path("opcua"), insecure=True))
