"""Nobody gets in who should not, and nobody changes anything: real clients against the real server."""

import asyncio
import contextlib
import datetime
from collections.abc import AsyncGenerator, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, cast

import pytest
from asyncua import ua
from asyncua.client.client import Client
from asyncua.crypto import security_policies
from asyncua.ua.attribute_ids import AttributeIds
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from plc_bridge.scada_access import (
    MOST_BUFFERED_BYTES,
    MOST_CONNECTIONS,
    MOST_MONITORED_ITEMS,
    SHORTEST_PUBLISHING_MS,
    hash_password,
    password_matches,
    trusted_certificates,
)
from plc_bridge.scada_config import ScadaConfig, ScadaSecurity, ScadaUser
from plc_bridge.scada_server import ScadaServer
from plc_bridge.scada_ua import ObjectIds, StatusCodes, node_id
from senbetsu_errors import NeedsOperator
from tests.plc_bridge.scada_line import LINE, NOW, picture

pytestmark = pytest.mark.slow  # servers of asyncua take seconds to start

PASSWORD = "correct horse battery"  # noqa: S105
HASH = hash_password(PASSWORD)
USER = ScadaUser(name="scada", password_hash=HASH)
LOCAL = ScadaConfig(port=0, insecure=True, anonymous=True)


def run(main: Coroutine[Any, Any, None]) -> None:
    async def bounded() -> None:
        async with asyncio.timeout(90):
            await main

    asyncio.run(bounded())


def client_of(port: int) -> Client:
    client = Client(f"opc.tcp://127.0.0.1:{port}", timeout=10)
    client.session_timeout = 60_000
    return client


@asynccontextmanager
async def server_of(config: ScadaConfig) -> AsyncGenerator[ScadaServer]:
    async with ScadaServer(config, LINE, lambda: NOW) as server:
        await server.show(picture(), 0.0)
        yield server


# ---- read-only


async def every_variable(client: Client) -> list[Any]:
    """Every variable below Objects, the server's own and the PackML types' included."""
    found: dict[str, Any] = {}
    waiting: list[Any] = [client.nodes.objects, client.nodes.types]
    while waiting:
        node = waiting.pop()
        for child in await node.get_children_descriptions():
            key = child.NodeId.to_string()
            if key in found or (child.NodeId.NamespaceIndex == 0 and child.NodeClass != ua.NodeClass.Variable):
                if key not in found and key in ("i=2253", "i=61"):
                    waiting.append(client.get_node(child.NodeId))
                continue
            found[key] = child
            waiting.append(client.get_node(child.NodeId))
    return [d for d in found.values() if d.NodeClass == ua.NodeClass.Variable]


def test_no_variable_can_be_written_no_method_called_no_node_added_or_deleted() -> None:
    async def main() -> None:
        async with server_of(LOCAL) as server, client_of(server.port) as client:
            variables = await every_variable(client)
            ours = [v for v in variables if v.NodeId.NamespaceIndex > 0]
            assert len(ours) > 100
            value = ua.DataValue(ua.Variant(1, ua.VariantType.Int32))
            for attribute in (AttributeIds.Value, AttributeIds.DisplayName, AttributeIds.AccessLevel):
                nodes = [ua.WriteValue(v.NodeId, attribute, None, value) for v in variables]
                answers = await client.uaclient.write(ua.WriteParameters(cast(Any, nodes)))
                assert {a.value for a in answers} == {StatusCodes.BadUserAccessDenied}
            await nothing_can_be_called(client)
            await nothing_can_be_built_or_broken(client, ours[0].NodeId)
            for variable in ours:
                level = await client.get_node(variable.NodeId).read_attribute(AttributeIds.UserAccessLevel)
                assert level.Value is not None
                assert level.Value.Value == 1, variable.BrowseName.Name  # CurrentRead and nothing else

    async def nothing_can_be_called(client: Client) -> None:
        ns = await client.get_namespace_index("urn:senbetsu:scada")
        line = client.get_node(node_id("PackML", ns))
        methods = await line.get_methods()
        assert {(await m.read_browse_name()).Name for m in methods} >= {"SetUnitMode", "SetMachSpeed"}
        for method in methods:
            executable = await method.read_attribute(AttributeIds.UserExecutable)
            assert executable.Value is not None
            assert executable.Value.Value is False
            with pytest.raises(ua.uaerrors.BadUserAccessDenied):
                await line.call_method(method.nodeid, ua.Variant(1, ua.VariantType.Int32))
        server = client.get_node(node_id(ObjectIds.Server))
        with pytest.raises(ua.uaerrors.BadUserAccessDenied):
            await server.call_method(node_id(ObjectIds.Server_GetMonitoredItems), ua.Variant(1, ua.VariantType.UInt32))

    async def nothing_can_be_built_or_broken(client: Client, target: ua.NodeId) -> None:
        with pytest.raises(ua.uaerrors.BadUserAccessDenied):
            await client.nodes.objects.add_variable(node_id("mine", 1), "1:mine", 1)
        with pytest.raises(ua.uaerrors.BadUserAccessDenied):
            await client.delete_nodes([client.get_node(target)])
        with pytest.raises(ua.uaerrors.BadUserAccessDenied):
            await client.nodes.objects.add_reference(node_id(ObjectIds.Server), ObjectIds.HasComponent)
        await client.get_node(target).read_browse_name()

    run(main())


def test_a_client_cannot_take_much_nor_touch_what_is_anothers() -> None:
    async def main() -> None:
        async with server_of(LOCAL) as server, client_of(server.port) as one, client_of(server.port) as other:
            ns = await one.get_namespace_index("urn:senbetsu:scada")
            asked = ua.CreateSubscriptionParameters(
                RequestedPublishingInterval=0.0, RequestedLifetimeCount=100, RequestedMaxKeepAliveCount=10
            )
            made = await one.create_subscription(asked)
            async with made:
                assert await revised_interval(one) >= SHORTEST_PUBLISHING_MS
                number = cast(Any, made).subscription_id
                with pytest.raises(ua.UaStatusCodeError):
                    await other.uaclient.delete_subscriptions([number])
                with pytest.raises(ua.UaStatusCodeError):
                    await other.uaclient.create_monitored_items(items(number, ns, 1))
                with pytest.raises(ua.uaerrors.BadTooManyMonitoredItems):
                    await one.uaclient.create_monitored_items(items(number, ns, MOST_MONITORED_ITEMS + 1))
                await one.uaclient.create_monitored_items(items(number, ns, 1))
            await no_server_can_be_registered(one)
            await a_message_without_end_is_cut_off(server.port)
            assert await one.get_node(node_id("Senbetsu.Parts.Seen", ns)).read_value() == 10
            await one_connection_too_many(server.port)

    async def revised_interval(client: Client) -> float:
        parameters = ua.CreateSubscriptionParameters(RequestedPublishingInterval=cast(Any, float("nan")))
        answer: Any = await client.uaclient.create_subscription(parameters, lambda _: None)  # type: ignore[arg-type]
        await client.uaclient.delete_subscriptions([answer.SubscriptionId])
        return answer.RevisedPublishingInterval

    def items(subscription: int, ns: int, count: int) -> ua.CreateMonitoredItemsParameters:
        wanted = ua.ReadValueId(NodeId=node_id("Senbetsu.State", ns), AttributeId=AttributeIds.Value)
        each = ua.MonitoredItemCreateRequest(ItemToMonitor=wanted, MonitoringMode=ua.MonitoringMode.Reporting)
        return ua.CreateMonitoredItemsParameters(
            SubscriptionId=cast(Any, subscription), ItemsToCreate=cast(Any, [each] * count)
        )

    async def no_server_can_be_registered(client: Client) -> None:
        entry = ua.RegisteredServer(ServerUri=cast(Any, "urn:evil"), ServerNames=cast(Any, [ua.LocalizedText("evil")]))
        with pytest.raises(ua.UaStatusCodeError):
            await client.uaclient.register_server(entry)
        known: list[Any] = await client.find_servers()
        assert "urn:evil" not in [s.ApplicationUri for s in known]

    async def a_message_without_end_is_cut_off(port: int) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"MSGF" + (2**31).to_bytes(4, "little"))

        async def announce_and_send() -> None:
            for _ in range(64 * MOST_BUFFERED_BYTES // 65536):
                writer.write(bytes(65536))
                await writer.drain()

        with pytest.raises(ConnectionError):
            await announce_and_send()
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()
        assert reader.at_eof() or reader.exception()

    async def one_connection_too_many(port: int) -> None:
        async with contextlib.AsyncExitStack() as stack:
            for _ in range(MOST_CONNECTIONS - 2):
                _, writer = await asyncio.open_connection("127.0.0.1", port)
                stack.push_async_callback(writer.wait_closed)
                stack.callback(writer.close)
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            assert await reader.read() == b""
            writer.close()

    run(main())


# ---- who may look


def make_certificate(folder: Path, name: str, until: datetime.datetime | None = None) -> tuple[Path, Path]:
    key = rsa.generate_private_key(65537, 2048)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    start = NOW - datetime.timedelta(days=365)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(until or NOW + datetime.timedelta(days=3650))
        .add_extension(x509.SubjectAlternativeName([x509.UniformResourceIdentifier(f"urn:test:{name}")]), False)
        .sign(key, hashes.SHA256())
    )
    paths = folder / f"{name}.pem", folder / f"{name}-key.pem"
    paths[0].write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    paths[1].write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return paths


@pytest.fixture(scope="module")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A server, a trusted client, a stranger, and a trusted client whose certificate has expired."""
    folder = tmp_path_factory.mktemp("pki")
    for name in ("server", "client", "stranger"):
        make_certificate(folder, name)
    make_certificate(folder, "expired", NOW - datetime.timedelta(days=1))
    trusted = folder / "trusted"
    trusted.mkdir()
    for name in ("client", "expired"):
        (trusted / f"{name}.pem").write_bytes((folder / f"{name}.pem").read_bytes())
    (trusted / "notes.txt").write_text("not a certificate")
    (trusted / "broken.pem").write_text("-----BEGIN CERTIFICATE-----\nnonsense\n-----END CERTIFICATE-----\n")
    return folder


def secured(pki: Path, **changes: Any) -> ScadaConfig:
    security = ScadaSecurity(certificate=pki / "server.pem", key=pki / "server-key.pem", trusted=pki / "trusted")
    return ScadaConfig(port=0, security=security, users=(USER,)).model_copy(update=changes)


async def secure_client(port: int, pki: Path, name: str, password: str | None = PASSWORD) -> Client:
    client = client_of(port)
    client.application_uri = f"urn:test:{name}"
    if password is not None:
        client.set_user("scada")
        client.set_password(password)
    await client.set_security(
        security_policies.SecurityPolicyBasic256Sha256,
        pki / f"{name}.pem",
        pki / f"{name}-key.pem",
        server_certificate=str(pki / "server.pem"),
        mode=ua.MessageSecurityMode.SignAndEncrypt,
    )
    return client


async def refused_with(client: Client) -> str:
    """The status code with which the server turns the client away."""
    try:
        async with client:
            return "let in"
    except ua.UaStatusCodeError as error:
        return ua.StatusCode(error.code).name


def test_only_a_trusted_certificate_with_the_right_password_gets_in(pki: Path) -> None:
    async def main() -> None:
        async with server_of(secured(pki)) as server:
            port = server.port
            async with await secure_client(port, pki, "client") as client:
                ns = await client.get_namespace_index("urn:senbetsu:scada")
                assert await client.get_node(node_id("Senbetsu.Parts.Seen", ns)).read_value() == 10
            assert await refused_with(await secure_client(port, pki, "client", "wrong")) == "BadUserAccessDenied"
            assert await refused_with(await secure_client(port, pki, "client", None)) == "BadIdentityTokenRejected"
            assert await refused_with(await secure_client(port, pki, "stranger")) == "BadCertificateUntrusted"
            assert await refused_with(await secure_client(port, pki, "expired")) == "BadCertificateTimeInvalid"
            await a_stranger_who_shows_no_certificate_when_asked(port)
            await without_encryption(port)
            endpoints: Any = await client_of(port).connect_and_get_server_endpoints()
            assert {e.SecurityMode for e in endpoints} == {ua.MessageSecurityMode.SignAndEncrypt}

    async def a_stranger_who_shows_no_certificate_when_asked(port: int) -> None:
        """The library checks the certificate a client claims at CreateSession, not the one of its channel."""
        client = await secure_client(port, pki, "stranger")
        original = client.uaclient.create_session

        async def claims_another(parameters: Any) -> Any:
            parameters.ClientCertificate = None
            return await original(parameters)

        cast(Any, client.uaclient).create_session = claims_another
        assert await refused_with(client) == "BadUserAccessDenied"

    async def without_encryption(port: int) -> None:
        """A channel without security must be accepted for discovery; it is good for nothing else."""
        client = client_of(port)
        await client.connect_socket()
        try:
            await client.send_hello()
            await client.open_secure_channel()
            # The library's own client finds no such endpoint and would not even ask.
            asked = ua.CreateSessionParameters(RequestedSessionTimeout=cast(Any, 60_000.0))
            await client.uaclient.create_session(asked)
            state = client.get_node(node_id(ObjectIds.Server_ServerStatus_State))
            with pytest.raises(ua.uaerrors.BadSessionNotActivated):
                await state.read_value()
            login = ua.UserNameIdentityToken("username", cast(Any, "scada"), cast(Any, PASSWORD.encode()))
            for token in (login, ua.AnonymousIdentityToken("anonymous")):
                activation = ua.ActivateSessionParameters(UserIdentityToken=cast(Any, token))
                with pytest.raises(ua.UaStatusCodeError):
                    await client.uaclient.activate_session(activation)
            with pytest.raises(ua.uaerrors.BadSessionNotActivated):
                await state.read_value()
        finally:
            client.disconnect_socket()

    run(main())


def test_a_session_cannot_be_taken_over_by_guessing_its_number(pki: Path) -> None:
    async def main() -> None:
        async with server_of(secured(pki)) as server, await secure_client(server.port, pki, "client") as good:
            token = cast(Any, good.uaclient).protocol.authentication_token
            assert token.NodeIdType == ua.NodeIdType.ByteString
            assert len(token.Identifier) == 32
            for guess in range(1000, 1010):
                thief = client_of(server.port)
                await thief.connect_socket()
                try:
                    await thief.send_hello()
                    await thief.open_secure_channel()
                    cast(Any, thief.uaclient).protocol.authentication_token = node_id(guess)
                    with pytest.raises(ua.UaStatusCodeError):
                        await thief.uaclient.activate_session(ua.ActivateSessionParameters())
                finally:
                    thief.disconnect_socket()

    run(main())


def test_users_on_this_pc_and_anonymous_only_where_it_is_said() -> None:
    async def main() -> None:
        async with server_of(ScadaConfig(port=0, insecure=True, users=(USER,))) as server:
            assert await refused_with(client_of(server.port)) == "BadIdentityTokenRejected"
            for name, password in (("scada", "wrong"), ("admin", PASSWORD), ("admin", "admin")):
                client = client_of(server.port)
                client.set_user(name)
                client.set_password(password)
                assert await refused_with(client) == "BadUserAccessDenied", name
            client = client_of(server.port)
            client.set_user("scada")
            client.set_password(PASSWORD)
            assert await refused_with(client) == "let in"

    run(main())


@pytest.mark.parametrize(
    ("field", "file", "said"),
    [
        ("key", "stranger-key.pem", "not the certificate's"),
        ("certificate", "missing.pem", "cannot be read"),
        ("certificate", "server-key.pem", "cannot be used"),
        ("key", "server.pem", "cannot be used"),
    ],
)
def test_a_certificate_that_cannot_serve_is_named(pki: Path, field: str, file: str, said: str) -> None:
    security = cast(Any, secured(pki).security).model_copy(update={field: pki / file})

    async def main() -> None:
        with pytest.raises(NeedsOperator, match=rf"(?s)scada\.certificate.*{said}"):
            await ScadaServer(secured(pki, security=security), LINE, lambda: NOW).__aenter__()

    run(main())


def test_the_trust_folder_yields_its_certificates_and_nothing_else(pki: Path) -> None:
    assert len(trusted_certificates(pki / "trusted")) == 2
    assert trusted_certificates(pki / "not there") == set()


# ---- passwords and configuration


@settings(max_examples=5, deadline=None)
@given(st.text(max_size=80), st.text(max_size=80))
def test_a_hash_matches_its_own_password_only(password: str, other: str) -> None:
    stored = hash_password(password)
    assert ScadaUser(name="x", password_hash=stored).password_hash == stored
    assert password_matches(password, stored)
    assert password_matches(other, stored) == (other == password)


def test_the_hash_is_not_shown_where_the_configuration_is() -> None:
    assert HASH not in repr(ScadaConfig(insecure=True, users=(USER,)))


@pytest.mark.parametrize(
    ("section", "said"),
    [
        ({"anonymous": True}, "security is missing"),
        ({"insecure": True}, "nobody could look"),
        ({"insecure": True, "anonymous": True, "host": "192.0.2.1"}, "insecure: true is for this PC"),
        ({"secure": True, "anonymous": True, "host": "0.0.0.0"}, "anonymous: true is for this PC"),  # noqa: S104
        ({"secure": True, "insecure": True, "anonymous": True}, "contradicts"),
        ({"insecure": True, "users": (USER, USER)}, "stands there twice: scada"),
    ],
)
def test_what_would_not_be_guarded_is_no_configuration(section: dict[str, Any], said: str) -> None:
    if section.pop("secure", False):
        section["security"] = ScadaSecurity(certificate=Path("c"), key=Path("k"), trusted=Path("t"))
    with pytest.raises(ValidationError, match=said):
        ScadaConfig(**section)


@pytest.mark.parametrize("stored", ["secret", "scrypt$14$8$1$short$short", "$2b$12$abc"])
def test_a_password_in_place_of_its_hash_is_refused(stored: str) -> None:
    with pytest.raises(ValidationError, match="password_hash"):
        ScadaUser(name="x", password_hash=stored)
