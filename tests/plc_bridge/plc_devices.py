"""A scan of the virtual PLC and a scan of the Structured Text program, asked and told in the same words."""

from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any, Protocol

import plc_bridge
from plc_bridge.contract import (
    CommandImage,
    JetOrder,
    LineCommand,
    OrderKind,
    PickOrder,
    Receipt,
    ReceiptCode,
    RobotFlags,
    RobotStatus,
)
from plc_bridge.robot_jobs import RobotInputs, RobotOutputs
from plc_bridge.tags import PICK_FIELDS, STATUS_TAGS
from plc_bridge.virtual_plc import PlcInputs, VirtualPlc
from tests.plc_bridge.structured_text import Program, Runtime

PROGRAM_FOLDER = Path(plc_bridge.__file__).parent / "plc_program"
FROM_THE_SITE = frozenset({"encoder", "belt_speed_mm_s", "valve_fault"})
"""Status tags that the program around the function block fills in."""
_COMPARED = tuple(name for name in STATUS_TAGS if name not in FROM_THE_SITE)


@dataclass(frozen=True, slots=True)
class Settings:
    """What both are told about the machine."""

    valve_count: int = 64
    counts_per_mm: float = 10.0
    open_delay_ms: float = 8.0
    close_delay_ms: float = 8.0
    pc_timeout_ms: float = 500.0
    standstill_shut_ms: float = 200.0
    default_speed_mm_s: float = 1000.0
    epoch: int = 70_000
    robots: int = 0
    robot_reach_mm: float = 300.0


@dataclass(frozen=True, slots=True)
class ScanInputs:
    """What a PLC finds at the start of a scan; `command` is what stands in its registers."""

    encoder: int = 0
    belt_speed_mm_s: float = 0.0
    e_stop_ok: bool = True
    air_ok: bool = True
    fire: bool = False
    trigger: bool = False
    robots: tuple[RobotInputs, ...] = ()
    command: CommandImage | None = None


@dataclass(frozen=True, slots=True)
class ScanOutputs:
    """What a scan left: status tags, the receipts it wrote, valves as a mask, drives, what robots are told and
    how they are shown."""

    status: dict[str, int]
    valves: int
    belt_run: bool
    feed_run: bool
    speed_mm_s: float
    receipts: tuple[Receipt, ...] = field(default=())
    robots: tuple[tuple[RobotOutputs, RobotStatus], ...] = ()


class Device(Protocol):
    """One PLC, scan by scan."""

    def scan(self, now_us: int, inputs: ScanInputs) -> ScanOutputs:
        """One cycle."""
        ...


class Virtual:
    """plc_bridge/virtual_plc.py."""

    def __init__(self, settings: Settings) -> None:
        self._plc = VirtualPlc(
            settings.valve_count,
            settings.counts_per_mm,
            open_delay_ms=settings.open_delay_ms,
            close_delay_ms=settings.close_delay_ms,
            pc_timeout_ms=settings.pc_timeout_ms,
            standstill_shut_ms=settings.standstill_shut_ms,
            default_speed_mm_s=settings.default_speed_mm_s,
            epoch=settings.epoch,
            robots=settings.robots,
            robot_reach_mm=settings.robot_reach_mm,
        )
        self._trigger = False
        self._receipts_seen = 0

    def scan(self, now_us: int, inputs: ScanInputs) -> ScanOutputs:
        plc = self._plc
        if inputs.trigger and not self._trigger:
            plc.latch_trigger(inputs.encoder)
        self._trigger = inputs.trigger
        if inputs.command is not None:
            plc.write_command(inputs.command)
        wired = PlcInputs(inputs.e_stop_ok, inputs.air_ok, inputs.fire, robots=inputs.robots)
        outputs = plc.scan(now_us / 1e6, inputs.encoder, inputs.belt_speed_mm_s, wired)
        status = plc.status()
        new = status.receipt_total - self._receipts_seen
        receipts = tuple(plc.receipt_history(self._receipts_seen, new))
        self._receipts_seen = status.receipt_total
        assert status.receipts[-new:] == receipts[-len(status.receipts) :] if new else True
        return ScanOutputs(
            status={name: int(getattr(status, name)) for name in _COMPARED},
            valves=outputs.valves,
            belt_run=outputs.belt_run,
            feed_run=outputs.feed_run,
            speed_mm_s=outputs.speed_setpoint_mm_s,
            receipts=receipts,
            robots=tuple(zip(outputs.robots, status.robots, strict=True)),
        )


@cache
def program() -> Program:
    """The function block and what belongs to it, compiled."""
    names = ("senbetsu.st", "site.st")
    return Program(*((PROGRAM_FOLDER / name).read_text(encoding="utf-8") for name in names))


class Reference:
    """plc_bridge/plc_program/senbetsu.st, run by our reading of Structured Text."""

    def __init__(self, settings: Settings) -> None:
        self._runtime = Runtime()
        self._block = program().instance("SENBETSU", self._runtime)
        self._settings: dict[str, Any] = {
            "start_epoch": settings.epoch,
            "valve_count": settings.valve_count,
            "counts_per_mm": settings.counts_per_mm,
            "open_delay_s": settings.open_delay_ms / 1000,
            "close_delay_s": settings.close_delay_ms / 1000,
            "pc_timeout": round(settings.pc_timeout_ms * 1000),
            "standstill_shut": round(settings.standstill_shut_ms * 1000),
            "default_speed_mm_s": settings.default_speed_mm_s,
            "robot_count": settings.robots,
            "robot_reach_mm": settings.robot_reach_mm,
        }
        self._robots = settings.robots
        self._robot_inputs = self._block.robot_inputs
        self._orders = self._block.orders
        self._receipts_seen = 0

    def scan(self, now_us: int, inputs: ScanInputs) -> ScanOutputs:
        block = self._block
        self._runtime.now_us = now_us
        command = inputs.command or CommandImage(0, 0, LineCommand.NONE, 0.0, 0, ())
        for slot, order in zip(self._orders, command.orders, strict=False):
            slot.seq, slot.kind = order.seq, order.kind
            if isinstance(order, PickOrder):
                for name in PICK_FIELDS:
                    setattr(slot, name, getattr(order, name))
                continue
            slot.lane_first, slot.lane_last = order.lane_first, order.lane_last
            slot.on_count, slot.off_count = order.on_count, order.off_count
        for number, slot in enumerate(self._robot_inputs):
            told = inputs.robots[number] if number < len(inputs.robots) else RobotInputs()
            for name in ("ready", "automatic", "fault", "ack", "done", "result"):
                setattr(slot, name, getattr(told, name))
        block(
            **self._settings,
            encoder=inputs.encoder,
            belt_speed_mm_s=inputs.belt_speed_mm_s,
            e_stop_ok=inputs.e_stop_ok,
            air_ok=inputs.air_ok,
            fire=inputs.fire,
            trigger=inputs.trigger,
            pc_epoch=command.pc_epoch,
            pc_heartbeat=command.pc_heartbeat,
            line_command=int(command.line_command),
            speed_setpoint_mm_s=command.speed_setpoint_mm_s,
            batch=command.batch,
            order_count=len(command.orders),
            orders=self._orders,
            robot_inputs=self._robot_inputs,
        )
        total = block.receipt_total
        numbers = [number % 0x1_0000_0000 for number in range(self._receipts_seen, total)]
        receipts = tuple(self._receipt(block.history[number % 256]) for number in numbers)
        assert [self._receipt(block.receipts[number % 16]) for number in numbers[-16:]] == list(receipts[-16:])
        self._receipts_seen = total
        return ScanOutputs(
            status={name: getattr(block, name) for name in _COMPARED},
            valves=sum(1 << valve for valve, current in enumerate(block.valves) if current),
            belt_run=block.belt_run,
            feed_run=block.feed_run,
            speed_mm_s=block.speed_mm_s,
            receipts=receipts,
            robots=tuple(self._robot(number) for number in range(self._robots)),
        )

    def _robot(self, number: int) -> tuple[RobotOutputs, RobotStatus]:
        """What a robot is told; of the order only what it is told."""
        told, shown = self._block.robot_outputs[number], self._block.robots[number]
        values = {name: getattr(told, name) for name in PICK_FIELDS if name != "robot"}
        seq = next((job.seq for job in self._block.jobs if job.number == told.job), 0)
        pick = PickOrder(seq=seq, robot=number, **values) if told.job else None
        outputs = RobotOutputs(told.job, pick, told.active, told.confirmed)
        flags = RobotFlags(shown.flags)
        return outputs, RobotStatus(flags, shown.active_seq, shown.job_done, shown.job_result, shown.fault)

    @staticmethod
    def _receipt(slot: Any) -> Receipt:
        return Receipt(slot.seq, ReceiptCode(slot.code), slot.count)


def _order(seq: int, lane_first: int, lane_last: int, on_count: int, off_count: int, kind: int = 1) -> JetOrder:
    return JetOrder(seq, lane_first, lane_last, on_count, off_count, OrderKind(kind))


def _record(record: list[Any]) -> JetOrder | PickOrder:
    return PickOrder(*record[1:]) if record[0] == "pick" else _order(*record)


def command_image(text: dict[str, Any]) -> CommandImage:
    """A command block from a trace: orders are lists of seq, lane_first, lane_last, on_count, off_count,
    and kind where it is no jet; or "pick" and the values of a `PickOrder`."""
    return CommandImage(
        pc_epoch=text["pc_epoch"],
        pc_heartbeat=text.get("pc_heartbeat", 0),
        line_command=LineCommand(text.get("line_command", 0)),
        speed_setpoint_mm_s=float(text.get("speed_setpoint_mm_s", 0)),
        batch=text.get("batch", 0),
        orders=tuple(_record(order) for order in text.get("orders", ())),
    )


def beating(image: CommandImage, beats: int) -> CommandImage:
    """The same block, `beats` heartbeats later."""
    return replace(image, pc_heartbeat=(image.pc_heartbeat + beats) & 0xFFFF)
