"""pymodbus's register messages, with all registers packed at once: it packs them one by one, which
takes a third of a round trip when there are a hundred."""

import struct

from pymodbus.exceptions import ModbusIOException
from pymodbus.pdu import DecodePDU
from pymodbus.pdu.register_message import (
    ReadHoldingRegistersResponse,
    ReadInputRegistersResponse,
    ReadWriteMultipleRegistersResponse,
    WriteMultipleRegistersRequest,
)


def decoder() -> DecodePDU:
    """Decodes what a device answers."""
    decode = DecodePDU(False)
    for response in (_Holding, _Input, _ReadWrite):
        decode.register(response)
    return decode


class WriteRegisters(WriteMultipleRegistersRequest):
    """FC16."""

    def encode(self) -> bytes:
        """Address, count, byte count, registers."""
        count = len(self.registers)
        return struct.pack(f">HHB{count}H", self.address, count, 2 * count, *self.registers)


def _registers(data: bytes) -> list[int]:
    if len(data) != data[0] + 1 or data[0] % 2:
        raise ModbusIOException(f"a byte count of {data[0]} before {len(data) - 1} bytes")
    return list(struct.unpack_from(f">{data[0] // 2}H", data, 1))


class _Short:
    def __str__(self) -> str:  # pymodbus writes every message out, with all its registers, also where nobody logs
        return type(self).__name__


class _Holding(_Short, ReadHoldingRegistersResponse):
    def decode(self, data: bytes) -> None:
        self.registers = _registers(data)


class _Input(_Short, ReadInputRegistersResponse):
    def decode(self, data: bytes) -> None:
        self.registers = _registers(data)


class _ReadWrite(_Short, ReadWriteMultipleRegistersResponse):
    def decode(self, data: bytes) -> None:
        self.registers = _registers(data)
