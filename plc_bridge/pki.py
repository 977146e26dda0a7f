"""OPC UA certificates: make our own, read any, and name what is wrong with one.

Time comes in as `now`, an aware UTC moment. Files are small, but reading them blocks: call from a
thread where a loop runs.
"""

import ipaddress
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from senbetsu_errors import NeedsOperator

SMALLEST_KEY_BITS = 2048
"""All three policies that we use ask for RSA keys of 2048 to 4096 bit."""
EXPIRY_WARNING = timedelta(days=30)
_STARTED_EARLIER = timedelta(hours=1)  # a PLC whose clock is a little behind must accept it too
_PEM = b"-----BEGIN"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong: a stable code, a sentence, a remedy. Only a `fatal` one keeps the link down."""

    code: str
    sentence: str
    remedy: str
    fatal: bool = True

    def error(self) -> NeedsOperator:
        """The same as an error to raise."""
        return NeedsOperator(self.code, self.sentence, self.remedy)


def refuse_fatal(findings: Sequence[Finding]) -> None:
    """Raise the first fatal finding as `NeedsOperator`."""
    for finding in findings:
        if finding.fatal:
            raise finding.error()


@dataclass(frozen=True, slots=True)
class Identity:
    """A certificate and the private key that belongs to it."""

    certificate: x509.Certificate
    key: rsa.RSAPrivateKey


def load_certificate(path: Path) -> x509.Certificate:
    """A certificate from a PEM or DER file. Raises `NeedsOperator` `plc.security`."""
    content = read_file(path)
    try:
        if content.lstrip().startswith(_PEM):
            return x509.load_pem_x509_certificate(content)
        return x509.load_der_x509_certificate(content)
    except ValueError as error:
        raise NeedsOperator(
            "plc.security", f"{path} is not a certificate.", "It must be an X.509 certificate, PEM or DER."
        ) from error


def load_key(path: Path) -> rsa.RSAPrivateKey:
    """An RSA private key from a PEM or DER file without a password. Raises `NeedsOperator` `plc.security`."""
    content = read_file(path)
    pem = content.lstrip().startswith(_PEM)
    load = serialization.load_pem_private_key if pem else serialization.load_der_private_key
    try:
        key = load(content, password=None)
    except (ValueError, TypeError) as error:
        raise NeedsOperator(
            "plc.security", f"{path} is not a private key.", "It must be an RSA key, PEM or DER, without a password."
        ) from error
    if not isinstance(key, rsa.RSAPrivateKey):
        raise NeedsOperator(
            "plc.security",
            f"The key in {path} is no RSA key.",
            "OPC UA's security policies need RSA: make one with `senbetsu pki init`.",
        )
    return key


def load_identity(certificate: Path, key: Path) -> Identity:
    """Both files, the key checked to be the certificate's. Raises `NeedsOperator` `plc.security`."""
    identity = Identity(load_certificate(certificate), load_key(key))
    if identity.certificate.public_key() != identity.key.public_key():
        raise NeedsOperator(
            "plc.security",
            f"The key in {key} does not belong to the certificate in {certificate}.",
            "Give the pair that was made together, or make a new one with `senbetsu pki init`.",
        )
    return identity


def read_file(path: Path, code: str = "plc.security") -> bytes:
    """A file's content. Raises `NeedsOperator` with that code."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise NeedsOperator(code, f"{path} cannot be read: {error.strerror}.", "Check the path in plc.") from error


def make_identity(
    name: str, uri: str, hosts: Sequence[str], now: datetime, days: int, *, server: bool = False, bits: int = 2048
) -> Identity:
    """A self-signed application instance certificate, as OPC 10000-6 6.2.2 wants it.

    `hosts` are DNS names and IP addresses by which this computer is known.
    """
    key = rsa.generate_private_key(65537, bits)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    names = [x509.UniformResourceIdentifier(uri), *map(_host_name, hosts)]
    usages = [ExtendedKeyUsageOID.CLIENT_AUTH] + ([ExtendedKeyUsageOID.SERVER_AUTH] if server else [])
    key_usage = x509.KeyUsage(
        digital_signature=True,
        content_commitment=True,
        key_encipherment=True,
        data_encipherment=True,
        key_agreement=False,
        key_cert_sign=True,  # a self-signed certificate is its own issuer
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )
    identifier = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _STARTED_EARLIER)
        .not_valid_after(now + timedelta(days=days))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(key_usage, critical=True)
        .add_extension(x509.ExtendedKeyUsage(usages), critical=False)
        .add_extension(identifier, critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier), critical=False)
        .sign(key, hashes.SHA256())
    )
    return Identity(certificate, key)


def write_identity(identity: Identity, certificate: Path, key: Path) -> None:
    """Write both as new files, the key readable by its owner only. Raises `FileExistsError`."""
    pem = identity.key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    with os.fdopen(os.open(key, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(pem)
    with certificate.open("xb") as file:
        file.write(identity.certificate.public_bytes(serialization.Encoding.DER))


def thumbprint(certificate: x509.Certificate) -> str:
    """What OPC UA calls a certificate by: its SHA-1, in capital hexadecimal digits."""
    return certificate.fingerprint(hashes.SHA1()).hex().upper()  # noqa: S303  (a name, not a protection)


def same_thumbprint(certificate: x509.Certificate, given: str) -> bool:
    """Whether somebody's writing of a SHA-1 or SHA-256 thumbprint, with colons or spaces, is this certificate's."""
    digits = given.replace(":", "").replace(" ", "").upper()
    return digits in (thumbprint(certificate), certificate.fingerprint(hashes.SHA256()).hex().upper())


def subject(certificate: x509.Certificate) -> str:
    """Who the certificate is for, as text."""
    return certificate.subject.rfc4514_string() or "(no subject)"


def application_uri(certificate: x509.Certificate) -> str | None:
    """The URI of the application that the certificate is for."""
    names = _alternative_names(certificate)
    uris = names.get_values_for_type(x509.UniformResourceIdentifier) if names else []
    return uris[0] if uris else None


def hosts(certificate: x509.Certificate) -> list[str]:
    """DNS names and IP addresses in the certificate."""
    names = _alternative_names(certificate)
    if names is None:
        return []
    return [*names.get_values_for_type(x509.DNSName), *map(str, names.get_values_for_type(x509.IPAddress))]


def names_host(certificate: x509.Certificate, host: str) -> bool:
    """Whether the certificate names that host, which may be written in any case."""
    return host.lower().rstrip(".") in (name.lower() for name in hosts(certificate))


def days_left(certificate: x509.Certificate, now: datetime) -> float:
    """Days until it expires, negative afterwards."""
    return (certificate.not_valid_after_utc - now) / timedelta(days=1)


def split_chain(der: bytes) -> list[x509.Certificate]:
    """The certificates of a concatenation, the server's own first. Raises `ValueError`."""
    chain: list[x509.Certificate] = []
    while der:
        length_bytes = der[1] & 0x7F if len(der) > 1 and der[1] & 0x80 else 0
        length = int.from_bytes(der[2 : 2 + length_bytes], "big") if length_bytes else der[1]
        end = 2 + length_bytes + length
        chain.append(x509.load_der_x509_certificate(der[:end]))
        der = der[end:]
    return chain


def validity_findings(certificate: x509.Certificate, whose: str, now: datetime, remedy: str) -> Iterator[Finding]:
    """Expired, not yet valid, soon to expire, or with too short a key."""
    start, end = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    if now > end:
        sentence = f"{whose} expired on {end:%Y-%m-%d %H:%M} UTC (now {now:%Y-%m-%d %H:%M})."
        yield Finding("plc.certificate_expired", sentence, remedy)
    elif now < start:
        sentence = f"{whose} is not valid before {start:%Y-%m-%d %H:%M} UTC (now {now:%Y-%m-%d %H:%M})."
        yield Finding("plc.certificate_expired", sentence, "Check the clocks of both computers.")
    elif end - now < EXPIRY_WARNING:
        sentence = f"{whose} expires in {days_left(certificate, now):.0f} days, on {end:%Y-%m-%d}."
        yield Finding("plc.certificate_expires", sentence, remedy, fatal=False)
    key = certificate.public_key()
    if not isinstance(key, rsa.RSAPublicKey):
        yield Finding("plc.certificate_key", f"The key of {whose} is not RSA, which OPC UA's policies need.", remedy)
    elif key.key_size < SMALLEST_KEY_BITS:
        sentence = f"The key of {whose} has {key.key_size} bit; the policies ask for {SMALLEST_KEY_BITS} or more."
        yield Finding("plc.certificate_key", sentence, remedy)


def own_findings(identity: Identity, now: datetime, host: str | None) -> Iterator[Finding]:
    """What a server would object to in our own certificate; `host` is this computer's name, if known."""
    certificate = identity.certificate
    again = "Make a new one with `senbetsu pki init --overwrite` and let the PLC trust it."
    yield from validity_findings(certificate, "Our own certificate", now, again)
    if application_uri(certificate) is None:
        yield Finding(
            "plc.certificate_uri",
            "Our own certificate has no application URI in its subject alternative name; servers refuse it.",
            again,
        )
    if host is not None and not names_host(certificate, host):
        sentence = f"Our own certificate does not name this computer ({host}); it names {_listed(hosts(certificate))}."
        yield Finding("plc.certificate_host", sentence, f"Some servers check that. {again}", fatal=False)


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names) or "no host"


def _host_name(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _alternative_names(certificate: x509.Certificate) -> x509.SubjectAlternativeName | None:
    try:
        return certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return None
