"""Looking entries up in sealed segments, reading and marking them: in groups, so that their cache misses overlap.

A reference is slot << 32 | row; slot 0 is the open part.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from detectors.compiled import compiled
from stream.folds.pending.index_kernels import candidate, home_of
from stream.folds.pending.memory_kernels import Int, half_at, prefetch, put_half, quad_at, word_at
from stream.folds.pending.segment_kernels import (
    BUCKETS,
    DIRECTORY,
    HASHES,
    HOUR,
    ROWS,
    STATES,
    VALUES,
    bucket_of,
    context_of,
    ms_of,
    row_of,
)

GROUP = 64
HOUR_MS = 3_600_000
ROW = 0xFFFF_FFFF
_SLOT = np.uint32(0xFFFF)


@compiled
def find_sealed(
    index: NDArray[np.uint32],
    table: NDArray[np.int64],
    floors: NDArray[np.int64],
    hashes: NDArray[np.uint64],
    refs: NDArray[np.int64],
) -> None:
    """Write the reference of each hash, −1 where no living entry has it."""
    places = np.empty(GROUP, np.int64)
    for start in range(0, len(hashes), GROUP):
        group = hashes[start : start + GROUP]
        _ask_index(index, group, places)
        _ask_directories(index, table, group, places)
        _ask_rows(index, table, group, places)
        for i in range(len(group)):
            refs[start + i] = _resolve(index, table, floors, group[i], places[i])


@compiled
def _ask_index(index: NDArray[np.uint32], group: NDArray[np.uint64], places: NDArray[np.int64]) -> None:
    base = np.int64(index.ctypes.data)
    for i in range(len(group)):
        places[i] = home_of(group[i], len(index))
        prefetch(base + 4 * places[i])


@compiled
def _ask_directories(
    index: NDArray[np.uint32], table: NDArray[np.int64], group: NDArray[np.uint64], places: NDArray[np.int64]
) -> None:
    for i in range(len(group)):
        places[i] = candidate(index, group[i], places[i])
        if places[i] >= 0:
            slot = np.int64(index[places[i]] & _SLOT)
            prefetch(table[slot, DIRECTORY] + 4 * bucket_of(group[i], table[slot, BUCKETS]))


@compiled
def _ask_rows(
    index: NDArray[np.uint32], table: NDArray[np.int64], group: NDArray[np.uint64], places: NDArray[np.int64]
) -> None:
    for i in range(len(group)):
        if places[i] >= 0:
            slot = np.int64(index[places[i]] & _SLOT)
            bucket = table[slot, DIRECTORY] + 4 * bucket_of(group[i], table[slot, BUCKETS])
            first = table[slot, HASHES] + 8 * np.int64(quad_at(bucket))
            prefetch(first)
            prefetch(first + 64)


@compiled
def _resolve(
    index: NDArray[np.uint32], table: NDArray[np.int64], floors: NDArray[np.int64], one: np.uint64, place: Int
) -> Int:
    while place >= 0:
        slot = np.int64(index[place] & _SLOT)
        row = row_of(table[slot], floors, one)
        if row >= 0:
            return (slot << 32) | row
        place = candidate(index, one, place + 1 if place + 1 < len(index) else 0)
    return -1


@compiled
def are_there(table: NDArray[np.int64], open_rows: Int, refs: NDArray[np.int64]) -> bool:
    """Say whether all references name entries; what they name is not looked at."""
    for ref in refs:
        slot, row = ref >> 32, ref & ROW
        if ref < 0 or slot >= len(table) or row >= (table[slot, ROWS] if slot else open_rows):
            return False
    return True


@compiled
def read_sealed(
    table: NDArray[np.int64],
    refs: NDArray[np.int64],
    served: NDArray[np.uint64],
    event_ms: NDArray[np.int64],
    contexts: NDArray[np.uint32],
    states: NDArray[np.uint16],
) -> None:
    """Write what the sealed entries hold; those of the open part are left out."""
    for start in range(0, len(refs), GROUP):
        stop = min(start + GROUP, len(refs))
        for i in range(start, stop):
            slot, row = refs[i] >> 32, refs[i] & ROW
            if slot:
                prefetch(table[slot, VALUES] + 16 * row)
                prefetch(table[slot, STATES] + 2 * row)
        for i in range(start, stop):
            slot, row = refs[i] >> 32, refs[i] & ROW
            if slot:
                packed = word_at(table[slot, VALUES] + 16 * row + 8)
                served[i] = word_at(table[slot, VALUES] + 16 * row)
                event_ms[i] = table[slot, HOUR] * HOUR_MS + ms_of(packed)
                contexts[i] = context_of(packed)
                states[i] = half_at(table[slot, STATES] + 2 * row)


@compiled
def mark_sealed(table: NDArray[np.int64], refs: NDArray[np.int64], states: NDArray[np.uint16]) -> None:
    """Replace the states of sealed entries, in order; those of the open part are left out."""
    for i in range(len(refs)):
        slot, row = refs[i] >> 32, refs[i] & ROW
        if slot:
            put_half(table[slot, STATES] + 2 * row, states[i])
