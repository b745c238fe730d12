"""The role `store` in a worker: all that waits is stored together; what cannot be stored becomes a dead letter."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec
import structlog

from stream.clickhouse.sink import Sink
from stream.folds.base import Output, Record
from stream.folds.deadletters import DeadLetter
from stream.folds.store import Poison
from stream.runtime.port import TopicPartition
from stream.topology import DEAD_LETTERS

_log = structlog.get_logger(__name__)


class StoreRole:
    """Hands the records of all partitions to the sink at once, so that they share its inserts."""

    def __init__(self, sink: Sink) -> None:
        self._sink = sink

    async def write(self, runs: Mapping[TopicPartition, Sequence[Record]]) -> list[Output]:
        """Store records, and return dead letters for what could not be."""
        return _letters(await self._sink.write({(tp.topic, tp.partition): records for tp, records in runs.items()}))


def _letters(poison: Sequence[Poison]) -> list[Output]:
    for one in poison:
        where = one.origin
        _log.error(
            "a record cannot be stored", topic=where.topic, partition=where.partition, offset=where.offset,
            line=where.line, reason=one.reason, error=one.message,
        )  # fmt: skip
    # A dead letter that cannot be stored must not become the next one.
    return [_letter(one) for one in poison if one.origin.topic != DEAD_LETTERS.name]


def _letter(poison: Poison) -> Output:
    where = poison.origin
    letter = DeadLetter(
        topic=where.topic, partition=where.partition, offset=where.offset, line=where.line, reason=poison.reason,
        field="", message=poison.message, hint="", excerpt=poison.excerpt, model="", source="", size=poison.size,
        at_ms=poison.at_ms,
    )  # fmt: skip
    return Output(DEAD_LETTERS.name, msgspec.json.encode(letter), f"{where.topic}/{where.partition}".encode())
