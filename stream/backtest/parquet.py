"""Parquet files as a stream of Arrow tables of equal length, however their row groups are cut."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from stream.backtest.arrow import plain
from stream.backtest.errors import BacktestError

BATCH_ROWS = 1 << 16
"""Rows that are decoded at once."""


class ParquetRows:
    """A Parquet file, open.

    Raises
    ------
    BacktestError
        If it cannot be read, or holds no rows.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self._file = pq.ParquetFile(path)
        except (pa.ArrowException, OSError) as error:
            raise BacktestError([f"{path}: cannot be read as Parquet ({_first_line(error)}): write it anew"]) from error
        self.rows = self._file.metadata.num_rows
        if not self.rows:
            raise BacktestError([f"{path}: holds no rows: nothing to backtest"])

    @property
    def schema(self) -> pa.Schema:
        """The columns with their types."""
        return self._file.schema_arrow

    def example(self, column: str) -> object:
        """Return the first value of a column that is not null; None if there is none."""
        for batch in self._batches([column], 0):
            for value in batch.column(0).drop_null().slice(0, 1):
                return value.as_py()
        return None

    def tables(self, columns: Sequence[str], rows: int, first: int = 0, until: int | None = None) -> Iterator[pa.Table]:
        """Yield rows ``first .. until - 1`` in tables of `rows` rows, the last one shorter; columns in one piece.

        Raises
        ------
        BacktestError
            If the file is damaged.
        """
        until = self.rows if until is None else until
        group, before = self._group_of(first)
        batches = _cut(self._batches(columns, group), first - before, until - before)
        for table in _regrouped(batches, rows):
            yield table.combine_chunks()

    def _group_of(self, row: int) -> tuple[int, int]:
        """Return the row group that holds a row, and how many rows are before that group."""
        before = 0
        for group in range(self._file.num_row_groups):
            rows = self._file.metadata.row_group(group).num_rows
            if row < before + rows:
                return group, before
            before += rows
        return self._file.num_row_groups, before

    def _batches(self, columns: Sequence[str], first_group: int) -> Iterator[pa.RecordBatch]:
        groups = list(range(first_group, self._file.num_row_groups))
        try:
            for batch in self._file.iter_batches(BATCH_ROWS, row_groups=groups, columns=list(columns)):
                yield pa.RecordBatch.from_arrays([plain(batch.column(name)) for name in columns], list(columns))
        except (pa.ArrowException, OSError) as error:
            raise BacktestError([f"{self.path}: is damaged ({_first_line(error)}): write it anew"]) from error


def _cut(batches: Iterable[pa.RecordBatch], first: int, until: int) -> Iterator[pa.RecordBatch]:
    at = 0
    for batch in batches:
        start, end = max(first - at, 0), min(until - at, batch.num_rows)
        if start < end:
            yield batch.slice(start, end - start)
        at += batch.num_rows
        if at >= until:
            return


def _regrouped(batches: Iterable[pa.RecordBatch], rows: int) -> Iterator[pa.Table]:
    waiting: pa.Table | None = None
    for batch in batches:
        more = pa.Table.from_batches([batch])
        waiting = more if waiting is None else pa.concat_tables([waiting, more])
        while waiting.num_rows >= rows:
            yield waiting.slice(0, rows)
            waiting = waiting.slice(rows)
    if waiting is not None and waiting.num_rows:
        yield waiting


def _first_line(error: Exception) -> str:
    return str(error).split("\n", maxsplit=1)[0][:200]
