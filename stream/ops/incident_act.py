"""What a person does with an incident: say whether it was real, or end it. Both are commands in the log."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from streamgauge.durations import format_duration

from detectors.panel.panel import MIN_PANES, WANTED_PANES
from stream.errors import StreamgaugeError
from stream.folds.decide.incidents import short_id
from stream.ops import explain_reads as reads
from stream.ops.controls import publish
from stream.ops.explain import spec_of
from stream.ops.explain_reads import Row
from stream.ops.reference_sources import InRange
from stream.ops.trace_panes import number, when

if TYPE_CHECKING:
    from clickhouse_connect.driver.client import Client
    from streamgauge.spec import MonitorSpec

    from stream.settings import Settings

_BUDGET = """
SELECT
    model, monitor, budget_d, exposure_d, allowed, pages, real, not_worth, false_pages, unanswered, warnings, rate,
    rate_lo, rate_hi
FROM budget WHERE {model:String} = '' OR model = {model:String} ORDER BY model, monitor
"""
_PANES_SINCE = """
SELECT uniqExact(pane) AS panes, toUnixTimestamp64Milli(max(pane)) AS last_ms FROM panes_rows FINAL
WHERE lineage = {lineage:String} AND segment_key = '' AND arrival = pane AND n > 0
  AND pane >= fromUnixTimestamp64Milli({since_ms:Int64})
"""


class ActionError(StreamgaugeError):
    """What was asked for cannot be done with this incident."""


def budgets(client: Client, model: str = "") -> list[Row]:
    """Return the false pages that there were beside those allowed, by monitor."""
    return reads.query(client, _BUDGET, model=model)


def feedback(settings: Settings, incident: Row, answer: str, note: str, who: str) -> dict[str, object]:
    """Publish whether an incident was real; the newest answer counts. Returns the command."""
    return _publish(settings, incident, "feedback", {"answer": answer, "note": note}, who)


def resolve(settings: Settings, incident: Row, how: str, note: str, who: str) -> dict[str, object]:
    """Publish that an incident ends: evidence begins anew. Returns the command.

    Raises
    ------
    ActionError
        If it is closed.
    """
    if not incident["is_open"]:
        raise ActionError(f"{incident['id']} is closed since {when(number(incident['closed_ms']))}")
    return _publish(settings, incident, "resolve", {"how": how, "note": note}, who)


def new_normal(client: Client, incident: Row) -> InRange:
    """Return the rows from an incident's onset to the newest final pane, as those of a reference.

    Raises
    ------
    ActionError
        If there are too few panes; the sentence says when there will be enough.
    """
    spec = spec_of(client, str(incident["lineage"]))
    since_ms = number(incident["since_ms"])
    [found] = reads.query(client, _PANES_SINCE, lineage=incident["lineage"], since_ms=since_ms)
    panes = number(found["panes"])
    if panes < MIN_PANES:
        raise ActionError(_too_few(spec, since_ms, panes))
    return InRange(since_ms, number(found["last_ms"]) + spec.pane_ms)


def _too_few(spec: MonitorSpec, since_ms: int, panes: int) -> str:
    ready = when(since_ms + MIN_PANES * spec.pane_ms)
    have = f"{panes} panes of {format_duration(spec.pane_ms)} since {when(since_ms)}"
    return (
        f"{have}: too few for a reference, {MIN_PANES} needed, {WANTED_PANES} wanted; there are enough "
        f"from {ready} on (event time)"
    )


def _publish(settings: Settings, incident: Row, command: str, args: dict[str, object], who: str) -> dict[str, object]:
    now_ms = time.time_ns() // 1_000_000
    record: dict[str, object] = {
        "id": f"{command}-{short_id(incident['id'], now_ms, who)}",
        "command": command,
        "model": incident["model"],
        "who": who,
        "at_ms": now_ms,
        "args": {"incident": incident["id"], **args},
    }
    publish(settings, "commands", str(incident["model"]), record)
    return record
