"""Result rows as columns: the tables have the fields of ``rows.py``, an instant without its ``_ms``."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from itertools import chain
from typing import get_type_hints

import msgspec
import pyarrow as pa

from stream.folds.rows import Result, Row
from stream.folds.store.batch import INSTANT, Batch

INSTANTS = frozenset({"pane_ms", "arrival_ms", "known_ms", "opened_ms", "closed_ms", "since_ms", "start_ms"})

_POSITIONS = pa.list_(pa.struct([("partition", pa.int64()), ("position", pa.int64())]))
_TYPES: dict[object, pa.DataType] = {
    str: pa.string(),
    int: pa.int64(),
    float: pa.float64(),
    bool: pa.bool_(),
    tuple[int, ...]: pa.list_(pa.int64()),
    tuple[str, ...]: pa.list_(pa.string()),
    tuple[tuple[int, int], ...]: _POSITIONS,
    dict[str, int]: pa.map_(pa.string(), pa.int64()),
}


def table_of(kind: type[Row]) -> str:
    """Return the table of a kind of row.

    >>> from stream.folds.rows import PaneRow
    >>> table_of(PaneRow)
    'panes_rows'
    """
    return f"{kind.__struct_config__.tag}_rows"


@lru_cache(maxsize=64)
def columns_of(kind: type[Row]) -> tuple[tuple[str, str, pa.DataType], ...]:
    """Return field, column and Arrow type of each field, in order."""
    hints = get_type_hints(kind)
    names = [field.name for field in msgspec.structs.fields(kind)]
    return tuple(
        (name, name.removesuffix("_ms"), INSTANT) if name in INSTANTS else (name, name, _TYPES[hints[name]])
        for name in names
    )


def result_batches(rows: Iterable[Result]) -> list[Batch]:
    """Return one batch for each kind of row, rows in order."""
    by_kind: dict[type[Row], list[Row]] = {}
    for row in rows:
        by_kind.setdefault(type(row), []).append(row)
    return [Batch(table_of(kind), _table(kind, some)) for kind, some in by_kind.items()]


def _table(kind: type[Row], rows: Sequence[Row]) -> pa.Table:
    return pa.table(
        {
            column: _BUILDERS.get(type_, _plain)([getattr(row, field) for row in rows], type_)
            for field, column, type_ in columns_of(kind)
        }
    )


def _plain(values: Sequence[object], type_: pa.DataType) -> pa.Array:
    return pa.array(values, type_)


def _offsets(values: Sequence[Sequence[object]]) -> pa.Array:
    ends = [0]
    for value in values:
        ends.append(ends[-1] + len(value))
    return pa.array(ends, pa.int32())


def _lists(values: Sequence[Sequence[object]], type_: pa.DataType) -> pa.Array:
    inner = pa.array(list(chain.from_iterable(values)), type_.value_type)
    return pa.ListArray.from_arrays(_offsets(values), inner)


def _pairs(values: Sequence[Sequence[tuple[int, int]]], _type: pa.DataType) -> pa.Array:
    flat = list(chain.from_iterable(values))
    parts = [pa.array([pair[i] for pair in flat], pa.int64()) for i in (0, 1)]
    inner = pa.StructArray.from_arrays(parts, names=["partition", "position"])
    return pa.ListArray.from_arrays(_offsets(values), inner)


_BUILDERS: dict[pa.DataType, Callable[[Sequence[Sequence[object]], pa.DataType], pa.Array]] = {
    _TYPES[tuple[int, ...]]: _lists,
    _TYPES[tuple[str, ...]]: _lists,
    _POSITIONS: _pairs,  # type: ignore[dict-item]
}
