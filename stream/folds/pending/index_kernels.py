"""The index of sealed entries: open addressing, four bytes an entry, from a hash to the segments that may hold it.

An entry is 16 low bits of the hash (its fingerprint) and 16 bits of the segment's slot, from 1 on; 0 is an empty place,
slot `GONE` a place that was left. Homes rise with the hash, so that a segment, which is sorted by hash, visits the
index from front to back, and all segments together can be entered zone by zone, each zone within the cache.
A segment is here its row of the table of segments (`segment_kernels`).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from detectors.compiled import compiled
from stream.folds.pending.memory_kernels import Int, prefetch, word_at
from stream.folds.pending.segment_kernels import HASHES, ROWS

GONE = 0xFFFF
ZONE = 1 << 16
"""Places of the index that are filled together: 256 KiB."""
AHEAD = 16
"""A place is asked for so many rows before it is needed."""

_GONE = np.uint32(GONE)
_EMPTY = np.uint32(0)
_LOW, _16, _32 = np.uint64(0xFFFF), np.uint64(16), np.uint64(32)


@compiled
def home_of(one: np.uint64, size: Int) -> Int:
    """Return the first place to look for a hash in an index of `size` places (below 2³²)."""
    return np.int64(((one >> _32) * np.uint64(size)) >> _32)


@compiled
def entry_of(one: np.uint64, slot: Int) -> np.uint32:
    """Return what the index holds for a hash in a segment."""
    return np.uint32(((one & _LOW) << _16) | np.uint64(slot))


@compiled
def candidate(index: NDArray[np.uint32], one: np.uint64, place: Int) -> Int:
    """Return the next place at or after `place` that has the fingerprint of the hash; −1 at the end of the run."""
    fingerprint = np.uint32(one & _LOW)
    while index[place] != _EMPTY:
        entry = index[place]
        if entry >> np.uint32(16) == fingerprint and entry & _GONE != _GONE:
            return place
        place += 1
        if place == len(index):
            place = 0
    return -1


@compiled
def put(index: NDArray[np.uint32], one: np.uint64, slot: Int) -> Int:
    """Enter a hash at the first free place; return 1 if that was empty, 0 if something had left it."""
    place: Int = home_of(one, len(index))
    while index[place] != _EMPTY and index[place] & _GONE != _GONE:
        place += 1
        if place == len(index):
            place = 0
    taken = np.int64(index[place] == _EMPTY)
    index[place] = entry_of(one, slot)
    return taken


@compiled
def insert_rows(index: NDArray[np.uint32], segment: NDArray[np.int64], slot: Int) -> Int:
    """Enter all rows of a segment; return how many empty places they took."""
    taken: Int = 0
    rows, at = segment[ROWS], segment[HASHES]
    base = np.int64(index.ctypes.data)
    for row in range(rows):
        if row + AHEAD < rows:
            prefetch(base + 4 * home_of(word_at(at + 8 * (row + AHEAD)), len(index)))
        taken += put(index, word_at(at + 8 * row), slot)
    return taken


@compiled
def relabel_rows(index: NDArray[np.uint32], segment: NDArray[np.int64], old: Int, new: Int) -> None:
    """Let the entries of a segment's rows name another slot, or `GONE`.

    Rows with one fingerprint may change their places with each other: each still lies in the run of the other.
    """
    rows, at = segment[ROWS], segment[HASHES]
    base = np.int64(index.ctypes.data)
    for row in range(rows):
        if row + AHEAD < rows:
            prefetch(base + 4 * home_of(word_at(at + 8 * (row + AHEAD)), len(index)))
        one = word_at(at + 8 * row)
        place: Int = home_of(one, len(index))
        entry = entry_of(one, old)
        while index[place] != entry and index[place] != _EMPTY:
            place += 1
            if place == len(index):
                place = 0
        if index[place] == entry:
            index[place] = entry_of(one, new)


@compiled
def fill(index: NDArray[np.uint32], table: NDArray[np.int64]) -> None:
    """Enter the rows of all segments of the table into an empty index."""
    cursors = np.zeros(len(table), np.int64)
    for zone in range(0, len(index), ZONE):
        for slot in range(1, len(table)):
            rows, at, row = table[slot, ROWS], table[slot, HASHES], cursors[slot]
            while row < rows and home_of(word_at(at + 8 * row), len(index)) < zone + ZONE:
                put(index, word_at(at + 8 * row), slot)
                row += 1
            cursors[slot] = row
