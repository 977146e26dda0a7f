"""The line: frame results in, orders out, receipts back, the ledger closed.

One task follows vision, one follows the PLC, one publishes. Deciding is synchronous code called from
the first; everything it needs comes in as arguments. The same class runs on hardware, against the
plant over sockets, and in virtual time.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

import structlog

from controller.belt_clock import BeltClock
from controller.config import LineConfig
from controller.ledger import Ledger
from controller.line_state import Conditions, Fault, LineState, command_for, line_state, standing_faults
from controller.odd_keeping import OddKeeping
from controller.schedule import PlannedShot
from controller.sorter import BeltNow, SeenFrame, Sorter
from controller.trigger_pairing import Ready, TriggerPairing
from plc_bridge.contract import LineCommand, LineFlags, LineStatus, Receipt
from plc_bridge.link import LinkState, PlcLink, Shot
from senbetsu_errors import Retryable
from vision.camera_state import CameraChange, CameraState
from vision.health_monitor import HealthMonitor
from vision.results import FrameResult, Idle, ShadowReport

log = structlog.get_logger("line")

LATENCIES_KEPT = 65_536
"""Latency figures are over this many newest samples."""

CAMERA_SILENT_AFTER_S = 1.0
"""Vision shows life at least every 0.1 s; ten times that is a loss."""

VISION_SEVERITY = {"alarm": 380, "warn": 200}
"""Of what the pictures tell: below a device that fails."""

CLEARING_BOUND_S = 60.0
"""How long clearing the belt may take before the line stops with parts on it."""

FRAME_WAITS_S = 0.25
"""How long a frame may wait for its trigger latch; what comes later would be late for its parts anyway."""


@dataclass(slots=True)
class FrameCount:
    """captured = processed + dropped, always."""

    processed: int = 0
    dropped: int = 0
    """Among them those that no trigger latch could be told to belong to."""

    @property
    def captured(self) -> int:
        """Frames that the camera exposed, as far as its sequence numbers tell."""
        return self.processed + self.dropped


@dataclass(frozen=True, slots=True)
class LineEvent:
    """Something that happened, for recorders: `kind` names it, `payload` is the object it is about."""

    kind: str
    at_s: float
    payload: object


class Line:
    """One sorting line. `run` returns when the line has stopped in order."""

    def __init__(
        self,
        config: LineConfig,
        labels: tuple[str, ...],
        link: PlcLink,
        results: AsyncIterator[FrameResult | Idle | CameraChange],
        on_event: Callable[[LineEvent], None] | None = None,
        odd_parts: OddKeeping | None = None,
    ) -> None:
        counts_per_mm = config.belt.encoder_counts_per_mm
        self.config = config
        self.labels = labels
        self.link = link
        self.ledger = Ledger(config.recipe.default_outlet)
        self.frames = FrameCount()
        self.belt = BeltClock(counts_per_mm)
        self.sorter = Sorter(config, labels)
        self.health = HealthMonitor(config.vision.health, labels)
        self.odd_parts = odd_parts
        self.latencies_s: deque[float] = deque(maxlen=LATENCIES_KEPT)
        self.status: LineStatus | None = None
        self.camera: CameraChange | None = None
        self.preview: bytes | None = None
        self.shadow: ShadowReport | None = None
        self.preview_counts: int | None = None
        self._previous_counts: int | None = None
        self._dropped_by_vision = 0
        self.state_since_s = 0.0
        self.started_at_s = 0.0
        self.ran_s = 0.0
        self.pairing = _pairing(config)
        self._counts_per_mm = counts_per_mm
        self._bar_counts = config.jets.distance_mm * counts_per_mm
        self._results = results
        self._on_event = on_event
        self._wanted = LineCommand.NONE
        self._vision_seen_s = 0.0
        self._vision_ended = False
        self._plc_epoch: int | None = None
        self._noted_state: LineState | None = None
        self._faults_since_s: dict[str, float] = {}
        self._stop_requested = asyncio.Event()
        self._moved = asyncio.Event()

    # ---- the life of the line

    async def run(self, for_s: float | None = None) -> None:
        """Run until `for_s` is over, `stop` is called or the source ends; then clear the belt and stop.

        Raises an ExceptionGroup of whatever broke vision or the link for good.
        """
        loop = asyncio.get_running_loop()
        self.started_at_s = self._vision_seen_s = loop.time()
        await self.link.connect()
        try:
            async with asyncio.TaskGroup() as tasks:
                vision = tasks.create_task(self._follow_vision(), name="follow vision")
                plc = tasks.create_task(self._follow_plc(), name="follow plc")
                link = tasks.create_task(self._follow_link(), name="follow link")
                self._want(LineCommand.RUN)
                await self._until_stopped(for_s)
                self.ran_s = loop.time() - self.started_at_s
                if not self._stop_requested.is_set():
                    self._want(LineCommand.CLEAR)
                    await self._until_clear()
                self._want(LineCommand.STOP)
                await self._until_standing()
                vision.cancel()
                plc.cancel()
                link.cancel()
        finally:
            await self.link.close()
            self._account_for_the_rest()
            self.ledger.check()

    def stop(self) -> None:
        """Ask for an orderly stop at once: the belt halts, what lies on it is accounted as missed."""
        self._stop_requested.set()
        self._moved.set()

    @property
    def state(self) -> tuple[LineState, str]:
        """What the line is doing, and why if it is not running."""
        return line_state(self._conditions)

    @property
    def _conditions(self) -> Conditions:
        health = self.link.health
        flags = self.status.flags if self.status else None
        camera_reason = self.camera.reason if self.camera else ""
        return Conditions(self._wanted, health.state, health.reason, flags, self.camera_alive, camera_reason)

    def faults(self) -> list[tuple[Fault, float]]:
        """What is wrong now, the worst first, each with the loop time since which it was seen here."""
        now_s = asyncio.get_running_loop().time()
        faults = standing_faults(self._conditions, self.status.valve_fault if self.status else 0)
        faults += [Fault(a.code, a.text, VISION_SEVERITY[a.level]) for a in self.health.alarms()]
        self._faults_since_s = {fault.code: self._faults_since_s.get(fault.code, now_s) for fault in faults}
        return [(fault, self._faults_since_s[fault.code]) for fault in faults]

    def note_state(self) -> None:
        """Log a change of state once; called whenever something may have changed it."""
        state, reason = self.state
        if state is self._noted_state:
            return
        self._noted_state = state
        self.state_since_s = asyncio.get_running_loop().time()
        log.info("state", state=state.value, **({"reason": reason} if reason else {}))
        self._emit("state", (state, reason))

    @property
    def camera_alive(self) -> bool:
        """Whether vision showed life within its bound."""
        return self._vision_ended or (asyncio.get_running_loop().time() - self._vision_seen_s < CAMERA_SILENT_AFTER_S)

    def _account_for_the_rest(self) -> None:
        """Whoever is still on the belt, decided on or not, was seen and is now missed."""
        if self.pairing:
            self._take_ready(self.pairing.line_stops())
        for part in self.sorter.flush():
            self.ledger.decided(self.sorter.decider.undecided(part), 0.0)
        self.ledger.stopped("line stopped")

    def _want(self, command: LineCommand) -> None:
        self._wanted = command
        self._emit("line_command", command)
        self._pass_command()

    def _pass_command(self) -> None:
        flags = self.status.flags if self.status else LineFlags.E_STOP_OK | LineFlags.AIR_OK
        safe = LineFlags.E_STOP_OK in flags and LineFlags.AIR_OK in flags and LineFlags.FIRE not in flags
        self.link.command(command_for(self._wanted, self.camera_alive, safe), self.config.belt.speed_mm_s)

    async def _until_stopped(self, for_s: float | None) -> None:
        try:
            async with asyncio.timeout(for_s):
                await self._stop_requested.wait()
        except TimeoutError:
            return

    async def _until_clear(self) -> None:
        """With the feed off, wait until what the camera can have seen has passed the valve bar."""
        if not self.belt.known or self.link.health.state is not LinkState.CONNECTED:
            return
        loop = asyncio.get_running_loop()
        part_counts = self.config.vision.max_part_mm * self._counts_per_mm
        lead_in_counts = self.config.jets.clearing_lead_in_mm * self._counts_per_mm
        goal = self.belt.predict(loop.time()) + lead_in_counts + self._bar_counts + 2 * part_counts
        try:
            async with asyncio.timeout(CLEARING_BOUND_S):
                while self.belt.predict(loop.time()) < goal or self.ledger.on_belt:
                    self._moved.clear()
                    await self._moved.wait()
                    if self._stop_requested.is_set() or self.link.health.state is not LinkState.CONNECTED:
                        return
        except TimeoutError:
            log.warning("belt not clear", on_belt=len(self.ledger.on_belt), waited_s=CLEARING_BOUND_S)

    async def _until_standing(self) -> None:
        """Give the PLC a moment to take STOP and to hand back the receipts of what it dropped."""
        try:
            async with asyncio.timeout(1.0):
                while self.link.health.state is LinkState.CONNECTED and self.ledger.orders.open:
                    self._moved.clear()
                    await self._moved.wait()
        except TimeoutError:
            log.warning("orders open at stop", orders=self.ledger.orders.open)

    # ---- vision side

    async def _follow_vision(self) -> None:
        async for result in self._results:
            if isinstance(result, CameraChange):
                self.take_camera_change(result)
                continue
            self._vision_seen_s = asyncio.get_running_loop().time()
            self.link.beat()
            if isinstance(result, Idle):
                self._count_dropped(result.dropped)
            elif self.pairing is None:
                self.take(result)
            else:
                now_s = self._vision_seen_s
                self._take_ready(self.pairing.frame(result.frame_sequence, result.captured_at_s, now_s, result))
        self._vision_ended = True
        self.stop()

    def take_camera_change(self, change: CameraChange) -> None:
        """Keep where the camera stands; a change is no sign of life."""
        self.camera = change
        if self.pairing and change.state is not CameraState.DELIVERING:
            self._take_ready(self.pairing.camera_restarted())
        self._emit("camera", change)
        self.note_state()

    def _take_ready(self, ready: Sequence[Ready[FrameResult]]) -> None:
        """Decide on the frames that have their count; leave out those that can have none."""
        for result, stamp in ready:
            if stamp is None:
                self._previous_counts = None
                self._count_dropped(result.dropped)
            else:
                self.take(replace(result, encoder=stamp))

    def _count_dropped(self, by_vision: int) -> None:
        self._dropped_by_vision = max(self._dropped_by_vision, by_vision)
        self.frames.dropped = self._dropped_by_vision + (self.pairing.unpaired if self.pairing else 0)

    def take(self, result: FrameResult) -> None:
        """Decide on what one frame shows, enter it in the ledger, hand its orders to the link."""
        self.frames.processed += 1
        self.shadow = result.shadow or self.shadow
        self._count_dropped(result.dropped)
        counts = self.belt.unwrap(result.encoder.count)
        if result.preview_jpeg is not None:
            self.preview, self.preview_counts = result.preview_jpeg, self._previous_counts
        self._previous_counts = counts
        if self.link.health.state is not LinkState.CONNECTED:
            self._belt_at(counts)
        now = asyncio.get_running_loop().time()
        if result.health is not None:
            self.health.picture(result.health, now)
        if self.odd_parts:
            self.odd_parts.frame(result, counts)
        faults = self.status.valve_fault if self.status else 0
        belt = BeltNow(max(self.belt.predict(now), counts), self.belt.speed_mm_s, faults)
        seen = SeenFrame(counts, result.encoder.uncertainty_counts, result.view_along_mm, result.detections)
        shots: list[PlannedShot] = []
        for verdict in self.sorter.take(seen, belt):
            part = verdict.decision.part
            gone_by = part.belt_counts + part.behind_mm * self._counts_per_mm + self._bar_counts
            self.ledger.decided(verdict.decision, gone_by)
            self.health.part(int(part.probabilities.argmax()), verdict.decision.unknown, now)
            if self.odd_parts:
                self.odd_parts.decided(verdict.decision, now)
            self._emit("decision", verdict.decision)
            if verdict.not_shot:
                self.ledger.missed(part.part_id, verdict.not_shot)
            elif verdict.shot:
                shots.append(verdict.shot)
        if shots:
            self._submit(shots, result.captured_at_s)
        if self.odd_parts:
            self.odd_parts.send()

    def _submit(self, shots: list[PlannedShot], captured_at_s: float) -> None:
        wire = [Shot(s.lane_first, s.lane_last, s.on_counts & 0xFFFF_FFFF, s.off_counts & 0xFFFF_FFFF) for s in shots]
        try:
            submitted = self.link.submit(wire)
        except Retryable as error:
            for shot in shots:
                self.ledger.missed(shot.part_id, "link down" if error.code == "plc.link_down" else error.code)
            return
        for shot, order in zip(shots, submitted, strict=True):
            self.ledger.ordered(shot)
            self._emit("order", (order.seq, shot))
            order.acknowledged.add_done_callback(partial(self._acknowledged, captured_at_s))
            order.receipt.add_done_callback(partial(self._ended, shot.part_id))

    def _acknowledged(self, captured_at_s: float, acknowledged: "asyncio.Future[float]") -> None:
        self.ledger.acknowledged()
        self.latencies_s.append(acknowledged.result() - captured_at_s)

    def _ended(self, part_id: int, ended: "asyncio.Future[Receipt]") -> None:
        receipt = ended.result()
        self.ledger.receipt(part_id, receipt)
        self._emit("receipt", (part_id, receipt))
        self._moved.set()

    # ---- PLC side

    async def _follow_plc(self) -> None:
        async for status in self.link.statuses():
            self.take_status(status)

    async def _follow_link(self) -> None:
        """Say at once when the link is lost or back: no status comes that would show it."""
        async for _ in self.link.changes():
            self.note_state()
            self._moved.set()

    def take_status(self, status: LineStatus) -> None:
        """Move the belt clock, close what has passed the bar, keep the PLC told what is wanted."""
        if self._plc_epoch not in (None, status.epoch):
            # A restarted PLC may have reset its encoder: nothing on the belt can be placed any more.
            self.belt.restart()
            if self.pairing:
                self._take_ready(self.pairing.plc_restarted())
            for part in self.sorter.flush():
                self.ledger.decided(self.sorter.decider.undecided(part), 0.0)
                self.ledger.missed(part.part_id, "plc restarted")
            for part_id in [i for i, e in self.ledger.on_belt.items() if e.shot is None]:
                self.ledger.missed(part_id, "plc restarted")
        self._plc_epoch = status.epoch
        self.status = status
        counts = self.belt.observe(status.encoder, status.received_at_s, status.belt_speed_mm_s)
        self._belt_at(counts)
        self._emit("status", status)
        if self.pairing:
            self._take_ready(self.pairing.latch(status.trigger_seq, status.trigger_encoder, status.received_at_s))
        self.note_state()
        self._pass_command()

    def _belt_at(self, counts: int) -> None:
        self.ledger.belt_at(counts)
        self._moved.set()

    def _emit(self, kind: str, payload: object) -> None:
        if self._on_event:
            self._on_event(LineEvent(kind, asyncio.get_running_loop().time(), payload))


def _pairing(config: LineConfig) -> TriggerPairing[FrameResult] | None:
    """What gives frames the PLC's latched counts, where the line is configured so."""
    camera = config.camera
    if camera.encoder_from != "plc_trigger":
        return None
    return TriggerPairing(
        latency_min_s=camera.exposure_latency_min_ms / 1000,
        latency_max_s=camera.exposure_latency_max_ms / 1000,
        wait_s=FRAME_WAITS_S,
    )
