"""Sealed segments in compiled code: rows sorted by hash, where a hash is, two segments made one, the living of one.

A segment is a row of the table of segments: addresses of its columns and what is known of it. An entry's values are two
words, interleaved: `served`, and `packed` = milliseconds within the hour | context << 22.
A directory holds, for each of `BUCKETS` equal ranges of the hash, the first row in it, and the number of rows last.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from detectors.compiled import compiled
from stream.folds.pending.memory_kernels import Int, half_at, quad_at, word_at

HASHES, VALUES, STATES, DIRECTORY, ROWS, BUCKETS, HOUR, MIXED = range(8)
"""Columns of the table: four addresses, rows, buckets, hour of event time; 1 where some entries are below a floor."""
COLUMNS = 8

MS_BITS = 22
_MS_BITS, _MS_MASK, _32 = np.uint64(MS_BITS), np.uint64((1 << MS_BITS) - 1), np.uint64(32)
_BEYOND = np.int64(1 << 32)


@compiled
def context_of(packed: np.uint64) -> Int:
    """Return the context of an entry."""
    return np.int64(packed >> _MS_BITS)


@compiled
def ms_of(packed: np.uint64) -> Int:
    """Return the milliseconds of an entry within its hour."""
    return np.int64(packed & _MS_MASK)


@compiled
def bucket_of(one: np.uint64, buckets: Int) -> Int:
    """Return which of `buckets` equal ranges a hash lies in."""
    return np.int64(((one >> _32) * np.uint64(buckets)) >> _32)


@compiled
def fill_directory(segment: NDArray[np.int64], directory: NDArray[np.uint32]) -> None:
    """Write the first row of each bucket."""
    rows, at, buckets, bucket = segment[ROWS], segment[HASHES], segment[BUCKETS], 0
    for row in range(rows):
        last = bucket_of(word_at(at + 8 * row), buckets)
        while bucket <= last:
            directory[bucket] = row
            bucket += 1
    while bucket <= buckets:
        directory[bucket] = rows
        bucket += 1


@compiled
def lives(segment: NDArray[np.int64], floors: NDArray[np.int64], row: Int) -> bool:
    """Say whether an entry's hour is not below the floor of its context; contexts without a floor live."""
    if segment[MIXED] == 0:
        return True
    context = context_of(word_at(segment[VALUES] + 16 * row + 8))
    return bool(context >= len(floors) or floors[context] <= segment[HOUR])


@compiled
def row_of(segment: NDArray[np.int64], floors: NDArray[np.int64], one: np.uint64) -> Int:
    """Return the row of the living entry with this hash, −1 if there is none."""
    bucket = segment[DIRECTORY] + 4 * bucket_of(one, segment[BUCKETS])
    low, end, at = np.int64(quad_at(bucket)), np.int64(quad_at(bucket + 4)), segment[HASHES]
    high = end
    while low < high:
        middle = (low + high) // 2
        if word_at(at + 8 * middle) < one:
            low = middle + 1
        else:
            high = middle
    while low < end and word_at(at + 8 * low) == one:
        if lives(segment, floors, low):
            return low
        low += 1
    return -1


@compiled
def copy_row(
    segment: NDArray[np.int64],
    row: Int,
    hashes: NDArray[np.uint64],
    values: NDArray[np.uint64],
    states: NDArray[np.uint16],
    to: Int,
) -> None:
    """Copy one entry to row `to` of new columns."""
    hashes[to] = word_at(segment[HASHES] + 8 * row)
    values[2 * to] = word_at(segment[VALUES] + 16 * row)
    values[2 * to + 1] = word_at(segment[VALUES] + 16 * row + 8)
    states[to] = half_at(segment[STATES] + 2 * row)


@compiled
def merge(
    older: NDArray[np.int64],
    newer: NDArray[np.int64],
    hashes: NDArray[np.uint64],
    values: NDArray[np.uint64],
    states: NDArray[np.uint16],
) -> None:
    """Write the entries of two segments in the order of their hashes, the older first where they are equal."""
    a, b = 0, 0
    for to in range(len(hashes)):
        first = b >= newer[ROWS] or (
            a < older[ROWS] and word_at(older[HASHES] + 8 * a) <= word_at(newer[HASHES] + 8 * b)
        )
        if first:
            copy_row(older, a, hashes, values, states, to)
            a += 1
        else:
            copy_row(newer, b, hashes, values, states, to)
            b += 1


@compiled
def merge_counts(
    older: int,
    older_kinds: int,
    newer: int,
    newer_kinds: int,
    contexts: NDArray[np.uint32],
    counts: NDArray[np.uint32],
) -> Int:
    """Write the contexts of two segments in rising order, and their rows in both; return how many they are.

    `older` and `newer` are addresses of so many contexts in rising order, which as many counts follow.
    """
    a, b, kinds = 0, 0, 0
    while a < older_kinds or b < newer_kinds:
        left = np.int64(quad_at(older + 4 * a)) if a < older_kinds else _BEYOND
        right = np.int64(quad_at(newer + 4 * b)) if b < newer_kinds else _BEYOND
        contexts[kinds], counts[kinds] = min(left, right), 0
        if left <= right:
            counts[kinds] += quad_at(older + 4 * (older_kinds + a))
            a += 1
        if right <= left:
            counts[kinds] += quad_at(newer + 4 * (newer_kinds + b))
            b += 1
        kinds += 1
    return kinds


@compiled
def copy_living(
    segment: NDArray[np.int64],
    floors: NDArray[np.int64],
    hashes: NDArray[np.uint64],
    values: NDArray[np.uint64],
    states: NDArray[np.uint16],
) -> None:
    """Write the entries of a segment that are not below their floor; the columns have room for exactly these."""
    to = 0
    for row in range(segment[ROWS]):
        if lives(segment, floors, row):
            copy_row(segment, row, hashes, values, states, to)
            to += 1
