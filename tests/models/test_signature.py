"""A signature vouches for model and manifest together, by a key that the line trusts."""

import json
import os
import stat
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from controller.cli.models_commands import models_app
from models.registry import open_any, verify_any
from models.signature import read_private_key, signature_path
from senbetsu_errors import NeedsOperator, SenbetsuError
from tests.models.conftest import manifest_of, tiny_onnx, write_model


def run(*arguments: object) -> Result:
    return CliRunner().invoke(models_app, [str(argument) for argument in arguments])


def refusal(*arguments: object) -> SenbetsuError:
    error = run(*arguments).exception
    assert isinstance(error, SenbetsuError), error
    return error


def made_key(path: Path) -> Path:
    assert run("keygen", path).exit_code == 0
    return path


@pytest.fixture
def key(tmp_path: Path) -> Path:
    return made_key(tmp_path / "site.key")


@pytest.fixture
def signed(tiny_model: Path, key: Path) -> Path:
    assert run("sign", tiny_model, "--key", key).exit_code == 0
    return tiny_model


def public(key: Path) -> tuple[Path]:
    return (key.with_name(key.name + ".pub"),)


def refused(path: Path, keys: tuple[Path, ...]) -> NeedsOperator:
    with pytest.raises(NeedsOperator) as caught:
        open_any(path, keys)
    return caught.value


def test_a_signed_model_is_opened_by_a_line_that_trusts_its_key(signed: Path, key: Path) -> None:
    found = verify_any(signed, public(key))
    assert found.signature is not None
    assert found.signature.key_id in run("verify", signed, "--trusted-key", *public(key)).stdout
    assert "nobody asked to trust" in run("verify", signed).stdout


def test_an_unsigned_model_is_refused_where_keys_are_trusted_and_only_there(tiny_model: Path, key: Path) -> None:
    assert open_any(tiny_model).signature is None
    assert "unsigned" in run("verify", tiny_model).stdout
    assert refused(tiny_model, public(key)).code == "model.unsigned"


def test_a_key_that_is_not_trusted_is_refused_and_both_are_named(signed: Path, tmp_path: Path) -> None:
    other = made_key(tmp_path / "other.key")
    error = refused(signed, public(other))
    assert error.code == "model.untrusted"
    mine = open_any(signed).signature
    assert mine is not None
    assert mine.key_id in error.message


def test_any_of_several_trusted_keys_is_enough(signed: Path, key: Path, tmp_path: Path) -> None:
    other = made_key(tmp_path / "other.key")
    assert open_any(signed, (*public(other), *public(key))).signature


def test_an_altered_manifest_breaks_the_signature_even_where_no_key_is_trusted(signed: Path, key: Path) -> None:
    manifest = signed.with_suffix(".manifest.json")
    manifest.write_text(manifest.read_text().replace('"version": "1.0.0"', '"version": "1.0.1"'))
    assert refused(signed, public(key)).code == "model.signature"
    assert refused(signed, ()).code == "model.signature"


def test_an_altered_model_is_refused_and_so_is_one_with_a_manifest_made_to_fit(signed: Path, key: Path) -> None:
    data = signed.read_bytes().replace(b"tiny", b"TINY")
    signed.write_bytes(data)
    assert refused(signed, public(key)).code == "model.mismatch"
    signed.with_suffix(".manifest.json").write_text(json.dumps(manifest_of(data)))
    assert refused(signed, public(key)).code == "model.signature"


def test_another_signed_model_in_its_place_is_refused(signed: Path, key: Path, tmp_path: Path) -> None:
    folder = tmp_path / "other"
    folder.mkdir()
    model = tiny_onnx()
    path = write_model(folder, model, manifest_of(model.SerializeToString()) | {"name": "other"})
    assert run("sign", path, "--key", key).exit_code == 0
    for suffix in (".onnx", ".manifest.json", ".sig"):
        signed.with_suffix(suffix).write_bytes(path.with_suffix(suffix).read_bytes())
    error = refused(signed, public(key))
    assert error.code == "model.signature"
    assert "other" in error.message


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "null", '{"algorithm": "none"}', '{"algorithm":"ed25519","public_key":"","signature":""}']
)
def test_a_file_that_is_no_signature_is_refused(signed: Path, text: str) -> None:
    signature_path(signed).write_text(text)
    assert refused(signed, ()).code == "model.signature"


def test_private_keys_are_the_owners_alone_and_are_never_overwritten(key: Path) -> None:
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    before = key.read_bytes()
    assert refusal("keygen", key).code == "model.key"
    public(key)[0].unlink()
    assert refusal("keygen", key).code == "model.key"
    assert key.read_bytes() == before


def test_a_private_key_that_others_can_read_is_not_used(key: Path) -> None:
    os.chmod(key, 0o644)
    with pytest.raises(NeedsOperator, match="chmod 600"):
        read_private_key(key)


def test_signing_needs_a_sound_model_and_an_ed25519_key(tiny_model: Path, key: Path) -> None:
    assert refusal("sign", tiny_model, "--key", public(key)[0]).code == "model.key"
    tiny_model.write_bytes(tiny_model.read_bytes()[:-1])
    assert refusal("sign", tiny_model, "--key", key).code == "model.mismatch"
    assert not signature_path(tiny_model).exists()


def test_signing_again_replaces_a_signature_that_no_longer_fits(signed: Path, key: Path) -> None:
    manifest = signed.with_suffix(".manifest.json")
    manifest.write_text(manifest.read_text().replace('"version": "1.0.0"', '"version": "1.0.1"'))
    assert run("sign", signed, "--key", key).exit_code == 0
    assert open_any(signed, public(key)).manifest.version == "1.0.1"


@pytest.mark.parametrize("content", ["", "no key", "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n"])
def test_a_trusted_key_that_is_none_is_refused(signed: Path, tmp_path: Path, content: str) -> None:
    bad = tmp_path / "bad.pub"
    bad.write_text(content)
    assert refused(signed, (bad,)).code == "model.key"
    assert refused(signed, (tmp_path / "missing.pub",)).code == "model.key"
