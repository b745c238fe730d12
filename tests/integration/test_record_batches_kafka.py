"""Record batches of a real broker, taken whole: the same records as aiokafka's own, and not a place more."""

import asyncio
import contextlib
import itertools
import time
import uuid

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRecord, TopicPartition
from kafka.admin import KafkaAdminClient

from stream.folds.base import Records
from stream.runtime.batch_fetcher import READ_COMMITTED, take_batches
from stream.runtime.faust_port import FaustPort
from stream.runtime.kafka_log import BrokerView, to_records
from stream.settings import KafkaSettings, RuntimeSettings, Settings
from stream.topics import ensure_topics
from stream.topology import kafka_name

pytestmark = pytest.mark.integration
PARTITION = 0


@pytest.fixture
def topic(kafka):
    return make_topic(kafka, {})


def make_topic(kafka, configs):
    """Make a topic that keeps its records: these tests stamp them with times of 1970, long past any retention."""
    configs = {"retention.ms": "-1"} | configs
    name = f"batches-{uuid.uuid4().hex[:8]}"
    admin = KafkaAdminClient(bootstrap_servers=kafka.bootstrap)
    try:
        admin.create_topics({name: {"num_partitions": 1, "replication_factor": 1, "configs": configs}})
    finally:
        admin.close()
    return TopicPartition(name, PARTITION)


@contextlib.asynccontextmanager
async def producer(kafka, **options):
    made = AIOKafkaProducer(bootstrap_servers=kafka.bootstrap, **options)
    await made.start()
    try:
        yield made
    finally:
        await made.stop()


@contextlib.asynccontextmanager
async def consumer(kafka, tp, start, whole):
    made = AIOKafkaConsumer(bootstrap_servers=kafka.bootstrap, enable_auto_commit=False, isolation_level=READ_COMMITTED)
    await made.start()
    try:
        if whole:
            take_batches(made)
        made.assign([tp])
        made.seek(tp, start)
        yield made
    finally:
        await made.stop()


async def one_by_one(kafka, tp, start=0):
    """What aiokafka reads, up to the end."""
    async with consumer(kafka, tp, start, whole=False) as made:
        end, found = (await made.end_offsets([tp]))[tp], []
        while await made.position(tp) < end:
            for records in (await made.getmany(timeout_ms=100)).values():
                found += to_records(records)
        return found


async def runs(kafka, tp, start=0, most=500):
    """What batches taken whole give, up to the end."""
    async with consumer(kafka, tp, start, whole=True) as made:
        end, found = (await made.end_offsets([tp]))[tp], []
        while await made.position(tp) < end:
            for (run,) in (await made._fetcher.fetched_records([tp], 0.1, most)).values():
                assert await made.position(tp) == run.next_position
                found.append(run)
        return found


def records_of(found):
    return [record for run in found for record in run]


async def send(kafka, tp, count, codec, start=0):
    async with producer(kafka, compression_type=codec, linger_ms=5) as made:
        for i in range(start, start + count):
            value = None if i % 50 == 3 else b"%d " % i * (i % 40)
            headers = [("kind", b"%d" % i), ("empty", b"")][: i % 3]
            await made.send(tp.topic, value, b"k%d" % i if i % 4 else None, tp.partition, 1_000 + i, headers)


@pytest.mark.parametrize("codec", [None, "gzip", "snappy", "lz4", "zstd"])
async def test_each_codec_gives_the_records_that_aiokafka_gives(kafka, topic, codec):
    await send(kafka, topic, 3_000, codec)

    found = await runs(kafka, topic)

    assert records_of(found) == await one_by_one(kafka, topic)
    assert sum(map(len, found)) == 3_000
    assert found[0][2].headers == (("kind", b"2"), ("empty", b""))
    assert (found[0][3].value, found[0][0].key) == (b"", b"")


async def test_a_hundred_thousand_records_are_those_that_aiokafka_reads(kafka, topic):
    async with producer(kafka, compression_type="lz4", linger_ms=5, max_batch_size=1 << 18) as made:
        for i in range(100_000):
            await made.send(topic.topic, b"%d" % i * 50, b"%d" % i, topic.partition, i)
        await made.flush()

    found = await runs(kafka, topic, most=5_000)

    assert sum(map(len, found)) == 100_000
    assert records_of(found) == await one_by_one(kafka, topic)
    assert len(found) < 40


async def test_a_seek_into_the_middle_of_a_batch_begins_there(kafka, topic):
    await send(kafka, topic, 1_000, "zstd")
    for start in (1, 499, 998, 999):
        found = await runs(kafka, topic, start)

        assert found[0].positions[0] == start
        assert records_of(found) == await one_by_one(kafka, topic, start)


async def transaction(made, tp, values, commit):
    await made.begin_transaction()
    for value in values:
        await made.send(tp.topic, value, partition=tp.partition)
    await made.flush()
    await (made.commit_transaction() if commit else made.abort_transaction())


async def test_what_a_transaction_aborted_is_left_out_and_the_position_passes_its_end(kafka, topic):
    async with producer(kafka, transactional_id=topic.topic) as made:
        await transaction(made, topic, [b"a", b"b"], commit=True)
        await transaction(made, topic, [b"lost"] * 3, commit=False)
        await transaction(made, topic, [b"c"], commit=True)
        await transaction(made, topic, [b"lost"], commit=False)

    found = await runs(kafka, topic)

    assert [record.value for record in records_of(found)] == [b"a", b"b", b"c"]
    assert records_of(found) == await one_by_one(kafka, topic)
    assert found[-1].next_position == 4 + 7  # four marks, one at the end of each transaction

    beyond = await runs(kafka, topic, start=9)
    assert (records_of(beyond), beyond[-1].next_position) == ([], 11)


async def test_what_a_transaction_has_not_committed_waits(kafka, topic):
    async with producer(kafka, transactional_id=topic.topic) as made, consumer(kafka, topic, 0, whole=True) as reader:
        await made.begin_transaction()
        await made.send_and_wait(topic.topic, b"a", partition=topic.partition)
        assert await reader._fetcher.fetched_records([topic], 0.3, 10) == {}
        await made.commit_transaction()
        found = {}
        async with asyncio.timeout(20):
            while not found:
                found = await reader._fetcher.fetched_records([topic], 0.3, 10)

    assert [record.value for record in found[topic][0]] == [b"a"]


async def test_places_that_compaction_emptied_are_passed(kafka):
    tp = make_topic(
        kafka,
        {
            "cleanup.policy": "compact", "segment.bytes": str(1 << 20), "min.cleanable.dirty.ratio": "0.01",
            "max.compaction.lag.ms": "100",
        },
    )  # fmt: skip
    async with producer(kafka) as made:
        for i in range(60):
            await made.send(tp.topic, b"%d" % i * 30_000, b"%d" % (i % 7 if i % 10 else i), tp.partition)
        await made.flush()
        deadline = time.monotonic() + 90
        found = await runs(kafka, tp)
        while sum(map(len, found)) >= 40:
            assert time.monotonic() < deadline, "compaction did not come"
            await made.send_and_wait(tp.topic, b"x", b"last", tp.partition)
            await asyncio.sleep(0.5)
            found = await runs(kafka, tp)

    found = await runs(kafka, tp, start=1)
    positions = [record.position for record in records_of(found)]
    assert any(after > before + 1 for before, after in itertools.pairwise(positions))
    assert records_of(found) == await one_by_one(kafka, tp, start=1)


async def test_other_consumers_of_the_process_keep_aiokafkas_own_classes(kafka, topic):
    async with consumer(kafka, topic, 0, whole=True) as one, consumer(kafka, topic, 0, whole=False) as other:
        await send(kafka, topic, 5, None)
        (run,) = (await one._fetcher.fetched_records([topic], 20, 10))[topic]
        record = await other.getone()

    assert (type(run), type(record)) == (Records, ConsumerRecord)
    assert (run[0].position, record.offset) == (0, 0)


class Collecting:
    """Takes what comes, until there was enough."""

    takes_empty_runs = True

    def __init__(self, enough):
        self.enough, self.found, self.port = enough, [], None

    async def assign(self, tps):
        return {}

    async def run(self, tp, records):
        assert isinstance(records, Records)
        self.found.append((tp, records))
        if self.enough(records):
            self.port.stop()

    async def revoke(self, tps):
        pass

    async def idle(self):
        pass

    async def close(self):
        pass


@pytest.mark.parametrize("takes_empty", [True, False])
async def test_a_worker_gets_columns_and_learns_that_a_log_ends_with_an_aborted_transaction(
    kafka, tmp_path, takes_empty
):
    settings = Settings(
        home=tmp_path,
        kafka=KafkaSettings(bootstrap=kafka.bootstrap, prefix=f"rb{uuid.uuid4().hex[:8]}."),
        runtime=RuntimeSettings(max_poll_records=2),
    )
    await asyncio.to_thread(ensure_topics, settings)
    tp = TopicPartition(kafka_name(settings.kafka.prefix, "predictions"), 0)
    async with producer(kafka, transactional_id=tp.topic) as made:
        await transaction(made, tp, [b"a", b"b"], commit=True)
        await transaction(made, tp, [b"lost"], commit=False)
    last = 5 if takes_empty else 3
    handler = Collecting(lambda records: records.next_position >= last)
    handler.takes_empty_runs = takes_empty
    async with BrokerView(settings, "intake") as view, asyncio.timeout(60):
        handler.port = FaustPort(settings, "intake", view)
        if not takes_empty:
            handler.enough = lambda records: True
        await handler.port.run(handler)

    assert [record.value for _, records in handler.found for record in records] == [b"a", b"b"]
    assert {found.topic for found, _ in handler.found} == {"predictions"}
    assert handler.found[-1][1].next_position >= (5 if takes_empty else 2)
