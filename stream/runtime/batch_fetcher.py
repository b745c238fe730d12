"""A fetcher that gives out `Records` instead of an object per record (aiokafka 0.14).

aiokafka's fetcher names the classes that hold what was fetched in its module, and compares types exactly. Here the two
functions that use them are bound to others, in a class of their own: consumers that were not given it keep theirs. All
that is about offsets, rebalances and errors stays aiokafka's.

Memory: at most one answer of the broker waits for each partition (`max_partition_fetch_bytes`, or one larger batch),
compressed as it came; what a poll returns is `max_poll_records` records of each partition and the rest of a batch.
"""

from __future__ import annotations

from collections.abc import Callable
from types import FunctionType
from typing import Any, TypeVar, cast

from aiokafka import AIOKafkaConsumer, TopicPartition, conn
from aiokafka.consumer import fetcher

from stream.folds.base import Records
from stream.runtime.record_batches import FetchedBatches

READ_COMMITTED = "read_committed"
READER_BYTES = 8 << 20
"""Bytes of an answer that a connection gathers before it pauses the socket.

aiokafka's 64 KiB pause it dozens of times in an answer of some MB: a quarter of the CPU of a row. All connections of
the process take it, as it is a constant of aiokafka's module.
"""

Function = TypeVar("Function", bound=Callable[..., Any])


def take_batches(consumer: AIOKafkaConsumer) -> None:
    """Have a consumer that was started, and reads nothing yet, return its records as `Records`.

    Its ``fetched_records`` then gives, for each partition, a list of one `Records`; records of transactions that were
    aborted are left out, so that it must have been made with the isolation level `READ_COMMITTED`.
    """
    consumer._fetcher.__class__ = BatchFetcher


def read_in_large_pieces() -> None:
    """Have connections that are opened from now on read `READER_BYTES` at once."""
    conn.READER_LIMIT = READER_BYTES


class _Fetched:
    """Stands where aiokafka has its parser of records: keeps the bytes as they are."""

    def __init__(self, data: bytes) -> None:
        self.data = data

    def has_next(self) -> bool:
        """Whether there is a batch: a broker sends a first one whole, however large."""
        return bool(self.data)

    def size_in_bytes(self) -> int:
        return len(self.data)


class _PartitionBatches(FetchedBatches):
    """`FetchedBatches` with the signature and the attribute that aiokafka wants."""

    def __init__(
        self, tp: TopicPartition, fetched: _Fetched, aborted: list[tuple[int, int]] | None, offset: int, *_: object
    ) -> None:
        super().__init__(fetched.data, offset, aborted or (), f"{tp.topic}, partition {tp.partition}")

    @property
    def next_fetch_offset(self) -> int:
        return self.next_offset


class _BatchResult(fetcher.FetchResult):  # type: ignore[misc]  # aiokafka publishes no types
    """What was fetched of a partition and is still valid."""

    _partition_records: _PartitionBatches | None

    def getall(self, max_records: int | None = None) -> list[Records]:
        """Return the next run; nothing if the partition was sought or lost since the fetch."""
        batches = self._partition_records
        if batches is None or not self.check_assignment(self._topic_partition):
            return []
        records = batches.take(max_records or 1)
        self._update_position()
        if records is None:
            self._partition_records = None
            return []
        return [records]


def _with_batches(function: Function) -> Function:
    """Return an aiokafka function that makes the classes of this module where it names its own."""
    names = function.__globals__ | {
        "MemoryRecords": _Fetched, "PartitionRecords": _PartitionBatches, "FetchResult": _BatchResult,
    }  # fmt: skip
    return cast("Function", FunctionType(function.__code__, names, function.__name__, function.__defaults__))


class BatchFetcher(fetcher.Fetcher):  # type: ignore[misc]  # aiokafka publishes no types
    """aiokafka's fetcher with `FetchedBatches` inside."""

    _proc_fetch_request = _with_batches(fetcher.Fetcher._proc_fetch_request)
    fetched_records = _with_batches(fetcher.Fetcher.fetched_records)
