from __future__ import annotations

import pickle

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from models.artifact import MAGIC, Artifact, Head, UntrustedError, pack, sign, unpack
from models.pipelines import river_default

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
PUBLIC = KEY.public_key().public_bytes_raw()
HEAD = Head(model="m", retrain="r", trainer="river-default", task="binary", features={"a": "number"})


class Bomb:
    """Pickled, it shows when it is parsed."""

    def __reduce__(self):
        return pytest.fail, ("the bytes were parsed before they were verified",)


@pytest.fixture(scope="module")
def data() -> bytes:
    return pack(Artifact(HEAD, river_default("binary", HEAD.features)))


def test_a_model_comes_back(data):
    artifact = unpack(data, sign(data, KEY), PUBLIC, {PUBLIC})
    assert artifact.head == HEAD
    assert artifact.pipeline.predict_proba_one({"a": 1.0})[True] == 0.5


def test_the_same_model_is_the_same_bytes_and_signature(data):
    assert pack(Artifact(HEAD, river_default("binary", HEAD.features))) == data
    assert sign(data, KEY) == sign(data, KEY)


@pytest.mark.parametrize("at", [0, len(MAGIC) + 3, -1])
def test_one_changed_byte_is_refused(data, at):
    changed = bytearray(data)
    changed[at] ^= 1
    with pytest.raises(UntrustedError, match="not of these bytes"):
        unpack(bytes(changed), sign(data, KEY), PUBLIC, {PUBLIC})


def test_nothing_is_parsed_before_it_is_verified():
    bomb = MAGIC + b"{}\n" + pickle.dumps(Bomb())
    with pytest.raises(UntrustedError):
        unpack(bomb, bytes(64), PUBLIC, {PUBLIC})
    stranger = Ed25519PrivateKey.generate()
    with pytest.raises(UntrustedError, match="trusted"):
        unpack(bomb, sign(bomb, stranger), stranger.public_key().public_bytes_raw(), {PUBLIC})


@pytest.mark.parametrize("signature", [b"", b"short", bytes(64), bytes(65)])
def test_a_signature_of_any_shape_is_refused_without_a_crash(data, signature):
    with pytest.raises(UntrustedError):
        unpack(data, signature, PUBLIC, {PUBLIC})


def test_signed_bytes_of_another_schema_are_refused():
    other = b"another schema\n"
    with pytest.raises(ValueError, match="not a model of this schema"):
        unpack(other, sign(other, KEY), PUBLIC, {PUBLIC})


def test_a_pipeline_that_needs_other_code_is_a_sentence(data):
    head, _, _ = data.partition(b"}\n")
    missing = head + b"}\n" + b"cno_such_module\nThing\n."
    with pytest.raises(ValueError, match="needs other code"):
        unpack(missing, sign(missing, KEY), PUBLIC, {PUBLIC})
