"""Direct I/O: no PLC; the controller itself switches the coils of a plain remote I/O station in time.

The PLC's side of the contract runs here, in this process (`plc_bridge.virtual_plc`), so orders, receipts,
late and duplicate rules are those of every other backend. What a PLC has and this has not is a scan that
nothing delays: so the delay is measured before a start and watched afterwards, and beyond what was
declared nothing is switched any more (docs/integrators/direct-io.md).
"""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from math import inf

import structlog

from plc_bridge.contract import MAILBOX_SIZE, RECEIPT_HISTORY_SIZE, CommandImage, LineStatus, Receipt
from plc_bridge.direct_config import Config
from plc_bridge.direct_io import RemoteIo
from plc_bridge.direct_timing import BeltTrack, JitterWatch, Timing
from plc_bridge.link import Pick
from plc_bridge.session import PlcSession
from plc_bridge.virtual_plc import PlcInputs, PlcOutputs, VirtualPlc, count_difference
from senbetsu_errors import NeedsOperator, Retryable, SenbetsuError

_log = structlog.stdlib.get_logger("plc_bridge")

_ALL_OFF = PlcOutputs(0, False, False, 0.0)
_SPIN_S = 0.002
"""A timer of asyncio is up to this much late; the last bit is waited for turn by turn of the loop."""

_BLIND_CYCLES = 5
"""So many cycles without a read of the encoder, no valve stays open: nobody knows where the belt is."""

_SPEED_TOLERANCE = 1.05
_TOO_FAST_FOR_S = 0.5
"""One measured speed is good to some percent; a belt is too fast when it is seen to be so for this long."""

_USUAL_TRIPS = 2.0
"""A read that took longer than this many usual ones is used only when there is no better one."""

_LONGEST_JUMP_MM = 50.0
"""An encoder that departs by more than this, and by more than the belt can have moved, was reset."""


class DirectWire:
    """A `Wire` with the PLC at this end and plain coils at the other."""

    def __init__(self, config: Config) -> None:
        self.receipt_history = RECEIPT_HISTORY_SIZE
        self.mailbox_size = MAILBOX_SIZE
        self._config = config
        self._io = RemoteIo(config)
        self._epoch = 0
        self._running: asyncio.Task[None] | None = None
        self._failure: SenbetsuError | None = None
        self._too_fast: NeedsOperator | None = None
        self._was_refused = False
        self._start_over()

    def _start_over(self) -> None:
        config = self._config
        self._epoch = self._epoch % 0xFFFF + 1
        self._plc = VirtualPlc(
            config.outputs.valve_count,
            config.encoder.counts_per_mm,
            open_delay_ms=config.open_delay_ms,
            close_delay_ms=config.close_delay_ms,
            pc_timeout_ms=config.pc_timeout_ms,
            epoch=self._epoch,
        )
        self._failure = None
        self._closing = False
        self._switching: asyncio.Task[None] | None = None
        self._track = BeltTrack(config.encoder.counts_per_mm)
        self._watch = JitterWatch(config.jitter_ms / 1000)
        self._timing = Timing(0.0, inf, inf, 0)
        self._inputs = PlcInputs(e_stop_ok=False, air_ok=False)
        self._read_trip_s = 0.0
        self._too_fast_since_s = inf
        self._written = _ALL_OFF
        self._written_at_s = 0.0
        self._wake = asyncio.Event()

    def check_pick(self, pick: Pick) -> None:
        """Robots need a PLC."""
        raise NeedsOperator(
            "plc.no_picks",
            f"Direct I/O has no robots, so robot {pick.robot} cannot pick.",
            "Use a PLC with the robots' part of the contract.",
        )

    async def open(self) -> None:
        """Connect, see that nobody else drives the outputs, measure, and begin to scan; a new epoch.

        Raises `Retryable` `plc.unreachable` or `plc.driven_by_another`, `NeedsOperator` `plc.jitter` where
        switching is less exact than declared, or `plc.too_fast` after the belt was.
        """
        if self._too_fast:
            raise self._too_fast
        self._start_over()
        await self._io.open()
        if not await self._io.outputs_are_off():
            raise Retryable(
                "plc.driven_by_another",
                f"Outputs of the station at {self._config.host}:{self._config.port} are on before we switched any: "
                "another controller drives it, or its watchdog did not shut them.",
                f"Let one controller only write to it, and set its fail-safe time to {self._config.watchdog_ms:g} ms.",
            )
        self._timing = await self._measured()
        self._running = asyncio.create_task(self._run(), name="direct io")

    async def read_status(self) -> LineStatus:
        """The status as the last scan left it, with the encoder where it is now."""
        self._check_running()
        return replace(self._plc.status(), encoder=self._track.raw_at(asyncio.get_running_loop().time()))

    async def read_receipts(self, first: int, count: int) -> Sequence[Receipt]:
        """Receipts that the status no longer shows."""
        self._check_running()
        return self._plc.receipt_history(first, count)

    async def write_command(self, image: CommandImage) -> None:
        """Hand the command block to the scan, which takes it at once."""
        self._check_running()
        self._plc.write_command(image)
        self._wake.set()

    async def close(self) -> None:
        """Stop scanning, switch every output off, close. Goes through with that also when it is cancelled."""
        running, self._running = self._running, None
        try:
            if running is not None:
                off = asyncio.create_task(self._switch_off(running), name="direct io off")
                try:
                    await asyncio.shield(off)
                except asyncio.CancelledError:
                    await asyncio.wait([off])
                    raise
        finally:
            self._io.close()

    async def _switch_off(self, running: "asyncio.Task[None]") -> None:
        self._closing = True
        self._wake.set()
        if self._switching is not None:
            # A request under way is waited for: some servers lose the next one if it is given up.
            await asyncio.wait([self._switching], timeout=self._config.request_timeout_ms / 1000)
        running.cancel()
        await asyncio.wait([running])
        try:
            await self._io.write_valves(0)
            await self._io.write_drives(_ALL_OFF)
        except (Retryable, NeedsOperator) as error:
            _log.warning("outputs not confirmed off", reason=str(error), watchdog_ms=self._config.watchdog_ms)

    def _check_running(self) -> None:
        if self._failure is not None:
            raise self._failure
        if self._running is not None and self._running.done():
            self._running.result()  # raises the defect that ended it

    async def _measured(self) -> Timing:
        """Time round trips of what a shot consists of, with every valve shut."""
        loop = asyncio.get_running_loop()
        config = self._config
        switched_s: list[float] = []
        reads_s: list[float] = []
        for _ in range(config.round_trips):
            await self._read()
            reads_s.append(self._read_trip_s)
            due_s = loop.time() + 1.5 * _SPIN_S
            await self._wait_until(due_s)
            await self._io.write_valves(0)
            switched_s.append(loop.time() - due_s)
        timing = Timing.of(switched_s, reads_s)
        speed_mm_s = config.max_speed_mm_s
        figures = (
            f"+-{timing.jitter_s * 1000:.1f} ms (p99 of {timing.round_trips} round trips to "
            f"{config.host}:{config.port}), which at {speed_mm_s:g} mm/s is +-{timing.jitter_s * speed_mm_s:.1f} mm"
        )
        if timing.jitter_s * 1000 > config.jitter_ms:
            if not self._was_refused:
                _log.warning("direct io refused", switches_to=figures, declared_ms=config.jitter_ms)
            self._was_refused = True
            raise NeedsOperator(
                "plc.jitter",
                f"Valves can be switched to {figures}; declared are +-{config.jitter_ms:g} ms.",
                "Take load off the PC and the network, use a faster station, or run slower: "
                "a larger plc.jitter_ms needs a smaller plc.max_speed_mm_s.",
            )
        self._was_refused = False
        _log.info("direct io", switches_to=figures, declared_ms=config.jitter_ms)
        return timing

    async def _run(self) -> None:
        try:
            async with asyncio.TaskGroup() as both:
                both.create_task(self._read_cyclically())
                self._switching = both.create_task(self._switch())
        except* (Retryable, NeedsOperator) as group:
            found: BaseException = group
            while isinstance(found, BaseExceptionGroup):
                found = found.exceptions[0]  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
            assert isinstance(found, SenbetsuError)
            self._failure = found

    async def _read_cyclically(self) -> None:
        loop = asyncio.get_running_loop()
        cycle_s = self._config.cycle_ms / 1000
        while True:
            due_s = loop.time() + cycle_s
            await self._read()
            self._check_speed(loop.time())
            self._wake.set()
            await asyncio.sleep(max(due_s - loop.time(), 0.0))

    async def _read(self) -> None:
        loop = asyncio.get_running_loop()
        self._inputs = await self._io.read_inputs()
        asked_s = loop.time()
        raw = await self._io.read_encoder()
        trip_s = self._read_trip_s = loop.time() - asked_s
        latched_s = asked_s + trip_s / 2
        age_s = latched_s - self._track.observed_at_s
        if age_s < inf and abs(count_difference(raw, self._track.raw_at(latched_s))) > self._farthest_counts(age_s):
            raise Retryable(
                "plc.encoder_jumped",
                f"The encoder jumped to {raw}, farther than any belt moves in {age_s * 1000:.0f} ms.",
                "Nothing on the belt can be placed any more; it starts anew. Check the counter module's supply.",
            )
        # The longer the trip, the less is known about where the belt was when the count was latched.
        if trip_s <= _USUAL_TRIPS * self._timing.read_s or age_s * 1000 > 2 * self._config.cycle_ms:
            self._track.observe(raw, latched_s)

    def _farthest_counts(self, age_s: float) -> float:
        travel_mm = _LONGEST_JUMP_MM + 2 * self._config.max_speed_mm_s * (age_s + self._read_trip_s)
        return travel_mm * self._config.encoder.counts_per_mm

    def _check_speed(self, now_s: float) -> None:
        limit_mm_s = self._config.max_speed_mm_s
        if self._track.speed_mm_s <= limit_mm_s * _SPEED_TOLERANCE:
            self._too_fast_since_s = inf
            return
        self._too_fast_since_s = min(self._too_fast_since_s, now_s)
        if now_s - self._too_fast_since_s > _TOO_FAST_FOR_S:
            self._too_fast = NeedsOperator(
                "plc.too_fast",
                f"The belt ran at {self._track.speed_mm_s:.0f} mm/s and was stopped: Direct I/O is declared good for "
                f"{limit_mm_s:g} mm/s.",
                "Set the drive to the configured speed, then start the line again.",
            )
            raise self._too_fast

    async def _switch(self) -> None:
        """Scan whenever something is due or new; write what has changed, and all of it in time for the watchdog."""
        loop = asyncio.get_running_loop()
        refresh_s = self._config.watchdog_ms / 3000
        while not self._closing:
            self._wake.clear()
            due_s, outputs = self._scan(loop.time())
            refresh = loop.time() - self._written_at_s > refresh_s
            if outputs.valves != self._written.valves or refresh:
                await self._io.write_valves(outputs.valves)
                if outputs.valves != self._written.valves:
                    self._note_switched(loop.time() - due_s)
                self._written = replace(self._written, valves=outputs.valves)
            elif outputs == self._written:
                await self._until_due(loop.time())
                continue
            if refresh or outputs != self._written:
                await self._io.write_drives(outputs)
                self._written = outputs
            if refresh:
                self._written_at_s = loop.time()

    def _scan(self, now_s: float) -> tuple[float, PlcOutputs]:
        """One cycle of the PLC for the moment at which a write sent now acts; and when it should have been sent."""
        if self._blind(now_s):
            return now_s, replace(self._written, valves=0)
        acts_s = now_s + self._timing.lead_s
        encoder, speed_mm_s = self._track.raw_at(acts_s), self._track.speed_mm_s
        overdue_s = -min(self._plc.until_next_change_s(now_s, encoder, speed_mm_s), 0.0)
        return now_s - overdue_s, self._plc.scan(now_s, encoder, speed_mm_s, self._inputs)

    def _blind(self, now_s: float) -> bool:
        return now_s - self._track.observed_at_s > _BLIND_CYCLES * self._config.cycle_ms / 1000

    def _note_switched(self, after_s: float) -> None:
        self._watch.note(after_s - self._timing.lead_s + self._read_trip_s / 2)
        if self._watch.exceeded:
            raise NeedsOperator(
                "plc.jitter_grew",
                "More than 1 % of the valves were switched further off than the declared "
                f"+-{self._config.jitter_ms:g} ms, at worst by {self._watch.worst_s * 1000:.1f} ms.",
                "Take load off the PC and the network, or run slower with a larger plc.jitter_ms.",
            )

    async def _until_due(self, now_s: float) -> None:
        """Wait for news, or until the next valve is to be switched."""
        wait_s = self._config.cycle_ms / 1000
        if not self._blind(now_s):
            encoder = self._track.raw_at(now_s + self._timing.lead_s)
            wait_s = min(wait_s, self._plc.until_next_change_s(now_s, encoder, self._track.speed_mm_s))
        await self._wait_until(now_s + wait_s)

    async def _wait_until(self, due_s: float) -> None:
        loop = asyncio.get_running_loop()
        rough_s = due_s - _SPIN_S - loop.time()
        if rough_s > 0:
            with suppress(TimeoutError):
                async with asyncio.timeout(rough_s):
                    await self._wake.wait()
        await asyncio.sleep(0)
        while loop.time() < due_s and not self._wake.is_set():  # noqa: ASYNC110  (an event comes as late as a timer)
            await asyncio.sleep(0)


class DirectLink(PlcSession):
    """`PlcLink` to a plain remote I/O station."""

    Config = Config

    def __init__(self, config: Config) -> None:
        super().__init__(config, DirectWire(config))
