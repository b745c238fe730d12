"""MurmurHash64A and Kafka's murmur2 over slices of a buffer: identities, texts and partitions of many rows at once.

References
----------
Austin Appleby, MurmurHash2 (public domain), functions ``MurmurHash64A`` and ``MurmurHash2``; the latter with the seed
of Kafka's default partitioner.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from detectors.compiled import compiled

Bytes = NDArray[np.uint8]
Ints = NDArray[np.int64]
Words = NDArray[np.uint64]

_M64 = np.uint64(0xC6A4A7935BD1E995)
_R64 = np.uint64(47)
_M32 = np.uint32(0x5BD1E995)
_SEED32 = np.uint32(0x9747B28C)


@compiled
def hash64(data: Bytes, at: int, size: int, seed: np.uint64) -> np.uint64:
    """Return MurmurHash64A of ``data[at : at + size]``."""
    h = np.uint64(seed ^ (np.uint64(size) * _M64))
    whole = size // 8
    for word in range(whole):
        first = at + 8 * word
        k = np.uint64(0)
        for byte in range(8):
            k |= np.uint64(data[first + byte]) << np.uint64(8 * byte)
        k = np.uint64(k * _M64)
        k ^= k >> _R64
        k = np.uint64(k * _M64)
        h = np.uint64((h ^ k) * _M64)
    rest = size - 8 * whole
    if rest:
        for byte in range(rest):
            h ^= np.uint64(data[at + 8 * whole + byte]) << np.uint64(8 * byte)
        h = np.uint64(h * _M64)
    h ^= h >> _R64
    h = np.uint64(h * _M64)
    return np.uint64(h ^ (h >> _R64))


@compiled
def hashes(data: Bytes, at: Ints, size: Ints, seeds: Words) -> Words:
    """Return the hash of each slice, ``(n,)``, with a seed for each."""
    found = np.empty(len(at), np.uint64)
    for i in range(len(at)):
        found[i] = hash64(data, at[i], size[i], seeds[i])
    return found


@compiled
def partition(data: Bytes, at: int, size: int, count: int) -> int:
    """Return the partition among `count` that Kafka's default partitioner gives the key ``data[at : at + size]``."""
    h = np.uint32(_SEED32 ^ np.uint32(size))
    whole = size // 4
    for word in range(whole):
        first = at + 4 * word
        k = np.uint32(0)
        for byte in range(4):
            k |= np.uint32(data[first + byte]) << np.uint32(8 * byte)
        k = np.uint32(k * _M32)
        k ^= k >> np.uint32(24)
        k = np.uint32(k * _M32)
        h = np.uint32(np.uint32(h * _M32) ^ k)
    rest = size - 4 * whole
    if rest:
        for byte in range(rest):
            h ^= np.uint32(data[at + 4 * whole + byte]) << np.uint32(8 * byte)
        h = np.uint32(h * _M32)
    h ^= h >> np.uint32(13)
    h = np.uint32(h * _M32)
    h ^= h >> np.uint32(15)
    return int(np.int64(h & np.uint32(0x7FFFFFFF)) % count)


@compiled
def partitions(data: Bytes, at: Ints, size: Ints, count: int) -> Ints:
    """Return the partition of each slice as a key, ``(n,)``."""
    found = np.empty(len(at), np.int64)
    for i in range(len(at)):
        found[i] = partition(data, at[i], size[i], count)
    return found
