"""Raw rows out of the older kind of blocks, until none is written any more."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from stream.folds.base import Record
from stream.folds.blocks import INVALID, Block, Column, Rows, Source
from stream.folds.store.batch import INSTANT, Batch

Floats = NDArray[np.float64]
Codes = NDArray[np.int32]


def block_batches(partition: int, record: Record, block: Block) -> Iterator[Batch]:
    """Yield one batch for each part of a block of ledger partition `partition`."""
    for rows in block.parts:
        columns = _common(partition, record, block.source, rows)
        if rows.kind == "prediction":
            yield Batch("prediction_rows", pa.table(columns | _prediction(rows)))
        else:
            yield Batch("label_rows", pa.table(columns | _label(rows)))


def numbers_map(names: Sequence[str], columns: Sequence[Floats], n: int) -> pa.MapArray:
    """Return a map of each row from name to number, ``(n,)``; NaN is left out.

    >>> numbers_map(["a", "b"], [np.array([1.0, np.nan]), np.array([2.0, 3.0])], 2).to_pylist()
    [[('a', 1.0), ('b', 2.0)], [('b', 3.0)]]
    """
    matrix = np.column_stack(columns) if columns else np.empty((n, 0))
    present = ~np.isnan(matrix)
    return pa.MapArray.from_arrays(_offsets(present), _names(names, present), pa.array(matrix[present]))


def texts_map(columns: Sequence[Column], n: int) -> pa.MapArray:
    """Return a map of each row from name to text, ``(n,)``; what is no text is left out."""
    codes = _code_matrix(columns, n)
    starts = np.cumsum([0, *(len(column.levels) for column in columns)])[:-1]
    present = codes >= 0
    levels = pa.array([level for column in columns for level in column.levels], pa.string())
    texts = levels.take(pa.array((codes + starts)[present]))
    return pa.MapArray.from_arrays(_offsets(present), _names([c.name for c in columns], present), texts)


def invalid_names(columns: Sequence[Column], n: int) -> pa.ListArray:
    """Return the names of the columns whose value is invalid, for each row, ``(n,)``."""
    bad = _code_matrix(columns, n) == INVALID
    return pa.ListArray.from_arrays(_offsets(bad), _names([column.name for column in columns], bad))


def texts(column: Column, n: int) -> pa.Array:
    """Return a column's texts, ``(n,)``; empty where the value is no text."""
    codes = column.code_array(n)
    return pa.array([*column.levels, ""]).take(pa.array(np.where(codes >= 0, codes, len(column.levels))))


def _common(partition: int, record: Record, source: Source, rows: Rows) -> dict[str, pa.Array]:
    n = rows.n
    return {
        "model": _repeat(rows.model, n),
        "event_time": pa.array(rows.event_array()).cast(INSTANT),
        "topic": _repeat(source.topic, n),
        "topic_id": _repeat(source.topic_id, n),
        "partition": _repeat(source.partition, n),
        "place": pa.array(rows.position_array()),
        "ledger_partition": _repeat(partition, n),
        "ledger_position": _repeat(record.position, n),
        "known": _repeat(record.append_ms, n).cast(INSTANT),
        "source": texts(rows.source, n),
        "prediction_id": pa.array(rows.ids, pa.string()),
    }


def _prediction(rows: Rows) -> dict[str, pa.Array]:
    n = rows.n
    with_numbers = [column for column in rows.features if column.numbers]
    with_codes = [column for column in rows.features if column.codes]
    return {
        "model_version": texts(rows.version, n),
        "score": _floats(rows.score, n),
        "label": pa.array(rows.label.number_array(n)),
        "label_text": texts(rows.label, n),
        "latency_ms": _floats(rows.latency_ms, n),
        "shadow": numbers_map([name for name, _ in rows.shadow], [_array(data, n) for _, data in rows.shadow], n),
        "numbers": numbers_map([c.name for c in with_numbers], [c.number_array(n) for c in with_numbers], n),
        "texts": texts_map(with_codes, n),
        "invalid": invalid_names(with_codes, n),
    }


def _label(rows: Rows) -> dict[str, pa.Array]:
    return {
        "lane": texts(rows.lane, rows.n),
        "value": pa.array(rows.label.number_array(rows.n)),
        "text": texts(rows.label, rows.n),
        "revision": pa.repeat(pa.scalar(0, pa.uint8()), rows.n),
    }


def _array(data: bytes, n: int) -> Floats:
    return np.frombuffer(data, "<f8") if data else np.full(n, np.nan)


def _floats(data: bytes, n: int) -> pa.Array:
    return pa.array(_array(data, n))


def _repeat(value: str | int, n: int) -> pa.Array:
    return pa.repeat(pa.scalar(value, pa.string() if isinstance(value, str) else pa.int64()), n)


def _code_matrix(columns: Sequence[Column], n: int) -> Codes:
    if not columns:
        return np.empty((n, 0), np.int32)
    return np.column_stack([column.code_array(n) for column in columns])


def _offsets(present: NDArray[np.bool_]) -> pa.Array:
    """Return where each row's entries begin and end among all that are present, row by row, ``(n + 1,)``."""
    return pa.array(np.concatenate([[0], np.cumsum(present.sum(axis=1))]).astype(np.int32))


def _names(names: Sequence[str], present: NDArray[np.bool_]) -> pa.Array:
    places = np.broadcast_to(np.arange(present.shape[1]), present.shape)[present]
    return pa.array(names, pa.string()).take(pa.array(places))
