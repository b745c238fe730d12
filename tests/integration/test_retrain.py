"""The retraining consumer on a real broker and the real engine: from an event to a version, killed in the middle."""

from __future__ import annotations

import asyncio
import contextlib
import json
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import numpy as np
import psutil
import pytest
from pydantic import SecretStr
from streamgauge import wire
from streamgauge.events import FeatureEvent, LabelEvent, PredictionEvent

from models.registry import Roles, Version, decode
from retrain.event import RetrainEvent
from stream.clickhouse.client import connect
from stream.clickhouse.migrate import migrate_database
from stream.folds.base import Output, Record
from stream.folds.blocks import Block, Source, encode_entry, place
from stream.folds.frame import Frame
from stream.folds.frame_events import frame_of
from stream.runtime.file_port import read_topic
from stream.runtime.port import TopicPartition
from stream.runtime.publisher import KafkaPublisher
from stream.score_role import ScoreRole
from stream.settings import ClickHouseSettings, KafkaSettings, Settings, as_environment
from stream.topics import ensure_topics
from tests.integration.clickhouse_database import write

if TYPE_CHECKING:
    from tests.conftest import ClickHouseServer, KafkaServer

pytestmark = pytest.mark.integration
ROOT = Path(__file__).parents[2]
N = 3_000
EVENT = RetrainEvent(
    id="rt-1", model="m", task="binary", features={"x": "number", "c": "category"}, cut={"0": 1},
    from_ms=0, to_ms=10**9, incident="INC-1", metric="brier",
)  # fmt: skip


@pytest.fixture
def settings(kafka: KafkaServer, clickhouse: ClickHouseServer, tmp_path: Path) -> Iterator[Settings]:
    name = f"retrain_{uuid.uuid4().hex[:8]}"
    made = Settings(
        home=tmp_path,
        kafka=KafkaSettings(bootstrap=kafka.bootstrap, prefix=f"{name}."),
        clickhouse=ClickHouseSettings(
            url=clickhouse.url, user=clickhouse.user, password=SecretStr(clickhouse.password), database=name
        ),
    )
    ensure_topics(made)
    migrate_database(made.clickhouse)
    yield made
    client = connect(made.clickhouse)
    client.command(f"DROP DATABASE {name}")
    client.close()


def frame(kind: str, x: np.ndarray, labels: np.ndarray) -> Frame:
    events = [
        LabelEvent(prediction_id=f"p{i}", model="m", event_time_ms=i, label=float(labels[i]))
        if kind == "label"
        else PredictionEvent(
            prediction_id=f"p{i}", model="m", event_time_ms=i, features={"x": float(x[i]), "c": "AB"[i % 2]}
        )
        for i in range(N)
    ]  # fmt: skip
    return frame_of(events, [place(0, i) for i in range(N)])


def store_rows(settings: Settings) -> None:
    """Store labelled rows at the positions 0 and 1 of ledger partition 0: all of the event's cut."""
    rng = np.random.default_rng(1)
    x = rng.normal(size=N)
    labels = (rng.random(N) < 1 / (1 + np.exp(-3 * x))).astype(float)
    records = []
    for position, (kind, topic) in enumerate((("prediction", "predictions"), ("label", "labels"))):
        block = Block(Source(topic, "id", 0), place(0) - 1, place(0, N), frame(kind, x, labels))
        records.append(Record(position, 10**9, encode_entry(block)))
    write(settings.clickhouse, ("ledger", 0, records))


def publish(settings: Settings, *outputs: Output) -> None:
    async def send() -> None:
        async with KafkaPublisher(settings.kafka.bootstrap, settings.kafka.prefix) as publisher:
            await publisher.publish(outputs)

    asyncio.run(send())


def values(settings: Settings, topic: str) -> list[bytes]:
    partitions = read_topic(settings, topic)
    return [record.value for records in partitions.values() for record in records]


def versions(settings: Settings) -> list[Version]:
    return [entry for entry in map(decode, values(settings, "models")) if isinstance(entry, Version)]


def steps(settings: Settings) -> list[str]:
    return [json.loads(value)["args"]["step"] for value in values(settings, "commands")]


def wait_for(condition: Callable[[], object], what: str, timeout_s: float = 120, pause_s: float = 0.05) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, f"{what} did not come"
        time.sleep(pause_s)


@contextlib.contextmanager
def consumer(settings: Settings) -> Iterator[subprocess.Popen[bytes]]:
    with (settings.home / "retrain.log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "retrain"], cwd=ROOT, stdout=log, stderr=log,
            env={"PATH": "/usr/bin:/bin", **as_environment(settings)},
        )  # fmt: skip
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def test_an_event_becomes_one_version_though_the_consumer_is_killed_while_its_child_trains(settings: Settings) -> None:
    publish(settings, Output("retrain", b"what", b"m"), Output("retrain", json_of(EVENT), b"m"))
    with consumer(settings) as killed:
        wait_for(lambda: steps(settings) == ["training"], "the wait for the store", pause_s=0.2)
        assert not versions(settings)
        store_rows(settings)
        wait_for(lambda: list(settings.home.glob("retrain/*/job.json")), "a training", pause_s=0.01)
        wait_for(psutil.Process(killed.pid).children, "the child", pause_s=0.01)
        (child,) = psutil.Process(killed.pid).children()
        killed.kill()
        killed.wait()
        wait_for(lambda: not child.is_running() or child.status() == psutil.STATUS_ZOMBIE, "the child's end")
    assert not versions(settings)

    with consumer(settings) as again:
        wait_for(lambda: "trained" in steps(settings), "the version", pause_s=0.2)
        again.terminate()
        assert again.wait(30) == 0
    (version,) = versions(settings)
    assert (version.version, version.manifest.retrain, version.manifest.rows) == ("1", "rt-1", N)
    assert version.manifest.passed
    validation = version.manifest.validation
    assert (validation.metric, validation.losses.mean) == ("brier", validation.metrics["brier"])
    assert steps(settings) == ["training", "training", "trained"]
    (letter,) = values(settings, "dead-letters")
    assert json.loads(letter)["topic"] == "retrain"

    second = json.dumps({**json.loads(json_of(EVENT)), "id": "rt-2", "champion": "1"}).encode()
    publish(settings, Output("retrain", second, b"m"))
    with consumer(settings):
        wait_for(lambda: steps(settings).count("trained") == 2, "the second version", pause_s=0.2)
    assert [v.version for v in versions(settings)] == ["1", "2"]
    assert versions(settings)[1].manifest.validation.champion is not None
    assert asyncio.run(served(settings)) == ("1", {"2"})


async def served(settings: Settings) -> tuple[str, set[str]]:
    """Let the role `score` serve the versions from the registry, and return which scored one row."""
    async with KafkaPublisher(settings.kafka.bootstrap, settings.kafka.prefix) as publisher:
        roles = Roles(model="m", champion="1", shadows=("2",), position=(0, 1))
        role = ScoreRole(settings)
        await role.catch_up()
        await publisher.publish([Output("models", json_of(roles), roles.key)])
        async with asyncio.timeout(60):
            while not role.serving.champion("m"):
                await role.follow()
                await asyncio.sleep(0.05)
        event = FeatureEvent(prediction_id="p", model="m", event_time_ms=0, features={"x": 1.0, "c": "A"})
        outputs = await role.step(TopicPartition("features", 0), [Record(0, 0, wire.encode(event))])
        await role.close()
    prediction = wire.decode("predictions", outputs[0].value, outputs[0].headers)[0]
    assert 0.5 < prediction.score < 1
    return prediction.version, set(prediction.shadow)


def json_of(entry: RetrainEvent | Roles) -> bytes:
    return msgspec.json.encode(entry)
