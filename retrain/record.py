"""The version record of a training: manifest, signature, public key."""

from __future__ import annotations

import base64
import time
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from platform import python_version

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from models.artifact import sha256, sign
from models.registry import Manifest, Version
from retrain.child import Result
from retrain.event import RetrainEvent
from retrain.keys import public_bytes

LIBRARIES = ("river", "numpy", "pyarrow")


def version_record(
    event: RetrainEvent, number: str, result: Result, data: bytes, path: Path, key: Ed25519PrivateKey
) -> Version:
    """Return the signed record of an artifact.

    Parameters
    ----------
    number
        The version that it becomes.
    data, path
        The artifact, and where it is.

    Raises
    ------
    ValueError
        If nothing was trained: `result` has no validation.
    """
    if result.validation is None:
        raise ValueError(f"nothing was trained: {result.why}")
    manifest = Manifest(
        sha256=sha256(data),
        uri=path.absolute().as_uri(),
        trained_from_ms=result.trained_from_ms,
        trained_to_ms=result.trained_to_ms,
        rows=result.rows,
        features=tuple(event.features),
        task=event.task,
        trainer=event.trainer,
        parent=event.champion,
        retrain=event.id,
        incident=event.incident,
        created_ms=time.time_ns() // 1_000_000,
        library_versions={"python": python_version(), **{name: _version(name) for name in LIBRARIES}},
        code_version=_version("streamgauge-server"),
        cut=event.cut,
        validation=result.validation,
        passed=result.passed,
        why=result.why,
        attribution=result.attribution,
    )
    return Version(
        model=event.model,
        version=number,
        manifest=manifest,
        signature=base64.b64encode(sign(data, key)).decode(),
        public_key=base64.b64encode(public_bytes(key)).decode(),
    )


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "unknown"
