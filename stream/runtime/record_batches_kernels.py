"""Splits the records of Kafka's record batches (message format 2): a loop over bytes, compiled.

All lengths are checked against the bounds of what holds them, so that no bytes make it read beyond its batch.

References
----------
https://kafka.apache.org/documentation/#recordbatch
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from detectors.compiled import compiled

# Columns of a batch, in `split`.
START, END, COUNT, BASE_OFFSET, LAST_OFFSET, BASE_MS, APPEND_MS = range(7)
BATCH_FIELDS = 7
# Rows of the result, in the order of `stream.folds.base.Records`.
POSITION, RECORD_MS, KEY_AT, KEY_SIZE, VALUE_AT, VALUE_SIZE, HEADERS_AT, HEADERS_SIZE, HEADERS_COUNT = range(9)
RECORD_FIELDS = 9
_LOW_63 = 0x7FFF_FFFF_FFFF_FFFF


@compiled
def read_varint(data: NDArray[np.uint8], at: int, end: int) -> tuple[int, int]:
    """Return the zigzag varint at `at` and where it ends: −1 if beyond `end` or 10 bytes, or if `at` is −1."""
    value = 0
    shift = 0
    while 0 <= at < end and shift < 64:
        byte = int(np.int64(data[at]))
        at += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return ((value >> 1) & _LOW_63) ^ -(value & 1), at
        shift += 7
    return 0, -1


@compiled
def skip_bytes(data: NDArray[np.uint8], at: int, end: int) -> tuple[int, int, int]:
    """Return where the bytes behind a size begin, their number (0 for null) and their end: −1 if they are not there."""
    size, at = read_varint(data, at, end)
    if at < 0 or size < -1 or size > end - at:
        return 0, 0, -1
    size = max(size, 0)
    return at, size, at + size


@compiled
def skip_headers(data: NDArray[np.uint8], at: int, end: int, count: int) -> int:
    """Return the end of `count` headers: −1 if they are not there."""
    for _ in range(count):
        size, at = read_varint(data, at, end)
        if at < 0 or size < 0 or size > end - at:
            return -1
        _, _, at = skip_bytes(data, at + size, end)
        if at < 0:
            return -1
    return at


@compiled
def split_record(data: NDArray[np.uint8], at: int, end: int, columns: NDArray[np.int64], n: int) -> int:
    """Write the record at `at` into column `n`, offset and time as differences to the batch's; return its end or −1."""
    length, at = read_varint(data, at, end)
    if at < 0 or length < 1 or length > end - at:
        return -1
    end = at + length
    columns[RECORD_MS, n], at = read_varint(data, at + 1, end)  # behind a byte of attributes, which nobody uses
    columns[POSITION, n], at = read_varint(data, at, end)
    columns[KEY_AT, n], columns[KEY_SIZE, n], at = skip_bytes(data, at, end)
    columns[VALUE_AT, n], columns[VALUE_SIZE, n], at = skip_bytes(data, at, end)
    count, at = read_varint(data, at, end)
    if at < 0 or count < 0 or skip_headers(data, at, end, count) != end:
        return -1
    columns[HEADERS_AT, n], columns[HEADERS_SIZE, n], columns[HEADERS_COUNT, n] = at, end - at, count
    return end


@compiled
def split(
    data: NDArray[np.uint8], batches: NDArray[np.int64], from_offset: int, columns: NDArray[np.int64]
) -> tuple[int, int]:
    """Write the records of batches into columns; O(records).

    Parameters
    ----------
    data
        Holds the records of all batches, decompressed.
    batches
        Shape (batches, 7): from where to where in `data`, number of records, first and last offset, base of the times,
        and the time that all records of the batch have (−1: each its own).
    from_offset
        Records below it are left out.
    columns
        Shape (9, records of all batches); written in place.

    Returns
    -------
    tuple[int, int]
        The number of records written, and the index of the first batch that is not what it says (−1: all are): its
        bytes are more or fewer than its records, or its offsets do not rise within its bounds.
    """
    n = 0
    for b in range(batches.shape[0]):
        at = batches[b, START]
        previous = batches[b, BASE_OFFSET] - 1
        for _ in range(batches[b, COUNT]):
            at = split_record(data, at, batches[b, END], columns, n)
            if at < 0:
                return n, b
            position = columns[POSITION, n] + batches[b, BASE_OFFSET]
            if position <= previous or position > batches[b, LAST_OFFSET]:
                return n, b
            columns[POSITION, n] = previous = position
            own_ms = columns[RECORD_MS, n] + batches[b, BASE_MS]
            columns[RECORD_MS, n] = own_ms if batches[b, APPEND_MS] < 0 else batches[b, APPEND_MS]
            n += position >= from_offset
        if at != batches[b, END]:
            return n, b
    return n, -1
