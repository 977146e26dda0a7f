"""A PLC that nobody simulates, in the place of the virtual one: the bench program in a soft PLC.

The plant gives it the encoder and the inputs in registers and takes valves and drives from its coils,
as the bench form of plc_bridge/plc_program does it. The exchange runs beside the plant's steps, so
the PLC sees the belt, and the plant the valves, some milliseconds late.
"""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import structlog
from pymodbus.client import AsyncModbusTcpClient
from pymodbus.exceptions import ModbusException

from plc_bridge.plc_program.openplc import BENCH_REGISTER, DRIVE_COILS, SPEED_REGISTER
from plc_bridge.virtual_plc import ALL_WELL, PlcInputs, PlcOutputs
from sim.config import BenchPlcConfig

_log = structlog.get_logger("plant")
_CYCLE_S = 0.001
_TIMEOUT_S = 0.5
_TRY_AGAIN_S = 0.2
_SAFE = PlcOutputs(0, False, False, 0.0)
_IN_REGISTERS = 1
"""Tells the bench program that the machine is in the registers that follow."""


class BenchPlc:
    """What the plant needs of its PLC. Without a connection valves are shut and drives off."""

    def __init__(self, config: BenchPlcConfig) -> None:
        self._config = config
        self._encoder = 0
        self._inputs = ALL_WELL
        self._triggered = False
        self._outputs = _SAFE

    def latch_trigger(self, encoder: int) -> None:
        """The camera's exposure output pulsed: the PLC sees it in the next exchange."""
        self._triggered = True

    def scan(self, now_s: float, encoder_raw: int, belt_speed_mm_s: float, inputs: PlcInputs = ALL_WELL) -> PlcOutputs:
        """Note the machine for the next exchange; what the PLC's outputs were at the last one."""
        self._encoder, self._inputs = encoder_raw, inputs
        return self._outputs

    @asynccontextmanager
    async def exchanging(self) -> AsyncGenerator[None]:
        """Exchange with the PLC while the context is open; a lost connection is made anew."""
        async with asyncio.TaskGroup() as tasks:
            exchange = tasks.create_task(self._keep_exchanging(), name="bench PLC")
            try:
                yield
            finally:
                exchange.cancel()

    async def _keep_exchanging(self) -> None:
        lost = False
        while True:
            client = AsyncModbusTcpClient(
                self._config.host, port=self._config.port, timeout=_TIMEOUT_S, retries=0, reconnect_delay=0
            )
            try:
                if await client.connect():
                    await self._exchange(client)
                    return
            except ModbusException as error:
                if not lost:
                    _log.warning("bench PLC lost", reason=str(error))
                lost = True
            finally:
                client.close()
                self._outputs = _SAFE
            await asyncio.sleep(_TRY_AGAIN_S)

    async def _exchange(self, client: AsyncModbusTcpClient) -> None:
        task = asyncio.current_task()
        # pymodbus waits with asyncio.wait_for, which in Python 3.11 swallows a cancellation that arrives
        # together with the answer.
        while task is not None and not task.cancelling():
            inputs, triggered = self._inputs, self._triggered
            bits = inputs.e_stop_ok | inputs.air_ok << 1 | inputs.fire << 2 | triggered << 3
            machine = [_IN_REGISTERS, self._encoder >> 16, self._encoder & 0xFFFF, bits]
            written = await client.write_registers(BENCH_REGISTER, machine)
            coils = await client.read_coils(0, count=DRIVE_COILS + 2)
            speed = await client.read_holding_registers(SPEED_REGISTER, count=1)
            if written.isError() or coils.isError() or speed.isError():
                raise ModbusException("the PLC refuses the bench program's registers or coils")
            if triggered:
                self._triggered = False
            valves = sum(1 << valve for valve, current in enumerate(coils.bits[:DRIVE_COILS]) if current)
            belt_run, feed_run = coils.bits[DRIVE_COILS : DRIVE_COILS + 2]
            self._outputs = PlcOutputs(valves, belt_run, feed_run, float(speed.registers[0]))
            await asyncio.sleep(_CYCLE_S)
