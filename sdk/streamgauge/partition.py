"""Kafka's default partitioner for keys, in plain Python."""

from __future__ import annotations

from typing import Final

_M: Final = 0x5BD1E995
_SEED: Final = 0x9747B28C
_WORD: Final = 0xFFFFFFFF


def murmur2(data: bytes) -> int:
    """Return the 32-bit murmur2 hash that Kafka's Java client uses, 0 or more. O(1) per byte.

    >>> murmur2(b"foobar") - 2**32  # as a signed number, from the tests of Kafka's client
    -790332482
    """
    size = len(data)
    whole = size & ~3
    h = _SEED ^ size
    for at in range(0, whole, 4):
        k = int.from_bytes(data[at : at + 4], "little") * _M & _WORD
        k = (k ^ k >> 24) * _M & _WORD
        h = h * _M & _WORD ^ k
    if size != whole:
        h = (h ^ int.from_bytes(data[whole:], "little")) * _M & _WORD
    h = (h ^ h >> 13) * _M & _WORD
    return h ^ h >> 15


def partition_of(key: bytes, count: int) -> int:
    """Return the partition of `key` among `count`, as Java producers and kafka-python choose it.

    >>> partition_of(b"UA1545-2013-01-01", 4) in range(4)
    True
    """
    return (murmur2(key) & 0x7FFFFFFF) % count
