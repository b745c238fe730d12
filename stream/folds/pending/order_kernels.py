"""The order of hashes in compiled code, digit by digit: a third of the time of comparing them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from detectors.compiled import compiled

_BITS, _WORD = 11, 64
_DIGITS, _MASK = 1 << _BITS, np.uint64((1 << _BITS) - 1)


@compiled
def order_by_hash(hashes: NDArray[np.uint64]) -> NDArray[np.int64]:
    """Return the order of hashes, equal ones as they come, ``(n,)``; O(n), and room for three times as many."""
    n = len(hashes)
    keys, order = hashes.copy(), np.arange(n)
    other_keys, other_order = np.empty(n, np.uint64), np.empty(n, np.int64)
    for shift in range(0, _WORD, _BITS):
        places = _places(keys, np.uint64(shift))
        for i in range(n):
            digit = np.int64((keys[i] >> np.uint64(shift)) & _MASK)
            to = places[digit]
            places[digit] = to + 1
            other_keys[to], other_order[to] = keys[i], order[i]
        keys, other_keys = other_keys, keys
        order, other_order = other_order, order
    return order


@compiled
def _places(keys: NDArray[np.uint64], shift: np.uint64) -> NDArray[np.int64]:
    """Return where the hashes of each digit begin."""
    starts = np.zeros(_DIGITS + 1, np.int64)
    for key in keys:
        starts[np.int64((key >> shift) & _MASK) + 1] += 1
    for digit in range(_DIGITS):
        starts[digit + 1] += starts[digit]
    return starts
