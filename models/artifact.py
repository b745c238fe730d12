"""Models as signed bytes: the signature is verified over the bytes before anything in them is parsed.

The bytes are a magic, a head as one line of JSON, and the pickled pipeline. The head is inside what is
signed, so an artifact cannot be passed off as another model's.
"""

from __future__ import annotations

import hashlib
import pickle
from collections.abc import Collection
from dataclasses import dataclass
from typing import cast

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from models.pipelines import FeatureType, Pipeline, Task

MAGIC = b"streamgauge model 1\n"


class UntrustedError(ValueError):
    """Bytes that no trusted key has signed, or that are not what their record says."""


class Head(msgspec.Struct, frozen=True, kw_only=True):
    """What an artifact says of itself.

    Attributes
    ----------
    model
        The model whose versions this may be.
    retrain
        Id of the retrain event that it answers.
    trainer
        Name in `models.pipelines.TRAINERS`.
    features
        Type by name, in the pipeline's order.
    positive
        The label that counts as positive in a binary task, as text.
    """

    model: str
    retrain: str
    trainer: str
    task: Task
    features: dict[str, FeatureType]
    positive: str = "1"


@dataclass(frozen=True, slots=True)
class Artifact:
    """A model that may be served."""

    head: Head
    pipeline: Pipeline


def pack(artifact: Artifact) -> bytes:
    """Return a model as bytes."""
    body = pickle.dumps(artifact.pipeline, protocol=5)
    return MAGIC + msgspec.json.encode(artifact.head) + b"\n" + body


def unpack(data: bytes, signature: bytes, public_key: bytes, trusted: Collection[bytes]) -> Artifact:
    """Return the model in `data`, which a trusted key must have signed.

    Parameters
    ----------
    data
        What `pack` returned.
    signature, public_key
        Ed25519, 64 and 32 bytes.
    trusted
        Public keys of the trainers that may be served, 32 bytes each.

    Raises
    ------
    UntrustedError
        Before anything is parsed, for a key that is not trusted or a signature that is not of these bytes.
    ValueError
        For bytes that are signed, but of another schema, or that need code which is not here.
    """
    verify(data, signature, public_key, trusted)
    if not data.startswith(MAGIC):
        raise ValueError(f"not a model of this schema: it begins with {data[: len(MAGIC)]!r}")
    head, _, body = data[len(MAGIC) :].partition(b"\n")
    return Artifact(msgspec.json.decode(head, type=Head), _unpickle(body))


def _unpickle(body: bytes) -> Pipeline:
    try:
        return cast("Pipeline", pickle.loads(body))  # noqa: S301 - signed by a trusted trainer, verified
    except (pickle.UnpicklingError, AttributeError, ImportError, EOFError, IndexError, TypeError) as error:
        raise ValueError(f"the pipeline needs other code than this: {error}") from error


def verify(data: bytes, signature: bytes, public_key: bytes, trusted: Collection[bytes]) -> None:
    """Raise UntrustedError unless `public_key` is trusted and has signed `data`."""
    if public_key not in trusted:
        raise UntrustedError(f"the key {public_key.hex()[:16]} is not one of {len(trusted)} trusted keys")
    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(signature, data)
    except (InvalidSignature, ValueError) as error:
        raise UntrustedError("the signature is not of these bytes") from error


def sign(data: bytes, key: Ed25519PrivateKey) -> bytes:
    """Return the signature of `data`, 64 bytes; the same key and data give the same."""
    return key.sign(data)


def sha256(data: bytes) -> str:
    """Return the hash by which an artifact is named, in hex."""
    return hashlib.sha256(data).hexdigest()
