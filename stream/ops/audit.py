"""The audit: what ClickHouse holds against what the ledger says, table by table, row by row."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, get_args

from streamgauge.partition import partition_of

from stream.clickhouse.client import connect
from stream.folds.base import Output, Record
from stream.folds.rows import Result
from stream.folds.store import tables
from stream.folds.store.results import table_of
from stream.ops.recompute import Recomputed, recompute
from stream.settings import Settings

if TYPE_CHECKING:
    import pyarrow as pa
    from clickhouse_connect.driver.client import Client

TOLERANCE = 1e-12
"""Relative difference that derived numbers may have; integers and texts have none."""

TABLES = tuple(sorted({*map(table_of, get_args(Result)), "alert_rows"}))
"""All are read, also those in which the ledger says that there is nothing."""

EXAMPLES = 5
_RESULTS = ("panes", "verdicts")
# Of public topics, where and when the broker stored a record is not computed.
_NOT_COMPUTED = frozenset({"known", "position", "sent"})

Key = tuple[object, ...]
Row = dict[str, object]


@dataclass(frozen=True, slots=True)
class AuditReport:
    """What an audit found.

    Attributes
    ----------
    differences
        Rows that differ, are missing or are too many, and messages of `measure` that the ledger does not explain.
    compared
        Rows compared, by table; ``messages``: records of topic `partials`.
    examples
        A sentence for each of the first differences of a table.
    """

    differences: int
    compared: dict[str, int]
    examples: tuple[str, ...] = field(default=())


def audit(settings: Settings, model: str | None = None) -> AuditReport:
    """Compute everything again from the ledger and compare: integers to the byte, derived numbers to 1e-12.

    Parameters
    ----------
    model
        Only the rows of this model; None: of all.

    Raises
    ------
    LogError
        If the ledger's beginning is no longer kept.

    Notes
    -----
    Costs a read of the whole ledger: about a minute for a million events.
    """
    computed = recompute(settings)
    client = connect(settings.clickhouse)
    try:
        return _compare(settings, client, computed, model)
    finally:
        client.close()


def _compare(settings: Settings, client: Client, computed: Recomputed, model: str | None) -> AuditReport:
    compared = {"messages": computed.messages}
    ends = _Ends(computed.ends, settings.runtime.partials_partitions)
    differences = len(computed.differing)
    examples = [f"partials: message {an_id} is not what the ledger says" for an_id in computed.differing[:EXAMPLES]]
    expected = _expected(client, computed)
    for table in TABLES:
        mine, stored = _of_model(expected.get(table, {}), model), _of_model(_stored(client, table, ends), model)
        found = list(_differences(table, mine, stored))
        compared[table] = len(mine)
        differences += len(found)
        examples += found[:EXAMPLES]
    return AuditReport(differences, compared, tuple(examples))


def _of_model(rows: Mapping[Key, Row], model: str | None) -> dict[Key, Row]:
    return {key: row for key, row in rows.items() if model is None or row["model"] in (model, "")}


def _expected(client: Client, computed: Recomputed) -> dict[str, dict[Key, Row]]:
    """Return the rows that tables should hold by key: of equal keys the highest position counts."""
    expected: dict[str, dict[Key, Row]] = {}
    keys: dict[str, tuple[str, ...]] = {}
    for q, outputs in computed.outputs.items():
        for table, row in _rows(q, outputs):
            if table not in keys:
                keys[table] = _key_columns(client, table)
            key = tuple(_comparable(row[name]) for name in keys[table])
            before = expected.setdefault(table, {}).get(key)
            if before is None or _position(row) >= _position(before):
                expected[table][key] = row
    return expected


def _rows(q: int, outputs: list[Output]) -> Iterator[tuple[str, Row]]:
    for topic in ("panes", "verdicts", "alerts"):
        records = [Record(i, 0, o.value, o.key) for i, o in enumerate(o for o in outputs if o.topic == topic)]
        for batch in tables(topic, q, records).batches:
            for row in batch.data.to_pylist():
                yield batch.table, {k: v for k, v in row.items() if topic in _RESULTS or k not in _NOT_COMPUTED}


def _position(row: Row) -> int:
    position = row.get("position", 0)
    return position if isinstance(position, int) else 0


def _key_columns(client: Client, table: str) -> tuple[str, ...]:
    sql = "SELECT sorting_key FROM system.tables WHERE database = currentDatabase() AND name = {table:String}"
    key = str(client.query(sql, parameters={"table": table}).result_rows[0][0])
    return tuple(name.strip() for name in key.split(","))


class _Ends(dict[str, int]):
    """The end of the partition of `partials` that a model lives in, by model."""

    def __init__(self, ends: dict[int, int], partitions: int) -> None:
        super().__init__()
        self._ends, self._partitions = ends, partitions

    def __missing__(self, model: str) -> int:
        return self._ends.get(partition_of(model.encode(), self._partitions), -1)


def _stored(client: Client, table: str, ends: Mapping[str, int]) -> dict[Key, Row]:
    names = _key_columns(client, table)
    found: pa.Table = client.query_arrow(f"SELECT * FROM {table} FINAL", use_strings=True)  # noqa: S608  our own name
    rows = {}
    for row in found.to_pylist():
        if "position" not in row or _position(row) <= ends[str(row["model"])] or table in _LEDGER_POSITIONS:
            rows[tuple(_comparable(row[name]) for name in names)] = row
    return rows


# Rows whose position is not one of `partials`; what was stored since is not compared.
_LEDGER_POSITIONS = frozenset({"conservation_rows", "fates_rows", "alert_rows"})


def _differences(table: str, mine: Mapping[Key, Row], stored: Mapping[Key, Row]) -> Iterator[str]:
    """Yield a sentence for each row that is not the same on both sides."""
    for key in mine.keys() - stored.keys():
        yield f"{table} {key}: missing"
    for key in stored.keys() - mine.keys():
        yield f"{table} {key}: stored, but the ledger does not say so"
    for key in mine.keys() & stored.keys():
        if table in _LEDGER_POSITIONS and _position(stored[key]) > _position(mine[key]) > 0:
            continue
        wrong = [name for name, value in mine[key].items() if not _same(value, stored[key].get(name))]
        if wrong:
            name = wrong[0]
            yield f"{table} {key}: {name} is {stored[key].get(name)!r}, the ledger says {mine[key][name]!r}"


def _same(a: object, b: object) -> bool:
    """Say whether two cells are equal: floats to TOLERANCE, NaN equals NaN."""
    if isinstance(a, float) and isinstance(b, float):
        return (math.isnan(a) and math.isnan(b)) or math.isclose(a, b, rel_tol=TOLERANCE, abs_tol=TOLERANCE)
    return bool(_comparable(a) == _comparable(b))


def _comparable(value: object) -> object:
    """Return a cell in one form, whichever way it came: maps as sorted pairs, sequences as tuples."""
    if isinstance(value, dict):
        return tuple(sorted((k, _comparable(v)) for k, v in value.items()))
    if isinstance(value, list | tuple):
        return tuple(_comparable(v) for v in value)
    return value
