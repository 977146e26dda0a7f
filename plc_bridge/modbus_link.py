"""Modbus TCP: FC3 for the status, FC16 for the command, one connection for each.

What pymodbus would do by itself is switched off: it repeats writes (an order could be sent four
times), and reconnects on its own with waits of up to 300 s. The session does both, within bounds.
"""

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from pydantic import Field
from pymodbus.client import AsyncModbusTcpClient
from pymodbus.exceptions import ModbusException
from pymodbus.pdu import ModbusPDU

from plc_bridge.codec import Codec
from plc_bridge.config import PlcConfig
from plc_bridge.contract import CommandImage, LineStatus, Receipt
from plc_bridge.session import PlcSession
from plc_bridge.tagmap import LARGEST_READ_REGISTERS
from plc_bridge.tagmap_file import load_tag_map
from senbetsu_errors import NeedsOperator, Retryable

# The library warns at every attempt to connect; the session logs an outage once.
logging.getLogger("pymodbus").setLevel(logging.CRITICAL)
logging.getLogger("pymodbus.logging").setLevel(logging.CRITICAL)

_EXCEPTION_CODES = {
    1: "illegal function",
    2: "illegal data address",
    3: "illegal data value",
    4: "device failure",
    5: "acknowledge",
    6: "device busy",
    8: "memory parity error",
    10: "gateway path unavailable",
    11: "gateway target did not respond",
}
_HEALING_CODES = frozenset({5, 6, 10, 11})


class Config(PlcConfig, frozen=True):
    """Configuration of the Modbus TCP link."""

    backend: Literal["modbus"] = Field(default="modbus", title="Backend", description="Modbus TCP.")
    host: str = Field(min_length=1, title="Host", description="Name or address of the PLC.")
    port: int = Field(default=502, ge=1, le=65535, title="Port", description="TCP port of the PLC's Modbus server.")
    unit: int = Field(default=1, ge=0, le=255, title="Unit", description="Modbus unit identifier of the PLC.")
    tags: Path = Field(title="Tag map", description="YAML file that says in which register each tag lies.")


class ModbusWire:
    """The two connections of one Modbus link."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._codec = Codec(load_tag_map(config.tags, "modbus"))
        self._reads: AsyncModbusTcpClient | None = None
        self._writes: AsyncModbusTcpClient | None = None

    async def open(self) -> None:
        """Connect both; raises `Retryable` `plc.unreachable`."""
        self._reads = await self._connected("status")
        self._writes = await self._connected("command")

    async def _connected(self, name: str) -> AsyncModbusTcpClient:
        config = self._config
        # The session's own timeouts are the ones that act; the library's must not come first.
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
                f"No Modbus server answers at {config.host}:{config.port}.",
                "Check address, port, cable and firewall.",
            )
        return client

    async def read_status(self) -> LineStatus:
        """FC3 over the whole status block."""
        span = self._codec.status_span
        return self._codec.decode_status(await self.read_registers(span.start, len(span)))

    async def write_command(self, image: CommandImage) -> None:
        """FC16 over the whole command block."""
        client, start = self._open_client(self._writes), self._codec.command_span.start
        words = self._codec.encode_command(image)
        try:
            reply = await client.write_registers(start, words, device_id=self._config.unit)
        except ModbusException as error:
            raise self._lost(error) from error
        self._check(reply, "written", start, len(words))

    @property
    def receipt_history(self) -> int:
        """Slots of the history ring that the tag map has, 0 for none."""
        return self._codec.receipt_history

    async def read_receipts(self, first: int, count: int) -> Sequence[Receipt]:
        """FC3 over the history's slots of the receipts numbered `first` (modulo 2^32) and on, in as
        many requests as that takes."""
        receipts: list[Receipt] = []
        one, two = (len(self._codec.history_span(range(slots))) for slots in (1, 2))
        slots_per_request = (LARGEST_READ_REGISTERS - one) // (two - one) + 1
        while count > len(receipts):
            start = (first + len(receipts)) % self.receipt_history
            wanted = min(count - len(receipts), slots_per_request)
            slots = range(start, min(start + wanted, self.receipt_history))
            span = self._codec.history_span(slots)
            receipts += self._codec.decode_receipts(await self.read_registers(span.start, len(span)), slots)
        return receipts

    async def read_registers(self, start: int, count: int) -> list[int]:
        """FC3 of `count` registers (1 to 125) from address `start`."""
        client = self._open_client(self._reads)
        try:
            reply = await client.read_holding_registers(start, count=count, device_id=self._config.unit)
        except ModbusException as error:
            raise self._lost(error) from error
        self._check(reply, "read", start, count)
        return list(reply.registers)

    async def close(self) -> None:
        """Close both connections."""
        for client in (self._reads, self._writes):
            if client is not None:
                client.close()
        self._reads = self._writes = None

    def _open_client(self, client: AsyncModbusTcpClient | None) -> AsyncModbusTcpClient:
        if client is None or not client.connected:
            raise Retryable(
                "plc.connection_lost",
                f"The Modbus connection to {self._config.host}:{self._config.port} is closed.",
                "It is opened again.",
            )
        return client

    def _lost(self, error: ModbusException) -> Retryable:
        where = f"{self._config.host}:{self._config.port}"
        return Retryable("plc.connection_lost", f"Modbus exchange with {where} failed: {error}", "It is tried again.")

    def _check(self, reply: ModbusPDU, done: str, start: int, count: int) -> None:
        if not reply.isError():
            return
        code = reply.exception_code
        sentence = (
            f"The device at {self._config.host}:{self._config.port}, unit {self._config.unit}, refuses registers "
            f"{start} to {start + count - 1} being {done}: {_EXCEPTION_CODES.get(code, 'unknown')} (exception {code})."
        )
        if code in _HEALING_CODES:
            raise Retryable("plc.device_busy", sentence, "It is tried again.")
        raise NeedsOperator(
            "plc.tag_map", sentence, "Check unit and tag map against the device with `senbetsu plc probe`."
        )


class ModbusLink(PlcSession):
    """`PlcLink` to a Modbus TCP device. Raises `Fatal` `config.tags` for a wrong tag map."""

    Config = Config

    def __init__(self, config: Config) -> None:
        super().__init__(config, ModbusWire(config))
