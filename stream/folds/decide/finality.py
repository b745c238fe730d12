"""Which panes are final: those that every ledger partition has passed (DESIGN section 3, rules 6 and 7)."""

from __future__ import annotations

from stream.folds.decide.state import LineageState
from stream.folds.monitor import Monitor
from stream.folds.partials import Partial

NEVER = -(1 << 62)
MAX_EMPTY = 1_000


def arrive(lineage: LineageState, partition: int, partial: Partial) -> None:
    """Put sums where they will be merged: with their own pane, or late with the pane after the newest final one."""
    if lineage.newest_final is not None and partial.pane_ms <= lineage.newest_final:
        lineage.late.append((partition, partial))
    else:
        lineage.waiting.setdefault(partial.pane_ms, []).append((partition, partial))


def next_final(lineage: LineageState, monitor: Monitor, clocks: dict[int, int], partitions: int) -> int | None:
    """Return the pane that is final next, or None. Panes become final in order, empty ones too.

    More than MAX_EMPTY empty panes in a row are passed over.
    """
    if len(lineage.standing) < partitions:
        return None
    candidate = _candidate(lineage, monitor)
    if candidate is None or candidate + monitor.pane_ms > _passed_ms(lineage, monitor, clocks):
        return None
    return candidate


def _candidate(lineage: LineageState, monitor: Monitor) -> int | None:
    earliest = min(lineage.waiting, default=None)
    if lineage.newest_final is None:
        return earliest
    following = lineage.newest_final + monitor.pane_ms
    if earliest is not None:
        return earliest if (earliest - following) // monitor.pane_ms > MAX_EMPTY else following
    # Nothing waits: go on only for a pane that live partitions have passed, or to let late sums in.
    return following if lineage.late or not _all_idle(lineage) else None


def _passed_ms(lineage: LineageState, monitor: Monitor, clocks: dict[int, int]) -> int:
    """Return the event time that all partitions have passed; idle ones count only if all are, by the log clock."""
    active = [s.watermark_ms for s in lineage.standing.values() if not s.idle]
    if active:
        return min(active)
    return min(clocks.values(), default=NEVER) - monitor.lateness_ms - monitor.idle_ms


def _all_idle(lineage: LineageState) -> bool:
    return all(s.idle for s in lineage.standing.values())


def start_ms(lineage: LineageState) -> int:
    """Return where the lineage has begun in every partition: panes before it are `learning`."""
    return max((s.start_ms for s in lineage.standing.values()), default=0)
