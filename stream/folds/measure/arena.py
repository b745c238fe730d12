"""One array for the sums of all open keys, so that compiled code adds straight into them."""

from __future__ import annotations

from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from stream.folds.measure.maps import grown

Number = TypeVar("Number", np.int64, np.float64)


class Arena(Generic[Number]):
    """Runs of zeros in `data` that are taken and given back; where they lie is no part of any state.

    >>> arena = Arena(np.int64)
    >>> at = arena.take(3)
    >>> arena.data[at] = 7
    >>> arena.give(at, 3)
    >>> arena.take(3) == at, int(arena.data[at])
    (True, 0)
    """

    def __init__(self, dtype: type[Number]) -> None:
        self.data: NDArray[Number] = np.zeros(1 << 10, dtype)
        self._used = 0
        self._free: dict[int, list[int]] = {}

    def take(self, size: int) -> int:
        """Return where `size` zeros begin."""
        if free := self._free.get(size):
            return free.pop()
        at, self._used = self._used, self._used + size
        if self._used > len(self.data):
            self.data = grown(self.data, self._used)
        return at

    def give(self, at: int, size: int) -> None:
        """Take a run back."""
        self.data[at : at + size] = 0
        self._free.setdefault(size, []).append(at)
