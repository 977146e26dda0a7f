"""Configuration of the OPC UA server for SCADA: where it listens, who may look."""

from pathlib import Path
from typing import Literal, Self

from pydantic import BaseModel, Field, model_validator

from plc_bridge.config import is_loopback

DEFAULT_PORT = 4841
"""4840 is where a soft PLC on the same computer would listen."""

PASSWORD_HASH = r"^scrypt\$1[4-9]\$8\$1\$[A-Za-z0-9_-]{22}\$[A-Za-z0-9_-]{43}$"  # noqa: S105 - the form of a hash


class ScadaSecurity(BaseModel, frozen=True, extra="forbid"):
    """Signing and encryption, and which clients are ours."""

    policies: tuple[Literal["Basic256Sha256", "Aes128Sha256RsaOaep", "Aes256Sha256RsaPss"], ...] = Field(
        default=("Basic256Sha256", "Aes128Sha256RsaOaep", "Aes256Sha256RsaPss"),
        min_length=1,
        title="Policies",
        description="OPC UA security policies on offer, always with SignAndEncrypt.",
    )
    certificate: Path = Field(
        title="Certificate", description="The server's own certificate, PEM or DER, with its application URI in it."
    )
    key: Path = Field(title="Key", description="The server's private key, PEM or DER.")
    trusted: Path = Field(
        title="Trusted clients",
        description="Folder of client certificates, PEM or DER; only a client whose own certificate lies there gets "
        "in. Read again at each login.",
    )


class ScadaUser(BaseModel, frozen=True, extra="forbid"):
    """A name and a password that may look."""

    name: str = Field(pattern=r"^\S", max_length=64, title="Name", description="User name.")
    password_hash: str = Field(
        pattern=PASSWORD_HASH,
        repr=False,
        title="Password hash",
        description="What `senbetsu scada-password` printed for the password; the password itself stands nowhere.",
    )


class ScadaConfig(BaseModel, frozen=True, extra="forbid"):
    """The section `scada`. Everything that is served is read-only, whoever looks."""

    host: str = Field(
        default="127.0.0.1", min_length=1, title="Host", description="Address to listen on; 127.0.0.1 is this PC."
    )
    port: int = Field(
        default=DEFAULT_PORT, ge=0, le=65535, title="Port", description="TCP port to listen on; 0 takes a free one."
    )
    allow_remote: bool = Field(
        default=False,
        title="Allow remote",
        description="true lets other computers connect; needed for any host but this PC's own.",
    )
    security: ScadaSecurity | None = Field(
        default=None, title="Security", description="Certificates; without it only `insecure: true` is possible."
    )
    users: tuple[ScadaUser, ...] = Field(
        default=(), title="Users", description="Who may look. There is no user and no password but these."
    )
    anonymous: bool = Field(
        default=False,
        title="Anonymous",
        description="true lets programs on this PC itself look without a user; not possible on any other host.",
    )
    insecure: bool = Field(
        default=False,
        title="Insecure",
        description="true serves without encryption, on this PC itself only. For tests and the demo.",
    )

    @model_validator(mode="after")
    def _guarded_or_said_so(self) -> Self:
        local = is_loopback(self.host)
        if self.security is None and not self.insecure:
            raise ValueError("security is missing; only a server for this PC itself may say insecure: true instead")
        if self.security is not None and self.insecure:
            raise ValueError("insecure: true contradicts the security that is configured; leave one out")
        if self.insecure and not local:
            raise ValueError(f'insecure: true is for this PC itself, found host "{self.host}"; configure security')
        if self.anonymous and not local:
            raise ValueError(f'anonymous: true is for this PC itself, found host "{self.host}"; configure users')
        if not self.anonymous and not self.users:
            raise ValueError("nobody could look: give users, or on this PC itself anonymous: true")
        names = [user.name for user in self.users]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"a user's name stands there twice: {', '.join(twice)}")
        return self
