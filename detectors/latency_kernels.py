"""The bin of a latency in compiled code."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from detectors.compiled import compiled, inlined

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

RATIO = 1.2
LOWEST_MS, HIGHEST_MS = 0.1, 1e7
STEPS = math.ceil(math.log(HIGHEST_MS / LOWEST_MS) / math.log(RATIO))
EDGES: Floats = LOWEST_MS * RATIO ** np.arange(STEPS + 1, dtype=np.float64)

LATENCY_BINS = STEPS + 3
"""Bin 0: not known (NaN or negative). Bin 1: below .1 ms. The last: 2.8 hours and more."""


@inlined
def latency_code(edges: Floats, ms: float) -> int:
    """Return the bin of a latency, given `EDGES`."""
    if not ms >= 0:
        return 0
    low, high = 0, len(edges)
    while low < high:
        middle = (low + high) // 2
        if edges[middle] <= ms:
            low = middle + 1
        else:
            high = middle
    return low + 1


@compiled
def latency_codes_of(edges: Floats, ms: Floats) -> Ints:
    """Return the bin of each latency, ``(n,)``."""
    found = np.empty(len(ms), np.int64)
    for i in range(len(ms)):
        found[i] = latency_code(edges, ms[i])
    return found
