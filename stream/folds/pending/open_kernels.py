"""The open part in compiled code: rows in the order of their arrival, found through a table of row numbers.

The table has a power of two places, at most half of them taken; a place holds a row's number + 1, 0 where it is empty.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from detectors.compiled import compiled
from stream.folds.pending.memory_kernels import Int, prefetch

AHEAD = 16
"""A place is asked for so many rows before it is needed."""


@compiled
def place_of(places: NDArray[np.int32], known: NDArray[np.uint64], one: np.uint64) -> Int:
    """Return the place of a hash, or the empty one where it belongs."""
    mask = len(places) - 1
    place = np.int64(one & np.uint64(mask))
    while places[place] != 0 and known[places[place] - 1] != one:
        place = (place + 1) & mask
    return place


@compiled
def find_open(
    places: NDArray[np.int32], known: NDArray[np.uint64], hashes: NDArray[np.uint64], refs: NDArray[np.int64]
) -> None:
    """Write the row of each hash whose reference is still −1 and that is here."""
    for i in range(len(hashes)):
        if refs[i] < 0:
            refs[i] = np.int64(places[place_of(places, known, hashes[i])]) - 1


@compiled
def append_new(
    places: NDArray[np.int32], known: NDArray[np.uint64], rows: Int, hashes: NDArray[np.uint64], refs: NDArray[np.int64]
) -> Int:
    """Append the hashes that have no reference and are not here; write their rows, −1 for the others; return the rows.

    `known` has room for all of them after its first `rows`.
    """
    base, mask = np.int64(places.ctypes.data), np.uint64(len(places) - 1)
    for i in range(len(hashes)):
        if i + AHEAD < len(hashes):
            prefetch(base + 4 * np.int64(hashes[i + AHEAD] & mask))
        absent, refs[i] = refs[i] < 0, -1
        if absent:
            place = place_of(places, known, hashes[i])
            if places[place] == 0:
                refs[i], known[rows] = rows, hashes[i]
                rows += 1
                places[place] = rows
    return rows


@compiled
def enter_all(places: NDArray[np.int32], known: NDArray[np.uint64], rows: Int) -> None:
    """Enter the first `rows` hashes, all different, into an empty table."""
    for row in range(rows):
        places[place_of(places, known, known[row])] = row + 1
