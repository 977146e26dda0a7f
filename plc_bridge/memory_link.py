"""The link without a network: a virtual PLC in the same process, for virtual time and tests."""

from collections.abc import Callable, Sequence
from random import Random
from typing import ClassVar, Literal, TypeVar

from pydantic import Field

from plc_bridge.config import PlcConfig
from plc_bridge.contract import MAILBOX_SIZE, RECEIPT_HISTORY_SIZE, CommandImage, LineStatus, Receipt
from plc_bridge.link import Pick
from plc_bridge.session import PlcSession
from senbetsu_errors import Retryable

_T = TypeVar("_T")


class Config(PlcConfig, frozen=True):
    """Configuration of the in-memory link."""

    backend: Literal["memory"] = Field(
        default="memory", title="Backend", description="A virtual PLC in the same process."
    )
    wire: str = Field(default="plant", title="Wire", description="Name of the wire that the virtual PLC attaches to.")


class MemoryWire:
    """Three callables where others have a cable. Without a PLC attached it is a PLC that is not there."""

    _by_name: ClassVar["dict[str, MemoryWire]"] = {}

    def __init__(self, receipt_history: int = RECEIPT_HISTORY_SIZE) -> None:
        self.receipt_history = receipt_history
        self.mailbox_size = MAILBOX_SIZE
        self._read_status: Callable[[], LineStatus] | None = None
        self._write_command: Callable[[CommandImage], None] | None = None
        self._read_receipts: Callable[[int, int], Sequence[Receipt]] | None = None

    @classmethod
    def named(cls, name: str) -> "MemoryWire":
        """The one wire of that name in this process; link and virtual PLC meet on it."""
        return cls._by_name.setdefault(name, cls())

    def attach(
        self,
        read_status: Callable[[], LineStatus],
        write_command: Callable[[CommandImage], None],
        read_receipts: Callable[[int, int], Sequence[Receipt]],
    ) -> None:
        """Plug a PLC in, in place of the one that was."""
        self._read_status = read_status
        self._write_command = write_command
        self._read_receipts = read_receipts

    def detach(self) -> None:
        """Unplug it."""
        self._read_status = None
        self._write_command = None
        self._read_receipts = None

    def check_pick(self, pick: Pick) -> None:
        """Memory holds any pick; a PLC without that robot refuses it."""

    async def open(self) -> None:
        """Find out whether a PLC is attached; raises `Retryable` `plc.unreachable` if not."""
        self._attached(self._read_status)

    async def read_status(self) -> LineStatus:
        """What the PLC shows now."""
        return self._attached(self._read_status)()

    async def write_command(self, image: CommandImage) -> None:
        """Hand the PLC a command block."""
        self._attached(self._write_command)(image)

    async def read_receipts(self, first: int, count: int) -> Sequence[Receipt]:
        """What the PLC remembers in the slots of those receipts."""
        return self._attached(self._read_receipts)(first, count)

    async def close(self) -> None:
        """Nothing is held open."""

    @staticmethod
    def _attached(plug: _T | None) -> _T:
        if plug is None:
            raise Retryable("plc.unreachable", "No virtual PLC is attached to the wire.", "Start the plant.")
        return plug


class MemoryLink(PlcSession):
    """`PlcLink` to a virtual PLC on a `MemoryWire`; equal runs are alike to the last bit."""

    Config = Config

    def __init__(self, config: Config, wire: MemoryWire | None = None) -> None:
        super().__init__(config, wire or MemoryWire.named(config.wire), Random(0))  # noqa: S311  (jitter)
