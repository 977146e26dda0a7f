"""The trust list: a folder that says which servers are the right ones.

The layout is the one OPC UA applications share: `trusted/certs` holds certificates that are trusted
themselves or whose issues are, `issuers/certs` those that only complete a chain, `trusted/crl` and
`issuers/crl` their revocation lists, `rejected` what was refused and waits for a person's verdict.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TypeVar

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization

from plc_bridge import pki
from plc_bridge.pki import Finding
from senbetsu_errors import NeedsOperator

LARGEST_REJECTED = 20
"""Refused certificates that are kept; the oldest gives way, so that nobody can fill the disk with them."""
_LONGEST_CHAIN = 8

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class TrustList:
    """The folder and the rule for issuers without a revocation list."""

    folder: Path
    require_crl: bool = True

    @property
    def trusted(self) -> Path:
        """Where trusted certificates lie."""
        return self.folder / "trusted" / "certs"

    @property
    def issuers(self) -> Path:
        """Where issuers lie that complete a chain but are not trusted by themselves."""
        return self.folder / "issuers" / "certs"

    @property
    def rejected(self) -> Path:
        """Where refused certificates wait."""
        return self.folder / "rejected"

    def make_folders(self) -> None:
        """Create what is missing."""
        for path in (self.trusted, self.issuers, self.rejected, *self._crl_folders()):
            path.mkdir(parents=True, exist_ok=True)

    def findings(self, chain: Sequence[x509.Certificate], now: datetime, host: str, how_to_trust: str) -> list[Finding]:
        """Whether the first of `chain` (as the server shows it) is to be trusted; empty means yes.

        A certificate in the list is trusted whatever name the server is reached by; one that is
        trusted through its issuer must also name `host`. Raises `NeedsOperator` `plc.trust_list`
        for a file that cannot be read.
        """
        certificate, *shown = chain
        trusted, issuers = certificates_in(self.trusted), certificates_in(self.issuers)
        lists = [crl for folder in self._crl_folders() for crl in _load_all(folder, _load_crl)]
        known = [*trusted, *issuers, *shown]
        if certificate in trusted:
            issuer = _issuer_of(certificate, known)
            revoked = issuer and _revocation(certificate, issuer, lists, now, required=False)
            return [revoked] if revoked else []
        refused = self._by_issuer(certificate, trusted, known, lists, now)
        if refused is None:
            name = pki.subject(certificate)
            sentence = f"The server's certificate {name}, thumbprint {pki.thumbprint(certificate)}, is not trusted."
            return [Finding("plc.certificate_untrusted", sentence, how_to_trust)]
        if not refused and not pki.names_host(certificate, host):
            named = ", ".join(pki.hosts(certificate)) or "no host"
            sentence = f"The server's certificate does not name {host}; it names {named}."
            remedy = f"Use one of these names in plc.url, or trust this very certificate: {how_to_trust}"
            return [Finding("plc.certificate_host", sentence, remedy)]
        return refused

    def _by_issuer(
        self,
        certificate: x509.Certificate,
        trusted: Sequence[x509.Certificate],
        known: Sequence[x509.Certificate],
        lists: Sequence[x509.CertificateRevocationList],
        now: datetime,
    ) -> list[Finding] | None:
        """Follow the chain up and judge its links; None where none of them is trusted."""
        links: list[tuple[x509.Certificate, x509.Certificate]] = []
        while len(links) < _LONGEST_CHAIN:
            issuer = _issuer_of(certificate, known)
            if issuer is None or issuer == certificate:
                break
            links.append((certificate, issuer))
            certificate = issuer
        if not any(issuer in trusted for _, issuer in links):
            return None
        for issued, issuer in links:
            if now > issuer.not_valid_after_utc or now < issuer.not_valid_before_utc:
                sentence = f"The issuer {pki.subject(issuer)} of the server's certificate is not valid now."
                return [Finding("plc.certificate_expired", sentence, "Put its renewed certificate in the trust list.")]
            revoked = _revocation(issued, issuer, lists, now, required=self.require_crl)
            if revoked:
                return [revoked]
        return []

    def trust(self, certificate: x509.Certificate) -> Path:
        """Put it among the trusted ones and out of the rejected ones; the file it now lies in."""
        self.make_folders()
        path = self.trusted / _file_name(certificate)
        path.write_bytes(certificate.public_bytes(serialization.Encoding.DER))
        (self.rejected / _file_name(certificate)).unlink(missing_ok=True)
        return path

    def reject(self, certificate: x509.Certificate) -> Path:
        """Keep a refused certificate for a person to look at. Raises `OSError` where that cannot be written."""
        self.rejected.mkdir(parents=True, exist_ok=True)
        path = self.rejected / _file_name(certificate)
        if not path.exists():
            held = sorted(self.rejected.glob("*.der"), key=lambda file: file.stat().st_mtime)
            for oldest in held[: max(0, len(held) - LARGEST_REJECTED + 1)]:
                oldest.unlink(missing_ok=True)
            path.write_bytes(certificate.public_bytes(serialization.Encoding.DER))
        return path

    def _crl_folders(self) -> tuple[Path, Path]:
        return self.folder / "trusted" / "crl", self.folder / "issuers" / "crl"


def certificates_in(folder: Path) -> list[x509.Certificate]:
    """Every certificate in a folder. Raises `NeedsOperator` `plc.trust_list` for one that is none."""
    return _load_all(folder, pki.load_certificate)


def _load_all(folder: Path, load: Callable[[Path], _T]) -> list[_T]:
    loaded: list[_T] = []
    for path in sorted(folder.glob("*")) if folder.is_dir() else []:
        if path.name.startswith(".") or not path.is_file():
            continue
        try:
            loaded.append(load(path))
        except NeedsOperator as error:
            raise NeedsOperator("plc.trust_list", error.message, f"Put it right or remove it: {path}") from error
    return loaded


def _load_crl(path: Path) -> x509.CertificateRevocationList:
    content = pki.read_file(path)
    pem = content.lstrip().startswith(b"-----BEGIN")
    try:
        return x509.load_pem_x509_crl(content) if pem else x509.load_der_x509_crl(content)
    except ValueError as error:
        raise NeedsOperator("plc.trust_list", f"{path} is not a revocation list.", "PEM or DER.") from error


def _issuer_of(certificate: x509.Certificate, known: Sequence[x509.Certificate]) -> x509.Certificate | None:
    for candidate in known:
        if candidate.subject == certificate.issuer and _may_issue(candidate):
            try:
                certificate.verify_directly_issued_by(candidate)
            except (InvalidSignature, ValueError, TypeError):
                continue
            return candidate
    return None


def _may_issue(certificate: x509.Certificate) -> bool:
    try:
        return certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except x509.ExtensionNotFound:
        return False


def _revocation(
    certificate: x509.Certificate,
    issuer: x509.Certificate,
    lists: Sequence[x509.CertificateRevocationList],
    now: datetime,
    *,
    required: bool,
) -> Finding | None:
    """Why the issuer's revocation lists speak against the certificate; None where they do not."""
    public_key = issuer.public_key()
    for crl in lists:
        if crl.issuer != issuer.subject or not crl.is_signature_valid(public_key):  # pyright: ignore[reportArgumentType]
            continue
        if crl.get_revoked_certificate_by_serial_number(certificate.serial_number) is not None:
            sentence = f"The certificate {pki.subject(certificate)} was revoked by its issuer."
            return Finding("plc.certificate_revoked", sentence, "Give the server a new certificate.")
        if crl.next_update_utc is None or now <= crl.next_update_utc:
            return None
        if required:
            sentence = f"The revocation list of {pki.subject(issuer)} ran out on {crl.next_update_utc:%Y-%m-%d}."
            return Finding("plc.revocation_unknown", sentence, "Put a fresh one into the trust list's crl folder.")
    if not required:
        return None
    sentence = f"There is no revocation list of the issuer {pki.subject(issuer)}."
    remedy = "Put it into the trust list's crl folder, or say require_crl: false in plc.security."
    return Finding("plc.revocation_unknown", sentence, remedy)


def _file_name(certificate: x509.Certificate) -> str:
    names = certificate.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)
    name = re.sub(r"[^\w.-]+", "_", str(names[0].value))[:60] if names else "unnamed"
    return f"{name} [{pki.thumbprint(certificate)}].der"
