"""Counts of what became of events, in compiled code."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from detectors.compiled import Int, in_place, inlined
from stream.folds.measure.map_kernels import mixed, number_of
from stream.folds.measure.row_kernels import Rows, Texts

Ints = NDArray[np.int64]
Words = NDArray[np.uint64]
Codes = NDArray[np.int32]
Outcomes = NDArray[np.uint8]

# Places in a row of counts, as in partials.Count; also what became of a row.
RECEIVED, USED, DUPLICATE, LATE_USED, INVALID, UNMATCHED, PENDING = range(7)
WIDTH = 7
# What became of a row that is counted as INVALID, and why.
NO_MONITOR, TOO_LATE, FUTURE, NO_PROBABILITY, NO_LABEL = range(16, 21)


@inlined
def count_key(model: Int, kind: Int, producer: np.uint64) -> np.uint64:
    """Return what the map of counts knows a producer of a model (−1: of those that nobody watches) by."""
    return mixed(producer, np.uint64(4 * (model + 1) + kind))


@in_place
def count_rows_of(
    rows: Rows, texts: Texts, first: Int, kind: Int, nobody: np.uint64, keys: Words, values: Codes, found: Codes
) -> Int:
    """Write the row of counts of each event, −1 where there is none yet; return how many of these there are.

    `nobody` is the hash of no producer.
    """
    missing, before_model, before_producer, before = 0, np.int64(-2), np.int64(-2), np.int64(-1)
    for row in range(first, len(rows.models)):
        model, producer = np.int64(texts.models[rows.models[row]]), np.int64(rows.producers[row])
        if model != before_model or producer != before_producer:
            before_model, before_producer = model, producer
            hash_ = nobody if producer < 0 else texts.hashes[producer]
            before = np.int64(number_of(keys, values, count_key(model, kind, hash_)))
        found[row] = before
        missing += 1 if before < 0 else 0
    return missing


@in_place
def count_outcomes(first: Int, of_row: Codes, outcomes: Outcomes, table: Ints, dirty: NDArray[np.uint8]) -> None:
    """Count events as received, with what became of them."""
    for row in range(first, len(outcomes)):
        at, outcome = np.int64(of_row[row]), outcomes[row]
        place = INVALID if outcome >= NO_MONITOR else np.int64(outcome)
        table[WIDTH * at + RECEIVED] += 1
        table[WIDTH * at + place] += 1
        dirty[at] = 1
