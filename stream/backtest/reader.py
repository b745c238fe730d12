"""A file of rows as chunks of columns: what a Parquet or CSV file says, checked, in the words of frames."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from streamgauge.events import MAX_TEXT, MAX_TIME_MS, MIN_TIME_MS
from streamgauge.spec import MonitorSpec

from stream.backtest.ahead import BLOCK, is_ahead, medians_of
from stream.backtest.arrow import number_words, numbers, read_numbers, read_times, times_ms
from stream.backtest.arrow import texts as as_texts
from stream.backtest.chunk import Chunk, Labels
from stream.backtest.columns import Columns, row_columns
from stream.backtest.csv_rows import opened
from stream.backtest.errors import BacktestError
from stream.backtest.ids import Ids
from stream.backtest.parquet import BATCH_ROWS
from stream.backtest.texts import Texts
from stream.folds.frame import INVALID, MISSING
from stream.folds.measure.predictions import MAX_AHEAD_MS

Ints = NDArray[np.int64]
Words = NDArray[np.uint64]
Floats = NDArray[np.float64]

CHUNK_ROWS = 1 << 13
"""Rows of a chunk: a block of the ledger at most."""

ORIGIN_MS = 946_684_800_000
"""2000-01-01 UTC. Where rows do not say when they happened, they begin with the first pane from then on."""

ROW_MS = 1_000.0
"""And follow each other so closely, if no other file says how close."""


class RowsFile:
    """A file of rows: CSV if its name ends so, else Parquet.

    Parameters
    ----------
    spec
        Whose features the rows have.
    truths
        The table of texts of labels, which grows.
    row_ms
        Milliseconds from one row to the next where the file does not say when they happened.
    is_stream
        Whether rows are in stream order: those from the future are left out then.

    Attributes
    ----------
    row_ms
        The same: it may be set until rows are read.
    truths
        That table.
    rows
        How many there are.
    columns
        Which are read.
    refused
        Row numbers that no producer could send: their score or prediction is infinite. Filled while it reads.
    ahead
        Event time by row number of rows from the future. Filled while it reads.

    Raises
    ------
    BacktestError
        If the file cannot be read, is empty, or its columns are not those that the spec asks for.
    """

    def __init__(
        self, path: Path, spec: MonitorSpec, truths: Texts, row_ms: float = ROW_MS, is_stream: bool = False
    ) -> None:
        self._file = opened(path, spec.features)
        self._spec, self.truths, self.row_ms = spec, truths, row_ms
        self.path, self.rows = path, self._file.rows
        self.columns: Columns = row_columns(str(path), self._file.schema, spec, self._file.example)
        self.refused: set[int] = set()
        self.ahead: dict[int, int] = {}
        self._is_stream = is_stream and self.is_timed

    def has(self, field: str) -> bool:
        """Say whether there is a column of that name beside the features."""
        return field in self.columns.fields

    @property
    def is_timed(self) -> bool:
        """Whether rows say when they happened."""
        return self.has("event_time")

    def times(self) -> Iterator[Ints]:
        """Yield the event times of all rows, epoch milliseconds, some at once; BacktestError on one that is none.

        A row from the future has that of those around it.
        """
        if not self._is_stream:
            yield from self._written()
            return
        first = 0
        for some in self._written():
            around = self._medians[(first + np.arange(len(some))) // BLOCK]
            yield np.where(self._is_ahead(some, first), around, some)
            first += len(some)

    def _written(self) -> Iterator[Ints]:
        """Yield the event times as the file has them, or as they are made up."""
        if not self.is_timed:
            for first in range(0, self.rows, BATCH_ROWS):
                yield self._made_up_ms(first, min(BATCH_ROWS, self.rows - first))
            return
        first = 0
        for table in self._file.tables(["event_time"], BATCH_ROWS):
            yield self._times(only(table, "event_time"), "event_time", first)
            first += table.num_rows

    def chunks(self, first: int = 0, until: int | None = None) -> Iterator[Chunk]:
        """Yield rows ``first .. until - 1``; BacktestError on an id or time that is none."""
        for table in self._file.tables(self.columns.names, CHUNK_ROWS, first, until):
            yield self._chunk(table, first)
            first += table.num_rows

    def _chunk(self, table: pa.Table, first: int) -> Chunk:
        n, model = table.num_rows, self._spec.model
        rows = np.arange(first, first + n)
        texts = Texts([model])
        shape = np.array([texts.code(name) for name, _ in self.columns.features], np.int64)
        ids = self._ids(table, rows)
        hashes, event_ms = ids.identities(model), self._event_ms(table, first)
        scores = numbers(only(table, "score")) if self.has("score") else np.full(n, np.nan)
        served = texts.words(self._answers(table)) if self.has("prediction") else np.full(n, MISSING, np.uint64)
        versions = texts.codes(only(table, "version")) if self.has("version") else np.full(n, -1)
        cells = self._cells(table, texts)
        labels, labelled = self._labels(table, first, ids, hashes, event_ms)
        table_of_texts = (texts.names, texts.hashes(), shape)
        is_numbered = not self.has("prediction_id")
        columns = (*table_of_texts, cells, served, scores, versions, labels, labelled, is_numbered)
        return self._without_refused(Chunk(rows, event_ms, ids, hashes, *columns))

    def _cells(self, table: pa.Table, texts: Texts) -> Words:
        cells = np.empty((table.num_rows, len(self.columns.features)), np.uint64)
        for i, (name, kind) in enumerate(self.columns.features):
            column = only(table, name)
            cells[:, i] = number_words(numbers(column)) if kind == "number" else texts.words(column)
        return cells

    def _answers(self, table: pa.Table) -> pa.Array:
        column = only(table, "prediction")
        return column if self._spec.task == "multiclass" else read_numbers(column)

    def _without_refused(self, chunk: Chunk) -> Chunk:
        bad = np.isinf(chunk.scores) | (chunk.served == np.uint64(INVALID))
        is_ahead = self._is_ahead(chunk.event_ms, int(chunk.rows[0])) & ~bad
        if not (bad | is_ahead).any():
            return chunk
        self.refused.update(chunk.rows[bad].tolist())
        self.ahead.update(zip(chunk.rows[is_ahead].tolist(), chunk.event_ms[is_ahead].tolist(), strict=True))
        return chunk.take(np.flatnonzero(~(bad | is_ahead)))

    @cached_property
    def _medians(self) -> Ints:
        return medians_of(self._written())

    def _is_ahead(self, event_ms: Ints, first: int) -> NDArray[np.bool_]:
        if not self._is_stream:
            return np.zeros(len(event_ms), np.bool_)
        return is_ahead(event_ms, first, self._medians, MAX_AHEAD_MS + self._spec.lateness_ms)

    def _event_ms(self, table: pa.Table, first: int) -> Ints:
        if not self.is_timed:
            return self._made_up_ms(first, table.num_rows)
        return self._times(only(table, "event_time"), "event_time", first)

    def _made_up_ms(self, first: int, n: int) -> Ints:
        begin = -(-ORIGIN_MS // self._spec.pane_ms) * self._spec.pane_ms
        return begin + (self.row_ms * np.arange(first, first + n)).astype(np.int64)

    def _ids(self, table: pa.Table, rows: Ints) -> Ids:
        if not self.has("prediction_id"):
            return Ids.of(as_texts(pa.array(rows)))
        mend = ", or leave the column out: then the row number is the id"
        return checked_ids(str(self.path), only(table, "prediction_id"), int(rows[0]), mend)

    def _labels(
        self, table: pa.Table, first: int, ids: Ids, hashes: Words, event_ms: Ints
    ) -> tuple[Labels | None, Ints]:
        """Return the labels of those rows that have one, and which these are."""
        if not self.has("label"):
            return None, np.zeros(0, np.int64)
        words = self.truths.words(only(table, "label"))
        rows = np.flatnonzero(words != np.uint64(MISSING))
        came_ms = self._label_ms(table, first, event_ms)[rows]
        nothing = np.zeros(len(rows), np.int64)
        revisions = np.zeros(len(rows), np.uint8)
        return Labels(ids.take(rows), hashes[rows], words[rows], came_ms, nothing, nothing, revisions), rows

    def _label_ms(self, table: pa.Table, first: int, event_ms: Ints) -> Ints:
        if not (self.has("label_time") and self.is_timed):
            return event_ms
        column = only(table, "label_time")
        known = np.asarray(column.is_valid())
        found = np.where(known, self._times(filled(column), "label_time", first), event_ms)
        return np.asarray(found, np.int64)

    def _times(self, column: pa.Array, name: str, first: int) -> Ints:
        return checked_times(str(self.path), column, name, first)


def checked_times(file: str, column: pa.Array, name: str, first: int) -> Ints:
    """Return epoch milliseconds of all rows; BacktestError on null, and outside the years 1900 to 2299."""
    if column.null_count:
        row = first + int(np.flatnonzero(np.asarray(column.is_null()))[0])
        raise BacktestError([f"{file}: {name} of row {row} is null: fill it, or leave the row out"])
    found = times_ms(_instants(file, column, name, first))
    if not first and pa.types.is_integer(column.type) and _SECONDS[0] <= found[0] < _SECONDS[1]:
        raise BacktestError([f"{file}: {name} of row 0 is {column[0]}, which looks like seconds: write milliseconds"])
    beyond = np.flatnonzero((found < MIN_TIME_MS) | (found > MAX_TIME_MS))
    if len(beyond):
        value, row = column[int(beyond[0])], first + int(beyond[0])
        raise BacktestError(
            [
                f"{file}: {name} of row {row} is {value}, outside the years 1900 to 2299: whole numbers are "
                "milliseconds, not micro- or nanoseconds"
            ]
        )
    return found


_SECONDS = 1_000_000_000, 4_000_000_000
"""What epoch seconds of the years 2001 to 2096 are. As milliseconds: 12 January to 16 February 1970."""


def _instants(file: str, column: pa.Array, name: str, first: int) -> pa.Array:
    try:
        return read_times(column)
    except ValueError as error:
        said = f"{name} from row {first} on holds texts ({str(column[0])[:40]!r}) that are not all ISO 8601"
        mend = "write timestamps, or whole epoch milliseconds"
        raise BacktestError([f"{file}: {said}, with a zone each or none: {mend}"]) from error


def checked_ids(file: str, column: pa.Array, first: int, mend: str) -> Ids:
    """Return prediction ids; BacktestError on null, and on what has no or more than 256 characters."""
    names = as_texts(column)
    sizes = pc.fill_null(pc.utf8_length(names), 0)
    wrong = np.flatnonzero(np.asarray(pc.or_(pc.less(sizes, 1), pc.greater(sizes, MAX_TEXT))))
    if len(wrong):
        place = int(wrong[0])
        size = sizes[place].as_py()
        said = "null" if column[place].as_py() is None else f"a text of {size:,} characters"
        row = first + place
        raise BacktestError([f"{file}: prediction_id of row {row} is {said}: write 1 to {MAX_TEXT} characters{mend}"])
    return Ids.of(names)


def filled(column: pa.Array) -> pa.Array:
    """Return a column with some valid time in place of nulls."""
    if column.null_count == len(column):
        return pa.array(np.zeros(len(column), np.int64))
    return column.fill_null(column.drop_null()[0])


def only(table: pa.Table, name: str) -> pa.Array:
    """Return a column of a table that is in one piece."""
    column = table.column(name)
    return column.chunk(0) if column.num_chunks else pa.array([], column.type)
