"""Record batches: what is in them, what is left out, what is refused."""

import struct

import numpy as np
import pytest

from stream.folds.base import Record
from stream.runtime import record_batches
from stream.runtime.record_batches import BatchError, FetchedBatches, prepare
from stream.runtime.record_batches_kernels import split
from tests.batches import (
    ABORT,
    COMMIT,
    GZIP,
    LZ4,
    NONE,
    SNAPPY,
    TRANSACTIONAL,
    ZSTD,
    batch,
    mark,
    payload,
    sealed,
    varint,
)  # fmt: skip

CODECS = {"none": NONE, "gzip": GZIP, "snappy": SNAPPY, "lz4": LZ4, "zstd": ZSTD}


def wire(offset, value=b"v", key=None, headers=(), ms=1_000):
    return (offset, ms, key, value, headers)


def fetched(*batches, offset=0, aborted=()):
    return FetchedBatches(b"".join(batches), offset, aborted, "predictions, partition 3")


def positions(*batches, offset=0, aborted=()):
    found = fetched(*batches, offset=offset, aborted=aborted).take(1_000_000)
    return list(found.positions), found.next_position


@pytest.mark.parametrize("codec", CODECS.values(), ids=CODECS)
def test_all_codecs_give_what_was_written(codec):
    written = [
        wire(5, b"x" * 40_000, b"k", [("name", b"content"), ("é", None), ("", b"")], 7),
        wire(6, None, None, ms=3),
        wire(7, b"", b"", ms=1 << 45),
    ]

    found = fetched(batch(written, codec=codec)).take(1)

    assert found == [
        Record(5, 7, b"x" * 40_000, b"k", (("name", b"content"), ("é", b""), ("", b""))),
        Record(6, 3, b""),
        Record(7, 1 << 45, b""),
    ]
    assert found.next_position == 8
    assert found.data.flags.writeable
    assert found.value_at.flags.c_contiguous


def test_records_have_the_brokers_time_where_the_topic_says_so():
    found = fetched(batch([wire(0, ms=1), wire(1, ms=2)], append_ms=99), batch([wire(2, ms=5)])).take(10)

    assert list(found.append_ms) == [99, 99, 5]


def test_reading_begins_in_the_middle_of_a_batch():
    assert positions(batch([wire(i) for i in range(10)]), offset=7) == ([7, 8, 9], 10)


def test_offsets_that_were_compacted_away_stay_away_and_are_passed():
    first = batch([wire(3), wire(6)], base=0, last=9)
    nothing_left = batch([], base=10, last=14)

    assert positions(first, nothing_left) == ([3, 6], 15)
    assert positions(nothing_left, offset=10) == ([], 15)
    assert positions(first, batch([wire(20)]), offset=4) == ([6, 20], 21)


def test_a_run_is_whole_batches_up_to_the_number_asked_for():
    runs = fetched(*(batch([wire(i), wire(i + 1)]) for i in range(0, 10, 2)))

    taken = [list(run.positions) for run in iter(lambda: runs.take(3), None)]

    assert taken == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]
    assert runs.next_offset == 10
    assert runs.take(3) is None


def test_a_batch_that_was_cut_is_left_for_the_next_fetch():
    whole, cut = batch([wire(0)]), batch([wire(1, b"x" * 100)])

    for size in range(len(cut)):
        assert positions(whole, cut[:size]) == ([0], 1)
    assert fetched(cut[:-1]).take(1) is None


def in_transaction(offset, producer):
    return batch([wire(offset)], attributes=TRANSACTIONAL, producer=producer)


def test_aborted_transactions_are_left_out_and_committed_ones_are_not():
    log = [
        in_transaction(0, producer=1), in_transaction(1, producer=2), mark(2, 1, ABORT), in_transaction(3, producer=1),
        batch([wire(4)], producer=1), mark(5, 2, COMMIT), mark(6, 1, COMMIT),
    ]  # fmt: skip

    assert positions(*log, aborted=[(1, 0)]) == ([1, 3, 4], 7)


def test_a_producer_may_abort_twice():
    log = [in_transaction(0, 1), mark(1, 1, ABORT), in_transaction(2, 1), mark(3, 1, ABORT), in_transaction(4, 1)]

    assert positions(*log, aborted=[(1, 2), (1, 0)]) == ([4], 5)


def test_an_aborted_transaction_stays_so_over_several_runs():
    runs = fetched(batch([wire(0)]), in_transaction(1, 7), in_transaction(2, 7), batch([wire(3)]), aborted=[(7, 1)])

    assert [list(run.positions) for run in iter(lambda: runs.take(1), None)] == [[0], [3]]


def test_marks_alone_give_an_empty_run_that_says_how_far_it_went():
    assert positions(mark(8, 1, COMMIT), offset=8) == ([], 9)


def test_a_flipped_bit_is_refused_wherever_it_is():
    good = batch([wire(0, b"payload", b"key", [("h", b"v")])])
    for place in range(17, len(good)):  # behind base offset, length, epoch and format
        bad = bytearray(good)
        bad[place] ^= 4
        with pytest.raises(BatchError, match="predictions, partition 3, offset 0: damaged"):
            fetched(bytes(bad)).take(1)


def test_an_old_message_format_is_refused_with_a_sentence():
    bad = bytearray(batch([wire(0)]))
    bad[16] = 1
    with pytest.raises(BatchError, match="message format 1, which Kafka 4 does not write"):
        fetched(bytes(bad)).take(1)


def test_a_length_that_cannot_be_is_refused():
    bad = bytearray(batch([wire(0)]))
    bad[8:12] = struct.pack(">i", 48)
    with pytest.raises(BatchError, match="48 bytes is shorter"):
        fetched(bytes(bad)).take(1)


@pytest.mark.parametrize("codec", [GZIP, SNAPPY, LZ4, ZSTD])
def test_what_cannot_be_decompressed_is_refused(codec):
    bad = sealed(b"\xff no such thing, whatever the codec", 1, 0, 0, 0, 0, codec)
    with pytest.raises(BatchError, match="cannot be decompressed"):
        fetched(bad).take(1)


def test_an_unknown_compression_is_refused():
    with pytest.raises(BatchError, match="no compression 5"):
        fetched(sealed(b"x" * 7, 1, 0, 0, 0, 0, 5)).take(1)


def test_no_records_need_no_decompression():
    assert positions(sealed(b"", 0, 4, 6, 0, 0, ZSTD)) == ([], 7)


def test_a_batch_that_is_too_large_when_decompressed_is_refused(monkeypatch):
    monkeypatch.setattr(record_batches, "MAX_BATCH_BYTES", 10_000)
    with pytest.raises(BatchError, match="more than 10000 bytes"):
        fetched(batch([wire(0, b"x" * 10_000)], codec=ZSTD)).take(1)


ONE = payload([wire(0, b"v", b"k", [("h", b"v")])], 0, 1_000)
MALFORMED = {
    "fewer records than it says": (ONE + b"\0" * 7, 2),
    "more bytes than records": (ONE + ONE, 1),
    "more records than bytes": (ONE, 3),
    "a negative number of records": (ONE, -1),
    "a record beyond the batch": (varint(len(ONE) + 5) + ONE[1:], 1),
    "a record of no bytes": (varint(0) + ONE[1:], 1),
    "a varint without end": (b"\xff" * len(ONE), 1),
    "a key beyond its record": (varint(8) + b"\0\0\0" + varint(5) + b"\0\0\0\0", 1),
    "a key of negative size": (varint(8) + b"\0\0\0" + varint(-2) + b"\0\0\0\0", 1),
    "a key of nearly 2^63 bytes": (varint(14) + b"\0\0\0" + varint((1 << 62) - 1) + b"\0\0", 1),
    "headers that are not there": (varint(7) + b"\0\0\0\1\1" + varint(9) + b"\0", 1),
    "a negative number of headers": (varint(6) + b"\0\0\0\1\1" + varint(-1), 1),
    "a record longer than its parts": (varint(8) + b"\0\0\0\1\1\0\0\0", 1),
    "an offset that does not rise": (ONE + ONE, 2),
    "an offset beyond the batch": (payload([wire(9)], 0, 1_000), 1),
    "an offset before the batch": (payload([wire(-1)], 0, 1_000), 1),
}


@pytest.mark.parametrize(("body", "count"), MALFORMED.values(), ids=MALFORMED)
def test_bytes_that_are_not_the_records_that_the_head_says_are_refused(body, count):
    good = batch([wire(0)], last=0)
    bad = sealed(body, count, 1, 4, 1_000, 1_000)
    with pytest.raises(BatchError, match="offset 1: "):
        fetched(good, bad).take(10)


def test_a_refusal_loses_nothing():
    runs = fetched(batch([wire(0)]), sealed(b"x" * 20, 1, 1, 1, 0, 0))
    with pytest.raises(BatchError):
        runs.take(10)

    assert runs.next_offset == 0


def test_columns_of_no_records_have_the_types_of_others():
    found = fetched(mark(0, 1, COMMIT)).take(1)

    assert (found.data.dtype, found.positions.dtype, len(found)) == (np.uint8, np.int64, 0)


def test_preparing_compiles_what_reading_uses():
    prepare()
    before = len(split.signatures)
    fetched(batch([wire(0)])).take(1)
    fetched(batch([wire(0)], codec=LZ4), batch([wire(1)])).take(10)
    fetched(mark(0, 1, COMMIT)).take(1)

    assert (before, len(split.signatures)) == (1, 1)
