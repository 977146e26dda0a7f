"""The secured virtual PLC and the link to it: who is let in, and what is said to the others."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

import pytest
from asyncua import ua
from asyncua.client.client import Client
from asyncua.crypto import security_policies
from asyncua.crypto.uacrypto import CertProperties
from cryptography.hazmat.primitives import serialization

from plc_bridge import pki
from plc_bridge.opcua_link import Config, OpcuaWire, Security, User
from plc_bridge.opcua_preflight import fetch_certificate, preflight
from plc_bridge.pki import Finding, Identity
from plc_bridge.tagmap import default_tag_map
from plc_bridge.tagmap_file import default_tag_map_path
from plc_bridge.virtual_plc import VirtualPlc
from senbetsu_errors import NeedsOperator
from sim.opcua_server import POLICIES, ServerSecurity, serve_opcua
from tests.plc_bridge.certificates import NOW, identity, trust_list, write


class Site:
    """A secured virtual PLC and what a line needs to reach it."""

    def __init__(self, folder: Path, server: Identity | None = None) -> None:
        self.folder = folder
        self.server = server or identity("server", server=True)
        self.certificate, self.key = write(folder, "client", identity("client"))
        self.user_certificate, self.user_key = write(folder, "user", identity("user"))
        self.clients = trust_list(folder / "plc", identity("client"))
        self.trust_list = trust_list(folder / "pc", self.server).folder
        for name in ("right", "wrong"):
            (folder / name).write_text(f"{name}\n")
        self.url = ""
        self.plc = VirtualPlc()

    @asynccontextmanager
    async def serving(self, **changes: Any) -> AsyncGenerator[None]:
        settings: dict[str, Any] = {
            "passwords": {"line": "right"},
            "user_certificates": [identity("user").certificate],
            **changes,
        }
        security = ServerSecurity(self.server, self.clients, **settings)
        async with serve_opcua(self.plc, "127.0.0.1", 0, default_tag_map("opcua"), security=security) as port:
            self.url = f"opc.tcp://127.0.0.1:{port}"
            yield

    def config(self, user: User | None = None, *, anonymous: bool = False, **security: object) -> Config:
        given = {"certificate": self.certificate, "key": self.key, "trust_list": self.trust_list, **security}
        return Config(
            url=self.url,
            tags=default_tag_map_path("opcua"),
            security=Security.model_validate(given),
            user=None if anonymous else user or User(name="line", password_file=self.folder / "right"),
            connect_timeout_ms=20_000,
        )


async def reads(config: Config) -> bool:
    wire = OpcuaWire(config)
    try:
        await wire.open()
        return (await wire.read_status()).epoch == 1
    finally:
        await wire.close()


async def refusal(config: Config) -> NeedsOperator:
    with pytest.raises(NeedsOperator) as refused:
        await reads(config)
    return refused.value


@pytest.mark.slow
def test_policies_modes_and_users_are_accepted(tmp_path: Path) -> None:
    site = Site(tmp_path)

    async def run() -> None:
        async with site.serving():
            for policy in ("Basic256Sha256", "Aes128Sha256RsaOaep", "Aes256Sha256RsaPss"):
                for mode in ("Sign", "SignAndEncrypt"):
                    assert await reads(site.config(policy=policy, mode=mode))
            assert await reads(site.config(User(certificate=site.user_certificate, key=site.user_key)))
            assert await reads(site.config(trust_list=None, server_certificate=_file(tmp_path, site.server)))

    asyncio.run(run())


def _file(folder: Path, whose: Identity) -> Path:
    path = folder / "pinned.der"
    path.write_bytes(whose.certificate.public_bytes(serialization.Encoding.DER))
    return path


def test_each_mismatch_is_one_sentence_with_its_remedy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    site = Site(tmp_path)
    stranger, expired = identity("stranger"), identity("expired", made_days_ago=30, days=10)
    foreign = dict(zip(("certificate", "key"), write(tmp_path, "stranger", stranger), strict=True))
    old = dict(zip(("certificate", "key"), write(tmp_path, "expired", expired), strict=True))
    monkeypatch.setenv("EMPTY_NAME", "wrong")

    async def run() -> None:
        async with site.serving(policies=POLICIES[:2]):

            async def refused(config: Config, code: str, *words: str) -> None:
                error = await refusal(config)
                assert error.code == code
                assert all(word in error.message for word in words), error.message
                assert error.remedy
                # What is said beforehand is what stops the connection.
                assert [f.code for f in await preflight(config, NOW) if f.fatal] == [code]

            wrong = User(name="line", password_env="EMPTY_NAME")  # noqa: S106  (the variable's name)
            await refused(site.config(wrong), "plc.user_refused", "refuses the user or the password", "user line")
            nobody = User(name="nobody", password_file=tmp_path / "right")
            await refused(site.config(nobody), "plc.user_refused", "user nobody")
            await refused(site.config(User(**foreign)), "plc.user_refused", "user certificate", "stranger")
            await refused(site.config(anonymous=True), "plc.user_token", "Anonymous", "Certificate, UserName")
            await refused(
                site.config(**foreign), "plc.we_are_untrusted", "CN=stranger", pki.thumbprint(stranger.certificate)
            )
            await refused(site.config(**old), "plc.certificate_expired", "Our own certificate expired on")
            await refused(site.config(key=old["key"]), "plc.security", "does not belong to the certificate")
            await refused(
                site.config(policy="Aes256Sha256RsaPss"),
                "plc.policy_not_offered",
                "does not offer Aes256Sha256RsaPss with SignAndEncrypt",
                "it offers Basic256Sha256 with Sign, Basic256Sha256 with SignAndEncrypt",
            )
            empty = trust_list(tmp_path / "empty")
            thumbprint = pki.thumbprint(site.server.certificate)
            await refused(site.config(trust_list=empty.folder), "plc.certificate_untrusted", thumbprint, "not trusted")
            (kept,) = empty.rejected.iterdir()
            assert thumbprint in kept.name
            empty.trust(pki.load_certificate(kept))
            assert await reads(site.config(trust_list=empty.folder))
            pinned = site.config(trust_list=None, server_certificate=_file(tmp_path, stranger))
            await refused(pinned, "plc.certificate_untrusted", thumbprint, "server_certificate has")
            assert site.plc.status().last_seq == 0

    asyncio.run(run())


def test_an_expired_server_is_refused_although_it_is_trusted(tmp_path: Path) -> None:
    site = Site(tmp_path, identity("old server", server=True, made_days_ago=30, days=10))

    async def run() -> None:
        async with site.serving():
            error = await refusal(site.config())
            assert error.code == "plc.certificate_expired"
            assert "The server's certificate expired on" in error.message

    asyncio.run(run())


def test_a_sound_connection_has_no_findings_and_its_certificate_can_be_fetched(tmp_path: Path) -> None:
    site = Site(tmp_path)

    async def run() -> list[Finding]:
        async with site.serving():
            assert await fetch_certificate(site.url, 10) == site.server.certificate
            findings = await preflight(site.config(), NOW)
            skewed = await preflight(site.config(), NOW + timedelta(hours=1))
            assert " minutes behind ours" in " ".join(f.sentence for f in skewed)
            return findings

    findings = asyncio.run(run())
    assert [f.code for f in findings if f.fatal] == []


def test_the_virtual_plc_serves_no_session_on_an_unsecured_channel(tmp_path: Path) -> None:
    """The library would: without this a password and a port are all that is needed."""
    site = Site(tmp_path)

    async def run() -> None:
        async with site.serving(passwords={}, user_certificates=()):
            client = Client(site.url)
            await client.connect_socket()
            try:
                await client.send_hello()
                await client.open_secure_channel()
                parameters: Any = ua.CreateSessionParameters()
                parameters.EndpointUrl, parameters.SessionName = site.url, "intruder"
                parameters.ClientNonce, parameters.RequestedSessionTimeout = b"n" * 32, 10_000
                created: Any = await client.uaclient.create_session(parameters)
                cast(Any, client)._server_nonce = created.ServerNonce
                await client.activate_session()
                with pytest.raises(ua.uaerrors.BadUserAccessDenied):
                    await client.get_node("ns=2;s=Senbetsu.Status").read_value()
            finally:
                client.disconnect_socket()

    asyncio.run(run())


@pytest.mark.slow
def test_a_stranger_who_names_a_trusted_certificate_gets_nothing(tmp_path: Path) -> None:
    """The library judges the certificate that is named, not the one whose key was shown."""
    site = Site(tmp_path)
    stranger = identity("stranger")

    async def run() -> None:
        async with site.serving(passwords={}, user_certificates=()):
            client = Client(site.url)
            client.application_uri = "urn:test:client"
            key = stranger.key.private_bytes(
                serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
            certificates = [
                CertProperties(whose.certificate.public_bytes(serialization.Encoding.DER), "der")
                for whose in (stranger, site.server)
            ]
            policy = security_policies.SecurityPolicyBasic256Sha256
            await client.set_security(
                policy, certificates[0], CertProperties(key, "der"), server_certificate=certificates[1]
            )
            trusted = identity("client").certificate.public_bytes(serialization.Encoding.DER)
            session: Any = client.uaclient.session
            create = session.create_session

            async def name_another(parameters: Any) -> Any:
                parameters.ClientCertificate = trusted
                # The server signs what its library thinks we are: our own certificate and the nonce.
                return await create(parameters)

            session.create_session = name_another
            await client.connect()
            try:
                with pytest.raises(ua.uaerrors.BadUserAccessDenied):
                    await client.get_node("ns=2;s=Senbetsu.Status").read_value()
            finally:
                await client.disconnect()

    asyncio.run(run())


@pytest.mark.parametrize(
    ("user", "says"),
    [
        ({}, "give name and a password, or certificate and key"),
        ({"name": "line"}, "exactly one of"),
        ({"certificate": "a"}, "both certificate and key"),
        ({"certificate": "a", "key": "b", "name": "line"}, "no name and no password"),
    ],
)
def test_a_user_is_a_password_or_a_certificate(user: dict[str, object], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        User.model_validate(user)


def test_security_must_say_whom_to_trust() -> None:
    with pytest.raises(ValueError, match="an unknown server is never accepted"):
        Security(certificate=Path("c"), key=Path("k"))


def test_a_password_that_is_not_there_is_named(tmp_path: Path) -> None:
    for user, says in (
        (User(name="a", password_env="NOT_SET_ANYWHERE"), "NOT_SET_ANYWHERE is not set"),  # noqa: S106
        (User(name="a", password_file=tmp_path / "none"), "cannot be read"),
    ):
        with pytest.raises(NeedsOperator, match=says):
            user.password()
