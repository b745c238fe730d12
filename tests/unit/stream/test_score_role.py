from __future__ import annotations

import base64
from pathlib import Path

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from streamgauge import wire
from streamgauge.events import FeatureEvent

from models.artifact import Artifact, Head, pack, sha256, sign
from models.pipelines import river_default
from models.registry import Losses, Manifest, Roles, Validation, Version
from retrain.keys import public_bytes, trainer_key
from stream import score_role
from stream.folds.base import Record
from stream.runtime.port import TopicPartition
from stream.score_role import ScoreRole
from stream.settings import Settings
from stream.trust import path_of, trusted_keys


class Reader:
    """The registry in memory."""

    def __init__(self) -> None:
        self.waiting: list[bytes] = []
        self.counts = {"features": 4, "predictions": 4}

    def write(self, entry: Version | Roles) -> None:
        self.waiting.append(msgspec.json.encode(entry))

    async def to_the_end(self) -> list[bytes]:
        return await self.news()

    async def news(self) -> list[bytes]:
        values, self.waiting = self.waiting, []
        return values

    async def partitions(self, topic: str) -> int:
        return self.counts[topic]

    async def close(self) -> None:
        pass


@pytest.fixture
def home(tmp_path: Path) -> Path:
    trainer_key(tmp_path)
    return tmp_path


@pytest.fixture
def reader() -> Reader:
    return Reader()


@pytest.fixture
def role(home, reader) -> ScoreRole:
    return ScoreRole(Settings(home=home), reader)


def version(home: Path, number: str, *, key: Ed25519PrivateKey | None = None, model: str = "m") -> Version:
    head = Head(model="m", retrain=f"r{number}", trainer="river-default", task="binary", features={"a": "number"})
    data = pack(Artifact(head, river_default("binary", head.features)))
    path = home / f"{number}.bin"
    path.write_bytes(data)
    key = key or trainer_key(home)
    manifest = Manifest(
        sha256=sha256(data), uri=path.as_uri(), trained_from_ms=0, trained_to_ms=1, rows=2,
        features=("a",), task="binary", trainer="river-default", parent="", retrain=f"r{number}",
        incident="", created_ms=3, library_versions={}, code_version="1", cut={}, passed=True, why="",
        validation=Validation(rows=1, metrics={}, losses=Losses(1, 0.1, 0.0)),
    )  # fmt: skip
    return Version(
        model=model, version=number, manifest=manifest,
        signature=base64.b64encode(sign(data, key)).decode(),
        public_key=base64.b64encode(public_bytes(key)).decode(),
    )  # fmt: skip


def roles(champion: str, position: int, *shadows: str) -> Roles:
    return Roles(model="m", champion=champion, shadows=shadows, position=(0, position))


async def scored(role: ScoreRole):
    event = FeatureEvent(prediction_id="p", model="m", event_time_ms=0, features={"a": 1})
    outputs = await role.step(TopicPartition("features", 3), [Record(0, 0, wire.encode(event))])
    assert outputs[0].partition == 3
    return wire.decode("predictions", outputs[0].value, outputs[0].headers)[0]


async def test_the_registry_is_known_before_the_first_row(role, reader, home):
    reader.write(version(home, "1"))
    reader.write(roles("1", 5))
    with pytest.raises(RuntimeError, match="catch_up"):
        await scored(role)
    await role.catch_up()
    told = await scored(role)
    assert (told.version, told.score) == ("1", 0.5)


async def test_a_promotion_is_followed_between_runs(role, reader, home):
    await role.catch_up()
    assert (await scored(role)).version == ""
    for entry in (version(home, "1"), roles("1", 5), version(home, "2"), roles("1", 6, "2")):
        reader.write(entry)
    await role.follow()
    told = await scored(role)
    assert (told.version, told.shadow) == ("1", {"2": 0.5})
    reader.write(roles("2", 7))
    await role.follow()
    assert (await scored(role)).version == "2"


async def test_a_role_record_from_below_changes_nothing(role, reader, home):
    for entry in (version(home, "1"), version(home, "2"), roles("2", 9), roles("1", 4)):
        reader.write(entry)
    await role.catch_up()
    assert (await scored(role)).version == "2"


def tampered(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[-2] ^= 1
    path.write_bytes(data)


async def test_a_version_that_was_tampered_with_never_serves_and_the_former_one_goes_on(role, reader, home):
    for entry in (version(home, "1"), roles("1", 5), version(home, "2"), roles("2", 6)):
        reader.write(entry)
    tampered(home / "2.bin")
    await role.catch_up()
    assert (await scored(role)).version == ""
    reader.write(roles("1", 7))
    await role.follow()
    reader.write(roles("2", 8))
    await role.follow()
    assert (await scored(role)).version == "1"


async def test_a_version_of_a_stranger_never_serves(role, reader, home):
    reader.write(version(home, "1", key=Ed25519PrivateKey.generate()))
    reader.write(roles("1", 5))
    await role.catch_up()
    assert (await scored(role)).version == ""


async def test_an_artifact_of_another_model_never_serves(role, reader, home):
    reader.write(version(home, "1", model="other"))
    reader.write(Roles(model="other", champion="1", shadows=(), position=(0, 1)))
    await role.catch_up()
    assert role.serving.champion("other") == ""


async def test_an_artifact_that_comes_later_is_tried_again(role, reader, home, monkeypatch):
    monkeypatch.setattr(score_role, "RETRIED_EVERY_S", 0.0)
    record = version(home, "1")
    (home / "1.bin").rename(home / "hidden.bin")
    reader.write(record)
    reader.write(roles("1", 5))
    await role.catch_up()
    assert (await scored(role)).version == ""
    (home / "hidden.bin").rename(home / "1.bin")
    await role.follow()
    assert (await scored(role)).version == "1"


async def test_a_record_that_cannot_be_read_is_passed_over(role, reader, home):
    reader.waiting.append(b"what")
    reader.write(version(home, "1"))
    reader.write(roles("1", 5))
    await role.catch_up()
    assert (await scored(role)).version == "1"


def test_keys_that_are_none_are_refused_with_their_file(home):
    (home / "keys" / "bad.pub").write_text("c2hvcnQ=")
    with pytest.raises(ValueError, match=r"bad\.pub is no public key: 5 bytes"):
        trusted_keys(home)


def test_artifacts_are_files():
    with pytest.raises(ValueError, match="file:///"):
        path_of("https://example.org/model.bin")
