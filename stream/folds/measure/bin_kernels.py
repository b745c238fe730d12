"""Bins of numbers in compiled code: as ``Bins.number_codes`` has them, found through a guide.

The range of a feature's edges is cut into equal buckets, and its guide says how many edges lie in the buckets before
each. Which bucket a value is in never falls as it rises, so only edges of its own bucket must be compared with it:
mostly one or none.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from detectors.compiled import compiled

Int = int | np.signedinteger
Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Guide = NDArray[np.uint16]

BUCKETS = 256
HEAD = 2
"""Before the edges of a feature stand the lowest and the buckets in a unit; behind them an infinity."""


@compiled
def bucket_of(lowest: float, per_unit: float, value: float) -> Int:
    """Return the bucket of a finite value."""
    at = (value - lowest) * per_unit
    if at >= BUCKETS - 1:
        return BUCKETS - 1
    return int(at) if at > 0 else 0


@compiled
def edges_below(edges: Floats, start: Int, guides: Guide, guide: Int, value: float) -> Int:
    """Return how many of the edges at `start` are not above the value."""
    place = guide + bucket_of(edges[start - 2], edges[start - 1], value)
    low, high = np.int64(guides[place]), np.int64(guides[place + 1])
    if high - low <= 1:
        return low + np.int64(edges[start + low] <= value)
    while low < high:
        middle = (low + high) // 2
        if edges[start + middle] <= value:
            low = middle + 1
        else:
            high = middle
    return low


@compiled
def fill_guides(given: Floats, counts: Ints, edges: Floats, guides: Guide) -> None:
    """Write edges, which are given feature by feature, with their heads and infinities, and the guide of each."""
    begin, at = 0, 0
    for feature in range(len(counts)):
        count, start, guide = counts[feature], at + HEAD, feature * (BUCKETS + 1)
        edges[start : start + count] = given[begin : begin + count]
        edges[start + count] = np.inf
        edges[at] = given[begin] if count else 0.0
        span = given[begin + count - 1] - given[begin] if count else 0.0
        per_unit = BUCKETS / span if span > 0 else 0.0
        edges[at + 1] = per_unit if np.isfinite(per_unit) else 0.0  # all are then in the first bucket
        edge = 0
        for bucket in range(BUCKETS):
            guides[guide + bucket] = edge
            while edge < count and bucket_of(edges[at], edges[at + 1], given[begin + edge]) <= bucket:
                edge += 1
        guides[guide + BUCKETS] = edge
        begin, at = begin + count, start + count + 1
