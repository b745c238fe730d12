"""Fills topics fast: whole record batches, compressed as producers in other languages do it, lz4 at its first level."""

from __future__ import annotations

import asyncio
import struct
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from itertools import cycle

import lz4.frame
from aiokafka import AIOKafkaProducer
from aiokafka.record.default_records import DefaultRecordBatchBuilder
from aiokafka.record.util import calc_crc32c

HEAD, CRC_AT, ATTRIBUTES_AT, LZ4 = 61, 17, 21, 3
LINES: tuple[tuple[str, bytes], ...] = (("content-type", b"application/x-ndjson"),)
Values = Callable[[int], list[bytes]]

BATCH_ROWS = 400
"""Events of a batch: with 455 bytes, about what producers gather in 256 KiB before compression."""

AHEAD = 3
"""Batches that a partition may be ahead of the slowest: no row is late because the topic was filled unevenly."""


def sizes(rows: int, most: int) -> Iterator[int]:
    """Yield the sizes of batches.

    >>> list(sizes(1_000, 400))
    [400, 400, 200]
    """
    while rows > 0:
        yield min(rows, most)
        rows -= most


class Sealed:
    """A record batch that is ready to be sent: what aiokafka's sender asks of a batch builder."""

    def __init__(self, values: Sequence[bytes], headers: Sequence[tuple[str, bytes]]) -> None:
        self._count, self._bytes = len(values), compressed(values, headers)

    def closed(self) -> bool:
        """Whether it takes no more."""
        return True

    def record_count(self) -> int:
        """Return its number of records."""
        return self._count

    def size(self) -> int:
        """Return its bytes."""
        return len(self._bytes)

    def _build(self) -> bytes:
        return self._bytes


def compressed(values: Sequence[bytes], headers: Sequence[tuple[str, bytes]] = ()) -> bytes:
    """Return a record batch, version 2, of some values."""
    plain = DefaultRecordBatchBuilder(
        2, 0, is_transactional=0, producer_id=-1, producer_epoch=-1, base_sequence=-1, batch_size=1 << 30
    )
    now_ms = int(time.time() * 1000)
    for i, value in enumerate(values):
        plain.append(i, now_ms, None, value, list(headers))
    data = bytes(plain.build())
    batch = bytearray(data[:HEAD] + lz4.frame.compress(data[HEAD:], block_linked=False))
    struct.pack_into(">i", batch, 8, len(batch) - 12)
    struct.pack_into(">h", batch, ATTRIBUTES_AT, LZ4)
    struct.pack_into(">I", batch, CRC_AT, calc_crc32c(bytes(batch[ATTRIBUTES_AT:])))
    return bytes(batch)


class Fill:
    """Writes events into all partitions of a topic.

    Parameters
    ----------
    lines
        Events in a record: 1, or more as JSON lines.
    """

    def __init__(self, bootstrap: str, topic: str, values: Values, lines: int = 1) -> None:
        self._bootstrap, self._topic, self._values, self._lines = bootstrap, topic, values, lines

    def fill(self, rows: int) -> None:
        """Write so many events and return when all are acknowledged."""
        asyncio.run(self._fill(rows))

    async def _fill(self, rows: int) -> None:
        async with AIOKafkaProducer(bootstrap_servers=self._bootstrap, max_request_size=8 << 20) as producer:
            partitions = sorted(await producer.partitions_for(self._topic))
            sent: deque[asyncio.Future[object]] = deque()
            for partition, size in zip(cycle(partitions), sizes(rows, max(self._lines, BATCH_ROWS)), strict=False):
                sent.append(await producer.send_batch(self.batch(self._values(size)), self._topic, partition=partition))
                if len(sent) > AHEAD * len(partitions):
                    await sent.popleft()
            await asyncio.gather(*sent)

    def batch(self, values: Sequence[bytes]) -> Sealed:
        """Return events as one batch."""
        if self._lines == 1:
            return Sealed(values, ())
        cuts = range(0, len(values), self._lines)
        return Sealed([b"\n".join(values[at : at + self._lines]) for at in cuts], LINES)
