"""Opening an OPC UA session: ask what the server offers, check it, then connect with security and user.

What can be checked beforehand is, so that an error names the mismatch instead of a status code.
"""

import asyncio
import logging
import socket
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, cast

from asyncua import ua
from asyncua.client.client import Client
from asyncua.crypto import security_policies
from asyncua.crypto.uacrypto import CertProperties
from asyncua.ua.ua_binary import struct_from_binary  # pyright: ignore[reportUnknownVariableType]
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from plc_bridge import pki
from plc_bridge.opcua_config import Config, Security, User
from plc_bridge.opcua_errors import OURS_TO_TRUST, translated
from plc_bridge.pki import Finding, Identity
from plc_bridge.pki_trust import TrustList
from senbetsu_errors import NeedsOperator, Retryable

# The library reports each failed attempt with a traceback; the session logs an outage once.
for _name in ("asyncua.client", "asyncua.crypto", "asyncua.common"):
    logging.getLogger(_name).setLevel(logging.CRITICAL)

_POLICIES = {
    "Basic256Sha256": security_policies.SecurityPolicyBasic256Sha256,
    "Aes128Sha256RsaOaep": security_policies.SecurityPolicyAes128Sha256RsaOaep,
    "Aes256Sha256RsaPss": security_policies.SecurityPolicyAes256Sha256RsaPss,
}
_DISCOVERY_SHARE = 0.6
"""Share of the connect timeout after which the server's first answer is given up."""
_SESSION_TIMEOUT_MS = 10_000
"""How long a session that we could not close stays on the server: devices have few of them."""
_CLOCKS_APART = timedelta(minutes=5)

Endpoint = Any
"""A `ua.EndpointDescription`: the types of the library's fields cannot be known."""


@dataclass(frozen=True, slots=True)
class Offer:
    """What a server says before anybody logs in."""

    endpoints: tuple[Endpoint, ...]
    server_time: datetime | None

    def endpoint(self, config: Config) -> Endpoint | None:
        """The one with the configured policy and mode."""
        security = config.security
        wanted = (security.policy, security.mode) if security else ("None", "None")
        return next((e for e in self.endpoints if _policy_and_mode(e) == wanted), None)


async def discover(url: str, timeout_s: float) -> Offer:
    """Ask for the endpoints, without security and without a session, as OPC UA provides.

    Raises `Retryable` `plc.unreachable`, `plc.no_answer` or `plc.not_understood`.
    """
    client = Client(url, timeout=timeout_s)
    try:
        async with asyncio.timeout(timeout_s):
            await client.connect_socket()
    except OSError as error:  # a TimeoutError is one
        raise Retryable(
            "plc.unreachable",
            f"No OPC UA server at {url}: {error.strerror or 'no connection in time'}.",
            "Check address, port, cable and firewall.",
        ) from error
    try:
        async with asyncio.timeout(timeout_s):
            with translated(url):
                await client.send_hello()
                await client.open_secure_channel()
                offer = await _get_endpoints(client)
                await client.close_secure_channel()
                return offer
    except TimeoutError as error:
        raise Retryable(
            "plc.no_answer",
            f"{url} accepts connections and never answers as OPC UA.",
            "Check that an OPC UA server listens at this port and is not stuck.",
        ) from error
    except Retryable as error:
        if error.code == "plc.unreachable":  # it was reached: the connection ended half-way
            raise Retryable(
                "plc.not_understood",
                f"{url} accepts connections but does not speak OPC UA.",
                "Check that an OPC UA server listens at this port.",
            ) from error
        raise
    finally:
        client.disconnect_socket()


async def open_session(config: Config, now: datetime) -> Client:
    """A connected client. Raises `Retryable` or `NeedsOperator`, each naming what does not fit."""
    identity = await asyncio.to_thread(_identity, config.security) if config.security else None
    if identity is not None:
        pki.refuse_fatal(list(pki.own_findings(identity, now, None)))
    offer = await discover(config.url, config.connect_timeout_ms / 1000 * _DISCOVERY_SHARE)
    pki.refuse_fatal(await asyncio.to_thread(server_findings, config, offer, now))
    client = Client(config.url, timeout=config.connect_timeout_ms / 1000, auto_reconnect=False)
    client.name = client.description = "senbetsu"
    client.session_timeout = _SESSION_TIMEOUT_MS
    try:
        with translated(config.url):
            if config.security is not None and identity is not None:
                await _secure(client, config.security, identity, offer.endpoint(config))
            if config.user is not None:
                await asyncio.to_thread(_log_in_as, client, config.user)
            await _connect(client, config.url)
    except NeedsOperator as error:
        raise _with_what_we_showed(error, config, identity) from error
    except asyncio.CancelledError:
        client.disconnect_socket()
        raise
    return client


async def _connect(client: Client, url: str) -> None:
    try:
        await client.connect()
    except AssertionError as error:  # the library (2.1.0) loses the status that came instead of a secure channel
        raise NeedsOperator(
            "plc.we_are_untrusted",
            f"The OPC UA server at {url} refuses the secure channel; most often it does not trust our certificate.",
            OURS_TO_TRUST,
        ) from error


def server_findings(config: Config, offer: Offer, now: datetime) -> list[Finding]:
    """Everything about the server that does not fit the configuration.

    Keeps a certificate that is not trusted in the trust list's `rejected`. Raises `NeedsOperator`
    for files that cannot be read.
    """
    endpoint = offer.endpoint(config)
    if endpoint is None:
        return [_not_offered(config, offer)]
    findings = list(_clock_findings(offer, now))
    if config.security is not None:
        findings += _certificate_findings(config, config.security, endpoint, now)
    findings += _user_findings(config, endpoint)
    return findings


def identity_findings(config: Config, now: datetime) -> list[Finding]:
    """What is wrong with our own certificate and key, and with the user's; reads files."""
    findings: list[Finding] = []
    if config.security is not None:
        try:
            findings += pki.own_findings(_identity(config.security), now, socket.gethostname())
        except NeedsOperator as error:
            findings.append(Finding(error.code, error.message, error.remedy))
    user = config.user
    if user is not None and user.certificate is not None and user.key is not None:
        try:
            certificate = pki.load_identity(user.certificate, user.key).certificate
            findings += pki.validity_findings(certificate, "The user certificate", now, "Have a new one made.")
        except NeedsOperator as error:
            findings.append(Finding(error.code, error.message, error.remedy))
    return findings


def offered_certificate(endpoint: Endpoint) -> list[x509.Certificate]:
    """The server's certificate and the chain it shows; empty where it has none. Raises `ValueError`."""
    return pki.split_chain(endpoint.ServerCertificate or b"")


async def _get_endpoints(client: Client) -> Offer:
    request: Any = ua.GetEndpointsRequest()
    request.Parameters.EndpointUrl = client.server_url.geturl()
    protocol = client.uaclient.protocol
    if protocol is None:
        raise ConnectionError("closed by the server")
    response: Any = struct_from_binary(ua.GetEndpointsResponse, await protocol.send_request(request))
    response.ResponseHeader.ServiceResult.check()
    return Offer(tuple(response.Endpoints or ()), response.ResponseHeader.Timestamp)


def _policy_and_mode(endpoint: Endpoint) -> tuple[str, str]:
    policy: str = endpoint.SecurityPolicyUri or "#None"
    return policy.rpartition("#")[2].replace("_", ""), str(endpoint.SecurityMode.name).rstrip("_")


def _not_offered(config: Config, offer: Offer) -> Finding:
    security = config.security
    wanted = f"{security.policy} with {security.mode}" if security else "a connection without security"
    offered = sorted({" with ".join(_policy_and_mode(e)) for e in offer.endpoints})
    return Finding(
        "plc.policy_not_offered",
        f"The OPC UA server at {config.url} does not offer {wanted}; it offers {', '.join(offered) or 'nothing'}.",
        "Choose one of these in plc.security, or enable it on the server.",
    )


def _clock_findings(offer: Offer, now: datetime) -> Iterator[Finding]:
    if offer.server_time is None:
        return
    ahead = offer.server_time.replace(tzinfo=now.tzinfo) - now
    if abs(ahead) > _CLOCKS_APART:
        minutes = ahead / timedelta(minutes=1)
        yield Finding(
            "plc.clock",
            f"The server's clock is {abs(minutes):.0f} minutes {'ahead of' if minutes > 0 else 'behind'} ours.",
            "Set both clocks by one time server: certificates are judged by them.",
            fatal=False,
        )


def _certificate_findings(config: Config, security: Security, endpoint: Endpoint, now: datetime) -> Iterator[Finding]:
    try:
        chain = offered_certificate(endpoint)
    except (ValueError, IndexError):
        chain = []
    if not chain:
        sentence = f"The OPC UA server at {config.url} shows no certificate that can be read."
        yield Finding("plc.certificate_missing", sentence, "Give the server an application certificate.")
        return
    certificate = chain[0]
    yield from pki.validity_findings(
        certificate, "The server's certificate", now, "Give the server a new certificate, then trust that one."
    )
    pinned = security.server_certificate is not None and certificate == pki.load_certificate(
        security.server_certificate
    )
    if not pinned:
        yield from _trust_findings(config, security, chain, now)
    said = str(endpoint.Server.ApplicationUri)
    if pki.application_uri(certificate) != said:
        yield Finding(
            "plc.certificate_uri",
            f"The server calls itself {said}, its certificate is for {pki.application_uri(certificate)}.",
            "Make the server a certificate with its own application URI.",
            fatal=False,  # whoever holds the key of a trusted certificate is the right server
        )


def _trust_findings(
    config: Config, security: Security, chain: Sequence[x509.Certificate], now: datetime
) -> list[Finding]:
    if security.trust_list is None:
        expected = pki.load_certificate(cast(Path, security.server_certificate))
        return [
            Finding(
                "plc.certificate_untrusted",
                f"The server's certificate has the thumbprint {pki.thumbprint(chain[0])}, "
                f"server_certificate has {pki.thumbprint(expected)}.",
                "If the server rightly has a new one, put that into server_certificate; if not, it is another server.",
            )
        ]
    trust_list = TrustList(security.trust_list, security.require_crl)
    how = f"`senbetsu pki trust {security.trust_list} --fetch {config.url}` shows it and asks."
    findings = trust_list.findings(chain, now, config.host, f"If it is the right server, {how}")
    if any(finding.code == "plc.certificate_untrusted" for finding in findings):
        try:
            trust_list.reject(chain[0])
        except OSError as error:
            sentence = f"The refused certificate cannot be kept in {trust_list.rejected}: {error.strerror}."
            findings.append(Finding("plc.trust_list", sentence, "Make the folder writable.", fatal=False))
    return findings


def _user_findings(config: Config, endpoint: Endpoint) -> Iterator[Finding]:
    tokens: list[Any] = list(endpoint.UserIdentityTokens or [])
    wanted = config.user.token if config.user else "Anonymous"
    fitting = [token for token in tokens if token.TokenType.name == wanted]
    if not fitting:
        offered = sorted({str(token.TokenType.name) for token in tokens})
        sentence = f"The server does not take {wanted} users at this endpoint; it takes {', '.join(offered) or 'none'}."
        yield Finding("plc.user_token", sentence, "Set plc.user accordingly, or allow such users on the server.")
    elif wanted == "UserName" and config.security is not None and config.security.mode == "Sign":
        policy: str = fitting[0].SecurityPolicyUri or ""
        if policy.endswith("#None"):
            sentence = "The server wants the password unencrypted, and mode Sign does not encrypt."
            yield Finding("plc.user_token", sentence, "Use mode SignAndEncrypt.")


def _identity(security: Security) -> Identity:
    return pki.load_identity(security.certificate, security.key)


async def _secure(client: Client, security: Security, identity: Identity, endpoint: Endpoint | None) -> None:
    assert endpoint is not None  # its absence is a fatal finding
    client.application_uri = pki.application_uri(identity.certificate) or ""
    server = offered_certificate(endpoint)[0]
    key = identity.key.private_bytes(
        serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    await client.set_security(
        _POLICIES[security.policy],
        _as_der(identity.certificate),
        CertProperties(key, "der"),
        server_certificate=_as_der(server),
        mode=ua.MessageSecurityMode[security.mode],
    )


def _as_der(certificate: x509.Certificate) -> CertProperties:
    return CertProperties(certificate.public_bytes(serialization.Encoding.DER), "der")


def _log_in_as(client: Client, user: User) -> None:
    if user.certificate is not None and user.key is not None:
        identity = pki.load_identity(user.certificate, user.key)
        client.user_certificate, client.user_private_key = identity.certificate, identity.key
    elif user.name is not None:
        client.set_user(user.name)
        client.set_password(user.password())


def _with_what_we_showed(error: NeedsOperator, config: Config, identity: Identity | None) -> NeedsOperator:
    """The same refusal, with the user or the certificate that was refused."""
    if error.code == "plc.user_refused" and config.user is not None:
        return NeedsOperator(error.code, f"{error.message[:-1]}: {config.user}.", error.remedy)
    if error.code == "plc.we_are_untrusted" and identity is not None:
        ours = f"{pki.subject(identity.certificate)}, thumbprint {pki.thumbprint(identity.certificate)}"
        return NeedsOperator(error.code, f"{error.message[:-1]}: {ours}.", error.remedy)
    return error
