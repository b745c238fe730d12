"""What is derived from a state and kept beside it, so that it is not derived for each block: no part of the state."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np

from stream.folds.frame import text_hash
from stream.folds.measure.catalog import Catalog, Ints, Piece
from stream.folds.measure.chunks import room_for_chunk, room_for_found
from stream.folds.measure.maps import grown
from stream.folds.measure.reading import NumberTexts
from stream.folds.measure.shape import Shape, sizes_of
from stream.folds.measure.watch import Watch

NEVER = -(1 << 62)


class Known:
    """The lineages of a state by number, with what their monitors say; those not in force have zeros.

    Attributes
    ----------
    names, shapes, sizes
        Their hashes, the shapes of their keys, and the numbers of sums that these come to.
    model
        The number of each one's model.
    watches
        The monitor of each, None for one that is not in force.
    """

    def __init__(
        self, names: Sequence[str], model: Ints, shapes: Sequence[Shape], watches: Mapping[str, Watch]
    ) -> None:
        self.names, self.model, self.shapes, self.sizes = names, model, shapes, sizes_of(shapes)
        self.watches = [watches.get(name) for name in names]
        self.in_force = np.array([watch is not None for watch in self.watches], np.bool_)
        times = [(w.pane_ms, w.lateness_ms, w.horizon_ms, w.idle_ms) if w else (1, 0, 0, 0) for w in self.watches]
        table = np.array(times, np.int64).reshape(-1, 4)
        self.pane_ms, self.lateness_ms, self.horizon_ms, self.idle_ms = np.ascontiguousarray(table.T)
        limits = [(w.versions, w.open_panes, w.pending) if w else (0, 0, 0) for w in self.watches]
        table = np.array(limits, np.int64).reshape(-1, 3)
        self.versions, self.open_panes, self.pending = np.ascontiguousarray(table.T)

    def by_model(self, column: Ints, models: int) -> Ints:
        """Return the highest value of each model's lineages in force, 0 without any."""
        found = np.zeros(models, np.int64)
        np.maximum.at(found, self.model[self.in_force], column[self.in_force])
        return found


class Desk:
    """The catalog of what is in force and arrays by lineage; made again after `stale`.

    Attributes
    ----------
    numbers
        Texts of numbers.
    oldest_ms
        By model, before what event time rows are too late.
    watermark_ms
        By lineage.
    versions, pending, horizon_ms
        By model, the largest of its monitors in force.
    scratch
        Room for the words of a context.
    chunk, found
        Room for some rows, and for what their features come to.
    """

    def __init__(self) -> None:
        self.numbers = NumberTexts()
        self.oldest_ms: Ints = np.zeros(0, np.int64)
        self.watermark_ms: Ints = np.zeros(0, np.int64)
        self.versions = self.pending = self.horizon_ms = np.zeros(0, np.int64)
        self.scratch = np.zeros(64, np.int32)
        self.chunk, self.found = room_for_chunk(), room_for_found(0, 0)
        self._pieces: dict[str, Piece] = {}
        self._catalog: Catalog | None = None
        self._known: Known | None = None
        self._models: list[str] = []
        self._homes: dict[str, int] = {}

    @property
    def is_fresh(self) -> bool:
        """Whether nothing changed since it was made."""
        return self._catalog is not None

    def stale(self) -> None:
        """Say that specs, models or lineages have changed."""
        self._catalog = self._known = None
        self._homes = {}

    def refresh(
        self, specs: Iterable[Watch], models: dict[str, int], lineages: Mapping[str, tuple[str, Shape]]
    ) -> None:
        """Make all again: `lineages` are model and shape by lineage, in the order of their numbers."""
        self._models = [model for model, _ in lineages.values()]
        watches = {watch.lineage: watch for watch in specs}
        self._pieces = {name: self._pieces.get(name) or Piece(watch) for name, watch in watches.items()}
        lineage_numbers = {name: number for number, name in enumerate(lineages)}
        self._catalog = Catalog(self._pieces.values(), models, lineage_numbers)
        of_lineage = np.array([models[model] for model, _ in lineages.values()], np.int64)
        self._known = Known(list(lineages), of_lineage, [shape for _, shape in lineages.values()], watches)
        known = self._known
        self.versions = known.by_model(known.versions, len(models))
        self.pending = known.by_model(known.pending, len(models))
        self.horizon_ms = known.by_model(known.horizon_ms, len(models))
        self.scratch = grown(self.scratch, 3 + self._catalog.most_groups)
        self.found = room_for_found(self._catalog.most_features, self._catalog.most_texts)

    def homes(self, home: Callable[[str], int]) -> dict[str, int]:
        """Return the partition of `partials` of each model that has lineages."""
        if not self._homes:
            self._homes = {model: home(model) for model in dict.fromkeys(self._models)}
        return self._homes

    def number_of(self, model: str) -> int:
        """Return the number of a model that is watched, −1 for others; only when fresh."""
        return self.catalog.model_map.get(text_hash(model))

    @property
    def catalog(self) -> Catalog:
        """What is in force; only when fresh."""
        if self._catalog is None:
            raise RuntimeError("the desk is stale")
        return self._catalog

    @property
    def lineages(self) -> Known:
        """Arrays by lineage; only when fresh."""
        if self._known is None:
            raise RuntimeError("the desk is stale")
        return self._known


def limits_of(known: Known, watermark_ms: Ints, forgotten_ms: Ints) -> tuple[Ints, Ints]:
    """Return by model before what event time rows are too late, and what may be forgotten.

    Too late is what lies before the highest watermark less the longest horizon, or was forgotten; what lies before the
    lowest watermark less the longest horizon may be forgotten. Models that nobody watches forget nothing.
    """
    here = known.in_force
    of, marks = known.model[here], watermark_ms[here]
    highest, lowest = np.full(len(forgotten_ms), NEVER), np.full(len(forgotten_ms), -NEVER)
    horizon = np.zeros(len(forgotten_ms), np.int64)
    np.maximum.at(highest, of, marks)
    np.minimum.at(lowest, of, marks)
    np.maximum.at(horizon, of, known.horizon_ms[here])
    lowest[lowest == -NEVER] = NEVER
    return np.maximum(highest - horizon, forgotten_ms), lowest - horizon
