"""The audit: what ClickHouse holds against what the ledger says, table by table, row by row."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, get_args

from streamgauge.partition import partition_of

from stream.clickhouse.client import connect
from stream.folds.base import Output, Record
from stream.folds.rows import Result
from stream.folds.store import tables
from stream.folds.store.results import table_of
from stream.ops.lineages import LINEAGE_TABLES
from stream.ops.recompute import Recomputed, Window, recompute
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
    begins
        Position in each partition of `partials` after which it was computed: −1 for the beginning.
    examples
        A sentence for each of the first differences of a table.
    """

    differences: int
    compared: dict[str, int]
    begins: dict[int, int] = field(default_factory=dict)
    examples: tuple[str, ...] = field(default=())


@dataclass(frozen=True, slots=True)
class Scope:
    """What of the stored rows is looked at: of one model or all, of panes that begin in a span of event time or all."""

    model: str | None = None
    start: datetime | None = None
    stop: datetime | None = None

    @property
    def is_span(self) -> bool:
        """Say whether only a span is looked at."""
        return self.start is not None or self.stop is not None

    def holds(self, row: Row) -> bool:
        """Say whether a row is looked at; those of no model (gaps) always, those of no pane too."""
        if row.get("monitor") == "" and row.get("kind") == "pipeline":
            return False  # said by a worker that had to stop, not by the folds
        if self.model is not None and row["model"] not in (self.model, ""):
            return False
        pane = row.get("pane")
        if not isinstance(pane, datetime):
            return True
        return (self.start is None or pane >= self.start) and (self.stop is None or pane < self.stop)


EVERYTHING = Scope()


def audit(settings: Settings, scope: Scope = EVERYTHING) -> AuditReport:
    """Compute results again from the ledger and compare: integers to the byte, derived numbers to 1e-12.

    Parameters
    ----------
    scope
        Which rows. A span of panes begins at the newest checkpoints that were taken before its first row.

    Raises
    ------
    LogError
        If the log is no longer kept from where the nearest checkpoint stands.

    Notes
    -----
    Costs a read of the ledger's range: about a minute for a million events.
    """
    client = connect(settings.clickhouse)
    try:
        windows = _windows(settings, client, scope) if scope.is_span else None
        return _compare(settings, client, recompute(settings, windows), scope)
    finally:
        client.close()


def _windows(settings: Settings, client: Client, scope: Scope) -> dict[int, Window]:
    """Return between which positions the rows of a span were computed, by partition of `partials`."""
    windows: dict[int, Window] = {}
    for model, low, high in client.query(_POSITIONS, parameters=_span(scope)).result_rows:
        q = partition_of(str(model).encode(), settings.runtime.partials_partitions)
        before = windows.get(q, (low, high))
        windows[q] = min(low, before[0]), max(high, before[1])
    return windows


_IN_SPAN = "WHERE pane >= {start:DateTime64(3)} AND pane < {stop:DateTime64(3)}"
_LIVE = "lineage NOT IN (SELECT lineage FROM replay_rows)"
"""The ledger names live lineages only: what a replay stored beside them is not its own."""

_POSITIONS = " UNION ALL ".join(
    f"SELECT model, min(position), max(position) FROM {table} {_IN_SPAN} AND {_LIVE} "  # noqa: S608  our own names
    "AND ({model:String} = '' OR model = {model:String}) GROUP BY model"
    for table in ("panes_rows", "performance_rows", "estimates_rows", "verdicts_rows")
)
_ALWAYS = datetime(1900, 1, 1, tzinfo=UTC), datetime(2299, 1, 1, tzinfo=UTC)


def _span(scope: Scope) -> dict[str, object]:
    return {"start": scope.start or _ALWAYS[0], "stop": scope.stop or _ALWAYS[1], "model": scope.model or ""}


def _compare(settings: Settings, client: Client, computed: Recomputed, scope: Scope) -> AuditReport:
    compared = {"messages": computed.messages}
    bounds = _Bounds(computed, settings.runtime.partials_partitions)
    differences = len(computed.differing)
    examples = [f"partials: message {an_id} is not what the ledger says" for an_id in computed.differing[:EXAMPLES]]
    expected = _expected(client, computed)
    for table in TABLES:
        mine, stored = (
            {key: row for key, row in rows.items() if scope.holds(row)}
            for rows in (expected.get(table, {}), _stored(client, table, scope))
        )
        found = list(_differences(table, mine, stored, bounds))
        compared[table] = len(mine)
        differences += len(found)
        examples += found[:EXAMPLES]
    return AuditReport(differences, compared, computed.starts, tuple(examples))


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


class _Bounds:
    """Between which positions in `partials` the rows of a model are computed."""

    def __init__(self, computed: Recomputed, partitions: int) -> None:
        self._computed, self._partitions = computed, partitions

    def hold(self, table: str, row: Row) -> bool:
        """Say whether a stored row must be among what is computed."""
        q = partition_of(str(row["model"]).encode(), self._partitions)
        begin, end = self._computed.starts.get(q, -1), self._computed.ends.get(q, -1)
        if table in _OTHER_POSITIONS or "position" not in row:  # nothing says when: known only if all is computed
            return begin < 0
        return begin < _position(row) <= end

    def passed(self, table: str, row: Row) -> bool:
        """Say whether a stored row is newer than what is computed: it may have replaced the row that is expected."""
        if table in _OTHER_POSITIONS or "position" not in row:
            return False
        q = partition_of(str(row["model"]).encode(), self._partitions)
        return _position(row) > self._computed.ends.get(q, -1)


def _stored(client: Client, table: str, scope: Scope) -> dict[Key, Row]:
    names = _key_columns(client, table)
    where = _IN_SPAN if scope.is_span and "pane" in names else "WHERE true"
    live = f"AND {_LIVE}" if table in LINEAGE_TABLES else ""
    sql = f"SELECT * FROM {table} FINAL {where} {live}"  # noqa: S608  our own names
    found: pa.Table = client.query_arrow(sql, parameters=_span(scope), use_strings=True)
    return {tuple(_comparable(row[name]) for name in names): row for row in found.to_pylist()}


# Rows whose position is one of the ledger, or of a public topic.
_OTHER_POSITIONS = frozenset({"conservation_rows", "fates_rows", "alert_rows"})


def _differences(table: str, mine: Mapping[Key, Row], stored: Mapping[Key, Row], bounds: _Bounds) -> Iterator[str]:
    """Yield a sentence for each row that is not the same on both sides."""
    for key in mine.keys() - stored.keys():
        yield f"{table} {key}: missing"
    for key in stored.keys() - mine.keys():
        if bounds.hold(table, stored[key]):
            yield f"{table} {key}: stored, but the ledger does not say so"
    for key in mine.keys() & stored.keys():
        is_newer = table in _OTHER_POSITIONS and _position(stored[key]) > _position(mine[key]) > 0
        if is_newer or bounds.passed(table, stored[key]):
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
