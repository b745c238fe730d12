"""Bins of numbers in compiled code: as ``Bins.number_codes`` has them, found through a guide.

The range of a feature's edges is cut into equal buckets, and its guide says how many edges lie in the buckets before
each. Which bucket a value is in never falls as it rises, so only edges of its own bucket must be compared with it:
mostly one or none.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from detectors.compiled import Int, at, in_place, inlined

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Guide = NDArray[np.uint16]
BinGuide = tuple[np.int64, np.int64, float, float]

BUCKETS = 256
NO_GUIDE: BinGuide = (np.int64(0), np.int64(0), 0.0, 0.0)


@inlined
def bucket_of(lowest: float, per_unit: float, value: float) -> Int:
    """Return the bucket of a value."""
    bucket = (value - lowest) * per_unit
    if bucket >= BUCKETS - 1:
        return BUCKETS - 1
    return int(bucket) if bucket > 0 else 0


@inlined
def guide_of(scales: Floats, start: Int, guide: Int) -> BinGuide:
    """Return what `edges_from` must know of the edges at `start`, which have the guide of that number."""
    return np.int64(start), np.int64(guide * (BUCKETS + 1)), scales[2 * guide], scales[2 * guide + 1]


@inlined
def edges_from(edges: Floats, guides: Guide, guide: BinGuide, value: float) -> Int:
    """Return how many edges are not above a value that is no NaN."""
    start, first, lowest, per_unit = guide
    place = at(first + bucket_of(lowest, per_unit, value))
    low, high = np.int64(guides[place]), np.int64(guides[place + 1])
    if high - low <= 1:
        return low + np.int64(edges[at(start + low)] <= value)
    while low < high:
        middle = (low + high) // 2
        if edges[at(start + middle)] <= value:
            low = middle + 1
        else:
            high = middle
    return low


@in_place
def fill_guides(edges: Floats, starts: Ints, scales: Floats, guides: Guide) -> None:
    """Write scale (the lowest edge, and buckets in a unit) and guide of features.

    The edges of each begin at its start, and have an infinity or a NaN behind them.
    """
    for feature in range(len(starts) - 1):
        first, count = starts[feature], starts[feature + 1] - starts[feature] - 1
        span = edges[first + count - 1] - edges[first] if count else 0.0
        per_unit = BUCKETS / span if span > 0 else 0.0
        scales[2 * feature] = edges[first] if count else 0.0
        scales[2 * feature + 1] = per_unit if np.isfinite(per_unit) else 0.0  # all are then in the first bucket
        edge = 0
        for bucket in range(BUCKETS):
            guides[feature * (BUCKETS + 1) + bucket] = edge
            while edge < count:
                if bucket_of(scales[2 * feature], scales[2 * feature + 1], edges[first + edge]) > bucket:
                    break
                edge += 1
        guides[feature * (BUCKETS + 1) + BUCKETS] = edge


@in_place
def fill_codes(values: Floats, edges: Floats, scales: Floats, guides: Guide, codes: Ints) -> None:
    """Write the bin of each number of a feature whose guide is the only one; NaN is missing."""
    guide = guide_of(scales, 0, 0)
    for row in range(len(values)):
        codes[row] = 0 if np.isnan(values[row]) else 1 + edges_from(edges, guides, guide, values[row])
