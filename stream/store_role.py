"""The role `store` in a worker: all that waits goes into one flush; what cannot be read becomes a dead letter."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

import msgspec
import structlog

from stream.clickhouse.sink import Sink
from stream.folds.base import Output, Record
from stream.folds.deadletters import DeadLetter
from stream.folds.store import Poison
from stream.runtime.port import TopicPartition
from stream.topology import DEAD_LETTERS

EXCERPT = 1_000
_log = structlog.get_logger(__name__)


class StoreRole:
    """Hands the records of all partitions to the sink at once, so that they share its inserts."""

    def __init__(self, sink: Sink) -> None:
        self._sink = sink

    async def write(self, runs: Mapping[TopicPartition, Sequence[Record]]) -> list[Output]:
        """Store records, and return dead letters for those that could not be read."""
        writing = [self._sink.write(tp.topic, tp.partition, records) for tp, records in runs.items()]
        found = await asyncio.gather(*writing)
        return [letter for tp, poison in zip(runs, found, strict=True) for letter in _letters(tp, poison)]


def _letters(tp: TopicPartition, poison: Sequence[Poison]) -> list[Output]:
    for one in poison:
        _log.error("a record cannot be stored", topic=tp.topic, partition=tp.partition, offset=one.record.position)
    # A dead letter that cannot be read must not become the next one.
    return [] if tp.topic == DEAD_LETTERS.name else [_letter(tp, one) for one in poison]


def _letter(tp: TopicPartition, poison: Poison) -> Output:
    record = poison.record
    letter = DeadLetter(
        topic=tp.topic, partition=tp.partition, offset=record.position, line=0, reason="fold-error", field="",
        message=poison.reason, hint="", excerpt=record.value[:EXCERPT].decode("utf-8", "replace"), model="",
        source="", size=len(record.value), at_ms=record.append_ms,
    )  # fmt: skip
    return Output(DEAD_LETTERS.name, msgspec.json.encode(letter), f"{tp.topic}/{tp.partition}".encode())
