"""Certificates for tests: applications' and users' own, issued by an authority, expired, foreign."""

from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

from plc_bridge import pki
from plc_bridge.pki import Identity
from plc_bridge.pki_trust import TrustList

NOW = datetime.now(UTC).replace(microsecond=0)
DAY = timedelta(days=1)


@cache
def identity(name: str, *, server: bool = False, days: int = 365, made_days_ago: int = 0) -> Identity:
    """A self-signed application certificate for this machine; one for `days` made earlier has expired."""
    made = NOW - made_days_ago * DAY
    return pki.make_identity(name, f"urn:test:{name}", ["localhost", "127.0.0.1"], made, days, server=server)


def write(folder: Path, name: str, whose: Identity) -> tuple[Path, Path]:
    """Certificate and key as files."""
    paths = folder / f"{name}.der", folder / f"{name}.key"
    pki.write_identity(whose, *paths)
    return paths


def trust_list(folder: Path, *trusted: Identity) -> TrustList:
    """A new trust list that holds these."""
    trust = TrustList(folder)
    trust.make_folders()
    for whose in trusted:
        trust.trust(whose.certificate)
    return trust


class Authority:
    """A certificate authority with its revocation list."""

    def __init__(self, name: str, start: datetime = NOW - DAY, end: datetime = NOW + 365 * DAY) -> None:
        self.key = rsa.generate_private_key(65537, 2048)
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self.certificate = (
            self._builder(self.name, self.key, start, end)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .sign(self.key, hashes.SHA256())
        )

    def issue(self, name: str, hosts: list[str]) -> Identity:
        """An application certificate that names these hosts."""
        key = rsa.generate_private_key(65537, 2048)
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        names = [x509.UniformResourceIdentifier(f"urn:test:{name}"), *map(x509.DNSName, hosts)]
        certificate = (
            self._builder(subject, key, NOW - DAY, NOW + 100 * DAY)
            .add_extension(x509.SubjectAlternativeName(names), critical=False)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .sign(self.key, hashes.SHA256())
        )
        return Identity(certificate, key)

    def revocation_list(self, *revoked: Identity, next_update: datetime = NOW + 10 * DAY) -> bytes:
        """The list, in DER."""
        builder = (
            x509.CertificateRevocationListBuilder()
            .issuer_name(self.name)
            .last_update(NOW - 20 * DAY)
            .next_update(next_update)
        )
        for whose in revoked:
            builder = builder.add_revoked_certificate(
                x509.RevokedCertificateBuilder()
                .serial_number(whose.certificate.serial_number)
                .revocation_date(NOW - DAY)
                .build()
            )
        return builder.sign(self.key, hashes.SHA256()).public_bytes(serialization.Encoding.DER)

    def _builder(
        self, subject: x509.Name, key: rsa.RSAPrivateKey, start: datetime, end: datetime
    ) -> x509.CertificateBuilder:
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self.name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(start)
            .not_valid_after(end)
        )
