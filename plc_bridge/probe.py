"""Commissioning: read every tag of the map from the real device and say what is wrong.

Works on Modbus and OPC UA alike, writes nothing, and never stops at the first problem.
"""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass, replace

from plc_bridge.codec import Codec
from plc_bridge.contract import RECEIPT_RING_SIZE
from plc_bridge.modbus_link import Config as ModbusConfig
from plc_bridge.modbus_link import ModbusWire
from plc_bridge.opcua_link import Config as OpcuaConfig
from plc_bridge.opcua_link import OpcuaWire
from plc_bridge.plausibility import implausible, looks_swapped
from plc_bridge.requests import Place, Request, Table
from plc_bridge.tagmap import BlockName, TagMap
from plc_bridge.tagmap_file import load_tag_map
from senbetsu_errors import NeedsOperator, Retryable

_SINGULAR: Mapping[Table, str] = {
    "holding": "holding register",
    "input": "input register",
    "coil": "coil",
    "discrete": "discrete input",
}
_GAP_REFUSED = "is read alone, but not with its neighbours; lower read_gap or registers_per_read in the tag map: {}"


@dataclass(frozen=True, slots=True)
class ProbedTag:
    """One tag as the device has it now. `raw` are its words (registers or bits for Modbus, array
    elements for OPC UA); None, as `value`, where the device did not give them."""

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
    device = _Device(config)
    try:
        await device.open()
        first = await device.read_all()
        await asyncio.sleep(config.heartbeat_timeout_ms / 1000)
        second = await device.read_all()
        history = await device.read_history(second)
    except (Retryable, NeedsOperator) as error:
        return ProbeReport(device.target, (_said(error),), ())
    except TimeoutError:
        return ProbeReport(device.target, (f"No connection within {config.connect_timeout_ms:g} ms.",), ())
    finally:
        await device.close()
    swapped = device.swapped(first, second)
    tags = tuple(map(_judged, first, second))
    return ProbeReport(device.target, (swapped,) if swapped else (), tags + history)


async def watch(config: ModbusConfig | OpcuaConfig, period_s: float = 0.5) -> AsyncGenerator[ProbeReport]:
    """A fresh report every `period_s` seconds until the consumer stops; reconnects by itself."""
    before: tuple[ProbedTag, ...] | None = None
    device = _Device(config)
    connected = False
    try:
        while True:
            try:
                if not connected:
                    await device.open()
                    connected = True
                tags = await device.read_all()
                yield ProbeReport(device.target, (), tuple(map(_judged, before or tags, tags)) if before else tags)
                before = tags
            except (Retryable, NeedsOperator, TimeoutError) as error:
                await device.close()
                connected, before = False, None
                reason = _said(error) if not isinstance(error, TimeoutError) else "No answer in time."
                yield ProbeReport(device.target, (reason,), ())
            await asyncio.sleep(period_s)
    finally:
        await device.close()


def _said(error: Retryable | NeedsOperator) -> str:
    return f"{error.message} {error.remedy}".rstrip()


class _Device:
    """A device and its map, over either protocol."""

    def __init__(self, config: ModbusConfig | OpcuaConfig) -> None:
        self._config = config
        if isinstance(config, ModbusConfig):
            self._map, self.target = load_tag_map(config.tags, "modbus"), config.target
            self._wire: ModbusWire | OpcuaWire = ModbusWire(config)
        else:
            self._map, self.target = load_tag_map(config.tags, "opcua"), config.url
            self._wire = OpcuaWire(config)
        self._codec = Codec(self._map)

    async def open(self) -> None:
        async with asyncio.timeout(self._config.connect_timeout_ms / 1000):
            await self._wire.open()

    async def close(self) -> None:
        await self._wire.close()

    async def read_all(self) -> tuple[ProbedTag, ...]:
        """Every tag of status and command. Where a request is refused its tags are read one by one, to
        find the one to blame."""
        found: dict[str, ProbedTag] = {}
        blocks: tuple[BlockName, ...] = ("status", "command")
        for block in blocks:
            places = list(self._map.places(block))
            for request in self._map.reads_of(places):
                words = await self._read(block, request)
                tags = [self._cut(block, place, request, words) for place in request.places]
                if isinstance(words, str) and isinstance(self._wire, ModbusWire) and len(tags) > 1:
                    tags = [await self._alone(block, place) for place in request.places]
                    if not any(tag.problems for tag in tags):
                        first = replace(tags[0], problems=(_GAP_REFUSED.format(words),))
                        tags[0] = first
                found.update((tag.name, tag) for tag in tags)
        ordered = (place.name for block in blocks for place in self._map.places(block))
        return tuple(found[name] for name in ordered)

    async def _alone(self, block: BlockName, place: Place) -> ProbedTag:
        request = Request(place.table, place.unit, place.span, (place,))
        return self._cut(block, place, request, await self._read(block, request))

    async def _read(self, block: BlockName, request: Request) -> list[int] | str:
        """The words of a request, or the sentence that says why there are none."""
        span = request.span
        try:
            async with asyncio.timeout(self._config.request_timeout_ms / 1000):
                if isinstance(self._wire, ModbusWire):
                    return await self._wire.read(request)
                assert block != "history"
                array = await self._wire.read_words(block)
        except NeedsOperator as error:
            if error.code != "plc.tag_map":
                raise  # it is about the connection, not about the tags
            return error.message
        except TimeoutError:
            return f"no answer within {self._config.request_timeout_ms:g} ms"
        if len(array) < span.stop:
            return f"the array has {len(array)} elements, the map needs {span.stop}"
        return array[span.start : span.stop]

    def _cut(self, block: BlockName, place: Place, request: Request, words: list[int] | str) -> ProbedTag:
        address = self._address(block, place)
        if isinstance(words, str):
            return ProbedTag(block, place.name, address, None, None, (words,))
        start = place.at - request.span.start
        own = words[start : start + place.width]
        return ProbedTag(block, place.name, address, tuple(own), self._codec.value(place, own))

    def _address(self, block: BlockName, place: Place) -> str:
        bit = "" if place.bit is None else f" bit {place.bit}"
        if self._map.protocol == "modbus":
            return f"{_SINGULAR[place.table]} {place.at}{bit}{'' if place.unit is None else f' of unit {place.unit}'}"
        node = self._map.status.node if block == "status" else self._map.command.node
        return f"{node}[{place.at}]{bit}"

    async def read_history(self, tags: tuple[ProbedTag, ...]) -> tuple[ProbedTag, ...]:
        """One line for the history: whether it holds the receipts that the status shows."""
        history = self._map.history
        values = {tag.name: tag.value for tag in tags}
        total = values.get("receipt_total")
        if history is None or not isinstance(self._wire, ModbusWire) or total is None:
            return ()
        line = ProbedTag("history", "history", f"{_SINGULAR[history.table]} {history.at}", None, None)
        count = min(int(total), RECEIPT_RING_SIZE)
        try:
            async with asyncio.timeout(8 * self._config.request_timeout_ms / 1000):
                receipts = await self._wire.read_receipts(int(total) - count, count) if count else ()
        except (NeedsOperator, Retryable) as error:
            return (replace(line, problems=(error.message,)),)
        except TimeoutError:
            return (replace(line, problems=("no answer in time",)),)
        if len(receipts) != count:
            problem = f"has {len(receipts)} of the last {count} receipts: wrong start, stride or size"
            return (replace(line, value=float(len(receipts)), problems=(problem,)),)
        for number, receipt in enumerate(receipts, int(total) - count):
            shown = values[f"receipts.{number % RECEIPT_RING_SIZE}.seq"]
            if shown != receipt.seq:
                problem = f"has order {receipt.seq} where the status has {shown:g}: wrong start, stride or size"
                return (replace(line, value=float(count), problems=(problem,)),)
        return (replace(line, value=float(count)),)

    def swapped(self, first: tuple[ProbedTag, ...], second: tuple[ProbedTag, ...]) -> str | None:
        """The order of words or bytes that looks wrong, judged by what the other would give."""

        def values(variant: TagMap, tags: tuple[ProbedTag, ...]) -> dict[str, float]:
            codec = Codec(variant)
            places = {place.name: place for place in variant.places("status")}
            return {t.name: codec.value(places[t.name], t.raw) for t in tags if t.block == "status" and t.raw}

        apart_s = self._config.heartbeat_timeout_ms / 1000
        return looks_swapped(self._map, lambda variant: (values(variant, first), values(variant, second)), apart_s)


def _judged(before: ProbedTag, now: ProbedTag) -> ProbedTag:
    """`now` with what is implausible about it."""
    if now.value is None or now.block != "status":
        return now
    problem = implausible(now.name, before.value, now.value)
    return replace(now, problems=(*now.problems, problem)) if problem else now
