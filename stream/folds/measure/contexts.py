"""Contexts: a number for each different thing that labels must know of their predictions. They are never forgotten."""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

import msgspec
import numpy as np

from stream.folds.frame import text_hash
from stream.folds.measure.catalog import Catalog, Codes, Ints, Words
from stream.folds.measure.context_kernels import COUNT, VALUES, Contexts, Epochs, enter_contexts
from stream.folds.measure.maps import WordMap, grown, places_for
from stream.folds.measure.versions import LiveVersions
from stream.folds.measure.versions import Saved as SavedVersions
from stream.folds.monitor import OTHER

# Model, task, and number and segments of each lineage in force.
Epoch = tuple[int, int, tuple[tuple[int, int], ...]]


class Saved(msgspec.Struct, array_like=True):
    """What is kept of them."""

    epochs: list[Epoch]
    versions: list[str]
    shadow_sets: list[tuple[int, ...]]
    words: np.ndarray
    sizes: np.ndarray
    live: SavedVersions


class Room(NamedTuple):
    """How many versions of a model are told apart, and since when one must have been seen to keep its place.

    Both times are of the log clock; `now_ms` is what it says.
    """

    versions: int
    oldest_ms: int
    now_ms: int


class ShadowSets(NamedTuple):
    """Versions of each set of shadows: `starts` (one more than sets), `sizes`; and the hash of each version."""

    starts: Ints
    sizes: Ints
    versions: Codes
    hashes: Words


class ContextStore:
    """Contexts with the epochs, versions and sets of shadow versions that they name by number.

    Attributes
    ----------
    versions
        Texts by number; 0 is no version.
    live
        Which versions of each model have a place.
    shadow_sets
        Numbers of versions by number of the set; 0 is none.
    """

    def __init__(self, saved: Saved | None = None) -> None:
        saved = saved or Saved([], [""], [()], np.zeros(0, np.int32), np.zeros(0, np.int64), LiveVersions().saved())
        self.live = LiveVersions(saved.live)
        self._epochs = {epoch: i for i, epoch in enumerate(saved.epochs)}
        self.versions, self.shadow_sets = saved.versions, saved.shadow_sets
        self._sets = {versions: i for i, versions in enumerate(self.shadow_sets)}
        self._version_map = WordMap([text_hash(v) for v in self.versions], range(len(self.versions)))
        starts = np.cumsum(np.r_[0, saved.sizes], dtype=np.int64)
        sizes = np.array([len(saved.sizes), len(saved.words)], np.int64)
        self.arrays = Contexts(saved.words, starts, np.zeros(0, np.int32), sizes)
        no_ints = np.zeros(0, np.int64)
        self._arrays_of_sets = ShadowSets(no_ints, no_ints, np.zeros(0, np.int32), np.zeros(0, np.uint64))
        self._enter(len(saved.sizes))
        self._reindex()

    def saved(self) -> Saved:
        """Return what must be kept."""
        count, used = self.arrays.sizes.tolist()
        sizes = np.diff(self.arrays.starts[: count + 1])
        return Saved(
            list(self._epochs), self.versions, self.shadow_sets, self.arrays.words[:used], sizes, self.live.saved()
        )

    @property
    def models(self) -> Ints:
        """The model of each context."""
        return self.epochs.model[self.arrays.words[self.arrays.starts[: self.arrays.sizes[COUNT]]]]

    def begin(self, catalog: Catalog) -> None:
        """Name the epoch that each model is in now."""
        models, lineages = catalog.models, catalog.lineages
        segments = np.diff(lineages.segments)
        for model, (at, after) in enumerate(zip(models.first[:-1].tolist(), models.first[1:].tolist(), strict=True)):
            if at < after:
                named = tuple(zip(lineages.number[at:after].tolist(), segments[at:after].tolist(), strict=True))
                epoch = (model, int(models.task[model]), named)
                models.epoch[model] = self._epochs.setdefault(epoch, len(self._epochs))
        self._reindex()

    def version(self, text: str) -> int:
        """Return the number of a text."""
        number = self._version_map.get(text_hash(text))
        if number < 0:
            number = len(self.versions)
            self._version_map.put(text_hash(text), number)
            self.versions.append(text)
        return number

    def version_of(self, model: int, text: str, room: Room) -> int:
        """Return the number of a model's version: that of ``__other__`` if it has no place and none is left."""
        hash_ = text_hash(text)
        found = int(self.live.find(np.array([model]), np.array([hash_], np.uint64), room.now_ms)[0])
        if found >= 0:
            return found
        number = self._version_map.get(hash_)
        number = len(self.versions) if number < 0 else number
        is_in = self.live.enter(model, number, hash_, room.versions, room.oldest_ms, room.now_ms)
        return self.version(text if is_in else OTHER)

    def shadow_set(self, versions: tuple[int, ...]) -> int:
        """Return the number of a set of shadow versions."""
        number = self._sets.setdefault(versions, len(self.shadow_sets))
        if number == len(self.shadow_sets):
            self.shadow_sets.append(versions)
        return number

    @property
    def sets(self) -> ShadowSets:
        """The sets of shadow versions as arrays."""
        if len(self._arrays_of_sets.sizes) != len(self.shadow_sets):
            sizes = np.array([len(versions) for versions in self.shadow_sets], np.int64)
            named = np.array([version for versions in self.shadow_sets for version in versions], np.int32)
            hashes = np.array([text_hash(version) for version in self.versions], np.uint64)
            self._arrays_of_sets = ShadowSets(np.cumsum(np.r_[0, sizes], dtype=np.int64), sizes, named, hashes)
        return self._arrays_of_sets

    def make_room(self, rows: int, segments: int) -> None:
        """Let so many contexts come, with so many segments each at most."""
        count, used = self.arrays.sizes.tolist()
        self.arrays = self.arrays._replace(
            words=grown(self.arrays.words, used + rows * (VALUES + segments)),
            starts=grown(self.arrays.starts, count + rows + 1),
        )
        if 2 * (count + rows) > len(self.arrays.places):
            self._enter(count + rows)

    def _enter(self, count: int) -> None:
        self.arrays = self.arrays._replace(places=np.full(places_for(count), -1, np.int32))
        enter_contexts(self.arrays)

    def _reindex(self) -> None:
        named = [one for _, _, lineages in self._epochs for one in lineages]
        segments = np.array([n for _, n in named], np.int64)
        first = np.cumsum([0, *(len(lineages) for _, _, lineages in self._epochs)], dtype=np.int64)
        before = np.cumsum(segments) - segments
        offset = [before[at:after] - before[at : at + 1] for at, after in pairwise(first.tolist())]
        self.epochs = Epochs(
            np.array([model for model, _, _ in self._epochs], np.int64),
            np.array([task for _, task, _ in self._epochs], np.int64),
            first,
            np.array([lineage for lineage, _ in named], np.int64),
            VALUES + (np.concatenate(offset) if offset else np.zeros(0, np.int64)),
        )
