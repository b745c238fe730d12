"""Which classes were taken for which, by open key; and the names of classes, which rows carry as hashes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from detectors.confusion import OTHERS, Confusion, confusion_of
from stream.folds.measure.confusion_kernels import Confused, enter_confused
from stream.folds.measure.maps import grown, places_for

Ints = NDArray[np.int64]
Words = NDArray[np.uint64]

MAX_CLASSES = 10_000
"""Names of classes that a ledger partition keeps; of others the hash is told."""


class Saved(msgspec.Struct, array_like=True):
    """Pairs in the order in which they came."""

    key: np.ndarray
    predicted: np.ndarray
    truth: np.ndarray
    n: np.ndarray


class ConfusionStore:
    """Pairs of classes by open key; `arrays` is what compiled code adds to."""

    def __init__(self) -> None:
        words, codes = np.zeros(0, np.uint64), np.zeros(0, np.int32)
        self.arrays = Confused(
            codes, words, words, np.zeros(0, np.int64), codes, np.full(8, -1, np.int32), np.zeros(1, np.int64)
        )

    def __len__(self) -> int:
        return int(self.arrays.used[0])

    def make_room(self, more: int, keys: int) -> None:
        """Let so many pairs come, of so many keys."""
        room, a = len(self) + more, self.arrays
        self.arrays = a._replace(
            key=grown(a.key, room),
            predicted=grown(a.predicted, room),
            truth=grown(a.truth, room),
            n=grown(a.n, room),
            pairs=grown(a.pairs, keys),
        )
        if 2 * room > len(a.places):
            self._enter(room)

    def by_key(self, wanted: NDArray[np.bool_], names: Mapping[int, str]) -> dict[int, Confusion]:
        """Return the counts of those wanted keys that have any, classes by name."""
        a, n = self.arrays, len(self)
        rows = np.flatnonzero(wanted[a.key[:n]])
        order = rows[np.argsort(a.key[rows], kind="stable")]
        keys, starts = np.unique(a.key[order], return_index=True)
        cuts = [*starts.tolist(), len(order)]
        columns = [_named(column[order], names) for column in (a.predicted, a.truth)]
        counts = a.n[order].tolist()
        return {
            key: confusion_of(columns[0][at:end], columns[1][at:end], counts[at:end])
            for key, at, end in zip(keys.tolist(), cuts, cuts[1:], strict=False)
        }

    def keep(self, slots: Ints, keys: int) -> None:
        """Keep the pairs of some of the keys, which get the numbers 0, 1, … in this order."""
        n = len(self)
        if not n:
            return
        new = np.full(keys, -1, np.int32)
        new[slots] = np.arange(len(slots), dtype=np.int32)
        renumbered = new[self.arrays.key[:n]]
        kept = np.flatnonzero(renumbered >= 0)
        a = self.arrays
        self._fill(Saved(renumbered[kept], a.predicted[kept], a.truth[kept], a.n[kept]))

    def saved(self) -> Saved:
        """Return what must be kept."""
        n, a = len(self), self.arrays
        return Saved(a.key[:n], a.predicted[:n], a.truth[:n], a.n[:n])

    @classmethod
    def restored(cls, saved: Saved, keys: int) -> ConfusionStore:
        """Return the pairs that `saved` told of."""
        store = cls()
        store.make_room(len(saved.n), keys)
        store._fill(saved)
        return store

    def _fill(self, saved: Saved) -> None:
        a, n = self.arrays, len(saved.n)
        a.key[:n], a.predicted[:n], a.truth[:n], a.n[:n] = saved.key, saved.predicted, saved.truth, saved.n
        a.used[0] = n
        self._enter(n)

    def _enter(self, room: int) -> None:
        places = max(len(self.arrays.places), places_for(room))
        self.arrays.pairs[:] = 0
        self.arrays = self.arrays._replace(places=np.full(places, -1, np.int32))
        enter_confused(self.arrays)


def name_of(word: int, names: Mapping[int, str]) -> str:
    """Return the name of a class, as `#` and its hash if it is not known.

    >>> name_of(7, {7: "late"}), name_of(8, {}), name_of(0, {}) == OTHERS
    ('late', '#0000000000000008', True)
    """
    return OTHERS if word == 0 else names.get(word) or f"#{word:016x}"


def learn(names: dict[int, str], words: Words, hashes: Words, texts: Sequence[str]) -> None:
    """Remember the names of classes, in place: `hashes` and `texts` are those of a block, in the order of its codes."""
    unknown = [word for word in np.unique(words).tolist() if word and word not in names]
    if not unknown or len(names) >= MAX_CLASSES:
        return
    order = np.argsort(hashes, kind="stable")
    at = np.searchsorted(hashes[order], np.array(unknown, np.uint64)).tolist()
    for word, place in zip(unknown[: MAX_CLASSES - len(names)], at, strict=False):
        if place < len(order) and int(hashes[order[place]]) == word:
            names[word] = texts[int(order[place])]


def _named(words: Words, names: Mapping[int, str]) -> list[str]:
    unique, inverse = np.unique(words, return_inverse=True)
    known = [name_of(word, names) for word in unique.tolist()]
    return [known[i] for i in inverse.tolist()]
