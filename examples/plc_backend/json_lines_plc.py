"""A PLC that speaks one JSON object a line over TCP, as a PLC backend of Senbetsu.

An example of a third party's backend: a `Config`, a `Wire`, a link. What the wire must do stands at
`plc_bridge.session.Wire`; reconnecting, exactly-once delivery and heartbeats are the session's.
See docs/integrators/writing-a-backend.md.

Each request gets one answer: {"status": {}} the status block, {"command": {...}} and {"receipts": [first, count]}.
"""

import asyncio
import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, Literal, cast

from pydantic import Field

from plc_bridge.config import PlcConfig
from plc_bridge.contract import MAILBOX_SIZE, CommandImage, LineFlags, LineStatus, Receipt, ReceiptCode
from plc_bridge.link import Pick
from plc_bridge.session import PlcSession
from senbetsu_errors import NeedsOperator, Retryable


class Config(PlcConfig, frozen=True):
    """The `plc` section of a line that uses this backend."""

    backend: Literal["json-lines"] = Field(
        default="json-lines", title="Backend", description="One JSON object a line over TCP."
    )
    host: str = Field(min_length=1, title="Host", description="Name or address of the PLC.")
    port: int = Field(ge=1, le=65535, title="Port", description="TCP port of the PLC.")
    receipt_history: int = Field(
        default=256, ge=0, title="Receipt history", description="How many receipts the PLC remembers; 0 without a ring."
    )


class JsonLinesWire:
    """One connection. The session reads and writes at the same time, so requests take turns here."""

    def __init__(self, config: Config) -> None:
        self.receipt_history = config.receipt_history
        self.mailbox_size = MAILBOX_SIZE
        self._config = config
        self._where = f"{config.host}:{config.port}"
        self._turn = asyncio.Lock()
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    def check_pick(self, pick: Pick) -> None:
        """Refuse: this PLC has no robots."""
        raise NeedsOperator("plc.no_picks", f"The PLC at {self._where} has no robots.", "Sort with valves.")

    async def open(self) -> None:
        """Connect."""
        try:
            self._streams = await asyncio.open_connection(self._config.host, self._config.port)
        except OSError as error:
            raise Retryable("plc.unreachable", f"No PLC answers at {self._where}: {error}.", "Check cable.") from error

    async def close(self) -> None:
        """Close; never raises."""
        streams, self._streams = self._streams, None
        if streams is not None:
            streams[1].close()

    async def read_status(self) -> LineStatus:
        """The status block, in one request."""
        answer = await self._ask({"status": {}})
        try:
            answer["flags"] = LineFlags(answer["flags"])
            answer["receipts"] = tuple(_receipts(answer["receipts"]))
            return LineStatus(**answer)
        except (KeyError, TypeError, ValueError) as error:
            raise NeedsOperator(
                "plc.json_lines", f"The PLC at {self._where} sends no status block: {error}.", "Update its program."
            ) from error

    async def write_command(self, image: CommandImage) -> None:
        """The command block, in one request."""
        await self._ask({"command": asdict(image)})

    async def read_receipts(self, first: int, count: int) -> Sequence[Receipt]:
        """Older receipts than the status block shows."""
        return _receipts((await self._ask({"receipts": [first, count]}))["receipts"])

    async def _ask(self, request: dict[str, Any]) -> dict[str, Any]:
        async with self._turn:
            if self._streams is None:
                raise Retryable("plc.connection_lost", f"The connection to {self._where} is closed.", "Opened again.")
            reader, writer = self._streams
            try:
                writer.write(json.dumps(request).encode() + b"\n")
                answer = json.loads(await reader.readuntil())
            except (OSError, EOFError, asyncio.LimitOverrunError, ValueError) as error:
                raise Retryable("plc.connection_lost", f"No answer from {self._where}: {error}.", "Again.") from error
            except asyncio.CancelledError:
                # The session's patience ended. The answer may still come and must not be taken for the next one's.
                await self.close()
                raise
        if not isinstance(answer, dict):
            raise NeedsOperator("plc.json_lines", f"{self._where} answers {answer!r}.", "It is no such PLC.")
        return cast("dict[str, Any]", answer)


def _receipts(rows: Sequence[Sequence[int]]) -> list[Receipt]:
    return [Receipt(seq, ReceiptCode(code), count) for seq, code, count in rows]


class JsonLinesLink(PlcSession):
    """`PlcLink` to a PLC that speaks JSON lines; registered in pyproject.toml."""

    Config = Config

    def __init__(self, config: Config) -> None:
        super().__init__(config, JsonLinesWire(config))
