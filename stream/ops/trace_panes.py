"""The panes that a prediction belongs to, and whether they hold it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, cast

from streamgauge.spec import MonitorSpec

from stream.ops import trace_reads as reads
from stream.ops.trace_reads import Row
from stream.ops.trace_words import pane_words

if TYPE_CHECKING:
    from clickhouse_connect.driver.client import Client


@dataclass(frozen=True, slots=True)
class Pane:
    """The pane of a prediction for one monitor.

    Attributes
    ----------
    state
        ``open``, ``final``, ``late`` (final, the row counted in a later arrival), ``before`` (the lineage began later).
    counted_ms
        Arrival that holds the row, epoch milliseconds; 0 while none does.
    is_mature
        Whether its labels are judged.
    """

    model: str
    monitor: str
    lineage: str
    model_version: str
    start_ms: int
    length_s: int
    state: str
    counted_ms: int
    rows: int
    labels: int
    is_mature: bool
    sentence: str
    next: str


def panes_of(client: Client, row: Row) -> Iterator[Pane]:
    """Yield the pane of a prediction for each monitor of its model."""
    for lineage in reads.lineages(client, str(row["model"]), number(row["event_ms"])):
        length_s = number(lineage["pane_s"]) or _pane_s(str(lineage["spec"]))
        start_ms = number(row["event_ms"]) // (length_s * 1_000) * length_s * 1_000
        yield _pane(client, row, lineage, start_ms, length_s)


def _pane_s(spec: str) -> int:
    return MonitorSpec.model_validate(json.loads(spec)).pane_ms // 1_000


def _pane(client: Client, row: Row, lineage: Row, start_ms: int, length_s: int) -> Pane:
    name = str(lineage["lineage"])
    arrivals = reads.panes(client, name, start_ms)
    mine = [arrival for arrival in arrivals if arrival["model_version"] == row["model_version"]]
    place = (number(row[name]) for name in ("ledger_partition", "ledger_position", "arrival_ms"))
    counted_ms = counted_in(mine, *place)
    if start_ms + length_s * 1_000 <= number(lineage["start_ms"]):
        state = "before"
    elif not arrivals:
        state = "open"
    else:
        state = "final" if counted_ms == start_ms else "late"
    mature = reads.maturity(client, name, start_ms)
    rows, labels = sum(number(a["n"]) for a in mine), sum(number(a["labels"]) for a in mine)
    known_ms = min((number(a["known_ms"]) for a in arrivals), default=0)
    is_mature = bool(mature["is_mature"])
    counted = when(counted_ms) if counted_ms else ""
    words = pane_words(state, when(start_ms), length_s, counted, when(known_ms), is_mature)
    return Pane(
        str(row["model"]), str(lineage["monitor"]), name, str(row["model_version"]), start_ms, length_s, state,
        counted_ms, rows, labels, is_mature, *words,
    )  # fmt: skip


def counted_in(arrivals: Sequence[Row], partition: int, position: int, stored_ms: int) -> int:
    """Return the arrival that holds a row of the ledger, epoch milliseconds; 0 if none does yet.

    An arrival names where each key that it merged was opened, and was computed at an instant of the log clock. A key is
    sealed before the next one of its pane opens, so a row is in the newest that was opened at its position or before,
    and never in one that was computed before the ledger had it.

    >>> first = {"arrival_ms": 1, "known_ms": 60, "merged": [(0, 5)]}
    >>> amendment = {"arrival_ms": 2, "known_ms": 90, "merged": [(0, 9), (1, 3)]}
    >>> [counted_in([first, amendment], 0, *row) for row in ((4, 40), (6, 50), (12, 70))]
    [0, 1, 2]
    >>> counted_in([first], 0, 12, 70)
    0
    """
    opened = [
        (at, number(arrival["arrival_ms"]))
        for arrival in arrivals
        for p, at in cast("Sequence[tuple[int, int]]", arrival["merged"])
        if p == partition and at <= position and stored_ms <= number(arrival["known_ms"])
    ]
    return max(opened, default=(0, 0))[1]


def when(at_ms: int) -> str:
    """Return an instant for people, UTC.

    >>> when(1_357_002_000_000)
    '2013-01-01 01:00:00Z'
    """
    return datetime.fromtimestamp(at_ms / 1_000, UTC).strftime("%Y-%m-%d %H:%M:%SZ")


def number(value: object) -> int:
    """Return a cell of an integer column."""
    return int(cast("int", value))
