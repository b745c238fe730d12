"""The runtime on a real broker: kills, rebalances, starts below the commit, intake's commits behind its ticks."""

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
import time
import uuid
from collections import defaultdict
from pathlib import Path

import pytest
from kafka.errors import KafkaError

from stream.folds.base import Output, Record
from stream.folds.blocks import Block, Tick, decode_entry
from stream.runtime.file_port import KafkaReader, read_topic
from stream.runtime.lag import lag_view, positions
from stream.runtime.port import LogError, TopicPartition
from stream.runtime.publisher import KafkaPublisher
from stream.settings import KafkaSettings, RuntimeSettings, Settings, as_environment
from stream.topics import TopicError, admin, ensure_topics, topic_ids
from stream.topology import kafka_name
from tests.counting import Counting
from tests.counting_worker import settings_for

pytestmark = pytest.mark.integration
ROOT = Path(__file__).parents[2]
RECORDS = 20_000


@pytest.fixture
def settings(kafka, tmp_path):
    made = settings_for(kafka.bootstrap, f"rt{uuid.uuid4().hex[:8]}.", tmp_path)
    ensure_topics(made)
    return made


def publish(settings, outputs):
    async def send():
        async with KafkaPublisher(settings.kafka.bootstrap, settings.kafka.prefix) as publisher:
            await publisher.publish(outputs)

    asyncio.run(send())


def fill_ledger(settings):
    publish(settings, [Output("ledger", b"%d %s" % (i, b"x" * 100), partition=i % 4) for i in range(RECORDS)])


def wait_for(condition, what, timeout_s=60):
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, f"{what} did not come"
        time.sleep(0.05)


@contextlib.contextmanager
def workers(settings):
    """Start workers, and end those that are left."""
    started = []

    def start(name="-", checkpoint_s=0.3, pause_s=0.05):
        arguments = [settings.kafka.bootstrap, settings.kafka.prefix, settings.home, name, checkpoint_s, pause_s]
        log = (settings.home / f"worker-{len(started)}.log").open("wb")
        command = [sys.executable, "-m", "tests.counting_worker", *map(str, arguments)]
        started.append(subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=log))
        log.close()
        return started[-1]

    try:
        yield start
    finally:
        for process in started:
            process.kill()
            process.wait()


def said(settings):
    with KafkaReader(settings) as reader:
        tp = TopicPartition("partials", 0)
        return list(reader.records(tp, *reader.bounds(tp)))


def done(view, fold, topic):
    try:
        return not view.behind(fold, view.ends([topic]))
    except KafkaError as error:  # a broker that is new makes the topic of its groups at the first question
        if not error.retriable:
            raise
        return False


def assert_exact(settings):
    """Every result is that of the fold done once over the whole log, and none is missing."""
    expected = set()
    for partition, records in read_topic(settings, "ledger").items():
        fold = Counting(100, partition)
        expected |= {(output.key, output.value) for output in fold.step(fold.start(), records)}
    found = said(settings)
    assert {(r.key, r.value) for r in found} == expected
    assert len(expected) == RECORDS // 100
    return len(found) - len(expected)


def test_kills_in_the_middle_leave_exact_results(settings):
    fill_ledger(settings)
    with workers(settings) as start:
        for kill_at in (20, 80):
            process = start(name="static-1")
            wait_for(lambda at=kill_at: len(said(settings)) > at, "a result")
            process.kill()
            process.wait()
        start(name="static-1", pause_s=0)
        # Not `done`: a partition whose checkpoint is at its end gets no record, so its group commits nothing more.
        wait_for(lambda: len({(r.key, r.value) for r in said(settings)}) >= RECORDS // 100, "all results")

        repeated = assert_exact(settings)

    assert repeated >= 0
    assert any((settings.home / "checkpoints" / "measure").iterdir())


def test_a_worker_joins_and_another_leaves(settings):
    fill_ledger(settings)
    with lag_view(settings) as view, workers(settings) as start:
        first = start()
        wait_for(lambda: len(said(settings)) > 10, "a result")
        start()
        wait_for(lambda: b'"assigned"' in (settings.home / "worker-1.log").read_bytes(), "the second's assignment")
        wait_for(lambda: len(said(settings)) > 60, "more results")
        first.send_signal(signal.SIGTERM)
        assert first.wait(20) == 0
        wait_for(lambda: done(view, "measure", "ledger"), "the end of the ledger")

        assert_exact(settings)


def test_a_restart_without_checkpoint_reads_from_the_beginning_whatever_was_committed(settings):
    fill_ledger(settings)
    with lag_view(settings) as view, workers(settings) as start:
        process = start(checkpoint_s=3_600)
        wait_for(lambda: any(view.done("measure").values()), "a commit")
        process.kill()
        process.wait()
        before = len(said(settings))
        start(checkpoint_s=3_600, pause_s=0)
        wait_for(lambda: done(view, "measure", "ledger"), "the end of the ledger")
        wait_for(lambda: len(said(settings)) >= before + RECORDS // 100, "all results, once more")

        assert_exact(settings)


def test_checkpoints_that_cannot_be_read_are_replaced_by_the_log_and_said_to_be(settings):
    fill_ledger(settings)
    with lag_view(settings) as view, workers(settings) as start:
        process = start(pause_s=0)
        wait_for(lambda: done(view, "measure", "ledger"), "the end of the ledger")
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0
        for path in (settings.home / "checkpoints" / "measure").iterdir():
            path.write_bytes(b"broken")
        start(pause_s=0)
        wait_for(lambda: len(said(settings)) >= 2 * RECORDS // 100, "all results, once more")

        assert_exact(settings)

    assert "no checkpoint can be read" in (settings.home / "worker-1.log").read_text()


def test_topics_are_made_once_and_the_ledger_keeps_its_partitions(settings):
    ids = topic_ids(settings, ["ledger", "features"])
    ensure_topics(settings)
    assert topic_ids(settings, ["ledger", "features"]) == ids

    other = settings.model_copy(update={"runtime": RuntimeSettings(ledger_partitions=8)})
    with pytest.raises(TopicError, match=r"ledger has 4 partitions, the settings want 8"):
        ensure_topics(other)
    with pytest.raises(TopicError, match="do not exist"):
        topic_ids(
            settings.model_copy(update={"kafka": KafkaSettings(bootstrap=settings.kafka.bootstrap, prefix="no.")}),
            ["ledger"],
        )


def test_a_range_that_is_not_there_is_refused(settings):
    publish(settings, [Output("ledger", b"a", b"k", 0, (("h", b"v"),))])
    with KafkaReader(settings) as reader:
        (record,) = reader.records(TopicPartition("ledger", 0), 0, 1)
        assert (record.value, record.key, record.headers) == (b"a", b"k", (("h", b"v"),))
        with pytest.raises(LogError, match="holds 0 to 1, asked for 0 to 2"):
            list(reader.records(TopicPartition("ledger", 0), 0, 2))


@contextlib.contextmanager
def real_worker(settings, fold):
    log = settings.home / f"{fold}.log"
    command = [sys.executable, "-m", "stream.worker", "--fold", fold, "--name", f"{fold}-1"]
    environment = {k: v for k, v in os.environ.items() if not k.startswith("STREAMGAUGE_")} | as_environment(settings)
    with log.open("wb") as output:
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=output, stderr=output)
    try:
        yield process, log
    finally:
        process.kill()
        process.wait()


def with_runtime(settings: Settings, **changes) -> Settings:
    return settings.model_copy(update={"runtime": settings.runtime.model_copy(update=changes)})


def prediction(i):
    return b'{"prediction_id": "p%d", "model": "m", "event_time": %d, "features": {"x": %d}}' % (i, 1_000 + i, i)


def test_intake_commits_what_its_ticks_cover_in_every_partition(settings):
    settings = with_runtime(settings, tick_ms=200)
    publish(settings, [Output("predictions", prediction(i), partition=i % 4) for i in range(200)])
    publish(settings, [Output("predictions", b"no json", partition=0)])
    with real_worker(settings, "intake") as (process, log), lag_view(settings) as view:
        wait_for(lambda: done(view, "intake", "predictions"), "intake's commit")
        assert process.poll() is None, log.read_text()
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0

    ledger = read_topic(settings, "ledger")
    ids = [id_ for records in ledger.values() for r in records for id_ in ids_of(r)]
    assert sorted(ids) == sorted(f"p{i}" for i in range(200))
    for records in ledger.values():
        covered = defaultdict(lambda: -1)
        for entry in (decode_entry(r.value) for r in records):
            if isinstance(entry, Tick):
                covered.update({c.source: c.to for c in entry.covered})
        assert {s.partition: to >> 16 for s, to in covered.items() if s.topic == "predictions"} == {
            0: 50,
            1: 49,
            2: 49,
            3: 49,
        }
    assert sum(map(len, read_topic(settings, "dead-letters").values())) == 1
    assert all(lag.records == 0 for lag in positions(settings) if lag.fold == "intake")


def test_partitions_that_are_added_are_told_at_once_and_read_soon(settings):
    settings = with_runtime(settings, tick_ms=200)
    publish(settings, [Output("predictions", prediction(i), partition=i % 4) for i in range(8)])
    with real_worker(settings, "intake") as (process, log):
        with lag_view(settings) as view:
            wait_for(lambda: done(view, "intake", "predictions"), "intake's commit")
        with admin(settings) as client:
            client.create_partitions({kafka_name(settings.kafka.prefix, "predictions"): 5})
        wait_for(lambda: 5 in named(settings).values(), "a tick that tells of it", timeout_s=20)
        publish(settings, [Output("predictions", prediction(8), partition=4)])
        wait_for(lambda: named(settings).keys() == set(range(5)), "a tick that names it", timeout_s=30)
        with lag_view(settings) as view:
            wait_for(lambda: done(view, "intake", "predictions"), "intake's commit in the new one")
        assert process.poll() is None, log.read_text()
    ids = [id_ for records in read_topic(settings, "ledger").values() for r in records for id_ in ids_of(r)]
    assert sorted(ids) == sorted(f"p{i}" for i in range(9))


def test_a_topic_that_is_made_again_is_read_from_its_beginning(settings):
    settings = with_runtime(settings, tick_ms=200)
    publish(settings, [Output("predictions", prediction(i), partition=i % 4) for i in range(40)])
    with contextlib.ExitStack() as stack:
        running = [stack.enter_context(real_worker(settings, "intake"))]
        with lag_view(settings) as view:
            wait_for(lambda: done(view, "intake", "predictions"), "intake's commit")
        with admin(settings) as client:
            client.delete_topics([kafka_name(settings.kafka.prefix, "predictions")])
        wait_for(lambda: made_again(settings), "the topic, once more")
        publish(settings, [Output("predictions", prediction(40 + i), partition=i % 4) for i in range(12)])

        def is_read():
            if running[-1][0].poll() is not None:  # it may end with a sentence; then it is started again
                running.append(stack.enter_context(real_worker(settings, "intake")))
            return ids_in_ledger(settings) == {f"p{i}" for i in range(52)}

        wait_for(is_read, "all records of both topics")


def made_again(settings):
    """Make the topics that are missing; whether there were none that are still being deleted."""
    try:
        ensure_topics(settings)
    except (TopicError, KafkaError):
        return False
    return True


def ids_in_ledger(settings):
    return {id_ for records in read_topic(settings, "ledger").values() for r in records for id_ in ids_of(r)}


def named(settings):
    """What ticks told of the partitions of predictions: by partition, how many there are."""
    entries = (decode_entry(record.value) for record in read_topic(settings, "ledger")[0])
    covered = (c for entry in entries if isinstance(entry, Tick) for c in entry.covered)
    return {c.source.partition: c.partitions for c in covered if c.source.topic == "predictions"}


def ids_of(record: Record):
    entry = decode_entry(record.value)
    if isinstance(entry, Block):
        return entry.frame.id_list()
    return [id_ for part in getattr(entry, "parts", ()) for id_ in part.ids]


def test_too_many_dead_letters_stop_intake_with_a_sentence(settings):
    settings = with_runtime(settings, dead_letters_per_minute=10)
    publish(settings, [Output("labels", b"no json", partition=0) for _ in range(11)])
    with real_worker(settings, "intake") as (process, log):
        assert process.wait(30) == 1

    assert "11 dead letters within a minute, more than 10" in log.read_text()
    alerts = [json.loads(record.value) for record in read_topic(settings, "alerts")[0]]
    assert [(alert["kind"], alert["level"]) for alert in alerts] == [("pipeline", "page")]
    assert alerts[0]["title"].startswith("intake has stopped: 11 dead letters within a minute")


def test_a_worker_without_a_broker_says_so(tmp_path):
    settings = Settings(home=tmp_path, kafka=KafkaSettings(bootstrap="127.0.0.1:1", wait_s=0.5))
    with real_worker(settings, "intake") as (process, log):
        assert process.wait(30) == 1

    assert "no Kafka broker at 127.0.0.1:1" in log.read_text()
