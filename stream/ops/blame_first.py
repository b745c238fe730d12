"""The row with which a change began."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from detectors.blame.cells import members
from detectors.blame.onset import onset
from stream.folds.blocks import LINE_BITS
from stream.ops.blame_rows import Around, Rows, dimensions, rows_of

if TYPE_CHECKING:
    from clickhouse_connect.driver.client import Client
    from streamgauge.spec import MonitorSpec

    from stream.ops.blame_bins import Coding

Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]

_NEAR = 50
"""Of a sample: the first row is looked for again between so many of its rows around the one that was found."""


@dataclass(frozen=True, slots=True)
class First:
    """The row with which a change began: who sent it, and where its producer and the ledger have it."""

    prediction_id: str
    event_ms: int
    source: str
    topic: str
    partition: int
    offset: int
    line: int
    ledger_partition: int
    ledger_position: int


def first_row(
    client: Client, spec: MonitorSpec, around: Around, rows: Rows, coding: Coding, cell: dict[str, str]
) -> First | None:
    """Return the row, of those in a cell; of a sample, looked for again among all rows near it."""
    codes, is_in = coding.codes(rows), _in_cell(spec, rows, coding.target, cell)
    shares = [_counts(codes[is_in & side], len(coding.labels)) for side in (~rows.is_after, rows.is_after)]
    place = _place(codes, is_in, shares)
    if place is None or rows.every == 1:
        return None if place is None else _first(rows, place)
    low, high = max(0, place - _NEAR), min(len(codes) - 1, place + _NEAR)
    near = replace(around, from_ms=int(rows.event_ms[low]), to_ms=int(rows.event_ms[high]) + 1, cycle_ms=0)
    every = rows_of(client, spec, near, labels=coding.is_loss or coding.bins is None, every=1)
    again = _place(coding.codes(every), _in_cell(spec, every, coding.target, cell), shares)
    return None if again is None else _first(every, again)


def _place(codes: Ints, is_in: Flags, shares: list[Ints]) -> int | None:
    mine = np.flatnonzero(is_in & (codes >= 0))
    place = onset(codes[mine], *shares)
    return None if place is None else int(mine[place])


def _counts(codes: Ints, width: int) -> Ints:
    return np.bincount(codes[codes >= 0], minlength=width)


def _in_cell(spec: MonitorSpec, rows: Rows, target: str, cell: dict[str, str]) -> Flags:
    """Return which rows are in a cell; a dimension in which these rows do not differ tells nothing apart."""
    dims = dimensions(spec, rows, target)
    known = {one.name: one.labels for one in dims}
    return members(
        dims, {name: value for name, value in cell.items() if value in known.get(name, ())}, len(rows.event_ms)
    )


def _first(rows: Rows, place: int) -> First:
    [row] = rows.table.slice(place, 1).to_pylist()
    return First(
        prediction_id=str(row["prediction_id"]),
        event_ms=int(row["event_ms"]),
        source=str(row["source"]),
        topic=str(row["topic"]),
        partition=int(row["partition"]),
        offset=int(row["place"]) >> LINE_BITS,
        line=int(row["place"]) & ((1 << LINE_BITS) - 1),
        ledger_partition=int(row["ledger_partition"]),
        ledger_position=int(row["ledger_position"]),
    )
