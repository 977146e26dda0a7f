"""`senbetsu replay`: a recording through today's vision and today's line, and what came out differently."""

import asyncio
from bisect import bisect_right
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from pathlib import Path
from typing import Any

import structlog
from rich.console import Console

from controller.cli.vision import make_pipeline
from controller.clock import VirtualClockLoop, run_virtual, stopwatch_s
from controller.config import LineConfig, load_config
from controller.recording.compare import Comparison, Pair, compare
from controller.recording.recording import BeltMoment, PartStories, PartStory, Recording, read_recording
from controller.recording.topics import message_of
from controller.runtime import Line, LineEvent
from controller.summary import summarise
from plc_bridge.config import PlcConfig
from plc_bridge.contract import CommandImage, LineStatus, Receipt
from plc_bridge.memory_link import Config as MemoryConfig
from plc_bridge.memory_link import MemoryLink, MemoryWire
from plc_bridge.virtual_plc import PlcInputs, VirtualPlc
from senbetsu_errors import NeedsOperator, Retryable
from vision.frame import count_difference
from vision.line_model import line_model
from vision.pipeline import FrameVision
from vision.recording_source import RecordingSource
from vision.results import FrameResult, Idle
from vision.worker import frame_results

log = structlog.get_logger("replay")

SIMULATED = ("PLC: scanned along the recorded encoder", "time")

SCAN_S = 0.001
"""Scan time of the virtual PLC that stands in for the recorded one."""

LINK_GAP_S = 0.5
"""Statuses farther apart than this mean that the recorded link was down between them."""

MOST_TRIGGERS = 1000
"""More camera triggers than this between two statuses are another counter's."""

LISTED = 20
"""How many of the parts that changed are listed."""


def replay(path: Path, config_path: Path | None, against: Path | None) -> dict[str, Any]:
    """Replay a recording in virtual time; the usual summary with `changes` and `recording`.

    Compares with what the recording itself holds, or the recording `against`. Raises what
    `read_recording` and `load_config` raise, and NeedsOperator for a recording that cannot be replayed.
    """
    recording = read_recording(path)
    reference = read_recording(against) if against else recording
    config = load_config(config_path) if config_path else recording.config
    model = line_model(config.vision)
    if not recording.belt:
        raise NeedsOperator(
            "recording.no_status", f"{path} holds no status of the PLC, so the belt's way is unknown.", "Record again."
        )
    if config_path is None and model.manifest.labels != recording.labels:
        raise NeedsOperator(
            "recording.labels",
            f"{path} was recorded with the classes {', '.join(recording.labels)}; the model {model.manifest.name} "
            f"knows {', '.join(model.manifest.labels)}.",
            "Give a configuration whose recipe fits the model with --config.",
        )
    if not recording.finished:
        log.warning("the recording was cut off", path=str(path), frames=recording.frames)
    log.warning("simulated", parts=list(SIMULATED))
    started_s = stopwatch_s()
    line, stories, trusted = run_virtual(_replay(recording, config))
    wall_s = stopwatch_s() - started_s
    summary = summarise(
        line,
        latency_basis="virtual time, in which computing takes none",
        seed=None,
        simulated=SIMULATED,
        truth=None,
        watched=False,
    )
    comparison = compare(reference.parts, stories.parts, config.belt.encoder_counts_per_mm)
    return {
        **summary,
        "speedup": round(line.ran_s / wall_s, 2),
        "virtual_time_trusted": trusted,
        "recording": _described(recording),
        "changes": {
            "against": str(reference.path),
            "model": {"recorded": reference.about["model_sha256"], "replayed": model.manifest.sha256},
            **_told(comparison, config.belt.encoder_counts_per_mm),
        },
    }


async def _replay(recording: Recording, config: LineConfig) -> tuple[Line, PartStories, bool]:
    loop = asyncio.get_running_loop()
    pipeline = make_pipeline(config)
    plc = RecordedPlc(recording.belt, config)
    wire = MemoryWire()
    wire.attach(plc.read_status, plc.write_command, plc.read_receipts)
    link = MemoryLink(_link_config(config), wire)
    stories = PartStories()

    def collect(event: LineEvent) -> None:
        message = message_of(event, pipeline.labels)
        if message:
            stories.take(event.at_s, message[1])

    source = RecordingSource(
        RecordingSource.Config.of(config.camera, recording.path), config.belt.encoder_counts_per_mm
    )
    async with source, aclosing(_results(source, pipeline, recording.belt[-1].at_s)) as results:
        line = Line(config, pipeline.labels, link, results, collect)
        await line.run()
    return line, stories, isinstance(loop, VirtualClockLoop) and loop.trusted


async def _results(
    source: RecordingSource, pipeline: FrameVision, until_s: float
) -> AsyncGenerator[FrameResult | Idle, None]:
    """Results of every recorded frame, then signs of life until the recorded belt stood still for good."""
    loop = asyncio.get_running_loop()
    async for result in frame_results(source, pipeline, preview_hz=0):
        yield result
    while loop.time() < until_s:
        await asyncio.sleep(min(0.05, until_s - loop.time()))
        yield Idle(loop.time(), source.dropped)


class RecordedPlc:
    """A virtual PLC whose encoder and inputs follow the recorded statuses, from loop time 0 on.

    It scans every SCAN_S; between two statuses the encoder moves evenly. Where the recorded PLC had
    restarted it restarts; where statuses are missing it does not answer.
    """

    def __init__(self, moments: tuple[BeltMoment, ...], config: LineConfig) -> None:
        self._moments = moments
        self._times = [moment.at_s for moment in moments]
        self._scans = -1
        self._epoch = moments[0].epoch
        self._trigger_seq = moments[0].trigger_seq
        self._triggers = moments[0].trigger_seq
        self._plc = VirtualPlc(
            config.jets.valve_count,
            config.belt.encoder_counts_per_mm,
            default_speed_mm_s=config.belt.speed_mm_s,
            epoch=self._epoch,
        )

    def read_status(self) -> LineStatus:
        """The status as the scans up to now left it. Raises Retryable where none was recorded."""
        self._catch_up()
        return self._plc.status()

    def write_command(self, image: CommandImage) -> None:
        """Put a command block into the mailbox."""
        self._catch_up()
        self._plc.write_command(image)

    def read_receipts(self, first: int, count: int) -> Sequence[Receipt]:
        """What the PLC remembers in the slots of those receipts."""
        self._catch_up()
        return self._plc.receipt_history(first, count)

    def _catch_up(self) -> None:
        now_s = asyncio.get_running_loop().time()
        due = int(now_s / SCAN_S + 1e-6)
        while self._scans < due:
            self._scans += 1
            self._scan(self._scans * SCAN_S)
        if self._silent_at(now_s):
            raise Retryable("plc.no_answer", "The recorded PLC did not answer at this time.")

    def _scan(self, at_s: float) -> None:
        index = max(0, bisect_right(self._times, at_s) - 1)
        now = self._moments[index]
        if now.epoch != self._epoch:
            self._epoch = now.epoch
            self._trigger_seq = 0
            self._plc.restart()
        then = now
        encoder, speed_mm_s = now.encoder, now.belt_speed_mm_s
        if at_s > now.at_s and index + 1 < len(self._moments):
            then = self._moments[index + 1]
            if then.epoch == now.epoch:
                share = (at_s - now.at_s) / (then.at_s - now.at_s)
                encoder += round(share * count_difference(then.encoder, now.encoder))
                speed_mm_s += share * (then.belt_speed_mm_s - now.belt_speed_mm_s)
        self._latch(now, encoder)
        self._latch(then, encoder)
        inputs = PlcInputs(now.e_stop_ok, now.air_ok, now.fire, now.valve_fault)
        self._plc.scan(at_s, encoder % 2**32, speed_mm_s, inputs)

    def _latch(self, moment: BeltMoment, encoder: int) -> None:
        """Count the triggers up to a status' once the belt has come to where the last of them was latched."""
        ahead = count_difference(moment.trigger_seq, self._trigger_seq)
        there = count_difference(encoder % 2**32, moment.trigger_encoder) >= 0
        if moment.epoch != self._epoch or ahead <= 0 or not there:
            return
        for _ in range(min(ahead, MOST_TRIGGERS)):
            self._plc.latch_trigger(moment.trigger_encoder)
        self._trigger_seq = moment.trigger_seq

    def _silent_at(self, now_s: float) -> bool:
        after = bisect_right(self._times, now_s)
        if after == 0:
            return self._times[0] - now_s > LINK_GAP_S
        return after < len(self._times) and self._times[after] - self._times[after - 1] > LINK_GAP_S


def _link_config(config: LineConfig) -> MemoryConfig:
    common = config.plc.model_dump(include=set(PlcConfig.model_fields))
    return MemoryConfig.model_validate({**common, "backend": "memory"})


def _described(recording: Recording) -> dict[str, Any]:
    about = recording.about
    return {
        "path": str(recording.path),
        "finished": recording.finished,
        "frames": recording.frames,
        "dropped": recording.dropped,
        "parts_without_frame": recording.parts_without_frame,
        "line": about["line"],
        "started_at_utc": about["started_at_utc"],
        "software": about["software"],
        "model": about["model"],
        "simulated": about["simulated"],
        "frame_encoding": about["frame_encoding"],
    }


def _told(comparison: Comparison, counts_per_mm: float) -> dict[str, Any]:
    changed = comparison.changed
    told = [
        *(_part("changed", pair.before, pair, counts_per_mm) for pair in changed),
        *(_part("only recorded", story, None, counts_per_mm) for story in comparison.only_before),
        *(_part("only replayed", story, None, counts_per_mm) for story in comparison.only_after),
    ]
    return {
        "total": comparison.total,
        "matched": len(comparison.pairs),
        "changed": len(changed),
        "only_recorded": len(comparison.only_before),
        "only_replayed": len(comparison.only_after),
        "by_field": dict(comparison.by_field),
        "parts": sorted(told, key=lambda part: part["at_s"])[:LISTED],
    }


def _part(what: str, story: PartStory, pair: Pair | None, counts_per_mm: float) -> dict[str, Any]:
    return {
        "what": what,
        "at_s": round(story.at_s, 3),
        "belt_mm": round(story.part.belt_counts / counts_per_mm, 1),
        "across_mm": round(story.part.across_mm, 1),
        "class": story.part.class_id,
        "outlet": story.part.outlet,
        "fields": {name: list(change) for name, change in pair.changed.items()} if pair else {},
    }


def print_changes(changes: dict[str, Any]) -> None:
    """Say for people what a replay changed, on stdout."""
    console = Console()
    console.print(f"changes against {changes['against']}: {changes['total']} of {changes['matched']} matched parts")
    console.print(", ".join(f"{name} {count}" for name, count in changes["by_field"].items() if count) or "none")
    for part in changes["parts"]:
        fields = "; ".join(f"{name} {old} → {new}" for name, (old, new) in part["fields"].items())
        place = f"{part['at_s']} s, {part['across_mm']} mm across"
        console.print(f"  {part['what']}: {part['class']} to {part['outlet']} at {place} {fields}", highlight=False)
