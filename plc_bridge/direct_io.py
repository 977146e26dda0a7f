"""A plain Modbus TCP remote I/O station: coils, discrete inputs, a counter. Reads and writes have a connection each."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any

from pymodbus.client import AsyncModbusTcpClient
from pymodbus.exceptions import ModbusException
from pymodbus.pdu import ModbusPDU

from plc_bridge.direct_config import Config
from plc_bridge.virtual_plc import PlcInputs, PlcOutputs
from senbetsu_errors import NeedsOperator, Retryable

# The library warns at every attempt to connect; the session logs an outage once.
logging.getLogger("pymodbus").setLevel(logging.CRITICAL)
logging.getLogger("pymodbus.logging").setLevel(logging.CRITICAL)


class RemoteIo:
    """The station of one configuration. Every method may raise `Retryable` (`plc.unreachable`,
    `plc.connection_lost`) or `NeedsOperator` `plc.io_map` for an address that the station refuses."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._where = f"{config.host}:{config.port}"
        self._reads: AsyncModbusTcpClient | None = None
        self._writes: AsyncModbusTcpClient | None = None

    async def open(self) -> None:
        """Connect both."""
        self._reads = await self._connected("inputs")
        self._writes = await self._connected("outputs")

    def close(self) -> None:
        """Close both; never raises."""
        for client in (self._reads, self._writes):
            if client is not None:
                client.close()
        self._reads = self._writes = None

    async def read_encoder(self) -> int:
        """The raw count, 32 bit."""
        encoder = self._config.encoder
        client = self._client(self._reads)
        read = client.read_input_registers if encoder.table == "input" else client.read_holding_registers
        what = f"{encoder.table} registers {encoder.address} and {encoder.address + 1}"
        reply = await self._ask(what, lambda: read(encoder.address, count=2, device_id=self._config.unit))
        first, second = reply.registers[:2]
        return first << 16 | second if encoder.word_order == "big" else second << 16 | first

    async def read_inputs(self) -> PlcInputs:
        """The machine's contacts."""
        inputs, span, client = self._config.inputs, self._config.inputs.span, self._client(self._reads)
        reply = await self._ask(
            f"discrete inputs {span.start} to {span.stop - 1}",
            lambda: client.read_discrete_inputs(span.start, count=len(span), device_id=self._config.unit),
        )
        return PlcInputs(
            e_stop_ok=reply.bits[inputs.e_stop_ok - span.start],
            air_ok=reply.bits[inputs.air_ok - span.start],
            fire=not reply.bits[inputs.no_fire - span.start],
        )

    async def outputs_are_off(self) -> bool:
        """Whether every output of ours is off now, whoever switched it."""
        outputs, client = self._config.outputs, self._client(self._writes)
        spans = (
            outputs.valves,
            range(outputs.belt_run, outputs.belt_run + 1),
            range(outputs.feed_run, outputs.feed_run + 1),
        )
        for span in spans:
            reply = await self._ask(
                f"coils {span.start} to {span.stop - 1}",
                lambda span=span: client.read_coils(span.start, count=len(span), device_id=self._config.unit),
            )
            if any(reply.bits[: len(span)]):
                return False
        return True

    async def write_valves(self, mask: int) -> None:
        """Switch all valves at once: bit n of `mask` is valve n."""
        valves, client = self._config.outputs.valves, self._client(self._writes)
        bits = [bool(mask >> n & 1) for n in range(len(valves))]
        await self._ask(
            f"coils {valves.start} to {valves.stop - 1}",
            lambda: client.write_coils(valves.start, bits, device_id=self._config.unit),
        )

    async def write_drives(self, outputs: PlcOutputs) -> None:
        """Let belt and feed run, or not."""
        places, client = self._config.outputs, self._client(self._writes)
        for coil, on in ((places.feed_run, outputs.feed_run), (places.belt_run, outputs.belt_run)):
            await self._ask(
                f"coil {coil}", lambda coil=coil, on=on: client.write_coil(coil, on, device_id=self._config.unit)
            )

    async def _connected(self, name: str) -> AsyncModbusTcpClient:
        config = self._config
        # Our own timeouts are the ones that act; and a write is never repeated behind our back.
        timeout_s = 2 * max(config.connect_timeout_ms, config.request_timeout_ms) / 1000
        client = AsyncModbusTcpClient(
            config.host, port=config.port, name=name, timeout=timeout_s, retries=0, reconnect_delay=0
        )
        try:
            connected = await client.connect()
        except BaseException:
            client.close()
            raise
        if not connected:
            raise Retryable(
                "plc.unreachable",
                f"No remote I/O station answers at {self._where}.",
                "Check address, port, cable and firewall.",
            )
        return client

    def _client(self, client: AsyncModbusTcpClient | None) -> AsyncModbusTcpClient:
        if client is None or not client.connected:
            raise Retryable("plc.connection_lost", f"The connection to {self._where} is closed.", "It is opened again.")
        return client

    async def _ask(self, what: str, request: Callable[[], Awaitable[ModbusPDU]]) -> Any:
        task = asyncio.current_task()
        cancelled_before = task.cancelling() if task else 0
        try:
            async with asyncio.timeout(self._config.request_timeout_ms / 1000):
                reply = await request()
        except TimeoutError as error:
            raise Retryable(
                "plc.connection_lost",
                f"The station at {self._where} did not answer within {self._config.request_timeout_ms:g} ms ({what}).",
                "It is tried again.",
            ) from error
        except ModbusException as error:
            raise Retryable(
                "plc.connection_lost", f"The exchange with {self._where} failed ({what}): {error}", "It is tried again."
            ) from error
        if task and task.cancelling() > cancelled_before:
            # The library's wait_for swallows, in Python 3.11, a cancellation that comes together with the answer.
            raise asyncio.CancelledError
        if reply.isError():
            raise NeedsOperator(
                "plc.io_map",
                f"The station at {self._where}, unit {self._config.unit}, refuses {what}: exception "
                f"{reply.exception_code}.",
                "Check unit and addresses of plc.encoder, plc.inputs and plc.outputs against its manual.",
            )
        return reply
