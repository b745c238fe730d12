"""Labels that wait for the log to come to their time, and those of a file of their own."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from streamgauge.events import MAX_REVISION

from stream.backtest.arrow import numbers
from stream.backtest.chunk import UNKNOWN_MS, Chunk, Labels
from stream.backtest.columns import label_columns
from stream.backtest.csv_rows import opened
from stream.backtest.errors import BacktestError
from stream.backtest.parquet import BATCH_ROWS
from stream.backtest.reader import checked_ids, checked_times, filled, only
from stream.backtest.texts import Texts
from stream.folds.frame import MISSING

Ints = NDArray[np.int64]

MOST_PARTS = 8
"""Sorted runs of waiting labels that are kept apart."""


class Waiting:
    """Labels in the order in which they are due; of those due together, in the order in which they were added."""

    def __init__(self) -> None:
        self._parts: list[Labels] = []

    def __len__(self) -> int:
        return sum(map(len, self._parts))

    def add(self, labels: Labels) -> None:
        """Let some wait."""
        if not len(labels):
            return
        self._parts.append(_sorted(labels))
        if len(self._parts) > MOST_PARTS:
            self._parts = [_sorted(Labels.joined(self._parts))]

    def take(self, until_ms: int) -> Labels | None:
        """Take out those that are due at or before a time; None if there are none."""
        ends = [int(np.searchsorted(part.due_ms, until_ms, side="right")) for part in self._parts]
        found = [part.part(0, end) for part, end in zip(self._parts, ends, strict=True) if end]
        if not found:
            return None
        rest = zip(self._parts, ends, strict=True)
        self._parts = [part.part(end, len(part)) for part, end in rest if end < len(part)]
        return found[0] if len(found) == 1 else _sorted(Labels.joined(found))

    def next_ms(self) -> int:
        """Return when the first one is due; ValueError if none waits."""
        return min(int(part.due_ms[0]) for part in self._parts)

    def is_any_late(self, until_ms: int) -> bool:
        """Say whether one that is due by a time comes after the pane of its prediction is sealed."""
        for part in self._parts:
            end = int(np.searchsorted(part.due_ms, until_ms, side="right"))
            if (part.due_ms[:end] > part.sealed_ms[:end]).any():
                return True
        return False


class LabelFile:
    """Labels of a file, by the identity of their prediction.

    Parameters
    ----------
    texts
        The table of texts of labels, which grows.
    is_timed
        Whether predictions say when they were made; else no time of a label can be compared with theirs.

    Attributes
    ----------
    has_times
        Whether it says when labels came.
    rows
        How many rows the file has.
    nulls
        How many of them have no label.
    extra
        Columns that nobody reads.

    Raises
    ------
    BacktestError
        If the file cannot be read, is empty, or a column, id, time or revision is none.
    """

    def __init__(self, path: Path, model: str, texts: Texts, is_timed: bool = True) -> None:
        file = opened(path, {})
        columns = label_columns(str(path), file.schema, file.example)
        self.has_times = "label_time" in columns.fields
        self.path, self.rows, self.extra = path, file.rows, columns.extra
        self._model, self._texts, self._fields = model, texts, columns.fields
        self._is_timed = is_timed and self.has_times
        tables = file.tables(columns.names, BATCH_ROWS)
        labels = Labels.joined([self._labels(table, i * BATCH_ROWS) for i, table in enumerate(tables)])
        self.nulls = self.rows - len(labels)
        self._by_hash = labels.take(np.argsort(labels.hashes, kind="stable"))
        self._is_taken = np.zeros(len(labels), np.bool_)

    def of(self, chunk: Chunk) -> tuple[Labels, Ints]:
        """Return the labels of a chunk's rows, once each, and the place of the row of each; in the order of rows."""
        hashes = self._by_hash.hashes
        first = np.searchsorted(hashes, chunk.hashes, side="left")
        counts = np.searchsorted(hashes, chunk.hashes, side="right") - first
        places = np.repeat(np.arange(len(chunk)), counts)
        found = np.repeat(first - (np.cumsum(counts) - counts), counts) + np.arange(len(places))
        once = np.sort(np.unique(found, return_index=True)[1])
        once = once[~self._is_taken[found[once]]]
        self._is_taken[found[once]] = True
        return self._by_hash.take(found[once]), places[once]

    def rest(self) -> Labels:
        """Return the labels of predictions that were not there."""
        return self._by_hash.take(np.flatnonzero(~self._is_taken))

    def _labels(self, table: pa.Table, first: int) -> Labels:
        words = self._texts.words(only(table, "label"))
        rows = np.flatnonzero(words != np.uint64(MISSING))
        ids = checked_ids(str(self.path), only(table, "prediction_id"), first, "")
        hashes, came_ms = ids.identities(self._model), self._came_ms(table, first)
        nothing = np.zeros(len(rows), np.int64)
        revisions = self._revisions(table, first)[rows]
        return Labels(ids.take(rows), hashes[rows], words[rows], came_ms[rows], nothing, nothing, revisions)

    def _came_ms(self, table: pa.Table, first: int) -> Ints:
        if not self._is_timed:
            return np.full(table.num_rows, UNKNOWN_MS)
        column = only(table, "label_time")
        times = checked_times(str(self.path), filled(column), "label_time", first)
        return np.where(np.asarray(column.is_valid()), times, UNKNOWN_MS)

    def _revisions(self, table: pa.Table, first: int) -> NDArray[np.uint8]:
        if "revision" not in self._fields:
            return np.zeros(table.num_rows, np.uint8)
        found = np.nan_to_num(numbers(only(table, "revision")))
        wrong = np.flatnonzero((found < 0) | (found > MAX_REVISION))
        if len(wrong):
            row = int(wrong[0])
            said = f"revision of row {first + row} is {found[row]:g}: write whole numbers from 0 to {MAX_REVISION}"
            raise BacktestError([f"{self.path}: {said}"])
        return found.astype(np.uint8)


def _sorted(labels: Labels) -> Labels:
    return labels.take(np.argsort(labels.due_ms, kind="stable"))
