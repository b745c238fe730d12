"""The producer against a real broker: what it sends arrives, and what does not arrive is said."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from streamgauge import Batching, DeliveryError, LabelEvent, Producer, Stats, UnreachableError, decode, partition_of
from streamgauge.kafka_client import KafkaAdminClient, KafkaConsumer, TopicPartition

from stream.local.java import find_java
from stream.local.kafka import LocalKafka
from stream.local.ports import free_ports

pytestmark = pytest.mark.integration

PARTITIONS = 3


@dataclass(frozen=True)
class Broker:
    bootstrap: str
    prefix: str


@pytest.fixture
def broker(kafka) -> Iterator[Broker]:
    prefix = f"producer-{uuid.uuid4().hex[:8]}."
    admin = KafkaAdminClient(bootstrap_servers=kafka.bootstrap)
    try:
        settings = {"num_partitions": PARTITIONS, "replication_factor": 1}
        admin.create_topics({f"{prefix}{name}": settings for name in ("features", "predictions", "labels")})
        yield Broker(kafka.bootstrap, prefix)
    finally:
        admin.close()


def stored(broker: Broker, topic: str) -> list[tuple[int, list]]:
    """Return the events of each record of a topic, with its partition, in the order of each partition."""
    name = f"{broker.prefix}{topic}"
    consumer = KafkaConsumer(bootstrap_servers=broker.bootstrap, auto_offset_reset="earliest")
    try:
        parts = [TopicPartition(name, partition) for partition in range(PARTITIONS)]
        consumer.assign(parts)
        ends = consumer.end_offsets(parts)
        found = []
        while any(consumer.position(part) < ends[part] for part in parts):
            for part, records in consumer.poll(timeout_ms=200).items():
                found += [(part.partition, decode(topic, r.value, r.headers)) for r in records]
        return found
    finally:
        consumer.close()


def test_each_event_arrives_once_in_its_partition_and_in_order(broker):
    with Producer(broker.bootstrap, model="m", prefix=broker.prefix) as producer:
        for number in range(5_000):
            producer.prediction(f"id-{number % 700}", {"x": number, "c": "UA"}, score=0.5, at=number)
    records = stored(broker, "predictions")
    events = [(partition, event) for partition, found in records for event in found]
    assert sorted(event.event_time_ms for _, event in events) == list(range(5_000))
    assert all(partition == partition_of(event.prediction_id.encode(), PARTITIONS) for partition, event in events)
    for partition in range(PARTITIONS):
        times = [event.event_time_ms for mine, event in events if mine == partition]
        assert times == sorted(times)
    assert len(records) < 5_000 / 20


def test_an_event_alone_is_sent_when_it_is_old_enough_without_a_flush(broker):
    with Producer(broker.bootstrap, model="m", prefix=broker.prefix) as producer:
        producer.label("a", 1, at=7)
        while producer.stats().delivered == 0:
            time.sleep(0.005)
    assert stored(broker, "labels")[0][1] == [LabelEvent(prediction_id="a", model="m", event_time_ms=7, label=1)]


def test_a_full_buffer_blocks_until_there_is_room_and_drops_nothing(broker):
    batching = Batching(buffer_bytes=20_000, event_bytes=10_000, record_bytes=5_000)
    with Producer(broker.bootstrap, model="m", prefix=broker.prefix, batching=batching) as producer:
        for number in range(300):
            producer.features(f"id-{number}", {"text": "x" * 1_000}, number)
            assert producer.stats().waiting_bytes <= 20_000
    assert sum(len(found) for _, found in stored(broker, "features")) == 300


def test_several_threads_share_a_producer(broker):
    with Producer(broker.bootstrap, model="m", prefix=broker.prefix) as producer:

        def send(thread: int) -> None:
            for number in range(500):
                producer.label(f"{thread}-{number}", number, at=number)

        threads = [threading.Thread(target=send, args=(thread,)) for thread in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        producer.flush()
        assert producer.stats().delivered == 2_000
    assert len({event.prediction_id for _, found in stored(broker, "labels") for event in found}) == 2_000


def test_no_broker_is_said_with_the_address():
    with pytest.raises(UnreachableError, match=r"127\.0\.0\.1:1 "):
        Producer("127.0.0.1:1", timeout_s=0.3)


def test_a_topic_that_does_not_exist_is_said_with_its_name(broker):
    with (
        Producer(broker.bootstrap, model="m", prefix="nowhere.", timeout_s=1.0) as producer,
        pytest.raises(UnreachableError, match=r"nowhere\.labels"),
    ):
        producer.label("a", 1, at=7)


def test_what_the_broker_refuses_is_listed_with_its_reason(broker):
    admin = KafkaAdminClient(bootstrap_servers=broker.bootstrap)
    topic = f"{broker.prefix}small"
    admin.create_topics(
        {f"{topic}.features": {"num_partitions": 1, "replication_factor": 1, "configs": {"max.message.bytes": "2000"}}}
    )
    admin.close()
    producer = Producer(broker.bootstrap, model="m", prefix=f"{topic}.")
    producer.features("fits", {"text": "x"}, 1)
    producer.flush()
    producer.features("too large", {"text": uuid.uuid4().hex * 500}, 2)
    producer.features("too large too", {f"f{i}": uuid.uuid4().hex for i in range(500)}, 3)
    with pytest.raises(DeliveryError, match="MessageSizeTooLarge") as caught:
        producer.close()
    assert "too large too" in [each.event.prediction_id for each in caught.value.undelivered]
    assert producer.stats().waiting == 0


# In a process of its own: kafka-python 3.0.12 leaves the sockets of failed connections to the garbage collector.
SENDER = """
import sys
from streamgauge import DeliveryError, Producer

producer = Producer(sys.argv[1], model="m", timeout_s=2.0)
producer.label("before", 1, at=1)
producer.flush()
print("delivered", flush=True)
sys.stdin.readline()
producer.label("after", 1, at=2)
try:
    producer.close()
except DeliveryError as error:
    print([each.event.prediction_id for each in error.undelivered], producer.stats(), flush=True)
"""


def test_a_broker_that_goes_away_is_an_error_and_not_a_loss(tmp_path, run_server, jars):
    node = LocalKafka(tmp_path / "kafka", free_ports(2), find_java().path, jars, heap_mb=256)
    node.prepare()
    with run_server(node.command(), node.ready, tmp_path / "kafka.log"):
        admin = KafkaAdminClient(bootstrap_servers=node.bootstrap)
        admin.create_topics({"streamgauge.labels": {"num_partitions": 1, "replication_factor": 1}})
        admin.close()
        command = [sys.executable, "-c", SENDER, node.bootstrap]
        sender = subprocess.Popen(command, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert sender.stdout.readline() == "delivered\n"
    said, _ = sender.communicate("\n", timeout=30)
    stats = Stats(sent=2, delivered=1, failed=1, waiting=0, waiting_bytes=0)
    assert said == f"['after'] {stats}\n"
    assert sender.returncode == 0
