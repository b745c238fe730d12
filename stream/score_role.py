"""The role `score` in a worker: follows the registry, loads what serves, hands runs to the fold.

The topic `models` is read without a group, to its end before the first row and on from there between runs.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from typing import Protocol

import structlog
from aiokafka import AIOKafkaConsumer
from aiokafka import TopicPartition as KafkaPartition

from models.registry import Registry, Roles, decode
from models.serving import Serving
from stream.errors import StreamgaugeError
from stream.folds.base import Output, Record
from stream.folds.score import Score
from stream.runtime.port import TopicPartition
from stream.settings import Settings
from stream.topology import FEATURES, MODELS, PREDICTIONS, kafka_name
from stream.trust import load_version, trusted_keys

log = structlog.get_logger(__name__)
TOPIC_WAIT_S = 30.0
FAILURES_SAID_EVERY_S = 10.0
RETRIED_EVERY_S = 5.0


class RegistryReader(Protocol):
    """Reads the values of topic `models` in order, from its beginning."""

    async def to_the_end(self) -> list[bytes]:
        """Return all values up to the end that the topic has now."""
        ...

    async def news(self) -> list[bytes]:
        """Return what has come since, at once."""
        ...

    async def partitions(self, topic: str) -> int:
        """Return the number of partitions of a topic, by its logical name."""
        ...

    async def close(self) -> None:
        """Let go of the connection."""
        ...


class KafkaRegistryReader:
    """A `RegistryReader` on Kafka, without a consumer group."""

    def __init__(self, settings: Settings) -> None:
        self._prefix = settings.kafka.prefix
        self._address = settings.kafka.bootstrap
        self._consumer: AIOKafkaConsumer | None = None

    async def to_the_end(self) -> list[bytes]:
        """Return all values up to the end that the topic has now."""
        consumer = await self._started()
        ends = await consumer.end_offsets(list(consumer.assignment()))
        values: list[bytes] = []
        while [tp for tp, end in ends.items() if await consumer.position(tp) < end]:
            values += _values(await consumer.getmany(timeout_ms=100))
        return values

    async def news(self) -> list[bytes]:
        """Return what has come since, at once."""
        return _values(await (await self._started()).getmany(timeout_ms=0))

    async def partitions(self, topic: str) -> int:
        """Return the number of partitions of a topic, by its logical name."""
        return len(await _partitions(await self._started(), kafka_name(self._prefix, topic)))

    async def close(self) -> None:
        """Let go of the connection."""
        if self._consumer is not None:
            await self._consumer.stop()
            self._consumer = None

    async def _started(self) -> AIOKafkaConsumer:
        if self._consumer is None:
            consumer = AIOKafkaConsumer(
                bootstrap_servers=self._address, enable_auto_commit=False, auto_offset_reset="earliest"
            )
            await consumer.start()
            topic = kafka_name(self._prefix, MODELS)
            partitions = [KafkaPartition(topic, p) for p in sorted(await _partitions(consumer, topic))]
            consumer.assign(partitions)
            await consumer.seek_to_beginning(*partitions)
            self._consumer = consumer
        return self._consumer


class ScoreRole:
    """What a worker calls: `catch_up` at each assignment, `step` for each run, `follow` often, `close`.

    Parameters
    ----------
    settings
        Where Kafka is, and the folder with keys and artifacts.
    reader
        Where the registry comes from; by default the topic `models`.
    """

    def __init__(self, settings: Settings, reader: RegistryReader | None = None) -> None:
        self._home = settings.home
        self._reader = reader if reader is not None else KafkaRegistryReader(settings)
        self._registry = Registry()
        self._keep_partition: bool | None = None
        self._said, self._said_at = 0, 0.0
        self._incomplete: set[str] = set()
        self._tried_at = 0.0
        self.serving = Serving()

    async def catch_up(self) -> None:
        """Read the registry to its end and load what serves."""
        if self._keep_partition is None:
            counts = [await self._reader.partitions(topic.name) for topic in (FEATURES, PREDICTIONS)]
            self._keep_partition = counts[0] == counts[1]
        await self._apply(await self._reader.to_the_end())

    async def follow(self) -> None:
        """Take in what came to the registry; returns at once if nothing did."""
        await self._apply(await self._reader.news())
        if self._incomplete and time.monotonic() > self._tried_at + RETRIED_EVERY_S:
            await self._assign_all(self._incomplete.copy())
        self._say_failures()

    async def step(self, tp: TopicPartition, records: Sequence[Record]) -> list[Output]:
        """Score a run; predictions in order, dead letters after them."""
        if self._keep_partition is None:
            raise RuntimeError("catch_up comes before the first run")
        result = Score(tp.partition, self._keep_partition).step(records, self.serving, time.perf_counter)
        return result.outputs + result.dead_letters

    async def close(self) -> None:
        """Let go of the connection."""
        await self._reader.close()

    async def _apply(self, values: Sequence[bytes]) -> None:
        changed: set[str] = set()
        for value in values:
            try:
                entry = decode(value)
            except ValueError as error:
                log.warning("a record of the registry cannot be read", error=str(error))
                continue
            if self._registry.apply(entry) and isinstance(entry, Roles):
                changed.add(entry.model)
        await self._assign_all(changed)

    async def _assign_all(self, models: set[str]) -> None:
        self._tried_at = time.monotonic()
        for model in sorted(models):
            complete = await self._assign(model)
            (self._incomplete.discard if complete else self._incomplete.add)(model)

    async def _assign(self, model: str) -> bool:
        """Let the registry's versions serve; False if not all could be loaded: to be tried again."""
        champion, wanted = self._registry.champion(model), self._registry.shadows(model)
        if champion and not await self._load(model, champion):
            log.error("the former version serves on", model=model, champion=self.serving.champion(model))
            return False
        shadows = tuple([version for version in wanted if await self._load(model, version)])
        self.serving.assign(model, champion, shadows)
        log.info("serving", model=model, champion=champion, shadows=shadows)
        return shadows == wanted

    async def _load(self, model: str, version: str) -> bool:
        if self.serving.is_loaded(model, version):
            return True
        record = self._registry.version(model, version)
        if record is None:
            log.error("a version that serves is not registered", model=model, version=version)
            return False
        try:
            # In a thread: the first model imports river, which takes seconds; the worker must go on polling.
            artifact = await asyncio.to_thread(load_version, record, trusted_keys(self._home))
        except (ValueError, OSError) as error:
            log.error("a version cannot be served", model=model, version=version, error=str(error))  # noqa: TRY400
            return False
        self.serving.load(version, artifact)
        return True

    def _say_failures(self) -> None:
        total = self.serving.failures.total()
        if total > self._said and time.monotonic() > self._said_at + FAILURES_SAID_EVERY_S:
            rows = {" ".join(key): count for key, count in self.serving.failures.items()}
            log.warning("models failed on rows, which were forwarded without their score", rows=rows)
            self._said, self._said_at = total, time.monotonic()


async def _partitions(consumer: AIOKafkaConsumer, topic: str) -> set[int]:
    end = time.monotonic() + TOPIC_WAIT_S
    while topic not in await consumer.topics():
        if time.monotonic() > end:
            raise StreamgaugeError(f"there is no topic {topic}: start with `streamgauge up`, which creates it")
        await asyncio.sleep(0.2)
    # `partitions_for_topic` knows only topics that the client follows already.
    return set(await consumer._client._wait_on_metadata(topic))


def _values(batches: dict[KafkaPartition, list[object]]) -> list[bytes]:
    return [getattr(record, "value", None) or b"" for batch in batches.values() for record in batch]
