"""What a system has come to, read from ClickHouse: sums of panes over their arrivals, incidents, fates, raw rows."""
# ruff: noqa: S608  the texts that queries are made of are this file's own

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from benchmarks.chaos.truth import Due, Kind, Place
from stream.clickhouse.client import connect
from stream.settings import Settings

if TYPE_CHECKING:
    from clickhouse_connect.driver.client import Client

_LINEAGE = "INNER JOIN (SELECT lineage, monitor AS of_monitor, revision FROM lineages_rows FINAL) AS l USING lineage"
_GROUP = "of_monitor, revision, model_version, segment_key, segment_value, toUnixTimestamp64Milli(pane)"

# A pane as known at one arrival is the sum over the arrivals up to it, so sums over all of them do not depend on what
# was late. Duplicates are shown only in panes that are still open, and latencies of rows in time: both are left out.
PANES = f"""
SELECT {_GROUP}, sum(n), sum(invalid), sum(labels)
FROM (SELECT * FROM panes_rows FINAL) AS p {_LINEAGE} GROUP BY ALL
"""
FEATURES = f"""
SELECT {_GROUP}, feature, sum(n), sum(missing), sum(invalid), sumForEach(bins), sumMap(levels),
    sum(total), sum(squares), minIf(low, isFinite(low)), maxIf(high, isFinite(high))
FROM (SELECT * FROM feature_panes_rows FINAL) AS p {_LINEAGE} GROUP BY ALL
"""
METRICS = f"""
SELECT {_GROUP}, metric, argMax(rows, arrival), argMax(labels, arrival), argMax(value, arrival)
FROM (SELECT * FROM performance_rows FINAL) AS p {_LINEAGE} GROUP BY ALL
"""
INCIDENTS = """
SELECT model, monitor, argMax(kind, position), argMax(level, position), argMax(arraySort(features), position),
    toUnixTimestamp64Milli(argMax(since, position)), toUnixTimestamp64Milli(argMax(opened, position)),
    toUnixTimestamp64Milli(argMax(closed, position))
FROM incidents_rows FINAL GROUP BY id, model, monitor ORDER BY ALL
"""
CONSERVATION = """
SELECT model, kind, source, sum(received), sum(used) + sum(late_used), sum(duplicate), sum(invalid),
    sum(unmatched) + sum(pending)
FROM conservation_rows FINAL GROUP BY model, kind, source
"""
LATE = """
SELECT model, sum(late_used) FROM conservation_rows FINAL WHERE kind = 'prediction' GROUP BY model
"""
NEWEST = """
SELECT monitor, toUnixTimestamp64Milli(max(pane)), sum(n) FROM panes_rows FINAL
WHERE segment_key = '' AND n > 0 GROUP BY monitor
"""

_LONG = {"max_memory_usage": 6_000_000_000, "max_bytes_before_external_group_by": 500_000_000}
"""A long run has millions of rows, of which the queries above keep all."""

Key = tuple[object, ...]


@dataclass(slots=True)
class Outcome:
    """What is stored.

    Attributes
    ----------
    panes
        Numbers by what they are of: whole numbers and floats, zeros alone left out.
    incidents
        Model, monitor, kind, level, features; since, opened and closed in epoch milliseconds, 0 for never.
    fates
        Events by kind and fate.
    predictions, labels, letters
        Places of raw rows and dead letters, as often as they are stored.
    rows
        Predictions counted in panes, by monitor.
    late
        Predictions that came after their pane was sealed, by model.
    """

    panes: dict[Key, tuple[object, ...]] = field(default_factory=dict)
    incidents: list[tuple[object, ...]] = field(default_factory=list)
    fates: dict[Kind, Due] = field(default_factory=dict)
    predictions: list[Place] = field(default_factory=list)
    labels: list[Place] = field(default_factory=list)
    letters: list[Place] = field(default_factory=list)
    rows: dict[str, int] = field(default_factory=dict)
    late: dict[str, int] = field(default_factory=dict)


def outcome(settings: Settings) -> Outcome:
    """Read all of it."""
    client = connect(settings.clickhouse)
    try:
        return Outcome(
            panes=_panes(client),
            incidents=[tuple(map(_plain, row)) for row in client.query(INCIDENTS).result_rows],
            fates={(row[0], row[1], row[2]): Due(*row[3:]) for row in client.query(CONSERVATION).result_rows},
            predictions=_places(client, "prediction_rows"),
            labels=_places(client, "label_rows"),
            letters=_letters(client),
            rows={monitor: rows for monitor, _, rows in client.query(NEWEST).result_rows},
            late={row[0]: row[1] for row in client.query(LATE).result_rows},
        )
    finally:
        client.close()


def newest_panes(settings: Settings) -> Mapping[str, int]:
    """Return the start of the newest pane with rows, by monitor."""
    client = connect(settings.clickhouse)
    try:
        return {monitor: pane for monitor, pane, _ in client.query(NEWEST).result_rows}
    finally:
        client.close()


def _panes(client: Client) -> dict[Key, tuple[object, ...]]:
    found: dict[Key, tuple[object, ...]] = {}
    for table, sql, width in (("pane", PANES, 6), ("feature", FEATURES, 7), ("metric", METRICS, 7)):
        for row in client.query(sql, settings=_LONG).result_rows:
            numbers = tuple(map(_plain, row[width:]))
            if any(numbers):
                found[(table, *row[:width])] = numbers
    return found


def _plain(cell: object) -> object:
    """Return a cell that compares: maps as sorted pairs without zeros, arrays as tuples."""
    if isinstance(cell, dict):
        return tuple(sorted((key, n) for key, n in cell.items() if n))
    return tuple(cell) if isinstance(cell, list | tuple) else cell


def _places(client: Client, table: str) -> list[Place]:
    sql = f"SELECT topic, partition, place FROM {table} FINAL"
    return [(row[0], row[1], row[2]) for row in client.query(sql).result_rows]


def _letters(client: Client) -> list[Place]:
    sql = "SELECT topic, partition, offset * 65536 + line FROM dead_letter_rows FINAL"
    return [(row[0], row[1], row[2]) for row in client.query(sql).result_rows]
