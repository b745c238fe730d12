"""Batches of the workers' producer: what is read is what was written, compressed where it pays."""

import random

import pytest

from stream.folds.base import Record
from stream.runtime.outgoing_batch import LARGE_BYTES, OutgoingBatch
from stream.runtime.record_batches import FetchedBatches

NOISE = random.Random(1).randbytes(LARGE_BYTES + 1)


def built(*values):
    batch = OutgoingBatch(1 << 20)
    for i, value in enumerate(values):
        batch.append(timestamp=1_000 + i, key=b"k", value=value, headers=[("h", b"v")])
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
        ([NOISE], 3),
        ([b"x"], 0),
    ],
    ids=["texts", "noise", "zeros inside", "noise inside", "large", "small"],
)
def test_a_batch_is_compressed_where_it_pays_and_read_as_it_was_written(values, expected):
    data = bytes(built(*values)._build())

    assert codec(data) == expected
    read = FetchedBatches(data, 0, (), "t").take(1)
    assert read == [Record(i, 1_000 + i, value, b"k", (("h", b"v"),)) for i, value in enumerate(values)]


def test_a_retry_sends_the_same_bytes_and_the_producers_number():
    batch = built(b"abc" * 10_000)
    first = bytes(batch._build())

    assert bytes(batch._build()) == first
    assert batch.size() == len(first)
    assert int.from_bytes(first[43:51], "big") == 77
