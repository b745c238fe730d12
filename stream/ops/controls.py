"""The control topics, read whole and written one record at a time."""

from __future__ import annotations

import asyncio

import msgspec
from streamgauge.kafka_client import KafkaConsumer, KafkaProducer, TopicPartition

from stream.errors import StreamgaugeError
from stream.folds.monitor import SpecRecord
from stream.local.addresses import KAFKA_SETTING, kafka_addresses
from stream.local.kafka import answers
from stream.settings import Settings
from stream.topology import kafka_name

TIMEOUT_S = 30
PROBE_S = 3.0
"""How long one who waits at a terminal waits for a broker that may not be there."""


class KafkaSilentError(StreamgaugeError):
    """No broker answers at the address in the settings."""


class TooLargeError(StreamgaugeError):
    """A control record that is larger than the settings let them be."""


def require_kafka(settings: Settings) -> None:
    """Return if a broker answers now; where nobody else waits for one, ask this first.

    Raises
    ------
    KafkaSilentError
        If none of the addresses answers within `PROBE_S` seconds.
    """
    if not asyncio.run(_any_answers(kafka_addresses(settings))):
        msg = (
            f"Kafka does not answer at {settings.kafka.bootstrap}. Start it with `streamgauge up`, "
            f"or set {KAFKA_SETTING}."
        )
        raise KafkaSilentError(msg)


async def _any_answers(addresses: list[tuple[str, int]]) -> bool:
    return any(await asyncio.gather(*(answers(host, port, PROBE_S) for host, port in addresses)))


def read_values(settings: Settings, topic: str) -> list[bytes]:
    """Return the values of all records of a topic, up to its end now, partition by partition, in order."""
    name = kafka_name(settings.kafka.prefix, topic)
    consumer = KafkaConsumer(
        bootstrap_servers=settings.kafka.bootstrap.split(","), enable_auto_commit=False, auto_offset_reset="earliest"
    )
    try:
        tps = [TopicPartition(name, p) for p in sorted(consumer.partitions_for_topic(name) or ())]
        consumer.assign(tps)
        ends = consumer.end_offsets(tps)
        consumer.seek_to_beginning(*tps)
        values: list[bytes] = []
        while any(consumer.position(tp) < ends[tp] for tp in tps):
            for records in consumer.poll(timeout_ms=500).values():
                values += [record.value for record in records if record.value is not None]
        return values
    finally:
        consumer.close()


def publish(settings: Settings, topic: str, key: str, value: object) -> None:
    """Write one JSON record and wait until all replicas have it.

    Raises
    ------
    TooLargeError
        If it is larger than the settings let control records be.
    """
    record, most = msgspec.json.encode(value), settings.kafka.control_bytes
    if len(record) > most:
        raise TooLargeError(
            f"{key}: a record of {len(record):,} bytes for topic {topic}, above the {most:,} of "
            "STREAMGAUGE_KAFKA__CONTROL_BYTES; raise that for all workers, or watch fewer features with one monitor"
        )
    producer = KafkaProducer(
        bootstrap_servers=settings.kafka.bootstrap.split(","), acks="all", max_request_size=2 * most
    )
    try:
        producer.send(kafka_name(settings.kafka.prefix, topic), key=key.encode(), value=record).get(timeout=TIMEOUT_S)
    finally:
        producer.close()


def spec_key(monitor: str, revision: int) -> str:
    """Return the key of a revision: each has one of its own, so that compaction keeps them all, with their references.

    >>> spec_key("flight-delay", 3)
    'flight-delay/3'
    """
    return f"{monitor}/{revision}"


def newest_spec(settings: Settings, monitor: str) -> SpecRecord | None:
    """Return the highest revision of a monitor, or None if there is none."""
    records = (msgspec.json.decode(value, type=SpecRecord) for value in read_values(settings, "specs"))
    return max((r for r in records if r.monitor == monitor), key=lambda r: r.revision, default=None)
