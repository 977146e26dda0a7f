"""Links of each backend to a bench's virtual PLC."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

from plc_bridge.contract import CommandImage, LineStatus, Receipt
from plc_bridge.link import PlcLink
from plc_bridge.memory_link import Config as MemoryConfig
from plc_bridge.memory_link import MemoryLink, MemoryWire
from plc_bridge.modbus_link import Config as ModbusConfig
from plc_bridge.modbus_link import ModbusLink
from plc_bridge.opcua_link import Config as OpcuaConfig
from plc_bridge.opcua_link import OpcuaLink, Security, User
from plc_bridge.tagmap import default_tag_map
from plc_bridge.tagmap_file import DEFAULT_ROBOTS, default_tag_map_path
from plc_bridge.virtual_plc import VirtualPlc
from sim.modbus_server import serve_modbus
from sim.opcua_server import ServerSecurity, serve_opcua
from tests.plc_bridge.certificates import identity, trust_list, write
from tests.plc_bridge.contract_body import Bench, MakeLink


@asynccontextmanager
async def memory(bench: Bench) -> AsyncGenerator[PlcLink]:
    wire = MemoryWire()
    wire.attach(bench.plc.status, bench.plc.write_command, bench.plc.receipt_history)
    yield MemoryLink(MemoryConfig(), wire)


@asynccontextmanager
async def modbus(bench: Bench) -> AsyncGenerator[PlcLink]:
    async with serve_modbus(bench.plc, "127.0.0.1", 0, default_tag_map("modbus")) as port:
        yield ModbusLink(ModbusConfig(host="127.0.0.1", port=port, tags=default_tag_map_path("modbus")))


@asynccontextmanager
async def modbus_with_robots(bench: Bench) -> AsyncGenerator[PlcLink]:
    async with serve_modbus(bench.plc, "127.0.0.1", 0, default_tag_map("modbus", DEFAULT_ROBOTS)) as port:
        yield ModbusLink(ModbusConfig(host="127.0.0.1", port=port, tags=default_tag_map_path("modbus", robots=True)))


class _Socketed(VirtualPlc):
    """A socket that virtual PLCs are plugged into, so that one server serves one after the other."""

    def __init__(self, plc: VirtualPlc) -> None:
        super().__init__()
        self.plc = plc

    def status(self) -> LineStatus:
        return self.plc.status()

    def write_command(self, image: CommandImage) -> None:
        self.plc.write_command(image)

    def receipt_history(self, first: int, count: int) -> list[Receipt]:
        return self.plc.receipt_history(first, count)


@asynccontextmanager
async def opcua_backend(*, robots: bool = False) -> AsyncGenerator[MakeLink]:
    """Links over one OPC UA server: building its address space takes seconds."""
    socket = _Socketed(VirtualPlc())
    tag_map = default_tag_map("opcua", DEFAULT_ROBOTS if robots else 0)
    async with serve_opcua(socket, "127.0.0.1", 0, tag_map) as port:
        url = f"opc.tcp://127.0.0.1:{port}"

        @asynccontextmanager
        async def opcua(bench: Bench) -> AsyncGenerator[PlcLink]:
            socket.plc = bench.plc
            yield OpcuaLink(OpcuaConfig(url=url, tags=default_tag_map_path("opcua", robots=robots), insecure=True))

        yield opcua


@asynccontextmanager
async def secured_opcua_backend(folder: Path) -> AsyncGenerator[MakeLink]:
    """The same, signed and encrypted, with a user."""
    socket = _Socketed(VirtualPlc())
    server, client = identity("server", server=True), identity("client")
    certificate, key = write(folder, "client", client)
    (folder / "password").write_text("right")
    security = ServerSecurity(server, trust_list(folder / "plc", client), {"line": "right"})
    async with serve_opcua(socket, "127.0.0.1", 0, default_tag_map("opcua"), security=security) as port:
        config = OpcuaConfig(
            url=f"opc.tcp://127.0.0.1:{port}",
            tags=default_tag_map_path("opcua"),
            security=Security(certificate=certificate, key=key, trust_list=trust_list(folder / "pc", server).folder),
            user=User(name="line", password_file=folder / "password"),
            connect_timeout_ms=10_000,
        )

        @asynccontextmanager
        async def opcua(bench: Bench) -> AsyncGenerator[PlcLink]:
            socket.plc = bench.plc
            yield OpcuaLink(config)

        yield opcua
