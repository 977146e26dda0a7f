"""The plant driven by a PLC that is not ours: machine in registers, valves and drives from coils."""

import asyncio
from collections.abc import Callable
from typing import Any, cast

from pymodbus.server import ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

from plc_bridge.plc_program.openplc import BENCH_REGISTER, DRIVE_COILS, SPEED_REGISTER
from plc_bridge.virtual_plc import PlcInputs, PlcOutputs
from sim.bench_plc import BenchPlc
from sim.config import BenchPlcConfig


class Device:
    """A Modbus server with coils and registers as the bench program has them."""

    def __init__(self) -> None:
        self.coils = {0, 63, DRIVE_COILS}
        self.written: list[list[int]] = []

    async def on_access(
        self, function: int, start: int, address: int, count: int, registers: list[Any], values: list[Any] | None
    ) -> None:
        if function == 1 and values is None:
            for word in range(len(registers)):
                registers[word] = sum(1 << bit for bit in range(16) if 16 * word + bit in self.coils)
        elif function == 3 and values is None:
            registers[SPEED_REGISTER - start] = 1234
        elif values is not None:
            assert (function, address) == (16, BENCH_REGISTER)
            self.written.append([int(value) for value in values])

    async def __aenter__(self) -> int:
        bits = [SimData(0, count=1024, values=0, datatype=DataType.BITS)]
        registers = [SimData(0, count=2048, values=0, datatype=DataType.REGISTERS)]
        device = SimDevice(id=0, simdata=(bits, bits, registers, registers), action=self.on_access)  # type: ignore[arg-type]
        self._server = ModbusTcpServer(device, address=("127.0.0.1", 0))
        await self._server.serve_forever(background=True)
        self._listening = cast(Any, self._server.transport)
        return self._listening.sockets[0].getsockname()[1]

    async def __aexit__(self, *_: object) -> None:
        await self._server.shutdown()
        await self._listening.wait_closed()


async def until(holds: Callable[[], bool]) -> None:
    """Ask every 5 ms, for 5 s at most."""
    for _ in range(1000):
        if holds():
            return
        await asyncio.sleep(0.005)
    raise AssertionError("it did not come about in 5 s")


def test_machine_goes_out_valves_and_drives_come_back_and_are_off_without_a_connection() -> None:
    async def run() -> None:
        device = Device()
        async with device as port:
            plc = BenchPlc(BenchPlcConfig(port=port))
            assert plc.scan(0.0, 5, 0.0, PlcInputs()) == PlcOutputs(0, False, False, 0.0)
            async with plc.exchanging():
                plc.latch_trigger(0x1234_5678)
                wanted = PlcOutputs(1 | 1 << 63, True, False, 1234.0)
                await until(lambda: plc.scan(0.0, 0x1234_5678, 0.0, PlcInputs(e_stop_ok=False)) == wanted)
                await until(lambda: [1, 0x1234, 0x5678, 0b0010] in device.written)
                assert any(bits & 0b1000 for *_, bits in device.written)
            assert plc.scan(0.0, 5, 0.0, PlcInputs()) == PlcOutputs(0, False, False, 0.0)

    asyncio.run(run())
