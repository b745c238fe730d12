"""Open keys: sums that still grow, in the order in which they were opened."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from stream.folds.measure import confusion
from stream.folds.measure.arena import Arena
from stream.folds.measure.arena_kernels import open_floats
from stream.folds.measure.key_kernels import Keys, enter_keys
from stream.folds.measure.maps import grown, places_for
from stream.folds.measure.shape import Sizes
from stream.folds.monitor import OTHER

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Levels = dict[str, dict[str, int]]

MAX_LEVELS = 1_000
"""Names of a feature that a key tells apart before there is a reference; the rest is ``__other__``."""

_COLUMNS = Keys._fields[:10]
_KEPT = Keys._fields[:7]
_CODES = frozenset(Keys._fields[:4])


class Saved(msgspec.Struct, array_like=True):
    """What is kept of them: columns, the sums one after the other, levels by key, pairs by key, pairs of classes."""

    columns: dict[str, np.ndarray]
    ints: np.ndarray
    floats: np.ndarray
    levels: list[tuple[int, Levels]]
    pair_of: np.ndarray
    pair_version: np.ndarray
    pair_n: np.ndarray
    pair_sums: np.ndarray
    confusion: confusion.Saved


class KeyStore:
    """Open keys.

    Attributes
    ----------
    arrays
        Their columns.
    ints, floats
        Their sums. Of a key: the cells of the layout and the task's, and four floats for each number (sum, sum of
        squares, lowest, highest) and the task's.
    levels
        By key, counts of texts by feature while there is no reference.
    confusion
        Which classes were taken for which.
    """

    def __init__(self) -> None:
        columns = [np.zeros(0, np.int32 if name in _CODES else np.int64) for name in _COLUMNS]
        self.arrays = Keys._make([*columns, np.full(8, -1, np.int32), np.zeros(1, np.int64)])
        self.ints, self.floats = Arena(np.int64), Arena(np.float64)
        self.levels: dict[int, Levels] = {}
        self.pair_next, self.pair_version = np.zeros(0, np.int64), np.zeros(0, np.int32)
        self.pair_n, self.pair_sums = np.zeros(0, np.int64), np.zeros(0)
        self.pair_count = np.zeros(1, np.int64)
        self.confusion = confusion.ConfusionStore()

    def __len__(self) -> int:
        return int(self.arrays.sizes[0])

    def make_room(self, more: int) -> None:
        """Let so many keys be opened."""
        room = len(self) + more
        if room > len(self.arrays.pane):
            self.arrays = self.arrays._replace(**{name: grown(getattr(self.arrays, name), room) for name in _COLUMNS})
        if 2 * room > len(self.arrays.places):
            self._enter(room)

    def give_sums(self, first: int, sizes: Sizes) -> None:
        """Give the keys from `first` on, which were just opened, their sums."""
        opened = slice(first, len(self))
        keys, lineage = self.arrays, self.arrays.lineage[opened]
        if not len(lineage):
            return
        keys.ints[opened] = self.ints.take(sizes.ints(lineage, keys.segment[opened]).sum(1))
        keys.floats[opened] = self.floats.take(sizes.floats(lineage).sum(1))
        open_floats(self.floats.data, keys.floats[opened], sizes.numbers[lineage])

    def add_levels(self, slots: Ints, features: Sequence[str], texts: Sequence[str], counts: Ints) -> None:
        """Count texts, entry by entry; the first MAX_LEVELS of a feature of a key are told apart."""
        for slot, feature, text, count in zip(slots.tolist(), features, texts, counts.tolist(), strict=True):
            known = self.levels.setdefault(slot, {}).setdefault(feature, {})
            level = text if text in known or len(known) < MAX_LEVELS else OTHER
            known[level] = known.get(level, 0) + count

    def make_room_for_pairs(self, more: int) -> None:
        """Let so many pairs of a key and a shadow version come."""
        room = int(self.pair_count[0]) + more
        self.pair_next, self.pair_version = grown(self.pair_next, room), grown(self.pair_version, room)
        self.pair_n, self.pair_sums = grown(self.pair_n, room), grown(self.pair_sums, 2 * room)

    def drop(self, passed: NDArray[np.bool_], sizes: Sizes) -> None:
        """Take keys out; the others keep their order."""
        slots, keys = np.flatnonzero(passed), self.arrays
        if not len(slots):
            return
        lineage = keys.lineage[slots]
        self.ints.give(keys.ints[slots], sizes.ints(lineage, keys.segment[slots]).sum(1))
        self.floats.give(keys.floats[slots], sizes.floats(lineage).sum(1))
        self._keep(np.flatnonzero(~passed))

    def pairs_of(self, slot: int) -> Iterator[tuple[int, int, float, float]]:
        """Yield version, number, sum and sum of squares of a key's pairs, the newest first."""
        pair = int(self.arrays.pairs[slot])
        while pair >= 0:
            total, squares = self.pair_sums[2 * pair : 2 * pair + 2].tolist()
            yield int(self.pair_version[pair]), int(self.pair_n[pair]), total, squares
            pair = int(self.pair_next[pair])

    def _keep(self, slots: Ints) -> None:
        kept = enumerate(slots.tolist()) if self.pair_count[0] else ()
        pairs = [(new, pair) for new, old in kept for pair in self.pairs_of(old)]
        self.confusion.keep(slots, len(self))
        self.levels = {new: self.levels[old] for new, old in enumerate(slots.tolist()) if old in self.levels}
        for name in _COLUMNS:
            column = getattr(self.arrays, name)
            column[: len(slots)] = column[slots]
        self.arrays.sizes[0] = len(slots)
        self._set_pairs(pairs)
        self._enter(0)

    def _set_pairs(self, pairs: list[tuple[int, tuple[int, int, float, float]]]) -> None:
        """Chain pairs anew, given key by key, the newest of a key first."""
        self.pair_count[0] = 0
        self.arrays.pairs[: len(self)] = -1
        self.make_room_for_pairs(len(pairs))
        for slot, (version, n, total, squares) in reversed(pairs):
            pair = int(self.pair_count[0])
            self.pair_version[pair], self.pair_n[pair] = version, n
            self.pair_sums[2 * pair : 2 * pair + 2] = total, squares
            self.pair_next[pair], self.arrays.pairs[slot] = self.arrays.pairs[slot], pair
            self.pair_count[0] += 1

    def _enter(self, room: int) -> None:
        places = max(len(self.arrays.places), places_for(room))
        self.arrays = self.arrays._replace(places=np.full(places, -1, np.int32))
        enter_keys(self.arrays)

    def saved(self, sizes: Sizes) -> Saved:
        """Return what must be kept: the same whatever lies where."""
        n, keys = len(self), self.arrays
        lineage, segment = keys.lineage[:n], keys.segment[:n]
        pairs = [(slot, *pair) for slot in range(n) for pair in self.pairs_of(slot)] if self.pair_count[0] else []
        return Saved(
            {name: getattr(keys, name)[:n] for name in _KEPT},
            self.ints.gather(keys.ints[:n], sizes.ints(lineage, segment).sum(1)),
            self.floats.gather(keys.floats[:n], sizes.floats(lineage).sum(1)),
            sorted(self.levels.items()),
            np.array([pair[0] for pair in pairs], np.int64),
            np.array([pair[1] for pair in pairs], np.int64),
            np.array([pair[2] for pair in pairs], np.int64),
            np.array([pair[3:] for pair in pairs], np.float64).ravel(),
            self.confusion.saved(),
        )

    @classmethod
    def restored(cls, saved: Saved, sizes: Sizes) -> KeyStore:
        """Return the keys that `saved` told of."""
        store = cls()
        n = len(saved.columns["pane"])
        store.make_room(n)
        for name in _KEPT:
            getattr(store.arrays, name)[:n] = saved.columns[name]
        store.arrays.sizes[0] = n
        store._put_sums(saved, sizes)
        store.levels = dict(saved.levels)
        sums = saved.pair_sums.reshape(-1, 2).tolist()
        known = zip(saved.pair_version.tolist(), saved.pair_n.tolist(), *zip(*sums, strict=True), strict=True)
        store._set_pairs(list(zip(saved.pair_of.tolist(), known, strict=True)) if sums else [])
        store._enter(n)
        store.confusion = confusion.ConfusionStore.restored(saved.confusion, n)
        return store

    def _put_sums(self, saved: Saved, sizes: Sizes) -> None:
        self.give_sums(0, sizes)
        n, keys = len(self), self.arrays
        lineage = keys.lineage[:n]
        self.ints.put(keys.ints[:n], sizes.ints(lineage, keys.segment[:n]).sum(1), saved.ints)
        self.floats.put(keys.floats[:n], sizes.floats(lineage).sum(1), saved.floats)
