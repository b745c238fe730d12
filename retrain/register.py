"""The books: the registry as it is now, and the records that are written to it, acknowledged by all replicas."""

from __future__ import annotations

import time

import msgspec
import structlog
from streamgauge.events import Code, Refusal
from streamgauge.kafka_client import KafkaConsumer, KafkaProducer, TopicPartition
from streamgauge.mend import excerpt

from models.registry import Registry, Version, decode
from retrain.event import Step
from stream.folds.blocks import Source
from stream.folds.deadletters import dead_letter
from stream.settings import KafkaSettings
from stream.topology import COMMANDS, MODELS, RETRAIN, kafka_name

log = structlog.get_logger(__name__)
ACK_S = 60.0


class KafkaBooks:
    """`Books` on Kafka; used by one thread at a time."""

    def __init__(self, settings: KafkaSettings) -> None:
        self._settings = settings
        self._producer: KafkaProducer | None = None

    def registry(self) -> Registry:
        """Read topic `models` without a group, from its beginning to its end."""
        registry = Registry()
        consumer = KafkaConsumer(
            bootstrap_servers=self._settings.bootstrap.split(","),
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            client_id="streamgauge-retrain-registry",
        )
        try:
            for value in _values(consumer, kafka_name(self._settings.prefix, MODELS)):
                _apply(registry, value)
        finally:
            consumer.close()
        return registry

    def register(self, version: Version) -> None:
        """Write a version record."""
        self._send(MODELS.name, version.key, msgspec.json.encode(version))

    def tell(self, step: Step) -> None:
        """Write a step as a command."""
        self._send(COMMANDS.name, step.model.encode(), step.command(time.time_ns() // 1_000_000))

    def refuse(self, partition: int, offset: int, at_ms: int, value: bytes, why: str) -> None:
        """Write a dead letter for a record of topic `retrain`."""
        refusal = Refusal(code=Code.NOT_JSON, field="", message=why, excerpt=excerpt(value), size=len(value))
        letter = dead_letter(Source(RETRAIN.name, "", partition), offset, 0, at_ms, refusal)
        self._send(letter.topic, letter.key, letter.value)

    def close(self) -> None:
        """Disconnect."""
        if self._producer is not None:
            self._producer.close(timeout=5)

    def _send(self, topic: str, key: bytes, value: bytes) -> None:
        if self._producer is None:
            self._producer = KafkaProducer(
                bootstrap_servers=self._settings.bootstrap.split(","),
                acks="all",
                client_id="streamgauge-retrain",
                allow_auto_create_topics=False,
                max_request_size=2 * self._settings.control_bytes,
            )
        name = kafka_name(self._settings.prefix, topic)
        self._producer.send(name, key=key, value=value).get(timeout=ACK_S)


def _values(consumer: KafkaConsumer, topic: str) -> list[bytes]:
    partitions = [TopicPartition(topic, number) for number in consumer.partitions_for_topic(topic) or ()]
    consumer.assign(partitions)
    consumer.seek_to_beginning(*partitions)
    ends = consumer.end_offsets(partitions)
    values: list[bytes] = []
    while any(consumer.position(partition) < end for partition, end in ends.items()):
        for records in consumer.poll(timeout_ms=200).values():
            values += [record.value for record in records if record.value]
    return values


def _apply(registry: Registry, value: bytes) -> None:
    try:
        registry.apply(decode(value))
    except ValueError as error:
        log.warning("a record of the registry cannot be read", error=str(error))
