"""The configuration of the OPC UA link."""

import os
from pathlib import Path
from typing import Literal, Self, cast
from urllib.parse import urlsplit

from pydantic import BaseModel, Field, model_validator

from plc_bridge.config import PlcConfig, is_loopback
from plc_bridge.pki import read_file
from senbetsu_errors import NeedsOperator

Policy = Literal["Basic256Sha256", "Aes128Sha256RsaOaep", "Aes256Sha256RsaPss"]
Mode = Literal["Sign", "SignAndEncrypt"]


class Security(BaseModel, frozen=True, extra="forbid"):
    """How the connection is signed and encrypted, and which server is the right one."""

    policy: Policy = Field(default="Basic256Sha256", title="Policy", description="OPC UA security policy.")
    mode: Mode = Field(default="SignAndEncrypt", title="Mode", description="OPC UA message security mode.")
    certificate: Path = Field(title="Certificate", description="Our certificate, PEM or DER, with our URI in it.")
    key: Path = Field(title="Key", description="Our private key, PEM or DER, without a password.")
    server_certificate: Path | None = Field(
        default=None, title="Server certificate", description="The PLC's certificate, PEM or DER: this server is right."
    )
    trust_list: Path | None = Field(
        default=None,
        title="Trust list",
        description="Folder with trusted/certs, trusted/crl, issuers/certs, issuers/crl and rejected; "
        "`senbetsu pki` makes and fills it.",
    )
    require_crl: bool = Field(
        default=True,
        title="Require revocation lists",
        description="Refuse a server trusted through its issuer while the issuer's revocation list is missing or old.",
    )

    @model_validator(mode="after")
    def _says_whom_to_trust(self) -> Self:
        if self.server_certificate is None and self.trust_list is None:
            raise ValueError("give trust_list or server_certificate: an unknown server is never accepted")
        return self


class User(BaseModel, frozen=True, extra="forbid"):
    """Who we are to the PLC: a name and password, or a certificate. The password never stands in the configuration."""

    name: str | None = Field(default=None, min_length=1, title="Name", description="User name, with a password.")
    password_file: Path | None = Field(
        default=None, title="Password file", description="File whose first line is the password."
    )
    password_env: str | None = Field(
        default=None, title="Password variable", description="Environment variable that holds the password."
    )
    certificate: Path | None = Field(
        default=None, title="User certificate", description="Certificate that the PLC knows the user by, PEM or DER."
    )
    key: Path | None = Field(default=None, title="User key", description="The user certificate's private key.")

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if self.certificate is not None or self.key is not None:
            if self.certificate is None or self.key is None:
                raise ValueError("a certificate user needs both certificate and key")
            if self.name is not None or self.password_file is not None or self.password_env is not None:
                raise ValueError("a certificate user has no name and no password; give one or the other")
            return self
        if self.name is None:
            raise ValueError("give name and a password, or certificate and key")
        if (self.password_file is None) == (self.password_env is None):
            raise ValueError("exactly one of password_file and password_env must be given")
        return self

    @property
    def token(self) -> Literal["UserName", "Certificate"]:
        """What kind of OPC UA user token this is."""
        return "UserName" if self.certificate is None else "Certificate"

    def __str__(self) -> str:
        return f"user {self.name}" if self.certificate is None else f"user certificate {self.certificate}"

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
        return read_file(path, "plc.password").decode().split("\n", 1)[0].rstrip("\r")


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
    user: User | None = Field(
        default=None, title="User", description="User and password, or a user certificate; without it, anonymous."
    )
    insecure: bool = Field(
        default=False,
        title="Insecure",
        description="Allow a connection without security, to this machine itself only. For tests and the demo.",
    )
    status_by: Literal["read", "subscription"] = Field(
        default="read",
        title="Status by",
        description="How the status comes: read each cycle, or as the server publishes it, which adds 36 to 86 ms. "
        "Orders are never sent by subscription.",
    )
    status_queue: int = Field(
        default=8,
        ge=1,
        le=1000,
        title="Status queue",
        description="With a subscription: how many statuses may wait; the oldest gives way, and is counted.",
    )

    @property
    def host(self) -> str:
        """The host in the URL."""
        return urlsplit(self.url).hostname or ""

    @model_validator(mode="after")
    def _secure_or_said_so(self) -> Self:
        if self.security is not None:
            if self.insecure:
                raise ValueError("insecure: true contradicts the security that is configured; leave one out")
            return self
        if not self.insecure:
            raise ValueError("security is missing; only a connection to this machine itself may say insecure: true")
        if not is_loopback(self.host):
            raise ValueError(f"insecure: true is for this machine itself, found {self.url}; configure security")
        return self
