"""CSV files as Arrow tables: their first line names the columns, an empty field is a missing value."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pyarrow as pa
from streamgauge.spec_parts import Feature

from stream.backtest.errors import BacktestError
from stream.backtest.parquet import ParquetRows

_TEXTS = ("prediction_id", "version")


def opened(path: Path, features: Mapping[str, Feature]) -> CsvRows | ParquetRows:
    """Open a file: CSV if its name ends so, also where it is compressed, else Parquet; BacktestError as they raise."""
    return CsvRows(path, features) if path.name.lower().endswith((".csv", ".csv.gz")) else ParquetRows(path)


class CsvRows:
    """A CSV file, read whole; what `stream.backtest.parquet.ParquetRows` is for Parquet.

    Parameters
    ----------
    features
        Say which columns are numbers and which are texts; of others the values tell.

    Raises
    ------
    BacktestError
        If it cannot be read, or holds no rows.
    """

    def __init__(self, path: Path, features: Mapping[str, Feature]) -> None:
        self.path = path
        self._table = _read(path, features).combine_chunks()
        self.rows = self._table.num_rows
        if not self.rows:
            raise BacktestError([f"{path}: holds no rows"])

    @property
    def schema(self) -> pa.Schema:
        """The columns with their types."""
        return self._table.schema

    def example(self, column: str) -> object:
        """Return the first value of a column that is not null; None if there is none."""
        for value in self._table[column].drop_null().slice(0, 1):
            return value.as_py()
        return None

    def tables(self, columns: Sequence[str], rows: int, first: int = 0, until: int | None = None) -> Iterator[pa.Table]:
        """Yield rows ``first .. until - 1`` in tables of `rows` rows, the last one shorter; columns in one piece."""
        until = self.rows if until is None else until
        chosen = self._table.select(columns)
        for at in range(first, until, rows):
            yield chosen.slice(at, min(rows, until - at)).combine_chunks()


def _read(path: Path, features: Mapping[str, Feature]) -> pa.Table:
    from pyarrow import csv

    types = dict.fromkeys(_TEXTS, pa.string())
    types |= {name: pa.float64() if f.type == "number" else pa.string() for name, f in features.items()}
    options = csv.ConvertOptions(
        column_types=types, null_values=[""], strings_can_be_null=True, quoted_strings_can_be_null=False
    )
    try:
        return csv.read_csv(path, convert_options=options)
    except (pa.ArrowException, OSError) as error:
        raise BacktestError([f"{path}: cannot be read as CSV ({str(error).splitlines()[0][:200]})"]) from error
