"""CSV files as Arrow tables: their first line names the columns, an empty field or `MISSING` is a missing value."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pyarrow as pa
from streamgauge.spec_parts import Feature

from stream.backtest.errors import BacktestError
from stream.backtest.parquet import ParquetRows

if TYPE_CHECKING:
    from pyarrow import csv

_TEXTS = ("prediction_id", "version")

MISSING: Final = (
    *("", "NA", "N/A", "n/a", "<NA>", "#N/A", "#N/A N/A", "#NA", "NaN", "nan", "-NaN", "-nan", "NULL", "null", "None"),
    *("1.#IND", "-1.#IND", "1.#QNAN", "-1.#QNAN"),
)
"""Fields without quotes that say that there is no value: those of pandas."""

_NO_NUMBER: Final = re.compile(r"In CSV column #(\d+): .*conversion error to double: invalid value '(.*)'", re.DOTALL)
_FEW = 60


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
    try:
        return csv.read_csv(path, convert_options=_options(types))
    except (pa.ArrowException, OSError) as error:
        said = _no_number(path, str(error))
        if said is None:
            said = f"cannot be read as CSV ({str(error).splitlines()[0][:200]})"
        raise BacktestError([f"{path}: {said}"]) from error


def _options(types: Mapping[str, pa.DataType]) -> csv.ConvertOptions:
    from pyarrow import csv

    return csv.ConvertOptions(
        column_types=types, null_values=MISSING, strings_can_be_null=True, quoted_strings_can_be_null=False
    )


def _no_number(path: Path, error: str) -> str | None:
    """Return which column, row and value is no number, and the mend; None if the error says something else."""
    found = _NO_NUMBER.match(error)
    if found is None:
        return None
    from pyarrow import csv

    column, value = int(found[1]), found[2]
    with csv.open_csv(path) as reader:
        name = reader.schema.names[column]
    texts = csv.read_csv(path, convert_options=_options({name: pa.string()}))[name]
    row = next((i for i, text in enumerate(texts.to_pylist()) if text == value), 0)
    mend = "write a number, nothing or NA, or say type: category in the spec"
    return f"column {name} holds {value[:_FEW]!r} in row {row:,}, the spec says number: {mend}"
