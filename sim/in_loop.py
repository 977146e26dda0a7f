"""The plant inside the line's own event loop: for virtual time and tests, without processes or sockets."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Sequence
from types import TracebackType
from typing import Self

from plc_bridge.contract import CommandImage, LineStatus, Receipt
from plc_bridge.memory_link import MemoryWire
from sim.plant import Exposure, Plant, PlantSetup
from sim.truth import Truth
from vision.frame import EncoderStamp, Frame
from vision.source import FrameSource

_TICK_S = 0.005
"""A frame is handed over at most this long after its exposure, as from a camera that is read out."""

_WAITING_FRAMES = 8


class PlantInLoop:
    """A plant that follows the running loop's clock, from `__aenter__` on.

    Whoever reads or writes `wire` finds the PLC as its scans up to that very moment left it, so
    nothing depends on the order in which the loop runs its timers.
    """

    def __init__(self, setup: PlantSetup, seed: int | None = None) -> None:
        self.plant = Plant(setup, seed)
        self.wire = MemoryWire()
        self._camera = _Camera(self.plant)
        self._started_s = 0.0
        self._running: asyncio.Task[None] | None = None

    def camera(self) -> FrameSource:
        """The plant's camera; there is one, for one consumer."""
        return self._camera

    def truth(self) -> Truth:
        """What really happened so far."""
        return self.plant.truth

    async def __aenter__(self) -> Self:
        self._started_s = self._camera.started_s = asyncio.get_running_loop().time()
        self.wire.attach(self._read_status, self._write_command, self._read_receipts)
        self._running = asyncio.create_task(self._run(), name="plant")
        self._camera.follow(self._running)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.wire.detach()
        if self._running:
            self._running.cancel()
            await asyncio.wait([self._running])
            if not self._running.cancelled():
                self._running.result()  # raises what ended it

    async def _run(self) -> None:
        while True:
            self._catch_up()
            await asyncio.sleep(max(_TICK_S, self.plant.until_next_frame_s))

    def _catch_up(self) -> None:
        for exposure in self.plant.advance_to(asyncio.get_running_loop().time() - self._started_s):
            self._camera.exposed(exposure)

    def _read_status(self) -> LineStatus:
        self._catch_up()
        return self.plant.plc.status()

    def _write_command(self, image: CommandImage) -> None:
        self._catch_up()
        self.plant.plc.write_command(image)

    def _read_receipts(self, first: int, count: int) -> Sequence[Receipt]:
        self._catch_up()
        return self.plant.plc.receipt_history(first, count)


class _Camera:
    """`FrameSource` of a plant in the loop. Renders what is asked for; the oldest waiting gives way."""

    def __init__(self, plant: Plant) -> None:
        self.dropped = 0
        self.started_s = 0.0
        self._plant = plant
        self._waiting: deque[Exposure] = deque()
        self._more = asyncio.Event()
        self._running: asyncio.Task[None] | None = None

    def follow(self, running: asyncio.Task[None]) -> None:
        """End, or fail, when the plant's task does."""
        self._running = running
        running.add_done_callback(lambda _: self._more.set())

    def exposed(self, exposure: Exposure) -> None:
        if len(self._waiting) == _WAITING_FRAMES:
            self._waiting.popleft()
            self.dropped += 1
        self._waiting.append(exposure)
        self._more.set()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Nothing is held open."""

    async def __aiter__(self) -> AsyncIterator[Frame]:
        while True:
            await self._more.wait()
            while self._waiting:
                exposure = self._waiting.popleft()
                yield Frame(
                    self._plant.channels(exposure),
                    EncoderStamp(exposure.encoder, "latched"),
                    self.started_s + exposure.at_s,
                    exposure.sequence,
                )
            if self._running and self._running.done():
                if not self._running.cancelled():
                    self._running.result()  # raises what ended it
                return
            self._more.clear()
