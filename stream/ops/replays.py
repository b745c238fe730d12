"""What ClickHouse knows of replays: one row for each shadow lineage, there before any of its results."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from clickhouse_connect.driver.client import Client

State = Literal["running", "stopped", "done"]
Ranges = dict[int, tuple[int, int]]
"""Positions from which and before which records are read, by ledger partition."""


@dataclass(frozen=True, slots=True)
class Replay:
    """A replay and how far it is; times in epoch milliseconds.

    Attributes
    ----------
    lineage
        The shadow lineage that it computes.
    replay, request
        Hash of all that defines its result; hash of what was asked for, before positions were known.
    state
        ``running`` (or killed), ``stopped`` in good order, or ``done``.
    who
        Who asked for it.
    rows
        Predictions and labels of the model that it has read.
    from_ms, to_ms
        Event time that its panes cover, ``[from_ms, to_ms)``; 0 before there is one.
    """

    lineage: str
    replay: str
    request: str
    monitor: str
    model: str
    state: str
    who: str
    began_ms: int
    ranges: Ranges
    rows: int = 0
    from_ms: int = 0
    to_ms: int = 0


_FIELDS = Replay.__dataclass_fields__
_INSERT = """
INSERT INTO replay_rows
SELECT
    {lineage:String}, {replay:String}, {request:String}, {monitor:String}, {model:String}, {state:String}, {who:String},
    fromUnixTimestamp64Milli({began:Int64}),
    arrayZip({partitions:Array(Int64)}, {firsts:Array(Int64)}, {ends:Array(Int64)}), {rows:Int64},
    fromUnixTimestamp64Milli({from:Int64}), fromUnixTimestamp64Milli({to:Int64}), fromUnixTimestamp64Milli({now:Int64})
"""

_UNFINISHED = """
SELECT
    lineage, replay, request, monitor, model, state, who, toUnixTimestamp64Milli(began),
    arrayMap(it -> (it.1, it.2, it.3), positions), rows, toUnixTimestamp64Milli(`from`), toUnixTimestamp64Milli(`to`)
FROM replay_rows FINAL WHERE request = {request:String} AND state != 'done' ORDER BY began DESC LIMIT 1
"""


SILENT_MS = 60_000
"""A replay that is running says so every few seconds; one that is silent for so long was killed."""

_RUNNING = """
SELECT count() FROM replay_rows FINAL
WHERE lineage = {lineage:String} AND state = 'running' AND changed > fromUnixTimestamp64Milli({since:Int64})
"""


def running(client: Client, lineage: str) -> bool:
    """Say whether the replay of a lineage runs now."""
    since = time.time_ns() // 1_000_000 - SILENT_MS
    found = client.query(_RUNNING, parameters={"lineage": lineage, "since": since}).result_rows
    return bool(found[0][0])


def note(client: Client, replay: Replay) -> None:
    """Write down how far a replay is; the newest row counts."""
    ranges = sorted(replay.ranges.items())
    parameters = {
        "lineage": replay.lineage, "replay": replay.replay, "request": replay.request, "monitor": replay.monitor,
        "model": replay.model, "state": replay.state, "who": replay.who, "began": replay.began_ms,
        "partitions": [p for p, _ in ranges], "firsts": [first for _, (first, _) in ranges],
        "ends": [end for _, (_, end) in ranges], "rows": replay.rows, "from": replay.from_ms, "to": replay.to_ms,
        "now": time.time_ns() // 1_000_000,
    }  # fmt: skip
    client.command(_INSERT, parameters=parameters, settings={"async_insert": 0})


def unfinished(client: Client, request: str) -> Replay | None:
    """Return the newest replay of a request that has not come to its end, or None."""
    found = client.query(_UNFINISHED, parameters={"request": request}).result_rows
    if not found:
        return None
    newest = dict(zip(_FIELDS, found[0], strict=True))
    ranges = {partition: (first, end) for partition, first, end in newest["ranges"]}
    return Replay(**(newest | {"ranges": ranges}))
