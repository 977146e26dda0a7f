"""The asyncio side of odd parts: requests to vision, pictures to the disk, labels from people.

The disk is a thread's business, with a bounded queue: what finds it full is dropped and counted. In virtual time the
line waits for the disk instead, so that the same seed keeps the same parts.
"""

import asyncio
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from typing import Any, TypeVar

import structlog

from controller.clock import utc_now
from controller.decide import Decision
from controller.hmi.commands import LabelOddPart, LabelPart
from controller.odd_parts import OddPart, OddParts
from controller.odd_store import OddStore, check_label
from senbetsu_errors import NeedsOperator, SenbetsuError
from vision.results import CropRequest, FrameResult

log = structlog.get_logger("odd parts")

SHOWN = 24
"""How many of the newest odd parts a snapshot tells of."""

_MOST_WRITING = 64
_PICTURE_BOUND_S = 3.0

T = TypeVar("T")


class OddKeeping:
    """Keeps the odd parts of one line in `store`. `ask` takes a request for a picture to vision.

    `close` before the loop ends.
    """

    def __init__(
        self, parts: OddParts, store: OddStore, ask: Callable[[CropRequest], None], in_thread: bool = True
    ) -> None:
        self.recent = store.newest(SHOWN)
        self._parts = parts
        self._store = store
        self._ask = ask
        self._pool = ThreadPoolExecutor(1, "odd parts") if in_thread else None
        self._writing: set[asyncio.Task[None]] = set()
        self._picked: dict[int, asyncio.Future[OddPart | None]] = {}
        self._reasons: Counter[str] = Counter()
        self._dropped = 0
        self._failed = ""

    def frame(self, result: FrameResult, counts: int) -> None:
        """A result came, its frame exposed at this (unwrapped) count: its pictures are kept."""
        self._parts.frame(result.frame_sequence, counts)
        for crop in result.crops:
            odd = self._parts.answer(crop)
            waiting = self._picked.pop(crop.ticket, None)
            if waiting is not None:
                if not waiting.done():
                    waiting.set_result(odd)
            elif odd is not None:
                self._keep(odd)

    def decided(self, decision: Decision, now_s: float) -> None:
        """A part was decided on."""
        self._parts.decided(decision, now_s)

    def send(self) -> None:
        """Take new requests to vision."""
        for request in self._parts.requests():
            self._ask(request)

    async def command(self, command: LabelOddPart | LabelPart) -> int:
        """Does what the HMI asks; the odd part's id. Raises as `label_part` and `label_odd` do."""
        if isinstance(command, LabelPart):
            return await self.label_part(command.part_id, command.label)
        return await self.label_odd(command.odd_id, command.label)

    async def label_part(self, part_id: int, label: str) -> int:
        """Keep the picture of a part that was decided on as a `label`; its id among the odd parts.

        Raises NeedsOperator `odd_parts.label`, `odd_parts.gone` or `odd_parts.full`.
        """
        check_label(label)
        ticket = self._parts.pick(part_id, label)
        if ticket is None:
            raise NeedsOperator(
                "odd_parts.gone",
                f"Nothing is known of part {part_id} any more, or it is not decided on yet.",
                "Pick it between the camera and the valve bar.",
            )
        arrival = self._picked[ticket] = asyncio.get_running_loop().create_future()
        self.send()
        try:
            async with asyncio.timeout(_PICTURE_BOUND_S):
                odd = await arrival
        except TimeoutError:
            odd = None
        finally:
            self._picked.pop(ticket, None)
        if odd is None:
            raise NeedsOperator(
                "odd_parts.gone",
                f"The picture of part {part_id} is not there any more.",
                "Pick it sooner, or raise vision.odd_parts.picture_memory_mb.",
            )
        number = await self._on_disk(self._store.add, odd, utc_now().isoformat(timespec="milliseconds"))
        if number is None:
            raise NeedsOperator(
                "odd_parts.full",
                "The folder for odd parts is full of labelled ones.",
                "Export them and set another folder, or raise vision.odd_parts.keep.",
            )
        self._reasons.update(odd.reasons)
        await self._look_again()
        return number

    async def label_odd(self, number: int, label: str) -> int:
        """Say what a kept odd part is. Raises NeedsOperator `odd_parts.gone`, `odd_parts.label`."""
        await self._on_disk(self._store.label, number, label)
        await self._look_again()
        return number

    def summary(self) -> dict[str, Any]:
        """What became of odd parts, for the summary of a run."""
        return {
            **asdict(self._parts.counts),
            "waiting": self._parts.waiting,
            "kept": self._store.kept,
            "refused_full": self._store.refused_full,
            "not_written": self._dropped,
            "by_reason": dict(self._reasons),
        }

    async def close(self) -> None:
        """Write what waits, end the thread."""
        for arrival in self._picked.values():
            arrival.cancel()
        if self._writing:
            await asyncio.gather(*self._writing)
        if self._pool:
            self._pool.shutdown()

    def _keep(self, odd: OddPart) -> None:
        at_utc = utc_now().isoformat(timespec="milliseconds")
        if self._pool is None:
            if self._store.add(odd, at_utc) is not None:
                self._reasons.update(odd.reasons)
            self.recent = self._store.newest(SHOWN)
        elif len(self._writing) >= _MOST_WRITING:
            self._dropped += 1
        else:
            task = asyncio.get_running_loop().create_task(self._write(odd, at_utc), name="keep odd part")
            self._writing.add(task)
            task.add_done_callback(self._writing.discard)

    async def _write(self, odd: OddPart, at_utc: str) -> None:
        try:
            if await self._on_disk(self._store.add, odd, at_utc) is not None:
                self._reasons.update(odd.reasons)
            await self._look_again()
        except (OSError, SenbetsuError) as error:
            # A full disk must not stop the line; it is said once.
            self._dropped += 1
            if str(error) != self._failed:
                self._failed = str(error)
                log.error("odd part not kept", reason=str(error))

    async def _look_again(self) -> None:
        self.recent = await self._on_disk(self._store.newest, SHOWN)

    async def _on_disk(self, function: Callable[..., T], *arguments: Any) -> T:
        if self._pool is None:
            return function(*arguments)
        return await asyncio.get_running_loop().run_in_executor(self._pool, function, *arguments)
