"""Products of pairs of features in compiled code: whether features still move together, and which rows are outliers."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from detectors.compiled import Int, at, inlined
from detectors.outliers.tree_kernels import strangeness_of
from stream.folds.measure.chunk_kernels import CHUNK
from stream.folds.measure.feature_kernels import Found

Ints = NDArray[np.int64]
Codes = NDArray[np.int32]
Scores = NDArray[np.int16]

FEW = 8
"""Fewer rows of a key are added one by one: what it takes to begin a loop over rows would be most of it."""


@inlined
def add_products(ints: Ints, begin: Int, scores: Scores, count: Int, size: Int) -> np.int64:
    """Add the products of normal scores, pairs as in `joint.pair_sums`, from `begin` on; return where they end."""
    place = at(begin)
    for i in range(count):
        for j in range(i, count):
            one, other, total = at(CHUNK * i), at(CHUNK * j), np.int64(0)
            for r in range(size):
                total += np.int64(scores[one + r]) * np.int64(scores[other + r])
            ints[place] += total
            place += 1
    return place


@inlined
def add_row(
    ints: Ints, begin: Int, found: Found, count: Int, row: Int, precision: Ints, first: Int
) -> tuple[np.int64, np.int64]:
    """Add the products of one row, and return where they end, and its distance: for keys that have few rows."""
    place, weight, distance, scores = at(begin), at(first), np.int64(0), found.one
    for i in range(count):
        scores[i] = found.scores[at(CHUNK * i + row)]
    for i in range(count):
        for j in range(i, count):
            product = scores[i] * scores[j]
            ints[place] += product
            distance += precision[weight] * product
            place += 1
            weight += 1
    return place, distance


@inlined
def far_rows(found: Found, count: Int, size: Int, precision: Ints, first: Int, limit: Int) -> np.int64:
    """Return how many rows are farther than the limit, by weights of pairs from `first` on."""
    weight = at(first)
    for r in range(size):
        found.distances[r] = 0
    for i in range(count):
        _weigh(found, i, count, size, precision, weight)
        weight += count - i
        own = at(CHUNK * i)
        for r in range(size):
            found.distances[r] += np.int64(found.scores[own + r]) * found.partial[r]
    far = np.int64(0)
    for r in range(size):
        far += np.int64(found.distances[r] > limit)
    return far


@inlined
def _weigh(found: Found, i: Int, count: Int, size: Int, precision: Ints, first: Int) -> None:
    """Write the weighted sum of the scores from `i` on of each row; four at a time, to write each row less often."""
    weight, j, s = at(first), i, found.scores
    for r in range(size):
        found.partial[r] = 0
    while j + 3 < count:
        a, w, x = at(CHUNK * j), precision[weight], precision[weight + 1]
        y, z = precision[weight + 2], precision[weight + 3]
        b, c, d = a + CHUNK, a + 2 * CHUNK, a + 3 * CHUNK
        for r in range(size):
            two = w * np.int64(s[a + r]) + x * np.int64(s[b + r])
            found.partial[r] += two + y * np.int64(s[c + r]) + z * np.int64(s[d + r])
        weight, j = weight + 4, j + 4
    while j < count:
        a, w = at(CHUNK * j), precision[weight]
        for r in range(size):
            found.partial[r] += w * np.int64(s[a + r])
        weight, j = weight + 1, j + 1


@inlined
def strange_rows(found: Found, count: Int, size: Int, forests: Codes, forest: Int, limit: Int) -> np.int64:
    """Return how many rows are stranger than the limit, by the trees that begin at `forest`."""
    strange = np.int64(0)
    for r in range(size):
        for i in range(count):
            found.one[i] = found.scores[at(CHUNK * i + r)]
        strange += np.int64(strangeness_of(forests, forest, found.one) > limit)
    return strange
