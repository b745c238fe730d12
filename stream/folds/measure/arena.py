"""One array for the sums of all open keys, so that compiled code adds straight into them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from stream.folds.measure.arena_kernels import clear, gather, scatter
from stream.folds.measure.maps import grown

Ints = NDArray[np.int64]
Number = TypeVar("Number", np.int64, np.float64)


class Arena(Generic[Number]):
    """Runs of zeros in `data` that are taken and given back; where they lie is no part of any state.

    >>> arena, sizes = Arena(np.int64), np.array([3, 1])
    >>> starts = arena.take(sizes)
    >>> arena.put(starts, sizes, np.array([7, 8, 9, 5]))
    >>> arena.gather(starts[:1], sizes[:1]).tolist()
    [7, 8, 9]
    >>> arena.give(starts, sizes)
    >>> sorted(arena.take(sizes).tolist()) == sorted(starts.tolist()), int(arena.data.sum())
    (True, 0)
    """

    def __init__(self, dtype: type[Number]) -> None:
        self.data: NDArray[Number] = np.zeros(1 << 10, dtype)
        self._used = 0
        self._free: dict[int, Ints] = {}

    def take(self, sizes: Ints) -> Ints:
        """Return where runs of zeros begin, of these sizes."""
        starts = np.empty(len(sizes), np.int64)
        for size, places in _alike(sizes):
            starts[places] = self._taken(size, len(places))
        return starts

    def give(self, starts: Ints, sizes: Ints) -> None:
        """Take runs back."""
        clear(self.data.view(np.int64), starts, sizes)
        for size, places in _alike(sizes):
            self._free[size] = np.concatenate([self._free.get(size, _NONE), starts[places]])

    def gather(self, starts: Ints, sizes: Ints) -> NDArray[Number]:
        """Return the content of runs, one after another."""
        found = np.empty(int(sizes.sum()), self.data.dtype)
        gather(self.data.view(np.int64), starts, sizes, found.view(np.int64))
        return found

    def put(self, starts: Ints, sizes: Ints, values: NDArray[Number]) -> None:
        """Write the content of runs, given one after another."""
        scatter(self.data.view(np.int64), starts, sizes, values.view(np.int64))

    def _taken(self, size: int, count: int) -> Ints:
        free = self._free.get(size, _NONE)
        again, self._free[size] = free[:count], free[count:]
        new = self._used + size * np.arange(count - len(again))
        self._used += size * len(new)
        self.data = grown(self.data, self._used)
        return np.concatenate([again, new])


_NONE: Ints = np.zeros(0, np.int64)


def _alike(sizes: Ints) -> Iterator[tuple[int, Ints]]:
    """Yield each size with the places where it stands."""
    if len(sizes):
        order = np.argsort(sizes, kind="stable")
        cuts = np.flatnonzero(np.diff(sizes[order])) + 1
        for places in np.split(order, cuts):
            yield int(sizes[places[0]]), places
