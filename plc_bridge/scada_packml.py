"""The line as an object of OPC 30050's PackMLBaseObjectType, as far as nodeset and line allow."""

from dataclasses import dataclass
from importlib.resources import as_file, files
from typing import Any, cast

from asyncua import ua
from asyncua.server.server import Server
from asyncua.ua.attribute_ids import AttributeIds

from plc_bridge.scada_picture import PackMLState
from plc_bridge.scada_ua import node_id

PACKML_URI = "http://opcfoundation.org/UA/PackML/"
NODESET = "Opc.Ua.PackML.NodeSet2.xml"
BASE_OBJECT_TYPE = 6
ADMIN_OBJECT_TYPE = 5
MODE_ENUM = 11
"""Numbers of nodes in the nodeset."""

BASE = "PackML.BaseStateMachine"
MACHINE = f"{BASE}.MachineState"
EXECUTE = f"{MACHINE}.ExecuteState"

_CLEARED, _ABORTED = ("Cleared", 71), ("Aborted", 62)
_RUNNING, _STOPPED, _STOPPING = ("Running", 75), ("Stopped", 53), ("Stopping", 54)
_EXECUTE, _HELD = ("Execute", 36), ("Held", 34)
_State = tuple[str, int]

_ACTIVE: dict[PackMLState, tuple[_State, _State | None, _State | None]] = {
    PackMLState.ABORTED: (_ABORTED, None, None),
    PackMLState.STOPPED: (_CLEARED, _STOPPED, None),
    PackMLState.STOPPING: (_CLEARED, _STOPPING, None),
    PackMLState.EXECUTE: (_CLEARED, _RUNNING, _EXECUTE),
    PackMLState.HELD: (_CLEARED, _RUNNING, _HELD),
}
"""Which state each of the three nested machines is in; None where a machine is not active."""

AVAILABLE: dict[str, tuple[_State, ...]] = {
    BASE: (_ABORTED, _CLEARED),
    MACHINE: (_STOPPED, _STOPPING, _RUNNING),
    EXECUTE: (_EXECUTE, _HELD),
}
"""The states that each machine of this line can be in."""


@dataclass(frozen=True, slots=True)
class CurrentState:
    """What the CurrentState of one machine says: name and node number, or neither where it is not active."""

    machine: str
    name: str | None
    number: int | None


def current_states(state: PackMLState) -> tuple[CurrentState, ...]:
    """The CurrentState of the three nested machines, outermost first."""
    active = _ACTIVE[state]
    return tuple(
        CurrentState(machine, *(inner or (None, None))) for machine, inner in zip(AVAILABLE, active, strict=True)
    )


async def add_packml(server: Server, namespace: int) -> int:
    """Load the nodeset and make the object `PackML` below Objects; the nodeset's namespace index.

    Methods stand there because the type demands them; none can be executed.
    """
    with as_file(files("plc_bridge") / "nodesets" / NODESET) as path:
        await cast(Any, server).import_xml(path)
    packml = await server.get_namespace_index(PACKML_URI)
    line = await cast(Any, server.nodes.objects).add_object(
        node_id("PackML", namespace),
        ua.QualifiedName("PackML", namespace),
        objecttype=node_id(BASE_OBJECT_TYPE, packml),
    )
    for method in await line.get_methods():
        for attribute in (AttributeIds.Executable, AttributeIds.UserExecutable):
            await method.write_attribute(attribute, ua.DataValue(ua.Variant(False, ua.VariantType.Boolean)))
    mode = server.get_node(node_id("PackML.Status.UnitModeCurrent", namespace))
    kind = node_id(MODE_ENUM, packml)
    await mode.write_attribute(AttributeIds.DataType, ua.DataValue(ua.Variant(kind, ua.VariantType.NodeId)))
    await _write(server, namespace, "PackML.Status.UnitSupportedModes", ua.Variant(kind, ua.VariantType.NodeId))
    for machine, states in AVAILABLE.items():
        ids = [node_id(number, packml) for _, number in states]
        await _write(
            server, namespace, f"{machine}.AvailableStates", ua.Variant(ids, ua.VariantType.NodeId, is_array=True)
        )
        none = ua.Variant([], ua.VariantType.NodeId, is_array=True)
        await _write(server, namespace, f"{machine}.AvailableTransitions", none)
    return packml


async def _write(server: Server, namespace: int, path: str, value: ua.Variant) -> None:
    await server.write_attribute_value(node_id(path, namespace), ua.DataValue(value))
