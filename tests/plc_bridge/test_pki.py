"""Certificates and the trust list: what is made, what is refused, and in which words."""

import stat
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from plc_bridge import pki
from plc_bridge.pki_trust import LARGEST_REJECTED, TrustList
from senbetsu_errors import NeedsOperator
from tests.plc_bridge.certificates import DAY, NOW, Authority, identity, trust_list, write


def test_what_we_make_is_an_application_instance_certificate(tmp_path: Path) -> None:
    made = pki.make_identity("senbetsu", "urn:pc:senbetsu", ["pc.example", "192.0.2.7", "::1"], NOW, 100, server=True)
    certificate, key = tmp_path / "cert.der", tmp_path / "key.pem"
    pki.write_identity(made, certificate, key)
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    read = pki.load_identity(certificate, key).certificate
    assert pki.application_uri(read) == "urn:pc:senbetsu"
    assert pki.hosts(read) == ["pc.example", "192.0.2.7", "::1"]
    assert pki.names_host(read, "PC.example.")
    assert not pki.names_host(read, "example")
    usage = read.extensions.get_extension_for_class(x509.KeyUsage).value
    assert usage.digital_signature
    assert usage.content_commitment
    assert usage.key_encipherment
    assert usage.data_encipherment
    assert list(read.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value) == [
        x509.oid.ExtendedKeyUsageOID.CLIENT_AUTH,
        x509.oid.ExtendedKeyUsageOID.SERVER_AUTH,
    ]
    assert pki.days_left(read, NOW) == 100
    assert list(pki.own_findings(made, NOW, "pc.example")) == []
    with pytest.raises(FileExistsError):
        pki.write_identity(made, certificate, key)


@pytest.mark.parametrize(
    ("now", "host", "code", "says"),
    [
        (NOW + 101 * DAY, None, "plc.certificate_expired", "Our own certificate expired on"),
        (NOW - 2 * DAY, None, "plc.certificate_expired", "is not valid before"),
        (NOW + 90 * DAY, None, "plc.certificate_expires", "expires in 10 days"),
        (NOW, "elsewhere", "plc.certificate_host", r"does not name this computer \(elsewhere\); it names pc"),
    ],
)
def test_what_is_wrong_with_our_certificate_is_said(now: object, host: str | None, code: str, says: str) -> None:
    made = pki.make_identity("senbetsu", "urn:pc:senbetsu", ["pc"], NOW, 100)
    (finding,) = pki.own_findings(made, now, host)  # pyright: ignore[reportArgumentType]
    assert finding.code == code
    with pytest.raises(NeedsOperator, match=says):
        raise finding.error()
    assert finding.fatal == (code == "plc.certificate_expired")


def test_a_short_key_and_a_missing_uri_are_said() -> None:
    key = rsa.generate_private_key(65537, 1024)  # noqa: S505  (that is what is wrong with it)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "old")])
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(1).not_valid_before(NOW - DAY).not_valid_after(NOW + 99 * DAY)
    old = pki.Identity(builder.sign(key, hashes.SHA256()), key)
    assert [f.code for f in pki.own_findings(old, NOW, None)] == ["plc.certificate_key", "plc.certificate_uri"]


def test_files_that_are_not_what_they_should_be_are_named(tmp_path: Path) -> None:
    certificate, key = write(tmp_path, "one", identity("one"))
    _, other_key = write(tmp_path, "other", identity("other"))
    curve = tmp_path / "curve.key"
    curve.write_bytes(
        ec.generate_private_key(ec.SECP256R1()).private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    for paths, says in (
        ((certificate, other_key), "does not belong to the certificate"),
        ((certificate, curve), "is no RSA key"),
        ((key, key), "is not a certificate"),
        ((certificate, certificate), "is not a private key"),
        ((tmp_path / "none", key), "cannot be read: No such file"),
    ):
        with pytest.raises(NeedsOperator, match=says):
            pki.load_identity(*paths)


def test_a_chain_in_one_piece_is_taken_apart() -> None:
    authority = Authority("plant CA")
    whole = [authority.issue("plc", ["plc"]).certificate, authority.certificate]
    der = b"".join(c.public_bytes(serialization.Encoding.DER) for c in whole)
    assert pki.split_chain(der) == whole
    with pytest.raises(ValueError, match=r"."):
        pki.split_chain(der + b"rubbish")


def codes(trust: TrustList, *chain: x509.Certificate, host: str = "plc") -> list[str]:
    return [finding.code for finding in trust.findings(chain, NOW, host, "")]


def test_a_listed_certificate_is_trusted_and_no_other(tmp_path: Path) -> None:
    trust = trust_list(tmp_path, identity("server"))
    assert codes(trust, identity("server").certificate) == []
    assert codes(trust, identity("other").certificate) == ["plc.certificate_untrusted"]
    trust.reject(identity("other").certificate)
    assert [p.name.split(" ")[0] for p in trust.rejected.iterdir()] == ["other"]
    trust.trust(identity("other").certificate)
    assert list(trust.rejected.iterdir()) == []
    assert codes(trust, identity("other").certificate) == []


def test_a_trusted_issuer_needs_its_revocation_list_and_the_right_host(tmp_path: Path) -> None:
    authority, stranger = Authority("plant CA"), Authority("plant CA")
    plc = authority.issue("plc", ["plc"])
    trust = trust_list(tmp_path)
    assert codes(trust, plc.certificate, authority.certificate) == ["plc.certificate_untrusted"]
    trust.trust(authority.certificate)
    crl = tmp_path / "trusted" / "crl" / "plant.crl"
    assert codes(trust, plc.certificate) == ["plc.revocation_unknown"]
    assert codes(TrustList(tmp_path, require_crl=False), plc.certificate) == []
    crl.write_bytes(stranger.revocation_list(plc))
    assert codes(trust, plc.certificate) == ["plc.revocation_unknown"], "signed by another of the same name"
    crl.write_bytes(authority.revocation_list(next_update=NOW - DAY))
    assert codes(trust, plc.certificate) == ["plc.revocation_unknown"]
    crl.write_bytes(authority.revocation_list())
    assert codes(trust, plc.certificate) == []
    assert codes(trust, plc.certificate, host="192.0.2.1") == ["plc.certificate_host"]
    crl.write_bytes(authority.revocation_list(plc))
    assert codes(trust, plc.certificate) == ["plc.certificate_revoked"]
    assert codes(trust, stranger.issue("plc", ["plc"]).certificate) == ["plc.certificate_untrusted"]


def test_revocation_holds_for_a_listed_certificate_too(tmp_path: Path) -> None:
    authority = Authority("plant CA")
    plc = authority.issue("plc", ["plc"])
    trust = trust_list(tmp_path, plc)
    (tmp_path / "issuers" / "certs" / "ca.der").write_bytes(
        authority.certificate.public_bytes(serialization.Encoding.DER)
    )
    assert codes(trust, plc.certificate) == []
    (tmp_path / "issuers" / "crl" / "ca.crl").write_bytes(authority.revocation_list(plc))
    assert codes(trust, plc.certificate) == ["plc.certificate_revoked"]


def test_an_expired_issuer_and_an_issuer_that_may_not_issue_are_refused(tmp_path: Path) -> None:
    expired = Authority("old CA", NOW - 20 * DAY, NOW - timedelta(hours=1))
    trust = trust_list(tmp_path)
    trust.trust(expired.certificate)
    assert codes(trust, expired.issue("plc", ["plc"]).certificate) == ["plc.certificate_expired"]
    # An application certificate is no authority, whatever it has signed.
    upstart = Authority("upstart")
    upstart.key = identity("server").key
    upstart.name = identity("server").certificate.subject
    trust.trust(identity("server").certificate)
    assert codes(trust, upstart.issue("plc", ["plc"]).certificate) == ["plc.certificate_untrusted"]


def test_a_file_that_is_no_certificate_is_named_with_its_place(tmp_path: Path) -> None:
    trust = trust_list(tmp_path)
    (trust.trusted / "notes.txt").write_text("call the PLC people")
    with pytest.raises(NeedsOperator, match=r"notes\.txt is not a certificate") as refusal:
        trust.findings([identity("server").certificate], NOW, "plc", "")
    assert refusal.value.code == "plc.trust_list"


def test_nobody_can_fill_the_disk_with_rejected_certificates(tmp_path: Path) -> None:
    trust = trust_list(tmp_path)
    for number in range(LARGEST_REJECTED + 5):
        (trust.rejected / f"{number}.der").write_bytes(b"")
    trust.reject(identity("other").certificate)
    assert len(list(trust.rejected.iterdir())) == LARGEST_REJECTED
