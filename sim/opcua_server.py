"""The virtual PLC behind a real OPC UA server (asyncua), open or with certificates and users."""

import asyncio
import hmac
import logging
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, cast

from asyncua import ua
from asyncua.common.callback import CallbackType
from asyncua.common.utils import ServiceError
from asyncua.crypto.permission_rules import User, UserRole
from asyncua.server.server import Server
from asyncua.ua.attribute_ids import AttributeIds
from asyncua.ua.object_ids import ObjectIds
from asyncua.ua.status_codes import StatusCodes
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from plc_bridge import pki
from plc_bridge.codec import Codec
from plc_bridge.contract import CommandImage
from plc_bridge.opcua_nodes import BrowsePath, parse_node
from plc_bridge.opcua_serving import secure_server
from plc_bridge.pki_clock import utc_now
from plc_bridge.pki_trust import TrustList, certificates_in
from plc_bridge.tagmap import TagMap
from plc_bridge.virtual_plc import VirtualPlc
from senbetsu_errors import NeedsOperator
from sim.config import OpcuaSecurityConfig
from sim.modbus_server import newest_receipts

for _name in ("asyncua.server", "asyncua.crypto", "asyncua.common"):
    logging.getLogger(_name).setLevel(logging.CRITICAL)

NAMESPACE = "urn:senbetsu:plc"
SAMPLING_S = 0.01
DEFAULT_METHOD = "ns=2;s=Senbetsu.WriteCommand"
POLICIES = tuple(
    ua.SecurityPolicyType[f"{policy}_{mode}"]
    for policy in ("Basic256Sha256", "Aes128Sha256RsaOaep", "Aes256Sha256RsaPss")
    for mode in ("Sign", "SignAndEncrypt")
)


@dataclass(frozen=True, slots=True)
class ServerSecurity:
    """What the server shows, which clients it talks to and which users it lets in.

    `passwords` are by user name, `user_certificates` those of certificate users; with neither,
    anonymous users of a trusted client may read and write.
    """

    identity: pki.Identity
    clients: TrustList
    passwords: Mapping[str, str] = field(default_factory=dict[str, str])
    user_certificates: Sequence[x509.Certificate] = ()
    policies: Sequence[ua.SecurityPolicyType] = POLICIES


def security_of(config: OpcuaSecurityConfig | None) -> ServerSecurity | None:
    """What the configuration says, its files read. Raises `NeedsOperator` `plc.security`."""
    if config is None:
        return None
    passwords: dict[str, str] = {}
    if config.user is not None and config.password_file is not None:
        passwords[config.user] = pki.read_file(config.password_file).decode().split("\n", 1)[0].rstrip("\r")
    return ServerSecurity(
        pki.load_identity(config.certificate, config.key),
        TrustList(config.trust_list),
        passwords,
        certificates_in(config.user_certificates) if config.user_certificates else (),
    )


class _Users:
    """Who may connect. The library's own default lets everyone in with any password."""

    def __init__(self, security: ServerSecurity | None) -> None:
        self._passwords: Mapping[str, str] = security.passwords if security else {}
        certificates = security.user_certificates if security else ()
        self._certificates = {c.public_bytes(serialization.Encoding.DER) for c in certificates}

    @property
    def tokens(self) -> list[type]:
        """The kinds of user that the endpoints announce."""
        tokens: list[type] = []
        if self._passwords:
            tokens.append(ua.UserNameIdentityToken)
        if self._certificates:
            tokens.append(ua.X509IdentityToken)
        return tokens or [ua.AnonymousIdentityToken]

    def get_user(
        self, iserver: object, username: str | None = None, password: str | None = None, certificate: object = None
    ) -> User | None:
        if username is not None:
            expected = self._passwords.get(username)
            known = expected is not None and hmac.compare_digest((password or "").encode(), expected.encode())
            return User(role=UserRole.User, name=username) if known else None
        if self._passwords or self._certificates:
            return User(role=UserRole.User) if certificate in self._certificates else None
        return User(role=UserRole.User)


async def _secure(server: Server, security: ServerSecurity) -> None:
    def refusal(certificate: x509.Certificate) -> int | None:
        now = utc_now()
        if not certificate.not_valid_before_utc <= now <= certificate.not_valid_after_utc:
            return StatusCodes.BadCertificateTimeInvalid
        host = next(iter(pki.hosts(certificate)), "")  # a server does not know its clients' names
        if security.clients.findings([certificate], now, host, ""):
            security.clients.reject(certificate)
            return StatusCodes.BadCertificateUntrusted
        return None

    async def validate(certificate: x509.Certificate, description: Any) -> None:
        refused = refusal(certificate)
        if refused is None and pki.application_uri(certificate) != str(description.ApplicationUri):
            refused = StatusCodes.BadCertificateUriInvalid
        if refused is not None:
            raise ServiceError(refused)

    await secure_server(server, security.identity, security.policies, lambda c: refusal(c) is None)
    server.set_certificate_validator(validate)


@asynccontextmanager
async def serve_opcua(
    plc: VirtualPlc, host: str, port: int, tag_map: TagMap, *, security: ServerSecurity | None = None
) -> AsyncGenerator[int]:
    """Serve `plc` at `opc.tcp://host:port` while the context is open; yields the port, which a
    `port` of 0 lets the system choose.

    Without `security` anybody may connect, unsigned; with it only signed or encrypted connections of
    trusted clients are taken, and only its users.
    Reading the status node shows the last scan, reading the history node the last receipts; writing the
    command node, or calling `WriteCommand` with the same array, hands the block to the PLC, or is
    refused whole with BadOutOfRange when it cannot be one. All lie in the object `Senbetsu`.

    Raises `NeedsOperator` `plant.port_in_use`, or `Fatal` `config.tags` for a node that is none.
    """
    codec = Codec(tag_map)
    users = _Users(security)
    server = Server(user_manager=cast(Any, users))
    await server.init()
    server.set_endpoint(f"opc.tcp://{host}:{port}")
    server.set_server_name("Senbetsu virtual PLC")
    server.set_identity_tokens(users.tokens)
    if security is None:
        server.set_security_policy([ua.SecurityPolicyType.NoSecurity])
    else:
        await _secure(server, security)
    await server.register_namespace(NAMESPACE)
    status = await _add_array(server, tag_map.status.node, "Status", codec.status_span.stop)
    command = await _add_array(server, tag_map.command.node, "Command", codec.command_span.stop)
    await command.set_writable()

    def show_status(*_: object) -> ua.DataValue:
        words = [0] * codec.status_span.start + codec.encode_status(plc.status())
        return ua.DataValue(ua.Variant(words, ua.VariantType.UInt32))

    server.iserver.aspace.set_attribute_value_callback(status.nodeid, AttributeIds.Value, show_status)
    if codec.receipt_history:
        slots = range(codec.receipt_history)
        span = codec.history_span(slots)
        assert tag_map.history is not None
        history = await _add_array(server, tag_map.history.node, "History", span.stop)

        def show_history(*_: object) -> ua.DataValue:
            words = [0] * span.start + codec.encode_receipts(newest_receipts(plc, len(slots)), slots)
            return ua.DataValue(ua.Variant(words, ua.VariantType.UInt32))

        server.iserver.aspace.set_attribute_value_callback(history.nodeid, AttributeIds.Value, show_history)

    def command_in(words: Sequence[int]) -> CommandImage:
        try:
            return codec.decode_command(list(words)[codec.command_span.start :])
        except NeedsOperator as error:
            raise ua.uaerrors.BadOutOfRange() from error

    def written(event: Any) -> list[tuple[int, CommandImage]]:
        return [
            (index, command_in(write.Value.Value.Value))
            for index, write in enumerate(event.request_params.NodesToWrite)
            if write.NodeId == command.nodeid and event.is_external
        ]

    def check_command(event: Any, _: object) -> None:
        written(event)

    def take_command(event: Any, _: object) -> None:
        for index, image in written(event):
            if event.response_params[index].is_good():
                plc.write_command(image)

    def call_command(_parent: object, words: Any) -> list[Any]:
        plc.write_command(command_in(words.Value))
        return []

    server.subscribe_server_callback(CallbackType.PreWrite, check_command)
    server.subscribe_server_callback(CallbackType.PostWrite, take_command)
    await _add_method(server, tag_map.command.method or DEFAULT_METHOD, call_command)
    try:
        await server.start()
    except OSError as error:
        await server.stop()
        raise NeedsOperator(
            "plant.port_in_use",
            f"The virtual PLC's OPC UA server cannot listen on {host}:{port}: {error.strerror}.",
            "Something else uses the port, or the address is not of this machine: change plant.servers.opcua.",
        ) from error
    publishing = asyncio.create_task(_publish(server, status.nodeid, show_status), name="opc ua publisher")
    try:
        yield cast(Any, server.bserver).port
    finally:
        publishing.cancel()
        await asyncio.wait([publishing])
        await server.stop()


async def _publish(server: Server, node: ua.NodeId, value: Callable[[], ua.DataValue]) -> None:
    """Sample the status for those who subscribe to it: the library publishes only what is written."""
    subscribed: dict[int, Any] = server.iserver.aspace[node].attributes[AttributeIds.Value].datachange_callbacks
    while True:
        if subscribed:
            shown = value()
            for handle, notify in list(subscribed.items()):
                await notify(handle, shown)
        await asyncio.sleep(SAMPLING_S)


async def _place(server: Server, text: str, name: str) -> tuple[Any, ua.NodeId, ua.QualifiedName]:
    """Parent, node id and browse name of a node that the tag map writes as `text`."""
    node = parse_node(text)
    parent: Any = server.nodes.objects
    if not isinstance(node, BrowsePath):
        names = [ua.QualifiedName("Senbetsu", 2), ua.QualifiedName(name, 2)]
    else:
        names = list(node.elements[1:])  # below Objects
        node = _node_id("/".join(str(element.Name) for element in names), names[-1].NamespaceIndex)
    for element in names[:-1]:
        children = {(await child.read_browse_name()).Name: child for child in await parent.get_children()}
        parent = children.get(element.Name) or await parent.add_object(
            _node_id(str(element.Name), element.NamespaceIndex), element
        )
    return parent, node, names[-1]


def _node_id(identifier: object, namespace: object) -> ua.NodeId:
    return ua.NodeId(cast(Any, identifier), cast(Any, namespace))


async def _add_array(server: Server, text: str | None, name: str, length: int) -> Any:
    parent, node, browse_name = await _place(server, cast(str, text), name)
    return await parent.add_variable(node, browse_name, ua.Variant([0] * length, ua.VariantType.UInt32))


async def _add_method(server: Server, text: str, call: Callable[[object, Any], list[Any]]) -> None:
    parent, node, browse_name = await _place(server, text, "WriteCommand")
    words: Any = ua.Argument()
    words.Name = "Words"
    words.DataType = _node_id(ObjectIds.UInt32, 0)
    words.ValueRank = 1
    await parent.add_method(node, browse_name, call, [words], [])
