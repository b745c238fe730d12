"""What ClickHouse holds about verdicts and incidents, for one who asks why: the newest of each row, times in ms."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from clickhouse_connect.driver.client import Client

Row = dict[str, object]

_VERDICT = """
    id, model, lineage, monitor, toUnixTimestamp64Milli(pane) AS pane_ms, segment_key, segment_value, target, kind,
    scale AS window_s, status, statistic, threshold, p, n, n_eff, evidence_days, budget_days, effect, effect_name,
    floor, lo, hi, reason, toUnixTimestamp64Milli(known) AS known_ms
"""
_BY_ID = f"SELECT {_VERDICT} FROM verdicts WHERE startsWith(id, {{id:String}}) ORDER BY id LIMIT 2"  # noqa: S608
# What river's detectors say, kind 'river:NAME', informs: it must not stand before what was decided.
_OF_TARGET = f"""
SELECT {_VERDICT} FROM verdicts
WHERE model = {{model:String}} AND (target = {{target:String}} OR kind = {{target:String}})
  AND (kind NOT LIKE 'river:%' OR {{target:String}} LIKE 'river:%')
  AND pane <= fromUnixTimestamp64Milli({{at_ms:Int64}})
ORDER BY pane DESC, segment_key != '', segment_value, id LIMIT {{most:UInt32}}
"""  # noqa: S608 - the columns are written above
# Of features within groups only alarms are told: the newest of them may be long over.
_NEWEST = f"""
SELECT {_VERDICT} FROM verdicts
WHERE model = {{model:String}} AND pane <= fromUnixTimestamp64Milli({{at_ms:Int64}}) AND status != 'fault'
  AND kind NOT LIKE 'river:%' AND NOT (kind = 'drift' AND segment_key != '')
ORDER BY pane DESC, id LIMIT 1 BY target, kind, segment_key, segment_value
"""  # noqa: S608
_INCIDENT = """
    id, model, lineage, monitor, kind, level, title, features, toUnixTimestamp64Milli(opened) AS opened_ms,
    ifNull(toUnixTimestamp64Milli(closed), 0) AS closed_ms, toUnixTimestamp64Milli(since) AS since_ms, is_open,
    verdicts, evidence_days, budget_days, toUnixTimestamp64Milli(known) AS known_ms
"""
_INCIDENT_BY_ID = f"SELECT {_INCIDENT} FROM incidents WHERE startsWith(id, {{id:String}}) ORDER BY id LIMIT 2"  # noqa: S608
_INCIDENTS = f"""
SELECT {_INCIDENT} FROM incidents
WHERE ({{model:String}} = '' OR model = {{model:String}}) AND (is_open OR {{open:UInt8}} = 0)
ORDER BY is_open DESC, indexOf(['page', 'warn', 'info'], level), opened DESC, id LIMIT {{most:UInt32}}
"""  # noqa: S608
_TOUCHING = f"""
SELECT {_INCIDENT} FROM incidents
WHERE model = {{model:String}} AND monitor = {{monitor:String}}
  AND (has(verdicts, {{id:String}}) OR has(features, {{target:String}}) OR kind = {{kind:String}})
  AND since <= fromUnixTimestamp64Milli({{to_ms:Int64}})
  AND (isNull(closed) OR closed >= fromUnixTimestamp64Milli({{to_ms:Int64}}))
ORDER BY since, id
"""  # noqa: S608
_EVENTS = """
SELECT toUnixTimestamp64Milli(at) AS at_ms, event, level, actor, text FROM incident_events
WHERE model = {model:String} AND id = {id:String} ORDER BY at, event != 'opened', event = 'closed'
"""
_LIVE = """
SELECT lineage, monitor, model, reference, toUnixTimestamp64Milli(start) AS start_ms, spec FROM lineages
WHERE is_live AND ({model:String} = '' OR model = {model:String}) ORDER BY monitor
"""
_LINEAGE = """
SELECT lineage, monitor, model, reference, toUnixTimestamp64Milli(start) AS start_ms, spec FROM all_lineages
WHERE lineage = {lineage:String} LIMIT 1
"""
_FINAL = """
SELECT
    uniqExact(pane) AS panes, sum(n) AS rows, toUnixTimestamp64Milli(min(pane)) AS first_ms,
    toUnixTimestamp64Milli(max(pane)) AS last_ms
FROM panes_rows FINAL WHERE lineage = {lineage:String} AND segment_key = '' AND arrival = pane AND n > 0
"""


def verdict(client: Client, begin: str) -> list[Row]:
    """Return the verdict whose id begins so, or two of several."""
    return query(client, _BY_ID, id=begin)


def verdicts_on(client: Client, model: str, target: str, at_ms: int, most: int) -> list[Row]:
    """Return the newest verdicts on a target (or of a kind) of panes that began at `at_ms` at the latest."""
    return query(client, _OF_TARGET, model=model, target=target, at_ms=at_ms, most=most)


def newest_verdicts(client: Client, model: str, at_ms: int) -> list[Row]:
    """Return the newest verdict on each target of a model, of panes that began at `at_ms` at the latest."""
    return query(client, _NEWEST, model=model, at_ms=at_ms)


def incident(client: Client, begin: str) -> list[Row]:
    """Return the incident whose id begins so, or two of several."""
    return query(client, _INCIDENT_BY_ID, id=begin)


def incidents(client: Client, model: str, *, is_open: bool, most: int) -> list[Row]:
    """Return incidents, open ones and pages first; `model` may be empty."""
    return query(client, _INCIDENTS, model=model, open=int(is_open), most=most)


def touching(client: Client, row: Row, to_ms: int) -> list[Row]:
    """Return the incidents that a verdict belongs to: they rest on it, or were open for its target at its end."""
    kind = "" if row["kind"] == "drift" else str(row["kind"])
    named = {name: str(row[name]) for name in ("model", "monitor", "id", "target")}
    return query(client, _TOUCHING, **named, kind=kind, to_ms=to_ms)


def events(client: Client, model: str, an_id: str) -> list[Row]:
    """Return what happened to an incident, in order."""
    return query(client, _EVENTS, model=model, id=an_id)


def live(client: Client, model: str) -> list[Row]:
    """Return the newest lineage of each monitor of a model; of all models for an empty name."""
    return query(client, _LIVE, model=model)


def lineage(client: Client, name: str) -> Row | None:
    """Return a lineage, or None."""
    found = query(client, _LINEAGE, lineage=name)
    return found[0] if found else None


def finals(client: Client, name: str) -> Row:
    """Return how many final panes with rows a lineage has, how many rows, and the first and the last of them."""
    return query(client, _FINAL, lineage=name)[0]


def query(client: Client, sql: str, **parameters: object) -> list[Row]:
    """Return the answer to `sql`, a dictionary for each row."""
    result = client.query(sql, parameters=parameters)
    return [dict(zip(result.column_names, row, strict=True)) for row in result.result_rows]
