"""OPC UA: the status as one UInt32 array node, the command with its orders as another.

One array read and one array write a cycle cost as much as scalars would; a hundred nodes cost ten
times that. Values are written with their explicit variant type and without a source timestamp,
which servers written in C refuse. The library's own reconnect stays off: it would send a request
after the reconnection that was made before it, and orders must never go out late.
"""

import asyncio
import ipaddress
import logging
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Literal, Self, cast
from urllib.parse import urlsplit

import structlog
from asyncua import ua
from asyncua.client.client import Client
from asyncua.crypto import security_policies
from asyncua.crypto.uacrypto import CertProperties
from asyncua.ua.attribute_ids import AttributeIds
from cryptography import x509
from pydantic import BaseModel, Field, model_validator

from plc_bridge.codec import Codec
from plc_bridge.config import PlcConfig
from plc_bridge.contract import CommandImage, LineStatus, Receipt
from plc_bridge.session import PlcSession
from plc_bridge.tagmap_file import load_tag_map
from senbetsu_errors import NeedsOperator, Retryable

# The library reports each failed attempt with a traceback; the session logs an outage once.
logging.getLogger("asyncua.client").setLevel(logging.CRITICAL)

_log = structlog.stdlib.get_logger("plc_bridge")

_POLICIES = {
    "Basic256Sha256": security_policies.SecurityPolicyBasic256Sha256,
    "Aes128Sha256RsaOaep": security_policies.SecurityPolicyAes128Sha256RsaOaep,
    "Aes256Sha256RsaPss": security_policies.SecurityPolicyAes256Sha256RsaPss,
}
_OPERATOR_MUST_ACT = (
    "BadUser",
    "BadIdentity",
    "BadCertificate",
    "BadSecurity",
    "BadNode",
    "BadType",
    "BadNot",
    "BadWrite",
)
"""Beginnings of the status codes that no repetition heals."""


class Security(BaseModel, frozen=True, extra="forbid"):
    """How the connection is signed and encrypted, and which server is the right one."""

    policy: Literal["Basic256Sha256", "Aes128Sha256RsaOaep", "Aes256Sha256RsaPss"] = Field(
        default="Basic256Sha256", title="Policy", description="OPC UA security policy."
    )
    mode: Literal["Sign", "SignAndEncrypt"] = Field(
        default="SignAndEncrypt", title="Mode", description="OPC UA message security mode."
    )
    certificate: Path = Field(title="Certificate", description="Our certificate, PEM or DER, with our URI in it.")
    key: Path = Field(title="Key", description="Our private key, PEM or DER.")
    server_certificate: Path = Field(
        title="Server certificate", description="The PLC's certificate, PEM or DER; no other server is accepted."
    )


class User(BaseModel, frozen=True, extra="forbid"):
    """Who we are to the PLC. The password never stands in the configuration."""

    name: str = Field(min_length=1, title="Name", description="User name.")
    password_file: Path | None = Field(
        default=None, title="Password file", description="File whose first line is the password."
    )
    password_env: str | None = Field(
        default=None, title="Password variable", description="Environment variable that holds the password."
    )

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if (self.password_file is None) == (self.password_env is None):
            raise ValueError("exactly one of password_file and password_env must be given")
        return self

    def password(self) -> str:
        """Read the password. Raises `NeedsOperator` `plc.password`."""
        if self.password_env is not None:
            password = os.environ.get(self.password_env)
            if password is None:
                raise NeedsOperator(
                    "plc.password", f"The environment variable {self.password_env} is not set.", "Set it, then restart."
                )
            return password
        path = cast(Path, self.password_file)
        return _bytes_of(path, "plc.password").decode().split("\n", 1)[0].rstrip("\r")


class Config(PlcConfig, frozen=True):
    """Configuration of the OPC UA link."""

    backend: Literal["opcua"] = Field(default="opcua", title="Backend", description="OPC UA client.")
    url: str = Field(
        pattern=r"^opc\.tcp://[^/\s@]+(/\S*)?$",
        title="URL",
        description="Endpoint of the PLC, opc.tcp://host:port, without user or password.",
    )
    tags: Path = Field(title="Tag map", description="YAML file that says in which array element each tag lies.")
    security: Security | None = Field(default=None, title="Security", description="Signing and encryption.")
    user: User | None = Field(default=None, title="User", description="User and password; without it, anonymous.")
    insecure: bool = Field(
        default=False,
        title="Insecure",
        description="Allow a connection without security, to this machine itself only. For tests and the demo.",
    )

    @model_validator(mode="after")
    def _secure_or_said_so(self) -> Self:
        if self.security is not None:
            if self.insecure:
                raise ValueError("insecure: true contradicts the security that is configured; leave one out")
            return self
        if not self.insecure:
            raise ValueError("security is missing; only a connection to this machine itself may say insecure: true")
        if not _is_loopback(urlsplit(self.url).hostname or ""):
            raise ValueError(f"insecure: true is for this machine itself, found {self.url}; configure security")
        return self


class OpcuaWire:
    """The one session of an OPC UA link."""

    def __init__(self, config: Config) -> None:
        self.receipt_history = 0
        self._config = config
        tag_map = load_tag_map(config.tags, "opcua")
        self._codec = Codec(tag_map)
        self._status_node = ua.NodeId.from_string(cast(str, tag_map.status.node))
        self._command_node = ua.NodeId.from_string(cast(str, tag_map.command.node))
        self._client: Client | None = None
        if config.insecure:
            _log.warning("opc ua without security", url=config.url)

    async def open(self) -> None:
        """Connect with security and user. Raises `Retryable` `plc.unreachable`, `NeedsOperator`
        `plc.security` or `plc.password`."""
        config = self._config
        client = self._client = Client(config.url, timeout=config.connect_timeout_ms / 1000, auto_reconnect=False)
        client.name = "senbetsu"
        if config.user is not None:
            client.set_user(config.user.name)
            client.set_password(config.user.password())
        try:
            if config.security is not None:
                await self._secure(client, config.security)
            await client.connect()
        except (OSError, ua.UaError) as error:
            raise self._translated(error) from error

    async def _secure(self, client: Client, security: Security) -> None:
        certificate = _bytes_of(security.certificate, "plc.security")
        try:
            client.application_uri = _application_uri(certificate)
            await client.set_security(
                _POLICIES[security.policy],
                CertProperties(certificate, _encoding(certificate)),
                _properties(security.key),
                server_certificate=_properties(security.server_certificate),
                mode=ua.MessageSecurityMode[security.mode],
            )
        except (ValueError, x509.ExtensionNotFound) as error:
            raise NeedsOperator(
                "plc.security",
                f"The OPC UA certificates cannot be used: {error}",
                "Check certificate, key and server_certificate in plc.security.",
            ) from error

    async def read_status(self) -> LineStatus:
        """One read of the status array."""
        span = self._codec.status_span
        words = await self.read_words("status")
        return self._codec.decode_status(words[span.start : span.stop])

    async def read_words(self, block: Literal["status", "command"]) -> list[int]:
        """The whole array of a block. Raises `NeedsOperator` `plc.tag_map` for anything else."""
        node = self._status_node if block == "status" else self._command_node
        try:
            (answer,) = await self._opened().uaclient.read_attributes([node], AttributeIds.Value)
            if answer.StatusCode is not None:
                answer.StatusCode.check()
        except (OSError, ua.UaError) as error:
            raise self._translated(error) from error
        value: object = answer.Value.Value if answer.Value is not None else None
        if not isinstance(value, list) or not all(isinstance(word, int) for word in cast("list[object]", value)):
            raise NeedsOperator(
                "plc.tag_map", f"Node {node.to_string()} is not an array of UInt32.", "Check the node in the tag map."
            )
        return cast("list[int]", value)

    async def write_command(self, image: CommandImage) -> None:
        """One write of the command array."""
        words = [0] * self._codec.command_span.start + self._codec.encode_command(image)
        value = ua.DataValue(ua.Variant(words, ua.VariantType.UInt32))
        try:
            (code,) = await self._opened().uaclient.write_attributes([self._command_node], [value])
            code.check()
        except (OSError, ua.UaError) as error:
            raise self._translated(error) from error

    async def read_receipts(self, first: int, count: int) -> Sequence[Receipt]:
        """Never asked for: there is no history in the tag map yet."""
        raise NotImplementedError

    async def close(self) -> None:
        """End the session; a server that does not answer is left after the request timeout."""
        client, self._client = self._client, None
        if client is None:
            return
        try:
            async with asyncio.timeout(self._config.request_timeout_ms / 1000):
                await client.disconnect()
        except (TimeoutError, OSError, ua.UaError):
            client.uaclient.disconnect_socket()

    def _opened(self) -> Client:
        if self._client is None:
            raise Retryable("plc.connection_lost", f"The connection to {self._config.url} is closed.", "")
        return self._client

    def _translated(self, error: Exception) -> Retryable | NeedsOperator:
        if isinstance(error, ua.UaStatusCodeError):
            name = ua.StatusCode(error.code).name
            sentence = f"The OPC UA server at {self._config.url} answers {name}."
            if name.startswith(_OPERATOR_MUST_ACT):
                return NeedsOperator(
                    "plc.opcua_refused", sentence, "Check user, certificates and node ids on both sides."
                )
            return Retryable("plc.connection_lost", sentence, "It is tried again.")
        return Retryable(
            "plc.unreachable",
            f"The OPC UA exchange with {self._config.url} failed: {error!r}",
            "Check address, port, cable and firewall.",
        )


class OpcuaLink(PlcSession):
    """`PlcLink` to an OPC UA server. Raises `Fatal` `config.tags` for a wrong tag map."""

    Config = Config

    def __init__(self, config: Config) -> None:
        super().__init__(config, OpcuaWire(config))


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _bytes_of(path: Path, code: str) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise NeedsOperator(code, f"{path} cannot be read: {error.strerror}.", "Check the path in plc.") from error


def _encoding(content: bytes) -> str:
    return "pem" if content.lstrip().startswith(b"-----BEGIN") else "der"


def _properties(path: Path) -> CertProperties:
    content = _bytes_of(path, "plc.security")
    return CertProperties(content, _encoding(content))


def _application_uri(certificate: bytes) -> str:
    """The URI in the certificate, which OPC UA wants the client to call itself by."""
    load = x509.load_pem_x509_certificate if _encoding(certificate) == "pem" else x509.load_der_x509_certificate
    names = load(certificate).extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    uris = names.get_values_for_type(x509.UniformResourceIdentifier)
    if not uris:
        raise ValueError("our certificate has no URI in its subject alternative name")
    return uris[0]
