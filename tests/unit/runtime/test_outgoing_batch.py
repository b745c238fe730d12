"""Batches of the workers' producer: what is read is what was written, compressed where it pays."""

import random

import pytest
from aiokafka.record.memory_records import MemoryRecords
from hypothesis import given
from hypothesis import strategies as st

from stream.folds.base import Record
from stream.runtime.outgoing_batch import LARGE_BYTES, OutgoingBatch
from stream.runtime.record_batches import FetchedBatches

NOISE = random.Random(1).randbytes(LARGE_BYTES + 1)


def built(*values):
    batch = OutgoingBatch(1 << 20)
    assert all(batch.add(value, b"k", [("h", b"v")]) for value in values)
    batch.close()
    batch._set_producer_state(77, 1, 5)
    return batch


def codec(data):
    return data[22] & 7


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([b"abc" * 50_000], 3),
        ([NOISE[:100_000]], 0),
        ([NOISE[:50_000], b"\0" * 100_000, NOISE[:50_000]], 3),
        ([b"\0" * 50_000, NOISE[:200_000], b"\0" * 50_000], 0),
        ([bytes(NOISE[:20_000]) + b"\0" * 10_000] * 5, 0),
        ([NOISE], 3),
        ([b"x"], 0),
    ],
    ids=["texts", "noise", "zeros inside", "noise inside", "a third is gone", "large", "small"],
)
def test_a_batch_is_compressed_where_it_pays_and_read_as_it_was_written(values, expected):
    data = bytes(built(*values)._build())

    assert codec(data) == expected
    read = FetchedBatches(data, 0, (), "t").take(1)
    made_ms = int(read.append_ms[0])
    assert read == [Record(i, made_ms, value, b"k", (("h", b"v"),)) for i, value in enumerate(values)]


def test_a_retry_sends_the_same_bytes_and_the_producers_number():
    batch = built(b"abc" * 10_000)
    first = bytes(batch._build())

    assert bytes(batch._build()) == first
    assert batch.size() == len(first)
    assert int.from_bytes(first[43:51], "big") == 77


@given(
    st.lists(
        st.tuples(
            st.binary(max_size=300), st.binary(max_size=200), st.lists(st.tuples(st.text(max_size=70), st.binary()))
        ),
        min_size=1,
        max_size=200,
    )
)
def test_aiokafka_reads_what_is_packed_here(records):
    batch = OutgoingBatch(1 << 30)
    for value, key, headers in records:
        assert batch.add(value, key, headers)
    batch._set_producer_state(7, 1, 5)
    read = MemoryRecords(bytes(batch._build())).next_batch()

    assert read.validate_crc()
    assert (read.producer_id, read.producer_epoch, read.base_sequence) == (7, 1, 5)
    found = [(record.value, record.key or b"", list(record.headers)) for record in read]
    assert found == [(value, key, headers) for value, key, headers in records]


def test_a_batch_takes_no_more_than_it_may_but_one_record_of_any_size():
    batch = OutgoingBatch(1_000)

    assert batch.add(bytes(5_000))
    assert not batch.add(b"x")
    assert (batch.record_count(), batch.size() > 5_000) == (1, True)
