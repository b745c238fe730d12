"""Kafka's record batches taken whole: checked, decompressed and split into columns, without an object per record.

Message format 2 only, which all brokers from Kafka 4 on write; what an older one stored is refused with a sentence.
A client hands over what the broker sent for one partition; `FetchedBatches` gives it out in runs of whole batches, and
decompresses a run when it is asked for, so that what waits stays compressed.

References
----------
https://kafka.apache.org/documentation/#recordbatch
https://kafka.apache.org/documentation/#controlbatch
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Collection, Iterator
from typing import NamedTuple

import cramjam
import numpy as np
from aiokafka.codec import snappy_decode
from google_crc32c import value as crc32c
from numpy.typing import NDArray

from stream.folds.base import PADDING, Records
from stream.runtime.port import LogError
from stream.runtime.record_batches_kernels import BATCH_FIELDS, RECORD_FIELDS, split

MAX_BATCH_BYTES = 256 << 20
"""Bytes of one batch after decompression at most: what is larger is refused, not tried until memory is used up."""

RUN_BYTES = 2 << 20
"""Bytes of a run's batches as they came: larger ones would hold up heartbeats, and fall out of the caches."""

_Into = Callable[[memoryview, memoryview], int]
_HEAD = struct.Struct(">qiibIhiqqqhii")
_CRC_FROM = 21  # attributes and all behind them
_BEFORE_LENGTH = 12  # the length counts what is behind it
_MIN_RECORD = 7
_CODEC, _APPEND_TIME, _TRANSACTIONAL, _CONTROL = 0x07, 0x08, 0x10, 0x20
_GZIP, _SNAPPY, _LZ4, _ZSTD = 1, 2, 3, 4
_INTO: dict[int, _Into] = {
    _GZIP: cramjam.gzip.decompress_into, _LZ4: cramjam.lz4.decompress_into, _ZSTD: cramjam.zstd.decompress_into,
}  # fmt: skip
_ABORT = b"\0\0"
_GUESS, _MORE = 4, 64 << 10  # how much larger compressed records become; how much more room is tried at least


class BatchError(LogError):
    """A record batch is not what its head says, or cannot be read here."""


class Batch(NamedTuple):
    """The head of a record batch and its records as they were stored.

    Attributes
    ----------
    append_ms
        The time of all records, epoch milliseconds; −1 if each has its own, from `base_ms` on.
    """

    base_offset: int
    last_offset: int
    attributes: int
    base_ms: int
    append_ms: int
    producer: int
    records: int
    payload: memoryview

    @property
    def is_control(self) -> bool:
        """Whether it marks the end of a transaction."""
        return bool(self.attributes & _CONTROL)

    @property
    def is_transactional(self) -> bool:
        """Whether its records count only if their transaction was committed."""
        return bool(self.attributes & _TRANSACTIONAL)


def read_batches(data: bytes | memoryview, where: str) -> Iterator[Batch]:
    """Yield the whole batches of what a broker sent; a last one that was cut is left out.

    Raises
    ------
    BatchError
        If a batch has another format, its checksum (CRC-32C) is wrong, or its length cannot be. `where` tells it.
    """
    view, at = memoryview(data), 0
    while len(view) - at >= _HEAD.size:
        (base, length, _, magic, crc, attributes, delta, first_ms, max_ms, producer, _, _, count) = _HEAD.unpack_from(
            view, at
        )
        end = at + _BEFORE_LENGTH + length
        if magic != 2:
            raise BatchError(
                f"{where}, offset {base}: message format {magic}, which Kafka 4 does not write; copy the topic with a "
                "producer of today, or read from a later offset"
            )
        if length < _HEAD.size - _BEFORE_LENGTH:
            raise BatchError(f"{where}, offset {base}: a batch of {length} bytes is shorter than its own head")
        if end > len(view):
            return
        if (found := crc32c(bytes(view[at + _CRC_FROM : end]))) != crc:
            raise BatchError(f"{where}, offset {base}: damaged: checksum {crc:#010x} expected, {found:#010x} found")
        append_ms = max_ms if attributes & _APPEND_TIME else -1
        yield Batch(base, base + delta, attributes, first_ms, append_ms, producer, count, view[at + _HEAD.size : end])
        at = end


def to_records(batches: Collection[Batch], from_offset: int, next_position: int, where: str) -> Records:
    """Return the records of batches from an offset on, over one buffer; O(bytes).

    Raises
    ------
    BatchError
        If a batch cannot be decompressed, or its bytes are not the records that its head says.
    """
    room = _Room(batches, where)
    table = np.empty((len(batches), BATCH_FIELDS), np.int64)
    for row, batch in zip(table, batches, strict=True):
        begin, end = room.put(batch)
        if not 0 <= batch.records <= (end - begin) // _MIN_RECORD:
            raise BatchError(f"{where}, offset {batch.base_offset}: {batch.records} records in {end - begin} bytes")
        row[:] = (begin, end, batch.records, batch.base_offset, batch.last_offset, batch.base_ms, batch.append_ms)
    data = room.taken()
    columns = np.empty((RECORD_FIELDS, sum(batch.records for batch in batches)), np.int64)
    kept, bad = split(data, table, from_offset, columns)
    if bad >= 0:
        raise BatchError(f"{where}, offset {table[bad, 3]}: the batch's bytes are not the records that its head says")
    return _records(data, columns[:, :kept], next_position)


def prepare() -> None:
    """Compile or load what splits batches, before a consumer is started: one that waited for it would be silent.

    Seconds in the first process of a machine, a part of one in others.
    """
    to_records((), 0, 0, "")


class FetchedBatches:
    """What one fetch brought for one partition, given out in runs of whole batches.

    Parameters
    ----------
    data
        Record batches one behind the other, as the broker sends them.
    offset
        From which the fetch asked; the first batch may begin before it.
    aborted
        Producer and first offset of each aborted transaction that the broker named.
    where
        Topic and partition, for messages.

    Attributes
    ----------
    next_offset
        Where a fetch that follows begins: behind the last batch that was given out or left out.
    """

    def __init__(self, data: bytes | memoryview, offset: int, aborted: Collection[tuple[int, int]], where: str) -> None:
        self.next_offset = offset
        self._where = where
        self._batches = read_batches(data, where)
        self._opening = sorted(aborted, key=lambda transaction: transaction[1], reverse=True)
        self._aborted: set[int] = set()

    def take(self, most: int) -> Records | None:
        """Return the next run, None at the end.

        Its batches are those that it takes to have `most` records or `RUN_BYTES`, so that it may have more by what the
        last one holds. It has no records if only marks of transactions and aborted ones were left.

        Raises
        ------
        BatchError
            If a batch cannot be read; it will not be skipped.
        """
        offset, following, count, size, taken = self.next_offset, None, 0, 0, []
        for batch in self._batches:
            following = max(offset, batch.last_offset + 1)
            if self._counts(batch):
                taken.append(batch)
                count += batch.records
                size += len(batch.payload)
            if count >= most or size >= RUN_BYTES:
                break
        if following is None:
            return None
        records = to_records(taken, offset, following, self._where)
        self.next_offset = following
        return records

    def _counts(self, batch: Batch) -> bool:
        while self._opening and self._opening[-1][1] <= batch.last_offset:
            self._aborted.add(self._opening.pop()[0])
        if batch.is_control:
            if _is_abort(batch, self._where):
                self._aborted.discard(batch.producer)
            return False
        aborted = batch.is_transactional and batch.producer in self._aborted
        return not aborted and batch.last_offset >= self.next_offset


def _records(data: NDArray[np.uint8], columns: NDArray[np.int64], next_position: int) -> Records:
    positions, append_ms, key_at, key_size, value_at, value_size, headers_at, headers_size, headers_count = columns
    return Records(
        data, positions, append_ms, key_at, key_size, value_at, value_size, headers_at, headers_size, headers_count,
        next_position,
    )  # fmt: skip


def _is_abort(batch: Batch, where: str) -> bool:
    """Whether a mark says that a transaction was aborted: its key is a version and a type, two bytes each."""
    marks = to_records([batch], batch.base_offset, batch.last_offset + 1, where)
    return any(mark.key[2:4] == _ABORT for mark in marks)


class _Room:
    """Where batches are decompressed to, one behind the other; it grows when one does not fit."""

    def __init__(self, batches: Collection[Batch], where: str) -> None:
        size = sum((_GUESS if batch.attributes & _CODEC else 1) * len(batch.payload) for batch in batches)
        self._data, self._at, self._where = np.empty(size + PADDING, np.uint8), 0, where

    def put(self, batch: Batch) -> tuple[int, int]:
        """Write the batch's records, and return from where to where."""
        begin = self._at
        try:
            self._at += self._write(batch.attributes & _CODEC, batch.payload) if batch.payload else 0
        except KeyError as codec:
            raise BatchError(f"{self._where}, offset {batch.base_offset}: there is no compression {codec}") from None
        except (cramjam.DecompressionError, struct.error, ValueError) as error:
            raise BatchError(
                f"{self._where}, offset {batch.base_offset}: cannot be decompressed, or to more than "
                f"{MAX_BATCH_BYTES} bytes: {error}"
            ) from error
        return begin, self._at

    def taken(self) -> NDArray[np.uint8]:
        """Return all that was written, with PADDING behind."""
        self._grow_to(self._at + PADDING)
        data = self._data[: self._at + PADDING]
        data[self._at :] = 0
        return data

    def _write(self, codec: int, payload: memoryview) -> int:
        if not codec:
            return self._copy(payload)
        if codec == _SNAPPY:
            return self._copy(snappy_decode(payload))
        into = _INTO[codec]
        while True:
            try:
                return into(payload, self._data[self._at : self._at + MAX_BATCH_BYTES].data)
            except cramjam.DecompressionError:
                if len(self._data) - self._at >= MAX_BATCH_BYTES:
                    raise
                self._grow_to(self._at + min(2 * (len(self._data) - self._at) + _MORE, MAX_BATCH_BYTES))

    def _copy(self, data: bytes | memoryview) -> int:
        self._grow_to(self._at + len(data))
        self._data[self._at : self._at + len(data)] = np.frombuffer(data, np.uint8)
        return len(data)

    def _grow_to(self, size: int) -> None:
        if size > len(self._data):
            more = np.empty(size, np.uint8)
            more[: self._at] = self._data[: self._at]
            self._data = more
