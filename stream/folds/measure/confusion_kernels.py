"""Counts by pair of classes for open keys in compiled code: one table for all keys, with rows for pairs that came."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from detectors.compiled import Int, in_place, inlined
from stream.folds.measure.map_kernels import mixed

Ints = NDArray[np.int64]
Words = NDArray[np.uint64]
Codes = NDArray[np.int32]

MAX_PAIRS = 4_096
"""Pairs of classes that a key tells apart; further ones are counted together, as the pair of no class and no class."""

_NOBODY = np.uint64(0)


class Confused(NamedTuple):
    """Pairs of a key, a predicted and a true class (their hashes), with counts, in the order in which they came.

    `pairs`: how many each key has; `places`: a hash table of rows, −1 where it is empty; `used`: number of rows.
    """

    key: Codes
    predicted: Words
    truth: Words
    n: Ints
    pairs: Codes
    places: Codes
    used: Ints


@inlined
def _place(confused: Confused, key: Int, predicted: np.uint64, truth: np.uint64) -> Int:
    """Return the place of a pair, or the empty one where it belongs."""
    mask = len(confused.places) - 1
    place = np.int64(mixed(mixed(predicted, truth), np.uint64(key)) & np.uint64(mask))
    while confused.places[place] >= 0:
        row = confused.places[place]
        if confused.key[row] == key and confused.predicted[row] == predicted and confused.truth[row] == truth:
            return place
        place = (place + 1) & mask
    return place


@inlined
def add_confused(confused: Confused, key: Int, predicted: np.uint64, truth: np.uint64, sign: Int) -> None:
    """Count a pair of classes of a key, or with `sign` −1 take it away; there is room for one more row."""
    place = _place(confused, key, predicted, truth)
    if confused.places[place] < 0 and confused.pairs[key] >= MAX_PAIRS:
        predicted, truth = _NOBODY, _NOBODY
        place = _place(confused, key, predicted, truth)
    row = np.int64(confused.places[place])
    if row < 0:
        row = confused.used[0]
        confused.used[0] = row + 1
        confused.key[row], confused.predicted[row], confused.truth[row] = key, predicted, truth
        confused.n[row] = 0
        confused.places[place] = row
        confused.pairs[key] += 1
    confused.n[row] += sign


@in_place
def enter_confused(confused: Confused) -> None:
    """Enter all rows into an empty table, and count those of each key anew from 0."""
    for row in range(confused.used[0]):
        key = np.int64(confused.key[row])
        confused.places[_place(confused, key, confused.predicted[row], confused.truth[row])] = row
        confused.pairs[key] += 1
