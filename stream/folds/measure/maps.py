"""Maps from 64-bit hashes to numbers, for compiled code and for Python."""

from __future__ import annotations

from typing import TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from stream.folds.measure.map_kernels import number_of, put, put_all

Scalar = TypeVar("Scalar", bound=np.generic)
Words = NDArray[np.uint64]
Codes = NDArray[np.int32]


class WordMap:
    """Numbers of at least 0 by hash; `keys` and `values` are what compiled code reads, and change when it grows.

    >>> numbers = WordMap([7, 9], [0, 1])
    >>> numbers.put(1 << 63, 2)
    >>> [numbers.get(key) for key in (9, 8, 1 << 63)]
    [1, -1, 2]
    """

    __slots__ = ("count", "keys", "values")

    def __init__(self, keys: ArrayLike = (), values: ArrayLike = ()) -> None:
        known, numbers = np.array(keys, np.uint64), np.array(values, np.int32)
        self.count = len(known)
        self._fill(known, numbers)

    def get(self, key: int) -> int:
        """Return the number of a key, −1 if it has none."""
        return int(number_of(self.keys, self.values, np.uint64(key)))

    def put(self, key: int, value: int) -> None:
        """Give a new key its number."""
        if 2 * (self.count + 1) > len(self.keys):
            taken = self.values >= 0
            self._fill(self.keys[taken], self.values[taken])
        put(self.keys, self.values, 0, len(self.keys) - 1, np.uint64(key), value)
        self.count += 1

    def _fill(self, keys: Words, values: Codes) -> None:
        places = places_for(self.count + 1)
        self.keys, self.values = np.zeros(places, np.uint64), np.full(places, -1, np.int32)
        put_all(self.keys, self.values, 0, places - 1, keys, values)


def places_for(count: int) -> int:
    """Return how many places a map of `count` entries has: a power of two, at least twice as many.

    >>> places_for(0), places_for(4), places_for(5)
    (8, 8, 16)
    """
    return max(8, 1 << (2 * count - 1).bit_length()) if count else 8


def grown(column: NDArray[Scalar], room: int) -> NDArray[Scalar]:
    """Return a column with room for so many values: itself, or a copy twice as long or longer; the rest is 0."""
    if room <= len(column):
        return column
    found = np.zeros(max(room, 2 * len(column)), column.dtype)
    found[: len(column)] = column
    return found
