"""What becomes of each event: cumulated counts by kind and producer, and a line for each that was not simply used."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import msgspec
import numpy as np
from numpy.typing import NDArray

from stream.folds.frame import text_hash
from stream.folds.measure.catalog import Codes, Ints
from stream.folds.measure.count_kernels import (
    DUPLICATE,
    FUTURE,
    INVALID,
    LATE_USED,
    NO_LABEL,
    NO_MONITOR,
    NO_PROBABILITY,
    PENDING,
    RECEIVED,
    TOO_LATE,
    UNMATCHED,
    USED,
    WIDTH,
    Outcomes,
    count_key,
    count_outcomes,
    count_rows_of,
)
from stream.folds.measure.maps import WordMap, grown
from stream.folds.measure.reading import Reading
from stream.folds.monitor import OTHER
from stream.folds.partials import Count

# Topic, partition, place, model, id, kind, fate, reason.
FateLine = tuple[str, int, int, str, str, str, str, str]

__all__ = [
    "KINDS",
    "MAX_PRODUCERS",
    "PENDING",
    "PLACES",
    "RECEIVED",
    "CountId",
    "Counts",
    "Saved",
    "NO_PREDICTION",
    "fates_of",
]

CountId = tuple[str, str, str]

PLACES = {
    "used": USED,
    "duplicate": DUPLICATE,
    "late_used": LATE_USED,
    "invalid": INVALID,
    "unmatched": UNMATCHED,
    "pending": PENDING,
}
MAX_PRODUCERS = 64
KINDS = {"prediction": 0, "label": 1, "gap": 2}
_NOBODY = np.uint64(text_hash(""))


class Saved(msgspec.Struct, array_like=True):
    """What is kept of counts: their names, and a row of numbers for each; which changed since the last tick."""

    names: list[CountId]
    table: np.ndarray
    dirty: np.ndarray


class Counts(Mapping[CountId, list[int]]):
    """Counts by model, kind and producer, in the order of `partials.Count`; a mapping for those who look.

    Beyond MAX_PRODUCERS of a model and kind they share ``__other__``.

    Events of models that nobody watches count under ``__other__``: counts are kept for ever, and anyone may write any
    name.
    """

    def __init__(self, saved: Saved | None = None, model_numbers: dict[str, int] | None = None) -> None:
        saved = saved or Saved([], np.zeros(0, np.int64), np.zeros(0, np.uint8))
        self._rows = {name: row for row, name in enumerate(saved.names)}
        self._names = saved.names
        self._table, self._dirty = saved.table, saved.dirty
        self._producers: dict[tuple[str, str], int] = {}
        self._map = WordMap()
        for row, name in enumerate(self._names):
            self._enter(name, row, (model_numbers or {}).get(name[0], -1))

    def saved(self) -> Saved:
        """Return what must be kept."""
        n = len(self._names)
        return Saved(self._names, self._table[: WIDTH * n], self._dirty[:n])

    def __getitem__(self, name: CountId) -> list[int]:
        row = self._rows[name]
        counts: list[int] = self._table[WIDTH * row : WIDTH * (row + 1)].tolist()
        return counts

    def __iter__(self) -> Iterator[CountId]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)

    def add(self, row: int, place: int, more: int) -> None:
        """Add to one count."""
        self._table[WIDTH * row + place] += more
        self._dirty[row] = 1

    def row(self, model: str, kind: str, producer: str, number: int = -1) -> int:
        """Return the row of a producer; `number` is that of the model."""
        name = (model, kind, producer)
        if name not in self._rows and self._producers.get(name[:2], 0) >= MAX_PRODUCERS:
            name = (model, kind, OTHER)
        if name not in self._rows:
            row = self._rows[name] = len(self._names)
            self._names.append(name)
            self._table, self._dirty = grown(self._table, WIDTH * (row + 1)), grown(self._dirty, row + 1)
            self._enter(name, row, number)
        return self._rows[name]

    def rows_of(self, reading: Reading, kind: str) -> Codes:
        """Return the row of counts of each event of a block."""
        found, code = np.empty(reading.n, np.int32), KINDS[kind]
        args = (reading.rows, reading.texts, reading.first, code, _NOBODY)
        if count_rows_of(*args, self._map.keys, self._map.values, found):
            self._add_rows(reading, kind, found)
        return found

    def _add_rows(self, reading: Reading, kind: str, found: Codes) -> None:
        """Give those events a row of counts that have none, once for each model and producer."""
        rows = reading.first + np.flatnonzero(found[reading.first :] < 0)
        pairs = np.column_stack([reading.rows.models[rows], reading.rows.producers[rows]])
        _, at, inverse = np.unique(pairs, axis=0, return_index=True, return_inverse=True)
        new = np.empty(len(at), np.int32)
        for i in np.argsort(at).tolist():
            row = int(rows[at[i]])
            number = int(reading.texts.models[reading.rows.models[row]])
            model = reading.model(row) if number >= 0 else OTHER
            new[i] = self.row(model, kind, reading.producer(row), number)
        found[rows] = new[inverse.ravel()]

    def count(self, first: int, of_row: Codes, outcomes: Outcomes) -> None:
        """Count the events of a block from row `first` on as received, with what became of them."""
        count_outcomes(first, of_row, outcomes, self._table, self._dirty)

    def move(self, rows: NDArray[np.integer], before: int, after: int) -> None:
        """Count an event of each of these rows no longer at one place, but at another."""
        at: Ints = WIDTH * rows.astype(np.int64)
        np.subtract.at(self._table, at + before, 1)
        np.add.at(self._table, at + after, 1)
        self._dirty[rows] = 1

    def changed(self) -> list[Count]:
        """Return the counts that changed since the last tick, and forget that they did."""
        rows = np.flatnonzero(self._dirty[: len(self._names)])
        self._dirty[rows] = 0
        numbers = self._table[: WIDTH * len(self._names)].reshape(-1, WIDTH)[rows].tolist()
        return [Count(*self._names[row], *counts) for row, counts in zip(rows.tolist(), numbers, strict=True)]

    def _enter(self, name: CountId, row: int, number: int) -> None:
        model, kind, producer = name
        self._producers[model, kind] = self._producers.get((model, kind), 0) + 1
        if kind in KINDS and (number >= 0 or model == OTHER):
            self._map.put(int(count_key(number, KINDS[kind], np.uint64(text_hash(producer)))), row)


def fates_of(reading: Reading, kind: str, outcomes: Outcomes) -> Iterator[FateLine]:
    """Yield of each event that was neither used nor waits where it is, and why."""
    rows = np.flatnonzero(_IS_TOLD[outcomes[reading.first :]]) + reading.first
    if not len(rows):
        return
    topic, partition = reading.block.source.topic, reading.block.source.partition
    for row, outcome, an_id in zip(rows.tolist(), outcomes[rows].tolist(), reading.ids(rows), strict=True):
        fate = _FATES.get(outcome, "invalid")
        why = _REASONS[outcome](reading, row)
        yield topic, partition, reading.place(row), reading.model(row), an_id, kind, fate, why


_IS_TOLD = np.zeros(256, np.bool_)
_IS_TOLD[[DUPLICATE, UNMATCHED, NO_MONITOR, TOO_LATE, FUTURE, NO_PROBABILITY, NO_LABEL]] = True
_FATES = {DUPLICATE: "duplicate", UNMATCHED: "unmatched"}
NO_PREDICTION = "no such prediction within the label horizon"
_REASONS: dict[int, Callable[[Reading, int], str]] = {
    DUPLICATE: lambda _reading, _row: "",
    UNMATCHED: lambda _reading, _row: NO_PREDICTION,
    NO_MONITOR: lambda reading, row: f"no monitor watches model {reading.model(row)!r}",
    TOO_LATE: lambda _reading, _row: "too-late",
    FUTURE: lambda _reading, _row: "future-time",
    NO_PROBABILITY: lambda reading, row: f"no probability: score {reading.rows.scores[row]:g}",
    NO_LABEL: lambda reading, row: f"no label of a {reading.task(row)} task: {reading.label(row)!r}",
}
