"""Record batches split by compiled code are what aiokafka reads, and what a plain parser reads, whatever the bytes."""

import numpy as np
from aiokafka import TopicPartition
from aiokafka.consumer.fetcher import READ_COMMITTED, PartitionRecords
from aiokafka.record.memory_records import MemoryRecords
from hypothesis import given, settings
from hypothesis import strategies as st

from stream.runtime.kafka_log import to_records
from stream.runtime.record_batches import FetchedBatches
from stream.runtime.record_batches_kernels import BATCH_FIELDS, RECORD_FIELDS, split
from tests.batches import ABORT, COMMIT, TRANSACTIONAL, batch, mark, payload

nullable = st.one_of(st.none(), st.binary(max_size=20))
headers = st.lists(st.tuples(st.text(max_size=5), nullable), max_size=3)


@st.composite
def logs(draw):
    """Batches of a log, each with its last offset: with holes, all codecs, both kinds of time, transactions.

    Then the transactions that were aborted, and the end of the log.
    """
    at, found, aborted, open_since = draw(st.integers(0, 1 << 40)), [], [], {}
    for _ in range(draw(st.integers(0, 6))):
        producer = draw(st.sampled_from([-1, 1, 2]))
        if producer in open_since and draw(st.booleans()):
            kind = draw(st.sampled_from([ABORT, COMMIT]))
            if kind == ABORT:
                aborted.append((producer, open_since[producer]))
            del open_since[producer]
            found.append((at, mark(at, producer, kind)))
            at += 1
            continue
        offsets = sorted(draw(st.sets(st.integers(at, at + 200), max_size=5)))
        rows = [(o, draw(st.integers(0, 1 << 42)), draw(nullable), draw(nullable), draw(headers)) for o in offsets]
        last = max([at, *offsets]) + draw(st.integers(0, 3))
        if producer >= 0:
            open_since.setdefault(producer, at)
        made = batch(
            rows, codec=draw(st.integers(0, 4)) if rows else 0, base=at, last=last, producer=producer,
            append_ms=draw(st.one_of(st.none(), st.integers(0, 1 << 42))),
            attributes=TRANSACTIONAL if producer >= 0 else 0,
        )  # fmt: skip
        found.append((last, made))
        at = last + 1
    return found, aborted, at


@settings(deadline=None)  # a first start compiles
@given(logs(), st.integers(0, 400), st.integers(1, 8))
def test_any_log_is_read_as_aiokafka_reads_it(log, back, most):
    found, aborted, end = log
    offset = max(end - back, 0)
    data = b"".join(made for last, made in found if last >= offset)  # a broker sends the batch of the offset first
    theirs = PartitionRecords(
        TopicPartition("t", 0), MemoryRecords(data), aborted, offset, None, None, True, READ_COMMITTED
    )
    expected = to_records(list(theirs))

    runs = FetchedBatches(data, offset, aborted, "t")
    taken = list(iter(lambda: runs.take(most), None))

    assert [record for run in taken for record in run] == expected
    assert runs.next_offset == max(offset, theirs.next_fetch_offset)


class Refused(Exception):  # noqa: N818
    """The bytes are not what they should be."""


class Reader:
    """A plain parser of one record's bytes."""

    def __init__(self, data):
        self.data, self.at = data, 0

    def varint(self):
        value = shift = 0
        while True:
            if self.at >= len(self.data) or shift >= 64:
                raise Refused
            byte = self.data[self.at]
            self.at, value, shift = self.at + 1, value | (byte & 127) << shift, shift + 7
            if byte < 128:
                value &= (1 << 64) - 1
                found = (value >> 1) ^ -(value & 1)
                return (found + (1 << 63)) % (1 << 64) - (1 << 63)

    def sized(self, least):
        size = self.varint()
        if size < least or size > len(self.data) - self.at:
            raise Refused
        self.at += max(size, 0)
        return max(size, 0)

    def record(self, base):
        """Return the columns of the record that is next."""
        size = self.varint()
        if size < 1 or size > len(self.data) - self.at:
            raise Refused
        inner = Reader(self.data[: self.at + size])
        inner.at = self.at + 1
        ms, offset = inner.varint(), inner.varint()
        key_size, key_end = inner.sized(-1), inner.at
        value_size, value_end = inner.sized(-1), inner.at
        count = inner.varint()
        headers_at = inner.at
        for _ in range(count):
            inner.sized(0)
            inner.sized(-1)
        self.at += size
        if count < 0 or inner.at != self.at:
            raise Refused
        return (base + offset, ms, key_end - key_size, key_size, value_end - value_size, value_size,
                headers_at, self.at - headers_at, count)  # fmt: skip


def plainly(data, count, base, last):
    reader, found = Reader(data), []
    for _ in range(count):
        found.append(reader.record(base))
        if not (found[-2][0] if len(found) > 1 else base - 1) < found[-1][0] <= last:
            raise Refused
    if reader.at != len(data):
        raise Refused
    return found


def compiled(data, count, base, last):
    batches = np.array([[0, len(data), count, base, last, 0, -1]], np.int64)
    assert batches.shape[1] == BATCH_FIELDS
    columns = np.zeros((RECORD_FIELDS, count), np.int64)
    kept, bad = split(np.frombuffer(bytearray(data), np.uint8), batches, 0, columns)
    if bad >= 0:
        raise Refused
    return [tuple(column) for column in columns[:, :kept].T.tolist()]


def result(parse, *arguments):
    try:
        return parse(*arguments)
    except Refused:
        return None


rows = st.lists(st.tuples(st.integers(0, 1 << 40), nullable, nullable, headers), min_size=1, max_size=4)
changes = st.lists(st.tuples(st.integers(0, 1_000), st.integers(0, 255)), max_size=2)


@settings(deadline=None)
@given(rows, changes)
def test_no_bytes_are_read_otherwise_than_by_a_plain_parser(rows, changes):
    data = bytearray(payload([(100 + i, *row) for i, row in enumerate(rows)], 100, 0))
    for place, byte in changes:
        data[place % len(data)] = byte
    given = (bytes(data), len(rows), 100, 99 + len(rows))

    assert result(compiled, *given) == result(plainly, *given)
    if not changes:
        assert len(result(compiled, *given)) == len(rows)
