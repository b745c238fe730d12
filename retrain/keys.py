"""The trainer's key: made once, private to its user; its public half is what serving trusts."""

from __future__ import annotations

import base64
import contextlib
import os
import tempfile
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from stream.trust import keys_folder

NAME = "trainer"


def trainer_key(home: Path) -> Ed25519PrivateKey:
    """Return the key in ``keys/trainer.key`` (mode 0600), made at the first call.

    ``trainer.pub`` is its public half. Several processes may call it at once: all return the same key.
    """
    folder = keys_folder(home)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    private, public = folder / f"{NAME}.key", folder / f"{NAME}.pub"
    if not private.exists():
        _make(private, Ed25519PrivateKey.generate().private_bytes_raw())
    key = Ed25519PrivateKey.from_private_bytes(base64.b64decode(private.read_text("ascii").strip(), validate=True))
    if not public.exists():
        _make(public, public_bytes(key))
    return key


def public_bytes(key: Ed25519PrivateKey) -> bytes:
    """Return the public half, 32 bytes."""
    return key.public_key().public_bytes_raw()


def _make(path: Path, raw: bytes) -> None:
    """Write a file that appears whole or not at all; one that is already there stays."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(base64.b64encode(raw) + b"\n")
            file.flush()
            os.fsync(file.fileno())
        with contextlib.suppress(FileExistsError):
            os.link(name, path)
    finally:
        Path(name).unlink()
