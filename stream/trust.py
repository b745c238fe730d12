"""Keys that may sign models, and artifacts on disk: what trainers write and serving reads."""

from __future__ import annotations

import base64
from pathlib import Path
from urllib.parse import unquote, urlsplit

from models.artifact import Artifact, UntrustedError, sha256, unpack
from models.registry import Version

KEY_BYTES = 32


def keys_folder(home: Path) -> Path:
    """Return the folder of all keys: ``NAME.key`` are private, ``NAME.pub`` are trusted."""
    return home / "keys"


def artifacts_folder(home: Path) -> Path:
    """Return the folder of all artifacts, each named by its hash."""
    return home / "artifacts"


def trusted_keys(home: Path) -> frozenset[bytes]:
    """Return the public keys whose models may be served: all of ``keys/*.pub``, base64, 32 bytes each.

    Raises
    ------
    ValueError
        For a file that holds no key, with its name.
    """
    return frozenset(_public_key(path) for path in sorted(keys_folder(home).glob("*.pub")))


def load_version(record: Version, trusted: frozenset[bytes]) -> Artifact:
    """Return the model of a version record, from the file that its manifest names.

    Nothing is parsed before hash and signature are verified.

    Raises
    ------
    UntrustedError
        If the bytes are not those of the record, no trusted key has signed them, or they are another model's.
    OSError
        If the file cannot be read.
    ValueError
        For an address that is no file, or bytes of another schema.
    """
    data = path_of(record.manifest.uri).read_bytes()
    found = sha256(data)
    if found != record.manifest.sha256:
        raise UntrustedError(f"the artifact has the hash {found}, its record says {record.manifest.sha256}")
    artifact = unpack(data, base64.b64decode(record.signature), base64.b64decode(record.public_key), trusted)
    head = artifact.head
    if (head.model, head.retrain) != (record.model, record.manifest.retrain):
        raise UntrustedError(f"the artifact is of model {head.model!r} and retrain {head.retrain!r}")
    return artifact


def path_of(uri: str) -> Path:
    """Return the path of a ``file:`` address.

    >>> path_of("file:///tmp/a%20b.bin").as_posix()
    '/tmp/a b.bin'
    """
    parts = urlsplit(uri)
    if parts.scheme != "file" or parts.netloc:
        raise ValueError(f"artifacts are read from file:/// addresses, got {uri!r}")
    return Path(unquote(parts.path))


def _public_key(path: Path) -> bytes:
    try:
        key = base64.b64decode(path.read_text("ascii").strip(), validate=True)
    except ValueError as error:
        raise ValueError(f"{path} is no public key: {error}") from error
    if len(key) != KEY_BYTES:
        raise ValueError(f"{path} is no public key: {len(key)} bytes instead of {KEY_BYTES}")
    return key
