"""What ClickHouse holds about one prediction_id: its rows, their fates, panes, incidents and dead letters."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from clickhouse_connect.driver.client import Client

Row = dict[str, object]
LIMIT = 100
"""Rows of one kind that are looked at: one id has few, unless somebody sends the same one for ever."""

# A row stands in the table once for each copy in the ledger until parts are merged: the first copy counts.
_ROWS = """
SELECT
    model, topic, partition, bitShiftRight(place, 16) AS offset, bitAnd(place, 65535) AS line, place,
    ledger_partition, ledger_position, toUnixTimestamp64Milli(event_time) AS event_ms,
    toUnixTimestamp64Milli(known) AS arrival_ms, source, {columns}
FROM {table}
WHERE prediction_id = {{id:String}} AND ({{model:String}} = '' OR model = {{model:String}})
ORDER BY ledger_position, place LIMIT 1 BY model, topic_id, partition, place
LIMIT {limit}
"""
_COLUMNS = {
    "prediction_rows": "model_version, if(isFinite(score), score, NULL) AS score",
    "label_rows": "lane, revision, if(text != '', text, if(isFinite(value), toString(value), '')) AS label",
}

_FATES = """
SELECT model, topic, partition, place, kind, fate, reason FROM fates_rows
WHERE prediction_id = {id:String} AND ({model:String} = '' OR model = {model:String})
ORDER BY position DESC LIMIT 1 BY model, topic, partition, place, kind
"""

_LINEAGES = """
SELECT lineage, monitor, pane_s, toUnixTimestamp64Milli(start) AS start_ms, spec FROM lineages
WHERE model = {model:String}
  AND shown_from <= fromUnixTimestamp64Milli({event_ms:Int64}) AND shown_to > fromUnixTimestamp64Milli({event_ms:Int64})
ORDER BY monitor
"""

_PANES = """
SELECT
    model_version, toUnixTimestamp64Milli(arrival) AS arrival_ms, n, labels,
    arrayMap(it -> (it.1, it.2), merged) AS merged, toUnixTimestamp64Milli(known) AS known_ms
FROM panes_rows FINAL
WHERE lineage = {lineage:String} AND segment_key = '' AND segment_value = ''
  AND pane = fromUnixTimestamp64Milli({pane_ms:Int64})
ORDER BY arrival_ms, model_version
"""

_MATURITY = """
SELECT max(is_mature) AS is_mature, max(labels) AS labels, max(if(isFinite(maturity), maturity, 0)) AS maturity
FROM performance_rows FINAL
WHERE lineage = {lineage:String} AND segment_key = '' AND pane = fromUnixTimestamp64Milli({pane_ms:Int64})
"""

_INCIDENTS = """
SELECT id, kind, level, title, toUnixTimestamp64Milli(since) AS since_ms, is_open FROM incidents
WHERE lineage = {lineage:String} AND since <= fromUnixTimestamp64Milli({pane_ms:Int64})
  AND (isNull(closed) OR closed > fromUnixTimestamp64Milli({pane_ms:Int64}))
ORDER BY since, id
"""

_LETTERS = """
SELECT
    reason, toUnixTimestamp64Milli(at) AS at_ms, topic, partition, offset, line, field, message, hint, model, source
FROM dead_letters
WHERE position(excerpt, {quoted:String}) > 0 AND ({model:String} = '' OR model IN ('', {model:String}))
ORDER BY at DESC LIMIT 20
"""


def rows(client: Client, table: str, model: str, prediction_id: str) -> list[Row]:
    """Return the rows of ``prediction_rows`` or ``label_rows`` that have the id, first in the ledger first.

    `model` may be empty: of all models. Costs a look at the bloom filter of each block of rows.
    """
    sql = _ROWS.format(columns=_COLUMNS[table], table=table, limit=LIMIT)
    return _query(client, sql, id=prediction_id, model=model)


def fates(client: Client, model: str, prediction_id: str) -> dict[tuple[object, ...], Row]:
    """Return what became of rows that were not simply used, by model, topic, partition, place and kind."""
    found = _query(client, _FATES, id=prediction_id, model=model)
    return {tuple(row[name] for name in ("model", "topic", "partition", "place", "kind")): row for row in found}


def lineages(client: Client, model: str, event_ms: int) -> list[Row]:
    """Return the lineages whose panes are shown at an instant of event time, one for each monitor."""
    return _query(client, _LINEAGES, model=model, event_ms=event_ms)


def panes(client: Client, lineage: str, pane_ms: int) -> list[Row]:
    """Return what arrived in a pane, for all rows together, by arrival and version."""
    return _query(client, _PANES, lineage=lineage, pane_ms=pane_ms)


def maturity(client: Client, lineage: str, pane_ms: int) -> Row:
    """Return whether the labels of a pane are mature, how many there are, as share of those expected."""
    return _query(client, _MATURITY, lineage=lineage, pane_ms=pane_ms)[0]


def incidents(client: Client, lineage: str, pane_ms: int) -> list[Row]:
    """Return incidents that were open at a pane."""
    return _query(client, _INCIDENTS, lineage=lineage, pane_ms=pane_ms)


def letters(client: Client, model: str, prediction_id: str) -> list[Row]:
    """Return the newest dead letters whose excerpt names the id, as JSON writes it."""
    return _query(client, _LETTERS, quoted=json.dumps(prediction_id, ensure_ascii=False), model=model)


def _query(client: Client, sql: str, **parameters: object) -> list[Row]:
    result = client.query(sql, parameters=parameters)
    return [dict(zip(result.column_names, row, strict=True)) for row in result.result_rows]
