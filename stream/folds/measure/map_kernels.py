"""Maps from hashes to numbers in flat arrays, in compiled code: open addressing over a power of two of places.

A place is empty while its value is below 0. At most half of the places are taken, so that searches end soon.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from detectors.compiled import Int, compiled, in_place, inlined

Words = NDArray[np.uint64]
Codes = NDArray[np.int32]

_A, _B = np.uint64(0xFF51AFD7ED558CCD), np.uint64(0xC4CEB9FE1A85EC53)
_SHIFT = np.uint64(33)


@inlined
def mixed(one: np.uint64, other: np.uint64) -> np.uint64:
    """Return a hash of two words, with the finalizer of MurmurHash3; it is not symmetric."""
    h = np.uint64(np.uint64(other * _A) ^ one)
    h ^= h >> _SHIFT
    h = np.uint64(h * _A)
    h ^= h >> _SHIFT
    h = np.uint64(h * _B)
    return np.uint64(h ^ (h >> _SHIFT))


@compiled
def mixed_all(ones: Words, others: Words) -> Words:
    """Return the hash of each pair, ``(n,)``."""
    found = np.empty(len(ones), np.uint64)
    for i in range(len(ones)):
        found[i] = mixed(ones[i], others[i])
    return found


@inlined
def number_in(keys: Words, values: Codes, start: Int, mask: Int, key: np.uint64) -> Int:
    """Return the number of a key, −1 if it has none, in the map of ``mask + 1`` places that begins at `start`."""
    place = np.int64(key & np.uint64(mask))
    while values[start + place] >= 0:
        if keys[start + place] == key:
            return np.int64(values[start + place])
        place = (place + 1) & mask
    return -1


@inlined
def number_of(keys: Words, values: Codes, key: np.uint64) -> Int:
    """Return the number of a key, −1 if it has none."""
    return number_in(keys, values, 0, len(keys) - 1, key)


@compiled
def numbers_of(keys: Words, values: Codes, wanted: Words) -> Codes:
    """Return the number of each key, −1 where it has none, ``(n,)``."""
    found = np.empty(len(wanted), np.int32)
    for i in range(len(wanted)):
        found[i] = number_of(keys, values, wanted[i])
    return found


@compiled
def numbers_of_pairs(keys: Words, values: Codes, ones: Words, others: NDArray[np.int64]) -> Codes:
    """Return the number of each pair, known by the hash of both (see `mixed`), −1 where it has none, ``(n,)``."""
    found = np.empty(len(ones), np.int32)
    for i in range(len(ones)):
        found[i] = number_of(keys, values, mixed(ones[i], np.uint64(others[i])))
    return found


@inlined
def put(keys: Words, values: Codes, start: Int, mask: Int, key: np.uint64, value: Int) -> None:
    """Give a key its number; the first one given stays."""
    place = np.int64(key & np.uint64(mask))
    while values[start + place] >= 0:
        if keys[start + place] == key:
            return
        place = (place + 1) & mask
    keys[start + place], values[start + place] = key, value


@in_place
def put_all(keys: Words, values: Codes, start: Int, mask: Int, some: Words, numbers: Codes) -> None:
    """Give each of some keys its number."""
    for i in range(len(some)):
        put(keys, values, start, mask, some[i], numbers[i])
