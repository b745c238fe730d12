"""Labels that came before their predictions: columns, 44 bytes each, and a table."""

from __future__ import annotations

import msgspec
import numpy as np
from numpy.typing import NDArray

from stream.folds.measure.catalog import Codes, Ints, Words
from stream.folds.measure.early_kernels import Early, enter_early, expire_early, keep_early, take_early
from stream.folds.measure.maps import places_for
from stream.folds.measure.reading import Reading

_COLUMNS = Early._fields[:8]
_TYPES = (np.uint64, np.uint64, np.int64, np.int64, np.int32, np.int32, np.int16, np.uint8)


class Saved(msgspec.Struct, array_like=True):
    """What is kept of them: the columns of those that wait, in order of arrival."""

    columns: dict[str, np.ndarray]


class EarlyLabels:
    """Labels that wait for their predictions, in order of arrival."""

    def __init__(self, saved: Saved | None = None) -> None:
        kept = saved.columns if saved else {}
        columns = [kept.get(name, np.zeros(0, kind)) for name, kind in zip(_COLUMNS, _TYPES, strict=True)]
        self.arrays = _arrays(columns, 0)

    def __len__(self) -> int:
        return int(self.arrays.sizes[1])

    def saved(self) -> Saved:
        """Return what must be kept."""
        rows = self._living()
        return Saved({name: getattr(self.arrays, name)[rows] for name in _COLUMNS})

    def keep(
        self, reading: Reading, rows: Ints, truths: Words, count_rows: Codes, source: int
    ) -> tuple[NDArray[np.uint8], Codes]:
        """Let labels wait: return which do, and the rows of counts of those whose place they took."""
        self._make_room(len(rows))
        fates, replaced = np.empty(len(rows), np.uint8), np.empty(len(rows), np.int32)
        read, models = reading.rows, reading.texts.models[reading.rows.models[rows]]
        columns = (read.hashes, truths, read.event_ms, reading.columns.positions, models, read.revisions, count_rows)
        count = keep_early(self.arrays, rows, *columns, source, replaced, fates)
        return fates, replaced[:count]

    def take(self, hashes: Words) -> Ints:
        """Take out those that waited for predictions: return the row of each, −1 where none waited."""
        found = np.full(len(hashes), -1, np.int64)
        if len(self):
            take_early(self.arrays, hashes, found)
        return found

    def waiting(self) -> tuple[Codes, Ints]:
        """Return model and event time of those that wait."""
        rows = self._living()
        return self.arrays.model[rows], self.arrays.event_ms[rows]

    def expire(self, oldest_ms: Ints) -> Ints:
        """Take out those before their model's limit: return their rows."""
        found = np.empty(int(self.arrays.sizes[0]) if len(self) else 0, np.int64)
        return found[: expire_early(self.arrays, oldest_ms, found)] if len(found) else found

    def _living(self) -> Ints:
        return np.flatnonzero(self.arrays.alive[: self.arrays.sizes[0]])

    def _make_room(self, more: int) -> None:
        room = int(self.arrays.sizes[0]) + more
        if room > len(self.arrays.hashes) or 2 * room > len(self.arrays.places):
            rows = self._living()
            self.arrays = _arrays([getattr(self.arrays, name)[rows] for name in _COLUMNS], 2 * more + len(rows))


def _arrays(columns: list[NDArray[np.generic]], more: int) -> Early:
    """Return columns with room for more, and a table of those that are there."""
    n = len(columns[0])
    wide = [np.concatenate([column, np.zeros(more, column.dtype)]) for column in columns]
    alive = np.zeros(n + more, np.uint8)
    alive[:n] = 1
    places, sizes = np.full(places_for(n + more), -1, np.int32), np.array([n, n], np.int64)
    early = Early._make([*wide, alive, places, sizes])
    enter_early(early)
    return early
