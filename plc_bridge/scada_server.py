"""The line for SCADA: an OPC UA server that shows the newest picture, read-only, and says when it is old.

The address space is built once, from the table in plc_bridge/scada_points.py and the PackML nodeset;
after that only values change. `show` writes them; nothing a client does reaches whoever calls it.
"""

import errno
import logging
import socket
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self, cast

import structlog
from asyncua import ua
from asyncua.common.connection import TransportLimits
from asyncua.common.node import Node
from asyncua.server.event_generator import EventGenerator
from asyncua.server.server import Server
from asyncua.ua.attribute_ids import AttributeIds
from cryptography import x509

from plc_bridge.scada_access import CHUNK_BYTES, BoundedServer, Gatekeeper, ReadOnlyServer, identity_tokens
from plc_bridge.scada_config import ScadaConfig, ScadaSecurity
from plc_bridge.scada_packml import ADMIN_OBJECT_TYPE, add_packml, current_states
from plc_bridge.scada_picture import ScadaAlarm, ScadaLine, ScadaPicture
from plc_bridge.scada_points import Point, points
from plc_bridge.scada_ua import ObjectIds, StatusCodes, node_id, nothing, stamped, with_status
from senbetsu_errors import Fatal, NeedsOperator

NAMESPACE = "urn:senbetsu:scada"

STALE_AFTER_S = 1.0
"""Ten pictures of the runtime: from then on values are UncertainLastUsableValue."""
GONE_AFTER_S = 10.0
"""From then on values are BadNoCommunication."""

LARGEST_MESSAGE_BYTES = 4 * 1024 * 1024

# Its own messages name every request of every client; what matters is said here.
logging.getLogger("asyncua").setLevel(logging.CRITICAL)
_log = structlog.stdlib.get_logger("scada")

_SERVICE_LEVEL = {
    StatusCodes.Good: 255,
    StatusCodes.UncertainLastUsableValue: 100,
    StatusCodes.BadNoCommunication: 1,
    StatusCodes.BadWaitingForInitialData: 1,
}


def status_of(age_s: float | None) -> int:
    """The status code of every live value when the newest picture is `age_s` old; None where there was none."""
    if age_s is None:
        return StatusCodes.BadWaitingForInitialData
    if age_s < STALE_AFTER_S:
        return StatusCodes.Good
    return StatusCodes.UncertainLastUsableValue if age_s < GONE_AFTER_S else StatusCodes.BadNoCommunication


class ScadaServer:
    """Async context manager: the server of one line. `port` is the one it listens on.

    Entering raises Fatal `scada.port_in_use`, `scada.port_not_allowed`, `scada.host`, and NeedsOperator
    `scada.certificate`. `now` is asked for the time, to stamp what is fixed and to judge certificates.
    """

    def __init__(self, config: ScadaConfig, line: ScadaLine, now: Callable[[], datetime]) -> None:
        self._config = config
        self._line = line
        self._now = now
        self._points = points(line)
        self._server: BoundedServer | None = None
        self._namespace = self._packml = 0
        self._shown_status: int | None = None
        self._standing: dict[str, ScadaAlarm] = {}
        self._events: EventGenerator | None = None
        self.port = config.port

    async def __aenter__(self) -> Self:
        _check_address(self._config)
        server = BoundedServer(iserver=ReadOnlyServer(Gatekeeper(self._config, self._now)))
        server.disable_clock()  # `show` sets the time: theirs holds up the end of the server for a second
        await server.init()
        await self._introduce(server)
        self._namespace = await server.register_namespace(NAMESPACE)
        self._packml = await add_packml(server, self._namespace)
        self._server = server
        for point in self._points:
            await self._add(point)
        self._events = await server.get_event_generator()
        await self.show(None, None)
        try:
            await server.start()
        except OSError as error:
            raise _cannot_listen(error, self._config) from error
        self.port = server.listening_port
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._server is not None:
            await self._server.stop()

    async def _introduce(self, server: Server) -> None:
        config = self._config
        host = f"[{config.host}]" if ":" in config.host else config.host
        server.set_endpoint(f"opc.tcp://{host}:{config.port}")
        server.socket_address = (config.host, config.port)
        server.set_server_name(f"Senbetsu {self._line.name}")
        server.application_type = ua.ApplicationType.Server
        server.product_uri = "urn:senbetsu"
        server.set_identity_tokens(identity_tokens(config))
        chunks = LARGEST_MESSAGE_BYTES // CHUNK_BYTES
        server.limits = TransportLimits(CHUNK_BYTES, CHUNK_BYTES, chunks, LARGEST_MESSAGE_BYTES)
        if config.security is None:
            await server.set_application_uri("urn:senbetsu:scada:server")
            server.set_security_policy([ua.SecurityPolicyType.NoSecurity])
            _log.warning("scada without security, for this PC itself", port=config.port)
            return
        await _secure(server, config.security)

    async def _add(self, point: Point) -> None:
        """Make the variable of a point, and the folders above it, where PackML's type has not made it."""
        server = self._opened()
        node = server.get_node(self._id(point.path))
        if node.nodeid not in server.iserver.aspace:
            folder, name = await self._folder_of(point.path)
            node = await self._variable(folder, name, point)
        await node.write_attribute(
            AttributeIds.Description,
            ua.DataValue(ua.Variant(ua.LocalizedText(point.meaning), ua.VariantType.LocalizedText)),
        )
        if point.unit is not None and not point.array:
            await node.add_property(
                self._id(f"{point.path}.EngineeringUnits"), "0:EngineeringUnits", point.unit.information()
            )
        if point.high is not None:
            await self._add_range(node, point)

    async def _add_range(self, node: Node, point: Point) -> None:
        limits = ua.Range(Low=0.0, High=point.high or 0.0)
        known = self._id(f"{point.path}.EURange")
        if known in self._opened().iserver.aspace:
            value = ua.DataValue(ua.Variant(limits, ua.VariantType.ExtensionObject))
            await self._opened().write_attribute_value(known, value)
        else:
            await node.add_property(known, "0:EURange", limits)

    async def _folder_of(self, path: str) -> tuple[Node, str]:
        """The object above a point, made where it is missing, and the point's own name."""
        server = self._opened()
        *above, name = path.split(".")
        parent, so_far = server.nodes.objects, ""
        for step in above:
            so_far = f"{so_far}.{step}" if so_far else step
            here = self._id(so_far)
            if here not in server.iserver.aspace:
                await cast(Any, parent).add_folder(here, ua.QualifiedName(step, self._namespace))
            parent = server.get_node(here)
        return parent, name

    async def _variable(self, folder: Node, name: str, point: Point) -> Node:
        """A variable of ours, or one of PackML's Admin with the type's own name, data type and reference."""
        server = self._opened()
        item = ua.AddNodesItem()
        item.RequestedNewNodeId = cast(Any, self._id(point.path))
        item.ParentNodeId = cast(Any, folder.nodeid)
        item.NodeClass = ua.NodeClass.Variable
        item.BrowseName = ua.QualifiedName(name, self._namespace)
        item.ReferenceTypeId = cast(Any, node_id(ObjectIds.HasComponent))
        kind = ObjectIds.AnalogItemType if point.unit and not point.array else ObjectIds.BaseDataVariableType
        item.TypeDefinition = cast(Any, node_id(kind))
        data_type = node_id(point.type.value)
        if point.path.startswith("PackML.Admin."):
            declared = await self._declared(name)
            item.BrowseName = ua.QualifiedName(name, self._packml)
            item.ReferenceTypeId, item.TypeDefinition = declared.ReferenceTypeId, declared.TypeDefinition
            data_type = await server.get_node(declared.NodeId).read_data_type()
        attributes = ua.VariableAttributes()
        attributes.DisplayName = ua.LocalizedText(name)
        attributes.DataType = data_type
        attributes.ValueRank = ua.ValueRank.OneDimension if point.array else ua.ValueRank.Scalar
        attributes.ArrayDimensions = cast(Any, [0] if point.array else None)
        attributes.AccessLevel = attributes.UserAccessLevel = cast(Any, ua.AccessLevel.CurrentRead.mask)
        item.NodeAttributes = cast(Any, attributes)
        (result,) = cast("list[Any]", await server.iserver.isession.add_nodes([item]))
        result.StatusCode.check()
        return server.get_node(result.AddedNodeId)

    async def _declared(self, name: str) -> Any:
        """How PackML's admin type declares its component `name`."""
        admin = self._opened().get_node(node_id(ADMIN_OBJECT_TYPE, self._packml))
        described = cast("list[Any]", await admin.get_children_descriptions())
        return next(child for child in described if child.BrowseName.Name == name)

    async def show(self, picture: ScadaPicture | None, age_s: float | None) -> None:
        """Make `picture`, received `age_s` ago, what clients see; with its age it loses its good status.

        The source timestamp stays the picture's own. Call it for every new picture, and at least once a second.
        """
        await self._tick()
        status = status_of(None if picture is None else age_s)
        if status != self._shown_status or status == StatusCodes.Good:
            at = picture.at if picture else self._now()
            for path, value in self._values(picture, status):
                await self._write(path, value, at)
            if status != self._shown_status:
                level = ua.Variant(_SERVICE_LEVEL[status], ua.VariantType.Byte)
                level_id = node_id(ObjectIds.Server_ServiceLevel)
                await self._opened().write_attribute_value(level_id, ua.DataValue(level))
            self._shown_status = status
        if picture is not None and status == StatusCodes.Good:
            await self._tell(picture)

    async def _tick(self) -> None:
        """The server's own clock, by which clients see that it lives."""
        time = ua.DataValue(ua.Variant(cast(Any, self._now()), ua.VariantType.DateTime))
        await self._opened().write_attribute_value(node_id(ObjectIds.Server_ServerStatus_CurrentTime), time)

    def _values(self, picture: ScadaPicture | None, status: int) -> Iterator[tuple[str, ua.DataValue]]:
        """Every variable's path and value, without timestamps."""
        for point in self._points:
            if point.fixed:
                if self._shown_status is None:
                    yield point.path, _value(point, point.value(self._line, cast(Any, None)), StatusCodes.Good)
            elif picture is None or status == StatusCodes.BadNoCommunication:
                yield point.path, nothing(status)
            else:
                yield point.path, _value(point, point.value(self._line, picture), status)
        if picture is None or status == StatusCodes.BadNoCommunication:
            for path in _STATE_PATHS:
                yield from ((path, nothing(status)), (f"{path}.Id", nothing(status)))
            return
        for current in current_states(picture.packml):
            path = f"{current.machine}.CurrentState"
            if current.name is None or current.number is None:
                inactive = nothing(StatusCodes.BadStateNotActive)
                yield from ((path, inactive), (f"{path}.Id", inactive))
                continue
            name = ua.Variant(ua.LocalizedText(current.name), ua.VariantType.LocalizedText)
            node = ua.Variant(node_id(current.number, self._packml), ua.VariantType.NodeId)
            yield path, with_status(name, status)
            yield f"{path}.Id", with_status(node, status)

    async def _write(self, path: str, value: ua.DataValue, at: datetime) -> None:
        await self._opened().write_attribute_value(self._id(path), stamped(value, at, self._now()))

    async def _tell(self, picture: ScadaPicture) -> None:
        """An event for each alarm that came or went since the last picture."""
        now = {alarm.code: alarm for alarm in picture.alarms}
        for code in now.keys() - self._standing.keys():
            await self._event(now[code], now[code].text, now[code].severity, picture.at)
        for code in self._standing.keys() - now.keys():
            await self._event(self._standing[code], f"{self._standing[code].text} It is over.", 1, picture.at)
        self._standing = now

    async def _event(self, alarm: ScadaAlarm, message: str, severity: int, at: datetime) -> None:
        events = cast(Any, self._events)
        events.event.Severity = severity
        events.event.SourceName = alarm.code
        await events.trigger(at, message)

    def _id(self, path: str) -> ua.NodeId:
        return node_id(path, self._namespace)

    def _opened(self) -> BoundedServer:
        assert self._server is not None
        return self._server


_STATE_PATHS = tuple(
    f"{machine}.CurrentState"
    for machine in (
        "PackML.BaseStateMachine",
        "PackML.BaseStateMachine.MachineState",
        "PackML.BaseStateMachine.MachineState.ExecuteState",
    )
)


def _value(point: Point, value: object, status: int) -> ua.DataValue:
    if value is None:
        return nothing(point.unknown)
    return with_status(ua.Variant(cast(Any, value), point.type, is_array=point.array), status)


async def _secure(server: Server, security: ScadaSecurity) -> None:
    certificate, key = _read(security.certificate), _read(security.key)
    try:
        await server.set_application_uri(_application_uri(certificate))
        await server.load_certificate(cast(Any, certificate), _encoding(certificate))
        await server.load_private_key(cast(Any, key), format=_encoding(key))
        assert server.iserver.certificate is not None
        if server.iserver.certificate.public_key() != server.iserver.private_key.public_key():
            raise ValueError("the key is not the certificate's")
    except (ValueError, TypeError, x509.ExtensionNotFound) as error:
        raise NeedsOperator(
            "scada.certificate",
            f"The certificate {security.certificate} with the key {security.key} cannot be used: {error}.",
            "Give scada.security a certificate with an application URI in it and its own key, without a passphrase.",
        ) from error
    server.set_security_policy([ua.SecurityPolicyType[f"{name}_SignAndEncrypt"] for name in security.policies])


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise NeedsOperator(
            "scada.certificate", f"{path} cannot be read: {error.strerror}.", "Check the paths in scada.security."
        ) from error


def _encoding(content: bytes) -> str:
    return "pem" if content.lstrip().startswith(b"-----BEGIN") else "der"


def _application_uri(certificate: bytes) -> str:
    load = x509.load_pem_x509_certificate if _encoding(certificate) == "pem" else x509.load_der_x509_certificate
    names = load(certificate).extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    uris = names.get_values_for_type(x509.UniformResourceIdentifier)
    if not uris:
        raise ValueError("it has no URI in its subject alternative name")
    return uris[0]


def _check_address(config: ScadaConfig) -> None:
    """Fails on a port in use before the address space is built, which takes a second or two."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(config.host, config.port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        raise _cannot_listen(error, config) from error


def _cannot_listen(error: OSError, config: ScadaConfig) -> Fatal:
    if error.errno == errno.EADDRINUSE:
        return Fatal(
            "scada.port_in_use",
            f"Port {config.port} on {config.host}, where the SCADA server should listen, is already in use.",
            "Stop the program that uses it, or give scada.port in the line's configuration another number.",
        )
    if error.errno == errno.EACCES:
        return Fatal(
            "scada.port_not_allowed",
            f"This user may not listen on port {config.port}.",
            "Give scada.port in the line's configuration a number from 1024 up.",
        )
    return Fatal(
        "scada.host",
        f"The SCADA server cannot listen on {config.host}: {error.strerror}.",
        "Give scada.host in the line's configuration an address of this machine; 127.0.0.1 always works.",
    )
