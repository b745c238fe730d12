"""Delete dead letters from their topic, as far as ClickHouse has them."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass

from streamgauge.kafka_client import TopicPartition as KafkaPartition

from stream.runtime.file_port import KafkaReader
from stream.runtime.lag import lag_view
from stream.runtime.port import TopicPartition
from stream.settings import Settings
from stream.topics import admin
from stream.topology import DEAD_LETTERS, STORE, kafka_name


@dataclass(frozen=True, slots=True)
class Cut:
    """What would be deleted of one partition of topic `dead-letters`: records from `first` to before `before`.

    Attributes
    ----------
    not_stored
        Records that were asked for, and stay since ClickHouse does not have them yet.
    """

    partition: int
    first: int
    before: int
    not_stored: int = 0

    @property
    def records(self) -> int:
        """Return how many records would go, marks of retries among them."""
        return self.before - self.first


def plan(
    settings: Settings, *, older_than_ms: int = 0, up_to: Mapping[int, int] | None = None, unstored: bool = False
) -> list[Cut]:
    """Return what a discard would delete.

    Parameters
    ----------
    older_than_ms
        Only what the topic has held for longer, milliseconds.
    up_to
        The offset before which records go, by partition; other partitions keep all. None: all partitions.
    unstored
        Delete also what `store` has not brought to ClickHouse: conservation then misses it.
    """
    cuts = []
    with lag_view(settings) as view, KafkaReader(settings) as reader:
        stored = view.done(STORE.name)
        for tp in reader.partitions(DEAD_LETTERS.name):
            first, end = reader.bounds(tp)
            wanted = end if up_to is None else min(end, up_to.get(tp.partition, first))
            if older_than_ms:
                wanted = min(wanted, reader.offset_at(tp, time.time_ns() // 1_000_000 - older_than_ms))
            before = wanted if unstored else min(wanted, stored.get(tp, first))
            cuts.append(Cut(tp.partition, first, max(first, before), max(0, wanted - max(first, before))))
    return cuts


def discard(settings: Settings, cuts: list[Cut]) -> dict[int, int]:
    """Delete what was planned, and return the first offset that each partition keeps now. It cannot be undone."""
    name = kafka_name(settings.kafka.prefix, DEAD_LETTERS)
    wanted = {KafkaPartition(name, cut.partition): cut.before for cut in cuts if cut.records > 0}
    with admin(settings) as client:
        if wanted:
            client.delete_records(wanted)
    with lag_view(settings) as view:
        firsts = view.firsts([DEAD_LETTERS.name])
    return {cut.partition: firsts[TopicPartition(DEAD_LETTERS.name, cut.partition)] for cut in cuts}
