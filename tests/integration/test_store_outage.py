"""The engine dies while rows are being inserted, stays away and comes back: nothing is lost, nothing is said twice."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from streamgauge.events import PredictionEvent
from structlog.testing import capture_logs

from stream.clickhouse import read, sink
from stream.clickhouse.client import connect
from stream.clickhouse.migrate import migrate_database
from stream.clickhouse.sink import Sink
from stream.folds.base import Output
from stream.folds.blocks import Block, Source, Tick, encode_entry, place
from stream.folds.frame_events import frame_of
from stream.local.clickhouse.local import LocalClickHouse
from stream.local.ports import free_ports
from stream.runtime.memory_port import MemoryBroker, MemoryPort, MemoryPublisher
from stream.runtime.port import TopicPartition
from stream.runtime.publisher import KafkaPublisher
from stream.runtime.stateless_host import BatchHost
from stream.settings import ClickHouseSettings, KafkaSettings, Settings, as_environment
from stream.store_role import StoreRole
from stream.topics import ensure_topics
from tests.integration.clickhouse_database import rows_of

if TYPE_CHECKING:
    from tests.conftest import KafkaServer, Running

pytestmark = pytest.mark.integration
ROOT = Path(__file__).parents[2]
BLOCKS, ROWS = 200, 50
LEDGER = TopicPartition("ledger", 0)


def ledger() -> MemoryBroker:
    broker = MemoryBroker({"ledger": 1, "dead-letters": 1})
    for block in range(BLOCKS):
        events = [
            PredictionEvent(prediction_id=f"p{block}-{i}", model="m", event_time_ms=block, features={"x": float(i)})
            for i in range(ROWS)
        ]
        frame = frame_of(events, [place(block, i) for i in range(ROWS)])
        entry = Block(Source("predictions", "id", 0), place(block) - 1, place(block, ROWS), frame)
        broker.append(LEDGER, Output("ledger", encode_entry(entry)))
    return broker


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(60):
        while not condition():  # noqa: ASYNC110 - nobody is told
            await asyncio.sleep(0.005)


def test_rows_survive_an_engine_that_is_killed_in_the_middle(
    tmp_path: Path, run_server: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sink, "LONGEST_WAIT_S", 0.2)
    server, log, broker = LocalClickHouse(tmp_path, free_ports()), tmp_path / "engine.log", ledger()
    settings = ClickHouseSettings(url=server.url, database="outage")
    server.prepare()

    async def go(servers: ExitStack) -> None:
        process = servers.enter_context(run_server(server.command(), server.ready, log))
        await asyncio.to_thread(migrate_database, settings)
        to_store, port = Sink.of(settings), MemoryPort(broker, ["ledger"], [3])
        host = BatchHost(StoreRole(to_store).write, port, MemoryPublisher(broker), max_records=10, patience_s=60)
        running = asyncio.create_task(port.run(host))
        await until(lambda: broker.commits.get(LEDGER, 0) >= BLOCKS // 10)
        process.send_signal(signal.SIGKILL)
        await until(lambda: to_store._away_since is not None)
        await asyncio.to_thread(process.wait)
        committed = dict(broker.commits)
        await asyncio.sleep(1)  # several tries
        assert broker.commits == committed
        assert not running.done()
        servers.enter_context(run_server(server.command(), server.ready, log))
        await asyncio.wait_for(running, 60)
        await to_store.close()

    def check() -> None:
        client = connect(settings)
        assert rows_of(client, "SELECT count() AS n, uniqExact(prediction_id) AS ids FROM prediction_rows FINAL") == [
            {"n": BLOCKS * ROWS, "ids": BLOCKS * ROWS}
        ]
        assert read.stored_positions(client) == {0: BLOCKS - 1}
        client.close()

    with ExitStack() as servers:
        with capture_logs() as logs:
            asyncio.run(go(servers))
        check()
    assert broker.commits == {LEDGER: BLOCKS}
    assert broker.records("dead-letters") == []
    assert [entry["event"] for entry in logs] == ["clickhouse.away", "clickhouse.back"]
    assert logs[1]["away_s"] >= 1


def test_a_worker_can_be_stopped_while_the_engine_is_away_and_goes_on_where_it_was(
    kafka: KafkaServer, tmp_path: Path, run_server: Running
) -> None:
    server, ticks = LocalClickHouse(tmp_path, free_ports()), 9_000  # more than two batches: the worker waits
    server.prepare()
    name = f"outage{uuid.uuid4().hex[:8]}"
    settings = Settings(
        home=tmp_path,
        kafka=KafkaSettings(bootstrap=kafka.bootstrap, prefix=f"{name}."),
        clickhouse=ClickHouseSettings(url=server.url, database=name),
    )
    ensure_topics(settings)
    asyncio.run(publish(settings, [Output("ledger", encode_entry(Tick("w", ())), partition=0)] * ticks))
    with worker(settings) as (process, log):
        wait_for(lambda: "clickhouse.away" in log.read_text(), "the word that the engine is away")
        time.sleep(2)  # it reads as much as it can hold
        process.terminate()
        assert process.wait(30) == 0
    assert log.read_text().count("clickhouse.away") == 1
    assert "clickhouse_connect" not in log.read_text()

    with run_server(server.command(), server.ready, tmp_path / "engine.log"):
        migrate_database(settings.clickhouse)
        client = connect(settings.clickhouse)
        with worker(settings) as (process, log):
            wait_for(lambda: read.stored_positions(client) == {0: ticks - 1}, "the last position")
            process.terminate()
            assert process.wait(30) == 0
        client.close()


async def publish(settings: Settings, outputs: list[Output]) -> None:
    async with KafkaPublisher(settings.kafka.bootstrap, settings.kafka.prefix) as publisher:
        await publisher.publish(outputs)


def wait_for(condition: Callable[[], object], what: str) -> None:
    deadline = time.monotonic() + 90
    while not condition():
        assert time.monotonic() < deadline, f"{what} did not come"
        time.sleep(0.05)


@contextmanager
def worker(settings: Settings) -> Iterator[tuple[subprocess.Popen[bytes], Path]]:
    path = settings.home / f"worker-{time.monotonic_ns()}.log"
    with path.open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "stream.worker", "--fold", "store"], cwd=ROOT, stdout=log, stderr=log,
            env={"PATH": "/usr/bin:/bin", **as_environment(settings)},
        )  # fmt: skip
    try:
        yield process, path
    finally:
        process.kill()
        process.wait()
