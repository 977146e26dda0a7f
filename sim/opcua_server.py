"""The virtual PLC behind a real OPC UA server (asyncua)."""

import hmac
import logging
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, cast

from asyncua import ua
from asyncua.common.callback import CallbackType
from asyncua.crypto.permission_rules import User, UserRole
from asyncua.server.server import Server
from asyncua.ua.attribute_ids import AttributeIds

from plc_bridge.codec import Codec
from plc_bridge.tagmap import TagMap
from plc_bridge.virtual_plc import VirtualPlc
from senbetsu_errors import NeedsOperator

logging.getLogger("asyncua.server").setLevel(logging.CRITICAL)

NAMESPACE = "urn:senbetsu:plc"


@dataclass(frozen=True, slots=True)
class ServerCertificate:
    """What the server shows: certificate and key, DER or PEM contents."""

    certificate: bytes
    key: bytes
    encoding: str = "pem"


class _Users:
    """Who may connect. The library's own default lets everyone in with any password."""

    def __init__(self, passwords: Mapping[str, str] | None) -> None:
        self._passwords = passwords

    def get_user(
        self, iserver: object, username: str | None = None, password: str | None = None, certificate: object = None
    ) -> User | None:
        if self._passwords is None:
            return User(role=UserRole.User) if username is None else None
        expected = self._passwords.get(username or "")
        known = expected is not None and hmac.compare_digest((password or "").encode(), expected.encode())
        return User(role=UserRole.User, name=username) if known else None


@asynccontextmanager
async def serve_opcua(
    plc: VirtualPlc,
    host: str,
    port: int,
    tag_map: TagMap,
    *,
    certificate: ServerCertificate | None = None,
    passwords: Mapping[str, str] | None = None,
) -> AsyncGenerator[int]:
    """Serve `plc` at `opc.tcp://host:port` while the context is open; yields the port, which a
    `port` of 0 lets the system choose.

    With `certificate` only Basic256Sha256 SignAndEncrypt is offered, without it only no security.
    With `passwords` (user to password) users must log in, without it only anonymous ones may.
    Reading the status node shows the last scan; writing the command node hands the block to the
    PLC, or is refused whole with BadOutOfRange when it cannot be one.

    Raises `NeedsOperator` `plant.port_in_use`.
    """
    codec = Codec(tag_map)
    server = Server(user_manager=cast(Any, _Users(passwords)))
    await server.init()
    server.set_endpoint(f"opc.tcp://{host}:{port}")
    server.set_server_name("Senbetsu virtual PLC")
    if certificate is None:
        server.set_security_policy([ua.SecurityPolicyType.NoSecurity])
    else:
        await server.load_certificate(cast(Any, certificate.certificate), certificate.encoding)
        await server.load_private_key(cast(Any, certificate.key), format=certificate.encoding)
        server.set_security_policy([ua.SecurityPolicyType.Basic256Sha256_SignAndEncrypt])
    await server.register_namespace(NAMESPACE)
    status_id = ua.NodeId.from_string(cast(str, tag_map.status.node))
    command_id = ua.NodeId.from_string(cast(str, tag_map.command.node))
    folder = server.nodes.objects
    status_words = [0] * codec.status_span.stop
    status = await folder.add_variable(status_id, "Status", ua.Variant(status_words, ua.VariantType.UInt32))
    command_words = [0] * codec.command_span.stop
    command = await folder.add_variable(command_id, "Command", ua.Variant(command_words, ua.VariantType.UInt32))
    await command.set_writable()

    def show_status(*_: object) -> ua.DataValue:
        words = [0] * codec.status_span.start + codec.encode_status(plc.status())
        return ua.DataValue(ua.Variant(words, ua.VariantType.UInt32))

    server.iserver.aspace.set_attribute_value_callback(status.nodeid, AttributeIds.Value, show_status)

    def written_words(event: Any) -> list[tuple[int, list[int]]]:
        span = codec.command_span
        return [
            (index, list(write.Value.Value.Value)[span.start :])
            for index, write in enumerate(event.request_params.NodesToWrite)
            if write.NodeId == command.nodeid and event.is_external
        ]

    def check_command(event: Any, _: object) -> None:
        for _index, words in written_words(event):
            try:
                codec.decode_command(words)
            except NeedsOperator as error:
                raise ua.uaerrors.BadOutOfRange() from error

    def take_command(event: Any, _: object) -> None:
        for index, words in written_words(event):
            if event.response_params[index].is_good():
                plc.write_command(codec.decode_command(words))

    server.subscribe_server_callback(CallbackType.PreWrite, check_command)
    server.subscribe_server_callback(CallbackType.PostWrite, take_command)
    try:
        await server.start()
    except OSError as error:
        await server.stop()
        raise NeedsOperator(
            "plant.port_in_use",
            f"The virtual PLC's OPC UA server cannot listen on {host}:{port}: {error.strerror}.",
            "Something else uses the port, or the address is not of this machine: change plant.servers.opcua.",
        ) from error
    try:
        yield cast(Any, server.bserver).port
    finally:
        await server.stop()
