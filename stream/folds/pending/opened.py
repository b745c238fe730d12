"""The open part: what came since the last seal, in the order of its arrival."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from stream.folds.pending.find_kernels import HOUR_MS
from stream.folds.pending.open_kernels import append_new, enter_all, find_open
from stream.folds.pending.segment import Columns, floors_of

LEAST = 1 << 10


class Opened:
    """Rows in columns of `capacity`, the first `rows` of them in use, the others 0; the columns grow when they must."""

    def __init__(self, capacity: int = LEAST) -> None:
        self.rows, capacity = 0, max(LEAST, capacity)
        self.hashes, self.served = np.zeros(capacity, np.uint64), np.zeros(capacity, np.uint64)
        self.event_ms, self.contexts = np.zeros(capacity, np.int64), np.zeros(capacity, np.uint32)
        self.states = np.zeros(capacity, np.uint16)
        self._places = np.zeros(2 * _power_of_two(capacity), np.int32)

    @classmethod
    def of(cls, columns: Columns) -> Opened:
        """Return an open part that holds these rows, whose hashes are all different."""
        opened = cls(_power_of_two(len(columns.hashes)))
        opened.rows = len(columns.hashes)
        for name, column in columns._asdict().items():
            getattr(opened, name)[: opened.rows] = column
        enter_all(opened._places, opened.hashes, opened.rows)
        return opened

    @property
    def columns(self) -> Columns:
        """The rows in use, not copied."""
        n = self.rows
        return Columns(self.hashes[:n], self.served[:n], self.event_ms[:n], self.contexts[:n], self.states[:n])

    @property
    def nbytes(self) -> int:
        """Memory of all columns and of the table, in bytes."""
        return sum(int(getattr(self, name).nbytes) for name in Columns._fields) + self._places.nbytes

    def find(self, hashes: NDArray[np.uint64], refs: NDArray[np.int64]) -> None:
        """Write the rows of hashes that have no reference yet and are here."""
        if self.rows:
            find_open(self._places, self.hashes, hashes, refs)

    def append(
        self,
        hashes: NDArray[np.uint64],
        served: NDArray[np.uint64],
        event_ms: NDArray[np.int64],
        contexts: NDArray[np.uint32],
        refs: NDArray[np.int64],
    ) -> NDArray[np.bool_]:
        """Append the rows that have no reference and are not here yet, with state 0; say which."""
        self._make_room(len(hashes))
        before = self.rows
        self.rows = int(append_new(self._places, self.hashes, self.rows, hashes, refs))
        fresh = refs >= 0
        self.served[before : self.rows] = served[fresh]
        self.event_ms[before : self.rows] = event_ms[fresh]
        self.contexts[before : self.rows] = contexts[fresh]
        return fresh

    def living(self, floors: NDArray[np.int64]) -> Opened:
        """Return this part without what is below its floor; itself if nothing is."""
        columns = self.columns
        keep = columns.event_ms // HOUR_MS >= floors_of(floors, columns.contexts)
        return self if keep.all() else Opened.of(columns.take(np.flatnonzero(keep)))

    def _make_room(self, rows: int) -> None:
        capacity = _power_of_two(self.rows + rows)
        if capacity <= len(self.hashes):
            return
        for name in Columns._fields:
            column = getattr(self, name)
            grown = np.zeros(capacity, column.dtype)
            grown[: self.rows] = column[: self.rows]
            setattr(self, name, grown)
        self._places = np.zeros(2 * capacity, np.int32)
        enter_all(self._places, self.hashes, self.rows)


def _power_of_two(n: int) -> int:
    return 1 << max(n - 1, 0).bit_length()
