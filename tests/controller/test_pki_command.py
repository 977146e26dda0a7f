"""`senbetsu pki` on files; against servers it is run by tests/system/test_secure_line.py."""

import stat
from pathlib import Path

import pytest
from typer.testing import CliRunner

from controller.cli.pki import pki_app
from plc_bridge import pki
from plc_bridge.pki_trust import TrustList
from senbetsu_errors import NeedsOperator


def ran(*arguments: str | Path) -> str:
    """What the command printed; raises what it raises."""
    result = CliRunner().invoke(pki_app, [str(argument) for argument in arguments])
    if result.exception is not None:
        raise result.exception
    return result.output


def test_init_makes_a_pair_that_fits_and_never_overwrites_it_silently(tmp_path: Path) -> None:
    folder = tmp_path / "pki"
    output = ran("init", folder, "--uri", "urn:site:line1", "--host", "line1.example", "--host", "192.0.2.5")
    certificate, key = folder / "own" / "cert.der", folder / "own" / "key.pem"
    identity = pki.load_identity(certificate, key)
    assert pki.thumbprint(identity.certificate) in output
    assert pki.application_uri(identity.certificate) == "urn:site:line1"
    assert pki.hosts(identity.certificate) == ["line1.example", "192.0.2.5"]
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    before = certificate.read_bytes(), key.read_bytes()
    with pytest.raises(NeedsOperator, match="exists already"):
        ran("init", folder)
    assert (certificate.read_bytes(), key.read_bytes()) == before
    ran("init", folder, "--overwrite", "--days", "30")
    assert certificate.read_bytes() != before[0]
    assert (folder / "own" / "cert.der.old").read_bytes() == before[0]
    assert (folder / "own" / "key.pem.old").read_bytes() == before[1]
    assert stat.S_IMODE((folder / "own" / "key.pem.old").stat().st_mode) == 0o600


def test_trust_shows_the_certificate_and_takes_it_out_of_the_rejected_ones(tmp_path: Path) -> None:
    ran("init", tmp_path / "plc", "--name", "plc", "--server")
    server = pki.load_certificate(tmp_path / "plc" / "own" / "cert.der")
    trust = TrustList(tmp_path / "pki")
    rejected = trust.reject(server)
    with pytest.raises(NeedsOperator, match="nothing was trusted") as refusal:
        ran("trust", trust.folder, rejected, "--thumbprint", "AB" * 20)
    assert refusal.value.code == "pki.thumbprint"
    assert not trust.trusted.exists()
    assert pki.thumbprint(server) in ran("trust", trust.folder, rejected)
    assert not rejected.exists()
    (trusted,) = trust.trusted.iterdir()
    assert pki.load_certificate(trusted) == server
    shown = ran("show", trust.folder)
    assert shown.index("trusted") < shown.index(pki.thumbprint(server)) < shown.index("rejected")


def test_trust_wants_one_certificate_and_a_file_that_is_one(tmp_path: Path) -> None:
    notes = tmp_path / "notes.txt"
    notes.write_text("thumbprint?")
    with pytest.raises(NeedsOperator, match="Which certificate"):
        ran("trust", tmp_path)
    with pytest.raises(NeedsOperator, match=r"notes\.txt is not a certificate"):
        ran("trust", tmp_path, notes)
