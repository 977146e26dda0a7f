"""Who vouches for a model: an Ed25519 signature over its manifest, which names the digest of its ONNX file.

`NAME.sig` lies beside `NAME.onnx` and `NAME.manifest.json`. What is signed are the very bytes of the manifest file,
after a prefix that no other use of the key shares; they say the sha256 of the ONNX file, its name and its labels. So
neither file can be exchanged alone, and nothing has to be parsed before the signature is checked
(docs/decisions/0044-model-safety.md).
"""

import base64
import binascii
import hashlib
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from senbetsu_errors import NeedsOperator

SUFFIX = ".sig"
_PREFIX = b"senbetsu model manifest 1\n"
_MAX_BYTES = 16 * 1024
_FIELDS = {"algorithm", "public_key", "signature"}


@dataclass(frozen=True, slots=True)
class Signature:
    """A signature that is right for the manifest beside it. Whether its key is trusted is another question."""

    public_key: bytes
    """Ed25519, 32 bytes raw."""

    @property
    def key_id(self) -> str:
        """The first 16 hex digits of the key's sha256, for people to compare."""
        return key_id(self.public_key)


def key_id(public_key: bytes) -> str:
    """The first 16 hex digits of the sha256 of a raw public key."""
    return hashlib.sha256(public_key).hexdigest()[:16]


def signature_path(model_path: Path) -> Path:
    """Where a model's signature lies."""
    return model_path.with_suffix(SUFFIX)


def read_signature(model_path: Path, manifest: bytes) -> Signature | None:
    """The signature beside a model, checked against the bytes of its manifest; None where there is none.

    Raises NeedsOperator `model.signature` for a file that is no signature, or of other bytes.
    """
    path = signature_path(model_path)
    try:
        with path.open("rb") as file:
            text = file.read(_MAX_BYTES + 1)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise _wrong(f"{path} cannot be read: {error.strerror}") from error
    try:
        if len(text) > _MAX_BYTES:
            raise ValueError("it is too large")
        found = cast("dict[str, Any]", json.loads(text))
        if set(found) != _FIELDS or found["algorithm"] != "ed25519":
            raise ValueError(f"it must have exactly {sorted(_FIELDS)}, the algorithm ed25519")
        public, signature = (base64.b64decode(found[name], validate=True) for name in ("public_key", "signature"))
        key = Ed25519PublicKey.from_public_bytes(public)
    except (ValueError, TypeError, AttributeError, RecursionError, binascii.Error) as error:
        raise _wrong(f"{path} is no signature: {error}") from error
    try:
        key.verify(signature, _PREFIX + manifest)
    except InvalidSignature as error:
        raise _wrong(f"{path} is the signature of another manifest than {model_path.stem}'s: altered") from error
    return Signature(public)


def require_trusted(model_path: Path, signature: Signature | None, keys: Sequence[Path]) -> None:
    """Raises NeedsOperator `model.unsigned` or `model.untrusted` where none of `keys` (public, PEM) signed it."""
    trusted = {read_public_key(path) for path in keys}
    if signature is None:
        raise NeedsOperator(
            "model.unsigned",
            f"{model_path} has no signature {signature_path(model_path).name}, and this line runs signed models only.",
            "Sign it with `senbetsu models sign`, or install one that is signed.",
        )
    if signature.public_key not in trusted:
        known = ", ".join(sorted(key_id(key) for key in trusted))
        raise NeedsOperator(
            "model.untrusted",
            f"{model_path} is signed with the key {signature.key_id}, this line trusts {known}.",
            "Install a model that one of those keys signed; or add this key to vision.trusted_keys if it is to be "
            "trusted.",
        )


def sign(model_path: Path, manifest: bytes, key: Ed25519PrivateKey) -> Signature:
    """Writes the signature beside the model, whole or not at all. Raises NeedsOperator `model.key` where it cannot."""
    public = key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    said = {
        "algorithm": "ed25519",
        "public_key": base64.b64encode(public).decode(),
        "signature": base64.b64encode(key.sign(_PREFIX + manifest)).decode(),
    }
    path = signature_path(model_path)
    fresh = path.with_name(f".{path.name}.new")
    try:
        fresh.write_text(json.dumps(said, indent=2) + "\n", encoding="utf-8")
        os.replace(fresh, path)
    except OSError as error:
        fresh.unlink(missing_ok=True)
        raise _key(f"{path} cannot be written: {error.strerror}") from error
    return Signature(public)


def make_key(path: Path) -> tuple[Path, Signature]:
    """Writes a new private key to `path`, readable by its owner only, and the public one beside it, `.pub` appended.

    Raises NeedsOperator `model.key` where either file exists: a key that is overwritten is gone for good.
    """
    public_path = path.with_name(path.name + ".pub")
    key = Ed25519PrivateKey.generate()
    private_pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    public_pem = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    if public_path.exists():
        raise _key(f"{public_path} exists already and is not overwritten")
    _write_new(path, private_pem, 0o600)
    _write_new(public_path, public_pem, 0o644)
    return public_path, Signature(key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw))


def read_private_key(path: Path) -> Ed25519PrivateKey:
    """A key that `make_key` wrote. Raises NeedsOperator `model.key`."""
    try:
        if path.stat().st_mode & 0o077:
            raise _key(f"{path} is readable by others than its owner (chmod 600 {path})")
        key = load_pem_private_key(path.read_bytes(), None)
    except OSError as error:
        raise _key(f"{path} cannot be read: {error.strerror}") from error
    except (ValueError, TypeError) as error:
        raise _key(f"{path} is no private key without a password, in PEM") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise _key(f"{path} is no Ed25519 key")
    return key


def read_public_key(path: Path) -> bytes:
    """The raw key of a PEM file. Raises NeedsOperator `model.key`."""
    try:
        with path.open("rb") as file:
            key = load_pem_public_key(file.read(_MAX_BYTES))
    except OSError as error:
        raise _key(f"The trusted key {path} cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise _key(f"{path} is no public key in PEM") from error
    if not isinstance(key, Ed25519PublicKey):
        raise _key(f"{path} is no Ed25519 key")
    return key.public_bytes(Encoding.Raw, PublicFormat.Raw)


def _write_new(path: Path, content: bytes, mode: int) -> None:
    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
            file.write(content)
    except FileExistsError as error:
        raise _key(f"{path} exists already and is not overwritten") from error
    except OSError as error:
        raise _key(f"{path} cannot be written: {error.strerror}") from error


def _wrong(reason: str) -> NeedsOperator:
    return NeedsOperator(
        "model.signature", f"{reason}.", "Restore the .onnx, .manifest.json and .sig files together, or sign it again."
    )


def _key(reason: str) -> NeedsOperator:
    return NeedsOperator("model.key", f"{reason}.", "`senbetsu models keygen` makes a pair of keys.")
