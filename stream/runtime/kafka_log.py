"""What workers ask of the broker beside records of their partitions: bounds, commits, ids, small topics."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager
from types import TracebackType
from typing import Self

import aiokafka
import msgspec
from aiokafka import AIOKafkaConsumer, ConsumerRecord
from aiokafka.cluster import ClusterMetadata
from streamgauge.kafka_client import TopicPartition as AdminPartition

from stream.folds.base import Output, Record
from stream.runtime.checkpoint import Pointer, newest_by_key
from stream.runtime.port import Bounds, Publisher, TopicPartition
from stream.settings import Settings
from stream.topics import admin, topic_infos
from stream.topology import CHECKPOINTS, TopicInfo, group_name, kafka_name

_pointer = msgspec.json.Decoder(Pointer)


def to_records(fetched: Sequence[ConsumerRecord]) -> list[Record]:
    """Return the client's records as the folds' records, in order."""
    return [
        Record(
            r.offset,
            r.timestamp,
            r.value or b"",
            r.key or b"",
            tuple((name, value or b"") for name, value in r.headers),
        )
        for r in fetched
    ]


class BrokerView:
    """Answers about bounds, commits and ids on a connection of its own; an asynchronous context manager.

    A connection of its own, since a broker answers one after the other, and a fetch may wait.
    """

    def __init__(self, settings: Settings, fold: str) -> None:
        self._settings, self._group = settings, group_name(settings.kafka.prefix, fold)

    async def __aenter__(self) -> Self:
        """Connect."""
        self._client = AIOKafkaConsumer(bootstrap_servers=self._settings.kafka.bootstrap, enable_auto_commit=False)
        await self._client.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Disconnect."""
        await self._client.stop()

    async def bounds(self, tps: Collection[TopicPartition]) -> dict[TopicPartition, Bounds]:
        """Return the bounds of each partition, as the broker knows them now."""
        names = {tp: self._name(tp) for tp in tps}
        if not names:
            return {}
        first, end = await asyncio.gather(
            self._client.beginning_offsets(list(names.values())),
            self._client.end_offsets(list(names.values())),
        )
        return {tp: Bounds(first[name], end[name]) for tp, name in names.items()}

    async def committed(self, tps: Collection[TopicPartition]) -> dict[TopicPartition, int]:
        """Return the committed offsets of the fold's group."""
        return await asyncio.to_thread(self._committed, list(tps))

    async def describe(self, topics: Collection[str]) -> dict[str, TopicInfo]:
        """Return what the broker says of each topic."""
        return await asyncio.to_thread(topic_infos, self._settings, topics) if topics else {}

    async def partitions(self, topics: Collection[str]) -> dict[str, int]:
        """Return how many partitions each topic has now; topics of which the broker says nothing are left out."""
        names = {kafka_name(self._settings.kafka.prefix, topic): topic for topic in topics}
        # One request on this connection for these topics alone; what the public methods know is minutes old.
        now = ClusterMetadata()
        await self._client._client._metadata_update(now, list(names))
        counts = {topic: len(now.partitions_for_topic(name) or ()) for name, topic in names.items()}
        return {topic: count for topic, count in counts.items() if count}

    def _committed(self, tps: list[TopicPartition]) -> dict[TopicPartition, int]:
        names = {AdminPartition(*self._name(tp)): tp for tp in tps}
        if not names:
            return {}
        with admin(self._settings) as client:
            found = client.list_group_offsets({self._group: list(names)})[self._group]
        return {names[name]: at.offset for name, at in found.items() if at.offset >= 0}

    def _name(self, tp: TopicPartition) -> aiokafka.TopicPartition:
        return aiokafka.TopicPartition(kafka_name(self._settings.kafka.prefix, tp.topic), tp.partition)


class Follower:
    """Reads a topic of one partition from its first record, without a group: for registries and pointers.

    Use `follow`, which connects and disconnects.
    """

    def __init__(self, client: AIOKafkaConsumer, tp: aiokafka.TopicPartition) -> None:
        self._client, self._tp = client, tp

    async def to_end(self) -> list[Record]:
        """Return what was not returned yet, up to the end that the log has now."""
        end = (await self._client.end_offsets([self._tp]))[self._tp]
        records: list[Record] = []
        while await self._client.position(self._tp) < end:
            for fetched in (await self._client.getmany(timeout_ms=100)).values():
                records += to_records(fetched)
        return records

    async def news(self) -> list[Record]:
        """Return what has arrived since, without waiting."""
        fetched = await self._client.getmany(timeout_ms=0)
        return [record for run in fetched.values() for record in to_records(run)]


@asynccontextmanager
async def follow(settings: Settings, topic: str) -> AsyncIterator[Follower]:
    """Open a follower of a topic, by logical name."""
    client = AIOKafkaConsumer(
        bootstrap_servers=settings.kafka.bootstrap, enable_auto_commit=False, auto_offset_reset="earliest"
    )
    await client.start()
    try:
        tp = aiokafka.TopicPartition(kafka_name(settings.kafka.prefix, topic), 0)
        client.assign([tp])
        await client.seek_to_beginning(tp)
        yield Follower(client, tp)
    finally:
        await client.stop()


class KafkaPointers:
    """The topic ``checkpoints``, read anew at each assignment."""

    def __init__(self, settings: Settings, publisher: Publisher) -> None:
        self._settings, self._publisher = settings, publisher

    async def read(self) -> list[Pointer]:
        """Return all pointers, the newest under each key."""
        async with follow(self._settings, CHECKPOINTS.name) as follower:
            records = await follower.to_end()
        return newest_by_key(_pointer.decode(record.value) for record in records if record.value)

    async def write(self, pointer: Pointer) -> None:
        """Return once the pointer is acknowledged."""
        output = Output(CHECKPOINTS.name, msgspec.json.encode(pointer), pointer.key, partition=0)
        await self._publisher.publish([output])
