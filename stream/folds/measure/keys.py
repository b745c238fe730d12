"""Open keys: sums that still grow, in the order in which they were opened."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from detectors.confusion import NOTHING, Confusion
from detectors.performance import task_sums
from stream.folds.measure import confusion
from stream.folds.measure.arena import Arena
from stream.folds.measure.key_kernels import NO_SEGMENT, Keys, enter_keys
from stream.folds.measure.maps import grown, places_for
from stream.folds.monitor import OTHER
from stream.folds.partials import Partial

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Levels = dict[str, dict[str, int]]

MAX_LEVELS = 1_000
"""Names of a feature that a key tells apart before there is a reference; the rest is ``__other__``."""

_COLUMNS = Keys._fields[:10]
_KEPT = Keys._fields[:7]
_CODES = frozenset(Keys._fields[:4])


class Shape(msgspec.Struct, frozen=True, array_like=True):
    """The sums of a lineage's keys: integers before those of the task, numeric features, task, names of segments.

    `products`: integers behind those of the task, in keys of all rows only.
    """

    size: int
    numbers: int
    task: str
    segments: tuple[tuple[str, tuple[str, ...]], ...]
    products: int

    def ints(self, segment: int) -> int:
        """Integers of a key of this segment, or of NO_SEGMENT."""
        own = self.size + task_sums(self.task).ints
        return own + self.products if segment == NO_SEGMENT else own

    @property
    def floats(self) -> int:
        """Floats of a key: four for each numeric feature (sum, sum of squares, lowest, highest), then the task's."""
        return 4 * self.numbers + task_sums(self.task).floats


NO_SHAPE = Shape(0, 0, "binary", (), 0)


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

    def give_sums(self, first: int, shapes: Sequence[Shape]) -> None:
        """Give the keys from `first` on, which were just opened, their sums; `shapes` by lineage."""
        opened = slice(first, len(self))
        of = zip(self.arrays.lineage[opened].tolist(), self.arrays.segment[opened].tolist(), strict=True)
        for slot, (lineage, segment) in enumerate(of, first):
            shape = shapes[lineage]
            self.arrays.ints[slot] = self.ints.take(shape.ints(segment))
            self.arrays.floats[slot] = at = self.floats.take(shape.floats)
            numbers = self.floats.data[at : at + 4 * shape.numbers].reshape(-1, 4)
            numbers[:, 2], numbers[:, 3] = np.inf, -np.inf

    def add_level(self, slot: int, feature: str, text: str, count: int) -> None:
        """Count a text; the first MAX_LEVELS of a feature are told apart."""
        of_slot = self.levels.get(slot)
        if of_slot is None:
            of_slot = self.levels[slot] = {}
        known = of_slot.get(feature)
        if known is None:
            known = of_slot[feature] = {}
        if text in known:
            known[text] += count
        elif len(known) < MAX_LEVELS:
            known[text] = count
        else:
            known[OTHER] = known.get(OTHER, 0) + count

    def make_room_for_pairs(self, more: int) -> None:
        """Let so many pairs of a key and a shadow version come."""
        room = int(self.pair_count[0]) + more
        self.pair_next, self.pair_version = grown(self.pair_next, room), grown(self.pair_version, room)
        self.pair_n, self.pair_sums = grown(self.pair_n, room), grown(self.pair_sums, 2 * room)

    def take(
        self,
        passed: NDArray[np.bool_],
        lineages: Sequence[str],
        shapes: Sequence[Shape],
        versions: Sequence[str],
        classes: Mapping[int, str],
    ) -> list[Partial]:
        """Take keys out and return their sums, in the order in which they were opened; `classes` are names by hash."""
        slots = np.flatnonzero(passed).tolist()
        if not slots:
            return []
        confused = self.confusion.by_key(passed, classes) if len(self.confusion) else {}
        found = [self._partial(slot, lineages, shapes, versions, confused.get(slot, NOTHING)) for slot in slots]
        for slot in slots:
            shape = shapes[self.arrays.lineage[slot]]
            self.ints.give(int(self.arrays.ints[slot]), shape.ints(int(self.arrays.segment[slot])))
            self.floats.give(int(self.arrays.floats[slot]), shape.floats)
        self._keep(np.flatnonzero(~passed))
        return found

    def _partial(
        self,
        slot: int,
        lineages: Sequence[str],
        shapes: Sequence[Shape],
        versions: Sequence[str],
        confused: Confusion,
    ) -> Partial:
        keys = self.arrays
        lineage, segment = int(keys.lineage[slot]), int(keys.segment[slot])
        shape = shapes[lineage]
        name, values = ("", ("",)) if segment == NO_SEGMENT else shape.segments[segment]
        ints = self.ints.data[keys.ints[slot] :][: shape.ints(segment)]
        of_task = shape.size + task_sums(shape.task).ints
        floats = self.floats.data[keys.floats[slot] :][: shape.floats]
        numbers = floats[: 4 * shape.numbers].reshape(-1, 4)
        return Partial(
            lineages[lineage],
            versions[keys.version[slot]],
            name,
            values[0] if segment == NO_SEGMENT else (OTHER, *values)[keys.value[slot]],
            int(keys.pane[slot]),
            int(keys.opened[slot]),
            ints[: shape.size].tobytes(),
            numbers[:, :2].tobytes(),
            numbers[:, 2].tobytes(),
            numbers[:, 3].tobytes(),
            ints[shape.size : of_task].tobytes(),
            floats[4 * shape.numbers :].tobytes(),
            self.levels.get(slot, {}),
            {versions[version]: sums for version, *sums in self._pairs_of(slot)},  # type: ignore[misc]
            ints[of_task:].tobytes(),
            confused.classes,
            confused.cells.tobytes(),
        )

    def _pairs_of(self, slot: int) -> Iterator[tuple[int, int, float, float]]:
        """Yield version, number, sum and sum of squares of a key's pairs, the newest first."""
        pair = int(self.arrays.pairs[slot])
        while pair >= 0:
            total, squares = self.pair_sums[2 * pair : 2 * pair + 2].tolist()
            yield int(self.pair_version[pair]), int(self.pair_n[pair]), total, squares
            pair = int(self.pair_next[pair])

    def _keep(self, slots: Ints) -> None:
        kept = enumerate(slots.tolist()) if self.pair_count[0] else ()
        pairs = [(new, pair) for new, old in kept for pair in self._pairs_of(old)]
        self.confusion.keep(slots, len(self))
        new_slot = {old: new for new, old in enumerate(slots.tolist())} if self.levels else {}
        self.levels = {new_slot[old]: levels for old, levels in self.levels.items() if old in new_slot}
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

    def saved(self, shapes: Sequence[Shape]) -> Saved:
        """Return what must be kept: the same whatever lies where."""
        n = len(self)
        of = zip(self.arrays.lineage[:n].tolist(), self.arrays.segment[:n].tolist(), strict=True)
        sizes = [(shapes[lineage].ints(segment), shapes[lineage].floats) for lineage, segment in of]
        at = zip(self.arrays.ints[:n].tolist(), self.arrays.floats[:n].tolist(), sizes, strict=True)
        runs = [(self.ints.data[i : i + k], self.floats.data[f : f + m]) for i, f, (k, m) in at]
        pairs = [(slot, *pair) for slot in range(n) for pair in self._pairs_of(slot)] if self.pair_count[0] else []
        return Saved(
            {name: getattr(self.arrays, name)[:n] for name in _KEPT},
            np.concatenate([ints for ints, _ in runs]) if runs else np.zeros(0, np.int64),
            np.concatenate([floats for _, floats in runs]) if runs else np.zeros(0),
            sorted(self.levels.items()),
            np.array([pair[0] for pair in pairs], np.int64),
            np.array([pair[1] for pair in pairs], np.int64),
            np.array([pair[2] for pair in pairs], np.int64),
            np.array([pair[3:] for pair in pairs], np.float64).ravel(),
            self.confusion.saved(),
        )

    @classmethod
    def restored(cls, saved: Saved, shapes: Sequence[Shape]) -> KeyStore:
        """Return the keys that `saved` told of."""
        store = cls()
        n = len(saved.columns["pane"])
        store.make_room(n)
        for name in _KEPT:
            getattr(store.arrays, name)[:n] = saved.columns[name]
        store.arrays.sizes[0] = n
        store.give_sums(0, shapes)
        ints_at = floats_at = 0
        for slot, lineage in enumerate(store.arrays.lineage[:n].tolist()):
            shape, i, f = shapes[lineage], store.arrays.ints[slot], store.arrays.floats[slot]
            ints = shape.ints(int(store.arrays.segment[slot]))
            store.ints.data[i : i + ints] = saved.ints[ints_at : ints_at + ints]
            store.floats.data[f : f + shape.floats] = saved.floats[floats_at : floats_at + shape.floats]
            ints_at, floats_at = ints_at + ints, floats_at + shape.floats
        store.levels = dict(saved.levels)
        sums = saved.pair_sums.reshape(-1, 2).tolist()
        known = zip(saved.pair_version.tolist(), saved.pair_n.tolist(), *zip(*sums, strict=True), strict=True)
        store._set_pairs(list(zip(saved.pair_of.tolist(), known, strict=True)) if sums else [])
        store._enter(n)
        store.confusion = confusion.ConfusionStore.restored(saved.confusion, n)
        return store
