"""Commissioning: read every tag of the map from the real device and say what is wrong.

Works on Modbus and OPC UA alike, writes nothing, and never stops at the first problem.
"""

import asyncio
import math
from collections.abc import AsyncGenerator
from dataclasses import dataclass, replace
from typing import Literal

from plc_bridge.codec import Codec
from plc_bridge.contract import LineFlags, ReceiptCode
from plc_bridge.modbus_link import Config as ModbusConfig
from plc_bridge.modbus_link import ModbusWire
from plc_bridge.opcua_link import Config as OpcuaConfig
from plc_bridge.opcua_link import OpcuaWire
from plc_bridge.tagmap import BlockName, Place, TagMap
from plc_bridge.tagmap_file import load_tag_map
from senbetsu_errors import NeedsOperator, Retryable

FASTEST_BELT_MM_S = 20_000.0
"""A belt speed beyond this is a wrong word order, not a belt."""

_LARGEST_QUEUE = 4096
_ProbedBlock = Literal["status", "command"]


@dataclass(frozen=True, slots=True)
class ProbedTag:
    """One tag as the device has it now. `raw` are its words (16 bit for Modbus, 32 for OPC UA);
    None, as `value`, where the device did not give them."""

    block: BlockName
    name: str
    address: str
    raw: tuple[int, ...] | None
    value: float | None
    problems: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ProbeReport:
    """Everything the probe found. `problems` are about the device as a whole."""

    target: str
    problems: tuple[str, ...]
    tags: tuple[ProbedTag, ...]

    @property
    def problem_count(self) -> int:
        """How many problems there are, the tags' own included."""
        return len(self.problems) + sum(len(tag.problems) for tag in self.tags)


async def probe(config: ModbusConfig | OpcuaConfig) -> ProbeReport:
    """Read every tag twice, far enough apart to see the heartbeat move.

    Raises `Fatal` `config.tags` for a map that is wrong in itself. A device that cannot be reached
    is a problem in the report.
    """
    tag_map, wire, target = _open_with(config)
    try:
        try:
            async with asyncio.timeout(config.connect_timeout_ms / 1000):
                await wire.open()
        except (Retryable, NeedsOperator) as error:
            return ProbeReport(target, (str(error),), ())
        except TimeoutError:
            return ProbeReport(target, (f"No connection within {config.connect_timeout_ms:g} ms.",), ())
        first = await _read_all(config, wire, tag_map)
        await asyncio.sleep(config.heartbeat_timeout_ms / 1000)
        second = await _read_all(config, wire, tag_map)
        return ProbeReport(target, (), tuple(_judged(before, now) for before, now in zip(first, second, strict=True)))
    finally:
        await wire.close()


async def watch(config: ModbusConfig | OpcuaConfig, period_s: float = 0.5) -> AsyncGenerator[ProbeReport]:
    """A fresh report every `period_s` seconds until the consumer stops; reconnects by itself."""
    before: tuple[ProbedTag, ...] | None = None
    tag_map, wire, target = _open_with(config)
    connected = False
    try:
        while True:
            try:
                if not connected:
                    async with asyncio.timeout(config.connect_timeout_ms / 1000):
                        await wire.open()
                    connected = True
                tags = await _read_all(config, wire, tag_map)
                yield ProbeReport(target, (), tuple(map(_judged, before or tags, tags)) if before else tags)
                before = tags
            except (Retryable, NeedsOperator, TimeoutError) as error:
                await wire.close()
                connected, before = False, None
                yield ProbeReport(target, (str(error) or "No answer in time.",), ())
            await asyncio.sleep(period_s)
    finally:
        await wire.close()


def _open_with(config: ModbusConfig | OpcuaConfig) -> tuple[TagMap, ModbusWire | OpcuaWire, str]:
    if isinstance(config, ModbusConfig):
        return load_tag_map(config.tags, "modbus"), ModbusWire(config), f"{config.host}:{config.port}"
    return load_tag_map(config.tags, "opcua"), OpcuaWire(config), config.url


async def _words(
    config: ModbusConfig | OpcuaConfig, wire: ModbusWire | OpcuaWire, block: _ProbedBlock, span: range
) -> list[int] | str:
    """The words of a span, or the sentence that says why there are none."""
    try:
        async with asyncio.timeout(config.request_timeout_ms / 1000):
            if isinstance(wire, ModbusWire):
                return await wire.read_registers(span.start, len(span))
            array = await wire.read_words(block)
    except NeedsOperator as error:
        return error.message
    except TimeoutError:
        return f"no answer within {config.request_timeout_ms:g} ms"
    if len(array) < span.stop:
        return f"the array has {len(array)} elements, the map needs {span.stop}"
    return array[span.start : span.stop]


async def _read_all(
    config: ModbusConfig | OpcuaConfig, wire: ModbusWire | OpcuaWire, tag_map: TagMap
) -> tuple[ProbedTag, ...]:
    codec = Codec(tag_map)
    tags: list[ProbedTag] = []
    blocks: tuple[_ProbedBlock, ...] = ("status", "command")
    for block in blocks:
        span = tag_map.span(block)
        whole = await _words(config, wire, block, span)
        for place in tag_map.places(block):
            own = range(place.at, place.at + tag_map.words(place.type))
            if not isinstance(whole, str):
                words: list[int] | str = whole[own.start - span.start : own.stop - span.start]
            elif isinstance(wire, ModbusWire):
                words = await _words(config, wire, block, own)  # the block is refused: which tag is to blame?
            else:
                words = whole
            tags.append(_probed(tag_map, codec, block, place, words))
        if isinstance(whole, str) and all(not tag.problems for tag in tags if tag.block == block):
            tags.append(ProbedTag(block, "(whole block)", _address(tag_map, block, span.start), None, None, (whole,)))
    return tuple(tags)


def _probed(tag_map: TagMap, codec: Codec, block: BlockName, place: Place, words: list[int] | str) -> ProbedTag:
    address = _address(tag_map, block, place.at)
    if isinstance(words, str):
        return ProbedTag(block, place.name, address, None, None, (words,))
    return ProbedTag(block, place.name, address, tuple(words), codec.value(place, words))


def _address(tag_map: TagMap, block: BlockName, at: int) -> str:
    if tag_map.protocol == "modbus":
        return f"register {at}"
    node = tag_map.status.node if block == "status" else tag_map.command.node
    return f"{node}[{at}]"


def _judged(before: ProbedTag, now: ProbedTag) -> ProbedTag:
    """`now` with what is implausible about it."""
    if now.value is None or now.block == "command":
        return now
    problem = None
    if now.name == "heartbeat" and before.value == now.value:
        problem = "does not move: the PLC program stands still, or this is another register"
    elif now.name == "epoch" and now.value == 0:
        problem = "is 0: the PLC program must choose a new epoch at each start"
    elif now.name == "epoch" and before.value not in (None, now.value):
        problem = "changed between two reads: the PLC restarted, or this is another register"
    elif now.name == "flags" and now.value > sum(LineFlags):
        problem = "has bits set beyond bit 4: wrong address or byte order"
    elif now.name == "belt_speed_mm_s" and not (math.isfinite(now.value) and abs(now.value) <= FASTEST_BELT_MM_S):
        problem = "is no belt speed: wrong type or word order"
    elif now.name == "queue_free" and now.value > _LARGEST_QUEUE:
        problem = f"is larger than any order queue ({_LARGEST_QUEUE}): wrong address or byte order"
    elif now.name.endswith(".code") and now.value not in (0, *list(ReceiptCode)[:4]):
        problem = "is no receipt code (1 to 4): wrong address, stride or word order"
    return replace(now, problems=(*now.problems, problem)) if problem else now
