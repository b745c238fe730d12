"""Partitions that have fallen silent: their missing marks hold all panes open, which somebody must know.

Silence is measured by the log clock of `partials` while it goes on: a gap counts for LONGEST_GAP_MS at most, so that an
outage of everybody accuses nobody, and neither does catching up after one.
"""

from __future__ import annotations

from stream.folds.decide.emit import Emit
from stream.folds.decide.incidents import PAGE, close, open_incident, open_of, tell
from stream.folds.decide.state import Hearing, Loop
from stream.folds.decide.words import instant
from stream.folds.monitor import Monitor

SILENT_MS = 60_000
"""A ledger partition without a message for so long, while others speak, is silent."""

LONGEST_GAP_MS = 5_000


def hear(hearing: Hearing, partition: int, append_ms: int) -> None:
    """Note that a partition has spoken at `append_ms`."""
    if hearing.last_ms:
        hearing.active_ms += min(max(append_ms - hearing.last_ms, 0), LONGEST_GAP_MS)
    hearing.last_ms = max(hearing.last_ms, append_ms)
    hearing.heard_ms[partition] = hearing.active_ms


def silent_partitions(hearing: Hearing, partitions: int) -> list[int]:
    """Return the ledger partitions that have been silent while others spoke."""
    return [p for p in range(partitions) if hearing.active_ms - hearing.heard_ms.get(p, 0) > SILENT_MS]


def watch(loop: Loop, monitor: Monitor, silent: list[int], emit: Emit) -> None:
    """Open an incident while a partition is silent, and close it when all are heard again; by the log clock."""
    incidents = open_of(loop, monitor, "pipeline")
    if silent and not incidents:
        names = ", ".join(map(str, silent))
        since_ms = emit.known_ms - SILENT_MS
        what = "partition" if len(silent) == 1 else "partitions"
        title = f"ledger {what} {names} sent no marks since {instant(since_ms)}: panes of {monitor.model} stay open"
        incident = open_incident(loop, monitor, "pipeline", PAGE, title, [], since_ms, emit.known_ms)
        tell(monitor, incident, "open", title, {"next": "look at the workers of measure: streamgauge status"}, emit)
    elif incidents and not silent:
        close(loop, monitor, incidents[0], emit.known_ms, "all partitions send marks again", emit)
