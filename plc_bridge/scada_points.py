"""The table of everything that SCADA can read: where it stands, what it is, how it follows from a picture.

The server is built from this table, and so are the tables of docs/integrators/scada.md.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, cast

from asyncua import ua

from plc_bridge.scada_picture import ScadaLine, ScadaPicture
from plc_bridge.scada_ua import StatusCodes

PERCENT = 100.0
_INT32_MASK = 0x7FFF_FFFF
_PRODUCTION = 1
"""ProductionMaintenanceModeEnum of OPC 30050: the line knows no other mode yet."""

NEVER = datetime(1601, 1, 1, tzinfo=UTC)
"""What OPC UA writes for a time that has not been."""

_Type = ua.VariantType


@dataclass(frozen=True, slots=True)
class Unit:
    """A unit by its UNECE code, as EUInformation wants it."""

    code: str
    symbol: str
    name: str

    def information(self) -> ua.EUInformation:
        """What the property EngineeringUnits holds."""
        return ua.EUInformation(
            NamespaceUri="http://www.opcfoundation.org/UA/units/un/cefact",
            UnitId=int.from_bytes(self.code.encode("ascii"), "big"),
            DisplayName=ua.LocalizedText(self.symbol),
            Description=ua.LocalizedText(self.name),
        )


MM_PER_S = Unit("C16", "mm/s", "millimetre per second")
SECOND = Unit("SEC", "s", "second")
MS = Unit("C26", "ms", "millisecond")
PER_S = Unit("C97", "1/s", "reciprocal second")
PIECE = Unit("H87", "pcs", "piece")
PERCENT_UNIT = Unit("P1", "%", "percent")


@dataclass(frozen=True, slots=True)
class Point:
    """One variable. `path` is its string node id and, split at dots, its browse path.

    `value` is None where it is not known; the point then has the status `unknown`. `fixed` points do
    not depend on the runtime and stay good without it; their `value` gets no picture but the line.
    """

    path: str
    type: ua.VariantType
    meaning: str
    value: Callable[[ScadaLine, ScadaPicture], object]
    unit: Unit | None = None
    array: bool = False
    high: float | None = None
    fixed: bool = False
    unknown: int = StatusCodes.BadWaitingForInitialData


def points(line: ScadaLine) -> list[Point]:
    """Every point of a line, except the state machine's (plc_bridge/scada_packml.py)."""
    return [*_senbetsu(line), *_outlets(line), *_classes(line), *_packml(line)]


def _senbetsu(line: ScadaLine) -> Iterator[Point]:
    own = "Senbetsu."
    yield Point(own + "Line", _Type.String, "name of the line", lambda li, p: li.name, fixed=True)
    yield Point(
        own + "Simulated",
        _Type.Boolean,
        "whether anything of the line is simulated",
        lambda li, p: bool(li.simulated_parts),
        fixed=True,
    )
    yield Point(
        own + "SimulatedParts",
        _Type.String,
        "what is simulated: camera, plc, plant",
        lambda li, p: list(li.simulated_parts),
        array=True,
        fixed=True,
    )
    yield Point(own + "State", _Type.String, "what the line is doing, in one word or two", lambda li, p: p.state)
    yield Point(own + "Reason", _Type.String, "why it is not running; empty when all is well", lambda li, p: p.reason)
    yield Point(own + "Uptime", _Type.Double, "since the start of the run", lambda li, p: p.uptime_s, SECOND)
    yield Point(
        own + "Belt.Speed",
        _Type.Double,
        "measured speed of the belt",
        lambda li, p: p.speed_mm_s,
        MM_PER_S,
        high=line.design_speed_mm_s,
    )
    yield Point(
        own + "Belt.SpeedSetpoint",
        _Type.Double,
        "speed that is asked of the PLC",
        lambda li, p: p.speed_setpoint_mm_s,
        MM_PER_S,
        high=line.design_speed_mm_s,
    )
    yield Point(own + "Belt.Encoder", _Type.Int64, "belt encoder, counts, does not wrap", lambda li, p: p.encoder)
    yield Point(own + "Parts.Seen", _Type.UInt64, "parts decided on since the start", lambda li, p: p.seen, PIECE)
    for outcome, meaning in _OUTCOMES.items():
        yield Point(own + f"Parts.{outcome.title()}", _Type.UInt64, meaning, _outcome(outcome), PIECE)
    yield Point(
        own + "Parts.OnBelt",
        _Type.UInt64,
        "seen, and not yet at their end",
        lambda li, p: p.seen - sum(p.outcomes.values()),
        PIECE,
    )
    yield Point(
        own + "Parts.PerSecond", _Type.Double, "seen a second, since the start", lambda li, p: p.parts_per_s, PER_S
    )
    yield Point(
        own + "Parts.MissedReasons",
        _Type.String,
        "reasons for which parts were missed",
        lambda li, p: list(p.missed_by_reason),
        array=True,
    )
    yield Point(
        own + "Parts.MissedCounts",
        _Type.UInt64,
        "how many for each of these reasons",
        lambda li, p: list(p.missed_by_reason.values()),
        PIECE,
        array=True,
    )
    for name, meaning in _ORDERS.items():
        yield Point(own + f"Orders.{name.title()}", _Type.UInt64, meaning, _order(name))
    yield Point(
        own + "Quality.Basis", _Type.String, "where purity, recovery and pieces come from", lambda li, p: p.basis
    )
    yield Point(
        own + "Quality.ValueRatio",
        _Type.Double,
        "value earned of what perfect knowledge would have earned; known only against a simulated plant",
        lambda li, p: _percent(p.value_ratio),
        PERCENT_UNIT,
    )
    yield Point(own + "Link.State", _Type.String, "the link to the PLC, in one word", lambda li, p: p.link_state)
    yield Point(own + "Link.Reason", _Type.String, "why it is not connected", lambda li, p: p.link_reason)
    yield Point(own + "Link.Connected", _Type.Boolean, "whether it is connected", lambda li, p: p.link_up)
    yield Point(own + "Link.Reconnects", _Type.UInt32, "since the start", lambda li, p: p.reconnects)
    yield Point(own + "Camera.State", _Type.String, "ok, or silent", lambda li, p: p.camera_state)
    yield Point(own + "Camera.Captured", _Type.UInt64, "frames that it exposed", lambda li, p: p.frames_captured)
    yield Point(own + "Camera.Processed", _Type.UInt64, "frames looked at", lambda li, p: p.frames_processed)
    yield Point(own + "Camera.Dropped", _Type.UInt64, "frames not looked at", lambda li, p: p.frames_dropped)
    yield Point(
        own + "Latency.P50",
        _Type.Double,
        "frame exposed to order taken by the PLC, median of the newest",
        lambda li, p: p.latency_p50_ms,
        MS,
    )
    yield Point(own + "Latency.P99", _Type.Double, "the same, 99th percentile", lambda li, p: p.latency_p99_ms, MS)
    yield Point(own + "Latency.P999", _Type.Double, "the same, 99.9th percentile", lambda li, p: p.latency_p999_ms, MS)
    yield Point(
        own + "Inputs.EStopOk",
        _Type.Boolean,
        "emergency stop chain closed, as the PLC reports it; for display, not for safety",
        lambda li, p: p.e_stop_ok,
    )
    yield Point(own + "Inputs.AirOk", _Type.Boolean, "air pressure there", lambda li, p: p.air_ok)
    yield Point(own + "Inputs.Fire", _Type.Boolean, "fire contact", lambda li, p: p.fire)
    yield Point(
        own + "Valves.Faulty",
        _Type.UInt16,
        "numbers of the valves that the PLC reports faulty, from 0",
        lambda li, p: list(p.faulty_valves),
        array=True,
    )
    yield Point(own + "Alarms.Count", _Type.UInt32, "alarms that stand now", lambda li, p: len(p.alarms))
    yield Point(
        own + "Alarms.Code",
        _Type.String,
        "their stable codes, the worst first",
        lambda li, p: [a.code for a in p.alarms],
        array=True,
    )
    yield Point(
        own + "Alarms.Text",
        _Type.String,
        "a sentence for each",
        lambda li, p: [a.text for a in p.alarms],
        array=True,
    )
    yield Point(
        own + "Alarms.Since",
        _Type.DateTime,
        "since when each stands, UTC",
        lambda li, p: [a.since for a in p.alarms],
        array=True,
    )
    yield Point(
        own + "Alarms.Severity",
        _Type.UInt16,
        "1 to 1000 as OPC UA has it",
        lambda li, p: [a.severity for a in p.alarms],
        array=True,
    )


_OUTCOMES = {
    "ejected": "shot into an outlet",
    "picked": "picked by a robot",
    "passed": "meant to pass, and did",
    "missed": "could not be brought where they belong",
    "unknown": "of no class that the model is sure of",
}
_ORDERS = {
    "sent": "orders given to the link",
    "acknowledged": "taken by the PLC",
    "fired": "executed",
    "late": "refused by the PLC because their count was past",
    "refused": "refused by the PLC for another reason",
    "cancelled": "dropped by a stop",
    "lost": "nobody can say what became of them",
    "failed": "picks that a robot began and did not bring about",
    "duplicated": "copies that the PLC recognised and ignored",
    "retransmitted": "sent again by the link",
}


def _outlets(line: ScadaLine) -> Iterator[Point]:
    for outlet in line.outlets:
        own = f"Senbetsu.Outlets.{outlet}."
        yield Point(
            own + "Purity",
            _Type.Double,
            "share of the outlet's pieces that belongs there",
            _share("purity", outlet),
            PERCENT_UNIT,
            high=PERCENT,
        )
        yield Point(
            own + "Recovery",
            _Type.Double,
            "share of the pieces that belong there which reached it",
            _share("outlet_recovery", outlet),
            PERCENT_UNIT,
            high=PERCENT,
        )
        if outlet in line.purity_floor:
            yield Point(
                own + "PurityFloor",
                _Type.Double,
                "purity that the recipe promises",
                _floor(outlet),
                PERCENT_UNIT,
                high=PERCENT,
                fixed=True,
            )
        yield Point(own + "Pieces", _Type.Double, "pieces in the outlet", _pieces(outlet), PIECE)
        yield Point(
            own + "PiecesByClass",
            _Type.Double,
            "the same for each class of Senbetsu.Classes.Names",
            _pieces_by_class(outlet),
            PIECE,
            array=True,
        )


def _classes(line: ScadaLine) -> Iterator[Point]:
    yield Point(
        "Senbetsu.Classes.Names",
        _Type.String,
        "the classes of the model, in the order of PiecesByClass",
        lambda li, p: list(li.classes),
        array=True,
        fixed=True,
    )
    for class_id in line.classes:
        yield Point(
            f"Senbetsu.Classes.{class_id}.Recovery",
            _Type.Double,
            "share of the class that reached its right outlet",
            _share("class_recovery", class_id),
            PERCENT_UNIT,
            high=PERCENT,
        )


def _packml(line: ScadaLine) -> Iterator[Point]:
    status, admin = "PackML.Status.", "PackML.Admin."
    yield Point("PackML.TagID", _Type.String, "name of the line", lambda li, p: li.name, fixed=True)
    yield Point(status + "UnitModeCurrent", _Type.Int32, "1, Production: the only mode", lambda li, p: _PRODUCTION)
    speed = {"unit": MM_PER_S, "high": line.design_speed_mm_s}
    yield Point(
        status + "CurMachSpeed",
        _Type.Float,
        "measured speed of the belt",
        lambda li, p: p.speed_mm_s,
        **cast(Any, speed),
    )
    yield Point(
        status + "MachSpeed",
        _Type.Float,
        "speed that is asked of the PLC",
        lambda li, p: p.speed_setpoint_mm_s,
        **cast(Any, speed),
    )
    for name in ("EquipmentBlocked", "EquipmentStarved"):
        yield Point(
            status + name,
            _Type.Boolean,
            "BadNotSupported: the line has no such input",
            lambda li, p: None,
            unknown=StatusCodes.BadNotSupported,
        )
    yield Point(
        admin + "ProdConsumedCount",
        _Type.ExtensionObject,
        "parts seen",
        lambda li, p: [_count(0, "seen", p.seen)],
        array=True,
    )
    yield Point(
        admin + "ProdProcessedCount",
        _Type.ExtensionObject,
        "pieces by outlet and class, ID = outlet * number of classes + class, rounded; Quality.Basis says where "
        "they come from",
        _processed,
        array=True,
    )
    yield Point(
        admin + "ProdDefectiveCount",
        _Type.ExtensionObject,
        "missed parts, one entry a reason",
        lambda li, p: [_count(i, reason, n) for i, (reason, n) in enumerate(p.missed_by_reason.items())],
        array=True,
    )
    yield Point(
        admin + "Alarm", _Type.ExtensionObject, "the alarms that stand, as in Senbetsu.Alarms", _alarms, array=True
    )
    yield Point(admin + "AlarmExtent", _Type.Int32, "how many", lambda li, p: len(p.alarms))
    yield Point(
        admin + "MachDesignSpeed",
        _Type.Float,
        "belt.speed_mm_s of the configuration, mm/s",
        lambda li, p: li.design_speed_mm_s,
        fixed=True,
    )
    yield Point(
        admin + "AccTimeSinceReset", _Type.Int32, "seconds since the start", lambda li, p: int(p.uptime_s) & _INT32_MASK
    )


def _outcome(name: str) -> Callable[[ScadaLine, ScadaPicture], object]:
    return lambda li, p: p.outcomes.get(name, 0)


def _order(name: str) -> Callable[[ScadaLine, ScadaPicture], object]:
    return lambda li, p: getattr(p.orders, name)


def _share(field: str, key: str) -> Callable[[ScadaLine, ScadaPicture], object]:
    return lambda li, p: _percent(getattr(p, field).get(key))


def _floor(outlet: str) -> Callable[[ScadaLine, ScadaPicture], object]:
    return lambda li, p: _percent(li.purity_floor.get(outlet))


def _pieces(outlet: str) -> Callable[[ScadaLine, ScadaPicture], object]:
    return lambda li, p: float(sum(p.pieces.get(outlet, {}).values()))


def _pieces_by_class(outlet: str) -> Callable[[ScadaLine, ScadaPicture], object]:
    return lambda li, p: [float(p.pieces.get(outlet, {}).get(c, 0.0)) for c in li.classes]


def _percent(share: float | None) -> float | None:
    return None if share is None else share * PERCENT


def _processed(line: ScadaLine, picture: ScadaPicture) -> list[Any]:
    named = [
        (f"{outlet}/{class_id}", picture.pieces.get(outlet, {}).get(class_id, 0.0))
        for outlet in line.outlets
        for class_id in line.classes
    ]
    return [_count(number, name, round(pieces)) for number, (name, pieces) in enumerate(named)]


def _count(number: int, name: str, count: int) -> Any:
    """PackMLCountDataType; 64-bit counters wrap to its Int32. The class exists once the nodeset was imported."""
    wrapped = count & _INT32_MASK
    made = cast(Any, ua).PackMLCountDataType
    return made(ID=number, Name=name, Unit=PIECE.information(), Count=wrapped, AccCount=wrapped)


def _alarms(line: ScadaLine, picture: ScadaPicture) -> list[Any]:
    """PackMLAlarmDataType; nothing is acknowledged yet, so AckDateTime is the beginning of time."""
    made = cast(Any, ua).PackMLAlarmDataType
    return [
        made(
            ID=number,
            Value=alarm.severity,
            Message=f"{alarm.code}: {alarm.text}",
            Category=_category(alarm.severity),
            DateTime=alarm.since,
            AckDateTime=NEVER,
            Trigger=True,
        )
        for number, alarm in enumerate(picture.alarms)
    ]


def _category(severity: int) -> int:
    """1 for the worst of OPC UA's five bands of severity, 5 for the mildest."""
    return 5 - min(4, (severity - 1) // 200)
