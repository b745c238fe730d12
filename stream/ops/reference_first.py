"""The first final panes of a monitor without a reference: how many are there, and from when to when they are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec
from streamgauge.durations import format_duration
from streamgauge.spec import MonitorSpec

from stream.clickhouse.read import has_stored
from stream.folds.monitor import SpecRecord, monitor_of
from stream.references.errors import ReferenceError
from stream.references.times import moment

if TYPE_CHECKING:
    from clickhouse_connect.driver.client import Client

# Rows that came in time: an arrival that is the pane itself. `merged` names the positions that made a pane final.
_PANES = """
SELECT toUnixTimestamp64Milli(pane) AS pane_ms, groupArrayArray(arrayMap(place -> [place.1, place.2], merged)) AS places
FROM panes_rows FINAL
WHERE lineage = {lineage:String} AND segment_key = '' AND arrival = pane AND n > 0
GROUP BY pane ORDER BY pane LIMIT {panes:UInt32}
"""

# Live ones without a reference, the newest first; a lineage with a row in replay_rows is a shadow.
_LINEAGES = """
SELECT lineage, spec FROM lineages_rows FINAL
WHERE monitor = {monitor:String} AND reference = '' AND lineage NOT IN (SELECT lineage FROM replay_rows)
ORDER BY known DESC, position DESC
"""


class NotYetError(ReferenceError):
    """The panes are not there yet; they will come by themselves."""


@dataclass(frozen=True, slots=True)
class First:
    """First final panes.

    Attributes
    ----------
    starts_ms
        When they begin, rising; at most as many as were asked for.
    merged
        The highest ledger position that is in any of them, by partition.
    """

    starts_ms: tuple[int, ...]
    merged: Mapping[int, int]


def first_panes(client: Client, spec: MonitorSpec, panes: int) -> tuple[int, int]:
    """Return the span ``[from_ms, to_ms)`` of the first final panes with rows, measured as the spec says.

    Raises
    ------
    NotYetError
        If there are fewer, with how many, and when the rest may be expected; or if their rows are still on the way
        into ClickHouse.
    """
    found = first_final(client, spec, panes)
    if len(found.starts_ms) < panes:
        raise NotYetError(_too_few(spec, found.starts_ms, panes))
    if not has_stored(client, found.merged):
        raise NotYetError(f"{panes} panes are final, but not all their rows are in ClickHouse: try again in a minute")
    return found.starts_ms[0], found.starts_ms[-1] + spec.pane_ms


def first_final(client: Client, spec: MonitorSpec, panes: int) -> First:
    """Return the first final panes of the newest lineage that has no reference and measures what the spec says."""
    lineage = _lineage(client, spec)
    rows = client.query(_PANES, parameters={"lineage": lineage, "panes": panes}).result_rows if lineage else []
    merged: dict[int, int] = {}
    for _, places in rows:
        for partition, position in places:
            merged[partition] = max(position, merged.get(partition, position))
    return First(tuple(int(start) for start, _ in rows), merged)


def _lineage(client: Client, spec: MonitorSpec) -> str:
    wanted = _measure_of(spec.monitor, spec.to_values())
    for lineage, document in client.query(_LINEAGES, parameters={"monitor": spec.monitor}).result_rows:
        if _measure_of(spec.monitor, msgspec.json.decode(document)) == wanted:
            return str(lineage)
    return ""


def _measure_of(monitor: str, document: dict[str, object]) -> str:
    """Return what a spec measures without a reference, whatever its ledger."""
    return monitor_of(msgspec.json.encode(SpecRecord(monitor, 0, document))).lineage


def _too_few(spec: MonitorSpec, starts_ms: tuple[int, ...], panes: int) -> str:
    pane, lateness = format_duration(spec.pane_ms), format_duration(spec.lateness_ms)
    if not starts_ms:
        return f"none of the first {panes} panes is final: one is at its end ({pane}), plus the lateness ({lateness})"
    # As often as panes had rows so far.
    step_ms = (starts_ms[-1] - starts_ms[0]) / (len(starts_ms) - 1) if len(starts_ms) > 1 else spec.pane_ms
    last_ms = starts_ms[-1] + (panes - len(starts_ms)) * step_ms
    ready_ms = int(last_ms) // spec.pane_ms * spec.pane_ms + spec.pane_ms + spec.lateness_ms
    return (
        f"{len(starts_ms)} of the first {panes} panes are final; the rest is expected with rows of {moment(ready_ms)} "
        "(event time)"
    )
