"""Labels that came before their predictions, in compiled code: found by identity through a table of row numbers."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from detectors.compiled import Int, in_place, inlined

Ints = NDArray[np.int64]
Words = NDArray[np.uint64]
Codes = NDArray[np.int32]

EMPTY, LEFT = -1, -2


class Early(NamedTuple):
    """Columns in order of arrival, `alive` where the label still waits; a hash table; rows used, and how many live.

    `count_row`: its row of counts. `source`, `place`: where it stands. `model`: its number.
    """

    hashes: Words
    truth: Words
    event_ms: Ints
    place: Ints
    count_row: Codes
    model: Codes
    source: NDArray[np.int16]
    revision: NDArray[np.uint8]
    alive: NDArray[np.uint8]
    places: Codes
    sizes: Ints


@inlined
def _find(early: Early, one: np.uint64) -> Int:
    """Return the place of a hash, −1 if it is not there."""
    mask = len(early.places) - 1
    place = np.int64(one & np.uint64(mask))
    while early.places[place] != EMPTY:
        row = early.places[place]
        if row >= 0 and early.hashes[row] == one:
            return place
        place = (place + 1) & mask
    return -1


@inlined
def _enter(early: Early, row: Int) -> None:
    mask = len(early.places) - 1
    place = np.int64(early.hashes[row] & np.uint64(mask))
    while early.places[place] >= 0:
        place = (place + 1) & mask
    early.places[place] = row


@in_place
def enter_early(early: Early) -> None:
    """Enter all rows, which live and differ, into an empty table."""
    for row in range(early.sizes[0]):
        _enter(early, row)


@in_place
def keep_early(
    early: Early,
    row_of: Ints,
    hashes: Words,
    truths: Words,
    event_ms: Ints,
    positions: Ints,
    models: Codes,
    revisions: NDArray[np.uint8],
    count_rows: Codes,
    source: Int,
    replaced: Codes,
    fates: NDArray[np.uint8],
) -> Int:
    """Let labels wait, in order: write 1 where one does, 0 where one of the same or a higher revision waits already.

    Write the rows of counts of those that a higher revision replaced, and return how many. There is room for all.
    """
    others = 0
    for i in range(len(row_of)):
        row = row_of[i]
        place, to = _find(early, hashes[row]), early.sizes[0]
        fates[i] = 1
        if place >= 0:
            to = np.int64(early.places[place])
            if revisions[row] <= early.revision[to]:
                fates[i] = 0
                continue
            replaced[others] = early.count_row[to]
            others += 1
        early.hashes[to], early.truth[to], early.event_ms[to] = hashes[row], truths[row], event_ms[row]
        early.place[to], early.count_row[to], early.model[to] = positions[row], count_rows[row], models[i]
        early.source[to], early.revision[to], early.alive[to] = source, revisions[row], 1
        if place < 0:
            _enter(early, to)
            early.sizes[0] += 1
            early.sizes[1] += 1
    return others


@in_place
def take_early(early: Early, hashes: Words, found: Ints) -> Int:
    """Write the row of the label that waited for each prediction, −1 where none did; return how many did."""
    count = 0
    for i in range(len(hashes)):
        place = _find(early, hashes[i])
        found[i] = -1
        if place >= 0:
            found[i] = early.places[place]
            early.places[place], early.alive[found[i]] = LEFT, 0
            count += 1
    early.sizes[1] -= count
    return count


@in_place
def expire_early(early: Early, oldest_ms: Ints, found: Ints) -> Int:
    """Take out the labels whose event time is below their model's limit; write their rows, and return how many."""
    count = 0
    for row in range(early.sizes[0]):
        if early.alive[row] and early.event_ms[row] < oldest_ms[early.model[row]]:
            early.places[_find(early, early.hashes[row])], early.alive[row] = LEFT, 0
            found[count] = row
            count += 1
    early.sizes[1] -= count
    return count
