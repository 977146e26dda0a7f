"""Modbus: FC3 for the status, FC16 for the command, one connection for each; over TCP, TLS or serial.

On a serial line there is one bus, so one connection, and the requests wait for each other. FC23 is
used only where the configuration says that the device has it: many refuse it or do it wrongly.
"""

import asyncio
import contextlib
import logging
import ssl
from collections.abc import Sequence
from dataclasses import replace
from math import ceil
from pathlib import Path
from typing import Literal, Self, cast

from pydantic import BaseModel, Field, model_validator
from pymodbus.pdu import ModbusPDU
from pymodbus.pdu.bit_message import ReadCoilsRequest, ReadDiscreteInputsRequest, WriteMultipleCoilsRequest
from pymodbus.pdu.register_message import (
    ReadHoldingRegistersRequest,
    ReadInputRegistersRequest,
    ReadWriteMultipleRegistersRequest,
)

from plc_bridge.codec import Codec
from plc_bridge.config import PlcConfig
from plc_bridge.contract import CommandImage, LineStatus, Receipt
from plc_bridge.link import LinkHealth, Pick
from plc_bridge.modbus_connection import ModbusConnection, open_serial, open_tcp
from plc_bridge.modbus_messages import WriteRegisters
from plc_bridge.requests import BIT_TABLES, LARGEST_EXCHANGE_WRITE_REGISTERS, Request, Table
from plc_bridge.session import PlcSession
from plc_bridge.tagmap import TagMap
from plc_bridge.tagmap_file import load_tag_map
from senbetsu_errors import Fatal, NeedsOperator, Retryable

# What a device sends that is no message is counted and reported by us.
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
_TABLE_NAMES: dict[Table, str] = {
    "holding": "holding registers",
    "input": "input registers",
    "coil": "coils",
    "discrete": "discrete inputs",
}
_READS: dict[Table, type[ModbusPDU]] = {
    "holding": ReadHoldingRegistersRequest,
    "input": ReadInputRegistersRequest,
    "coil": ReadCoilsRequest,
    "discrete": ReadDiscreteInputsRequest,
}
_TCP_PORT, _TLS_PORT = 502, 802


class Tls(BaseModel, frozen=True, extra="forbid"):
    """Modbus/TCP Security: who the device is, and who we are to it. TLS 1.2 or newer."""

    ca_file: Path = Field(
        title="CA file",
        description="PEM file of the authority that signed the device's certificate, or that certificate.",
    )
    certificate: Path | None = Field(
        default=None, title="Certificate", description="Our certificate, PEM, where the device asks for one."
    )
    key: Path | None = Field(default=None, title="Key", description="Our private key, PEM, not encrypted.")
    server_name: str | None = Field(
        default=None,
        min_length=1,
        title="Server name",
        description="Name or address in the device's certificate, where it is not plc.host.",
    )

    @model_validator(mode="after")
    def _pair(self) -> Self:
        if (self.certificate is None) != (self.key is None):
            raise ValueError("certificate and key belong together; give both or neither")
        return self

    def context(self) -> ssl.SSLContext:
        """Read the files. Raises `NeedsOperator` `plc.tls`."""
        what = f"ca_file {self.ca_file}"
        try:
            context = ssl.create_default_context(cafile=self.ca_file)
            context.minimum_version = ssl.TLSVersion.TLSv1_2
            if self.certificate is not None and self.key is not None:
                what = f"certificate {self.certificate} with key {self.key}"
                # An empty password, so that an encrypted key is an error and not a question on the terminal.
                context.load_cert_chain(self.certificate, self.key, password="")
        except (OSError, ValueError) as error:
            raise NeedsOperator(
                "plc.tls", f"The {what} cannot be used: {error}.", "Check the PEM files that plc.tls names."
            ) from error
        return context


class Serial(BaseModel, frozen=True, extra="forbid"):
    """A serial line, in RTU with eight data bits."""

    device: str = Field(min_length=1, title="Device", description="The port, for example /dev/ttyUSB0 or COM3.")
    baud: int = Field(default=115_200, ge=1200, le=10_000_000, title="Baud", description="Bits a second.")
    parity: Literal["E", "O", "N"] = Field(default="E", title="Parity", description="Even, odd or none.")
    stop_bits: Literal[1, 2] = Field(default=1, title="Stop bits", description="Stop bits of each byte.")

    def exchange_s(self, sent_bytes: int, received_bytes: int) -> float:
        """How long a request and its reply are on the line, with the silence of 3.5 bytes after each."""
        bits = 1 + 8 + (self.parity != "N") + self.stop_bits
        return (sent_bytes + received_bytes + 7) * bits / self.baud


class Config(PlcConfig, frozen=True):
    """Configuration of the Modbus link: `host` for TCP, with `tls` for TLS, or `serial` for RTU."""

    backend: Literal["modbus"] = Field(default="modbus", title="Backend", description="Modbus TCP, TLS or RTU.")
    host: str | None = Field(
        default=None, min_length=1, title="Host", description="TCP and TLS: name or address of the PLC."
    )
    port: int = Field(
        default=_TCP_PORT, ge=1, le=65535, title="Port", description="TCP port of the PLC; 802 where left out with tls."
    )
    tls: Tls | None = Field(default=None, title="TLS", description="Encrypted, with the device's certificate verified.")
    serial: Serial | None = Field(default=None, title="Serial", description="RTU over a serial line instead of TCP.")
    unit: int = Field(default=1, ge=0, le=255, title="Unit", description="Modbus unit identifier of the PLC.")
    read_write: bool = Field(
        default=False,
        title="Read and write at once",
        description="The device has function 23 and writes before it reads: status and command then share a request.",
    )
    tags: Path = Field(title="Tag map", description="YAML file that says in which register each tag lies.")

    @model_validator(mode="before")
    @classmethod
    def _port_of_tls(cls, data: object) -> object:
        if isinstance(data, dict):
            given = cast("dict[str, object]", data)
            return {"port": _TLS_PORT, **given} if given.get("tls") is not None else given
        return data

    @model_validator(mode="after")
    def _one_way_there(self) -> Self:
        if (self.host is None) == (self.serial is None):
            raise ValueError("exactly one of host (TCP, TLS) and serial (RTU) must be given")
        if self.serial is not None and self.tls is not None:
            raise ValueError("tls is for TCP; a serial line has none")
        return self

    @property
    def target(self) -> str:
        """The device as messages name it."""
        return self.serial.device if self.serial is not None else f"{self.host}:{self.port}"


class ModbusWire:
    """The connections of one Modbus link. Raises `Fatal` `config.tags` for a wrong tag map, `config.plc`
    for a configuration that the map rules out."""

    def __init__(self, config: Config) -> None:
        self._config = config
        tag_map = load_tag_map(config.tags, "modbus")
        self._codec = Codec(tag_map)
        self.receipt_history = self._codec.receipt_history
        """Slots of the history ring that the tag map has, 0 for none."""
        self.mailbox_size = self._codec.mailbox_size
        self._registers_per_read = tag_map.registers_per_read
        self._check_exchange(tag_map)
        self._check_line_speed()
        self._reads: ModbusConnection | None = None
        self._writes: ModbusConnection | None = None
        self._next_exchange: asyncio.Future[LineStatus] | None = None
        self._batch_under_way = False
        self._last_batch = 0
        self.stray_replies = 0
        """Replies that answered no request under way, since the wire was made; they were dropped."""

    def check_pick(self, pick: Pick) -> None:
        """Raise where the tag map cannot carry this pick, as `Wire` says."""
        self._codec.check_pick(pick)

    async def open(self) -> None:
        """Connect; raises `Retryable` `plc.unreachable`, `NeedsOperator` `plc.tls`."""
        self._reads = await self._connected()
        if self._config.serial is not None:
            self._writes = self._reads
            return
        # The second connection waits for the first answer on the first: OpenPLC v3 serves only one of two
        # that arrive together. A refusal is an answer too, and so is a wrong one; what to make of it, or of
        # none, is the session's business.
        with contextlib.suppress(TimeoutError, NeedsOperator, Retryable):
            async with asyncio.timeout(self._config.request_timeout_ms / 1000):
                await self.read(self._codec.status_requests[0])
        self._writes = await self._connected()

    async def _connected(self) -> ModbusConnection:
        config = self._config
        if config.serial is not None:
            return await open_serial(
                config.serial.device,
                self._note_stray,
                baud=config.serial.baud,
                parity=config.serial.parity,
                stop_bits=config.serial.stop_bits,
                quiet_s=config.request_timeout_ms / 2000,
            )
        context = None if config.tls is None else await asyncio.to_thread(config.tls.context)
        name = None if config.tls is None else config.tls.server_name
        return await open_tcp(cast(str, config.host), config.port, self._note_stray, context, name)

    def _note_stray(self, _what: str) -> None:
        self.stray_replies += 1

    async def read_status(self) -> LineStatus:
        """The status, in as many reads as the tag map needs; the default map needs one."""
        if self._next_exchange is None and self._config.read_write and not self._batch_under_way:
            status = await self._from_exchange()
            if status is not None:
                return status
        words: list[int] = []
        for request in self._codec.status_requests:
            words += await self.read(request)
        return self._learned(words)

    async def _from_exchange(self) -> LineStatus | None:
        """The status that the next FC23 brings along, None if there is none about the time it should come."""
        self._next_exchange = asyncio.get_running_loop().create_future()
        try:
            async with asyncio.timeout(1.5 * self._config.cycle_ms / 1000):
                return await self._next_exchange
        except TimeoutError:
            return None
        finally:
            self._next_exchange = None

    def _learned(self, words: list[int]) -> LineStatus:
        status = self._codec.decode_status(words, asyncio.get_running_loop().time())
        if self._batch_under_way and status.batch_seen == self._last_batch:
            self._batch_under_way = False
        return status

    async def write_command(self, image: CommandImage) -> None:
        """The command block in one write; tags that the map has elsewhere follow in their own."""
        words = self._codec.encode_command(image)
        self._last_batch = image.batch
        self._batch_under_way = bool(image.orders)
        for request in self._codec.command_requests:
            own, words = words[: len(request.span)], words[len(request.span) :]
            if self._config.read_write and request is self._codec.command_requests[0]:
                status = self._learned(await self._exchange(request, own))
                if self._next_exchange is not None and not self._next_exchange.done():
                    self._next_exchange.set_result(status)
            else:
                await self._write(request, own)

    async def read_receipts(self, first: int, count: int) -> Sequence[Receipt]:
        """The receipts numbered `first` (modulo 2^32) and on, from the history, in as many reads as
        that takes; slots never written are left out."""
        receipts: list[Receipt] = []
        one, two = (len(self._codec.history_span(range(slots))) for slots in (1, 2))
        slots_per_request = (self._registers_per_read - one) // (two - one) + 1
        done = 0
        while done < count:
            start = (first + done) % self.receipt_history
            slots = range(start, min(start + min(count - done, slots_per_request), self.receipt_history))
            done += len(slots)
            receipts += self._codec.decode_receipts(await self.read(self._codec.history_request(slots)), slots)
        return receipts

    async def read(self, request: Request) -> list[int]:
        """The words of one request: registers, or bits as 0 and 1.

        Raises `NeedsOperator` `plc.tag_map` for what the device refuses, and as `ModbusConnection.ask`."""
        span = request.span
        message = _READS[request.table](address=span.start, count=len(span), dev_id=self._unit(request))
        reply = await self._opened(self._reads).ask(message)
        self._check(reply, "read", request)
        if request.table in BIT_TABLES:
            words = [int(bit) for bit in reply.bits]
            return self._of_length(words[: len(span)] if len(words) == -(-len(span) // 8) * 8 else words, span)
        return self._of_length(list(reply.registers), span)

    async def _write(self, request: Request, words: list[int]) -> None:
        span, unit = request.span, self._unit(request)
        if request.table in BIT_TABLES:
            message: ModbusPDU = WriteMultipleCoilsRequest(
                address=span.start, bits=[w != 0 for w in words], dev_id=unit
            )
        else:
            message = WriteRegisters(address=span.start, registers=words, dev_id=unit)
        reply = await self._opened(self._writes).ask(message)
        self._check(reply, "written", request)
        if (reply.address, reply.count) != (span.start, len(span)):
            raise self._stray(f"a write to {reply.address} for one to {span.start}")

    async def _exchange(self, command: Request, words: list[int]) -> list[int]:
        (status,) = self._codec.status_requests
        message = ReadWriteMultipleRegistersRequest(
            read_address=status.span.start,
            read_count=len(status.span),
            write_address=command.span.start,
            write_registers=words,
            dev_id=self._unit(command),
        )
        reply = await self._opened(self._writes).ask(message)
        self._check(reply, "written while the status is read", command)
        return self._of_length(list(reply.registers), status.span)

    async def close(self) -> None:
        """Close the connections."""
        for connection in (self._reads, self._writes):
            if connection is not None:
                connection.close()
        self._reads = self._writes = None
        self._batch_under_way = False

    def _unit(self, request: Request) -> int:
        return self._config.unit if request.unit is None else request.unit

    def _opened(self, connection: ModbusConnection | None) -> ModbusConnection:
        if connection is None:
            raise Retryable(
                "plc.connection_lost",
                f"The Modbus connection to {self._config.target} is closed.",
                "It is opened again.",
            )
        return connection

    def _of_length(self, words: list[int], span: range) -> list[int]:
        if len(words) != len(span):
            raise self._stray(f"{len(words)} values for {len(span)}")
        return words

    def _stray(self, what: str) -> Retryable:
        self.stray_replies += 1
        return Retryable(
            "plc.stray_reply",
            f"The device at {self._config.target} answered with {what}; the reply was dropped.",
            "It is asked again; if this goes on, let only one master ask, and lengthen plc.request_timeout_ms.",
        )

    def _check(self, reply: ModbusPDU, done: str, request: Request) -> None:
        if not reply.isError():
            return
        code = reply.exception_code
        sentence = (
            f"The device at {self._config.target}, unit {self._unit(request)}, refuses {_TABLE_NAMES[request.table]} "
            f"{request.span.start} to {request.span.stop - 1} being {done}: "
            f"{_EXCEPTION_CODES.get(code, 'unknown')} (exception {code})."
        )
        if code in _HEALING_CODES:
            raise Retryable("plc.device_busy", sentence, "It is tried again.")
        raise NeedsOperator(
            "plc.tag_map", sentence, "Check unit and tag map against the device with `senbetsu plc probe`."
        )

    def _check_exchange(self, tag_map: TagMap) -> None:
        """FC23 takes one read and one write of the same unit's holding registers."""
        if not self._config.read_write:
            return
        status, command = self._codec.status_requests, self._codec.command_requests[0]
        if (
            len(status) != 1
            or status[0].table != "holding"
            or status[0].unit != command.unit
            or len(command.span) > LARGEST_EXCHANGE_WRITE_REGISTERS
        ):
            raise Fatal(
                "config.plc",
                f"read_write needs a status that one read of holding registers brings, and in the same unit a command "
                f"of at most {LARGEST_EXCHANGE_WRITE_REGISTERS} registers; {self._config.tags} has {len(status)} reads "
                f"and {len(command.span)} registers.",
                "Leave plc.read_write out, or bring the tags together.",
            )

    def _check_line_speed(self) -> None:
        """A serial line must carry a cycle's requests in a cycle, and in the half of the request timeout
        that is not quiet after a request that was given up."""
        serial = self._config.serial
        if serial is None:
            return
        read_s = sum(serial.exchange_s(8, 5 + 2 * len(r.span)) for r in self._codec.status_requests)
        cycle_s = read_s + sum(serial.exchange_s(9 + 2 * len(r.span), 8) for r in self._codec.command_requests)
        for name, given_ms, needed_ms in (
            ("cycle_ms", self._config.cycle_ms, ceil(1000 * cycle_s)),
            ("request_timeout_ms", self._config.request_timeout_ms, ceil(2 * 1000 * cycle_s)),
        ):
            if given_ms < needed_ms:
                raise Fatal(
                    "config.plc",
                    f"{name} is {given_ms:g}, but at {serial.baud} baud status and command take "
                    f"{1000 * cycle_s:.0f} ms on the line; it must be at least {needed_ms}.",
                    f"Raise plc.{name} or plc.serial.baud.",
                )


class ModbusLink(PlcSession):
    """`PlcLink` to a Modbus device. Raises as `ModbusWire`."""

    Config = Config

    def __init__(self, config: Config) -> None:
        self._modbus = ModbusWire(config)
        super().__init__(config, self._modbus)

    @property
    def health(self) -> LinkHealth:
        """The link as it stands now."""
        return replace(super().health, stray_replies=self._modbus.stray_replies)
