"""Which versions of a model are told apart: as many as its limit allows, of those seen within the label horizon."""

from __future__ import annotations

import msgspec
import numpy as np

from stream.folds.measure.catalog import Codes, Ints, Words
from stream.folds.measure.map_kernels import mixed, mixed_all, numbers_of_pairs
from stream.folds.measure.maps import WordMap, grown


class Saved(msgspec.Struct, array_like=True):
    """What is kept of them, in the order in which they came."""

    model: np.ndarray
    version: np.ndarray
    hashes: np.ndarray
    seen_ms: np.ndarray


class LiveVersions:
    """Pairs of a model and a version, each with the log clock when it was seen last.

    >>> live = LiveVersions()
    >>> [live.enter(0, version, 70 + version, 2, oldest_ms=0, now_ms=version) for version in (1, 2, 3)]
    [True, True, False]
    >>> live.enter(0, 9, 79, 2, oldest_ms=2, now_ms=9)  # version 1 was not seen since
    True
    >>> live.find(np.array([0, 0]), np.array([71, 79], np.uint64), now_ms=9)
    array([-1,  9], dtype=int32)
    """

    def __init__(self, saved: Saved | None = None) -> None:
        ints = np.zeros(0, np.int64)
        saved = saved or Saved(ints, np.zeros(0, np.int32), np.zeros(0, np.uint64), ints)
        self._model, self._version = saved.model.copy(), saved.version.copy()
        self._hashes, self._seen_ms = saved.hashes.copy(), saved.seen_ms.copy()
        self._index(len(saved.model))

    def __len__(self) -> int:
        return self._count

    def saved(self) -> Saved:
        """Return what must be kept."""
        n = self._count
        return Saved(self._model[:n], self._version[:n], self._hashes[:n], self._seen_ms[:n])

    def find(self, models: Ints, hashes: Words, now_ms: int) -> Codes:
        """Return the number of each version of a model, by the hash of its text, −1 where it has no place; note it."""
        rows = numbers_of_pairs(self._map.keys, self._map.values, hashes, models)
        here = rows >= 0
        self._seen_ms[rows[here]] = now_ms
        found = np.full(len(rows), -1, np.int32)
        found[here] = self._version[rows[here]]
        return found

    def enter(self, model: int, version: int, hash_: int, most: int, oldest_ms: int, now_ms: int) -> bool:
        """Give a new version a place; False if `most` of its model have one and all were seen since `oldest_ms`."""
        mine = self._model[: self._count] == model
        if np.count_nonzero(mine) >= most:
            gone = mine & (self._seen_ms[: self._count] < oldest_ms)
            if not gone.any():
                return False
            self._keep(~gone)
        row = self._count
        self._model, self._version = grown(self._model, row + 1), grown(self._version, row + 1)
        self._hashes, self._seen_ms = grown(self._hashes, row + 1), grown(self._seen_ms, row + 1)
        self._model[row], self._version[row], self._hashes[row], self._seen_ms[row] = model, version, hash_, now_ms
        self._map.put(int(mixed(np.uint64(hash_), np.uint64(model))), row)
        self._count += 1
        return True

    def _keep(self, kept: np.ndarray) -> None:
        n = self._count
        self._model, self._version = self._model[:n][kept], self._version[:n][kept]
        self._hashes, self._seen_ms = self._hashes[:n][kept], self._seen_ms[:n][kept]
        self._index(int(np.count_nonzero(kept)))

    def _index(self, count: int) -> None:
        keys = mixed_all(self._hashes[:count], self._model[:count].astype(np.uint64))
        self._count, self._map = count, WordMap(keys, np.arange(count))
