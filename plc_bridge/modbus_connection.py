"""One Modbus connection, over TCP, TLS or a serial line: one request at a time, each sent once.

Frames and messages are pymodbus's; its client is not used (docs/decisions/0010-own-modbus-connection.md).
"""

import asyncio
import ssl
import termios
from collections.abc import Callable
from typing import Any, cast

from pymodbus.framer import FramerBase, FramerRTU, FramerSocket
from pymodbus.pdu import ModbusPDU
from pymodbus.transport.serialtransport import (
    create_serial_connection,  # pyright: ignore[reportUnknownVariableType]
)

from plc_bridge.modbus_messages import decoder
from senbetsu_errors import NeedsOperator, Retryable

_LARGEST_FRAME = 260
_LARGEST_TRANSACTION = 0xFFFF
_MUTE_AFTER = 2
"""So many requests given up before the first reply, and the device is called mute."""


class ModbusConnection(asyncio.Protocol):
    """What `open_tcp` and `open_serial` give. `target` names the device in messages.

    `on_stray` is told of each reply that answers no request under way: late, or of another unit,
    function or transaction, or no frame at all. It is dropped.
    """

    def __init__(
        self, target: str, on_stray: Callable[[str], None], *, quiet_s: float | None = None, tls: bool = False
    ) -> None:
        self._target = target
        self._on_stray = on_stray
        self._serial = quiet_s is not None
        self._quiet_s = quiet_s or 0.0
        self._decoder = decoder()
        self._framer: FramerBase = FramerRTU(self._decoder) if self._serial else FramerSocket(self._decoder)
        self._transport: asyncio.WriteTransport | None = None
        self._one_at_a_time = asyncio.Lock()
        self._transaction = 0
        self._asked: ModbusPDU | None = None
        self._answer: asyncio.Future[ModbusPDU] | None = None
        self._answered = False
        self._given_up = 0
        self._received = b""
        self._quiet_until_s = 0.0
        self._gone: Retryable | NeedsOperator | None = None
        # In TLS 1.3 the device judges our certificate after the connection stands for us; not all of them say
        # so before they hang up.
        self._unjudged = tls

    async def ask(self, request: ModbusPDU) -> ModbusPDU:
        """Send `request` once and wait for its reply, as long as the caller will; an exception reply
        is returned as it is. Cancelled, it leaves the connection usable.

        Raises `Retryable` `plc.connection_lost` or `plc.mute`, `NeedsOperator` `plc.tls` or `plc.not_modbus`.
        """
        async with self._one_at_a_time:
            if self._serial:
                await self._until_quiet()
            if self._transport is None or self._gone is not None:
                raise self._gone or self._lost(None)
            if not self._answered and self._given_up >= _MUTE_AFTER:
                raise Retryable(
                    "plc.mute",
                    f"{self._target} takes the connection but has answered none of {self._given_up} requests.",
                    "Check plc.unit, that the PLC's Modbus server runs, and that nothing else answers at this address.",
                )
            self._transaction = self._transaction % _LARGEST_TRANSACTION + 1
            request.transaction_id = self._transaction
            self._asked, self._answer = request, asyncio.get_running_loop().create_future()
            self._transport.write(self._framer.buildFrame(request))
            try:
                return await self._answer
            except asyncio.CancelledError:
                self._given_up += 1
                self._quiet_until_s = asyncio.get_running_loop().time() + self._quiet_s
                raise
            finally:
                self._asked = self._answer = None

    def close(self) -> None:
        """Close the connection; a request under way fails."""
        self._unjudged = False
        if self._transport is not None:
            self._transport.close()
        self._end(self._lost(None))

    async def _until_quiet(self) -> None:
        # Replies on a serial line have no transaction number. After a request that was given up, its reply
        # may still come and would be taken for the next one's: let it come and be dropped first.
        await asyncio.sleep(max(0.0, self._quiet_until_s - asyncio.get_running_loop().time()))
        if self._received:
            self._received = b""
            self._on_stray("a torn frame")

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Called by the transport."""
        self._transport = cast(asyncio.WriteTransport, transport)

    def connection_lost(self, exc: Exception | None) -> None:
        """Called by the transport."""
        self._end(self._lost(exc))

    def data_received(self, data: bytes) -> None:
        """Called by the transport."""
        self._received += data
        while self._received:
            used, unit, transaction, message = self._framer.decode(self._received)
            if used == 0:
                self._check_beginning()
                return
            self._received = self._received[used:]
            if message:
                self._take(unit, transaction, message)
            else:
                self._on_stray("a frame with a wrong checksum")

    def _take(self, unit: int, transaction: int, message: bytes) -> None:
        asked, answer = self._asked, self._answer
        if asked is None or answer is None or answer.done():
            self._on_stray("a reply to a request that was given up, or to none")
        elif not self._serial and transaction != asked.transaction_id:
            self._on_stray(f"a reply to transaction {transaction}, not {asked.transaction_id}")
        elif asked.dev_id and unit != asked.dev_id:
            self._on_stray(f"a reply of unit {unit}, not {asked.dev_id}")
        elif (reply := self._decoder.decode(message)) is None or reply.function_code & 0x7F != asked.function_code:
            self._on_stray(f"a reply of function {message[0]}, not {asked.function_code}")
        else:
            self._unjudged = False
            self._answered = True
            answer.set_result(reply)

    def _check_beginning(self) -> None:
        """Bytes that cannot become a frame will not be waited for."""
        if self._serial:
            if len(self._received) > _LARGEST_FRAME:
                self._received = b""
                self._on_stray("bytes that are no frame")
            return
        begins = self._received[:6]
        if any(begins[2:4]) or (len(begins) == 6 and not 2 < int.from_bytes(begins[4:6], "big") < _LARGEST_FRAME - 5):
            self._on_stray("bytes that are no frame")
            self._end(
                NeedsOperator(
                    "plc.not_modbus",
                    f"What answers at {self._target} does not speak Modbus; it began with {begins.hex(' ')}.",
                    "Check address and port, and whether the port is the one for TLS.",
                )
            )
            if self._transport is not None:
                self._transport.close()

    def _end(self, why: Retryable | NeedsOperator) -> None:
        """No more requests; the one under way fails with the reason."""
        self._gone = self._gone or why
        self._received = b""
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(self._gone)

    def _lost(self, cause: Exception | None) -> Retryable | NeedsOperator:
        if self._unjudged or isinstance(cause, ssl.SSLError):
            why = f": {_reason(cause)}" if isinstance(cause, ssl.SSLError) else " before it answered anything"
            return NeedsOperator(
                "plc.tls",
                f"{self._target} ended the TLS connection{why}; it may not accept our certificate, or miss one.",
                "Check plc.tls.certificate and key, and that the device trusts them.",
            )
        return Retryable(
            "plc.connection_lost",
            f"The Modbus connection to {self._target} is closed{f': {cause}' if cause else ''}.",
            "It is opened again.",
        )


async def open_tcp(
    host: str,
    port: int,
    on_stray: Callable[[str], None],
    tls: ssl.SSLContext | None = None,
    server_name: str | None = None,
) -> ModbusConnection:
    """Connect to `host:port`, with TLS where a context is given. `server_name` is what the device's
    certificate calls it, `host` where left out.

    Raises `Retryable` `plc.unreachable`, `NeedsOperator` `plc.tls`.
    """
    target = f"{host}:{port}"
    connection = ModbusConnection(target, on_stray, tls=tls is not None)
    try:
        await asyncio.get_running_loop().create_connection(
            lambda: connection, host, port, ssl=tls, server_hostname=(server_name or host) if tls else None
        )
    except ssl.SSLCertVerificationError as error:
        raise NeedsOperator(
            "plc.tls",
            f"The certificate of {target} is not accepted: {error.verify_message.rstrip('.')}.",
            _remedy(error.verify_code),
        ) from error
    except ssl.SSLError as error:
        raise NeedsOperator(
            "plc.tls",
            f"No TLS connection to {target}: {_reason(error)}.",
            "Check that the port is the device's TLS port, and our certificate if the device asks for one.",
        ) from error
    except OSError as error:
        raise Retryable(
            "plc.unreachable",
            f"No Modbus server answers at {target}: {error.strerror or error}.",
            "Check address, port, cable and firewall.",
        ) from error
    return connection


async def open_serial(
    device: str,
    on_stray: Callable[[str], None],
    *,
    baud: int,
    parity: str,
    stop_bits: int,
    quiet_s: float,
) -> ModbusConnection:
    """Open a serial line in RTU. After a request that was given up it is left alone for `quiet_s`.

    Raises `Retryable` `plc.unreachable`.
    """
    connection = ModbusConnection(device, on_stray, quiet_s=quiet_s)
    try:
        transport, _ = await create_serial_connection(
            asyncio.get_running_loop(),
            lambda: connection,
            device,
            baudrate=baud,
            bytesize=8,
            parity=parity,
            stopbits=stop_bits,
            timeout=0,
        )
    except (OSError, ValueError, termios.error) as error:
        raise Retryable(
            "plc.unreachable",
            f"The serial line {device} cannot be opened: {error}.",
            "Check plc.serial.device, the adapter, whether anything else uses it, and our right to use it.",
        ) from error
    connection.connection_made(cast(Any, transport))
    return connection


_EXPIRED, _NOT_YET_VALID = 10, 9
_WRONG_NAME = (62, 64)


def _remedy(verify_code: int) -> str:
    """What helps against an OpenSSL verification error."""
    if verify_code in (_EXPIRED, _NOT_YET_VALID):
        return "Renew the device's certificate, or set this computer's clock."
    if verify_code in _WRONG_NAME:
        return "Set plc.tls.server_name to the name in the device's certificate."
    return "Set plc.tls.ca_file to the certificate of the authority that signed the device's."


def _reason(error: ssl.SSLError) -> str:
    return (error.reason or str(error)).replace("_", " ").lower()
